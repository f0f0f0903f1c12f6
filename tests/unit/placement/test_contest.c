/* SPDX-License-Identifier: Apache-2.0 */
/* test_contest.c - the tree of maxima against looking at everybody. */
#include "placement/contest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "seed.h"

enum { MOST = 300, NOBODY = 0xffffffff };

struct crowd {
	struct contest contest;
	uint32_t n, scores[MOST];
	uint8_t refused[MOST];
	uint32_t asked, last;      /* may(): how often, and the score of the one before */
};

static bool may(void *user, uint32_t who)
{
	struct crowd *c = user;

	assert_true(who < c->n);
	assert_true(c->scores[who] > 0);
	c->asked++;
	return !c->refused[who];
}

static bool may_in_order(void *user, uint32_t who)
{
	struct crowd *c = user;

	assert_true(c->scores[who] <= c->last);
	c->last = c->scores[who];
	return may(user, who);
}

static bool takes_part(const struct crowd *c, uint32_t who, bool rules)
{
	return c->scores[who] > 0 && !(rules && c->refused[who]);
}

static uint32_t best_of(const struct crowd *c, bool rules)
{
	uint32_t best = NOBODY;

	for (uint32_t i = 0; i < c->n; i++)
		if (takes_part(c, i, rules) && (best == NOBODY || c->scores[i] > c->scores[best]))
			best = i;
	return best;
}

/* Number LUCK among those that are as good as the best. */
static uint32_t drawn_of(const struct crowd *c, bool rules, uint64_t lot)
{
	uint32_t equals[MOST], n = 0, best = best_of(c, rules);

	for (uint32_t i = 0; best != NOBODY && i < c->n; i++)
		if (takes_part(c, i, rules) && c->scores[i] == c->scores[best])
			equals[n++] = i;
	return n ? equals[lot % n] : NOBODY;
}

static void set_all(struct crowd *c, uint32_t range)
{
	for (uint32_t i = 0; i < c->n; i++) {
		c->scores[i] = roll(4) == 0 ? 0 : roll(range);
		contest_put(&c->contest, i, c->scores[i]);
	}
	contest_rebuild(&c->contest);
}

static void check(struct crowd *c)
{
	uint64_t lot = roll_bits();

	c->last = UINT32_MAX;
	assert_int_equal(contest_best(&c->contest, NULL, NULL), best_of(c, false));
	assert_int_equal(contest_best(&c->contest, may_in_order, c), best_of(c, true));
	assert_int_equal(contest_draw(&c->contest, NULL, NULL, lot), drawn_of(c, false, lot));
	assert_int_equal(contest_draw(&c->contest, may, c, lot), drawn_of(c, true, lot));
}

static void refuse_some(struct crowd *c)
{
	uint32_t of = 1 + roll(6);

	for (uint32_t i = 0; i < c->n; i++)
		c->refused[i] = roll(of) == 0;
	if (roll(10) == 0)
		memset(c->refused, 1, sizeof(c->refused));
}

/* Few different scores make many equals, which is where an order goes wrong. */
static void the_winner_is_who_sorting_puts_first(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 200; round++) {
		struct crowd c = { 0 };
		uint32_t range;

		seed_round(round);
		c.n = 1 + roll(roll(2) ? MOST : 9);
		range = roll(3) ? 1 + roll(5) : UINT32_MAX;
		assert_true(contest_resize(&c.contest, c.n + roll(3) * 100));
		set_all(&c, range);
		for (int step = 0; step < 60; step++) {
			uint32_t who = roll(c.n);

			c.scores[who] = roll(3) == 0 ? 0 : roll(range);
			contest_set(&c.contest, who, c.scores[who]);
			if (step % 8 == 0)
				refuse_some(&c);
			check(&c);
		}
		contest_done(&c.contest);
	}
}

/* A rule is asked about the best one, and about nobody else while it says yes. */
static void a_rule_is_asked_once_when_it_says_yes(void **state)
{
	struct crowd c = { .n = MOST };

	(void)state;
	assert_true(contest_resize(&c.contest, c.n));
	set_all(&c, 1000);
	assert_int_not_equal(contest_best(&c.contest, may, &c), NOBODY);
	assert_int_equal(c.asked, 1);
	contest_done(&c.contest);
}

static void nobody_wins_where_nobody_takes_part(void **state)
{
	struct contest none = { 0 }, c = { 0 };

	(void)state;
	assert_int_equal(contest_best(&none, NULL, NULL), NOBODY);
	assert_int_equal(contest_draw(&none, NULL, NULL, 7), NOBODY);
	assert_true(contest_resize(&c, 5));
	assert_int_equal(contest_best(&c, NULL, NULL), NOBODY);
	contest_set(&c, 4, 1);
	assert_int_equal(contest_best(&c, NULL, NULL), 4);
	contest_set(&c, 4, 0);
	assert_int_equal(contest_best(&c, NULL, NULL), NOBODY);
	assert_true(contest_resize(&c, 50));
	contest_set(&c, 4, 9);
	assert_true(contest_resize(&c, 500));
	assert_int_equal(contest_best(&c, NULL, NULL), NOBODY);
	contest_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_winner_is_who_sorting_puts_first),
		cmocka_unit_test(a_rule_is_asked_once_when_it_says_yes),
		cmocka_unit_test(nobody_wins_where_nobody_takes_part),
	};

	seed_start();
	return cmocka_run_group_tests_name("contest", tests, NULL, NULL);
}
