/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/ledger.h"

#include <stdio.h>
#include <string.h>

#define TO(state) (1u << LEASE_##state)

/* Read as: a lease in this state may become one of these.  Deletion is not a state: only RELEASING
 * ends, when its host says that nothing is left, and RESERVED that no host was ever told of. */
static const unsigned moves[LEASE_COUNT] = {
	[LEASE_RESERVED] = TO(CREATING) | TO(READY) | TO(ATTACHED) | TO(FAILED) | TO(RELEASING) |
			   TO(QUARANTINED),
	[LEASE_CREATING] = TO(READY) | TO(ATTACHED) | TO(FAILED) | TO(RELEASING) | TO(QUARANTINED),
	[LEASE_READY] = TO(CREATING) | TO(ATTACHED) | TO(FAILED) | TO(RELEASING) | TO(QUARANTINED),
	[LEASE_ATTACHED] = TO(READY) | TO(CREATING) | TO(FAILED) | TO(RELEASING) | TO(QUARANTINED),
	[LEASE_RELEASING] = TO(QUARANTINED),
	[LEASE_FAILED] = TO(RELEASING) | TO(QUARANTINED),
	[LEASE_QUARANTINED] = TO(RELEASING),
};

bool lease_may_move(enum lease_state from, enum lease_state to)
{
	return from < LEASE_COUNT && to < LEASE_COUNT && (moves[from] & (1u << to)) != 0;
}

bool leases_collide(const struct lease *a, const struct lease *b, char *what, size_t size)
{
	if (strcmp(a->gpu, b->gpu) != 0)
		return false;
	if (a->mdev_uuid[0] && strcmp(a->mdev_uuid, b->mdev_uuid) == 0) {
		snprintf(what, size, "mdev %s", a->mdev_uuid);
		return true;
	}
	if (a->vf[0] && strcmp(a->vf, b->vf) == 0) {
		snprintf(what, size, "function %s", a->vf);
		return true;
	}
	if (a->framework == FRAMEWORK_PASSTHROUGH || b->framework == FRAMEWORK_PASSTHROUGH) {
		snprintf(what, size, "the whole of %s", a->gpu);
		return true;
	}
	if (a->placement != PLACEMENT_NONE && a->placement == b->placement) {
		snprintf(what, size, "placement %u of %s", a->placement, a->gpu);
		return true;
	}
	return false;
}

static bool pairs_hold(const struct lease *const *leases, size_t n, size_t old, char *why,
		       size_t size)
{
	char what[128];

	for (size_t j = old; j < n; j++)
		for (size_t i = 0; i < j; i++)
			if (leases_collide(leases[i], leases[j], what, sizeof(what))) {
				snprintf(why, size, "leases %s and %s share %s", leases[i]->id,
					 leases[j]->id, what);
				return false;
			}
	return true;
}

/* Leases with a placement id share a mixed-size GPU, those without one that is cut equal-size. They
 * say how it will be cut: what it is now may still be from before.  Adopted ones are as their maker
 * left them: the driver has agreed to them already. */
static bool cut_holds(const struct gpu *gpu, const struct lease *const *leases, size_t n, char *why,
		      size_t size)
{
	const struct lease *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = leases[i];

		if (l->framework == FRAMEWORK_PASSTHROUGH)
			continue;
		first = first ? first : l;
		if (l->adopted && first->adopted)
			continue;
		if ((l->placement != PLACEMENT_NONE) != (first->placement != PLACEMENT_NONE)) {
			snprintf(why, size, "%s can not be cut mixed-size and equal-size at once",
				 gpu->id);
			return false;
		}
		if (l->placement == PLACEMENT_NONE && l->fb_mib != first->fb_mib) {
			snprintf(why, size, "%s is cut equal-size but holds %u and %u MiB", gpu->id,
				 first->fb_mib, l->fb_mib);
			return false;
		}
	}
	return true;
}

bool ledger_gpu_holds(const struct gpu *gpu, const struct lease *const *leases, size_t n, char *why,
		      size_t size)
{
	return ledger_gpu_takes(gpu, leases, n, 0, why, size);
}

bool ledger_gpu_takes(const struct gpu *gpu, const struct lease *const *leases, size_t n,
		      size_t old, char *why, size_t size)
{
	uint64_t fb = 0;

	if (!pairs_hold(leases, n, old, why, size))
		return false;
	for (size_t i = 0; i < n; i++)
		fb += leases[i]->fb_mib;
	if (!cut_holds(gpu, leases, n, why, size))
		return false;
	if (gpu->fb_mib && fb > gpu->fb_mib) {
		snprintf(why, size, "%s has %u MiB and leases of %ju MiB", gpu->id, gpu->fb_mib,
			 (uintmax_t)fb);
		return false;
	}
	return true;
}
