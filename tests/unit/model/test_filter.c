/* SPDX-License-Identifier: Apache-2.0 */
/* test_filter.c - which GPUs a group's filter takes, and what a wrong filter is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/filter.h"

static struct gpu_type driver_types[] = {
	{ .name = "NVIDIA L40S-8Q", .fb_mib = 8192, .max = 6 },
	{ .name = "NVIDIA L40S-2B", .fb_mib = 2048, .max = 24 },
};

static const struct gpu l40s = {
	.id = "lab-1@0000:41:00.0", .host = "lab-1", .address = "0000:41:00.0",
	.board = "NVIDIA L40S", .pci_device = "26b9", .pci_subsystem = "1851", .driver = "nvidia",
	.framework = FRAMEWORK_VENDOR_VFIO, .mode = GPU_MODE_EQUAL, .health = GPU_HEALTH_OK,
	.fb_mib = 46068, .numa = 1, .iommu_group = 17, .vf_total = 32, .vf_enabled = 32,
	.types = driver_types, .types_n = 2,
};

/* Its driver has not told its types. */
static const struct gpu t4 = {
	.id = "old@0000:3b:00.0", .host = "old", .address = "0000:3b:00.0", .board = "Tesla T4",
	.pci_device = "1eb8", .framework = FRAMEWORK_MDEV, .fb_mib = 16384, .numa = -1,
	.iommu_group = UINT32_MAX,
};

static bool takes(const char *text, const struct gpu *gpu)
{
	struct filter *f = NULL;
	struct error err = { 0 };
	char why[256];
	bool matches;

	if (filter_parse(text, &f, &err) < 0)
		print_error("%s: %s\n", text, err.text);
	assert_non_null(f);
	matches = filter_matches(f, gpu);
	assert_int_equal(filter_explain(f, gpu, why, sizeof(why)), matches);
	assert_true(strlen(why) > 0);
	filter_free(f);
	return matches;
}

