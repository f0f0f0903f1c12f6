/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/stream.h"
#include "base/text.h"
#include "rig.h"

static int setup(void **state)
{
	const struct api_config limits = { .keepalive_ms = 200 };

	*state = rig_new(&limits);
	return 0;
}

static int teardown(void **state)
{
	*state = rig_free(*state);
	return 0;
}

static int follow(struct rig *r, const char *target, const char *headers)
{
	int fd = rig_connect(r);
	char ask[512];

	snprintf(ask, sizeof(ask), "GET %s HTTP/1.1\r\nHost: facet\r\n%s\r\n", target, headers);
	rig_send(r, fd, ask, strlen(ask));
	rig_run(r, 10);
	return fd;
}

static void put_vm(struct rig *r, const char *name)
{
	struct vm vm = { .host = "h1" };

	TEXT_COPY(vm.name, name);
	fake_put(r->c, OBJECT_VM, name, &vm);
}

static void expect(struct rig *r, int fd, const char *needle)
{
	char *text = NULL;

	if (!rig_read_until(r, fd, needle, &text))
		fail_msg("wanted %s, got %s", needle, text);
	free(text);
}

/* The head must come before the first change: a client must know that it watches. */
static void a_watch_begins_before_the_first_change(void **state)
{
	struct rig *r = *state;
	int fd = follow(r, "/v1/watch", "");

	expect(r, fd, "application/x-ndjson");
	close(fd);
}

static void changes_come_as_lines(void **state)
{
	struct rig *r = *state;
	int fd = follow(r, "/v1/watch?after=1", "");

	put_vm(r, "vm1");
	expect(r, fd,
	       "{\"revision\":2,\"kind\":\"vm\",\"id\":\"vm1\",\"object\":{\"name\":\"vm1\"");
	fake_put(r->c, OBJECT_VM, "vm1", NULL);
	expect(r, fd, "{\"revision\":3,\"kind\":\"vm\",\"id\":\"vm1\",\"object\":null}\n");
	close(fd);
}

static void changes_come_as_server_sent_events(void **state)
{
	struct rig *r = *state;
	int fd = follow(r, "/v1/watch", "Accept: text/event-stream\r\n");

	put_vm(r, "vm1");
	expect(r, fd, "id: 2\nevent: vm\ndata: {\"revision\":2,");
	close(fd);
}

static void a_watch_resumes_where_it_was(void **state)
{
	struct rig *r = *state;
	int fd;

	put_vm(r, "vm1"); /* 2 */
	put_vm(r, "vm2"); /* 3 */
	fd = follow(r, "/v1/watch?after=2", "");
	expect(r, fd, "\"id\":\"vm2\"");
	close(fd);
	/* An event stream names the last record it saw, of a revision that may have had more. */
	fd = follow(r, "/v1/watch", "Accept: text/event-stream\r\nLast-Event-ID: 2\r\n");
	expect(r, fd, "\"id\":\"vm1\"");
	close(fd);
}

static void a_watch_shows_only_what_was_asked_for(void **state)
{
	struct rig *r = *state;
	struct group g = { .name = "vm2" };
	int fd = follow(r, "/v1/watch?kind=vm&id=vm2", "");
	char *text = NULL;

	put_vm(r, "vm1");
	fake_put(r->c, OBJECT_GROUP, "vm2", &g);
	put_vm(r, "vm2");
	assert_true(rig_read_until(r, fd, "\"revision\":4", &text));
	assert_null(strstr(text, "vm1"));
	assert_null(strstr(text, "\"group\""));
	free(text);
	close(fd);
}

static void history_that_is_gone_is_410(void **state)
{
	struct rig *r = *state;
	struct answer a;

	r->c->oldest = 5;
	rig_ask(r, "GET", "/v1/watch?after=4", "", NULL, &a);
	assert_int_equal(a.status, 410);
	assert_non_null(strstr(a.body, "\"kind\":\"not-found\""));
	assert_non_null(strstr(a.body, "list"));
	answer_done(&a);
	assert_int_equal(fake_watches(r->c), 0);
}

static void quiet_streams_are_kept_alive(void **state)
{
	struct rig *r = *state;
	int lines = follow(r, "/v1/watch", "");
	int events = follow(r, "/v1/watch", "Accept: text/event-stream\r\n");

	expect(r, lines, "\r\n1\r\n\n\r\n");
	expect(r, events, "\r\n4\r\n: \n\n\r\n");
	close(lines);
	close(events);
}

