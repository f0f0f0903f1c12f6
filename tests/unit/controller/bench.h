/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - a controller on a store in memory with a clock that is turned by hand, and a host that
 * is played by the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/controller.h"

struct bench {
	struct store *store;
	struct controller *c;
	struct clock_manual clock;
};

/* What the last command was answered, copied. */
struct answered {
	bool came, accepted, created, replayed;
	int r;
	struct error err;
	json_t *body;
	size_t refusals_n;
};

int bench_setup(void **state);
int bench_teardown(void **state);
/* The controller dies and comes back on the same store. */
void bench_restart(struct bench *b);

/* Does it and waits for the answer; BODY is JSON with ' for ", NULL for none. */
struct answered bench_do(struct bench *b, enum command_kind kind, const char *id, const char *body);
void answered_done(struct answered *a);
/* Does it and expects R. */
void bench_expect(struct bench *b, enum command_kind kind, const char *id, const char *body, int r);

/* One L40S (vendor-vfio, N functions enabled) on host h1 and domain web01 and web02, stopped. */
void bench_join(struct bench *b, unsigned functions);
/* A report of h1: LEASES and VMS are JSON lists with ' for ". */
void bench_report(struct bench *b, const char *boot, const char *leases, const char *vms);

const struct lease *bench_lease(struct bench *b, size_t i);
size_t bench_count(struct bench *b, enum object_kind kind);
const struct operation *bench_operation(struct bench *b, const char *vm);

/* ---- a host that does what it is told ---- */

/* N L40S of 48 GiB, at 0000:41:00.0, 51, ..., 8 functions each, and stopped domains v1 to vVMS, on
 * h1. */
void bench_join_many(struct bench *b, unsigned gpus, unsigned vms);
/* Reports what is wanted as done, ROUNDS times; the guests of a DEAF one do not shut down. */
void bench_obey(struct bench *b, unsigned rounds, bool deaf);
/* So much later, with what time brings about. */
void bench_wait(struct bench *b, int64_t seconds);
const struct vm *bench_vm(struct bench *b, const char *name);
const char *bench_queue(struct bench *b); /* names of the VMs that wait, in order */
const struct waiter *bench_waiter(struct bench *b, const char *vm);
size_t bench_events(struct bench *b, const char *kind, const char *object);
