/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - places requests on a pool of hosts: fast, incremental, the same answer every time.
 *
 * Requests of one shape (size, count, vCPUs, RAM) are one demand.  For each demand the engine
 * keeps a contest over the hosts: a tree of scores whose root is the best host.  A change of a
 * host is noted, and each contest catches up with the changes when it is asked next, or earlier,
 * in engine_settle().  So a decision costs what changed since, not what the pool holds.
 *
 *   demand -> contest over hosts -> best host (lowest number among equals) -> its best GPU and
 *          start
 *
 * What "best" means is a row of the table of policies (policy.h).  The engine reads no clock and
 * draws no luck but the one it is given; after the same calls it gives the same answers.  Not
 * thread-safe; engines are independent of each other.
 */
#pragma once

#include "model/words.h"
#include "placement/situation.h"

enum {
	ENGINE_COUNT_MAX = 16,     /* vGPUs in one request (DEVICE_COUNT_MAX) */
	ENGINE_HOST_GPUS_MAX = 16,
	ENGINE_DEMANDS_MAX = 4096,
};

struct policy_row; /* policy.h */
struct engine;

/* Takes TABLE over: free it with the engine. */
must_check int engine_new(struct situations *table, const struct policy_row *policy,
			  struct engine **ret, struct error *err);
struct engine *engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_free)
struct situations *engine_situations(struct engine *e);
size_t engine_bytes(const struct engine *e);

/* ---- the pool ---- */

struct engine_host {
	uint32_t cpu_milli;        /* vCPUs in thousandths that VMs may use */
	uint32_t ram_mib;
	uint64_t labels;           /* bits; a demand names those it wants */
	uint8_t gpus_n;
	uint8_t kinds[ENGINE_HOST_GPUS_MAX];
};

/* Hosts are numbered from 0 in the order in which they come; a number is used again after its host
 * was removed.
 *   NO_MEMORY, TOO_LARGE */
must_check int engine_add_host(struct engine *e, const struct engine_host *host, uint32_t *ret,
			       struct error *err);
/* What lay on it is forgotten with it. */
void engine_remove_host(struct engine *e, uint32_t host);
/* A cordoned host keeps what it has and gets nothing. */
void engine_cordon(struct engine *e, uint32_t host, bool cordoned);
/* Sets what VMs may use in all; what is in use stays in use. */
void engine_resize_host(struct engine *e, uint32_t host, uint32_t cpu_milli, uint32_t ram_mib);

size_t engine_hosts(const struct engine *e);
size_t engine_gpus(const struct engine *e);
uint32_t engine_gpu_situation(const struct engine *e, uint32_t host, uint8_t gpu);
uint8_t engine_host_gpus(const struct engine *e, uint32_t host);
int64_t engine_host_cpu_free(const struct engine *e, uint32_t host);
int64_t engine_host_ram_free(const struct engine *e, uint32_t host);

/* ---- what is asked for ---- */

struct engine_demand {
	uint32_t cpu_milli, ram_mib; /* of the VM */
	uint64_t labels;           /* a host must have them all */
	uint8_t count;             /* equal vGPUs of one host and kind; 0: a VM without any */
	uint8_t item[KINDS_MAX];   /* ITEM_NONE: not from GPUs of this kind */
};

/* The demand's number; the same for the same demand.  NO_MEMORY, TOO_LARGE */
must_check int engine_demand(struct engine *e, const struct engine_demand *d, uint32_t *ret,
			     struct error *err);

/* How often DEMAND is expected beside the others; what the policy weighs harm by.  Requests are
 * counted by engine_take() and engine_missed() as well, unless FIXED was set here. */
void engine_expect(struct engine *e, uint32_t demand, double weight, bool fixed);

/* ---- deciding ---- */

struct engine_pick {
	uint8_t gpu;               /* of the host */
	uint8_t item, cut;
	uint16_t start;
};

struct engine_choice {
	uint32_t demand, host;
	uint8_t n;
	struct engine_pick picks[ENGINE_COUNT_MAX];
};

/* Rules that are not the same for all requests of a demand: tenant exclusivity, affinity, NUMA. */
struct engine_rules {
	bool (*may)(void *user, uint32_t host);
	void *user;
	uint64_t luck;             /* for policies that draw lots */
};

/* False: nothing fits.  Nothing changes but what the engine remembers. RULES may be NULL. */
bool engine_choose(struct engine *e, uint32_t demand, const struct engine_rules *rules,
		   struct engine_choice *ret);

/* Takes what was chosen, and counts the request.
 *   NO_CAPACITY  something has changed since, and it does not fit any more
 *   NO_MEMORY
 */
must_check int engine_take(struct engine *e, const struct engine_choice *choice,
			   struct error *err);
/* The request was refused: only counted. */
void engine_missed(struct engine *e, uint32_t demand);
/* Gives back what was taken or put, in any order.  NOT_FOUND when it is not there; NO_MEMORY */
must_check int engine_give_back(struct engine *e, const struct engine_choice *choice,
				struct error *err);

/* Puts what lies somewhere already (a lease, a foreign vGPU of a known size); not counted as a
 * request.  NO_CAPACITY when it can not lie there, NO_MEMORY; all of it or nothing.
 */
must_check int engine_put(struct engine *e, const struct engine_choice *choice,
			  struct error *err);
/* Slots taken by what has no size that is known, for ever. */
must_check int engine_block(struct engine *e, uint32_t host, uint8_t gpu, uint8_t cut,
			    uint16_t start, uint16_t n, struct error *err);

/* Lets the contests catch up with the changes, as far as BUDGET scores go; true: nothing is left.
 */
bool engine_settle(struct engine *e, size_t budget);

/* The score terms of a choice, for people: "loss 0.32 GPUs; ...". */
void engine_explain(struct engine *e, const struct engine_choice *choice, char *text, size_t size);

/* Requests of DEMAND that would still fit, over all hosts, each alone. */
uint64_t engine_capacity(struct engine *e, uint32_t demand);
