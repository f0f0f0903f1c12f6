/* SPDX-License-Identifier: Apache-2.0 */
/* test_doctor.c - each precondition is told, with its remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/doctor.h"
#include "tree.h"

struct fixture {
	struct tree tree;
	struct check *checks;
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

	free(f->checks);
	tree_done(&f->tree);
	free(f);
	return 0;
}

static const struct check *look(struct fixture *f, const char *name)
{
	free(f->checks);
	f->checks = NULL;
	assert_int_equal(doctor_host(f->tree.root, &f->checks, &f->n, NULL), 0);
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->checks[i].name, name) == 0)
			return &f->checks[i];
	fail_msg("no check %s", name);
	return NULL;
}

static void healthy_host(struct tree *t)
{
	tree_l40s(t);
	tree_iommu_group(t, "0000:41:00.0", 7);
	tree_file(t, "sys/class/iommu/dmar0/x", "");
	tree_link(t, "run/systemd/units/invocation:nvidia-vgpud.service", "0123456789abcdef");
	tree_file(t, "proc/812/comm", "nvidia-vgpu-mgr\n");
	tree_file(t, "run/libvirt/libvirt-sock", "");
	tree_file(t, "etc/libvirt/hooks/qemu", "#!/bin/sh\nexec /usr/libexec/facet-hook \"$@\"\n");
	tree_file(t, "dev/vfio/vfio", "");
	tree_file(t, "dev/vfio/7", "");
	fchmodat(t->root, "dev/vfio/vfio", 0666, 0);
	fchmodat(t->root, "dev/vfio/7", 0600, 0);
}

static void a_healthy_host_passes_every_check(void **state)
{
	struct fixture *f = *state;

	healthy_host(&f->tree);
	look(f, "gpus");
	for (size_t i = 0; i < f->n; i++)
		if (!f->checks[i].ok || f->checks[i].skipped || f->checks[i].remedy[0])
			fail_msg("%s: %s / %s", f->checks[i].name, f->checks[i].found,
				 f->checks[i].remedy);
}

/* Each fault alone turns its own check, and the remedy says what to do. */
static void each_fault_is_named(void **state)
{
	static const struct {
		const char *check, *remove, *remedy;
	} faults[] = {
		{ "iommu", "sys/kernel/iommu_groups", "intel_iommu=on" },
		{ "nvidia-driver", "proc/driver/nvidia/version", "modprobe nvidia" },
		{ "nvidia-vgpud", "run/systemd", "systemctl enable --now nvidia-vgpud" },
		{ "nvidia-vgpu-mgr", "proc/812", "systemctl enable --now nvidia-vgpu-mgr" },
		{ "libvirt", "run/libvirt", "libvirtd.socket" },
		{ "libvirt-hook", "etc/libvirt/hooks/qemu", "/etc/libvirt/hooks/qemu" },
		{ "vfio", "dev/vfio", "modprobe vfio" },
		{ "functions-served", "sys/devices/pci/0000:41:00.6/nvidia", "0000:41:00.6" },
	};
	struct fixture *f = *state;
	const struct check *c;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		healthy_host(&f->tree);
		tree_file(&f->tree, "proc/driver/nvidia/version",
			  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.01  x\n");
		tree_remove(&f->tree, faults[i].remove);
		c = look(f, faults[i].check);
		if (c->ok || c->skipped || !strstr(c->remedy, faults[i].remedy))
			fail_msg("%s: ok %d, '%s' / '%s'", c->name, c->ok, c->found, c->remedy);
	}
}

static void functions_that_are_off_are_named(void **state)
{
	struct fixture *f = *state;
	const struct check *c;

	tree_pci(&f->tree, "0001:41:00.0", "0x030200\n", "0x10de\n", "0x26b9\n", "0x1851\n");
	tree_driver(&f->tree, "0001:41:00.0", "nvidia");
	tree_file(&f->tree, "sys/devices/pci/0001:41:00.0/sriov_totalvfs", "32\n");
	c = look(f, "sr-iov");
	assert_false(c->ok);
	assert_non_null(strstr(c->remedy, "sriov-manage -e 0001:41:00.0"));
	c = look(f, "framework");
	assert_false(c->ok);
}

/* Some guides tell to make VFIO nodes writable by everybody. */
static void world_writable_nodes_are_found(void **state)
{
	struct fixture *f = *state;
	const struct check *c;

	healthy_host(&f->tree);
	fchmodat(f->tree.root, "dev/vfio/7", 0666, 0);
	c = look(f, "vfio-nodes");
	assert_false(c->ok);
	assert_non_null(strstr(c->found, "/dev/vfio/7"));
	fchmodat(f->tree.root, "dev/vfio/7", 0600, 0);
	tree_file(&f->tree, "dev/vfio/devices/vfio3", "");
	fchmodat(f->tree.root, "dev/vfio/devices/vfio3", 0666, 0);
	assert_false(look(f, "vfio-nodes")->ok);
}

/* A host without any GPU fails in one place, and is not told to repair what it does not need. */
static void checks_that_do_not_apply_are_skipped(void **state)
{
	struct fixture *f = *state;

	tree_remove(&f->tree, "proc/driver");
	assert_false(look(f, "gpus")->ok);
	assert_true(look(f, "nvidia-driver")->skipped);
	assert_true(look(f, "sr-iov")->skipped);
	assert_true(look(f, "framework")->skipped);
	assert_true(look(f, "functions-served")->skipped);
	assert_true(look(f, "nvidia-vgpud")->skipped);
	tree_file(&f->tree, "proc/driver/nvidia/version",
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.01  (simulated)\n");
	assert_true(look(f, "nvidia-vgpu-mgr")->skipped);
}

/* The hook may be a link to our program, or one of several in qemu.d. */
static void the_hook_is_found_in_any_form(void **state)
{
	struct fixture *f = *state;

	assert_false(look(f, "libvirt-hook")->ok);
	tree_link(&f->tree, "etc/libvirt/hooks/qemu", "/usr/libexec/facet-hook");
	assert_true(look(f, "libvirt-hook")->ok);
	tree_remove(&f->tree, "etc/libvirt/hooks/qemu");
	tree_file(&f->tree, "etc/libvirt/hooks/qemu", "#!/bin/sh\nexit 0\n");
	assert_false(look(f, "libvirt-hook")->ok);
	tree_file(&f->tree, "etc/libvirt/hooks/qemu.d/50-facet", "\177ELF");
	assert_true(look(f, "libvirt-hook")->ok);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_healthy_host_passes_every_check),
		TEST(each_fault_is_named),
		TEST(functions_that_are_off_are_named),
		TEST(world_writable_nodes_are_found),
		TEST(checks_that_do_not_apply_are_skipped),
		TEST(the_hook_is_found_in_any_form),
	};
	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
