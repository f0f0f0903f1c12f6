/* SPDX-License-Identifier: Apache-2.0 */
/* helper.h - facet-libvirt as the root half sees it: started when there is something for it, ended
 * when there is not, given up when it hangs.  Ending it is harmless at any moment: libvirt goes on
 * with what it was told, and every request may be repeated.
 *
 * Belongs to the root half's main thread.
 */
#pragma once

#include "agent/root.h"
#include "agent/root/protocol.h"
#include "base/clock.h"

struct helper;

/* Messages that come back, and failures for those that never will, are written to PEER. */
must_check int helper_new(const struct root_config *config, const struct clock *clock, int peer,
			  struct helper **ret, struct error *err);
struct helper *helper_free(struct helper *h);

/* Passes M on.  A failure is the caller's to answer.
 *   UNAVAILABLE  it can not be started, or too many requests wait */
must_check int helper_pass(struct helper *h, const struct root_message *m, struct error *err);

/* The descriptor to watch for input, -1 while it does not run. */
int helper_fd(const struct helper *h);
void helper_dispatch(struct helper *h);

/* Ends it when it is idle or hangs; returns the milliseconds until this is due again, -1 for
 * never. */
int helper_tick(struct helper *h);
