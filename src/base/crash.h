/* SPDX-License-Identifier: Apache-2.0 */
/* crash.h - places where the lab lets a daemon die.
 *
 * crash_point() marks a line after which the outside world has changed and our memory of it has
 * not caught up.  Built with -Dcrash_points=true, the Nth one passed after start ends the process
 * with SIGKILL, N from the environment variable FACET_CRASH_AT; built without, it is nothing.
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
