/* SPDX-License-Identifier: Apache-2.0 */
/* test_cut.c - every board in every mode: sound, as published, and as its driver says.
 *
 * What is peculiar to MIG is in test_mig.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "id_tables.h"
#include "model/cut.h"

enum { ROWS = sizeof(mixed_rows) / sizeof(mixed_rows[0]) };

static const struct board *board_called(const char *name)
{
	const struct board *b = catalogue_board_named(name);

	if (!b)
		fail_msg("the catalogue has no board %s", name);
	return b;
}

static const struct catalogue_profile *profile_called(const char *name)
{
	const struct catalogue_profile *p = catalogue_find(name, NULL);

	if (!p)
		fail_msg("the catalogue has no type %s", name);
	return p;
}

static void cut_it(const char *board, enum gpu_mode mode, struct cut *cut)
{
	if (!cut_of_board(board_called(board), mode, cut))
		fail_msg("%s has no mode %d", board, mode);
}

static const struct cut_item *item_of(const struct cut *cut, const char *profile)
{
	int i = cut_find(cut, profile_called(profile));

	if (i < 0)
		fail_msg("%s is not in the cut", profile);
	return &cut->items[i];
}

static const char *starts_text(const struct cut_item *item)
{
	static char text[512];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < item->starts_n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", i ? " " : "",
					 item->starts[i]);
	return text;
}

/* Types of which nobody has published how many fit: what the framebuffer has room for is taken. */
static bool has_unknown_max(const struct catalogue_profile *p)
{
	return p->max == 0;
}

/* --- the published tables --- */

/* The row for this item, preferring the rule's own; -1 for none. */
static int row_of(const struct board *b, const struct cut *cut, const struct cut_item *item)
{
	int found = -1;

	for (int i = 0; i < ROWS; i++) {
		const struct row *r = &mixed_rows[i];

		if (r->region != cut->slots || r->size != item->size ||
		    (r->rule == EVEN) != (b->rule == EVEN))
			continue;
		if (found < 0 || r->rule == b->rule)
			found = i;
	}
	return found;
}

static void compare_board_with_rows(const struct board *b, bool seen[ROWS])
{
	struct cut mixed, equal;

	assert_true(cut_of_board(b, GPU_MODE_EQUAL, &equal));
	if (!cut_of_board(b, GPU_MODE_MIXED, &mixed))
		return;
	for (size_t k = 0; k < b->profiles_n; k++) {
		const struct catalogue_profile *p = &b->profiles[k];
		int i = cut_find(&mixed, p), row;

		if (p->mig || has_unknown_max(p))
			continue;
		assert_true(i >= 0);
		row = row_of(b, &mixed, &mixed.items[i]);
		if (row < 0 && mixed.items[i].size == mixed.slots)
			continue; /* boards that are only sold whole have no table */
		if (row < 0)
			fail_msg("%s: no table has it", p->name);
		assert_string_equal(starts_text(&mixed.items[i]), mixed_rows[row].ids);
		assert_int_equal(item_of(&equal, p->name)->max, mixed_rows[row].max_instances);
		seen[row] = true;
	}
}

static void every_board_has_the_ids_of_the_published_tables(void **state)
{
	bool seen[ROWS] = { false };
	const struct row *r;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++)
		compare_board_with_rows(catalogue_board_at(i), seen);
	for (int i = 0; i < ROWS; i++) {
		r = &mixed_rows[i];
		/* Stands twice, once per rule; boards find their own. */
		if (!seen[i] && !(r->region == 24 && r->size == 1 && r->rule == ADA))
			fail_msg("no board has the row of %u GiB of %u", r->size, r->region);
	}
}

/* From Ada on drivers give ids in equal-size mode too, one after another; on Blackwell they are
 * those of mixed-size mode. */
