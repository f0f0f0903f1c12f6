/* SPDX-License-Identifier: Apache-2.0 */
/* picture.h - a plan as SVG: what lies on each GPU, and acceptance over time.
 *
 * Colours are classes of picture_style, which knows light and dark.  Every picture has a title and
 * a description in words.
 */
#pragma once

#include "base/text.h"
#include "planner/layout.h"

extern const char picture_style[];

/* GPUs that are drawn; a larger fleet is drawn in part, and says so. */
enum { PICTURE_GPUS_MAX = 4096 };

void picture_add_map(struct text *to, const struct plan *p, const struct layout *l);
void picture_add_curve(struct text *to, const struct plan *p);
/* Both and a heading, as a file of its own.  NO_MEMORY */
must_check int picture_make(const struct plan *p, struct text *ret, struct error *err);

/* "2 GiB"; "day 3, 14:20"; "7 GPUs hold 48 vGPUs, ..." */
void picture_add_size(struct text *to, uint32_t fb_mib);
void picture_add_time(struct text *to, uint64_t ms);
void picture_add_moment(struct text *to, const struct plan *p);
