/* SPDX-License-Identifier: Apache-2.0 */
/* moves_plan.c - many moves: those that gain most for what they take of the limits.
 *
 * What a move gains is the room that its old host gets back, less the room that its new host
 * loses. One VM less on a GPU that holds four mostly gains nothing: a whole GPU is there only when
 * the last has gone.  So sets of up to eight VMs of one GPU are looked at together:
 *
 *   sets of a host   what its room gains when they go            kept until the host changes
 *   costs            what the room of the best host loses        by demand, anew in each round
 *   gain - costs     an estimate: two of a set may want the same place, or the host they are on
 *   the best few     are made on the engine, measured, and taken back
 *   the best of them is made for good, as long as it gains */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "placement/aside.h"
#include "placement/moves.h"

enum {
	SETS_OF_GPU = 160,       /* looked at, the smaller ones first */
	TRIES = 48,              /* sets that are measured in each round */
};

/* A move that gains less than this, in weighed milli, is not worth a guest's standing still. */
#define GAIN_MIN 1.0

/* Stands for the limit on seconds where there is none: then they decide among equals only. */
#define SECONDS_ENOUGH 1e7

struct set {
	uint32_t vms[MOVES_SET_MAX];
	uint32_t n;
	double release, gib;
};

struct row {
	struct set *list;
	uint32_t n, room;
};

struct tried {
	const struct set *set;
	double rate;             /* estimated gain for what it takes of the limits */
};

struct planner {
	const struct moves_pool *pool;
	const struct moves_limits *limits;
	struct engine *e;
	struct moves_plan plan;
	struct row *rows;        /* by host */
	uint32_t *next, *first;  /* VMs that may still move: by VM, by host; UINT32_MAX ends */
	double *costs;           /* by demand; NAN: not known in this round */
	struct tried tries[TRIES];
	size_t tries_n;
	struct error *err;
};

static int no_memory(struct planner *p)
{
	return error_set(p->err, ERR_NO_MEMORY, "moves among %zu VMs", p->pool->n);
}

static void planner_done(struct planner *p)
{
	for (size_t h = 0; p->rows && h < engine_hosts(p->e); h++)
		free(p->rows[h].list);
	free(p->rows);
	free(p->next);
	free(p->first);
	free(p->costs);
	moves_plan_done(&p->plan);
}

/* ---- sets ---- */

struct gathering {
	struct planner *p;
	struct row *row;
	struct aside host;
	uint32_t vms[MOVES_SET_MAX * 4];
	size_t n;
	struct set set;
	double before;
	uint32_t left;           /* sets that may still be looked at */
	bool failed;
};

static const struct moves_vm *vm_at(const struct planner *p, uint32_t vm)
{
	return &p->pool->vms[vm];
}

static uint16_t milli_of(const struct planner *p, uint32_t vm)
{
	return p->e->demands[vm_at(p, vm)->at.demand].milli;
}

