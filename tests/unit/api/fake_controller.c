/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_controller.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

#define X(constant, word, plural, noun) word,
static const char *const kind_words[] = { OBJECT_KINDS(X) };
#undef X
const struct names object_kind_names = { kind_words, OBJECT_COUNT };

#define X(constant, word, plural, noun) plural,
static const char *const plural_words[] = { OBJECT_KINDS(X) };
#undef X
const struct names object_plural_names = { plural_words, OBJECT_COUNT };

#define X(constant, word) word,
static const char *const command_words[] = { COMMANDS(X) };
#undef X
const struct names command_kind_names = { command_words, COMMAND_COUNT };

struct controller_watch {
	struct controller *c;
	size_t at;
	uint64_t after;
	bool behind;
	change_fn *fn;
	void *user;
};

struct wanted_feed {
	struct controller *c;
	size_t at;
	char host[NAME_SIZE];
	wanted_fn *fn;
	void *user;
};

const struct fields *object_fields(enum object_kind kind)
{
#define X(constant, word, plural, noun) [OBJECT_##constant] = &noun##_fields,
	static const struct fields *const tables[] = { OBJECT_KINDS(X) };
#undef X
	return tables[kind];
}

struct controller *fake_new(void)
{
	struct controller *c = calloc(1, sizeof(*c));

	c->revision = c->oldest = 1;
	return c;
}

static void drop(struct fake_object *o)
{
	if (o->data)
		fields_done(object_fields(o->kind), o->data);
	free(o->data);
}

struct controller *fake_free(struct controller *c)
{
	for (size_t i = 0; i < c->n; i++)
		drop(&c->objects[i]);
	json_decref(c->last_body);
	free(c);
	return NULL;
}

static int order(const struct fake_object *o, enum object_kind kind, const char *id)
{
	return o->kind != kind ? (int)o->kind - (int)kind : strcmp(o->id, id);
}

static void tell(struct controller *c, enum object_kind kind, const char *id, const void *data)
{
	json_t *j = data ? fields_write(object_fields(kind), data) : NULL;

	for (size_t i = 0; i < FAKE_WATCHES; i++)
		if (c->watches[i] && !c->watches[i]->behind)
			c->watches[i]->fn(c->watches[i]->user, kind, id, j, c->revision);
	json_decref(j);
}

void fake_put(struct controller *c, enum object_kind kind, const char *id, const void *data)
{
	size_t i = 0;

	while (i < c->n && order(&c->objects[i], kind, id) < 0)
		i++;
	if (i < c->n && order(&c->objects[i], kind, id) == 0) {
		drop(&c->objects[i]);
		memmove(&c->objects[i], &c->objects[i + 1], (--c->n - i) * sizeof(c->objects[0]));
	}
	c->revision++;
	if (data) {
		struct fake_object o = { .kind = kind, .revision = c->revision };

		assert(c->n < FAKE_OBJECTS);
		TEXT_COPY(o.id, id);
		o.data = calloc(1, object_fields(kind)->size);
		assert(fields_copy(object_fields(kind), data, o.data, NULL) == 0);
		memmove(&c->objects[i + 1], &c->objects[i], (c->n++ - i) * sizeof(c->objects[0]));
		c->objects[i] = o;
	}
	tell(c, kind, id, data);
}

static void answer(struct controller *c, outcome_fn *done, void *user)
{
	char *text;
	struct outcome o = { .r = -(int)c->fail.kind, .err = &c->fail, .replayed = c->replayed };
	bool begun = c->last.kind == COMMAND_VM_START || c->last.kind == COMMAND_VM_STOP;
	json_t *body = NULL;

	if (o.r < 0) {
		o.refusals = c->refusals;
		o.refusals_n = c->refusals_n;
	} else if (begun) {
		o.accepted = true;
		body = json_pack("{s:s, s:s}", "id", "op-1", "vm", c->last.id);
	} else if (c->last.kind == COMMAND_VM_CREATE || c->last.kind == COMMAND_GROUP_CREATE) {
		o.created = true;
		body = json_incref(c->last_body);
	} else if (c->last.kind != COMMAND_VM_DELETE && c->last.kind != COMMAND_HOST_REPORT) {
		body = json_pack("{s:s}", "id", c->last.id);
	}
	if (body) {
		json_object_set_new(body, "revision", json_integer((json_int_t)c->revision));
		if (c->last.dry_run)
			json_object_set_new(body, "dry_run", json_true());
		o.id = json_string_value(json_object_get(body, "id")
						 ?: json_object_get(body, "name"));
	}
	o.body = text = body ? json_line(body) : NULL;
	o.revision = c->revision;
	done(user, &o);
	free(text);
	json_decref(body);
}

void controller_submit(struct controller *c, const struct command *command, outcome_fn *done,
		       void *user)
{
	c->last = *command;
	json_decref(c->last_body);
	c->last_body = command->body ? json_deep_copy(command->body) : NULL;
	c->last.body = NULL;
	c->submitted++;
	if (!c->later) {
		answer(c, done, user);
		return;
	}
	assert(c->pending_n < FAKE_PENDING);
	c->pending[c->pending_n++] = (struct fake_pending){ done, user };
}

