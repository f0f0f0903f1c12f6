/* SPDX-License-Identifier: Apache-2.0 */
/* situation.h - what is left of a GPU, as a number.
 *
 * GPUs of one kind whose slots are taken alike are interchangeable, so each such pattern, a
 * situation, is computed once and named by a number.  A pool of a million GPUs has some hundreds
 * of them.  A situation answers by table look-up how many more of each item fit and what it would
 * become.
 *
 *   kind       GPUs that may be cut alike: one board, in one mode or in a choice of modes while
 *              empty
 *   item       a size that a kind can hold (model/cut.h); sizes that several modes share are one
 *              item
 *   situation  (kind, mode, slots taken)
 *
 * Room is measured in thousandths of a GPU ("milli"), so that boards of different sizes compare.
 * Not thread-safe: looking up may intern.
 */
#pragma once

#include "base/error.h"
#include "model/cut.h"

enum {
	KINDS_MAX = 128,
	KIND_ITEMS_MAX = 64,
	KIND_CUTS_MAX = 4,
	ITEM_NONE = 0xff,
	START_NONE = 0xffff, /* the item has no place of its own there: it is only counted */
};

struct situations;

/* One more item in a situation, at the start that keeps most for others. */
struct preview {
	uint8_t cut;         /* index among the cuts of the kind */
	uint16_t start;
	uint16_t free_milli;
	uint16_t capacity[KIND_ITEMS_MAX]; /* afterwards */
};

struct situations *situations_new(void);
struct situations *situations_free(struct situations *t);
DEFINE_CLEANUP(struct situations *, situations_free)

/* A kind that may be cut in each of the N CUTS, and stays in one while it holds anything.
 *   NO_MEMORY, TOO_LARGE (more kinds, cuts, items or starts than fit)
 */
must_check int situations_add_kind(struct situations *t, const struct cut *cuts, size_t n,
				   uint8_t *ret, struct error *err);

/* A kind without geometry: any sizes (in milli, 1 to 1000) as long as they sum up to 1000.  For
 * what shares a GPU without slots, and as the ceiling that geometry is measured against. */
must_check int situations_add_fluid(struct situations *t, const uint16_t *sizes, size_t n,
				    uint8_t *ret, struct error *err);

/* Item of KIND with this framebuffer (MIG: with this GPU instance profile); ITEM_NONE for none. */
uint8_t situations_item(const struct situations *t, uint8_t kind, const char *mig_name,
			uint32_t fb_mib);
size_t situations_kinds(const struct situations *t);
/* False for a fluid kind. */
bool situations_has_slots(const struct situations *t, uint8_t kind);
size_t situations_items(const struct situations *t, uint8_t kind);
uint16_t situations_item_milli(const struct situations *t, uint8_t kind, uint8_t item);

size_t situations_count(const struct situations *t);
size_t situations_bytes(const struct situations *t);
uint32_t situation_empty(const struct situations *t, uint8_t kind);

/* ---- keeping: a number is good until situations_collect() unless it is held ---- */

void situation_hold(struct situations *t, uint32_t s);
void situation_drop(struct situations *t, uint32_t s);
/* Forgets what was made since the last time and is not held. */
void situations_collect(struct situations *t);

/* ---- looking ---- */

uint8_t situation_kind(const struct situations *t, uint32_t s);
uint16_t situation_free_milli(const struct situations *t, uint32_t s);
bool situation_is_empty(const struct situations *t, uint32_t s);
/* vGPUs, foreign ones included. */
uint16_t situation_vgpus(const struct situations *t, uint32_t s);
/* Mode that S is cut in; that of the kind's first cut while it is empty. */
enum gpu_mode situation_mode(const struct situations *t, uint32_t s);

/* How many more of each item fit, if nothing else came; by item.  Good until the next change. */
const uint16_t *situation_capacity(const struct situations *t, uint32_t s);

/* Milli that CAPACITY more of ITEM could make use of, with FREE milli free: without geometry all
 * that is free, with it what its places hold. */
uint32_t situation_room(const struct situations *t, uint8_t kind, uint8_t item, uint16_t capacity,
			uint16_t free_milli);

/* ---- changing ---- */

/* Where one more ITEM would go: the start whose loss is least, where losing one place of item i
 * costs WORTH[i] (NULL: the lowest start).  False when the item does not fit.
 */
bool situation_preview(const struct situations *t, uint32_t s, uint8_t item, const float *worth,
		       struct preview *ret);

/* One more ITEM at START (START_NONE where items are only counted).
 *   NO_CAPACITY  not there, S is as it was
 *   NO_MEMORY
 */
must_check int situation_put(struct situations *t, uint32_t s, uint8_t item, uint8_t cut,
			     uint16_t start, uint32_t *ret, struct error *err);

/* The reverse.  NOT_FOUND when nothing of the kind can be there. */
must_check int situation_take_back(struct situations *t, uint32_t s, uint8_t item, uint16_t start,
				   uint32_t *ret, struct error *err);

/* N slots from START on belong to something that is not ours to name.  As situation_put(). */
must_check int situation_block(struct situations *t, uint32_t s, uint8_t cut, uint16_t start,
			       uint16_t n, uint32_t *ret, struct error *err);
