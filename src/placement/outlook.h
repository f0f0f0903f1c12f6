/* SPDX-License-Identifier: Apache-2.0 */
/* outlook.h - what taking a slot costs the requests that are to come; private to placement.
 *
 * The policy "fragmentation" for one decision: the GPUs of the snapshot as situations, and for each
 * size the worth of a place, by how often the size is there, how large it is, and how few places
 * are left.  The engine does the same for a whole pool over time (pool.c).
 */
#pragma once

#include "placement/room.h"
#include "placement/situation.h"

struct outlook;

/* Room for N GPUs; TABLES outlives it.  NO_MEMORY */
must_check int outlook_new(struct placement_tables *tables, size_t n, struct outlook **ret,
			   struct error *err);
struct outlook *outlook_free(struct outlook *o);
DEFINE_CLEANUP(struct outlook *, outlook_free)

/* GPU number I is ROOM, which could be read (its capacity is not 0).  NO_MEMORY */
must_check int outlook_add(struct outlook *o, size_t i, const struct room *room,
			   struct error *err);

/* After all were added: what the next vGPU of FB_MIB costs on GPU I, in millionths of the worth of
 * all places; 0 for a GPU that was not added.
 */
uint64_t outlook_loss(struct outlook *o, size_t i, uint32_t fb_mib);

/* Where on GPU I it should start; PLACEMENT_NONE when places do not matter.  It is taken: the next
 * call is about the one after it.
 */
uint32_t outlook_take(struct outlook *o, size_t i, uint32_t fb_mib);
