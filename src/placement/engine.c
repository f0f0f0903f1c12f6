/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - contests that catch up with a pool that changes.
 *
 *   change of a host -> changes[] (a ring) -> each demand's contest, when it is asked or settled
 *   new weights      -> each contest looks at all hosts again: at once in a small pool, a few at a
 *                       time in a large one, where one decision changes little
 */
#include "placement/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement/grow.h"
#include "placement/harm.h"
#include "placement/policy.h"
#include "placement/pool.h"

enum {
	SWEEP_AT_ONCE = 64,  /* hosts: up to here new weights count at once */
	SWEEP_STEP = 8,      /* else so many more at each decision */
	WEIGH_AFTER = 100,   /* decisions, and at least a twelfth of the hosts */
};

int engine_new(struct situations *table, const struct policy_row *policy, struct engine **ret,
	       struct error *err)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e)
		e->changes = malloc(CHANGES_KEPT * sizeof(*e->changes));
	if (!e || !e->changes || !table) {
		free(e);
		situations_free(table);
		return error_set(err, ERR_NO_MEMORY, "a placement engine");
	}
	e->table = table;
	e->policy = policy;
	e->weighed = 1;
	*ret = e;
	return 0;
}

struct engine *engine_free(struct engine *e)
{
	if (!e)
		return NULL;
	for (uint32_t i = 0; i < e->demands_n; i++)
		contest_done(&e->demands[i].contest);
	situations_free(e->table);
	free(e->hosts);
	free(e->gpus);
	free(e->demands);
	free(e->changes);
	free(e);
	return NULL;
}

struct situations *engine_situations(struct engine *e)
{
	return e->table;
}

size_t engine_bytes(const struct engine *e)
{
	size_t n = sizeof(*e) + situations_bytes(e->table) + e->hosts_room * sizeof(*e->hosts) +
		   e->gpus_room * sizeof(*e->gpus) + e->demands_room * sizeof(*e->demands) +
		   CHANGES_KEPT * sizeof(*e->changes);

	for (uint32_t i = 0; i < e->demands_n; i++)
		n += 2 * (size_t)e->demands[i].contest.size * sizeof(uint32_t);
	return n;
}

/* ---- changes ---- */

static void note_change(struct engine *e, uint32_t host)
{
	e->changes[e->changes_n % CHANGES_KEPT] = host;
	e->hosts[host].changed = ++e->changes_n;
}

/* Every change of a host stands between these two, so that the room of the pool stays counted. */
static void begin_change(struct engine *e, uint32_t host)
{
	struct pool_host *h = &e->hosts[host];

	if (e->policy->by_scarcity && h->alive && !h->cordoned)
		harm_count(e, h, -1);
}

static void end_change(struct engine *e, uint32_t host)
{
	struct pool_host *h = &e->hosts[host];

	if (e->policy->by_scarcity && h->alive && !h->cordoned)
		harm_count(e, h, 1);
	note_change(e, host);
}

static void set_gpu(struct engine *e, uint32_t *gpu, uint32_t s)
{
	situation_hold(e->table, s);
	situation_drop(e->table, *gpu);
	*gpu = s;
}

/* ---- hosts ---- */

/* A removed host with as many GPUs, or a new number. */
static uint32_t find_number(struct engine *e, uint8_t gpus_n)
{
	for (uint32_t i = 0; i < e->hosts_n; i++)
		if (!e->hosts[i].alive && e->hosts[i].gpus_n == gpus_n)
			return i;
	return e->hosts_n;
}

