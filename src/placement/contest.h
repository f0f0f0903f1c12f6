/* SPDX-License-Identifier: Apache-2.0 */
/* contest.h - who has the highest score: a tree of maxima over numbered contestants.
 *
 * Setting a score costs the depth of the tree, the winner is at the root; among equals the lowest
 * number wins.  Score 0 means "does not take part".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contest {
	uint32_t *scores; /* 2 * size: node i has children 2i and 2i+1, the leaves begin at size */
	uint32_t size;    /* a power of two; 0 before contest_resize() */
};

/* Room for N contestants; all scores become 0.  False: out of memory, nothing changed. */
bool contest_resize(struct contest *c, uint32_t n);
void contest_done(struct contest *c);

void contest_set(struct contest *c, uint32_t who, uint32_t score);

/* For setting many: contest_put() each, then contest_rebuild() once. */
void contest_put(struct contest *c, uint32_t who, uint32_t score);
void contest_rebuild(struct contest *c);

/* The best one for which MAY says yes (NULL: anyone); UINT32_MAX for none.  MAY is asked in the
 * order of scores, so mostly once. */
uint32_t contest_best(const struct contest *c, bool (*may)(void *user, uint32_t who), void *user);

/* As contest_best() with the winner drawn by LUCK from all that have the best score. */
uint32_t contest_draw(const struct contest *c, bool (*may)(void *user, uint32_t who), void *user,
		      uint64_t luck);
