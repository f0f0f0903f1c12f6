/* SPDX-License-Identifier: Apache-2.0 */
/* mdev.c - what exists on a parent of mediated devices, and the driver for parents that are no VFs.
 *
 * The interface is the kernel's (Documentation/driver-api/vfio-mediated-device.rst), so any parent
 * can be pooled: NVIDIA's, another vendor's, or the kernel's samples.
 */
#include "host/mdev/mdev.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/device.h"
#include "host/driver.h"
#include "host/vgpu.h"

#define TYPES "mdev_supported_types"

bool mdev_is_parent(int root, const char *address)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(cleanup_close) int dir = -1;

	return device_open(root, address, &dir, NULL) == 0 &&
	       sysfs_list(dir, TYPES, &list, NULL) == 0 && list.n > 0;
}

/* A type's name is in a file that a driver may leave out; then its directory names it. */
static bool read_type(int dir, const char *name, struct gpu_type *ret, uint64_t *available)
{
	char path[SYSFS_PATH_SIZE], description[256];

	*ret = (struct gpu_type){ .type_id = types_id_of_directory(name) };
	if (sysfs_read(dir, sysfs_path(path, TYPES "/%s/name", name), ret->name, sizeof(ret->name),
		       NULL) < 0 &&
	    !TEXT_COPY(ret->name, name))
		return false;
	if (sysfs_read(dir, sysfs_path(path, TYPES "/%s/description", name), description,
		       sizeof(description), NULL) == 0)
		types_parse_description(description, ret);
	*available = sysfs_u64_or(dir, sysfs_path(path, TYPES "/%s/available_instances", name), 0);
	ret->creatable = *available > 0;
	return ret->name[0] != '\0';
}

/* V names the mdev, its parent and its type; the rest is looked up below DIR. */
static int collect_mdev(int root, int dir, struct gpu_vgpu *v, const struct holders *holders,
			struct collect *c, struct error *err)
{
	cleanup(cleanup_close) int mdev = -1;

	/* It may have left since it was listed. */
	if (sysfs_open(dir, v->mdev_uuid, &mdev, NULL) < 0)
		return 0;
	v->placement = vgpu_placement(mdev, "nvidia/placement_id");
	v->holder_pid = holders_find(holders, root, mdev);
	return collect_vgpu(c, v, err);
}

static int collect_type(int root, int dir, const char *address, const char *name,
			const struct holders *holders, struct collect *c, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list devices = { 0 };
	char path[SYSFS_PATH_SIZE];
	struct gpu_type type;
	uint64_t available;
	int r = 0;

	if (!read_type(dir, name, &type, &available))
		return 0;
	if (sysfs_list(dir, sysfs_path(path, TYPES "/%s/devices", name), &devices, NULL) < 0)
		devices.n = 0;
	for (size_t i = 0; i < devices.n && r == 0; i++) {
		struct gpu_vgpu v = { .type_id = type.type_id };

		TEXT_COPY(v.address, address);
		TEXT_COPY(v.profile, type.name);
		if (TEXT_COPY(v.mdev_uuid, devices.names[i]))
			r = collect_mdev(root, dir, &v, holders, c, err);
	}
	/* On a VF this counts one at most; the catalogue's maximum fills it in later. */
	if (!type.max && !sysfs_exists(dir, "physfn") && available + devices.n < UINT32_MAX)
		type.max = (uint32_t)(available + devices.n);
	return r < 0 ? r : types_add(&c->types, &type, err);
}

int mdev_collect(int root, const char *address, const struct holders *holders, struct collect *c,
		 struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(cleanup_close) int dir = -1;
	int r;

	r = device_open(root, address, &dir, err);
	if (r == 0)
		r = sysfs_list(dir, TYPES, &list, err);
	c->types_are_all = true;
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = collect_type(root, dir, address, list.names[i], holders, c, err);
	return r;
}

static bool owns(int root, const char *pf)
{
	return mdev_is_parent(root, pf);
}

static int inventory(int root, struct gpu *gpu, struct error *err)
{
	cleanup(holders_done) struct holders holders = { 0 };
	cleanup(collect_done) struct collect c = { 0 };
	int r;

	r = holders_scan(root, &holders, err);
	if (r == 0)
		r = mdev_collect(root, gpu->address, &holders, &c, err);
	if (r < 0)
		return error_context(r, err, "inventory of %s", gpu->address);
	return collect_into(&c, root, gpu, err);
}

/* Boards that make mdevs on the PF (Maxwell to Turing) hold one size at a time: no choice. */
const struct host_driver driver_mdev = {
	.name = "mdev",
	.framework = FRAMEWORK_MDEV,
	.owns = owns,
	.inventory = inventory,
	.create = mdev_create,
	.destroy = mdev_destroy,
	.holders = mdev_holders,
};
