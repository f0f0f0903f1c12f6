/* SPDX-License-Identifier: Apache-2.0 */
/* A change is copied on first touch, checked as a whole, and lands as a whole: in memory at once,
 * on disk as one batch, and in the answer when that batch is durable.
 *
 * Revisions are predicted: nobody else writes to the store, so the batch after the newest one on
 * its way gets the next number.  "meta/chain" holds every batch to that: it expects the revision of
 * the batch before it, so when one fails, all behind it fail too instead of landing on ground that
 * is not there. */
#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/internal.h"

void change_begin(struct change *ch, struct controller *c, const struct command *command)
{
	*ch = (struct change){ .c = c, .command = command, .now_ms = controller_now(c) };
	ch->by = command ? command->actor.name : "facetd";
}

void change_drop(struct change *ch)
{
	for (size_t i = 0; i < ch->n; i++) {
		if (!ch->edits[i].data)
			continue;
		fields_done(object_fields(ch->edits[i].kind), ch->edits[i].data);
		free(ch->edits[i].data);
	}
	free(ch->edits);
	free(ch->forget);
	free(ch->refusals);
	*ch = (struct change){ 0 };
}

void change_restart(struct change *ch)
{
	struct change before = *ch;

	ch->refusals = NULL;
	change_drop(ch);
	change_begin(ch, before.c, before.command);
	ch->refusals = before.refusals;
	ch->refusals_n = before.refusals_n;
}

void change_refuse(struct change *ch, const char *code, const char *fmt, ...)
{
	struct refusal *rows = realloc(ch->refusals, (ch->refusals_n + 1) * sizeof(*rows));
	va_list ap;

	if (!rows)
		return;
	ch->refusals = rows;
	rows += ch->refusals_n++;
	*rows = (struct refusal){ 0 };
	TEXT_COPY(rows->code, code);
	va_start(ap, fmt);
	vsnprintf(rows->text, sizeof(rows->text), fmt, ap);
	va_end(ap);
}

static struct edit *edit_find(struct change *ch, enum object_kind kind, const char *id)
{
	for (size_t i = 0; i < ch->n; i++)
		if (ch->edits[i].kind == kind && strcmp(ch->edits[i].id, id) == 0)
			return &ch->edits[i];
	return NULL;
}

static struct edit *edit_add(struct change *ch, enum object_kind kind, const char *id)
{
	struct edit *e;

	if (ch->n == ch->room) {
		size_t room = ch->room ? ch->room * 2 : 8;

		e = realloc(ch->edits, room * sizeof(*e));
		if (!e) {
			ch->failed = true;
			return NULL;
		}
		ch->edits = e;
		ch->room = room;
	}
	e = &ch->edits[ch->n++];
	*e = (struct edit){ .kind = kind, .object = controller_find(ch->c, kind, id) };
	TEXT_COPY(e->id, id);
	return e;
}

const void *change_see(struct change *ch, enum object_kind kind, const char *id)
{
	struct edit *e = edit_find(ch, kind, id);
	struct object *o;

	if (e)
		return e->data;
	o = controller_find(ch->c, kind, id);
	return o ? o->data : NULL;
}

const void *change_see_object(struct change *ch, const struct object *o)
{
	for (size_t i = 0; i < ch->n; i++)
		if (ch->edits[i].object == o)
			return ch->edits[i].data;
	return o->data;
}

void *change_create(struct change *ch, enum object_kind kind, const char *id)
{
	struct edit *e = edit_find(ch, kind, id);

	assert(!e || !e->data);
	if (!e)
		e = edit_add(ch, kind, id);
	if (e)
		e->data = calloc(1, object_fields(kind)->size);
	if (!e || !e->data)
		ch->failed = true;
	return e ? e->data : NULL;
}

