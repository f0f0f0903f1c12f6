/* SPDX-License-Identifier: Apache-2.0 */
/* test_engine.c - every policy on small random pools of every board, against trying everything.
 *
 * Two engines get the same calls, but for engine_settle(), which only the second one gets; after
 * each step both must agree with the lists of world.h and with each other.
 */
#include "placement/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "placement/harm.h"
#include "placement/pool.h"
#include "seed.h"
#include "world.h"

enum { ROUNDS = 3, STEPS = 90 };

struct pair {
	struct world one, two;
	struct plain_kind kinds[WORLD_KINDS], kinds_two[WORLD_KINDS], kinds_copy[WORLD_KINDS];
};

static struct pair pair; /* too large for a stack */

/* ---- pools ---- */

static const enum gpu_mode modes[] = { GPU_MODE_EQUAL, GPU_MODE_MIXED, GPU_MODE_MIG,
				       GPU_MODE_WHOLE };

/* Board after board; for each a mode, or a choice of them. */
static void any_kind(struct plain_kind *k)
{
	static uint32_t next;
	const struct board *b = catalogue_board_at(next++ % catalogue_boards());
	uint32_t set = 1 + roll(15);

	*k = (struct plain_kind){ 0 };
	for (size_t m = 0; m < 4; m++)
		k->cuts_n += set >> m & 1 && cut_of_board(b, modes[m], &k->cuts[k->cuts_n]);
	if (k->cuts_n == 0)
		k->cuts_n = cut_of_board(b, modes[roll(2) * 3], &k->cuts[0]);
	assert_true(k->cuts_n > 0);
	/* The order of the modes is the caller's. */
	if (k->cuts_n > 1 && roll(2)) {
		struct cut first = k->cuts[0];

		k->cuts[0] = k->cuts[k->cuts_n - 1];
		k->cuts[k->cuts_n - 1] = first;
	}
}

static void any_sizes(struct plain_kind *k)
{
	*k = (struct plain_kind){ 0 };
	for (unsigned int milli = 1 + roll(300); milli <= 1000; milli += 1 + roll(300))
		k->sizes[k->sizes_n++] = (uint16_t)milli;
	if (k->sizes_n == 0 || k->sizes[k->sizes_n - 1] < 1000)
		k->sizes[k->sizes_n++] = 1000;
}

static struct engine_demand any_demand(const struct world *w)
{
	static const uint8_t counts[] = { 0, 1, 1, 1, 1, 2, 2, 3, 4 };
	struct engine_demand d = { .cpu_milli = 500 * roll(17), .ram_mib = 1024 * roll(9) };

	d.count = w->demands_n ? counts[roll(sizeof(counts))] : 1;
	d.labels = roll(4) == 0 ? 1ull << roll(2) : 0;
	memset(d.item, ITEM_NONE, sizeof(d.item));
	/* The first is one that no GPU offers. */
	for (size_t k = 0; k < w->kinds_n && w->demands_n; k++)
		if (roll(3))
			d.item[k] = (uint8_t)roll((uint32_t)w->kinds[k].items_n);
	return d;
}

static struct engine_host any_host(const struct world *w)
{
	struct engine_host h = { .cpu_milli = 1000 * roll(64), .ram_mib = 1024 * roll(64) };
	bool alike = roll(2);
	uint8_t kind = (uint8_t)roll((uint32_t)w->kinds_n);

	h.labels = roll(4);
	h.gpus_n = (uint8_t)roll(WORLD_GPUS + 1);
	for (uint8_t g = 0; g < h.gpus_n; g++)
		h.kinds[g] = alike ? kind : (uint8_t)roll((uint32_t)w->kinds_n);
	return h;
}

static void expect(struct pair *p, uint32_t demand)
{
	double weight = roll(20);
	bool fixed = roll(2);

	engine_expect(p->one.e, demand, weight, fixed);
	engine_expect(p->two.e, demand, weight, fixed);
}

