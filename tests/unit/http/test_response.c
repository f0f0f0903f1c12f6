/* SPDX-License-Identifier: Apache-2.0 */
/* test_response.c - what the response parser takes, whole and byte by byte, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/lines.h"
#include "http/response.h"

static int gather(void *user, const char *bytes, size_t n, struct error *err)
{
	(void)err;
	text_append(user, bytes, n);
	return 0;
}

/* Feeds S in pieces of STEP bytes and ends the connection behind it. */
static int feed(struct response *r, const char *s, size_t step, struct text *body,
		struct error *err)
{
	size_t n = strlen(s);

	response_init(r);
	for (size_t i = 0; i < n; i += step) {
		int result =
			response_feed(r, s + i, i + step < n ? step : n - i, gather, body, err);

		if (result < 0)
			return result;
	}
	return response_end(r, err);
}

static void takes(const char *s, int status, const char *want)
{
	static const size_t steps[] = { 1, 2, 3, 7, 100000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		cleanup(text_done) struct text body = { 0 };
		struct error err = { 0 };
		struct response r;

		if (feed(&r, s, steps[i], &body, &err) < 0)
			fail_msg("step %zu: %s", steps[i], err.text);
		assert_int_equal(r.status, status);
		assert_string_equal(body.data ? body.data : "", want);
	}
}

static void refuses(const char *s, const char *why)
{
	cleanup(text_done) struct text body = { 0 };
	struct error err = { 0 };
	struct response r;

	assert_int_equal(feed(&r, s, 100000, &body, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, why));
}

static void takes_each_kind_of_length(void **state)
{
	(void)state;
	takes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
	takes("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "");
	takes("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end");
	takes("HTTP/1.1 204 OK\r\n\r\n", 204, "");
	takes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "3\r\nabc\r\n0A;x=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200, "abc0123456789");
}

/* libmicrohttpd answers "100 Continue" before larger bodies. */
static void passes_over_interim_answers(void **state)
{
	(void)state;
	takes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx", 201,
	      "x");
}

static void keeps_the_headers_that_matter(void **state)
{
	struct text body = { 0 };
	struct response r;

	(void)state;
	assert_int_equal(feed(&r, "HTTP/1.1 202 A\r\netag:\"7\" \r\nLOCATION:  /v1/operations/x\r\n"
			      "content-type: application/json\r\nContent-Length: 0\r\n\r\n",
			      5, &body, NULL), 0);
	assert_string_equal(r.etag, "\"7\"");
	assert_string_equal(r.location, "/v1/operations/x");
	assert_string_equal(r.content_type, "application/json");
}

/* Each of these has been read in two ways by two programs somewhere, which is how requests are
 * smuggled; we read them in none. */
static void refuses_what_could_be_read_in_two_ways(void **state)
{
	(void)state;
	refuses("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "CR LF");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "one length");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"one length");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		"one length");
	refuses("\n", "CR LF");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "no number");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", "no number");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "coding");
	refuses("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "without a name");
	refuses("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "without a name");
	refuses("HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "control bytes");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", "behind its end");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
		"chunk");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "chunk without");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1234567890abcdef0\r\n",
		"chunk");
	refuses("HTTP/1.1 101 Switch\r\n\r\n", "not asked");
	refuses("HTTP/1.1 2000 OK\r\n\r\n", "three digits");
	refuses("HTTP/2 200\r\n\r\n", "status line");
	refuses("SSH-2.0-OpenSSH\r\n", "status line");
}

static void refuses_headers_without_end(void **state)
{
	char many[RESPONSE_LINE_MAX * 2];
	struct text all = { 0 };

	(void)state;
	memset(many, 'x', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	refuses(many, "too long");
	text_add(&all, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i <= RESPONSE_HEADERS_MAX; i++)
		text_add(&all, "A: b\r\n");
	refuses(all.data, "too many headers");
	text_done(&all);
}

static void an_early_end_is_told(void **state)
{
	(void)state;
	refuses("", "without an answer");
	refuses("HTTP/1.1 200 OK\r\nContent-Le", "without an answer");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "in the middle");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", "in the middle");
}

static int count(void *user, const char *line, size_t n, struct error *err)
{
	(void)err;
	assert_int_equal(strlen(line), n);
	text_add(user, "[%s]", line);
	return 0;
}

static void lines_come_whole_and_without_keep_alives(void **state)
{
	const char *s = "one\n\n\ntwo\nrest";
	struct text seen = { 0 };
	struct lines l = { .max = 4 };

	(void)state;
	for (size_t i = 0; i < strlen(s); i++)
		assert_int_equal(lines_feed(&l, s + i, 1, count, &seen, NULL), 0);
	assert_string_equal(seen.data, "[one][two]");
	lines_done(&l);
	text_done(&seen);
}

static void a_line_above_its_limit_is_refused(void **state)
{
	struct lines l = { .max = 4 };
	struct text seen = { 0 };

	(void)state;
	assert_int_equal(lines_feed(&l, "abcd", 4, count, &seen, NULL), 0);
	assert_int_equal(lines_feed(&l, "e", 1, count, &seen, NULL), -ERR_TOO_LARGE);
	lines_done(&l);
	l = (struct lines){ .max = 4 };
	assert_int_equal(lines_feed(&l, "a\0b\n", 4, count, &seen, NULL), -ERR_INVALID);
	lines_done(&l);
	text_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_each_kind_of_length),
		cmocka_unit_test(passes_over_interim_answers),
		cmocka_unit_test(keeps_the_headers_that_matter),
		cmocka_unit_test(refuses_what_could_be_read_in_two_ways),
		cmocka_unit_test(refuses_headers_without_end),
		cmocka_unit_test(an_early_end_is_told),
		cmocka_unit_test(lines_come_whole_and_without_keep_alives),
		cmocka_unit_test(a_line_above_its_limit_is_refused),
	};

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
