/* SPDX-License-Identifier: Apache-2.0 */
/* test_fewest.c - how many hosts it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define HOSTS "[host a]\ncount = %u\ncpus = 64\ngpus = 2 x L40S\nmode = mixed-size\n"

static bool fits(const char *demand, const char *policy, uint32_t count)
{
	char fleet[256];
	struct plan *p;
	bool yes;

	snprintf(fleet, sizeof(fleet), HOSTS, count);
	p = rig_plan(fleet, demand, policy, NULL);
	yes = plan_fits(p);
	plan_free(p);
	return yes;
}

static void fifty_of_8_gib_take_nine_l40s_of_six(void **state)
{
	struct plan *p = rig_plan("[host a]\ncount = 0\ngpus = L40S\n",
				  "vm,profile,count\nx,NVIDIA L40S-8Q,50\n", "first-fit", "L40S");

	(void)state;
	assert_true(p->fewest.possible);
	assert_int_equal(p->fewest.count, 9);
	assert_int_equal(p->fewest.accepted_percent_milli, 100000);
	assert_int_equal(p->fewest.below_percent_milli, 96000); /* 48 of 50 */
	assert_int_equal(p->trial.setup.hosts_n, 9);
	assert_int_equal(p->trial.gpus_unused, 0);
	plan_free(p);
}

/* No smaller number does, whatever the policy; and the number that is told does. */
static void no_smaller_number_does(void **state)
{
	static const char *const policies[] = { "fragmentation", "pack", "spread", "first-fit" };
	static const char *const demands[] = {
		"vm,profile,count,cpus\nx,NVIDIA L40S-8Q,23,4\ny,NVIDIA L40S-24C,5,8\n"
		"z,graphics:4,17,2\n",
		"vm,profile,vgpus,cpus,lifetime,rate\nx,compute:8,2,4,5h,6\n"
		"y,compute:24,1,8,9h,1\n",
	};

	(void)state;
	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; i < 4; i++) {
			char fleet[256];
			struct plan *p;

			snprintf(fleet, sizeof(fleet), HOSTS, 0);
			p = rig_plan(fleet, demands[d], policies[i], "a");
			assert_true(p->fewest.possible);
			assert_true(p->fewest.count > 3);
			assert_true(fits(demands[d], policies[i], p->fewest.count));
			for (uint32_t n = 1; n < p->fewest.count; n++)
				if (fits(demands[d], policies[i], n))
					fail_msg("%s: %u do, %u were told", policies[i], n,
						 p->fewest.count);
			plan_free(p);
		}
}

static void what_no_number_carries_is_said(void **state)
{
	struct plan *p = rig_plan("[host a]\ncount = 1\ngpus = L40S\n[host b]\ncount = 1\n"
				  "gpus = T4\n",
				  "vm,profile,count\nx,NVIDIA L40S-8Q,6\ny,GRID T4-16Q,2\n", "pack",
				  "a");

	(void)state;
	assert_false(p->fewest.possible);
	assert_int_equal(p->fewest.accepted_percent_milli, 87500);
	assert_int_equal(p->scene.counts[0], 1); /* told as the fleet has it */
	plan_free(p);
}

static void a_part_of_the_vms_is_enough_when_asked_so(void **state)
{
	char fleet[] = "[host a]\ncount = 0\ngpus = L40S\n",
	     demand[] = "vm,profile,count\nx,NVIDIA L40S-8Q,50\n";
	struct plan_ask ask = { .fleet_file = "f", .needs_file = "d", .fleet_text = fleet,
				.needs_text = demand, .policy = "pack", .fewest = "a",
				.accept_milli = 96000 };
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(plan_make(&ask, &p, NULL), 0);
	assert_int_equal(p->fewest.count, 8);
	assert_int_equal(p->fewest.below_percent_milli, 84000); /* 42 of 50 */
	assert_true(plan_fits(p));
	plan_free(p);
}

static void help_is_the_fewest_more_of_each_sort_that_can(void **state)
{
	struct plan *p = rig_plan("[host a]\ncount = 2\ngpus = L40S\n[host b]\ncount = 1\n"
				  "gpus = 4 x L40S\n[host c]\ncount = 1\ngpus = T4\n",
				  "vm,profile,count\nx,NVIDIA L40S-8Q,46\n", "first-fit", NULL);

	(void)state;
	assert_false(plan_fits(p));
	assert_int_equal(p->helps_n, 2);
	assert_int_equal(p->helps[0].sort, 0);
	assert_int_equal(p->helps[0].found.count, 4);
	assert_int_equal(p->helps[1].sort, 1);
	assert_int_equal(p->helps[1].found.count, 2);
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifty_of_8_gib_take_nine_l40s_of_six),
		cmocka_unit_test(no_smaller_number_does),
		cmocka_unit_test(what_no_number_carries_is_said),
		cmocka_unit_test(a_part_of_the_vms_is_enough_when_asked_so),
		cmocka_unit_test(help_is_the_fewest_more_of_each_sort_that_can),
	};

	return cmocka_run_group_tests_name("planner fewest", tests, NULL, NULL);
}
