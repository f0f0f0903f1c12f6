/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.h - which slots of a GPU are taken, and what that leaves; private to placement.
 *
 * Plain values.  A kind says how a GPU may be cut, a pattern what lies on it.
 */
#pragma once

#include "placement/situation.h"

enum {
	SHARED_MAX = 8,
	MASK_WORDS = CUT_SLOTS_MAX / 64,
	CUT_NONE = 0xff,
	PLACES_MAX = 320,
	PLACE_WORDS = PLACES_MAX / 64,
};

/* A GPU instance that several vGPUs share. */
struct shared {
	uint8_t item, start, vgpus;
};

struct pattern {
	uint64_t mask[MASK_WORDS]; /* slots taken */
	struct shared shared[SHARED_MAX]; /* by start; behind the last: zeros */
	uint16_t free;             /* fluid: milli; else slots */
	uint16_t vgpus;
	uint8_t kind, cut;         /* CUT_NONE: empty, and the kind has several */
	uint8_t item;              /* of a one-size cut that holds something; ITEM_NONE: foreign */
	uint8_t media;
};

struct kind_item {
	char name[24];             /* of the GPU instance profile; "" for a size */
	uint32_t fb_mib;
	uint16_t milli;
	uint8_t at[KIND_CUTS_MAX]; /* index in the cut, ITEM_NONE: not in it */
};

struct place_set {
	uint64_t bits[PLACE_WORDS];
};

/* The places of a mapped cut; none when its items share GPU instances or overlap themselves, which
 * is worked out step by step.
 */
struct places {
	uint16_t n, words, mask_words;
	struct {
		uint64_t mask[MASK_WORDS];
		uint16_t start;
		uint8_t item;      /* of the kind */
		bool media;
	} list[PLACES_MAX];
	struct place_set with[PLACES_MAX];          /* places that it touches, itself included */
	struct place_set of_item[KIND_ITEMS_MAX];
};

struct kind {
	bool fluid;
	bool many;                 /* patterns: forget those that nobody is in */
	uint8_t cuts_n, items_n;
	uint32_t empty;
	struct kind_item items[KIND_ITEMS_MAX];
	struct places *places[KIND_CUTS_MAX];
	uint32_t *rows_free;       /* rows of forgotten situations */
	uint32_t rows_free_n, rows_free_room;
	struct cut cuts[];
};

/* pattern.c: capacity by item, 1000 milli for a whole GPU, and changes (false: it does not go). */
void pattern_capacity(const struct kind *k, const struct pattern *p, uint16_t *ret);
uint16_t pattern_free_milli(const struct kind *k, const struct pattern *p);
bool pattern_put(const struct kind *k, struct pattern *p, uint8_t item, uint8_t cut,
		 unsigned int start);
bool pattern_take_back(const struct kind *k, struct pattern *p, uint8_t item, unsigned int start);
bool pattern_block(const struct kind *k, struct pattern *p, uint8_t cut, unsigned int start,
		   unsigned int n);

/* places.c: the free places of a mapped cut as bits.  places_make() gives NULL with *OK for a cut
 * that is worked out step by step.
 */
struct places *places_make(const struct kind *k, uint8_t cut, bool *ok);
void places_free(const struct places *all, const struct pattern *p, struct place_set *ret);
void places_count(const struct kind *k, uint8_t cut, const struct place_set *set,
		  unsigned int left, uint16_t *ret);

/* preview.c: as situation_preview(). */
bool preview_find(const struct kind *k, const struct pattern *p, uint8_t item, const float *worth,
		  struct preview *ret);
