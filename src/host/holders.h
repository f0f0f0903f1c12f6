/* SPDX-License-Identifier: Apache-2.0 */
/* holders.h - which process holds a VFIO device open.
 *
 * A vGPU must not be taken from under a VMM, and a file in sysfs does not tell: the open files of
 * all processes do.  One pass over /proc answers for any number of devices.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct holder {
	uint32_t pid;
	char path[64];
	dev_t number; /* 0 when it could not be asked */
};

/* Every open file of every process that looks like a VFIO device. */
struct holders {
	struct holder *rows;
	size_t n;
	uint32_t hidden; /* a process that could not be looked into, 0 for none */
};

/* Fills *RET, which holders_done() frees.  IO, NO_MEMORY */
must_check int holders_scan(int root, struct holders *ret, struct error *err);
void holders_done(struct holders *h);

/* The process among H that holds the device of DIR (a VF, an mdev or a whole GPU): its
 * /dev/vfio/devices/vfioN or its group's /dev/vfio/N, by name or by number.  0: none of H. */
uint32_t holders_find(const struct holders *h, int root, int dir);

/* Scans, and answers for one device: *PID, 0 for none.
 *   DENIED  none was found, but a process could not be looked into: then nobody knows */
must_check int holders_of(int root, int dir, uint32_t *pid, struct error *err);
