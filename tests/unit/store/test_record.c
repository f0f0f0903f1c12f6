/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/record.h"

static void a_record_lives_as_long_as_its_last_reference(void **state)
{
	struct record *rec = record_new("k", "v", 3), *again = record_ref(rec);

	(void)state;
	assert_null(record_unref(rec));
	assert_string_equal(again->key, "k");
	assert_string_equal(again->value, "v");
	assert_int_equal(again->revision, 3);
	assert_null(record_unref(again));
	assert_null(record_unref(NULL));
}

static void a_deletion_has_no_value(void **state)
{
	struct record *rec = record_new("k", NULL, 3);

	(void)state;
	assert_null(rec->value);
	record_unref(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_lives_as_long_as_its_last_reference),
		cmocka_unit_test(a_deletion_has_no_value),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
