/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - the few things that need root on a GPU host, as fixed-size messages.
 *
 * The unprivileged half of the agent sends a struct host_request over a SOCK_SEQPACKET pair and
 * gets one struct host_reply with the same number back, in any order.  Both are plain memory of one
 * binary: no parsing, no pointers, no lengths.  The privileged half trusts none of it: every string
 * is checked for its terminator and its form before use (host_request_check()).
 *
 * The simulated host answers the same messages, so the agent above knows no difference.
 */
#pragma once

#include <stdint.h>

#include "model/nouns.h"

#define HOST_OPS(X)                                                                               \
	X(VF_ENABLE, "vf-enable")             /* address: PF; sriov-manage -e, verified after */ \
	X(VGPU_CREATE, "vgpu-create")         /* make or verify one vGPU, read back */            \
	X(VGPU_DESTROY, "vgpu-destroy")       /* take it down if nobody holds it, verify */       \
	X(VGPU_HOLDERS, "vgpu-holders")       /* which process holds it open */                   \
	X(MODE_SET, "mode-set")               /* equal-size or mixed-size on an empty GPU */      \
	X(DOMAIN_DEVICES, "domain-devices")   /* the hostdevs of a stopped domain, ours alone */  \
	X(DOMAIN_START, "domain-start")       /* start it */                                      \
	X(DOMAIN_SHUTDOWN, "domain-shutdown") /* ask the guest to shut down */                    \
	X(DOMAIN_DESTROY, "domain-destroy")   /* pull its plug */                                 \
	X(DOMAIN_XML, "domain-xml")           /* not used by the agent's loop: adoption looks */

enum host_op {
#define X(constant, word) HOST_OP_##constant,
	HOST_OPS(X)
#undef X
	HOST_OP_COUNT
};
extern const struct names host_op_names;

/* One vGPU (or whole GPU) as the drivers know it. */
struct host_vgpu {
	int32_t framework;              /* enum framework */
	char address[PCI_SIZE];         /* PF */
	char vf[PCI_SIZE];              /* function that carries it; "" on a PF */
	char mdev_uuid[UUID_TEXT_SIZE];
	char profile[PROFILE_SIZE];
	uint32_t type_id;               /* 0: look it up by profile */
	uint32_t placement;             /* PLACEMENT_NONE: leave it to the driver */
	uint32_t generation;
	int32_t adopt;                  /* 1: may be one that somebody else made */
	char params[256];
};

/* Where a vGPU sits in a domain's XML. */
struct host_device {
	int32_t framework;
	char address[PCI_SIZE];         /* of a PCI hostdev: VF, or the whole GPU */
	char mdev_uuid[UUID_TEXT_SIZE]; /* of an mdev hostdev */
};

struct host_request {
	uint64_t number;                /* echoed in the reply */
	int32_t op;                     /* enum host_op */
	int32_t mode;                   /* MODE_SET: enum gpu_mode */
	char vm_uuid[UUID_TEXT_SIZE];
	char vm_name[NAME_SIZE];
	struct host_vgpu vgpu;
	uint32_t devices_n;
	struct host_device devices[DEVICE_COUNT_MAX];
};

struct host_reply {
	uint64_t number;
	int32_t r;                      /* 0 or -ERR_kind */
	int32_t result;                 /* enum result: unchanged, created, changed, removed */
	uint32_t holder_pid;
	uint32_t type_id, placement;    /* as read back */
	struct error err;
};

/* Every string ends, every enum is in range, addresses and UUIDs have their form, counts fit.
 *   INVALID */
must_check int host_request_check(const struct host_request *q, struct error *err);
