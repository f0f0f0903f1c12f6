/* SPDX-License-Identifier: Apache-2.0 */
/* monitor.h - when it is time to look at the hardware again.
 *
 * The kernel tells by events that devices came or went, in bursts (64 functions at once), and some
 * changes it tells not at all (a vGPU type written to a function).  So a look is due when a burst
 * has calmed down, and from time to time anyway.  One thread owns it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The timing alone, on any clock. */
struct debounce {
	int64_t first_us, last_us; /* of the burst; 0: none is open */
	int64_t looked_us;         /* when the last look began */
	int64_t period_us;
};

enum {
	DEBOUNCE_QUIET_MS = 300, /* a burst is over after this much silence */
	DEBOUNCE_MOST_MS = 3000, /* one that never ends is looked at all the same */
};

void debounce_event(struct debounce *d, int64_t now_us);
/* Milliseconds until a look is due, 0 for now. */
int64_t debounce_wait_ms(const struct debounce *d, int64_t now_us);
void debounce_looked(struct debounce *d, int64_t now_us);

struct monitor;

/* Listens to devices of PCI, mdev and VFIO; a look is due every PERIOD_MS at the latest, the first
 * at once.
 *   IO  the kernel's event socket can not be had */
must_check int monitor_new(uint32_t period_ms, int64_t now_us, struct monitor **ret,
			   struct error *err);
struct monitor *monitor_free(struct monitor *m);
DEFINE_CLEANUP(struct monitor *, monitor_free)

/* Readable when events wait: then monitor_read(). */
int monitor_fd(const struct monitor *m);
/* Takes all waiting events; returns how many concern us. */
unsigned monitor_read(struct monitor *m, int64_t now_us);
int64_t monitor_wait_ms(const struct monitor *m, int64_t now_us);
void monitor_looked(struct monitor *m, int64_t now_us);
