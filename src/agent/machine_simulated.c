/* SPDX-License-Identifier: Apache-2.0 */
/* machine_simulated.c - what the simulated host answers at once, told when it would have been
 * known.
 *
 * Replies wait in a list in the order in which they are due; one timer stands at its head, or at
 * what the host itself has due next.  Each time the timer fires, one callback is called, and as the
 * last thing, so that it may free the machine. */
#include "agent/machine_simulated.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

/* Changes come in flocks; one event speaks for all of this long. */
enum { EVENT_DELAY_US = 20000 };

enum pending_kind { PENDING_REPLY, PENDING_DOMAINS, PENDING_INVENTORY };

struct pending {
	struct pending *next;
	uint64_t due_us;
	enum pending_kind kind;
	union {
		machine_reply_fn *reply;
		machine_domains_fn *domains;
		machine_inventory_fn *inventory;
	} done;
	void *user;
	struct host_reply reply;
};

struct simulated_machine {
	struct machine machine; /* first: casts back */
	struct simulated_host *host;
	sd_event *event;
	sd_event_source *timer;
	struct pending *pending;
	machine_event_fn *listener;
	void *listener_user;
	bool hardware_changed, domains_changed;
	char domain[NAME_SIZE]; /* the one that changed; "" for several */
	uint64_t event_due_us;
};

static struct simulated_machine *of(struct machine *m)
{
	return (struct simulated_machine *)m;
}

static uint64_t now_us(const struct simulated_machine *m)
{
	uint64_t now;

	return sd_event_now(m->event, CLOCK_MONOTONIC, &now) >= 0 ? now : 0;
}

/* ---- the timer ---- */

static uint64_t next_us(const struct simulated_machine *m)
{
	int64_t due_ms = simulated_due_ms(m->host);
	uint64_t next = UINT64_MAX;

	if (m->pending)
		next = m->pending->due_us;
	if (due_ms != INT64_MAX && (uint64_t)due_ms * 1000 < next)
		next = (uint64_t)due_ms * 1000;
	if ((m->hardware_changed || m->domains_changed) && m->event_due_us < next)
		next = m->event_due_us;
	return next;
}

