/* SPDX-License-Identifier: Apache-2.0 */
/* facet plan: asks no facetd, so that it answers on any machine. */
#include <errno.h>
#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"
#include "planner/page.h"
#include "planner/picture.h"
#include "planner/report.h"

enum { ACCEPT_ALL = 100000, ROWS_SHOWN = 20 };
#define WEEK_MS (7ull * 86400 * 1000)

static void render_percent(const json_t *row, const char *key, struct text *to)
{
	text_add(to, "%.2f", json_real_value(json_object_get(row, key)));
}

static void render_vms(const json_t *row, struct text *to)
{
	render_percent(row, "percent", to);
}

static void render_memory(const json_t *row, struct text *to)
{
	render_percent(row, "fb_percent", to);
}

static void render_peak(const json_t *row, struct text *to)
{
	render_percent(row, "peak_percent", to);
}

static void render_reasons(const json_t *row, struct text *to)
{
	const json_t *list = json_object_get(row, "reasons"), *reason;
	size_t i;

	json_array_foreach(list, i, reason)
		text_add(to, "%s%s %" JSON_INTEGER_FORMAT, i ? ", " : "",
			 cell_string(reason, "reason"),
			 json_integer_value(json_object_get(reason, "vms")));
}

static const struct column policy_columns[] = {
	{ "POLICY", "policy" },
	{ "ACCEPTED", "accepted", COLUMN_NUMBER },
	{ "% OF VMS", .kind = COLUMN_NUMBER, .render = render_vms },
	{ "% OF MEMORY", .kind = COLUMN_NUMBER, .render = render_memory },
	{ "PEAK USE %", .kind = COLUMN_NUMBER, .render = render_peak },
	{ "UNUSED GPUS", "gpus_unused", COLUMN_NUMBER },
	{ "HOSTS", "hosts_unused", COLUMN_NUMBER },
	{ "REFUSED", .kind = COLUMN_LONG, .render = render_reasons },
	{ 0 },
};

static const struct column reason_columns[] = {
	{ "REASON", "reason" },
	{ "VMS", "vms", COLUMN_NUMBER },
	{ "IN WORDS", "text", COLUMN_LONG },
	{ 0 },
};

static const struct column row_columns[] = {
	{ "VM", "vm" },
	{ "TENANT", "tenant", .wide = true },
	{ "PROFILE", "profile" },
	{ "VGPUS", "vgpus", COLUMN_NUMBER },
	{ "ASKED", "asked", COLUMN_NUMBER },
	{ "ACCEPTED", "accepted", COLUMN_NUMBER },
	{ "%", .kind = COLUMN_NUMBER, .render = render_vms },
	{ 0 },
};

/* ---- in words ---- */

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_head(struct call *c, const json_t *plan)
{
	const json_t *fleet = json_object_get(plan, "fleet"), *d = json_object_get(plan, "demand");

	fprintf(c->cli->out,
		"%lld hosts, %lld GPUs, %lld GiB; %lld VMs%s ask for %lld vGPUs, %lld GiB%s\n\n",
		number(fleet, "hosts"), number(fleet, "gpus"), number(fleet, "fb_mib") / 1024,
		number(d, "vms"), json_is_true(json_object_get(d, "timed")) ? " over time" : "",
		number(d, "vgpus"), number(d, "fb_mib") / 1024,
		json_is_true(json_object_get(d, "timed")) ? " in all" : "");
}

static void print_fewest(struct call *c, const json_t *plan)
{
	const json_t *f = json_object_get(plan, "fewest");
	double accept = json_real_value(json_object_get(plan, "accept_percent"));
	FILE *out = c->cli->out;

	if (!json_is_object(f))
		return;
	if (!json_is_true(json_object_get(f, "possible"))) {
		fprintf(out, "\nNo number of hosts %s carries %g %% of the VMs: %lld carry "
			"%.2f %%.\n", cell_string(f, "host"), accept, number(f, "count"),
			json_real_value(json_object_get(f, "percent")));
		return;
	}
	fprintf(out, "\n%lld hosts %s carry %g %% of the VMs", number(f, "count"),
		cell_string(f, "host"), accept);
	if (number(f, "count") > 0)
		fprintf(out, "; with one fewer it is %.2f %%",
			json_real_value(json_object_get(f, "percent_with_one_fewer")));
	fprintf(out, ".\n");
}

