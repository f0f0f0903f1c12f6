/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/pattern.h"

#include <stdlib.h>
#include <string.h>

/* ---- slots ---- */

static bool is_free(const struct pattern *p, unsigned int start, unsigned int n)
{
	for (unsigned int i = start; i < start + n; i++)
		if (p->mask[i / 64] >> (i % 64) & 1)
			return false;
	return true;
}

static void mark(struct pattern *p, unsigned int start, unsigned int n, bool taken)
{
	for (unsigned int i = start; i < start + n; i++) {
		if (taken)
			p->mask[i / 64] |= 1ull << (i % 64);
		else
			p->mask[i / 64] &= ~(1ull << (i % 64));
	}
	p->free = (uint16_t)(taken ? p->free - n : p->free + n);
}

static const struct cut *cut_of(const struct kind *k, uint8_t cut)
{
	return cut == CUT_NONE ? NULL : &k->cuts[cut];
}

/* ---- capacity ---- */

static unsigned int shared_room(const struct pattern *p, uint8_t item, unsigned int share)
{
	unsigned int n = 0;

	for (int i = 0; i < SHARED_MAX && p->shared[i].vgpus; i++)
		if (p->shared[i].item == item)
			n += share - p->shared[i].vgpus;
	return n;
}

/* Starts are ascending and all of one length: taking each that does not touch the last is the
 * most. */
static unsigned int mapped_capacity(const struct pattern *p, const struct cut_item *item)
{
	unsigned int n = 0, end = 0;

	if (item->media && p->media)
		return 0;
	for (int i = 0; i < item->starts_n; i++)
		if (item->starts[i] >= end && is_free(p, item->starts[i], item->size)) {
			end = item->starts[i] + item->size;
			n++;
		}
	return item->media && n > 1 ? 1 : n;
}

static unsigned int cut_capacity(const struct pattern *p, const struct cut *cut, uint8_t at)
{
	const struct cut_item *item;
	unsigned int n, left;

	if (at == ITEM_NONE || p->vgpus >= cut->vgpus_max)
		return 0;
	item = &cut->items[at];
	left = cut->vgpus_max - p->vgpus;
	if (cut->one_size && p->vgpus > 0 && p->item != at)
		return 0;
	if (cut->one_size)
		n = item->max > p->vgpus ? (unsigned int)(item->max - p->vgpus) : 0;
	else
		n = mapped_capacity(p, item) * item->share + shared_room(p, at, item->share);
	return n < left ? n : left;
}

static unsigned int capacity(const struct kind *k, const struct pattern *p, uint8_t item)
{
	const struct kind_item *i = &k->items[item];
	unsigned int most = 0, n;

	if (k->fluid)
		return p->free / i->milli;
	if (p->cut != CUT_NONE)
		return cut_capacity(p, &k->cuts[p->cut], i->at[p->cut]);
	for (uint8_t c = 0; c < k->cuts_n; c++) {
		n = cut_capacity(p, &k->cuts[c], i->at[c]);
		most = n > most ? n : most;
	}
	return most;
}

static unsigned int vgpus_left(const struct kind *k, const struct pattern *p)
{
	unsigned int most = k->cuts[p->cut].vgpus_max;

	return most > p->vgpus ? most - p->vgpus : 0;
}


void pattern_capacity(const struct kind *k, const struct pattern *p, uint16_t *ret)
{
	struct place_set set;

	if (!k->fluid && p->cut != CUT_NONE && k->places[p->cut]) {
		places_free(k->places[p->cut], p, &set);
		places_count(k, p->cut, &set, vgpus_left(k, p), ret);
		return;
	}
	for (uint8_t i = 0; i < k->items_n; i++)
		ret[i] = (uint16_t)capacity(k, p, i);
}

uint16_t pattern_free_milli(const struct kind *k, const struct pattern *p)
{
	const struct cut *cut = cut_of(k, p->cut == CUT_NONE ? 0 : p->cut);
	unsigned int used;

	if (k->fluid)
		return p->free;
	if (!cut->one_size || p->item == ITEM_NONE)
		return (uint16_t)(1000u * p->free / cut->slots);
	used = p->vgpus ? 1000u * p->vgpus * cut->items[p->item].size / cut->slots : 0;
	return (uint16_t)(used > 1000 ? 0 : 1000 - used);
}

/* ---- changes of a pattern ---- */

static struct shared *find_shared(struct pattern *p, uint8_t at, unsigned int start)
{
	for (int i = 0; i < SHARED_MAX; i++)
		if (p->shared[i].vgpus && p->shared[i].item == at && p->shared[i].start == start)
			return &p->shared[i];
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct shared *x = a, *y = b;

