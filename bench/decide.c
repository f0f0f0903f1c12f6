/* SPDX-License-Identifier: Apache-2.0 */
/* decide.c - how long one placement takes, in pools of 100 to 1,000,000 GPUs.
 *
 * Hosts have eight GPUs of one board (L40S mixed-size, A100 80GB in MIG, H100 80GB equal-size in
 * turn), 224 vCPUs and 1.5 TiB; VMs bring vCPUs and RAM by their size.  The pool is filled at
 * random to the wanted share, then each round one VM leaves and one is placed.  Timed are the
 * decision (choosing), the update (taking it), and settling, by which the contests of all other
 * demands learn of the change and which a controller does between requests; "total" is all three.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "facet-bench.h"
#include "placement/engine.h"
#include "placement/policy.h"

enum { BOARDS = 3, SIZES_MAX = 16, HOST_GPUS = 8, DEMANDS_MAX = BOARDS * SIZES_MAX };

static const struct {
	const char *board;
	enum gpu_mode mode;
} boards[BOARDS] = {
	{ "NVIDIA L40S", GPU_MODE_MIXED },
	{ "NVIDIA A100 HGX SXM4 80GB", GPU_MODE_MIG },
	{ "NVIDIA H100 PCIe 80GB", GPU_MODE_EQUAL },
};

struct pool {
	struct engine *engine;
	struct luck luck;
	uint32_t demands[DEMANDS_MAX];
	uint16_t milli[DEMANDS_MAX];
	size_t demands_n;
	struct engine_choice *vms;
	uint16_t *vm_milli;
	size_t vms_n, vms_room;
	uint64_t used;           /* milli */
	uint32_t hosts;
};

static void pool_done(struct pool *p)
{
	engine_free(p->engine);
	free(p->vms);
	free(p->vm_milli);
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the pool");
}

static int add_board(struct situations *table, size_t i, struct error *err)
{
	const struct board *b = catalogue_board_named(boards[i].board);
	struct cut *cut = calloc(1, sizeof(*cut));
	uint8_t kind;
	int r;

	if (!cut)
		return no_memory(err);
	if (!b || !cut_of_board(b, boards[i].mode, cut))
		r = error_set(err, ERR_NOT_FOUND, "the catalogue has no %s", boards[i].board);
	else
		r = situations_add_kind(table, cut, 1, &kind, err);
	free(cut);
	return r;
}

/* A quarter of a vCPU and 1 GiB, and about as much of the host as of its GPUs. */
static int add_demands(struct pool *p, uint8_t kind, struct error *err)
{
	struct situations *t = engine_situations(p->engine);
	size_t n = situations_items(t, kind);
	int r = 0;

	for (size_t i = 0; i < n && i < SIZES_MAX && r == 0; i++) {
		uint16_t milli = situations_item_milli(t, kind, (uint8_t)i);
		struct engine_demand d = { .count = 1, .cpu_milli = 250u + 13u * milli,
					   .ram_mib = 1024u + 100u * milli };

		memset(d.item, ITEM_NONE, sizeof(d.item));
		d.item[kind] = (uint8_t)i;
		p->milli[p->demands_n] = milli;
		r = engine_demand(p->engine, &d, &p->demands[p->demands_n++], err);
	}
	return r;
}

static int make_pool(struct pool *p, size_t gpus, const struct policy_row *policy,
		     struct error *err)
{
	struct situations *t = situations_new();
	struct engine_host h = { .cpu_milli = 224000, .ram_mib = 3 << 19, .gpus_n = HOST_GPUS };
	uint32_t number;
	int r = t ? 0 : no_memory(err);

	for (size_t i = 0; i < BOARDS && r == 0; i++)
		r = add_board(t, i, err);
	if (r < 0) {
		situations_free(t);
		return r;
	}
	r = engine_new(t, policy, &p->engine, err);
	for (uint8_t i = 0; i < BOARDS && r == 0; i++)
		r = add_demands(p, i, err);
	p->hosts = (uint32_t)((gpus + HOST_GPUS - 1) / HOST_GPUS);
	for (uint32_t i = 0; i < p->hosts && r == 0; i++) {
		memset(h.kinds, (int)(i % BOARDS), sizeof(h.kinds));
		r = engine_add_host(p->engine, &h, &number, err);
	}
	return r;
}

static int keep(struct pool *p, const struct engine_choice *c, uint16_t milli, struct error *err)
{
	size_t room = p->vms_room ? p->vms_room * 2 : 4096;
	void *vms, *sizes;

	if (p->vms_n == p->vms_room) {
		vms = reallocarray(p->vms, room, sizeof(*p->vms));
		if (vms)
			p->vms = vms;
		sizes = reallocarray(p->vm_milli, room, sizeof(*p->vm_milli));
		if (sizes)
			p->vm_milli = sizes;
		if (!vms || !sizes)
			return no_memory(err);
		p->vms_room = room;
	}
	p->vms[p->vms_n] = *c;
	p->vm_milli[p->vms_n++] = milli;
	p->used += milli;
	return 0;
}

