/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/setup.h"

#include <string.h>

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the hosts of a plan");
}

void setup_done(struct setup *s)
{
	engine_free(s->engine);
	free(s->kinds);
	free(s->demands);
	free(s->asks);
	free(s->sort_of);
	free(s->gpu_of);
	*s = (struct setup){ 0 };
}

/* ---- kinds of GPUs ---- */

static void fill_cuts(struct setup_kind *k)
{
	static const enum gpu_mode any[] = { GPU_MODE_EQUAL, GPU_MODE_MIXED, GPU_MODE_MIG };

	if (k->mode != FLEET_MODE_ANY) {
		k->cuts_n = cut_of_board(k->board, (enum gpu_mode)k->mode, &k->cuts[0]);
		return;
	}
	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
		k->cuts_n += cut_of_board(k->board, any[i], &k->cuts[k->cuts_n]);
}

static uint8_t engine_item(const struct situations *t, uint8_t kind, const struct cut *cut,
			   const struct cut_item *item)
{
	return situations_item(t, kind, cut->mode == GPU_MODE_MIG ? item->name : NULL,
			       item->fb_mib);
}

static void map_items(const struct situations *t, uint8_t kind, struct setup_kind *k)
{
	uint8_t item;

	memset(k->at, ITEM_NONE, sizeof(k->at));
	for (uint8_t c = 0; c < k->cuts_n; c++)
		for (uint8_t i = 0; i < k->cuts[c].items_n; i++) {
			item = engine_item(t, kind, &k->cuts[c], &k->cuts[c].items[i]);
			if (item != ITEM_NONE)
				k->at[c][item] = i;
		}
}

static int get_kind(struct setup *s, struct situations *t, const struct fleet_sort *sort,
		    const struct board *board, uint8_t *ret, struct error *err)
{
	struct setup_kind *k, *grown;
	int r;

	for (size_t i = 0; i < s->kinds_n; i++)
		if (s->kinds[i].board == board && s->kinds[i].mode == sort->mode) {
			*ret = (uint8_t)i;
			return 0;
		}
	grown = reallocarray(s->kinds, s->kinds_n + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	s->kinds = grown;
	k = &grown[s->kinds_n];
	*k = (struct setup_kind){ .board = board, .mode = sort->mode };
	fill_cuts(k);
	if (k->cuts_n == 0)
		return error_set(err, ERR_INVALID, "host %s: nothing is known of how a %s is cut "
				 "(%s)", sort->name, board->name, fleet_mode_word(sort->mode));
	r = situations_add_kind(t, k->cuts, k->cuts_n, ret, err);
	if (r < 0)
		return error_context(r, err, "host %s, board %s", sort->name, board->name);
	map_items(t, *ret, k);
	s->kinds_n++;
	return 0;
}

static int add_kinds(const struct fleet *f, struct setup *s, struct situations *t,
		     struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < f->sorts_n; i++)
		for (uint8_t g = 0; g < f->sorts[i].gpus_n && r == 0; g++)
			r = get_kind(s, t, &f->sorts[i], f->sorts[i].gpus[g], &s->sort_kinds[i][g],
				     err);
	return r;
}

/* ---- hosts ---- */

static int add_host(const struct scene *sc, struct setup *s, size_t sort, struct error *err)
{
	const struct fleet_sort *from = &sc->fleet->sorts[sort];
	struct engine_host h = { .cpu_milli = from->cpu_milli, .ram_mib = from->ram_mib,
				 .labels = from->labels, .gpus_n = from->gpus_n };
	uint32_t number;
	int r;

	memcpy(h.kinds, s->sort_kinds[sort], sizeof(h.kinds));
	r = engine_add_host(s->engine, &h, &number, err);
	if (r < 0)
		return r;
	s->sort_of[number] = (uint8_t)sort;
	s->gpu_of[number + 1] = s->gpu_of[number] + from->gpus_n;
	s->hosts_n++;
	return 0;
}

static int add_hosts(const struct scene *sc, struct setup *s, struct error *err)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < sc->fleet->sorts_n; i++)
		n += sc->counts[i];
	s->sort_of = calloc(n + 1, sizeof(*s->sort_of));
	s->gpu_of = calloc(n + 1, sizeof(*s->gpu_of));
	if (!s->sort_of || !s->gpu_of)
		return no_memory(err);
	for (size_t i = 0; i < sc->fleet->sorts_n; i++)
		for (uint32_t k = 0; k < sc->counts[i] && r == 0; k++)
			r = add_host(sc, s, i, err);
	return r;
}

/* ---- demands ---- */

struct candidate {
	int at;
	uint32_t fb_mib;
};

