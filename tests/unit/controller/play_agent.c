/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's part: the same rules as src/agent/reconcile.c, on requests that are answered at
 * once. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "play.h"

static struct lease_played *work_of(struct host_played *h, const char *id)
{
	for (size_t i = 0; i < h->leases_n; i++)
		if (strcmp(h->leases[i].id, id) == 0)
			return &h->leases[i];
	if (h->leases_n == WORK_MAX)
		h->leases_n = 0; /* forgetting is what a restart does */
	h->leases[h->leases_n] = (struct lease_played){ 0 };
	TEXT_COPY(h->leases[h->leases_n].id, id);
	return &h->leases[h->leases_n++];
}

static struct vm_played *run_of(struct host_played *h, const char *name)
{
	for (size_t i = 0; i < h->vms_n; i++)
		if (strcmp(h->vms[i].name, name) == 0)
			return &h->vms[i];
	h->vms[h->vms_n] = (struct vm_played){ 0 };
	TEXT_COPY(h->vms[h->vms_n].name, name);
	return &h->vms[h->vms_n++];
}

static const struct simulated_domain *domain_of(const struct host_played *h, const char *name)
{
	for (size_t i = 0; i < simulated_domains(h->machine); i++)
		if (strcmp(simulated_domain_at(h->machine, i)->name, name) == 0)
			return simulated_domain_at(h->machine, i);
	return NULL;
}

static bool is_up(const struct simulated_domain *d)
{
	return d && d->pid != 0;
}

static bool has_device(const struct simulated_domain *d, const struct lease *l)
{
	for (uint32_t i = 0; d && i < d->devices_n; i++)
		if (l->mdev_uuid[0]
			    ? strcmp(d->devices[i].mdev_uuid, l->mdev_uuid) == 0
			    : strcmp(d->devices[i].address, l->vf[0] ? l->vf : l->address) == 0)
			return true;
	return false;
}

static bool must_exist(const struct lease *l)
{
	return l->state <= LEASE_ATTACHED;
}

static void fill(const struct lease *l, struct host_request *q)
{
	q->mode = l->placement != PLACEMENT_NONE ? GPU_MODE_MIXED : GPU_MODE_EQUAL;
	q->vgpu = (struct host_vgpu){ .framework = l->framework, .placement = l->placement,
				      .generation = l->generation, .adopt = l->adopted };
	TEXT_COPY(q->vgpu.address, l->address);
	TEXT_COPY(q->vgpu.vf, l->vf);
	TEXT_COPY(q->vgpu.mdev_uuid, l->mdev_uuid);
	TEXT_COPY(q->vgpu.profile, l->profile);
	TEXT_COPY(q->vgpu.params, l->params);
}

static int ask(struct host_played *h, enum host_op op, struct host_request *q,
	       struct host_reply *reply)
{
	uint32_t delay;

	q->op = (int32_t)op;
	*reply = (struct host_reply){ 0 };
	return simulated_execute(h->machine, q, reply, &delay);
}

static void enable_functions(struct host_played *h, const char *pf)
{
	struct host_request q = { 0 };
	struct host_reply reply;
	char functions[64][PCI_SIZE];

	if (simulated_functions(h->machine, pf, functions, 64) > 0)
		return;
	TEXT_COPY(q.vgpu.address, pf);
	ask(h, HOST_OP_VF_ENABLE, &q, &reply);
}

static void note_failure(struct lease_played *p, const struct host_reply *reply)
{
	p->kind = reply->err.kind;
	TEXT_COPY(p->reason, reply->err.text);
}

static void want_lease(struct host_played *h, struct lease_played *p, const struct lease *l)
{
	struct host_request q = { 0 };
	struct host_reply reply;

	p->gone = p->quarantined = false;
	if (p->made || p->failed)
		return;
	if (l->vf[0])
		enable_functions(h, l->address);
	fill(l, &q);
	/* Fails where the GPU is not empty; then it has the mode that it has. */
	ask(h, HOST_OP_MODE_SET, &q, &reply);
	if (ask(h, HOST_OP_VGPU_CREATE, &q, &reply) == 0) {
		p->made = true;
		return;
	}
	note_failure(p, &reply);
	p->failed = true;
}

