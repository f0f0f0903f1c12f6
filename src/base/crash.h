/* SPDX-License-Identifier: Apache-2.0 */
/* crash.h - places where the lab lets a daemon die.
 *
 * crash_point() marks a line next to which the outside world changes and our memory of it may not
 * have caught up.  Built with -Dcrash_points=true, each pass takes one from the number in the file
 * that FACET_CRASH_FILE names, and the pass that takes the last one ends its process with SIGKILL;
 * without the file, or built without the option, it is nothing.  The processes of one daemon share
 * the file, so that the number counts over all of them.
 */
#pragma once

#ifdef FACET_CRASH_POINTS
void crash_point(const char *name);
#else
static inline void crash_point(const char *name)
{
	(void)name;
}
#endif
