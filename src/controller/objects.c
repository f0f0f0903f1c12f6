/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in memory: a sorted array per kind, and links from owners to what they own.
 *
 *   host -> gpus, vms, leases      tenant -> vms      vm -> leases      gpu -> leases
 */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

#define X(constant, word, plural, noun) word,
static const char *const kind_words[] = { OBJECT_KINDS(X) };
#undef X
const struct names object_kind_names = { kind_words, OBJECT_COUNT };

#define X(constant, word, plural, noun) plural,
static const char *const plural_words[] = { OBJECT_KINDS(X) };
#undef X
const struct names object_plural_names = { plural_words, OBJECT_COUNT };

const struct fields *object_fields(enum object_kind kind)
{
#define X(constant, word, plural, noun) [OBJECT_##constant] = &noun##_fields,
	static const struct fields *const tables[] = { OBJECT_KINDS(X) };
#undef X
	return tables[kind];
}

const char *object_id_of(enum object_kind kind, const void *data, char buffer[GPU_ID_SIZE])
{
	switch (kind) {
	case OBJECT_HOST:
		return ((const struct host *)data)->name;
	case OBJECT_GPU:
		return ((const struct gpu *)data)->id;
	case OBJECT_GROUP:
		return ((const struct group *)data)->name;
	case OBJECT_TENANT:
		return ((const struct tenant *)data)->name;
	case OBJECT_PRIORITY_CLASS:
		return ((const struct priority_class *)data)->name;
	case OBJECT_WAITER:
		return ((const struct waiter *)data)->id;
	case OBJECT_VM:
		return ((const struct vm *)data)->name;
	case OBJECT_LEASE:
		return ((const struct lease *)data)->id;
	case OBJECT_OPERATION:
		return ((const struct operation *)data)->id;
	default:
		/* Twelve digits: text order is number order for a long time. */
		snprintf(buffer, GPU_ID_SIZE, "%012ju",
			 (uintmax_t)((const struct event *)data)->number);
		return buffer;
	}
}

static size_t rows_after(struct object *const *rows, size_t n, const char *id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(rows[middle]->id, id) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t table_after(const struct table *t, const char *id)
{
	return rows_after(t->rows, t->n, id);
}

/* The slot of ID, or the free one where it would go. */
static size_t slot_of(const struct table *t, const char *id)
{
	size_t mask = t->slots_n - 1, i = text_hash(id) & mask;

	while (t->slots[i] && strcmp(t->slots[i]->id, id) != 0)
		i = (i + 1) & mask;
	return i;
}

struct object *table_find(const struct table *t, const char *id)
{
	return t->slots_n ? t->slots[slot_of(t, id)] : NULL;
}

/* Room for one more. */
static bool slots_reserve(struct table *t)
{
	struct table larger = { .slots_n = t->slots_n ? t->slots_n * 2 : 32 };

	if (2 * (t->n + 1) <= t->slots_n)
		return true;
	larger.slots = calloc(larger.slots_n, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < t->n; i++)
		larger.slots[slot_of(&larger, t->rows[i]->id)] = t->rows[i];
	free(t->slots);
	t->slots = larger.slots;
	t->slots_n = larger.slots_n;
	return true;
}

/* Moves up what a search could not reach past the free slot. */
static void slots_remove(struct table *t, const char *id)
{
	size_t mask = t->slots_n - 1, hole = slot_of(t, id);

	for (size_t i = (hole + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
		size_t home = text_hash(t->slots[i]->id) & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole] = NULL;
}

static bool table_insert(struct table *t, struct object *o)
{
	size_t i;

	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 16;
		void *rows = realloc(t->rows, room * sizeof(*t->rows));

		if (!rows)
			return false;
		t->rows = rows;
		t->room = room;
	}
	if (!slots_reserve(t))
		return false;
	t->slots[slot_of(t, o->id)] = o;
	/* Events come in order, and so does everything at the start. */
	i = t->n && strcmp(t->rows[t->n - 1]->id, o->id) > 0 ? table_after(t, o->id) : t->n;
	memmove(t->rows + i + 1, t->rows + i, (t->n - i) * sizeof(*t->rows));
	t->rows[i] = o;
	t->n++;
	return true;
}

static void table_remove(struct table *t, const char *id)
{
	size_t i = table_after(t, id);

	assert(i > 0 && strcmp(t->rows[i - 1]->id, id) == 0);
	slots_remove(t, id);
	memmove(t->rows + i - 1, t->rows + i, (t->n - i) * sizeof(*t->rows));
	t->n--;
}

bool links_add(struct links *l, struct object *o)
{
	size_t i;

	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 4;
		void *rows = realloc(l->rows, room * sizeof(*l->rows));

		if (!rows)
			return false;
		l->rows = rows;
		l->room = room;
	}
	/* In order of id, so that placement sees the same GPUs in the same order every time. */
	i = rows_after(l->rows, l->n, o->id);
	memmove(l->rows + i + 1, l->rows + i, (l->n - i) * sizeof(*l->rows));
	l->rows[i] = o;
	l->n++;
	return true;
}

