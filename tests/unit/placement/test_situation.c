/* SPDX-License-Identifier: Apache-2.0 */
/* test_situation.c - every board in every mode against a plain list of what lies there. */
#include "placement/situation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plain.h"
#include "seed.h"

enum {
	STEPS = 50,               /* per kind */
	WAYS_MAX = CUT_STARTS_MAX * KIND_CUTS_MAX,
	COUNTED = 0,              /* any start will do */
};

/* One GPU, as a situation and as a list. */
struct gpu_of {
	struct situations *t;
	struct plain_gpu plain;
	uint32_t s;
};

static const enum gpu_mode modes[] = { GPU_MODE_EQUAL, GPU_MODE_MIXED, GPU_MODE_MIG,
				       GPU_MODE_WHOLE };
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

static const char *what = ""; /* is looked at, for messages */

static struct plain_gpu empty_gpu(const struct plain_kind *k)
{
	return (struct plain_gpu){ .kind = k, .cut = PLAIN_NONE, .one = PLAIN_NONE };
}

static void add_kind(struct situations *t, struct plain_kind *k)
{
	if (!plain_add_kind(t, k))
		fail_msg("%s: is no kind, or two of its items became one", what);
}

/* ---- what a situation says ---- */

static uint16_t any_start(const struct plain_kind *k, uint8_t item, uint8_t cut)
{
	const struct cut_item *i;

	if (k->cuts_n == 0 || k->at[item][cut] == PLAIN_NONE || roll(8) == 0)
		return (uint16_t)roll(CUT_SLOTS_MAX);
	i = &k->cuts[cut].items[k->at[item][cut]];
	return i->starts_n ? i->starts[roll(i->starts_n)] : (uint16_t)roll(CUT_SLOTS_MAX);
}

static void check_capacity(const struct gpu_of *g)
{
	const uint16_t *capacity = situation_capacity(g->t, g->s);
	const struct plain_kind *k = g->plain.kind;
	uint16_t free = situation_free_milli(g->t, g->s);

	for (uint8_t i = 0; i < k->items_n; i++) {
		unsigned int n = plain_capacity(&g->plain, i);
		unsigned int milli = n * situations_item_milli(g->t, k->number, i);
		uint32_t room = situation_room(g->t, k->number, i, capacity[i], free);

		if (capacity[i] != n)
			fail_msg("%s: item %u with %zu lying there: capacity %u, in truth %u", what,
				 i, g->plain.n, capacity[i], n);
		if (k->cuts_n)
			assert_int_equal(room, milli > 1000 ? 1000 : milli);
		else
			assert_int_equal(room, n ? free : 0);
	}
}

static unsigned int taken_slots(const struct plain_gpu *g)
{
	const struct cut *c = &g->kind->cuts[g->n ? g->cut : 0];
	unsigned int n = 0;

	for (unsigned int s = 0; s < c->slots; s++) {
		bool taken = false;

		for (size_t i = 0; i < g->n; i++)
			taken |= s >= g->list[i].start &&
				 s < (unsigned int)g->list[i].start + g->list[i].size;
		n += taken;
	}
	return n;
}

static unsigned int free_milli(const struct plain_gpu *g)
{
	const struct plain_kind *k = g->kind;
	const struct cut *c = &k->cuts[g->cut == PLAIN_NONE ? 0 : g->cut];
	unsigned int milli = 1000, used;

	for (size_t i = 0; k->cuts_n == 0 && i < g->n; i++)
		milli -= k->sizes[g->list[i].item];
	if (k->cuts_n == 0)
		return milli;
	if (!c->one_size || g->n == 0 || g->one == PLAIN_NONE)
		return 1000 * (c->slots - taken_slots(g)) / c->slots;
	used = 1000u * (unsigned int)g->n * c->items[g->one].size / c->slots;
	return used > 1000 ? 0 : 1000 - used;
}

static void check_facts(const struct gpu_of *g)
{
	const struct plain_kind *k = g->plain.kind;

	assert_int_equal(situation_kind(g->t, g->s), k->number);
	assert_int_equal(situation_is_empty(g->t, g->s), g->plain.n == 0);
	assert_int_equal(situation_free_milli(g->t, g->s), free_milli(&g->plain));
	if (k->cuts_n == 0)
		return;
	assert_int_equal(situation_vgpus(g->t, g->s), g->plain.n);
	assert_int_equal(situation_mode(g->t, g->s), k->cuts[g->plain.n ? g->plain.cut : 0].mode);
}

