/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/header.h"
#include "api/target.h"

static struct target t;

static void escapes_are_decoded_once(void **state)
{
	(void)state;
	assert_int_equal(target_parse("/v1/gpus/h1%400000%3A41:00.0", &t, NULL), 0);
	assert_int_equal(t.segments_n, 3);
	assert_string_equal(t.segments[2], "h1@0000:41:00.0");
	assert_int_equal(target_parse("/a%2541", &t, NULL), 0);
	assert_string_equal(t.segments[0], "a%41");
}

/* What a second decoder, a log or a file name would read as something else. */
static void dangerous_paths_are_refused(void **state)
{
	static const char *const bad[] = { "",       "v1",       "*",          "/",      "//v1",
					   "/v1/",   "/v1//vms", "/a%00b",     "/a%0ab", "/a%2fb",
					   "/a%2Fb", "/a%",      "/a%4",       "/a%4g",  "/%ff",
					   "/%c0%af", "/a%7f",   "/a\tb",      "/%ed%a0%80",
					   "http://facet/v1/vms" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct error){ 0 };
		assert_int_equal(target_parse(bad[i], &t, &err), -ERR_INVALID);
		assert_string_equal(err.place, "path");
		assert_true(strlen(err.text) > 0);
	}
}

static void a_query_is_names_with_values(void **state)
{
	(void)state;
	assert_int_equal(target_parse("/v1/vms?host=h1&board=NVIDIA+L40S%2B&flag&&x=", &t, NULL),
			 0);
	assert_string_equal(target_query(&t, "host"), "h1");
	assert_string_equal(target_query(&t, "board"), "NVIDIA L40S+");
	assert_string_equal(target_query(&t, "flag"), "");
	assert_string_equal(target_query(&t, "x"), "");
	assert_null(target_query(&t, "y"));
	assert_int_equal(target_parse("/v1?", &t, NULL), 0);
	assert_int_equal(t.query_n, 0);
}

/* Two values for one name: a proxy may see the first and we the last. */
static void bad_queries_are_refused(void **state)
{
	static const char *const bad[] = { "/v1?a=1&a=2", "/v1?=x",
					   "/v1?a=%",	  "/v1?a=%0a",
					   "/v1?%00=1",	  "/v1?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(target_parse(bad[i], &t, NULL), -ERR_INVALID);
}

static void long_targets_are_refused(void **state)
{
	char raw[TARGET_SIZE + 8];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	raw[0] = '/';
	raw[TARGET_SIZE - TARGET_QUERY_MAX - 1] = '\0';
	assert_int_equal(target_parse(raw, &t, NULL), 0);
	raw[TARGET_SIZE - TARGET_QUERY_MAX - 1] = 'a';
	raw[TARGET_SIZE - TARGET_QUERY_MAX] = '\0';
	assert_int_equal(target_parse(raw, &t, NULL), -ERR_TOO_LARGE);
	assert_int_equal(target_parse("/1/2/3/4/5/6/7/8", &t, NULL), 0);
	assert_int_equal(target_parse("/1/2/3/4/5/6/7/8/9", &t, NULL), -ERR_NOT_FOUND);
}

static void if_match_is_one_quoted_revision(void **state)
{
	static const char *const bad[] = { "12", "\"\"", "\"", "\"x\"", "W/\"12\"", "\"1\", \"2\"",
					   "\"-1\"", "\"99999999999999999999\"", "" };
	uint64_t v = 7;

	(void)state;
	assert_int_equal(header_if_match("\"12\"", &v, NULL), 0);
	assert_int_equal(v, 12);
	assert_int_equal(header_if_match("*", &v, NULL), 0);
	assert_int_equal(v, 0);
	assert_int_equal(header_if_match(NULL, &v, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(header_if_match(bad[i], &v, NULL), -ERR_INVALID);
	/* 0 means "any" to the controller: a tag "0" must not come to mean that. */
	assert_int_equal(header_if_match("\"0\"", &v, NULL), -ERR_PRECONDITION);
	assert_int_equal(v, 0);
}

static void idempotency_keys_are_printable_and_bounded(void **state)
{
	char key[8];

	(void)state;
	assert_int_equal(header_idempotency_key("abc-123", key, sizeof(key), NULL), 0);
	assert_string_equal(key, "abc-123");
	assert_int_equal(header_idempotency_key(NULL, key, sizeof(key), NULL), 0);
	assert_string_equal(key, "");
	assert_int_equal(header_idempotency_key("", key, sizeof(key), NULL), -ERR_INVALID);
	assert_int_equal(header_idempotency_key("abcdefgh", key, sizeof(key), NULL), -ERR_INVALID);
	assert_int_equal(header_idempotency_key("a b", key, sizeof(key), NULL), -ERR_INVALID);
	assert_int_equal(header_idempotency_key("a\xc3\xa9", key, sizeof(key), NULL), -ERR_INVALID);
}

static void content_types_are_told_apart(void **state)
{
	(void)state;
	assert_true(header_is_json("application/json"));
	assert_true(header_is_json("Application/JSON; charset=utf-8"));
	assert_true(header_is_json("application/merge-patch+json"));
	assert_false(header_is_json("application/x-www-form-urlencoded"));
	assert_false(header_is_json("application/jsonx"));
	assert_false(header_is_json("+json"));
	assert_false(header_is_json(NULL));
	assert_true(header_wants_events("text/event-stream"));
	assert_false(header_wants_events("*/*"));
	assert_false(header_wants_events(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_decoded_once),
		cmocka_unit_test(dangerous_paths_are_refused),
		cmocka_unit_test(a_query_is_names_with_values),
		cmocka_unit_test(bad_queries_are_refused),
		cmocka_unit_test(long_targets_are_refused),
		cmocka_unit_test(if_match_is_one_quoted_revision),
		cmocka_unit_test(idempotency_keys_are_printable_and_bounded),
		cmocka_unit_test(content_types_are_told_apart),
	};
	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
