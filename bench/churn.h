/* SPDX-License-Identifier: Apache-2.0 */
/* churn.h - one simulated pool in which VMs come and go. */
#pragma once

#include "facet-bench.h"
#include "model/cut.h"
#include "placement/policy.h"

enum { CHURN_SIZES_MAX = 16 };

/* What may be asked for: an item of the cut, how often, and for how long in a list of requests. */
struct churn_size {
	uint8_t item;            /* of the kind */
	uint16_t milli;
	double share;            /* of the requests */
};

/* A request list, its requests rounded up to the sizes.  Empty: sizes are drawn by their shares
 * and lifetimes are exponential. */
struct churn_list {
	uint8_t *sizes;
	double *lifetimes;       /* mean 1; NULL: exponential */
	size_t n;
};

struct churn_setup {
	const struct cut *cut;
	struct churn_size sizes[CHURN_SIZES_MAX];
	size_t sizes_n;
	struct churn_list list;
	const struct policy_row *policy; /* NULL: framebuffer without geometry, the ceiling */
	uint32_t gpus;
	double load;             /* framebuffer asked for / framebuffer there */
	double warm_up, window;  /* mean lifetimes */
	bool moves;              /* one move for each request that does not fit, if one helps */
	uint64_t seed;
};

/* Of the window, in percent of what was asked for there unless it says otherwise. */
struct churn_result {
	double accepted, accepted_count; /* by framebuffer, by number */
	double fragmented;       /* refused although as much was free, by framebuffer */
	double occupied;         /* of the pool, over time */
	double requests;         /* number */
	double moves, moved_gpus; /* number, framebuffer in GPUs */
};

must_check int churn_run(const struct churn_setup *setup, struct churn_result *ret,
			 struct error *err);