static void equal_size_ids_are_one_after_another(void **state)
{
	size_t seen = 0;
	struct cut equal, mixed;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);

		assert_true(cut_of_board(b, GPU_MODE_EQUAL, &equal));
		for (unsigned int k = 0; k < equal.items_n; k++) {
			const struct cut_item *item = &equal.items[k];

			if (b->rule == GEOMETRY_EQUAL_ONLY || b->rule == AMPERE) {
				assert_int_equal(item->starts_n, 0);
				continue;
			}
			assert_int_equal(item->starts_n, item->max);
			for (unsigned int j = 0; b->rule == ADA && j < item->starts_n; j++, seen++)
				assert_int_equal(item->starts[j], j * item->size);
		}
		if (b->rule != EVEN)
			continue;
		assert_true(cut_of_board(b, GPU_MODE_MIXED, &mixed));
		assert_memory_equal(equal.items, mixed.items, sizeof(equal.items));
	}
	assert_true(seen > 500);
}

/* --- every board, every mode --- */

static void check_starts(const struct cut *cut, const struct cut_item *item)
{
	unsigned int fit = 0, end = 0;

	for (unsigned int i = 0; i < item->starts_n; i++) {
		assert_true(i == 0 || item->starts[i] > item->starts[i - 1]);
		assert_true(item->starts[i] + item->size <= cut->slots);
		if (item->starts[i] < end)
			continue;
		end = item->starts[i] + item->size;
		fit++;
	}
	if (item->media && fit > 1)
		fit = 1;
	assert_true(item->starts_n == 0 || item->max <= fit * item->share);
}

static void check_item(const struct cut *cut, const struct cut_item *item)
{
	assert_true(item->size > 0 && item->size <= cut->slots);
	assert_true(item->max > 0 && item->max <= cut->vgpus_max);
	assert_true(item->share > 0 && item->fb_mib > 0 && item->name[0]);
	assert_true(item->starts_n > 0 || cut->one_size);
	check_starts(cut, item);
}

/* What only boards of the catalogue promise: each place counts, as they do not overlap. */
static void check_places_count(const struct cut *cut, const struct cut_item *item)
{
	unsigned int n = item->media ? 1 : item->starts_n;

	for (unsigned int i = 1; i < item->starts_n; i++)
		assert_true(item->starts[i] >= item->starts[i - 1] + item->size);
	assert_true(item->starts_n == 0 || item->max == n * item->share);
	/* Half a GiB is counted as a slot: a GPU has more of those than slots. */
	assert_true(item->starts_n > 0 || item->fb_mib < 1024 ||
		    item->max * item->size <= cut->slots);
}

static bool is_before(const struct cut_item *a, const struct cut_item *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	return a->fb_mib != b->fb_mib ? a->fb_mib < b->fb_mib : strcmp(a->name, b->name) < 0;
}

static void check_cut(const struct cut *cut, enum gpu_mode mode)
{
	assert_int_equal(cut->mode, mode);
	assert_int_equal(cut->one_size, mode == GPU_MODE_EQUAL);
	assert_true(cut->items_n > 0 && cut->items_n <= CUT_ITEMS_MAX);
	assert_true(cut->slots > 0 && cut->slots <= CUT_SLOTS_MAX);
	for (unsigned int i = 0; i < cut->items_n; i++) {
		check_item(cut, &cut->items[i]);
		assert_true(i == 0 || is_before(&cut->items[i - 1], &cut->items[i]));
	}
}

