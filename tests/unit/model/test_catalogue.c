/* SPDX-License-Identifier: Apache-2.0 */
/* test_catalogue.c - the table of vGPU types and the questions that are asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/catalogue.h"

static void every_type_is_found_by_its_name(void **state)
{
	(void)state;
	assert_true(catalogue_count() > 1000);
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_profile *p = catalogue_at(i);

		assert_ptr_equal(catalogue_find(p->name, NULL), p);
		assert_ptr_equal(catalogue_find(p->name, p->pci_device), p);
		assert_true(strlen(p->name) < PROFILE_SIZE);
		assert_true(strlen(p->board) < NAME_SIZE);
	}
	assert_null(catalogue_at(catalogue_count()));
	assert_null(catalogue_find("NVIDIA L40S-7Q", NULL));
	assert_null(catalogue_find("NVIDIA L40S-8Q", "ffff"));
	assert_null(catalogue_find("", NULL));
	assert_null(catalogue_find("zzz", NULL));
}

/* A name is a key, so it is compared byte for byte: "nvidia l40s-8q" is another thing. */
static void names_are_exact(void **state)
{
	(void)state;
	assert_non_null(catalogue_find("NVIDIA L40S-8Q", NULL));
	assert_null(catalogue_find("nvidia l40s-8q", NULL));
	assert_null(catalogue_find("NVIDIA L40S-8Q ", NULL));
}

static void facts_of_one_type(void **state)
{
	const struct catalogue_profile *p = catalogue_find("NVIDIA L40S-16Q", NULL);

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->board, "NVIDIA L40S");
	assert_string_equal(p->pci_device, "26b9");
	assert_int_equal(p->series, SERIES_Q);
	assert_int_equal(p->fb_mib, 16384);
	assert_int_equal(p->board_fb_mib, 49152);
	assert_int_equal(p->max, 3);
	assert_int_equal(p->max_mixed, 2);
	assert_int_equal(p->placements_n, 2);
	assert_int_equal(p->placements[0], 0);
	assert_int_equal(p->placements[1], 32);
	assert_true(p->sr_iov && p->cuda && p->ecc && !p->mig && !p->blackwell);
	assert_true(catalogue_find("NVIDIA A30-2-12C", NULL)->mig);
	assert_int_equal(catalogue_find("NVIDIA A30-2-12C", NULL)->mig_slices, 2);
	assert_true(catalogue_find("NVIDIA RTX Pro 6000 Blackwell DC-8Q", NULL)->blackwell);
}

static void boards_that_share_a_device_id_are_told_apart(void **state)
{
	(void)state;
	assert_string_equal(catalogue_board("25b6", "14a9"), "NVIDIA A16");
	assert_string_equal(catalogue_board("25b6", "157e"), "NVIDIA A2");
	assert_null(catalogue_board("25b6", ""));
	assert_null(catalogue_board("25b6", "0000"));
	assert_int_equal(catalogue_board_fb_mib("1e30", "129e"), 49152);
	assert_int_equal(catalogue_board_fb_mib("1e30", "12ba"), 24576);
	assert_int_equal(catalogue_board_fb_mib("1e30", ""), 0);
	/* Where the device id is enough, a card maker's own subsystem id does no harm. */
	assert_string_equal(catalogue_board("26b9", "1851"), "NVIDIA L40S");
	assert_string_equal(catalogue_board("26b9", ""), "NVIDIA L40S");
	assert_string_equal(catalogue_board("26ba", "ffff"), "NVIDIA L20");
	assert_null(catalogue_board("0000", ""));
}

static void each_board_has_its_own_types(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);

		assert_true(b->profiles_n > 0);
		assert_ptr_equal(catalogue_board_of(b->pci_device, b->pci_subsystem), b);
		for (size_t k = 0; k < b->profiles_n; k++)
			assert_string_equal(b->profiles[k].board, b->name);
		seen += b->profiles_n;
	}
	assert_int_equal(seen, catalogue_count());
	assert_null(catalogue_board_at(catalogue_boards()));
}

static void boards_are_named_as_people_write_them(void **state)
{
	(void)state;
	assert_string_equal(catalogue_board_named("L40S")->name, "NVIDIA L40S");
	assert_string_equal(catalogue_board_named("nvidia l40s")->name, "NVIDIA L40S");
	assert_string_equal(catalogue_board_named("T4")->name, "Tesla T4");
	assert_string_equal(catalogue_board_named("RTX PRO 6000")->name,
			    "NVIDIA RTX PRO 6000 Blackwell Server Edition");
	assert_null(catalogue_board_named("A100")); /* six boards begin so */
	assert_null(catalogue_board_named("L4 0"));
	assert_null(catalogue_board_named(""));
	assert_null(catalogue_board_named("NVIDIA "));
}

