/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to the request is the first state; /v1/watch brings the later ones.  A watch that
 * breaks (facetd restarts) is no failure of the operation: it is asked for again, from a state that
 * was read anew. */
#include "cli/follow.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "cli/cell.h"

enum { STEPS_MAX = 64, TRIES_MAX = 10, ID_MAX = 64 };

struct follow {
	struct call *call;
	char id[ID_MAX];
	json_t *operation;  /* newest state */
	json_int_t revision;
	char told[STEPS_MAX]; /* first letter of the state that was printed last, per step */
	bool live_line;     /* the cursor stands behind an unfinished line */
	uint64_t limit_s;    /* --timeout */
	bool limited;
	int64_t deadline_us; /* when limited */
};

static void follow_done(struct follow *f)
{
	json_decref(f->operation);
}

static void end_live_line(struct follow *f)
{
	if (f->live_line)
		fputs("\r\033[K", f->call->cli->out);
	f->live_line = false;
}

static void print_step(struct follow *f, const json_t *step, const char *state)
{
	const struct cli *cli = f->call->cli;
	json_int_t from = json_integer_value(json_object_get(step, "started_ms"));
	json_int_t to = json_integer_value(json_object_get(step, "ended_ms"));

	end_live_line(f);
	fprintf(cli->out, "  %-8s %-20s %s", state, cell_string(step, "name"),
		cell_string(step, "text"));
	if (from > 0 && to >= from)
		fprintf(cli->out, " (%.1f s)", (double)(to - from) / 1000);
	if (cli->terminal && strcmp(state, "running") == 0)
		f->live_line = true;
	else
		fputc('\n', cli->out);
	fflush(cli->out);
}

/* A step is told when its state changes; on a terminal a running one is also told while its text
 * changes, over itself. */
static void print_steps(struct follow *f)
{
	const json_t *step;
	size_t i;

	if (f->call->format == OUTPUT_JSON)
		return;
	json_array_foreach(json_object_get(f->operation, "steps"), i, step) {
		const char *state = cell_string(step, "state");
		bool running = strcmp(state, "running") == 0;

		if (i >= STEPS_MAX || strcmp(state, "waiting") == 0)
			continue;
		if (f->told[i] == state[0] && !(running && f->call->cli->terminal))
			continue;
		f->told[i] = state[0];
		print_step(f, step, state);
	}
}

static void take_state(struct follow *f, json_t *operation, json_int_t revision)
{
	json_incref(operation);
	json_decref(f->operation);
	f->operation = operation;
	if (revision > f->revision)
		f->revision = revision;
	print_steps(f);
}

/* It runs, or waits for its turn in the queue. */
static bool is_open(const char *state)
{
	return strcmp(state, "running") == 0 || strcmp(state, "waiting") == 0;
}

static bool ended(const struct follow *f)
{
	return !is_open(cell_string(f->operation, "state"));
}

static int on_line(void *user, const char *line, size_t n, struct error *err)
{
	struct follow *f = user;
	json_auto_t *change = NULL;
	json_t *object;
	int r = json_parse(line, n, HTTP_LINE_MAX, &change, err);

	if (r < 0)
		return r;
	object = json_object_get(change, "object");
	if (json_is_object(object) && strcmp(cell_string(object, "id"), f->id) == 0)
		take_state(f, object, json_integer_value(json_object_get(change, "revision")));
	/* Any negative result leaves the stream; ended() tells why. */
	return ended(f) ? -ERR_CONFLICT : 0;
}

static int64_t left_ms(const struct follow *f)
{
	int64_t left = (f->deadline_us - clock_mono_us(f->call->cli->clock)) / 1000;

	return left > 0 ? left : 1;
}

static bool is_late(const struct follow *f)
{
	return f->limited && clock_mono_us(f->call->cli->clock) >= f->deadline_us;
}

static int watch_once(struct follow *f, struct error *err)
{
	cleanup(text_done) struct text path = { 0 };
	int r;

	text_add(&path, "/v1/watch?after=%" JSON_INTEGER_FORMAT "&kind=operation", f->revision);
	http_query_add(&path, "id", f->id);
	if (path.failed)
		return error_set(err, ERR_NO_MEMORY, "a path");
	r = call_lines(f->call, path.data, f->limited ? left_ms(f) : 0, on_line, f, err);
	return ended(f) ? 0 : r;
}

static int read_again(struct follow *f, struct http_answer *a, struct error *err)
{
	cleanup(text_done) struct text path = { 0 };
	int r;

	text_add(&path, "/v1/operations");
	http_path_add(&path, f->id);
	if (path.failed)
		return error_set(err, ERR_NO_MEMORY, "a path");
	r = call_request(f->call, "GET", path.data, NULL, a, err);
	if (r == 0)
		take_state(f, a->body, json_integer_value(json_object_get(a->body, "revision")));
	return r;
}

