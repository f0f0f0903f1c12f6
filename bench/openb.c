/* SPDX-License-Identifier: Apache-2.0 */
/* openb.c - the experiment of "Beware of Fragmentation" (USENIX ATC'23), repeated.
 *
 * Requests are shuffled and, drawn with replacement, continued until 1.3 times the GPUs of the
 * cluster have been asked for; nothing departs; what does not fit is dropped.  Hosts are renamed by
 * a random permutation, and equals go to the lowest name.  Reported is the share of all GPUs that
 * is allocated when 80, 90, 95, 100, 110 and 130 % have been asked for, each averaged over the
 * events that round to that percentage.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "facet-bench.h"
#include "placement/engine.h"
#include "placement/policy.h"

enum { NODES_MAX = 1 << 20, POINTS = 6, PERCENT_MAX = 1000 };
static const int points[POINTS] = { 80, 90, 95, 100, 110, 130 };

struct node {
	uint32_t cpu, ram;
	uint8_t gpus, model;
};

/* Requests of one shape. */
struct shape {
	uint32_t cpu, ram, milli, count, seen;
	uint64_t models; /* bits; 0: any */
};

struct trace {
	struct node *nodes;
	size_t nodes_n, nodes_room;
	char models[64][32];
	size_t models_n;
	struct shape *shapes;
	size_t shapes_n;
	uint32_t *requests;   /* shapes, in the order of their names */
	size_t requests_n, requests_room;
	char **names;         /* while the list is read */
	uint16_t sizes[KIND_ITEMS_MAX];
	size_t sizes_n;
	uint64_t milli;       /* of all GPUs */
};

static void trace_done(struct trace *t)
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

/* ---- reading ---- */

static bool grow(void *list, size_t *room, size_t need, size_t size)
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
	struct node n = { 0 };
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
	if (!grow(&t->nodes, &t->nodes_room, t->nodes_n + 1, sizeof(*t->nodes)))
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

static int read_shape(struct trace *t, const struct csv *csv, struct shape *s, struct error *err)
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

