/* SPDX-License-Identifier: Apache-2.0 */
/* test_types.c - the drivers' texts about vGPU types, well-formed and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/types.h"
#include "tree.h"

static void parse(const char *text, struct types *t)
{
	types_done(t);
	assert_int_equal(types_parse_creatable(text, true, t, NULL), 0);
}

static void a_captured_list_is_read_whole(void **state)
{
	cleanup(types_done) struct types t = { 0 };

	(void)state;
	parse(tree_l40s_types, &t);
	assert_int_equal(t.n, 23);
	assert_int_equal(types_by_name(&t, "NVIDIA L40S-3B")->type_id, 2164);
	assert_string_equal(types_by_id(&t, 1152)->name, "NVIDIA L40S-8Q");
	assert_null(types_by_name(&t, "NVIDIA L40S-8"));
}

/* Nothing creatable: the header is all there is, with or without its newline. */
static void the_header_is_no_type(void **state)
{
	cleanup(types_done) struct types t = { 0 };

	(void)state;
	parse("ID    : vGPU Name\n", &t);
	assert_int_equal(t.n, 0);
	parse("ID    : vGPU Name", &t);
	assert_int_equal(t.n, 0);
	parse("", &t);
	assert_int_equal(t.n, 0);
}

/* Spacing differs between drivers and tools that pass the text on. */
static void spacing_does_not_matter(void **state)
{
	static const char *const forms[] = { "1428  : NVIDIA H200X-141C\n",
					     "1428 : NVIDIA H200X-141C",
					     "1428:NVIDIA H200X-141C\r\n",
					     "  1428\t:\tNVIDIA H200X-141C  \n" };
	cleanup(types_done) struct types t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		parse(forms[i], &t);
		assert_int_equal(t.n, 1);
		assert_int_equal(t.rows[0].type_id, 1428);
		assert_string_equal(t.rows[0].name, "NVIDIA H200X-141C");
	}
}

/* A line that is no type is skipped, and never cut into one: names are keys. */
static void malformed_lines_are_skipped(void **state)
{
	cleanup(types_done) struct types t = { 0 };

	(void)state;
	parse("0 : zero\n-1 : minus\n12x : letters\n99999999999 : big\n7\n7 :\n: name\n"
	      "8 : a name that is far too long to be kept whole in its field, byte for byte\n"
	      "9 : tab\there\n10 : ok\n", &t);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.rows[0].name, "ok");
}

/* 128 types is what a driver can have; more must not run past the array. */
static void more_types_than_there_can_be_are_left_out(void **state)
{
	cleanup(types_done) struct types t = { 0 };
	char text[16384] = "";
	size_t n = 0;

	(void)state;
	for (int i = 1; i <= 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d : type %d\n", i, i);
	parse(text, &t);
	assert_int_equal(t.n, TYPES_MAX);
}

static void descriptions_give_framebuffer_and_maximum(void **state)
{
	struct gpu_type t = { 0 };

	(void)state;
	types_parse_description("num_heads=4, frl_config=60, framebuffer=2048M, "
				"max_resolution=7680x4320, max_instance=8", &t);
	assert_int_equal(t.fb_mib, 2048);
	assert_int_equal(t.max, 8);
	t = (struct gpu_type){ .fb_mib = 1, .max = 2 };
	types_parse_description("2/6/12/24 virtual tty ports, xframebuffer=7M, max_instance=", &t);
	assert_int_equal(t.fb_mib, 1);
	assert_int_equal(t.max, 2);
}

static void what_a_driver_does_not_tell_is_filled_in(void **state)
{
	struct gpu_type t = { .name = "NVIDIA L40S-6C" };

	(void)state;
	types_complete(&t, "26b9", 49152);
	assert_int_equal(t.fb_mib, 6144);
	assert_int_equal(t.max, 8);
	/* One that the catalogue has not: its name tells the size. */
	t = (struct gpu_type){ .name = "NVIDIA NEW-16Q" };
	types_complete(&t, "ffff", 49152);
	assert_int_equal(t.fb_mib, 16384);
	assert_int_equal(t.max, 3);
	t = (struct gpu_type){ .name = "NVIDIA NEW-0B" };
	types_complete(&t, "ffff", 0);
	assert_int_equal(t.fb_mib, 512);
	t = (struct gpu_type){ .name = "Dual port serial" };
	types_complete(&t, "", 0);
	assert_int_equal(t.fb_mib, 0);
}

static void directories_carry_the_id(void **state)
{
	(void)state;
	assert_int_equal(types_id_of_directory("nvidia-754"), 754);
	assert_int_equal(types_id_of_directory("mtty-2"), 2);
	assert_int_equal(types_id_of_directory("i915-GVTg_V5_4"), 0);
	assert_int_equal(types_id_of_directory("plain"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_captured_list_is_read_whole),
		cmocka_unit_test(the_header_is_no_type),
		cmocka_unit_test(spacing_does_not_matter),
		cmocka_unit_test(malformed_lines_are_skipped),
		cmocka_unit_test(more_types_than_there_can_be_are_left_out),
		cmocka_unit_test(descriptions_give_framebuffer_and_maximum),
		cmocka_unit_test(what_a_driver_does_not_tell_is_filled_in),
		cmocka_unit_test(directories_carry_the_id),
	};
	return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
