/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - does this demand fit these hosts: `facet plan` without its command line.
 *
 * Reads a fleet and a demand, tries policies, and keeps the best trial for reports (report.h,
 * picture.h, page.h).  Touches no hardware and asks no facetd.  Belongs to one thread.
 */
#pragma once

#include "planner/fewest.h"

struct plan_ask {
	const char *fleet_file, *needs_file; /* names, for errors and headings */
	char *fleet_text, *needs_text;       /* cut up in place */
	const char *policy;                  /* a name, "all", or NULL: those that people use */
	const char *fewest;                  /* sort of host or board, or NULL */
	uint32_t accept_milli;               /* 100000: every VM */
	struct arrivals_how how;
};

/* One policy. */
struct plan_row {
	const struct policy_row *policy;
	uint32_t accepted, gpus_unused, hosts_unused;
	uint64_t fb_accepted_mib, fb_peak_mib;
	uint32_t refused[LACK_COUNT];
};

/* "With so many more hosts of this sort." */
struct plan_help {
	size_t sort;
	struct fewest found;
};

enum { PLAN_POLICIES_MAX = 32 };

struct plan {
	struct fleet fleet;
	struct needs needs;
	struct arrivals arrivals;
	struct scene scene;
	const char *fleet_file, *needs_file;
	struct arrivals_how how;
	uint32_t accept_milli;
	struct plan_row rows[PLAN_POLICIES_MAX];
	size_t rows_n;
	struct trial trial;      /* of the policy that accepts most, the first of equals */
	bool searched;           /* the fewest were asked for; counts are those found */
	size_t searched_sort;
	struct fewest fewest;
	struct plan_help helps[FLEET_SORTS_MAX];
	size_t helps_n;
};

/*   INVALID, TOO_LARGE  with the line of the file
 *   NOT_FOUND           no such policy, sort of host or board
 *   NO_MEMORY */
must_check int plan_make(const struct plan_ask *ask, struct plan **ret, struct error *err);
struct plan *plan_free(struct plan *p);
DEFINE_CLEANUP(struct plan *, plan_free)

/* Is what was asked for carried? */
bool plan_fits(const struct plan *p);

/* The whole of FILE, as text that this program can print.
 *   NOT_FOUND, IO
 *   TOO_LARGE  it goes on after MAX bytes; INVALID  not UTF-8; both with the line */
must_check int plan_read_stream(FILE *f, const char *name, size_t max, char **ret,
				struct error *err);
must_check int plan_read_file(const char *file, size_t max, char **ret, struct error *err);
