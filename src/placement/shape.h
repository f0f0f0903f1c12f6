/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h - which vGPU types the GPUs of one board and driver offer, and by which geometry.
 *
 * The driver's own list wins over the catalogue; what it leaves out (sizes, maxima, abilities) is
 * filled in from the catalogue by name, and from the name itself as a last resort.  MIG-backed
 * types are left out.
 */
#pragma once

#include "model/catalogue.h"
#include "model/creatable.h"

struct shape {
	const struct gpu *like;    /* the first GPU seen with it */
	const struct board *board; /* NULL: not in the catalogue, so no mixed sizes */
	struct creatable_board rules;
	struct catalogue_profile profiles[CREATABLE_TYPES_MAX]; /* same index as rules.types */
};

/* Shapes seen during one decision: GPUs of a kind share one. */
struct shapes {
	struct shape **list;
	size_t n;
};

/* The shape of GPU, owned by SHAPES.
 *   NO_MEMORY */
must_check int shapes_get(struct shapes *shapes, const struct gpu *gpu, const struct shape **ret,
			  struct error *err);
void shapes_done(struct shapes *shapes);

/* Index of the type with this exact name, -1 for none. */
int shape_find(const struct shape *shape, const char *profile);

/* Index of some type of this size, -1 for none: in all rules one stands for the other. */
int shape_find_size(const struct shape *shape, uint32_t fb_mib);
