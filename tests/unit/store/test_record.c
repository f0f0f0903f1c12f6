/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/record.h"

static void put(struct view *v, const char *key, const char *value, uint64_t revision)
{
	struct record *rec = record_new(key, value, revision);

	view_put(v, rec, view_node_new(v));
	record_unref(rec);
}

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

static void assert_in_order(const struct view *v)
{
	const char *last = "";
	size_t n = 0;

	for (const struct view_node *node = view_seek(v, ""); node; node = node->next[0], n++) {
		if (n > 0 && strcmp(last, node->record->key) >= 0)
			fail_msg("%s before %s", last, node->record->key);
		last = node->record->key;
	}
	assert_int_equal(n, v->n);
}

/* Against an array: whatever is put and removed, what is found is what is there. */
static void the_view_is_an_ordered_map(void **state)
{
	enum { KEYS = 300, STEPS = 20000 };
	static uint64_t model[KEYS];
	struct view v = { 0 };
	uint64_t luck = 42;

	(void)state;
	for (int step = 1; step <= STEPS; step++) {
		char key[16];
		unsigned k;

		luck = luck * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned)(luck >> 33) % KEYS;
		snprintf(key, sizeof(key), "%x", k);
		if (luck >> 62) {
			put(&v, key, "v", (uint64_t)step);
			model[k] = (uint64_t)step;
		} else {
			assert_int_equal(view_remove(&v, key), model[k] != 0);
			model[k] = 0;
		}
		assert_int_equal(view_find(&v, key) ? view_find(&v, key)->revision : 0, model[k]);
	}
	assert_in_order(&v);
	for (unsigned k = 0; k < KEYS; k++) {
		char key[16];

		snprintf(key, sizeof(key), "%x", k);
		assert_int_equal(view_find(&v, key) ? view_find(&v, key)->revision : 0, model[k]);
	}
	view_done(&v);
	assert_int_equal(v.n, 0);
}

static void a_seek_finds_the_first_key_not_before(void **state)
{
	struct view v = { 0 };

	(void)state;
	assert_null(view_seek(&v, ""));
	put(&v, "b", "1", 1);
	put(&v, "d", "1", 2);
	assert_string_equal(view_seek(&v, "")->record->key, "b");
	assert_string_equal(view_seek(&v, "b")->record->key, "b");
	assert_string_equal(view_seek(&v, "c")->record->key, "d");
	assert_null(view_seek(&v, "e"));
	assert_null(view_find(&v, "c"));
	view_done(&v);
}

/* The whole daemon has 64 MiB: ten thousand leases of 900 bytes may have little more than their
 * size. */
static void ten_thousand_leases_stay_small(void **state)
{
	enum { LEASES = 10000, VALUE = 900 };
	char key[64], value[VALUE + 1];
	struct mallinfo2 before = mallinfo2(), after;
	struct view v = { 0 };

	(void)state;
	memset(value, 'v', VALUE);
	value[VALUE] = '\0';
	for (int i = 0; i < LEASES; i++) {
		snprintf(key, sizeof(key), "lease/%08x-0000-4000-8000-000000000000",
			 (unsigned)i * 2654435761u);
		put(&v, key, value, (uint64_t)i + 1);
	}
	after = mallinfo2();
	assert_int_equal(v.n, LEASES);
	/* mallinfo says nothing under a sanitizer's allocator, and this is then true of itself. */
	assert_in_range(after.uordblks - before.uordblks, 0, 11 << 20);
	view_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_lives_as_long_as_its_last_reference),
		cmocka_unit_test(a_deletion_has_no_value),
		cmocka_unit_test(the_view_is_an_ordered_map),
		cmocka_unit_test(a_seek_finds_the_first_key_not_before),
		cmocka_unit_test(ten_thousand_leases_stay_small),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
