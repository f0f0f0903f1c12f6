/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a response or an error, and the same one however they are cut into pieces.
 * The first byte is the size of the pieces. */
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "http/lines.h"
#include "http/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int gather(void *user, const char *bytes, size_t n, struct error *err)
{
	(void)err;
	text_append(user, bytes, n);
	return 0;
}

static int gather_line(void *user, const char *line, size_t n, struct error *err)
{
	(void)err;
	if (strlen(line) != n || memchr(line, '\n', n))
		__builtin_trap();
	text_append(user, line, n);
	return 0;
}

static int feed(const char *bytes, size_t n, size_t step, struct response *r, struct text *body)
{
	response_init(r);
	for (size_t i = 0; i < n; i += step) {
		int result = response_feed(r, bytes + i, i + step < n ? step : n - i, gather, body,
					   NULL);

		if (result < 0)
			return result;
	}
	return response_end(r, NULL);
}

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct response whole, pieces;
	struct text a = { 0 }, b = { 0 }, lines = { 0 };
	struct lines l = { .max = 64 };
	int r, again;

	if (size == 0)
		return 0;
	r = feed((const char *)data + 1, size - 1, size, &whole, &a);
	again = feed((const char *)data + 1, size - 1, (size_t)data[0] + 1, &pieces, &b);
	require(r == again && a.length == b.length);
	require(a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
	require(r < 0 || (whole.state == RESPONSE_DONE && whole.status >= 200));
	require(whole.status == pieces.status && strcmp(whole.etag, pieces.etag) == 0);
	r = lines_feed(&l, (const char *)data, size, gather_line, &lines, NULL);
	require(r == 0 || r == -ERR_TOO_LARGE || r == -ERR_INVALID);
	lines_done(&l);
	text_done(&a);
	text_done(&b);
	text_done(&lines);
	return 0;
}
