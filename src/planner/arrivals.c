/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/arrivals.h"

#include <math.h>
#include <string.h>

#include "model/fields.h"

static const char *const order_words[] = {
#define X(constant, word) word,
	ARRIVAL_ORDERS(X)
#undef X
};
const struct names arrival_order_names = { order_words, ARRIVAL_ORDER_COUNT };

uint64_t luck_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double exponential(uint64_t *luck, double mean)
{
	return -mean * log1p(-(double)(luck_next(luck) >> 11) * 0x1p-53);
}

void arrivals_done(struct arrivals *a)
{
	free(a->list);
	*a = (struct arrivals){ 0 };
}

struct maker {
	const struct needs *needs;
	const struct arrivals_how *how;
	struct arrivals made;
	uint64_t luck;
	struct error *err;
};

static uint64_t rank_of(struct maker *m, const struct need *n)
{
	uint64_t size = (uint64_t)n->fb_mib * n->vgpus;

	if (m->how->order == ARRIVAL_ORDER_RANDOM)
		return luck_next(&m->luck);
	return m->how->order == ARRIVAL_ORDER_LARGEST ? UINT64_MAX - size : 0;
}

static int add(struct maker *m, uint32_t need, uint64_t at_ms, uint64_t life_ms)
{
	struct arrivals *a = &m->made;
	const struct need *n = &m->needs->rows[need];
	size_t room = a->room ? a->room * 2 : 1024;
	struct arrival *grown;

	if (a->n == NEEDS_VMS_MAX)
		return error_set(m->err, ERR_TOO_LARGE, "line %zu (%s): more than %d VMs by then; "
				 "plan for a shorter time or a lower rate", n->line, n->vm,
				 NEEDS_VMS_MAX);
	if (a->n == a->room) {
		grown = reallocarray(a->list, room, sizeof(*grown));
		if (!grown)
			return error_set(m->err, ERR_NO_MEMORY, "%zu arrivals", room);
		a->list = grown;
		a->room = room;
	}
	a->list[a->n++] = (struct arrival){
		.at_ms = at_ms,
		.leave_ms = life_ms ? at_ms + life_ms : ARRIVAL_STAYS,
		.rank = rank_of(m, n),
		.need = need,
	};
	return 0;
}

/* A Poisson stream, each VM with a life of its own. */
static int add_stream(struct maker *m, uint32_t need)
{
	const struct need *n = &m->needs->rows[need];
	double at = (double)n->start_ms, gap = 3600e3 / n->rate, life;
	int r = 0;

	for (uint32_t i = 0; r == 0 && (n->count == 0 || i < n->count); i++) {
		at += exponential(&m->luck, gap);
		if (at > (double)m->how->until_ms)
			break;
		life = n->life_ms ? exponential(&m->luck, (double)n->life_ms) : 0;
		r = add(m, need, (uint64_t)at, n->life_ms ? (uint64_t)life + 1 : 0);
	}
	return r;
}

static int add_need(struct maker *m, uint32_t need)
{
	const struct need *n = &m->needs->rows[need];
	int r = 0;

	m->made.timed = m->made.timed || n->timed;
	if (n->rate > 0)
		return add_stream(m, need);
	for (uint32_t i = 0; i < n->count && r == 0; i++)
		r = add(m, need, n->start_ms, n->life_ms);
	return r;
}

/* The last resort is the order of the list: of one time and rank, the need that stands first. */
static int by_time(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->need != y->need)
		return x->need < y->need ? -1 : 1;
	return x->leave_ms < y->leave_ms ? -1 : x->leave_ms > y->leave_ms;
}

int arrivals_make(const struct needs *needs, const struct arrivals_how *how, struct arrivals *ret,
		  struct error *err)
{
	struct maker m = { .needs = needs, .how = how, .luck = how->seed, .err = err };
	int r = 0;

	for (size_t i = 0; i < needs->n && r == 0; i++)
		r = add_need(&m, (uint32_t)i);
	if (r == 0 && m.made.n == 0)
		r = error_set(err, ERR_INVALID, "no VM comes before the end of the plan: plan for "
			      "a longer time or a higher rate");
	if (r < 0) {
		arrivals_done(&m.made);
		return r;
	}
	qsort(m.made.list, m.made.n, sizeof(*m.made.list), by_time);
	*ret = m.made;
	return 0;
}
