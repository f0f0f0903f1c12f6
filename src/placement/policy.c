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

enum { WORST = 1, MIDDLE = 1 << 30 };

/* Largest host of the published cluster, which its scores are normalised by. */
#define NORM_CPU 128000.0
#define NORM_GPU 8000.0

/* ---- choosing GPUs inside a host ---- */

/* Situations of a host's GPUs while a request is laid out on them. */
struct bench {
	uint32_t gpus[ENGINE_HOST_GPUS_MAX];
	uint8_t n;
};

static struct bench bench_of(const struct engine *e, const struct pool_host *h)
{
	struct bench b = { .n = h->gpus_n };

	memcpy(b.gpus, pool_gpus(e, h), h->gpus_n * sizeof(b.gpus[0]));
	return b;
}

static bool offers(struct engine *e, const struct demand *d, uint32_t s)
{
	uint8_t item = demand_item(e, d, s);

	return item != ITEM_NONE && situation_items(e->table, s)[item].capacity > 0;
}

static void pick(struct engine *e, const struct demand *d, struct bench *b, uint8_t gpu,
		 struct engine_pick *ret)
{
	struct best_way way;

	ret->gpu = gpu;
	ret->item = demand_item(e, d, b->gpus[gpu]);
	if (!pool_best_way(e, b->gpus[gpu], ret->item, &way))
		__builtin_trap(); /* it offered */
	ret->cut = way.cut;
	ret->start = way.start;
	ret->situation = b->gpus[gpu] = way.next;
}

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

