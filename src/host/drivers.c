/* SPDX-License-Identifier: Apache-2.0 */
#include "host/driver.h"

/* A GPU bound to vfio-pci has none of the other drivers' files, so the order matters little; the
 * functions are asked before the PF because a PF may keep an empty mdev_supported_types. */
const struct host_driver *const host_drivers[] = {
	&driver_vendor_vfio, &driver_mdev_vf, &driver_mdev, &driver_passthrough, NULL,
};

const struct host_driver *host_driver_of(enum framework framework)
{
	for (size_t i = 0; host_drivers[i]; i++)
		if (host_drivers[i]->framework == framework)
			return host_drivers[i];
	return NULL;
}
