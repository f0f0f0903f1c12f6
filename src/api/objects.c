/* SPDX-License-Identifier: Apache-2.0 */
/* Lists with filters and pages, and single objects: the same for every kind. */
#include <string.h>

#include "api/handlers.h"
#include "api/header.h"
#include "base/crash.h"

enum { LIMIT_DEFAULT = 200, LIMIT_MAX = 1000 };

struct filter {
	const struct field *field;
	const char *text;
	int word; /* of an enum */
};

struct listing {
	enum object_kind kind;
	const struct fields *fields;
	struct filter filters[TARGET_QUERY_MAX];
	size_t filters_n, limit;
	uint64_t after_number; /* events: the cursor is a number */
	json_t *items;
	char last[GPU_ID_SIZE];
	bool more;
};

static json_t *object_write(const struct fields *f, const void *object, uint64_t revision)
{
	json_t *j = fields_write(f, object);

	if (j)
		json_object_set_new_nocheck(j, "revision", json_integer((json_int_t)revision));
	return j;
}

static const struct field *field_named(const struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->rows[i].name, name) == 0)
			return &f->rows[i];
	return NULL;
}

static int unknown_word(const struct field *f, const char *text, struct error *err)
{
	struct text known = { 0 };
	int r;

	for (size_t i = 0; i < f->names->n; i++)
		text_add(&known, "%s%s", i ? ", " : "", f->names->words[i]);
	r = error_at(err, ERR_INVALID, "query", "%s is one of %s, not '%.40s'", f->name,
		     known.data ? known.data : "", text);
	text_done(&known);
	return r;
}

static int parse_filter(const struct field *f, const char *text, struct filter *ret,
			struct error *err)
{
	*ret = (struct filter){ .field = f, .text = text };
	if (f->kind == FIELD_ENUM && !names_value(f->names, text, &ret->word))
		return unknown_word(f, text, err);
	return 0;
}

static int parse_limit(const char *text, size_t *ret, struct error *err)
{
	uint64_t n;

	if (!text_to_u64(text, LIMIT_MAX, &n) || n == 0)
		return error_at(err, ERR_INVALID, "query", "limit is 1 to %d, not '%.40s'",
				LIMIT_MAX, text);
	*ret = (size_t)n;
	return 0;
}

static int parse_query(struct listing *l, const struct target *t, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < t->query_n && r == 0; i++) {
		const char *name = t->query[i].name, *value = t->query[i].value;

		if (strcmp(name, "limit") == 0)
			r = parse_limit(value, &l->limit, err);
		else if (strcmp(name, "after") != 0)
			r = parse_filter(field_named(l->fields, name), value,
					 &l->filters[l->filters_n++], err);
	}
	return r;
}

static bool fits(const struct listing *l, const void *object)
{
	for (size_t i = 0; i < l->filters_n; i++) {
		const struct filter *f = &l->filters[i];
		const char *slot = (const char *)object + f->field->offset;

		if (f->field->kind == FIELD_ENUM ? *(const int *)slot != f->word
						 : strcmp(slot, f->text) != 0)
			return false;
	}
	return l->kind != OBJECT_EVENT || ((const struct event *)object)->number > l->after_number;
}

static bool take_object(void *user, const void *object, const char *id, uint64_t revision)
{
	struct listing *l = user;

	if (!fits(l, object))
		return true;
	l->more = json_array_size(l->items) == l->limit;
	if (l->more)
		return false;
	json_array_append_new(l->items, object_write(l->fields, object, revision));
	TEXT_COPY(l->last, id);
	if (l->kind == OBJECT_EVENT)
		snprintf(l->last, sizeof(l->last), "%ju",
			 (uintmax_t)((const struct event *)object)->number);
	return true;
}

