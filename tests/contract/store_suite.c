/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "store_suite.h"

static const struct store_factory *factory;

/* ---- helpers ---- */

void outcome_done(void *user, int r, uint64_t revision, const struct error *err)
{
	struct outcome *o = user;

	o->answers++;
	o->r = r;
	o->revision = revision;
	if (err)
		o->err = *err;
}

struct outcome commit_now(struct store *s, const struct store_write *writes, size_t n)
{
	struct outcome o = { 0 };
	struct error err = { 0 };

	if (store_commit(s, writes, n, outcome_done, &o, &err) < 0)
		fail_msg("store_commit: %s", err.text);
	assert_int_equal(o.answers, 0);
	store_flush(s);
	assert_int_equal(o.answers, 1);
	return o;
}

struct outcome put_now(struct store *s, const char *key, const char *value, uint64_t expect)
{
	return commit_now(s, &(struct store_write){ key, value, expect }, 1);
}

void remove_store(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct error err = { 0 };

	if (store_open(factory->backend, factory->path, &s, &err) < 0)
		fail_msg("store_open: %s", err.text);
	return s;
}

static int setup(void **state)
{
	remove_store(factory->path);
	*state = open_store();
	return 0;
}

static int teardown(void **state)
{
	*state = store_close(*state);
	remove_store(factory->path);
	return 0;
}

static int add_entry(void *user, const char *key, const char *value, uint64_t revision)
{
	text_add(user, "%s=%s@%ju ", key, value, (uintmax_t)revision);
	return 0;
}

/* "a=1@3 b=2@4 #4": everything under PREFIX and the revision of the listing. */
static const char *listing(struct store *s, const char *prefix)
{
	static char copy[65536];
	struct text t = { 0 };
	uint64_t revision = 0;

	assert_int_equal(store_list(s, prefix, add_entry, &t, &revision, NULL), 0);
	text_add(&t, "#%ju", (uintmax_t)revision);
	assert_true(TEXT_COPY(copy, t.data));
	text_done(&t);
	return copy;
}

static void add_change(void *user, const char *key, const char *value, uint64_t revision)
{
	text_add(user, "%s=%s@%ju ", key, value ? value : "gone", (uintmax_t)revision);
}

static struct store_watch *watch(struct store *s, const char *prefix, uint64_t after,
				 struct text *t)
{
	struct store_watch *w = NULL;
	struct error err = { 0 };

	if (store_watch(s, prefix, after, add_change, t, &w, &err) < 0)
		fail_msg("store_watch: %s", err.text);
	return w;
}

static void assert_text(const struct text *t, const char *expected)
{
	assert_string_equal(t->data ? t->data : "", expected);
}

static bool readable(struct store *s)
{
	struct pollfd p = { .fd = store_fd(s), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* ---- writing ---- */

static void a_new_store_is_empty_at_revision_0(void **state)
{
	assert_string_equal(listing(*state, ""), "#0");
	assert_int_equal(store_revision(*state), 0);
}

static void each_batch_gets_the_next_revision(void **state)
{
	assert_int_equal(put_now(*state, "a", "1", STORE_ANY).revision, 1);
	assert_int_equal(put_now(*state, "b", "2", STORE_ABSENT).revision, 2);
	assert_int_equal(put_now(*state, "a", "3", 1).revision, 3);
	assert_int_equal(store_revision(*state), 3);
	assert_string_equal(listing(*state, ""), "a=3@3 b=2@2 #3");
}

static void all_writes_of_a_batch_share_a_revision(void **state)
{
	struct store_write w[] = { { "b", "2", STORE_ABSENT }, { "a", "1", STORE_ABSENT } };

	assert_int_equal(commit_now(*state, w, 2).revision, 1);
	assert_string_equal(listing(*state, ""), "a=1@1 b=2@1 #1");
}

/* Claims are made by creating a key: two may not both succeed. */
static void absent_is_refused_for_a_key_that_exists(void **state)
{
	struct outcome o;

	put_now(*state, "a", "1", STORE_ABSENT);
	o = put_now(*state, "a", "2", STORE_ABSENT);
	assert_int_equal(o.r, -ERR_CONFLICT);
	assert_int_equal(o.revision, 0);
	assert_int_equal(o.err.kind, ERR_CONFLICT);
	assert_string_equal(o.err.text, "a exists already, written by revision 1");
	assert_string_equal(listing(*state, ""), "a=1@1 #1");
}

static void an_old_revision_is_refused(void **state)
{
	struct outcome o;

	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "a", "2", STORE_ANY);
	o = put_now(*state, "a", "3", 1);
	assert_int_equal(o.r, -ERR_CONFLICT);
	assert_string_equal(o.err.text, "a was changed by revision 2; revision 1 was expected");
	assert_string_equal(listing(*state, ""), "a=2@2 #2");
}

static void a_revision_is_refused_for_a_key_that_is_gone(void **state)
{
	struct outcome o;

	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "a", NULL, 1);
	o = put_now(*state, "a", "3", 1);
	assert_int_equal(o.r, -ERR_CONFLICT);
	assert_string_equal(o.err.text,
			    "a does not exist any more; revision 1 of it was expected");
	o = put_now(*state, "a", NULL, 1);
	assert_int_equal(o.r, -ERR_CONFLICT);
	assert_string_equal(listing(*state, ""), "#2");
}

