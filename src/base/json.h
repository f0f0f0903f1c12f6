/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - reading JSON from outside, strictly, over jansson.
 *
 * Refused, each with line and column: duplicate keys, NaN and infinities, trailing text, invalid
 * UTF-8, nesting deeper than JSON_DEPTH_MAX, and texts longer than the caller allows.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* jansson spells the attribute "cleanup", which is a macro of ours. */
#undef json_auto_t
#define json_auto_t json_t __attribute__((__cleanup__(json_decrefp)))

enum { JSON_DEPTH_MAX = 32, JSON_BODY_MAX = 1 << 20 };

/* Parses N bytes into *RET, owned by the caller (json_decref, or json_auto_t).
 *   INVALID    with place "line L column C"
 *   TOO_LARGE  N is above MAX; place is "" */
must_check int json_parse(const char *text, size_t n, size_t max, json_t **ret, struct error *err);

/* One line of JSON without a trailing newline, keys in the order they were set; free() it.
 * NULL only when memory ran out. */
char *json_line(const json_t *j);
