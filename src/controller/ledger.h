/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - the life of a lease as a table, and what must always hold between leases. */
#pragma once

#include "model/nouns.h"

bool lease_may_move(enum lease_state from, enum lease_state to);


/* Whether A and B claim the same thing: a function, an mdev, a whole GPU.  What they share is
 * written to WHAT. */
bool leases_collide(const struct lease *a, const struct lease *b, char *what, size_t size);

/* Checks the leases of one GPU among each other: no two share a function, mdev or placement, and
 * together they fit its geometry (one size class when it is cut equal, never more framebuffer than
 * it has).  Returns false with a sentence. */
bool ledger_gpu_holds(const struct gpu *gpu, const struct lease *const *leases, size_t n, char *why,
		      size_t size);

/* The same where the first OLD of them are known to share nothing among each other. */
bool ledger_gpu_takes(const struct gpu *gpu, const struct lease *const *leases, size_t n,
		      size_t old, char *why, size_t size);
