/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - failures as RFC 9457 problem documents. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "model/nouns.h"

/* A new document; STATUS 0 is what the table of error kinds says. */
json_t *problem_write(const struct error *err, int status, const struct refusal *refusals,
		      size_t n);

/* JSON schema of what problem_write() makes. */
json_t *problem_schema(void);