void fake_settle(struct controller *c)
{
	for (size_t i = 0; i < c->pending_n; i++)
		answer(c, c->pending[i].done, c->pending[i].user);
	c->pending_n = 0;
}

const void *controller_get(struct controller *c, enum object_kind kind, const char *id,
			   uint64_t *ret_revision)
{
	for (size_t i = 0; i < c->n; i++) {
		if (order(&c->objects[i], kind, id) != 0)
			continue;
		if (ret_revision)
			*ret_revision = c->objects[i].revision;
		return c->objects[i].data;
	}
	return NULL;
}

void controller_each(struct controller *c, enum object_kind kind, const char *after, object_fn *fn,
		     void *user)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fake_object *o = &c->objects[i];

		if (o->kind != kind || strcmp(o->id, after) <= 0)
			continue;
		if (!fn(user, o->data, o->id, o->revision))
			return;
	}
}

uint64_t controller_revision(struct controller *c)
{
	return c->revision;
}

int controller_explain_vm(struct controller *c, const char *vm, json_t **ret, struct error *err)
{
	if (!controller_get(c, OBJECT_VM, vm, NULL))
		return error_set(err, ERR_NOT_FOUND, "there is no VM %s", vm);
	*ret = json_pack("{s:s}", "vm", vm);
	return 0;
}

int controller_rebalance(struct controller *c, const struct rebalance *ask, json_t **ret,
			 struct error *err)
{
	if (ask->group && !controller_get(c, OBJECT_GROUP, ask->group, NULL))
		return error_set(err, ERR_NOT_FOUND, "there is no group %s", ask->group);
	*ret = json_pack("{s:i, s:i}", "moves", (int)ask->moves, "budget_s", (int)ask->budget_s);
	return 0;
}

int controller_explain_group(struct controller *c, const char *group, json_t **ret,
			     struct error *err)
{
	if (!controller_get(c, OBJECT_GROUP, group, NULL))
		return error_set(err, ERR_NOT_FOUND, "there is no group %s", group);
	*ret = json_pack("{s:s}", "group", group);
	return 0;
}

json_t *controller_doctor(struct controller *c)
{
	(void)c;
	return json_pack("{s:b}", "ok", 1);
}

json_t *controller_domains(struct controller *c)
{
	(void)c;
	return json_pack("[]");
}

json_t *controller_profiles(struct controller *c)
{
	(void)c;
	return json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", "NVIDIA L40S-8Q", "series", "Q",
			 "name", "NVIDIA L40S-8C", "series", "C");
}

static void replay(struct controller_watch *w)
{
	w->behind = false;
	for (size_t i = 0; i < w->c->n; i++) {
		const struct fake_object *o = &w->c->objects[i];
		json_t *j = fields_write(object_fields(o->kind), o->data);

		if (o->revision > w->after)
			w->fn(w->user, o->kind, o->id, j, o->revision);
		json_decref(j);
	}
}

void fake_catch_up(struct controller *c)
{
	for (size_t i = 0; i < FAKE_WATCHES; i++)
		if (c->watches[i] && c->watches[i]->behind)
			replay(c->watches[i]);
}

int controller_watch(struct controller *c, uint64_t after, change_fn *fn, void *user,
		     struct controller_watch **ret, struct error *err)
{
	struct controller_watch *w;
	size_t i = 0;

	if (after < c->oldest)
		return error_set(err, ERR_NOT_FOUND, "not kept");
	while (i < FAKE_WATCHES && c->watches[i])
		i++;
	assert(i < FAKE_WATCHES);
	w = calloc(1, sizeof(*w));
	*w = (struct controller_watch){ c, i, after, after < c->revision, fn, user };
	*ret = c->watches[i] = w;
	if (w->behind && !c->lazy)
		replay(w);
	return 0;
}

void controller_unwatch(struct controller_watch *w)
{
	w->c->watches[w->at] = NULL;
	free(w);
}

struct wanted_feed *controller_feed(struct controller *c, const char *host, uint64_t after,
				    wanted_fn *fn, void *user)
{
	struct wanted_feed *f = calloc(1, sizeof(*f));
	size_t i = 0;

	while (i < FAKE_WATCHES && c->feeds[i])
		i++;
	assert(i < FAKE_WATCHES);
	*f = (struct wanted_feed){ c, i, "", fn, user };
	TEXT_COPY(f->host, host);
	c->feeds[i] = f;
	if (after < c->revision)
		fn(user, "{\"first\":true}");
	return f;
}

void controller_unfeed(struct wanted_feed *f)
{
	f->c->feeds[f->at] = NULL;
	free(f);
}

void fake_wanted(struct controller *c, const char *host, const char *line)
{
	for (size_t i = 0; i < FAKE_WATCHES; i++)
		if (c->feeds[i] && strcmp(c->feeds[i]->host, host) == 0)
			c->feeds[i]->fn(c->feeds[i]->user, line);
}

size_t fake_watches(const struct controller *c)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_WATCHES; i++)
		n += c->watches[i] != NULL;
	return n;
}

size_t fake_feeds(const struct controller *c)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_WATCHES; i++)
		n += c->feeds[i] != NULL;
	return n;
}
