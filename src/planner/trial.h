/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h - one policy, one fleet, all arrivals: who got a place, who did not and why.
 *
 * VMs come in the order of the arrivals; who leaves gives back first.  A VM that finds no place is
 * refused for good.  After the last arrival nothing more is looked at.
 */
#pragma once

#include "planner/setup.h"

/* Why a VM was refused: the first of these that is true. */
#define LACKS(X)                                                                          \
	X(NONE, "none", "it has a place")                                                    \
	X(BOARD, "no-board", "no GPU of the fleet offers it in the mode that it is cut in")  \
	X(LABEL, "labels", "no host with such a GPU has all its labels")                     \
	X(CPU, "cpu", "the hosts whose GPUs have room are short of CPU")                     \
	X(RAM, "ram", "the hosts whose GPUs have room are short of RAM")                     \
	X(SPLIT, "split", "no one host has room for all vGPUs of the VM")                    \
	X(SIZE, "wrong-size", "GPUs have memory left, but are cut in another size or mode")  \
	X(PLACE, "no-place", "GPUs have memory left, but nowhere a vGPU of its size may begin") \
	X(FULL, "full", "the GPUs are full")

enum lack {
#define X(constant, word, says) LACK_##constant,
	LACKS(X)
#undef X
	LACK_COUNT
};
extern const char *const lack_words[LACK_COUNT], *const lack_sentences[LACK_COUNT];

struct trial_pick {
	uint8_t gpu, item, cut;
	uint16_t start;          /* START_NONE: only counted */
};

/* What became of an arrival. */
struct trial_place {
	uint32_t host;
	uint32_t first;          /* in picks[] */
	uint8_t lack;
};

/* A stretch of time (or of arrivals, where all come at once). */
struct trial_sample {
	uint64_t at_ms;           /* its beginning */
	uint32_t asked, accepted; /* up to its end */
	uint64_t fb_mib;          /* in use, the most in the stretch */
};

enum { TRIAL_SAMPLES = 120 };

struct trial {
	const struct policy_row *policy;
	struct setup setup;
	struct trial_place *places; /* by arrival */
	struct trial_pick *picks;
	size_t picks_n, picks_room;
	uint32_t asked, accepted;
	uint64_t fb_asked_mib, fb_accepted_mib;
	uint32_t refused[LACK_COUNT];
	uint32_t *row_asked, *row_accepted; /* by need */
	uint32_t gpus_n, gpus_unused, hosts_unused; /* never used */
	uint64_t fb_total_mib, fb_peak_mib;
	size_t peak;             /* arrival at which most was in use */
	struct trial_sample samples[TRIAL_SAMPLES];
	size_t samples_n;
};

must_check int trial_run(const struct scene *scene, const struct policy_row *policy, uint64_t seed,
			 struct trial *ret, struct error *err);
void trial_done(struct trial *t);

/* Of those who asked, thousandths of a percent. */
uint32_t trial_acceptance(const struct trial *t);
