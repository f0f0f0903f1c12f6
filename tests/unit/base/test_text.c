/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void a_buffer_grows_and_is_handed_over(void **state)
{
	struct text t = { 0 };
	char *s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%d,", i);
	assert_int_equal(t.length, 10 * 2 + 90 * 3 + 900 * 4);
	text_append(&t, "end\0hidden", 3);
	text_append(&t, NULL, 0);
	s = text_take(&t);
	assert_string_equal(s + strlen(s) - 7, "999,end");
	assert_null(t.data);
	assert_int_equal(t.length, 0);
	free(s);
}

static void an_empty_buffer_is_taken_as_an_empty_string(void **state)
{
	struct text t = { 0 };
	char *s = text_take(&t);

	(void)state;
	assert_string_equal(s, "");
	free(s);
}

static void a_failed_buffer_is_taken_as_null(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add(&t, "x");
	t.failed = true;
	text_add(&t, "y");
	assert_string_equal(t.data, "x");
	assert_null(text_take(&t));
	assert_null(t.data);
	assert_false(t.failed);
}

static void xml_has_no_markup_and_no_control_characters(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add_xml(&t, "<a b=\"1\" c='2'>&amp;\xc3\xa9\t\n\r\x01\x1f]]>");
	assert_string_equal(t.data, "&lt;a b=&quot;1&quot; c=&apos;2&apos;&gt;&amp;amp;\xc3\xa9"
				    "&#9;&#10;&#13;??]]&gt;");
	text_done(&t);
}

static void a_copy_is_cut_between_characters(void **state)
{
	char to[5];

	(void)state;
	assert_true(TEXT_COPY(to, "abcd"));
	assert_string_equal(to, "abcd");
	assert_false(TEXT_COPY(to, "abcde"));
	assert_string_equal(to, "abcd");
	assert_false(TEXT_COPY(to, "ab\xe2\x82\xac"));
	assert_string_equal(to, "ab");
	assert_false(TEXT_COPY(to, "abc\xc3\xa9"));
	assert_string_equal(to, "abc");
	assert_true(TEXT_COPY(to, "a\xe2\x82\xac"));
	assert_string_equal(to, "a\xe2\x82\xac");
	assert_true(TEXT_COPY(to, ""));
	assert_string_equal(to, "");
	/* Bytes that are no characters at all are cut where they are. */
	assert_false(TEXT_COPY(to, "\x80\x80\x80\x80\x80\x80\x80"));
	assert_true(strlen(to) < sizeof(to));
	assert_true(text_copy(to, sizeof(to), to));
}

struct utf8_row {
	const char *bytes;
	bool good;
};

static const struct utf8_row utf8_rows[] = {
	{ "", true },
	{ "plain", true },
	{ "\xc2\x80", true },          /* first of two bytes */
	{ "\xdf\xbf", true },
	{ "\xe0\xa0\x80", true },      /* first of three */
	{ "\xed\x9f\xbf", true },      /* last before the surrogates */
	{ "\xee\x80\x80", true },      /* first after them */
	{ "\xf0\x90\x80\x80", true },  /* first of four */
	{ "\xf4\x8f\xbf\xbf", true },  /* U+10FFFF */
	{ "\x80", false },             /* a tail alone */
	{ "\xc0\xaf", false },         /* overlong '/' */
	{ "\xc1\xbf", false },
	{ "\xe0\x80\xaf", false },     /* the same in three */
	{ "\xe0\x9f\xbf", false },
	{ "\xf0\x80\x80\xaf", false }, /* and in four */
	{ "\xf0\x8f\xbf\xbf", false },
	{ "\xed\xa0\x80", false },     /* surrogates */
	{ "\xed\xbf\xbf", false },
	{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
	{ "\xf5\x80\x80\x80", false },
	{ "\xff", false },
	{ "\xc3", false },             /* cut off */
	{ "\xe2\x82", false },
	{ "\xf0\x9f\x98", false },
	{ "\xc3(", false },            /* broken off */
	{ "a\xe2\x28\xa1", false },
	{ "\xf0\x9f(\x80", false },
	{ "\xf0\x9f\x98(", false },
};

static void utf8_is_told_from_what_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++)
		if (text_is_utf8(utf8_rows[i].bytes, strlen(utf8_rows[i].bytes)) !=
		    utf8_rows[i].good)
			fail_msg("row %zu", i);
	assert_true(text_is_utf8("a\0b", 3));
}

