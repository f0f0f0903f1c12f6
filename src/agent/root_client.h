/* SPDX-License-Identifier: Apache-2.0 */
/* root_client.h - the unprivileged half's end of the line to the root half.
 *
 * Belongs to one thread, that of the event loop: watch root_client_fd() for input and call
 * root_client_dispatch().  Callbacks run inside dispatch, and nowhere else.
 */
#pragma once

#include <sys/types.h>

#include "agent/machine.h"

struct root_client;

/* Takes FD; PID is the root half's, 0 when it is no child of ours. */
must_check int root_client_new(int fd, pid_t pid, struct root_client **ret, struct error *err);
/* Hangs up, which ends the root half once it has finished its writes; pending callbacks are
 * dropped. */
struct root_client *root_client_free(struct root_client *c);
DEFINE_CLEANUP(struct root_client *, root_client_free)

int root_client_fd(const struct root_client *c);
pid_t root_client_pid(const struct root_client *c);

/* Sends a copy of Q under a number of the client's own.
 *   INVALID      malformed (host_request_check())
 *   UNAVAILABLE  the root half is gone, or too many requests wait: DONE will not be called */
must_check int root_send(struct root_client *c, const struct host_request *q,
			 machine_reply_fn *done, void *user, struct error *err);
must_check int root_list_domains(struct root_client *c, machine_domains_fn *done, void *user,
				 struct error *err);

/* Of libvirt and QEMU as the last list told, major * 1000000 + minor * 1000 + micro; 0 until
 * then. */
void root_client_versions(const struct root_client *c, uint32_t *libvirt, uint32_t *qemu);

/* Handles what has arrived.  A callback must not free C.  When the root half is gone, everything
 * pending is answered with UNAVAILABLE, and this returns the same. UNAVAILABLE  the root half is
 * gone: end, and be started afresh */
must_check int root_client_dispatch(struct root_client *c, struct error *err);