/* The large ones first, since they find a place with more trouble; then alike beside alike. */
static int compare(const void *a, const void *b, void *user)
{
	const struct planner *p = user;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct moves_vm *x = vm_at(p, i), *y = vm_at(p, j);

	if (milli_of(p, i) != milli_of(p, j))
		return milli_of(p, i) > milli_of(p, j) ? -1 : 1;
	if (x->at.demand != y->at.demand)
		return x->at.demand < y->at.demand ? -1 : 1;
	if (x->gib < y->gib || x->gib > y->gib)
		return x->gib < y->gib ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* What is only counted leaves the same behind, whichever of it goes: then the cheaper one does. */
static bool are_alike(const struct planner *p, uint32_t i, uint32_t j)
{
	const struct engine_choice *x = &vm_at(p, i)->at, *y = &vm_at(p, j)->at;

	return x->demand == y->demand && x->picks[0].start == START_NONE &&
	       y->picks[0].start == START_NONE;
}

static void keep_set(struct gathering *g)
{
	struct set *grown;
	uint32_t room = g->row->room ? 2 * g->row->room : 32;

	if (g->row->n == g->row->room) {
		grown = reallocarray(g->row->list, room, sizeof(*grown));
		g->failed = !grown;
		if (!grown)
			return;
		g->row->list = grown;
		g->row->room = room;
	}
	g->row->list[g->row->n++] = g->set;
}

static void weigh_set(struct gathering *g)
{
	g->left -= g->left > 0;
	g->set.release = aside_worth(g->p->e, g->host.host) - g->before;
	if (g->set.release > GAIN_MIN)
		keep_set(g);
}

/* Adds MORE of vms[] from FROM on to the set, in every way. */
static void extend(struct gathering *g, size_t from, size_t more)
{
	if (more == 0) {
		weigh_set(g);
		return;
	}
	for (size_t i = from; i + more <= g->n && g->left > 0; i++) {
		const struct moves_vm *vm = vm_at(g->p, g->vms[i]);
		struct aside before;

		if (i > from && are_alike(g->p, g->vms[i - 1], g->vms[i]))
			continue;
		aside_begin(&before, g->p->e, g->host.host);
		g->set.vms[g->set.n++] = g->vms[i];
		g->set.gib += vm->gib;
		if (aside_without(&before, &vm->at))
			extend(g, i + 1, more - 1);
		g->set.gib -= vm->gib;
		g->set.n--;
		aside_end(&before);
	}
}

static void gather_gpu(struct gathering *g, uint8_t gpu)
{
	struct planner *p = g->p;
	size_t most = sizeof(g->vms) / sizeof(g->vms[0]);

	g->n = 0;
	for (uint32_t i = p->first[g->host.host]; i != UINT32_MAX && g->n < most; i = p->next[i])
		if (vm_at(p, i)->at.n == 1 && vm_at(p, i)->at.picks[0].gpu == gpu)
			g->vms[g->n++] = i;
	if (g->n)
		qsort_r(g->vms, g->n, sizeof(g->vms[0]), compare, p);
	g->left = SETS_OF_GPU;
	for (size_t k = 1; k <= g->n && k <= MOVES_SET_MAX && k <= p->limits->moves; k++)
		extend(g, 0, k);
	/* All of it, where the sets in between were too many. */
	if (g->left == 0 && g->n <= MOVES_SET_MAX && g->n <= p->limits->moves) {
		g->left = 1;
		extend(g, 0, g->n);
	}
}

/* VMs with none or several vGPUs, each alone. */
static void gather_others(struct gathering *g)
{
	for (uint32_t i = g->p->first[g->host.host]; i != UINT32_MAX; i = g->p->next[i]) {
		if (vm_at(g->p, i)->at.n == 1)
			continue;
		g->vms[0] = i;
		g->n = g->left = 1;
		extend(g, 0, 1);
	}
}

static int gather_host(struct planner *p, uint32_t host)
{
	struct gathering g = { .p = p, .row = &p->rows[host], .host = { .host = host } };

	g.row->n = 0;
	if (p->first[host] == UINT32_MAX || !p->e->hosts[host].alive || p->e->hosts[host].cordoned)
		return 0;
	situations_collect(p->e->table);
	g.before = aside_worth(p->e, host);
	for (uint8_t gpu = 0; gpu < engine_host_gpus(p->e, host); gpu++)
		gather_gpu(&g, gpu);
	gather_others(&g);
	return g.failed ? no_memory(p) : 0;
}

/* ---- estimates ---- */

/* What the best host loses by one more of DEMAND; infinite where there is none. */
static double cost_of(struct planner *p, uint32_t demand)
{
	struct engine_choice c;
	double before, after;
	struct aside a;

	if (!isnan(p->costs[demand]))
		return p->costs[demand];
	p->costs[demand] = INFINITY;
	if (engine_choose(p->e, demand, NULL, &c)) {
		before = aside_worth(p->e, c.host);
		aside_begin(&a, p->e, c.host);
		after = aside_with(&a, &c) ? aside_worth(p->e, c.host) : 0;
		aside_end(&a);
		p->costs[demand] = before - after;
	}
	return p->costs[demand];
}

static double seconds_of(const struct planner *p, const struct set *s)
{
	double sum = 0;

	for (uint32_t i = 0; i < s->n; i++)
		sum += moves_seconds(p->pool, s->vms[i]);
	return sum;
}

/* Its share of the limits; infinite where they do not allow it. */
static double share_of(const struct planner *p, const struct set *s)
{
	double most = p->limits->seconds > 0 ? p->limits->seconds : SECONDS_ENOUGH;
	double seconds = seconds_of(p, s);

	if (p->plan.n + s->n > p->limits->moves)
		return INFINITY;
	if (p->limits->seconds > 0 && p->plan.seconds + seconds > most)
		return INFINITY;
	return (double)s->n / p->limits->moves + seconds / most;
}

/* The best TRIES of all sets, best first; among equals those that were seen first. */
static void propose(struct planner *p, const struct set *s)
{
	double gain = s->release, rate;
	size_t at;

	for (uint32_t i = 0; i < s->n; i++)
		gain -= cost_of(p, vm_at(p, s->vms[i])->at.demand);
	rate = gain > GAIN_MIN * s->n ? gain / share_of(p, s) : 0;
	if (rate <= 0 || (p->tries_n == TRIES && rate <= p->tries[TRIES - 1].rate))
		return;
	at = p->tries_n < TRIES ? p->tries_n++ : TRIES - 1;
	for (; at > 0 && p->tries[at - 1].rate < rate; at--)
		p->tries[at] = p->tries[at - 1];
	p->tries[at] = (struct tried){ s, rate };
}

static void estimate(struct planner *p)
{
	size_t hosts = engine_hosts(p->e);

	for (uint32_t d = 0; d < p->e->demands_n; d++)
		p->costs[d] = NAN;
	p->tries_n = 0;
	for (size_t h = 0; h < hosts; h++)
		for (uint32_t i = 0; i < p->rows[h].n; i++)
			propose(p, &p->rows[h].list[i]);
}

/* ---- making ---- */

static int undo(struct planner *p, const struct move *m)
{
	int r = engine_put(p->e, &m->from, p->err);

	return r == 0 ? engine_give_back(p->e, &m->to, p->err) : r;
}

static int undo_all(struct planner *p, const struct move *list, size_t n)
{
	int r = 0;

	while (n > 0 && r == 0)
		r = undo(p, &list[--n]);
	return r;
}

/* 1 when VM has moved, 0 when there is no place for it. */
static int move_one(struct planner *p, uint32_t vm, struct move *ret)
{
	const struct moves_vm *v = vm_at(p, vm);
	double before;
	int r;

	*ret = (struct move){ .vm = vm, .from = v->at, .seconds = moves_seconds(p->pool, vm) };
	if (!moves_target(p->pool, vm, &ret->to))
		return 0;
	before = aside_worth(p->e, v->at.host) + aside_worth(p->e, ret->to.host);
	r = engine_put(p->e, &ret->to, p->err);
	if (r == 0)
		r = engine_give_back(p->e, &ret->from, p->err);
	if (r < 0)
		return r;
	ret->gained = aside_worth(p->e, v->at.host) + aside_worth(p->e, ret->to.host) - before;
	return 1;
}

/* 1 when all have moved, 0 when not all have a place: then none has. */
static int move_set(struct planner *p, const struct set *s, struct move *moves, double *gain)
{
	int r = 1;

	*gain = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		r = move_one(p, s->vms[i], &moves[i]);
		if (r == 0)
			r = undo_all(p, moves, i);
		if (r <= 0)
			return r;
		*gain += moves[i].gained;
	}
	return r;
}