static void made_utf8(const char *from, const char *expected)
{
	char s[32];

	strcpy(s, from);
	text_make_utf8(s);
	assert_string_equal(s, expected);
}

static void what_is_not_utf8_is_made_so(void **state)
{
	(void)state;
	made_utf8("a\xc3\xa9z", "a\xc3\xa9z");
	made_utf8("a\xffz", "a?z");
	made_utf8("\xed\xa0\x80", "???");
	made_utf8("\xc0\xaf", "??");
	made_utf8("ab\xc3", "ab");
	made_utf8("ab\xe2\x82", "ab");
	made_utf8("ab\xe0", "ab");
	made_utf8("ab\xf0", "ab");
	made_utf8("ab\xf4\x8f\xbf", "ab");
	made_utf8("ab\xe0\x80", "ab??");
	made_utf8("ab\x80", "ab?");
	for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++) {
		char s[32];

		strcpy(s, utf8_rows[i].bytes);
		text_make_utf8(s);
		assert_true(text_is_utf8(s, strlen(s)));
		assert_int_equal(strcmp(s, utf8_rows[i].bytes) == 0, utf8_rows[i].good);
	}
}

static void assert_name(const char *name, const char *says)
{
	struct error err = { 0 };
	int r = text_check_name(name, "the name", &err);

	if (!says) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, -ERR_INVALID);
	if (!strstr(err.text, says) || !strstr(err.text, "the name"))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void names_are_safe_in_urls_and_files(void **state)
{
	char longest[65] = { 0 };

	(void)state;
	memset(longest, 'a', 64);
	assert_name("web01", NULL);
	assert_name("0.a_b-C", NULL);
	assert_name("", "1 to 63");
	assert_name(longest, "has 64");
	longest[63] = '\0';
	assert_name(longest, NULL);
	assert_name("..", "begin");
	assert_name("-rf", "begin");
	assert_name("_x", "begin");
	assert_name("a/b", "byte 2 is 0x2f");
	assert_name("a b", "0x20");
	assert_name("a\n", "0x0a");
	assert_name("caf\xc3\xa9", "0xc3");
	assert_name("\xc3\xa9", "begin");
}

static void numbers_are_decimal_and_whole(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1.0", "1e3", "12x",
					   "18446744073709551616", "99999999999999999999999" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (text_to_u64(bad[i], UINT64_MAX, &v))
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(v, 7);
	assert_true(text_to_u64("18446744073709551615", UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(text_to_u64("007", 10, &v));
	assert_int_equal(v, 7);
	assert_true(text_to_u64("10", 10, &v));
	assert_false(text_to_u64("11", 10, &v));
	assert_int_equal(v, 10);
}

static void prefixes_and_parts_are_found(void **state)
{
	(void)state;
	assert_true(text_starts_with("lease/1", "lease/"));
	assert_true(text_starts_with("lease", ""));
	assert_false(text_starts_with("lease", "lease/"));
	assert_true(text_contains_nocase("NVIDIA L40S-8Q", "l40s"));
	assert_true(text_contains_nocase("x", ""));
	assert_false(text_contains_nocase("NVIDIA L40S", "L40S-"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_grows_and_is_handed_over),
		cmocka_unit_test(an_empty_buffer_is_taken_as_an_empty_string),
		cmocka_unit_test(a_failed_buffer_is_taken_as_null),
		cmocka_unit_test(xml_has_no_markup_and_no_control_characters),
		cmocka_unit_test(a_copy_is_cut_between_characters),
		cmocka_unit_test(utf8_is_told_from_what_is_not),
		cmocka_unit_test(what_is_not_utf8_is_made_so),
		cmocka_unit_test(names_are_safe_in_urls_and_files),
		cmocka_unit_test(numbers_are_decimal_and_whole),
		cmocka_unit_test(prefixes_and_parts_are_found),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