/* The third of three expectations fails: the first two writes must leave no trace. */
static void a_batch_is_written_whole_or_not_at_all(void **state)
{
	struct store_write w[] = { { "new", "1", STORE_ABSENT },
				   { "old", NULL, STORE_ANY },
				   { "taken", "1", STORE_ABSENT } };
	struct outcome o;

	put_now(*state, "old", "1", STORE_ANY);
	put_now(*state, "taken", "1", STORE_ANY);
	o = commit_now(*state, w, 3);
	assert_int_equal(o.r, -ERR_CONFLICT);
	assert_non_null(strstr(o.err.text, "taken"));
	assert_string_equal(listing(*state, ""), "old=1@1 taken=1@2 #2");
	assert_int_equal(put_now(*state, "x", "1", STORE_ANY).revision, 3);
}

static void a_deleted_key_is_absent_and_may_come_back(void **state)
{
	put_now(*state, "a", "1", STORE_ANY);
	assert_int_equal(put_now(*state, "a", NULL, 1).revision, 2);
	assert_string_equal(listing(*state, ""), "#2");
	assert_int_equal(put_now(*state, "a", "2", STORE_ABSENT).revision, 3);
	assert_string_equal(listing(*state, ""), "a=2@3 #3");
}

static void deleting_an_absent_key_lands_and_changes_nothing(void **state)
{
	struct text seen = { 0 };

	watch(*state, "", 0, &seen);
	assert_int_equal(put_now(*state, "a", NULL, STORE_ANY).revision, 1);
	assert_int_equal(put_now(*state, "a", NULL, STORE_ABSENT).revision, 2);
	assert_int_equal(put_now(*state, "b", "1", STORE_ANY).revision, 3);
	assert_text(&seen, "b=1@3 ");
	text_done(&seen);
}

static void absent_is_refused_when_deleting_a_key_that_exists(void **state)
{
	put_now(*state, "a", "1", STORE_ANY);
	assert_int_equal(put_now(*state, "a", NULL, STORE_ABSENT).r, -ERR_CONFLICT);
	assert_string_equal(listing(*state, ""), "a=1@1 #1");
}

/* ---- what is refused ---- */

static void assert_refused(struct store *s, const struct store_write *w, size_t n, const char *says)
{
	struct outcome o = { 0 };
	struct error err = { 0 };

	assert_int_equal(store_commit(s, w, n, outcome_done, &o, &err), -ERR_INVALID);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
	store_flush(s);
	assert_int_equal(o.answers, 0);
	assert_string_equal(listing(s, ""), "#0");
}

static void keys_outside_the_rules_are_refused(void **state)
{
	char longest[STORE_KEY_MAX + 2] = { 0 };

	memset(longest, 'k', STORE_KEY_MAX + 1);
	assert_refused(*state, &(struct store_write){ "", "1", STORE_ANY }, 1, "empty");
	assert_refused(*state, &(struct store_write){ NULL, "1", STORE_ANY }, 1, "empty");
	assert_refused(*state, &(struct store_write){ "a b", "1", STORE_ANY }, 1, "byte 2");
	assert_refused(*state, &(struct store_write){ "a\xc3\xa9", "1", STORE_ANY }, 1, "0xc3");
	assert_refused(*state, &(struct store_write){ "a\n", "1", STORE_ANY }, 1, "0x0a");
	assert_refused(*state, &(struct store_write){ longest, "1", STORE_ANY }, 1, "255 bytes");
	longest[STORE_KEY_MAX] = '\0';
	assert_int_equal(put_now(*state, longest, "1", STORE_ANY).revision, 1);
	assert_int_equal(put_now(*state, "AZaz09._/@:-", "1", STORE_ANY).revision, 2);
}