static void begin(struct pair *p, const struct policy_row *policy)
{
	size_t n = 2 + roll(WORLD_KINDS - 1);

	for (size_t i = 0; i < n; i++)
		if (roll(6) == 0)
			any_sizes(&p->kinds[i]);
		else
			any_kind(&p->kinds[i]);
	memcpy(p->kinds_two, p->kinds, sizeof(p->kinds));
	memcpy(p->kinds_copy, p->kinds, sizeof(p->kinds));
	world_begin(&p->one, policy, p->kinds, n);
	world_begin(&p->two, policy, p->kinds_two, n);
	for (size_t i = 0; i < WORLD_DEMANDS; i++) {
		struct engine_demand d = any_demand(&p->one);

		world_add_demand(&p->one, &d);
		world_add_demand(&p->two, &d);
	}
	/* Without what is expected the mix is the first request for long. */
	for (uint32_t i = 0; i < p->one.demands_n && roll(9); i++)
		expect(p, i);
	for (size_t i = 0; i < 3; i++) {
		struct engine_host h = any_host(&p->one);

		world_add_host(&p->one, &h);
		world_add_host(&p->two, &h);
	}
}

static void end(struct pair *p)
{
	world_end(&p->one);
	world_end(&p->two);
}

/* ---- checks of a decision ---- */

/* The index says what a look at every host says. */
static void check_is_best(const struct world *w, const struct engine_choice *c, uint64_t may)
{
	const struct demand *d = &w->e->demands[c->demand];
	struct engine_pick picks[ENGINE_COUNT_MAX];
	uint32_t best = 0, first = UINT32_MAX, score, of_choice = 0;

	for (uint32_t h = 0; h < w->hosts_n; h++) {
		if (!(may >> h & 1) || !pool_host_takes(&w->e->hosts[h], d))
			continue;
		score = w->policy->score(w->e, h, d, picks);
		of_choice = h == c->host ? score : of_choice;
		if (score > best) {
			best = score;
			first = h;
		}
	}
	if (of_choice != best || (!w->policy->draws_host && first != c->host))
		fail_msg("%s chose host %u with %u, but host %u has %u", w->policy->name, c->host,
			 of_choice, first, best);
}

static void check_is_explained(const struct world *w, const struct engine_choice *c)
{
	char text[200] = "";

	engine_explain(w->e, c, text, sizeof(text));
	assert_int_equal(strncmp(text, w->policy->name, strlen(w->policy->name)), 0);
}

/* What went before leaves no trace: an engine that is told the state at once decides alike. */
static void check_has_no_history(struct pair *p, uint32_t demand, const struct world_rules *rules,
				 const struct engine_choice *c, bool found)
{
	static struct world fresh;
	struct engine_choice other;

	world_copy(&fresh, &p->one, p->kinds_copy);
	assert_int_equal(world_choose(&fresh, demand, rules, &other), found);
	if (found && !world_same(c, &other))
		fail_msg("%s chose host %u for demand %u, a fresh engine host %u",
			 p->one.policy->name, c->host, demand, other.host);
	world_end(&fresh);
}

/* The answers of both; their situations have the numbers of two tables. */
static bool choose(struct pair *p, uint32_t demand, uint64_t may, struct engine_choice ret[2])
{
	struct world_rules rules = { may, roll_bits() };
	bool found = world_choose(&p->one, demand, &rules, &ret[0]);

	assert_int_equal(world_choose(&p->two, demand, &rules, &ret[1]), found);
	if (found) {
		assert_true(world_same(&ret[0], &ret[1]));
		check_is_best(&p->one, &ret[0], may);
		check_is_explained(&p->one, &ret[0]);
	}
	if (p->one.policy->cover <= 0 && roll(4) == 0)
		check_has_no_history(p, demand, &rules, &ret[0], found);
	return found;
}

/* ---- steps ---- */

static uint64_t any_rule(void)
{
	return roll(3) ? UINT64_MAX : roll_bits();
}

static uint32_t any_demand_number(const struct pair *p)
{
	return roll((uint32_t)p->one.demands_n);
}

static void take_both(struct pair *p, const struct engine_choice c[2])
{
	world_take(&p->one, &c[0]);
	world_take(&p->two, &c[1]);
}

static bool is_crowded(const struct pair *p)
{
	return p->one.vms_n >= WORLD_VMS - 2;
}

static void ask(struct pair *p)
{
	uint32_t demand = any_demand_number(p);
	struct engine_choice c[2];

	if (!choose(p, demand, any_rule(), c)) {
		engine_missed(p->one.e, demand);
		engine_missed(p->two.e, demand);
	} else if (!is_crowded(p)) {
		take_both(p, c);
	}
}