/* ---- what it can become ---- */

struct way {
	uint16_t start;
	uint8_t cut;
};

static size_t ways_of(const struct plain_gpu *g, uint8_t item, struct way *ret)
{
	const struct plain_kind *k = g->kind;
	size_t n = 0;

	if (k->cuts_n == 0 && plain_may(g, item, 0, COUNTED))
		ret[n++] = (struct way){ START_NONE, 0 };
	for (uint8_t c = 0; c < k->cuts_n; c++) {
		uint8_t at = k->at[item][c];

		if (at == PLAIN_NONE)
			continue;
		if (k->cuts[c].one_size && plain_may(g, item, c, COUNTED))
			ret[n++] = (struct way){ START_NONE, c };
		for (int i = 0; !k->cuts[c].one_size && i < k->cuts[c].items[at].starts_n; i++)
			if (plain_may(g, item, c, k->cuts[c].items[at].starts[i]))
				ret[n++] = (struct way){ k->cuts[c].items[at].starts[i], c };
	}
	return n;
}

/* Each leads somewhere else, and there is what the list says. */
static void check_ways(const struct gpu_of *g, uint8_t item)
{
	struct way ways[WAYS_MAX];
	uint32_t to[WAYS_MAX], s;
	size_t n = ways_of(&g->plain, item, ways);

	for (size_t i = 0; i < n; i++) {
		struct plain_gpu after = g->plain;

		assert_int_equal(situation_put(g->t, g->s, item, ways[i].cut, ways[i].start, &to[i],
					       NULL), 0);
		plain_put(&after, item, ways[i].cut, ways[i].start);
		assert_true(plain_situation(g->t, &after, &s));
		assert_int_equal(to[i], s);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(to[j], s);
	}
}

/* What WORTH says is lost by going the way W. */
static double loss_of(const struct plain_gpu *g, uint8_t item, struct way w, const float *worth)
{
	struct plain_gpu after = *g;
	double sum = 0;

	plain_put(&after, item, w.cut, w.start);
	for (uint8_t i = 0; i < g->kind->items_n; i++)
		sum += worth[i] * ((double)plain_places(g, i) - plain_places(&after, i));
	return sum;
}

static void check_after(const struct gpu_of *g, uint8_t item, const struct preview *p)
{
	struct gpu_of after = { g->t, g->plain, g->s };
	const uint16_t *capacity;

	plain_put(&after.plain, item, p->cut, p->start);
	assert_true(plain_situation(g->t, &after.plain, &after.s));
	capacity = situation_capacity(g->t, after.s);
	for (uint8_t i = 0; i < g->plain.kind->items_n; i++)
		assert_int_equal(p->capacity[i], capacity[i]);
	assert_int_equal(p->free_milli, situation_free_milli(g->t, after.s));
}

static void check_is_least(const struct gpu_of *g, uint8_t item, const struct preview *p,
			   const float *worth)
{
	struct way ways[WAYS_MAX], got = { p->start, p->cut };
	size_t n = ways_of(&g->plain, item, ways);
	double loss = loss_of(&g->plain, item, got, worth);

	for (size_t i = 0; i < n; i++)
		if (loss_of(&g->plain, item, ways[i], worth) < loss - 1e-3)
			fail_msg("%s: item %u went to %u, less would be lost at %u", what, item,
				 got.start, ways[i].start);
}

static void check_preview(const struct gpu_of *g, uint8_t item)
{
	struct way ways[WAYS_MAX];
	size_t n = ways_of(&g->plain, item, ways);
	float worth[KIND_ITEMS_MAX];
	struct preview p;

	for (uint8_t i = 0; i < g->plain.kind->items_n; i++)
		worth[i] = roll(3) ? (float)roll(100) : 0;
	assert_int_equal(situation_preview(g->t, g->s, item, NULL, &p), n > 0);
	if (n == 0) {
		assert_false(situation_preview(g->t, g->s, item, worth, &p));
		return;
	}
	assert_int_equal(p.start, ways[0].start);
	assert_int_equal(p.cut, ways[0].cut);
	check_after(g, item, &p);
	assert_true(situation_preview(g->t, g->s, item, worth, &p));
	assert_true(plain_may(&g->plain, item, p.cut, p.start));
	check_after(g, item, &p);
	/* A cut is chosen by what it leaves in all, which is another question. */
	if (g->plain.n || g->plain.kind->cuts_n < 2)
		check_is_least(g, item, &p, worth);
}

