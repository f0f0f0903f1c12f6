/* SPDX-License-Identifier: Apache-2.0 */
/* test_geometry.c - the placement rules against the tables of ids, entry by entry.
 *
 * The tables are facts from the public documents: "Valid Placements for vGPUs on a GPU in
 * Mixed-Size Mode" in NVIDIA's vGPU / AI Enterprise user guides (boards of 16, 20, 24, 32, 40,
 * 64, 80 and 94 GiB), and for 48, 96 and 141 GiB boards what open-gpu-kernel-modules
 * 595.45.04 (kernel_vgpu_mgr.c) computes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/geometry.h"

/* One row of a table: ids as text, as printed there. */
struct row {
	enum geometry_rule rule;
	uint16_t region, size, max_instances;
	const char *ids;
};

#define AMPERE GEOMETRY_HALVING_AMPERE
#define ADA GEOMETRY_HALVING_ADA
#define EVEN GEOMETRY_EVEN

static const struct row mixed_rows[] = {
	/* 16 GiB: A2, A16 */
	{ AMPERE, 16, 16, 1, "0" },
	{ AMPERE, 16, 8, 2, "0 8" },
	{ AMPERE, 16, 4, 4, "0 4 8 12" },
	{ AMPERE, 16, 2, 8, "0 2 4 6 8 10 12 14" },
	{ AMPERE, 16, 1, 16, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15" },
	/* 20 GiB: A10M */
	{ AMPERE, 20, 20, 1, "0" },
	{ AMPERE, 20, 10, 2, "0 10" },
	{ AMPERE, 20, 5, 4, "0 5 10 15" },
	{ AMPERE, 20, 4, 5, "0 6 10 16" },
	{ AMPERE, 20, 2, 10, "0 3 5 8 10 13 15 18" },
	{ AMPERE, 20, 1, 20, "0 1 2 4 5 6 7 9 10 11 12 14 15 16 17 19" },
	/* 24 GiB: A10, A30, L4 */
	{ AMPERE, 24, 24, 1, "0" },
	{ AMPERE, 24, 12, 2, "0 12" },
	{ AMPERE, 24, 8, 3, "0 16" },
	{ AMPERE, 24, 6, 4, "0 6 12 18" },
	{ AMPERE, 24, 4, 6, "0 8 12 20" },
	{ AMPERE, 24, 3, 8, "0 3 6 9 12 15 18 21" },
	{ AMPERE, 24, 2, 12, "0 4 6 10 12 16 18 22" },
	{ AMPERE, 24, 1, 24, "0 2 3 5 6 8 9 11 12 14 15 17 18 20 21 23" },
	{ ADA, 24, 1, 24, "0 2 3 5 6 8 9 11 12 14 15 17 18 20 21 23" },
	/* 32 GiB: RTX 5000 Ada */
	{ ADA, 32, 32, 1, "0" },
	{ ADA, 32, 16, 2, "0 16" },
	{ ADA, 32, 8, 4, "0 8 16 24" },
	{ ADA, 32, 4, 8, "0 4 8 12 16 20 24 28" },
	{ ADA, 32, 2, 16, "0 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30" },
	{ ADA, 32, 1, 32, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 "
	                  "27 28 29 30 31" },
	/* 40 GiB: A100-40 */
	{ AMPERE, 40, 40, 1, "0" },
	{ AMPERE, 40, 20, 2, "0 20" },
	{ AMPERE, 40, 10, 4, "0 10 20 30" },
	{ AMPERE, 40, 8, 5, "0 12 20 32" },
	{ AMPERE, 40, 5, 8, "0 5 10 15 20 25 30 35" },
	{ AMPERE, 40, 4, 10, "0 6 10 16 20 26 30 36" },
	/* 48 GiB Ampere: A40, RTX A6000 */
	{ AMPERE, 48, 48, 1, "0" },
	{ AMPERE, 48, 24, 2, "0 24" },
	{ AMPERE, 48, 16, 3, "0 32" },
	{ AMPERE, 48, 12, 4, "0 12 24 36" },
	{ AMPERE, 48, 8, 6, "0 16 24 40" },
	{ AMPERE, 48, 6, 8, "0 6 12 18 24 30 36 42" },
	{ AMPERE, 48, 4, 12, "0 8 12 20 24 32 36 44" },
	{ AMPERE, 48, 3, 16, "0 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45" },
	{ AMPERE, 48, 2, 24, "0 4 6 10 12 16 18 22 24 28 30 34 36 40 42 46" },
	{ AMPERE, 48, 1, 32, "0 2 3 5 6 9 11 12 14 15 17 18 20 21 23 24 26 27 29 30 33 35 36 38 39 "
	                     "41 42 44 45 47" },
	/* 48 GiB Ada: L40, L40S, L20 */
	{ ADA, 48, 48, 1, "0" },
	{ ADA, 48, 24, 2, "0 24" },
	{ ADA, 48, 16, 3, "0 32" },
	{ ADA, 48, 12, 4, "0 12 24 36" },
	{ ADA, 48, 8, 6, "0 16 24 40" },
	{ ADA, 48, 6, 8, "0 6 12 18 24 30 36 42" },
	{ ADA, 48, 4, 12, "0 8 12 20 24 32 36 44" },
	{ ADA, 48, 3, 16, "0 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45" },
	{ ADA, 48, 2, 24, "0 4 6 10 12 16 18 22 24 28 30 34 36 40 42 46" },
	{ ADA, 48, 1, 32, "0 5 6 11 12 17 18 23 24 29 30 35 36 41 42 47" },
	/* 64 GiB: H100XS */
	{ ADA, 64, 64, 1, "0" },
	{ ADA, 64, 32, 2, "0 32" },
	{ ADA, 64, 16, 4, "0 16 32 48" },
	{ ADA, 64, 8, 8, "0 8 16 24 32 40 48 56" },
	{ ADA, 64, 4, 16, "0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60" },
	/* 80 GiB: A100-80, H100-80 */
	{ AMPERE, 80, 80, 1, "0" },
	{ AMPERE, 80, 40, 2, "0 40" },
	{ AMPERE, 80, 20, 4, "0 20 40 60" },
	{ AMPERE, 80, 16, 5, "0 24 40 64" },
	{ AMPERE, 80, 10, 8, "0 10 20 30 40 50 60 70" },
	{ AMPERE, 80, 8, 10, "0 12 20 32 40 52 60 72" },
	{ ADA, 80, 5, 16, "0 5 10 15 20 25 30 35 40 45 50 55 60 65 70 75" },
	{ AMPERE, 80, 4, 20, "0 6 10 16 20 26 30 36 40 46 50 56 60 66 70 76" },
	/* 94 GiB: H100 NVL */
	{ ADA, 94, 94, 1, "0" },
	{ ADA, 94, 47, 2, "0 47" },
	{ ADA, 94, 23, 4, "0 24 47 71" },
	{ ADA, 94, 15, 6, "0 32 47 79" },
	{ ADA, 94, 11, 8, "0 12 23 36 47 59 70 83" },
	{ ADA, 94, 6, 15, "0 17 23 41 47 64 70 88" },
	{ ADA, 94, 4, 23, "0 7 11 19 23 31 35 43 47 54 58 66 70 78 82 90" },
	/* 96 GiB Hopper: H20.  As the source computes; the guide's table differs. */
	{ ADA, 96, 96, 1, "0" },
	{ ADA, 96, 48, 2, "0 48" },
	{ ADA, 96, 32, 3, "0 64" },
	{ ADA, 96, 24, 4, "0 24 48 72" },
	{ ADA, 96, 16, 6, "0 32 48 80" },
	{ ADA, 96, 12, 8, "0 12 24 36 48 60 72 84" },
	{ ADA, 96, 8, 12, "0 16 24 40 48 64 72 88" },
	{ ADA, 96, 6, 16, "0 6 12 18 24 30 36 42 48 54 60 66 72 78 84 90" },
	{ ADA, 96, 4, 24, "0 8 12 20 24 32 36 44 48 56 60 68 72 80 84 92" },
	/* 141 GiB: H200.  As the source computes; the guide differs for 28, 14 and 7. */
	{ ADA, 141, 141, 1, "0" },
	{ ADA, 141, 70, 2, "0 71" },
	{ ADA, 141, 35, 4, "0 35 70 106" },
	{ ADA, 141, 28, 5, "0 42 70 113" },
	{ ADA, 141, 17, 8, "0 18 35 53 70 88 105 124" },
	{ ADA, 141, 14, 10, "0 21 35 56 70 91 105 127" },
	{ ADA, 141, 8, 16, "0 9 17 27 35 44 52 62 70 79 87 97 105 115 123 133" },
	{ ADA, 141, 7, 20, "0 10 17 28 35 45 52 63 70 80 87 98 105 116 123 134" },
	{ ADA, 141, 4, 32, "0 4 8 13 17 22 26 31 35 39 43 48 52 57 61 66 70 74 78 83 87 92 96 101 "
	                   "105 110 114 119 123 128 132 137" },
	/* 96 GiB Blackwell: RTX PRO 6000 */
	{ EVEN, 96, 96, 1, "0" },
	{ EVEN, 96, 48, 2, "0 48" },
	{ EVEN, 96, 32, 3, "0 32 64" },
	{ EVEN, 96, 24, 4, "0 24 48 72" },
	{ EVEN, 96, 16, 6, "0 16 32 48 64 80" },
	{ EVEN, 96, 12, 8, "0 12 24 36 48 60 72 84" },
	{ EVEN, 96, 8, 12, "0 8 16 24 32 40 48 56 64 72 80 88" },
	{ EVEN, 96, 6, 16, "0 6 12 18 24 30 36 42 48 54 60 66 72 78 84 90" },
	{ EVEN, 96, 4, 24, "0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60 64 68 72 76 80 84 88 92" },
	{ EVEN, 96, 3, 32, "0 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45 48 51 54 57 60 63 66 69 72 "
	                   "75 78 81 84 87 90 93" },
};

typedef unsigned int (*placements_fn)(enum geometry_rule, uint16_t, const struct geometry_type *,
                                      uint16_t *, unsigned int);

static void ids_text(placements_fn f, const struct row *r, char *text, size_t n)
{
	struct geometry_type type = { .size_gib = r->size, .max_instances = r->max_instances };
	uint16_t ids[GEOMETRY_IDS_MAX];
	unsigned int count = f(r->rule, r->region, &type, ids, GEOMETRY_IDS_MAX);
	size_t used = 0;

	text[0] = '\0';
	assert_true(count <= GEOMETRY_IDS_MAX);
	for (unsigned int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, n - used, "%s%u", i ? " " : "", ids[i]);
}

static void mixed_ids_are_those_of_the_tables(void **state)
{
	char got[512];

	(void)state;
	for (size_t i = 0; i < sizeof(mixed_rows) / sizeof(mixed_rows[0]); i++) {
		ids_text(geometry_placements_mixed, &mixed_rows[i], got, sizeof(got));
		assert_string_equal(got, mixed_rows[i].ids);
	}
}

/* Placement counts free ids of one type without asking whether they exclude each other. */
static void ids_of_one_type_do_not_overlap_and_stay_inside(void **state)
{
	uint16_t ids[GEOMETRY_IDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(mixed_rows) / sizeof(mixed_rows[0]); i++) {
		const struct row *r = &mixed_rows[i];
		struct geometry_type t = { .size_gib = r->size, .max_instances = r->max_instances };
		unsigned int n = geometry_placements_mixed(r->rule, r->region, &t, ids,
		                                           GEOMETRY_IDS_MAX);

		assert_true(n > 0 && n <= r->max_instances);
		for (unsigned int j = 0; j < n; j++) {
			assert_true(ids[j] + r->size <= r->region);
			if (j > 0)
				assert_false(geometry_overlaps(ids[j - 1], r->size, ids[j],
				                               r->size));
		}
	}
}

static void equal_ids_exist_from_ada_on(void **state)
{
	static const struct row rows[] = {
		{ AMPERE, 48, 8, 6, "" },
		{ ADA, 48, 8, 6, "0 8 16 24 32 40" },
		{ ADA, 48, 16, 3, "0 16 32" },
		{ EVEN, 96, 32, 3, "0 32 64" },
		{ GEOMETRY_EQUAL_ONLY, 16, 2, 8, "" },
	};
	char got[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ids_text(geometry_placements_equal, &rows[i], got, sizeof(got));
		assert_string_equal(got, rows[i].ids);
	}
}

static void old_boards_have_no_mixed_mode(void **state)
{
	struct row t4 = { GEOMETRY_EQUAL_ONLY, 16, 2, 8, "" };
	char got[512];

	(void)state;
	ids_text(geometry_placements_mixed, &t4, got, sizeof(got));
	assert_string_equal(got, "");
	assert_false(geometry_rule_has_mixed(GEOMETRY_EQUAL_ONLY));
	for (int r = GEOMETRY_EQUAL_ONLY + 1; r < GEOMETRY_RULE_COUNT; r++)
		assert_true(geometry_rule_has_mixed((enum geometry_rule)r));
}

/* The framebuffers that are no whole GiB are those of H100 NVL (96246 MiB). */
static void sizes_round_to_whole_gib(void **state)
{
	(void)state;
	assert_int_equal(geometry_size_gib(0, 96246), 94);
	assert_int_equal(geometry_size_gib(94, 23552), 23);
	assert_int_equal(geometry_size_gib(48, 2048), 2);
	assert_int_equal(geometry_size_gib(96, 2048), 3);
	assert_int_equal(geometry_size_gib(96, 3072), 3);
}

static void region_is_the_largest_whole_board_type(void **state)
{
	const struct geometry_type types[] = {
		{ 8192, 8, 6 }, { 49152, 48, 1 }, { 24576, 24, 2 }, { 65536, 64, 2 },
	};

	(void)state;
	assert_int_equal(geometry_region_gib(types, 4), 48);
	assert_int_equal(geometry_region_gib(types, 1), 0);
}

/* A caller with a short array learns how many there are and keeps its memory. */
static void short_arrays_are_not_overrun(void **state)
{
	struct geometry_type type = { 8192, 8, 6 };
	uint16_t ids[3] = { 7, 7, 7 };

	(void)state;
	assert_int_equal(geometry_placements_mixed(AMPERE, 48, &type, ids, 2), 4);
	assert_int_equal(ids[1], 16);
	assert_int_equal(ids[2], 7);
}

static void nonsense_has_no_place(void **state)
{
	const struct geometry_type bad[] = {
		{ 0, 0, 4 }, { 8192, 8, 0 }, { 65536, 64, 1 }, { 1024, 1, 1000 },
	};
	uint16_t ids[GEOMETRY_IDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (int r = 0; r < GEOMETRY_RULE_COUNT; r++) {
			enum geometry_rule rule = (enum geometry_rule)r;

			assert_int_equal(geometry_placements_mixed(rule, 48, &bad[i], ids, 64), 0);
			assert_int_equal(geometry_placements_equal(rule, 48, &bad[i], ids, 64), 0);
		}
}

static void every_rule_has_a_word(void **state)
{
	(void)state;
	for (int r = 0; r < GEOMETRY_RULE_COUNT; r++)
		assert_non_null(geometry_rule_name((enum geometry_rule)r));
	assert_null(geometry_rule_name(GEOMETRY_RULE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed_ids_are_those_of_the_tables),
		cmocka_unit_test(ids_of_one_type_do_not_overlap_and_stay_inside),
		cmocka_unit_test(equal_ids_exist_from_ada_on),
		cmocka_unit_test(old_boards_have_no_mixed_mode),
		cmocka_unit_test(sizes_round_to_whole_gib),
		cmocka_unit_test(region_is_the_largest_whole_board_type),
		cmocka_unit_test(short_arrays_are_not_overrun),
		cmocka_unit_test(nonsense_has_no_place),
		cmocka_unit_test(every_rule_has_a_word),
	};
	return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
