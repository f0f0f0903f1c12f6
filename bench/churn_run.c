/* SPDX-License-Identifier: Apache-2.0 */
/* churn_run.c - the pool of churn.h: hosts of one GPU, without limits of CPU and RAM.
 *
 * Arrivals, sizes and lifetimes are drawn from one generator that nothing else draws from, so that
 * all policies see the same requests.  A request that does not fit is refused, and gone.
 */
#include "churn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "placement/moves.h"

struct guest {
	struct engine_choice where;
	double until;
	uint8_t size;
	bool alive;
};

struct run {
	const struct churn_setup *setup;
	struct engine *engine;   /* NULL: the ceiling */
	uint32_t demands[CHURN_SIZES_MAX];
	struct luck arrivals, lots;
	struct guest *guests;
	uint32_t *heap;          /* by the time they leave */
	uint32_t *spare;
	uint32_t guests_n, heap_n, spare_n;
	double now, rate, begin; /* of the window */
	uint64_t used;           /* milli */
	double asked, given, blocked, asked_n, given_n, use; /* of the window */
	double moves, moved;
};

static void run_done(struct run *r)
{
	engine_free(r->engine);
	free(r->guests);
	free(r->heap);
	free(r->spare);
}

/* ---- setting up ---- */

static int add_demands(struct run *r, struct error *err)
{
	int e = 0;

	for (size_t i = 0; i < r->setup->sizes_n && e == 0; i++) {
		struct engine_demand d = { .count = 1 };

		memset(d.item, ITEM_NONE, sizeof(d.item));
		d.item[0] = r->setup->sizes[i].item;
		e = engine_demand(r->engine, &d, &r->demands[i], err);
	}
	return e;
}

static int make_engine(struct run *r, struct error *err)
{
	struct situations *table = situations_new();
	struct engine_host host = { .gpus_n = 1 };
	uint32_t number;
	int e = table ? situations_add_kind(table, r->setup->cut, 1, &host.kinds[0], err)
		      : error_set(err, ERR_NO_MEMORY, "the pool");

	if (e < 0) {
		situations_free(table);
		return e;
	}
	e = engine_new(table, r->setup->policy, &r->engine, err);
	for (uint32_t i = 0; i < r->setup->gpus && e == 0; i++)
		e = engine_add_host(r->engine, &host, &number, err);
	return e == 0 ? add_demands(r, err) : e;
}

static int make_guests(struct run *r, struct error *err)
{
	uint32_t per_gpu = r->setup->cut->vgpus_max;

	for (size_t i = 0; i < r->setup->sizes_n; i++)
		if (1000u / r->setup->sizes[i].milli > per_gpu)
			per_gpu = 1000u / r->setup->sizes[i].milli;
	r->guests_n = r->setup->gpus * per_gpu;
	r->guests = calloc(r->guests_n, sizeof(*r->guests));
	r->heap = calloc(r->guests_n, sizeof(*r->heap));
	r->spare = calloc(r->guests_n, sizeof(*r->spare));
	if (!r->guests || !r->heap || !r->spare)
		return error_set(err, ERR_NO_MEMORY, "the guests");
	while (r->spare_n < r->guests_n) {
		r->spare[r->spare_n] = r->guests_n - r->spare_n - 1;
		r->spare_n++;
	}
	return 0;
}

static double capacity(const struct run *r)
{
	return 1000.0 * r->setup->gpus;
}

/* Requests per mean lifetime, so that what they would hold is LOAD of the pool. */
static double rate_of(const struct churn_setup *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->list.n; i++)
		sum += s->sizes[s->list.sizes[i]].milli *
		       (s->list.lifetimes ? s->list.lifetimes[i] : 1) / (double)s->list.n;
	for (size_t i = 0; i < s->sizes_n && s->list.n == 0; i++)
		sum += s->sizes[i].milli * s->sizes[i].share;
	return s->load * 1000.0 * s->gpus / sum;
}

/* ---- who leaves next ---- */

static double leaves(const struct run *r, uint32_t at)
{
	return r->guests[r->heap[at]].until;
}

