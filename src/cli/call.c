/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "cli/cell.h"
#include "cli/follow.h"
#include "cli/live.h"

void call_done(struct call *c)
{
	c->client = curl_client_free(c->client);
	http_answer_done(&c->problem);
}

static int connect_client(struct call *c, struct error *err)
{
	return c->client ? 0 : curl_client_new(&c->client, c->address, err);
}

int call_request(struct call *c, const char *method, const char *path, const json_t *body,
		 struct http_answer *answer, struct error *err)
{
	const char *revision = arguments_value(c->arguments, "revision");
	char match[48];
	const char *headers[] = { match, NULL };
	struct http_request q = { .method = method, .path = path, .body = body };
	int r = connect_client(c, err);

	if (r < 0)
		return r;
	if (revision) {
		snprintf(match, sizeof(match), "If-Match: \"%s\"", revision);
		q.headers = headers;
	}
	r = curl_client_request(c->client, &q, answer, err);
	if (r < 0 && answer->body) {
		http_answer_done(&c->problem);
		c->problem = *answer;
		*answer = (struct http_answer){ 0 };
	}
	return r;
}

int call_lines(struct call *c, const char *path, int64_t whole_ms, line_fn *line, void *user,
	       struct error *err)
{
	struct http_request q = { .method = "GET", .path = path };
	int r = connect_client(c, err);

	return r < 0 ? r : curl_client_lines(c->client, &q, whole_ms, line, user, err);
}

static void add_query(struct call *c, struct text *path)
{
	const struct arguments *a = c->arguments;

	for (size_t i = 0; i < a->given_n; i++)
		if (a->given[i].flag->goes == GOES_QUERY)
			http_query_add(path, a->given[i].flag->key, a->given[i].value);
	if (arguments_has(a, "dry-run"))
		http_query_add(path, "dry_run", "1");
}

int call_path(struct call *c, const char *pattern, struct text *ret, struct error *err)
{
	struct text path = { 0 };
	size_t word = 0;

	for (const char *s = pattern; *s; s++) {
		if (s[0] == '/' && s[1] == '{') {
			http_path_add(&path, c->arguments->words[word++]);
			s += 2;
		} else {
			text_append(&path, s, 1);
		}
	}
	add_query(c, &path);
	if (path.failed) {
		text_done(&path);
		return error_set(err, ERR_NO_MEMORY, "a path");
	}
	*ret = path;
	return 0;
}

static int read_all(FILE *f, struct text *all, struct error *err)
{
	char bytes[4096];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0 && all->length <= JSON_BODY_MAX)
		text_append(all, bytes, n);
	return ferror(f) ? error_errno(err, errno, "read") : 0;
}

static int read_file(struct call *c, const char *name, json_t **ret, struct error *err)
{
	cleanup(cleanup_file) FILE *opened = NULL;
	cleanup(text_done) struct text all = { 0 };
	bool standard = strcmp(name, "-") == 0;
	int r;

	if (!standard) {
		opened = fopen(name, "re");
		if (!opened)
			return error_errno(err, errno, "open %s", name);
	}
	r = read_all(standard ? c->cli->in : opened, &all, err);
	if (r == 0)
		r = json_parse(all.data ? all.data : "", all.length, JSON_BODY_MAX, ret, err);
	return error_context(r, err, "%s", standard ? "standard input" : name);
}

static json_t *value_of(const struct given *g)
{
	uint64_t n = 0;

	if (g->flag->make)
		return g->flag->make(g->value);
	switch (g->flag->kind) {
	case FLAG_SWITCH:
		return json_true();
	case FLAG_YES:
		return json_boolean(strcmp(g->value, "yes") == 0);
	case FLAG_NUMBER:
		text_to_u64(g->value, INT64_MAX, &n);
		return json_integer((json_int_t)n);
	case FLAG_SECONDS:
		seconds_from_text(g->value, &n);
		return json_integer((json_int_t)n);
	default:
		return json_string(g->value);
	}
}

