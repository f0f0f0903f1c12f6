/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - what must survive: keys, JSON values, revisions, and one way to write.
 *
 * Keys are paths such as "lease/6f0b...": bytes of [A-Za-z0-9._/@:-], at most STORE_KEY_MAX.
 * Values are opaque texts of at most STORE_VALUE_MAX bytes.  Every batch that lands gets the next
 * revision of the whole store (1, 2, 3 ...); each key remembers the revision that last wrote it.
 * This is the smallest common set of memory, SQLite and etcd transactions (etcd: mod_revision).
 *
 * Thread: all functions are called from the thread that opened the store, and all callbacks run
 * in it, from store_dispatch().  A back end may use a thread of its own inside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { STORE_KEY_MAX = 255, STORE_VALUE_MAX = 1 << 20, STORE_BATCH_MAX = 1024 };

struct store;

/* What a write demands of the key as it is now. */
#define STORE_ANY UINT64_MAX /* nothing */
#define STORE_ABSENT 0       /* it does not exist */
                             /* else: it was last written by exactly this revision */

struct store_write {
	const char *key;
	const char *value;  /* NULL deletes the key (deleting an absent key is no error) */
	uint64_t expect;    /* STORE_ANY, STORE_ABSENT or a revision */
};

/* Called once per batch, when it is durable or has failed.  R is 0 with the REVISION it got, or
 *   -CONFLICT     an expectation did not hold; nothing was written; err names the key
 *   -UNAVAILABLE  disk full, read-only or gone: nothing was written, a later batch may succeed
 * Batches of one store land, and are answered, in the order of store_commit(). */
typedef void store_done_fn(void *user, int r, uint64_t revision, const struct error *err);

/* Writes all of N or nothing.  Keys and values are copied before this returns; a key may appear
 * once.  DONE comes later, from store_dispatch(), never from inside this call.
 *   INVALID      a key, a value or the number of writes (1 to STORE_BATCH_MAX) breaks the rules
 *                above: DONE will not come
 *   UNAVAILABLE  the store is being closed (a callback of its last batches asks): nor here */
must_check int store_commit(struct store *s, const struct store_write *writes, size_t n,
			    store_done_fn *done, void *user, struct error *err);

/* Called for each key in key order; a return other than 0 stops the listing and is returned. */
typedef int store_entry_fn(void *user, const char *key, const char *value, uint64_t revision);

/* What is durable now under PREFIX ("" for all).  *RET_REVISION (may be NULL) is the revision of
 * the whole store that the listing shows. */
must_check int store_list(struct store *s, const char *prefix, store_entry_fn *fn, void *user,
			  uint64_t *ret_revision, struct error *err);

/* One value, a copy owned by the caller.
 *   NOT_FOUND */
must_check int store_get(struct store *s, const char *key, char **ret_value,
			 uint64_t *ret_revision, struct error *err);

/* Each durable change under PREFIX after revision AFTER, in order, once, value NULL for a deletion;
 * FN runs from store_dispatch().  History that is no longer kept, and a revision that is still to
 * come (a store restored from a copy is behind its watchers), is
 *   NOT_FOUND  list again and watch from the revision of the listing
 * store_unwatch() may be called from inside FN; store_close() ends the watches that are left. */
struct store_watch;
typedef void store_change_fn(void *user, const char *key, const char *value, uint64_t revision);
must_check int store_watch(struct store *s, const char *prefix, uint64_t after, store_change_fn *fn,
			   void *user, struct store_watch **ret, struct error *err);
void store_unwatch(struct store_watch *w);

/* A descriptor that polls readable when store_dispatch() has something to do. */
int store_fd(struct store *s);
void store_dispatch(struct store *s);

/* Blocks until every batch so far is answered (its callbacks run inside).  Neither this nor
 * store_dispatch() nor store_close() may be called from inside a callback. */
void store_flush(struct store *s);

uint64_t store_revision(struct store *s);

/* Opens PATH_OR_ENDPOINTS with the named back end: "memory" (path ignored) or "sqlite" (a file,
 * created when missing, WAL, synchronous=FULL).
 *   INVALID      no such back end, or the file is not a store of ours
 *   UNAVAILABLE  it is of a newer schema than this program knows (err says which), or locked by
 *                another process */
must_check int store_open(const char *backend, const char *path, struct store **ret,
			  struct error *err);

/* Answers what is outstanding, then closes; always returns NULL. */
struct store *store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)
