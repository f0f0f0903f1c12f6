/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void assert_time(int64_t wall_ms, const char *expected)
{
	char buffer[CLOCK_TEXT_SIZE];

	memset(buffer, 'x', sizeof(buffer));
	assert_ptr_equal(clock_text(wall_ms, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void times_are_written_as_rfc_3339(void **state)
{
	(void)state;
	assert_time(0, "1970-01-01T00:00:00.000Z");
	assert_time(1, "1970-01-01T00:00:00.001Z");
	assert_time(951827696999, "2000-02-29T12:34:56.999Z");
}

static void times_before_1970_round_down(void **state)
{
	(void)state;
	assert_time(-1, "1969-12-31T23:59:59.999Z");
	assert_time(-1000, "1969-12-31T23:59:59.000Z");
}

/* Garbage from a peer must not become garbage on the stack. */
static void times_without_a_year_are_written_as_numbers(void **state)
{
	(void)state;
	assert_time(253402300799999, "9999-12-31T23:59:59.999Z");
	assert_time(253402300800000, "253402300800000 ms");
	assert_time(INT64_MAX, "9223372036854775807 ms");
	assert_time(INT64_MIN, "-9223372036854775808 ms");
}

static void a_manual_clock_stands_still(void **state)
{
	struct clock_manual m;

	(void)state;
	clock_manual_init(&m, 5000123);
	assert_int_equal(clock_mono_us(&m.clock), 5000123);
	assert_int_equal(clock_wall_ms(&m.clock), 5000);
	assert_int_equal(clock_mono_us(&m.clock), 5000123);
	m.now_us += 2000;
	assert_int_equal(clock_wall_ms(&m.clock), 5002);
}

static void the_system_clock_does_not_go_back(void **state)
{
	int64_t first = clock_mono_us(&clock_system);

	(void)state;
	assert_true(clock_mono_us(&clock_system) >= first);
	/* Any machine that runs this is past 2020. */
	assert_true(clock_wall_ms(&clock_system) > 1577836800000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_rfc_3339),
		cmocka_unit_test(times_before_1970_round_down),
		cmocka_unit_test(times_without_a_year_are_written_as_numbers),
		cmocka_unit_test(a_manual_clock_stands_still),
		cmocka_unit_test(the_system_clock_does_not_go_back),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
