/* SPDX-License-Identifier: Apache-2.0 */
/* grow.h - a list that gets longer by half; private to placement. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* *LIST, of *ROOM entries of SIZE bytes, has room for NEED.  False: no memory, all as before. */
static inline bool list_grow(void *list, uint32_t *room, uint32_t need, size_t size)
{
	uint32_t n = *room ? *room : 64;
	void **at = list, *grown;

	while (n < need)
		n += n / 2;
	if (n == *room)
		return true;
	grown = reallocarray(*at, n, size);
	if (!grown)
		return false;
	*at = grown;
	*room = n;
	return true;
}
