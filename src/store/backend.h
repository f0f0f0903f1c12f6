/* SPDX-License-Identifier: Apache-2.0 */
/* backend.h - what a back end of the store has to do, and what the front does for all of them.
 *
 * The front (store.c) checks keys, values and batches, keeps what is durable, the history and the
 * watches, and runs every callback.  A back end decides which batches land, makes them durable and
 * says so, in order.  It may use a thread of its own; that thread owns a batch between submit() and
 * next(), may keep references to records for longer, and does not touch the contents.
 */
#pragma once

#include "store/history.h"
#include "store/newest.h"
#include "store/record.h"
#include "store/store.h"

struct store_batch {
	struct store_batch *next;
	store_done_fn *done;
	void *user;
	int r;             /* filled by the back end: 0, -CONFLICT or -UNAVAILABLE, */
	uint64_t revision; /* and what it got */
	struct error err;
	size_t n;
	struct store_batch_write {
		struct record *record; /* its revision is set by the back end */
		uint64_t expect;
	} writes[];
};

/* What open() fills and the front keeps up to date from the answers. */
struct store_contents {
	struct newest newest; /* what is durable */
	struct history history;
	uint64_t revision;
};

struct store_backend {
	const char *name;

	/* Opens PATH and fills CONTENTS with what is durable.  From then on, every answer that
	 * next() can hand out is announced on the eventfd WAKE.  Kinds as store_open(). */
	int (*open)(const char *path, struct store_contents *contents, int wake, void **ret,
		    struct error *err);

	/* Takes BATCH until next() gives it back.  Batches land in the order of this call. */
	void (*submit)(void *impl, struct store_batch *batch);

	/* The next answered batch, in order, or NULL; never blocks. */
	struct store_batch *(*next)(void *impl);

	/* Nothing is outstanding when this is called. */
	void (*close)(void *impl);
};

extern const struct store_backend store_memory, store_sqlite;

/* Does EXPECT hold for a key last written by revision FOUND (0: absent)? */
static inline bool store_expects(uint64_t expect, uint64_t found)
{
	return expect == STORE_ANY || expect == found;
}

/* Answers BATCH with REVISION. */
static inline void store_batch_lands(struct store_batch *batch, uint64_t revision)
{
	batch->revision = revision;
	for (size_t i = 0; i < batch->n; i++)
		batch->writes[i].record->revision = revision;
}

/* Answers BATCH with -CONFLICT because of W, whose key is at revision FOUND. */
void store_batch_conflict(struct store_batch *batch, const struct store_batch_write *w,
			  uint64_t found);

/* Queue of batches, first in first out. */
struct store_queue {
	struct store_batch *first, **last;
};

static inline void store_queue_init(struct store_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static inline void store_queue_push(struct store_queue *q, struct store_batch *b)
{
	b->next = NULL;
	*q->last = b;
	q->last = &b->next;
}

static inline struct store_batch *store_queue_pop(struct store_queue *q)
{
	struct store_batch *b = q->first;

	if (!b)
		return NULL;
	q->first = b->next;
	if (!q->first)
		q->last = &q->first;
	b->next = NULL;
	return b;
}

/* Makes the eventfd readable. */
void store_wake(int wake);
