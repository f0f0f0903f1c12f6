/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/words.h"

static const struct {
	const struct names *names;
	int count;
} tables[] = {
	{ &framework_names, FRAMEWORK_COUNT },
	{ &gpu_mode_names, GPU_MODE_COUNT },
	{ &gpu_health_names, GPU_HEALTH_COUNT },
	{ &series_names, SERIES_COUNT },
	{ &host_state_names, HOST_COUNT },
	{ &lease_state_names, LEASE_COUNT },
	{ &vm_wanted_names, VM_WANTED_COUNT },
	{ &vm_state_names, VM_COUNT },
	{ &operation_kind_names, OPERATION_COUNT },
	{ &operation_state_names, OPERATION_STATE_COUNT },
	{ &step_state_names, STEP_COUNT },
	{ &policy_names, POLICY_COUNT },
	{ &role_names, ROLE_COUNT },
	{ &stop_how_names, STOP_COUNT },
	{ &result_names, RESULT_COUNT },
	{ &vgpu_owner_names, VGPU_OWNER_COUNT },
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static void every_value_has_a_word_of_its_own_both_ways(void **state)
{
	(void)state;
	for (int t = 0; t < TABLES; t++) {
		assert_int_equal(tables[t].names->n, tables[t].count);
		for (int v = 0; v < tables[t].count; v++) {
			int back = -1;

			assert_true(names_value(tables[t].names, names_word(tables[t].names, v),
						&back));
			if (back != v)
				fail_msg("table %d: '%s' is %d and %d", t,
					 names_word(tables[t].names, v), v, back);
		}
	}
}

/* They are typed on command lines and stand in URLs. */
static void words_are_plain(void **state)
{
	(void)state;
	for (int t = 0; t < TABLES; t++) {
		for (int v = 0; v < tables[t].count; v++) {
			const char *word = names_word(tables[t].names, v);
			size_t n = strlen(word);

			assert_true(n > 0 && n < 24);
			assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz-ABCQ"), n);
		}
	}
}

static void a_value_out_of_range_is_a_question_mark(void **state)
{
	(void)state;
	for (int t = 0; t < TABLES; t++) {
		assert_string_equal(names_word(tables[t].names, -1), "?");
		assert_string_equal(names_word(tables[t].names, tables[t].count), "?");
	}
}

static void an_unknown_word_is_no_value(void **state)
{
	int value = 77;

	(void)state;
	for (int t = 0; t < TABLES; t++) {
		assert_false(names_value(tables[t].names, "?", &value));
		assert_false(names_value(tables[t].names, "", &value));
		assert_false(names_value(tables[t].names, "Attached ", &value));
	}
	assert_int_equal(value, 77);
}

/* Stored and sent: these may not change between versions. */
static void the_words_of_the_ledger_are_what_they_were(void **state)
{
	int value = -1;

	(void)state;
	assert_string_equal(names_word(&lease_state_names, LEASE_RESERVED), "reserved");
	assert_string_equal(names_word(&lease_state_names, LEASE_QUARANTINED), "quarantined");
	assert_string_equal(names_word(&framework_names, FRAMEWORK_VENDOR_VFIO), "vendor-vfio");
	assert_string_equal(names_word(&gpu_mode_names, GPU_MODE_EQUAL), "equal-size");
	assert_true(names_value(&vm_state_names, "running", &value));
	assert_int_equal(value, VM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_word_of_its_own_both_ways),
		cmocka_unit_test(words_are_plain),
		cmocka_unit_test(a_value_out_of_range_is_a_question_mark),
		cmocka_unit_test(an_unknown_word_is_no_value),
		cmocka_unit_test(the_words_of_the_ledger_are_what_they_were),
	};
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
