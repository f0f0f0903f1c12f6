/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of libvirt's hook.
 *
 * libvirt asks before it starts a VM that carries our metadata ("prepare"): then every vGPU that it
 * holds a lease for must exist, and one without a lease is refused with a sentence.  A start that
 * this agent asked for finds everything made and is answered at once.  All other calls are news:
 * something about a domain changed.
 *
 * One line of JSON in, one out.  Root alone may connect. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/internal.h"
#include "base/json.h"
#include "base/log.h"

enum { LINE_MAX_BYTES = 4096, CALLS_MAX = 32, WAIT_US = 25000000 };

struct hook_call {
	struct agent *a;
	int fd;
	sd_event_source *source;
	char line[LINE_MAX_BYTES];
	size_t n;
	char name[NAME_SIZE], uuid[UUID_TEXT_SIZE];
	bool asked;
	int64_t until_us;
	struct hook_call *next;
};

static void call_free(struct hook_call *c)
{
	struct hook_call **p = &c->a->calls;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	sd_event_source_disable_unref(c->source);
	close(c->fd);
	free(c);
}

static void answer(struct hook_call *c, bool ok, const char *text)
{
	json_auto_t *j = json_pack("{s:b, s:s}", "ok", ok, "text", text);
	char *line = j ? json_line(j) : NULL;

	if (line) {
		(void)!send(c->fd, line, strlen(line), MSG_NOSIGNAL);
		(void)!send(c->fd, "\n", 1, MSG_NOSIGNAL);
	}
	if (!ok)
		log_info("%s: refused to libvirt: %s", c->a->host, text);
	free(line);
	call_free(c);
}

static bool is_ours_to_start(const struct agent *a, const struct hook_call *c)
{
	for (size_t i = 0; i < a->vms_n; i++)
		if (strcmp(a->vms[i].uuid, c->uuid) == 0 && a->vms[i].busy)
			return true;
	return false;
}

static bool is_known(const struct agent *a, const struct hook_call *c)
{
	for (size_t i = 0; i < a->wanted.vms_n; i++)
		if (strcmp(a->wanted.vms[i].uuid, c->uuid) == 0)
			return true;
	return false;
}

/* Answers a "prepare" when it can be; else it waits for the next look. */
static void look_at(struct hook_call *c)
{
	struct agent *a = c->a;
	char text[400];
	bool failed, made;
	size_t n;

	if (!a->has_wanted && agent_now_us(a) < c->until_us)
		return;
	made = agent_leases_made(a, c->uuid, &failed, &n);
	if (!a->has_wanted)
		snprintf(text, sizeof(text),
			 "Facet's agent has not heard from facetd yet, so nobody knows which vGPU "
			 "VM %s may have: `systemctl status facetd`, then try again",
			 c->name);
	else if (!is_known(a, c))
		snprintf(text, sizeof(text),
			 "VM %s has Facet's devices but Facet does not know it any more: `facet vm "
			 "attach %s ...`, or remove them with `virsh edit %s`",
			 c->name, c->name, c->name);
	else if (made && (n > 0 || is_ours_to_start(a, c)))
		return answer(c, true, "");
	else if (n == 0)
		snprintf(text, sizeof(text),
			 "VM %s holds no lease, so no vGPU can be made for it: start it with "
			 "`facet vm start %s`",
			 c->name, c->name);
	else if (failed)
		snprintf(text, sizeof(text),
			 "a vGPU of VM %s could not be made: `facet explain vm %s`", c->name,
			 c->name);
	else if (agent_now_us(a) < c->until_us)
		return;
	else
		snprintf(text, sizeof(text),
			 "a vGPU of VM %s was not ready in time: `facet explain vm %s`", c->name,
			 c->name);
	answer(c, false, text);
}

void agent_hooks_look(struct agent *a)
{
	for (struct hook_call *c = a->calls, *next; c; c = next) {
		next = c->next;
		if (c->asked)
			look_at(c);
	}
}

static void take_line(struct hook_call *c)
{
	struct agent *a = c->a;
	json_auto_t *j = NULL;
	struct error err;
	const char *op, *name, *uuid;

	if (json_parse(c->line, c->n, LINE_MAX_BYTES, &j, &err) < 0) {
		answer(c, false, "the hook sent something that is not JSON");
		return;
	}
	op = json_string_value(json_object_get(j, "op"));
	name = json_string_value(json_object_get(j, "name"));
	uuid = json_string_value(json_object_get(j, "uuid"));
	if (!op || !name || !uuid || !uuid_is_valid(uuid)) {
		answer(c, false, "the hook named no operation, VM and UUID");
		return;
	}
	TEXT_COPY(c->name, name);
	TEXT_COPY(c->uuid, uuid);
	if (strcmp(op, "prepare") != 0) {
		a->domain_changes++;
		a->domains_stale = true;
		agent_kick(a);
		answer(c, true, "");
		return;
	}
	/* Somebody else starts it: what this agent made some time ago may have been lost
	 * meanwhile. */
	if (!is_ours_to_start(a, c))
		agent_verify_again(a, c->uuid);
	c->asked = true;
	c->until_us = agent_now_us(a) + WAIT_US;
	agent_kick(a);
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct hook_call *c = user;
	ssize_t n;

	(void)s;
	(void)revents;
	if (c->asked) {
		call_free(c); /* it hung up while it waited */
		return 0;
	}
	n = recv(fd, c->line + c->n, sizeof(c->line) - c->n - 1, MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			call_free(c);
		return 0;
	}
	c->n += (size_t)n;
	c->line[c->n] = '\0';
	if (strchr(c->line, '\n'))
		take_line(c);
	else if (c->n == sizeof(c->line) - 1)
		call_free(c);
	return 0;
}

static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	/* A test runs without root, and then its own user is as good as root. */
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == 0 || peer.uid == getuid());
}

static int on_connect(sd_event_source *s, int listen_fd, uint32_t revents, void *user)
{
	struct agent *a = user;
	struct hook_call *c;
	size_t open = 0;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)s;
	(void)revents;
	if (fd < 0)
		return 0;
	for (c = a->calls; c; c = c->next)
		open++;
	c = open < CALLS_MAX && is_root(fd) ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return 0;
	}
	c->a = a;
	c->fd = fd;
	c->next = a->calls;
	a->calls = c;
	if (sd_event_add_io(a->event, &c->source, fd, EPOLLIN, on_readable, c) < 0)
		call_free(c);
	return 0;
}

int agent_hook_listen(const char *path, int *ret_fd, struct error *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (!TEXT_COPY(sun.sun_path, path))
		return error_set(err, ERR_INVALID, "hook socket %s: the path is too long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, errno, "hook socket");
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, CALLS_MAX) < 0) {
		int e = errno;

		close(fd);
		return error_errno(err, e, "listen at %s for libvirt's hook", path);
	}
	*ret_fd = fd;
	return 0;
}

int agent_hook_start(struct agent *a, int fd, struct error *err)
{
	int r = sd_event_add_io(a->event, &a->hook, fd, EPOLLIN, on_connect, a);

	if (r < 0)
		return error_errno(err, -r, "hook socket");
	sd_event_source_set_io_fd_own(a->hook, true);
	return 0;
}

void agent_hooks_done(struct agent *a)
{
	while (a->calls)
		call_free(a->calls);
	a->hook = sd_event_source_disable_unref(a->hook);
}
