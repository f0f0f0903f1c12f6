/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "facet-bench.h"

enum { NODES_MAX = 1 << 20 };

void trace_done(struct trace *t)
{
	for (size_t i = 0; t->names && i < t->requests_n; i++)
		free(t->names[i]);
	free(t->names);
	free(t->nodes);
	free(t->shapes);
	free(t->requests);
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the trace");
}

bool trace_grow(void *list, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 1024;
	void **at = list, *grown;

	while (n < need)
		n *= 2;
	grown = n == *room ? *at : reallocarray(*at, n, size);
	if (!grown)
		return false;
	*at = grown;
	*room = n;
	return true;
}

static int model_number(struct trace *t, const struct csv *csv, size_t column, const char *name,
			uint8_t *ret, struct error *err)
{
	size_t i = 0;

	while (i < t->models_n && strcmp(t->models[i], name) != 0)
		i++;
	if (i == 64 || !name[0] || strlen(name) >= sizeof(t->models[0]))
		return csv_wrong(csv, column, err, "'%.40s' is no model, or there are over 64",
				 name);
	if (i == t->models_n)
		TEXT_COPY(t->models[t->models_n++], name);
	*ret = (uint8_t)i;
	return 0;
}

enum { NODE_CPU, NODE_RAM, NODE_GPUS, NODE_MODEL };
static const struct csv_column node_columns[] = {
	{ "cpu_milli" }, { "memory_mib" }, { "gpu" }, { "model" }
};

static int read_node(struct trace *t, const struct csv *csv, struct error *err)
{
	int64_t cpu = 0, ram = 0, gpus = 0;
	struct trace_node n = { 0 };
	int r = csv_integer(csv, NODE_CPU, 0, INT32_MAX, &cpu, err);

	if (r == 0)
		r = csv_integer(csv, NODE_RAM, 0, INT32_MAX, &ram, err);
	if (r == 0)
		r = csv_integer(csv, NODE_GPUS, 0, ENGINE_HOST_GPUS_MAX, &gpus, err);
	if (r == 0 && gpus > 0)
		r = model_number(t, csv, NODE_MODEL, csv->fields[NODE_MODEL], &n.model, err);
	if (r < 0 || gpus == 0)
		return r;
	if (t->nodes_n == NODES_MAX)
		return csv_wrong(csv, NODE_GPUS, err, "more than %d nodes", NODES_MAX);
	if (!trace_grow(&t->nodes, &t->nodes_room, t->nodes_n + 1, sizeof(*t->nodes)))
		return no_memory(err);
	n.cpu = (uint32_t)cpu;
	n.ram = (uint32_t)ram;
	n.gpus = (uint8_t)gpus;
	t->milli += 1000u * (uint64_t)gpus;
	t->nodes[t->nodes_n++] = n;
	return 0;
}

static int read_nodes(struct trace *t, const char *file, struct error *err)
{
	cleanup(cleanup_free) char *text = NULL;
	struct csv csv;
	int r = bench_read(file, &text, err);

	if (r == 0)
		r = csv_begin(&csv, file, text, node_columns, 4, err);
	if (r < 0)
		return r;
	while ((r = csv_next(&csv, err)) > 0) {
		r = read_node(t, &csv, err);
		if (r < 0)
			return r;
	}
	if (r == 0 && t->nodes_n == 0)
		return error_set(err, ERR_INVALID, "%s: no node has a GPU", file);
	return r;
}

enum { POD_NAME, POD_CPU, POD_RAM, POD_COUNT, POD_MILLI, POD_MODELS };
static const struct csv_column pod_columns[] = {
	{ "name" }, { "cpu_milli" }, { "memory_mib" }, { "num_gpu" }, { "gpu_milli" },
	{ "gpu_spec", true }
};

static int read_models(struct trace *t, const struct csv *csv, uint64_t *ret, struct error *err)
{
	char *rest = csv->fields[POD_MODELS], *name;
	uint8_t model = 0;
	int r = 0;

	while (r == 0 && (name = strsep(&rest, "|")))
		if (name[0]) {
			r = model_number(t, csv, POD_MODELS, name, &model, err);
			*ret |= 1ull << model;
		}
	return r;
}

static int read_shape(struct trace *t, const struct csv *csv, struct trace_shape *s,
		      struct error *err)
{
	int64_t cpu = 0, ram = 0, count = 0, milli = 0;
	int r = csv_integer(csv, POD_CPU, 0, INT32_MAX, &cpu, err);

