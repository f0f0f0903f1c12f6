/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - the policies, each a function that rates a host for a demand.
 *
 * Scores are compared as numbers, and the lowest host wins among equals.  Coarse scores are meant
 * so: equal ones then fall to the hosts in front, which keeps those behind empty.
 *
 * Sources of the baselines: "Beware of Fragmentation" (USENIX ATC'23) and its simulator
 * hkust-adsl/kubernetes-scheduler-simulator for FGD, BestFit, DotProd, GpuPacking, GpuClustering
 * and Random; VMware's placement options for breadth-first and consolidation.
 */
#include "placement/policy.h"

#include <math.h>
#include <string.h>

#include "placement/harm.h"
#include "placement/pool.h"
#include "placement/worth.h"

enum { WORST = 1, MIDDLE = 1 << 30 };

/* Largest host of the published cluster, which its scores are normalised by. */
#define NORM_CPU 128000.0
#define NORM_GPU 8000.0

/* ---- choosing GPUs inside a host ---- */

static bool offers(const struct engine *e, const struct demand *d, uint32_t s)
{
	uint8_t item = demand_item(e, d, s);

	return item != ITEM_NONE && situation_capacity(e->table, s)[item] > 0;
}

/* Situations of a host's GPUs while a request is laid out on them. */
struct laying {
	struct engine *e;
	const struct demand *d;
	uint32_t gpus[ENGINE_HOST_GPUS_MAX];
	uint8_t n, done;         /* vGPUs laid out */
	int kind;                /* all are of one kind: that of the first; -1 before */
	struct preview next;     /* of the vGPU laid out last */
};

static void begin(struct laying *l, struct engine *e, const struct pool_host *h,
		  const struct demand *d)
{
	l->e = e;
	l->d = d;
	l->n = h->gpus_n;
	l->done = 0;
	l->kind = -1;
	memcpy(l->gpus, pool_gpus(e, h), h->gpus_n * sizeof(l->gpus[0]));
}

/* More of the item that the GPUs of KIND hold, all together. */
static unsigned int left_in(const struct laying *l, uint8_t kind)
{
	uint8_t item = l->d->ask.item[kind];
	unsigned int n = 0;

	for (uint8_t g = 0; g < l->n && item != ITEM_NONE; g++)
		if (situation_kind(l->e->table, l->gpus[g]) == kind)
			n += situation_capacity(l->e->table, l->gpus[g])[item];
	return n;
}

/* The first GPU decides on a kind, which must hold all that is asked for. */
static bool may_lie(const struct laying *l, uint8_t gpu)
{
	uint8_t kind = situation_kind(l->e->table, l->gpus[gpu]);

	if (!offers(l->e, l->d, l->gpus[gpu]))
		return false;
	if (l->kind >= 0)
		return kind == l->kind;
	return l->d->ask.count <= 1 || left_in(l, kind) >= l->d->ask.count;
}

/* Where the next vGPU would go on GPU: where the mix loses least, unless that is in the way of
 * those of the request that are still to come (as a mode that holds fewer would be). */
static bool look(const struct laying *l, uint8_t gpu, struct preview *ret)
{
	struct situations *t = l->e->table;
	uint32_t s = l->gpus[gpu], rest = l->d->ask.count - l->done - 1u;
	uint8_t item = demand_item(l->e, l->d, s);
	float own[KIND_ITEMS_MAX] = { 0 };

	if (!pool_preview(l->e, s, item, ret))
		return false;
	if (rest == 0 || left_in(l, situation_kind(t, s)) - situation_capacity(t, s)[item] +
				 ret->capacity[item] >= rest)
		return true;
	own[item] = 1;
	return situation_preview(t, s, item, own, ret);
}

/* The next vGPU goes to GPU as NEXT says.  Only the situation before the last one is of interest.
 */
static bool lay(struct laying *l, uint8_t gpu, struct engine_pick *ret)
{
	*ret = (struct engine_pick){ gpu, demand_item(l->e, l->d, l->gpus[gpu]), l->next.cut,
				     l->next.start };
	l->kind = situation_kind(l->e->table, l->gpus[gpu]);
	if (++l->done == l->d->ask.count)
		return true;
	return situation_put(l->e->table, l->gpus[gpu], ret->item, ret->cut, ret->start,
			     &l->gpus[gpu], NULL) == 0;
}

/* ---- choosing GPUs inside a host by a rank ---- */

/* Lower is better; 0 to 1000. */
typedef uint32_t gpu_rank_fn(const struct engine *e, uint32_t s);

static uint32_t by_place(const struct engine *e, uint32_t s)
{
	(void)e;
	(void)s;
	return 0;
}

static uint32_t fullest(const struct engine *e, uint32_t s)
{
	return situation_free_milli(e->table, s);
}

static uint32_t emptiest(const struct engine *e, uint32_t s)
{
	return 1000u - situation_free_milli(e->table, s);
}

static int lowest(const struct laying *l, gpu_rank_fn *rank)
{
	uint32_t least = UINT32_MAX, r;
	int best = -1;

	for (uint8_t g = 0; g < l->n; g++) {
		if (!may_lie(l, g))
			continue;
		r = rank(l->e, l->gpus[g]);
		if (r < least) {
			least = r;
			best = g;
		}
	}
	return best;
}

static bool lay_on(struct laying *l, int gpu, struct engine_pick *ret)
{
	return gpu >= 0 && look(l, (uint8_t)gpu, &l->next) && lay(l, (uint8_t)gpu, ret);
}

static bool lay_out(struct engine *e, const struct pool_host *h, const struct demand *d,
		    gpu_rank_fn *rank, struct engine_pick *picks)
{
	struct laying l;

	begin(&l, e, h, d);
	for (uint8_t i = 0; i < d->ask.count; i++)
		if (!lay_on(&l, lowest(&l, rank), &picks[i]))
			return false;
	return true;
}

static uint32_t free_of(const struct engine *e, const struct pool_host *h)
{
	uint32_t sum = 0;

	for (uint8_t g = 0; g < h->gpus_n; g++)
		sum += situation_free_milli(e->table, pool_gpus(e, h)[g]);
	return sum;
}

static uint32_t free_before(const struct engine *e, const struct pool_host *h,
			    const struct engine_pick *p)
{
	return situation_free_milli(e->table, pool_gpus(e, h)[p->gpu]);
}

/* Its share of that GPU; those of the other kinds may have other shares. */
static uint32_t milli_of(const struct engine *e, const struct pool_host *h,
			 const struct engine_pick *p)
{
	uint8_t kind = situation_kind(e->table, pool_gpus(e, h)[p->gpu]);

	return situations_item_milli(e->table, kind, p->item);
}

static bool is_part(const struct demand *d)
{
	return demand_sort(d) == 1;
}

/* ---- fragmentation ---- */

/* Harm is rounded, to weighed milli: see the head of this file.  Where geometry makes rests of a
 * GPU differ much in worth, small differences count. */
#define HARM_STEP_FLUID 240.0
#define HARM_STEP_SLOTS 0.001

static double later_loss(const struct engine *e, uint32_t s)
{
	if (!e->slots || situation_is_empty(e->table, s))
		return 0;
	return whole_later(e->whole[situation_kind(e->table, s)], situation_vgpus(e->table, s));
}

static bool is_repeated(const struct laying *l, uint8_t gpu)
{
	for (uint8_t g = 0; g < gpu; g++)
		if (l->gpus[g] == l->gpus[gpu])
			return true;
	return false;
}

/* The GPU whose host is worth most afterwards, the first of equals; -1 for none. */
static int least_harmed(struct laying *l, const struct host_room *room, int64_t cpu, int64_t ram,
			double *ret)
{
	struct preview next;
	double worth;
	int best = -1;

	for (uint8_t g = 0; g < l->n; g++) {
		if (is_repeated(l, g) || !may_lie(l, g) || !look(l, g, &next))
			continue;
		worth = harm_worth_after(l->e, room, l->gpus[g], &next, cpu, ram) -
			later_loss(l->e, l->gpus[g]);
		if (best < 0 || worth > *ret + 1e-6) {
			best = g;
			*ret = worth;
			l->next = next;
		}
	}
	return best;
}

static uint32_t fragmentation(struct engine *e, uint32_t host, const struct demand *d,
			      struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	int64_t cpu = h->cpu_free - (int64_t)d->ask.cpu_milli;
	int64_t ram = h->ram_free - (int64_t)d->ask.ram_mib;
	struct host_room room;
	double before = 0, after = 0;
	struct laying l;

	begin(&l, e, h, d);
	harm_read(e, h, &room);
	if (!e->decided)
		before = harm_worth(e, &room, h->cpu_free, h->ram_free);
	if (d->ask.count == 0)
		after = harm_worth(e, &room, cpu, ram);
	for (uint8_t i = 0; i < d->ask.count; i++) {
		int gpu = least_harmed(&l, &room, cpu, ram, &after);

		if (gpu < 0)
			return 0;
		if (i + 1 < d->ask.count)
			harm_step(e, &room, l.gpus[gpu], &l.next);
		if (!lay(&l, (uint8_t)gpu, &picks[i]))
			return 0;
	}
	return (uint32_t)(MIDDLE + (int64_t)floor((after - before) /
						  (e->slots ? HARM_STEP_SLOTS : HARM_STEP_FLUID)));
}

/* ---- the others for people ---- */

static uint32_t first_fit(struct engine *e, uint32_t host, const struct demand *d,
			  struct engine_pick *picks)
{
	return lay_out(e, &e->hosts[host], d, by_place, picks) ? WORST : 0;
}

/* Least left on the GPU, then least free on the host; a VM without GPU where least is free. */
static uint32_t pack(struct engine *e, uint32_t host, const struct demand *d,
		     struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	uint32_t left = 0, milli;

	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	if (d->ask.count == 1) {
		left = free_before(e, h, &picks[0]);
		milli = milli_of(e, h, &picks[0]);
		left -= milli < left ? milli : left;
	}
	return MIDDLE - left * 20000 - free_of(e, h);
}

static uint32_t spread(struct engine *e, uint32_t host, const struct demand *d,
		       struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];

	if (!lay_out(e, h, d, emptiest, picks))
		return 0;
	return WORST + (d->ask.count ? free_before(e, h, &picks[0]) : 0) * 20000 + free_of(e, h);
}

