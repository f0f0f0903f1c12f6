/* SPDX-License-Identifier: Apache-2.0 */
/* test_vendor_vfio.c - making and removing vGPUs on functions, and what must never be done. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/device.h"
#include "host/driver.h"
#include "tree.h"

#define VF "sys/devices/pci/0000:41:00.4/nvidia/"
#define RECORD "run/facet-host/vgpu-0000:41:00.4"

static const struct host_driver *const driver = &driver_vendor_vfio;

static int setup(void **state)
{
	static struct tree t;

	t = (struct tree){ 0 };
	tree_init(&t);
	tree_l40s(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	tree_done(*state);
	return 0;
}

static struct host_vgpu wanted(const char *profile, uint32_t generation)
{
	struct host_vgpu v = { .framework = FRAMEWORK_VENDOR_VFIO, .address = "0000:41:00.0",
			       .vf = "0000:41:00.4", .placement = PLACEMENT_NONE,
			       .generation = generation };

	snprintf(v.profile, sizeof(v.profile), "%s", profile);
	return v;
}

static void create_ok(struct tree *t, struct host_vgpu *v, enum result expected)
{
	enum result result = RESULT_NONE;
	struct error err = { 0 };

	if (driver->create(t->root, v, &result, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(result, expected);
}

static int destroy(struct tree *t, const struct host_vgpu *v, enum result *result,
		   struct error *err)
{
	uint32_t pid;

	*result = RESULT_NONE;
	return driver->destroy(t->root, v, result, &pid, err);
}

/* As NVIDIA's driver does: a VF in use has nothing creatable. */
static int plays_driver(struct tree *t, const char *path, const char *text)
{
	if (strcmp(path, VF "current_vgpu_type") == 0)
		tree_file(t, VF "creatable_vgpu_types",
			  strcmp(text, "0") ? tree_no_types : tree_l40s_types);
	return 0;
}

/* The id is found by the exact name: "L40S-8Q" must not be taken for "L40S-48Q" or "-8A". */
static void a_type_is_found_by_its_name(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);

	tree_on_write(t, plays_driver);
	create_ok(t, &v, RESULT_CREATED);
	assert_int_equal(v.type_id, 1152);
	assert_int_equal(v.placement, PLACEMENT_NONE);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "1152");
}

static void creating_twice_changes_nothing(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);

	tree_on_write(t, plays_driver);
	create_ok(t, &v, RESULT_CREATED);
	v = wanted("NVIDIA L40S-8Q", 1);
	create_ok(t, &v, RESULT_UNCHANGED);
	assert_int_equal(v.type_id, 1152);
}

/* One that Facet did not make is never taken, not even one of the very type that is wanted. */
static void a_foreign_vgpu_is_never_taken_or_removed(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	tree_vendor(t, "0000:41:00.4", "1152\n", tree_no_types);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "that Facet did not make"));
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_BUSY);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "1152");
	assert_false(tree_has(t, RECORD));
}

/* An operator may hand one over; it must be of the type that is meant. */
static void adoption_takes_over_the_named_type_only(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	v.adopt = 1;
	tree_vendor(t, "0000:41:00.4", "1150\n", tree_no_types);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_BUSY);
	tree_vendor(t, "0000:41:00.4", "1152\n", tree_no_types);
	create_ok(t, &v, RESULT_UNCHANGED);
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
}

/* Placement and parameters are written after the type, and read back into the answer. */
static void placement_and_parameters_are_set(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);

	tree_file(t, VF "placement_id", "0\n");
	strcpy(v.params, "frame_rate_limiter=0,disable_vnc=1");
	v.placement = 24;
	create_ok(t, &v, RESULT_CREATED);
	assert_int_equal(v.placement, 24);
	assert_string_equal(tree_text(t, VF "placement_id"), "24");
	assert_string_equal(tree_text(t, VF "vgpu_params"), "frame_rate_limiter=0,disable_vnc=1");
	/* They can be changed while no VM holds it, and cleared by a single space only. */
	v.params[0] = '\0';
	create_ok(t, &v, RESULT_CHANGED);
	assert_string_equal(tree_text(t, VF "vgpu_params"), " ");
	create_ok(t, &v, RESULT_UNCHANGED);
}

/* NVIDIA's driver says 65535 for "no place". */
static void no_placement_is_no_number(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);

	tree_file(t, VF "placement_id", "65535\n");
	create_ok(t, &v, RESULT_CREATED);
	assert_int_equal(v.placement, PLACEMENT_NONE);
}

static int placement_refused(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	return strstr(path, "placement_id") ? EINVAL : 0;
}