void *change_edit(struct change *ch, enum object_kind kind, const char *id)
{
	struct edit *e = edit_find(ch, kind, id);
	struct object *o = controller_find(ch->c, kind, id);
	void *copy;

	if (e)
		return e->data;
	if (!o)
		return NULL;
	copy = calloc(1, object_fields(kind)->size);
	if (!copy || fields_copy(object_fields(kind), o->data, copy, NULL) < 0 ||
	    !(e = edit_add(ch, kind, id))) {
		if (copy)
			fields_done(object_fields(kind), copy);
		free(copy);
		ch->failed = true;
		return NULL;
	}
	return e->data = copy;
}

void change_delete(struct change *ch, enum object_kind kind, const char *id)
{
	struct edit *e = edit_find(ch, kind, id);

	if (!e)
		e = edit_add(ch, kind, id);
	if (!e || !e->data)
		return;
	fields_done(object_fields(kind), e->data);
	free(e->data);
	e->data = NULL;
}

void change_forget_answer(struct change *ch, const char *key)
{
	void *rows = realloc(ch->forget, (ch->forget_n + 1) * sizeof(*ch->forget));

	if (!rows) {
		ch->failed = true;
		return;
	}
	ch->forget = rows;
	TEXT_COPY(ch->forget[ch->forget_n], key);
	ch->forget_n++;
}

void change_event(struct change *ch, const char *kind, const char *object, const char *host,
		  const char *vm, const char *fmt, ...)
{
	struct event ev = { .number = ch->c->next_event++, .time_ms = ch->now_ms };
	char id[GPU_ID_SIZE];
	struct event *e;
	va_list ap;

	TEXT_COPY(ev.kind, kind);
	TEXT_COPY(ev.object, object);
	TEXT_COPY(ev.host, host);
	TEXT_COPY(ev.vm, vm);
	TEXT_COPY(ev.by, ch->by);
	va_start(ap, fmt);
	vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
	va_end(ap);
	e = change_create(ch, OBJECT_EVENT, object_id_of(OBJECT_EVENT, &ev, id));
	if (e)
		*e = ev;
}

/* Ids of leases linked to OWNER and of those that the change makes; FITS says which of these. */
static size_t collect_leases(struct change *ch, const struct object *owner, const char *name,
			     bool by_vm, char (**ret)[LEASE_ID_SIZE])
{
	size_t most = (owner ? owner->leases.n : 0) + ch->n, n = 0;
	char(*ids)[LEASE_ID_SIZE] = calloc(most ? most : 1, sizeof(*ids));

	*ret = ids;
	if (!ids) {
		ch->failed = true;
		return 0;
	}
	for (size_t i = 0; owner && i < owner->leases.n; i++) {
		const struct lease *l = change_see_object(ch, owner->leases.rows[i]);

		if (l && strcmp(by_vm ? l->vm : l->host, name) == 0)
			memcpy(ids[n++], l->id, sizeof(*ids));
	}
	for (size_t i = 0; i < ch->n; i++) {
		const struct lease *l = ch->edits[i].data;

		if (ch->edits[i].kind != OBJECT_LEASE || !l || ch->edits[i].object)
			continue;
		if (strcmp(by_vm ? l->vm : l->host, name) == 0)
			memcpy(ids[n++], l->id, sizeof(*ids));
	}
	return n;
}

size_t change_leases_of_vm(struct change *ch, const char *vm, char (**ret)[LEASE_ID_SIZE])
{
	return collect_leases(ch, controller_find(ch->c, OBJECT_VM, vm), vm, true, ret);
}

size_t change_leases_of_host(struct change *ch, const char *host, char (**ret)[LEASE_ID_SIZE])
{
	return collect_leases(ch, controller_find(ch->c, OBJECT_HOST, host), host, false, ret);
}

/* ---- the ledger's last word ---- */

