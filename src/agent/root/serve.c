/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root/serve.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum {
	WORKERS_MAX = 8,
	WAITING_MAX = 256,
	STACK_BYTES = 1 << 20,
};

struct job {
	struct job *next;
	bool running;
	struct root_message message;
};

/* jobs -> [running] -> [waiting] -> [running] -> ... in the order of arrival; a job leaves the list
 * when it is done.  A worker takes the first waiting job whose key no job before it has. */
struct serve {
	serve_run_fn *run;
	void *user;
	pthread_mutex_t lock;   /* of what follows */
	pthread_cond_t quiet;   /* no worker is left */
	struct job *jobs;
	size_t jobs_n;
	unsigned workers;
	bool ending;
};

static bool same_gpu(const struct host_request *a, const struct host_request *b)
{
	return strcmp(a->vgpu.address, b->vgpu.address) == 0;
}

static bool same_vm(const struct host_request *a, const struct host_request *b)
{
	return a->vm_uuid[0] && strcmp(a->vm_uuid, b->vm_uuid) == 0;
}

/* An operation on domains names one, all others a GPU; two without either do not disturb each
 * other. */
static bool same_key(const struct root_message *a, const struct root_message *b)
{
	bool a_vm, b_vm;

	if (a->kind != ROOT_REQUEST || b->kind != ROOT_REQUEST)
		return false;
	a_vm = a->request.op >= HOST_OP_DOMAIN_DEVICES;
	b_vm = b->request.op >= HOST_OP_DOMAIN_DEVICES;
	if (a_vm != b_vm)
		return false;
	return a_vm ? same_vm(&a->request, &b->request) : same_gpu(&a->request, &b->request);
}

static bool is_free(const struct serve *s, const struct job *job)
{
	for (const struct job *j = s->jobs; j != job; j = j->next)
		if (same_key(&j->message, &job->message))
			return false;
	return true;
}

static struct job *next_job(const struct serve *s)
{
	for (struct job *j = s->jobs; j && !s->ending; j = j->next)
		if (!j->running && is_free(s, j))
			return j;
	return NULL;
}

static void job_free(struct serve *s, struct job *job)
{
	struct job **at = &s->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	s->jobs_n--;
	free(job);
}

static void *work(void *arg)
{
	struct serve *s = arg;
	struct job *job;

	pthread_mutex_lock(&s->lock);
	while ((job = next_job(s))) {
		job->running = true;
		pthread_mutex_unlock(&s->lock);
		s->run(&job->message, s->user);
		pthread_mutex_lock(&s->lock);
		job_free(s, job);
	}
	if (--s->workers == 0)
		pthread_cond_broadcast(&s->quiet);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* With the lock held.  Returns an errno. */
static int worker_add(struct serve *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (s->workers == WORKERS_MAX || !next_job(s))
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&thread, &attr, work, s);
	pthread_attr_destroy(&attr);
	if (r == 0)
		s->workers++;
	/* Those that work already will come to it. */
	return s->workers > 0 ? 0 : r;
}

int serve_new(serve_run_fn *run, void *user, struct serve **ret, struct error *err)
{
	struct serve *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(err, ERR_NO_MEMORY, "prepare for work: out of memory");
	s->run = run;
	s->user = user;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->quiet, NULL);
	*ret = s;
	return 0;
}

struct serve *serve_free(struct serve *s)
{
	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	while (s->workers > 0)
		pthread_cond_wait(&s->quiet, &s->lock);
	pthread_mutex_unlock(&s->lock);
	while (s->jobs)
		job_free(s, s->jobs);
	pthread_cond_destroy(&s->quiet);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

static int submit_locked(struct serve *s, struct job *job, struct error *err)
{
	struct job **at = &s->jobs;
	int r;

	if (s->jobs_n >= WAITING_MAX)
		return error_set(err, ERR_UNAVAILABLE, "%d requests wait already; try again",
				 WAITING_MAX);
	while (*at)
		at = &(*at)->next;
	*at = job;
	s->jobs_n++;
	r = worker_add(s);
	if (r == 0)
		return 0;
	*at = NULL;
	s->jobs_n--;
	return error_set(err, ERR_UNAVAILABLE, "make a thread: %s", strerror(r));
}

int serve_submit(struct serve *s, const struct root_message *m, struct error *err)
{
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return error_set(err, ERR_NO_MEMORY, "take a request: out of memory");
	job->message = *m;
	pthread_mutex_lock(&s->lock);
	r = submit_locked(s, job, err);
	pthread_mutex_unlock(&s->lock);
	if (r < 0)
		free(job);
	return r;
}