static void heap_push(struct run *r, uint32_t who)
{
	uint32_t i = r->heap_n++;

	for (; i > 0 && leaves(r, (i - 1) / 2) > r->guests[who].until; i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = who;
}

static uint32_t heap_pop(struct run *r)
{
	uint32_t first = r->heap[0], last = r->heap[--r->heap_n], i = 0, child;

	while ((child = 2 * i + 1) < r->heap_n) {
		if (child + 1 < r->heap_n && leaves(r, child + 1) < leaves(r, child))
			child++;
		if (leaves(r, child) >= r->guests[last].until)
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return first;
}

/* ---- coming and going ---- */

static void pass_time(struct run *r, double to)
{
	double from = r->now > r->begin ? r->now : r->begin;

	if (to > from)
		r->use += (to - from) * (double)r->used;
	r->now = to;
}

static int leave(struct run *r, uint32_t number, struct error *err)
{
	struct guest *g = &r->guests[number];

	pass_time(r, g->until);
	r->used -= r->setup->sizes[g->size].milli;
	g->alive = false;
	r->spare[r->spare_n++] = number;
	return r->engine ? engine_give_back(r->engine, &g->where, err) : 0;
}

static uint8_t draw_size(struct run *r, double *lifetime)
{
	const struct churn_setup *s = r->setup;
	double x = luck_real(&r->arrivals);
	uint8_t size = 0;

	*lifetime = luck_exponential(&r->arrivals, 1);
	if (s->list.n > 0) {
		size_t i = (size_t)(x * (double)s->list.n);

		if (s->list.lifetimes)
			*lifetime = s->list.lifetimes[i];
		return s->list.sizes[i];
	}
	while (size + 1u < s->sizes_n && x >= s->sizes[size].share)
		x -= s->sizes[size++].share;
	return size;
}

/* NO_CAPACITY: it fits nowhere. */
static int place(struct run *r, uint8_t size, struct engine_choice *ret, struct error *err)
{
	struct engine_rules rules = { .luck = luck_next(&r->lots) };

	if (r->engine) {
		if (!engine_choose(r->engine, r->demands[size], &rules, ret))
			return -ERR_NO_CAPACITY;
		return engine_take(r->engine, ret, err);
	}
	if ((double)(r->used + r->setup->sizes[size].milli) > capacity(r))
		return -ERR_NO_CAPACITY;
	return 0;
}

static void settle_in(struct run *r, uint8_t size, double lifetime,
		      const struct engine_choice *where)
{
	uint32_t number = r->spare[--r->spare_n];

	r->guests[number] = (struct guest){ .where = *where, .until = r->now + lifetime,
					    .size = size, .alive = true };
	r->used += r->setup->sizes[size].milli;
	heap_push(r, number);
}

/* ---- moves ---- */

static size_t list_guests(const struct run *r, struct moves_vm *vms, uint32_t *numbers)
{
	size_t n = 0;

	for (uint32_t i = 0; i < r->guests_n; i++) {
		const struct guest *g = &r->guests[i];

		if (!g->alive)
			continue;
		numbers[n] = i;
		vms[n++] = (struct moves_vm){ g->where, r->setup->sizes[g->size].milli, true };
	}
	return n;
}

static int move(struct run *r, struct guest *g, const struct move *m, struct error *err)
{
	int e = engine_put(r->engine, &m->to, err);

	if (e == 0)
		e = engine_give_back(r->engine, &m->from, err);
	if (e < 0)
		return e;
	g->where = m->to;
	if (r->now >= r->begin) {
		r->moves++;
		r->moved += r->setup->sizes[g->size].milli;
	}
	return 0;
}

/* SIZE fits nowhere: the one move of least framebuffer that lets it in, if there is one. */
static int make_room(struct run *r, uint8_t size, bool *made, struct error *err)
{
	struct moves_pool pool = { .engine = r->engine };
	struct moves_vm *vms = calloc(r->guests_n, sizeof(*vms));
	uint32_t *numbers = calloc(r->guests_n, sizeof(*numbers));
	struct move m;
	int e = 0;

	*made = false;
	if (vms && numbers) {
		pool.vms = vms;
		pool.n = list_guests(r, vms, numbers);
		*made = moves_for(&pool, r->demands[size], NULL, &m);
	} else {
		e = error_set(err, ERR_NO_MEMORY, "moves among %u guests", r->guests_n);
	}
	if (*made)
		e = move(r, &r->guests[numbers[m.vm]], &m, err);
	free(vms);
	free(numbers);
	return e;
}

/* ---- the run ---- */

static void count(struct run *r, uint8_t size, bool fits)
{
	double milli = r->setup->sizes[size].milli;

	if (r->now < r->begin)
		return;
	r->asked += milli;
	r->asked_n++;
	r->given += fits ? milli : 0;
	r->given_n += fits;
	if (!fits && (double)r->used + milli <= capacity(r))
		r->blocked += milli;
}

static int arrive(struct run *r, struct error *err)
{
	struct engine_choice where = { 0 };
	double lifetime;
	uint8_t size = draw_size(r, &lifetime);
	bool made = false;
	int e = place(r, size, &where, err);

	if (e == -ERR_NO_CAPACITY && r->engine && r->setup->moves) {
		e = make_room(r, size, &made, err);
		if (e < 0)
			return e;
		e = made ? place(r, size, &where, err) : -ERR_NO_CAPACITY;
	}
	if (e < 0 && e != -ERR_NO_CAPACITY)
		return e;
	count(r, size, e == 0);
	if (e == 0)
		settle_in(r, size, lifetime, &where);
	else if (r->engine)
		engine_missed(r->engine, r->demands[size]);
	return 0;
}

static int live(struct run *r, struct error *err)
{
	double end = r->setup->warm_up + r->setup->window, next = 0;
	int e = 0;

	while (e == 0) {
		next += luck_exponential(&r->arrivals, 1 / r->rate);
		while (e == 0 && r->heap_n > 0 && leaves(r, 0) <= fmin(next, end))
			e = leave(r, heap_pop(r), err);
		pass_time(r, fmin(next, end));
		if (next >= end)
			break;
		if (e == 0)
			e = arrive(r, err);
	}
	return e;
}

int churn_run(const struct churn_setup *setup, struct churn_result *ret, struct error *err)
{
	cleanup(run_done) struct run r = { .setup = setup, .arrivals = { setup->seed },
					   .lots = { ~setup->seed }, .rate = rate_of(setup),
					   .begin = setup->warm_up };
	int e = make_guests(&r, err);

	if (e == 0 && setup->policy)
		e = make_engine(&r, err);
	if (e == 0)
		e = live(&r, err);
	if (e < 0)
		return e;
	*ret = (struct churn_result){
		.accepted = 100 * r.given / r.asked,
		.accepted_count = 100 * r.given_n / r.asked_n,
		.fragmented = 100 * r.blocked / r.asked,
		.occupied = 100 * r.use / setup->window / capacity(&r),
		.requests = r.asked_n,
		.moves = r.moves,
		.moved_gpus = r.moved / 1000,
	};
	return 0;
}