/* The best of those that were proposed, as measured; NULL when none gains. */
static int measure(struct planner *p, const struct set **ret)
{
	struct move moves[MOVES_SET_MAX];
	double gain, best = 0;
	int r;

	*ret = NULL;
	for (size_t i = 0; i < p->tries_n && p->tries[i].rate > best; i++) {
		const struct set *s = p->tries[i].set;

		r = move_set(p, s, moves, &gain);
		if (r == 1)
			r = undo_all(p, moves, s->n) ?: 1;
		if (r < 0)
			return r;
		if (r == 0 || gain <= GAIN_MIN * s->n || gain / share_of(p, s) <= best)
			continue;
		best = gain / share_of(p, s);
		*ret = s;
	}
	return 0;
}

static void forget_vm(struct planner *p, uint32_t vm)
{
	uint32_t *at = &p->first[vm_at(p, vm)->at.host];

	while (*at != vm)
		at = &p->next[*at];
	*at = p->next[vm];
}

static void count_places(struct planner *p, int64_t *ret)
{
	for (size_t k = 0; k < p->limits->sizes_n; k++)
		ret[k] = (int64_t)engine_capacity(p->e, p->limits->sizes[k]);
}

/* Makes the moves of SET for good. */
static int make(struct planner *p, const struct set *set)
{
	struct moves_plan *plan = &p->plan;
	uint32_t number = plan->n ? plan->list[plan->n - 1].set + 1 : 1;
	const struct set s = *set; /* it goes with its host's others */
	int r = 0;

	for (uint32_t i = 0; i < s.n && r == 0; i++) {
		struct move *m = &plan->list[plan->n];

		/* It went well a moment ago. */
		r = move_one(p, s.vms[i], m);
		if (r < 0)
			return r;
		m->set = number;
		m->gained /= 1000;
		plan->seconds += m->seconds;
		count_places(p, &plan->places[plan->n++ * p->limits->sizes_n]);
		forget_vm(p, s.vms[i]);
		r = gather_host(p, m->to.host);
	}
	return r < 0 ? r : gather_host(p, vm_at(p, s.vms[0])->at.host);
}

