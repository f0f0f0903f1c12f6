// SPDX-License-Identifier: GPL-2.0
/* main.c - load and unload of the simulated NVIDIA vGPU host. */
#include <linux/init.h>
#include <linux/module.h>

#include "facetsim.h"

static char *gpus_param = "";
module_param_named(gpus, gpus_param, charp, 0444);
MODULE_PARM_DESC(gpus, "BOARD@DOMAIN:BUS:SLOT.0/FRAMEWORK,... (vendor-vfio, mdev-vf or mdev)");

static int __init facetsim_init(void)
{
	int r = gpus_parse(gpus_param);

	if (r)
		goto free_gpus;
	r = mdev_driver_register();
	if (r)
		goto free_gpus;
	r = gpu_driver_register();
	if (r)
		goto no_mdev;
	r = procfs_add();
	if (r)
		goto no_driver;
	/* Last: the driver binds to the functions as the scan finds them. */
	r = bus_start_all();
	if (r)
		goto no_procfs;
	return 0;

no_procfs:
	procfs_remove();
no_driver:
	gpu_driver_unregister();
no_mdev:
	mdev_driver_unregister();
free_gpus:
	gpus_free();
	bus_free_all();
	return r;
}

static void __exit facetsim_exit(void)
{
	bus_stop_all();
	procfs_remove();
	gpu_driver_unregister();
	mdev_driver_unregister();
	gpus_free();
	bus_free_all();
}

module_init(facetsim_init);
module_exit(facetsim_exit);
MODULE_DESCRIPTION("Simulated NVIDIA vGPU host for Facet's lab");
MODULE_LICENSE("GPL");
