/* SPDX-License-Identifier: Apache-2.0 */
/* facet-libvirt - the agent's libvirt client, started by its root half when libvirt is needed.
 *
 *   facet-libvirt URI ROOT migration|plain     with the socket as descriptor 3
 *
 * The only program of Facet that maps libvirt's client library.  It has no capability at all: uid 0
 * is enough for libvirt's socket.  It ends when the socket does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "agent/root/privilege.h"
#include "agent/root/protocol.h"
#include "agent/root/serve.h"
#include "base/log.h"
#include "base/text.h"
#include "host/libvirt/connection.h"

enum { PEER = 3 };

static int send_domain(uint64_t number, const struct libvirt_domain *d, struct error *err)
{
	struct root_message m = { .kind = ROOT_DOMAIN };

	m.entry.number = number;
	m.entry.domain.state = d->state;
	m.entry.domain.facet = d->facet;
	TEXT_COPY(m.entry.domain.name, d->name);
	TEXT_COPY(m.entry.domain.uuid, d->uuid);
	TEXT_COPY(m.entry.domain.reason, d->reason);
	TEXT_COPY(m.entry.domain.uses, d->uses);
	return root_write(PEER, &m, false, err);
}

static int send_versions(struct libvirt *l, uint64_t number, struct error *err)
{
	struct root_message m = { .kind = ROOT_VERSIONS };
	int r = libvirt_versions(l, &m.versions.libvirt, &m.versions.qemu, err);

	m.versions.number = number;
	return r < 0 ? r : root_write(PEER, &m, false, err);
}

static int list(struct libvirt *l, uint64_t number, struct error *err)
{
	cleanup(cleanup_free) struct libvirt_domain *domains = NULL;
	size_t n;
	int r = libvirt_domains(l, &domains, &n, err);

	if (r == 0)
		r = send_versions(l, number, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = send_domain(number, &domains[i], err);
	return r;
}

static int operate(struct libvirt *l, const struct host_request *q, enum result *result,
		   struct error *err)
{
	switch ((enum host_op)q->op) {
	case HOST_OP_DOMAIN_DEVICES:
		return libvirt_set_devices(l, q->vm_uuid, q->devices, q->devices_n, result, err);
	case HOST_OP_DOMAIN_START:
		return libvirt_start(l, q->vm_uuid, result, err);
	case HOST_OP_DOMAIN_SHUTDOWN:
		return libvirt_shutdown(l, q->vm_uuid, result, err);
	case HOST_OP_DOMAIN_DESTROY:
		return libvirt_destroy(l, q->vm_uuid, result, err);
	default:
		return error_set(err, ERR_NO_METHOD, "operation %d is not one on domains", q->op);
	}
}

static void run(const struct root_message *m, void *user)
{
	struct root_message reply = { .kind = ROOT_REPLY };
	enum result result = RESULT_NONE;
	int r;

	if (m->kind == ROOT_LIST)
		r = list(user, m->number, &reply.reply.err);
	else
		r = operate(user, &m->request, &result, &reply.reply.err);
	reply.reply.number = m->number;
	reply.reply.r = r;
	reply.reply.result = r < 0 ? RESULT_REFUSED : (int32_t)result;
	reply.reply.placement = PLACEMENT_NONE;
	(void)root_write(PEER, &reply, false, NULL);
}

static int loop(struct serve *s)
{
	struct pollfd fd = { .fd = PEER, .events = POLLIN };
	struct root_message m, reply;
	struct error err;
	int r;

	for (;;) {
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return 1;
		r = root_read(PEER, &m, &err);
		if (r == -ERR_UNAVAILABLE)
			return 0;
		if (r > 0)
			r = serve_submit(s, &m, &err);
		if (r < 0) {
			reply = root_failure(m.number, &err);
			(void)root_write(PEER, &reply, false, NULL);
		}
	}
}

int main(int argc, char **argv)
{
	struct libvirt_config config = { 0 };
	struct libvirt *libvirt;
	struct serve *serve;
	struct error err;

	if (argc != 4) {
		fprintf(stderr, "%s is started by facet-agent\n", argv[0]);
		return 2;
	}
	config.uri = argv[1];
	config.root = argv[2];
	config.migration = strcmp(argv[3], "migration") == 0;
	(void)signal(SIGPIPE, SIG_IGN);
	privilege_close_from(3, PEER);
	if (privilege_drop(0, &err) < 0 || libvirt_new(&config, &libvirt, &err) < 0 ||
	    serve_new(run, libvirt, &serve, &err) < 0) {
		log_error("facet-libvirt: %s", err.text);
		return 1;
	}
	/* Without waiting for calls under way: libvirt finishes them without us. */
	_exit(loop(serve));
}
