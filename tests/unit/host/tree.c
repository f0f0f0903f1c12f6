/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/backoff.h"
#include "host/sysfs.h"

/* As captured on a real host with an L40S (harvester/pcidevices, testdata of its gpuhelper). */
const char tree_l40s_types[] = "ID    : vGPU Name\n"
			       "1145  : NVIDIA L40S-1B\n"
			       "1146  : NVIDIA L40S-2B\n"
			       "1147  : NVIDIA L40S-1Q\n"
			       "1148  : NVIDIA L40S-2Q\n"
			       "1149  : NVIDIA L40S-3Q\n"
			       "1150  : NVIDIA L40S-4Q\n"
			       "1151  : NVIDIA L40S-6Q\n"
			       "1152  : NVIDIA L40S-8Q\n"
			       "1153  : NVIDIA L40S-12Q\n"
			       "1154  : NVIDIA L40S-16Q\n"
			       "1155  : NVIDIA L40S-24Q\n"
			       "1156  : NVIDIA L40S-48Q\n"
			       "1157  : NVIDIA L40S-1A\n"
			       "1158  : NVIDIA L40S-2A\n"
			       "1159  : NVIDIA L40S-3A\n"
			       "1160  : NVIDIA L40S-4A\n"
			       "1161  : NVIDIA L40S-6A\n"
			       "1162  : NVIDIA L40S-8A\n"
			       "1163  : NVIDIA L40S-12A\n"
			       "1164  : NVIDIA L40S-16A\n"
			       "1165  : NVIDIA L40S-24A\n"
			       "1166  : NVIDIA L40S-48A\n"
			       "2164  : NVIDIA L40S-3B\n";
const char tree_no_types[] = "ID    : vGPU Name\n";

static struct tree *hooked;
static tree_write_fn hook;
static unsigned waits_left = UINT_MAX;
static void (*wait_hook)(struct tree *t);