static int check_gpu(struct change *ch, const char *id, struct error *err)
{
	const struct gpu *gpu = change_see(ch, OBJECT_GPU, id);
	const struct object *o = controller_find(ch->c, OBJECT_GPU, id);
	const struct lease *leases[256];
	size_t n = 0, old;
	char why[256];

	for (size_t i = 0; o && i < o->leases.n && n < 256; i++) {
		const struct lease *l = change_see_object(ch, o->leases.rows[i]);

		if (l)
			leases[n++] = l;
	}
	old = n;
	for (size_t i = 0; i < ch->n && n < 256; i++) {
		const struct lease *l = ch->edits[i].data;

		if (ch->edits[i].kind == OBJECT_LEASE && l && !ch->edits[i].object &&
		    strcmp(l->gpu, id) == 0)
			leases[n++] = l;
	}
	if (!gpu || ledger_gpu_takes(gpu, leases, n, old, why, sizeof(why)))
		return 0;
	return error_set(err, ERR_CONFLICT, "refused by the ledger: %s", why);
}

/* Only new leases can break the peace: the others were checked when they came. */
static int check_ledger(struct change *ch, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < ch->n && r == 0; i++) {
		const struct lease *l = ch->edits[i].data;

		if (ch->edits[i].kind == OBJECT_LEASE && l && !ch->edits[i].object)
			r = check_gpu(ch, l->gpu, err);
	}
	return r;
}

/* ---- landing ---- */

struct batch {
	struct controller *c;
	outcome_fn *done;
	void *user;
	bool accepted, created;
	char *body, id[GPU_ID_SIZE]; /* of the answer */
	uint64_t revision;
	char key[UUID_TEXT_SIZE]; /* of the kept answer, "" for none */
	json_t *kept;
	char (*hosts)[NAME_SIZE]; /* whose wanted state this touches */
	size_t hosts_n;
	bool all_hosts;
};

static void batch_free(struct batch *b)
{
	free(b->body);
	json_decref(b->kept);
	free(b->hosts);
	free(b);
}

/* What readers see stays until there is something better. */
void controller_recover(struct controller *c)
{
	struct table old[OBJECT_COUNT], fresh[OBJECT_COUNT];
	struct error err;
	int r;

	if (!c->broken || c->pending > 0)
		return;
	memcpy(old, c->tables, sizeof(old));
	memset(c->tables, 0, sizeof(c->tables));
	r = controller_load(c, &err);
	memcpy(fresh, c->tables, sizeof(fresh));
	memcpy(c->tables, r < 0 ? fresh : old, sizeof(c->tables));
	objects_clear(c);
	memcpy(c->tables, r < 0 ? old : fresh, sizeof(c->tables));
	if (r < 0) {
		log_error("reading the store again: %s", err.text);
		return;
	}
	log_warning("the store failed (%s): back to its last durable state, revision %ju",
		    c->broken_why, (uintmax_t)c->durable);
	c->broken = false;
	feed_touch(c, NULL);
}

static void landed(void *user, int r, uint64_t revision, const struct error *err)
{
	struct batch *b = user;
	struct controller *c = b->c;
	struct outcome o = { .r = r, .err = err, .accepted = b->accepted, .created = b->created,
			     .body = r == 0 ? b->body : NULL, .id = b->id,
			     .revision = b->revision };
	struct error first;

	c->pending--;
	if (r == 0) {
		assert(revision == b->revision);
		c->durable = revision;
		if (b->key[0])
			json_object_set(c->answers, b->key, b->kept);
		crash_point("controller.landed");
	} else {
		if (!c->broken)
			TEXT_COPY(c->broken_why, err->text);
		c->broken = true;
		o.r = error_set(&first, ERR_UNAVAILABLE, "nothing was changed: %s", c->broken_why);
		o.err = &first;
	}
	if (b->done)
		b->done(b->user, &o);
	crash_point("controller.answered");
	if (r == 0 && b->all_hosts)
		feed_touch(c, NULL);
	for (size_t i = 0; r == 0 && !b->all_hosts && i < b->hosts_n; i++)
		feed_touch(c, b->hosts[i]);
	batch_free(b);
	controller_recover(c);
}

