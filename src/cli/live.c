/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "cli/cell.h"

enum { TRIES_MAX = 5, LASTING_US = 5000000 };

struct live {
	struct call *call;
	const char *path;   /* of the list; NULL for everything */
	json_t *items;
	json_int_t revision;
	bool heard;         /* a line came since the stream was opened */
};

static void live_done(struct live *l)
{
	json_decref(l->items);
}

/* Ids are strings, but for events, which are numbered. */
static void id_of(const json_t *object, struct text *to)
{
	const json_t *number = json_object_get(object, "number");
	const char *id = cell_string(object, "id");

	if (json_is_integer(number))
		text_add(to, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	else
		text_add(to, "%s", *id ? id : cell_string(object, "name"));
}

static bool is_id(const json_t *object, const char *id)
{
	cleanup(text_done) struct text own = { 0 };

	id_of(object, &own);
	return own.data && strcmp(own.data, id) == 0;
}

/* The filters that were given to the list hold for its changes too. */
static bool is_wanted(const struct live *l, const json_t *object)
{
	const struct arguments *a = l->call->arguments;

	for (size_t i = 0; i < a->given_n; i++) {
		cleanup(text_done) struct text found = { 0 };
		const struct flag *f = a->given[i].flag;
		struct column c = { "", f->key, COLUMN_TEXT };

		if (f->goes != GOES_QUERY)
			continue;
		cell_add(&found, &c, object, 0);
		if (!found.data || strcmp(found.data, a->given[i].value) != 0)
			return false;
	}
	return true;
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "a change");
}

/* Puts OBJECT (NULL: gone) in the place of the item with that ID. */
static int apply(struct live *l, const char *id, json_t *object, struct error *err)
{
	size_t i, n = json_array_size(l->items);

	for (i = 0; i < n && !is_id(json_array_get(l->items, i), id); i++)
		;
	if (object && i == n)
		return json_array_append(l->items, object) == 0 ? 0 : no_memory(err);
	if (object)
		return json_array_set(l->items, i, object) == 0 ? 0 : no_memory(err);
	if (i < n)
		json_array_remove(l->items, i);
	return 0;
}

static int print_items(struct live *l, const json_t *items, bool headings, struct error *err)
{
	struct table_style style = call_style(l->call);

	style.headings = style.headings && headings;
	return table_print(&style, l->call->arguments->verb->columns, items, err);
}

static int redraw(struct live *l, struct error *err)
{
	FILE *out = l->call->cli->out;
	int r;

	fputs("\033[H\033[J", out);
	r = print_items(l, l->items, true, err);
	fprintf(out, "\n%zu shown; changes appear as they happen, Ctrl-C ends\n",
		json_array_size(l->items));
	return r;
}

static int print_row(struct live *l, const char *id, json_t *object, struct error *err)
{
	json_auto_t *one = NULL;

	if (!object) {
		fprintf(l->call->cli->out, "%s is gone\n", id);
		return 0;
	}
	one = json_pack("[O]", object);
	return one ? print_items(l, one, false, err) : no_memory(err);
}

/* The one word of an object that says most about its change. */
static const char *gist(const json_t *object)
{
	static const char *const keys[] = { "state", "health", "text" };

	if (!object)
		return "gone";
	for (size_t i = 0; i < ROWS(keys); i++)
		if (*cell_string(object, keys[i]))
			return cell_string(object, keys[i]);
	return "changed";
}

static void print_change(struct live *l, const char *kind, const char *id, const json_t *object)
{
	fprintf(l->call->cli->out, "%-8" JSON_INTEGER_FORMAT " %-10s %-38s %s\n", l->revision,
		kind, id, gist(object));
}

static int show_change(struct live *l, const json_t *change, const char *line, struct error *err)
{
	const char *id = cell_string(change, "id"), *kind = cell_string(change, "kind");
	json_t *object = json_object_get(change, "object");
	const char *wanted = l->call->arguments->verb->kind;

	if (wanted && strcmp(kind, wanted) != 0)
		return 0;
	if (!json_is_object(object))
		object = NULL;
	else if (!is_wanted(l, object))
		return 0;
	if (l->call->format == OUTPUT_JSON) {
		fprintf(l->call->cli->out, "%s\n", line);
		return 0;
	}
	if (!l->path) {
		print_change(l, kind, id, object);
		return 0;
	}
	if (!l->call->cli->terminal)
		return print_row(l, id, object, err);
	return apply(l, id, object, err) ?: redraw(l, err);
}