void tree_init(struct tree *t)
{
	strcpy(t->path, "/tmp/facet-tree-XXXXXX");
	assert_non_null(mkdtemp(t->path));
	t->root = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->root >= 0);
	tree_file(t, "proc/1/comm", "init");
	tree_file(t, "proc/1/fd/.keep", "");
	tree_file(t, "sys/bus/pci/drivers_probe", "");
	tree_file(t, "proc/driver/nvidia/version",
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.01  Mon Mar  2 2026\n");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void tree_done(struct tree *t)
{
	nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	close(t->root);
	hooked = NULL;
	hook = NULL;
	wait_hook = NULL;
	waits_left = UINT_MAX;
}

static void make_parents(struct tree *t, const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(t->root, part, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

void tree_file(struct tree *t, const char *path, const char *text)
{
	int fd;

	make_parents(t, path);
	fd = openat(t->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void tree_filef(struct tree *t, const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	tree_file(t, path, text);
}

void tree_link(struct tree *t, const char *path, const char *target)
{
	make_parents(t, path);
	unlinkat(t->root, path, 0);
	assert_int_equal(symlinkat(target, t->root, path), 0);
}

void tree_remove(struct tree *t, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", t->path, path);
	nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tree_text(struct tree *t, const char *path)
{
	static char text[SYSFS_TEXT_SIZE];

	if (sysfs_read(t->root, path, text, sizeof(text), NULL) < 0)
		text[0] = '\0';
	return text;
}

bool tree_has(struct tree *t, const char *path)
{
	return sysfs_exists(t->root, path);
}

void tree_pci(struct tree *t, const char *address, const char *class, const char *vendor,
	      const char *device, const char *subsystem)
{
	char link[128], target[128];

	tree_filef(t, class, "sys/devices/pci/%s/class", address);
	tree_filef(t, vendor, "sys/devices/pci/%s/vendor", address);
	tree_filef(t, device, "sys/devices/pci/%s/device", address);
	tree_filef(t, subsystem, "sys/devices/pci/%s/subsystem_device", address);
	tree_filef(t, "-1\n", "sys/devices/pci/%s/numa_node", address);
	tree_filef(t, "\n", "sys/devices/pci/%s/driver_override", address);
	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", address);
	snprintf(target, sizeof(target), "../../../devices/pci/%s", address);
	tree_link(t, link, target);
}

void tree_driver(struct tree *t, const char *address, const char *driver)
{
	char link[128], target[128];

	tree_filef(t, "", "sys/bus/pci/drivers/%s/unbind", driver);
	snprintf(link, sizeof(link), "sys/devices/pci/%s/driver", address);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	tree_link(t, link, target);
}

void tree_iommu_group(struct tree *t, const char *address, unsigned group)
{
	char link[128], target[128];

	snprintf(link, sizeof(link), "sys/kernel/iommu_groups/%u/devices/%s", group, address);
	snprintf(target, sizeof(target), "../../../../devices/pci/%s", address);
	tree_link(t, link, target);
	snprintf(link, sizeof(link), "sys/devices/pci/%s/iommu_group", address);
	snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%u", group);
	tree_link(t, link, target);
}

void tree_vf(struct tree *t, const char *pf, unsigned index, const char *vf)
{
	char link[128], target[128];

	tree_pci(t, vf, "0x030200\n", "0x10de\n", "0x26b9\n", "0x0000\n");
	tree_driver(t, vf, "nvidia");
	snprintf(link, sizeof(link), "sys/devices/pci/%s/physfn", vf);
	snprintf(target, sizeof(target), "../%s", pf);
	tree_link(t, link, target);
	snprintf(link, sizeof(link), "sys/devices/pci/%s/virtfn%u", pf, index);
	snprintf(target, sizeof(target), "../%s", vf);
	tree_link(t, link, target);
}

void tree_vendor(struct tree *t, const char *vf, const char *current, const char *creatable)
{
	tree_filef(t, current, "sys/devices/pci/%s/nvidia/current_vgpu_type", vf);
	tree_filef(t, creatable, "sys/devices/pci/%s/nvidia/creatable_vgpu_types", vf);
	tree_filef(t, "\n", "sys/devices/pci/%s/nvidia/vgpu_params", vf);
}

/* Where the parent's directory is: on the PCI bus, or a virtual device. */
static const char *home(const char *parent, char buffer[64])
{
	snprintf(buffer, 64, strchr(parent, ':') ? "sys/devices/pci/%s" : "sys/devices/virtual/%s",
		 parent);
	return buffer;
}

void tree_mdev_type(struct tree *t, const char *parent, const char *type, const char *name,
		    const char *description, const char *available)
{
	char base[64], link[128], target[128];

	home(parent, base);
	tree_filef(t, name, "%s/mdev_supported_types/%s/name", base, type);
	if (description)
		tree_filef(t, description, "%s/mdev_supported_types/%s/description", base, type);
	tree_filef(t, available, "%s/mdev_supported_types/%s/available_instances", base, type);
	tree_filef(t, "", "%s/mdev_supported_types/%s/create", base, type);
	tree_filef(t, "", "%s/mdev_supported_types/%s/devices/.keep", base, type);
	snprintf(link, sizeof(link), "sys/class/mdev_bus/%s", parent);
	snprintf(target, sizeof(target), "../../../%s", base);
	tree_link(t, link, target);
}

void tree_mdev(struct tree *t, const char *parent, const char *type, const char *uuid)
{
	char base[64], link[256], target[256];

	home(parent, base);
	tree_filef(t, "", "%s/%s/remove", base, uuid);
	tree_filef(t, "\n", "%s/%s/nvidia/vgpu_params", base, uuid);
	snprintf(link, sizeof(link), "%s/%s/mdev_type", base, uuid);
	snprintf(target, sizeof(target), "../mdev_supported_types/%s", type);
	tree_link(t, link, target);
	snprintf(link, sizeof(link), "%s/mdev_supported_types/%s/devices/%s", base, type, uuid);
	snprintf(target, sizeof(target), "../../../%s", uuid);
	tree_link(t, link, target);
	snprintf(link, sizeof(link), "sys/bus/mdev/devices/%s", uuid);
	snprintf(target, sizeof(target), "../../../../%s/%s", base, uuid);
	tree_link(t, link, target);
}

void tree_process(struct tree *t, unsigned pid, const char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "proc/%u/fd/17", pid);
	tree_link(t, link, path);
}

void tree_l40s(struct tree *t)
{
	static const char *const vfs[] = { "0000:41:00.4", "0000:41:00.5", "0000:41:00.6" };
	char node[64];

	tree_pci(t, "0000:41:00.0", "0x030200\n", "0x10de\n", "0x26b9\n", "0x1851\n");
	tree_driver(t, "0000:41:00.0", "nvidia");
	tree_file(t, "sys/devices/pci/0000:41:00.0/sriov_totalvfs", "32\n");
	tree_file(t, "sys/devices/pci/0000:41:00.0/sriov_numvfs", "3\n");
	for (unsigned i = 0; i < 3; i++) {
		tree_vf(t, "0000:41:00.0", i, vfs[i]);
		tree_vendor(t, vfs[i], "0\n", tree_l40s_types);
		snprintf(node, sizeof(node), "sys/devices/pci/%s/vfio-dev/vfio%u/dev", vfs[i], i);
		tree_file(t, node, "511:0\n");
	}
}

void tree_on_write(struct tree *t, tree_write_fn fn)
{
	hooked = t;
	hook = fn;
}

void tree_on_wait(void (*fn)(struct tree *t))
{
	wait_hook = fn;
}

void tree_waits(unsigned n)
{
	waits_left = n;
}

int __real_sysfs_write(int dir, const char *path, const char *text, int *errnum, struct error *err);
int __wrap_sysfs_write(int dir, const char *path, const char *text, int *errnum, struct error *err);
bool __real_backoff_wait(struct backoff *b);
bool __wrap_backoff_wait(struct backoff *b);

int __wrap_sysfs_write(int dir, const char *path, const char *text, int *errnum, struct error *err)
{
	char link[64], full[PATH_MAX];
	const char *below;
	ssize_t n;
	int e = 0;

	if (hook) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, full, sizeof(full) - 1);
		assert_true(n > 0);
		snprintf(full + n, sizeof(full) - (size_t)n, "/%s", path);
		below = full + strlen(hooked->path) + 1;
		e = hook(hooked, below, text);
	}
	if (!e)
		return __real_sysfs_write(dir, path, text, errnum, err);
	if (errnum)
		*errnum = e == TREE_SWALLOW ? 0 : e;
	if (e == TREE_SWALLOW)
		return 0;
	return error_errno(err, e, "write '%s' to %s", text, path);
}

bool __wrap_backoff_wait(struct backoff *b)
{
	if (waits_left == UINT_MAX)
		return __real_backoff_wait(b);
	if (waits_left == 0)
		return false;
	waits_left--;
	if (wait_hook)
		wait_hook(hooked);
	return true;
}
