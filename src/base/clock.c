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
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buffer, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buffer + n, CLOCK_TEXT_SIZE - n, ".%03dZ", (int)(wall_ms % 1000));
	return buffer;
}
