/* SPDX-License-Identifier: Apache-2.0 */
/* test_passthrough.c - a whole GPU leaves the host and comes back, and what forbids that. */
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
#include "host/inventory.h"
#include "host/passthrough.h"
#include "tree.h"

#define GPU "0000:17:00.0"
#define SOUND "0000:17:00.1"
#define NIC "0000:18:00.0"
#define DEVICES "sys/devices/pci/"

static char override[2][32];
static bool refuses_vfio;

/* As the kernel does: unbind takes the driver away, a probe binds the one that the override names,
 * or without one the driver that knows the device. */
static int plays_kernel(struct tree *t, const char *path, const char *text)
{
	static const char *const own[] = { "nvidia", "snd_hda_intel" };
	int i = strcmp(text, SOUND) == 0 || strstr(path, SOUND) ? 1 : 0;
	const char *address = i ? SOUND : GPU;
	char link[64];

	snprintf(link, sizeof(link), DEVICES "%s/driver", address);
	if (strstr(path, "/driver_override")) {
		snprintf(override[i], sizeof(override[i]), "%s", strcmp(text, "\n") ? text : "");
	} else if (strstr(path, "/unbind")) {
		assert_true(tree_has(t, link));
		tree_remove(t, link);
	} else if (strstr(path, "drivers_probe")) {
		if (strcmp(override[i], "vfio-pci") == 0 && refuses_vfio && i == 1)
			return 0;
		tree_driver(t, address, override[i][0] ? override[i] : own[i]);
	}
	return 0;
}

static int setup(void **state)
{
	static struct tree t;

	t = (struct tree){ 0 };
	tree_init(&t);
	tree_pci(&t, GPU, "0x030000\n", "0x10de\n", "0x2204\n", "0x147d\n");
	tree_pci(&t, SOUND, "0x040300\n", "0x10de\n", "0x1aef\n", "0x147d\n");
	tree_pci(&t, "0000:16:01.0", "0x060400\n", "0x8086\n", "0x347a\n", "0x0000\n");
	tree_driver(&t, "0000:16:01.0", "pcieport");
	tree_driver(&t, GPU, "nvidia");
	tree_driver(&t, SOUND, "snd_hda_intel");
	tree_iommu_group(&t, "0000:16:01.0", 20);
	tree_iommu_group(&t, GPU, 20);
	tree_iommu_group(&t, SOUND, 20);
	tree_file(&t, "sys/bus/pci/drivers/vfio-pci/unbind", "");
	tree_file(&t, DEVICES GPU "/boot_vga", "0\n");
	memset(override, 0, sizeof(override));
	refuses_vfio = false;
	tree_on_write(&t, plays_kernel);
	tree_waits(2);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	passthrough_set_any_class(false);
	tree_done(*state);
	return 0;
}

static const struct host_vgpu wanted = { .framework = FRAMEWORK_PASSTHROUGH, .address = GPU,
					 .profile = HOST_WHOLE_PROFILE, .generation = 1,
					 .placement = PLACEMENT_NONE };

static int create(struct tree *t, enum result *result, struct error *err)
{
	struct host_vgpu v = wanted;

	*result = RESULT_NONE;
	return driver_passthrough.create(t->root, &v, result, err);
}

static int destroy(struct tree *t, enum result *result, struct error *err)
{
	uint32_t pid;

	*result = RESULT_NONE;
	return driver_passthrough.destroy(t->root, &wanted, result, &pid, err);
}

static const char *driver_of(struct tree *t, const char *address)
{
	static char name[32];
	cleanup(cleanup_close) int dir = -1;

	assert_int_equal(device_open(t->root, address, &dir, NULL), 0);
	device_driver(dir, name, sizeof(name));
	return name;
}

