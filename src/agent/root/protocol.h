/* SPDX-License-Identifier: Apache-2.0 */
/* protocol.h - what the agent's processes say to each other over SOCK_SEQPACKET pairs.
 *
 *   agent (user facet) <--> root half (drivers) <--> facet-libvirt (libvirt client, seconds at a
 * time)
 *
 * The same messages go over both pairs, each as one packet of exactly root_message_size() bytes.
 * They are memory of one build: the three programs are installed together, and a packet of another
 * size is refused.  A request is answered by one reply with its number; a list by any number of
 * domains with its number, and then the reply.
 */
#pragma once

#include "agent/machine.h"
#include "host/request.h"

enum root_kind {
	ROOT_REQUEST, /* -> request */
	ROOT_LIST,    /* -> number: all domains */
	ROOT_DOMAIN,  /* <- number, domain */
	ROOT_VERSIONS, /* <- versions; before the domains of a list that wants them */
	ROOT_REPLY,   /* <- reply */
	ROOT_KIND_COUNT
};

struct root_message {
	int32_t kind; /* enum root_kind */
	int32_t want_versions; /* of a list: libvirt may probe QEMU for them, so not every time */
	union {
		uint64_t number; /* first in each of the others */
		struct host_request request;
		struct {
			uint64_t number;
			struct machine_domain domain;
		} entry;
		struct {
			uint64_t number;
			uint32_t libvirt, qemu; /* major * 1000000 + minor * 1000 + micro */
		} versions;
		struct host_reply reply;
	};
};

/* 0 for a kind that does not exist. */
size_t root_message_size(int32_t kind);

/* A SOCK_SEQPACKET pair, both ends closed on exec. */
must_check int root_pair(int fds[2], struct error *err);

/* Sends one message.  Waits while the peer is slow unless NOWAIT.  Who only answers may drop the
 * result: that the peer is gone shows when reading.
 *   UNAVAILABLE  the peer is gone, or NOWAIT and its queue is full */
int root_write(int fd, const struct root_message *m, bool nowait, struct error *err);

/* Receives one.  1: *RET is a whole message; 0: nothing is there now.
 *   UNAVAILABLE  the peer is gone
 *   INVALID      a packet of another size, dropped: *RET has its number when it was long enough
 *                to have one, else 0 */
must_check int root_read(int fd, struct root_message *ret, struct error *err);

/* A reply to NUMBER that carries a failure. */
struct root_message root_failure(uint64_t number, const struct error *err);
