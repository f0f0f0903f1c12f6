/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static json_t *parse(const char *text)
{
	json_t *j = NULL;
	struct error err = { 0 };

	if (json_parse(text, strlen(text), JSON_BODY_MAX, &j, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return j;
}

/* PLACE: how the place begins; on which byte of a wrong token jansson lays its finger may
 * change. */
static void assert_refused(const char *text, size_t n, const char *place, const char *says)
{
	json_t *before = (json_t *)&n, *j = before;
	struct error err = { 0 };

	if (json_parse(text, n, JSON_BODY_MAX, &j, &err) != -ERR_INVALID)
		fail_msg("taken: %.*s", (int)n, text);
	assert_ptr_equal(j, before);
	if (strncmp(err.place, place, strlen(place)) != 0 || !strstr(err.text, says))
		fail_msg("%.*s: '%s' at '%s'", (int)n, text, err.text, err.place);
}

static void refused(const char *text, const char *place, const char *says)
{
	assert_refused(text, strlen(text), place, says);
}

static void what_is_written_is_read_back_in_order(void **state)
{
	static const char text[] = "{\"b\":1,\"a\":[true,null,-2,\"\xc3\xa9\"]}";
	json_t *j = parse(text);
	char *line = json_line(j);

	(void)state;
	assert_string_equal(line, text);
	free(line);
	json_decref(j);
}

static void a_value_alone_is_json(void **state)
{
	json_t *j = parse("\"x\"");
	char *line = json_line(j);

	(void)state;
	assert_string_equal(line, "\"x\"");
	free(line);
	json_decref(j);
}

/* A key that is there twice means one thing to a proxy and another to us. */
static void duplicate_keys_are_refused(void **state)
{
	(void)state;
	refused("{\"a\":1,\n \"a\":2}", "line 2 column ", "duplicate");
	refused("{\"x\":{\"a\":1,\"a\":1}}", "line 1 column ", "duplicate");
	refused("{\"a\":1,\"\\u0061\":2}", "line 1 column ", "duplicate");
}

static void numbers_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"NaN", "Infinity", "-Infinity", "1e999", "01", "+1", ".5", "1.", "0x10",
		"99999999999999999999"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *j = NULL;

		if (json_parse(bad[i], strlen(bad[i]), 100, &j, NULL) != -ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
	}
}

static void trailing_text_is_refused(void **state)
{
	(void)state;
	refused("{} {}", "line 1 column 4", "not JSON");
	refused("{}x", "line 1 column 3", "not JSON");
	assert_refused("{}\0", 3, "line 1 column ", "not JSON");
}

static void nothing_is_not_json(void **state)
{
	(void)state;
	assert_refused(NULL, 0, "line 1 column 1", "nothing");
	refused("  \n ", "line 2 column 1", "not JSON");
}

static void texts_that_are_not_utf8_are_refused(void **state)
{
	(void)state;
	refused("\"\xff\"", "line 1 column 1", "not JSON");
	refused("\"\xc0\xaf\"", "line 1 column 1", "not JSON");
	refused("\"\xed\xa0\x80\"", "line 1 column 1", "not JSON");
	refused("\"\\ud800\"", "line 1 column ", "not JSON");
	/* A string of C ends there, and what is checked would not be what is used. */
	refused("\"a\\u0000b\"", "line 1 column ", "not JSON");
}

static void nested(char *text, int depth)
{
	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	text[2 * depth] = '\0';
}

static void depth_is_limited(void **state)
{
	char text[256];
	json_t *j;

	(void)state;
	nested(text, JSON_DEPTH_MAX);
	j = parse(text);
	json_decref(j);
	nested(text, JSON_DEPTH_MAX + 1);
	refused(text, "", "deeper than 32");
	/* Brackets within strings are no depth. */
	j = parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \\\" [[[\"");
	json_decref(j);
	refused("]]]]]]]][[[[", "line 1 column 1", "not JSON");
	refused("\"\\", "line 1 column ", "not JSON");
}

static void size_is_limited(void **state)
{
	json_t *j = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(json_parse("[1,2]", 5, 4, &j, &err), -ERR_TOO_LARGE);
	assert_string_equal(err.place, "");
	assert_non_null(strstr(err.text, "5 bytes"));
	assert_null(j);
	assert_int_equal(json_parse("[1,2]", 5, 5, &j, &err), 0);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_in_order),
		cmocka_unit_test(a_value_alone_is_json),
		cmocka_unit_test(duplicate_keys_are_refused),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(trailing_text_is_refused),
		cmocka_unit_test(nothing_is_not_json),
		cmocka_unit_test(texts_that_are_not_utf8_are_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(size_is_limited),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