/* The ids in the table were worked out apart from geometry.c, so each checks the other. */
static void placement_ids_agree_with_the_rule(void **state)
{
	size_t compared = 0;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);
		struct geometry_type types[128];
		unsigned int n = 0;
		uint16_t region, ids[GEOMETRY_IDS_MAX];

		for (size_t k = 0; k < b->profiles_n; k++) {
			const struct catalogue_profile *p = &b->profiles[k];

			if (!p->mig && p->max)
				types[n++] = (struct geometry_type){p->fb_mib,
								    geometry_size_gib(0, p->fb_mib),
								    (uint16_t)p->max};
		}
		region = geometry_region_gib(types, n);
		for (size_t k = 0; k < b->profiles_n; k++) {
			const struct catalogue_profile *p = &b->profiles[k];
			struct geometry_type t = { p->fb_mib, geometry_size_gib(region, p->fb_mib),
						   (uint16_t)p->max };
			unsigned int count;

			if (p->mig || p->placements_n == 0)
				continue;
			count = geometry_placements_mixed(b->rule, region, &t, ids,
							  GEOMETRY_IDS_MAX);
			if (count != p->placements_n)
				print_error("%s: %u ids by rule, %zu in the table\n", p->name,
					    count, p->placements_n);
			assert_int_equal(count, p->placements_n);
			assert_memory_equal(ids, p->placements, count * sizeof(ids[0]));
			compared++;
		}
	}
	assert_true(compared > 500);
}

static bool takes(const char *klass, const char *profile)
{
	const struct catalogue_profile *p = catalogue_find(profile, NULL);

	assert_non_null(p);
	assert_true(catalogue_is_class(klass));
	return catalogue_class_takes(klass, p);
}

static void workload_classes_resolve_to_series(void **state)
{
	(void)state;
	assert_true(takes("virtual-apps", "NVIDIA L40S-8A"));
	assert_true(takes("desktop", "NVIDIA L40S-2B"));
	assert_true(takes("compute", "NVIDIA L40S-8C"));
	assert_true(takes("graphics", "NVIDIA L40S-8Q"));
	assert_false(takes("compute", "NVIDIA L40S-8Q"));
	assert_true(takes("compute:8", "NVIDIA L40S-8C"));
	assert_false(takes("compute:8", "NVIDIA L40S-16C"));
	/* What the field calls M: 1 to 8 GB, CUDA, two displays or more. */
	assert_true(takes("mixed", "NVIDIA L40S-1Q"));
	assert_true(takes("mixed:8", "NVIDIA L40S-8Q"));
	assert_false(takes("mixed", "NVIDIA L40S-12Q"));
	assert_false(takes("mixed", "NVIDIA L40S-2B"));
	assert_false(takes("mixed", "NVIDIA L40S-8C"));
}

static void only_classes_are_classes(void **state)
{
	static const char *const wrong[] = {
		"",	     "computer",       "comp",	    "compute:",
		"compute:x", "compute:-1",     "compute:0", "compute:8G",
		"Compute",   "NVIDIA L40S-8Q", ":8",	    "compute:99999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(catalogue_is_class(wrong[i]));
		assert_false(catalogue_class_takes(wrong[i], catalogue_at(0)));
	}
}

/* A newer driver offers types that the table has never heard of. */
static void series_of_an_unknown_type_is_read_from_its_name(void **state)
{
	struct catalogue_profile p;

	(void)state;
	catalogue_guess("NVIDIA X900-24C", 24576, &p);
	assert_int_equal(p.series, SERIES_C);
	assert_true(p.cuda);
	catalogue_guess("NVIDIA X900-1B4", 1024, &p);
	assert_int_equal(p.series, SERIES_B);
	assert_false(p.cuda);
	catalogue_guess("NVIDIA X900-24C", 0, &p);
	assert_int_equal(p.fb_mib, 24576);
	catalogue_guess("NVIDIA X900-0B", 0, &p);
	assert_int_equal(p.fb_mib, 512);
	catalogue_guess("strange", 1024, &p);
	assert_int_equal(p.series, SERIES_WHOLE);
	for (size_t i = 0; i < catalogue_count(); i++) {
		catalogue_guess(catalogue_at(i)->name, catalogue_at(i)->fb_mib, &p);
		assert_int_equal(p.series, catalogue_at(i)->series);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_found_by_its_name),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(facts_of_one_type),
		cmocka_unit_test(boards_that_share_a_device_id_are_told_apart),
		cmocka_unit_test(each_board_has_its_own_types),
		cmocka_unit_test(boards_are_named_as_people_write_them),
		cmocka_unit_test(placement_ids_agree_with_the_rule),
		cmocka_unit_test(workload_classes_resolve_to_series),
		cmocka_unit_test(only_classes_are_classes),
		cmocka_unit_test(series_of_an_unknown_type_is_read_from_its_name),
	};
	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
