/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/trial.h"

#include <string.h>

#include "planner/lack.h"

/* Who leaves next: a heap of arrivals by the time at which they leave. */
struct leavers {
	uint32_t *heap;
	size_t n;
};

struct run {
	const struct scene *scene;
	struct trial *t;
	struct leavers leavers;
	uint64_t luck, fb_mib;   /* in use */
	uint64_t changes;        /* of the pool; why a need was refused holds until the next */
	uint64_t *refused_at;    /* by need: the change after which it was refused, plus 1 */
	uint8_t *refused_why;
	struct lack_shadows *shadows; /* by need */
	bool *gpu_used;
	struct error *err;
};

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the trial of a plan");
}

void trial_done(struct trial *t)
{
	setup_done(&t->setup);
	free(t->places);
	free(t->picks);
	free(t->row_asked);
	free(t->row_accepted);
	*t = (struct trial){ 0 };
}

static void run_done(struct run *r)
{
	free(r->leavers.heap);
	free(r->refused_at);
	free(r->refused_why);
	free(r->shadows);
	free(r->gpu_used);
}

static const struct arrival *arrival_at(const struct run *r, size_t i)
{
	return &r->scene->arrivals->list[i];
}

static const struct need *need_of(const struct run *r, size_t arrival)
{
	return &r->scene->needs->rows[arrival_at(r, arrival)->need];
}

static uint64_t fb_of(const struct need *n)
{
	return (uint64_t)n->fb_mib * n->vgpus;
}

/* ---- leaving ---- */

static bool leaves_before(const struct run *r, uint32_t a, uint32_t b)
{
	uint64_t x = arrival_at(r, a)->leave_ms, y = arrival_at(r, b)->leave_ms;

	return x < y || (x == y && a < b);
}