static uint32_t spread_hosts(struct engine *e, uint32_t host, const struct demand *d,
			     struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];

	if (!lay_out(e, h, d, emptiest, picks))
		return 0;
	return WORST + free_of(e, h) * 1001 + (d->ask.count ? free_before(e, h, &picks[0]) : 0);
}

/* ---- baselines ---- */

static uint32_t score100(double x)
{
	return (uint32_t)(MIDDLE + (int64_t)floor(100 * x));
}

static uint32_t best_fit(struct engine *e, uint32_t host, const struct demand *d,
			 struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	double cpu = (h->cpu_free - (double)d->ask.cpu_milli) / NORM_CPU;
	double gpu = (free_of(e, h) - (double)d->milli * d->ask.count) / NORM_GPU;

	return lay_out(e, h, d, fullest, picks) ? score100(1 - (0.5 * cpu + 0.5 * gpu)) : 0;
}

static uint32_t dot_product(struct engine *e, uint32_t host, const struct demand *d,
			    struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	double cpu = h->cpu_free / NORM_CPU * (d->ask.cpu_milli / NORM_CPU);
	double gpu = free_of(e, h) / NORM_GPU * (d->milli * d->ask.count / NORM_GPU);

	return lay_out(e, h, d, fullest, picks) ? score100(1 - (cpu + gpu) / 2) : 0;
}