static void give_back(struct pair *p, size_t vm)
{
	world_give_back(&p->one, vm);
	world_give_back(&p->two, vm);
}

static void leave(struct pair *p)
{
	if (p->one.vms_n)
		give_back(p, roll((uint32_t)p->one.vms_n));
}

/* First the new place, then the old one goes. */
static void move(struct pair *p)
{
	struct engine_choice c[2];
	size_t vm = p->one.vms_n ? roll((uint32_t)p->one.vms_n) : 0;

	if (p->one.vms_n == 0 || is_crowded(p) ||
	    !choose(p, p->one.vms[vm].demand, ~(1ull << p->one.vms[vm].host), c))
		return;
	take_both(p, c);
	give_back(p, vm);
}

static bool any_alive(const struct pair *p, uint32_t *ret)
{
	*ret = roll((uint32_t)p->one.hosts_n);
	return p->one.hosts[*ret].alive;
}

static void come(struct pair *p)
{
	struct engine_host h = any_host(&p->one);
	size_t alive = 0;

	for (size_t i = 0; i < p->one.hosts_n; i++)
		alive += p->one.hosts[i].alive;
	if (alive == WORLD_HOSTS || p->one.hosts_n == WORLD_NUMBERS)
		return;
	world_add_host(&p->one, &h);
	world_add_host(&p->two, &h);
}

static void go(struct pair *p)
{
	uint32_t host;

	if (!any_alive(p, &host))
		return;
	world_remove_host(&p->one, host);
	world_remove_host(&p->two, host);
}

static void cordon(struct pair *p)
{
	bool cordoned = roll(2);
	uint32_t host;

	if (!any_alive(p, &host))
		return;
	world_cordon(&p->one, host, cordoned);
	world_cordon(&p->two, host, cordoned);
}

/* Below what is in use, too. */
static void resize(struct pair *p)
{
	uint32_t cpu = 1000 * roll(64), ram = 1024 * roll(64), host;

	if (!any_alive(p, &host))
		return;
	world_resize(&p->one, host, cpu, ram);
	world_resize(&p->two, host, cpu, ram);
}

static struct engine_pick any_pick(const struct world_host *h, const struct engine_demand *d)
{
	struct engine_pick p = { .gpu = (uint8_t)roll(h->as.gpus_n) };
	const struct plain_kind *k = h->gpus[p.gpu].kind;
	const struct cut_item *item;

	p.item = d->item[k->number];
	p.start = START_NONE;
	if (p.item == ITEM_NONE || k->cuts_n == 0)
		return p;
	p.cut = (uint8_t)roll((uint32_t)k->cuts_n);
	if (k->at[p.item][p.cut] == PLAIN_NONE || k->cuts[p.cut].one_size)
		return p;
	item = &k->cuts[p.cut].items[k->at[p.item][p.cut]];
	p.start = item->starts[roll(item->starts_n)];
	return p;
}

/* What the lists of a lease say at a restart, whether it can be or not. */
static void put(struct pair *p)
{
	struct engine_choice c = { .demand = any_demand_number(p) }, other;
	const struct engine_demand *d = &p->one.demands[c.demand];
	const struct world_host *h;

	if (!any_alive(p, &c.host) || is_crowded(p))
		return;
	h = &p->one.hosts[c.host];
	if (h->as.gpus_n == 0 && d->count)
		return;
	for (c.n = 0; c.n < d->count; c.n++) {
		c.picks[c.n] = any_pick(h, d);
		/* Which kinds a lease may lie on is not the engine's to check. */
		if (c.picks[c.n].item == ITEM_NONE ||
		    h->gpus[c.picks[c.n].gpu].kind != h->gpus[c.picks[0].gpu].kind)
			return;
	}
	other = c;
	assert_int_equal(world_put(&p->one, &c), world_put(&p->two, &other));
}

