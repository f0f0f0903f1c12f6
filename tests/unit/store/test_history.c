/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/history.h"

static int setup(void **state)
{
	static struct history h;

	*state = &h;
	return history_init(&h, NULL);
}

static int teardown(void **state)
{
	history_done(*state);
	return 0;
}

static void append(struct history *h, uint64_t revision, const char *value)
{
	struct record *rec = record_new("k", value, revision);

	history_append(h, rec);
	record_unref(rec);
}

static void a_watch_begins_at_the_first_change_after_its_revision(void **state)
{
	struct history *h = *state;

	assert_int_equal(history_after(h, 0), 0);
	/* A batch of three, one of two; revision 4 changed nothing. */
	append(h, 3, "a");
	append(h, 3, "b");
	append(h, 3, "c");
	append(h, 5, "d");
	append(h, 5, "e");
	assert_int_equal(history_after(h, 0), 0);
	assert_int_equal(history_after(h, 2), 0);
	assert_int_equal(history_after(h, 3), 3);
	assert_int_equal(history_after(h, 4), 3);
	assert_int_equal(history_after(h, 5), 5);
	assert_int_equal(history_after(h, 9), 5);
	assert_string_equal(history_at(h, 3)->value, "d");
}

static void too_many_changes_drop_the_oldest(void **state)
{
	struct history *h = *state;

	for (uint64_t i = 1; i <= HISTORY_ROWS; i++)
		append(h, i, "v");
	history_trim(h);
	assert_int_equal(h->first, 0);
	assert_int_equal(h->floor, 0);
	for (uint64_t i = 1; i <= STORE_BATCH_MAX; i++)
		append(h, HISTORY_ROWS + 1, "v");
	assert_int_equal(h->first, 0);
	history_trim(h);
	assert_int_equal(h->end - h->first, HISTORY_ROWS);
	assert_int_equal(h->floor, STORE_BATCH_MAX);
	assert_int_equal(history_at(h, h->first)->revision, STORE_BATCH_MAX + 1);
}

static void too_many_bytes_drop_the_oldest(void **state)
{
	static char value[(1 << 20) + 1];
	struct history *h = *state;

	memset(value, 'v', sizeof(value) - 1);
	for (uint64_t i = 1; i <= 20; i++)
		append(h, i, value);
	history_trim(h);
	assert_true(h->bytes <= HISTORY_BYTES);
	assert_int_equal(h->end - h->first, 7);
	assert_int_equal(h->floor, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_watch_begins_at_the_first_change_after_its_revision, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_changes_drop_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_bytes_drop_the_oldest, setup, teardown),
	};
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
