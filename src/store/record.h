/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one version of one key, and the ordered map of the newest versions.
 *
 * A record never changes once it has a revision; the map and the history share it by count, so that
 * a value is in memory once however many places remember it.  The map belongs to one thread; records
 * go between threads, which is why the references are counted atomically.
 *
 *     view:     node -> node -> node            (a skip list in key order)
 *                |       |       |
 *     record:  a@7     b@3     c@9
 *                |               |
 *     history: [ a@7 ][ b@8 gone ][ c@9 ]       (the newest changes, in order)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct record {
	unsigned refs;
	uint64_t revision; /* 0 until the back end has decided */
	size_t bytes;      /* what the record costs */
	const char *value; /* behind the key; NULL: the key was deleted */
	char key[];
};

/* A new record with one reference; NULL when memory ran out.  VALUE may be NULL. */
struct record *record_new(const char *key, const char *value, uint64_t revision);
struct record *record_ref(struct record *rec);
struct record *record_unref(struct record *rec); /* NULL is fine; always returns NULL */

enum { VIEW_LEVELS = 20 };

struct view_node {
	struct record *record;
	unsigned levels;
	struct view_node *next[];
};

struct view {
	struct view_node *head[VIEW_LEVELS];
	size_t n;
	uint64_t luck; /* state of the generator that draws the levels */
};

/* A node for view_put(), made beforehand so that recording what is durable can not fail; NULL when
 * memory ran out.  Give an unused one to free(). */
struct view_node *view_node_new(struct view *v);

/* Makes REC (a reference is taken) the newest version of its key.  SPARE is used up. */
void view_put(struct view *v, struct record *rec, struct view_node *spare);

/* Forgets KEY; false when it was not there. */
bool view_remove(struct view *v, const char *key);

/* The node of the first key that is not before KEY, NULL for none; go on with next[0]. */
const struct view_node *view_seek(const struct view *v, const char *key);

/* NULL when absent. */
const struct record *view_find(const struct view *v, const char *key);

void view_done(struct view *v);
