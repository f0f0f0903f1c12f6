/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h - the preconditions of a vGPU host, each with what was found and what to do. */
#pragma once

#include "model/nouns.h"

/* Looks at every precondition; nothing is changed.  The caller frees *RET (free()).  A check that
 * does not apply, or that can not be made with the caller's rights, is skipped and says why.
 *   NO_MEMORY, IO */
must_check int doctor_host(int root, struct check **ret, size_t *n, struct error *err);

/* The same for who has taken an inventory just now. */
must_check int doctor_gpus(int root, const struct gpu *gpus, size_t gpus_n, struct check **ret,
			   size_t *n, struct error *err);