static int on_line(void *user, const char *line, size_t n, struct error *err)
{
	struct live *l = user;
	json_auto_t *change = NULL;
	int r = json_parse(line, n, HTTP_LINE_MAX, &change, err);

	if (r < 0)
		return r;
	l->heard = true;
	l->revision = json_integer_value(json_object_get(change, "revision"));
	r = show_change(l, change, line, err);
	fflush(l->call->cli->out);
	return r;
}

/* What is there at first, in the form of a change. */
static int print_first_json(struct live *l, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(l->items, i, item) {
		cleanup(text_done) struct text id = { 0 };
		cleanup(cleanup_free) char *line = NULL;
		json_auto_t *change = NULL;

		id_of(item, &id);
		change = json_pack("{s:I,s:s,s:s,s:O}", "revision", l->revision, "kind",
				   l->call->arguments->verb->kind, "id", id.data, "object", item);
		line = json_line(change);
		if (!line)
			return no_memory(err);
		fprintf(l->call->cli->out, "%s\n", line);
	}
	return 0;
}

static int list_anew(struct live *l, struct error *err)
{
	cleanup(listing_done) struct listing all = { 0 };
	int r;

	if (!l->path)
		return 0;
	r = call_listing(l->call, l->call->arguments->command, l->path, &all, err);
	if (r < 0)
		return r;
	json_decref(l->items);
	l->items = take(all.items);
	l->revision = all.revision;
	if (l->call->format == OUTPUT_JSON)
		r = print_first_json(l, err);
	else
		r = l->call->cli->terminal ? redraw(l, err) : print_items(l, l->items, true, err);
	fflush(l->call->cli->out);
	return r;
}

static int watch_once(struct live *l, struct error *err)
{
	cleanup(text_done) struct text path = { 0 };
	const char *kind = l->path ? l->call->arguments->verb->kind :
				     arguments_value(l->call->arguments, "kind");
	const char *id = arguments_value(l->call->arguments, "id");

	text_add(&path, "/v1/watch?after=%" JSON_INTEGER_FORMAT, l->revision);
	if (kind)
		http_query_add(&path, "kind", kind);
	if (!l->path && id)
		http_query_add(&path, "id", id);
	if (path.failed)
		return no_memory(err);
	l->heard = false;
	return call_lines(l->call, path.data, 0, on_line, l, err);
}

/* A stream that ends is opened again behind the last change; history that is no longer kept
 * (NOT_FOUND) means a new list. */
static int run(struct live *l, struct error *err)
{
	int r = list_anew(l, err), tries = 0;

	while (r == 0) {
		int64_t opened_us = clock_mono_us(l->call->cli->clock);

		r = watch_once(l, err);
		if (l->heard || clock_mono_us(l->call->cli->clock) - opened_us > LASTING_US)
			tries = 0;
		else
			tries++;
		if (tries == TRIES_MAX)
			return r < 0 ? r
				     : error_set(err, ERR_UNAVAILABLE, "facetd ends every watch");
		if (r == -ERR_NOT_FOUND && l->path)
			r = list_anew(l, err);
		else if (r == 0 || r == -ERR_UNAVAILABLE)
			r = 0;
		if (r == 0)
			call_pause(l->call);
	}
	return r;
}

int live_list(struct call *c, const char *path, struct error *err)
{
	cleanup(live_done) struct live l = { .call = c, .path = path };

	return run(&l, err);
}

int live_all(struct call *c, struct error *err)
{
	cleanup(live_done) struct live l = { .call = c };
	cleanup(http_answer_done) struct http_answer a = { 0 };
	const char *after = arguments_value(c->arguments, "after");
	int r = 0;

	if (after) {
		l.revision = (json_int_t)strtoll(after, NULL, 10);
	} else {
		/* "from now on" is the revision of any list, and this one is short */
		r = call_request(c, "GET", "/v1/hosts?limit=1", NULL, &a, err);
		l.revision = json_integer_value(json_object_get(a.body, "revision"));
	}
	return r < 0 ? r : run(&l, err);
}
