/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/newest.h"

static struct newest_row put_value(struct newest *t, const char *key, const char *value, int64_t id)
{
	struct record *rec = record_new(key, value, (uint64_t)id);
	struct newest_row before;

	assert_true(newest_reserve(t, 1));
	before = newest_put(t, rec, id);
	record_unref(rec);
	return before;
}

static struct newest_row put(struct newest *t, const char *key, int64_t id)
{
	return put_value(t, key, "v", id);
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

static void assert_under(const struct newest *t, const char *prefix, const char *keys)
{
	struct record **rows;
	char all[64] = "";
	size_t n;

	assert_true(newest_under(t, prefix, &rows, &n));
	for (size_t i = 0; i < n; i++)
		strcat(strcat(all, rows[i]->key), " ");
	free(rows);
	assert_string_equal(all, keys);
}

static void what_is_under_a_prefix_comes_in_key_order(void **state)
{
	static const char *const keys[] = { "b/2", "a/1", "b/10", "b", "c/1", "b/1" };
	struct newest t = { 0 };

	(void)state;
	assert_under(&t, "", "");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(&t, keys[i], (int64_t)i + 1);
	assert_under(&t, "b/", "b/1 b/10 b/2 ");
	assert_under(&t, "", "a/1 b b/1 b/10 b/2 c/1 ");
	assert_under(&t, "d", "");
	newest_done(&t);
}

/* The whole daemon has 64 MiB: ten thousand leases of 900 bytes may have little more than their
 * size. */
static void ten_thousand_leases_stay_small(void **state)
{
	enum { LEASES = 10000, VALUE = 900 };
	char key[64], value[VALUE + 1];
	struct mallinfo2 before = mallinfo2(), after;
	struct newest t = { 0 };

	(void)state;
	memset(value, 'v', VALUE);
	value[VALUE] = '\0';
	for (int i = 0; i < LEASES; i++) {
		snprintf(key, sizeof(key), "lease/%08x-0000-4000-8000-000000000000",
			 (unsigned)i * 2654435761u);
		put_value(&t, key, value, i + 1);
	}
	after = mallinfo2();
	assert_int_equal(t.n, LEASES);
	/* mallinfo says nothing under a sanitizer's allocator, and this is then true of itself. */
	assert_in_range(after.uordblks - before.uordblks, 0, 11 << 20);
	newest_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(what_is_replaced_is_handed_out),
		cmocka_unit_test(it_finds_what_was_put_and_not_removed),
		cmocka_unit_test(what_is_under_a_prefix_comes_in_key_order),
		cmocka_unit_test(ten_thousand_leases_stay_small),
	};

	return cmocka_run_group_tests_name("newest", tests, NULL, NULL);
}
