/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - what shares an IOMMU group with a GPU, and whether the host lives on it.
 *
 * A group is given to a VM as a whole: the kernel lets VFIO open it only when no member is in use
 * by a host driver.  Taking a disk or the network from a host to get there would end the host, so
 * those are looked for first and named.
 */
#include "host/passthrough.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define DEVICES "sys/bus/pci/devices/"

enum { CLASS_DISPLAY = 0x03, CLASS_BRIDGE = 0x06, IFF_UP_BIT = 1 };

static bool any_class;

void passthrough_set_any_class(bool any)
{
	any_class = any;
}

bool passthrough_any_class(void)
{
	return any_class;
}

static unsigned base_class(int root, const char *address)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t class;

	sysfs_path(path, DEVICES "%s/class", address);
	return sysfs_read_hex(root, path, &class, NULL) < 0 ? 0xff : (unsigned)(class >> 16);
}

/* Whether the class device DIRECTORY/NAME hangs below the PCI function ADDRESS. */
static bool hangs_below(int root, const char *directory, const char *name, const char *address)
{
	char path[SYSFS_PATH_SIZE], target[4096], part[PCI_SIZE + 2];
	ssize_t n;

	sysfs_path(path, "%s/%s", directory, name);
	n = readlinkat(root, path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	snprintf(part, sizeof(part), "/%s/", address);
	return strstr(target, part) != NULL;
}

/* Finds an entry of DIRECTORY below ADDRESS that passes COUNTS; "" when there is none. */
static void find_below(int root, const char *directory, const char *address,
		       bool (*counts)(int root, const char *name), char ret[NAME_SIZE])
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };

	ret[0] = '\0';
	if (sysfs_list(root, directory, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		if (hangs_below(root, directory, list.names[i], address) &&
		    counts(root, list.names[i])) {
			text_copy(ret, NAME_SIZE, list.names[i]);
			return;
		}
}

static bool disk_counts(int root, const char *name)
{
	(void)root;
	(void)name;
	return true;
}

/* An interface that is up or has a link carries traffic; one that is down and unplugged does
 * not. */
static bool network_counts(int root, const char *name)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t flags = 0;

	if (sysfs_u64_or(root, sysfs_path(path, "sys/class/net/%s/carrier", name), 0) == 1)
		return true;
	(void)!sysfs_read_hex(root, sysfs_path(path, "sys/class/net/%s/flags", name), &flags, NULL);
	return flags & IFF_UP_BIT;
}

static bool is_console(int root, const char *address)
{
	char path[SYSFS_PATH_SIZE], text[1024];

	sysfs_path(path, DEVICES "%s/boot_vga", address);
	return sysfs_u64_or(root, path, 0) == 1 &&
	       sysfs_read(root, "proc/fb", text, sizeof(text), NULL) == 0 && text[0];
}

static int check_critical(int root, const char *gpu, const char *address, struct error *err)
{
	char name[NAME_SIZE];

	if (is_console(root, address))
		return error_set(err, ERR_DENIED,
				 "%s is the boot display and a console runs on its framebuffer: "
				 "use another GPU, or boot with another display",
				 address);
	find_below(root, "sys/class/block", address, disk_counts, name);
	if (name[0])
		return error_set(err, ERR_DENIED,
				 "disk %s hangs on %s, which shares the IOMMU group of %s "
				 "and would leave the host with it",
				 name, address, gpu);
	find_below(root, "sys/class/net", address, network_counts, name);
	if (name[0])
		return error_set(err, ERR_DENIED,
				 "network interface %s is in use on %s, which shares the IOMMU "
				 "group of %s and would leave the host with it",
				 name, address, gpu);
	return 0;
}

/* Same domain, bus and slot: everything before the dot. */
static bool is_same_slot(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return strncmp(a, b, n + 1) == 0;
}

static int check_member(int root, const char *gpu, const char *address, struct passthrough *p,
			struct error *err)
{
	char path[SYSFS_PATH_SIZE], driver[32] = "";
	int r;

	if (strcmp(gpu, address) != 0 && base_class(root, address) == CLASS_BRIDGE)
		return 0;
	r = check_critical(root, gpu, address, err);
	if (r < 0)
		return r;
	if (is_same_slot(gpu, address)) {
		if (p->n == PASSTHROUGH_FUNCTIONS_MAX)
			return error_set(err, ERR_BUSY, "%s has too many functions", gpu);
		TEXT_COPY(p->function[p->n++], address);
		return 0;
	}
	sysfs_link(root, sysfs_path(path, DEVICES "%s/driver", address), driver, sizeof(driver));
	if (!driver[0] || strcmp(driver, "vfio-pci") == 0)
		return 0;
	return error_set(err, ERR_BUSY,
			 "%s shares the IOMMU group of %s and is bound to %s: move it to another "
			 "slot, or bind it to vfio-pci",
			 address, gpu, driver);
}

static int check_gpu(int root, const char *address, int dir, struct error *err)
{
	if (!any_class && base_class(root, address) != CLASS_DISPLAY)
		return error_set(err, ERR_DENIED, "%s is no display device", address);
	if (sysfs_exists(dir, "physfn"))
		return error_set(err, ERR_DENIED, "%s is a function of another device", address);
	if (sysfs_u64_or(dir, "sriov_numvfs", 0))
		return error_set(err, ERR_BUSY, "%s has SR-IOV functions: disable them with "
				 "/usr/lib/nvidia/sriov-manage -d %s", address, address);
	if (!sysfs_exists(dir, "iommu_group"))
		return error_set(err, ERR_NOT_FOUND,
				 "%s is in no IOMMU group: enable the IOMMU in the "
				 "firmware and on the kernel command line (intel_iommu=on)",
				 address);
	return 0;
}

int passthrough_check(int root, const char *address, struct passthrough *ret, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(cleanup_close) int dir = -1;
	struct passthrough p = { 0 };
	char member[PCI_SIZE];
	int r;

	r = device_open(root, address, &dir, err);
	if (r == 0)
		r = check_gpu(root, address, dir, err);
	if (r == 0)
		r = sysfs_list(dir, "iommu_group/devices", &list, err);
	for (size_t i = 0; i < list.n && r == 0; i++)
		/* A group may also hold what is no PCI device; that is nobody's to give. */
		if (pci_check_address(list.names[i], member, NULL) == 0)
			r = check_member(root, address, member, &p, err);
		else
			r = error_set(err, ERR_BUSY, "%s shares the IOMMU group of %s",
				      list.names[i], address);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
