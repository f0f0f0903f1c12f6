/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h - watching an operation until it ends. */
#pragma once

#include "cli/call.h"

/* Follows the operation that ACCEPTED (a 202) tells of: prints its steps as they go and its
 * outcome, or with --no-wait only where to look.  A failed operation is an error of the kind it
 * names, and c->problem then holds the operation with its refusals.
 *   UNAVAILABLE  --timeout has passed; the operation goes on
 *   CONFLICT     it was cancelled */
must_check int follow_operation(struct call *c, const struct http_answer *accepted,
				struct error *err);
