/* SPDX-License-Identifier: Apache-2.0 */
/* The line to the controller: a stream of wanted states in, reports out.  Both are whole states, so
 * whatever was lost is made good by the next one. */
#include <string.h>

#include "agent/internal.h"
#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"

enum { BACKOFF_MAX_US = 10000000, STREAM_SILENCE_MS = 30000, POST_TIMEOUT_MS = 20000 };

/* Doubling pauses, moved by the host's own phase so that a thousand agents do not come at once. */
static int64_t pause_us(const struct agent *a, unsigned failures)
{
	int64_t us = 100000LL << (failures < 7 ? failures : 7);

	us = us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US;
	return us + us * (a->host[0] ? (unsigned char)a->host[strlen(a->host) - 1] % 16 : 0) / 32;
}

/* ---- wanted state ---- */

/* facetd of this version writes what is read without a tree. */
static int read_wanted(const char *line, size_t n, struct wanted *ret, struct error *err)
{
	json_auto_t *j = NULL;
	int r;

	if (strlen(line) == n && fields_read_text(&wanted_fields, line, ret))
		return 0;
	r = json_parse(line, n, HTTP_LINE_MAX, &j, err);
	return r < 0 ? r : fields_read(&wanted_fields, j, FIELDS_TRUSTED, ret, err);
}

static int on_line(void *user, const char *line, size_t n, struct error *err)
{
	struct agent *a = user;
	struct wanted w = { 0 };
	int r;

	if (n == 0)
		return 0;
	r = read_wanted(line, n, &w, err);
	if (r == 0 && strcmp(w.host, a->host) != 0)
		r = error_set(err, ERR_INVALID, "wanted state of %s came to %s", w.host, a->host);
	if (r == 0)
		agent_take_wanted(a, &w);
	fields_done(&wanted_fields, &w);
	a->stream_failures = 0;
	return r;
}

static int reconnect(sd_event_source *s, uint64_t usec, void *user)
{
	struct agent *a = user;

	(void)s;
	(void)usec;
	a->reconnect = sd_event_source_disable_unref(a->reconnect);
	if (!a->stream)
		agent_connect(a);
	return 0;
}

static void on_ended(void *user, int r, const struct error *err)
{
	struct agent *a = user;

	a->stream = NULL;
	if (r < 0 && a->stream_failures == 0)
		log_warning("%s: wanted state: %s", a->host, err->text);
	a->stream_failures++;
	/* The tick would try too, once a second; a controller that comes back should be seen
	 * sooner. */
	a->reconnect = sd_event_source_disable_unref(a->reconnect);
	if (sd_event_add_time_relative(a->event, &a->reconnect, CLOCK_MONOTONIC,
				       (uint64_t)pause_us(a, a->stream_failures), 50000, reconnect,
				       a) < 0)
		a->reconnect = NULL;
}

void agent_connect(struct agent *a)
{
	const struct unix_reader reader = { on_line, on_ended, a };
	struct http_request q = { .method = "GET", .timeout_ms = STREAM_SILENCE_MS };
	struct text path = { 0 };
	struct error err;
	int r;

	text_add(&path, "/v1/hosts");
	http_path_add(&path, a->host);
	http_path_add(&path, "wanted");
	q.path = path.data;
	r = unix_lines(a->event, a->controller, &q, &reader, &a->stream, &err);
	text_done(&path);
	if (r == 0)
		return;
	a->stream = NULL;
	if (a->stream_failures++ == 0)
		log_warning("%s: %s", a->host, err.text);
}

/* ---- reports ---- */

static void report_lease(struct agent *a, const struct lease *l, struct lease_report *rep)
{
	const struct lease_work *w = lease_work_find(a, l->id);
	const struct machine_domain *d = agent_domain(a, l->vm_uuid, l->vm);
	const char *where = l->mdev_uuid[0] ? l->mdev_uuid : l->vf[0] ? l->vf : l->address;

	*rep = (struct lease_report){ .generation = l->generation, .placement = PLACEMENT_NONE };
	TEXT_COPY(rep->id, l->id);
	rep->state = l->state == LEASE_RESERVED ? LEASE_CREATING : l->state;
	if (!w || w->generation != l->generation)
		return;
	rep->gone = w->gone;
	rep->result = (int)w->result;
	rep->type_id = w->type_id;
	rep->placement = w->placement;
	TEXT_COPY(rep->reason, w->reason);
	TEXT_COPY(rep->error_kind, w->reason[0] ? error_name(w->kind) : "");
	if (w->failed)
		rep->state = LEASE_FAILED;
	else if (w->quarantined)
		rep->state = LEASE_QUARANTINED;
	else if (w->made)
		rep->state =
			domain_is_up(d) && strstr(d->uses, where) ? LEASE_ATTACHED : LEASE_READY;
	else if (l->state == LEASE_READY || l->state == LEASE_ATTACHED)
		rep->state = LEASE_CREATING;
}

