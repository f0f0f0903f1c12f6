/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

#include <string.h>

/* ---- kinds ---- */

static uint8_t item_number(const struct situations *t, const struct plain_kind *k, size_t cut,
			   size_t at)
{
	const struct cut_item *i = &k->cuts[cut].items[at];
	bool mig = k->cuts[cut].mode == GPU_MODE_MIG;

	return situations_item(t, k->number, mig ? i->name : NULL, i->fb_mib);
}

static bool number_items(const struct situations *t, struct plain_kind *k)
{
	for (size_t c = 0; c < k->cuts_n; c++)
		for (size_t at = 0; at < k->cuts[c].items_n; at++) {
			uint8_t item = item_number(t, k, c, at);

			if (item >= k->items_n || k->at[item][c] != PLAIN_NONE)
				return false;
			k->at[item][c] = (uint8_t)at;
		}
	return true;
}

bool plain_add_kind(struct situations *t, struct plain_kind *k)
{
	int r = k->cuts_n ? situations_add_kind(t, k->cuts, k->cuts_n, &k->number, NULL)
			  : situations_add_fluid(t, k->sizes, k->sizes_n, &k->number, NULL);

	if (r < 0)
		return false;
	memset(k->at, PLAIN_NONE, sizeof(k->at));
	k->items_n = situations_items(t, k->number);
	return number_items(t, k);
}

/* ---- one GPU ---- */

static bool is_slot_free(const struct plain_gpu *g, unsigned int slot)
{
	for (size_t i = 0; i < g->n; i++)
		if (slot >= g->list[i].start &&
		    slot < (unsigned int)g->list[i].start + g->list[i].size)
			return false;
	return true;
}

static bool are_slots_free(const struct plain_gpu *g, unsigned int start, unsigned int n)
{
	for (unsigned int s = start; s < start + n; s++)
		if (!is_slot_free(g, s))
			return false;
	return true;
}

/* vGPUs in the GPU instance of AT that begins at START. */
static unsigned int sharers(const struct plain_gpu *g, uint8_t at, unsigned int start)
{
	unsigned int n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->list[i].at == at && g->list[i].start == start;
	return n;
}

static bool has_media(const struct plain_gpu *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].at != PLAIN_NONE && g->kind->cuts[g->cut].items[g->list[i].at].media)
			return true;
	return false;
}

static unsigned int fluid_left(const struct plain_gpu *g)
{
	unsigned int left = 1000;

	for (size_t i = 0; i < g->n; i++)
		left -= g->kind->sizes[g->list[i].item];
	return left;
}

static bool is_start(const struct cut_item *item, unsigned int start)
{
	for (int i = 0; i < item->starts_n; i++)
		if (item->starts[i] == start)
			return true;
	return false;
}

static bool may_lie(const struct plain_gpu *g, const struct cut *c, uint8_t at, uint16_t start)
{
	const struct cut_item *item = &c->items[at];
	unsigned int with = g->n ? sharers(g, at, start) : 0;

	if (g->n >= c->vgpus_max)
		return false;
	if (c->one_size)
		return g->n < item->max && (g->n == 0 || g->one == at);
	if (!is_start(item, start) || (g->n && item->media && has_media(g)))
		return false;
	if (with > 0 && item->share > 1)
		return with < item->share;
	return are_slots_free(g, start, item->size);
}

bool plain_may(const struct plain_gpu *g, uint8_t item, uint8_t cut, uint16_t start)
{
	const struct plain_kind *k = g->kind;

	if (k->cuts_n == 0)
		return k->sizes[item] <= fluid_left(g);
	if (cut >= k->cuts_n || (g->n && g->cut != cut) || k->at[item][cut] == PLAIN_NONE)
		return false;
	return may_lie(g, &k->cuts[cut], k->at[item][cut], start);
}

void plain_put(struct plain_gpu *g, uint8_t item, uint8_t cut, uint16_t start)
{
	const struct plain_kind *k = g->kind;
	struct plain_lying *l = &g->list[g->n++];

	*l = (struct plain_lying){ .item = item, .at = PLAIN_NONE, .start = start };
	if (k->cuts_n == 0)
		return;
	l->at = k->at[item][cut];
	l->size = k->cuts[cut].one_size ? 0 : k->cuts[cut].items[l->at].size;
	g->cut = cut;
	g->one = l->at;
}

bool plain_may_block(const struct plain_gpu *g, uint8_t cut, uint16_t start, uint16_t n)
{
	const struct plain_kind *k = g->kind;

	return cut < k->cuts_n && start + n <= k->cuts[cut].slots && (g->n == 0 || g->cut == cut) &&
	       are_slots_free(g, start, n);
}