int object_list(struct request *rq, struct error *err)
{
	enum object_kind kind = rq->route->what;
	struct controller *c = request_controller(rq);
	struct listing l = { .kind = kind, .fields = object_fields(kind), .limit = LIMIT_DEFAULT };
	const char *after = target_query(&rq->target, "after");
	json_t *j;
	int r = parse_query(&l, &rq->target, err);

	if (r < 0)
		return r;
	if (kind == OBJECT_EVENT && after) {
		if (!text_to_u64(after, INT64_MAX, &l.after_number))
			return error_at(err, ERR_INVALID, "query",
					"after is the number of an event");
		after = "";
	}
	l.items = json_array();
	controller_each(c, kind, after ? after : "", take_object, &l);
	j = json_pack("{s:o, s:I}", "items", l.items, "revision",
		      (json_int_t)controller_revision(c));
	if (j && l.more)
		json_object_set_new(j, "next", json_string(l.last));
	request_json(rq, 200, j);
	return 0;
}

static void set_etag(struct reply *reply, uint64_t revision)
{
	snprintf(reply->etag, sizeof(reply->etag), "\"%ju\"", (uintmax_t)revision);
}

int object_get(struct request *rq, struct error *err)
{
	enum object_kind kind = rq->route->what;
	uint64_t revision = 0;
	const void *object = controller_get(request_controller(rq), kind, rq->params[0], &revision);

	if (!object)
		return error_set(err, ERR_NOT_FOUND, "there is no %s %s",
				 names_word(&object_kind_names, (int)kind), rq->params[0]);
	set_etag(&rq->reply, revision);
	if (header_none_match(request_header(rq, "If-None-Match"), revision)) {
		rq->reply.status = 304;
		return 0;
	}
	request_json(rq, 200, object_write(object_fields(kind), object, revision));
	return 0;
}

/* ---- commands ---- */

static bool is_dry_run(const struct request *rq)
{
	const char *value = target_query(&rq->target, "dry_run");

	return value && strcmp(value, "1") == 0;
}

static void set_location(const struct request *rq, struct reply *reply, const char *id)
{
	const char *plural = names_word(&object_plural_names, rq->route->gives);

	snprintf(reply->location, sizeof(reply->location), "/v1/%s/%s", plural, id);
}

static void on_success(struct request *rq, const struct outcome *o)
{
	int status = o->accepted ? 202 : o->created ? 201 : 200;
	const char *nothing = is_dry_run(rq) ? "{\"dry_run\":true}" : "{}";

	if (o->body && o->revision)
		set_etag(&rq->reply, o->revision);
	if (status != 200 && rq->route->gives >= 0 && !is_dry_run(rq) && o->id && o->id[0])
		set_location(rq, &rq->reply, o->id);
	rq->reply.replayed = o->replayed;
	request_text(rq, status, strdup(o->body ? o->body : nothing));
}

static void on_outcome(void *user, const struct outcome *o)
{
	struct request *rq = user;

	if (o->r < 0) {
		rq->reply.replayed = o->replayed;
		request_problem(rq, o->err, 0, o->refusals, o->refusals_n);
	} else {
		crash_point("durable, the client does not know");
		on_success(rq, o);
	}
	request_done(rq);
}

static int parse_dry_run(const struct request *rq, bool *ret, struct error *err)
{
	const char *value = target_query(&rq->target, "dry_run");

	if (value && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return error_at(err, ERR_INVALID, "query", "dry_run is 0 or 1, not '%.40s'", value);
	*ret = is_dry_run(rq);
	return 0;
}

static int fill_command(const struct request *rq, struct command *c, struct error *err)
{
	int r = parse_dry_run(rq, &c->dry_run, err);

	if (r == 0)
		r = header_if_match(request_header(rq, "If-Match"), &c->if_match, err);
	if (r == 0)
		r = header_idempotency_key(request_header(rq, "Idempotency-Key"),
					   c->idempotency_key, sizeof(c->idempotency_key), err);
	return r;
}

int command_submit(struct request *rq, struct error *err)
{
	struct command c = { .kind = rq->route->what, .actor = rq->actor, .body = rq->body };
	int r = fill_command(rq, &c, err);

	if (r < 0)
		return r;
	if (rq->params[0])
		TEXT_COPY(c.id, rq->params[0]);
	if (rq->params[1])
		TEXT_COPY(c.sub, rq->params[1]);
	controller_submit(request_controller(rq), &c, on_outcome, rq);
	return LATER;
}