/* A vGPU at another place than the ledger says is worse than none. */
static void a_refused_placement_undoes_the_creation(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result = RESULT_NONE;
	struct error err;

	tree_file(t, VF "placement_id", "0\n");
	tree_on_write(t, placement_refused);
	v.placement = 24;
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NO_CAPACITY);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "0");
	assert_false(tree_has(t, RECORD));
	assert_int_equal(result, RESULT_NONE);
}

static int eio(struct tree *t, const char *path, const char *text)
{
	(void)t;
	return strstr(path, "current_vgpu_type") && strcmp(text, "0") ? EIO : 0;
}

static int eperm(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	return strstr(path, "current_vgpu_type") ? EPERM : 0;
}

/* EIO tells nothing; the reason is in the kernel log, and the operator is sent there. */
static void a_refusal_of_the_driver_names_the_kernel_log(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	tree_on_write(t, eio);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "NVIDIA L40S-8Q on 0000:41:00.4"));
	assert_non_null(strstr(err.text, "journalctl -k"));
	assert_false(tree_has(t, RECORD));
	tree_on_write(t, eperm);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_BUSY);
}

/* "No room" and "no such type" ask for different acts of the operator. */
static void no_room_is_told_from_no_such_type(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	/* Spaces may be trimmed on the way; the name may not. */
	tree_vendor(t, "0000:41:00.4", "0\n", "ID : vGPU Name\n1150 : NVIDIA L40S-4Q\n");
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NO_CAPACITY);
	v = wanted("NVIDIA L40S-8X", 1);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	v = wanted("NVIDIA L40S-4Q", 1);
	create_ok(t, &v, RESULT_CREATED);
	assert_int_equal(v.type_id, 1150);
}

/* A VF of another GPU, or one taken from nvidia, is not written to. */
static void the_function_must_be_what_it_is_said_to_be(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	strcpy(v.address, "0001:41:00.0");
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	strcpy(v.address, "0000:41:00.0");
	strcpy(v.vf, "0000:41:01.7");
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "sriov-manage -e 0000:41:00.0"));
	strcpy(v.vf, "0000:41:00.4");
	tree_remove(t, "sys/devices/pci/0000:41:00.4/nvidia");
	tree_driver(t, "0000:41:00.4", "vfio-pci");
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "bound to vfio-pci"));
}

static void removal_is_verified_and_idempotent(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &v, RESULT_CREATED);
	assert_true(tree_has(t, RECORD));
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "0");
	assert_false(tree_has(t, RECORD));
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
}

/* After sriov-manage -d or a driver reload the function is gone and its vGPU with it. */
static void a_vgpu_without_its_function_is_gone(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &v, RESULT_CREATED);
	tree_remove(t, "sys/devices/pci/0000:41:00.4");
	tree_remove(t, "sys/bus/pci/devices/0000:41:00.4");
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
	assert_false(tree_has(t, RECORD));
}

/* The path of a VF is used again: the late release of the former owner finds a newer one there. */
static void a_late_release_does_not_clear_a_later_owner(void **state)
{
	struct tree *t = *state;
	struct host_vgpu old = wanted("NVIDIA L40S-8Q", 4), new = wanted("NVIDIA L40S-8Q", 5);
	enum result result;
	struct error err;

	create_ok(t, &new, RESULT_CREATED);
	assert_int_equal(destroy(t, &old, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "generation 5"));
	assert_int_equal(driver->create(t->root, &old, &result, &err), -ERR_BUSY);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "1152");
}

/* Functions that were disabled and enabled again are new devices: what is written down of the old
 * ones makes nothing on the new ones ours. */
static void a_record_dies_with_its_function(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 5);
	enum result result;
	struct error err;

	create_ok(t, &v, RESULT_CREATED);
	/* A new directory of that name is made before the old one goes, so that they differ. */
	assert_int_equal(renameat(t->root, "sys/devices/pci/0000:41:00.4", t->root, "sys/old"), 0);
	tree_vf(t, "0000:41:00.0", 0, "0000:41:00.4");
	tree_vendor(t, "0000:41:00.4", "1152\n", tree_no_types);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_BUSY);
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "that Facet did not make"));
	/* An empty one is given to whoever asks, also to a younger ledger. */
	tree_vendor(t, "0000:41:00.4", "0\n", tree_l40s_types);
	v.generation = 1;
	create_ok(t, &v, RESULT_CREATED);
}