static bool is_host_used(const struct engine *e, const struct pool_host *h)
{
	for (uint8_t g = 0; g < h->gpus_n; g++)
		if (!situation_is_empty(e->table, pool_gpus(e, h)[g]))
			return true;
	return false;
}

/* A part of a GPU: a used GPU, else an idle one of a used host, else of an idle host. */
static uint32_t gpu_packing(struct engine *e, uint32_t host, const struct demand *d,
			    struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	double free_share;

	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	if (d->ask.count == 0)
		return score100(0);
	free_share = free_of(e, h) / (1000.0 * h->gpus_n);
	if (is_part(d) && free_before(e, h, &picks[0]) < 1000)
		return score100(0.5 + 0.5 * (1 - free_before(e, h, &picks[0]) / 1000.0));
	if (is_host_used(e, h))
		return score100(0.33 + 0.17 * (1 - free_share));
	return score100(0.33 * (1 - h->gpus_n / 8.0));
}

static uint32_t gpu_clustering(struct engine *e, uint32_t host, const struct demand *d,
			       struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	int sort = demand_sort(d);
	unsigned int other = 0;
	double used;

	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	if (sort == 0)
		return score100(0);
	for (int i = 1; i < 6; i++)
		other += i == sort ? 0 : h->vms[i];
	used = 1 - free_of(e, h) / (1000.0 * h->gpus_n);
	if (h->vms[sort] > 0)
		return score100((other ? 0.5 : 0.75) + 0.25 * used);
	return score100((other ? 0 : 0.25) + 0.25 * used);
}