static void every_cut_is_sound(void **state)
{
	unsigned int cuts[GPU_MODE_COUNT] = { 0 };
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++)
		for (int mode = 0; mode < GPU_MODE_COUNT; mode++) {
			if (!cut_of_board(catalogue_board_at(i), (enum gpu_mode)mode, &cut))
				continue;
			cuts[mode]++;
			check_cut(&cut, (enum gpu_mode)mode);
			for (unsigned int k = 0; k < cut.items_n; k++)
				check_places_count(&cut, &cut.items[k]);
		}
	assert_int_equal(cuts[GPU_MODE_EQUAL], catalogue_boards());
	assert_int_equal(cuts[GPU_MODE_WHOLE], catalogue_boards());
	assert_true(cuts[GPU_MODE_MIXED] > 40);
	assert_true(cuts[GPU_MODE_MIG] > 25);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void any_type(struct gpu_type *type, uint32_t *seed)
{
	static const char *const boards[] = { "NVIDIA X-", "NVIDIA X-1-", "X-4-", "X-7-", "X" };
	static const char *const series[] = { "Q", "C", "CME", "B", "" };
	static const uint32_t sizes[] = { 0, 1, 512, 2048, 40000, 96246, 1 << 20, UINT32_MAX };
	const char *board = boards[next(seed) % 5];
	uint32_t gib = next(seed) % 100;

	memset(type, 0, sizeof(*type));
	snprintf(type->name, sizeof(type->name), "%s%u%s", board, gib, series[next(seed) % 5]);
	type->fb_mib = next(seed) % 3 ? gib * 1024 : sizes[next(seed) % 8];
	type->max = next(seed) % 8 ? next(seed) % 40 : next(seed);
}

/* Hosts report these lists, so nothing in them may be believed blindly. */
static void whatever_a_driver_says_the_cut_is_sound(void **state)
{
	unsigned int made = 0;
	uint32_t seed = 1;
	struct cut cut;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct board *b = catalogue_board_at(next(&seed) % catalogue_boards());
		enum gpu_mode mode = (enum gpu_mode)(next(&seed) % GPU_MODE_COUNT);
		struct gpu_type types[6];
		size_t n = 1 + next(&seed) % 6;

		for (size_t k = 0; k < n; k++)
			any_type(&types[k], &seed);
		if (!cut_of_types(next(&seed) % 4 ? b : NULL, types, n, mode, &cut))
			continue;
		check_cut(&cut, mode);
		made++;
	}
	assert_true(made > 5000);
}

static void boards_have_the_modes_of_their_generation(void **state)
{
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);

		assert_int_equal(cut_of_board(b, GPU_MODE_MIXED, &cut),
				 b->rule != GEOMETRY_EQUAL_ONLY);
		assert_int_equal(cut_of_board(b, GPU_MODE_MIG, &cut), b->mig);
	}
	assert_false(cut_of_board(board_called("Tesla T4"), GPU_MODE_MIXED, &cut));
	assert_false(cut_of_board(board_called("NVIDIA L40S"), GPU_MODE_MIG, &cut));
	assert_false(cut_of_board(board_called("NVIDIA L40S"), GPU_MODE_COUNT, &cut));
}

/* The table has each type's maximum from other sources than the rules here. */
static void check_maxima(const struct catalogue_profile *p, const struct cut *equal,
			 const struct cut *mixed)
{
	const struct cut_item *item = item_of(equal, p->name);

	if (strstr(p->name, "RTX8000") && p->series == SERIES_C && p->fb_mib == 4096) {
		/* Its A, B and Q siblings of 4 GiB may be twelve. */
		assert_int_equal(p->max, 8);
		assert_int_equal(item->max, 12);
	} else if (has_unknown_max(p)) {
		assert_int_equal(p->fb_mib, 3072);
		assert_int_equal(item->max, p->board_fb_mib / p->fb_mib);
	} else {
		assert_int_equal(item->max, p->max);
		if (mixed)
			assert_int_equal(item_of(mixed, p->name)->max, p->max_mixed);
	}
}

static void every_type_is_in_the_cut_of_its_mode(void **state)
{
	size_t time_sliced = 0, unknown = 0;
	struct cut equal, mixed;

	(void)state;
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_profile *p = catalogue_at(i);
		const struct board *b = catalogue_board_of(p->pci_device, p->pci_subsystem);
		bool has_mixed = cut_of_board(b, GPU_MODE_MIXED, &mixed);

		assert_true(cut_of_board(b, GPU_MODE_EQUAL, &equal));
		if (p->mig) {
			assert_int_equal(cut_find(&equal, p), -1);
			continue;
		}
		assert_int_equal(item_of(&equal, p->name)->fb_mib, p->fb_mib);
		check_maxima(p, &equal, has_mixed ? &mixed : NULL);
		unknown += has_unknown_max(p);
		time_sliced++;
	}
	assert_true(time_sliced > 800);
	assert_int_equal(unknown, 4); /* the 3B types of A2, A10M, A16 and RTX 5000 Ada */
}