static void print_help(struct call *c, const json_t *plan)
{
	const json_t *helps = json_object_get(plan, "help"), *help;
	size_t i;

	json_array_foreach(helps, i, help)
		fprintf(c->cli->out, "%s%lld more of host %s (%lld in all)%s", i ? ", or " : "\n",
			number(help, "more"), cell_string(help, "host"), number(help, "count"),
			i + 1 == json_array_size(helps) ? " would carry it.\n" : "");
	if (i == 0 && !json_is_true(json_object_get(plan, "fits")) &&
	    !json_is_object(json_object_get(plan, "fewest")))
		fprintf(c->cli->out, "\nNo one sort of host would carry it alone, however many.\n");
}

/* The policy that the rest is about. */
static const json_t *best_of(const json_t *plan)
{
	const json_t *policies = json_object_get(plan, "policies"), *row;
	size_t i;

	json_array_foreach(policies, i, row)
		if (strcmp(cell_string(row, "policy"), cell_string(plan, "policy")) == 0)
			return row;
	return NULL;
}

static int print_rows(struct call *c, const json_t *plan, struct error *err)
{
	struct table_style style = call_style(c);
	json_auto_t *some = json_copy(json_object_get(plan, "rows"));
	size_t n = json_array_size(some);
	int r;

	while (!style.wide && json_array_size(some) > ROWS_SHOWN)
		json_array_remove(some, json_array_size(some) - 1);
	fprintf(c->cli->out, "\nWith %s:\n", cell_string(plan, "policy"));
	r = table_print(&style, row_columns, some, err);
	if (json_array_size(some) < n)
		fprintf(c->cli->out, "... and %zu more: -o wide shows all\n",
			n - json_array_size(some));
	return r;
}

static int print_plan(struct call *c, const json_t *plan, struct error *err)
{
	struct table_style style = call_style(c);
	const json_t *reasons = json_object_get(best_of(plan), "reasons");
	int r;

	print_head(c, plan);
	r = table_print(&style, policy_columns, json_object_get(plan, "policies"), err);
	if (r == 0)
		r = print_rows(c, plan, err);
	if (r == 0 && json_array_size(reasons) > 0) {
		fprintf(c->cli->out, "\n");
		r = table_print(&style, reason_columns, reasons, err);
	}
	if (r < 0)
		return r;
	print_fewest(c, plan);
	print_help(c, plan);
	return 0;
}

static int print_json(struct call *c, const json_t *plan, struct error *err)
{
	/* Else 99.98 would be 99.980000000000004. */
	char *line = json_dumps(plan, JSON_COMPACT | JSON_REAL_PRECISION(7));

	if (!line)
		return error_set(err, ERR_NO_MEMORY, "a plan as JSON");
	call_print_raw(c, line);
	free(line);
	return 0;
}

/* ---- the verb ---- */

static int read_accept(const char *text, uint32_t *ret, struct error *err)
{
	char *end;
	double percent = text ? strtod(text, &end) : 100;

	if (text && (end == text || *end || !(percent > 0 && percent <= 100)))
		return error_set(err, ERR_INVALID, "--accept takes a percentage above 0 and up to "
				 "100, not '%s'", text);
	*ret = (uint32_t)(percent * (ACCEPT_ALL / 100.0) + 0.5);
	return 0;
}

static int read_flags(const struct arguments *a, struct plan_ask *ask, struct error *err)
{
	const char *seed = arguments_value(a, "seed"), *until = arguments_value(a, "until");
	const char *order = arguments_value(a, "order");
	int value = ARRIVAL_ORDER_LISTED;
	uint64_t seconds = 0;

	ask->policy = arguments_value(a, "policy");
	ask->fewest = arguments_value(a, "fewest");
	ask->how = (struct arrivals_how){ .seed = 1, .until_ms = WEEK_MS };
	if (seed && !text_to_u64(seed, INT64_MAX, &ask->how.seed))
		return error_set(err, ERR_INVALID, "--seed takes a number, not '%s'", seed);
	if (until && (!seconds_from_text(until, &seconds) || seconds == 0 ||
		      seconds > NEEDS_MS_MAX / 1000))
		return error_set(err, ERR_INVALID, "--until takes a time such as 12h or 30d, not "
				 "'%s'", until);
	if (until)
		ask->how.until_ms = seconds * 1000;
	if (order)
		names_value(&arrival_order_names, order, &value);
	ask->how.order = (enum arrival_order)value;
	return read_accept(arguments_value(a, "accept"), &ask->accept_milli, err);
}

static int read_input(struct call *c, const char *file, size_t max, char **ret, struct error *err)
{
	if (strcmp(file, "-") == 0)
		return plan_read_stream(c->cli->in, "standard input", max, ret, err);
	return plan_read_file(file, max, ret, err);
}

