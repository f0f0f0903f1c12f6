/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/fewest.h"

enum { NEIGHBOURS = 3 };

struct search {
	const struct fewest_ask *ask;
	struct scene scene;
	uint32_t most;           /* hosts of the sort that may be tried */
	struct error *err;
};

static int try(struct search *s, uint32_t count, uint32_t *ret)
{
	struct trial t = { 0 };
	int r;

	s->scene.counts[s->ask->sort] = count;
	r = trial_run(&s->scene, s->ask->policy, s->ask->seed, &t, s->err);
	if (r < 0)
		return r;
	*ret = trial_acceptance(&t);
	trial_done(&t);
	return 0;
}

/* Doubles what is added until it is enough: *LOW is not (or is the least), *HIGH is, if *FOUND. */
static int find_enough(struct search *s, uint32_t *low, uint32_t *high, uint32_t *found)
{
	uint32_t step = 1, got = 0;
	int r = try(s, *high, &got);

	while (r == 0 && got < s->ask->accept_milli && *high < s->most) {
		*low = *high;
		*high = s->most - *high > step ? *high + step : s->most;
		step *= 2;
		r = try(s, *high, &got);
	}
	*found = got;
	return r;
}

/* LOW fails, HIGH does not. */
static int bisect(struct search *s, uint32_t low, uint32_t *high)
{
	uint32_t got = 0, middle;
	int r = 0;

	while (r == 0 && *high - low > 1) {
		middle = low + (*high - low) / 2;
		r = try(s, middle, &got);
		if (got >= s->ask->accept_milli)
			*high = middle;
		else
			low = middle;
	}
	return r;
}

static int check_neighbours(struct search *s, uint32_t *count)
{
	uint32_t from = *count, got = 0;
	int r = 0;

	for (uint32_t k = 1; r == 0 && k <= NEIGHBOURS && from >= s->ask->least + k; k++) {
		r = try(s, from - k, &got);
		if (r < 0 || got < s->ask->accept_milli)
			continue;
		*count = from = from - k;
		k = 0;
	}
	return r;
}

/* Each VM on a host of its own is the most that can help. */
static uint32_t most_hosts(const struct fewest_ask *ask)
{
	uint32_t others = 0, most;

	for (size_t i = 0; i < ask->scene->fleet->sorts_n; i++)
		others += i == ask->sort ? 0 : ask->scene->counts[i];
	most = FLEET_HOSTS_MAX - others;
	return ask->scene->arrivals->n < most ? (uint32_t)ask->scene->arrivals->n : most;
}

int fewest_find(const struct fewest_ask *ask, struct fewest *ret, struct error *err)
{
	struct search s = { .ask = ask, .scene = *ask->scene, .most = most_hosts(ask), .err = err };
	uint32_t low = ask->least, high = ask->least, got = 0;
	int r;

	if (s.most < ask->least)
		s.most = ask->least;
	r = find_enough(&s, &low, &high, &got);
	if (r < 0)
		return r;
	*ret = (struct fewest){ got >= ask->accept_milli, high, got, 0 };
	if (!ret->possible)
		return 0;
	if (high > low)
		r = bisect(&s, low, &high);
	if (r == 0)
		r = check_neighbours(&s, &high);
	ret->count = high;
	if (r == 0)
		r = try(&s, high, &ret->accepted_percent_milli);
	if (r == 0 && high > ask->least)
		r = try(&s, high - 1, &ret->below_percent_milli);
	return r;
}
