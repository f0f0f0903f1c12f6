/* SPDX-License-Identifier: Apache-2.0 */
/* One thread owns the connection; it takes whatever is queued as one group, so the slower the disk,
 * the larger the groups and the fewer the fsyncs.
 *
 *     owner:   submit -> [queued]                          [answered] -> next
 *     worker:                \-> group -> COMMIT -> wake --/
 *
 * The lock guards the two queues and quit; batches themselves change hands with them. */
#include <pthread.h>
#include <signal.h>

#include "store/backend.h"
#include "store/sqlite/database.h"

struct worker {
	struct database *database; /* of the thread while it runs */
	int wake;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct store_queue queued, answered;
	bool quit;
};

/* Waits for work and takes all of it; NULL when there is none left and it is time to go. */
static struct store_batch *take_group(struct worker *w)
{
	struct store_batch *group;

	pthread_mutex_lock(&w->lock);
	while (!w->queued.first && !w->quit)
		pthread_cond_wait(&w->work, &w->lock);
	group = w->queued.first;
	store_queue_init(&w->queued);
	pthread_mutex_unlock(&w->lock);
	return group;
}

static void give_answers(struct worker *w, struct store_batch *group)
{
	struct store_batch *next;

	pthread_mutex_lock(&w->lock);
	for (; group; group = next) {
		next = group->next;
		store_queue_push(&w->answered, group);
	}
	pthread_mutex_unlock(&w->lock);
	store_wake(w->wake);
}

static void *work(void *user)
{
	struct worker *w = user;
	struct store_batch *group;

	while ((group = take_group(w))) {
		database_write(w->database, group);
		give_answers(w, group);
	}
	return NULL;
}

/* Signals belong to the event loop of the program. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void worker_free(struct worker *w)
{
	database_close(w->database);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int sqlite_open(const char *path, struct store_contents *contents, int wake, void **ret,
		       struct error *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_set(err, ERR_NO_MEMORY, "open %s", path);
	w->wake = wake;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	store_queue_init(&w->queued);
	store_queue_init(&w->answered);
	r = database_open(path, contents, &w->database, err);
	if (r == 0) {
		r = start_thread(w);
		if (r > 0)
			r = error_errno(err, r, "start the thread that writes %s", path);
	}
	if (r < 0) {
		worker_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

static void sqlite_submit(void *impl, struct store_batch *batch)
{
	struct worker *w = impl;

	pthread_mutex_lock(&w->lock);
	store_queue_push(&w->queued, batch);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

static struct store_batch *sqlite_next(void *impl)
{
	struct worker *w = impl;
	struct store_batch *b;

	pthread_mutex_lock(&w->lock);
	b = store_queue_pop(&w->answered);
	pthread_mutex_unlock(&w->lock);
	return b;
}

static void sqlite_close(void *impl)
{
	struct worker *w = impl;

	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	worker_free(w);
}

const struct store_backend store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.submit = sqlite_submit,
	.next = sqlite_next,
	.close = sqlite_close,
};