static void report_known_vm(struct agent *a, const struct wanted_vm *v, struct vm_report *rep)
{
	const struct machine_domain *d = agent_domain(a, v->uuid, v->name);
	const struct vm_work *w = vm_work_find(a, v->name);
	bool ran_here = v->boot_id[0] && strcmp(v->boot_id, a->boot_id) == 0;

	*rep = (struct vm_report){ .state = d ? d->state : VM_UNDEFINED };
	TEXT_COPY(rep->name, v->name);
	TEXT_COPY(rep->uuid, d ? d->uuid : v->uuid);
	if (d)
		TEXT_COPY(rep->uses, d->uses);
	/* What is under way may bring it up in the next moment: it is not down. */
	if (w && w->busy && !domain_is_up(d))
		rep->state = VM_STARTING;
	if (!w || !v->managed || w->run != v->run)
		return;
	rep->run = w->run;
	rep->start_failed = w->start_failed;
	if (v->wanted == VM_WANTED_RUNNING && (w->up || ran_here) && !w->busy)
		rep->ended = !domain_is_up(d) && rep->state != VM_STARTING;
	/* libvirt's reason is that of the last end: while a run begins it is about another one. */
	TEXT_COPY(rep->reason, w->reason[0] ? w->reason : rep->ended && d ? d->reason : "");
}

static bool is_wanted_vm(const struct agent *a, const struct machine_domain *d)
{
	for (size_t i = 0; i < a->wanted.vms_n; i++) {
		const struct wanted_vm *v = &a->wanted.vms[i];

		if (v->uuid[0] ? strcmp(v->uuid, d->uuid) == 0 : strcmp(v->name, d->name) == 0)
			return true;
	}
	return false;
}

/* While libvirt does not answer nothing is said of any VM: silence means unknown, never stopped. */
static void report_vms(struct agent *a, struct report *rep)
{
	if (!a->has_domains)
		return;
	rep->vms = calloc(a->wanted.vms_n + a->domains_n + 1, sizeof(*rep->vms));
	if (!rep->vms)
		return;
	for (size_t i = 0; i < a->wanted.vms_n; i++)
		report_known_vm(a, &a->wanted.vms[i], &rep->vms[rep->vms_n++]);
	for (size_t i = 0; i < a->domains_n; i++) {
		const struct machine_domain *d = &a->domains[i];
		struct vm_report *v = &rep->vms[rep->vms_n];

		if (is_wanted_vm(a, d))
			continue;
		*v = (struct vm_report){ .state = d->state, .foreign = true };
		TEXT_COPY(v->name, d->name);
		TEXT_COPY(v->uuid, d->uuid);
		TEXT_COPY(v->uses, d->uses);
		TEXT_COPY(v->reason, d->reason);
		rep->vms_n++;
	}
}

/* The inventory is lent to the report, not copied: it is the larger part by far. */
static json_t *make_report(struct agent *a)
{
	struct report rep = { .number = ++a->report_number, .revision = a->wanted.revision };
	json_t *j;

	TEXT_COPY(rep.host, a->host);
	TEXT_COPY(rep.boot_id, a->boot_id);
	rep.has_inventory = a->inventory_news;
	if (rep.has_inventory) {
		rep.facts = a->inventory.facts;
		rep.gpus = a->inventory.gpus;
		rep.gpus_n = a->inventory.gpus_n;
	}
	rep.leases = calloc(a->wanted.leases_n + 1, sizeof(*rep.leases));
	for (size_t i = 0; rep.leases && i < a->wanted.leases_n; i++)
		report_lease(a, &a->wanted.leases[i], &rep.leases[rep.leases_n++]);
	report_vms(a, &rep);
	j = fields_write(&report_fields, &rep);
	free(rep.leases);
	free(rep.vms);
	return j;
}

static void on_posted(void *user, int r, const struct http_answer *answer, const struct error *err)
{
	struct agent *a = user;

	(void)answer;
	a->posting = NULL;
	if (r == 0) {
		crash_point("agent.reported");
		a->report_failures = 0;
		if (a->report_due)
			agent_kick(a);
		return;
	}
	if (a->report_failures++ == 0)
		log_warning("%s: report: %s", a->host, err->text);
	/* Everything is told again: who knows what of it arrived. */
	a->inventory_news = a->has_inventory;
	a->report_us = agent_now_us(a) + pause_us(a, a->report_failures);
}

void agent_send_report(struct agent *a)
{
	struct http_request q = { .method = "POST", .timeout_ms = POST_TIMEOUT_MS };
	struct text path = { 0 };
	json_auto_t *body = NULL;
	struct error err;
	int r;

	if (a->posting || !a->has_inventory)
		return;
	if (a->report_failures && agent_now_us(a) < a->report_us)
		return;
	body = make_report(a);
	text_add(&path, "/v1/hosts");
	http_path_add(&path, a->host);
	http_path_add(&path, "report");
	q.path = path.data;
	q.body = body;
	crash_point("agent.reporting");
	a->report_due = false;
	a->inventory_news = false;
	a->report_us = agent_now_us(a) + (int64_t)a->report_ms * 1000;
	r = unix_request(a->event, a->controller, &q, on_posted, a, &a->posting, &err);
	text_done(&path);
	if (r < 0)
		on_posted(a, r, NULL, &err);
}

void agent_link_done(struct agent *a)
{
	a->reconnect = sd_event_source_disable_unref(a->reconnect);
	a->stream = unix_call_cancel(a->stream);
	a->posting = unix_call_cancel(a->posting);
}
