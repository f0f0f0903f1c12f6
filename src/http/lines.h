/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h - cuts a stream of bytes into lines, bounded. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

/* One line, without its newline, NUL-terminated.  A negative result ends the feeding. */
typedef int line_fn(void *user, const char *line, size_t n, struct error *err);

struct lines {
	struct text rest; /* the part of a line that has come so far */
	size_t max;
};

/* Calls FN for each line completed by BYTES; empty lines (keep-alives) are left out.
 *   TOO_LARGE  a line above L->max
 *   INVALID    a NUL byte
 * and whatever FN returns. */
must_check int lines_feed(struct lines *l, const char *bytes, size_t n, line_fn *fn, void *user,
			  struct error *err);
void lines_done(struct lines *l);
