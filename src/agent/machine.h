/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - the host under an agent: what it can be asked to do, and what it tells of itself.
 *
 * The agent's core speaks to this table alone.  machine_real is the machine it runs on: requests go
 * to the root half, domains are libvirt's, facts are read from /sys.  machine_simulated is a host
 * in memory.  A machine belongs to one thread, that of the agent's event loop.  No callback is ever
 * called from inside the call that asked for it, and none after machine_free().
 */
#pragma once

#include "host/request.h"
#include "model/nouns.h"

enum { MACHINE_USES_SIZE = DEVICE_COUNT_MAX * UUID_TEXT_SIZE };

/* A libvirt domain as it is now. */
struct machine_domain {
	char name[NAME_SIZE];           /* cut when longer, which only a foreign domain's can be */
	char uuid[UUID_TEXT_SIZE];
	int32_t state;                  /* enum vm_state: STOPPED RUNNING STOPPING PAUSED, or FAILED
	                                 * after a crash; STARTING is never told */
	uint32_t facet;                 /* 1: its XML carries Facet's metadata */
	char reason[64];                /* "shutdown", "destroyed", "crashed", "failed", "migrated",
	                                 * "saved", "booted", ...; "" when libvirt does not know */
	char uses[MACHINE_USES_SIZE];   /* its hostdevs in use (in its definition when stopped),
	                                 * "0000:41:00.4,UUID,..." */
};

enum machine_event_kind {
	MACHINE_DOMAINS_CHANGED,  /* something about domain NAME ("": any): list them again */
	MACHINE_HARDWARE_CHANGED, /* a device came, went or changed: take an inventory again */
	MACHINE_LOST,             /* the root half is gone: nothing will be answered any more.  The
	                           * agent ends, and its service manager starts it afresh */
};

struct machine_event {
	enum machine_event_kind kind;
	char name[NAME_SIZE];
};

/* What an inventory found.  A callback that wants to keep it moves it out and leaves zeroes. */
struct machine_inventory {
	struct host facts;        /* name, state, last_report_ms are the agent's: left empty */
	struct gpu *gpus;
	size_t gpus_n;
};
void machine_inventory_done(struct machine_inventory *inventory);

typedef void machine_reply_fn(const struct host_reply *reply, void *user);
/* R is 0 or -ERR_kind with ERR filled; a failed list says nothing about any domain. */
typedef void machine_domains_fn(int r, const struct machine_domain *domains, size_t n,
				const struct error *err, void *user);
typedef void machine_inventory_fn(int r, struct machine_inventory *inventory,
				  const struct error *err, void *user);
typedef void machine_event_fn(const struct machine_event *event, void *user);

struct machine {
	/* Asks for one thing; REPLY is called once.  The number in Q is ignored (the machine has
	 * its own), that in the reply means nothing.  Many may be under way; those that concern the
	 * same GPU or the same domain are done in the order they were sent. INVALID      the
	 * request is malformed UNAVAILABLE  the root half is gone, or too many requests wait */
	int (*send)(struct machine *m, const struct host_request *q, machine_reply_fn *reply,
		    void *user, struct error *err);

	/* All domains, once.  Costs a libvirt client process on a real host: ask when an event says
	 * so, and rarely otherwise.
	 *   UNAVAILABLE  the root half is gone */
	int (*list_domains)(struct machine *m, machine_domains_fn *done, void *user,
			    struct error *err);

	/* Facts of the host and all its GPUs with types and vGPUs, once.  ids, hosts and owners are
	 * left empty, and holder_pid is not looked for: HOST_OP_VGPU_HOLDERS asks that.
	 *   BUSY  one is under way: ask again when it is done */
	int (*inventory)(struct machine *m, machine_inventory_fn *done, void *user,
			 struct error *err);

	/* The SR-IOV functions of PF, in the order of their number, malloc'ed into *RET; none is no
	 * error.  Reads a few links of /sys at once. */
	int (*functions)(struct machine *m, const char *pf, char (**ret)[PCI_SIZE], size_t *ret_n,
			 struct error *err);

	/* Whom to tell of changes; one listener.  Events may be lost or doubled: they are hints. */
	void (*watch)(struct machine *m, machine_event_fn *event, void *user);

	void (*free)(struct machine *m);
};

static inline struct machine *machine_free(struct machine *m)
{
	if (m)
		m->free(m);
	return NULL;
}
DEFINE_CLEANUP(struct machine *, machine_free)
