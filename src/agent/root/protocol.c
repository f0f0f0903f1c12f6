/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD offsetof(struct root_message, number)

static const size_t bodies[ROOT_KIND_COUNT] = {
	[ROOT_REQUEST] = sizeof(struct host_request),
	[ROOT_LIST] = sizeof(uint64_t),
	[ROOT_DOMAIN] = sizeof(((struct root_message *)0)->entry),
	[ROOT_VERSIONS] = sizeof(((struct root_message *)0)->versions),
	[ROOT_REPLY] = sizeof(struct host_reply),
};

size_t root_message_size(int32_t kind)
{
	return kind >= 0 && kind < ROOT_KIND_COUNT ? HEAD + bodies[kind] : 0;
}

int root_pair(int fds[2], struct error *err)
{
	/* Room for a burst: a list of a few hundred domains, or a host's whole wanted state. */
	int room = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_errno(err, errno, "make a socket pair for the agent's root half");
	for (int i = 0; i < 2; i++)
		/* The kernel may grant less; then bursts wait a little longer. */
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

int root_write(int fd, const struct root_message *m, bool nowait, struct error *err)
{
	int flags = MSG_NOSIGNAL | (nowait ? MSG_DONTWAIT : 0);
	ssize_t n;

	do
		n = send(fd, m, root_message_size(m->kind), flags);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return error_set(err, ERR_UNAVAILABLE, "too many requests wait; try again");
	return error_set(err, ERR_UNAVAILABLE, "the other half of the agent is gone: %s",
			 strerror(errno));
}

int root_read(int fd, struct root_message *ret, struct error *err)
{
	struct root_message m = { 0 };
	ssize_t n;

	do
		n = recv(fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0)
		return error_set(err, ERR_UNAVAILABLE, "the other half of the agent is gone");
	if ((size_t)n != root_message_size(m.kind)) {
		*ret = (struct root_message){ .number = m.number };
		return error_set(err, ERR_INVALID,
				 "a message of kind %d has %zd bytes: the parts of the agent are "
				 "not of one version; install it again and restart it", m.kind, n);
	}
	*ret = m;
	return 1;
}

struct root_message root_failure(uint64_t number, const struct error *err)
{
	struct root_message m = { .kind = ROOT_REPLY };

	m.reply.number = number;
	m.reply.r = -(int32_t)err->kind;
	m.reply.err = *err;
	return m;
}