/* Nobody tells us when a waiting client is gone: the keep-alive finds out. */
static void a_watcher_that_left_is_let_go(void **state)
{
	struct rig *r = *state;
	int fd = follow(r, "/v1/watch", "");

	assert_int_equal(fake_watches(r->c), 1);
	close(fd);
	rig_run(r, 800);
	assert_int_equal(fake_watches(r->c), 0);
}

static void many_watchers_see_the_same(void **state)
{
	enum { WATCHERS = 40 };
	struct rig *r = *state;
	int fds[WATCHERS];

	for (int i = 0; i < WATCHERS; i++)
		fds[i] = follow(r, "/v1/watch", i % 2 ? "Accept: text/event-stream\r\n" : "");
	put_vm(r, "vm1");
	put_vm(r, "vm2");
	for (int i = 0; i < WATCHERS; i++) {
		expect(r, fds[i], "\"id\":\"vm2\"");
		close(fds[i]);
	}
}

/* Hundreds of followers must not mean hundreds of watches; one from the past joins when it is
 * level. */
static void followers_share_one_watch(void **state)
{
	struct rig *r = *state;
	int fds[6];

	put_vm(r, "vm1");
	put_vm(r, "vm2");
	for (int i = 0; i < 5; i++)
		fds[i] = follow(r, "/v1/watch", "");
	assert_int_equal(fake_watches(r->c), 1);
	fds[5] = follow(r, "/v1/watch?after=1", "");
	assert_int_equal(fake_watches(r->c), 2);
	expect(r, fds[5], "\"id\":\"vm2\"");
	rig_run(r, 400);
	assert_int_equal(fake_watches(r->c), 1);
	put_vm(r, "vm3");
	for (int i = 0; i < 6; i++) {
		expect(r, fds[i], "\"id\":\"vm3\"");
		close(fds[i]);
	}
	rig_run(r, 800);
	assert_int_equal(fake_watches(r->c), 0);
}

/* Moving to the common watch must neither repeat nor skip a change. */
static void each_change_comes_once(void **state)
{
	struct rig *r = *state;
	char *text = NULL, name[16];
	int fd, other;
	size_t n = 0;

	put_vm(r, "a0");
	other = follow(r, "/v1/watch", "");
	fd = follow(r, "/v1/watch?after=1", "");
	for (int i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		put_vm(r, name);
		rig_run(r, 30);
	}
	assert_true(rig_read_until(r, fd, "\"id\":\"a20\"", &text));
	for (int i = 0; i <= 20; i++) {
		snprintf(name, sizeof(name), "\"id\":\"a%d\"", i);
		for (const char *s = text; (s = strstr(s, name)); s++)
			n++;
	}
	assert_int_equal(n, 21);
	free(text);
	close(fd);
	close(other);
}

/* Until it has been told of the past, a follower is not level with the others. */
static void a_late_follower_misses_nothing(void **state)
{
	struct rig *r = *state;
	char *text = NULL;
	int other, fd;

	put_vm(r, "vm1");
	other = follow(r, "/v1/watch", "");
	r->c->lazy = true;
	fd = follow(r, "/v1/watch?after=1", "");
	rig_run(r, 300);
	put_vm(r, "vm2");
	fake_catch_up(r->c);
	assert_true(rig_read_until(r, fd, "\"id\":\"vm2\"", &text));
	assert_non_null(strstr(text, "\"id\":\"vm1\""));
	free(text);
	close(fd);
	close(other);
}

/* The hub may be behind the revision that a follower begins at: it has seen those changes. */
static void a_follower_is_not_told_of_what_it_has(void **state)
{
	struct rig *r = *state;
	int other = follow(r, "/v1/watch", ""), fd;
	char *text = NULL;

	fd = follow(r, "/v1/watch?after=2", "");
	put_vm(r, "vm1"); /* revision 2 */
	put_vm(r, "vm2");
	assert_true(rig_read_until(r, fd, "\"id\":\"vm2\"", &text));
	assert_null(strstr(text, "\"id\":\"vm1\""));
	free(text);
	expect(r, other, "\"id\":\"vm1\"");
	close(fd);
	close(other);
}

