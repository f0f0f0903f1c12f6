/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one version of one key.
 *
 * A record never changes once it has a revision; whoever remembers it shares it by count, so that a
 * value is in memory once.  Records go between threads: references are counted atomically.
 *
 *     newest:    a        b       c             (hash tables, newest.h)
 *                |        |       |
 *     record:  a@7      b@3     c@9
 *                |                |
 *     history: [ a@7 ][ b@8 gone ][ c@9 ]       (the newest changes, in order)
 */
#pragma once

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
