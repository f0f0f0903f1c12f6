/* SPDX-License-Identifier: Apache-2.0 */
/* vf.h - enabling the SR-IOV functions of a GPU, by NVIDIA's own tool.
 *
 * The driver refuses a plain write to sriov_numvfs; /usr/lib/nvidia/sriov-manage unbinds the GPU,
 * enables the functions and binds it again.  That loses every vGPU, MIG instance and the mixed-size
 * mode, so it is done on an empty GPU only, and it can go wrong half-way, so the result is
 * verified.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "model/words.h"

/* Makes the functions of PF exist.  Tries again while a monitoring program holds the GPU, for at
 * most a minute.  *RESULT: UNCHANGED (they did) or CREATED.
 *   NOT_FOUND    no such GPU, it has no SR-IOV, or the tool is not installed
 *   BUSY         vGPUs exist on it, or a program kept it open all the time
 *   IO           the tool failed: err has its words; or it left the GPU without its driver */
must_check int vf_enable(int root, const char *pf, enum result *result, struct error *err);

/* What the tool's output (as printed, any bytes) means. */
enum vf_output {
	VF_OUTPUT_OTHER,
	VF_OUTPUT_LOCKED, /* "Cannot obtain unbindLock": a client such as DCGM has the GPU open */
	VF_OUTPUT_RACE,   /* "File exists", "No such device": the driver is still settling */
};
enum vf_output vf_read_output(const char *text);

/* Puts the last line of TEXT that says something into RET, fit for an error text. */
void vf_last_words(const char *text, char *ret, size_t size);
