/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "agent/root/helper.h"
#include "agent/root/privilege.h"
#include "agent/root/protocol.h"
#include "agent/root/serve.h"
#include "agent/root/work.h"
#include "base/log.h"
#include "host/passthrough.h"

/* Files of root's own are written as their owner; what is left over is for what uid 0 alone can
 * not do: looking into QEMU's open files, and NVIDIA's sriov-manage script. */
static const uint64_t kept = 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_PTRACE |
			     1ULL << CAP_SYS_ADMIN;

struct half {
	const struct root_config *config;
	int peer, root;
	struct serve *serve;
	struct helper *helper;
};

static void run(const struct root_message *m, void *user)
{
	struct root_message reply = { .kind = ROOT_REPLY };
	struct half *h = user;

	work_do(h->root, &m->request, &reply.reply);
	reply.reply.number = m->number;
	(void)root_write(h->peer, &reply, false, NULL);
}

static int route(struct half *h, const struct root_message *m, struct error *err)
{
	int r;

	if (m->kind == ROOT_LIST)
		return helper_pass(h->helper, m, err);
	if (m->kind != ROOT_REQUEST)
		return error_set(err, ERR_INVALID, "a message of kind %d is no request", m->kind);
	r = host_request_check(&m->request, err);
	if (r < 0)
		return r;
	if (work_is_ours(m->request.op))
		return serve_submit(h->serve, m, err);
	return helper_pass(h->helper, m, err);
}

/* False when the other half is gone. */
static bool receive(struct half *h)
{
	struct root_message m, reply;
	struct error err;
	int r = root_read(h->peer, &m, &err);

	if (r == 0)
		return true;
	if (r == -ERR_UNAVAILABLE)
		return false;
	if (r > 0)
		r = route(h, &m, &err);
	if (r < 0) {
		reply = root_failure(m.number, &err);
		(void)root_write(h->peer, &reply, false, NULL);
	}
	return true;
}

static void loop(struct half *h)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = h->peer, .events = POLLIN },
			{ .fd = helper_fd(h->helper), .events = POLLIN }, /* -1 is passed over */
		};

		if (poll(fds, 2, helper_tick(h->helper)) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			helper_dispatch(h->helper);
		if (fds[0].revents && !receive(h))
			return;
	}
}

static int half_init(struct half *h, struct error *err)
{
	const char *root = h->config->root ? h->config->root : "/";
	int r;

	h->root = open(root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (h->root < 0)
		return error_errno(err, errno, "open %s", root);
	passthrough_set_any_class(h->config->passthrough_any_class);
	r = serve_new(run, h, &h->serve, err);
	if (r < 0)
		return r;
	r = helper_new(h->config, &clock_system, h->peer, &h->helper, err);
	if (r < 0)
		return r;
	return privilege_drop(kept, err);
}

/* The other half's end is our only order to end: a signal to the whole service must not cut a
 * driver's write in two. */
static void signals_ignore(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
}

static int half_main(const struct root_config *config, int peer)
{
	struct half h = { .config = config, .peer = peer };
	struct error err;

	(void)prctl(PR_SET_NAME, "facet-root");
	signals_ignore();
	/* The other half reads what the drivers remember in /run; nobody else may write there. */
	umask(022);
	privilege_close_from(3, peer);
	/* One heap for all threads: an arena per thread would stay behind when the thread is
	 * gone. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (half_init(&h, &err) < 0) {
		log_error("root half of the agent: %s", err.text);
		return 1;
	}
	loop(&h);
	/* What is being written is finished; what waits was never begun, and is asked again. */
	h.serve = serve_free(h.serve);
	h.helper = helper_free(h.helper);
	return 0;
}

int root_start(struct root_client **ret, const struct root_config *config, struct error *err)
{
	struct root_client *client;
	int fds[2], r;
	pid_t pid;

	r = root_pair(fds, err);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		_exit(half_main(config, fds[1]));
	close(fds[1]);
	if (pid < 0)
		r = error_errno(err, errno, "make the root half of the agent");
	else
		r = root_client_new(fds[0], pid, &client, err);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	*ret = client;
	return 0;
}
