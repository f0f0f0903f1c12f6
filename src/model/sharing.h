/* SPDX-License-Identifier: Apache-2.0 */
/* sharing.h - the nouns of sharing: tenants, priority classes and the queue.  Part of nouns.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fields.h"
#include "model/sizes.h"

/* Whom a start may put off its GPU when there is no room. */
#define PREEMPTS(X)             \
	X(NEVER, "never")       \
	X(LOWER, "lower")       /* VMs of strictly lower priority */

enum preempts {
#define X(constant, word) PREEMPTS_##constant,
	PREEMPTS(X)
#undef X
	PREEMPTS_COUNT
};
extern const struct names preempts_names;

/* How many slots of some profiles a tenant may have, and how many it is sure of. */
struct quota_slots {
	char profile[PROFILE_SIZE]; /* name, * as wildcard */
	uint32_t max;       /* 0: no limit */
	uint32_t guaranteed;
	uint32_t used;
};

/* Who shares the pool with others: hard limits, guaranteed shares, and what is used now.  What is
 * used is counted from the leases of its VMs whenever it is asked for, and not kept. */
struct tenant {
	char name[NAME_SIZE];
	char *description;
	uint32_t limit_fb_gib, limit_vgpus; /* 0: no limit */
	uint32_t guaranteed_fb_gib, guaranteed_vgpus;
	struct quota_slots *slots;
	size_t slots_n;
	uint64_t used_fb_mib;
	uint32_t used_vgpus;
	char over[256];     /* which limits are exceeded, "" for none */
};

/* A name for a priority, and what it entitles to. */
struct priority_class {
	char name[NAME_SIZE];
	char *description;
	uint32_t value;     /* 0 to PRIORITY_MAX; higher goes first */
	int preempts;       /* enum preempts */
};

/* A start that waits for room.  Its id is "PPPP-NNNN...": order of id is order of turn. */
struct waiter {
	char id[WAITER_ID_SIZE];
	char vm[NAME_SIZE], host[NAME_SIZE], tenant[NAME_SIZE];
	char operation[UUID_TEXT_SIZE]; /* "" while the run before is still being stopped */
	char by[NAME_SIZE];
	uint32_t position;        /* 1 is the next; counted in memory, not kept up on disk */
	uint32_t priority;
	uint64_t place;           /* order of arrival: an earlier one has the smaller number */
	int64_t since_ms, deadline_ms; /* deadline 0: it waits until it runs or is stopped */
	int64_t first_ms;         /* since when nobody before it waits for the same GPUs */
	bool preempting;          /* VMs are being stopped for it: nobody may overtake it */
	bool reclaiming;          /* they are, because it is within its tenant's guarantee */
	char preempted_by[NAME_SIZE]; /* the VM it had to make room for */
	int64_t force_ms;         /* when its guest, still shutting down then, is forced */
	char kind[24];            /* of the last refusal */
	char waits_for[256];      /* the last refusal in words */
};

extern const struct fields quota_slots_fields, tenant_fields, priority_class_fields, waiter_fields;
