/* SPDX-License-Identifier: Apache-2.0 */
/* live.h - `--watch` of a list, and `facet watch`. */
#pragma once

#include "cli/call.h"

/* Shows the list at PATH and its changes until interrupted: drawn anew on a terminal, the changed
 * rows otherwise, with -o json one change a line as /v1/watch tells it (the objects that are
 * there at first in the same form).
 *   UNAVAILABLE  facetd went away and did not come back */
must_check int live_list(struct call *c, const char *path, struct error *err);

/* All changes, one a line. */
int live_all(struct call *c, struct error *err);
