/* SPDX-License-Identifier: Apache-2.0 */
/* test_moves.c - moves on small random pools, against lists that know nothing of the engine. */
#include "placement/moves.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "placement/aside.h"
#include "seed.h"
#include "world.h"

enum { ROUNDS = 40, HOSTS = 4 };

struct scene {
	struct world w;
	struct plain_kind kinds[WORLD_KINDS];
	struct moves_vm vms[WORLD_VMS];
	struct moves_pool pool;
	uint64_t may[WORLD_VMS];   /* hosts that a VM may go to */
};

static struct scene scene; /* too large for a stack */

static bool may_go(void *user, size_t vm, uint32_t host)
{
	const struct scene *s = user;

	return s->may[vm] >> host & 1;
}

static const struct policy_row *policy(void)
{
	return policy_row("fragmentation");
}

/* ---- random pools ---- */

static void any_kind(struct plain_kind *k)
{
	static const char *const boards[] = { "L40S", "A40", "H100 PCIe 80GB", "A100 PCIe 80GB" };
	static const enum gpu_mode modes[] = { GPU_MODE_EQUAL, GPU_MODE_MIXED, GPU_MODE_MIG };
	const struct board *b = NULL;

	*k = (struct plain_kind){ 0 };
	while (k->cuts_n == 0) {
		b = catalogue_board_named(boards[roll(4)]);
		if (!b)
			b = catalogue_board_at(roll((uint32_t)catalogue_boards()));
		k->cuts_n = cut_of_board(b, modes[roll(3)], &k->cuts[0]);
	}
}

static struct engine_demand any_demand(const struct scene *s, size_t kinds)
{
	static const uint8_t counts[] = { 0, 1, 1, 1, 1, 1, 1, 2, 3 };
	struct engine_demand d = { .cpu_milli = 1000 * roll(9), .ram_mib = 1024 * roll(9) };

	d.count = counts[roll(sizeof(counts))];
	memset(d.item, ITEM_NONE, sizeof(d.item));
	for (size_t k = 0; k < kinds; k++)
		if (roll(4))
			d.item[k] = (uint8_t)roll((uint32_t)s->kinds[k].items_n);
	return d;
}

static void fill(struct scene *s)
{
	const struct world_rules rules = { UINT64_MAX, 0 };
	struct engine_choice c;

	for (size_t i = 0; i < 60; i++)
		if (world_choose(&s->w, roll((uint32_t)s->w.demands_n), &rules, &c))
			world_take(&s->w, &c);
	for (size_t i = 0, n = s->w.vms_n / 2; i < n && s->w.vms_n > 0; i++)
		world_give_back(&s->w, roll((uint32_t)s->w.vms_n));
}

static void list_vms(struct scene *s)
{
	for (size_t i = 0; i < s->w.vms_n; i++) {
		s->vms[i] = (struct moves_vm){ s->w.vms[i], 1 + roll(20), roll(8) != 0 };
		s->may[i] = roll(3) ? UINT64_MAX : roll_bits();
	}
	s->pool = (struct moves_pool){ .engine = s->w.e, .vms = s->vms, .n = s->w.vms_n,
				       .may = may_go, .user = s };
}

static void begin(struct scene *s)
{
	size_t kinds = 1 + roll(2);

	for (size_t i = 0; i < kinds; i++)
		any_kind(&s->kinds[i]);
	world_begin(&s->w, policy(), s->kinds, kinds);
	for (size_t i = 0; i < WORLD_DEMANDS; i++) {
		struct engine_demand d = any_demand(s, kinds);

		world_add_demand(&s->w, &d);
	}
	for (size_t i = 0; i < HOSTS; i++) {
		struct engine_host h = { .cpu_milli = 16000 + 1000 * roll(64),
					 .ram_mib = 16384 + 1024 * roll(64),
					 .gpus_n = (uint8_t)(1 + roll(3)) };

		for (uint8_t g = 0; g < h.gpus_n; g++)
			h.kinds[g] = (uint8_t)roll((uint32_t)kinds);
		world_add_host(&s->w, &h);
	}
	fill(s);
	if (roll(4) == 0)
		world_cordon(&s->w, roll(HOSTS), true);
	moves_weigh(s->w.e);
	list_vms(s);
}

