/* SPDX-License-Identifier: Apache-2.0 */
#include "http/lines.h"

#include <string.h>

static int give(struct lines *l, line_fn *fn, void *user, struct error *err)
{
	struct text line = l->rest;
	int r;

	if (line.failed)
		return error_set(err, ERR_NO_MEMORY, "a line of %zu bytes", line.length);
	if (line.length == 0)
		return 0;
	/* Each line has memory of its own: a rare long one must not stay resident in a daemon. */
	l->rest = (struct text){ 0 };
	r = fn(user, line.data, line.length, err);
	text_done(&line);
	return r;
}

int lines_feed(struct lines *l, const char *bytes, size_t n, line_fn *fn, void *user,
	       struct error *err)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;
		int r;

		if (l->rest.length + part > l->max)
			return error_set(err, ERR_TOO_LARGE, "a line of more than %zu bytes",
					 l->max);
		if (memchr(bytes, '\0', part))
			return error_set(err, ERR_INVALID, "a line with a NUL byte");
		if (part > 0)
			text_append(&l->rest, bytes, part);
		if (!end)
			return l->rest.failed ? error_set(err, ERR_NO_MEMORY, "a line") : 0;
		r = give(l, fn, user, err);
		if (r < 0)
			return r;
		bytes = end + 1;
		n -= part + 1;
	}
	return 0;
}

void lines_done(struct lines *l)
{
	text_done(&l->rest);
}
