/* SPDX-License-Identifier: Apache-2.0 */
/* driver.h - one way to make vGPUs: a folder, a table of functions, a page, tests.
 *
 * A driver works below a root folder (normally "/"), given as an open directory, so that the same
 * code reads the real /sys and a tree made by a test.  Calls block and run on a worker.  Each
 * answers what it did (unchanged, created, changed, removed), so that every one may run twice.
 */
#pragma once

#include "host/request.h"
#include "model/nouns.h"

struct host_driver {
	const char *name;          /* same word as its framework */
	enum framework framework;

	/* Whether PF (full PCI address) is made into vGPUs by this driver: decided by which
	 * directory exists, never by architecture or kernel version. */
	bool (*owns)(int root, const char *pf);

	/* Fills types, vgpus, vf_enabled, mode of GPU, whose address is set. */
	int (*inventory)(int root, struct gpu *gpu, struct error *err);

	/* Makes V exist as asked, or verifies that it does.  *RESULT: UNCHANGED, CREATED, or
	 * CHANGED when what is there was put right; the type id and placement as read back are put
	 * into V.
	 *   NO_CAPACITY  the driver will not make this type there now
	 *   BUSY         someone else's vGPU is in that place, it is held open, or V is of an
	 *                older generation than the place was given to
	 *   NOT_FOUND    no such function, or no such type on it
	 *   IO           the driver refused: err has its words
	 *   DENIED       the host can not spare it (passthrough), or its users can not be seen
	 *   INVALID      parameters for a device that takes none */
	int (*create)(int root, struct host_vgpu *v, enum result *result, struct error *err);

	/* Takes V down when nobody holds it open, and verifies that it is gone.  *RESULT: UNCHANGED
	 * (was not there) or REMOVED.
	 *   BUSY    a process holds it open (holder in *PID), or the vGPU there is not V
	 *   DENIED  whether a process holds it open can not be seen
	 *   IO      it would not go: the slice is to be quarantined */
	int (*destroy)(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
		       struct error *err);

	/* The process that holds V open, 0 for none. */
	int (*holders)(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err);

	/* equal-size or mixed-size; NULL where there is no such choice. */
	int (*set_mode)(int root, const char *pf, enum gpu_mode mode, enum result *result,
			struct error *err);
};

extern const struct host_driver driver_mdev, driver_mdev_vf, driver_vendor_vfio,
	driver_passthrough;

/* All of the above, NULL-terminated, in the order in which owns() is asked. */
extern const struct host_driver *const host_drivers[];

/* The driver of FRAMEWORK, NULL for none. */
const struct host_driver *host_driver_of(enum framework framework);