/* Flags of a list replace what a file said of it, and add to one another. */
static int put_flag(json_t *body, const struct arguments *a, size_t i)
{
	const struct given *g = &a->given[i];
	json_t *value = value_of(g), *list;
	bool first = true;

	if (g->flag->kind != FLAG_LIST)
		return json_object_set_new(body, g->flag->key, value);
	for (size_t before = 0; before < i; before++)
		first = first && a->given[before].flag != g->flag;
	if (first && json_object_set_new(body, g->flag->key, json_array()) != 0) {
		json_decref(value);
		return -1;
	}
	list = json_object_get(body, g->flag->key);
	/* "none": the list as it is, which empties it when nothing else is given. */
	if (json_is_null(value)) {
		json_decref(value);
		return 0;
	}
	return json_array_append_new(list, value);
}

static int put_flags(json_t *body, const struct arguments *a, struct error *err)
{
	for (size_t i = 0; i < a->given_n; i++)
		if (a->given[i].flag->goes == GOES_BODY && put_flag(body, a, i) != 0)
			return error_set(err, ERR_INVALID, "--%s is not valid UTF-8",
					 a->given[i].flag->name);
	return 0;
}

int call_body(struct call *c, json_t **ret, struct error *err)
{
	const struct verb *v = c->arguments->verb;
	const char *file = arguments_value(c->arguments, "file");
	json_auto_t *body = NULL;
	int r = 0;

	if (file)
		r = read_file(c, file, &body, err);
	else
		body = v->fixed ? json_loads(v->fixed, 0, NULL) : json_object();
	if (r < 0)
		return r;
	if (!json_is_object(body))
		return error_set(err, ERR_INVALID, "%s holds no JSON object",
				 file ? file : "the body");
	/* A new object is named by its argument: its path has no place for it. */
	if (strcmp(v->method, "POST") == 0 && !strchr(v->path, '{') && c->arguments->words_n > 0 &&
	    json_object_set_new(body, "name", json_string(c->arguments->words[0])) != 0)
		return error_set(err, ERR_INVALID, "the name is not valid UTF-8");
	r = put_flags(body, c->arguments, err);
	if (r < 0)
		return r;
	*ret = take(body);
	return 0;
}

void call_print_raw(struct call *c, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	fputs(n ? text : "{}", c->cli->out);
	if (n == 0 || text[n - 1] != '\n')
		fputc('\n', c->cli->out);
}

