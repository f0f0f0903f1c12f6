/* SPDX-License-Identifier: Apache-2.0 */
/* test_arrivals.c - who comes when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define FLEET "[host a]\ncount = 2\ngpus = 4 x L40S\n"
#define HOUR 3600000ull

static struct fleet fleet;
static struct needs needs;
static struct arrivals arrivals;
static struct error err;

static int make(const char *demand, struct arrivals_how how)
{
	int r = rig_read(FLEET, demand, &fleet, &needs, &err);

	if (r < 0)
		fail_msg("%s", err.text);
	return arrivals_make(&needs, &how, &arrivals, &err);
}

static int teardown(void **state)
{
	(void)state;
	arrivals_done(&arrivals);
	needs_done(&needs);
	memset(&err, 0, sizeof(err));
	return 0;
}

static void a_list_without_times_is_there_at_once_and_stays(void **state)
{
	(void)state;
	assert_int_equal(make("vm,profile,count\na,compute:8,3\nb,compute:4,2\n",
			      (struct arrivals_how){ .seed = 1, .until_ms = HOUR }), 0);
	assert_int_equal(arrivals.n, 5);
	assert_false(arrivals.timed);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(arrivals.list[i].at_ms, 0);
		assert_true(arrivals.list[i].leave_ms == ARRIVAL_STAYS);
		assert_int_equal(arrivals.list[i].need, i >= 3);
	}
}

static void they_come_by_time_and_leave_after_their_life(void **state)
{
	(void)state;
	assert_int_equal(make("vm,profile,start,lifetime\na,compute:8,2h,1h\nb,compute:4,1h,\n",
			      (struct arrivals_how){ .seed = 1, .until_ms = HOUR }), 0);
	assert_int_equal(arrivals.list[0].need, 1);
	assert_int_equal(arrivals.list[0].at_ms, HOUR);
	assert_true(arrivals.list[0].leave_ms == ARRIVAL_STAYS);
	assert_int_equal(arrivals.list[1].at_ms, 2 * HOUR);
	assert_int_equal(arrivals.list[1].leave_ms, 3 * HOUR);
	assert_true(arrivals.timed);
}

static void the_largest_come_first_when_asked_so(void **state)
{
	static const uint32_t wanted[] = { 1, 1, 2, 0 };

	(void)state;
	assert_int_equal(make("vm,profile,count,vgpus\na,compute:8,1,1\nb,compute:16,2,2\n"
			      "c,compute:24,1,1\n",
			      (struct arrivals_how){ .order = ARRIVAL_ORDER_LARGEST }), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(arrivals.list[i].need, wanted[i]);
}

static void one_seed_gives_one_order_another_another(void **state)
{
	static const char demand[] = "vm,profile,count\na,compute:8,50\nb,compute:16,50\n";
	struct arrivals first;
	size_t same = 0, later = 0;

	(void)state;
	make(demand, (struct arrivals_how){ .seed = 7, .order = ARRIVAL_ORDER_RANDOM });
	first = arrivals;
	needs_done(&needs);
	make(demand, (struct arrivals_how){ .seed = 7, .order = ARRIVAL_ORDER_RANDOM });
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(arrivals.list[i].need, first.list[i].need);
	arrivals_done(&arrivals);
	needs_done(&needs);
	make(demand, (struct arrivals_how){ .seed = 8, .order = ARRIVAL_ORDER_RANDOM });
	for (size_t i = 0; i < 100; i++) {
		same += arrivals.list[i].need == first.list[i].need;
		later += i < 50 && arrivals.list[i].need == 1;
	}
	assert_in_range(same, 20, 80);
	assert_in_range(later, 10, 40);
	arrivals_done(&first);
}

/* 5 an hour for 400 hours: 2000, give or take four standard deviations (45); lives of 3 h. */
static void a_rate_is_a_poisson_stream_with_lives_of_their_mean(void **state)
{
	double life = 0, gap = 0, square = 0, x;

	(void)state;
	assert_int_equal(make("vm,profile,start,lifetime,rate\na,compute:8,10h,3h,5\n",
			      (struct arrivals_how){ .seed = 3, .until_ms = 410 * HOUR }), 0);
	assert_in_range(arrivals.n, 1820, 2180);
	assert_true(arrivals.list[0].at_ms >= 10 * HOUR);
	assert_true(arrivals.list[arrivals.n - 1].at_ms <= 410 * HOUR);
	for (size_t i = 0; i < arrivals.n; i++) {
		life += (double)(arrivals.list[i].leave_ms - arrivals.list[i].at_ms);
		x = (double)(arrivals.list[i].at_ms - (i ? arrivals.list[i - 1].at_ms : 10 * HOUR));
		gap += x;
		square += x * x;
	}
	life /= (double)arrivals.n * (double)HOUR;
	gap /= (double)arrivals.n;
	square /= (double)arrivals.n;
	assert_true(life > 2.7 && life < 3.3);
	/* The square of an exponential's mean is half the mean of its square. */
	assert_true(square / gap / gap > 1.7 && square / gap / gap < 2.3);
}

static void a_count_ends_a_stream(void **state)
{
	(void)state;
	assert_int_equal(make("vm,profile,rate,count\na,compute:8,1000,12\n",
			      (struct arrivals_how){ .seed = 3, .until_ms = 9999 * HOUR }), 0);
	assert_int_equal(arrivals.n, 12);
}

static void a_stream_without_measure_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_int_equal(make("vm,profile,rate\na,compute:8,1e6\n",
			      (struct arrivals_how){ .seed = 3, .until_ms = 9999 * HOUR }),
			 -ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "line 2 (a): more than 1000000 VMs"));
}

static void a_plan_in_which_nobody_comes_is_refused(void **state)
{
	(void)state;
	assert_int_equal(make("vm,profile,rate\na,compute:8,0.0001\n",
			      (struct arrivals_how){ .seed = 3, .until_ms = 1000 }),
			 -ERR_INVALID);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		T(a_list_without_times_is_there_at_once_and_stays),
		T(they_come_by_time_and_leave_after_their_life),
		T(the_largest_come_first_when_asked_so),
		T(one_seed_gives_one_order_another_another),
		T(a_rate_is_a_poisson_stream_with_lives_of_their_mean),
		T(a_count_ends_a_stream),
		T(a_stream_without_measure_is_refused_with_its_line),
		T(a_plan_in_which_nobody_comes_is_refused),
	};

	return cmocka_run_group_tests_name("planner arrivals", tests, NULL, NULL);
}
