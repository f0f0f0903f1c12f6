/* SPDX-License-Identifier: Apache-2.0 */
/* machine_simulated.h - a host in memory under an agent, in real time on the agent's event loop. */
#pragma once

#include <systemd/sd-event.h>

#include "agent/machine.h"
#include "host/simulated/simulated.h"

/* SPEC is that of simulated_parse(); its name goes to NAME, an array of NAME_SIZE.
 *   INVALID  the spec is wrong; place is "column N"
 *   IO, NO_MEMORY */
must_check int machine_simulated_new(sd_event *event, const char *spec, struct machine **ret,
				     char *name, struct error *err);

/* The host in it, for faults and fate; it belongs to the machine.  After changing it by other means
 * than a request, call machine_simulated_poke(). */
struct simulated_host *machine_simulated_host(struct machine *m);
void machine_simulated_poke(struct machine *m);
