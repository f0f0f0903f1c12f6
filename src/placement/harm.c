/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/harm.h"

#include <string.h>

static void add(const struct engine *e, struct host_room *room, uint32_t s, int sign)
{
	const struct situation_item *items = situation_items(e->table, s);
	const uint8_t *item = e->group_items[situation_kind(e->table, s)];

	for (size_t i = 0; i < e->groups_n; i++) {
		if (item[i] == ITEM_NONE)
			continue;
		room->capacity[i] += (uint32_t)(sign * items[item[i]].capacity);
		room->room[i] += (uint32_t)(sign * items[item[i]].room);
	}
}

void harm_read(const struct engine *e, const struct pool_host *h, struct host_room *ret)
{
	const uint32_t *gpus = pool_gpus(e, h);

	memset(ret->capacity, 0, e->groups_n * sizeof(ret->capacity[0]));
	memset(ret->room, 0, e->groups_n * sizeof(ret->room[0]));
	for (uint8_t g = 0; g < h->gpus_n; g++)
		add(e, ret, gpus[g], 1);
}

void harm_step(const struct engine *e, struct host_room *room, uint32_t a, uint32_t b)
{
	add(e, room, a, -1);
	add(e, room, b, 1);
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

	for (size_t i = 0; i < e->groups_n; i++)
		if (room->room[i])
			sum += worth_of(e, &e->groups[i], room->capacity[i], room->room[i], cpu,
					ram);
	return sum;
}

double harm_worth_after(const struct engine *e, const struct host_room *room, uint32_t a,
			uint32_t b, int64_t cpu, int64_t ram)
{
	const struct situation_item *before = situation_items(e->table, a);
	const struct situation_item *after = situation_items(e->table, b);
	const uint8_t *item = e->group_items[situation_kind(e->table, a)];
	double sum = 0;

	for (size_t i = 0; i < e->groups_n; i++) {
		uint32_t capacity = room->capacity[i], milli = room->room[i];

		if (milli == 0)
			continue;
		if (item[i] != ITEM_NONE) {
			capacity += (uint32_t)after[item[i]].capacity - before[item[i]].capacity;
			milli += (uint32_t)after[item[i]].room - before[item[i]].room;
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
	for (size_t i = 0; i < e->groups_n; i++)
		count_group(e, &e->groups[i], room.capacity[i], room.room[i], h, sign);
}

void harm_count_all(struct engine *e)
{
	for (size_t i = 0; i < e->mix_n; i++)
		e->mix[i].left = 0;
	for (uint32_t h = 0; h < e->hosts_n; h++)
		if (e->hosts[h].alive && !e->hosts[h].cordoned)
			harm_count(e, &e->hosts[h], 1);
}