/* Any mix of series may share a GPU as long as the framebuffer is one: they are one item. */
static void series_of_one_size_share_an_item(void **state)
{
	struct cut cut;
	int q;

	(void)state;
	cut_it("L40S", GPU_MODE_EQUAL, &cut);
	q = cut_find(&cut, profile_called("NVIDIA L40S-2Q"));
	assert_int_equal(cut_find(&cut, profile_called("NVIDIA L40S-2B")), q);
	assert_int_equal(cut_find(&cut, profile_called("NVIDIA L40S-2A")), q);
	assert_string_equal(cut.items[q].name, "2 GiB");
	assert_true(q != cut_find(&cut, profile_called("NVIDIA L40S-3Q")));
	cut_it("Tesla M10", GPU_MODE_EQUAL, &cut);
	assert_string_equal(item_of(&cut, "GRID M10-0B")->name, "512 MiB");
}

/* 2 GiB vGPUs of RTX PRO 6000 are laid out as 3 GiB, and stay another item than those of 3. */
static void two_gib_on_96_take_three(void **state)
{
	struct cut cut;
	const struct cut_item *two, *three;

	(void)state;
	cut_it("RTX PRO 6000", GPU_MODE_MIXED, &cut);
	two = item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-2B");
	three = item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-3Q");
	assert_ptr_not_equal(two, three);
	assert_int_equal(two->size, 3);
	assert_int_equal(two->max, 32);
	assert_memory_equal(two->starts, three->starts, sizeof(two->starts));
}

static void passthrough_is_one_item_of_the_whole_board(void **state)
{
	const struct catalogue_profile whole = { .name = "passthrough", .series = SERIES_WHOLE };
	struct cut cut;

	(void)state;
	cut_it("L40S", GPU_MODE_WHOLE, &cut);
	assert_int_equal(cut.items_n, 1);
	assert_int_equal(cut.items[0].size, 48);
	assert_int_equal(cut.items[0].max, 1);
	assert_int_equal(cut.vgpus_max, 1);
	assert_string_equal(starts_text(&cut.items[0]), "0");
	assert_int_equal(cut_find(&cut, &whole), 0);
	assert_int_equal(cut_find(&cut, profile_called("NVIDIA L40S-48Q")), -1);
}

/* --- where the sources contradict each other --- */

struct contradiction {
	const char *board, *profile;
	uint16_t by_rule, by_guide;
};

/* Mixed-size maxima: what kernel_vgpu_mgr.c of open-gpu-kernel-modules 595.45.04 computes, and the
 * tables of NVIDIA's user guides for the same boards. */
static const struct contradiction contradictions[] = {
	{ "NVIDIA H20 SXM5 96GB", "NVIDIA H20-24C", 4, 2 },
	{ "NVIDIA H20 SXM5 96GB", "NVIDIA H20-12C", 8, 4 },
	{ "NVIDIA H20 SXM5 96GB", "NVIDIA H20-6C", 16, 8 },
	{ "NVIDIA H20 SXM5 96GB", "NVIDIA H20-4C", 16, 8 },
	{ "NVIDIA H200 SXM5 141GB", "NVIDIA H200X-28C", 4, 5 },
	{ "NVIDIA H200 SXM5 141GB", "NVIDIA H200X-14C", 8, 10 },
	{ "NVIDIA H200 SXM5 141GB", "NVIDIA H200X-7C", 16, 20 },
	{ "NVIDIA H200 NVL 141GB", "NVIDIA H200-28C", 4, 5 },
	{ "NVIDIA H200 NVL 141GB", "NVIDIA H200-14C", 8, 10 },
	{ "NVIDIA H200 NVL 141GB", "NVIDIA H200-7C", 16, 20 },
	{ "NVIDIA H20 SXM5 141GB", "NVIDIA H20X-28C", 4, 5 },
	{ "NVIDIA H20 SXM5 141GB", "NVIDIA H20X-14C", 8, 10 },
	{ "NVIDIA H20 SXM5 141GB", "NVIDIA H20X-7C", 16, 20 },
};