/* Nobody's vGPU goes but that of a lease on its way out. */
static void drop_lease(struct world *w, struct host_played *h, struct lease_played *p,
		       const struct lease *l)
{
	const struct lease *now = controller_get(w->c, OBJECT_LEASE, l->id, NULL);
	struct host_request q = { 0 };
	struct host_reply reply;

	if (p->gone || p->quarantined ||
	    (is_up(domain_of(h, l->vm)) && has_device(domain_of(h, l->vm), l)))
		return;
	fill(l, &q);
	if (ask(h, HOST_OP_VGPU_DESTROY, &q, &reply) == 0) {
		p->gone = true;
		p->made = false;
		if (now && must_exist(now))
			play_fail(w, "the vGPU of lease %s was taken down", l->id);
		return;
	}
	note_failure(p, &reply);
	p->quarantined = reply.r == -ERR_IO;
}

static bool leases_made(struct host_played *h, const struct wanted_vm *v)
{
	for (size_t i = 0; i < h->wanted.leases_n; i++) {
		const struct lease *l = &h->wanted.leases[i];

		if (strcmp(l->vm_uuid, v->uuid) != 0 || l->state == LEASE_QUARANTINED)
			continue;
		if (!must_exist(l) || !work_of(h, l->id)->made)
			return false;
	}
	return true;
}

static void start(struct host_played *h, struct vm_played *p, const struct wanted_vm *v)
{
	struct host_request q = { 0 };
	struct host_reply reply;

	for (size_t i = 0; i < h->wanted.leases_n && q.devices_n < DEVICE_COUNT_MAX; i++) {
		const struct lease *l = &h->wanted.leases[i];
		struct host_device *d = &q.devices[q.devices_n];

		if (strcmp(l->vm_uuid, v->uuid) != 0 || !must_exist(l))
			continue;
		d->framework = l->framework;
		if (l->mdev_uuid[0])
			TEXT_COPY(d->mdev_uuid, l->mdev_uuid);
		else
			TEXT_COPY(d->address, l->vf[0] ? l->vf : l->address);
		q.devices_n++;
	}
	TEXT_COPY(q.vm_name, v->name);
	TEXT_COPY(q.vm_uuid, v->uuid);
	if (!p->devices_set) {
		p->devices_set = ask(h, HOST_OP_DOMAIN_DEVICES, &q, &reply) == 0;
		p->start_failed = !p->devices_set;
		return;
	}
	q.devices_n = 0;
	p->up = ask(h, HOST_OP_DOMAIN_START, &q, &reply) == 0;
	p->start_failed = !p->up;
}

static void want_vm(struct host_played *h, const struct wanted_vm *v)
{
	const struct simulated_domain *d = domain_of(h, v->name);
	struct vm_played *p = run_of(h, v->name);
	struct host_request q = { 0 };
	struct host_reply reply;

	if (!v->managed)
		return;
	if (v->wanted == VM_WANTED_STOPPED) {
		p->run = v->run;
		TEXT_COPY(q.vm_name, v->name);
		TEXT_COPY(q.vm_uuid, v->uuid);
		if (is_up(d))
			ask(h,
			    v->stop_how == STOP_FORCE ? HOST_OP_DOMAIN_DESTROY
						      : HOST_OP_DOMAIN_SHUTDOWN,
			    &q, &reply);
		return;
	}
	if (p->run != v->run) {
		*p = (struct vm_played){ .run = v->run };
		TEXT_COPY(p->name, v->name);
	}
	if (is_up(d))
		p->up = true;
	else if (!p->up && !p->start_failed && !v->boot_id[0] && leases_made(h, v))
		start(h, p, v);
}

void play_look(struct world *w, struct host_played *h)
{
	if (!h->has_wanted)
		return;
	for (size_t i = 0; i < h->wanted.vf_gpus_n; i++)
		enable_functions(h, h->wanted.vf_gpus[i]);
	for (size_t i = 0; i < h->wanted.leases_n; i++) {
		const struct lease *l = &h->wanted.leases[i];
		struct lease_played *p = work_of(h, l->id);

		/* One thing after the other: a report may come between any two. */
		if (play_random(w, 4) == 0)
			continue;
		if (must_exist(l))
			want_lease(h, p, l);
		else if (l->state == LEASE_QUARANTINED)
			p->made = p->failed = p->quarantined = p->gone = false;
		else
			drop_lease(w, h, p, l);
	}
	for (size_t i = 0; i < h->wanted.vms_n; i++)
		if (play_random(w, 4))
			want_vm(h, &h->wanted.vms[i]);
}