/* All functions of the slot go together, and each comes back to the driver it had. */
static void a_gpu_leaves_with_its_sound_device_and_returns(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	assert_int_equal(create(t, &result, &err), 0);
	assert_int_equal(result, RESULT_CREATED);
	assert_string_equal(driver_of(t, GPU), "vfio-pci");
	assert_string_equal(driver_of(t, SOUND), "vfio-pci");
	assert_string_equal(tree_text(t, "run/facet-host/passthrough-" SOUND), "snd_hda_intel");
	assert_int_equal(create(t, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
	assert_int_equal(destroy(t, &result, &err), 0);
	assert_int_equal(result, RESULT_REMOVED);
	assert_string_equal(driver_of(t, GPU), "nvidia");
	assert_string_equal(driver_of(t, SOUND), "snd_hda_intel");
	assert_string_equal(override[0], "");
	assert_int_equal(destroy(t, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
}

/* A half-taken GPU is given back whole: nothing is left without its driver. */
static void a_failed_binding_is_undone(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	refuses_vfio = true;
	assert_int_equal(create(t, &result, &err), -ERR_IO);
	assert_non_null(strstr(err.text, SOUND " was to be bound to vfio-pci"));
	assert_string_equal(driver_of(t, GPU), "nvidia");
	assert_string_equal(driver_of(t, SOUND), "snd_hda_intel");
	assert_false(tree_has(t, "run/facet-host/passthrough-" GPU));
	assert_false(tree_has(t, "run/facet-host/vgpu-" GPU));
}

/* Who bound it to vfio-pci himself gets it back as it was. */
static void a_gpu_that_was_bound_before_stays_bound(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_driver(t, GPU, "vfio-pci");
	tree_driver(t, SOUND, "vfio-pci");
	assert_int_equal(create(t, &result, &err), 0);
	assert_int_equal(result, RESULT_UNCHANGED);
	assert_int_equal(destroy(t, &result, &err), 0);
	assert_string_equal(driver_of(t, GPU), "vfio-pci");
}

static void a_network_interface_in_the_group_refuses(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_pci(t, NIC, "0x020000\n", "0x8086\n", "0x1572\n", "0x0000\n");
	tree_driver(t, NIC, "i40e");
	tree_iommu_group(t, NIC, 20);
	tree_file(t, DEVICES NIC "/net/eno1/carrier", "1\n");
	tree_link(t, "sys/class/net/eno1", "../../devices/pci/" NIC "/net/eno1");
	assert_int_equal(create(t, &result, &err), -ERR_DENIED);
	assert_non_null(strstr(err.text, "network interface eno1 is in use on " NIC));
	assert_string_equal(driver_of(t, GPU), "nvidia");
	/* Unplugged and down it is no longer critical, but the group is still not free. */
	tree_file(t, DEVICES NIC "/net/eno1/carrier", "0\n");
	tree_file(t, DEVICES NIC "/net/eno1/flags", "0x1002\n");
	assert_int_equal(create(t, &result, &err), -ERR_BUSY);
	assert_non_null(strstr(err.text, NIC " shares the IOMMU group"));
	tree_driver(t, NIC, "vfio-pci");
	assert_int_equal(create(t, &result, &err), 0);
}

static void a_disk_in_the_group_refuses(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_pci(t, NIC, "0x010802\n", "0x144d\n", "0xa808\n", "0x0000\n");
	tree_iommu_group(t, NIC, 20);
	tree_link(t, "sys/class/block/nvme0n1", "../../devices/pci/" NIC "/nvme/nvme0/nvme0n1");
	assert_int_equal(create(t, &result, &err), -ERR_DENIED);
	assert_non_null(strstr(err.text, "disk nvme0n1 hangs on " NIC));
}

static void the_boot_display_refuses(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_file(t, DEVICES GPU "/boot_vga", "1\n");
	tree_file(t, "proc/fb", "0 EFI VGA\n");
	assert_int_equal(create(t, &result, &err), -ERR_DENIED);
	assert_non_null(strstr(err.text, "boot display"));
	/* Without a framebuffer console nobody looks at it. */
	tree_file(t, "proc/fb", "");
	assert_int_equal(create(t, &result, &err), 0);
}

/* Unbinding under a client would never return. */
static int lock_not_granted(struct tree *t, const char *path, const char *text)
{
	if (!strstr(path, "unbindLock"))
		return plays_kernel(t, path, text);
	tree_file(t, path, "0\n");
	return EAGAIN;
}

static int lock_kept(struct tree *t, const char *path, const char *text)
{
	(void)t;
	(void)text;
	return strstr(path, "unbindLock") ? EIO : 0;
}

static void a_client_of_the_gpu_refuses(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_file(t, "proc/driver/nvidia/gpus/" GPU "/unbindLock", "0\n");
	tree_on_write(t, lock_not_granted);
	assert_true(create(t, &result, &err) < 0);
	assert_string_equal(driver_of(t, GPU), "nvidia");
	tree_on_write(t, lock_kept);
	assert_true(create(t, &result, &err) < 0);
	assert_string_equal(driver_of(t, GPU), "nvidia");
	/* The lock is a plain file again: what is written is read, so it is granted. */
	tree_on_write(t, plays_kernel);
	assert_int_equal(create(t, &result, &err), 0);
}

static void functions_and_missing_groups_refuse(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	tree_file(t, DEVICES GPU "/sriov_numvfs", "4\n");
	assert_int_equal(create(t, &result, &err), -ERR_BUSY);
	tree_file(t, DEVICES GPU "/sriov_numvfs", "0\n");
	tree_remove(t, DEVICES GPU "/iommu_group");
	assert_int_equal(create(t, &result, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "intel_iommu=on"));
}

/* The lab has no display device to give away; a real host gives nothing else. */
static void only_display_devices_unless_told_otherwise(void **state)
{
	struct tree *t = *state;
	struct passthrough p;
	struct error err;

	assert_int_equal(passthrough_check(t->root, SOUND, &p, &err), -ERR_DENIED);
	passthrough_set_any_class(true);
	assert_int_equal(passthrough_check(t->root, SOUND, &p, &err), 0);
	assert_int_equal(p.n, 2);
}

static void a_gpu_that_is_held_open_stays(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct error err;

	assert_int_equal(create(t, &result, &err), 0);
	tree_process(t, 55, "/dev/vfio/20");
	assert_int_equal(destroy(t, &result, &err), -ERR_BUSY);
	assert_string_equal(driver_of(t, GPU), "vfio-pci");
}

/* A board on which no vGPU can be made is offered whole; one in use is occupied. */
static void inventory_offers_the_whole_gpu(void **state)
{
	struct tree *t = *state;
	enum result result;
	struct gpu *gpus;
	struct error err;
	size_t n;

	assert_int_equal(inventory_scan(t->root, &gpus, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gpus[0].framework, FRAMEWORK_PASSTHROUGH);
	assert_int_equal(gpus[0].mode, GPU_MODE_WHOLE);
	assert_true(gpus[0].poolable);
	assert_true(gpus[0].types[0].creatable);
	assert_int_equal(gpus[0].vgpus_n, 0);
	inventory_free(gpus, n);
	assert_int_equal(create(t, &result, &err), 0);
	assert_int_equal(inventory_scan(t->root, &gpus, &n, &err), 0);
	assert_int_equal(gpus[0].vgpus_n, 0);
	assert_false(gpus[0].types[0].creatable);
	inventory_free(gpus, n);
	/* Somebody else's use of it is shown as a vGPU that is not ours. */
	assert_int_equal(destroy(t, &result, &err), 0);
	tree_driver(t, GPU, "vfio-pci");
	tree_process(t, 60, "/dev/vfio/20");
	assert_int_equal(inventory_scan(t->root, &gpus, &n, &err), 0);
	assert_int_equal(gpus[0].vgpus_n, 1);
	assert_int_equal(gpus[0].vgpus[0].holder_pid, 60);
	assert_false(gpus[0].types[0].creatable);
	inventory_free(gpus, n);
}

/* Other vendors' displays are no GPUs, but in the lab they stand in for one. */
static void a_stand_in_is_shown_in_the_lab_only(void **state)
{
	struct tree *t = *state;
	struct gpu *gpus;
	struct error err;
	size_t n;

	tree_pci(t, "0000:05:00.0", "0x038000\n", "0x1234\n", "0x1111\n", "0x1100\n");
	tree_iommu_group(t, "0000:05:00.0", 3);
	assert_int_equal(inventory_scan(t->root, &gpus, &n, &err), 0);
	assert_int_equal(n, 1);
	inventory_free(gpus, n);
	passthrough_set_any_class(true);
	assert_int_equal(inventory_scan(t->root, &gpus, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(gpus[0].address, "0000:05:00.0");
	assert_string_equal(gpus[0].board, "PCI 1234:1111");
	assert_int_equal(gpus[0].framework, FRAMEWORK_PASSTHROUGH);
	inventory_free(gpus, n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_gpu_leaves_with_its_sound_device_and_returns),
		TEST(a_failed_binding_is_undone),
		TEST(a_gpu_that_was_bound_before_stays_bound),
		TEST(a_network_interface_in_the_group_refuses),
		TEST(a_disk_in_the_group_refuses),
		TEST(the_boot_display_refuses),
		TEST(a_client_of_the_gpu_refuses),
		TEST(functions_and_missing_groups_refuse),
		TEST(only_display_devices_unless_told_otherwise),
		TEST(a_gpu_that_is_held_open_stays),
		TEST(inventory_offers_the_whole_gpu),
		TEST(a_stand_in_is_shown_in_the_lab_only),
	};
	return cmocka_run_group_tests_name("passthrough", tests, NULL, NULL);
}