static void push_leaver(struct run *r, uint32_t arrival)
{
	uint32_t *heap = r->leavers.heap;
	size_t i = r->leavers.n++;

	for (; i > 0 && leaves_before(r, arrival, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = arrival;
}

static uint32_t pop_leaver(struct run *r)
{
	uint32_t *heap = r->leavers.heap, first = heap[0], last = heap[--r->leavers.n];
	size_t n = r->leavers.n, i = 0, k;

	while ((k = 2 * i + 1) < n) {
		if (k + 1 < n && leaves_before(r, heap[k + 1], heap[k]))
			k++;
		if (!leaves_before(r, heap[k], last))
			break;
		heap[i] = heap[k];
		i = k;
	}
	heap[i] = last;
	return first;
}

static int leave(struct run *r, uint32_t arrival)
{
	const struct trial_place *p = &r->t->places[arrival];
	const struct need *n = need_of(r, arrival);
	struct engine_choice c = {
		.demand = r->t->setup.demands[arrival_at(r, arrival)->need],
		.host = p->host,
		.n = n->vgpus,
	};

	for (uint8_t i = 0; i < n->vgpus; i++) {
		const struct trial_pick *pick = &r->t->picks[p->first + i];

		c.picks[i] = (struct engine_pick){ .gpu = pick->gpu, .item = pick->item,
						   .cut = pick->cut, .start = pick->start };
	}
	r->fb_mib -= fb_of(n);
	r->changes++;
	return engine_give_back(r->t->setup.engine, &c, r->err);
}

/* ---- coming ---- */

static bool keep_picks(struct run *r, const struct engine_choice *c)
{
	struct trial *t = r->t;
	size_t room = t->picks_room ? t->picks_room * 2 : 1024;
	struct trial_pick *grown;

	if (t->picks_n + c->n > t->picks_room) {
		grown = reallocarray(t->picks, room, sizeof(*grown));
		if (!grown)
			return false;
		t->picks = grown;
		t->picks_room = room;
	}
	for (uint8_t i = 0; i < c->n; i++) {
		const struct engine_pick *p = &c->picks[i];

		t->picks[t->picks_n++] = (struct trial_pick){ p->gpu, p->item, p->cut, p->start };
		r->gpu_used[t->setup.gpu_of[c->host] + p->gpu] = true;
	}
	return true;
}

static int accept(struct run *r, uint32_t arrival, const struct engine_choice *c)
{
	const struct arrival *a = arrival_at(r, arrival);
	struct trial *t = r->t;
	int e = engine_take(t->setup.engine, c, r->err);

	t->places[arrival] = (struct trial_place){ c->host, (uint32_t)t->picks_n, LACK_NONE };
	if (e == 0 && !keep_picks(r, c))
		e = no_memory(r->err);
	if (e < 0)
		return e;
	if (a->leave_ms != ARRIVAL_STAYS)
		push_leaver(r, arrival);
	t->accepted++;
	t->row_accepted[a->need]++;
	t->fb_accepted_mib += fb_of(need_of(r, arrival));
	r->fb_mib += fb_of(need_of(r, arrival));
	r->changes++;
	if (r->fb_mib > t->fb_peak_mib) {
		t->fb_peak_mib = r->fb_mib;
		t->peak = arrival;
	}
	return 0;
}

static int refuse(struct run *r, uint32_t arrival)
{
	uint32_t need = arrival_at(r, arrival)->need;
	struct trial *t = r->t;
	enum lack why;
	int e;

	engine_missed(t->setup.engine, t->setup.demands[need]);
	if (r->refused_at[need] != r->changes + 1) {
		e = lack_of(r->scene, &t->setup, r->shadows, need, &why, r->err);
		if (e < 0)
			return e;
		r->refused_at[need] = r->changes + 1;
		r->refused_why[need] = (uint8_t)why;
	}
	t->places[arrival] = (struct trial_place){ UINT32_MAX, 0, r->refused_why[need] };
	t->refused[r->refused_why[need]]++;
	return 0;
}

static int come(struct run *r, uint32_t arrival)
{
	uint32_t need = arrival_at(r, arrival)->need;
	struct engine_rules rules = { .luck = luck_next(&r->luck) };
	struct engine_choice c;
	struct trial *t = r->t;

	t->asked++;
	t->row_asked[need]++;
	t->fb_asked_mib += fb_of(need_of(r, arrival));
	if (t->setup.hosts_n > 0 &&
	    engine_choose(t->setup.engine, t->setup.demands[need], &rules, &c))
		return accept(r, arrival, &c);
	return refuse(r, arrival);
}

/* ---- over time ---- */

/* Number of the stretch in which AT_MS lies; of ARRIVAL where all come at once. */
static size_t stretch_of(const struct run *r, uint64_t at_ms, size_t arrival)
{
	const struct arrivals *a = r->scene->arrivals;
	uint64_t first = a->list[0].at_ms, span = a->list[a->n - 1].at_ms - first;

	if (span == 0)
		return arrival * TRIAL_SAMPLES / a->n;
	return (size_t)((double)(at_ms - first) / (double)span * (TRIAL_SAMPLES - 1));
}

static uint64_t begin_of(const struct run *r, size_t stretch)
{
	const struct arrivals *a = r->scene->arrivals;
	uint64_t first = a->list[0].at_ms, span = a->list[a->n - 1].at_ms - first;

	return first + (uint64_t)((double)span * (double)stretch / (TRIAL_SAMPLES - 1));
}

/* Stretches begin as the one before ended.  Called before anything changes. */
static void begin_stretches(struct run *r, uint64_t at_ms, size_t arrival)
{
	struct trial *t = r->t;
	size_t last = stretch_of(r, at_ms, arrival);

	for (; t->samples_n <= last; t->samples_n++)
		t->samples[t->samples_n] = (struct trial_sample){
			begin_of(r, t->samples_n), t->asked, t->accepted, r->fb_mib
		};
}

static void sample(struct run *r)
{
	struct trial_sample *s = &r->t->samples[r->t->samples_n - 1];

	s->asked = r->t->asked;
	s->accepted = r->t->accepted;
	s->fb_mib = r->fb_mib > s->fb_mib ? r->fb_mib : s->fb_mib;
}

static int let_leave(struct run *r, size_t before)
{
	uint64_t now = arrival_at(r, before)->at_ms, at;
	int e = 0;

	while (e == 0 && r->leavers.n > 0) {
		at = arrival_at(r, r->leavers.heap[0])->leave_ms;
		if (at > now)
			break;
		begin_stretches(r, at, before);
		e = leave(r, pop_leaver(r));
	}
	return e;
}

static int replay(struct run *r)
{
	int e = 0;

	for (size_t i = 0; i < r->scene->arrivals->n && e == 0; i++) {
		e = let_leave(r, i);
		begin_stretches(r, arrival_at(r, i)->at_ms, i);
		if (e == 0)
			e = come(r, (uint32_t)i);
		sample(r);
	}
	return e;
}

/* ---- what is left to count ---- */

static void count_unused(struct run *r)
{
	struct trial *t = r->t;
	const struct setup *s = &t->setup;

	t->gpus_n = s->gpu_of[s->hosts_n];
	for (uint32_t h = 0; h < s->hosts_n; h++) {
		uint32_t unused = 0, gpus = s->gpu_of[h + 1] - s->gpu_of[h];

		for (uint32_t g = 0; g < gpus; g++) {
			unused += !r->gpu_used[s->gpu_of[h] + g];
			t->fb_total_mib += setup_kind_of(s, h, (uint8_t)g)->board->fb_mib;
		}
		t->gpus_unused += unused;
		t->hosts_unused += unused == gpus;
	}
}

static bool run_init(struct run *r)
{
	size_t needs = r->scene->needs->n, arrivals = r->scene->arrivals->n;
	struct trial *t = r->t;

	t->places = calloc(arrivals, sizeof(*t->places));
	t->row_asked = calloc(needs, sizeof(*t->row_asked));
	t->row_accepted = calloc(needs, sizeof(*t->row_accepted));
	r->leavers.heap = calloc(arrivals, sizeof(*r->leavers.heap));
	r->refused_at = calloc(needs, sizeof(*r->refused_at));
	r->refused_why = calloc(needs, sizeof(*r->refused_why));
	r->shadows = calloc(needs, sizeof(*r->shadows));
	r->gpu_used = calloc(t->setup.gpu_of[t->setup.hosts_n] + 1, sizeof(*r->gpu_used));
	return t->places && t->row_asked && t->row_accepted && r->leavers.heap && r->refused_at &&
	       r->refused_why && r->shadows && r->gpu_used;
}

int trial_run(const struct scene *scene, const struct policy_row *policy, uint64_t seed,
	      struct trial *ret, struct error *err)
{
	struct trial t = { .policy = policy };
	cleanup(run_done) struct run r = { .scene = scene, .t = &t, .luck = seed, .err = err };
	int e = setup_make(scene, policy, &t.setup, err);

	if (e == 0 && !run_init(&r))
		e = no_memory(err);
	if (e == 0)
		e = replay(&r);
	if (e < 0) {
		trial_done(&t);
		return e;
	}
	count_unused(&r);
	*ret = t;
	return 0;
}

uint32_t trial_acceptance(const struct trial *t)
{
	return (uint32_t)(100000ull * t->accepted / t->asked);
}