static void values_above_the_limit_are_refused(void **state)
{
	char *value = malloc(STORE_VALUE_MAX + 2), *got = NULL;

	memset(value, 'v', STORE_VALUE_MAX + 1);
	value[STORE_VALUE_MAX + 1] = '\0';
	assert_refused(*state, &(struct store_write){ "a", value, STORE_ANY }, 1, "1048576 bytes");
	value[STORE_VALUE_MAX] = '\0';
	assert_int_equal(put_now(*state, "a", value, STORE_ANY).revision, 1);
	assert_int_equal(store_get(*state, "a", &got, NULL, NULL), 0);
	assert_string_equal(got, value);
	free(got);
	free(value);
}

static void batches_outside_the_rules_are_refused(void **state)
{
	struct store_write *w = calloc(STORE_BATCH_MAX + 1, sizeof(*w));
	char (*keys)[8] = calloc(STORE_BATCH_MAX + 1, sizeof(*keys));
	struct store_write twice[] = { { "a", "1", STORE_ANY }, { "b", "1", STORE_ANY },
				       { "a", NULL, STORE_ANY } };

	for (int i = 0; i <= STORE_BATCH_MAX; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		w[i] = (struct store_write){ keys[i], "1", STORE_ABSENT };
	}
	assert_refused(*state, w, 0, "1 to 1024");
	assert_refused(*state, w, STORE_BATCH_MAX + 1, "1 to 1024");
	assert_refused(*state, twice, 3, "a: the key is twice");
	w[100].key = "k0";
	assert_refused(*state, w, STORE_BATCH_MAX, "k0: the key is twice");
	w[100].key = keys[100];
	assert_int_equal(commit_now(*state, w, STORE_BATCH_MAX).revision, 1);
	free(keys);
	free(w);
}

/* ---- order and callbacks ---- */

struct recorded {
	struct text *log;
	int number;
};

static void log_answer(void *user, int r, uint64_t revision, const struct error *err)
{
	struct recorded *rec = user;

	text_add(rec->log, "%d:%s@%ju ", rec->number, r == 0 ? "ok" : error_name(err->kind),
		 (uintmax_t)revision);
}

/* All wait for the same commit; the one that fails must not take its neighbours along. */
static void batches_of_a_group_are_answered_in_order_each_for_itself(void **state)
{
	struct text log = { 0 };
	struct recorded rec[4];
	const struct store_write w[] = { { "a", "1", STORE_ABSENT }, { "a", "2", STORE_ABSENT },
					 { "b", "3", STORE_ABSENT }, { "a", "4", 1 } };

	for (int i = 0; i < 4; i++) {
		rec[i] = (struct recorded){ &log, i };
		assert_int_equal(store_commit(*state, &w[i], 1, log_answer, &rec[i], NULL), 0);
	}
	store_flush(*state);
	assert_text(&log, "0:ok@1 1:conflict@0 2:ok@2 3:ok@3 ");
	assert_string_equal(listing(*state, ""), "a=4@3 b=3@2 #3");
	text_done(&log);
}

static void keys_and_values_are_copied(void **state)
{
	char key[] = "a", value[] = "1";
	struct outcome o = { 0 };

	assert_int_equal(store_commit(*state, &(struct store_write){ key, value, STORE_ANY }, 1,
				      outcome_done, &o, NULL), 0);
	key[0] = value[0] = 'x';
	store_flush(*state);
	assert_string_equal(listing(*state, ""), "a=1@1 #1");
}

static void nobody_has_to_listen(void **state)
{
	assert_int_equal(store_commit(*state, &(struct store_write){ "a", "1", STORE_ANY }, 1, NULL,
				      NULL, NULL), 0);
	store_flush(*state);
	assert_string_equal(listing(*state, ""), "a=1@1 #1");
}

struct reader {
	struct store *store;
	char seen[64];
};