struct writes {
	struct store_write *rows;
	char (*keys)[STORE_KEY_MAX + 1];
	char **values;
	size_t n;
};

static void writes_done(struct writes *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->values[i]);
	free(w->rows);
	free(w->keys);
	free(w->values);
}

static bool writes_add(struct writes *w, uint64_t expect, char *value, const char *prefix,
		       const char *id)
{
	stpcpy(stpcpy(stpcpy(w->keys[w->n], prefix), "/"), id);
	w->values[w->n] = value;
	w->rows[w->n] = (struct store_write){ w->keys[w->n], value, expect };
	w->n++;
	return true;
}

static int writes_make(struct change *ch, struct writes *w, struct error *err)
{
	size_t room = ch->n + ch->forget_n + 2;
	char *text;

	w->rows = calloc(room, sizeof(*w->rows));
	w->keys = calloc(room, sizeof(*w->keys));
	w->values = calloc(room, sizeof(*w->values));
	if (!w->rows || !w->keys || !w->values)
		return error_set(err, ERR_NO_MEMORY, "a batch of %zu writes", room);
	writes_add(w, ch->c->chain, strdup("{}"), "meta", "chain");
	for (size_t i = 0; i < ch->n; i++) {
		struct edit *e = &ch->edits[i];

		text = e->data ? fields_text(object_fields(e->kind), e->data) : NULL;
		if (e->data && !text)
			return error_set(err, ERR_NO_MEMORY, "%s %s",
					 object_kind_names.words[e->kind], e->id);
		writes_add(w, STORE_ANY, text, object_kind_names.words[e->kind], e->id);
	}
	for (size_t i = 0; i < ch->forget_n; i++)
		writes_add(w, STORE_ANY, NULL, "answer", ch->forget[i]);
	return 0;
}

/* The answer to B goes into the same batch, for a client that asks again. */
static int writes_add_answer(struct change *ch, struct batch *b, struct writes *w,
			     struct error *err)
{
	struct text t = { 0 };
	char *text;

	text_add(&t,
		 "{\"time_ms\":%jd,\"accepted\":%s,\"created\":%s,\"revision\":%ju,\"body\":%s}",
		 (intmax_t)ch->now_ms, b->accepted ? "true" : "false",
		 b->created ? "true" : "false", (uintmax_t)b->revision,
		 b->body ? b->body : "null");
	text = text_take(&t);
	if (!text || json_parse(text, strlen(text), STORE_VALUE_MAX, &b->kept, NULL) < 0) {
		free(text);
		return error_set(err, ERR_NO_MEMORY, "the answer that is kept");
	}
	writes_add(w, STORE_ANY, text, "answer", b->key);
	return 0;
}

static void touch_host(struct batch *b, const char *host)
{
	void *more;

	for (size_t i = 0; i < b->hosts_n; i++)
		if (strcmp(b->hosts[i], host) == 0)
			return;
	more = realloc(b->hosts, (b->hosts_n + 1) * sizeof(*b->hosts));
	if (!more)
		return;
	b->hosts = more;
	TEXT_COPY(b->hosts[b->hosts_n], host);
	b->hosts_n++;
}

static void note_host(struct batch *b, enum object_kind kind, const void *data)
{
	if (!data)
		return;
	/* A group decides whose functions are enabled, on any host. */
	if (kind == OBJECT_GROUP)
		b->all_hosts = true;
	else if (kind == OBJECT_LEASE)
		touch_host(b, ((const struct lease *)data)->host);
	else if (kind == OBJECT_VM)
		touch_host(b, ((const struct vm *)data)->host);
	else if (kind == OBJECT_GPU)
		touch_host(b, ((const struct gpu *)data)->host);
}

/* The host that it leaves is told, too. */
static void note_hosts(struct change *ch, struct batch *b)
{
	for (size_t i = 0; i < ch->n; i++) {
		const struct edit *e = &ch->edits[i];

		note_host(b, e->kind, e->data);
		note_host(b, e->kind, e->object ? e->object->data : NULL);
	}
}

