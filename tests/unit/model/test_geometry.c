/* SPDX-License-Identifier: Apache-2.0 */
/* test_geometry.c - the placement rules against the tables of ids, entry by entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "id_tables.h"
#include "model/geometry.h"

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