static void block(struct pair *p)
{
	const struct plain_gpu *gpu;
	uint32_t host;
	uint8_t g, cut;
	uint16_t start, n = (uint16_t)(1 + roll(4));

	if (!any_alive(p, &host) || p->one.hosts[host].as.gpus_n == 0)
		return;
	g = (uint8_t)roll(p->one.hosts[host].as.gpus_n);
	gpu = &p->one.hosts[host].gpus[g];
	if (gpu->kind->cuts_n == 0)
		return;
	cut = (uint8_t)roll((uint32_t)gpu->kind->cuts_n);
	start = (uint16_t)roll(gpu->kind->cuts[cut].slots);
	/* Beside others of one size it has theirs, which a list of slots does not tell. */
	if (gpu->kind->cuts[cut].one_size && gpu->n)
		return;
	world_block(&p->one, host, g, cut, start, n);
	world_block(&p->two, host, g, cut, start, n);
}

static void learn(struct pair *p)
{
	expect(p, any_demand_number(p));
}

/* Where there are no weights it changes no answer, so only one of the two is settled; with them it
 * may weigh sooner than the next request would. */
static void settle(struct pair *p)
{
	size_t budget = 1 + roll(20);

	engine_settle(p->two.e, budget);
	if (p->one.policy->cover > 0)
		engine_settle(p->one.e, budget);
}

static void any_step(struct pair *p)
{
	static const struct {
		uint32_t share;
		void (*step)(struct pair *p);
	} steps[] = {
		{ 50, ask }, { 18, leave }, { 5, move }, { 4, come }, { 2, go }, { 3, cordon },
		{ 4, resize }, { 5, put }, { 1, block }, { 1, learn }, { 7, settle },
	};
	uint32_t x = roll(100), i = 0;

	for (; x >= steps[i].share; i++)
		x -= steps[i].share;
	steps[i].step(p);
}

/* ---- what must hold after each step ---- */

/* The room of the pool is kept by adding and taking away; counting it anew must give the same. */
static void check_room(struct engine *e)
{
	double kept[MIX_MAX];

	if (!e->policy->by_scarcity)
		return;
	for (size_t i = 0; i < e->mix_n; i++)
		kept[i] = e->mix[i].left;
	harm_count_all(e);
	for (size_t i = 0; i < e->mix_n; i++) {
		if (fabs(kept[i] - e->mix[i].left) > 1e-6)
			fail_msg("demand %u: room for %f was kept, there is %f", e->mix[i].demand,
				 kept[i], e->mix[i].left);
		e->mix[i].left = kept[i];
	}
}

static void check_weights(const struct engine *e)
{
	double sum = 0;
	bool any = false;

	for (size_t i = 0; i < e->mix_n; i++) {
		const struct demand *d = &e->demands[e->mix[i].demand];

		assert_true(e->mix[i].weight >= 0);
		sum += e->mix[i].weight;
		any = any || (d->ask.count > 0 && d->milli > 0);
	}
	assert_true(fabs(sum - 1) < 1e-9 || (!any && sum == 0));
}

/* Of kinds without geometry a situation does not know how many there are. */
static void check_vgpus(const struct world *w)
{
	size_t n = 0;

	for (size_t k = 0; k < w->kinds_n; k++)
		if (w->kinds[k].cuts_n == 0)
			return;
	for (size_t i = 0; i < w->hosts_n; i++)
		for (uint8_t g = 0; w->hosts[i].alive && g < w->hosts[i].as.gpus_n; g++)
			n += w->hosts[i].gpus[g].n;
	assert_int_equal(w->e->vgpus, n);
}

static void check_counts(struct pair *p)
{
	for (uint32_t d = 0; d < p->one.demands_n; d++)
		assert_int_equal(engine_capacity(p->one.e, d), world_capacity(&p->one, d));
}

static void check(struct pair *p)
{
	world_check(&p->one);
	check_room(p->one.e);
	check_weights(p->one.e);
	check_vgpus(&p->one);
	check_counts(p);
}

/* ---- properties ---- */

static void play(const struct policy_row *policy, uint32_t round)
{
	seed_round(round);
	begin(&pair, policy);
	for (int i = 0; i < STEPS; i++) {
		any_step(&pair);
		check(&pair);
	}
	while (pair.one.vms_n)
		give_back(&pair, roll((uint32_t)pair.one.vms_n));
	check(&pair);
	world_check_empty(&pair.one);
	world_check_empty(&pair.two);
	end(&pair);
}

/* No policy may place what can not lie there, or refuse what could. */
static void every_policy_agrees_with_trying_everything(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < policy_rows_n; i++)
		for (uint32_t round = 0; round < ROUNDS; round++)
			play(&policy_rows[i], i * ROUNDS + round);
}

