/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an agent: its loop, its timers, and the pictures it keeps of the machine. */
#include "agent/internal.h"

#include <string.h>

#include "base/log.h"

enum { TICK_US = 1000000 };

void agent_kick(struct agent *a)
{
	sd_event_source_set_enabled(a->defer, SD_EVENT_ONESHOT);
}

void agent_report_due(struct agent *a)
{
	a->report_due = true;
	agent_kick(a);
}

/* ---- domains ---- */

static void domains_listed(int r, const struct machine_domain *domains, size_t n,
			   const struct error *err, void *user)
{
	struct agent *a = user;
	struct machine_domain *copy;

	a->domains_busy = false;
	if (r < 0) {
		/* Said once: a libvirt that is down for an hour is one piece of news. */
		if (a->domains_failures++ == 0)
			log_warning("%s: listing domains: %s", a->host, err->text);
		a->domains_us = agent_now_us(a) + (a->domains_failures < 5 ? 1000000 : 5000000);
		return;
	}
	if (a->domains_failures > 0)
		log_info("%s: libvirt answers again", a->host);
	a->domains_failures = 0;
	/* What was started or stopped while the list was made may be wrong in it. */
	if (a->domains_asked_at != a->domain_changes) {
		a->domains_stale = true;
		agent_kick(a);
		return;
	}
	copy = calloc(n ? n : 1, sizeof(*copy));
	if (!copy)
		return;
	memcpy(copy, domains, n * sizeof(*copy));
	/* libvirt holds a domain paused until all of it is in place: it is not up yet. */
	for (size_t i = 0; i < n; i++)
		if (copy[i].state == VM_PAUSED && strcmp(copy[i].reason, "starting") == 0)
			copy[i].state = VM_STARTING;
	free(a->domains);
	a->domains = copy;
	a->domains_n = n;
	a->has_domains = true;
	agent_report_due(a);
}

static void list_domains(struct agent *a)
{
	struct error err;

	if (a->domains_busy)
		return;
	if (a->machine->list_domains(a->machine, domains_listed, a, &err) < 0) {
		log_warning("%s: listing domains: %s", a->host, err.text);
		return;
	}
	a->domains_busy = true;
	a->domains_stale = false;
	a->domains_asked_at = a->domain_changes;
	a->domains_us = agent_now_us(a) + (int64_t)a->domains_ms * 1000;
}

/* ---- inventory ---- */

/* The machine names functions by its links; the inventory may have them already. */
static void add_functions(struct agent *a, struct gpu *g)
{
	char(*found)[PCI_SIZE] = NULL;
	size_t n = 0;

	if (g->functions_n > 0 || g->vf_enabled == 0 || !a->machine->functions)
		return;
	if (a->machine->functions(a->machine, g->address, &found, &n, NULL) < 0 || n == 0)
		return;
	g->functions = calloc(n, sizeof(*g->functions));
	for (size_t i = 0; g->functions && i < n; i++)
		if ((g->functions[i] = strdup(found[i])))
			g->functions_n = i + 1;
	free(found);
}

static void inventory_taken(int r, struct machine_inventory *inventory, const struct error *err,
			    void *user)
{
	struct agent *a = user;

	a->inventory_busy = false;
	if (r < 0) {
		log_warning("%s: looking at the hardware: %s", a->host, err->text);
		a->inventory_us = agent_now_us(a) + 1000000;
		return;
	}
	if (a->inventory_asked_at != a->vgpu_changes) {
		a->inventory_stale = true;
		agent_kick(a);
		return;
	}
	machine_inventory_done(&a->inventory);
	a->inventory = *inventory;
	*inventory = (struct machine_inventory){ 0 };
	TEXT_COPY(a->inventory.facts.name, a->host);
	TEXT_COPY(a->inventory.facts.agent_version, FACET_VERSION);
	for (size_t i = 0; i < a->inventory.gpus_n; i++)
		add_functions(a, &a->inventory.gpus[i]);
	TEXT_COPY(a->boot_id, a->inventory.facts.boot_id);
	a->has_inventory = a->inventory_news = true;
	agent_miss_vgpus(a);
	agent_report_due(a);
}

static void take_inventory(struct agent *a)
{
	struct error err;

	if (a->inventory_busy)
		return;
	if (a->machine->inventory(a->machine, inventory_taken, a, &err) < 0) {
		log_warning("%s: looking at the hardware: %s", a->host, err.text);
		return;
	}
	a->inventory_busy = true;
	a->inventory_stale = false;
	a->inventory_asked_at = a->vgpu_changes;
	a->inventory_us = agent_now_us(a) + (int64_t)a->inventory_ms * 1000;
}

