/* SPDX-License-Identifier: Apache-2.0 */
/* The front of every back end: what a batch may hold is checked here once, and what is durable, the
 * history, the watches and all callbacks live here.  A batch goes
 *
 *     store_commit -> held -> submit ... (the back end) ... next -> contents -> done -> watches
 *
 * and everything right of the back end happens in store_dispatch().  Batches are held until then,
 * or until there are many: the first of a turn of the event loop would else be a group of its own,
 * and all others of that turn would wait for its fsync. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/text.h"
#include "store/backend.h"
#include "store/check.h"

enum { HELD_MAX = 16 };

struct store_watch {
	struct store_watch *next;
	struct store *store;
	store_change_fn *fn;
	void *user;
	uint64_t position; /* number in the history of the next change to look at */
	bool dead;         /* unwatched while callbacks run; freed after them */
	char prefix[];
};

struct store {
	const struct store_backend *backend;
	void *impl;
	int wake;
	struct store_contents contents;
	struct store_watch *watches;
	struct store_queue held;
	size_t held_n;
	uint64_t submitted, answered; /* batches */
	size_t promised;              /* keys that batches under way may add */
	bool dispatching, closing;
};

void store_wake(int wake)
{
	(void)!write(wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void store_batch_conflict(struct store_batch *batch, const struct store_batch_write *w,
			  uint64_t found)
{
	const char *key = w->record->key;
	uintmax_t now = found, wanted = w->expect;

	if (found == 0)
		batch->r = error_set(&batch->err, ERR_CONFLICT,
				     "%s does not exist any more; revision %ju of it was expected",
				     key, wanted);
	else if (w->expect == STORE_ABSENT)
		batch->r = error_set(&batch->err, ERR_CONFLICT,
				     "%s exists already, written by revision %ju", key, now);
	else
		batch->r = error_set(&batch->err, ERR_CONFLICT,
				     "%s was changed by revision %ju; revision %ju was expected",
				     key, now, wanted);
}

/* ---- batches ---- */

static void batch_free(struct store_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		record_unref(b->writes[i].record);
	free(b);
}

/* With it comes room for all its keys, so that recording what is durable can not fail. */
static struct store_batch *batch_new(struct store *s, const struct store_write *writes, size_t n)
{
	struct store_batch *b = calloc(1, sizeof(*b) + n * sizeof(b->writes[0]));

	if (!b || !newest_reserve(&s->contents.newest, s->promised + n)) {
		free(b);
		return NULL;
	}
	b->n = n;
	for (size_t i = 0; i < n; i++) {
		struct store_batch_write *w = &b->writes[i];

		w->expect = writes[i].expect;
		w->record = record_new(writes[i].key, writes[i].value, 0);
		if (!w->record) {
			batch_free(b);
			return NULL;
		}
	}
	return b;
}

static void submit_held(struct store *s)
{
	struct store_batch *b;

	while ((b = store_queue_pop(&s->held)))
		s->backend->submit(s->impl, b);
	s->held_n = 0;
}

static void hold(struct store *s, struct store_batch *b)
{
	store_queue_push(&s->held, b);
	if (++s->held_n == 1)
		store_wake(s->wake);
	if (s->held_n == HELD_MAX)
		submit_held(s);
}

int store_commit(struct store *s, const struct store_write *writes, size_t n, store_done_fn *done,
		 void *user, struct error *err)
{
	int r = store_check_batch(writes, n, err);
	struct store_batch *b;

	if (r < 0)
		return r;
	if (s->closing)
		return error_set(err, ERR_UNAVAILABLE, "write %s: the store is being closed",
				 writes[0].key);
	b = batch_new(s, writes, n);
	if (!b)
		return error_set(err, ERR_NO_MEMORY, "write %s", writes[0].key);
	b->done = done;
	b->user = user;
	s->promised += n;
	s->submitted++;
	hold(s, b);
	return 0;
}

/* What landed is what is so from now on; nothing in here can fail. */
static void apply(struct store_contents *c, struct store_batch *b)
{
	c->revision = b->revision;
	for (size_t i = 0; i < b->n; i++) {
		struct record *rec = b->writes[i].record, *before;

		before = rec->value ? newest_put(&c->newest, rec, 0).record
				    : newest_remove(&c->newest, rec->key).record;
		/* What was not there before it was deleted did not change. */
		if (rec->value || before)
			history_append(&c->history, rec);
		record_unref(before);
	}
}

/* ---- reading ---- */

int store_list(struct store *s, const char *prefix, store_entry_fn *fn, void *user,
	       uint64_t *ret_revision, struct error *err)
{
	struct record **rows;
	size_t n;
	int r = 0;

	if (!newest_under(&s->contents.newest, prefix, &rows, &n))
		return error_set(err, ERR_NO_MEMORY, "list %s", prefix);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(user, rows[i]->key, rows[i]->value, rows[i]->revision);
	free(rows);
	if (r == 0 && ret_revision)
		*ret_revision = s->contents.revision;
	return r;
}

int store_get(struct store *s, const char *key, char **ret_value, uint64_t *ret_revision,
	      struct error *err)
{
	const struct newest_row *row = newest_find(&s->contents.newest, key);
	char *copy;

	if (!row)
		return error_set(err, ERR_NOT_FOUND, "there is no %s", key);
	copy = strdup(row->record->value);
	if (!copy)
		return error_set(err, ERR_NO_MEMORY, "read %s", key);
	*ret_value = copy;
	if (ret_revision)
		*ret_revision = row->record->revision;
	return 0;
}

uint64_t store_revision(struct store *s)
{
	return s->contents.revision;
}

/* ---- watches ---- */

static int check_after(const struct store *s, uint64_t after, struct error *err)
{
	uintmax_t now = s->contents.revision, floor = s->contents.history.floor;

	if (after < floor)
		return error_set(err, ERR_NOT_FOUND,
				 "changes are kept from revision %ju on, %ju is older: list again "
				 "and watch from the revision of the listing", floor,
				 (uintmax_t)after);
	if (after > now)
		return error_set(err, ERR_NOT_FOUND,
				 "revision %ju is still to come, the store is at %ju (was it "
				 "restored?): list again and watch from the revision of the "
				 "listing",
				 (uintmax_t)after, now);
	return 0;
}

int store_watch(struct store *s, const char *prefix, uint64_t after, store_change_fn *fn,
		void *user, struct store_watch **ret, struct error *err)
{
	size_t size = strlen(prefix) + 1;
	int r = check_after(s, after, err);
	struct store_watch *w, **last = &s->watches;

	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w) + size);
	if (!w)
		return error_set(err, ERR_NO_MEMORY, "watch %s", prefix);
	w->store = s;
	w->fn = fn;
	w->user = user;
	w->position = history_after(&s->contents.history, after);
	memcpy(w->prefix, prefix, size);
	while (*last)
		last = &(*last)->next;
	*last = w;
	if (w->position < s->contents.history.end)
		store_wake(s->wake);
	*ret = w;
	return 0;
}

