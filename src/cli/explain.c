/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain.h"

#include "cli/cell.h"

enum { ROWS_SHOWN = 20 };

static void render_fits(const json_t *candidate, struct text *to)
{
	text_add(to, json_is_true(json_object_get(candidate, "fits")) ? "fits" : "no");
}

static const struct column candidate_columns[] = {
	{ "GPU", "gpu" },
	{ "FITS", .render = render_fits },
	{ "CODE", "code", .wide = true },
	{ "WHY", "text", COLUMN_LONG },
	{ 0 },
};

static const struct column refusal_columns[] = {
	{ "GPU", "gpu" },
	{ "REASON", "code" },
	{ "IN WORDS", "text", COLUMN_LONG },
	{ 0 },
};

static const struct column lease_columns[] = {
	{ "LEASE", "id" },
	{ "GPU", "gpu" },
	{ "STATE", "state", COLUMN_STATE },
	{ "PLACEMENT", "placement", COLUMN_NUMBER },
	{ "WHY", "why", COLUMN_LONG },
	{ 0 },
};

static const struct column group_columns[] = {
	{ "GPU", "gpu" },
	{ "BOARD", "board" },
	{ "MATCHES", "matches", COLUMN_YES },
	{ "POOL", "poolable", COLUMN_YES },
	{ "WHY", "text", COLUMN_LONG },
	{ 0 },
};

/* The first rows of a long list, unless all are asked for. */
static int print_some(const struct table_style *style, const struct column *columns,
		      const json_t *rows, struct error *err)
{
	size_t n = json_array_size(rows);
	json_auto_t *some = json_copy((json_t *)rows);
	int r;

	while (!style->wide && json_array_size(some) > ROWS_SHOWN)
		json_array_remove(some, json_array_size(some) - 1);
	r = table_print(style, columns, some, err);
	if (json_array_size(some) < n)
		fprintf(style->out, "... and %zu more: -o wide shows all\n",
			n - json_array_size(some));
	return r;
}

int explain_refusals(const struct table_style *style, const json_t *refusals, struct error *err)
{
	return print_some(style, refusal_columns, refusals, err);
}

static int print_device(const struct table_style *style, const json_t *device, struct error *err)
{
	const json_t *leases = json_object_get(device, "leases");
	const json_t *candidates = json_object_get(device, "candidates");
	int r = 0;

	fprintf(style->out, "\ndevice %s: %s from group %s\n%s\n", cell_string(device, "device"),
		cell_string(device, "profile"), cell_string(device, "group"),
		cell_string(device, "summary"));
	if (json_array_size(leases) > 0)
		r = print_some(style, lease_columns, leases, err);
	if (r == 0 && json_array_size(candidates) > 0)
		r = print_some(style, candidate_columns, candidates, err);
	return r;
}

/* What it is entitled to, and its turn where it waits. */
static void print_rights(const struct table_style *style, const json_t *body)
{
	const json_t *queue = json_object_get(body, "queue");
	const char *klass = cell_string(body, "priority_class");

	if (!json_object_get(body, "priority"))
		return;
	fprintf(style->out, "priority %" JSON_INTEGER_FORMAT "%s%s, %s, %s\n",
		json_integer_value(json_object_get(body, "priority")), *klass ? " of class " : "",
		klass,
		json_is_true(json_object_get(body, "preempts")) ? "may put off lower ones"
								: "puts off nobody",
		json_is_true(json_object_get(body, "preemptible")) ? "may be put off"
								   : "is never put off");
	if (json_is_object(queue))
		fprintf(style->out, "waits in the queue, position %" JSON_INTEGER_FORMAT ": %s\n",
			json_integer_value(json_object_get(queue, "position")),
			cell_string(queue, "waits_for"));
}

static int print_vm(const struct table_style *style, const json_t *body, struct error *err)
{
	const json_t *devices = json_object_get(body, "devices"), *device;
	const char *reason = cell_string(body, "reason"), *help = cell_string(body, "would_help");
	size_t i;
	int r = 0;

	fprintf(style->out, "vm %s on host %s: %s%s%s\n", cell_string(body, "vm"),
		cell_string(body, "host"), cell_string(body, "state"), *reason ? ", " : "", reason);
	print_rights(style, body);
	if (json_array_size(devices) == 0)
		fprintf(style->out,
			"It asks for no vGPU: facet vm attach %s --group GROUP --profile PROFILE\n",
			cell_string(body, "vm"));
	json_array_foreach(devices, i, device)
		if (r == 0)
			r = print_device(style, device, err);
	if (*help)
		fprintf(style->out, "\n%s\n", help);
	return r;
}

static int print_group(const struct table_style *style, const json_t *body, struct error *err)
{
	const char *filter = cell_string(body, "filter");

	fprintf(style->out, "group %s: %s\n\n", cell_string(body, "group"),
		*filter ? filter : "no filter, every GPU matches");
	return print_some(style, group_columns, json_object_get(body, "gpus"), err);
}

typedef int print_fn(const struct table_style *style, const json_t *body, struct error *err);

static int explain(struct call *c, const char *pattern, print_fn *print, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	cleanup(text_done) struct text path = { 0 };
	struct table_style style = call_style(c);
	int r = call_path(c, pattern, &path, err);

	if (r == 0)
		r = call_request(c, "GET", path.data, NULL, &a, err);
	if (r < 0)
		return r;
	if (c->format != OUTPUT_JSON)
		return print(&style, a.body, err);
	call_print_raw(c, a.text);
	return 0;
}

int explain_vm(struct call *c, struct error *err)
{
	return explain(c, "/v1/vms/{}/explain", print_vm, err);
}

int explain_group(struct call *c, struct error *err)
{
	return explain(c, "/v1/groups/{}/explain", print_group, err);
}

static const struct verb verbs[] = {
	{ "vm", "VM", "Tell for each GPU why a VM got it, or cannot have it", .run = explain_vm,
	  .example = "facet explain vm web01" },
	{ "group", "GROUP", "Tell for each GPU whether a group has it, and why",
	  .run = explain_group },
};

const struct command explain_command = {
	.name = "explain", .verbs = verbs, .n = ROWS(verbs),
	.says = "Why a VM got its GPU or none, why a GPU is in a group or not",
};
