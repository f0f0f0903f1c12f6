/* SPDX-License-Identifier: Apache-2.0 */
#include "host/backoff.h"

#include <time.h>

#include "base/clock.h"

enum { DELAY_FIRST_MS = 5, DELAY_LAST_MS = 500 };

struct backoff backoff_start(uint32_t limit_ms)
{
	return (struct backoff){ clock_mono_us(&clock_system) + (int64_t)limit_ms * 1000,
				 DELAY_FIRST_MS };
}

bool backoff_wait(struct backoff *b)
{
	struct timespec delay = { 0, (long)b->delay_ms * 1000000 };

	if (clock_mono_us(&clock_system) >= b->end_us)
		return false;
	nanosleep(&delay, NULL);
	b->delay_ms = b->delay_ms * 2 < DELAY_LAST_MS ? b->delay_ms * 2 : DELAY_LAST_MS;
	return true;
}