	if (r == 0)
		r = csv_integer(csv, POD_RAM, 0, INT32_MAX, &ram, err);
	if (r == 0)
		r = csv_integer(csv, POD_COUNT, 0, ENGINE_COUNT_MAX, &count, err);
	if (r == 0 && count > 0)
		r = csv_integer(csv, POD_MILLI, 1, 1000, &milli, err);
	if (r == 0)
		r = read_models(t, csv, &s->models, err);
	s->cpu = (uint32_t)cpu;
	s->ram = (uint32_t)ram;
	s->count = (uint32_t)count;
	s->milli = (uint32_t)(count > 1 ? 1000 : milli);
	return r;
}

static int keep_size(struct trace *t, const struct csv *csv, uint16_t milli, struct error *err)
{
	for (size_t i = 0; i < t->sizes_n; i++)
		if (t->sizes[i] == milli)
			return 0;
	if (t->sizes_n == KIND_ITEMS_MAX)
		return csv_wrong(csv, POD_MILLI, err, "more than %d different sizes",
				 KIND_ITEMS_MAX);
	t->sizes[t->sizes_n++] = milli;
	return 0;
}

static int find_shape(struct trace *t, const struct trace_shape *s, uint32_t *ret,
		      struct error *err)
{
	struct trace_shape *grown;

	for (size_t i = 0; i < t->shapes_n; i++) {
		const struct trace_shape *x = &t->shapes[i];

		if (x->cpu == s->cpu && x->ram == s->ram && x->milli == s->milli &&
		    x->count == s->count && x->models == s->models) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	if (t->shapes_n == ENGINE_DEMANDS_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d different requests",
				 ENGINE_DEMANDS_MAX);
	grown = reallocarray(t->shapes, t->shapes_n + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	t->shapes = grown;
	grown[t->shapes_n] = *s;
	*ret = (uint32_t)t->shapes_n++;
	return 0;
}

static int read_request(struct trace *t, const struct csv *csv, struct error *err)
{
	size_t names_room = t->requests_room;
	struct trace_shape s = { 0 };
	uint32_t shape = 0;
	int r = read_shape(t, csv, &s, err);

	if (r == 0 && s.count > 0)
		r = keep_size(t, csv, (uint16_t)s.milli, err);
	if (r == 0)
		r = find_shape(t, &s, &shape, err);
	if (r < 0)
		return r;
	if (!trace_grow(&t->names, &names_room, t->requests_n + 1, sizeof(*t->names)) ||
	    !trace_grow(&t->requests, &t->requests_room, t->requests_n + 1,
			sizeof(*t->requests)))
		return no_memory(err);
	t->names[t->requests_n] = strdup(csv->fields[POD_NAME]);
	if (!t->names[t->requests_n])
		return no_memory(err);
	t->shapes[shape].seen++;
	t->requests[t->requests_n++] = shape;
	return 0;
}

static int by_name(const void *a, const void *b, void *names)
{
	char **list = names;

	return strcmp(list[*(const size_t *)a], list[*(const size_t *)b]);
}

static int sort_requests(struct trace *t, struct error *err)
{
	cleanup(cleanup_free) size_t *order = calloc(t->requests_n + 1, sizeof(*order));
	cleanup(cleanup_free) uint32_t *old = calloc(t->requests_n + 1, sizeof(*old));

	if (!order || !old)
		return no_memory(err);
	for (size_t i = 0; i < t->requests_n; i++) {
		order[i] = i;
		old[i] = t->requests[i];
	}
	qsort_r(order, t->requests_n, sizeof(*order), by_name, t->names);
	for (size_t i = 0; i < t->requests_n; i++)
		t->requests[i] = old[order[i]];
	return 0;
}

static int by_size(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int read_requests(struct trace *t, const char *file, struct error *err)
{
	cleanup(cleanup_free) char *text = NULL;
	struct csv csv;
	bool gpus = false;
	int r = bench_read(file, &text, err);

	if (r == 0)
		r = csv_begin(&csv, file, text, pod_columns, 6, err);
	if (r < 0)
		return r;
	while ((r = csv_next(&csv, err)) > 0) {
		r = read_request(t, &csv, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < t->shapes_n; i++)
		gpus = gpus || t->shapes[i].count > 0;
	if (r == 0 && !gpus)
		return error_set(err, ERR_INVALID, "%s: no request is for a GPU", file);
	qsort(t->sizes, t->sizes_n, sizeof(t->sizes[0]), by_size);
	return r == 0 ? sort_requests(t, err) : r;
}

int trace_read(struct trace *t, const char *nodes, const char *requests, struct error *err)
{
	int r = read_nodes(t, nodes, err);

	return r == 0 ? read_requests(t, requests, err) : r;
}