/* A capacity is a promise: so many can be put there, one after the other. */
static void check_promise(const struct gpu_of *g, uint8_t item)
{
	unsigned int left = situation_capacity(g->t, g->s)[item];
	float worth[KIND_ITEMS_MAX] = { 0 };
	struct preview p;
	uint32_t s = g->s;

	worth[item] = 1;
	for (; left > 0; left--) {
		assert_true(situation_preview(g->t, s, item, worth, &p));
		assert_int_equal(p.capacity[item], left - 1);
		assert_int_equal(situation_put(g->t, s, item, p.cut, p.start, &s, NULL), 0);
	}
	assert_false(situation_preview(g->t, s, item, worth, &p));
}

/* ---- random steps ---- */

static void put_any(struct gpu_of *g)
{
	const struct plain_kind *k = g->plain.kind;
	uint8_t item = (uint8_t)roll((uint32_t)k->items_n);
	uint8_t cut = (uint8_t)roll((uint32_t)k->cuts_n + 1);
	uint16_t start = any_start(k, item, cut < k->cuts_n ? cut : 0);
	bool may = plain_may(&g->plain, item, cut, start);
	struct error err = { 0 };
	uint32_t was = g->s;
	int r = situation_put(g->t, g->s, item, cut, start, &g->s, &err);

	if (r != (may ? 0 : -ERR_NO_CAPACITY))
		fail_msg("%s: item %u at %u in cut %u of %zu vGPUs: %s", what, item, start, cut,
			 g->plain.n, r ? err.text : "should not fit");
	if (may)
		plain_put(&g->plain, item, cut, start);
	else
		assert_int_equal(g->s, was);
}

/* One that fits, so that GPUs get full. */
static void put_legal(struct gpu_of *g)
{
	uint8_t item = (uint8_t)roll((uint32_t)g->plain.kind->items_n);
	struct way list[WAYS_MAX];
	size_t n = ways_of(&g->plain, item, list), i;

	if (n == 0)
		return;
	i = roll((uint32_t)n);
	assert_int_equal(situation_put(g->t, g->s, item, list[i].cut, list[i].start, &g->s, NULL),
			 0);
	plain_put(&g->plain, item, list[i].cut, list[i].start);
}

static void take_back_any(struct gpu_of *g)
{
	size_t i = g->plain.n ? roll((uint32_t)g->plain.n) : 0;
	struct plain_lying l = g->plain.list[i];

	if (g->plain.n == 0 || l.item == ITEM_NONE)
		return;
	assert_int_equal(situation_take_back(g->t, g->s, l.item, l.start, &g->s, NULL), 0);
	plain_take_back(&g->plain, i);
}

/* Of a one-size cut only an empty GPU: what else lies there says of which size the foreign one is.
 */
static void block_any(struct gpu_of *g)
{
	const struct plain_kind *k = g->plain.kind;
	uint8_t cut = (uint8_t)roll((uint32_t)k->cuts_n + 1);
	uint16_t start = (uint16_t)roll(k->cuts_n ? k->cuts[0].slots : 9u);
	uint16_t n = (uint16_t)(1 + roll(4));
	bool may = plain_may_block(&g->plain, cut, start, n);
	uint32_t was = g->s;

	if (g->plain.n && g->plain.cut != PLAIN_NONE && k->cuts[g->plain.cut].one_size)
		return;
	assert_int_equal(situation_block(g->t, g->s, cut, start, n, &g->s, NULL),
			 may ? 0 : -ERR_NO_CAPACITY);
	if (may)
		plain_block(&g->plain, cut, start, n);
	else
		assert_int_equal(g->s, was);
}

static void check_all(const struct gpu_of *g)
{
	uint8_t item = (uint8_t)roll((uint32_t)g->plain.kind->items_n);
	uint32_t s;

	check_facts(g);
	check_capacity(g);
	check_ways(g, item);
	check_preview(g, item);
	check_promise(g, item);
	assert_true(plain_situation(g->t, &g->plain, &s));
	assert_int_equal(s, g->s);
}

