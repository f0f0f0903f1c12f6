/* SPDX-License-Identifier: Apache-2.0 */
/* arrivals.h - which VM comes when and leaves when: needs, spelled out one VM a time.
 *
 * The same needs, seed and order give the same arrivals on every machine, so that policies are
 * compared on the same luck.
 */
#pragma once

#include "planner/needs.h"

/* Of VMs that come at the same time. */
#define ARRIVAL_ORDERS(X)    \
	X(LISTED, "listed")  \
	X(LARGEST, "largest") \
	X(RANDOM, "random")

enum arrival_order {
#define X(constant, word) ARRIVAL_ORDER_##constant,
	ARRIVAL_ORDERS(X)
#undef X
	ARRIVAL_ORDER_COUNT
};
extern const struct names arrival_order_names;

#define ARRIVAL_STAYS UINT64_MAX

struct arrival {
	uint64_t at_ms, leave_ms; /* ARRIVAL_STAYS: never */
	uint64_t rank;            /* among those of one time */
	uint32_t need;
};

struct arrivals {
	struct arrival *list;     /* by time */
	size_t n, room;
	bool timed;               /* some come later or leave */
};

struct arrivals_how {
	uint64_t seed;
	uint64_t until_ms;        /* until when needs with a rate keep coming */
	enum arrival_order order;
};

void arrivals_done(struct arrivals *a);

/*   INVALID, TOO_LARGE  with the line of the need
 *   NO_MEMORY */
must_check int arrivals_make(const struct needs *needs, const struct arrivals_how *how,
			     struct arrivals *ret, struct error *err);

/* Luck of its own for whoever needs some: the same state, the same numbers (splitmix64). */
uint64_t luck_next(uint64_t *state);
