/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* creatable.h - what may be created on one GPU now, given what exists on it.
 *
 * The one model behind the lab's kernel module, the simulated host driver and
 * placement, so that they can not disagree.  It answers what NVIDIA's driver would
 * answer; it knows no owners, leases or wishes.  MIG is not modelled.
 *
 * Plain C without libc or allocation; both structs may be copied by assignment.
 * No locks: the caller serialises calls that change one GPU.
 */
#pragma once

#include "model/geometry.h"

/* Limits of NVIDIA's driver (open-gpu-kernel-modules 595, ctrla081.h). */
#define CREATABLE_TYPES_MAX 128 /* types per GPU */
#define CREATABLE_VGPUS_MAX 48  /* vGPUs per GPU */
#define CREATABLE_TIME_SLICED_MAX 32 /* of them without MIG */
#define CREATABLE_VFS_MAX 64

/* Where a type or a vGPU is asked for: no particular VF, or no particular place. */
#define CREATABLE_PF 0xffff
#define CREATABLE_ANY GEOMETRY_NO_PLACEMENT

enum creatable_mode {
	CREATABLE_EQUAL, /* one framebuffer size at a time (NVIDIA's default) */
	CREATABLE_MIXED, /* "heterogeneous": any sizes, at fixed placement ids */
	CREATABLE_MODE_COUNT
};

/* What never changes: the board and the types its driver offers. */
struct creatable_board {
	enum geometry_rule rule;
	uint16_t region_gib; /* geometry_region_gib(types, n_types) */
	uint16_t total_vfs;  /* 0: no SR-IOV, vGPUs are made on the PF */
	uint16_t max_vgpus;  /* 0: CREATABLE_TIME_SLICED_MAX */
	uint16_t n_types;
	struct geometry_type types[CREATABLE_TYPES_MAX];
};

/* One vGPU.  A slot that is not used has no meaning in its other members. */
struct creatable_vgpu {
	bool used;
	uint16_t type;      /* index into board->types */
	uint16_t placement; /* id, or GEOMETRY_NO_PLACEMENT */
	uint16_t vf;        /* 0 .. enabled_vfs - 1, or CREATABLE_PF */
};

/* What exists on one GPU.  Read freely, change through the functions below. */
struct creatable_gpu {
	enum creatable_mode mode;
	uint16_t enabled_vfs;
	uint16_t count; /* of slots in use */
	struct creatable_vgpu vgpus[CREATABLE_VGPUS_MAX];
};

/* Why not.  The words are made to follow "can not create TYPE on GPU: ". */
#define CREATABLE_ANSWERS(X)                                                                  \
	X(OK, "ok", "it may be created now")                                                  \
	X(UNKNOWN_TYPE, "unknown-type", "the GPU offers no such type")                        \
	X(NO_SUCH_VF, "no-such-vf", "the virtual function does not exist or is not enabled")  \
	X(VF_IN_USE, "vf-in-use", "the virtual function already carries a vGPU")              \
	X(WRONG_SIZE_CLASS, "wrong-size-class",                                               \
	  "the GPU is in equal-size mode and holds vGPUs of another framebuffer size")        \
	X(FULL, "full", "the GPU already holds as many vGPUs as it can")                      \
	X(NO_PLACEMENT, "no-placement", "no placement id of this type is free")               \
	X(PLACEMENT_UNKNOWN, "placement-unknown", "the type has no such placement id")        \
	X(PLACEMENT_TAKEN, "placement-taken", "another vGPU lies across this placement id")   \
	X(NO_MIXED_MODE, "no-mixed-mode", "the GPU can not mix framebuffer sizes")            \
	X(HAS_VGPUS, "has-vgpus", "the GPU still holds vGPUs")                                \
	X(NO_SUCH_VGPU, "no-such-vgpu", "there is no such vGPU")

enum creatable_answer {
#define X(name, word, text) CREATABLE_##name,
	CREATABLE_ANSWERS(X)
#undef X
	CREATABLE_ANSWER_COUNT
};

const char *creatable_answer_name(enum creatable_answer a); /* "vf-in-use"; NULL for none */
const char *creatable_answer_text(enum creatable_answer a);

/* Makes GPU empty, in equal-size mode and without VFs; as after a driver load. */
void creatable_init(struct creatable_gpu *gpu);

/* Enables N VFs (0: disables all).  All vGPUs go and the mode falls back to equal
 * size, as NVIDIA's sriov-manage does.  NO_SUCH_VF when the board has fewer. */
enum creatable_answer creatable_set_vfs(const struct creatable_board *board,
                                        struct creatable_gpu *gpu, uint16_t n);

/* Changes the mode; the mode it already has is fine at any time.
 * NO_MIXED_MODE, HAS_VGPUS, or NO_SUCH_VF (an SR-IOV board wants its VFs first). */
enum creatable_answer creatable_set_mode(const struct creatable_board *board,
                                         struct creatable_gpu *gpu, enum creatable_mode mode);

/* May a vGPU of TYPE be created on VF?  With VF = CREATABLE_PF on an SR-IOV board the
 * question is whether it could be on some VF that is enabled and free. */
enum creatable_answer creatable_ask(const struct creatable_board *board,
                                    const struct creatable_gpu *gpu, uint16_t vf, uint16_t type);

/* How many more of TYPE would fit if nothing else were created: what mdev calls
 * available_instances on a PF.  Free VFs limit it on SR-IOV boards. */
unsigned int creatable_remaining(const struct creatable_board *board,
                                 const struct creatable_gpu *gpu, uint16_t type);

/* Writes the placement ids at which TYPE may be created now, ascending, at most MAX,
 * and returns how many there are.  0 with an OK from creatable_ask(): the GPU has no
 * ids in its mode. */
unsigned int creatable_placements(const struct creatable_board *board,
                                  const struct creatable_gpu *gpu, uint16_t type, uint16_t *ids,
                                  unsigned int max);

/* Creates a vGPU of TYPE on VF at PLACEMENT (CREATABLE_ANY: the first free one) and
 * writes its slot to RET_SLOT.  VF must be one VF on SR-IOV boards and CREATABLE_PF
 * on others.  Unless OK, nothing changed. */
enum creatable_answer creatable_take(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, uint16_t vf, uint16_t type,
                                     uint16_t placement, unsigned int *ret_slot);

/* The same as N times creatable_take() on an empty GPU in equal-size mode, on VFs 0, 1 and so on
 * (the PF where there are none), but in one step: what reads a pool does this for every GPU.
 * HAS_VGPUS when it is not such a GPU, FULL when they do not all fit.  Unless OK, nothing
 * changed. */
enum creatable_answer creatable_fill(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, uint16_t type, unsigned int n);

/* Moves the vGPU in SLOT to another placement id.  Its own id is no change.
 * PLACEMENT_UNKNOWN also where the GPU has no ids in its mode. */
enum creatable_answer creatable_move(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, unsigned int slot,
                                     uint16_t placement);

/* Removes the vGPU in SLOT; the slot may be used again at once. */
enum creatable_answer creatable_give_back(struct creatable_gpu *gpu, unsigned int slot);

/* The slot of the vGPU on VF, or -1. */
int creatable_find_vf(const struct creatable_gpu *gpu, uint16_t vf);

/* What is broken in GPU, or NULL: two vGPUs on a VF, overlaps, mixed sizes in equal
 * mode, ...  For asserts, simulators and tests. */
const char *creatable_check(const struct creatable_board *board, const struct creatable_gpu *gpu);