/* A GPU that holds this size only, then any used one, then an empty one; full before empty. */
static uint32_t consolidation(struct engine *e, uint32_t host, const struct demand *d,
			      struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	uint32_t s, used, size = d->milli ? d->milli : 1;

	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	if (d->ask.count == 0)
		return WORST;
	s = pool_gpus(e, h)[picks[0].gpu];
	used = 1000u - situation_free_milli(e->table, s);
	if (situation_is_empty(e->table, s))
		return WORST;
	return WORST + (used % size == 0 ? 2000u : 1000u) + used;
}

static uint32_t random_host(struct engine *e, uint32_t host, const struct demand *d,
			    struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	uint8_t n = 0, fits[ENGINE_HOST_GPUS_MAX];
	struct laying l;

	if (d->ask.count != 1)
		return lay_out(e, h, d, by_place, picks) ? WORST : 0;
	begin(&l, e, h, d);
	for (uint8_t g = 0; g < l.n; g++)
		if (may_lie(&l, g))
			fits[n++] = g;
	return n && lay_on(&l, fits[(e->luck >> 32) % n], &picks[0]) ? WORST : 0;
}

/* ---- FGD ---- */

/* What the measure reads of each GPU. */
struct fgd_gpu {
	const uint16_t *capacity;
	uint16_t free;
	uint8_t kind;
};

static void fgd_read(const struct engine *e, const struct pool_host *h, struct fgd_gpu *ret)
{
	for (uint8_t g = 0; g < h->gpus_n; g++) {
		uint32_t s = pool_gpus(e, h)[g];

		ret[g] = (struct fgd_gpu){ situation_capacity(e->table, s),
					   situation_free_milli(e->table, s),
					   situation_kind(e->table, s) };
	}
}

/* Idle milli that a typical request could not use, over the mix: the published measure. */
static double fragments(const struct engine *e, const struct fgd_gpu *gpus, uint8_t n, int64_t cpu)
{
	double sum = 0, idle = 0;

	for (uint8_t g = 0; g < n; g++)
		idle += gpus[g].free;
	for (size_t i = 0; i < e->mix_n; i++) {
		const struct engine_demand *m = &e->demands[e->mix[i].demand].ask;
		double lost = idle;
		unsigned int fit = 0;

		for (uint8_t g = 0; g < n; g++) {
			uint8_t item = m->item[gpus[g].kind];
			uint16_t capacity = item == ITEM_NONE ? 0 : gpus[g].capacity[item];

			fit += capacity > 0;
			if (capacity > 0)
				lost -= situation_room(e->table, gpus[g].kind, item, capacity,
						       gpus[g].free);
		}
		if (m->count == 0 || fit < m->count || cpu < m->cpu_milli)
			lost = idle;
		sum += e->mix[i].weight * lost;
	}
	return sum;
}