/* ---- one move ---- */

/* Whether DEMAND fits once VM has gone; leaves all as it was. */
static bool fits_without(struct scene *s, size_t vm, uint32_t demand)
{
	const struct world_rules anywhere = { UINT64_MAX, 0 };
	struct engine_choice at = s->w.vms[vm], c;
	size_t last = s->w.vms_n - 1;
	bool fits;

	world_give_back(&s->w, vm);
	fits = world_choose(&s->w, demand, &anywhere, &c);
	assert_true(world_put(&s->w, &at));
	s->w.vms[last] = s->w.vms[vm];
	s->w.vms[vm] = at;
	return fits;
}

/* The VM that every other one is tried against; SIZE_MAX: none helps. */
static size_t cheapest(struct scene *s, uint32_t demand)
{
	size_t best = SIZE_MAX;
	struct engine_choice c;

	for (size_t i = 0; i < s->w.vms_n; i++) {
		struct world_rules other = { s->may[i] & ~(1ull << s->w.vms[i].host), 0 };

		if (!s->vms[i].movable || (best != SIZE_MAX && s->vms[best].gib <= s->vms[i].gib))
			continue;
		if (world_choose(&s->w, s->w.vms[i].demand, &other, &c) &&
		    fits_without(s, i, demand))
			best = i;
	}
	return best;
}

static void check_move(struct scene *s, const struct move *m, uint32_t demand)
{
	const struct world_rules anywhere = { UINT64_MAX, 0 };
	struct engine_choice c;

	assert_true(m->from.host != m->to.host);
	assert_true(s->may[m->vm] >> m->to.host & 1);
	assert_true(world_same(&m->from, &s->w.vms[m->vm]));
	assert_true(world_put(&s->w, &m->to));
	world_give_back(&s->w, m->vm);
	assert_true(world_choose(&s->w, demand, &anywhere, &c));
}

/* Whether a move for DEMAND was needed, found and made. */
static bool check_demand(struct scene *s, uint32_t demand)
{
	const struct world_rules anywhere = { UINT64_MAX, 0 };
	struct engine_choice c;
	struct move m;
	size_t best;

	if (world_choose(&s->w, demand, &anywhere, &c)) {
		assert_false(moves_for(&s->pool, demand, NULL, &m));
		return false;
	}
	best = cheapest(s, demand);
	assert_int_equal(moves_for(&s->pool, demand, NULL, &m), best != SIZE_MAX);
	world_check(&s->w);
	if (best == SIZE_MAX)
		return false;
	assert_int_equal(m.vm, best);
	check_move(s, &m, demand);
	return true;
}

static void one_move_is_the_cheapest_that_helps(void **state)
{
	unsigned int helped = 0;

	(void)state;
	for (uint32_t round = 0; round < 4 * ROUNDS; round++) {
		bool made = false;

		seed_round(round);
		begin(&scene);
		/* The move is made, and then it is another pool. */
		for (uint32_t d = 0; d < scene.w.demands_n && !made; d++)
			made = check_demand(&scene, d);
		helped += made;
		world_end(&scene.w);
	}
	print_message("%u moves helped\n", helped);
	assert_true(helped > 0);
}

/* ---- plans ---- */

static double worth(const struct scene *s)
{
	double sum = 0;

	for (uint32_t h = 0; h < HOSTS; h++)
		sum += aside_worth(s->w.e, h);
	return sum / 1000;
}

/* Where VM of the pool stands in the list of the world, which has another order by now. */
static size_t find(const struct scene *s, const struct engine_choice *at)
{
	size_t i = 0;

	while (i < s->w.vms_n && !world_same(&s->w.vms[i], at))
		i++;
	assert_true(i < s->w.vms_n);
	return i;
}

/* There are more demands; some come twice, and are one then. */
static const uint32_t sizes[] = { 0, 1, 2, 3 };

static void check_places(struct scene *s, const int64_t *gained, const uint64_t *before)
{
	for (size_t k = 0; k < 4; k++)
		assert_int_equal(world_capacity(&s->w, sizes[k]) - before[k], gained[k]);
}