/* The rule is what a cut has, and a driver that agrees with the guide would be believed. */
static void rule_and_guide_contradict_each_other_and_the_driver_decides(void **state)
{
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
		const struct contradiction *c = &contradictions[i];
		uint16_t starts[CUT_STARTS_MAX];
		const struct cut_item *item;

		cut_it(c->board, GPU_MODE_MIXED, &cut);
		item = item_of(&cut, c->profile);
		assert_int_equal(item->max, c->by_rule);
		assert_int_equal(item->starts_n, c->by_rule);
		for (uint16_t k = 0; k < c->by_guide; k++)
			starts[k] = (uint16_t)(k * item->size);
		assert_int_equal(cut_set_starts(&cut, cut_find(&cut, profile_called(c->profile)),
						starts, c->by_guide, NULL), 0);
		assert_int_equal(item->max, c->by_guide);
	}
}

/* The guide says that six H100-16C fit in equal-size mode; five times 16 are the 80 GiB. */
static void six_times_16_do_not_fit_in_80(void **state)
{
	const struct gpu_type by_guide[] = {
		{ .name = "NVIDIA H100-80C", .fb_mib = 81920, .max = 1 },
		{ .name = "NVIDIA H100-16C", .fb_mib = 16384, .max = 6 },
	};
	struct cut cut;

	(void)state;
	cut_it("NVIDIA H100 PCIe 80GB", GPU_MODE_EQUAL, &cut);
	assert_int_equal(item_of(&cut, "NVIDIA H100-16C")->max, 5);
	assert_true(cut_of_types(board_called("NVIDIA H100 PCIe 80GB"), by_guide, 2, GPU_MODE_EQUAL,
				 &cut));
	assert_int_equal(item_of(&cut, "NVIDIA H100-16C")->max, 5);
	assert_string_equal(starts_text(item_of(&cut, "NVIDIA H100-16C")), "0 16 32 48 64");
}

/* --- what the driver says --- */

static void the_types_of_the_driver_win(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA L40S-48Q", .max = 1 }, /* size from the catalogue */
		{ .name = "NVIDIA L40S-12Q", .fb_mib = 12288, .max = 3 },
		{ .name = "NVIDIA L40S-9X", .fb_mib = 9216, .max = 5 },
	};
	const struct board *b = board_called("L40S");
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(b, types, 3, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.items_n, 3); /* no other sizes: this driver has no such types */
	assert_int_equal(cut.slots, 48);
	assert_string_equal(cut.items[0].name, "9 GiB");
	assert_string_equal(starts_text(&cut.items[0]), "0 9 18 27 36");
	assert_string_equal(starts_text(item_of(&cut, "NVIDIA L40S-12Q")), "0 12 24");
	assert_true(cut_of_types(b, types, 3, GPU_MODE_MIXED, &cut));
	/* 3 is no power of two: one in each half, at its outer end. */
	assert_string_equal(starts_text(item_of(&cut, "NVIDIA L40S-12Q")), "0 36");
	assert_int_equal(cut.items[0].max, 4);
}

/* A size that NVIDIA changes with a driver is that driver's. */
static void the_framebuffer_is_what_the_driver_says(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA L40S-48Q", .fb_mib = 46080, .max = 1 },
		{ .name = "NVIDIA L40S-6Q", .fb_mib = 5120, .max = 9 },
	};
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(board_called("L40S"), types, 2, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.slots, 45);
	assert_int_equal(cut.items[0].fb_mib, 5120);
	assert_string_equal(starts_text(&cut.items[0]), "0 5 10 15 20 25 30 35 40");
	assert_int_equal(cut_find(&cut, profile_called("NVIDIA L40S-6Q")), -1);
}

