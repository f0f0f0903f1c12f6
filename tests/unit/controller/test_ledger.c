/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <string.h>

#include "controller/ledger.h"

static const struct gpu l40s = { .id = "h1@0000:41:00.0", .fb_mib = 49152, .mode = GPU_MODE_EQUAL };

static struct lease lease(const char *id, const char *vf, uint32_t fb_mib, uint32_t placement)
{
	struct lease l = { .fb_mib = fb_mib,
			   .placement = placement,
			   .framework = FRAMEWORK_VENDOR_VFIO };

	snprintf(l.id, sizeof(l.id), "%s", id);
	snprintf(l.gpu, sizeof(l.gpu), "%s", l40s.id);
	snprintf(l.vf, sizeof(l.vf), "%s", vf);
	return l;
}

static bool holds(const struct gpu *g, struct lease *a, struct lease *b)
{
	const struct lease *both[] = { a, b };
	char why[256] = "";
	bool r = ledger_gpu_holds(g, both, 2, why, sizeof(why));

	/* A new one is held against the old one, whichever way it is asked. */
	assert_int_equal(ledger_gpu_takes(g, both, 2, 1, why, sizeof(why)), r);
	return r;
}

static void two_owners_of_one_function_are_refused(void **state)
{
	struct lease a = lease("a", "0000:41:00.4", 8192, PLACEMENT_NONE);
	struct lease b = lease("b", "0000:41:00.4", 8192, PLACEMENT_NONE);

	(void)state;
	assert_false(holds(&l40s, &a, &b));
	strcpy(b.vf, "0000:41:00.5");
	assert_true(holds(&l40s, &a, &b));
}

/* Placement ids say how a GPU will be cut; what its host last told may be from before. */
static void equal_size_means_one_size(void **state)
{
	struct lease a = lease("a", "0000:41:00.4", 8192, PLACEMENT_NONE);
	struct lease b = lease("b", "0000:41:00.5", 4096, PLACEMENT_NONE);
	struct gpu mixed = l40s;

	(void)state;
	mixed.mode = GPU_MODE_MIXED;
	assert_false(holds(&l40s, &a, &b));
	assert_false(holds(&mixed, &a, &b));
	b.placement = 8;
	assert_false(holds(&mixed, &a, &b));
	a.placement = 0;
	assert_true(holds(&mixed, &a, &b));
	assert_true(holds(&l40s, &a, &b));
}

static void one_placement_has_one_owner(void **state)
{
	struct lease a = lease("a", "0000:41:00.4", 8192, 16),
		     b = lease("b", "0000:41:00.5", 8192, 16);

	(void)state;
	assert_false(holds(&l40s, &a, &b));
	b.placement = 24;
	assert_true(holds(&l40s, &a, &b));
}

static void a_gpu_is_not_sold_twice(void **state)
{
	struct lease a = lease("a", "0000:41:00.4", 24576, PLACEMENT_NONE);
	struct lease b = lease("b", "0000:41:00.5", 24577, PLACEMENT_NONE);
	struct gpu mixed = l40s;

	(void)state;
	mixed.mode = GPU_MODE_MIXED;
	assert_false(holds(&mixed, &a, &b));
	b.fb_mib = 24576;
	assert_true(holds(&mixed, &a, &b));
}

/* Only a release that was asked for ends a lease; nothing comes back from it but quarantine. */
static void moves_are_those_of_the_table(void **state)
{
	(void)state;
	assert_true(lease_may_move(LEASE_RESERVED, LEASE_CREATING));
	assert_true(lease_may_move(LEASE_READY, LEASE_ATTACHED));
	assert_true(lease_may_move(LEASE_QUARANTINED, LEASE_RELEASING));
	assert_false(lease_may_move(LEASE_RELEASING, LEASE_READY));
	assert_false(lease_may_move(LEASE_RELEASING, LEASE_ATTACHED));
	assert_false(lease_may_move(LEASE_QUARANTINED, LEASE_READY));
	for (int s = 0; s < LEASE_COUNT; s++)
		assert_false(lease_may_move((enum lease_state)s, LEASE_RESERVED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_owners_of_one_function_are_refused),
		cmocka_unit_test(equal_size_means_one_size),
		cmocka_unit_test(one_placement_has_one_owner),
		cmocka_unit_test(a_gpu_is_not_sold_twice),
		cmocka_unit_test(moves_are_those_of_the_table),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
