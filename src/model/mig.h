/* SPDX-License-Identifier: Apache-2.0 */
/* mig.h - the GPU instances that a MIG GPU can be divided into, and where each may start.
 *
 * Starts count in the units that `nvidia-smi mig -lgipp` prints ("{0,3,6,9}:3"), so that the
 * driver understands them: memory slices on A100, A30, H100 and their successors, twelfths of the
 * memory on RTX PRO 6000.  Constant data, so any thread may call anything.
 */
#pragma once

#include "model/catalogue.h"

enum { MIG_STARTS_MAX = 7 };

struct mig_instance {
	uint16_t slices;     /* of compute: the 3 of "3g.40gb" */
	uint16_t size;       /* units of memory */
	uint16_t starts_n;
	uint16_t starts[MIG_STARTS_MAX]; /* ascending */
};

struct mig_layout {
	const char *name;    /* of the GPUs that have it */
	uint16_t units;      /* of memory */
	uint16_t slices;     /* of compute */
	bool shared;         /* types lie on "+gfx" instances, which time-slicing may share */
	size_t instances_n;
	struct mig_instance instances[6]; /* smallest first */
};

size_t mig_layouts(void);
const struct mig_layout *mig_layout_at(size_t i);

/* How BOARD is divided; NULL when it has no MIG. */
const struct mig_layout *mig_layout_of(const struct board *board);

/* Of LAYOUT, the instance with SLICES of compute whose share of the memory is nearest to FB_MIB of
 * BOARD_MIB ("1-10C" and "1-20C" have one slice of compute each); NULL for none. */
const struct mig_instance *mig_instance_of(const struct mig_layout *layout, unsigned int slices,
					   uint32_t fb_mib, uint32_t board_mib);

/* Slices of compute of the vGPU type with this name: 3 for "NVIDIA H100-3-40C"; 0 when it is not a
 * MIG-backed one. */
unsigned int mig_slices_of(const char *type_name);

/* Does the MIG-backed type of this name take the media extension ("NVIDIA H100-1-10CME")? */
bool mig_has_media(const char *type_name);