void call_pause(const struct call *c)
{
	const struct timespec t = { c->cli->pause_ms / 1000, c->cli->pause_ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

struct table_style call_style(const struct call *c)
{
	return (struct table_style){
		.out = c->cli->out,
		.wide = c->format == OUTPUT_WIDE,
		.headings = !arguments_has(c->arguments, "no-headers"),
		.cli = c->cli,
	};
}

void listing_done(struct listing *l)
{
	json_decref(l->items);
	free(l->raw);
	memset(l, 0, sizeof(*l));
}

/* One page, the one after NEXT, which becomes its last; "" when there are no more. */
static int read_page(struct call *c, const char *path, struct listing *l, struct text *next,
		     struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	cleanup(text_done) struct text full = { 0 };
	const json_t *items;
	bool first;
	int r;

	text_add(&full, "%s", path);
	if (next->data && *next->data)
		http_query_add(&full, "after", next->data);
	if (full.failed)
		return error_set(err, ERR_NO_MEMORY, "a path");
	r = call_request(c, "GET", full.data, NULL, &a, err);
	if (r < 0)
		return r;
	items = json_object_get(a.body, "items");
	if (!json_is_array(items))
		return error_set(err, ERR_UNAVAILABLE, "the answer to %s is no list", path);
	first = json_array_size(l->items) == 0;
	json_array_extend(l->items, (json_t *)items);
	l->revision = json_integer_value(json_object_get(a.body, "revision"));
	text_done(next);
	text_add(next, "%s", cell_string(a.body, "next"));
	if (next->failed)
		return error_set(err, ERR_NO_MEMORY, "a list");
	free(l->raw);
	l->raw = first && !*next->data ? take(a.text) : NULL;
	return 0;
}

int call_listing(struct call *c, const struct command *objects, const char *path,
		 struct listing *ret, struct error *err)
{
	cleanup(listing_done) struct listing l = { .items = json_array() };
	cleanup(text_done) struct text next = { 0 }, full = { 0 };
	const char *after = arguments_value(c->arguments, "after");
	int r;

	text_add(&full, "%s", path);
	if (!objects->whole)
		http_query_add(&full, "limit", "1000");
	text_add(&next, "%s", after ? after : "");
	do {
		if (!l.items || full.failed || next.failed)
			return error_set(err, ERR_NO_MEMORY, "a list");
		r = read_page(c, full.data, &l, &next, err);
		if (r < 0)
			return r;
	} while (*next.data);
	*ret = l;
	l = (struct listing){ 0 };
	return 0;
}

void call_print_list(struct call *c, const struct listing *l)
{
	cleanup(cleanup_free) char *line = NULL;
	json_auto_t *all = NULL;

	if (l->raw) {
		call_print_raw(c, l->raw);
		return;
	}
	all = json_pack("{s:O,s:I}", "items", l->items, "revision", l->revision);
	line = json_line(all);
	call_print_raw(c, line);
}

int call_list(struct call *c, struct error *err)
{
	cleanup(listing_done) struct listing l = { 0 };
	cleanup(text_done) struct text path = { 0 };
	struct table_style style = call_style(c);
	int r = call_path(c, c->arguments->verb->path, &path, err);

	if (r < 0)
		return r;
	if (arguments_has(c->arguments, "watch"))
		return live_list(c, path.data, err);
	r = call_listing(c, c->arguments->command, path.data, &l, err);
	if (r < 0)
		return r;
	if (c->format == OUTPUT_JSON) {
		call_print_list(c, &l);
		return 0;
	}
	if (json_array_size(l.items) == 0)
		fprintf(c->cli->errors, "There are none.\n");
	else
		r = table_print(&style, c->arguments->verb->columns, l.items, err);
	return r;
}

int call_show(struct call *c, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	cleanup(text_done) struct text path = { 0 };
	struct table_style style = call_style(c);
	int r = call_path(c, c->arguments->verb->path, &path, err);

	if (r == 0)
		r = call_request(c, "GET", path.data, NULL, &a, err);
	if (r < 0)
		return r;
	if (c->format != OUTPUT_JSON)
		return table_print_object(&style, a.body, err);
	call_print_raw(c, a.text);
	return 0;
}

/* "vm web01: created" */
static void print_done(struct call *c)
{
	const struct arguments *a = c->arguments;
	bool dry = arguments_has(a, "dry-run");

	fprintf(c->cli->out, "%s %s: %s%s%s\n", a->command->name, a->words_n > 0 ? a->words[0] : "",
		dry ? "would be " : "", a->verb->done, dry ? " (dry run: nothing changed)" : "");
}

/* A start that would not run at once: why, and whom it would stop. */
static void print_waiting(struct call *c, const json_t *operation)
{
	const json_t *step = json_array_get(json_object_get(operation, "steps"), 0);
	const struct arguments *a = c->arguments;

	fprintf(c->cli->out, "%s %s: would wait (dry run: nothing changed): %s\n",
		a->command->name, a->words_n > 0 ? a->words[0] : "", cell_string(step, "text"));
}

int call_change(struct call *c, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	cleanup(text_done) struct text path = { 0 };
	const struct verb *v = c->arguments->verb;
	json_auto_t *body = NULL;
	int r = call_path(c, v->path, &path, err);

	if (r == 0 && strcmp(v->method, "DELETE") != 0)
		r = call_body(c, &body, err);
	if (r == 0)
		r = call_request(c, v->method, path.data, body, &a, err);
	if (r < 0)
		return r;
	if (a.status == 202 && v->traits & VERB_OPERATION &&
	    !arguments_has(c->arguments, "dry-run"))
		return follow_operation(c, &a, err);
	if (c->format == OUTPUT_JSON)
		call_print_raw(c, a.text);
	else if (strcmp(cell_string(a.body, "state"), "waiting") == 0)
		print_waiting(c, a.body);
	else
		print_done(c);
	return 0;
}
