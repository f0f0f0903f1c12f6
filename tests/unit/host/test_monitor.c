/* SPDX-License-Identifier: Apache-2.0 */
/* test_monitor.c - when a look at the hardware is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/monitor.h"

#define MS 1000

/* 64 functions come at once: one look afterwards, not 64. */
static void a_burst_makes_one_look(void **state)
{
	struct debounce d = { .period_us = 60000 * MS, .looked_us = 1 };

	(void)state;
	for (int i = 0; i < 64; i++)
		debounce_event(&d, (1000 + i) * MS);
	assert_int_equal(debounce_wait_ms(&d, 1063 * MS), DEBOUNCE_QUIET_MS);
	assert_int_equal(debounce_wait_ms(&d, 1363 * MS), 0);
	debounce_looked(&d, 1363 * MS);
	assert_int_equal(debounce_wait_ms(&d, 1363 * MS), 60000);
}

/* A device that flaps for ever must not put the look off for ever. */
static void an_endless_burst_is_looked_at(void **state)
{
	struct debounce d = { .period_us = 60000 * MS, .looked_us = 1 };
	int64_t now = 1000 * MS;

	(void)state;
	for (; debounce_wait_ms(&d, now) > 0 && now < 10000 * MS; now += 100 * MS)
		debounce_event(&d, now);
	assert_true(now >= (1000 + DEBOUNCE_MOST_MS) * MS);
	assert_true(now <= (1200 + DEBOUNCE_MOST_MS) * MS);
}

/* Some changes are told by no event. */
static void a_quiet_host_is_looked_at_from_time_to_time(void **state)
{
	struct debounce d = { .period_us = 5000 * MS, .looked_us = 100 * MS };

	(void)state;
	assert_int_equal(debounce_wait_ms(&d, 100 * MS), 5000);
	assert_int_equal(debounce_wait_ms(&d, 5099 * MS + 1), 1);
	assert_int_equal(debounce_wait_ms(&d, 5100 * MS), 0);
}

/* Where the kernel lets us listen, the first look is due at once. */
static void a_monitor_asks_for_a_first_look(void **state)
{
	cleanup(monitor_free_p) struct monitor *m = NULL;
	struct error err;

	(void)state;
	if (monitor_new(1000, 5000 * MS, &m, &err) < 0)
		skip();
	assert_true(monitor_fd(m) >= 0);
	assert_int_equal(monitor_wait_ms(m, 5000 * MS), 0);
	monitor_looked(m, 5000 * MS);
	assert_int_equal(monitor_wait_ms(m, 5000 * MS), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_makes_one_look),
		cmocka_unit_test(an_endless_burst_is_looked_at),
		cmocka_unit_test(a_quiet_host_is_looked_at_from_time_to_time),
		cmocka_unit_test(a_monitor_asks_for_a_first_look),
	};
	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
