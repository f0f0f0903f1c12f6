/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crash.h"

#ifdef FACET_CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void crash_point(const char *name)
{
	static atomic_long passed;
	const char *at = getenv("FACET_CRASH_AT");

	if (!at || atomic_fetch_add(&passed, 1) + 1 != atol(at))
		return;
	dprintf(STDERR_FILENO, "crash point %s: %s\n", at, name);
	kill(getpid(), SIGKILL);
}
#endif
