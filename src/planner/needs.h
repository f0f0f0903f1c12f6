/* SPDX-License-Identifier: Apache-2.0 */
/* needs.h - what a plan is asked to carry: VMs and their vGPUs, as a CSV file lists them.
 *
 * A row is so many equal VMs.  They are there from the beginning and for ever, or come at a time
 * and stay for one, or (with a rate) keep coming by chance.  Which VM comes when is arrivals.h's
 * business, where each lies trial.h's.  Plain data.
 */
#pragma once

#include "planner/fleet.h"

enum {
	NEEDS_ROWS_MAX = 100000,
	NEEDS_VMS_MAX = 1000000,   /* over all rows */
	NEEDS_TEXT_MAX = 64 << 20,
};
#define NEEDS_MS_MAX (100ull * 366 * 86400 * 1000) /* a century */

struct need {
	char vm[FLEET_NAME_SIZE], tenant[FLEET_NAME_SIZE], profile[FLEET_NAME_SIZE];
	size_t line;
	uint32_t count;            /* VMs; with a rate the most that come, 0: no limit */
	uint8_t vgpus;             /* of each VM */
	uint32_t cpu_milli, ram_mib; /* of each VM */
	uint64_t labels;
	bool timed;                /* has a start, a lifetime or a rate */
	uint64_t start_ms;
	uint64_t life_ms;          /* 0: for ever; with a rate the mean */
	double rate;               /* arrivals an hour; 0: all at once */
	uint32_t fb_mib;           /* of one vGPU, as asked for: see needs.c */
};

struct needs {
	struct need *rows;
	size_t n, room;
};

void needs_done(struct needs *n);

/* Reads TEXT, which is cut up in place; FLEET says which labels there are.
 *   INVALID    place is "line N, column C"
 *   NO_MEMORY */
must_check int needs_read(const char *file, char *text, const struct fleet *fleet,
			  struct needs *ret, struct error *err);

/* Does this profile of the catalogue do for NEED? */
bool need_takes(const struct need *need, const struct catalogue_profile *p);
/* A whole GPU, whatever board it is. */
bool need_is_whole(const struct need *need);