/* ---- the loop ---- */

static void on_machine_event(const struct machine_event *event, void *user)
{
	struct agent *a = user;

	switch (event->kind) {
	case MACHINE_DOMAINS_CHANGED:
		a->domains_stale = true;
		break;
	case MACHINE_HARDWARE_CHANGED:
		a->inventory_stale = true;
		break;
	case MACHINE_LOST:
		log_error("%s: the privileged half is gone; ending to be started afresh", a->host);
		sd_event_exit(a->event, 1);
		return;
	}
	agent_kick(a);
}

static int look(sd_event_source *s, void *user)
{
	struct agent *a = user;
	int64_t now = agent_now_us(a);

	(void)s;
	if (a->domains_stale || now >= a->domains_us)
		list_domains(a);
	if (a->inventory_stale || now >= a->inventory_us)
		take_inventory(a);
	if (a->has_wanted && a->has_domains && a->has_inventory)
		agent_reconcile(a);
	agent_hooks_look(a);
	if (a->report_due || now >= a->report_us)
		agent_send_report(a);
	return 0;
}

static int tick(sd_event_source *s, uint64_t usec, void *user)
{
	struct agent *a = user;

	(void)usec;
	if (!a->stream)
		agent_connect(a);
	agent_kick(a);
	sd_event_source_set_time_relative(s, TICK_US);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

void agent_take_wanted(struct agent *a, struct wanted *w)
{
	if (a->has_wanted && w->revision < a->wanted.revision)
		log_warning("%s: wanted state went back from revision %ju to %ju", a->host,
			    (uintmax_t)a->wanted.revision, (uintmax_t)w->revision);
	/* The controller believes a word about a VM only from who has heard its own newest one. */
	if (!a->has_wanted || w->revision != a->wanted.revision)
		a->report_due = true;
	fields_done(&wanted_fields, &a->wanted);
	a->wanted = *w;
	*w = (struct wanted){ 0 };
	a->has_wanted = true;
	agent_kick(a);
}

static int start_loop(struct agent *a, struct error *err)
{
	int r = sd_event_add_defer(a->event, &a->defer, look, a);

	if (r >= 0)
		r = sd_event_source_set_priority(a->defer, SD_EVENT_PRIORITY_NORMAL + 10);
	if (r >= 0)
		r = sd_event_add_time_relative(a->event, &a->timer, CLOCK_MONOTONIC, TICK_US,
					       100000, tick, a);
	return r < 0 ? error_errno(err, -r, "event loop of the agent") : 0;
}

int agent_new(sd_event *event, struct machine *machine, const struct agent_config *config,
	      int listen_fd, struct agent **ret, struct error *err)
{
	struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a) {
		machine_free(machine);
		return error_set(err, ERR_NO_MEMORY, "an agent");
	}
	a->event = sd_event_ref(event);
	a->machine = machine;
	a->clock = config->clock;
	a->report_ms = config->report_ms ?: 10000;
	a->domains_ms = config->domains_ms ?: 60000;
	a->inventory_ms = config->inventory_ms ?: 60000;
	a->controller = strdup(config->controller);
	TEXT_COPY(a->host, config->host);
	r = a->controller ? start_loop(a, err) : error_set(err, ERR_NO_MEMORY, "an agent");
	if (r == 0 && listen_fd < 0 && config->hook)
		r = agent_hook_listen(config->hook, &listen_fd, err);
	if (r == 0 && listen_fd >= 0)
		r = agent_hook_start(a, listen_fd, err);
	if (r < 0) {
		agent_free(a);
		return r;
	}
	machine->watch(machine, on_machine_event, a);
	agent_connect(a);
	*ret = a;
	return 0;
}

struct agent *agent_free(struct agent *a)
{
	if (!a)
		return NULL;
	agent_link_done(a);
	agent_hooks_done(a);
	machine_free(a->machine);
	machine_inventory_done(&a->inventory);
	fields_done(&wanted_fields, &a->wanted);
	free(a->domains);
	free(a->leases);
	free(a->vms);
	free(a->controller);
	sd_event_source_disable_unref(a->timer);
	sd_event_source_disable_unref(a->defer);
	sd_event_unref(a->event);
	free(a);
	return NULL;
}