static int find_shape(struct trace *t, const struct shape *s, uint32_t *ret, struct error *err)
{
	struct shape *grown;

	for (size_t i = 0; i < t->shapes_n; i++) {
		const struct shape *x = &t->shapes[i];

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
	struct shape s = { 0 };
	uint32_t shape = 0;
	int r = read_shape(t, csv, &s, err);

	if (r == 0 && s.count > 0)
		r = keep_size(t, csv, (uint16_t)s.milli, err);
	if (r == 0)
		r = find_shape(t, &s, &shape, err);
	if (r < 0)
		return r;
	if (!grow(&t->names, &names_room, t->requests_n + 1, sizeof(*t->names)) ||
	    !grow(&t->requests, &t->requests_room, t->requests_n + 1, sizeof(*t->requests)))
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

/* ---- one run ---- */

struct run {
	const struct trace *trace;
	struct luck luck;
	struct engine *engine;
	uint32_t *demands;       /* shape -> demand */
	uint32_t *sequence;
	size_t sequence_n, sequence_room;
	double sum[PERCENT_MAX];
	unsigned int events[PERCENT_MAX];
};

static void run_done(struct run *r)
{
	engine_free(r->engine);
	free(r->demands);
	free(r->sequence);
}

static uint64_t milli_of(const struct trace *t, uint32_t shape)
{
	return (uint64_t)t->shapes[shape].milli * t->shapes[shape].count;
}

static void shuffle(struct run *r, uint32_t *list, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = luck_below(&r->luck, (uint32_t)i);
		uint32_t x = list[i - 1];

		list[i - 1] = list[k];
		list[k] = x;
	}
}

/* Deletes or draws until the next request would pass ARRIVALS times the GPUs. */
static int fit_sequence(struct run *r, double arrivals, struct error *err)
{
	const struct trace *t = r->trace;
	double limit = arrivals * (double)t->milli, sum = 0;
	uint32_t next;
	size_t k;

	for (size_t i = 0; i < r->sequence_n; i++)
		sum += (double)milli_of(t, r->sequence[i]);
	while (sum > limit && r->sequence_n > 0) {
		k = luck_below(&r->luck, (uint32_t)r->sequence_n);
		sum -= (double)milli_of(t, r->sequence[k]);
		memmove(&r->sequence[k], &r->sequence[k + 1],
			(--r->sequence_n - k) * sizeof(*r->sequence));
	}
	for (;;) {
		next = t->requests[luck_below(&r->luck, (uint32_t)t->requests_n)];
		if (sum + (double)milli_of(t, next) > limit)
			return 0;
		if (!grow(&r->sequence, &r->sequence_room, r->sequence_n + 1,
			  sizeof(*r->sequence)))
			return no_memory(err);
		sum += (double)milli_of(t, next);
		r->sequence[r->sequence_n++] = next;
	}
}

static int make_sequence(struct run *r, double arrivals, struct error *err)
{
	const struct trace *t = r->trace;

	if (!grow(&r->sequence, &r->sequence_room, t->requests_n + 1, sizeof(*r->sequence)))
		return no_memory(err);
	memcpy(r->sequence, t->requests, t->requests_n * sizeof(*r->sequence));
	r->sequence_n = t->requests_n;
	shuffle(r, r->sequence, r->sequence_n);
	return fit_sequence(r, arrivals, err);
}

static int add_hosts(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	cleanup(cleanup_free) uint32_t *names = calloc(t->nodes_n, sizeof(*names));
	int ret = names ? 0 : no_memory(err);
	uint32_t number;

	for (size_t i = 0; names && i < t->nodes_n; i++)
		names[i] = (uint32_t)i;
	if (names)
		shuffle(r, names, t->nodes_n);
	for (size_t i = 0; i < t->nodes_n && ret == 0; i++) {
		const struct node *n = &t->nodes[names[i]];
		struct engine_host h = { .cpu_milli = n->cpu, .ram_mib = n->ram,
					 .gpus_n = n->gpus };

		memset(h.kinds, n->model, sizeof(h.kinds));
		ret = engine_add_host(r->engine, &h, &number, err);
	}
	return ret;
}

static uint8_t size_index(const struct trace *t, uint32_t milli)
{
	for (size_t i = 0; i < t->sizes_n; i++)
		if (t->sizes[i] == milli)
			return (uint8_t)i;
	return ITEM_NONE;
}

static int add_demands(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	int ret = 0;

	r->demands = calloc(t->shapes_n, sizeof(*r->demands));
	if (!r->demands)
		return no_memory(err);
	for (size_t i = 0; i < t->shapes_n && ret == 0; i++) {
		const struct shape *s = &t->shapes[i];
		struct engine_demand d = { .cpu_milli = s->cpu, .ram_mib = s->ram,
					   .count = (uint8_t)s->count };

		memset(d.item, ITEM_NONE, sizeof(d.item));
		for (size_t m = 0; s->count && m < t->models_n; m++)
			if (!s->models || (s->models >> m & 1))
				d.item[m] = size_index(t, s->milli);
		ret = engine_demand(r->engine, &d, &r->demands[i], err);
		if (ret == 0)
			engine_expect(r->engine, r->demands[i], s->seen, true);
	}
	return ret;
}

static int make_engine(struct run *r, const struct policy_row *policy, struct error *err)
{
	struct situations *table = situations_new();
	uint8_t kind;
	int ret = table ? 0 : no_memory(err);

	for (size_t m = 0; m < r->trace->models_n && ret == 0; m++)
		ret = situations_add_fluid(table, r->trace->sizes, r->trace->sizes_n, &kind, err);
	if (ret < 0) {
		situations_free(table);
		return ret;
	}
	return engine_new(table, policy, &r->engine, err);
}

static int replay(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	struct engine_rules rules = { 0 };
	struct engine_choice choice;
	uint64_t asked = 0, given = 0;
	size_t percent;

	for (size_t i = 0; i < r->sequence_n; i++) {
		uint32_t shape = r->sequence[i];

		rules.luck = luck_next(&r->luck);
		asked += milli_of(t, shape);
		if (engine_choose(r->engine, r->demands[shape], &rules, &choice)) {
			if (engine_take(r->engine, &choice, err) < 0)
				return -(int)err->kind;
			given += milli_of(t, shape);
		} else {
			engine_missed(r->engine, r->demands[shape]);
		}
		percent = (size_t)(100.0 * (double)asked / (double)t->milli + 0.5);
		if (percent >= PERCENT_MAX)
			continue;
		r->sum[percent] += 100.0 * (double)given / (double)t->milli;
		r->events[percent]++;
	}
	return 0;
}

static int run_once(const struct trace *t, const struct policy_row *policy, uint64_t seed,
		    double arrivals, double ret[POINTS], struct error *err)
{
	cleanup(run_done) struct run r = { .trace = t, .luck = { seed } };
	int e = make_sequence(&r, arrivals, err);

	if (e == 0)
		e = make_engine(&r, policy, err);
	if (e == 0)
		e = add_hosts(&r, err);
	if (e == 0)
		e = add_demands(&r, err);
	if (e == 0)
		e = replay(&r, err);
	if (e < 0)
		return e;
	for (int i = 0; i < POINTS; i++)
		ret[i] = r.events[points[i]] ? r.sum[points[i]] / r.events[points[i]] : NAN;
	return 0;
}

/* ---- the command ---- */

static void print_points(const char *name, const double *x)
{
	printf("\"%s\":{", name);
	for (int i = 0; i < POINTS; i++)
		if (isnan(x[i]))
			printf("%s\"%d\":null", i ? "," : "", points[i]);
		else
			printf("%s\"%d\":%.2f", i ? "," : "", points[i], x[i]);
	printf("}");
}

static void print_summary(const char *workload, const struct policy_row *policy,
			  const char *seeds, double (*runs)[POINTS], size_t n)
{
	double mean[POINTS], sd[POINTS], column[10000];

	for (int p = 0; p < POINTS; p++) {
		for (size_t i = 0; i < n; i++)
			column[i] = runs[i][p];
		mean[p] = bench_spread(column, n).mean;
		sd[p] = bench_spread(column, n).sd;
	}
	printf("{\"workload\":\"%s\",\"policy\":\"%s\",\"seeds\":\"%s\",", workload, policy->name,
	       seeds);
	print_points("mean", mean);
	printf(",");
	print_points("sd", sd);
	printf("}\n");
}

struct options {
	const char *nodes, *requests, *seeds;
	const struct policy_row *policy;
	double arrivals;
};

static int read_options(int argc, char **argv, struct options *o, struct error *err)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "seeds", required_argument, NULL, 's' },
						 { "arrivals", required_argument, NULL, 'a' },
						 { "nodes", required_argument, NULL, 'n' },
						 { "requests", required_argument, NULL, 'r' },
						 { 0 } };
	const char *policy = "fragmentation";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return error_set(err, ERR_INVALID, "see facet-bench --help");
		if (c == 'p')
			policy = optarg;
		else if (c == 's')
			o->seeds = optarg;
		else if (c == 'n')
			o->nodes = optarg;
		else if (c == 'r')
			o->requests = optarg;
		else
			o->arrivals = strtod(optarg, NULL);
	}
	if (!o->nodes && optind < argc)
		o->nodes = argv[optind++];
	if (!o->requests && optind < argc)
		o->requests = argv[optind++];
	o->policy = policy_row(policy);
	if (!o->policy)
		return error_set(err, ERR_INVALID, "there is no policy %s", policy);
	if (!(o->arrivals > 0 && o->arrivals < 9))
		return error_set(err, ERR_INVALID, "--arrivals: a share between 0 and 9");
	if (!o->nodes || !o->requests || optind < argc)
		return error_set(err, ERR_INVALID, "name a node list and a request list");
	return 0;
}

