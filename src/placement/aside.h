/* SPDX-License-Identifier: Apache-2.0 */
/* aside.h - a host as it would be without some of what lies on it, or with something more; private
 * to placement.
 *
 * Between aside_begin() and aside_end() the engine's own copy of the host is changed and nobody is
 * told: contests and counts know nothing of it.  So nothing may be chosen, put or given back
 * meanwhile.
 */
#pragma once

#include "placement/pool.h"

struct aside {
	struct engine *e;
	uint32_t host;
	uint32_t gpus[ENGINE_HOST_GPUS_MAX];
	int32_t cpu_free, ram_free;
};

void aside_begin(struct aside *a, struct engine *e, uint32_t host);
void aside_end(const struct aside *a);

/* Without, or with, what C says.  False where that can not be; then the host is half changed, and
 * the caller ends it. */
bool aside_without(const struct aside *a, const struct engine_choice *c);
bool aside_with(const struct aside *a, const struct engine_choice *c);

/* Weighed room of a host as it stands; none while it is cordoned. */
double aside_worth(const struct engine *e, uint32_t host);
