/* SPDX-License-Identifier: Apache-2.0 */
#include "seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t seed, luck;

void seed_start(void)
{
	const char *given = getenv("FACET_SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	luck = seed;
	printf("FACET_SEED=%ju\n", (uintmax_t)seed);
	fflush(stdout);
}

void seed_round(uint32_t number)
{
	luck = seed + 0x632be59bd9b4e019u * (number + 1ull);
}

uint64_t roll_bits(void)
{
	uint64_t z = luck += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t roll(uint32_t n)
{
	return (uint32_t)((roll_bits() >> 32) * n >> 32);
}