static void walk(struct situations *t, const struct plain_kind *k, bool foreign)
{
	struct gpu_of g = { t, empty_gpu(k), situation_empty(t, k->number) };

	situation_hold(t, g.s);
	for (int i = 0; i < STEPS; i++) {
		uint32_t x = roll(20), was = g.s;

		if (foreign && x == 0)
			block_any(&g);
		else if (x < 4)
			put_any(&g);
		else if (x < 13)
			put_legal(&g);
		else
			take_back_any(&g);
		situation_hold(t, g.s);
		situation_drop(t, was);
		if (roll(3) == 0)
			situations_collect(t);
		check_all(&g);
	}
	situation_drop(t, g.s);
	while (!foreign && g.plain.n)
		take_back_any(&g);
	assert_true(foreign || g.s == situation_empty(t, k->number));
}

static void each_board(void (*look)(const struct board *b))
{
	char text[128];

	what = text;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);

		snprintf(text, sizeof(text), "%s", b->name);
		seed_round((uint32_t)i);
		look(b);
	}
	what = "";
}

/* ---- properties ---- */

static void check_maxima(const struct situations *t, const struct plain_kind *k)
{
	const uint16_t *capacity = situation_capacity(t, situation_empty(t, k->number));

	for (uint8_t i = 0; i < k->items_n; i++) {
		const struct cut_item *item = &k->cuts[0].items[k->at[i][0]];

		if (capacity[i] != item->max)
			fail_msg("%s: %s, %u in an empty GPU of %u MiB, the cut says %u", what,
				 item->name, capacity[i], item->fb_mib, item->max);
	}
}

static void walk_each_mode(const struct board *b)
{
	cleanup(situations_free_p) struct situations *t = situations_new();

	for (size_t m = 0; m < MODES; m++) {
		struct plain_kind k = { .cuts_n = 1 };

		if (!cut_of_board(b, modes[m], &k.cuts[0]))
			continue;
		add_kind(t, &k);
		check_maxima(t, &k);
		walk(t, &k, false);
		walk(t, &k, true);
	}
	assert_true(situations_kinds(t) > 0);
}

/* Placement may answer only with what the driver will do. */
static void every_board_in_every_mode_is_as_a_plain_list_says(void **state)
{
	(void)state;
	each_board(walk_each_mode);
}

static void walk_choices(const struct board *b)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct plain_kind k = { 0 };

	for (uint32_t set = 1 + roll(2); set < 1u << MODES; set += 1 + roll(4)) {
		k.cuts_n = 0;
		for (size_t m = 0; m < MODES; m++)
			k.cuts_n += set >> m & 1 && cut_of_board(b, modes[m], &k.cuts[k.cuts_n]);
		if (k.cuts_n < 2)
			continue;
		add_kind(t, &k);
		walk(t, &k, false);
		walk(t, &k, true);
	}
}

/* An empty GPU offers what each of its modes offers; the first vGPU decides, the last one to leave
 * opens the choice again. */
static void a_choice_of_modes_is_made_by_the_first_vgpu(void **state)
{
	(void)state;
	each_board(walk_choices);
}

static void set_odd_starts(struct cut *c)
{
	for (int i = 0; i < c->items_n; i++) {
		uint16_t starts[CUT_STARTS_MAX];
		size_t n = 0;

		for (unsigned int s = 0; s + c->items[i].size <= c->slots; s++)
			if (roll(3) == 0 && n < CUT_STARTS_MAX)
				starts[n++] = (uint16_t)s;
		if (n && c->items[i].share == 1)
			assert_int_equal(cut_set_starts(c, i, starts, n, NULL), 0);
	}
}

static void walk_odd_starts(const struct board *b)
{
	cleanup(situations_free_p) struct situations *t = situations_new();

	for (size_t m = 1; m < 3; m++) {
		struct plain_kind k = { .cuts_n = 1 };

		if (!cut_of_board(b, modes[m], &k.cuts[0]))
			continue;
		set_odd_starts(&k.cuts[0]);
		add_kind(t, &k);
		walk(t, &k, true);
	}
}

static void places_may_overlap_where_a_driver_says_so(void **state)
{
	(void)state;
	each_board(walk_odd_starts);
}

static void sizes_without_geometry_need_only_sum_up(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();

	(void)state;
	what = "sizes";
	for (uint32_t i = 0; i < 60; i++) {
		struct plain_kind k = { 0 };

		seed_round(i);
		for (unsigned int milli = 1 + roll(400); milli <= 1000; milli += 1 + roll(400))
			k.sizes[k.sizes_n++] = (uint16_t)milli;
		if (plain_add_kind(t, &k))
			walk(t, &k, false);
	}
	what = "";
	assert_int_equal(situations_kinds(t), 60);
}

