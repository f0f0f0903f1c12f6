/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root_client.h"

#include <string.h>

#include "agent/root/protocol.h"

enum { VERSIONS_EVERY = 30 };

struct pending {
	struct pending *next;
	uint64_t number;
	machine_reply_fn *reply;     /* of a request; NULL: of a list */
	machine_domains_fn *domains;
	void *user;
	struct machine_domain *list;
	size_t list_n, list_room;
};

struct root_client {
	int fd;
	pid_t pid;
	uint64_t last_number;
	struct pending *pending;     /* oldest last: what is answered is mostly near the end, and
	                              * there are dozens, not thousands */
	bool gone;
	uint32_t libvirt, qemu;
	unsigned lists;              /* since versions were asked for */
};

int root_client_new(int fd, pid_t pid, struct root_client **ret, struct error *err)
{
	struct root_client *c = calloc(1, sizeof(*c));

	if (!c)
		return error_set(err, ERR_NO_MEMORY, "reach the root half: out of memory");
	c->fd = fd;
	c->pid = pid;
	*ret = c;
	return 0;
}

static void pending_free(struct pending *p)
{
	free(p->list);
	free(p);
}

struct root_client *root_client_free(struct root_client *c)
{
	struct pending *p;

	if (!c)
		return NULL;
	while ((p = c->pending)) {
		c->pending = p->next;
		pending_free(p);
	}
	close(c->fd);
	free(c);
	return NULL;
}

int root_client_fd(const struct root_client *c)
{
	return c->fd;
}

pid_t root_client_pid(const struct root_client *c)
{
	return c->pid;
}

void root_client_versions(const struct root_client *c, uint32_t *libvirt, uint32_t *qemu)
{
	*libvirt = c->libvirt;
	*qemu = c->qemu;
}

static int submit(struct root_client *c, struct root_message *m, const struct pending *kind,
		  struct error *err)
{
	struct pending *p;
	int r;

	if (c->gone)
		return error_set(err, ERR_UNAVAILABLE, "the root half of the agent is gone");
	p = malloc(sizeof(*p));
	if (!p)
		return error_set(err, ERR_NO_MEMORY, "ask the root half: out of memory");
	m->number = c->last_number + 1;
	/* Never waits: the root half may be waiting for us to read its answers. */
	r = root_write(c->fd, m, true, err);
	if (r < 0) {
		free(p);
		return r;
	}
	*p = *kind;
	p->number = ++c->last_number;
	p->next = c->pending;
	c->pending = p;
	return 0;
}

int root_send(struct root_client *c, const struct host_request *q, machine_reply_fn *done,
	      void *user, struct error *err)
{
	struct pending kind = { .reply = done, .user = user };
	struct root_message m = { .kind = ROOT_REQUEST };
	int r = host_request_check(q, err);

	if (r < 0)
		return r;
	m.request = *q;
	return submit(c, &m, &kind, err);
}

int root_list_domains(struct root_client *c, machine_domains_fn *done, void *user,
		      struct error *err)
{
	struct pending kind = { .domains = done, .user = user };
	struct root_message m = { .kind = ROOT_LIST };

	/* They change when packages do; a program that is asked often must not ask often itself. */
	m.want_versions = c->libvirt == 0 || c->lists >= VERSIONS_EVERY;
	c->lists = m.want_versions ? 0 : c->lists + 1;
	return submit(c, &m, &kind, err);
}

static struct pending **find(struct root_client *c, uint64_t number)
{
	struct pending **at = &c->pending;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void answer(struct pending *p, const struct host_reply *reply)
{
	int r = reply->r;

	if (p->reply)
		p->reply(reply, p->user);
	else
		p->domains(r, r < 0 ? NULL : p->list, r < 0 ? 0 : p->list_n, &reply->err, p->user);
	pending_free(p);
}

static void take_reply(struct root_client *c, const struct host_reply *reply)
{
	struct pending **at = find(c, reply->number), *p = *at;

	if (!p)
		return;
	/* Out of the list first: the callback may send the next request, or free the client's
	 * owner. */
	*at = p->next;
	answer(p, reply);
}

static int take_domain(struct root_client *c, const struct root_message *m, struct error *err)
{
	struct pending *p = *find(c, m->number);
	struct machine_domain *list;
	size_t room;

	if (!p || p->reply)
		return 0;
	if (p->list_n == p->list_room) {
		room = p->list_room ? p->list_room * 2 : 16;
		list = realloc(p->list, room * sizeof(*list));
		if (!list)
			return error_set(err, ERR_NO_MEMORY, "list domains: out of memory");
		p->list = list;
		p->list_room = room;
	}
	p->list[p->list_n++] = m->entry.domain;
	return 0;
}

/* A list that lost an entry must not look like a whole one. */
static void fail_list(struct root_client *c, uint64_t number, const struct error *err)
{
	struct root_message failure = root_failure(number, err);

	take_reply(c, &failure.reply);
}

static void fail_all(struct root_client *c)
{
	struct root_message m;
	struct error err;

	c->gone = true;
	error_set(&err, ERR_UNAVAILABLE, "the root half of the agent is gone");
	m = root_failure(0, &err);
	while (c->pending) {
		m.reply.number = c->pending->number;
		take_reply(c, &m.reply);
	}
}

static void take_message(struct root_client *c, const struct root_message *m)
{
	struct error err;

	switch ((enum root_kind)m->kind) {
	case ROOT_REPLY:
		take_reply(c, &m->reply);
		break;
	case ROOT_DOMAIN:
		if (take_domain(c, m, &err) < 0)
			fail_list(c, m->number, &err);
		break;
	case ROOT_VERSIONS:
		c->libvirt = m->versions.libvirt;
		c->qemu = m->versions.qemu;
		break;
	default:
		break;
	}
}

int root_client_dispatch(struct root_client *c, struct error *err)
{
	struct root_message m;
	struct error own;
	int r;

	/* Bounded, so that a long list does not keep the event loop from everything else. */
	for (int i = 0; i < 64; i++) {
		r = root_read(c->fd, &m, &own);
		if (r == 0)
			return 0;
		if (r < 0) {
			fail_all(c);
			if (err)
				*err = own;
			return r == -ERR_UNAVAILABLE ? r : -ERR_UNAVAILABLE;
		}
		take_message(c, &m);
	}
	return 0;
}
