/* SPDX-License-Identifier: Apache-2.0 */
/* test_vf.c - enabling functions with a tool that succeeds, stumbles, fails and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/vf.h"
#include "tree.h"

#define PF "0001:41:00.0"
#define DEVICES "sys/devices/pci/"

/* What the tool does when it works: two functions, as links in the tree it finds itself in. */
#define ENABLES \
	"root=${0%/usr/lib/nvidia/sriov-manage}\n"                       \
	"cd \"$root/" DEVICES "$2\" || exit 9\n"                         \
	"ln -sfn ../0001:41:00.4 virtfn0; ln -sfn ../0001:41:00.5 virtfn1\n" \
	"echo 2 >sriov_numvfs\n"

static int setup(void **state)
{
	static struct tree t;

	t = (struct tree){ 0 };
	tree_init(&t);
	tree_pci(&t, PF, "0x030200\n", "0x10de\n", "0x26b9\n", "0x1851\n");
	tree_driver(&t, PF, "nvidia");
	tree_file(&t, DEVICES PF "/sriov_totalvfs", "32\n");
	tree_file(&t, DEVICES PF "/sriov_numvfs", "0\n");
	tree_waits(5);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	tree_done(*state);
	return 0;
}

static void tool(struct tree *t, const char *script)
{
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\n[ \"$1\" = -e ] || exit 8\n%s", script);
	tree_file(t, "usr/lib/nvidia/sriov-manage", text);
	assert_int_equal(fchmodat(t->root, "usr/lib/nvidia/sriov-manage", 0755, 0), 0);
}

static int enable(struct tree *t, enum result *result, struct error *err)
{
	*result = RESULT_NONE;
	*err = (struct error){ 0 };
	return vf_enable(t->root, PF, result, err);
}

static void functions_are_enabled_once(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, ENABLES);
	assert_int_equal(enable(t, &result, &err), 0);
	assert_int_equal(result, RESULT_CREATED);
	/* The second time the tool must not run: it would destroy what has been made since. */
	tool(t, "exit 1\n");
	assert_int_equal(enable(t, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
}

/* A monitoring program holds the GPU for a moment. */
static void a_held_lock_is_tried_again(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, "if [ ! -e \"$0.tried\" ]; then : >\"$0.tried\"\n"
		"echo 'Cannot obtain unbindLock for '$2 >&2; exit 1; fi\n" ENABLES);
	assert_int_equal(enable(t, &result, &err), 0);
	assert_int_equal(result, RESULT_CREATED);
}

static void a_lock_that_stays_held_is_busy(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, "echo tried >>\"$0.log\"; echo 'Cannot obtain unbindLock'; exit 1\n");
	assert_int_equal(enable(t, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "DCGM"));
	assert_int_equal(strlen(tree_text(t, "usr/lib/nvidia/sriov-manage.log")), 6 * 6 - 1);
	assert_int_equal(result, RESULT_NONE);
}

/* Any other failure is told at once, in the tool's last words. */
static void a_failure_carries_the_tools_words(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, "echo tried >>\"$0.log\"; echo first; echo 'SR-IOV is disabled in the VBIOS' >&2; "
		"exit 3\n");
	assert_int_equal(enable(t, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "sriov-manage failed (3): SR-IOV is disabled in the "
					 "VBIOS"));
	assert_string_equal(tree_text(t, "usr/lib/nvidia/sriov-manage.log"), "tried");
}

/* Exit status 0 proves nothing. */
static void success_is_verified(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, "exit 0\n");
	assert_int_equal(enable(t, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "0 of 0 functions exist"));
}

static int binds_again(struct tree *t, const char *path, const char *text)
{
	if (strstr(path, "drivers_probe"))
		tree_driver(t, text, "nvidia");
	return 0;
}

/* The tool can race with the driver and leave the GPU without any. */
static void a_gpu_left_without_driver_is_probed_again(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, ENABLES "rm -f driver; echo 'No such device' >&2; exit 1\n");
	assert_int_equal(enable(t, &result, &err), -ERR_IO);
	tree_remove(t, DEVICES PF "/virtfn0");
	tree_remove(t, DEVICES PF "/virtfn1");
	tree_file(t, DEVICES PF "/sriov_numvfs", "0\n");
	tree_driver(t, PF, "nvidia");
	tree_waits(5);
	tree_on_write(t, binds_again);
	assert_int_equal(enable(t, &result, &err), 0);
	assert_int_equal(result, RESULT_CREATED);
}

static void gpus_with_vgpus_or_without_sriov_are_refused(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	assert_int_equal(enable(t, &result, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "sriov-manage is not there"));
	tool(t, ENABLES);
	tree_mdev_type(t, PF, "nvidia-1", "T-1Q\n", NULL, "1\n");
	tree_mdev(t, PF, "nvidia-1", "11111111-2222-4333-8444-555555555555");
	assert_int_equal(enable(t, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "1 vGPUs exist"));
	tree_file(t, DEVICES PF "/sriov_totalvfs", "0\n");
	assert_int_equal(enable(t, &result, &err), -ERR_NOT_FOUND);
}

/* A tool that talks without end must neither fill memory nor stop for want of a reader. */
static void endless_output_is_cut(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tool(t, "i=0; while [ $i -lt 5000 ]; do echo 'a line that nobody needs to read'; "
		"i=$((i+1)); done\n" ENABLES);
	assert_int_equal(enable(t, &result, &err), 0);
}

static void last_words_are_printable(void **state)
{
	char words[16];

	(void)state;
	vf_last_words("one\ntwo\x1b[0m\n\n", words, sizeof(words));
	assert_string_equal(words, "two?[0m");
	vf_last_words("", words, sizeof(words));
	assert_string_equal(words, "");
	vf_last_words("a line that is longer than the room for it", words, sizeof(words));
	assert_int_equal(strlen(words), 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_are_enabled_once),
		TEST(a_held_lock_is_tried_again),
		TEST(a_lock_that_stays_held_is_busy),
		TEST(a_failure_carries_the_tools_words),
		TEST(success_is_verified),
		TEST(a_gpu_left_without_driver_is_probed_again),
		TEST(gpus_with_vgpus_or_without_sriov_are_refused),
		TEST(endless_output_is_cut),
		cmocka_unit_test(last_words_are_printable),
	};
	return cmocka_run_group_tests_name("vf", tests, NULL, NULL);
}