static uint32_t fgd_score(double before, double after)
{
	return (uint32_t)(MIDDLE + (int64_t)floor(100 / (1 + exp(-(before - after) / 1000))));
}

static uint32_t fgd_part(struct laying *l, const struct fgd_gpu *gpus, double before, int64_t cpu,
			 struct engine_pick *picks)
{
	uint32_t best = 0, s;
	struct engine_pick p;

	for (uint8_t g = 0; g < l->n; g++) {
		struct fgd_gpu after[ENGINE_HOST_GPUS_MAX];
		struct laying one = *l;

		if (!may_lie(l, g) || !lay_on(&one, g, &p))
			continue;
		memcpy(after, gpus, l->n * sizeof(after[0]));
		after[g].capacity = one.next.capacity;
		after[g].free = one.next.free_milli;
		s = fgd_score(before, fragments(l->e, after, l->n, cpu));
		if (s > best) {
			best = s;
			picks[0] = p;
		}
	}
	return best;
}

static uint32_t fgd(struct engine *e, uint32_t host, const struct demand *d,
		    struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	int64_t cpu = h->cpu_free - (int64_t)d->ask.cpu_milli;
	struct fgd_gpu gpus[ENGINE_HOST_GPUS_MAX];
	struct preview next[ENGINE_HOST_GPUS_MAX];
	bool laid[ENGINE_HOST_GPUS_MAX] = { 0 };
	struct laying l;
	double before;

	fgd_read(e, h, gpus);
	before = fragments(e, gpus, h->gpus_n, h->cpu_free);
	begin(&l, e, h, d);
	if (is_part(d))
		return fgd_part(&l, gpus, before, cpu, picks);
	for (uint8_t i = 0; i < d->ask.count; i++) {
		int g = lowest(&l, fullest);

		if (!lay_on(&l, g, &picks[i]))
			return 0;
		next[g] = l.next;
		laid[g] = true;
	}
	/* Laying out makes situations, which may move those that were read before. */
	fgd_read(e, h, gpus);
	for (uint8_t g = 0; g < h->gpus_n; g++)
		if (laid[g]) {
			gpus[g].capacity = next[g].capacity;
			gpus[g].free = next[g].free_milli;
		}
	return fgd_score(before, fragments(e, gpus, h->gpus_n, cpu));
}

/* ---- the table ---- */

const struct policy_row policy_rows[] = {
	{ "fragmentation", "least room lost to the requests that are to come", fragmentation,
	  .cover = 1, .by_scarcity = true },
	{ "pack", "the GPU, then the host, with the least left", pack },
	{ "spread", "the GPU with the most free, wherever it is", spread },
	{ "spread-hosts", "the host with the most free, then its emptiest GPU", spread_hosts },
	{ "first-fit", "the first host and GPU with room", first_fit },
	{ "random", "any host, any GPU", random_host, .draws_host = true },
	{ "best-fit", "the host with the least CPU and GPU left", best_fit },
	{ "dot-product", "the host least like the request", dot_product },
	{ "gpu-packing", "used GPUs, then used hosts", gpu_packing },
	{ "gpu-clustering", "hosts that hold the same sort of request", gpu_clustering },
	{ "consolidation", "GPUs that hold the same size", consolidation },
	{ "fgd", "least growth of the published fragmentation measure", fgd, .cover = 0.95,
	  .any_ram = true },
	{ "fgd-random-ties", "as fgd, equals by lot", fgd, .cover = 0.95, .any_ram = true,
	  .draws_host = true },
};
const size_t policy_rows_n = sizeof(policy_rows) / sizeof(policy_rows[0]);

const struct policy_row *policy_row(const char *name)
{
	for (size_t i = 0; i < policy_rows_n; i++)
		if (strcmp(policy_rows[i].name, name) == 0)
			return &policy_rows[i];
	return NULL;
}
