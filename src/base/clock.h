/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the only place that reads the clock.
 *
 * Whoever needs time gets a struct clock from outside, so that a test or a simulation turns it by
 * hand.
 */
#pragma once

#include <stdint.h>

struct clock {
	int64_t (*wall_ms)(const struct clock *c); /* Unix time; may jump */
	int64_t (*mono_us)(const struct clock *c); /* never goes back; for durations */
};

extern const struct clock clock_system;

/* A clock that stands still until somebody turns it. */
struct clock_manual {
	struct clock clock; /* first, so that a struct clock * of it casts back */
	int64_t now_us;
};

void clock_manual_init(struct clock_manual *m, int64_t now_us);

static inline int64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c);
}

static inline int64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c);
}

enum { CLOCK_TEXT_SIZE = 32 };

/* "2026-11-22T15:12:01.123Z" (RFC 3339, UTC) into a buffer of CLOCK_TEXT_SIZE; "N ms" for a time
 * that has no such form. */
const char *clock_text(int64_t wall_ms, char *buffer);
