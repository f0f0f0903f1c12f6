/* SPDX-License-Identifier: Apache-2.0 */
/* mdev_vf.c - mediated devices on SR-IOV functions, one per function.
 *
 * Each VF is a parent like any other; what differs is that the GPU is seen through all of them.
 */
#include "host/driver.h"

#include <string.h>

#include "host/device.h"
#include "host/mdev/mdev.h"

static bool owns(int root, const char *pf)
{
	cleanup(functions_done) struct functions f = { 0 };

	if (inventory_functions(root, pf, &f, NULL) < 0)
		return false;
	for (size_t i = 0; i < f.n; i++)
		if (mdev_is_parent(root, f.address[i]))
			return true;
	return false;
}

static int inventory(int root, struct gpu *gpu, struct error *err)
{
	cleanup(functions_done) struct functions f = { 0 };
	cleanup(holders_done) struct holders holders = { 0 };
	cleanup(collect_done) struct collect c = { 0 };
	int r;

	r = inventory_functions(root, gpu->address, &f, err);
	if (r == 0)
		r = holders_scan(root, &holders, err);
	for (size_t i = 0; i < f.n && r == 0; i++)
		if (mdev_is_parent(root, f.address[i]))
			r = mdev_collect(root, f.address[i], &holders, &c, err);
		else
			r = collect_missing(&c, f.address[i]);
	if (r < 0)
		return error_context(r, err, "inventory of %s", gpu->address);
	gpu->vf_enabled = (uint32_t)f.n;
	return collect_into(&c, root, gpu, err);
}

static int check_function(int root, const struct host_vgpu *v, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	char pf[PCI_SIZE];
	int r;

	r = device_open(root, v->vf, &dir, err);
	if (r < 0)
		return error_context(r, err,
				     "functions of %s are not enabled "
				     "(/usr/lib/nvidia/sriov-manage -e %s)",
				     v->address, v->address);
	if (!sysfs_link(dir, "physfn", pf, sizeof(pf)) || strcmp(pf, v->address) != 0)
		return error_set(err, ERR_NOT_FOUND, "%s is not a function of %s", v->vf,
				 v->address);
	return 0;
}

static int create(int root, struct host_vgpu *v, enum result *result, struct error *err)
{
	int r;

	r = check_function(root, v, err);
	return r < 0 ? r : mdev_create(root, v, result, err);
}

const struct host_driver driver_mdev_vf = {
	.name = "mdev-vf",
	.framework = FRAMEWORK_MDEV_VF,
	.owns = owns,
	.inventory = inventory,
	.create = create,
	.destroy = mdev_destroy,
	.holders = mdev_holders,
	.set_mode = mode_set,
};
