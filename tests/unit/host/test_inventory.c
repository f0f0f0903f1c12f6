/* SPDX-License-Identifier: Apache-2.0 */
/* test_inventory.c - what a host's files say of its GPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/inventory.h"
#include "tree.h"

#define UUID_A "11111111-2222-4333-8444-555555555555"

struct fixture {
	struct tree tree;
	struct gpu *gpus;
	size_t n;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tree_init(&f->tree);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inventory_free(f->gpus, f->n);
	tree_done(&f->tree);
	free(f);
	return 0;
}

static void scan(struct fixture *f)
{
	struct error err = { 0 };

	inventory_free(f->gpus, f->n);
	f->gpus = NULL;
	f->n = 0;
	if (inventory_scan(f->tree.root, &f->gpus, &f->n, &err) < 0)
		fail_msg("%s", err.text);
}

static const struct gpu_type *type_of(const struct gpu *g, const char *name)
{
	for (size_t i = 0; i < g->types_n; i++)
		if (strcmp(g->types[i].name, name) == 0)
			return &g->types[i];
	return NULL;
}

/* A VF is never a GPU, and all that one VF may create is offered by the GPU. */
static void vendor_vfio_gpu_is_read_through_its_functions(void **state)
{
	struct fixture *f = *state;
	const struct gpu_type *t;
	const struct gpu *g;

	tree_l40s(&f->tree);
	scan(f);
	assert_int_equal(f->n, 1);
	g = &f->gpus[0];
	assert_string_equal(g->address, "0000:41:00.0");
	assert_string_equal(g->board, "NVIDIA L40S");
	assert_string_equal(g->driver, "nvidia");
	assert_int_equal(g->framework, FRAMEWORK_VENDOR_VFIO);
	assert_int_equal(g->mode, GPU_MODE_EQUAL);
	assert_int_equal(g->vf_total, 32);
	assert_int_equal(g->vf_enabled, 3);
	assert_int_equal(g->functions_n, 3);
	assert_string_equal(g->functions[0], "0000:41:00.4");
	assert_string_equal(g->functions[2], "0000:41:00.6");
	assert_int_equal(g->numa, -1);
	assert_true(g->poolable);
	assert_int_equal(g->types_n, 23);
	assert_int_equal(g->vgpus_n, 0);
	assert_int_equal(g->health, GPU_HEALTH_OK);
	t = type_of(g, "NVIDIA L40S-8Q");
	assert_non_null(t);
	assert_int_equal(t->type_id, 1152);
	assert_int_equal(t->fb_mib, 8192);
	assert_int_equal(t->max, 6);
	assert_true(t->creatable);
}

/* With a vGPU on one VF the siblings' lists shrink and its own is empty; the names that were seen
 * before are still known, and so is the name of what lies there. */
static void names_outlive_the_shrinking_list(void **state)
{
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	scan(f);
	tree_vendor(&f->tree, "0000:41:00.4", "1152\n", tree_no_types);
	tree_vendor(&f->tree, "0000:41:00.5", "0\n", "ID    : vGPU Name\n1152  : NVIDIA L40S-8Q\n");
	tree_vendor(&f->tree, "0000:41:00.6", "0\n", "ID    : vGPU Name\n1152  : NVIDIA L40S-8Q\n");
	tree_file(&f->tree, "sys/devices/pci/0000:41:00.4/nvidia/placement_id", "24\n");
	tree_process(&f->tree, 4711, "/dev/vfio/devices/vfio0");
	scan(f);
	assert_int_equal(f->gpus[0].types_n, 23);
	assert_true(type_of(&f->gpus[0], "NVIDIA L40S-8Q")->creatable);
	assert_false(type_of(&f->gpus[0], "NVIDIA L40S-4Q")->creatable);
	assert_int_equal(type_of(&f->gpus[0], "NVIDIA L40S-4Q")->type_id, 1150);
	assert_int_equal(f->gpus[0].vgpus_n, 1);
	assert_string_equal(f->gpus[0].vgpus[0].profile, "NVIDIA L40S-8Q");
	assert_string_equal(f->gpus[0].vgpus[0].address, "0000:41:00.4");
	assert_int_equal(f->gpus[0].vgpus[0].placement, 24);
	assert_int_equal(f->gpus[0].vgpus[0].holder_pid, 4711);
	assert_int_equal(f->gpus[0].vgpus[0].owner, VGPU_OWNER_FOREIGN);
}

