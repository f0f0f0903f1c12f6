/* SPDX-License-Identifier: Apache-2.0 */
/* fleet.h - the hosts of a plan, as an INI file tells them: one section per sort of host.
 *
 *   [host l40s]
 *   count = 8
 *   cpus = 128
 *   ram_gib = 1024
 *   gpus = 4 x L40S
 *   mode = mixed-size
 *   labels = gold, hall-2
 *
 * Plain data; reading is all there is to it, so any thread may.
 */
#pragma once

#include "base/error.h"
#include "model/catalogue.h"
#include "placement/engine.h"

enum {
	FLEET_SORTS_MAX = 64,
	FLEET_HOSTS_MAX = 20000,
	FLEET_LABELS_MAX = 64,
	FLEET_NAME_SIZE = 64,
	FLEET_TEXT_MAX = 1 << 20,
	FLEET_MODE_ANY = GPU_MODE_COUNT, /* the engine chooses a mode for an empty GPU */
};

/* A sort of host. */
struct fleet_sort {
	char name[FLEET_NAME_SIZE];
	size_t line;
	uint32_t count;
	uint32_t cpu_milli, ram_mib; /* INT32_MAX: not counted */
	unsigned int mode;           /* enum gpu_mode, or FLEET_MODE_ANY */
	uint64_t labels;             /* bits: see fleet.labels */
	uint8_t gpus_n;
	const struct board *gpus[ENGINE_HOST_GPUS_MAX];
};

struct fleet {
	struct fleet_sort sorts[FLEET_SORTS_MAX];
	size_t sorts_n;
	char labels[FLEET_LABELS_MAX][FLEET_NAME_SIZE];
	size_t labels_n;
};

/* Reads TEXT, which is cut up in place.  FILE is for errors; *RET is about 100 KiB.
 *   INVALID    place is "line N"
 *   TOO_LARGE  more hosts, sorts or labels than fit */
must_check int fleet_read(const char *file, char *text, struct fleet *ret, struct error *err);

/* Bit of a label, -1 for one that no host has. */
int fleet_label(const struct fleet *f, const char *name);
/* Index of the sort with this name, -1 for none. */
int fleet_sort_named(const struct fleet *f, const char *name);
const char *fleet_mode_word(unsigned int mode);