/* ---- large pools ---- */

static uint32_t demand_of(struct engine *e, uint8_t item, uint64_t labels)
{
	struct engine_demand d = { .cpu_milli = 1000, .labels = labels, .count = 1 };
	uint32_t ret;

	memset(d.item, ITEM_NONE, sizeof(d.item));
	d.item[0] = item;
	assert_int_equal(engine_demand(e, &d, &ret, NULL), 0);
	return ret;
}

/* HOSTS of one GPU each that holds 250, 500 or 1000 milli; every 50th host has label 1. */
static struct engine *large_pool(const char *policy, uint32_t hosts)
{
	static const uint16_t sizes[] = { 250, 500, 1000 };
	struct situations *t = situations_new();
	struct engine_host h = { .cpu_milli = 64000, .ram_mib = 4096, .gpus_n = 1 };
	struct engine *e;
	uint32_t number;

	assert_int_equal(situations_add_fluid(t, sizes, 3, &h.kinds[0], NULL), 0);
	assert_int_equal(engine_new(t, policy_row(policy), &e, NULL), 0);
	for (uint32_t i = 0; i < hosts; i++) {
		h.labels = i % 50 == 0;
		assert_int_equal(engine_add_host(e, &h, &number, NULL), 0);
		assert_int_equal(number, i);
	}
	return e;
}

/* The list of changes is a ring: who comes back after it went round must not trust it. */
static void a_demand_that_slept_for_long_sees_every_change(void **state)
{
	enum { HOSTS = CHANGES_KEPT / 4 + 100 };
	cleanup(engine_free_p) struct engine *e = large_pool("first-fit", HOSTS);
	uint32_t sleeper = demand_of(e, 2, 0);
	struct engine_choice c;

	(void)state;
	assert_true(engine_choose(e, sleeper, NULL, &c));
	assert_int_equal(c.host, 0);
	engine_cordon(e, 0, true);
	for (int i = 0; i < CHANGES_KEPT; i++)
		engine_resize_host(e, (uint32_t)(2 + i % 7), 64000, 4096);
	assert_true(engine_choose(e, sleeper, NULL, &c));
	assert_int_equal(c.host, 1);
	engine_cordon(e, 0, false);
	assert_true(engine_choose(e, sleeper, NULL, &c));
	assert_int_equal(c.host, 0);
}

static void ask_large(struct engine *e, uint32_t demand)
{
	struct engine_choice c;
	bool found = engine_choose(e, demand, NULL, &c);

	assert_int_equal(found, engine_capacity(e, demand) > 0);
	if (found)
		assert_int_equal(engine_take(e, &c, NULL), 0);
	else
		engine_missed(e, demand);
}

/* Once the contest has looked at all hosts with the weights as they are. */
static void check_large(struct engine *e, uint32_t demand)
{
	const struct policy_row *policy = e->policy;
	struct engine_pick picks[ENGINE_COUNT_MAX];
	struct engine_choice c;
	uint32_t of_choice, weighed;

	while (!engine_settle(e, 500))
		;
	weighed = e->weighed;
	if (!engine_choose(e, demand, NULL, &c) || e->weighed != weighed)
		return;
	of_choice = policy->score(e, c.host, &e->demands[demand], picks);
	for (uint32_t h = 0; h < e->hosts_n; h++)
		if (pool_host_takes(&e->hosts[h], &e->demands[demand]))
			assert_true(policy->score(e, h, &e->demands[demand], picks) <= of_choice);
}

/* New weights reach a large pool little by little, which may cost quality but never rightness. */
static void a_large_pool_is_right_while_weights_change(void **state)
{
	enum { HOSTS = 2200, ASKED = 900 };
	static const char *const policies[] = { "fragmentation", "fgd" };

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		cleanup(engine_free_p) struct engine *e = large_pool(policies[p], HOSTS);
		uint32_t demands[4];

		seed_round((uint32_t)p);
		for (uint8_t i = 0; i < 3; i++)
			demands[i] = demand_of(e, i, 0);
		demands[3] = demand_of(e, 1, 1);
		for (int i = 0; i < ASKED; i++) {
			uint32_t demand = demands[roll(4)];

			ask_large(e, demand);
			if (i % 30 == 0)
				check_large(e, demand);
		}
		assert_int_equal(engine_capacity(e, demands[3]), 0);
		assert_true(engine_capacity(e, demands[2]) > 0);
	}
}

