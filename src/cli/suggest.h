/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h - "did you mean": the nearest of some words. */
#pragma once

#include <stddef.h>

enum { SUGGEST_MAX = 64 };

/* Edits (insert, delete, replace, swap of neighbours) that make A out of B, without regard to
 * case; words longer than SUGGEST_MAX are compared up to there. */
unsigned suggest_distance(const char *a, const char *b);

struct suggest {
	const char *word, *best;
	unsigned distance;
};

/* Begins with WORD, offer candidates one by one, and read ->best: NULL when none is near. */
void suggest_init(struct suggest *s, const char *word);
void suggest_offer(struct suggest *s, const char *candidate);