/* On Blackwell what does not divide the region is spread over it, not packed. */
static void even_places_are_spread_over_the_region(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA RTX 6000D-84Q", .fb_mib = 86016, .max = 1 },
		{ .name = "NVIDIA RTX 6000D-16Q", .fb_mib = 16384, .max = 5 },
	};
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(board_called("RTX 6000D"), types, 2, GPU_MODE_MIXED, &cut));
	assert_string_equal(starts_text(&cut.items[0]), "0 16 33 50 67");
	assert_int_equal(cut.items[0].max, 5);
}

/* NVIDIA's resource manager has mixed sizes on virtual functions alone. */
static void mixed_sizes_need_sr_iov(void **state)
{
	struct board b = *board_called("L40S");
	struct cut cut;

	(void)state;
	assert_true(cut_of_board(&b, GPU_MODE_MIXED, &cut));
	b.sr_iov = false;
	assert_false(cut_of_board(&b, GPU_MODE_MIXED, &cut));
	assert_true(cut_of_board(&b, GPU_MODE_EQUAL, &cut));
}

/* Without the type of the whole board the region is the board's own framebuffer. */
static void a_driver_without_the_largest_type_is_cut_the_same(void **state)
{
	const struct gpu_type types[] = { { .name = "NVIDIA L40S-8Q", .fb_mib = 8192, .max = 6 } };
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(board_called("L40S"), types, 1, GPU_MODE_MIXED, &cut));
	assert_int_equal(cut.slots, 48);
	assert_string_equal(starts_text(&cut.items[0]), "0 16 24 40");
}

static void an_unknown_board_is_cut_in_equal_sizes(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA X900-60Q", .fb_mib = 61440, .max = 1 },
		{ .name = "NVIDIA X900-12Q", .fb_mib = 12288, .max = 5 },
		{ .name = "NVIDIA X900-1-12C", .fb_mib = 12288, .max = 5 },
		{ .name = "NVIDIA X900-6Q" }, /* size from its name, maximum from the largest */
	};
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(NULL, types, 4, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.items_n, 3);
	assert_int_equal(cut.slots, 60);
	assert_int_equal(cut.items[0].max, 10);
	assert_int_equal(cut.items[1].max, 5);
	assert_int_equal(cut.items[1].starts_n, 0);
	assert_true(cut_of_types(NULL, types, 4, GPU_MODE_WHOLE, &cut));
	assert_int_equal(cut.items[0].fb_mib, 61440);
	assert_false(cut_of_types(NULL, types, 4, GPU_MODE_MIXED, &cut));
	assert_false(cut_of_types(NULL, types, 4, GPU_MODE_MIG, &cut));
	assert_false(cut_of_types(NULL, types, 0, GPU_MODE_EQUAL, &cut));
	assert_false(cut_of_types(NULL, types, 0, GPU_MODE_WHOLE, &cut));
	assert_true(cut_of_types(NULL, types + 1, 1, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.slots, 60);
}

