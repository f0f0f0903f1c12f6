/* SPDX-License-Identifier: Apache-2.0 */
/* machine_real.h - the machine the agent runs on: its root half, its /sys, hints of change. */
#pragma once

#include <systemd/sd-event.h>

#include "agent/machine.h"
#include "agent/root_client.h"

/* ROOT_CLIENT is taken over, also on failure.  ROOT: below which sys/, proc/ and run/ are.
 *   IO, NO_MEMORY */
must_check int machine_real_new(sd_event *event, struct root_client *root_client, const char *root,
				struct machine **ret, struct error *err);
