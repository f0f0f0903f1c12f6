/* SPDX-License-Identifier: Apache-2.0 */
/* hints.h - notices that something about domains or devices changed, without asking anybody.
 *
 * libvirt's QEMU driver keeps a file per running domain in /run/libvirt/qemu and rewrites it with
 * every change of state; the kernel announces devices on a netlink socket.  Both cost nothing while
 * nothing happens, need no privilege, and are only hints: what changed is asked of libvirt and
 * /sys. A burst is told once, a moment after it began.
 */
#pragma once

#include <systemd/sd-event.h>

#include "agent/machine.h"

struct hints;

/* ROOT: below which run/libvirt/qemu is.  A folder that is not there yet is waited for; a kernel
 * that announces nothing (a container) leaves the device hints out. */
must_check int hints_new(sd_event *event, const char *root, machine_event_fn *tell, void *user,
			 struct hints **ret, struct error *err);
struct hints *hints_free(struct hints *h);
