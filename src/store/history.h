/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - the newest changes in the order they became durable, for watches that come back.
 *
 * Owning thread only.  A change has a number that grows by one; what is kept has the numbers FIRST
 * up to, not including, END.
 */
#pragma once

#include "base/error.h"
#include "store/record.h"
#include "store/store.h"

/* How much is kept: enough for an agent to come back after minutes, little enough to stay small. */
enum { HISTORY_ROWS = 20000, HISTORY_BYTES = 8 << 20 };

struct history {
	struct record **ring; /* HISTORY_ROWS and one batch: trimming waits for watches */
	uint64_t first, end;
	size_t bytes;
	uint64_t floor; /* changes of this revision and before are no longer all there */
};

/* NO_MEMORY */
must_check int history_init(struct history *h, struct error *err);
void history_done(struct history *h);

/* Appends REC (a reference is taken).  At most STORE_BATCH_MAX between two history_trim(). */
void history_append(struct history *h, struct record *rec);

/* Drops the oldest beyond the limits. */
void history_trim(struct history *h);

struct record *history_at(const struct history *h, uint64_t number);

/* The number of the first change after REVISION. */
uint64_t history_after(const struct history *h, uint64_t revision);