static const struct board *board_called(const char *name)
{
	const struct board *b = catalogue_board_named(name);

	if (!b)
		fail_msg("the catalogue has no board %s", name);
	return b;
}

/* NVIDIA: a GPU has one media extension, so one "+me" instance. */
static void the_media_extension_is_given_once(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct plain_kind k = { .cuts_n = 1 };
	uint32_t one, two;
	uint8_t me;

	(void)state;
	assert_true(cut_of_board(board_called("NVIDIA H100 PCIe 80GB"), GPU_MODE_MIG, &k.cuts[0]));
	add_kind(t, &k);
	me = situations_item(t, k.number, "1g.10gb+me", 10240);
	assert_int_not_equal(me, ITEM_NONE);
	one = situation_empty(t, k.number);
	assert_int_equal(situation_capacity(t, one)[me], 1);
	assert_int_equal(situation_put(t, one, me, 0, 1, &one, NULL), 0);
	assert_int_equal(situation_put(t, one, me, 0, 3, &two, NULL), -ERR_NO_CAPACITY);
	assert_int_equal(situation_capacity(t, one)[me], 0);
	assert_int_equal(situation_take_back(t, one, me, 1, &one, NULL), 0);
	assert_int_equal(situation_put(t, one, me, 0, 3, &two, NULL), 0);
}

static const struct cut_item *shared_item(const struct cut *c)
{
	for (int i = 0; i < c->items_n; i++)
		if (c->items[i].share > 1)
			return &c->items[i];
	return NULL;
}

/* vGPUs of one size share a GPU instance, which goes with the last of them. */
static void a_shared_instance_stays_until_the_last_one_leaves(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	unsigned int seen = 0;

	(void)state;
	for (size_t b = 0; b < catalogue_boards(); b++) {
		struct plain_kind k = { .cuts_n = 1 };
		const struct cut_item *i;
		uint32_t s, first;
		uint8_t item;

		if (!cut_of_board(catalogue_board_at(b), GPU_MODE_MIG, &k.cuts[0]) ||
		    !(i = shared_item(&k.cuts[0])))
			continue;
		add_kind(t, &k);
		item = situations_item(t, k.number, i->name, i->fb_mib);
		s = situation_empty(t, k.number);
		assert_int_equal(situation_put(t, s, item, 0, i->starts[0], &s, NULL), 0);
		first = s;
		for (int n = 1; n < i->share; n++)
			assert_int_equal(situation_put(t, s, item, 0, i->starts[0], &s, NULL), 0);
		assert_int_equal(situation_put(t, s, item, 0, i->starts[0], &s, NULL),
				 -ERR_NO_CAPACITY);
		for (int n = 1; n < i->share; n++)
			assert_int_equal(situation_take_back(t, s, item, i->starts[0], &s, NULL),
					 0);
		assert_int_equal(s, first);
		assert_int_equal(situation_take_back(t, s, item, i->starts[0], &s, NULL), 0);
		assert_true(situation_is_empty(t, s));
		seen++;
	}
	assert_true(seen > 0);
}

static void what_is_not_there_can_not_be_taken_back(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct plain_kind mixed = { .cuts_n = 1 }, equal = { .cuts_n = 1 };
	const struct board *b = board_called("NVIDIA L40S");
	uint32_t s, untouched = 77;
	uint8_t four, eight;

	(void)state;
	assert_true(cut_of_board(b, GPU_MODE_MIXED, &mixed.cuts[0]));
	assert_true(cut_of_board(b, GPU_MODE_EQUAL, &equal.cuts[0]));
	add_kind(t, &mixed);
	add_kind(t, &equal);
	four = situations_item(t, mixed.number, NULL, 4096);
	eight = situations_item(t, mixed.number, NULL, 8192);
	s = situation_empty(t, mixed.number);
	assert_int_equal(situation_take_back(t, s, four, 0, &untouched, NULL), -ERR_NOT_FOUND);
	assert_int_equal(situation_put(t, s, four, 0, mixed.cuts[0].items[0].starts[0], &s, NULL),
			 0);
	assert_int_equal(situation_take_back(t, s, eight, 0, &untouched, NULL), -ERR_NOT_FOUND);
	assert_int_equal(situation_take_back(t, s, four, 1, &untouched, NULL), -ERR_NOT_FOUND);
	s = situation_empty(t, equal.number);
	four = situations_item(t, equal.number, NULL, 4096);
	eight = situations_item(t, equal.number, NULL, 8192);
	assert_int_equal(situation_put(t, s, four, 0, START_NONE, &s, NULL), 0);
	assert_int_equal(situation_take_back(t, s, eight, 0, &untouched, NULL), -ERR_NOT_FOUND);
	assert_int_equal(untouched, 77);
}

