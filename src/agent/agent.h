/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - makes one host what the controller wants it to be, and says what it is.
 *
 *   wanted state (a stream of lines)  ->  reconcile  ->  requests to the machine
 *   report (a POST)                   <-  what is    <-  replies, domains, inventory
 *
 * The agent decides nothing and keeps nothing that matters: killed at any line, its next life reads
 * wanted and actual state anew and works the difference off in the order VFs -> vGPUs -> VMs.
 * Runs in the thread of its event loop; several agents (simulated hosts) may share one.
 */
#pragma once

#include <systemd/sd-event.h>

#include "agent/machine.h"
#include "base/clock.h"

struct agent;

struct agent_config {
	const char *host;         /* name of the host */
	const char *controller;   /* path of facetd's UNIX socket */
	const char *hook;         /* path to listen on for facet-hook; NULL: none */
	const struct clock *clock;
	uint32_t report_ms;       /* a report goes at least this often; 0: 10 s */
	uint32_t domains_ms;      /* domains are listed at least this often; 0: 60 s */
	uint32_t inventory_ms;    /* hardware is looked at at least this often; 0: 60 s */
};

/* MACHINE is taken over, also on failure.  LISTEN_FD: a bound socket for the hook, made before
 * privileges were dropped, or -1 to bind config->hook here. */
must_check int agent_new(sd_event *event, struct machine *machine,
			 const struct agent_config *config, int listen_fd, struct agent **ret,
			 struct error *err);
struct agent *agent_free(struct agent *a);
DEFINE_CLEANUP(struct agent *, agent_free)

/* Binds and listens at PATH (mode 0600; an old socket there is replaced). */
must_check int agent_hook_listen(const char *path, int *ret_fd, struct error *err);