static void read_back(void *user, int r, uint64_t revision, const struct error *err)
{
	struct reader *rd = user;

	(void)r;
	(void)revision;
	(void)err;
	TEXT_COPY(rd->seen, listing(rd->store, ""));
}

static void a_batch_can_be_read_when_it_is_answered_and_not_before(void **state)
{
	struct reader rd = { .store = *state };

	assert_int_equal(store_commit(*state, &(struct store_write){ "a", "1", STORE_ANY }, 1,
				      read_back, &rd, NULL), 0);
	assert_string_equal(listing(*state, ""), "#0");
	store_flush(*state);
	assert_string_equal(rd.seen, "a=1@1 #1");
}

struct chain {
	struct store *store;
	int left;
};

static void commit_again(void *user, int r, uint64_t revision, const struct error *err)
{
	struct chain *c = user;

	(void)revision;
	(void)err;
	assert_int_equal(r, 0);
	if (c->left-- > 0)
		assert_int_equal(store_commit(c->store,
					      &(struct store_write){ "a", "1", STORE_ANY }, 1,
					      commit_again, c, NULL),
				 0);
}

/* One dispatch must not run for ever because a callback always has something more to write. */
static void a_callback_may_commit_and_is_answered_by_a_later_dispatch(void **state)
{
	struct chain c = { *state, 3 };

	commit_again(&c, 0, 0, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(c.left, 2 - i);
		store_flush(*state);
	}
	assert_int_equal(store_revision(*state), 3);
}

static void the_descriptor_tells_when_there_is_something_to_do(void **state)
{
	struct outcome o = { 0 };
	struct pollfd p = { .fd = store_fd(*state), .events = POLLIN };

	store_dispatch(*state);
	assert_false(readable(*state));
	assert_int_equal(store_commit(*state, &(struct store_write){ "a", "1", STORE_ANY }, 1,
				      outcome_done, &o, NULL), 0);
	for (int i = 0; i < 100 && !o.answers; i++) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		store_dispatch(*state);
	}
	assert_int_equal(o.answers, 1);
	assert_false(readable(*state));
}

static void closing_answers_what_is_outstanding(void **state)
{
	struct outcome o[3] = { 0 };

	for (int i = 0; i < 3; i++)
		assert_int_equal(store_commit(*state, &(struct store_write){ "a", "1", STORE_ANY },
					      1, outcome_done, &o[i], NULL),
				 0);
	*state = store_close(*state);
	for (int i = 0; i < 3; i++)
		assert_int_equal(o[i].answers, 1);
}

static void commit_while_closing(void *user, int r, uint64_t revision, const struct error *err)
{
	struct chain *c = user;

	(void)r;
	(void)revision;
	(void)err;
	c->left = store_commit(c->store, &(struct store_write){ "b", "1", STORE_ANY }, 1, NULL,
			       NULL, NULL);
}

static void a_store_that_is_being_closed_takes_nothing_more(void **state)
{
	struct chain c = { *state, 1 };

	assert_int_equal(store_commit(*state, &(struct store_write){ "a", "1", STORE_ANY }, 1,
				      commit_while_closing, &c, NULL), 0);
	*state = store_close(*state);
	assert_int_equal(c.left, -ERR_UNAVAILABLE);
}

/* ---- reading ---- */

static void get_returns_a_copy_and_the_revision(void **state)
{
	char *value = NULL;
	uint64_t revision = 0;

	put_now(*state, "x", "0", STORE_ANY);
	put_now(*state, "a", "one", STORE_ANY);
	assert_int_equal(store_get(*state, "a", &value, &revision, NULL), 0);
	put_now(*state, "a", "two", STORE_ANY);
	assert_string_equal(value, "one");
	assert_int_equal(revision, 2);
	free(value);
}

static void get_of_an_absent_key_touches_nothing(void **state)
{
	char *value = (char *)"before";
	uint64_t revision = 77;
	struct error err = { 0 };

	put_now(*state, "ab", "1", STORE_ANY);
	assert_int_equal(store_get(*state, "a", &value, &revision, &err), -ERR_NOT_FOUND);
	assert_string_equal(value, "before");
	assert_int_equal(revision, 77);
	assert_string_equal(err.text, "there is no a");
}

