/* SPDX-License-Identifier: Apache-2.0 */
/* sizes.h - how long the names of things are, and how many there may be. */
#pragma once

#include <stdint.h>

#include "base/uuid.h"

enum {
	NAME_SIZE = 64,
	PCI_SIZE = 20,       /* "0000:41:00.0", domain included, lower case */
	PROFILE_SIZE = 48,   /* byte-exact vGPU type name: "NVIDIA L40S-8Q" */
	GPU_ID_SIZE = NAME_SIZE + PCI_SIZE, /* "HOST@0000:41:00.0" */
	LEASE_ID_SIZE = UUID_TEXT_SIZE,
	/* vGPUs per VM (NVIDIA open-gpu-kernel-modules: MAX_VGPU_DEVICES_PER_VM). */
	DEVICE_COUNT_MAX = 16,
	PLACEMENT_NONE = UINT32_MAX,
	PRIORITY_MAX = 1000,
	WAITER_ID_SIZE = 32,
	QUOTA_GIB_MAX = 1 << 20, QUOTA_VGPUS_MAX = 1000000,
};
