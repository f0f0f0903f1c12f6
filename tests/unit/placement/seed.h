/* SPDX-License-Identifier: Apache-2.0 */
/* seed.h - luck for tests: another seed in every run, printed, repeated with FACET_SEED. */
#pragma once

#include <stdint.h>

/* Prints the seed; call once, before the first roll(). */
void seed_start(void);

/* The rounds after this one do not depend on how much luck those before it used up. */
void seed_round(uint32_t number);

/* 0 to N - 1; N must not be 0. */
uint32_t roll(uint32_t n);
uint64_t roll_bits(void);
