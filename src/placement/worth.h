/* SPDX-License-Identifier: Apache-2.0 */
/* worth.h - what a place is worth where GPUs have slots; private to placement.
 *
 * The one formula of the policy "fragmentation", for a pool over time (pool.c) and for the GPUs of
 * one decision (outlook.c).  The exponent and the constants are from searches over mixes, modes and
 * loads; nearby little changes.
 */
#pragma once

#include <math.h>
#include <stdint.h>

#define PLACE_EXPONENT 0.7
#define SCARCITY_FLOOR 0.02
#define WHOLE_LATER 0.1

/* ASKED is the share of the requests times their size, in any unit; SCARCITY is 1 / (1 + places
 * left), or its mean over time.  The floor keeps an order while nothing is scarce.
 */
static inline double place_worth(double asked, double scarcity)
{
	return pow(asked, PLACE_EXPONENT) * (SCARCITY_FLOOR + scarcity);
}

/* A GPU with few VGPUS is on its way to being empty, and then is worth WHOLE: one more vGPU keeps
 * it from that, by so much. */
static inline double whole_later(double whole, uint16_t vgpus)
{
	for (; vgpus > 0 && whole > 1e-9; vgpus--)
		whole *= WHOLE_LATER;
	return whole;
}
