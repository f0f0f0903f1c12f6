/* SPDX-License-Identifier: Apache-2.0 */
/* lack.c - why a VM finds no place: the engine is asked again for less and less.
 *
 *   without RAM, then without RAM and CPU, then for one vGPU: the first that fits says what lacks
 *   nothing fits: the GPUs are looked at for memory that is left and of no use
 */
#include "planner/lack.h"

const char *const lack_words[] = {
#define X(constant, word, says) word,
	LACKS(X)
#undef X
};
const char *const lack_sentences[] = {
#define X(constant, word, says) says,
	LACKS(X)
#undef X
};

static int make_shadows(struct setup *s, struct lack_shadows *shadows, size_t need,
			struct error *err)
{
	struct engine_demand asks[SHADOW_COUNT];
	int r = 0;

	for (int i = 0; i < SHADOW_COUNT; i++) {
		asks[i] = s->asks[need];
		asks[i].ram_mib = 0;
		if (i != SHADOW_NO_RAM)
			asks[i].cpu_milli = 0;
	}
	if (asks[SHADOW_ONE].count > 1)
		asks[SHADOW_ONE].count = 1;
	for (int i = 0; i < SHADOW_COUNT && r == 0; i++)
		r = engine_demand(s->engine, &asks[i], &shadows->demand[i], err);
	shadows->made = r == 0;
	return r;
}

static bool fits(struct setup *s, const struct lack_shadows *shadows, enum lack_shadow which)
{
	struct engine_choice ignored;

	return engine_choose(s->engine, shadows->demand[which], NULL, &ignored);
}

/* Whether any sort of host that is there offers NEED, with its labels or without regard to them. */
static bool is_offered(const struct scene *sc, const struct setup *s, size_t need, bool labels)
{
	for (size_t i = 0; i < sc->fleet->sorts_n; i++)
		if (sc->counts[i] > 0 && setup_offers(sc, s, i, need) &&
		    (!labels || setup_has_labels(sc, i, need)))
			return true;
	return false;
}

/* An equal-size GPU that holds as many as it can of its size is full, whatever memory is over. */
static bool is_at_most(const struct cut *cut, const struct situations *t, uint32_t now)
{
	uint32_t vgpus = situation_vgpus(t, now), used = 1000u - situation_free_milli(t, now);

	for (int i = 0; i < cut->items_n; i++)
		if (cut->items[i].max == vgpus && 1000u * vgpus * cut->items[i].size /
							  cut->slots == used)
			return true;
	return false;
}

/* Why a GPU whose memory would do has no place for ITEM. */
static enum lack waste_of(const struct setup_kind *k, const struct situations *t, uint32_t now,
			  uint8_t item)
{
	for (uint8_t c = 0; c < k->cuts_n; c++) {
		if (k->cuts[c].mode != situation_mode(t, now))
			continue;
		if (k->at[c][item] == ITEM_NONE)
			return LACK_SIZE;
		if (!k->cuts[c].one_size)
			return LACK_PLACE;
		return is_at_most(&k->cuts[c], t, now) ? LACK_FULL : LACK_SIZE;
	}
	return LACK_FULL;
}

static void look_at(struct setup *s, const struct engine_demand *d, uint32_t host, bool *seen)
{
	const struct situations *t = engine_situations(s->engine);
	uint8_t gpus = engine_host_gpus(s->engine, host);

	for (uint8_t g = 0; g < gpus; g++) {
		uint32_t now = engine_gpu_situation(s->engine, host, g);
		uint8_t kind = situation_kind(t, now), item = d->item[kind];

		if (item != ITEM_NONE &&
		    situation_free_milli(t, now) >= situations_item_milli(t, kind, item))
			seen[waste_of(&s->kinds[kind], t, now, item)] = true;
	}
}

int lack_of(const struct scene *scene, struct setup *s, struct lack_shadows *shadows, size_t need,
	    enum lack *ret, struct error *err)
{
	const struct engine_demand *d = &s->asks[need];
	bool seen[LACK_COUNT] = { 0 };
	int r = 0;

	if (!is_offered(scene, s, need, true)) {
		*ret = is_offered(scene, s, need, false) ? LACK_LABEL : LACK_BOARD;
		return 0;
	}
	if (!shadows[need].made)
		r = make_shadows(s, &shadows[need], need, err);
	if (r < 0)
		return r;
	if (fits(s, &shadows[need], SHADOW_NO_HOST)) {
		*ret = fits(s, &shadows[need], SHADOW_NO_RAM) ? LACK_RAM : LACK_CPU;
		return 0;
	}
	if (d->count > 1 && fits(s, &shadows[need], SHADOW_ONE)) {
		*ret = LACK_SPLIT;
		return 0;
	}
	for (uint32_t h = 0; h < s->hosts_n; h++)
		if (setup_has_labels(scene, s->sort_of[h], need))
			look_at(s, d, h, seen);
	*ret = seen[LACK_SIZE] ? LACK_SIZE : seen[LACK_PLACE] ? LACK_PLACE : LACK_FULL;
	return 0;
}