/* The smallest item of CUT that does for N. */
static struct candidate smallest_in(const struct cut *cut, const struct board *board,
				    const struct need *n)
{
	struct candidate best = { -1, UINT32_MAX };
	int at;

	for (size_t i = 0; i < board->profiles_n; i++) {
		at = need_takes(n, &board->profiles[i]) ? cut_find(cut, &board->profiles[i]) : -1;
		if (at >= 0 && cut->items[at].fb_mib < best.fb_mib)
			best = (struct candidate){ at, cut->items[at].fb_mib };
	}
	if (cut->mode == GPU_MODE_WHOLE && need_is_whole(n))
		best.at = 0;
	return best;
}

/* A kind's cuts are in the order of preference: a class is time-sliced before it is an instance of
 * MIG. */
static uint8_t item_of(const struct situations *t, uint8_t kind, const struct setup_kind *k,
		       const struct need *n)
{
	struct candidate best = { -1, UINT32_MAX }, next;
	uint8_t from = 0;

	for (uint8_t c = 0; c < k->cuts_n; c++) {
		if (best.at >= 0 && k->cuts[c].mode == GPU_MODE_MIG)
			break;
		next = smallest_in(&k->cuts[c], k->board, n);
		if (next.at < 0 || (best.at >= 0 && next.fb_mib >= best.fb_mib))
			continue;
		best = next;
		from = c;
	}
	if (best.at < 0)
		return ITEM_NONE;
	return engine_item(t, kind, &k->cuts[from], &k->cuts[from].items[best.at]);
}

static int add_demand(const struct scene *sc, struct setup *s, size_t i, struct error *err)
{
	const struct need *n = &sc->needs->rows[i];
	struct engine_demand *d = &s->asks[i];
	int r;

	*d = (struct engine_demand){ .cpu_milli = n->cpu_milli, .ram_mib = n->ram_mib,
				     .labels = n->labels, .count = n->vgpus };
	memset(d->item, ITEM_NONE, sizeof(d->item));
	for (size_t k = 0; k < s->kinds_n && n->vgpus > 0; k++)
		d->item[k] = item_of(engine_situations(s->engine), (uint8_t)k, &s->kinds[k], n);
	r = engine_demand(s->engine, d, &s->demands[i], err);
	return error_context(r, err, "line %zu (%s)", n->line, n->vm);
}

/* The policies that look ahead are told the mix: a planner knows it. */
static int tell_mix(const struct scene *sc, struct setup *s, struct error *err)
{
	const struct arrivals *a = sc->arrivals;
	double *weights = calloc(ENGINE_DEMANDS_MAX, sizeof(*weights));

	if (!weights)
		return no_memory(err);
	for (size_t i = 0; i < a->n; i++)
		weights[s->demands[a->list[i].need]]++;
	for (uint32_t d = 0; d < ENGINE_DEMANDS_MAX; d++)
		if (weights[d] > 0)
			engine_expect(s->engine, d, weights[d], true);
	free(weights);
	return 0;
}

static int add_demands(const struct scene *sc, struct setup *s, struct error *err)
{
	int r = 0;

	s->demands = calloc(sc->needs->n, sizeof(*s->demands));
	s->asks = calloc(sc->needs->n, sizeof(*s->asks));
	if (!s->demands || !s->asks)
		return no_memory(err);
	for (size_t i = 0; i < sc->needs->n && r == 0; i++)
		r = add_demand(sc, s, i, err);
	return r == 0 ? tell_mix(sc, s, err) : r;
}

int setup_make(const struct scene *scene, const struct policy_row *policy, struct setup *ret,
	       struct error *err)
{
	struct setup s = { 0 };
	struct situations *t = situations_new();
	int r = t ? add_kinds(scene->fleet, &s, t, err) : no_memory(err);

	if (r == 0)
		r = engine_new(t, policy, &s.engine, err);
	else
		situations_free(t);
	if (r == 0)
		r = add_hosts(scene, &s, err);
	if (r == 0)
		r = add_demands(scene, &s, err);
	if (r < 0)
		setup_done(&s);
	else
		*ret = s;
	return r;
}

/* ---- looking ---- */

const struct setup_kind *setup_kind_of(const struct setup *s, uint32_t host, uint8_t gpu)
{
	return &s->kinds[s->sort_kinds[s->sort_of[host]][gpu]];
}

bool setup_has_labels(const struct scene *scene, size_t sort, size_t need)
{
	uint64_t wanted = scene->needs->rows[need].labels;

	return (scene->fleet->sorts[sort].labels & wanted) == wanted;
}

bool setup_offers(const struct scene *scene, const struct setup *s, size_t sort, size_t need)
{
	const struct engine_demand *d = &s->asks[need];

	for (uint8_t g = 0; g < scene->fleet->sorts[sort].gpus_n; g++)
		if (d->item[s->sort_kinds[sort][g]] != ITEM_NONE)
			return true;
	return d->count == 0;
}
