/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - hosts, demands, and how much harm is weighed for whom. */
#include "placement/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "placement/harm.h"
#include "placement/worth.h"

int demand_sort(const struct demand *d)
{
	if (d->ask.count == 0)
		return 0;
	if (d->ask.count == 1 && d->milli < 1000)
		return 1;
	return d->ask.count == 1 ? 2 : d->ask.count == 2 ? 3 : d->ask.count <= 4 ? 4 : 5;
}

bool pool_host_takes(const struct pool_host *h, const struct demand *d)
{
	return h->alive && !h->cordoned && h->cpu_free >= (int64_t)d->ask.cpu_milli &&
	       h->ram_free >= (int64_t)d->ask.ram_mib &&
	       (h->labels & d->ask.labels) == d->ask.labels;
}

uint8_t demand_item(const struct engine *e, const struct demand *d, uint32_t s)
{
	return d->ask.item[situation_kind(e->table, s)];
}

/* ---- what is typical ---- */

static int by_frequency(const void *a, const void *b)
{
	const struct mix_entry *x = a, *y = b;

	if (x->share != y->share)
		return x->share > y->share ? -1 : 1;
	return x->demand < y->demand ? -1 : x->demand > y->demand;
}

/* Entries of one group become neighbours. */
static int by_vgpus(const void *a, const void *b, void *engine)
{
	const struct engine *e = engine;
	const struct mix_entry *x = a, *y = b;
	const struct engine_demand *p = &e->demands[x->demand].ask, *q = &e->demands[y->demand].ask;
	int r = p->count != q->count ? p->count - q->count
				     : memcmp(p->item, q->item, sizeof(p->item));

	return r ? r : by_frequency(a, b);
}

