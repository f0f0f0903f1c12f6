/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct clock *c)
{
	(void)c;
	return read_us(CLOCK_REALTIME) / 1000;
}

static int64_t system_mono(const struct clock *c)
{
	(void)c;
	return read_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = { system_wall, system_mono };

static int64_t manual_wall(const struct clock *c)
{
	return ((const struct clock_manual *)c)->now_us / 1000;
}

static int64_t manual_mono(const struct clock *c)
{
	return ((const struct clock_manual *)c)->now_us;
}

void clock_manual_init(struct clock_manual *m, int64_t now_us)
{
	*m = (struct clock_manual){ { manual_wall, manual_mono }, now_us };
}

const char *clock_text(int64_t wall_ms, char *buffer)
{
	/* Rounded down, also before 1970. */
	int ms = (int)((wall_ms % 1000 + 1000) % 1000);
	time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
	struct tm tm;
	size_t n = 0;

	if (gmtime_r(&seconds, &tm) && tm.tm_year >= -1900 && tm.tm_year <= 9999 - 1900)
		n = strftime(buffer, CLOCK_TEXT_SIZE - 5, "%Y-%m-%dT%H:%M:%S", &tm);
	if (n > 0)
		snprintf(buffer + n, CLOCK_TEXT_SIZE - n, ".%03dZ", ms);
	else
		snprintf(buffer, CLOCK_TEXT_SIZE, "%jd ms", (intmax_t)wall_ms);
	return buffer;
}