/* What may let a waiter in: room, rules, and the VM itself. */
static void touch_queue(struct controller *c, const struct edit *e)
{
	const void *data = e->data ? e->data : e->object ? e->object->data : NULL;

	if (e->kind == OBJECT_GROUP || e->kind == OBJECT_TENANT || e->kind == OBJECT_PRIORITY_CLASS)
		queue_touch(c, NULL);
	else if (data && e->kind == OBJECT_LEASE)
		queue_touch(c, ((const struct lease *)data)->host);
	else if (data && e->kind == OBJECT_GPU)
		queue_touch(c, ((const struct gpu *)data)->host);
	else if (data && e->kind == OBJECT_VM)
		queue_touch(c, ((const struct vm *)data)->host);
	else if (data && e->kind == OBJECT_OPERATION &&
		 !operation_is_open((const struct operation *)data))
		queue_touch(c, ((const struct operation *)data)->host);
	else if (e->kind == OBJECT_HOST)
		queue_touch(c, e->id);
}

/* Memory takes the edits over. */
static void apply(struct change *ch, uint64_t revision)
{
	bool queued = false;

	for (size_t i = 0; i < ch->n; i++) {
		struct edit *e = &ch->edits[i];

		queued = queued || e->kind == OBJECT_WAITER;
		touch_queue(ch->c, e);
		if (!e->data)
			object_remove(ch->c, e->kind, e->id);
		else if (!object_put(ch->c, e->kind, e->id, e->data, revision))
			log_error("out of memory while keeping %s", e->id);
		e->data = NULL;
	}
	if (queued)
		queue_count(ch->c);
}

/* The object as clients see it: TEXT, as it is stored, with two members more; NULL for NULL. */
static char *shown(const char *text, uint64_t revision, bool dry_run)
{
	struct text t = { 0 };

	if (!text)
		return NULL;
	text_append(&t, text, strlen(text) - 1);
	text_add(&t, ",\"revision\":%ju%s}", (uintmax_t)revision,
		 dry_run ? ",\"dry_run\":true" : "");
	return text_take(&t);
}

/* What the change makes of the object of the answer, as it is stored; free() it. */
static char *text_of_answer(struct change *ch, const struct answer *a)
{
	const void *data = a->id ? change_see(ch, a->kind, a->id) : NULL;

	return data ? fields_text(object_fields(a->kind), data) : NULL;
}

/* The object of the answer is among the writes nearly always: row 0 is the chain. */
static char *body_of(struct change *ch, const struct answer *a, const struct writes *w,
		     uint64_t revision)
{
	cleanup(cleanup_free) char *text = NULL;

	for (size_t i = 0; a->id && i < ch->n; i++)
		if (ch->edits[i].kind == a->kind && strcmp(ch->edits[i].id, a->id) == 0)
			return shown(w->values[i + 1], revision, false);
	text = text_of_answer(ch, a);
	return shown(text, revision, false);
}

static int launch(struct change *ch, const struct answer *a, struct batch *b, struct error *err)
{
	struct controller *c = ch->c;
	struct writes w = { 0 };
	int r = writes_make(ch, &w, err);

	if (r == 0)
		b->body = body_of(ch, a, &w, b->revision);
	if (r == 0 && b->key[0])
		r = writes_add_answer(ch, b, &w, err);
	if (r == 0)
		r = store_commit(c->store, w.rows, w.n, landed, b, err);
	writes_done(&w);
	if (r < 0)
		return r;
	c->revision = c->chain = b->revision;
	c->pending++;
	if (b->key[0])
		json_object_set_new(c->answers, b->key, json_null());
	for (size_t i = 0; i < ch->forget_n; i++)
		json_object_del(c->answers, ch->forget[i]);
	apply(ch, b->revision);
	crash_point("controller.applied");
	return 0;
}