int bench_openb(int argc, char **argv, struct error *err)
{
	struct options o = { .seeds = "42-51", .arrivals = 1.3 };
	cleanup(trace_done) struct trace t = { 0 };
	cleanup(cleanup_free) double(*runs)[POINTS] = NULL;
	char workload[64];
	uint64_t from, to;
	int r = read_options(argc, argv, &o, err);

	if (r == 0)
		r = bench_seeds(o.seeds, &from, &to, err);
	if (r == 0)
		r = read_nodes(&t, o.nodes, err);
	if (r == 0)
		r = read_requests(&t, o.requests, err);
	if (r < 0)
		return r;
	bench_stem(o.requests, workload, sizeof(workload));
	runs = calloc(to - from + 1, sizeof(*runs));
	if (!runs)
		return no_memory(err);
	for (uint64_t seed = from; seed <= to && r == 0; seed++) {
		r = run_once(&t, o.policy, seed, o.arrivals, runs[seed - from], err);
		if (r < 0)
			break;
		printf("{\"workload\":\"%s\",\"policy\":\"%s\",\"seed\":%llu,", workload,
		       o.policy->name, (unsigned long long)seed);
		print_points("allocated", runs[seed - from]);
		printf("}\n");
		fflush(stdout);
	}
	if (r == 0)
		print_summary(workload, o.policy, o.seeds, runs, to - from + 1);
	return r;
}