void plain_block(struct plain_gpu *g, uint8_t cut, uint16_t start, uint16_t n)
{
	if (g->n == 0)
		g->one = PLAIN_NONE;
	g->cut = cut;
	g->list[g->n++] = (struct plain_lying){ ITEM_NONE, PLAIN_NONE, start, n };
}

void plain_take_back(struct plain_gpu *g, size_t i)
{
	g->list[i] = g->list[--g->n];
	if (g->n == 0)
		g->cut = g->one = PLAIN_NONE;
}

/* ---- capacity ---- */

/* The most disjoint places among the free ones: best[s] is the answer for the slots from s on. */
static unsigned int most_places(const struct plain_gpu *g, const struct cut *c,
				const struct cut_item *item)
{
	unsigned int best[CUT_SLOTS_MAX + 1] = { 0 };

	for (int s = c->slots - item->size; s >= 0; s--) {
		best[s] = best[s + 1];
		if (is_start(item, (unsigned int)s) &&
		    are_slots_free(g, (unsigned int)s, item->size) &&
		    best[s + item->size] + 1 > best[s])
			best[s] = best[s + item->size] + 1;
	}
	return best[0];
}

static unsigned int room_in_instances(const struct plain_gpu *g, const struct cut_item *item,
				      uint8_t at)
{
	unsigned int n = 0;

	for (int i = 0; i < item->starts_n; i++) {
		unsigned int with = sharers(g, at, item->starts[i]);

		n += with ? item->share - with : 0;
	}
	return n;
}

static unsigned int capacity_in(const struct plain_gpu *g, uint8_t cut, uint8_t at)
{
	const struct cut *c = &g->kind->cuts[cut];
	const struct cut_item *item = &c->items[at];
	unsigned int n, left = g->n < c->vgpus_max ? (unsigned int)(c->vgpus_max - g->n) : 0;

	if (c->one_size)
		n = g->n && (g->one != at || g->n >= item->max) ? 0
								: (unsigned int)(item->max - g->n);
	else if (item->media)
		n = g->n && has_media(g) ? 0 : most_places(g, c, item) > 0;
	else
		n = most_places(g, c, item) * item->share +
		    (item->share > 1 ? room_in_instances(g, item, at) : 0);
	return n < left ? n : left;
}

unsigned int plain_capacity(const struct plain_gpu *g, uint8_t item)
{
	const struct plain_kind *k = g->kind;
	unsigned int most = 0;

	if (k->cuts_n == 0)
		return fluid_left(g) / k->sizes[item];
	for (uint8_t c = 0; c < k->cuts_n; c++)
		if ((g->n == 0 || g->cut == c) && k->at[item][c] != PLAIN_NONE) {
			unsigned int n = capacity_in(g, c, k->at[item][c]);

			most = n > most ? n : most;
		}
	return most;
}

static bool is_simple(const struct cut *c)
{
	for (int i = 0; i < c->items_n; i++) {
		const struct cut_item *item = &c->items[i];

		for (int k = 1; k < item->starts_n; k++)
			if (item->starts[k] < item->starts[k - 1] + item->size)
				return false;
		if (item->share > 1)
			return false;
	}
	return !c->one_size;
}

unsigned int plain_places(const struct plain_gpu *g, uint8_t item)
{
	const struct plain_kind *k = g->kind;
	uint8_t cut = g->n ? g->cut : 0;
	const struct cut_item *i;
	unsigned int n = 0;

	if (k->cuts_n == 0 || !is_simple(&k->cuts[cut]))
		return plain_capacity(g, item);
	if (k->at[item][cut] == PLAIN_NONE)
		return 0;
	i = &k->cuts[cut].items[k->at[item][cut]];
	for (int s = 0; s < i->starts_n; s++)
		n += are_slots_free(g, i->starts[s], i->size) &&
		     !(i->media && g->n && has_media(g));
	return n;
}

bool plain_situation(struct situations *t, const struct plain_gpu *g, uint32_t *ret)
{
	uint32_t s = situation_empty(t, g->kind->number);
	int r = 0;

	for (size_t i = 0; i < g->n && r == 0; i++) {
		const struct plain_lying *l = &g->list[i];

		r = l->item == ITEM_NONE
			    ? situation_block(t, s, g->cut, l->start, l->size, &s, NULL)
			    : situation_put(t, s, l->item, g->cut, l->start, &s, NULL);
	}
	*ret = s;
	return r == 0;
}