	if (!x->vgpus != !y->vgpus)
		return x->vgpus ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* A vGPU joins the GPU instance at START, which is made when there is none. */
static bool put_shared(struct pattern *p, const struct cut_item *item, uint8_t at,
		       unsigned int start)
{
	struct shared *s = find_shared(p, at, start);

	if (s) {
		s->vgpus++;
		return s->vgpus <= item->share;
	}
	if (!is_free(p, start, item->size) || p->shared[SHARED_MAX - 1].vgpus)
		return false;
	mark(p, start, item->size, true);
	p->shared[SHARED_MAX - 1] = (struct shared){ at, (uint8_t)start, 1 };
	qsort(p->shared, SHARED_MAX, sizeof(p->shared[0]), by_start);
	return true;
}

static bool is_start(const struct cut_item *item, unsigned int start)
{
	for (int i = 0; i < item->starts_n; i++)
		if (item->starts[i] == start)
			return true;
	return false;
}

static bool put_mapped(struct pattern *p, const struct cut_item *item, uint8_t at,
		       unsigned int start)
{
	if (!is_start(item, start) || (item->media && p->media))
		return false;
	p->media |= item->media;
	if (item->share > 1)
		return put_shared(p, item, at, start);
	if (!is_free(p, start, item->size))
		return false;
	mark(p, start, item->size, true);
	return true;
}

/* The pattern with one more; false when it does not fit. */
bool pattern_put(const struct kind *k, struct pattern *p, uint8_t item, uint8_t cut,
		unsigned int start)
{
	const struct cut *c;
	uint8_t at;

	if (k->fluid) {
		if (p->free < k->items[item].milli)
			return false;
		p->free = (uint16_t)(p->free - k->items[item].milli);
		return true;
	}
	if (cut >= k->cuts_n || (p->cut != CUT_NONE && p->cut != cut))
		return false;
	c = &k->cuts[cut];
	at = k->items[item].at[cut];
	if (cut_capacity(p, c, at) == 0)
		return false;
	if (p->cut == CUT_NONE)
		p->free = c->slots;
	p->cut = cut;
	p->vgpus++;
	if (!c->one_size)
		return put_mapped(p, &c->items[at], at, start);
	p->item = at;
	return true;
}

static bool take_back_shared(struct pattern *p, const struct cut_item *item, uint8_t at,
			     unsigned int start)
{
	struct shared *s = find_shared(p, at, start);

	if (!s)
		return false;
	if (--s->vgpus == 0) {
		*s = (struct shared){ 0 };
		mark(p, start, item->size, false);
		qsort(p->shared, SHARED_MAX, sizeof(p->shared[0]), by_start);
	}
	return true;
}

static bool is_taken(const struct pattern *p, unsigned int start, unsigned int n)
{
	for (unsigned int i = start; i < start + n; i++)
		if (!(p->mask[i / 64] >> (i % 64) & 1))
			return false;
	return true;
}

static bool take_back_mapped(struct pattern *p, const struct cut_item *item, uint8_t at,
			     unsigned int start)
{
	if (!is_start(item, start) || (item->media && !p->media))
		return false;
	if (item->media)
		p->media = 0;
	if (item->share > 1)
		return take_back_shared(p, item, at, start);
	if (!is_taken(p, start, item->size))
		return false;
	mark(p, start, item->size, false);
	return true;
}

bool pattern_take_back(const struct kind *k, struct pattern *p, uint8_t item, unsigned int start)
{
	const struct cut *c;
	uint8_t at;

	if (k->fluid) {
		p->free = (uint16_t)(p->free + k->items[item].milli);
		return p->free <= 1000;
	}
	c = cut_of(k, p->cut);
	at = c ? k->items[item].at[p->cut] : ITEM_NONE;
	if (at == ITEM_NONE || p->vgpus == 0 || (c->one_size && p->item != at))
		return false;
	if (!c->one_size && !take_back_mapped(p, &c->items[at], at, start))
		return false;
	p->vgpus--;
	if (p->vgpus == 0) {
		p->item = 0;
		p->cut = k->cuts_n > 1 ? CUT_NONE : 0;
		p->free = k->cuts[0].slots;
	}
	return true;
}

bool pattern_block(const struct kind *k, struct pattern *p, uint8_t cut, unsigned int start,
		   unsigned int n)
{
	if (k->fluid || cut >= k->cuts_n || start + n > k->cuts[cut].slots ||
	    (p->cut != CUT_NONE && p->cut != cut) || !is_free(p, start, n))
		return false;
	if (p->cut == CUT_NONE)
		p->free = k->cuts[cut].slots;
	p->cut = cut;
	/* Its size is now the GPU's, and nobody said which of ours that is. */
	if (k->cuts[cut].one_size && p->vgpus == 0)
		p->item = ITEM_NONE;
	p->vgpus++;
	mark(p, start, n, true);
	return true;
}
