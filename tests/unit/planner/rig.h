/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h - plans from texts. */
#pragma once

#include "planner/plan.h"

/* Reads FLEET and DEMAND (copies of them); the names in errors are "fleet" and "demand". */
int rig_read(const char *fleet, const char *demand, struct fleet *ret_fleet,
	     struct needs *ret_needs, struct error *err);

/* A plan of these texts with one policy, every VM wanted, seed 1, a week long.  Fails the test when
 * there is none. */
struct plan *rig_plan(const char *fleet, const char *demand, const char *policy,
		      const char *fewest);