void links_remove(struct links *l, const struct object *o)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->rows[i] != o)
			continue;
		memmove(l->rows + i, l->rows + i + 1, (l->n - i - 1) * sizeof(*l->rows));
		l->n--;
		return;
	}
}

/* The lists that O belongs into.  Owners come before what they own, in the store's order of kinds
 * and in every change; only a quarantined lease may have outlived its VM, and then has no list
 * there. */
static size_t lists_of(struct controller *c, const struct object *o, struct links *lists[3])
{
	struct object *owner;
	size_t n = 0;

	if (o->kind == OBJECT_LEASE) {
		const struct lease *l = o->data;

		if ((owner = controller_find(c, OBJECT_VM, l->vm)))
			lists[n++] = &owner->leases;
		if ((owner = controller_find(c, OBJECT_GPU, l->gpu)))
			lists[n++] = &owner->leases;
		if ((owner = controller_find(c, OBJECT_HOST, l->host)))
			lists[n++] = &owner->leases;
	} else if (o->kind == OBJECT_VM) {
		const struct vm *vm = o->data;

		if ((owner = controller_find(c, OBJECT_HOST, vm->host)))
			lists[n++] = &owner->vms;
		if (vm->tenant[0] && (owner = controller_find(c, OBJECT_TENANT, vm->tenant)))
			lists[n++] = &owner->vms;
	} else if (o->kind == OBJECT_GPU) {
		if ((owner = controller_find(c, OBJECT_HOST, ((const struct gpu *)o->data)->host)))
			lists[n++] = &owner->gpus;
	}
	return n;
}

/* VMs may have named a tenant before there was one. */
static bool link_tenant(struct controller *c, struct object *tenant)
{
	struct table *t = &c->tables[OBJECT_VM];
	bool ok = true;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(((const struct vm *)t->rows[i]->data)->tenant, tenant->id) == 0)
			ok = links_add(&tenant->vms, t->rows[i]) && ok;
	return ok;
}

static bool link_object(struct controller *c, struct object *o)
{
	struct links *lists[3];
	size_t n = lists_of(c, o, lists);
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = links_add(lists[i], o) && ok;
	return ok;
}

/* A VM has one operation at a time: the running one is the one it points to. */
static void note_operation(struct controller *c, const struct object *o)
{
	const struct operation *op = o->data;
	struct object *vm =
		o->kind == OBJECT_OPERATION ? controller_find(c, OBJECT_VM, op->vm) : NULL;

	if (vm && operation_is_open(op))
		TEXT_COPY(vm->operation, op->id);
}

static void unlink_object(struct controller *c, struct object *o)
{
	struct links *lists[3];
	size_t n = lists_of(c, o, lists);

	for (size_t i = 0; i < n; i++)
		links_remove(lists[i], o);
}

static bool is_owner(enum object_kind kind)
{
	return kind == OBJECT_HOST || kind == OBJECT_GPU || kind == OBJECT_TENANT ||
	       kind == OBJECT_VM;
}

static struct object *object_new(enum object_kind kind, const char *id)
{
	size_t size = is_owner(kind) ? sizeof(struct object) : offsetof(struct object, leases);
	size_t id_size = strlen(id) + 1;
	struct object *o = calloc(1, size + id_size);

	if (!o)
		return NULL;
	o->kind = kind;
	o->id = memcpy((char *)o + size, id, id_size);
	return o;
}

static void object_free(struct object *o)
{
	fields_done(object_fields(o->kind), o->data);
	free(o->data);
	if (is_owner(o->kind)) {
		free(o->leases.rows);
		free(o->gpus.rows);
		free(o->vms.rows);
	}
	free(o);
}

static bool object_replace(struct controller *c, struct object *o, void *data)
{
	unlink_object(c, o);
	fields_done(object_fields(o->kind), o->data);
	free(o->data);
	o->data = data;
	note_operation(c, o);
	return link_object(c, o);
}

bool object_put(struct controller *c, enum object_kind kind, const char *id, void *data,
		uint64_t revision)
{
	struct object *o = controller_find(c, kind, id);

	if (o) {
		o->revision = revision;
		return object_replace(c, o, data);
	}
	o = object_new(kind, id);
	if (!o)
		return false;
	o->revision = revision;
	o->data = data;
	if (!table_insert(&c->tables[kind], o)) {
		free(o);
		return false;
	}
	note_operation(c, o);
	if (kind == OBJECT_TENANT)
		return link_tenant(c, o);
	return link_object(c, o);
}

void object_remove(struct controller *c, enum object_kind kind, const char *id)
{
	struct object *o = controller_find(c, kind, id);

	if (!o)
		return;
	unlink_object(c, o);
	table_remove(&c->tables[kind], id);
	object_free(o);
}

void objects_clear(struct controller *c)
{
	for (int kind = 0; kind < OBJECT_COUNT; kind++) {
		struct table *t = &c->tables[kind];

		for (size_t i = 0; i < t->n; i++)
			object_free(t->rows[i]);
		free(t->rows);
		free(t->slots);
		*t = (struct table){ 0 };
	}
}
