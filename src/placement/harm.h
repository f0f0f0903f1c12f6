/* SPDX-License-Identifier: Apache-2.0 */
/* harm.h - how much room a placement takes away from the requests that are to come.
 *
 * The room of a demand on a host is what its GPUs have free for it, cut down to what the host's CPU
 * and RAM could serve.  Harm is the room lost, weighed over the mix.
 */
#pragma once

#include "placement/pool.h"

/* What the GPUs of a host hold for each group of the mix: places, and milli. */
struct host_room {
	const uint16_t *groups;  /* those that want something of this host, and how many */
	size_t groups_n;
	uint32_t capacity[MIX_MAX], room[MIX_MAX];
};

void harm_read(const struct engine *e, const struct pool_host *h, struct host_room *ret);

/* One GPU of the host goes from situation A on to NEXT. */
void harm_step(const struct engine *e, struct host_room *room, uint32_t a,
	       const struct preview *next);

/* Weighed room, with this much CPU and RAM free. */
double harm_worth(const struct engine *e, const struct host_room *room, int64_t cpu, int64_t ram);

/* As harm_worth() when one GPU goes from situation A on to NEXT, without changing ROOM. */
double harm_worth_after(const struct engine *e, const struct host_room *room, uint32_t a,
			const struct preview *next, int64_t cpu, int64_t ram);

/* Adds (SIGN 1) or takes away (-1) the room of H in mix[].left. */
void harm_count(struct engine *e, const struct pool_host *h, int sign);
void harm_count_all(struct engine *e);
