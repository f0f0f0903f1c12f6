/* SPDX-License-Identifier: Apache-2.0 */
/* setup.h - a placement engine filled with the hosts of a fleet and what is asked of them.
 *
 * Hosts are numbered sort by sort, as the fleet lists them.  Belongs to one thread.
 */
#pragma once

#include "planner/arrivals.h"
#include "placement/engine.h"
#include "placement/policy.h"

/* GPUs of one board in one mode. */
struct setup_kind {
	const struct board *board;
	unsigned int mode;
	uint8_t cuts_n;
	struct cut cuts[KIND_CUTS_MAX];
	/* Cut, item of the engine -> item of the cut; ITEM_NONE where it has none. */
	uint8_t at[KIND_CUTS_MAX][KIND_ITEMS_MAX];
};

struct setup {
	struct engine *engine;
	struct setup_kind *kinds;
	size_t kinds_n;
	uint32_t *demands;       /* need -> demand of the engine */
	struct engine_demand *asks; /* need -> what it asks for */
	uint32_t hosts_n;
	uint8_t *sort_of;        /* host -> sort */
	uint32_t *gpu_of;        /* host -> number of its first GPU; one more at the end */
	uint8_t sort_kinds[FLEET_SORTS_MAX][ENGINE_HOST_GPUS_MAX];
};

/* What a plan is made of.  COUNTS stand for the counts of the fleet, by sort. */
struct scene {
	const struct fleet *fleet;
	const struct needs *needs;
	const struct arrivals *arrivals;
	uint32_t counts[FLEET_SORTS_MAX];
};

/*   TOO_LARGE, NO_MEMORY */
must_check int setup_make(const struct scene *scene, const struct policy_row *policy,
			  struct setup *ret, struct error *err);
void setup_done(struct setup *s);

/* Kind of GPU G of HOST. */
const struct setup_kind *setup_kind_of(const struct setup *s, uint32_t host, uint8_t gpu);
/* Has this sort of host all labels of NEED; does any GPU of it offer what NEED asks for? */
bool setup_has_labels(const struct scene *scene, size_t sort, size_t need);
bool setup_offers(const struct scene *scene, const struct setup *s, size_t sort, size_t need);
