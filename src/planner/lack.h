/* SPDX-License-Identifier: Apache-2.0 */
/* lack.h - why a VM found no place. */
#pragma once

#include "planner/trial.h"

/* Demands of the engine that ask for less, by need; made when first needed. */
enum lack_shadow { SHADOW_NO_RAM, SHADOW_NO_HOST, SHADOW_ONE, SHADOW_COUNT };

struct lack_shadows {
	uint32_t demand[SHADOW_COUNT];
	bool made;
};

/* Of a VM of NEED that the engine has just refused.  SHADOWS: one for each need, zeroed first.
 *   TOO_LARGE, NO_MEMORY */
must_check int lack_of(const struct scene *scene, struct setup *s, struct lack_shadows *shadows,
		       size_t need, enum lack *ret, struct error *err);
