/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - who is at the other end of a UNIX socket, as the kernel says (SO_PEERCRED).
 *
 *   root, and the user the server runs as       admin
 *   the agent's user                            host
 *   members of the group                        admin
 *   everybody else                              refused
 *
 * The user of the server itself may do all: it could change the server's memory anyway.
 */
#pragma once

#include "api/api.h"

struct peer_rules {
	const char *group;      /* "facet" */
	const char *agent_user; /* "facet-agent" */
	const char *agent_host; /* the one host that agent speaks for; "" or NULL: any */
};

/* An identify_fn; USER is a struct peer_rules. */
int peer_identify(void *user, int fd, struct actor *ret, struct error *err);