/* The new place is taken while the old one still is; the lists say whether that can be. */
static void replay(struct scene *s, const struct moves_plan *plan)
{
	bool moved[WORLD_VMS] = { 0 };
	uint64_t before[4];

	for (size_t i = 0; i < plan->n; i++) {
		const struct move *m = &plan->list[i];

		for (size_t k = 0; k < 4; k++)
			before[k] = world_capacity(&s->w, sizes[k]);
		assert_true(s->vms[m->vm].movable && !moved[m->vm]);
		moved[m->vm] = true;
		assert_true(m->from.host != m->to.host);
		assert_false(s->w.hosts[m->to.host].cordoned);
		assert_true(s->may[m->vm] >> m->to.host & 1);
		assert_true(world_same(&m->from, &s->vms[m->vm].at));
		assert_true(world_put(&s->w, &m->to));
		world_give_back(&s->w, find(s, &m->from));
		check_places(s, &plan->places[4 * i], before);
	}
	world_check(&s->w);
}

static void check_gains(const struct moves_plan *plan)
{
	double all = plan->before, seconds = 0;

	for (size_t i = 0, k; i < plan->n; i = k) {
		double sum = 0;

		for (k = i; k < plan->n && plan->list[k].set == plan->list[i].set; k++) {
			sum += plan->list[k].gained;
			seconds += plan->list[k].seconds;
		}
		assert_true(k - i <= MOVES_SET_MAX);
		assert_true(sum > 0);
		all += sum;
	}
	assert_true(fabs(all - plan->after) < 1e-6);
	assert_true(fabs(seconds - plan->seconds) < 1e-6);
}

static bool same_plan(const struct moves_plan *a, const struct moves_plan *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].vm != b->list[i].vm ||
		    !world_same(&a->list[i].to, &b->list[i].to))
			return false;
	return true;
}

static void plan_replays_to_what_it_promised(void **state)
{
	unsigned int moves = 0;

	(void)state;
	for (uint32_t round = 0; round < 2 * ROUNDS; round++) {
		struct moves_limits limits = { .sizes = sizes, .sizes_n = 4 };
		cleanup(moves_plan_done) struct moves_plan plan = { 0 }, again = { 0 };

		seed_round(1000 + round);
		begin(&scene);
		limits.moves = roll(12);
		limits.seconds = roll(2) ? 0 : roll(100);
		assert_int_equal(moves_plan(&scene.pool, &limits, &plan, NULL), 0);
		world_check(&scene.w);
		assert_true(fabs(plan.before - worth(&scene)) < 1e-6);
		assert_int_equal(moves_plan(&scene.pool, &limits, &again, NULL), 0);
		assert_true(same_plan(&plan, &again));
		assert_true(plan.n <= limits.moves);
		assert_true(limits.seconds <= 0 || plan.seconds <= limits.seconds);
		check_gains(&plan);
		replay(&scene, &plan);
		assert_true(fabs(plan.after - worth(&scene)) < 1e-6);
		moves += (unsigned int)plan.n;
		world_end(&scene.w);
	}
	assert_true(moves > 0);
}

/* ---- by hand ---- */

/* HOSTS_N hosts with one L40S each, cut in mixed sizes; demand k asks for sizes_gib[k]. */
static void small_pool(struct scene *s, size_t hosts_n)
{
	static const uint32_t gib[] = { 8, 24, 48 };
	struct plain_kind *k = &s->kinds[0];
	struct engine_host h = { .cpu_milli = 64000, .ram_mib = 65536, .gpus_n = 1 };

	*k = (struct plain_kind){ 0 };
	k->cuts_n = cut_of_board(catalogue_board_named("L40S"), GPU_MODE_MIXED, &k->cuts[0]);
	assert_int_equal(k->cuts_n, 1);
	world_begin(&s->w, policy(), s->kinds, 1);
	for (size_t i = 0; i < 3; i++) {
		struct engine_demand d = { .count = 1, .cpu_milli = 4000 };

		memset(d.item, ITEM_NONE, sizeof(d.item));
		d.item[0] = situations_item(engine_situations(s->w.e), 0, NULL, gib[i] * 1024);
		assert_int_not_equal(d.item[0], ITEM_NONE);
		world_add_demand(&s->w, &d);
		engine_expect(s->w.e, (uint32_t)i, 1, true);
	}
	for (size_t i = 0; i < hosts_n; i++)
		world_add_host(&s->w, &h);
}

