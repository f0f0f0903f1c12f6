/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/uuid.h"

static void new_uuids_are_valid_random_and_lower_case(void **state)
{
	char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

	(void)state;
	uuid_make(a);
	uuid_make(b);
	assert_true(uuid_is_valid(a));
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '4');
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
}

/* A step that runs again after a crash must name the same mdev; this value may never change. */
static void a_name_has_the_same_uuid_for_ever(void **state)
{
	char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

	(void)state;
	uuid_of_name("lease", a);
	assert_string_equal(a, "6d42d32c-0404-511d-a563-2265db9d36c6");
	uuid_of_name("Lease", b);
	assert_string_not_equal(a, b);
	assert_int_equal(b[14], '5');
}

static void only_whole_uuids_are_valid(void **state)
{
	(void)state;
	assert_true(uuid_is_valid("6f0b9a52-3c57-4e1d-9d2e-71c408e3b5aa"));
	assert_false(uuid_is_valid(""));
	assert_false(uuid_is_valid("6f0b9a52"));
	assert_false(uuid_is_valid("6f0b9a52-3c57-4e1d-9d2e-71c408e3b5a"));
	assert_false(uuid_is_valid("6f0b9a52-3c57-4e1d-9d2e-71c408e3b5aaa"));
	assert_false(uuid_is_valid("6f0b9a52x3c57-4e1d-9d2e-71c408e3b5aa"));
	assert_false(uuid_is_valid("gf0b9a52-3c57-4e1d-9d2e-71c408e3b5aa"));
	assert_false(uuid_is_valid("../../../../../../../../../../etc/pa"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_uuids_are_valid_random_and_lower_case),
		cmocka_unit_test(a_name_has_the_same_uuid_for_ever),
		cmocka_unit_test(only_whole_uuids_are_valid),
	};
	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
