/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - what stands behind the method in a request: path segments and query, decoded once.
 *
 * Refused: a bad %XX, an escaped slash, NUL or any other control character, invalid UTF-8, an empty
 * segment, a query name given twice.  Nothing here knows a route.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

enum { TARGET_SIZE = 2048, TARGET_SEGMENTS_MAX = 8, TARGET_QUERY_MAX = 16 };

struct target_query {
	const char *name, *value;
};

/* The pointers go into TEXT: a struct target is not copied. */
struct target {
	const char *segments[TARGET_SEGMENTS_MAX];
	size_t segments_n;
	struct target_query query[TARGET_QUERY_MAX];
	size_t query_n;
	size_t used;
	char text[TARGET_SIZE];
};

/* Takes RAW ("/v1/vms/web01?dry_run=1") apart into *RET, whatever *RET held before.
 *   INVALID    place is "path" or "query"
 *   TOO_LARGE  longer than any name that Facet gives out */
must_check int target_parse(const char *raw, struct target *ret, struct error *err);

/* The value of NAME in the query, NULL when it is not there. */
const char *target_query(const struct target *t, const char *name);
