/* SPDX-License-Identifier: Apache-2.0 */
/* placement.h - where should it go, and if nowhere, why: a pure function.
 *
 * (pool snapshot, request, policy) -> (choice | refusal with a reason per GPU).  It reads no
 * clock, no store, no file, and keeps nothing between calls but worked-out geometry; the same
 * snapshot and request give the same answer.  Geometry is respected: equal-size GPUs hold one size
 * class, mixed-size GPUs have placement ids, functions and counts are limited (model/geometry.h,
 * model/creatable.h). */
#pragma once

#include "model/nouns.h"

/* Something that lies on a GPU already: a lease in any state, or a foreign vGPU. */
struct pool_slice {
	char profile[PROFILE_SIZE];
	uint32_t fb_mib;               /* 0: look it up by profile */
	uint32_t placement;            /* PLACEMENT_NONE: unknown or not in a placement mode */
	char vf[PCI_SIZE];             /* "" on a PF */
	bool whole;                    /* the whole GPU (passthrough, or bound away) */
};

struct pool_gpu {
	const struct gpu *gpu;         /* facts; of its vgpus only whether there are any is read */
	bool open;                     /* may be placed on: host ready, in the group, healthy */
	const char *closed_code, *closed_text; /* reason when not open, as refusal code and text */
	const struct pool_slice *slices;
	size_t slices_n;
	const char (*functions)[PCI_SIZE]; /* enabled VFs; none on a PF framework */
	size_t functions_n;
	const char (*avoid)[PCI_SIZE]; /* functions not to be used: quarantined or wedged */
	size_t avoid_n;
};

struct placement_request {
	const char *profile;           /* vGPU type name, or a workload class (model/catalogue.h) */
	uint32_t count;                /* equal vGPUs, all or nothing, distinct VFs, same board */
	enum gpu_mode mode;            /* of the group: how an empty GPU is cut */
	enum policy policy;
	char *const *allowed;          /* profile name patterns of the group; none: all */
	size_t allowed_n;
	struct placement_tables *tables; /* what may be kept between calls; NULL: nothing is */
};

struct placement_slot {
	size_t gpu;                    /* index into the snapshot */
	char profile[PROFILE_SIZE];    /* the class resolved to a real type */
	uint32_t fb_mib;
	uint32_t placement;            /* PLACEMENT_NONE outside placement modes */
	char vf[PCI_SIZE];             /* "" on a PF */
	bool whole;                    /* the whole GPU: passthrough */
};

struct placement_answer {
	struct placement_slot slots[DEVICE_COUNT_MAX]; /* count of them, when r is 0 */
	struct refusal *refusals;      /* heap: for each GPU that was not taken, why; free() */
	size_t refusals_n;
	char summary[256];             /* "12 GPUs: wrong size class (8 GiB); 3: ..." */
	char terms[128];               /* of the policy for the choice: "fragmentation: ..." */
};

/* Geometry worked out once: it changes no answer, only the time that one takes.  NULL: no memory.
 */
struct placement_tables *placement_tables_new(void);
struct placement_tables *placement_tables_free(struct placement_tables *t);

/* Fills *RET (zeroed by the caller before); refusals are filled on success too, for explanations.
 *   NO_CAPACITY  nothing fits; err.text is a sentence with the summary
 *   NOT_FOUND    no board in the catalogue has such a profile, and no GPU here offers it
 *   INVALID      the count or the request contradicts itself (for example 2 A-series vGPUs) */
must_check int placement_choose(const struct pool_gpu *gpus, size_t n,
				const struct placement_request *request,
				struct placement_answer *ret, struct error *err);
