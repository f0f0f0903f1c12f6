/* SPDX-License-Identifier: Apache-2.0 */
/* newest.h - the newest version of each key, and which row of the file holds it.
 *
 * A hash table of references to records.  The front has one, of what is durable; a back end may
 * have another, which is ahead by what is being written.  Each belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"

struct newest_row {
	struct record *record; /* NULL: there is none */
	int64_t id;            /* of the row; 0 where there is no file */
};

struct newest {
	struct newest_row *slots;
	size_t n, room; /* room: 0 or a power of two */
};

/* Makes room for MORE keys, so that putting them can not fail; false when memory ran out. */
bool newest_reserve(struct newest *t, size_t more);

/* NULL when there is none. */
const struct newest_row *newest_find(const struct newest *t, const char *key);

/* The revision of its newest version, 0 when there is none. */
static inline uint64_t newest_revision(const struct newest *t, const char *key)
{
	const struct newest_row *row = newest_find(t, key);

	return row ? row->record->revision : 0;
}

/* Row ID holds REC (a reference is taken).  Returns what it replaces, whose reference is now the
 * caller's. */
struct newest_row newest_put(struct newest *t, struct record *rec, int64_t id);

/* Returns what was there, whose reference is now the caller's. */
struct newest_row newest_remove(struct newest *t, const char *key);

/* The records under PREFIX in key order, N of them, without references; free(*RET).  False when
 * memory ran out. */
bool newest_under(const struct newest *t, const char *prefix, struct record ***ret, size_t *ret_n);

void newest_done(struct newest *t);
