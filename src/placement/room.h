/* SPDX-License-Identifier: Apache-2.0 */
/* room.h - how much of one vGPU type one GPU takes now, and if none, why not.
 *
 * A room is a GPU with its slices laid out by the driver's rules.  Plain value, no heap.
 */
#pragma once

#include "placement/placement.h"
#include "placement/shape.h"

struct reason {
	char code[32];
	char detail[40]; /* tells apart reasons of one code in the summary: "8 GiB"; may be "" */
	char text[256];
};

struct room {
	const struct pool_gpu *pool;
	const struct shape *shape;  /* NULL for a whole GPU */
	struct creatable_gpu state; /* in the mode that it has or would get */
	int type;                   /* index of the type asked for */
	uint64_t used_mib;
	uint32_t capacity;          /* how many more of the type fit now */
	const char *function;       /* the last one that room_take() gave out, "" for none */
	struct reason why;          /* when capacity is 0 */
};

/* Lays out POOL for REQUEST, whose profile is the real type PROFILE. */
void room_read(const struct pool_gpu *pool, const struct shape *shape,
	       const struct placement_request *request, const char *profile, struct room *ret);

/* The same for a GPU that is leased whole. */
void room_read_whole(const struct pool_gpu *pool, struct room *ret);

/* Takes one more of the type out of a room whose capacity is not 0, and describes it in *RET
 * except for its GPU.  START: its placement id in mixed sizes; CREATABLE_ANY: one by POLICY. */
void room_take(struct room *room, enum policy policy, uint16_t start, struct placement_slot *ret);

void reason_set(struct reason *why, const char *code, const char *detail, const char *fmt, ...)
	printf_like(4, 5);

enum { SIZE_TEXT_SIZE = 32 };

/* "8 GiB", "512 MiB" into a buffer of SIZE_TEXT_SIZE. */
const char *size_text(uint64_t mib, char *buffer);
