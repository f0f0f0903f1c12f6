/* SPDX-License-Identifier: Apache-2.0 */
/* sharing.h - who may have how much, who goes first, and who makes room: the end of internal.h, for
 * the same readers. */
#pragma once

#include "controller/internal.h"

/* What is thought away while a change only tries something out.  Such a change is never
 * committed. */
struct thought {
	const char (*vms)[NAME_SIZE]; /* without the leases of these */
	size_t vms_n;
	bool leaving;           /* without leases that are being taken down, or soon will be */
	bool all;               /* without any lease that could ever end */
	const char *subject;    /* the VM it is about keeps what it has */
};
bool change_thinks_away(struct change *ch, const struct lease *l);

/* ---- quota.c: what tenants have and may have ---- */

enum { QUOTA_ROWS_MAX = 64 };
struct usage {
	uint64_t fb_mib, vgpus;
	uint64_t slots[QUOTA_ROWS_MAX]; /* by row of the tenant */
};
void quota_usage(struct change *ch, const struct tenant *t, struct usage *ret);
/* Whether the tenant of VM may also have the slots that placement chose for DEVICE.
 *   QUOTA  with a reason in CH for each limit that is in the way */
int quota_claim(struct change *ch, const struct vm *vm, const struct vm_device *device,
		const struct placement_answer *a, struct error *err);
/* Whether the tenant of VM may have what VM holds now, on top of what it has.
 *   QUOTA */
int quota_take_over(struct change *ch, const struct vm *vm, struct error *err);
/* Whether all that the tenant of VM has, VM's leases in CH included, is within its guarantee. */
bool quota_is_within(struct change *ch, const struct vm *vm);
/* Whether the tenant of VM has all of its guarantee even without what is thought away in CH, as far
 * as VM's leases take part in it.  A VM without a tenant has no guarantee. */
bool quota_is_borrowed(struct change *ch, const struct vm *vm);
bool quota_guarantees(struct change *ch, const struct vm *vm);
/* Counts what T uses into its own fields. */
void quota_show(struct controller *c, struct tenant *t);

/* ---- class.c ---- */

uint32_t vm_priority(struct change *ch, const struct vm *vm);
bool vm_may_preempt(struct change *ch, const struct vm *vm);

/* ---- queue.c: starts that wait ---- */

enum { OVERTAKE_S = 300, PREEMPT_GRACE_S = 60, WAIT_S_MAX = 31536000 };

/* What may let a waiter on HOST in has changed; NULL: on every host. */
void queue_touch(struct controller *c, const char *host);
/* Tries the waiters whose turn may have come, and ends those whose time is over. */
void queue_run(struct controller *c);
void queue_tick(struct controller *c);
/* Numbers the waiters. */
void queue_count(struct controller *c);
uint64_t queue_place(struct change *ch);
/* The entry of VM to write into, NULL for none. */
struct waiter *queue_of_vm(struct change *ch, const char *vm);
/* VM waits no longer; its operation is the caller's to end. */
void queue_leave(struct change *ch, const char *vm);
/* VM waits at its place until WAIT_S seconds from now, 0 for ever. */
struct waiter *queue_join(struct change *ch, const struct vm *vm, uint32_t wait_s);
/* VM's priority, tenant or host may have changed. */
void queue_follow(struct change *ch, const struct vm *vm);
/* Whether others were there before VM, and long enough.
 *   NO_CAPACITY  it has to wait behind one of them */
int queue_may_pass(struct change *ch, const struct vm *vm, const struct vm_device *device,
		   struct error *err);
/* A start that was refused for R and ERR: it waits, or makes room, or both.  What CH has been
 * about before is forgotten.  R when it can do neither. */
int queue_enter(struct change *ch, const char *vm, bool wait, uint32_t wait_s, int r,
		struct answer *answer, struct error *err);

/* ---- preempt.c ---- */

enum { VICTIMS_MAX = 32 };
struct victims {
	char vms[VICTIMS_MAX][NAME_SIZE];
	size_t n;
	bool reclaiming;        /* some are not of lower priority: they borrow what VM is sure of */
	bool leaving;           /* none is needed: what is being taken down will do */
};
/* The fewest and cheapest VMs to be stopped so that VM fits; ONLY_SURE: none but by its tenant's
 * guarantee.  False when nothing helps. */
bool preempt_find(struct change *ch, const char *vm, bool only_sure, struct victims *ret);
/* Stops them; they wait at their old places. */
void preempt_take(struct change *ch, const struct vm *vm, const struct victims *v);
/* Whether VM fits with THOUGHT away. */
bool preempt_fits(struct change *ch, const char *vm, const struct thought *thought);
/* Whether VM fits now and is within its tenant's guarantee then. */
bool preempt_is_sure(struct change *ch, const char *vm);