static void free_watches(struct store *s, bool dead_only)
{
	struct store_watch **at = &s->watches, *w;

	while ((w = *at)) {
		if (dead_only && !w->dead) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}

void store_unwatch(struct store_watch *w)
{
	struct store *s;

	if (!w)
		return;
	s = w->store;
	w->dead = true;
	if (!s->dispatching)
		free_watches(s, true);
}

static void tell(struct store_watch *w, const struct history *h)
{
	while (!w->dead && w->position < h->end) {
		struct record *rec = history_at(h, w->position++);

		if (text_starts_with(rec->key, w->prefix))
			w->fn(w->user, rec->key, rec->value, rec->revision);
	}
}

static void tell_watches(struct store *s)
{
	/* A watch that a callback adds is appended, so this loop comes to it too. */
	for (struct store_watch *w = s->watches; w; w = w->next)
		tell(w, &s->contents.history);
	history_trim(&s->contents.history);
}

/* ---- the loop ---- */

int store_fd(struct store *s)
{
	return s->wake;
}

static void answer(struct store *s, struct store_batch *b)
{
	s->answered++;
	s->promised -= b->n;
	if (b->r == 0)
		apply(&s->contents, b);
	if (b->done)
		b->done(b->user, b->r, b->revision, b->r < 0 ? &b->err : NULL);
	batch_free(b);
	tell_watches(s);
}

void store_dispatch(struct store *s)
{
	/* Batches that callbacks commit wait for the next call: a callback that always commits must
	 * not keep the event loop here for ever. */
	uint64_t last = s->submitted, count;
	struct store_batch *b;

	assert(!s->dispatching);
	submit_held(s);
	(void)!read(s->wake, &count, sizeof(count));
	s->dispatching = true;
	tell_watches(s);
	while (s->answered < last && (b = s->backend->next(s->impl)))
		answer(s, b);
	s->dispatching = false;
	free_watches(s, true);
}

void store_flush(struct store *s)
{
	uint64_t last = s->submitted;

	while (s->answered < last) {
		struct pollfd p = { .fd = s->wake, .events = POLLIN };

		if (poll(&p, 1, -1) < 0)
			assert(errno == EINTR);
		store_dispatch(s);
	}
}

/* ---- opening and closing ---- */

static const struct store_backend *backend_named(const char *name)
{
	static const struct store_backend *const backends[] = { &store_memory, &store_sqlite };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

static void store_free(struct store *s)
{
	free_watches(s, false);
	newest_done(&s->contents.newest);
	history_done(&s->contents.history);
	if (s->wake >= 0)
		close(s->wake);
	free(s);
}

static int store_init(struct store *s, const char *path, struct error *err)
{
	int r;

	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0)
		return error_errno(err, errno, "eventfd for the store");
	r = history_init(&s->contents.history, err);
	if (r < 0)
		return r;
	r = s->backend->open(path, &s->contents, s->wake, &s->impl, err);
	if (r == 0)
		history_trim(&s->contents.history);
	return r;
}

int store_open(const char *backend, const char *path, struct store **ret, struct error *err)
{
	const struct store_backend *known = backend_named(backend);
	struct store *s;
	int r;

	if (!known)
		return error_set(err, ERR_INVALID,
				 "there is no kind of store named '%s': take memory or sqlite",
				 backend);
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, ERR_NO_MEMORY, "store %s", path);
	s->backend = known;
	store_queue_init(&s->held);
	r = store_init(s, path, err);
	if (r < 0) {
		store_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	s->closing = true;
	store_flush(s);
	s->backend->close(s->impl);
	store_free(s);
	return NULL;
}