static int follow(struct follow *f, struct error *err)
{
	int tries = 0, r;

	while (!ended(f) && !is_late(f)) {
		cleanup(http_answer_done) struct http_answer a = { 0 };
		json_int_t before = f->revision;

		r = watch_once(f, err);
		if (ended(f) || is_late(f))
			break;
		call_pause(f->call);
		r = read_again(f, &a, err);
		tries = f->revision > before ? 0 : tries + 1;
		if (r < 0 && (r != -ERR_UNAVAILABLE || tries == TRIES_MAX))
			return error_context(r, err, "follow operation %s", f->id);
		if (r == 0 && tries == TRIES_MAX)
			return error_set(err, ERR_UNAVAILABLE,
					 "/v1/watch tells nothing of operation %s: "
					 "facet operation show %s",
					 f->id, f->id);
	}
	return 0;
}

static int tell_failure(struct follow *f, struct error *err)
{
	enum error_kind kind = error_from_name(cell_string(f->operation, "error_kind"));
	const char *text = cell_string(f->operation, "error");

	http_answer_done(&f->call->problem);
	f->call->problem.body = json_incref(f->operation);
	return error_set(err, kind == ERR_NONE ? ERR_IO : kind, "%s %s: %s",
			 f->call->arguments->command->name, cell_string(f->operation, "vm"),
			 *text ? text : "the operation failed without a reason");
}

static void tell_success(struct follow *f)
{
	const json_t *op = f->operation;
	const char *host = cell_string(op, "host");
	json_int_t ms = json_integer_value(json_object_get(op, "ended_ms")) -
			json_integer_value(json_object_get(op, "created_ms"));

	if (f->call->format == OUTPUT_JSON)
		return;
	fprintf(f->call->cli->out, "%s %s: %s", f->call->arguments->command->name,
		f->call->arguments->words_n > 0 ? f->call->arguments->words[0] : "",
		f->call->arguments->verb->done);
	if (*host)
		fprintf(f->call->cli->out, " on %s", host);
	if (ms >= 0)
		fprintf(f->call->cli->out, " in %.1f s", (double)ms / 1000);
	fputc('\n', f->call->cli->out);
}

/* The body as the API gives it, so read once more rather than put together from the watch. */
static int print_operation(struct follow *f, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	int r = f->call->format == OUTPUT_JSON ? read_again(f, &a, err) : 0;

	if (r == 0 && f->call->format == OUTPUT_JSON)
		call_print_raw(f->call, a.text);
	return r;
}

static int tell_outcome(struct follow *f, struct error *err)
{
	const char *state;
	int r;

	end_live_line(f);
	r = print_operation(f, err);
	if (r < 0)
		return r;
	state = cell_string(f->operation, "state");
	if (is_open(state))
		return error_set(err, ERR_UNAVAILABLE,
				 "operation %s has not ended in %" PRIu64 " s; it goes on: "
				 "facet operation show %s",
				 f->id, f->limit_s, f->id);
	if (strcmp(state, "cancelled") == 0)
		return error_set(err, ERR_CONFLICT, "operation %s was cancelled", f->id);
	if (strcmp(state, "failed") == 0)
		return tell_failure(f, err);
	tell_success(f);
	return 0;
}

static void tell_accepted(struct call *c, const struct http_answer *accepted, const char *id)
{
	if (c->format == OUTPUT_JSON)
		call_print_raw(c, accepted->text);
	else
		fprintf(c->cli->out, "operation %s accepted: facet operation show %s\n", id, id);
}

int follow_operation(struct call *c, const struct http_answer *accepted, struct error *err)
{
	cleanup(follow_done) struct follow f = { .call = c };
	const char *timeout = arguments_value(c->arguments, "timeout");
	int r;

	if (!TEXT_COPY(f.id, cell_string(accepted->body, "id")) || !f.id[0])
		return error_set(err, ERR_UNAVAILABLE, "the answer names no operation");
	if (arguments_has(c->arguments, "no-wait")) {
		tell_accepted(c, accepted, f.id);
		return 0;
	}
	f.limited = timeout && seconds_from_text(timeout, &f.limit_s);
	f.deadline_us = clock_mono_us(c->cli->clock) + (int64_t)f.limit_s * 1000000;
	take_state(&f, accepted->body,
		   json_integer_value(json_object_get(accepted->body, "revision")));
	r = follow(&f, err);
	return r < 0 ? r : tell_outcome(&f, err);
}