/* A late release of an empty place must not take away the record of who is about to fill it. */
static void a_late_release_leaves_the_record(void **state)
{
	struct tree *t = *state;
	struct host_vgpu old = wanted("NVIDIA L40S-8Q", 4), new = wanted("NVIDIA L40S-8Q", 5);
	enum result result;
	struct error err;

	create_ok(t, &new, RESULT_CREATED);
	tree_file(t, VF "current_vgpu_type", "0\n");
	assert_int_equal(destroy(t, &old, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
	assert_true(tree_has(t, RECORD));
}

/* A VMM that still runs is named, and its vGPU stays. */
static void a_vgpu_that_is_held_open_stays(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result = RESULT_NONE;
	struct error err;
	uint32_t pid = 0;

	create_ok(t, &v, RESULT_CREATED);
	tree_process(t, 900, "/dev/vfio/devices/vfio1"); /* that is the next VF */
	tree_process(t, 901, "/dev/vfio/devices/vfio0");
	assert_int_equal(driver->destroy(t->root, &v, &result, &pid, &err), -ERR_BUSY);
	assert_int_equal(pid, 901);
	assert_non_null(strstr(err.text, "process 901"));
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "1152");
	assert_int_equal(driver->holders(t->root, &v, &pid, &err), 0);
	assert_int_equal(pid, 901);
	tree_remove(t, "proc/901");
	assert_int_equal(driver->holders(t->root, &v, &pid, &err), 0);
	assert_int_equal(pid, 0);
	/* Older VMMs open the group instead. */
	tree_iommu_group(t, "0000:41:00.4", 12);
	tree_process(t, 902, "/dev/vfio/12");
	assert_int_equal(driver->destroy(t->root, &v, &result, &pid, &err), -ERR_BUSY);
	assert_int_equal(pid, 902);
}

static int busy_writes;

static int busy_for_a_while(struct tree *t, const char *path, const char *text)
{
	(void)t;
	if (strstr(path, "current_vgpu_type") && strcmp(text, "0") == 0)
		return busy_writes-- > 0 ? EPERM : 0;
	return 0;
}

/* A guest that has just ended keeps the driver busy: the removal is tried again, not given up. */
static void removal_waits_for_the_driver(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &v, RESULT_CREATED);
	tree_on_write(t, busy_for_a_while);
	tree_waits(10);
	busy_writes = 4;
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
	assert_string_equal(tree_text(t, VF "current_vgpu_type"), "0");
}

static int swallows_types(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	return strstr(path, "current_vgpu_type") ? TREE_SWALLOW : 0;
}

/* The write succeeds and the vGPU stays: nothing but quarantine is left. */
static void a_vgpu_that_would_not_go_is_an_error(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &v, RESULT_CREATED);
	tree_on_write(t, swallows_types);
	tree_waits(3);
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "type 1152 is still there"));
	assert_int_equal(result, RESULT_NONE);
	assert_true(tree_has(t, RECORD));
}

/* What is read back counts, not that the write succeeded. */
static void a_type_that_does_not_come_to_be_is_an_error(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA L40S-8Q", 1);
	enum result result;
	struct error err;

	tree_on_write(t, swallows_types);
	assert_int_equal(driver->create(t->root, &v, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "1152 was written and 0 is read back"));
	assert_false(tree_has(t, RECORD));
}

static void the_mode_changes_where_the_driver_has_a_file(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	assert_int_equal(driver->set_mode(t->root, "0000:41:00.0", GPU_MODE_MIXED, &result, &err),
			 -ERR_NO_METHOD);
	assert_non_null(strstr(err.text, "nvidia-smi vgpu -i 0000:41:00.0 -shm 1"));
	tree_file(t, "sys/devices/pci/0000:41:00.0/facetsim/heterogeneous", "0\n");
	assert_int_equal(driver->set_mode(t->root, "0000:41:00.0", GPU_MODE_MIXED, &result, &err),
			 0);
	assert_int_equal(result, RESULT_CHANGED);
	assert_int_equal(driver->set_mode(t->root, "0000:41:00.0", GPU_MODE_MIXED, &result, &err),
			 0);
	assert_int_equal(result, RESULT_UNCHANGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_type_is_found_by_its_name),
		TEST(creating_twice_changes_nothing),
		TEST(a_foreign_vgpu_is_never_taken_or_removed),
		TEST(adoption_takes_over_the_named_type_only),
		TEST(placement_and_parameters_are_set),
		TEST(no_placement_is_no_number),
		TEST(a_refused_placement_undoes_the_creation),
		TEST(a_refusal_of_the_driver_names_the_kernel_log),
		TEST(no_room_is_told_from_no_such_type),
		TEST(the_function_must_be_what_it_is_said_to_be),
		TEST(removal_is_verified_and_idempotent),
		TEST(a_vgpu_without_its_function_is_gone),
		TEST(a_late_release_does_not_clear_a_later_owner),
		TEST(a_record_dies_with_its_function),
		TEST(a_late_release_leaves_the_record),
		TEST(a_vgpu_that_is_held_open_stays),
		TEST(removal_waits_for_the_driver),
		TEST(a_vgpu_that_would_not_go_is_an_error),
		TEST(a_type_that_does_not_come_to_be_is_an_error),
		TEST(the_mode_changes_where_the_driver_has_a_file),
	};
	return cmocka_run_group_tests_name("vendor-vfio", tests, NULL, NULL);
}