/* A reader that sleeps must cost a bounded amount, and be told what to do when it wakes. */
static void a_slow_reader_is_cut_off(void **state)
{
	struct rig *r = *state;
	struct vm vm = { .name = "big", .host = "h1" };
	int fd = follow(r, "/v1/watch", "");
	char *text = NULL;

	for (size_t sent = 0; sent < 2 * STREAM_WAITING_MAX; sent += 500) {
		vm.run++;
		fake_put(r->c, OBJECT_VM, "big", &vm);
	}
	assert_true(rig_read_until(r, fd, "{\"problem\":{", &text));
	assert_true(strlen(text) < STREAM_WAITING_MAX + (1 << 20));
	assert_non_null(strstr(text, "list, then watch"));
	free(text);
	for (int i = 0; i < 500 && fake_watches(r->c) > 0; i++)
		rig_run(r, 20);
	assert_int_equal(fake_watches(r->c), 0);
	close(fd);
}

static void an_agent_gets_its_wanted_state(void **state)
{
	struct rig *r = *state;
	int fd;

	r->actor = (struct actor){ .name = "agent", .role = ROLE_HOST, .host = "h1" };
	fd = follow(r, "/v1/hosts/h1/wanted?after=0", "");
	expect(r, fd, "{\"first\":true}\n");
	fake_wanted(r->c, "h2", "{\"other\":1}");
	fake_wanted(r->c, "h1", "{\"second\":1}");
	expect(r, fd, "{\"second\":1}\n");
	close(fd);
	for (int i = 0; i < 500 && fake_feeds(r->c) > 0; i++)
		rig_run(r, 20);
	assert_int_equal(fake_feeds(r->c), 0);
}

/* An agent that was away for long needs the newest state alone; every line it gets is whole. */
static void a_slow_agent_gets_the_newest_state(void **state)
{
	enum { STATES = 2000, SIZE = 4000 };
	struct rig *r = *state;
	char line[SIZE + 64], *text = NULL;
	int fd = follow(r, "/v1/hosts/h1/wanted", "");
	size_t lines = 0;

	for (int i = 1; i <= STATES; i++) {
		snprintf(line, sizeof(line), "{\"state\":%d,\"fill\":\"%0*d\"}", i, SIZE, 0);
		fake_wanted(r->c, "h1", line);
		if (i % 100 == 0)
			rig_run(r, 2);
	}
	assert_true(rig_read_until(r, fd, "{\"state\":2000,", &text));
	for (const char *s = text; (s = strstr(s, "{\"state\":")); s++)
		lines++;
	assert_true(lines < STATES / 2);
	free(text);
	close(fd);
}

/* ---- the queue itself ---- */

static void a_stream_gives_back_what_went_in(void **state)
{
	struct stream s = { 0 };
	char buffer[8];

	(void)state;
	stream_add(&s, "hello ", 6);
	assert_int_equal(stream_read(&s, buffer, 4), 4);
	stream_add(&s, "world", 5);
	assert_int_equal(stream_read(&s, buffer, 8), 7);
	assert_memory_equal(buffer, "o world", 7);
	assert_int_equal(stream_read(&s, buffer, 8), 0);
	assert_true(s.idle);
	s.idle = false;
	stream_end(&s);
	assert_int_equal(stream_read(&s, buffer, 8), -1);
	text_done(&s.waiting);
}

static void a_newer_state_replaces_unsent_ones_only(void **state)
{
	struct stream s = { .states = true };
	char buffer[16] = "";

	(void)state;
	stream_add(&s, "one\n", 4);
	stream_add(&s, "two\n", 4);
	assert_int_equal(stream_read(&s, buffer, 2), 2);
	assert_memory_equal(buffer, "tw", 2);
	stream_add(&s, "three\n", 6);
	stream_add(&s, "four\n", 5);
	assert_int_equal(stream_read(&s, buffer, 16), 7);
	assert_memory_equal(buffer, "o\nfour\n", 7);
	text_done(&s.waiting);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_watch_begins_before_the_first_change),
		TEST(changes_come_as_lines),
		TEST(changes_come_as_server_sent_events),
		TEST(a_watch_resumes_where_it_was),
		TEST(a_watch_shows_only_what_was_asked_for),
		TEST(history_that_is_gone_is_410),
		TEST(quiet_streams_are_kept_alive),
		TEST(a_watcher_that_left_is_let_go),
		TEST(many_watchers_see_the_same),
		TEST(followers_share_one_watch),
		TEST(each_change_comes_once),
		TEST(a_late_follower_misses_nothing),
		TEST(a_follower_is_not_told_of_what_it_has),
		TEST(a_slow_reader_is_cut_off),
		TEST(an_agent_gets_its_wanted_state),
		TEST(a_slow_agent_gets_the_newest_state),
		cmocka_unit_test(a_stream_gives_back_what_went_in),
		cmocka_unit_test(a_newer_state_replaces_unsent_ones_only),
	};
	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
