/* SPDX-License-Identifier: Apache-2.0 */
/* root.h - the privileged half of the agent: a process of its own, made before anything is parsed.
 *
 * It holds /sys and the drivers, and knows how to start facet-libvirt, which lives only while
 * libvirt has something to do: a connected libvirt client is 17 MiB, the root half itself about
 * two.  It trusts no message, gives up every capability the drivers do not need, and ends when the
 * other half does, after what it is writing is written.  Running VMs are never touched by that.
 */
#pragma once

#include "agent/root_client.h"

struct root_config {
	const char *root;            /* below which sys/, proc/ and run/ are; NULL: "/" */
	const char *libvirt_program; /* path of facet-libvirt */
	const char *libvirt_uri;     /* NULL: qemu:///system */
	bool migration;              /* insist on vGPUs that can migrate: struct domain_edit */
	bool passthrough_any_class;  /* any PCI device may be passed through, not displays alone */
	uint32_t idle_ms;            /* facet-libvirt ends after this long without work; 0: 3 s */
	uint32_t limit_ms;           /* libvirt is given up after this long; 0: 5 min */
};

/* Forks the root half off and gives the caller, who may then drop to another user, its client.
 * To be called while the process has one thread and before it reads anything from outside.
 *   IO  no process or socket could be made */
must_check int root_start(struct root_client **ret, const struct root_config *config,
			  struct error *err);