/* All GPUs of a request are of one kind: the first one chosen decides. */
static bool lay_out(struct engine *e, const struct pool_host *h, const struct demand *d,
		    gpu_rank_fn *rank, struct engine_pick *picks)
{
	struct bench b = bench_of(e, h);
	int kind = -1;

	for (uint8_t i = 0; i < d->ask.count; i++) {
		uint32_t best_rank = UINT32_MAX, r;
		uint8_t best = 0;

		for (uint8_t g = 0; g < b.n; g++) {
			if ((kind >= 0 && situation_kind(e->table, b.gpus[g]) != kind) ||
			    !offers(e, d, b.gpus[g]))
				continue;
			r = rank(e, b.gpus[g]);
			if (r < best_rank) {
				best_rank = r;
				best = g;
			}
		}
		if (best_rank == UINT32_MAX)
			return false;
		kind = situation_kind(e->table, b.gpus[best]);
		pick(e, d, &b, best, &picks[i]);
	}
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

static bool is_part(const struct demand *d)
{
	return demand_sort(d) == 1;
}

/* ---- fragmentation ---- */

/* Harm is rounded to this many milli: see the head of this file. */
#define HARM_STEP 240.0

struct laying {
	struct engine *e;
	const struct pool_host *h;
	const struct demand *d;
	struct bench b;
	struct host_room room;
	int64_t cpu, ram; /* of the host afterwards */
	int kind;
};

static double worth_with(const struct laying *l, uint8_t gpu, double *ret)
{
	struct engine *e = l->e;
	struct best_way way;

	if (!pool_best_way(e, l->b.gpus[gpu], demand_item(e, l->d, l->b.gpus[gpu]), &way))
		__builtin_trap(); /* it offered */
	*ret = harm_worth_after(e, &l->room, l->b.gpus[gpu], way.next, l->cpu, l->ram);
	return *ret;
}

static bool is_repeated(const struct bench *b, uint8_t gpu)
{
	for (uint8_t g = 0; g < gpu; g++)
		if (b->gpus[g] == b->gpus[gpu])
			return true;
	return false;
}

/* Of GPUs that lose equally much, the first. */
static int least_harmed(struct laying *l)
{
	double best_worth = 0, worth;
	int best = -1;

	for (uint8_t g = 0; g < l->b.n; g++) {
		uint32_t s = l->b.gpus[g];

		if ((l->kind >= 0 && situation_kind(l->e->table, s) != l->kind) ||
		    is_repeated(&l->b, g) || !offers(l->e, l->d, s))
			continue;
		worth_with(l, g, &worth);
		if (best < 0 || worth > best_worth + 1e-6) {
			best = g;
			best_worth = worth;
		}
	}
	return best;
}

static uint32_t fragmentation(struct engine *e, uint32_t host, const struct demand *d,
			      struct engine_pick *picks)
{
	const struct pool_host *h = &e->hosts[host];
	struct laying l = { .e = e, .h = h, .d = d, .b = bench_of(e, h), .kind = -1,
			    .cpu = h->cpu_free - (int64_t)d->ask.cpu_milli,
			    .ram = h->ram_free - (int64_t)d->ask.ram_mib };
	double before, after;

	harm_read(e, h, &l.room);
	before = harm_worth(e, &l.room, h->cpu_free, h->ram_free);
	for (uint8_t i = 0; i < d->ask.count; i++) {
		int gpu = least_harmed(&l);
		uint32_t was;

		if (gpu < 0)
			return 0;
		was = l.b.gpus[gpu];
		l.kind = situation_kind(e->table, was);
		pick(e, d, &l.b, (uint8_t)gpu, &picks[i]);
		harm_step(e, &l.room, was, l.b.gpus[gpu]);
	}
	after = harm_worth(e, &l.room, l.cpu, l.ram);
	return (uint32_t)(MIDDLE + (int64_t)floor((after - before) / HARM_STEP));
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
	uint32_t left = 0;

	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	if (d->ask.count == 1)
		left = situation_free_milli(e->table, picks[0].situation);
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
	struct bench b = bench_of(e, h);
	uint8_t n = 0, fits[ENGINE_HOST_GPUS_MAX];

	if (d->ask.count != 1)
		return lay_out(e, h, d, by_place, picks) ? WORST : 0;
	for (uint8_t g = 0; g < b.n; g++)
		if (offers(e, d, b.gpus[g]))
			fits[n++] = g;
	if (n == 0)
		return 0;
	pick(e, d, &b, fits[(e->luck >> 32) % n], &picks[0]);
	return WORST;
}

/* ---- FGD ---- */

/* Idle milli that a typical request could not use, over the mix: the published measure. */
static double fragments(const struct engine *e, const uint32_t *gpus, uint8_t n, int64_t cpu)
{
	double sum = 0, idle = 0;

	for (uint8_t g = 0; g < n; g++)
		idle += situation_free_milli(e->table, gpus[g]);
	for (size_t i = 0; i < e->mix_n; i++) {
		const struct demand *m = &e->demands[e->mix[i].demand];
		double lost = 0;
		unsigned int fit = 0;

		for (uint8_t g = 0; g < n; g++) {
			uint8_t item = demand_item(e, m, gpus[g]);
			uint16_t room = item == ITEM_NONE
						? 0
						: situation_items(e->table, gpus[g])[item].room;

			fit += room > 0;
			lost += situation_free_milli(e->table, gpus[g]) - (double)room;
		}
		if (m->ask.count == 0 || fit < m->ask.count || cpu < m->ask.cpu_milli)
			lost = idle;
		sum += e->mix[i].weight * lost;
	}
	return sum;
}

static uint32_t fgd_score(double before, double after)
{
	return (uint32_t)(MIDDLE + (int64_t)floor(100 / (1 + exp(-(before - after) / 1000))));
}

static uint32_t fgd_part(struct engine *e, const struct pool_host *h, const struct demand *d,
			 double before, struct engine_pick *picks)
{
	int64_t cpu = h->cpu_free - (int64_t)d->ask.cpu_milli;
	uint32_t best = 0, s;
	struct engine_pick p;

	for (uint8_t g = 0; g < h->gpus_n; g++) {
		struct bench b = bench_of(e, h);

		if (!offers(e, d, b.gpus[g]))
			continue;
		pick(e, d, &b, g, &p);
		s = fgd_score(before, fragments(e, b.gpus, b.n, cpu));
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
	double before = fragments(e, pool_gpus(e, h), h->gpus_n, h->cpu_free);
	struct bench b = bench_of(e, h);

	if (is_part(d))
		return fgd_part(e, h, d, before, picks);
	if (!lay_out(e, h, d, fullest, picks))
		return 0;
	for (uint8_t i = 0; i < d->ask.count; i++)
		b.gpus[picks[i].gpu] = picks[i].situation;
	return fgd_score(before, fragments(e, b.gpus, b.n,
					   h->cpu_free - (int64_t)d->ask.cpu_milli));
}

/* ---- the table ---- */

const struct policy_row policy_rows[] = {
	{ "fragmentation", "least room lost to the requests that are to come", fragmentation,
	  .cover = 1, .by_scarcity = true },
	{ "pack", "the GPU, then the host, with the least left", pack },
	{ "spread", "the GPU with the most free, wherever it is", spread },
	{ "spread-hosts", "the host with the most free, then its emptiest GPU", spread_hosts },
	{ "first-fit", "the first host and GPU with room", first_fit },
	{ "random", "any host, any GPU", random_host, .draws_host = true, .draws_gpu = true },
	{ "best-fit", "the host with the least CPU and GPU left", best_fit },
	{ "dot-product", "the host least like the request", dot_product },
	{ "gpu-packing", "used GPUs, then used hosts", gpu_packing },
	{ "gpu-clustering", "hosts that hold the same sort of request", gpu_clustering },
	{ "consolidation", "GPUs that hold the same size", consolidation },
	{ "fgd", "least growth of the published fragmentation measure", fgd, .cover = 0.95 },
	{ "fgd-random-ties", "as fgd, equals by lot", fgd, .cover = 0.95, .draws_host = true },
};
const size_t policy_rows_n = sizeof(policy_rows) / sizeof(policy_rows[0]);

const struct policy_row *policy_row(const char *name)
{
	for (size_t i = 0; i < policy_rows_n; i++)
		if (strcmp(policy_rows[i].name, name) == 0)
			return &policy_rows[i];
	return NULL;
}