static bool same_vgpus(const struct engine *e, const struct mix_entry *x,
		       const struct mix_entry *y)
{
	const struct engine_demand *p = &e->demands[x->demand].ask, *q = &e->demands[y->demand].ask;

	return p->count == q->count && memcmp(p->item, q->item, sizeof(p->item)) == 0;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void group_mix(struct engine *e)
{
	e->groups_n = 0;
	qsort_r(e->mix, e->mix_n, sizeof(e->mix[0]), by_vgpus, e);
	for (size_t i = 0; i < e->mix_n; i++) {
		const struct engine_demand *d = &e->demands[e->mix[i].demand].ask;
		struct mix_group *g = &e->groups[e->groups_n];

		e->mix[i].cpu_milli = d->cpu_milli;
		e->mix[i].ram_mib = d->ram_mib;
		if (i > 0 && same_vgpus(e, &e->mix[i - 1], &e->mix[i])) {
			g--;
			g->n++;
		} else {
			*g = (struct mix_group){ .first = (uint16_t)i, .n = 1, .count = d->count };
			for (size_t k = 0; k < KINDS_MAX; k++)
				e->group_items[k][e->groups_n] = d->count ? d->item[k] : ITEM_NONE;
			e->groups_n++;
		}
		g->cpu_max = larger(g->cpu_max, d->cpu_milli);
		g->ram_max = larger(g->ram_max, d->ram_mib);
	}
}

/* Most hosts have GPUs of one kind: only its groups need to be looked at. */
static void list_groups(struct engine *e)
{
	size_t kinds = situations_kinds(e->table);

	memset(e->kind_groups_n, 0, sizeof(e->kind_groups_n));
	for (uint16_t g = 0; g < e->groups_n; g++) {
		e->kind_groups[KINDS_MAX][e->kind_groups_n[KINDS_MAX]++] = g;
		for (size_t k = 0; k < kinds; k++)
			if (e->group_items[k][g] != ITEM_NONE)
				e->kind_groups[k][e->kind_groups_n[k]++] = g;
	}
}

static bool same_but_ram(const struct engine_demand *a, const struct engine_demand *b)
{
	return a->cpu_milli == b->cpu_milli && a->labels == b->labels && a->count == b->count &&
	       memcmp(a->item, b->item, sizeof(a->item)) == 0;
}

/* Requests that differ in RAM count as the first of them. */
static void merge_ram(const struct engine *e, struct mix_entry *all)
{
	for (uint32_t i = 1; i < e->demands_n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (all[k].share > 0 &&
			    same_but_ram(&e->demands[i].ask, &e->demands[k].ask)) {
				all[k].share += all[i].share;
				all[i].share = 0;
				break;
			}
}

/* The most frequent demands that make up the share that the policy looks at. */
void pool_choose_mix(struct engine *e)
{
	struct mix_entry *all = malloc((e->demands_n + 1) * sizeof(*all));
	double sum = 0, covered = 0;

	e->mix_stale = false;
	e->mix_n = e->groups_n = 0;
	if (!all)
		return; /* without a mix nothing is harmed: placement goes on by number */
	for (uint32_t i = 0; i < e->demands_n; i++) {
		all[i] = (struct mix_entry){ .demand = i, .share = e->demands[i].seen };
		sum += all[i].share;
	}
	if (e->policy->any_ram)
		merge_ram(e, all);
	qsort(all, e->demands_n, sizeof(*all), by_frequency);
	for (uint32_t i = 0; i < e->demands_n && e->mix_n < MIX_MAX; i++) {
		if (all[i].share <= 0 || covered >= e->policy->cover * sum)
			break;
		covered += all[i].share;
		e->mix[e->mix_n++] = all[i];
	}
	for (size_t i = 0; i < e->mix_n; i++)
		e->mix[i].share /= covered;
	free(all);
	group_mix(e);
	list_groups(e);
	harm_count_all(e);
	pool_weigh(e);
}

/* ---- weights ---- */

/* What one milli of room is worth to a demand.
 *
 * Where GPUs have slots, a place is worth more the more often its size comes, the larger it is,
 * and the scarcer such places were lately; the floor keeps an order while nothing is scarce.
 * Departures make room again, so what counts is the mean over about one lifetime, not the room of
 * this moment.  Where they have none, any rest will do for something, and small requests fit into
 * what large ones leave: a milli is worth the less, the larger the request (several GPUs count as
 * their root: they are the first that a pool can not hold any more), and the more the pool has for
 * it now (nearly the derivative of sum(share * log(room))).  The exponents and the floor are from
 * searches over mixes, modes, loads and traces; nearby little changes. */
#define ROOM_EXPONENT 0.8

static double weight_of(const struct engine *e, const struct mix_entry *m)
{
	const struct demand *d = &e->demands[m->demand];
	double size = (double)d->milli * d->ask.count;

	if (!e->policy->by_scarcity)
		return m->share;
	if (size <= 0) /* no GPU, or none that we have */
		return 0;
	if (e->slots)
		return place_worth(m->share * size, d->scarce) / size;
	return m->share / (d->milli * sqrt(d->ask.count)) /
	       pow(m->left > size ? m->left : size, ROOM_EXPONENT);
}

/* Memory of a mean lifetime: as many requests as there are vGPUs (Little's law). */
void pool_note_scarcity(struct engine *e)
{
	double step = 1.0 / (double)(e->vgpus > 64 ? e->vgpus : 64);

	for (size_t i = 0; i < e->mix_n; i++) {
		struct demand *d = &e->demands[e->mix[i].demand];
		double size = (double)d->milli * d->ask.count;

		if (size > 0)
			d->scarce += (1 / (1 + e->mix[i].left / size) - d->scarce) * step;
	}
}

/* A place is worth the room that it is to those that could use it. */
static void weigh_whole(struct engine *e, uint8_t kind)
{
	size_t items = situations_items(e->table, kind);
	uint16_t most = 0;

	for (uint8_t i = 0; i < items; i++) {
		uint16_t milli = situations_item_milli(e->table, kind, i);

		if (e->worth[kind][i] > 0 && milli > most) {
			most = milli;
			e->whole[kind] = e->worth[kind][i];
		}
	}
}

static void weigh_places(struct engine *e)
{
	size_t kinds = situations_kinds(e->table);

	memset(e->worth, 0, sizeof(e->worth));
	memset(e->whole, 0, sizeof(e->whole));
	for (uint8_t k = 0; k < kinds; k++) {
		for (size_t g = 0; g < e->groups_n; g++) {
			uint8_t item = e->group_items[k][g];

			if (item != ITEM_NONE)
				e->worth[k][item] +=
					(float)(e->groups[g].weight *
						situations_item_milli(e->table, k, item));
		}
		weigh_whole(e, k);
	}
}

/* Contests have to be held anew after every change of weights, so small ones are let pass. */
#define WEIGHT_CHANGE_MIN 0.03

bool pool_reweigh(struct engine *e)
{
	double sum = 0, change = 0;

	e->since_weighed = 0;
	for (size_t i = 0; i < e->mix_n; i++)
		sum += weight_of(e, &e->mix[i]);
	for (size_t i = 0; i < e->mix_n && sum > 0; i++)
		change += fabs(weight_of(e, &e->mix[i]) / sum - e->mix[i].weight);
	if (change < WEIGHT_CHANGE_MIN)
		return false;
	pool_weigh(e);
	return true;
}

void pool_weigh(struct engine *e)
{
	double sum = 0;

	for (size_t i = 0; i < e->mix_n; i++)
		sum += weight_of(e, &e->mix[i]);
	for (size_t i = 0; i < e->mix_n; i++)
		e->mix[i].weight = sum > 0 ? weight_of(e, &e->mix[i]) / sum : 0;
	for (size_t g = 0; g < e->groups_n; g++) {
		struct mix_group *group = &e->groups[g];

		group->weight = 0;
		for (unsigned int i = group->first; i < group->first + group->n; i++)
			group->weight += e->mix[i].weight;
	}
	weigh_places(e);
	e->since_weighed = 0;
	if (++e->weighed == 0)
		e->weighed = 1;
}