/* A dry run, or a change that changes nothing. */
static void answer_dry(struct change *ch, const struct answer *a, outcome_fn *done, void *user)
{
	cleanup(cleanup_free) char *text = text_of_answer(ch, a);
	cleanup(cleanup_free) char *body =
		shown(text, ch->c->revision, ch->command && ch->command->dry_run);
	struct outcome o = { .body = body, .id = a->id, .accepted = a->accepted,
			     .revision = ch->c->revision, .refusals = ch->refusals,
			     .refusals_n = ch->refusals_n };

	if (done)
		done(user, &o);
}

void answer_error(outcome_fn *done, void *user, int r, const struct error *err,
		  const struct change *ch)
{
	struct outcome o = { .r = r, .err = err };

	if (ch) {
		o.refusals = ch->refusals;
		o.refusals_n = ch->refusals_n;
	}
	if (done)
		done(user, &o);
}

/* The key of a client may hold anything and belongs to that client alone; with another object or
 * body it is another request. */
void answer_key(const struct command *command, char key[UUID_TEXT_SIZE])
{
	char *body =
		command->body ? json_dumps(command->body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct text t = { 0 };

	text_add(&t, "%s %s %s/%s %s %s", command->actor.name,
		 command_kind_names.words[command->kind], command->id, command->sub,
		 command->idempotency_key, body ? body : "");
	uuid_of_name(t.data ? t.data : "", key);
	text_done(&t);
	free(body);
}

static struct batch *batch_new(struct change *ch, const struct answer *a, outcome_fn *done,
			       void *user)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct batch){ .c = ch->c, .done = done, .user = user, .accepted = a->accepted,
			     .created = a->created, .revision = ch->c->revision + 1 };
	if (a->id)
		TEXT_COPY(b->id, a->id);
	if (ch->command && ch->command->idempotency_key[0])
		answer_key(ch->command, b->key);
	note_hosts(ch, b);
	return b;
}

/* Drops edits that say nothing new: a host that reports the same again costs no write. */
static void prune(struct change *ch)
{
	size_t kept = 0;

	for (size_t i = 0; i < ch->n; i++) {
		struct edit *e = &ch->edits[i];
		const struct fields *f = object_fields(e->kind);

		/* Every report moves this time; it is kept in memory and goes along with other
		 * news. */
		if (e->kind == OBJECT_HOST && e->data && e->object)
			((struct host *)e->data)->last_report_ms =
				((const struct host *)e->object->data)->last_report_ms;
		if (e->data ? e->object && fields_equal(f, e->data, e->object->data) : !e->object) {
			if (e->data)
				fields_done(f, e->data);
			free(e->data);
			continue;
		}
		ch->edits[kept++] = *e;
	}
	ch->n = kept;
}

void change_commit(struct change *ch, const struct answer *asked, outcome_fn *done, void *user)
{
	struct answer copy = *asked, *answer = &copy;
	char id[GPU_ID_SIZE];
	struct batch *b = NULL;
	struct error err;
	int r;

	/* The id may lie in an edit, which goes when it says nothing new. */
	if (asked->id) {
		TEXT_COPY(id, asked->id);
		copy.id = id;
	}
	crash_point("controller.decided");
	prune(ch);
	r = check_ledger(ch, &err);
	if (r == 0 && ch->failed)
		r = error_set(&err, ERR_NO_MEMORY, "the change was not made");
	if (r == 0 && ((ch->command && ch->command->dry_run) || ch->n + ch->forget_n == 0)) {
		answer_dry(ch, answer, done, user);
		change_drop(ch);
		return;
	}
	if (r == 0 && !(b = batch_new(ch, answer, done, user)))
		r = error_set(&err, ERR_NO_MEMORY, "the change was not made");
	if (r == 0)
		r = launch(ch, answer, b, &err);
	if (r < 0) {
		if (b)
			batch_free(b);
		answer_error(done, user, r, &err, ch);
	}
	change_drop(ch);
}