static void put_on(struct scene *s, uint32_t host, uint32_t demand, double gib)
{
	const struct world_rules rules = { 1ull << host, 0 };
	struct engine_choice c;

	assert_true(world_choose(&s->w, demand, &rules, &c));
	world_take(&s->w, &c);
	s->vms[s->w.vms_n - 1] = (struct moves_vm){ c, gib, true };
	s->may[s->w.vms_n - 1] = UINT64_MAX;
	s->pool = (struct moves_pool){ .engine = s->w.e, .vms = s->vms, .n = s->w.vms_n,
				       .may = may_go, .user = s };
}

/* Two half-used GPUs: the whole one comes from the VM that is quicker to move. */
static void smaller_guest_makes_way(void **state)
{
	struct move m;

	(void)state;
	small_pool(&scene, 2);
	put_on(&scene, 0, 0, 40);
	put_on(&scene, 1, 0, 12);
	assert_true(moves_for(&scene.pool, 2, NULL, &m));
	assert_int_equal(m.vm, 1);
	assert_int_equal(m.from.host, 1);
	assert_int_equal(m.to.host, 0);
	assert_true(fabs(m.seconds - 12 * MOVES_SECONDS_PER_GIB) < 1e-9);
	scene.vms[1].movable = false;
	assert_true(moves_for(&scene.pool, 2, NULL, &m));
	assert_int_equal(m.vm, 0);
	scene.may[0] = 1;
	assert_false(moves_for(&scene.pool, 2, NULL, &m));
	world_end(&scene.w);
}

static bool only_host_0(void *user, uint32_t host)
{
	(void)user;
	return host == 0;
}

/* A VM that starts on one host is not helped by room on another. */
static void rules_of_the_request_hold(void **state)
{
	const struct engine_rules rules = { .may = only_host_0 };
	struct move m;

	(void)state;
	small_pool(&scene, 3);
	put_on(&scene, 0, 0, 40);
	put_on(&scene, 1, 0, 12);
	assert_true(moves_for(&scene.pool, 2, &rules, &m));
	assert_int_equal(m.vm, 0);
	assert_false(moves_for(&scene.pool, 2, NULL, &m));
	world_end(&scene.w);
}

/* Nothing is gained before the last has gone, so they go together, and not by halves. */
static void gpu_is_emptied_whole_or_not_at_all(void **state)
{
	const uint32_t whole = 2;
	struct moves_limits limits = { .moves = 1, .sizes = &whole, .sizes_n = 1 };
	struct moves_plan plan;

	(void)state;
	small_pool(&scene, 2);
	engine_expect(scene.w.e, 0, 0, true);
	engine_expect(scene.w.e, 1, 0, true);
	put_on(&scene, 0, 0, 9);
	put_on(&scene, 0, 0, 8);
	put_on(&scene, 1, 0, 8);
	put_on(&scene, 1, 0, 8);
	moves_weigh(scene.w.e);
	assert_int_equal(moves_plan(&scene.pool, &limits, &plan, NULL), 0);
	assert_int_equal(plan.n, 0);
	moves_plan_done(&plan);
	limits.moves = 5;
	assert_int_equal(moves_plan(&scene.pool, &limits, &plan, NULL), 0);
	assert_int_equal(plan.n, 2);
	assert_int_equal(plan.list[0].from.host, 1);
	assert_int_equal(plan.list[1].from.host, 1);
	assert_int_equal(plan.list[0].set, plan.list[1].set);
	assert_int_equal(plan.places[0], 0);
	assert_int_equal(plan.places[1], 1);
	moves_plan_done(&plan);
	world_end(&scene.w);
}