/* The first look may find a full GPU: only the header is left everywhere.  The catalogue tells what
 * the board has, and a foreign vGPU is counted under its name. */
static void a_full_gpu_is_described_by_the_catalogue(void **state)
{
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	tree_vendor(&f->tree, "0000:41:00.4", "1156\n", tree_no_types);
	tree_vendor(&f->tree, "0000:41:00.5", "0\n", tree_no_types);
	tree_vendor(&f->tree, "0000:41:00.6", "0\n", "ID    : vGPU Name");
	scan(f);
	assert_true(f->gpus[0].poolable);
	assert_non_null(type_of(&f->gpus[0], "NVIDIA L40S-48C"));
	assert_false(type_of(&f->gpus[0], "NVIDIA L40S-48C")->creatable);
	assert_string_equal(f->gpus[0].vgpus[0].profile, "NVIDIA L40S-48Q");
}

/* Only the lab's driver has a file for it. */
static void mixed_size_mode_is_seen(void **state)
{
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	tree_file(&f->tree, "sys/devices/pci/0000:41:00.0/facetsim/heterogeneous", "1\n");
	scan(f);
	assert_int_equal(f->gpus[0].mode, GPU_MODE_MIXED);
}

/* The domain is part of the address: GPUs of two domains differ in nothing else here. */
static void domains_tell_gpus_apart(void **state)
{
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	tree_pci(&f->tree, "0001:41:00.0", "0x030200\n", "0x10de\n", "0x26b9\n", "0x1851\n");
	tree_driver(&f->tree, "0001:41:00.0", "nvidia");
	tree_file(&f->tree, "sys/devices/pci/0001:41:00.0/sriov_totalvfs", "32\n");
	tree_file(&f->tree, "sys/devices/pci/0001:41:00.0/sriov_numvfs", "1\n");
	tree_vf(&f->tree, "0001:41:00.0", 0, "0001:41:00.4");
	tree_vendor(&f->tree, "0001:41:00.4", "1145\n", tree_no_types);
	scan(f);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->gpus[1].address, "0001:41:00.0");
	assert_int_equal(f->gpus[0].vgpus_n, 0);
	assert_int_equal(f->gpus[1].vgpus_n, 1);
	assert_string_equal(f->gpus[1].vgpus[0].address, "0001:41:00.4");
}

/* Texts of a real A2 under mdev on its VFs. */
static void mdev_types_of_functions_are_read(void **state)
{
	struct fixture *f = *state;
	const struct gpu *g;

	tree_pci(&f->tree, "0000:08:00.0", "0x030200\n", "0x10de\n", "0x25b6\n", "0x157e\n");
	tree_driver(&f->tree, "0000:08:00.0", "nvidia");
	tree_file(&f->tree, "sys/devices/pci/0000:08:00.0/sriov_totalvfs", "16\n");
	tree_file(&f->tree, "sys/devices/pci/0000:08:00.0/sriov_numvfs", "2\n");
	tree_vf(&f->tree, "0000:08:00.0", 0, "0000:08:00.4");
	tree_vf(&f->tree, "0000:08:00.0", 1, "0000:08:00.5");
	for (int i = 4; i <= 5; i++) {
		char vf[PCI_SIZE];

		snprintf(vf, sizeof(vf), "0000:08:00.%d", i);
		tree_mdev_type(&f->tree, vf, "nvidia-754", "NVIDIA A2-4C\n",
			       "num_heads=1, frl_config=60, framebuffer=4096M, "
			       "max_resolution=4096x2400, max_instance=4\n",
			       i == 4 ? "0\n" : "1\n");
		tree_mdev_type(&f->tree, vf, "nvidia-745", "NVIDIA A2-2Q\n", NULL, "0\n");
	}
	tree_mdev(&f->tree, "0000:08:00.4", "nvidia-754", UUID_A);
	scan(f);
	assert_int_equal(f->n, 1);
	g = &f->gpus[0];
	assert_int_equal(g->framework, FRAMEWORK_MDEV_VF);
	assert_string_equal(g->board, "NVIDIA A2");
	assert_int_equal(g->types_n, 2);
	assert_int_equal(type_of(g, "NVIDIA A2-4C")->max, 4);
	assert_int_equal(type_of(g, "NVIDIA A2-4C")->fb_mib, 4096);
	assert_true(type_of(g, "NVIDIA A2-4C")->creatable);
	assert_int_equal(type_of(g, "NVIDIA A2-2Q")->fb_mib, 2048);
	assert_false(type_of(g, "NVIDIA A2-2Q")->creatable);
	assert_int_equal(g->vgpus_n, 1);
	assert_string_equal(g->vgpus[0].mdev_uuid, UUID_A);
	assert_string_equal(g->vgpus[0].address, "0000:08:00.4");
	assert_int_equal(g->vgpus[0].type_id, 754);
	assert_int_equal(g->vgpus[0].placement, PLACEMENT_NONE);
}

