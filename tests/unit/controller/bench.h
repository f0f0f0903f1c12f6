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
