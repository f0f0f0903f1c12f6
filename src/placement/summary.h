/* SPDX-License-Identifier: Apache-2.0 */
/* summary.h - many reasons in one line: "12 GPUs: wrong size class (8 GiB); 3 GPUs: full". */
#pragma once

#include "placement/room.h"

struct tally {
	struct reason reason; /* the first of its kind */
	size_t n;
};

struct summary {
	struct tally *list;
	size_t n;
};

/* NO_MEMORY */
must_check int summary_add(struct summary *summary, const struct reason *reason,
			   struct error *err);

/* The most frequent first; ends with "..." where SIZE does not suffice for all. */
void summary_write(struct summary *summary, char *text, size_t size);

void summary_done(struct summary *summary);
