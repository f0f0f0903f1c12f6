/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear steps.  A removal moves the rows behind it up, so that a search ends
 * at the first free slot and nothing piles up where keys come and go. */
#include "store/newest.h"

#include <string.h>

#include "base/text.h"

/* The slot of KEY, or the free one where it would go; there is always one. */
static size_t slot_of(const struct newest *t, const char *key)
{
	size_t mask = t->room - 1, i = text_hash(key) & mask;

	while (t->slots[i].record && strcmp(t->slots[i].record->key, key) != 0)
		i = (i + 1) & mask;
	return i;
}

bool newest_reserve(struct newest *t, size_t more)
{
	struct newest old = *t, new = { .n = t->n, .room = t->room ? t->room : 256 };

	while (new.room / 4 * 3 < t->n + more)
		new.room *= 2;
	if (new.room == t->room)
		return true;
	new.slots = calloc(new.room, sizeof(*new.slots));
	if (!new.slots)
		return false;
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].record)
			new.slots[slot_of(&new, old.slots[i].record->key)] = old.slots[i];
	free(old.slots);
	*t = new;
	return true;
}

const struct newest_row *newest_find(const struct newest *t, const char *key)
{
	const struct newest_row *slot = t->room ? &t->slots[slot_of(t, key)] : NULL;

	return slot && slot->record ? slot : NULL;
}

struct newest_row newest_put(struct newest *t, struct record *rec, int64_t id)
{
	struct newest_row *slot = &t->slots[slot_of(t, rec->key)], before = *slot;

	*slot = (struct newest_row){ record_ref(rec), id };
	t->n += !before.record;
	return before;
}

/* Fills the free slot HOLE with the next row that a search could not reach past it. */
static void close_up(struct newest *t, size_t hole)
{
	size_t mask = t->room - 1;

	for (size_t i = (hole + 1) & mask; t->slots[i].record; i = (i + 1) & mask) {
		size_t home = text_hash(t->slots[i].record->key) & mask;

		/* Its search begins behind the hole: it stays. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole] = (struct newest_row){ 0 };
}

struct newest_row newest_remove(struct newest *t, const char *key)
{
	struct newest_row before = { 0 };
	size_t i;

	if (!t->room)
		return before;
	i = slot_of(t, key);
	before = t->slots[i];
	if (before.record) {
		close_up(t, i);
		t->n--;
	}
	return before;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp((*(struct record *const *)a)->key, (*(struct record *const *)b)->key);
}

bool newest_under(const struct newest *t, const char *prefix, struct record ***ret, size_t *ret_n)
{
	struct record **rows = malloc((t->n + 1) * sizeof(struct record *));
	size_t n = 0;

	if (!rows)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].record && text_starts_with(t->slots[i].record->key, prefix))
			rows[n++] = t->slots[i].record;
	qsort(rows, n, sizeof(*rows), compare_keys);
	*ret = rows;
	*ret_n = n;
	return true;
}

void newest_done(struct newest *t)
{
	for (size_t i = 0; i < t->room; i++)
		record_unref(t->slots[i].record);
	free(t->slots);
	*t = (struct newest){ 0 };
}