static void arm(struct simulated_machine *m)
{
	uint64_t next = next_us(m);

	if (next != UINT64_MAX)
		(void)sd_event_source_set_time(m->timer, next);
	(void)sd_event_source_set_enabled(m->timer,
					  next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int add(struct simulated_machine *m, const struct pending *p, uint32_t delay_ms,
	       struct error *err)
{
	struct pending *copy = malloc(sizeof(*copy)), **at = &m->pending;

	if (!copy)
		return error_set(err, ERR_NO_MEMORY, "simulated host %s", simulated_name(m->host));
	*copy = *p;
	copy->due_us = now_us(m) + (uint64_t)delay_ms * 1000;
	while (*at && (*at)->due_us <= copy->due_us)
		at = &(*at)->next;
	copy->next = *at;
	*at = copy;
	arm(m);
	return 0;
}

/* ---- what is told ---- */

static void copy_domain(const struct simulated_domain *d, struct machine_domain *ret)
{
	size_t length = 0;

	*ret = (struct machine_domain){ .state = (int32_t)d->state, .facet = d->facet };
	TEXT_COPY(ret->name, d->name);
	TEXT_COPY(ret->uuid, d->uuid);
	TEXT_COPY(ret->reason, d->reason);
	for (uint32_t i = 0; i < d->devices_n; i++) {
		const struct host_device *device = &d->devices[i];

		length += (size_t)snprintf(
			ret->uses + length, sizeof(ret->uses) - length, "%s%s", i ? "," : "",
			device->mdev_uuid[0] ? device->mdev_uuid : device->address);
	}
}

static void tell_domains(struct simulated_machine *m, const struct pending *p)
{
	size_t n = simulated_domains(m->host);
	cleanup(cleanup_free) struct machine_domain *list = calloc(n + 1, sizeof(*list));
	struct error err = { 0 };
	int r = 0;

	if (!list)
		r = error_set(&err, ERR_NO_MEMORY, "list domains");
	else if (simulated_faults(m->host)->silent)
		r = error_set(&err, ERR_UNAVAILABLE, "host %s does not answer",
			      simulated_name(m->host));
	for (size_t i = 0; i < n && r == 0; i++)
		copy_domain(simulated_domain_at(m->host, i), &list[i]);
	p->done.domains(r, r == 0 ? list : NULL, r == 0 ? n : 0, &err, p->user);
}

static void tell_inventory(struct simulated_machine *m, const struct pending *p)
{
	struct machine_inventory found = { 0 };
	struct error err = { 0 };
	int r = simulated_inventory(m->host, &found.facts, &found.gpus, &found.gpus_n, &err);

	p->done.inventory(r, &found, &err, p->user);
	machine_inventory_done(&found);
}

static void tell_pending(struct simulated_machine *m)
{
	cleanup(cleanup_free) struct pending *p = m->pending;

	m->pending = p->next;
	arm(m);
	if (p->kind == PENDING_REPLY)
		p->done.reply(&p->reply, p->user);
	else if (p->kind == PENDING_DOMAINS)
		tell_domains(m, p);
	else
		tell_inventory(m, p);
}

static void tell_event(struct simulated_machine *m)
{
	struct machine_event event = { .kind = MACHINE_HARDWARE_CHANGED };
	machine_event_fn *listener = m->listener;
	void *user = m->listener_user;

	if (m->hardware_changed) {
		m->hardware_changed = false;
	} else {
		event.kind = MACHINE_DOMAINS_CHANGED;
		TEXT_COPY(event.name, m->domain);
		m->domains_changed = false;
	}
	arm(m);
	if (listener)
		listener(&event, user);
}

static int timer_fired(sd_event_source *source, uint64_t usec, void *user)
{
	struct simulated_machine *m = user;
	uint64_t now = now_us(m);

	(void)source;
	(void)usec;
	(void)simulated_advance(m->host, (int64_t)(now / 1000));
	if (m->pending && m->pending->due_us <= now)
		tell_pending(m);
	else if ((m->hardware_changed || m->domains_changed) && m->event_due_us <= now)
		tell_event(m);
	else
		arm(m);
	return 0;
}

static void host_changed(enum simulated_event event, const char *domain, void *user)
{
	struct simulated_machine *m = user;

	if (!m->hardware_changed && !m->domains_changed)
		m->event_due_us = now_us(m) + EVENT_DELAY_US;
	if (event == SIMULATED_HARDWARE) {
		m->hardware_changed = true;
		return;
	}
	if (!m->domains_changed)
		TEXT_COPY(m->domain, domain);
	else if (strcmp(m->domain, domain) != 0)
		m->domain[0] = '\0';
	m->domains_changed = true;
}

/* ---- the table of functions ---- */

static int machine_send(struct machine *machine, const struct host_request *q,
			machine_reply_fn *reply, void *user, struct error *err)
{
	struct simulated_machine *m = of(machine);
	struct pending p = { .kind = PENDING_REPLY, .done.reply = reply, .user = user };
	uint32_t delay_ms;
	int r = host_request_check(q, err);

	if (r < 0)
		return r;
	if (simulated_faults(m->host)->silent)
		return error_set(err, ERR_UNAVAILABLE, "host %s does not answer",
				 simulated_name(m->host));
	(void)simulated_advance(m->host, (int64_t)(now_us(m) / 1000));
	(void)simulated_execute(m->host, q, &p.reply, &delay_ms);
	return add(m, &p, delay_ms, err);
}

static int machine_list_domains(struct machine *machine, machine_domains_fn *done, void *user,
				struct error *err)
{
	struct simulated_machine *m = of(machine);
	struct pending p = { .kind = PENDING_DOMAINS, .done.domains = done, .user = user };

	return add(m, &p, simulated_faults(m->host)->look_ms, err);
}

static int machine_inventory(struct machine *machine, machine_inventory_fn *done, void *user,
			     struct error *err)
{
	struct simulated_machine *m = of(machine);
	struct pending p = { .kind = PENDING_INVENTORY, .done.inventory = done, .user = user };

	return add(m, &p, simulated_faults(m->host)->look_ms, err);
}

static int machine_functions(struct machine *machine, const char *pf, char (**ret)[PCI_SIZE],
			     size_t *ret_n, struct error *err)
{
	enum { MOST = 256 };
	char(*list)[PCI_SIZE] = calloc(MOST, PCI_SIZE);

	if (!list)
		return error_set(err, ERR_NO_MEMORY, "functions of %s", pf);
	*ret_n = simulated_functions(of(machine)->host, pf, list, MOST);
	*ret = list;
	return 0;
}

static void machine_watch(struct machine *machine, machine_event_fn *event, void *user)
{
	of(machine)->listener = event;
	of(machine)->listener_user = user;
}

static void machine_done(struct machine *machine)
{
	struct simulated_machine *m = of(machine);
	struct pending *p;

	while ((p = m->pending)) {
		m->pending = p->next;
		free(p);
	}
	sd_event_source_disable_unref(m->timer);
	sd_event_unref(m->event);
	simulated_free(m->host);
	free(m);
}

struct simulated_host *machine_simulated_host(struct machine *m)
{
	return of(m)->host;
}

void machine_simulated_poke(struct machine *m)
{
	arm(of(m));
}

int machine_simulated_new(sd_event *event, const char *spec, struct machine **ret, char *name,
			  struct error *err)
{
	struct simulated_machine *m = calloc(1, sizeof(*m));
	char boot_id[UUID_TEXT_SIZE];
	int r;

	if (!m)
		return error_set(err, ERR_NO_MEMORY, "simulated host");
	m->machine = (struct machine){ .send = machine_send, .list_domains = machine_list_domains,
				       .inventory = machine_inventory,
				       .functions = machine_functions, .watch = machine_watch,
				       .free = machine_done };
	m->event = sd_event_ref(event);
	r = simulated_parse(spec, &m->host, err);
	if (r == 0) {
		r = sd_event_add_time(event, &m->timer, CLOCK_MONOTONIC, UINT64_MAX, 1,
				      timer_fired, m);
		r = r < 0 ? error_errno(err, -r, "timer of simulated host") : 0;
	}
	if (r < 0) {
		machine_done(&m->machine);
		return r;
	}
	/* The host lives as long as this process: the next one's has rebooted. */
	uuid_make(boot_id);
	simulated_set_boot_id(m->host, boot_id);
	simulated_watch(m->host, host_changed, m);
	text_copy(name, NAME_SIZE, simulated_name(m->host));
	*ret = &m->machine;
	return 0;
}