static void mdev_on_the_physical_function_is_read(void **state)
{
	struct fixture *f = *state;

	tree_pci(&f->tree, "0001:00:10.0", "0x030200\n", "0x10de\n", "0x1eb8\n", "0x12a2\n");
	tree_driver(&f->tree, "0001:00:10.0", "nvidia");
	tree_mdev_type(&f->tree, "0001:00:10.0", "nvidia-231", "GRID T4-2Q\n", NULL, "7\n");
	tree_mdev(&f->tree, "0001:00:10.0", "nvidia-231", UUID_A);
	scan(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->gpus[0].framework, FRAMEWORK_MDEV);
	assert_string_equal(f->gpus[0].board, "Tesla T4");
	assert_int_equal(type_of(&f->gpus[0], "GRID T4-2Q")->max, 8);
	assert_int_equal(f->gpus[0].vgpus_n, 1);
	assert_string_equal(f->gpus[0].vgpus[0].address, "0001:00:10.0");
}

/* The kernel's sample devices are parents like any other, and no PCI devices. */
static void any_mdev_parent_can_be_pooled(void **state)
{
	struct fixture *f = *state;

	tree_mdev_type(&f->tree, "mtty", "mtty-2", "Dual port serial\n", NULL, "12\n");
	tree_mdev(&f->tree, "mtty", "mtty-2", UUID_A);
	scan(f);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->gpus[0].address, "mtty");
	assert_string_equal(f->gpus[0].board, "mtty");
	assert_int_equal(f->gpus[0].framework, FRAMEWORK_MDEV);
	assert_true(f->gpus[0].poolable);
	assert_int_equal(f->gpus[0].types_n, 1);
	assert_int_equal(f->gpus[0].types[0].max, 13);
	assert_int_equal(f->gpus[0].types[0].type_id, 2);
	assert_string_equal(f->gpus[0].vgpus[0].profile, "Dual port serial");
}

/* "VFs visible, no vGPU devices, no reason given": the reason and the remedy are in the answer. */
static void a_gpu_that_can_not_be_pooled_says_why(void **state)
{
	struct fixture *f = *state;

	tree_pci(&f->tree, "0000:41:00.0", "0x030200\n", "0x10de\n", "0x26b9\n", "0x1851\n");
	tree_file(&f->tree, "sys/devices/pci/0000:41:00.0/sriov_totalvfs", "32\n");
	tree_file(&f->tree, "sys/devices/pci/0000:41:00.0/sriov_numvfs", "0\n");
	scan(f);
	assert_false(f->gpus[0].poolable);
	assert_int_equal(f->gpus[0].framework, FRAMEWORK_NONE);
	assert_non_null(strstr(f->gpus[0].not_poolable, "No driver is bound"));
	tree_driver(&f->tree, "0000:41:00.0", "nouveau");
	scan(f);
	assert_non_null(strstr(f->gpus[0].not_poolable, "bound to nouveau"));
	tree_driver(&f->tree, "0000:41:00.0", "nvidia");
	scan(f);
	assert_non_null(strstr(f->gpus[0].not_poolable, "sriov-manage -e 0000:41:00.0"));
}

