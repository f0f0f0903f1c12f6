/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - the rules by which placement chooses, as rows of one table.
 *
 * Five are for people (enum policy of model/words.h has the same names); the others are baselines
 * from the literature, which the benchmarks compare with.
 */
#pragma once

#include "placement/engine.h"

struct demand;

struct policy_row {
	const char *name;
	const char *sentence;  /* "prefers ..." */
	/* Fills the picks for D on HOST and returns a score, higher is better, 0 for "does not
	 * fit". */
	uint32_t (*score)(struct engine *e, uint32_t host, const struct demand *d,
			  struct engine_pick *picks);
	double cover;          /* share of the requests that it weighs harm for; 0: none */
	bool any_ram;          /* weighs requests without a look at their RAM */
	bool draws_host;       /* by luck among equals, instead of the lowest number */
	bool by_scarcity;      /* weighs a demand the more, the less room the pool has for it */
};

extern const struct policy_row policy_rows[];
extern const size_t policy_rows_n;

/* NULL for none. */
const struct policy_row *policy_row(const char *name);