static void too_many_sizes_are_refused_not_cut_short(void **state)
{
	struct gpu_type types[CUT_ITEMS_MAX + 1] = { 0 };
	struct cut cut = { .slots = 7 };

	(void)state;
	for (uint32_t i = 0; i <= CUT_ITEMS_MAX; i++) {
		snprintf(types[i].name, sizeof(types[i].name), "NVIDIA X900-%uQ", i + 1);
		types[i].fb_mib = (i + 1) * 1024;
		types[i].max = (CUT_ITEMS_MAX + 1) / (i + 1);
	}
	assert_false(cut_of_types(NULL, types, CUT_ITEMS_MAX + 1, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.slots, 7);
	assert_true(cut_of_types(NULL, types, CUT_ITEMS_MAX, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.items_n, CUT_ITEMS_MAX);
}

static void a_list_of_places_replaces_the_rule(void **state)
{
	const uint16_t three[] = { 0, 16, 32 }, overlapping[] = { 0, 8, 16, 32 };
	struct cut cut;
	int i;

	(void)state;
	cut_it("L40S", GPU_MODE_MIXED, &cut);
	i = cut_find(&cut, profile_called("NVIDIA L40S-16Q"));
	assert_string_equal(starts_text(&cut.items[i]), "0 32");
	assert_int_equal(cut_set_starts(&cut, i, three, 3, NULL), 0);
	assert_string_equal(starts_text(&cut.items[i]), "0 16 32");
	assert_int_equal(cut.items[i].max, 3);
	/* Four places of which three fit beside each other. */
	assert_int_equal(cut_set_starts(&cut, i, overlapping, 4, NULL), 0);
	assert_int_equal(cut.items[i].starts_n, 4);
	assert_int_equal(cut.items[i].max, 3);
}

static void a_list_of_places_that_can_not_be_is_refused(void **state)
{
	static const struct {
		int item;
		size_t n;
		uint16_t starts[2];
		int kind;
		const char *says;
	} wrong[] = {
		{ -1, 1, { 0 }, ERR_NOT_FOUND, "item -1" },
		{ 10, 1, { 0 }, ERR_NOT_FOUND, "the cut has 10 items" },
		{ 9, 0, { 0 }, ERR_INVALID, "0 of them" },
		{ 8, 2, { 24, 0 }, ERR_INVALID, "0 follows 24" },
		{ 8, 2, { 24, 24 }, ERR_INVALID, "24 follows 24" },
		{ 8, 2, { 0, 25 }, ERR_INVALID, "25 + 24 is past the 48" },
		{ 8, 1, { 65535 }, ERR_INVALID, "past the 48" },
	};
	uint16_t many[CUT_STARTS_MAX + 1] = { 0 };
	struct cut cut, before;
	struct error err;

	(void)state;
	cut_it("L40S", GPU_MODE_MIXED, &cut);
	before = cut;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(cut_set_starts(&cut, wrong[i].item, wrong[i].starts, wrong[i].n,
						&err), -wrong[i].kind);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("'%s' does not say '%s'", err.text, wrong[i].says);
	}
	assert_int_equal(cut_set_starts(&cut, 0, many, CUT_STARTS_MAX + 1, &err), -ERR_INVALID);
	assert_memory_equal(&cut, &before, sizeof(cut));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_board_has_the_ids_of_the_published_tables),
		cmocka_unit_test(equal_size_ids_are_one_after_another),
		cmocka_unit_test(every_cut_is_sound),
		cmocka_unit_test(whatever_a_driver_says_the_cut_is_sound),
		cmocka_unit_test(boards_have_the_modes_of_their_generation),
		cmocka_unit_test(every_type_is_in_the_cut_of_its_mode),
		cmocka_unit_test(series_of_one_size_share_an_item),
		cmocka_unit_test(two_gib_on_96_take_three),
		cmocka_unit_test(passthrough_is_one_item_of_the_whole_board),
		cmocka_unit_test(rule_and_guide_contradict_each_other_and_the_driver_decides),
		cmocka_unit_test(six_times_16_do_not_fit_in_80),
		cmocka_unit_test(the_types_of_the_driver_win),
		cmocka_unit_test(the_framebuffer_is_what_the_driver_says),
		cmocka_unit_test(even_places_are_spread_over_the_region),
		cmocka_unit_test(mixed_sizes_need_sr_iov),
		cmocka_unit_test(a_driver_without_the_largest_type_is_cut_the_same),
		cmocka_unit_test(an_unknown_board_is_cut_in_equal_sizes),
		cmocka_unit_test(too_many_sizes_are_refused_not_cut_short),
		cmocka_unit_test(a_list_of_places_replaces_the_rule),
		cmocka_unit_test(a_list_of_places_that_can_not_be_is_refused),
	};
	return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