/* A VF that lost its driver can carry nothing; the others still can. */
static void a_function_without_its_driver_degrades_the_gpu(void **state)
{
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	tree_remove(&f->tree, "sys/devices/pci/0000:41:00.5/nvidia");
	scan(f);
	assert_true(f->gpus[0].poolable);
	assert_int_equal(f->gpus[0].health, GPU_HEALTH_DEGRADED);
	assert_non_null(strstr(f->gpus[0].health_reason, "0000:41:00.5"));
}

/* NVIDIA makes network and sound devices too. */
static void only_display_devices_are_gpus(void **state)
{
	struct fixture *f = *state;

	tree_pci(&f->tree, "0000:41:00.1", "0x040300\n", "0x10de\n", "0x22ba\n", "0x1851\n");
	tree_pci(&f->tree, "0000:42:00.0", "0x030000\n", "0x1a03\n", "0x2000\n", "0x2000\n");
	tree_file(&f->tree, "sys/devices/pci/0000:41:00.1/driver_override", "\n");
	scan(f);
	assert_int_equal(f->n, 0);
}

/* Without a boot id a reboot could not be told from a quiet host. */
static void host_facts_need_the_boot_id(void **state)
{
	struct fixture *f = *state;
	struct host h = { 0 };

	assert_int_equal(inventory_host(f->tree.root, &h, NULL), -ERR_NOT_FOUND);
	tree_file(&f->tree, "proc/sys/kernel/random/boot_id", UUID_A "\n");
	tree_file(&f->tree, "proc/sys/kernel/osrelease", "6.12.107+deb13-amd64\n");
	tree_file(&f->tree, "proc/meminfo", "MemTotal:       131072000 kB\nMemFree: 1 kB\n");
	tree_file(&f->tree, "sys/devices/system/cpu/cpu0/x", "");
	tree_file(&f->tree, "sys/devices/system/cpu/cpu1/x", "");
	tree_file(&f->tree, "sys/devices/system/cpu/cpufreq/x", "");
	tree_file(&f->tree, "sys/devices/system/node/node0/x", "");
	assert_int_equal(inventory_host(f->tree.root, &h, NULL), 0);
	assert_string_equal(h.boot_id, UUID_A);
	assert_string_equal(h.kernel, "6.12.107+deb13-amd64");
	assert_string_equal(h.driver_version, "580.159.01");
	assert_int_equal(h.cpus, 2);
	assert_int_equal(h.numa_nodes, 1);
	assert_int_equal(h.ram_mib, 128000);
}

static void functions_come_in_their_order(void **state)
{
	cleanup(functions_done) struct functions fs = { 0 };
	struct fixture *f = *state;

	tree_l40s(&f->tree);
	tree_vf(&f->tree, "0000:41:00.0", 10, "0000:41:01.6");
	assert_int_equal(inventory_functions(f->tree.root, "0000:41:00.0", &fs, NULL), 0);
	assert_int_equal(fs.n, 4);
	assert_string_equal(fs.address[0], "0000:41:00.4");
	assert_string_equal(fs.address[3], "0000:41:01.6");
	assert_int_equal(inventory_functions(f->tree.root, "0000:99:00.0", &fs, NULL),
			 -ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vendor_vfio_gpu_is_read_through_its_functions),
		TEST(names_outlive_the_shrinking_list),
		TEST(a_full_gpu_is_described_by_the_catalogue),
		TEST(mixed_size_mode_is_seen),
		TEST(domains_tell_gpus_apart),
		TEST(mdev_types_of_functions_are_read),
		TEST(mdev_on_the_physical_function_is_read),
		TEST(any_mdev_parent_can_be_pooled),
		TEST(a_gpu_that_can_not_be_pooled_says_why),
		TEST(a_function_without_its_driver_degrades_the_gpu),
		TEST(only_display_devices_are_gpus),
		TEST(host_facts_need_the_boot_id),
		TEST(functions_come_in_their_order),
	};
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
