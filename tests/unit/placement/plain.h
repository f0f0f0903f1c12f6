/* SPDX-License-Identifier: Apache-2.0 */
/* plain.h - a GPU as a plain list of what lies on it, for tests to hold situations against.
 *
 * Everything is found by looking at the whole list again, by the rules as model/cut.h states them.
 * It shares nothing with placement/ but the cuts, which have tests of their own.
 */
#pragma once

#include "placement/situation.h"

enum { PLAIN_MAX = 96, PLAIN_NONE = 0xff };

/* A kind of GPUs: cuts, or without any of them sizes in milli. */
struct plain_kind {
	uint8_t number;            /* in the table of situations */
	size_t cuts_n, sizes_n, items_n;
	struct cut cuts[KIND_CUTS_MAX];
	uint16_t sizes[KIND_ITEMS_MAX];
	uint8_t at[KIND_ITEMS_MAX][KIND_CUTS_MAX]; /* item of the kind -> item of the cut */
};

struct plain_lying {
	uint8_t item;              /* of the kind; ITEM_NONE: foreign */
	uint8_t at;                /* of the cut */
	uint16_t start, size;
};

struct plain_gpu {
	const struct plain_kind *kind;
	uint8_t cut;               /* of what lies there; PLAIN_NONE while nothing does */
	uint8_t one;               /* the size that a one-size cut is set to */
	size_t n;
	struct plain_lying list[PLAIN_MAX];
};

/* Makes the kind in T out of its cuts or sizes, and fills in the rest.  False: T refused it, or two
 * items of one cut became one. */
bool plain_add_kind(struct situations *t, struct plain_kind *k);

/* May ITEM be put there?  A one-size cut and a kind of sizes take any start. */
bool plain_may(const struct plain_gpu *g, uint8_t item, uint8_t cut, uint16_t start);
void plain_put(struct plain_gpu *g, uint8_t item, uint8_t cut, uint16_t start);

bool plain_may_block(const struct plain_gpu *g, uint8_t cut, uint16_t start, uint16_t n);
void plain_block(struct plain_gpu *g, uint8_t cut, uint16_t start, uint16_t n);

/* Takes entry I of the list away. */
void plain_take_back(struct plain_gpu *g, size_t i);

/* The most of ITEM that could be added, over all ways. */
unsigned int plain_capacity(const struct plain_gpu *g, uint8_t item);

/* Starts at which ITEM could lie, however many vGPUs there may be; where items share GPU instances
 * or overlap themselves, and without starts, as plain_capacity(). */
unsigned int plain_places(const struct plain_gpu *g, uint8_t item);

/* What g->list makes of an empty GPU, put in one after the other: a situation of T.  False when T
 * refuses one of them. */
bool plain_situation(struct situations *t, const struct plain_gpu *g, uint32_t *ret);
