/* SPDX-License-Identifier: Apache-2.0 */
/* header.h - the few request headers that Facet reads, each checked.  VALUE may be NULL: absent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* If-Match: "12" gives 12; absent or * give 0, which matches any revision.
 *   INVALID       not one quoted revision
 *   PRECONDITION  a tag that no object can have, such as "0" */
must_check int header_if_match(const char *value, uint64_t *ret, struct error *err);

/* True when If-None-Match names REVISION, so that the client has the object already. */
bool header_none_match(const char *value, uint64_t revision);

/* Idempotency-Key: 1 to SIZE-1 printable ASCII characters; "" when absent.
 *   INVALID */
must_check int header_idempotency_key(const char *value, char *ret, size_t size, struct error *err);

/* True for application/json and anything +json, with or without parameters. */
bool header_is_json(const char *value);

/* True when Accept asks for server-sent events by name. */
bool header_wants_events(const char *value);
