/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - what the drivers' inventories gather, put into a struct gpu at the end. */
#pragma once

#include "host/holders.h"
#include "host/types.h"

struct collect {
	struct types types;
	bool types_are_all;     /* the driver lists what can not be made now, too */
	struct gpu_vgpu *vgpus;
	size_t vgpus_n;
	char missing[PCI_SIZE]; /* first function without the files of its framework, "" for none */
	size_t missing_n;
};

void collect_done(struct collect *c);

/* NO_MEMORY; more than 128 vGPUs on one GPU do not exist and are left out. */
must_check int collect_vgpu(struct collect *c, const struct gpu_vgpu *v, struct error *err);

/* Notes that FUNCTION could not be looked at; always 0. */
int collect_missing(struct collect *c, const char *function);

/* Completes the types (remembered ones, catalogue), names the vGPUs by their ids, and gives both to
 * GPU, whose ids, address and fb_mib are set.  C is empty after.
 *   NO_MEMORY  GPU is as before */
must_check int collect_into(struct collect *c, int root, struct gpu *gpu, struct error *err);

/* facetsim/heterogeneous of PF, where a driver has such a file. */
bool mode_read(int root, const char *pf, enum gpu_mode *ret);

/* set_mode of the drivers whose GPUs can be equal-size or mixed-size. */
int mode_set(int root, const char *pf, enum gpu_mode mode, enum result *result, struct error *err);
