/* SPDX-License-Identifier: Apache-2.0 */
/* test_sysfs.c - small files are read whole or not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/sysfs.h"
#include "tree.h"

static int setup(void **state)
{
	static struct tree t;

	tree_init(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	tree_done(*state);
	return 0;
}

/* A number is a number only when nothing else is in the file: "12x" must not read as 12. */
static void numbers_are_read_strictly(void **state)
{
	static const char *const bad[] = { "", "\n", "12x\n", "-1\n", "+3\n", "1 2\n",
					   "99999999999999999999\n", "0x10\n" };
	struct tree *t = *state;
	uint64_t n = 77;

	tree_file(t, "n", "18446744073709551615\n");
	assert_int_equal(sysfs_read_u64(t->root, "n", &n, NULL), 0);
	assert_true(n == UINT64_MAX);
	n = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tree_file(t, "n", bad[i]);
		assert_int_equal(sysfs_read_u64(t->root, "n", &n, NULL), -ERR_INVALID);
	}
	assert_int_equal(n, 77);
	tree_file(t, "n", "0x030200\n");
	assert_int_equal(sysfs_read_hex(t->root, "n", &n, NULL), 0);
	assert_int_equal(n, 0x030200);
}

/* A text that is cut would be believed: it is refused instead, and the buffer stays as it was. */
static void a_text_that_does_not_fit_is_refused(void **state)
{
	struct tree *t = *state;
	char small[5] = "old";
	struct error err;

	tree_file(t, "s", "four\n");
	assert_int_equal(sysfs_read(t->root, "s", small, sizeof(small), NULL), 0);
	assert_string_equal(small, "four");
	tree_file(t, "s", "fives\n");
	assert_int_equal(sysfs_read(t->root, "s", small, sizeof(small), &err), -ERR_TOO_LARGE);
	assert_string_equal(small, "four");
	assert_non_null(strstr(err.text, "s holds more than 4 bytes"));
}

/* Drivers tell their reasons by errno, so it must come through unharmed. */
static void the_errno_of_a_write_is_kept(void **state)
{
	struct tree *t = *state;
	struct error err;
	int e = -1;

	assert_int_equal(sysfs_write(t->root, "missing", "1", &e, &err), -ERR_NOT_FOUND);
	assert_int_equal(e, ENOENT);
	tree_link(t, "full", "/dev/full");
	assert_int_equal(sysfs_write(t->root, "full", "1", &e, &err), -ERR_UNAVAILABLE);
	assert_int_equal(e, ENOSPC);
	tree_file(t, "f", "old text");
	assert_int_equal(sysfs_write(t->root, "f", "1", &e, &err), 0);
	assert_int_equal(e, 0);
	assert_string_equal(tree_text(t, "f"), "1");
}

static void lists_are_sorted_and_links_named(void **state)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	struct tree *t = *state;
	char name[8];

	tree_file(t, "d/b", "");
	tree_file(t, "d/.hidden", "");
	tree_file(t, "d/a", "");
	tree_file(t, "d/c", "");
	assert_int_equal(sysfs_list(t->root, "d", &list, NULL), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.names[0], "a");
	assert_string_equal(list.names[2], "c");
	tree_link(t, "l", "../../x/nvidia");
	assert_true(sysfs_link(t->root, "l", name, sizeof(name)));
	assert_string_equal(name, "nvidia");
	tree_link(t, "l", "../../x/longer-than-8");
	assert_false(sysfs_link(t->root, "l", name, sizeof(name)));
	assert_false(sysfs_link(t->root, "d/a", name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_are_read_strictly, setup, teardown),
		cmocka_unit_test_setup_teardown(a_text_that_does_not_fit_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_errno_of_a_write_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_are_sorted_and_links_named, setup, teardown),
	};
	return cmocka_run_group_tests_name("sysfs", tests, NULL, NULL);
}
