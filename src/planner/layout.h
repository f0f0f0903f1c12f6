/* SPDX-License-Identifier: Apache-2.0 */
/* layout.h - which vGPU lies where when most is in use: what the pictures of a plan are drawn
 * from.
 */
#pragma once

#include "planner/plan.h"

struct layout_piece {
	uint32_t gpu;            /* over all hosts */
	uint32_t need, order;
	double from, to;         /* share of the GPU, 0 to 1 */
	uint32_t fb_mib;         /* of the vGPU */
	uint16_t start;
	uint8_t cut, item;       /* of the kind */
};

struct layout {
	struct layout_piece *pieces; /* GPU by GPU */
	size_t n;
	uint32_t *first;         /* of a GPU in pieces[]; one more at the end */
	uint32_t sizes[64];      /* framebuffers that occur, smallest first */
	size_t sizes_n;
};

/*   NO_MEMORY */
must_check int layout_make(const struct plan *p, struct layout *ret, struct error *err);
void layout_done(struct layout *l);
/* Place of FB_MIB among the sizes. */
size_t layout_size(const struct layout *l, uint32_t fb_mib);
