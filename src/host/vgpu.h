/* SPDX-License-Identifier: Apache-2.0 */
/* vgpu.h - what the drivers of vGPUs have in common: parameters and placement of one that exists,
 * and the words of their refusals.
 */
#pragma once

#include "host/device.h"
#include "host/request.h"

/* How long a driver is waited for when it takes a vGPU down. */
enum { VGPU_REMOVE_LIMIT_MS = 10000 };

/* Reads DIR's FILE (a placement id): PLACEMENT_NONE where there is no file, no vGPU, no number, or
 * the driver's own "no placement" (65535). */
uint32_t vgpu_placement(int dir, const char *file);

/* Sets placement id and parameters of the vGPU whose files lie in DIR/nvidia, where they differ
 * from what V asks, reads both back and puts the placement into V.  *CHANGED says whether anything
 * was written.  A driver that has no file for the placement, or lets nobody write it, keeps its own
 * choice: V then tells it.
 *   NO_CAPACITY  the placement is not free
 *   IO           the driver refused the parameters, or forgot them
 *   INVALID      the device takes no parameters */
must_check int vgpu_settle(int dir, struct host_vgpu *v, bool *changed, struct error *err);

/* "V.profile on V.vf", for the front of an error text. */
struct vgpu_words {
	char text[PROFILE_SIZE + PCI_SIZE + UUID_TEXT_SIZE + 8];
};
struct vgpu_words vgpu_words(const struct host_vgpu *v);

/* BUSY when a process holds the device of DIR open; its number goes to *PID. */
must_check int vgpu_check_idle(int root, int dir, const struct host_vgpu *v, uint32_t *pid,
			       struct error *err);