void play_hear(struct world *w, struct host_played *h)
{
	json_auto_t *j = NULL;
	struct error err;

	if (!h->line)
		return;
	if (json_parse(h->line, strlen(h->line), SIZE_MAX, &j, &err) < 0)
		play_fail(w, "wanted state: %s", err.text);
	fields_done(&wanted_fields, &h->wanted);
	if (fields_read(&wanted_fields, j, FIELDS_TRUSTED, &h->wanted, &err) < 0)
		play_fail(w, "wanted state: %s", err.text);
	h->has_wanted = true;
	free(h->line);
	h->line = NULL;
}

/* ---- reports ---- */

static void tell_lease(struct world *w, struct host_played *h, const struct lease *l,
		       struct lease_report *rep)
{
	const struct lease_played *p = work_of(h, l->id);
	const struct simulated_domain *d = domain_of(h, l->vm);

	*rep = (struct lease_report){ .generation = l->generation, .gone = p->gone,
				      .placement = PLACEMENT_NONE };
	TEXT_COPY(rep->id, l->id);
	TEXT_COPY(rep->reason, p->reason);
	TEXT_COPY(rep->error_kind, p->reason[0] ? error_name(p->kind) : "");
	rep->state = l->state == LEASE_RESERVED ? LEASE_CREATING : l->state;
	if (p->failed)
		rep->state = LEASE_FAILED;
	else if (p->quarantined)
		rep->state = LEASE_QUARANTINED;
	else if (p->made)
		rep->state = is_up(d) && has_device(d, l) ? LEASE_ATTACHED : LEASE_READY;
	else if (l->state == LEASE_READY || l->state == LEASE_ATTACHED)
		rep->state = LEASE_CREATING;
	if (rep->gone && w->gone_n < GONE_MAX)
		memcpy(w->gone[w->gone_n++], l->id, LEASE_ID_SIZE);
}

static void list_uses(const struct simulated_domain *d, char *uses, size_t size)
{
	size_t n = 0;

	uses[0] = '\0';
	for (uint32_t i = 0; i < d->devices_n && n < size; i++)
		n += (size_t)snprintf(uses + n, size - n, "%s%s", i ? "," : "",
				      d->devices[i].mdev_uuid[0] ? d->devices[i].mdev_uuid
								 : d->devices[i].address);
}

static const struct wanted_vm *wanted_of(const struct host_played *h, const char *name)
{
	for (size_t i = 0; i < h->wanted.vms_n; i++)
		if (strcmp(h->wanted.vms[i].name, name) == 0)
			return &h->wanted.vms[i];
	return NULL;
}

static void tell_vm(struct host_played *h, const struct simulated_domain *d, struct vm_report *rep)
{
	const struct wanted_vm *v = wanted_of(h, d->name);
	const struct vm_played *p = v ? run_of(h, d->name) : NULL;
	bool ran_here = v && v->boot_id[0] && strcmp(v->boot_id, h->boot_id) == 0;

	*rep = (struct vm_report){ .state = (int)d->state, .foreign = !v };
	TEXT_COPY(rep->name, d->name);
	TEXT_COPY(rep->uuid, d->uuid);
	list_uses(d, rep->uses, sizeof(rep->uses));
	if (!v || !v->managed || p->run != v->run)
		return;
	rep->run = p->run;
	rep->start_failed = p->start_failed;
	rep->ended = v->wanted == VM_WANTED_RUNNING && (p->up || ran_here) && !is_up(d);
	TEXT_COPY(rep->reason, rep->start_failed ? "no" : rep->ended ? d->reason : "");
}