/* The driver has set the GPU to the size of the foreign vGPU, and we do not know it. */
static void nothing_joins_a_foreign_vgpu_of_unknown_size(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct plain_kind k = { .cuts_n = 1 };
	uint32_t s;

	(void)state;
	assert_true(cut_of_board(board_called("NVIDIA L40S"), GPU_MODE_EQUAL, &k.cuts[0]));
	add_kind(t, &k);
	assert_int_equal(situation_block(t, situation_empty(t, k.number), 0, 0, 8, &s, NULL), 0);
	for (uint8_t i = 0; i < k.items_n; i++)
		assert_int_equal(situation_capacity(t, s)[i], 0);
	assert_int_equal(situation_free_milli(t, s), 1000 * 40 / 48);
	assert_int_equal(situation_vgpus(t, s), 1);
}

/* A GPU keeps its number while others are forgotten and made again. */
static void what_nobody_holds_is_forgotten(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct plain_kind k = { .cuts_n = 1 };
	struct gpu_of kept = { .t = t }, other = { .t = t };

	(void)state;
	assert_true(cut_of_board(board_called("NVIDIA L40S"), GPU_MODE_MIXED, &k.cuts[0]));
	add_kind(t, &k);
	kept.plain = other.plain = empty_gpu(&k);
	kept.s = other.s = situation_empty(t, k.number);
	for (int i = 0; i < 6; i++)
		put_legal(&kept);
	situation_hold(t, kept.s);
	for (int i = 0; i < 3000; i++) {
		if (roll(2))
			put_legal(&other);
		else
			take_back_any(&other);
		if (i % 100 != 99)
			continue;
		situation_hold(t, other.s);
		situations_collect(t);
		assert_int_equal(situations_count(t), 3 - (other.s == kept.s) -
							      situation_is_empty(t, other.s));
		check_all(&kept);
		check_all(&other);
		situation_drop(t, other.s);
	}
	situation_drop(t, kept.s);
	situations_collect(t);
	assert_int_equal(situations_count(t), 1);
	assert_true(situations_bytes(t) > 0);
}

static void too_many_modes_or_kinds_are_refused(void **state)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct cut cuts[KIND_CUTS_MAX + 1];
	uint16_t size = 500;
	uint8_t kind = 99;

	(void)state;
	for (size_t i = 0; i <= KIND_CUTS_MAX; i++)
		assert_true(cut_of_board(board_called("NVIDIA L40S"), GPU_MODE_EQUAL, &cuts[i]));
	assert_int_equal(situations_add_kind(t, cuts, KIND_CUTS_MAX + 1, &kind, NULL),
			 -ERR_TOO_LARGE);
	assert_int_equal(situations_add_kind(t, cuts, 0, &kind, NULL), -ERR_TOO_LARGE);
	assert_int_equal(kind, 99);
	for (int i = 0; i < KINDS_MAX; i++)
		assert_int_equal(situations_add_fluid(t, &size, 1, &kind, NULL), 0);
	assert_int_equal(situations_add_fluid(t, &size, 1, &kind, NULL), -ERR_TOO_LARGE);
	assert_int_equal(situations_add_kind(t, cuts, 1, &kind, NULL), -ERR_TOO_LARGE);
	assert_int_equal(kind, KINDS_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_board_in_every_mode_is_as_a_plain_list_says),
		cmocka_unit_test(a_choice_of_modes_is_made_by_the_first_vgpu),
		cmocka_unit_test(places_may_overlap_where_a_driver_says_so),
		cmocka_unit_test(sizes_without_geometry_need_only_sum_up),
		cmocka_unit_test(the_media_extension_is_given_once),
		cmocka_unit_test(a_shared_instance_stays_until_the_last_one_leaves),
		cmocka_unit_test(what_is_not_there_can_not_be_taken_back),
		cmocka_unit_test(nothing_joins_a_foreign_vgpu_of_unknown_size),
		cmocka_unit_test(what_nobody_holds_is_forgotten),
		cmocka_unit_test(too_many_modes_or_kinds_are_refused),
	};

	seed_start();
	return cmocka_run_group_tests_name("situation", tests, NULL, NULL);
}