/* The mode that is cut first may hold fewer: a request for several must not get stuck in it. */
static void a_mode_is_chosen_that_holds_the_whole_request(void **state)
{
	struct plain_kind k = { .cuts_n = 2 };
	struct engine_demand d = { .count = 2 };
	struct engine_host h = { .gpus_n = 1 };
	const uint16_t only[] = { 0 };
	struct engine_choice c;
	uint32_t host, demand;
	struct world w;

	(void)state;
	assert_true(cut_of_board(catalogue_board_named("L40S"), GPU_MODE_MIXED, &k.cuts[0]));
	assert_true(cut_of_board(catalogue_board_named("L40S"), GPU_MODE_EQUAL, &k.cuts[1]));
	for (int i = 0; i < k.cuts[0].items_n; i++)
		assert_int_equal(cut_set_starts(&k.cuts[0], i, only, 1, NULL), 0);
	for (size_t p = 0; p < policy_rows_n; p++) {
		world_begin(&w, &policy_rows[p], &k, 1);
		memset(d.item, ITEM_NONE, sizeof(d.item));
		d.item[k.number] = situations_item(w.e->table, k.number, NULL, 8192);
		assert_int_equal(engine_add_host(w.e, &h, &host, NULL), 0);
		assert_int_equal(engine_demand(w.e, &d, &demand, NULL), 0);
		assert_true(engine_choose(w.e, demand, NULL, &c));
		assert_int_equal(c.picks[0].cut, 1);
		assert_int_equal(c.picks[1].cut, 1);
		world_end(&w);
	}
}

static void settling_stops_at_its_budget(void **state)
{
	cleanup(engine_free_p) struct engine *e = large_pool("pack", 100);
	uint32_t demand = demand_of(e, 0, 0);
	struct engine_choice c;

	(void)state;
	assert_true(engine_settle(e, 1)); /* nobody has asked yet */
	assert_true(engine_choose(e, demand, NULL, &c));
	for (uint32_t h = 0; h < 10; h++)
		engine_cordon(e, h, true);
	assert_false(engine_settle(e, 4));
	assert_int_equal(e->changes_n - e->demands[demand].caught_up, 6);
	assert_true(engine_settle(e, 100));
	assert_int_equal(e->changes_n, e->demands[demand].caught_up);
	assert_true(engine_choose(e, demand, NULL, &c));
	assert_int_equal(c.host, 10);
}

static void what_is_too_large_is_refused(void **state)
{
	cleanup(engine_free_p) struct engine *e = large_pool("pack", 1);
	struct engine_host h = { .gpus_n = ENGINE_HOST_GPUS_MAX + 1 };
	struct engine_demand d = { .count = ENGINE_COUNT_MAX + 1 };
	uint32_t number = 77;

	(void)state;
	assert_int_equal(engine_add_host(e, &h, &number, NULL), -ERR_TOO_LARGE);
	assert_int_equal(engine_demand(e, &d, &number, NULL), -ERR_TOO_LARGE);
	d.count = 1;
	for (d.cpu_milli = 0; d.cpu_milli < ENGINE_DEMANDS_MAX; d.cpu_milli++)
		assert_int_equal(engine_demand(e, &d, &number, NULL), 0);
	number = 77;
	assert_int_equal(engine_demand(e, &d, &number, NULL), -ERR_TOO_LARGE);
	assert_int_equal(number, 77);
	d.cpu_milli = 5;
	assert_int_equal(engine_demand(e, &d, &number, NULL), 0);
	assert_int_equal(number, 5);
	assert_int_equal(engine_hosts(e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_agrees_with_trying_everything),
		cmocka_unit_test(a_demand_that_slept_for_long_sees_every_change),
		cmocka_unit_test(a_large_pool_is_right_while_weights_change),
		cmocka_unit_test(a_mode_is_chosen_that_holds_the_whole_request),
		cmocka_unit_test(settling_stops_at_its_budget),
		cmocka_unit_test(what_is_too_large_is_refused),
	};

	seed_start();
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
