/* SPDX-License-Identifier: Apache-2.0 */
/* mdev.h - mediated devices below any parent: a PF, a VF, or a device that is no PCI function. */
#pragma once

#include "host/collect.h"
#include "host/request.h"

/* Whether the device is a parent that offers at least one type. */
bool mdev_is_parent(int root, const char *address);

/* Adds the types and mdevs of the parent ADDRESS to C.
 *   NOT_FOUND  it is no parent */
must_check int mdev_collect(int root, const char *address, const struct holders *holders,
			    struct collect *c, struct error *err);

/* As in struct host_driver; the parent is V's VF, or its address when there is none. */
int mdev_create(int root, struct host_vgpu *v, enum result *result, struct error *err);
int mdev_destroy(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
		 struct error *err);
int mdev_holders(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err);