static void each_fact_and_operator(void **state)
{
	static const char *const yes[] = {
		"", "  ", "host eq lab-1", "gpu eq \"lab-1@0000:41:00.0\"", "gpu prefix lab-1@",
		"address eq 0000:41:00.0", "board eq \"NVIDIA L40S\"", "board contains L40S",
		"board ne \"Tesla T4\"", "device eq 26b9", "device eq 26B9", "subsystem eq 1851",
		"driver eq nvidia", "framework eq vendor-vfio", "framework ne mdev",
		"mode eq equal-size", "health eq ok", "numa eq 1", "numa ge 0", "iommu_group lt 18",
		"iommu_group le 17", "iommu_group gt 16", "vfs eq 32", "series eq Q", "series eq B",
		"profile eq \"NVIDIA L40S-8Q\"", "profile regex \"-2[BQ]$\"", "host regex \"^lab\"",
		"host regex \"x|lab\"", "framework contains vfio",
		/* As sold, though the driver keeps some for itself. */
		"framebuffer eq 48",
	};
	static const char *const no[] = {
		"host eq lab", "host prefix ab", "board contains l40s", "numa eq -1", "vfs gt 32",
		"framebuffer ne 48", "series eq C", "profile contains 16Q", "framework eq mdev",
		"device eq 25b6", "host regex \"^ab\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(takes(yes[i], &l40s));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(takes(no[i], &l40s));
	assert_true(takes("numa eq -1 and iommu_group eq -1", &t4));
}

/* A host whose driver is not loaded still belongs to the group that is meant for it. */
static void types_come_from_the_catalogue_until_the_driver_tells(void **state)
{
	(void)state;
	assert_true(takes("profile eq \"GRID T4-4Q\"", &t4));
	assert_true(takes("series eq C", &t4));
	assert_false(takes("profile prefix NVIDIA", &t4));
}

static void and_binds_tighter_than_or_and_not_tightest(void **state)
{
	(void)state;
	assert_true(takes("host eq lab-1 or host eq x and host eq y", &l40s));
	assert_false(takes("(host eq lab-1 or host eq x) and host eq y", &l40s));
	assert_true(takes("not host eq x and host eq lab-1", &l40s));
	assert_false(takes("not (host eq x or host eq lab-1)", &l40s));
	assert_true(takes("board contains \"L40S\" and framebuffer ge 48 and not (host prefix x-)",
			  &l40s));
	assert_false(takes("numa eq 1 and numa eq 2 and numa eq 1", &l40s));
	assert_true(takes("numa eq 3 or numa eq 2 or numa eq 1", &l40s));
}

static void quoted_texts_may_hold_anything(void **state)
{
	struct gpu odd = l40s;

	(void)state;
	snprintf(odd.board, sizeof(odd.board), "a \"b\" \\ (c) \xc3\xa4");
	assert_true(takes("board eq \"a \\\"b\\\" \\\\ (c) \xc3\xa4\"", &odd));
	assert_true(takes("board contains \"and\" or board contains \"(\"", &odd));
	assert_true(takes("board prefix \"\"", &odd));
	assert_true(takes("host ne and", &odd));
}

static void wrong(const char *text, const char *place, const char *words)
{
	struct filter *f = NULL;
	struct error err = { 0 };

	assert_int_equal(filter_parse(text, &f, &err), -ERR_INVALID);
	assert_null(f);
	if (strcmp(err.place, place) != 0 || !strstr(err.text, words))
		print_error("'%s': at '%s': '%s'\n", text, err.place, err.text);
	assert_string_equal(err.place, place);
	assert_non_null(strstr(err.text, words));
}

static void mistakes_are_pointed_at(void **state)
{
	(void)state;
	wrong("board", "column 6", "expected eq, ne, contains, prefix or regex, found the end");
	wrong("board eq", "column 9", "expected a value, found the end");
	wrong("bord eq x", "column 1", "expected a fact, found 'bord'; facts are host, gpu");
	wrong("board = x", "column 7", "'=' has no meaning here");
	wrong("board eq x board eq y", "column 12",
	      "expected 'and', 'or' or the end, found 'board'");
	wrong("(board eq x", "column 12", "expected 'and', 'or' or ')', found the end");
	wrong("board eq x)", "column 11", "expected 'and', 'or' or the end, found ')'");
	wrong("()", "column 2", "expected a fact such as board, 'not' or '(', found ')'");
	wrong("board eq x and", "column 15", "expected a fact such as board");
	wrong("and board eq x", "column 1",
	      "expected a fact such as board, 'not' or '(', found 'and'");
	wrong("not not board eq x", "column 5", "expected a fact, found 'not'");
	wrong("board eq (x)", "column 10", "expected a value, found '('");
	wrong("board eq \"x", "column 10", "never closed");
	wrong("board eq \"a\\n\"", "column 12", "backslash is followed by");
	wrong("framebuffer ge big", "column 16", "expected a whole number after framebuffer ge");
	wrong("framebuffer ge 1.5", "column 16", "expected a whole number");
	wrong("framebuffer ge 99999999999999999999", "column 16", "expected a whole number");
	wrong("framebuffer contains 4", "column 13", "framebuffer is a number: expected eq");
	wrong("board lt 4", "column 7", "board is a text: expected eq");
	wrong("framework eq vfio", "column 14", "expected one of none, mdev, mdev-vf, vendor-vfio");
	wrong("series eq M", "column 11", "expected one of A, B, C, Q");
	wrong("board regex \"(\"", "column 13", "expected a POSIX extended regular expression");
	wrong("board eq x\x01", "column 11", "control character");
	wrong("board eq \xff", "column 1", "not UTF-8");
	/* Columns are characters, not bytes. */
	wrong("board eq \"\xc3\xa4\xc3\xa4\" x", "column 15", "expected 'and', 'or' or the end");
}

static void a_filter_can_not_cost_more_than_it_says(void **state)
{
	char deep[200], longest[FILTER_MAX + 8], regex[300];
	struct filter *f = NULL;

	(void)state;
	snprintf(deep, sizeof(deep), "%.*s", FILTER_DEPTH_MAX + 1,
		 "((((((((((((((((((((((((((((((");
	wrong(deep, "column 21", "more than 20 parentheses deep");
	snprintf(deep, sizeof(deep), "%.*snuma eq 1%.*s", FILTER_DEPTH_MAX,
		 "((((((((((((((((((((((((((((((", FILTER_DEPTH_MAX,
		 "))))))))))))))))))))))))))))))");
	assert_true(takes(deep, &l40s));
	memset(longest, ' ', sizeof(longest));
	longest[FILTER_MAX] = '\0';
	assert_int_equal(filter_parse(longest, &f, NULL), 0);
	filter_free(f);
	longest[FILTER_MAX] = ' ';
	longest[FILTER_MAX + 1] = '\0';
	wrong(longest, "column 1001", "1001 bytes, at most 1000");
	snprintf(regex, sizeof(regex), "host regex \"%0201d\"", 0);
	wrong(regex, "column 12", "201 bytes, at most 200");
	wrong("host regex \"((a{1,250}){1,250}){1,250}\"", "column 12", "more than 1024");
	wrong("host regex \"a+++++++++++\"", "column 12", "more than 1024");
	wrong("host regex \"a{99999999999999999999}\"", "column 12", "more than 1024");
	wrong("host regex \"a{1,9999}\"", "column 12", "more than 1024");
	wrong("host regex \"(a)\\\\1\"", "column 12", "back references");
	assert_true(takes("host regex \"^[a-z]{3}-1$\"", &l40s));
}

static void explanation(const char *text, const struct gpu *gpu, bool matches, const char *words)
{
	struct filter *f = NULL;
	char why[256];

	assert_int_equal(filter_parse(text, &f, NULL), 0);
	assert_int_equal(filter_explain(f, gpu, why, sizeof(why)), matches);
	assert_string_equal(why, words);
	filter_free(f);
}

static void the_term_that_decides_is_named(void **state)
{
	char small[8];
	struct filter *f = NULL;

	(void)state;
	explanation("", &t4, true, "the filter is empty: it takes every GPU");
	explanation("board eq A40", &t4, false, "board eq \"A40\" is false: board is \"Tesla T4\"");
	explanation("host eq old and framebuffer ge 48", &t4, false,
		    "framebuffer ge 48 is false: framebuffer is 16");
	explanation("host eq x and framebuffer ge 48", &t4, false,
		    "host eq \"x\" is false: host is \"old\"");
	explanation("host eq x or framebuffer lt 48", &t4, true,
		    "framebuffer lt 48 is true: framebuffer is 16");
	explanation("host eq x or numa eq 0", &t4, false,
		    "host eq \"x\" is false: host is \"old\"; numa eq 0 is false: numa is -1");
	explanation("not host eq old", &t4, false, "host eq \"old\" is true: host is \"old\"");
	explanation("profile eq \"GRID T4-4Q\"", &t4, true,
		    "profile eq \"GRID T4-4Q\" is true: it offers \"GRID T4-4Q\"");
	explanation("profile eq X", &t4, false,
		    "profile eq \"X\" is false: none of its vGPU types does");

	assert_int_equal(filter_parse("board eq A40", &f, NULL), 0);
	assert_false(filter_explain(f, &t4, small, sizeof(small)));
	assert_string_equal(small, "board e");
	assert_false(filter_explain(f, &t4, NULL, 0));
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fact_and_operator),
		cmocka_unit_test(types_come_from_the_catalogue_until_the_driver_tells),
		cmocka_unit_test(and_binds_tighter_than_or_and_not_tightest),
		cmocka_unit_test(quoted_texts_may_hold_anything),
		cmocka_unit_test(mistakes_are_pointed_at),
		cmocka_unit_test(a_filter_can_not_cost_more_than_it_says),
		cmocka_unit_test(the_term_that_decides_is_named),
	};
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
