/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - a plan as one HTML file: tables and pictures, nothing fetched from anywhere.
 *
 * It is well-formed XML too, so that every tool can read it.
 */
#pragma once

#include "base/text.h"
#include "planner/plan.h"

/*   NO_MEMORY */
must_check int page_make(const struct plan *p, struct text *ret, struct error *err);