static int leave(struct pool *p, struct error *err)
{
	size_t i = (size_t)(luck_next(&p->luck) % p->vms_n);
	int r = engine_give_back(p->engine, &p->vms[i], err);

	p->used -= p->vm_milli[i];
	p->vms[i] = p->vms[--p->vms_n];
	p->vm_milli[i] = p->vm_milli[p->vms_n];
	return r;
}

/* Small sizes are asked for more often: by the inverse of the size. */
static size_t draw_demand(struct pool *p)
{
	for (;;) {
		size_t i = luck_below(&p->luck, (uint32_t)p->demands_n);

		if (luck_real(&p->luck) * p->milli[i] < 40)
			return i;
	}
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

struct times {
	float *decide, *update, *settle, *total;
	size_t n;
};

/* One request; TIMES may be NULL. */
static int request(struct pool *p, struct times *times, struct error *err)
{
	size_t d = draw_demand(p);
	struct engine_choice c;
	double t0 = now_us(), t1, t2, t3;
	bool found = engine_choose(p->engine, p->demands[d], NULL, &c);
	int r = 0;

	t1 = now_us();
	if (found)
		r = engine_take(p->engine, &c, err);
	else
		engine_missed(p->engine, p->demands[d]);
	t2 = now_us();
	engine_settle(p->engine, SIZE_MAX);
	t3 = now_us();
	if (found && r == 0)
		r = keep(p, &c, p->milli[d], err);
	if (!times)
		return r;
	times->decide[times->n] = (float)(t1 - t0);
	times->update[times->n] = (float)(t2 - t1);
	times->settle[times->n] = (float)(t3 - t2);
	times->total[times->n++] = (float)(t3 - t0);
	return r;
}

/* To FILL of the framebuffer, or as near as the boards' sizes and the requests allow. */
static int fill_pool(struct pool *p, double fill, struct error *err)
{
	double wanted = fill * 1000 * HOST_GPUS * p->hosts;
	size_t tries = 0, most = 64ull * HOST_GPUS * p->hosts;
	int r = 0;

	while (r == 0 && (double)p->used < wanted && tries++ < most)
		r = request(p, NULL, err);
	return r;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void print_part(const char *name, float *x, size_t n)
{
	qsort(x, n, sizeof(*x), by_value);
	printf("\"%sp50_us\":%.2f,\"%sp99_us\":%.2f,\"%sp999_us\":%.2f,", name, x[n / 2], name,
	       x[n * 99 / 100], name, x[n * 999 / 1000]);
}

static int measure(struct pool *p, double fill, size_t rounds, const char *policy,
		   struct error *err)
{
	float *all = malloc(4 * rounds * sizeof(*all));
	struct times t = { all, all + rounds, all + 2 * rounds, all + 3 * rounds, 0 };
	int r = all ? 0 : no_memory(err);

	for (size_t i = 0; i < rounds && r == 0; i++) {
		r = leave(p, err);
		engine_settle(p->engine, SIZE_MAX);
		if (r == 0)
			r = request(p, &t, err);
	}
	if (r == 0) {
		printf("{\"bench\":\"decide\",\"policy\":\"%s\",\"gpus\":%u,\"fill\":%.2f,", policy,
		       HOST_GPUS * p->hosts, fill);
		print_part("", t.decide, t.n);
		print_part("update_", t.update, t.n);
		print_part("settle_", t.settle, t.n);
		print_part("total_", t.total, t.n);
		printf("\"filled\":%.3f,\"situations\":%zu,\"bytes_per_gpu\":%.1f}\n",
		       (double)p->used / (1000.0 * HOST_GPUS * p->hosts),
		       situations_count(engine_situations(p->engine)),
		       (double)engine_bytes(p->engine) / (HOST_GPUS * p->hosts));
		fflush(stdout);
	}
	free(all);
	return r;
}

static int measure_size(size_t gpus, const struct policy_row *policy, size_t rounds,
			struct error *err)
{
	static const double fills[] = { 0.70, 0.90, 0.98 };
	cleanup(pool_done) struct pool p = { .luck = { gpus } };
	int r = make_pool(&p, gpus, policy, err);

	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]) && r == 0; i++) {
		r = fill_pool(&p, fills[i], err);
		if (r == 0)
			r = measure(&p, fills[i], rounds, policy->name, err);
	}
	return r;
}

int bench_decide(int argc, char **argv, struct error *err)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "gpus", required_argument, NULL, 'g' },
						 { "rounds", required_argument, NULL, 'r' },
						 { 0 } };
	static const size_t sizes[] = { 100, 1000, 10000, 100000, 1000000 };
	const struct policy_row *policy = policy_row("fragmentation");
	size_t rounds = 20000, only = 0;
	int c, r = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			policy = policy_row(optarg);
		else if (c == 'g')
			only = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			rounds = strtoull(optarg, NULL, 10);
		else
			return error_set(err, ERR_INVALID, "see facet-bench --help");
	}
	if (!policy || rounds < 1000 || rounds > 100000000 || only > 100000000)
		return error_set(err, ERR_INVALID,
				 "no such policy, or rounds below 1000, or too many GPUs");
	if (only)
		return measure_size(only, policy, rounds, err);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && r == 0; i++)
		r = measure_size(sizes[i], policy, rounds, err);
	return r;
}
