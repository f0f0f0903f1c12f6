/* SPDX-License-Identifier: Apache-2.0 */
/* moves.h - which VMs to move to other hosts, so that more fits.
 *
 * A move is a live migration: it goes to another host, and while it lasts it holds both places, so
 * a move is only made where the new place is free while the old one is still taken.  Moves are
 * found on an engine (engine.h) and made there by putting the new place, then giving back the old.
 * What is worth moving for is the engine's weighed room (harm.h): its policy has to be one that
 * weighs harm.
 *
 * The same pool gives the same moves.  Nothing is read but what is given.
 */
#pragma once

#include "placement/engine.h"

enum {
	MOVES_SET_MAX = 8,       /* moves that are made for one gain, from one GPU */
};

/* A guest stands still for about this long per GiB of framebuffer and RAM, at 10 Gbit/s (VMware's
 * table of vMotion stun times: 22 s for 16 GB, 39 s for 32 GB). */
#define MOVES_SECONDS_PER_GIB 1.2

struct moves_vm {
	struct engine_choice at; /* lies in the engine */
	double gib;              /* framebuffer and RAM, which a move copies */
	bool movable;
};

struct moves_pool {
	struct engine *engine;
	const struct moves_vm *vms;
	size_t n;
	double seconds_per_gib;  /* 0: MOVES_SECONDS_PER_GIB */
	bool (*may)(void *user, size_t vm, uint32_t host); /* NULL: any host that has room */
	void *user;
};

struct move {
	size_t vm;
	struct engine_choice from, to;
	double seconds;          /* the guest stands still */
	double gained;           /* weighed room, in GPUs; below 0: a later one of its set pays */
	uint32_t set;            /* those of one number are worth making only together */
};

/* Weighs room as if the pool had long been as it is: for an engine that was only just made, and
 * knows its demands from engine_expect() alone. */
void moves_weigh(struct engine *e);

/* The cheapest single move after which DEMAND fits, by the time that the guest stands still; of
 * equal ones the lowest VM.  RULES are DEMAND's own, NULL for none.  False when no single move
 * helps, and when none is needed.  The pool stays as it is. */
bool moves_for(const struct moves_pool *pool, uint32_t demand, const struct engine_rules *rules,
	       struct move *ret);

/* Where VM goes best, and how long its guest stands still for that.  False: it has no other host.
 */
bool moves_target(const struct moves_pool *pool, size_t vm, struct engine_choice *ret);
double moves_seconds(const struct moves_pool *pool, size_t vm);

struct moves_limits {
	uint32_t moves;          /* most moves; 0: none */
	double seconds;          /* most time that guests stand still, in all; 0: any */
	const uint32_t *sizes;   /* demands whose places are counted, for people */
	size_t sizes_n;
};

struct moves_plan {
	struct move *list;       /* in the order to make them in */
	size_t n;
	int64_t *places;         /* move n, size k at n * sizes_n + k: how many more fit after it */
	double seconds;
	double before, after;    /* weighed room of the pool, in GPUs */
};

/* The moves that gain most for what they take of the limits, until nothing gains.  No VM is moved
 * twice.  The engine is as before when this succeeds, and of no use any more when it fails.
 *   NO_MEMORY */
must_check int moves_plan(const struct moves_pool *pool, const struct moves_limits *limits,
			  struct moves_plan *ret, struct error *err);
void moves_plan_done(struct moves_plan *plan);
