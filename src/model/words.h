/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - the states and kinds of Facet's nouns, each with its words both ways.
 *
 * X(CONSTANT, "word"): the same word in code, API, command line, page and manual.
 */
#pragma once

#include "model/fields.h"

#define FRAMEWORKS(X)                                                        \
	X(NONE, "none")               /* no vGPU can be made on it now */    \
	X(MDEV, "mdev")               /* mediated devices on the PF */       \
	X(MDEV_VF, "mdev-vf")         /* mediated devices on SR-IOV VFs */   \
	X(VENDOR_VFIO, "vendor-vfio") /* VF's nvidia/current_vgpu_type */    \
	X(PASSTHROUGH, "passthrough") /* the whole GPU */

#define GPU_MODES(X)              \
	X(EQUAL, "equal-size")    \
	X(MIXED, "mixed-size")    \
	X(MIG, "mig")             \
	X(WHOLE, "passthrough")

#define GPU_HEALTHS(X)           \
	X(OK, "ok")              \
	X(DEGRADED, "degraded")  /* shown and counted, nothing new is placed there */ \
	X(LOST, "lost")          /* the host no longer sees it */

#define SERIES_LETTERS(X)      \
	X(A, "A")      \
	X(B, "B")      \
	X(C, "C")      \
	X(Q, "Q")      \
	X(WHOLE, "whole")

#define HOST_STATES(X)                 \
	X(READY, "ready")              \
	X(CORDONED, "cordoned")        \
	X(DRAINING, "draining")        \
	X(MAINTENANCE, "maintenance")  \
	X(LOST, "lost")

#define LEASE_STATES(X)                                                           \
	X(RESERVED, "reserved")       /* durable, the host has not begun */        \
	X(CREATING, "creating")       /* the host is making the vGPU */            \
	X(READY, "ready")             /* made and read back; no VM holds it */     \
	X(ATTACHED, "attached")       /* a running VM holds it */                  \
	X(RELEASING, "releasing")     /* the host is taking it down */             \
	X(FAILED, "failed")           /* could not be made; on its way out */      \
	X(QUARANTINED, "quarantined") /* would not come back clean: nobody gets it */

#define VM_WANTEDS(X)           \
	X(STOPPED, "stopped")  \
	X(RUNNING, "running")

#define VM_STATES(X)               \
	X(UNKNOWN, "unknown")      /* nobody has reported it: never means stopped */ \
	X(UNDEFINED, "undefined")  /* the host has no such domain */ \
	X(STOPPED, "stopped")      \
	X(STARTING, "starting")    \
	X(RUNNING, "running")      \
	X(STOPPING, "stopping")    \
	X(PAUSED, "paused")        \
	X(FAILED, "failed")

#define OPERATION_KINDS(X)   \
	X(START, "start")    \
	X(STOP, "stop")      \
	X(ATTACH, "attach")  \
	X(DETACH, "detach")  \
	X(ADOPT, "adopt")    \
	X(RELEASE, "release")

#define OPERATION_STATES(X)        \
	X(RUNNING, "running")      \
	X(DONE, "done")            \
	X(FAILED, "failed")        \
	X(CANCELLED, "cancelled")  \
	X(WAITING, "waiting")          /* in the queue: nothing is reserved yet */

#define STEP_STATES(X)         \
	X(WAITING, "waiting")  \
	X(RUNNING, "running")  \
	X(DONE, "done")        \
	X(FAILED, "failed")

#define POLICIES(X)                     \
	X(FRAGMENTATION, "fragmentation") \
	X(PACK, "pack")                 \
	X(SPREAD, "spread")             \
	X(SPREAD_HOSTS, "spread-hosts") \
	X(FIRST_FIT, "first-fit")

#define ROLES(X)                \
	X(NONE, "none")         \
	X(VIEWER, "viewer")     \
	X(OPERATOR, "operator") \
	X(HOST, "host")         /* an agent: its own host alone */ \
	X(ADMIN, "admin")

#define STOP_HOWS(X)                \
	X(GRACEFUL, "graceful")     \
	X(FORCE, "force")

/* What the host did about one wanted thing (a retried request is harmless). */
#define RESULTS(X)                  \
	X(NONE, "none")             \
	X(UNCHANGED, "unchanged")   \
	X(CREATED, "created")       \
	X(CHANGED, "changed")       \
	X(REMOVED, "removed")       \
	X(REFUSED, "refused")

#define VGPU_OWNERS(X)            \
	X(FOREIGN, "foreign")     /* made by someone else: shown, counted, never touched */ \
	X(FACET, "facet")

/* enum NOUN { PREFIX_CONSTANT..., PREFIX_COUNT } and its struct names NOUN_names. */

enum framework {
#define X(constant, word) FRAMEWORK_##constant,
	FRAMEWORKS(X)
#undef X
	FRAMEWORK_COUNT
};
extern const struct names framework_names;

enum gpu_mode {
#define X(constant, word) GPU_MODE_##constant,
	GPU_MODES(X)
#undef X
	GPU_MODE_COUNT
};
extern const struct names gpu_mode_names;

enum gpu_health {
#define X(constant, word) GPU_HEALTH_##constant,
	GPU_HEALTHS(X)
#undef X
	GPU_HEALTH_COUNT
};
extern const struct names gpu_health_names;

enum series {
#define X(constant, word) SERIES_##constant,
	SERIES_LETTERS(X)
#undef X
	SERIES_COUNT
};
extern const struct names series_names;

enum host_state {
#define X(constant, word) HOST_##constant,
	HOST_STATES(X)
#undef X
	HOST_COUNT
};
extern const struct names host_state_names;

enum lease_state {
#define X(constant, word) LEASE_##constant,
	LEASE_STATES(X)
#undef X
	LEASE_COUNT
};
extern const struct names lease_state_names;

enum vm_wanted {
#define X(constant, word) VM_WANTED_##constant,
	VM_WANTEDS(X)
#undef X
	VM_WANTED_COUNT
};
extern const struct names vm_wanted_names;

enum vm_state {
#define X(constant, word) VM_##constant,
	VM_STATES(X)
#undef X
	VM_COUNT
};
extern const struct names vm_state_names;

enum operation_kind {
#define X(constant, word) OPERATION_##constant,
	OPERATION_KINDS(X)
#undef X
	OPERATION_COUNT
};
extern const struct names operation_kind_names;

enum operation_state {
#define X(constant, word) OPERATION_STATE_##constant,
	OPERATION_STATES(X)
#undef X
	OPERATION_STATE_COUNT
};
extern const struct names operation_state_names;

enum step_state {
#define X(constant, word) STEP_##constant,
	STEP_STATES(X)
#undef X
	STEP_COUNT
};
extern const struct names step_state_names;

enum policy {
#define X(constant, word) POLICY_##constant,
	POLICIES(X)
#undef X
	POLICY_COUNT
};
extern const struct names policy_names;

enum role {
#define X(constant, word) ROLE_##constant,
	ROLES(X)
#undef X
	ROLE_COUNT
};
extern const struct names role_names;

enum stop_how {
#define X(constant, word) STOP_##constant,
	STOP_HOWS(X)
#undef X
	STOP_COUNT
};
extern const struct names stop_how_names;

enum result {
#define X(constant, word) RESULT_##constant,
	RESULTS(X)
#undef X
	RESULT_COUNT
};
extern const struct names result_names;

enum vgpu_owner {
#define X(constant, word) VGPU_OWNER_##constant,
	VGPU_OWNERS(X)
#undef X
	VGPU_OWNER_COUNT
};
extern const struct names vgpu_owner_names;
