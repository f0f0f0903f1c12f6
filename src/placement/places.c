/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/pattern.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static bool needs_steps(const struct cut *cut)
{
	for (int i = 0; i < cut->items_n; i++) {
		const struct cut_item *c = &cut->items[i];

		if (c->share > 1)
			return true;
		for (int k = 1; k < c->starts_n; k++)
			if (c->starts[k] < c->starts[k - 1] + c->size)
				return true;
	}
	return cut->one_size;
}

static bool add_places(struct places *all, const struct cut_item *c, uint8_t item)
{
	for (int i = 0; i < c->starts_n; i++) {
		if (all->n == PLACES_MAX)
			return false;
		all->list[all->n].start = c->starts[i];
		all->list[all->n].item = item;
		all->list[all->n].media = c->media;
		for (unsigned int b = c->starts[i]; b < c->starts[i] + c->size; b++)
			all->list[all->n].mask[b / 64] |= 1ull << (b % 64);
		all->of_item[item].bits[all->n / 64] |= 1ull << (all->n % 64);
		all->n++;
	}
	return true;
}

static bool do_touch(const struct places *all, unsigned int a, unsigned int b)
{
	for (int w = 0; w < MASK_WORDS; w++)
		if (all->list[a].mask[w] & all->list[b].mask[w])
			return true;
	return all->list[a].media && all->list[b].media;
}

/* NULL with *OK: the cut is worked out step by step. */
struct places *places_make(const struct kind *k, uint8_t cut, bool *ok)
{
	const struct cut *c = &k->cuts[cut];
	struct places *all;

	if (needs_steps(c))
		return NULL;
	all = calloc(1, sizeof(*all));
	*ok = all != NULL;
	for (uint8_t i = 0; *ok && i < k->items_n; i++)
		if (k->items[i].at[cut] != ITEM_NONE)
			*ok = add_places(all, &c->items[k->items[i].at[cut]], i);
	if (!*ok)
		return all;
	all->words = (uint16_t)((all->n + 63) / 64);
	all->mask_words = (uint16_t)((c->slots + 63) / 64);
	for (unsigned int a = 0; a < all->n; a++)
		for (unsigned int b = 0; b < all->n; b++)
			if (do_touch(all, a, b))
				all->with[a].bits[b / 64] |= 1ull << (b % 64);
	return all;
}

/* ---- counting ---- */

/* Those of the cut that P leaves free. */
void places_free(const struct places *all, const struct pattern *p, struct place_set *ret)
{
	memset(ret->bits, 0, all->words * sizeof(ret->bits[0]));
	for (unsigned int i = 0; i < all->n; i++) {
		uint64_t taken = 0;

		for (unsigned int w = 0; w < all->mask_words; w++)
			taken |= all->list[i].mask[w] & p->mask[w];
		if (!taken && !(all->list[i].media && p->media))
			ret->bits[i / 64] |= 1ull << (i % 64);
	}
}

static unsigned int count_of_item(const struct places *all, const struct place_set *set,
				  uint8_t item)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < all->words; w++)
		n += (unsigned int)__builtin_popcountll(set->bits[w] & all->of_item[item].bits[w]);
	return n;
}

/* How many of each item a set of free places has, with LEFT vGPUs to go. */
void places_count(const struct kind *k, uint8_t cut, const struct place_set *set,
			 unsigned int left, uint16_t *ret)
{
	const struct places *all = k->places[cut];

	for (uint8_t i = 0; i < k->items_n; i++) {
		uint8_t at = k->items[i].at[cut];
		unsigned int n = at == ITEM_NONE ? 0 : count_of_item(all, set, i);

		if (n > 1 && k->cuts[cut].items[at].media)
			n = 1;
		ret[i] = (uint16_t)(n < left ? n : left);
	}
}

