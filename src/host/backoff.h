/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.h - looking again and again, ever more rarely, for a bounded time.
 *
 *	struct backoff b = backoff_start(10000);
 *	do
 *		look;
 *	while (!done && backoff_wait(&b));
 *
 * Drivers finish a removal some time after the file was written; a fixed sleep is either too
 * long or too short.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int64_t end_us;
	uint32_t delay_ms;
};

struct backoff backoff_start(uint32_t limit_ms);

/* Sleeps 5, 10, 20 ... 500 ms; false, at once, when the time is up. */
bool backoff_wait(struct backoff *b);
