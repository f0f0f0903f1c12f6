/* SPDX-License-Identifier: Apache-2.0 */
/* privilege.h - giving up what is not needed, for good.
 *
 * The kernel's own calls instead of libcap: a process that rests all day needs no library for
 * twenty lines.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Takes every capability outside KEEP (a set of 1 << CAP_x) from this process and whatever it
 * starts, and lets no exec bring any back.  Without privilege there is nothing to take.
 *   IO  the kernel refused */
must_check int privilege_drop(uint64_t keep, struct error *err);

/* Closes every descriptor from FIRST on, but KEEP. */
void privilege_close_from(int first, int keep);