static void list_shows_a_prefix_in_key_order(void **state)
{
	static const char *const keys[] = { "vm/b", "lease/2", "vm/a", "vmx",
					    "vm", "lease/10", "vm/-", "vm/B" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_now(*state, keys[i], "1", STORE_ANY);
	assert_string_equal(listing(*state, "vm/"), "vm/-=1@7 vm/B=1@8 vm/a=1@3 vm/b=1@1 #8");
	assert_string_equal(listing(*state, "lease/"), "lease/10=1@6 lease/2=1@2 #8");
	assert_string_equal(listing(*state, "nothing"), "#8");
	assert_string_equal(listing(*state, "zz"), "#8");
}

static int stop_at_second(void *user, const char *key, const char *value, uint64_t revision)
{
	int *calls = user;

	(void)key;
	(void)value;
	(void)revision;
	return ++*calls == 2 ? 42 : 0;
}

static void a_listing_can_be_stopped(void **state)
{
	uint64_t revision = 77;
	int calls = 0;

	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "b", "1", STORE_ANY);
	put_now(*state, "c", "1", STORE_ANY);
	assert_int_equal(store_list(*state, "", stop_at_second, &calls, &revision, NULL), 42);
	assert_int_equal(calls, 2);
	assert_int_equal(revision, 77);
}

/* ---- watching ---- */

static void a_watch_sees_each_change_once_in_order(void **state)
{
	struct text seen = { 0 };

	watch(*state, "", 0, &seen);
	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "b", "2", STORE_ANY);
	put_now(*state, "a", "9", STORE_ABSENT);
	put_now(*state, "a", NULL, 1);
	store_dispatch(*state);
	assert_text(&seen, "a=1@1 b=2@2 a=gone@3 ");
	text_done(&seen);
}

static void a_watch_sees_its_prefix_alone(void **state)
{
	struct text seen = { 0 };

	watch(*state, "lease/", 0, &seen);
	put_now(*state, "lease/1", "x", STORE_ANY);
	put_now(*state, "leases", "y", STORE_ANY);
	put_now(*state, "vm/1", "z", STORE_ANY);
	assert_text(&seen, "lease/1=x@1 ");
	text_done(&seen);
}

/* An agent comes back and asks for what it missed, from the loop and not from inside the call. */
static void a_watch_replays_what_came_after_its_revision(void **state)
{
	struct text seen = { 0 };

	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "b", "2", STORE_ANY);
	put_now(*state, "a", "3", STORE_ANY);
	store_dispatch(*state);
	watch(*state, "", 1, &seen);
	assert_text(&seen, "");
	assert_true(readable(*state));
	store_dispatch(*state);
	assert_text(&seen, "b=2@2 a=3@3 ");
	put_now(*state, "c", "4", STORE_ANY);
	assert_text(&seen, "b=2@2 a=3@3 c=4@4 ");
	text_done(&seen);
}

static void a_watch_from_now_replays_nothing(void **state)
{
	struct text seen = { 0 };

	put_now(*state, "a", "1", STORE_ANY);
	store_dispatch(*state);
	watch(*state, "", store_revision(*state), &seen);
	assert_false(readable(*state));
	store_dispatch(*state);
	assert_text(&seen, "");
	text_done(&seen);
}

static void list_then_watch_misses_nothing(void **state)
{
	struct text seen = { 0 };
	uint64_t revision = 0;

	put_now(*state, "a", "1", STORE_ANY);
	assert_int_equal(store_list(*state, "", add_entry, &seen, &revision, NULL), 0);
	put_now(*state, "b", "2", STORE_ANY);
	watch(*state, "", revision, &seen);
	put_now(*state, "c", "3", STORE_ANY);
	assert_text(&seen, "a=1@1 b=2@2 c=3@3 ");
	text_done(&seen);
}

/* After a restore from a copy an agent may hold a revision that this store has never had; to wait
 * for it in silence would be to miss everything until then. */
static void a_revision_that_is_still_to_come_is_not_found(void **state)
{
	struct store_watch *w = NULL;
	struct error err = { 0 };

	put_now(*state, "a", "1", STORE_ANY);
	assert_int_equal(store_watch(*state, "", 2, add_change, NULL, &w, &err), -ERR_NOT_FOUND);
	assert_null(w);
	assert_non_null(strstr(err.text, "list again"));
}

