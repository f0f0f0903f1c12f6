/* SPDX-License-Identifier: Apache-2.0 */
#include "host/device.h"

#include <string.h>

#include "base/text.h"

enum { VENDOR_NVIDIA = 0x10de };

void functions_done(struct functions *f)
{
	free(f->address);
	*f = (struct functions){ 0 };
}

bool device_address_is_valid(const char *address)
{
	char pci[PCI_SIZE];

	if (pci_check_address(address, pci, NULL) == 0)
		return strcmp(address, pci) == 0;
	for (const char *c = address; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return sysfs_name_is_safe(address) && strlen(address) < PCI_SIZE;
}

int device_open(int root, const char *address, int *ret, struct error *err)
{
	char path[SYSFS_PATH_SIZE];

	if (!device_address_is_valid(address))
		return error_set(err, ERR_NOT_FOUND, "'%.40s' is no device address", address);
	if (sysfs_open(root, sysfs_path(path, "sys/bus/pci/devices/%s", address), ret, NULL) == 0 ||
	    sysfs_open(root, sysfs_path(path, "sys/class/mdev_bus/%s", address), ret, NULL) == 0)
		return 0;
	return error_set(err, ERR_NOT_FOUND, "the host has no device %s", address);
}

void device_driver(int dir, char *ret, size_t size)
{
	if (!sysfs_link(dir, "driver", ret, size))
		ret[0] = '\0';
}

int inventory_functions(int root, const char *pf, struct functions *ret, struct error *err)
{
	struct functions f = { 0 };
	cleanup(cleanup_close) int dir = -1;
	char name[32], address[PCI_SIZE];
	int r;

	r = device_open(root, pf, &dir, err);
	if (r < 0)
		return r;
	f.address = calloc(FUNCTIONS_MAX, sizeof(*f.address));
	if (!f.address)
		return error_set(err, ERR_NO_MEMORY, "out of memory listing functions of %s", pf);
	/* Numbers are without gaps, but one may be leaving while we look. */
	for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
		snprintf(name, sizeof(name), "virtfn%u", i);
		if (sysfs_link(dir, name, address, sizeof(address)) &&
		    pci_check_address(address, address, NULL) == 0)
			memcpy(f.address[f.n++], address, sizeof(address));
	}
	*ret = f;
	return 0;
}

static void read_id(int dir, const char *name, char id[5])
{
	uint64_t value;

	id[0] = '\0';
	if (sysfs_read_hex(dir, name, &value, NULL) == 0 && value <= 0xffff)
		snprintf(id, 5, "%04x", (unsigned)value);
}

void device_ids(int dir, char pci_device[5], char pci_subsystem[5])
{
	read_id(dir, "device", pci_device);
	read_id(dir, "subsystem_device", pci_subsystem);
}

bool device_is_nvidia(int root, const char *address)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t vendor;

	sysfs_path(path, "sys/bus/pci/devices/%s/vendor", address);
	return sysfs_read_hex(root, path, &vendor, NULL) == 0 && vendor == VENDOR_NVIDIA;
}

static bool is_version(const char *word)
{
	size_t major = strspn(word, "0123456789");

	return major >= 2 && word[major] == '.' && word[strspn(word, "0123456789.")] == '\0';
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.05  Mon ..." */
void device_driver_version(int root, char *ret, size_t size)
{
	char text[1024], *line = text, *word;

	if (sysfs_read(root, "sys/module/nvidia/version", ret, size, NULL) == 0 && is_version(ret))
		return;
	ret[0] = '\0';
	if (sysfs_read(root, "proc/driver/nvidia/version", text, sizeof(text), NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	while ((word = strsep(&line, " \t")) != NULL)
		if (is_version(word) && text_copy(ret, size, word))
			return;
	ret[0] = '\0';
}
