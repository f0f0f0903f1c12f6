/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/outlook.h"

#include <stdlib.h>
#include <string.h>

#include "placement/worth.h"

/* Kinds that were met before: boards of one driver in one mode. */
struct known_kind {
	struct creatable_board rules;
	enum gpu_mode mode;
	uint8_t kind;
};

struct placement_tables {
	struct situations *situations;
	struct known_kind *kinds;
	size_t kinds_n;
};

struct placement_tables *placement_tables_new(void)
{
	struct placement_tables *t = calloc(1, sizeof(*t));

	if (t)
		t->situations = situations_new();
	if (t && !t->situations) {
		free(t);
		t = NULL;
	}
	return t;
}

struct placement_tables *placement_tables_free(struct placement_tables *t)
{
	if (!t)
		return NULL;
	situations_free(t->situations);
	free(t->kinds);
	free(t);
	return NULL;
}

/* ---- kinds ---- */

static bool same_rules(const struct creatable_board *a, const struct creatable_board *b)
{
	return a->rule == b->rule && a->region_gib == b->region_gib && a->n_types == b->n_types &&
	       memcmp(a->types, b->types, a->n_types * sizeof(a->types[0])) == 0;
}

static bool has_item(const struct cut *cut, uint32_t fb_mib)
{
	for (int i = 0; i < cut->items_n; i++)
		if (cut->items[i].fb_mib == fb_mib)
			return true;
	return false;
}

static void add_item(struct cut *cut, const struct creatable_board *rules,
		     const struct geometry_type *type)
{
	struct cut_item *item = &cut->items[cut->items_n];

	if (has_item(cut, type->fb_mib) || cut->items_n == CUT_ITEMS_MAX || type->size_gib == 0 ||
	    type->size_gib > cut->slots)
		return;
	*item = (struct cut_item){ .fb_mib = type->fb_mib, .size = type->size_gib,
				   .max = type->max_instances, .share = 1 };
	if (!cut->one_size)
		item->starts_n = (uint16_t)geometry_placements_mixed(
			rules->rule, rules->region_gib, type, item->starts, CUT_STARTS_MAX);
	if (cut->one_size || item->starts_n > 0)
		cut->items_n++;
}

/* A driver's list may lack the type that takes all of the GPU. */
static uint16_t slots_of(const struct creatable_board *rules)
{
	unsigned int most = rules->region_gib, all;

	for (int i = 0; i < rules->n_types; i++) {
		all = (unsigned int)rules->types[i].size_gib *
		      (rules->types[i].max_instances ? rules->types[i].max_instances : 1u);
		most = all > most ? all : most;
	}
	return (uint16_t)(most < 1 ? 1 : most > CUT_SLOTS_MAX ? CUT_SLOTS_MAX : most);
}

static int new_kind(struct placement_tables *t, const struct creatable_board *rules,
		    enum gpu_mode mode, uint8_t *ret, struct error *err)
{
	struct cut *cut = calloc(1, sizeof(*cut));
	struct known_kind *grown = reallocarray(t->kinds, t->kinds_n + 1, sizeof(*grown));
	int r;

	if (grown)
		t->kinds = grown;
	if (!cut || !grown) {
		free(cut);
		return error_set(err, ERR_NO_MEMORY, "placement");
	}
	cut->mode = mode;
	cut->one_size = mode == GPU_MODE_EQUAL;
	cut->slots = slots_of(rules);
	cut->vgpus_max = CREATABLE_TIME_SLICED_MAX;
	for (int i = 0; i < rules->n_types; i++)
		add_item(cut, rules, &rules->types[i]);
	r = situations_add_kind(t->situations, cut, 1, ret, err);
	free(cut);
	if (r == 0)
		t->kinds[t->kinds_n++] = (struct known_kind){ *rules, mode, *ret };
	return r;
}

static int kind_of(struct placement_tables *t, const struct room *room, uint8_t *ret,
		   struct error *err)
{
	enum gpu_mode mode = room->state.mode == CREATABLE_MIXED ? GPU_MODE_MIXED : GPU_MODE_EQUAL;

	for (size_t i = 0; i < t->kinds_n; i++)
		if (t->kinds[i].mode == mode &&
		    same_rules(&t->kinds[i].rules, &room->shape->rules)) {
			*ret = t->kinds[i].kind;
			return 0;
		}
	return new_kind(t, &room->shape->rules, mode, ret, err);
}

/* ---- one decision ---- */

struct seen {
	bool added;
	uint32_t situation;
};

/* What is there of each item, and what a place for it is worth. */
struct market {
	uint32_t held[KIND_ITEMS_MAX], places[KIND_ITEMS_MAX];
	float worth[KIND_ITEMS_MAX];
	float whole;             /* of a GPU as a whole */
};

struct outlook {
	struct placement_tables *tables;
	struct seen *gpus;
	size_t n;
	bool weighed;
	struct market *markets[KINDS_MAX]; /* of the kinds that were added */
};

int outlook_new(struct placement_tables *tables, size_t n, struct outlook **ret,
		struct error *err)
{
	struct outlook *o = calloc(1, sizeof(*o));

