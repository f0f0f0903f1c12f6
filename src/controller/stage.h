/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h - the GPUs of a group as a placement engine, with who lies where; private to the
 * controller.
 *
 * A stage has the ready hosts of one group, their GPUs that can be placed on, and everything that
 * lies on these.  What Facet may move is a VM of it; what it may not (a foreign vGPU, a held slice,
 * a VM of another group) lies there too and stays.
 */
#pragma once

#include "controller/internal.h"
#include "model/cut.h"
#include "model/filter.h"
#include "placement/moves.h"

enum { STAGE_KINDS_MAX = 64, STAGE_SIZES_MAX = 24 };

struct stage_kind {
	const struct gpu *like;
	struct cut cut;
};

struct stage_host {
	const struct object *object;
	const struct object *gpus[ENGINE_HOST_GPUS_MAX];
	uint8_t gpus_n;
};

/* What is asked for here, under the name that people know it by. */
struct stage_size {
	uint32_t demand;
	char profile[PROFILE_SIZE];
	uint32_t count;
	double asked;
};

struct stage {
	struct controller *c;
	const struct group *group;
	struct filter *filter;
	struct situations *table; /* until the engine has it */
	struct engine *engine;
	struct stage_kind kinds[STAGE_KINDS_MAX];
	size_t kinds_n;
	struct stage_host *hosts; /* by the engine's number */
	size_t hosts_n, hosts_max, hosts_left; /* left: behind hosts_max, not looked at */
	struct moves_vm *vms;
	const struct vm **names;  /* of vms[]; NULL: not one that could move */
	size_t vms_n, vms_room;
	struct stage_size sizes[STAGE_SIZES_MAX];
	size_t sizes_n;
	json_t *kept;             /* VMs that stay, and why */
	const json_t *claimed;    /* GPUs that another group's moves are planned on, or NULL */
	struct moves_pool pool;
	struct error *err;
};

/* Builds the stage of GROUP, of at most HOSTS_MAX hosts.  FIRST (NULL: none) comes before the
 * others; the stage is about it then, and what VMs elsewhere ask for is not weighed.  What is on a
 * CLAIMED GPU stays there.
 *   INVALID  its VMs can not be moved: why
 *   NO_MEMORY */
int stage_make(struct controller *c, const struct group *group, const char *first,
	       size_t hosts_max, const json_t *claimed, struct stage *ret, struct error *err);
void stage_done(struct stage *s);
DEFINE_CLEANUP(struct stage *, stage_done)

/* Number of the demand for COUNT of PROFILE on the boards here that offer it.
 *   NOT_FOUND  none does */
int stage_demand(struct stage *s, const char *profile, uint32_t count, uint32_t *ret);
/* Ids of the GPUs that C is on: "h1@0000:41:00.0 h1@0000:51:00.0" */
void stage_places(const struct stage *s, const struct engine_choice *c, struct text *to);
