/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root/helper.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/crash.h"
#include "base/log.h"

enum {
	PENDING_MAX = 256,
	IDLE_MS = 3 * 1000,
	LIMIT_MS = 300 * 1000,
	HELPER_FD = 3, /* where facet-libvirt finds its end */
};

struct sent {
	uint64_t number;
	int64_t since_us;
};

struct helper {
	const struct root_config *config;
	const struct clock *clock;
	int peer, fd;
	pid_t pid;
	int64_t idle_since_us;
	size_t pending_n;
	struct sent pending[PENDING_MAX]; /* in the order they were sent */
};

int helper_new(const struct root_config *config, const struct clock *clock, int peer,
	       struct helper **ret, struct error *err)
{
	struct helper *h = calloc(1, sizeof(*h));

	if (!h)
		return error_set(err, ERR_NO_MEMORY, "prepare for libvirt: out of memory");
	h->config = config;
	h->clock = clock;
	h->peer = peer;
	h->fd = -1;
	*ret = h;
	return 0;
}

static void fail_pending(struct helper *h, const char *why)
{
	struct root_message m;
	struct error err;

	error_set(&err, ERR_UNAVAILABLE, "ask libvirt: %s", why);
	for (size_t i = 0; i < h->pending_n; i++) {
		m = root_failure(h->pending[i].number, &err);
		(void)root_write(h->peer, &m, false, NULL);
	}
	h->pending_n = 0;
}

static void end(struct helper *h, const char *why)
{
	if (h->fd < 0)
		return;
	close(h->fd);
	h->fd = -1;
	/* Not asked politely: a call that hangs in libvirt would hear nothing, and nothing is
	 * lost. */
	kill(h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fail_pending(h, why);
}

struct helper *helper_free(struct helper *h)
{
	if (!h)
		return NULL;
	end(h, "the agent ends");
	free(h);
	return NULL;
}

static int spawn(struct helper *h, int fd, struct error *err)
{
	char *const argv[] = {
		(char *)h->config->libvirt_program,
		(char *)(h->config->libvirt_uri ? h->config->libvirt_uri : "qemu:///system"),
		(char *)(h->config->root ? h->config->root : "/"),
		(char *)(h->config->migration ? "migration" : "plain"),
		(char *)(h->config->passthrough_any_class ? "any" : "displays"),
		NULL,
	};
	/* HOME, or libvirt would look the user up; nothing else of ours is its business. */
	char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", NULL };
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	r = posix_spawn_file_actions_adddup2(&actions, fd, HELPER_FD);
	if (r == 0)
		r = posix_spawn(&h->pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (r == 0)
		return 0;
	error_errno(err, r, "start %s", argv[0]);
	/* Whatever the reason, libvirt can not be asked; installing Facet again is the remedy. */
	err->kind = ERR_UNAVAILABLE;
	return -ERR_UNAVAILABLE;
}

static int start(struct helper *h, struct error *err)
{
	int fds[2], r;

	if (h->fd >= 0)
		return 0;
	r = root_pair(fds, err);
	if (r < 0)
		return r;
	r = spawn(h, fds[1], err);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	h->fd = fds[0];
	return 0;
}

int helper_pass(struct helper *h, const struct root_message *m, struct error *err)
{
	int r;

	if (h->pending_n == PENDING_MAX)
		return error_set(err, ERR_UNAVAILABLE, "%d requests to libvirt wait already",
				 PENDING_MAX);
	r = start(h, err);
	if (r == 0)
		r = root_write(h->fd, m, true, err);
	if (r < 0)
		return r;
	h->pending[h->pending_n++] = (struct sent){ m->number, clock_mono_us(h->clock) };
	return 0;
}

int helper_fd(const struct helper *h)
{
	return h->fd;
}

static bool is_pending(const struct helper *h, uint64_t number, size_t *ret)
{
	for (size_t i = 0; i < h->pending_n; i++)
		if (h->pending[i].number == number) {
			*ret = i;
			return true;
		}
	return false;
}

static void forward(struct helper *h, const struct root_message *m)
{
	size_t i;

	if (m->kind == ROOT_REQUEST || m->kind == ROOT_LIST || !is_pending(h, m->number, &i))
		return;
	if (m->kind == ROOT_REPLY)
		crash_point("root.domain.done");
	(void)root_write(h->peer, m, false, NULL);
	if (m->kind != ROOT_REPLY)
		return;
	h->pending_n--;
	memmove(&h->pending[i], &h->pending[i + 1], (h->pending_n - i) * sizeof(h->pending[0]));
	h->idle_since_us = clock_mono_us(h->clock);
}

void helper_dispatch(struct helper *h)
{
	struct root_message m;
	struct error err;
	int r;

	for (int i = 0; i < 64 && h->fd >= 0; i++) {
		r = root_read(h->fd, &m, &err);
		if (r == 0)
			return;
		if (r < 0) {
			if (h->pending_n > 0)
				log_error("facet-libvirt ended with %zu requests: %s", h->pending_n,
					  err.text);
			end(h, "facet-libvirt ended unexpectedly; its log has the cause");
			return;
		}
		forward(h, &m);
	}
}

int helper_tick(struct helper *h)
{
	bool idle = h->pending_n == 0;
	int64_t since, limit_ms, left_ms;

	if (h->fd < 0)
		return -1;
	since = idle ? h->idle_since_us : h->pending[0].since_us;
	if (idle)
		limit_ms = h->config->idle_ms ? h->config->idle_ms : IDLE_MS;
	else
		limit_ms = h->config->limit_ms ? h->config->limit_ms : LIMIT_MS;
	left_ms = limit_ms - (clock_mono_us(h->clock) - since) / 1000;
	if (left_ms > 0)
		return (int)left_ms;
	end(h, "libvirt did not answer in time; is libvirtd (or virtqemud) hanging?");
	return -1;
}
