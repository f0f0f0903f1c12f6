/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "cli/cell.h"

static bool is_skipped(const json_t *check)
{
	return json_is_true(json_object_get(check, "skipped"));
}

static void render_state(const json_t *check, struct text *to)
{
	text_add(to, is_skipped(check) ? "skipped" :
		 json_is_true(json_object_get(check, "ok")) ? "ok" : "failed");
}

static const struct column columns[] = {
	{ "HOST", "host" },
	{ "CHECK", "name" },
	{ "STATE", .kind = COLUMN_STATE, .render = render_state },
	{ "FOUND", "found", COLUMN_LONG },
	{ 0 },
};

static void print_remedies(struct call *c, const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks, i, check) {
		const char *host = cell_string(check, "host"),
			   *remedy = cell_string(check, "remedy");

		if (json_is_true(json_object_get(check, "ok")) || is_skipped(check) || !*remedy)
			continue;
		fprintf(c->cli->out, "\n%s%s%s: %s\n", host, *host ? ", " : "",
			cell_string(check, "name"), remedy);
	}
}

static int run(struct call *c, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	struct table_style style = call_style(c);
	const json_t *checks;
	int r = call_request(c, "GET", "/v1/doctor", NULL, &a, err);

	if (r < 0)
		return r;
	checks = json_object_get(a.body, "checks");
	c->exit_status = json_is_true(json_object_get(a.body, "ok")) ? 0 : 1;
	if (c->format == OUTPUT_JSON) {
		call_print_raw(c, a.text);
		return 0;
	}
	r = table_print(&style, columns, checks, err);
	if (r == 0)
		print_remedies(c, checks);
	return r;
}

static const struct verb verbs[] = {
	{ "", "", "Check the ledger and every host, and tell what to do", .run = run,
	  .more = "Ends with 1 when a check fails." },
};

const struct command doctor_command = {
	"doctor", "Check the ledger and every host, and tell what to do", verbs, ROWS(verbs), NULL,
	NULL,
};
