/* SPDX-License-Identifier: Apache-2.0 */
/* newest.h - which row of the file holds the newest version of each key.
 *
 * A hash table of references to records, used by whoever holds the connection: the opener, then the
 * worker.  The file itself has no index of keys, so a write costs one row at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"

struct newest_row {
	struct record *record; /* NULL: there is none */
	int64_t id;
};

struct newest {
	struct newest_row *slots;
	size_t n, room; /* room: 0 or a power of two */
};

/* Makes room for MORE keys, so that putting them can not fail; false when memory ran out. */
bool newest_reserve(struct newest *t, size_t more);

/* NULL when there is none. */
const struct newest_row *newest_find(const struct newest *t, const char *key);

/* Row ID holds REC (a reference is taken).  Returns what it replaces, whose reference is now the
 * caller's. */
struct newest_row newest_put(struct newest *t, struct record *rec, int64_t id);

/* Returns what was there, whose reference is now the caller's. */
struct newest_row newest_remove(struct newest *t, const char *key);

void newest_done(struct newest *t);