	if (o)
		o->gpus = calloc(n + 1, sizeof(*o->gpus));
	if (!o || !o->gpus) {
		free(o);
		return error_set(err, ERR_NO_MEMORY, "placement over %zu GPUs", n);
	}
	o->tables = tables;
	o->n = n;
	situations_collect(tables->situations);
	*ret = o;
	return 0;
}

struct outlook *outlook_free(struct outlook *o)
{
	if (!o)
		return NULL;
	for (size_t k = 0; k < KINDS_MAX; k++)
		free(o->markets[k]);
	free(o->gpus);
	free(o);
	return NULL;
}

/* A slice that the model refuses leaves the GPU as it was: its room says so already. */
static void put_slices(struct outlook *o, struct seen *g, uint8_t kind, const struct room *room)
{
	struct situations *t = o->tables->situations;

	for (unsigned int i = 0; i < CREATABLE_VGPUS_MAX; i++) {
		const struct creatable_vgpu *v = &room->state.vgpus[i];
		uint8_t item;

		if (!v->used)
			continue;
		item = situations_item(t, kind, NULL, room->shape->rules.types[v->type].fb_mib);
		if (item == ITEM_NONE ||
		    situation_put(t, g->situation, item, 0,
				  v->placement == CREATABLE_ANY ? START_NONE : v->placement,
				  &g->situation, NULL) < 0)
			continue;
		o->markets[kind]->held[item]++;
	}
}

int outlook_add(struct outlook *o, size_t i, const struct room *room, struct error *err)
{
	struct situations *t = o->tables->situations;
	const uint16_t *capacity;
	uint8_t kind = 0;
	int r = kind_of(o->tables, room, &kind, err);

	if (r < 0)
		return r;
	if (!o->markets[kind])
		o->markets[kind] = calloc(1, sizeof(struct market));
	if (!o->markets[kind])
		return error_set(err, ERR_NO_MEMORY, "placement over %zu GPUs", o->n);
	o->gpus[i].added = true;
	o->gpus[i].situation = situation_empty(t, kind);
	put_slices(o, &o->gpus[i], kind, room);
	capacity = situation_capacity(t, o->gpus[i].situation);
	for (size_t k = 0; k < situations_items(t, kind); k++)
		o->markets[kind]->places[k] += capacity[k];
	o->weighed = false;
	return 0;
}

static void weigh_market(struct market *m, const struct situations *t, uint8_t kind)
{
	size_t items = situations_items(t, kind);
	uint16_t milli, most = 0;
	double sum = 0;

	for (uint8_t i = 0; i < items; i++) {
		milli = situations_item_milli(t, kind, i);
		m->worth[i] = (float)place_worth((1.0 + m->held[i]) * milli,
						 1.0 / (1.0 + m->places[i]));
		sum += (double)m->worth[i];
		if (milli > most) {
			most = milli;
			m->whole = m->worth[i];
		}
	}
	for (uint8_t i = 0; i < items; i++)
		m->worth[i] = (float)((double)m->worth[i] / sum);
	m->whole = (float)((double)m->whole / sum);
}

static void weigh(struct outlook *o)
{
	for (uint8_t k = 0; k < KINDS_MAX && !o->weighed; k++)
		if (o->markets[k])
			weigh_market(o->markets[k], o->tables->situations, k);
	o->weighed = true;
}

static bool look(struct outlook *o, size_t i, uint32_t fb_mib, uint8_t *item, struct preview *next)
{
	const struct situations *t = o->tables->situations;
	uint8_t kind;

	if (!o->gpus[i].added)
		return false;
	weigh(o);
	kind = situation_kind(t, o->gpus[i].situation);
	*item = situations_item(t, kind, NULL, fb_mib);
	return *item != ITEM_NONE &&
	       situation_preview(t, o->gpus[i].situation, *item, o->markets[kind]->worth,
				 next);
}

uint64_t outlook_loss(struct outlook *o, size_t i, uint32_t fb_mib)
{
	const struct situations *t = o->tables->situations;
	const struct market *m;
	const uint16_t *capacity;
	struct preview next;
	double loss = 0;
	uint8_t item, kind;

	if (!look(o, i, fb_mib, &item, &next))
		return 0;
	kind = situation_kind(t, o->gpus[i].situation);
	capacity = situation_capacity(t, o->gpus[i].situation);
	m = o->markets[kind];
	for (size_t k = 0; k < situations_items(t, kind); k++)
		loss += (double)m->worth[k] * (capacity[k] - next.capacity[k]);
	if (!situation_is_empty(t, o->gpus[i].situation))
		loss += whole_later((double)m->whole,
				    situation_vgpus(t, o->gpus[i].situation));
	return (uint64_t)(loss * 1e6);
}

uint32_t outlook_take(struct outlook *o, size_t i, uint32_t fb_mib)
{
	struct situations *t = o->tables->situations;
	struct preview next;
	uint8_t item;

	if (!look(o, i, fb_mib, &item, &next) ||
	    situation_put(t, o->gpus[i].situation, item, next.cut, next.start,
			  &o->gpus[i].situation, NULL) < 0)
		return PLACEMENT_NONE;
	return next.start == START_NONE ? PLACEMENT_NONE : next.start;
}
