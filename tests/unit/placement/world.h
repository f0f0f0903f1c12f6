/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - a small pool, kept twice: in an engine, and as plain lists that know nothing of scores,
 * contests or situations.
 *
 * The calls that change it change both and fail the test where they disagree.  World 2 of a pair is
 * given the same calls; its answers must be the same.
 */
#pragma once

#include "placement/policy.h"
#include "plain.h"

enum {
	WORLD_KINDS = 5,
	WORLD_HOSTS = 8,           /* alive at once; numbers are used again, or up to NUMBERS */
	WORLD_NUMBERS = 40,
	WORLD_GPUS = 4,            /* of a host */
	WORLD_DEMANDS = 9,
	WORLD_VMS = 300,
};

struct world_host {
	bool alive, cordoned;
	struct engine_host as;     /* CPU and RAM as they were set last */
	int64_t cpu_used, ram_used;
	struct plain_gpu gpus[WORLD_GPUS];
};

struct world {
	struct engine *e;
	const struct policy_row *policy;
	const struct plain_kind *kinds;
	size_t kinds_n, hosts_n, demands_n, vms_n;
	struct world_host hosts[WORLD_NUMBERS];
	struct engine_demand demands[WORLD_DEMANDS];
	struct engine_choice vms[WORLD_VMS];
};

/* Rules of one request, as bits by host. */
struct world_rules {
	uint64_t may;
	uint64_t luck;
};

/* An engine of POLICY over KINDS, which must outlive it. */
void world_begin(struct world *w, const struct policy_row *policy, struct plain_kind *kinds,
		 size_t n);
void world_end(struct world *w);

void world_add_demand(struct world *w, const struct engine_demand *d);
void world_add_host(struct world *w, const struct engine_host *host);
void world_remove_host(struct world *w, uint32_t host);
void world_cordon(struct world *w, uint32_t host, bool cordoned);
void world_resize(struct world *w, uint32_t host, uint32_t cpu_milli, uint32_t ram_mib);

/* Asks, and fails where the answer is against the rules or a refusal is wrong.  Takes nothing. */
bool world_choose(struct world *w, uint32_t demand, const struct world_rules *rules,
		  struct engine_choice *ret);
void world_take(struct world *w, const struct engine_choice *choice);
void world_give_back(struct world *w, size_t vm);

/* Puts what *CHOICE says, legal or not; fails when the engine thinks otherwise of it. */
bool world_put(struct world *w, const struct engine_choice *choice);
void world_block(struct world *w, uint32_t host, uint8_t gpu, uint8_t cut, uint16_t start,
		 uint16_t n);

/* What stands in the engine is what stands in the lists. */
void world_check(struct world *w);
/* All that is left are foreign vGPUs. */
void world_check_empty(const struct world *w);

/* Requests of DEMAND that fit, each alone. */
uint64_t world_capacity(const struct world *w, uint32_t demand);

/* Another engine that is given the state of this one at once. */
void world_copy(struct world *ret, const struct world *w, struct plain_kind *kinds);

bool world_same(const struct engine_choice *a, const struct engine_choice *b);