static void history_that_is_no_longer_kept_is_not_found(void **state)
{
	struct store_watch *w = NULL;
	struct error err = { 0 };
	char *value = malloc(1 << 18);

	memset(value, 'v', (1 << 18) - 1);
	value[(1 << 18) - 1] = '\0';
	for (int i = 0; i < 64; i++)
		put_now(*state, "a", value, STORE_ANY);
	assert_int_equal(store_watch(*state, "", 0, add_change, NULL, &w, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "list again"));
	assert_int_equal(
		store_watch(*state, "", 63, add_change, &(struct text){ .failed = true }, &w, &err),
		0);
	free(value);
}

static void an_unwatched_watch_is_silent(void **state)
{
	struct text seen = { 0 };
	struct store_watch *w = watch(*state, "", 0, &seen);

	put_now(*state, "a", "1", STORE_ANY);
	store_unwatch(w);
	store_unwatch(NULL);
	put_now(*state, "a", "2", STORE_ANY);
	assert_text(&seen, "a=1@1 ");
	text_done(&seen);
}

struct fickle {
	struct store *store;
	struct store_watch *drop[2];
	struct text *seen, *added;
	int calls;
};

static void drop_watches(void *user, const char *key, const char *value, uint64_t revision)
{
	struct fickle *f = user;

	f->calls++;
	add_change(f->seen, key, value, revision);
	store_unwatch(f->drop[0]);
	store_unwatch(f->drop[1]);
}

/* Itself and one that comes later in the round: neither may be called again. */
static void watches_may_be_dropped_from_inside_a_change(void **state)
{
	struct store_write both[] = { { "a", "1", STORE_ANY }, { "b", "1", STORE_ANY } };
	struct text seen = { 0 }, other = { 0 };
	struct fickle f = { .store = *state, .seen = &seen };

	assert_int_equal(store_watch(*state, "", 0, drop_watches, &f, &f.drop[0], NULL), 0);
	f.drop[1] = watch(*state, "", 0, &other);
	commit_now(*state, both, 2);
	put_now(*state, "c", "1", STORE_ANY);
	assert_text(&seen, "a=1@1 ");
	assert_text(&other, "");
	assert_int_equal(f.calls, 1);
	text_done(&seen);
	text_done(&other);
}

static void add_watch(void *user, const char *key, const char *value, uint64_t revision)
{
	struct fickle *f = user;

	(void)key;
	(void)value;
	(void)revision;
	if (f->calls++ == 0)
		watch(f->store, "", 0, f->added);
}

static void a_watch_may_be_added_from_inside_a_change(void **state)
{
	struct text added = { 0 };
	struct fickle f = { .store = *state, .added = &added };
	struct store_watch *w;

	assert_int_equal(store_watch(*state, "", 0, add_watch, &f, &w, NULL), 0);
	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "b", "2", STORE_ANY);
	assert_text(&added, "a=1@1 b=2@2 ");
	text_done(&added);
}

/* ---- lasting ---- */

static void what_was_answered_is_there_after_opening_again(void **state)
{
	struct text seen = { 0 };

	if (!factory->keeps)
		skip();
	put_now(*state, "a", "1", STORE_ANY);
	put_now(*state, "b", "zwei \xe2\x82\xac", STORE_ANY);
	put_now(*state, "a", NULL, STORE_ANY);
	put_now(*state, "c", "", STORE_ANY);
	put_now(*state, "nothing", NULL, STORE_ANY);
	store_close(*state);
	*state = open_store();
	assert_string_equal(listing(*state, ""), "b=zwei \xe2\x82\xac@2 c=@4 #5");
	watch(*state, "", 1, &seen);
	store_dispatch(*state);
	assert_text(&seen, "b=zwei \xe2\x82\xac@2 a=gone@3 c=@4 ");
	assert_int_equal(put_now(*state, "b", "3", 2).revision, 6);
	text_done(&seen);
}