/* ---- the plan ---- */

static double worth_of_pool(const struct planner *p)
{
	size_t hosts = engine_hosts(p->e);
	double sum = 0;

	for (uint32_t h = 0; h < hosts; h++)
		sum += aside_worth(p->e, h);
	return sum / 1000;
}

static int begin(struct planner *p)
{
	size_t hosts = engine_hosts(p->e), most = p->limits->moves, sizes = p->limits->sizes_n;
	int r = 0;

	p->rows = calloc(hosts + 1, sizeof(*p->rows));
	p->first = malloc((hosts + 1) * sizeof(*p->first));
	p->next = malloc((p->pool->n + 1) * sizeof(*p->next));
	p->costs = calloc(p->e->demands_n + 1u, sizeof(*p->costs));
	p->plan.list = calloc(most + 1, sizeof(*p->plan.list));
	p->plan.places = calloc(most * sizes + 1, sizeof(*p->plan.places));
	if (!p->rows || !p->first || !p->next || !p->costs || !p->plan.list || !p->plan.places)
		return no_memory(p);
	memset(p->first, 0xff, (hosts + 1) * sizeof(*p->first));
	for (size_t i = p->pool->n; i-- > 0;) {
		uint32_t host = p->pool->vms[i].at.host;

		if (!p->pool->vms[i].movable)
			continue;
		p->next[i] = p->first[host];
		p->first[host] = (uint32_t)i;
	}
	/* Choosing weighs the pool where that is due: what is measured afterwards is comparable. */
	engine_settle(p->e, 0);
	for (uint32_t h = 0; h < hosts && r == 0; h++)
		r = gather_host(p, h);
	return r;
}

static int search(struct planner *p)
{
	const struct set *best;
	int r;

	do {
		estimate(p);
		r = measure(p, &best);
		if (r == 0 && best)
			r = make(p, best);
	} while (r == 0 && best);
	return r;
}

/* In GPUs to people: places are told as what is gained. */
static void tell_gains(struct planner *p, const int64_t *before)
{
	size_t sizes = p->limits->sizes_n;

	for (size_t i = p->plan.n; i-- > 0;)
		for (size_t k = 0; k < sizes; k++)
			p->plan.places[i * sizes + k] -=
				i > 0 ? p->plan.places[(i - 1) * sizes + k] : before[k];
}

int moves_plan(const struct moves_pool *pool, const struct moves_limits *limits,
	       struct moves_plan *ret, struct error *err)
{
	cleanup(planner_done) struct planner p = { .pool = pool, .limits = limits,
						   .e = pool->engine, .err = err };
	cleanup(cleanup_free) int64_t *before = calloc(limits->sizes_n + 1, sizeof(*before));
	int r = before ? begin(&p) : no_memory(&p);

	if (r < 0)
		return r;
	count_places(&p, before);
	p.plan.before = worth_of_pool(&p);
	r = search(&p);
	p.plan.after = worth_of_pool(&p);
	tell_gains(&p, before);
	if (r == 0)
		r = undo_all(&p, p.plan.list, p.plan.n);
	if (r < 0)
		return r;
	*ret = p.plan;
	p.plan = (struct moves_plan){ 0 };
	return 0;
}

void moves_plan_done(struct moves_plan *plan)
{
	free(plan->list);
	free(plan->places);
	*plan = (struct moves_plan){ 0 };
}
