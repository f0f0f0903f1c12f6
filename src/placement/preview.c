/* SPDX-License-Identifier: Apache-2.0 */
/* preview.c - where one more item would go. */
#include <string.h>

#include "placement/pattern.h"

struct search {
	const struct kind *k;
	const float *worth;
	uint8_t item;
	double least;            /* loss of the best so far */
	struct preview *best;
};

static double loss_of(const struct search *f, const struct places *all,
		      const struct place_set *set, const struct place_set *with)
{
	double sum = 0;

	for (uint8_t i = 0; i < f->k->items_n; i++) {
		unsigned int n = 0;

		for (unsigned int w = 0; w < all->words; w++)
			n += (unsigned int)__builtin_popcountll(
				set->bits[w] & with->bits[w] & all->of_item[i].bits[w]);
		sum += (double)f->worth[i] * n;
	}
	return sum;
}

/* In a mapped cut: the free place of the item that takes least with it. */
static void search_places(struct search *f, const struct pattern *p, uint8_t cut)
{
	const struct places *all = f->k->places[cut];
	struct place_set set;
	int best = -1;

	places_free(all, p, &set);
	for (unsigned int w = 0; w < all->words; w++) {
		uint64_t mine = set.bits[w] & all->of_item[f->item].bits[w];

		for (; mine; mine &= mine - 1) {
			unsigned int place = 64 * w + (unsigned int)__builtin_ctzll(mine);
			double loss = f->worth ? loss_of(f, all, &set, &all->with[place]) : 0;

			if (loss < f->least - 1e-9) {
				f->least = loss;
				best = (int)place;
			}
		}
	}
	if (best < 0)
		return;
	f->best->cut = cut;
	f->best->start = all->list[best].start;
	for (unsigned int w = 0; w < all->words; w++)
		set.bits[w] &= ~all->with[best].bits[w];
	places_count(f->k, cut, &set, f->k->cuts[cut].vgpus_max - p->vgpus - 1u,
		     f->best->capacity);
	f->best->free_milli =
		(uint16_t)(1000u *
			   (p->free - f->k->cuts[cut].items[f->k->items[f->item].at[cut]].size) /
			   f->k->cuts[cut].slots);
}

/* Elsewhere: try it and count. */
static void try_start(struct search *f, const struct pattern *p, uint8_t cut, uint16_t start)
{
	struct pattern after = *p;
	uint16_t then[KIND_ITEMS_MAX];
	double loss = 0;

	if (!pattern_put(f->k, &after, f->item, cut, start))
		return;
	pattern_capacity(f->k, &after, then);
	for (uint8_t i = 0; f->worth && i < f->k->items_n; i++)
		loss -= f->worth[i] * then[i];
	if (loss >= f->least - 1e-9)
		return;
	f->least = loss;
	f->best->cut = cut;
	f->best->start = start;
	f->best->free_milli = pattern_free_milli(f->k, &after);
	memcpy(f->best->capacity, then, f->k->items_n * sizeof(then[0]));
}

static void search_steps(struct search *f, const struct pattern *p, uint8_t cut)
{
	const struct cut_item *c;
	uint8_t at;

	if (f->k->fluid || f->k->cuts[cut].one_size) {
		try_start(f, p, cut, START_NONE);
		return;
	}
	at = f->k->items[f->item].at[cut];
	c = at == ITEM_NONE ? NULL : &f->k->cuts[cut].items[at];
	for (int i = 0; c && i < c->starts_n; i++)
		try_start(f, p, cut, c->starts[i]);
}

static bool search_cut(struct search *f, const struct pattern *p, uint8_t cut)
{
	f->least = 1e300;
	if (!f->k->fluid && f->k->places[cut])
		search_places(f, p, cut);
	else
		search_steps(f, p, cut);
	return f->least < 1e300;
}

/* An empty GPU that may be cut in several ways: the way that leaves most. */
static bool search_cuts(struct search *f, const struct pattern *p, struct preview *ret)
{
	double most = -1, left;
	struct preview one;

	f->best = &one;
	for (uint8_t cut = 0; cut < f->k->cuts_n; cut++) {
		struct pattern as_cut = *p;

		as_cut.cut = cut;
		as_cut.free = f->k->cuts[cut].slots;
		if (f->k->items[f->item].at[cut] == ITEM_NONE || !search_cut(f, &as_cut, cut))
			continue;
		left = 0;
		for (uint8_t i = 0; f->worth && i < f->k->items_n; i++)
			left += f->worth[i] * one.capacity[i];
		if (left > most + 1e-9) {
			most = left;
			*ret = one;
		}
	}
	return most >= 0;
}

bool preview_find(const struct kind *k, const struct pattern *p, uint8_t item, const float *worth,
		  struct preview *ret)
{
	struct search f = { .k = k, .worth = worth, .item = item, .best = ret };

	if (!k->fluid && p->cut == CUT_NONE)
		return search_cuts(&f, p, ret);
	return search_cut(&f, p, k->fluid ? 0 : p->cut);
}
