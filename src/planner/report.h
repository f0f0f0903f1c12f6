/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - a plan as JSON: what `facet plan -o json` prints and its tables are made from. */
#pragma once

#include <jansson.h>

#include "base/text.h"
#include "planner/plan.h"

/* NULL when memory ran out. */
json_t *plan_json(const struct plan *p);
/* Hundredths of a percent are enough for anybody: "99.98". */
double plan_percent(uint64_t part, uint64_t whole);
/* "4 x NVIDIA L40S, 1 x NVIDIA A16" */
void plan_add_gpus(struct text *to, const struct fleet_sort *s);