/* 25,000 changes with 20,000 kept: what is older says so, before and after opening again. */
static void old_changes_are_forgotten(void **state)
{
	enum { BATCHES = 25, EACH = 1000 };
	static char keys[EACH][8];
	static struct store_write w[EACH];
	struct store_watch *watching = NULL;
	struct text seen = { 0 };

	for (int b = 0; b < BATCHES; b++) {
		for (int i = 0; i < EACH; i++) {
			snprintf(keys[i], sizeof(keys[i]), "k%03d", i);
			w[i] = (struct store_write){ keys[i], b % 2 ? "odd" : "even", STORE_ANY };
		}
		assert_int_equal(commit_now(*state, w, EACH).r, 0);
	}
	for (int round = 0; round < 2; round++) {
		assert_int_equal(store_watch(*state, "", 4, add_change, &seen, &watching, NULL),
				 -ERR_NOT_FOUND);
		assert_int_equal(store_watch(*state, "k99", 24, add_change, &seen, &watching, NULL),
				 0);
		store_dispatch(*state);
		assert_true(text_starts_with(seen.data, "k990=even@25 k991=even@25"));
		text_done(&seen);
		store_unwatch(watching);
		if (!factory->keeps)
			return;
		store_close(*state);
		*state = open_store();
	}
}

/* ---- against a model ---- */

enum { MODEL_KEYS = 12, MODEL_STEPS = 3000, MODEL_IN_FLIGHT = 16 };

/* The simplest thing that means the same. */
struct model {
	uint64_t revision, at[MODEL_KEYS];
	int value[MODEL_KEYS];
};

struct model_batch {
	struct store_write w[4];
	char keys[4][8], values[4][16];
	int index[4], value[4], n, answers;
	int r;             /* what the model says */
	uint64_t revision;
	const unsigned *seed;
	int step;
};

static unsigned draw(uint64_t *luck, unsigned below)
{
	*luck = *luck * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*luck >> 33) % below;
}

static void draw_batch(struct model_batch *b, const struct model *m, uint64_t *luck)
{
	bool used[MODEL_KEYS] = { false };

	b->n = (int)(1 + draw(luck, 4));
	for (int i = 0; i < b->n; i++) {
		int k;

		do
			k = (int)draw(luck, MODEL_KEYS);
		while (used[k]);
		used[k] = true;
		b->index[i] = k;
		b->value[i] = draw(luck, 4) == 0 ? -1 : (int)draw(luck, 1000);
		snprintf(b->keys[i], sizeof(b->keys[i]), "k%d", k);
		snprintf(b->values[i], sizeof(b->values[i]), "%d", b->value[i]);
		b->w[i].key = b->keys[i];
		b->w[i].value = b->value[i] < 0 ? NULL : b->values[i];
		switch (draw(luck, 8)) {
		case 0: b->w[i].expect = STORE_ABSENT; break;
		case 1: b->w[i].expect = 1 + draw(luck, (unsigned)m->revision + 1); break;
		case 2: case 3: case 4: b->w[i].expect = m->at[k]; break;
		default: b->w[i].expect = STORE_ANY;
		}
	}
}

static void model_run(struct model *m, struct model_batch *b)
{
	b->revision = 0;
	b->r = -ERR_CONFLICT;
	for (int i = 0; i < b->n; i++)
		if (b->w[i].expect != STORE_ANY && b->w[i].expect != m->at[b->index[i]])
			return;
	b->r = 0;
	b->revision = ++m->revision;
	for (int i = 0; i < b->n; i++) {
		m->at[b->index[i]] = b->value[i] < 0 ? 0 : m->revision;
		m->value[b->index[i]] = b->value[i];
	}
}

static void compare_answer(void *user, int r, uint64_t revision, const struct error *err)
{
	struct model_batch *b = user;

	(void)err;
	b->answers++;
	if (r != b->r || revision != b->revision)
		fail_msg("seed %u step %d: the store says %d at %ju, the model %d at %ju", *b->seed,
			 b->step, r, (uintmax_t)revision, b->r, (uintmax_t)b->revision);
}

static void compare_contents(struct store *s, const struct model *m, unsigned seed)
{
	for (int k = 0; k < MODEL_KEYS; k++) {
		char key[8], *value = NULL;
		uint64_t revision = 0;
		int r;

		snprintf(key, sizeof(key), "k%d", k);
		r = store_get(s, key, &value, &revision, NULL);
		if (revision != m->at[k] || (r == 0 && atoi(value) != m->value[k]))
			fail_msg("seed %u: %s is %s at %ju, the model has %d at %ju", seed, key,
				 r ? "absent" : value, (uintmax_t)revision, m->value[k],
				 (uintmax_t)m->at[k]);
		free(value);
	}
}

