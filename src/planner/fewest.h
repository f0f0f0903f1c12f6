/* SPDX-License-Identifier: Apache-2.0 */
/* fewest.h - how many hosts of one sort carry a demand, the others being as they are.
 *
 * More hosts are better nearly always, not always: a policy may lay out a larger fleet less well.
 * So the number found is one that carries it while the next three below do not.
 */
#pragma once

#include "planner/trial.h"

struct fewest {
	bool possible;
	uint32_t count;          /* hosts of the sort, when possible; else the most tried */
	uint32_t accepted_percent_milli; /* with that many */
	uint32_t below_percent_milli;    /* with one fewer; 0 when COUNT is the least allowed */
};

/* From LEAST hosts of SORT on.  ACCEPT_MILLI: thousandths of a percent of the VMs. */
struct fewest_ask {
	const struct scene *scene;
	const struct policy_row *policy;
	uint64_t seed;
	size_t sort;
	uint32_t least, accept_milli;
};

must_check int fewest_find(const struct fewest_ask *ask, struct fewest *ret, struct error *err);
