/* SPDX-License-Identifier: Apache-2.0 */
/* facet-libvirt - the agent's libvirt client, started by its root half when libvirt is needed.
 *
 *   facet-libvirt URI ROOT migration|plain any|displays     with the socket as descriptor 3
 *
 * The only program of Facet that maps libvirt's client library.  It has no capability at all: uid 0
 * is enough for libvirt's socket.  It ends when the socket does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "agent/root/privilege.h"
#include "agent/root/protocol.h"
#include "agent/root/serve.h"
#include "base/log.h"
#include "base/text.h"
#include "host/libvirt/connection.h"
#include "host/passthrough.h"

enum { PEER = 3 };

struct client {
	struct libvirt *libvirt;
	int root;
};

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

static int list(struct libvirt *l, const struct root_message *m, struct error *err)
{
	cleanup(cleanup_free) struct libvirt_domain *domains = NULL;
	size_t n;
	int r = libvirt_domains(l, &domains, &n, err);

	if (r == 0 && m->want_versions)
		r = send_versions(l, m->number, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = send_domain(m->number, &domains[i], err);
	return r;
}

/* Whoever speaks for the unprivileged half must not be able to give a VM the host's disk. */
static int check_device(struct client *c, const struct host_device *d, struct error *err)
{
	struct passthrough functions;

	switch ((enum framework)d->framework) {
	case FRAMEWORK_PASSTHROUGH:
		return passthrough_check(c->root, d->address, &functions, err);
	case FRAMEWORK_VENDOR_VFIO:
		if (libvirt_is_vgpu_function(c->libvirt, d->address))
			return 0;
		return error_set(err, ERR_DENIED,
				 "attach %s: it is no function of an NVIDIA GPU that this host has",
				 d->address);
	default:
		return 0; /* libvirt takes a mediated device for what it is, or not at all */
	}
}

static int set_devices(struct client *c, const struct host_request *q, enum result *result,
		       struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < q->devices_n && r == 0; i++)
		r = check_device(c, &q->devices[i], err);
	if (r < 0)
		return error_context(r, err, "set the devices of domain %s", q->vm_name);
	return libvirt_set_devices(c->libvirt, q->vm_uuid, q->devices, q->devices_n, result, err);
}

static int operate(struct client *c, const struct host_request *q, enum result *result,
		   struct error *err)
{
	struct libvirt *l = c->libvirt;

	switch ((enum host_op)q->op) {
	case HOST_OP_DOMAIN_DEVICES:
		return set_devices(c, q, result, err);
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
	struct client *c = user;
	int r;

	if (m->kind == ROOT_LIST)
		r = list(c->libvirt, m, &reply.reply.err);
	else
		r = operate(c, &m->request, &result, &reply.reply.err);
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

static int client_init(struct client *c, char **argv, struct error *err)
{
	struct libvirt_config config = { .uri = argv[1], .root = argv[2],
					 .migration = strcmp(argv[3], "migration") == 0 };

	passthrough_set_any_class(strcmp(argv[4], "any") == 0);
	c->root = open(config.root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (c->root < 0)
		return error_errno(err, errno, "open %s", config.root);
	return libvirt_new(&config, &c->libvirt, err);
}

int main(int argc, char **argv)
{
	struct client client;
	struct serve *serve;
	struct error err;

	if (argc != 5) {
		fprintf(stderr, "%s is started by facet-agent\n", argv[0]);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	privilege_close_from(3, PEER);
	if (privilege_drop(0, &err) < 0 || client_init(&client, argv, &err) < 0 ||
	    serve_new(run, &client, &serve, &err) < 0) {
		log_error("facet-libvirt: %s", err.text);
		return 1;
	}
	/* Without waiting for calls under way: libvirt finishes them without us. */
	_exit(loop(serve));
}
