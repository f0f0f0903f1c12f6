/* SPDX-License-Identifier: Apache-2.0 */
/* moves.c - the one move that lets a request in, and what the search for many shares with it. */
#include "placement/moves.h"

#include <stdlib.h>

#include "placement/aside.h"
#include "placement/policy.h"

/* ---- weighing ---- */

void moves_weigh(struct engine *e)
{
	pool_choose_mix(e);
	for (size_t i = 0; i < e->mix_n; i++) {
		struct demand *d = &e->demands[e->mix[i].demand];
		double size = (double)d->milli * d->ask.count;

		d->scarce = size > 0 ? 1 / (1 + e->mix[i].left / size) : 0;
	}
	pool_weigh(e);
}

/* ---- targets ---- */

struct elsewhere {
	const struct moves_pool *pool;
	size_t vm;
};

static bool is_elsewhere(void *user, uint32_t host)
{
	const struct elsewhere *w = user;

	return host != w->pool->vms[w->vm].at.host &&
	       (!w->pool->may || w->pool->may(w->pool->user, w->vm, host));
}

bool moves_target(const struct moves_pool *pool, size_t vm, struct engine_choice *ret)
{
	struct elsewhere w = { pool, vm };
	struct engine_rules rules = { .may = is_elsewhere, .user = &w };

	return engine_choose(pool->engine, pool->vms[vm].at.demand, &rules, ret);
}

double moves_seconds(const struct moves_pool *pool, size_t vm)
{
	double each = pool->seconds_per_gib > 0 ? pool->seconds_per_gib : MOVES_SECONDS_PER_GIB;

	return pool->vms[vm].gib * each;
}

/* ---- one move ---- */

static int compare(const void *a, const void *b, void *user)
{
	const struct moves_pool *pool = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (pool->vms[x].gib < pool->vms[y].gib || pool->vms[x].gib > pool->vms[y].gib)
		return pool->vms[x].gib < pool->vms[y].gib ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* VMs whose going might help, cheapest first; free(). */
static uint32_t *list_candidates(const struct moves_pool *pool, const struct engine_rules *rules,
				 size_t *n)
{
	uint32_t *list = malloc((pool->n + 1) * sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < pool->n; i++) {
		const struct moves_vm *vm = &pool->vms[i];

		if (vm->movable && (!rules || !rules->may || rules->may(rules->user, vm->at.host)))
			list[(*n)++] = (uint32_t)i;
	}
	if (*n)
		qsort_r(list, *n, sizeof(*list), compare, (void *)(uintptr_t)pool);
	return list;
}

/* Most requests are for one vGPU, and then no policy has to be asked. */
static bool holds(struct engine *e, uint32_t host, const struct demand *d)
{
	const struct pool_host *h = &e->hosts[host];
	struct engine_pick picks[ENGINE_COUNT_MAX];

	if (!pool_host_takes(h, d))
		return false;
	if (d->ask.count != 1)
		return e->policy->score(e, host, d, picks) != 0;
	for (uint8_t g = 0; g < h->gpus_n; g++) {
		uint32_t s = pool_gpus(e, h)[g];
		uint8_t item = demand_item(e, d, s);

		if (item != ITEM_NONE && situation_capacity(e->table, s)[item] > 0)
			return true;
	}
	return false;
}

/* Only its own host has more room without it, so there the request would have to fit. */
static bool fits_without(const struct moves_pool *pool, size_t vm, const struct demand *d)
{
	struct engine *e = pool->engine;
	uint32_t host = pool->vms[vm].at.host;
	struct aside a;
	bool fits;

	situations_collect(e->table);
	aside_begin(&a, e, host);
	fits = aside_without(&a, &pool->vms[vm].at) && holds(e, host, d);
	aside_end(&a);
	return fits;
}

bool moves_for(const struct moves_pool *pool, uint32_t demand, const struct engine_rules *rules,
	       struct move *ret)
{
	cleanup(cleanup_free) uint32_t *list = NULL;
	struct engine_choice to;
	size_t n;

	if (engine_choose(pool->engine, demand, rules, &to))
		return false;
	list = list_candidates(pool, rules, &n);
	for (size_t i = 0; i < n; i++) {
		if (!fits_without(pool, list[i], &pool->engine->demands[demand]) ||
		    !moves_target(pool, list[i], &to))
			continue;
		*ret = (struct move){ .vm = list[i], .from = pool->vms[list[i]].at, .to = to,
				      .seconds = moves_seconds(pool, list[i]) };
		return true;
	}
	return false;
}
