/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - what controller and agent say to each other: two messages, both whole states.
 *
 *   controller -> agent   struct wanted   GET  /v1/hosts/{host}/wanted?after=REV  (one JSON a line)
 *   agent -> controller   struct report   POST /v1/hosts/{host}/report
 *
 * Both sides are level-triggered: each message is complete in itself, the newest one counts, and a
 * lost, repeated or late one changes nothing.  Revision (of the store), lease generation and VM run
 * say which is newer.
 */
#pragma once

#include "model/nouns.h"

/* Of the leases of a host, RESERVED, CREATING, READY and ATTACHED must exist; RELEASING and FAILED
 * must be gone; QUARANTINED is left alone. */

/* One VM as its host must make it true. */
struct wanted_vm {
	char name[NAME_SIZE], uuid[UUID_TEXT_SIZE];
	int wanted;          /* enum vm_wanted */
	int stop_how;        /* enum stop_how */
	bool start_after_boot;
	uint32_t run;
	char boot_id[UUID_TEXT_SIZE]; /* boot in which this run was seen up; "": not yet */
	bool managed;        /* to be started or stopped; false: only watch it */
};

struct wanted {
	char host[NAME_SIZE];
	uint64_t revision;   /* of the store when this was made */
	int64_t now_ms;      /* the controller's clock, to show skew */
	struct lease *leases;
	size_t leases_n;
	struct wanted_vm *vms;
	size_t vms_n;
	char **vf_gpus;      /* addresses of GPUs whose VFs are to be enabled */
	size_t vf_gpus_n;
};

/* What the host did about a lease. */
struct lease_report {
	char id[LEASE_ID_SIZE];
	uint32_t generation;
	int state;           /* enum lease_state as the host sees it, all but RESERVED; gone says
	                      * that it no longer exists */
	bool gone;
	int result;          /* enum result */
	uint32_t type_id, placement; /* as read back */
	char error_kind[24];
	char reason[256];
};

struct vm_report {
	char name[NAME_SIZE], uuid[UUID_TEXT_SIZE];
	int state;           /* enum vm_state */
	uint32_t run;        /* newest run that the host has begun to work on, 0: none */
	bool ended;          /* the run is over: the guest shut down, crashed or was killed */
	bool start_failed;   /* the run never came to life; reason says why */
	bool foreign;        /* not known to Facet: shown, never touched */
	char reason[256];
	char uses[DEVICE_COUNT_MAX * UUID_TEXT_SIZE]; /* its hostdevs, "0000:41:00.4,UUID,..." */
};

struct report {
	char host[NAME_SIZE];
	char boot_id[UUID_TEXT_SIZE];
	uint64_t number;     /* grows within one life of the agent */
	uint64_t revision;   /* newest wanted state that this answers */
	struct host facts;   /* of the host; only when has_inventory */
	bool has_inventory;  /* facts and gpus are complete; else they are left as known */
	struct gpu *gpus;
	size_t gpus_n;
	struct lease_report *leases;
	size_t leases_n;
	struct vm_report *vms;
	size_t vms_n;
};

extern const struct fields wanted_vm_fields, wanted_fields, lease_report_fields, vm_report_fields,
	report_fields;
