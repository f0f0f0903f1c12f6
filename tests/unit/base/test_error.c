/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

static void every_kind_has_a_name_of_its_own_both_ways(void **state)
{
	(void)state;
	for (enum error_kind k = ERR_NONE + 1; k < ERR_COUNT; k++) {
		assert_int_equal(error_from_name(error_name(k)), k);
		assert_int_equal(strspn(error_name(k), "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(error_name(k)));
		assert_true(strlen(error_words(k)) > 0);
	}
	assert_string_equal(error_name(ERR_NO_CAPACITY), "no-capacity");
	assert_string_equal(error_name(ERR_PRECONDITION), "precondition");
}

static void an_unknown_name_is_no_kind(void **state)
{
	(void)state;
	assert_int_equal(error_from_name("no-such-kind"), ERR_NONE);
	assert_int_equal(error_from_name(""), ERR_NONE);
	assert_int_equal(error_from_name("INVALID"), ERR_NONE);
}

static void every_kind_fails_towards_http_and_the_shell(void **state)
{
	(void)state;
	for (enum error_kind k = ERR_NONE + 1; k < ERR_COUNT; k++) {
		assert_in_range(error_http_status(k), 400, 599);
		assert_in_range(error_exit_status(k), 1, 63);
	}
	assert_int_equal(error_http_status(ERR_NONE), 200);
	assert_int_equal(error_exit_status(ERR_NONE), 0);
	assert_int_equal(error_http_status(ERR_NOT_FOUND), 404);
	assert_int_equal(error_exit_status(ERR_NO_CAPACITY), 7);
}

/* A kind read from a newer peer, or a bug, must not read past the table. */
static void a_kind_out_of_range_is_an_io_error(void **state)
{
	(void)state;
	assert_int_equal(error_http_status((enum error_kind)ERR_COUNT), 500);
	assert_int_equal(error_http_status((enum error_kind)-1), 500);
	assert_string_equal(error_name((enum error_kind)4711), "io");
}

static void setting_an_error_returns_its_kind_and_forgets_the_last_place(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_at(&err, ERR_INVALID, "/a/0", "value %d", 1), -ERR_INVALID);
	assert_string_equal(err.place, "/a/0");
	assert_string_equal(err.text, "value 1");
	assert_int_equal(error_set(&err, ERR_BUSY, "gpu %s", "g1"), -ERR_BUSY);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_string_equal(err.text, "gpu g1");
	assert_string_equal(err.place, "");
}

static void nobody_has_to_want_the_text(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERR_BUSY, "x"), -ERR_BUSY);
	assert_int_equal(error_at(NULL, ERR_BUSY, "y", "x"), -ERR_BUSY);
	assert_int_equal(error_errno(NULL, ENOSPC, "x"), -ERR_UNAVAILABLE);
	assert_int_equal(error_context(-ERR_BUSY, NULL, "x"), -ERR_BUSY);
}

static void each_errno_has_its_kind(void **state)
{
	static const struct {
		int errnum;
		enum error_kind kind;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND }, { ENODEV, ERR_NOT_FOUND }, { EBUSY, ERR_BUSY },
		{ EEXIST, ERR_EXISTS }, { EACCES, ERR_DENIED }, { EPERM, ERR_DENIED },
		{ ENOMEM, ERR_NO_MEMORY }, { ENOSPC, ERR_UNAVAILABLE }, { EROFS, ERR_UNAVAILABLE },
		{ EDQUOT, ERR_UNAVAILABLE }, { EIO, ERR_IO }, { ENXIO, ERR_IO }, { 0, ERR_IO },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(error_errno(&err, rows[i].errnum, "open %s", "f"),
				 -(int)rows[i].kind);
		assert_int_equal(err.kind, rows[i].kind);
		assert_true(text_starts_with(err.text, "open f: "));
		assert_non_null(strstr(err.text, strerror(rows[i].errnum)));
	}
}

static void context_goes_before_the_cause_and_keeps_kind_and_place(void **state)
{
	struct error err;
	int r = error_at(&err, ERR_BUSY, "line 3", "write create: EBUSY");

	(void)state;
	assert_int_equal(error_context(r, &err, "create %s", "g1"), -ERR_BUSY);
	assert_string_equal(err.text, "create g1: write create: EBUSY");
	assert_string_equal(err.place, "line 3");
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(error_context(0, &err, "not this"), 0);
	assert_string_equal(err.text, "create g1: write create: EBUSY");
}

static void long_texts_are_cut_and_keep_the_outer_words(void **state)
{
	char longest[2 * ERROR_TEXT_MAX];
	struct error err;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	error_at(&err, ERR_IO, longest, "%s", longest);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(strlen(err.place), ERROR_PLACE_MAX - 1);
	error_context(-ERR_IO, &err, "outer");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_true(text_starts_with(err.text, "outer: xxx"));
	error_errno(&err, EIO, "%s", longest);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

/* The text ends up in JSON, which takes no half characters: neither quoted nor cut ones. */
static void texts_are_utf8_whatever_is_quoted(void **state)
{
	char text[ERROR_TEXT_MAX + 1];
	struct error err;

	(void)state;
	error_at(&err, ERR_IO, "/\xff", "file '\xc3\x28' and '%.2s'", "a\xc3\xa9");
	assert_string_equal(err.text, "file '?(' and 'a?'");
	assert_string_equal(err.place, "/?");
	memset(text, 'x', sizeof(text));
	strcpy(text + ERROR_TEXT_MAX - 3, "\xe2\x82\xac");
	error_set(&err, ERR_IO, "%s", text);
	assert_true(text_is_utf8(err.text, strlen(err.text)));
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 3);
	strcpy(text + ERROR_TEXT_MAX - 8, "\xe2\x82\xac");
	error_set(&err, ERR_IO, "%s", text);
	error_context(-ERR_IO, &err, "ab");
	assert_true(text_is_utf8(err.text, strlen(err.text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_name_of_its_own_both_ways),
		cmocka_unit_test(an_unknown_name_is_no_kind),
		cmocka_unit_test(every_kind_fails_towards_http_and_the_shell),
		cmocka_unit_test(a_kind_out_of_range_is_an_io_error),
		cmocka_unit_test(setting_an_error_returns_its_kind_and_forgets_the_last_place),
		cmocka_unit_test(nobody_has_to_want_the_text),
		cmocka_unit_test(each_errno_has_its_kind),
		cmocka_unit_test(context_goes_before_the_cause_and_keeps_kind_and_place),
		cmocka_unit_test(long_texts_are_cut_and_keep_the_outer_words),
		cmocka_unit_test(texts_are_utf8_whatever_is_quoted),
	};
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
