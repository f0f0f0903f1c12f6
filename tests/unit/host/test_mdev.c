/* SPDX-License-Identifier: Apache-2.0 */
/* test_mdev.c - mediated devices on a PF, on a function, and on any other parent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/driver.h"
#include "tree.h"

#define UUID_A "11111111-2222-4333-8444-555555555555"
#define T4 "0001:00:10.0"
#define TYPES "sys/devices/pci/" T4 "/mdev_supported_types/"

/* Takes off what tree_mdev() made. */
static void drop(struct tree *t, const char *parent, const char *type)
{
	char path[160];

	snprintf(path, sizeof(path), "sys/devices/%s/%s/" UUID_A,
		 strchr(parent, ':') ? "pci" : "virtual", parent);
	tree_remove(t, path);
	snprintf(path, sizeof(path), "sys/devices/%s/%s/mdev_supported_types/%s/devices/" UUID_A,
		 strchr(parent, ':') ? "pci" : "virtual", parent, type);
	tree_remove(t, path);
	tree_remove(t, "sys/bus/mdev/devices/" UUID_A);
}

/* As the kernel does: a UUID written makes the device, 1 written to remove takes it away. */
static int plays_driver(struct tree *t, const char *path, const char *text)
{
	char type[32], parent[32], kind[16];

	if (sscanf(path, "sys/devices/%15[^/]/%31[^/]/mdev_supported_types/%31[^/]/create", kind,
		   parent, type) == 3 &&
	    strstr(path, "/create")) {
		assert_string_equal(text, UUID_A);
		tree_mdev(t, parent, type, UUID_A);
	} else if (strcmp(path, "sys/bus/mdev/devices/" UUID_A "/remove") == 0) {
		if (tree_has(t, "sys/class/mdev_bus/mtty"))
			drop(t, "mtty", "mtty-2");
		drop(t, T4, "nvidia-232");
		drop(t, T4, "nvidia-231");
		return ENOENT; /* the file went with the device */
	}
	return 0;
}

static int setup(void **state)
{
	static struct tree t;

	t = (struct tree){ 0 };
	tree_init(&t);
	tree_pci(&t, T4, "0x030200\n", "0x10de\n", "0x1eb8\n", "0x12a2\n");
	tree_driver(&t, T4, "nvidia");
	tree_mdev_type(&t, T4, "nvidia-231", "GRID T4-2Q\n", NULL, "8\n");
	tree_mdev_type(&t, T4, "nvidia-232", "GRID T4-4Q\n", NULL, "4\n");
	tree_on_write(&t, plays_driver);
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
	struct host_vgpu v = { .framework = FRAMEWORK_MDEV, .address = T4, .mdev_uuid = UUID_A,
			       .placement = PLACEMENT_NONE, .generation = generation };

	snprintf(v.profile, sizeof(v.profile), "%s", profile);
	return v;
}

static void create_ok(struct tree *t, const struct host_driver *driver, struct host_vgpu *v,
		      enum result expected)
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
	return driver_mdev.destroy(t->root, v, result, &pid, err);
}

static void making_and_removing_are_idempotent(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	assert_int_equal(v.type_id, 232);
	assert_true(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
	create_ok(t, &driver_mdev, &v, RESULT_UNCHANGED);
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
	assert_false(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
}

/* The same UUID elsewhere is somebody else's. */
static void a_uuid_of_another_type_or_parent_is_left_alone(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	tree_mdev(t, T4, "nvidia-231", UUID_A);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, "is GRID T4-2Q on " T4 ", not GRID T4-4Q"));
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_BUSY);
	drop(t, T4, "nvidia-231");
	tree_mdev_type(t, "0001:00:11.0", "nvidia-232", "GRID T4-4Q\n", NULL, "4\n");
	tree_mdev(t, "0001:00:11.0", "nvidia-232", UUID_A);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_BUSY);
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_BUSY);
	assert_true(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
}

static int enospc(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	return strstr(path, "/create") ? ENOSPC : 0;
}

static void no_instance_left_is_no_capacity(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	tree_file(t, TYPES "nvidia-232/available_instances", "0\n");
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_NO_CAPACITY);
	tree_file(t, TYPES "nvidia-232/available_instances", "1\n");
	tree_on_write(t, enospc);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_NO_CAPACITY);
	v = wanted("GRID T4-3Q", 1);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	assert_false(tree_has(t, "run/facet-host/vgpu-" UUID_A));
}

static int makes_nothing(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)path;
	(void)text;
	return 0;
}

/* The write was taken and no device came of it: an error, never "created". */
static void creation_is_verified(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result = RESULT_NONE;
	struct error err;

	tree_on_write(t, makes_nothing);
	tree_waits(3);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "no device appeared"));
	assert_int_equal(result, RESULT_NONE);
}

