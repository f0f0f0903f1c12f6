/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/sqlite/newest.h"

static struct newest_row put(struct newest *t, const char *key, int64_t id)
{
	struct record *rec = record_new(key, "v", (uint64_t)id);
	struct newest_row before;

	assert_true(newest_reserve(t, 1));
	before = newest_put(t, rec, id);
	record_unref(rec);
	return before;
}

static void an_empty_table_has_nothing(void **state)
{
	struct newest t = { 0 };

	(void)state;
	assert_null(newest_find(&t, "a"));
	assert_null(newest_remove(&t, "a").record);
	newest_done(&t);
}

/* What was replaced has to be put back when its group fails. */
static void what_is_replaced_is_handed_out(void **state)
{
	struct newest t = { 0 };
	struct newest_row before;

	(void)state;
	assert_null(put(&t, "a", 7).record);
	before = put(&t, "a", 9);
	assert_int_equal(before.id, 7);
	assert_int_equal(before.record->revision, 7);
	record_unref(before.record);
	assert_int_equal(newest_find(&t, "a")->id, 9);
	before = newest_remove(&t, "a");
	assert_int_equal(before.id, 9);
	record_unref(before.record);
	assert_int_equal(t.n, 0);
	newest_done(&t);
}

enum { KEYS = 700, STEPS = 40000 };

static void compare(const struct newest *t, const int64_t model[KEYS])
{
	size_t n = 0;

	for (int k = 0; k < KEYS; k++) {
		char key[16];
		const struct newest_row *row;

		snprintf(key, sizeof(key), "k/%d", k);
		row = newest_find(t, key);
		if ((row ? row->id : 0) != model[k])
			fail_msg("%s: row %jd, not %jd", key, (intmax_t)(row ? row->id : 0),
				 (intmax_t)model[k]);
		n += row != NULL;
	}
	assert_int_equal(t->n, n);
}

/* Against an array: removals leave no hole that a search stops at too early. */
static void it_finds_what_was_put_and_not_removed(void **state)
{
	struct newest t = { 0 };
	int64_t model[KEYS] = { 0 };
	uint64_t luck = 1;

	(void)state;
	for (int64_t step = 1; step <= STEPS; step++) {
		struct newest_row before;
		char key[16];
		int k;

		luck = luck * 6364136223846793005u + 1442695040888963407u;
		k = (int)(luck >> 33) % KEYS;
		snprintf(key, sizeof(key), "k/%d", k);
		before = luck >> 63 ? put(&t, key, step) : newest_remove(&t, key);
		if (before.id != model[k])
			fail_msg("%s: %jd came out, not %jd", key, (intmax_t)before.id,
				 (intmax_t)model[k]);
		record_unref(before.record);
		model[k] = luck >> 63 ? step : 0;
		if (step % 1000 == 0)
			compare(&t, model);
	}
	newest_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(what_is_replaced_is_handed_out),
		cmocka_unit_test(it_finds_what_was_put_and_not_removed),
	};

	return cmocka_run_group_tests_name("newest", tests, NULL, NULL);
}