static int32_t clamp(uint32_t n)
{
	return n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

int engine_add_host(struct engine *e, const struct engine_host *host, uint32_t *ret,
		    struct error *err)
{
	uint32_t number = e->dead_n ? find_number(e, host->gpus_n) : e->hosts_n;
	struct pool_host *h;

	if (host->gpus_n > ENGINE_HOST_GPUS_MAX || e->hosts_n >= UINT32_MAX / 32)
		return error_set(err, ERR_TOO_LARGE, "%u GPUs in one host; at most %d",
				 host->gpus_n, ENGINE_HOST_GPUS_MAX);
	if (!list_grow(&e->hosts, &e->hosts_room, e->hosts_n + 1, sizeof(*e->hosts)) ||
	    !list_grow(&e->gpus, &e->gpus_room, e->gpus_n + host->gpus_n, sizeof(*e->gpus)))
		return error_set(err, ERR_NO_MEMORY, "a pool of %u hosts", e->hosts_n);
	h = &e->hosts[number];
	if (number == e->hosts_n) {
		*h = (struct pool_host){ .first = e->gpus_n };
		e->hosts_n++;
		e->gpus_n += host->gpus_n;
	} else {
		*h = (struct pool_host){ .first = h->first };
		e->dead_n--;
	}
	h->gpus_n = host->gpus_n;
	h->cpu_total = h->cpu_free = clamp(host->cpu_milli);
	h->ram_total = h->ram_free = clamp(host->ram_mib);
	h->labels = host->labels;
	for (uint8_t g = 0; g < h->gpus_n; g++) {
		e->slots = e->slots || situations_has_slots(e->table, host->kinds[g]);
		e->gpus[h->first + g] = situation_empty(e->table, host->kinds[g]);
		situation_hold(e->table, e->gpus[h->first + g]);
	}
	h->alive = true;
	end_change(e, number);
	*ret = number;
	return 0;
}

void engine_remove_host(struct engine *e, uint32_t host)
{
	begin_change(e, host);
	for (uint8_t g = 0; g < e->hosts[host].gpus_n; g++) {
		e->vgpus -= situation_vgpus(e->table, e->gpus[e->hosts[host].first + g]);
		situation_drop(e->table, e->gpus[e->hosts[host].first + g]);
	}
	e->hosts[host].alive = false;
	e->dead_n++;
	end_change(e, host);
}

void engine_cordon(struct engine *e, uint32_t host, bool cordoned)
{
	begin_change(e, host);
	e->hosts[host].cordoned = cordoned;
	end_change(e, host);
}

void engine_resize_host(struct engine *e, uint32_t host, uint32_t cpu_milli, uint32_t ram_mib)
{
	struct pool_host *h = &e->hosts[host];

	begin_change(e, host);
	h->cpu_free += clamp(cpu_milli) - h->cpu_total;
	h->ram_free += clamp(ram_mib) - h->ram_total;
	h->cpu_total = clamp(cpu_milli);
	h->ram_total = clamp(ram_mib);
	end_change(e, host);
}

size_t engine_hosts(const struct engine *e)
{
	return e->hosts_n;
}

size_t engine_gpus(const struct engine *e)
{
	return e->gpus_n;
}

uint32_t engine_gpu_situation(const struct engine *e, uint32_t host, uint8_t gpu)
{
	return pool_gpus(e, &e->hosts[host])[gpu];
}

uint8_t engine_host_gpus(const struct engine *e, uint32_t host)
{
	return e->hosts[host].alive ? e->hosts[host].gpus_n : 0;
}

int64_t engine_host_cpu_free(const struct engine *e, uint32_t host)
{
	return e->hosts[host].cpu_free;
}

int64_t engine_host_ram_free(const struct engine *e, uint32_t host)
{
	return e->hosts[host].ram_free;
}

/* ---- demands ---- */

static uint16_t largest_milli(const struct engine *e, const struct engine_demand *d)
{
	size_t kinds = situations_kinds(e->table);
	uint16_t most = 0, milli;

	for (size_t k = 0; k < kinds; k++)
		if (d->item[k] != ITEM_NONE) {
			milli = situations_item_milli(e->table, (uint8_t)k, d->item[k]);
			most = milli > most ? milli : most;
		}
	return most;
}

static bool same_demand(const struct engine_demand *a, const struct engine_demand *b)
{
	return a->cpu_milli == b->cpu_milli && a->ram_mib == b->ram_mib &&
	       a->labels == b->labels && a->count == b->count &&
	       memcmp(a->item, b->item, sizeof(a->item)) == 0;
}

int engine_demand(struct engine *e, const struct engine_demand *d, uint32_t *ret,
		  struct error *err)
{
	for (uint32_t i = 0; i < e->demands_n; i++)
		if (same_demand(&e->demands[i].ask, d)) {
			*ret = i;
			return 0;
		}
	if (e->demands_n == ENGINE_DEMANDS_MAX || d->count > ENGINE_COUNT_MAX)
		return error_set(err, ERR_TOO_LARGE,
				 "%u different requests, this one for %u vGPUs; at most %d and %d",
				 e->demands_n, d->count, ENGINE_DEMANDS_MAX, ENGINE_COUNT_MAX);
	if (!list_grow(&e->demands, &e->demands_room, e->demands_n + 1, sizeof(*e->demands)))
		return error_set(err, ERR_NO_MEMORY, "%u different requests", e->demands_n);
	e->demands[e->demands_n] = (struct demand){ .ask = *d, .milli = largest_milli(e, d) };
	*ret = e->demands_n++;
	return 0;
}

void engine_expect(struct engine *e, uint32_t demand, double weight, bool fixed)
{
	e->demands[demand].seen = weight;
	e->demands[demand].fixed = fixed;
	e->mix_stale = true;
}

static void count_request(struct engine *e, struct demand *d)
{
	if (d->fixed)
		return;
	if (d->seen == 0)
		e->mix_stale = true;
	d->seen++;
}

/* ---- catching up ---- */

static uint32_t score(struct engine *e, uint32_t host, const struct demand *d,
		      struct engine_pick *picks)
{
	if (!pool_host_takes(&e->hosts[host], d))
		return 0;
	return e->policy->score(e, host, d, picks);
}

static bool look_at_all(struct engine *e, struct demand *d)
{
	struct engine_pick picks[ENGINE_COUNT_MAX];

	if (d->contest.size < e->hosts_n &&
	    !contest_resize(&d->contest, e->hosts_n + e->hosts_n / 4))
		return false;
	for (uint32_t h = 0; h < e->hosts_n; h++)
		contest_put(&d->contest, h, score(e, h, d, picks));
	contest_rebuild(&d->contest);
	d->caught_up = e->changes_n;
	d->weighed = e->weighed;
	d->sweep = 0;
	return true;
}

static void look_at(struct engine *e, struct demand *d, uint32_t host)
{
	struct engine_pick picks[ENGINE_COUNT_MAX];

	contest_set(&d->contest, host, score(e, host, d, picks));
}

/* Of several changes of a host only the last is of interest. */
static size_t follow_changes(struct engine *e, struct demand *d, size_t budget)
{
	size_t n = 0;

	for (; d->caught_up < e->changes_n && n < budget; d->caught_up++) {
		uint32_t host = e->changes[d->caught_up % CHANGES_KEPT];

		if (e->hosts[host].changed != d->caught_up + 1)
			continue;
		look_at(e, d, host);
		n++;
	}
	return n;
}

static size_t sweep(struct engine *e, struct demand *d, size_t budget)
{
	size_t n = 0;

	for (; d->sweep > 0 && n < budget; n++) {
		if (d->sweep <= e->hosts_n)
			look_at(e, d, d->sweep - 1);
		d->sweep--;
	}
	return n;
}

static bool is_far_behind(const struct engine *e, const struct demand *d)
{
	uint64_t behind = e->changes_n - d->caught_up;

	return d->contest.size < e->hosts_n || behind > CHANGES_KEPT || behind > 4ull * e->hosts_n;
}

/* The mix and its weights, when enough has happened since. */
static void refresh_weights(struct engine *e)
{
	uint32_t after = e->hosts_n / 12 > WEIGH_AFTER ? e->hosts_n / 12 : WEIGH_AFTER;

	if (e->policy->cover <= 0)
		return;
	if (e->mix_stale && (e->mix_n == 0 || e->since_weighed >= after || e->since_weighed == 0))
		pool_choose_mix(e);
	else if (e->policy->by_scarcity && e->since_weighed >= after)
		(void)pool_reweigh(e);
}

static void note_weights(const struct engine *e, struct demand *d)
{
	if (d->weighed == e->weighed)
		return;
	d->weighed = e->weighed;
	d->sweep = e->hosts_n;
}

static bool catch_up(struct engine *e, struct demand *d)
{
	refresh_weights(e);
	if (is_far_behind(e, d))
		return look_at_all(e, d);
	note_weights(e, d);
	follow_changes(e, d, SIZE_MAX);
	sweep(e, d, e->hosts_n <= SWEEP_AT_ONCE ? SIZE_MAX : SWEEP_STEP);
	return true;
}

bool engine_settle(struct engine *e, size_t budget)
{
	size_t done = 0;

	refresh_weights(e);
	for (uint32_t i = 0; i < e->demands_n && done < budget; i++) {
		struct demand *d = &e->demands[i];

		if (is_far_behind(e, d))
			continue; /* not asked for in a long time, if ever */
		note_weights(e, d);
		done += follow_changes(e, d, budget - done);
		done += sweep(e, d, budget - done);
	}
	return done < budget;
}

/* ---- deciding ---- */

static uint32_t winner(struct engine *e, const struct demand *d, const struct engine_rules *rules)
{
	bool (*may)(void *, uint32_t) = rules ? rules->may : NULL;
	void *user = rules ? rules->user : NULL;

	if (e->policy->draws_host)
		return contest_draw(&d->contest, may, user, e->luck);
	return contest_best(&d->contest, may, user);
}

bool engine_choose(struct engine *e, uint32_t demand, const struct engine_rules *rules,
		   struct engine_choice *ret)
{
	struct demand *d = &e->demands[demand];
	bool found;

	e->luck = rules ? rules->luck : 0;
	situations_collect(e->table);
	if (!catch_up(e, d))
		return false;
	ret->demand = demand;
	ret->host = winner(e, d, rules);
	if (ret->host == UINT32_MAX)
		return false;
	ret->n = d->ask.count;
	e->decided = true;
	found = score(e, ret->host, d, ret->picks) != 0;
	e->decided = false;
	return found;
}

/* ---- taking and giving back ---- */

static void book(struct engine *e, const struct engine_choice *c, int sign)
{
	struct pool_host *h = &e->hosts[c->host];
	const struct demand *d = &e->demands[c->demand];

	h->cpu_free -= sign * (int32_t)d->ask.cpu_milli;
	h->ram_free -= sign * (int32_t)d->ask.ram_mib;
	h->vms[demand_sort(d)] = (uint16_t)(h->vms[demand_sort(d)] + sign);
	e->vgpus += sign * c->n;
}

/* Puts all picks; on failure those before the failing one are taken back. */
static int put_all(struct engine *e, const struct engine_choice *c, struct error *err)
{
	uint32_t *gpus = &e->gpus[e->hosts[c->host].first], before[ENGINE_COUNT_MAX], next;
	uint8_t n = 0;
	int r = 0;

	for (; n < c->n; n++) {
		const struct engine_pick *p = &c->picks[n];

		before[n] = gpus[p->gpu];
		r = situation_put(e->table, before[n], p->item, p->cut, p->start, &next, err);
		if (r < 0)
			break;
		set_gpu(e, &gpus[p->gpu], next);
	}
	for (; r < 0 && n > 0; n--)
		set_gpu(e, &gpus[c->picks[n - 1].gpu], before[n - 1]);
	return r;
}

int engine_put(struct engine *e, const struct engine_choice *c, struct error *err)
{
	int r;

	begin_change(e, c->host);
	r = put_all(e, c, err);
	if (r == 0)
		book(e, c, 1);
	end_change(e, c->host);
	return r;
}

int engine_take(struct engine *e, const struct engine_choice *c, struct error *err)
{
	int r = engine_put(e, c, err);

	if (r == 0)
		engine_missed(e, c->demand);
	return r;
}

void engine_missed(struct engine *e, uint32_t demand)
{
	if (e->policy->by_scarcity)
		pool_note_scarcity(e);
	e->since_weighed++;
	count_request(e, &e->demands[demand]);
}

int engine_give_back(struct engine *e, const struct engine_choice *c, struct error *err)
{
	uint32_t *gpus = &e->gpus[e->hosts[c->host].first], before[ENGINE_COUNT_MAX], next;
	uint8_t n = 0;
	int r = 0;

	begin_change(e, c->host);
	for (; n < c->n; n++) {
		const struct engine_pick *p = &c->picks[n];

		before[n] = gpus[p->gpu];
		r = situation_take_back(e->table, before[n], p->item, p->start, &next, err);
		if (r < 0)
			break;
		set_gpu(e, &gpus[p->gpu], next);
	}
	for (; r < 0 && n > 0; n--)
		set_gpu(e, &gpus[c->picks[n - 1].gpu], before[n - 1]);
	if (r == 0)
		book(e, c, -1);
	end_change(e, c->host);
	return r;
}

int engine_block(struct engine *e, uint32_t host, uint8_t gpu, uint8_t cut, uint16_t start,
		 uint16_t n, struct error *err)
{
	uint32_t *s = &e->gpus[e->hosts[host].first + gpu], next;
	int r = situation_block(e->table, *s, cut, start, n, &next, err);

	if (r < 0)
		return r;
	begin_change(e, host);
	set_gpu(e, s, next);
	e->vgpus++;
	end_change(e, host);
	return 0;
}

/* ---- looking ---- */

void engine_explain(struct engine *e, const struct engine_choice *c, char *text, size_t size)
{
	const struct pool_host *h = &e->hosts[c->host];
	struct host_room room;
	double before, after;

	if (e->mix_n == 0 || engine_put(e, c, NULL) < 0) {
		snprintf(text, size, "%s: %s", e->policy->name, e->policy->sentence);
		return;
	}
	harm_read(e, h, &room);
	after = harm_worth(e, &room, h->cpu_free, h->ram_free);
	if (engine_give_back(e, c, NULL) < 0)
		__builtin_trap(); /* it was put a moment ago */
	harm_read(e, h, &room);
	before = harm_worth(e, &room, h->cpu_free, h->ram_free);
	snprintf(text, size, "%s: takes %.2f GPUs of room from the %zu kinds of requests expected",
		 e->policy->name, (before - after) / 1000, e->mix_n);
}

/* Requests that the GPUs of H hold: each takes GPUs of one kind. */
static uint64_t host_capacity(const struct engine *e, const struct pool_host *h,
			      const struct demand *d)
{
	uint32_t room[KINDS_MAX] = { 0 };
	uint64_t n = 0;

	for (uint8_t g = 0; g < h->gpus_n; g++) {
		uint32_t s = pool_gpus(e, h)[g];
		uint8_t item = demand_item(e, d, s);

		if (item != ITEM_NONE)
			room[situation_kind(e->table, s)] += situation_capacity(e->table, s)[item];
	}
	for (size_t k = 0; k < KINDS_MAX; k++)
		n += room[k] / d->ask.count;
	return n;
}

uint64_t engine_capacity(struct engine *e, uint32_t demand)
{
	const struct demand *d = &e->demands[demand];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < e->hosts_n; i++) {
		const struct pool_host *h = &e->hosts[i];
		uint64_t n;

		if (!pool_host_takes(h, d))
			continue;
		n = d->ask.count ? host_capacity(e, h, d) : UINT32_MAX;
		if (d->ask.cpu_milli && n > (uint64_t)h->cpu_free / d->ask.cpu_milli)
			n = (uint64_t)h->cpu_free / d->ask.cpu_milli;
		if (d->ask.ram_mib && n > (uint64_t)h->ram_free / d->ask.ram_mib)
			n = (uint64_t)h->ram_free / d->ask.ram_mib;
		sum += n;
	}
	return sum;
}
