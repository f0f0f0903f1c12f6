/* SPDX-License-Identifier: Apache-2.0 */
/* facet-bench.h - what the measurements of placement share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Each runs one subcommand over its options (argv[0] is its name) and prints lines of JSON. */
typedef int bench_fn(int argc, char **argv, struct error *err);
bench_fn bench_openb, bench_ceiling, bench_decide, bench_churn, bench_defrag, bench_host,
	bench_claims;

/* A generator of luck: the same seed, the same numbers, on every machine (splitmix64). */
struct luck {
	uint64_t state;
};
uint64_t luck_next(struct luck *l);
uint32_t luck_below(struct luck *l, uint32_t n); /* 0 to N - 1 */
double luck_real(struct luck *l);                /* 0 <= x < 1 */
double luck_exponential(struct luck *l, double mean);

/* "42-51" or "42".  INVALID */
must_check int bench_seeds(const char *text, uint64_t *from, uint64_t *to, struct error *err);

/* The whole of FILE, plain or compressed with gzip, NUL-terminated; free(*ret).
 *   NOT_FOUND, IO, TOO_LARGE (1 GiB), NO_MEMORY */
must_check int bench_read(const char *file, char **ret, struct error *err);

/* "openb_pod_list_default" of "data/openb_pod_list_default.csv.gz". */
void bench_stem(const char *file, char *ret, size_t size);

/* Mean and standard deviation (of the sample) of N numbers. */
struct spread_of {
	double mean, sd;
};
struct spread_of bench_spread(const double *x, size_t n);
