/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and domains are passed to the root half.  The inventory is read by a thread that lives
 * for one look: a driver may keep a reader of its files waiting, and the event loop must not. */
#include "agent/machine_real.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "agent/hints.h"
#include "host/device.h"
#include "host/doctor.h"
#include "host/inventory.h"

/* One look at the hardware.  Between start and the event on done_fd it belongs to the thread. */
struct look {
	bool busy;
	pthread_t thread;
	int root, done_fd;
	struct machine_inventory found;
	int r;
	struct error err;
	machine_inventory_fn *done;
	void *user;
};

struct real {
	struct machine machine;      /* first, so that a struct machine * casts back */
	struct root_client *client;
	sd_event_source *client_source, *look_source;
	struct hints *hints;
	int root;
	struct look look;
	machine_event_fn *event;
	void *event_user;
};

static struct real *real_of(struct machine *m)
{
	return (struct real *)m;
}

static int real_send(struct machine *m, const struct host_request *q, machine_reply_fn *reply,
		     void *user, struct error *err)
{
	return root_send(real_of(m)->client, q, reply, user, err);
}

static int real_list_domains(struct machine *m, machine_domains_fn *done, void *user,
			     struct error *err)
{
	return root_list_domains(real_of(m)->client, done, user, err);
}

/* The inventory. */

static void *look_run(void *arg)
{
	struct look *l = arg;
	uint64_t one = 1;

	l->r = inventory_host(l->root, &l->found.facts, &l->err);
	if (l->r == 0)
		l->r = inventory_scan(l->root, &l->found.gpus, &l->found.gpus_n, &l->err);
	/* A check that can not be made is no reason to hide the GPUs. */
	if (l->r == 0)
		(void)!doctor_host(l->root, &l->found.facts.checks, &l->found.facts.checks_n, NULL);
	(void)!write(l->done_fd, &one, sizeof(one));
	return NULL;
}

static void add_versions(const struct real *m, struct host *facts)
{
	uint32_t libvirt, qemu;

	root_client_versions(m->client, &libvirt, &qemu);
	if (libvirt)
		snprintf(facts->libvirt_version, sizeof(facts->libvirt_version), "%u.%u.%u",
			 libvirt / 1000000, libvirt / 1000 % 1000, libvirt % 1000);
	if (qemu)
		snprintf(facts->qemu_version, sizeof(facts->qemu_version), "%u.%u.%u",
			 qemu / 1000000, qemu / 1000 % 1000, qemu % 1000);
}

static int on_look_done(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct real *m = user;
	struct look l;
	uint64_t count;

	(void)s;
	(void)revents;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	pthread_join(m->look.thread, NULL);
	/* Out of the way first: the callback may ask for the next look. */
	l = m->look;
	m->look.busy = false;
	m->look.found = (struct machine_inventory){ 0 };
	if (l.r == 0)
		add_versions(m, &l.found.facts);
	l.done(l.r, l.r < 0 ? NULL : &l.found, &l.err, l.user);
	machine_inventory_done(&l.found);
	return 0;
}

static int real_inventory(struct machine *m, machine_inventory_fn *done, void *user,
			  struct error *err)
{
	struct look *l = &real_of(m)->look;
	pthread_attr_t attr;
	int r;

	if (l->busy)
		return error_set(err, ERR_BUSY, "look at the hardware: a look is under way");
	l->done = done;
	l->user = user;
	pthread_attr_init(&attr);
	/* Small, so that what a look leaves cached in this process is small too. */
	pthread_attr_setstacksize(&attr, 512 * 1024);
	r = pthread_create(&l->thread, &attr, look_run, l);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return error_set(err, ERR_UNAVAILABLE, "look at the hardware: make a thread: %s",
				 strerror(r));
	l->busy = true;
	return 0;
}

static int real_functions(struct machine *m, const char *pf, char (**ret)[PCI_SIZE], size_t *ret_n,
			  struct error *err)
{
	struct functions f = { 0 };
	int r = inventory_functions(real_of(m)->root, pf, &f, err);

	if (r < 0)
		return r;
	*ret = f.address;
	*ret_n = f.n;
	return 0;
}

/* Events. */

static void tell(const struct machine_event *event, void *user)
{
	struct real *m = user;

	if (m->event)
		m->event(event, m->event_user);
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	static const struct machine_event lost = { .kind = MACHINE_LOST };
	struct real *m = user;

	(void)fd;
	(void)revents;
	if (root_client_dispatch(m->client, NULL) < 0) {
		(void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
		tell(&lost, m);
	}
	return 0;
}

static void real_watch(struct machine *m, machine_event_fn *event, void *user)
{
	real_of(m)->event = event;
	real_of(m)->event_user = user;
}

static void real_free(struct machine *machine)
{
	struct real *m = real_of(machine);

	if (m->look.busy) {
		pthread_join(m->look.thread, NULL);
		machine_inventory_done(&m->look.found);
	}
	hints_free(m->hints);
	sd_event_source_disable_unref(m->client_source);
	sd_event_source_disable_unref(m->look_source);
	root_client_free(m->client);
	if (m->look.done_fd >= 0)
		close(m->look.done_fd);
	if (m->root >= 0)
		close(m->root);
	free(m);
}

static int real_start(struct real *m, sd_event *event, const char *root, struct error *err)
{
	int r;

	m->root = m->look.root = open(root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (m->root < 0)
		return error_errno(err, errno, "open %s", root);
	m->look.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->look.done_fd < 0)
		return error_errno(err, errno, "make an eventfd");
	r = sd_event_add_io(event, &m->look_source, m->look.done_fd, EPOLLIN, on_look_done, m);
	if (r >= 0)
		r = sd_event_add_io(event, &m->client_source, root_client_fd(m->client), EPOLLIN,
				    on_client, m);
	if (r < 0)
		return error_errno(err, -r, "watch the root half");
	return hints_new(event, root, tell, m, &m->hints, err);
}

int machine_real_new(sd_event *event, struct root_client *root_client, const char *root,
		     struct machine **ret, struct error *err)
{
	static const struct machine table = {
		.send = real_send, .list_domains = real_list_domains, .inventory = real_inventory,
		.functions = real_functions, .watch = real_watch, .free = real_free,
	};
	struct real *m = calloc(1, sizeof(*m));
	int r;

	if (!m) {
		root_client_free(root_client);
		return error_set(err, ERR_NO_MEMORY, "prepare the machine: out of memory");
	}
	m->machine = table;
	m->client = root_client;
	m->root = m->look.root = m->look.done_fd = -1;
	r = real_start(m, event, root ? root : "/", err);
	if (r < 0) {
		real_free(&m->machine);
		return r;
	}
	*ret = &m->machine;
	return 0;
}
