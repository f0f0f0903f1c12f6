/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - why things are as they are: `facet explain`, and the same as a verb of vm and group.
 */
#pragma once

#include "cli/call.h"

int explain_vm(struct call *c, struct error *err);
int explain_group(struct call *c, struct error *err);

/* A table of refusals, at most as many rows as a person reads unless WIDE is asked for. */
int explain_refusals(const struct table_style *style, const json_t *refusals, struct error *err);