/* The target has to hold the VM's CPU too, while nothing has left it yet. */
static void host_without_cpu_is_no_target(void **state)
{
	struct move m;

	(void)state;
	small_pool(&scene, 2);
	put_on(&scene, 0, 0, 8);
	put_on(&scene, 1, 0, 8);
	world_resize(&scene.w, 0, 4000 + 3999, 65536);
	world_resize(&scene.w, 1, 4000 + 3999, 65536);
	assert_false(moves_for(&scene.pool, 2, NULL, &m));
	world_resize(&scene.w, 0, 4000 + 4000, 65536);
	assert_true(moves_for(&scene.pool, 2, NULL, &m));
	assert_int_equal(m.to.host, 0);
	world_end(&scene.w);
}

/* ---- against every way ---- */

struct trial {
	struct scene *s;
	double start, best;      /* weighed room */
	bool moved[WORLD_VMS];
	struct engine_choice at[WORLD_VMS];
};

static void try_moves(struct trial *t, unsigned int left);

/* VM on HOST, at every start there. */
static void try_host(struct trial *t, size_t vm, uint32_t host, unsigned int left)
{
	struct engine *e = t->s->w.e;
	const struct cut *cut = &t->s->kinds[0].cuts[0];
	struct engine_choice from = t->at[vm], to = from;
	const struct cut_item *item = &cut->items[t->s->kinds[0].at[from.picks[0].item][0]];

	to.host = host;
	for (uint16_t i = 0; i < item->starts_n; i++) {
		to.picks[0].start = item->starts[i];
		if (engine_put(e, &to, NULL) < 0)
			continue;
		assert_int_equal(engine_give_back(e, &from, NULL), 0);
		t->at[vm] = to;
		try_moves(t, left - 1);
		t->at[vm] = from;
		assert_int_equal(engine_put(e, &from, NULL), 0);
		assert_int_equal(engine_give_back(e, &to, NULL), 0);
	}
}

static void try_moves(struct trial *t, unsigned int left)
{
	t->best = fmax(t->best, worth(t->s) - t->start);
	for (size_t vm = 0; left > 0 && vm < t->s->w.vms_n; vm++) {
		if (t->moved[vm])
			continue;
		t->moved[vm] = true;
		for (uint32_t h = 0; h < HOSTS; h++)
			if (h != t->at[vm].host)
				try_host(t, vm, h, left);
		t->moved[vm] = false;
	}
}

static double best_gain(struct scene *s, unsigned int moves)
{
	struct trial t = { .s = s, .start = worth(s) };

	for (size_t i = 0; i < s->w.vms_n; i++)
		t.at[i] = s->w.vms[i];
	try_moves(&t, moves);
	return t.best;
}

/* No plan can gain more than the best of all; a search that is worth its name gains most of it. */
static void plan_comes_near_the_best(void **state)
{
	struct moves_limits limits = { .moves = 2 };
	double most = 0, sum = 0;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct moves_plan plan;
		double best;

		seed_round(2000 + round);
		small_pool(&scene, HOSTS);
		for (uint32_t h = 0; h < HOSTS; h++)
			for (uint32_t n = roll(3), size = roll(2); n > size; n--)
				put_on(&scene, h, size, 1);
		moves_weigh(scene.w.e);
		best = best_gain(&scene, limits.moves);
		scene.pool.n = scene.w.vms_n;
		if (scene.w.vms_n > 0) {
			assert_int_equal(moves_plan(&scene.pool, &limits, &plan, NULL), 0);
			assert_true(plan.after - plan.before <= best + 1e-6);
			sum += plan.after - plan.before;
			most += best;
			moves_plan_done(&plan);
		}
		world_end(&scene.w);
	}
	print_message("gained %.1f GPUs of the %.1f that two moves can\n", sum, most);
	assert_true(sum >= 0.8 * most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smaller_guest_makes_way),
		cmocka_unit_test(rules_of_the_request_hold),
		cmocka_unit_test(gpu_is_emptied_whole_or_not_at_all),
		cmocka_unit_test(host_without_cpu_is_no_target),
		cmocka_unit_test(one_move_is_the_cheapest_that_helps),
		cmocka_unit_test(plan_replays_to_what_it_promised),
		cmocka_unit_test(plan_comes_near_the_best),
	};

	seed_start();
	return cmocka_run_group_tests_name("moves", tests, NULL, NULL);
}
