/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the little that must survive a restart of the agent but not a reboot of the host.
 *
 * One small text file per thing in /run/facet-host, which only the privileged half writes; it is
 * empty after a reboot, as is every vGPU.  Nothing here is the truth about what exists: sysfs is.
 * (The socket for libvirt's hook is in the same folder, because it must be in one of root's.)
 *
 *	types-DEVICE-SUBSYSTEM-VERSION  the driver's list of vGPU types when it was longest
 *	vgpu-PLACE                      who was given that place: generation, type, profile
 *	passthrough-ADDRESS             the driver to give the function back to
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "model/nouns.h"

#define STATE_DIR "run/facet-host"

/* NAME is one path component.  Reading: NOT_FOUND when there is none. */
must_check int state_read(int root, const char *name, char *ret, size_t size, struct error *err);
/* The old text or the new one is there at any instant. */
must_check int state_write(int root, const char *name, const char *text, struct error *err);
/* Removing what is not there is fine. */
void state_remove(int root, const char *name);

/* Who was given the place (a VF, an mdev's UUID, a whole GPU) that a vGPU lies in. */
struct place {
	uint64_t device; /* place_device() of the VF or GPU; 0 for an mdev: its UUID says it all */
	uint32_t generation, type_id;
	char profile[PROFILE_SIZE];
};

/* Tells one life of a device from the next: functions that are disabled and enabled again bear the
 * same address, are new devices, and carry nothing of what the old ones did.  (The number of the
 * directory in sysfs, which the kernel does not give twice.)  0 when DIR can not be asked. */
uint64_t place_device(int dir);

/* NOT_FOUND when nobody was given it since boot, or since DEVICE came to be. */
must_check int place_read(int root, const char *where, uint64_t device, struct place *ret,
			  struct error *err);
must_check int place_write(int root, const char *where, const struct place *p, struct error *err);
void place_remove(int root, const char *where);

/* Refuses a request of an owner older than the recorded one: its message was late, and the place
 * has been given to somebody else meanwhile.
 *   BUSY */
must_check int place_check(int root, const char *where, uint64_t device, uint32_t generation,
			   struct error *err);
