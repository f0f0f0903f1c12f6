/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - what the engine and the policies see of hosts and demands; private to placement. */
#pragma once

#include "placement/contest.h"
#include "placement/engine.h"
#include "placement/policy.h"

enum { MIX_MAX = 256 };

struct pool_host {
	uint32_t first;          /* of its GPUs in gpus[] */
	uint8_t gpus_n;
	bool alive, cordoned;
	int32_t cpu_free, ram_free; /* milli, MiB; below 0 when a host shrank */
	int32_t cpu_total, ram_total;
	uint64_t labels;
	uint64_t changed;        /* number of its newest change */
	uint16_t vms[6];         /* that lie on it, by sort: see demand_sort() */
};

struct demand {
	struct engine_demand ask;
	double seen;             /* requests so far, or as expected */
	bool fixed;
	double scarce;           /* mean of 1 / (1 + places left) over the last requests */
	uint16_t milli;          /* of one item, the largest over the kinds */
	struct contest contest;
	uint64_t caught_up;      /* changes that the contest knows */
	uint32_t weighed;        /* number of the weights that the contest was made with */
	uint32_t sweep;          /* hosts still to be looked at with the new weights */
};

/* A demand that harm is weighed by. */
struct mix_entry {
	uint32_t demand;
	double share;            /* of the requests */
	double left;             /* milli that the pool has for it */
	double weight;
	uint32_t cpu_milli, ram_mib;
};

/* Entries of the mix that ask for the same vGPUs and differ in CPU and RAM only: where a host has
 * plenty of both they count as one. */
struct mix_group {
	uint16_t first, n;       /* in mix[] */
	uint8_t count;
	uint32_t cpu_max, ram_max;
	double weight;           /* of all */
};

struct engine {
	struct situations *table;
	const struct policy_row *policy;
	struct pool_host *hosts;
	uint32_t hosts_n, hosts_room, dead_n;
	uint32_t *gpus;          /* situations */
	uint32_t gpus_n, gpus_room;
	struct demand *demands;
	uint32_t demands_n, demands_room;
	uint32_t *changes;       /* ring: which host, by number of the change */
	uint64_t changes_n;
	struct mix_entry mix[MIX_MAX]; /* group by group */
	size_t mix_n;
	struct mix_group groups[MIX_MAX];
	size_t groups_n;
	uint8_t group_items[KINDS_MAX][MIX_MAX]; /* kind, group -> item */
	/* Groups that want something of the kind; behind the last kind: all. */
	uint16_t kind_groups[KINDS_MAX + 1][MIX_MAX];
	uint16_t kind_groups_n[KINDS_MAX + 1];
	bool mix_stale;          /* its members are to be chosen anew */
	uint32_t weighed;        /* counts the weights; 0 is never one */
	uint32_t since_weighed;  /* decisions */
	float worth[KINDS_MAX][KIND_ITEMS_MAX]; /* of one more place for an item, by the weights */
	float whole[KINDS_MAX];  /* of the place that takes a GPU whole */
	int64_t vgpus;           /* in the pool */
	bool slots;              /* there are GPUs with geometry */
	uint64_t luck;           /* of the decision under way */
	bool decided;            /* the host is chosen: its picks count, its score does not */
};

enum { CHANGES_KEPT = 1 << 14 };

static inline const uint32_t *pool_gpus(const struct engine *e, const struct pool_host *h)
{
	return &e->gpus[h->first];
}

/* Sort of a demand, as the clustering baselines tell them apart: 0 without GPU, 1 a part of one,
 * 2 to 5 whole GPUs: 1, 2, up to 4, more. */
int demand_sort(const struct demand *d);

/* May D run on H at all, but for its GPUs? */
bool pool_host_takes(const struct pool_host *h, const struct demand *d);

/* Item of D on a GPU in situation S, ITEM_NONE for none. */
uint8_t demand_item(const struct engine *e, const struct demand *d, uint32_t s);

/* Chooses the mix from what was seen, counts the room for it, and weighs it. */
void pool_choose_mix(struct engine *e);
void pool_weigh(struct engine *e);
/* After each request, met or not. */
void pool_note_scarcity(struct engine *e);
/* As pool_weigh(), unless the weights are much as they were; true: they changed. */
bool pool_reweigh(struct engine *e);

/* Where one more ITEM would go in S: where the mix loses least. */
static inline bool pool_preview(const struct engine *e, uint32_t s, uint8_t item,
				struct preview *ret)
{
	return situation_preview(e->table, s, item, e->worth[situation_kind(e->table, s)], ret);
}