/* What a watch from the beginning tells must add up to what the store holds. */
static void follow(void *user, const char *key, const char *value, uint64_t revision)
{
	struct model *m = user;
	int k = atoi(key + 1);

	if (revision < m->revision)
		fail_msg("revision %ju after %ju", (uintmax_t)revision, (uintmax_t)m->revision);
	m->revision = revision;
	m->at[k] = value ? revision : 0;
	m->value[k] = value ? atoi(value) : -1;
}

/* FACET_TEST_SEED=N repeats a run. */
static unsigned seed_of_run(void)
{
	const char *given = getenv("FACET_TEST_SEED");

	return given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();
}

static void random_batches_mean_what_the_model_says(void **state)
{
	static struct model_batch flight[MODEL_IN_FLIGHT];
	struct model m = { 0 }, followed = { 0 };
	unsigned seed = seed_of_run();
	uint64_t luck = seed;
	struct store_watch *w;

	print_message("seed %u\n", seed);
	assert_int_equal(store_watch(*state, "k", 0, follow, &followed, &w, NULL), 0);
	for (int step = 0; step < MODEL_STEPS;) {
		int n = (int)(1 + draw(&luck, MODEL_IN_FLIGHT));

		for (int i = 0; i < n; i++, step++) {
			flight[i] = (struct model_batch){ .seed = &seed, .step = step };
			draw_batch(&flight[i], &m, &luck);
			model_run(&m, &flight[i]);
			assert_int_equal(store_commit(*state, flight[i].w, (size_t)flight[i].n,
						      compare_answer, &flight[i], NULL), 0);
		}
		store_flush(*state);
		for (int i = 0; i < n; i++)
			assert_int_equal(flight[i].answers, 1);
		if (factory->keeps && draw(&luck, 200) == 0) {
			store_close(*state);
			*state = open_store();
			assert_int_equal(store_watch(*state, "k", followed.revision, follow,
						     &followed, &w, NULL),
					 0);
		}
	}
	compare_contents(*state, &m, seed);
	compare_contents(*state, &followed, seed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int store_suite(const struct store_factory *f)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_new_store_is_empty_at_revision_0),
		TEST(each_batch_gets_the_next_revision),
		TEST(all_writes_of_a_batch_share_a_revision),
		TEST(absent_is_refused_for_a_key_that_exists),
		TEST(an_old_revision_is_refused),
		TEST(a_revision_is_refused_for_a_key_that_is_gone),
		TEST(a_batch_is_written_whole_or_not_at_all),
		TEST(a_deleted_key_is_absent_and_may_come_back),
		TEST(deleting_an_absent_key_lands_and_changes_nothing),
		TEST(absent_is_refused_when_deleting_a_key_that_exists),
		TEST(keys_outside_the_rules_are_refused),
		TEST(values_above_the_limit_are_refused),
		TEST(batches_outside_the_rules_are_refused),
		TEST(batches_of_a_group_are_answered_in_order_each_for_itself),
		TEST(keys_and_values_are_copied),
		TEST(nobody_has_to_listen),
		TEST(a_batch_can_be_read_when_it_is_answered_and_not_before),
		TEST(a_callback_may_commit_and_is_answered_by_a_later_dispatch),
		TEST(the_descriptor_tells_when_there_is_something_to_do),
		TEST(closing_answers_what_is_outstanding),
		TEST(a_store_that_is_being_closed_takes_nothing_more),
		TEST(get_returns_a_copy_and_the_revision),
		TEST(get_of_an_absent_key_touches_nothing),
		TEST(list_shows_a_prefix_in_key_order),
		TEST(a_listing_can_be_stopped),
		TEST(a_watch_sees_each_change_once_in_order),
		TEST(a_watch_sees_its_prefix_alone),
		TEST(a_watch_replays_what_came_after_its_revision),
		TEST(a_watch_from_now_replays_nothing),
		TEST(list_then_watch_misses_nothing),
		TEST(a_revision_that_is_still_to_come_is_not_found),
		TEST(history_that_is_no_longer_kept_is_not_found),
		TEST(an_unwatched_watch_is_silent),
		TEST(watches_may_be_dropped_from_inside_a_change),
		TEST(a_watch_may_be_added_from_inside_a_change),
		TEST(what_was_answered_is_there_after_opening_again),
		TEST(old_changes_are_forgotten),
		TEST(random_batches_mean_what_the_model_says),
	};

	factory = f;
	return cmocka_run_group_tests_name(f->backend, tests, NULL, NULL);
}