static void an_mdev_that_is_held_open_stays(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;
	uint32_t pid;

	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	tree_link(t, "sys/devices/pci/" T4 "/" UUID_A "/iommu_group",
		  "../../../../kernel/iommu_groups/31");
	tree_process(t, 77, "/dev/vfio/31");
	assert_int_equal(driver_mdev.destroy(t->root, &v, &result, &pid, &err), -ERR_BUSY);
	assert_int_equal(pid, 77);
	assert_true(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
}

/* An older generation's release is late, whatever lies there now. */
static void a_late_release_is_refused(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 8);
	enum result result;
	struct error err;

	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	v.generation = 7;
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_BUSY);
	assert_true(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
}

static bool was_written;

static int never_removes(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	if (!strstr(path, "/remove"))
		return 0;
	was_written = true;
	return EBUSY;
}

/* Where the driver never lets go, the slice is to be quarantined. */
static void an_mdev_that_would_not_go_is_an_error(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	was_written = false;
	tree_on_write(t, never_removes);
	tree_waits(4);
	assert_int_equal(destroy(t, &v, &result, &err), -ERR_IO);
	assert_true(was_written);
	assert_non_null(strstr(err.text, "still there"));
}

static void driver_removes_it(struct tree *t)
{
	drop(t, T4, "nvidia-232");
}

/* Drivers of vGPU 15 remove the mdev after the VM; doing it twice costs the vGPU until reboot, so
 * nothing is written while they may still come to it. */
static void a_driver_that_removes_by_itself_is_waited_for(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	tree_file(t, "sys/module/nvidia/version", "525.85.07\n");
	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	was_written = false;
	tree_on_write(t, never_removes);
	tree_waits(2);
	tree_on_wait(driver_removes_it);
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
	assert_false(was_written);
}

/* A UUID that turns up between our look and our write is not removed as if it were ours. */
static int taken_meanwhile(struct tree *t, const char *path, const char *text)
{
	(void)text;
	if (!strstr(path, "/create"))
		return plays_driver(t, path, text);
	tree_mdev(t, T4, "nvidia-231", UUID_A);
	return EEXIST;
}

static void a_lost_race_for_a_uuid_harms_nobody(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("GRID T4-4Q", 1);
	enum result result;
	struct error err;

	tree_on_write(t, taken_meanwhile);
	assert_int_equal(driver_mdev.create(t->root, &v, &result, &err), -ERR_EXISTS);
	assert_true(tree_has(t, "sys/bus/mdev/devices/" UUID_A));
}

/* The samples of the kernel have no file for parameters; they need none. */
static void any_parent_takes_an_mdev(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("Dual port serial", 1);
	enum result result;
	struct error err;

	tree_mdev_type(t, "mtty", "mtty-2", "Dual port serial\n", NULL, "12\n");
	strcpy(v.address, "mtty");
	create_ok(t, &driver_mdev, &v, RESULT_CREATED);
	assert_int_equal(v.type_id, 2);
	assert_int_equal(destroy(t, &v, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
}

static void a_function_carries_its_own_mdev(void **state)
{
	struct tree *t = *state;
	struct host_vgpu v = wanted("NVIDIA A2-4C", 1);
	enum result result;
	struct error err;
	uint32_t pid;

	tree_pci(t, "0000:08:00.0", "0x030200\n", "0x10de\n", "0x25b6\n", "0x157e\n");
	tree_vf(t, "0000:08:00.0", 0, "0000:08:00.4");
	tree_mdev_type(t, "0000:08:00.4", "nvidia-754", "NVIDIA A2-4C\n", NULL, "1\n");
	strcpy(v.address, "0000:08:00.0");
	strcpy(v.vf, "0000:08:00.5");
	assert_int_equal(driver_mdev_vf.create(t->root, &v, &result, &err), -ERR_NOT_FOUND);
	strcpy(v.vf, "0000:08:00.4");
	create_ok(t, &driver_mdev_vf, &v, RESULT_CREATED);
	create_ok(t, &driver_mdev_vf, &v, RESULT_UNCHANGED);
	assert_int_equal(driver_mdev_vf.holders(t->root, &v, &pid, &err), 0);
	assert_int_equal(pid, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(making_and_removing_are_idempotent),
		TEST(a_uuid_of_another_type_or_parent_is_left_alone),
		TEST(no_instance_left_is_no_capacity),
		TEST(creation_is_verified),
		TEST(an_mdev_that_is_held_open_stays),
		TEST(a_late_release_is_refused),
		TEST(an_mdev_that_would_not_go_is_an_error),
		TEST(a_driver_that_removes_by_itself_is_waited_for),
		TEST(a_lost_race_for_a_uuid_harms_nobody),
		TEST(any_parent_takes_an_mdev),
		TEST(a_function_carries_its_own_mdev),
	};
	return cmocka_run_group_tests_name("mdev", tests, NULL, NULL);
}
