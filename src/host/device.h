/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - functions of PCI devices and parents of mediated devices, as sysfs shows them.
 *
 * An ADDRESS is a full PCI address, or, for a parent that is no PCI device (such as the kernel's
 * sample "mtty"), its name in /sys/class/mdev_bus.
 */
#pragma once

#include "host/sysfs.h"
#include "model/nouns.h"

enum { FUNCTIONS_MAX = 256 };

/* Functions (VFs) of a GPU. */
struct functions {
	char (*address)[PCI_SIZE]; /* in the order of their numbers */
	size_t n;
};

void functions_done(struct functions *f);

/* A full PCI address in lower case, or a name that may stand in a path. */
bool device_address_is_valid(const char *address);

/* Opens the device's directory; the caller closes *RET.
 *   NOT_FOUND */
must_check int device_open(int root, const char *address, int *ret, struct error *err);

/* The driver bound to the device that DIR is, "" for none. */
void device_driver(int dir, char *ret, size_t size);

/* The VFs that exist on PF; none is an answer.  functions_done() frees.
 *   NOT_FOUND  no such PF */
must_check int inventory_functions(int root, const char *pf, struct functions *ret,
				   struct error *err);

/* PCI ids of the board, four hex digits each; "" where there are none. */
void device_ids(int dir, char pci_device[5], char pci_subsystem[5]);

/* A PCI function of NVIDIA's, of any class. */
bool device_is_nvidia(int root, const char *address);

/* Version of NVIDIA's host driver that is loaded, "" for none. */
void device_driver_version(int root, char *ret, size_t size);
