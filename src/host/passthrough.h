/* SPDX-License-Identifier: Apache-2.0 */
/* passthrough.h - giving a whole GPU to a VM: which functions go with it, and what forbids it. */
#pragma once

#include <stdbool.h>

#include "host/device.h"

/* Lets devices of any PCI class be passed through, not display devices alone, and shows display
 * devices of any vendor in the inventory when they can be.  For the lab, whose machines have no GPU
 * to spare; set once in each process, before the first call. */
void passthrough_set_any_class(bool any);
bool passthrough_any_class(void);

enum { PASSTHROUGH_FUNCTIONS_MAX = 8 };

/* The functions that leave the host together: the GPU and those of the same slot (its sound
 * device). */
struct passthrough {
	char function[PASSTHROUGH_FUNCTIONS_MAX][PCI_SIZE];
	size_t n;
};

/* Looks whether ADDRESS may be passed through, and which functions that takes.
 *   NOT_FOUND  no such device, or no IOMMU group
 *   DENIED     the host needs something in its group: boot display, a disk, a network interface
 *   BUSY       the group has devices that are neither part of the GPU nor free, or vGPUs exist */
must_check int passthrough_check(int root, const char *address, struct passthrough *ret,
				 struct error *err);