static const char *name_of(const char *file)
{
	return strcmp(file, "-") == 0 ? "standard input" : file;
}

static int make_plan(struct call *c, struct plan **ret, struct error *err)
{
	cleanup(cleanup_free) char *fleet = NULL, *needs = NULL;
	const char *const *words = c->arguments->words;
	struct plan_ask ask = { .fleet_file = name_of(words[0]), .needs_file = name_of(words[1]) };
	int r = read_flags(c->arguments, &ask, err);

	if (r == 0)
		r = read_input(c, words[0], FLEET_TEXT_MAX, &fleet, err);
	if (r == 0)
		r = read_input(c, words[1], NEEDS_TEXT_MAX, &needs, err);
	if (r < 0)
		return r;
	ask.fleet_text = fleet;
	ask.needs_text = needs;
	r = plan_make(&ask, ret, err);
	/* The text names file and line; facet would tell the line once more in front of it. */
	if (r < 0 && strstr(err->text, err->place))
		err->place[0] = '\0';
	return r;
}

/* A file that is cut short must not look like a plan. */
static int write_file(const char *file, const struct text *text, struct error *err)
{
	FILE *f = fopen(file, "we");
	bool whole;

	if (!f)
		return error_errno(err, errno, "cannot write %s", file);
	whole = fwrite(text->data, 1, text->length, f) == text->length;
	if (fclose(f) == 0 && whole)
		return 0;
	return error_errno(err, errno, "cannot write all of %s", file);
}

typedef int draw_fn(const struct plan *p, struct text *ret, struct error *err);

static int write_report(struct call *c, const char *flag, draw_fn *draw, const struct plan *plan,
			struct error *err)
{
	const char *file = arguments_value(c->arguments, flag);
	cleanup(text_done) struct text text = { 0 };
	int r = file ? draw(plan, &text, err) : 0;

	return r == 0 && file ? write_file(file, &text, err) : r;
}

static int run(struct call *c, struct error *err)
{
	cleanup(plan_free_p) struct plan *plan = NULL;
	json_auto_t *json = NULL;
	int r = make_plan(c, &plan, err);

	if (r == 0)
		r = write_report(c, "html", page_make, plan, err);
	if (r == 0)
		r = write_report(c, "picture", picture_make, plan, err);
	if (r < 0)
		return r;
	json = plan_json(plan);
	if (!json)
		return error_set(err, ERR_NO_MEMORY, "a plan");
	c->exit_status = plan_fits(plan) ? 0 : 1;
	return c->format == OUTPUT_JSON ? print_json(c, json, err) : print_plan(c, json, err);
}

static const struct flag flags[] = {
	{ "policy", .kind = FLAG_TEXT, .value = "POLICY",
	  .says = "Only this policy; all for every one there is, published baselines included" },
	{ "fewest", .kind = FLAG_TEXT, .value = "HOST",
	  .says = "Find the fewest hosts of this sort (or with this board) that carry the demand, "
		  "the others being as they are" },
	{ "accept", .kind = FLAG_TEXT, .value = "PERCENT",
	  .says = "How many of the VMs must find a place for the demand to count as carried "
		  "(default: 100)" },
	{ "order", .kind = FLAG_WORD, .value = "ORDER", .names = &arrival_order_names,
	  .says = "In which order VMs of one time come: listed (default), largest or random" },
	{ "seed", .kind = FLAG_NUMBER, .value = "N",
	  .says = "Another seed is another luck of arrivals (default: 1)" },
	{ "until", .kind = FLAG_SECONDS, .value = "TIME",
	  .says = "How long VMs with a rate keep coming (default: 7d)" },
	{ "html", .kind = FLAG_TEXT, .value = "FILE",
	  .says = "Also write a report with pictures: one file that needs nothing else" },
	{ "picture", .kind = FLAG_TEXT, .value = "FILE",
	  .says = "Also write the pictures alone, as SVG" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "", "FLEET DEMAND", "Tell whether a demand fits hosts that need not exist", .run = run,
	  .flags = flags,
	  .more = "FLEET is an INI file of hosts, DEMAND a CSV file of VMs, - standard input. "
		  "Neither facetd nor a GPU is needed. Ends with 1 when the demand does not fit.",
	  .example = "facet plan site.ini desktops.csv --fewest L40S --accept 99.5" },
};

const struct command plan_command = {
	.name = "plan", .verbs = verbs, .n = ROWS(verbs),
	.says = "Whether a demand fits these hosts, and how many it takes",
	.more = "Runs the placement engine on a fleet and a demand from files.",
};
