/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/harm.h"

#include <string.h>

/* A GPU of KIND that has CAPACITY and FREE joins (SIGN 1) or leaves (-1). */
static void add(const struct engine *e, struct host_room *room, uint8_t kind,
		const uint16_t *capacity, uint16_t free, int sign)
{
	const uint8_t *item = e->group_items[kind];

	for (size_t k = 0; k < room->groups_n; k++) {
		uint16_t i = room->groups[k];
		uint16_t n = item[i] == ITEM_NONE ? 0 : capacity[item[i]];

		if (n == 0)
			continue;
		room->capacity[i] += (uint32_t)(sign * n);
		room->room[i] +=
			(uint32_t)sign * situation_room(e->table, kind, item[i], n, free);
	}
}

static void add_situation(const struct engine *e, struct host_room *room, uint32_t s, int sign)
{
	add(e, room, situation_kind(e->table, s), situation_capacity(e->table, s),
	    situation_free_milli(e->table, s), sign);
}

/* KINDS_MAX when the GPUs of H are of several. */
static size_t common_kind(const struct engine *e, const struct pool_host *h)
{
	const uint32_t *gpus = pool_gpus(e, h);
	uint8_t kind;

	if (h->gpus_n == 0)
		return KINDS_MAX;
	kind = situation_kind(e->table, gpus[0]);
	for (uint8_t g = 1; g < h->gpus_n; g++)
		if (gpus[g] != gpus[0] && situation_kind(e->table, gpus[g]) != kind)
			return KINDS_MAX;
	return kind;
}

void harm_read(const struct engine *e, const struct pool_host *h, struct host_room *ret)
{
	const uint32_t *gpus = pool_gpus(e, h);

	size_t kind = common_kind(e, h);

	ret->groups = e->kind_groups[kind];
	ret->groups_n = e->kind_groups_n[kind];
	memset(ret->capacity, 0, e->groups_n * sizeof(ret->capacity[0]));
	memset(ret->room, 0, e->groups_n * sizeof(ret->room[0]));
	for (uint8_t g = 0; g < h->gpus_n; g++)
		add_situation(e, ret, gpus[g], 1);
}

void harm_step(const struct engine *e, struct host_room *room, uint32_t a,
	       const struct preview *next)
{
	add_situation(e, room, a, -1);
	add(e, room, situation_kind(e->table, a), next->capacity, next->free_milli, 1);
}

/* How many of FIT requests CPU and RAM could serve. */
static int64_t served(int64_t fit, uint32_t cpu_each, uint32_t ram_each, int64_t cpu, int64_t ram)
{
	if (cpu < cpu_each || ram < ram_each)
		return 0;
	if (fit * cpu_each > cpu)
		fit = cpu / cpu_each;
	if (fit * ram_each > ram)
		fit = ram / ram_each;
	return fit;
}

/* Milli that a group can use, weighed. */
static double worth_of(const struct engine *e, const struct mix_group *g, uint32_t capacity,
		       uint32_t room, int64_t cpu, int64_t ram)
{
	int64_t fit = g->count > 1 ? capacity / g->count : capacity;
	double sum = 0;

	if (fit == 0)
		return 0;
	if (fit * g->cpu_max <= cpu && fit * g->ram_max <= ram)
		return g->weight * room;
	for (unsigned int i = g->first; i < g->first + g->n; i++) {
		const struct mix_entry *m = &e->mix[i];

		sum += m->weight * (double)served(fit, m->cpu_milli, m->ram_mib, cpu, ram);
	}
	return sum * room / (double)fit;
}

double harm_worth(const struct engine *e, const struct host_room *room, int64_t cpu, int64_t ram)
{
	double sum = 0;

	for (size_t k = 0; k < room->groups_n; k++) {
		uint16_t i = room->groups[k];

		if (room->room[i])
			sum += worth_of(e, &e->groups[i], room->capacity[i], room->room[i], cpu,
					ram);
	}
	return sum;
}

double harm_worth_after(const struct engine *e, const struct host_room *room, uint32_t a,
			const struct preview *next, int64_t cpu, int64_t ram)
{
	const uint16_t *before = situation_capacity(e->table, a);
	uint16_t free = situation_free_milli(e->table, a);
	uint8_t kind = situation_kind(e->table, a);
	const uint8_t *item = e->group_items[kind];
	double sum = 0;

	for (size_t k = 0; k < room->groups_n; k++) {
		uint16_t i = room->groups[k];
		uint32_t capacity = room->capacity[i], milli = room->room[i];

		if (milli == 0)
			continue;
		if (item[i] != ITEM_NONE && before[item[i]]) {
			uint16_t was = before[item[i]], is = next->capacity[item[i]];

			capacity += (uint32_t)is - was;
			milli += situation_room(e->table, kind, item[i], is, next->free_milli) -
				 situation_room(e->table, kind, item[i], was, free);
		}
		sum += worth_of(e, &e->groups[i], capacity, milli, cpu, ram);
	}
	return sum;
}

static void count_group(struct engine *e, const struct mix_group *g, uint32_t capacity, double room,
			const struct pool_host *h, int sign)
{
	int64_t fit = g->count ? capacity / g->count : 0;

	for (unsigned int i = g->first; fit > 0 && i < g->first + g->n; i++) {
		struct mix_entry *m = &e->mix[i];

		m->left += sign * room / (double)fit *
			   (double)served(fit, m->cpu_milli, m->ram_mib, h->cpu_free, h->ram_free);
	}
}

void harm_count(struct engine *e, const struct pool_host *h, int sign)
{
	struct host_room room;

	harm_read(e, h, &room);
	for (size_t k = 0; k < room.groups_n; k++) {
		uint16_t i = room.groups[k];

		count_group(e, &e->groups[i], room.capacity[i], room.room[i], h, sign);
	}
}

void harm_count_all(struct engine *e)
{
	for (size_t i = 0; i < e->mix_n; i++)
		e->mix[i].left = 0;
	for (uint32_t h = 0; h < e->hosts_n; h++)
		if (e->hosts[h].alive && !e->hosts[h].cordoned)
			harm_count(e, &e->hosts[h], 1);
}
