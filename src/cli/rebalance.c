/* SPDX-License-Identifier: Apache-2.0 */
/* facet rebalance: which moves would make room. */
#include "cli/call.h"
#include "cli/cell.h"

enum { KEPT_SHOWN = 20 };

static double thousandths(const json_t *object, const char *key)
{
	return (double)json_integer_value(json_object_get(object, key)) / 1000;
}

static void render_pause(const json_t *move, struct text *to)
{
	text_add(to, "%.0f s", thousandths(move, "pause_ms"));
}

static const struct column move_columns[] = {
	{ "VM", "vm" },
	{ "GROUP", "group" },
	{ "FROM", "from" },
	{ "TO", "to" },
	{ "PAUSE", .kind = COLUMN_NUMBER, .render = render_pause },
	{ "SET", "set", COLUMN_NUMBER, .wide = true },
	{ "BUYS", "buys", COLUMN_LONG },
	{ 0 },
};

static const struct column kept_columns[] = {
	{ "STAYS", "vm" },
	{ "HOST", "host" },
	{ "GROUP", "group" },
	{ "WHY", "why", COLUMN_LONG },
	{ 0 },
};

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_group(struct call *c, const json_t *group)
{
	json_int_t left_out = number(group, "hosts_left_out");

	if (number(group, "moves") == 0) {
		fprintf(c->cli->out, "group %s: %s\n", cell_string(group, "group"),
			cell_string(group, "why"));
		return;
	}
	fprintf(c->cli->out,
		"group %s: %" JSON_INTEGER_FORMAT " moves, %.0f s of pauses; what is asked for "
		"there has room on %.2f GPUs, then on %.2f\n", cell_string(group, "group"),
		number(group, "moves"), thousandths(group, "pause_ms"),
		thousandths(group, "room_before_milli"), thousandths(group, "room_after_milli"));
	if (left_out > 0)
		fprintf(c->cli->out,
			"group %s: %" JSON_INTEGER_FORMAT " hosts were not looked at\n",
			cell_string(group, "group"), left_out);
}

/* Running VMs that were no candidates: all of them with -o wide. */
static int print_kept(struct call *c, const struct table_style *style, const json_t *kept,
		      struct error *err)
{
	json_auto_t *some = json_copy((json_t *)(uintptr_t)kept);
	size_t n = json_array_size(kept);
	int r;

	if (n == 0)
		return 0;
	while (!style->wide && json_array_size(some) > KEPT_SHOWN)
		json_array_remove(some, json_array_size(some) - 1);
	fputc('\n', c->cli->out);
	r = table_print(style, kept_columns, some, err);
	if (json_array_size(some) < n)
		fprintf(c->cli->out, "... and %zu more: -o wide shows all\n",
			n - json_array_size(some));
	return r;
}

static int print_plan(struct call *c, const json_t *body, struct error *err)
{
	const json_t *moves = json_object_get(body, "moves"), *group;
	const json_t *groups = json_object_get(body, "groups");
	struct table_style style = call_style(c);
	size_t i;
	int r = 0;

	if (json_array_size(moves) > 0) {
		r = table_print(&style, move_columns, moves, err);
		fputc('\n', c->cli->out);
	}
	json_array_foreach(groups, i, group)
		print_group(c, group);
	if (json_array_size(groups) == 0)
		fputs("There are no groups.\n", c->cli->out);
	if (r == 0)
		r = print_kept(c, &style, json_object_get(body, "kept"), err);
	if (json_array_size(moves) > 0)
		fprintf(c->cli->out, "\nNothing was moved. Of the figures: %s.\n",
			cell_string(body, "note"));
	return r;
}

static int rebalance(struct call *c, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	cleanup(text_done) struct text path = { 0 };
	int r = call_path(c, c->arguments->verb->path, &path, err);

	if (r == 0)
		r = call_request(c, "POST", path.data, NULL, &a, err);
	if (r < 0)
		return r;
	if (c->format != OUTPUT_JSON)
		return print_plan(c, a.body, err);
	call_print_raw(c, a.text);
	return 0;
}

static const struct flag flags[] = {
	{ "group", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "group", .value = "GROUP",
	  .says = "Only VMs and GPUs of this group" },
	{ "moves", .kind = FLAG_NUMBER, .goes = GOES_QUERY, .key = "moves", .value = "N",
	  .says = "At most so many moves, 1 to 50 (50)" },
	{ "budget", .kind = FLAG_NUMBER, .goes = GOES_QUERY, .key = "budget_s",
	  .value = "SECONDS", .says = "At most so many seconds of pauses, all moves together" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "", "", "Plan the moves of VMs that would make most room", VERB_CHANGE, "POST",
	  "/v1/rebalance", .done = "planned", .flags = flags, .run = rebalance,
	  .more = "A plan is a list of moves in the order in which they can be made: each goes to "
		  "another host, and to a place that is free while the old one is still taken. "
		  "Only with --dry-run: moves are live migrations, which this version does not "
		  "make.",
	  .example = "facet rebalance --dry-run --group ai --moves 10 --budget 120" },
};

const struct command rebalance_command = {
	"rebalance", "Moves of VMs that would make room", verbs, ROWS(verbs), NULL, NULL,
};