/* Functions by name, as the agent adds them. */
static void add_functions(struct host_played *h, struct gpu *g)
{
	char found[64][PCI_SIZE];
	size_t n = simulated_functions(h->machine, g->address, found, 64);

	if (g->functions_n || !n)
		return;
	g->functions = calloc(n, sizeof(*g->functions));
	for (size_t i = 0; i < n; i++)
		g->functions[g->functions_n++] = strdup(found[i]);
}

static void add_inventory(struct world *w, struct host_played *h, struct report *rep)
{
	struct error err;

	if (simulated_inventory(h->machine, &rep->facts, &rep->gpus, &rep->gpus_n, &err) < 0)
		play_fail(w, "inventory: %s", err.text);
	TEXT_COPY(rep->facts.name, rep->host);
	for (size_t i = 0; i < rep->gpus_n; i++)
		add_functions(h, &rep->gpus[i]);
}

static json_t *make_report(struct world *w, struct host_played *h)
{
	struct report rep = { .has_inventory = !h->told || play_random(w, 4) == 0,
			      .revision = h->wanted.revision };
	struct lease_report leases[WORK_MAX];
	struct vm_report vms[16];
	json_t *j;

	TEXT_COPY(rep.host, simulated_name(h->machine));
	TEXT_COPY(rep.boot_id, h->boot_id);
	if (rep.has_inventory)
		add_inventory(w, h, &rep);
	h->told = true;
	for (size_t i = 0; i < h->wanted.leases_n && i < WORK_MAX; i++)
		tell_lease(w, h, &h->wanted.leases[i], &leases[rep.leases_n++]);
	for (size_t i = 0; i < simulated_domains(h->machine) && i < 16; i++)
		tell_vm(h, simulated_domain_at(h->machine, i), &vms[rep.vms_n++]);
	rep.leases = leases;
	rep.vms = vms;
	j = fields_write(&report_fields, &rep);
	rep.leases = NULL;
	rep.vms = NULL;
	rep.leases_n = rep.vms_n = 0;
	fields_done(&report_fields, &rep);
	return j;
}

void play_report(struct world *w, struct host_played *h, enum fate fate)
{
	const char *name = simulated_name(h->machine);
	json_t *j = make_report(w, h), **old = &h->old[play_random(w, OLD_MAX)];

	if (fate == FATE_ARRIVES || fate == FATE_DOUBLED)
		play_do(w, COMMAND_HOST_REPORT, name, "", json_incref(j));
	if (fate == FATE_DOUBLED)
		play_do(w, COMMAND_HOST_REPORT, name, "", json_incref(j));
	if (fate == FATE_OLD_ONE && *old) {
		play_do(w, COMMAND_HOST_REPORT, name, "", *old);
		*old = NULL;
	}
	if (fate == FATE_DELAYED || fate == FATE_ARRIVES) {
		json_decref(*old);
		*old = json_incref(j);
	}
	json_decref(j);
}

void play_agent_restart(struct world *w, struct host_played *h)
{
	(void)w;
	h->leases_n = h->vms_n = 0;
	h->has_wanted = h->told = false;
	fields_done(&wanted_fields, &h->wanted);
	free(h->line);
	h->line = NULL;
	/* It reads what is wanted anew when the controller is next looked at. */
	if (h->feed)
		controller_unfeed(h->feed);
	h->feed = NULL;
}

void play_reboot(struct world *w, struct host_played *h)
{
	simulated_reboot(h->machine);
	snprintf(h->boot_id, sizeof(h->boot_id), "00000000-0000-4000-8000-%012u", ++w->boots);
	simulated_set_boot_id(h->machine, h->boot_id);
	h->foreign = 0;
	play_agent_restart(w, h);
}

void play_foreign(struct world *w, struct host_played *h)
{
	struct host_vgpu v = { .framework = FRAMEWORK_VENDOR_VFIO, .address = "0000:21:00.0",
			       .vf = "0000:21:00.6", .profile = "NVIDIA L40S-8Q",
			       .placement = PLACEMENT_NONE };
	struct error err;

	if (play_random(w, 2))
		return;
	enable_functions(h, v.address);
	if (simulated_foreign(h->machine, &v, &err) < 0)
		play_fail(w, "foreign: %s", err.text);
	h->foreign = 1;
}
