/* SPDX-License-Identifier: Apache-2.0 */
/* What time and the store's failures do, in numbers larger than one batch. */
#include "bench.h"

#include <string.h>



enum { HOSTS = 600, DAY_MS = 24 * 3600 * 1000 };

static void tick(struct bench *b, int64_t later_ms)
{
	int64_t next;

	b->clock.now_us += later_ms * 1000;
	controller_tick(b->c, &next);
	store_flush(b->store);
}

static void join_many(struct bench *b)
{
	char text[100], name[16];

	for (unsigned i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "h%u", i);
		snprintf(text, sizeof(text), "{'host':'%s','boot_id':'boot-1'}", name);
		bench_expect(b, COMMAND_HOST_REPORT, name, text, 0);
	}
}

static bool count_lost(void *user, const void *object, const char *id, uint64_t revision)
{
	(void)id;
	(void)revision;
	*(unsigned *)user += ((const struct host *)object)->state == HOST_LOST;
	return true;
}

static unsigned lost(struct bench *b)
{
	unsigned n = 0;

	controller_each(b->c, OBJECT_HOST, "", count_lost, &n);
	return n;
}

/* A batch of the store has an end: what is too much for one is done in several. */
static void many_hosts_are_lost_in_steps(void **state)
{
	struct bench *b = *state;

	join_many(b);
	tick(b, 31000);
	assert_true(lost(b) > 0);
	for (int i = 0; i < 5; i++)
		tick(b, 0);
	assert_int_equal(lost(b), HOSTS);
}

/* Nobody could report while there was no controller. */
static void restart_loses_no_host(void **state)
{
	struct bench *b = *state;

	bench_join(b, 1);
	b->clock.now_us += 3600000000;
	bench_restart(b);
	tick(b, 1000);
	assert_int_equal(lost(b), 0);
	tick(b, 31000);
	assert_int_equal(lost(b), 1);
}

static void clock_set_back_hides_no_silence(void **state)
{
	struct bench *b = *state;

	bench_join(b, 1);
	tick(b, -3600000);
	tick(b, 31000);
	assert_int_equal(lost(b), 1);
}

static int count_key(void *user, const char *key, const char *value, uint64_t revision)
{
	(void)key;
	(void)value;
	(void)revision;
	++*(unsigned *)user;
	return 0;
}

static unsigned kept_answers(struct bench *b)
{
	struct error err;
	unsigned n = 0;

	assert_int_equal(store_list(b->store, "answer/", count_key, &n, NULL, &err), 0);
	return n;
}

static void kept_answers_go_from_the_disk_too(void **state)
{
	struct bench *b = *state;
	char body[60];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(body, sizeof(body), "!{'name':'g%u'}", i);
		bench_expect(b, COMMAND_GROUP_CREATE, "", body, 0);
	}
	assert_int_equal(kept_answers(b), 3);
	tick(b, DAY_MS - 1000);
	assert_int_equal(kept_answers(b), 3);
	tick(b, 61000);
	assert_int_equal(kept_answers(b), 0);
	bench_restart(b);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "!{'name':'g0'}", -ERR_EXISTS);
}

/* A key is for one request: with another body it is another one. */
static void key_belongs_to_its_request(void **state)
{
	struct bench *b = *state;
	struct answered a;

	bench_expect(b, COMMAND_GROUP_CREATE, "", "!{'name':'a'}", 0);
	a = bench_do(b, COMMAND_GROUP_CREATE, "", "!{'name':'b'}");
	assert_int_equal(a.r, 0);
	assert_false(a.replayed);
	answered_done(&a);
	assert_int_equal(bench_count(b, OBJECT_GROUP), 2);
}

static void note_r(void *user, const struct outcome *o)
{
	*(int *)user = o->r;
}

/* What is not durable yet may yet fail: nobody is told that it is so. */
static void answer_is_not_replayed_before_it_is_durable(void **state)
{
	struct bench *b = *state;
	json_auto_t *body = json_pack("{s:s}", "name", "g");
	struct command cmd = { .kind = COMMAND_GROUP_CREATE, .actor = { "tester", ROLE_ADMIN, "" },
			       .body = body, .idempotency_key = "k" };
	int first = 1, second = 1, third = 1;

	controller_submit(b->c, &cmd, note_r, &first);
	controller_submit(b->c, &cmd, note_r, &second);
	assert_int_equal(second, -ERR_BUSY);
	store_flush(b->store);
	assert_int_equal(first, 0);
	controller_submit(b->c, &cmd, note_r, &third);
	assert_int_equal(third, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		T(many_hosts_are_lost_in_steps),
		T(restart_loses_no_host),
		T(clock_set_back_hides_no_silence),
		T(kept_answers_go_from_the_disk_too),
		T(key_belongs_to_its_request),
		T(answer_is_not_replayed_before_it_is_durable),
	};
	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
