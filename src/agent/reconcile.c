/* SPDX-License-Identifier: Apache-2.0 */
/* One look at everything: what is wanted, what is, and the next request for each difference.
 *
 * Each object has at most one request under way, and its reply kicks the next look.  Order comes
 * from what a step needs: functions before vGPUs on them, all vGPUs of a VM before the VM. */
#include <string.h>

#include "agent/internal.h"
#include "base/crash.h"
#include "base/log.h"

enum { ASK_AGAIN_US = 10000000 };

bool domain_is_up(const struct machine_domain *d)
{
	return d && (d->state == VM_RUNNING || d->state == VM_PAUSED || d->state == VM_STOPPING);
}

const struct machine_domain *agent_domain(const struct agent *a, const char *uuid, const char *name)
{
	for (size_t i = 0; i < a->domains_n; i++)
		if (uuid[0] ? strcmp(a->domains[i].uuid, uuid) == 0
			    : strcmp(a->domains[i].name, name) == 0)
			return &a->domains[i];
	return NULL;
}

/* ---- work records ---- */

struct lease_work *lease_work_find(struct agent *a, const char *id)
{
	for (size_t i = 0; i < a->leases_n; i++)
		if (strcmp(a->leases[i].id, id) == 0)
			return &a->leases[i];
	return NULL;
}

struct vm_work *vm_work_find(struct agent *a, const char *name)
{
	for (size_t i = 0; i < a->vms_n; i++)
		if (strcmp(a->vms[i].name, name) == 0)
			return &a->vms[i];
	return NULL;
}

static struct lease_work *lease_work_for(struct agent *a, const struct lease *l)
{
	struct lease_work *w = lease_work_find(a, l->id);
	void *rows;

	if (w && w->generation == l->generation)
		return w;
	if (!w) {
		rows = realloc(a->leases, (a->leases_n + 1) * sizeof(*a->leases));
		if (!rows)
			return NULL;
		a->leases = rows;
		w = &a->leases[a->leases_n++];
	}
	*w = (struct lease_work){ .generation = l->generation, .placement = PLACEMENT_NONE };
	TEXT_COPY(w->id, l->id);
	return w;
}

static struct vm_work *vm_work_for(struct agent *a, const struct wanted_vm *v)
{
	struct vm_work *w = vm_work_find(a, v->name);
	void *rows;

	if (!w) {
		rows = realloc(a->vms, (a->vms_n + 1) * sizeof(*a->vms));
		if (!rows)
			return NULL;
		a->vms = rows;
		w = &a->vms[a->vms_n++];
		*w = (struct vm_work){ 0 };
		TEXT_COPY(w->name, v->name);
	}
	TEXT_COPY(w->uuid, v->uuid);
	return w;
}

/* What is no longer wanted and not under way is forgotten. */
static void sweep(struct agent *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->leases_n; i++)
		if (a->leases[i].listed || a->leases[i].busy)
			a->leases[kept++] = a->leases[i];
	a->leases_n = kept;
	kept = 0;
	for (size_t i = 0; i < a->vms_n; i++)
		if (a->vms[i].listed || a->vms[i].busy)
			a->vms[kept++] = a->vms[i];
	a->vms_n = kept;
}

/* Replies name their object again: the arrays may have moved meanwhile. */
struct ticket {
	struct agent *a;
	char name[NAME_SIZE];
	uint32_t generation, run;
	enum host_op op;
};

static struct ticket *ticket_new(struct agent *a, const char *name, enum host_op op)
{
	struct ticket *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->a = a;
	t->op = op;
	TEXT_COPY(t->name, name);
	return t;
}

static bool ask(struct agent *a, struct host_request *q, struct ticket *t, machine_reply_fn *reply)
{
	struct error err;

	if (!t)
		return false;
	q->op = (int32_t)t->op;
	if (a->machine->send(a->machine, q, reply, t, &err) == 0)
		return true;
	log_warning("%s: %s of %s: %s", a->host, names_word(&host_op_names, (int)t->op), t->name,
		    err.text);
	free(t);
	return false;
}

/* ---- functions ---- */

static void functions_enabled(const struct host_reply *reply, void *user)
{
	struct ticket *t = user;
	struct agent *a = t->a;

	for (size_t i = 0; i < 16; i++)
		if (strcmp(a->vf_busy[i], t->name) == 0)
			a->vf_busy[i][0] = '\0';
	if (reply->r < 0) {
		log_warning("%s: functions of %s: %s", a->host, t->name, reply->err.text);
		a->vf_retry_us = agent_now_us(a) + 5000000;
	}
	a->vgpu_changes++;
	a->inventory_stale = true;
	free(t);
	agent_kick(a);
}

static bool functions_busy(const struct agent *a, const char *pf)
{
	for (size_t i = 0; i < 16; i++)
		if (strcmp(a->vf_busy[i], pf) == 0)
			return true;
	return false;
}

static const struct gpu *gpu_at(const struct agent *a, const char *address)
{
	for (size_t i = 0; i < a->inventory.gpus_n; i++)
		if (strcmp(a->inventory.gpus[i].address, address) == 0)
			return &a->inventory.gpus[i];
	return NULL;
}

static void enable_functions(struct agent *a, const char *pf)
{
	const struct gpu *g = gpu_at(a, pf);
	struct host_request q = { 0 };
	size_t slot = 0;

	/* Only a look at the hardware that is newer than the last attempt says whether they are
	 * missing: enabling them again would drop what was made on them meanwhile. */
	if (!g || g->vf_enabled > 0 || a->inventory_stale || a->inventory_busy)
		return;
	while (slot < 16 && a->vf_busy[slot][0])
		slot++;
	if (slot == 16 || functions_busy(a, pf) || agent_now_us(a) < a->vf_retry_us)
		return;
	TEXT_COPY(q.vgpu.address, pf);
	if (ask(a, &q, ticket_new(a, pf, HOST_OP_VF_ENABLE), functions_enabled))
		TEXT_COPY(a->vf_busy[slot], pf);
}

/* After a reboot the functions that leases lie on are not there yet. */
static bool functions_ready(struct agent *a, const struct lease *l)
{
	const struct gpu *g = gpu_at(a, l->address);

	if (!l->vf[0])
		return true;
	if (g && g->vf_enabled == 0 && g->vf_total > 0)
		enable_functions(a, l->address);
	return g && g->vf_enabled > 0 && !functions_busy(a, l->address);
}

/* ---- leases ---- */

static bool must_exist(const struct lease *l)
{
	return l->state == LEASE_RESERVED || l->state == LEASE_CREATING ||
	       l->state == LEASE_READY || l->state == LEASE_ATTACHED;
}

static bool must_go(const struct lease *l)
{
	return l->state == LEASE_RELEASING || l->state == LEASE_FAILED;
}

static void fill_vgpu(const struct lease *l, struct host_vgpu *v)
{
	v->framework = l->framework;
	v->placement = l->placement;
	v->generation = l->generation;
	v->adopt = l->adopted;
	TEXT_COPY(v->address, l->address);
	TEXT_COPY(v->vf, l->vf);
	TEXT_COPY(v->mdev_uuid, l->mdev_uuid);
	TEXT_COPY(v->profile, l->profile);
	TEXT_COPY(v->params, l->params);
}

static void note_failure(struct agent *a, struct lease_work *w, const struct host_reply *reply)
{
	w->kind = reply->err.kind ? reply->err.kind : (enum error_kind)-reply->r;
	TEXT_COPY(w->reason, reply->err.text);
	log_warning("%s: lease %s: %s", a->host, w->id, reply->err.text);
}

static void vgpu_made(struct lease_work *w, const struct host_reply *reply)
{
	w->made = true;
	w->gone = w->failed = false;
	w->result = (enum result)reply->result;
	w->type_id = reply->type_id;
	w->placement = reply->placement;
	w->reason[0] = '\0';
	w->tries = 0;
}

static void lease_replied(const struct host_reply *reply, void *user)
{
	struct ticket *t = user;
	struct agent *a = t->a;
	struct lease_work *w = lease_work_find(a, t->name);

	crash_point("agent.vgpu.replied");
	a->vgpu_changes++;
	a->inventory_stale = true;
	if (!w || w->generation != t->generation) {
		free(t);
		agent_kick(a);
		return;
	}
	w->busy = false;
	if (reply->r == 0 && t->op == HOST_OP_VGPU_CREATE) {
		vgpu_made(w, reply);
	} else if (reply->r == 0 && t->op == HOST_OP_VGPU_DESTROY) {
		w->gone = true;
		w->made = false;
		w->result = (enum result)reply->result;
	} else if (reply->r < 0) {
		note_failure(a, w, reply);
		/* A host that is busy or a root half that was full is asked again; the rest is an
		 * answer. */
		if (t->op != HOST_OP_VGPU_DESTROY)
			w->failed = reply->r != -ERR_UNAVAILABLE;
		else
			w->quarantined = reply->r == -ERR_IO;
		if (!w->failed && !w->quarantined)
			w->retry_us = agent_now_us(a) + (++w->tries < 5 ? 500000 : 5000000);
	}
	free(t);
	agent_report_due(a);
}

/* A placement id means nothing to a GPU that is cut equal-size; without one, a GPU that is still
 * cut for a group of mixed sizes would hold fewer than was reckoned with. */
static enum gpu_mode mode_of(const struct lease *l)
{
	return l->placement != PLACEMENT_NONE ? GPU_MODE_MIXED : GPU_MODE_EQUAL;
}

static void ask_lease(struct agent *a, struct lease_work *w, const struct lease *l, enum host_op op)
{
	struct host_request q = { .mode = mode_of(l) };
	struct ticket *t = ticket_new(a, l->id, op);

	if (!t)
		return;
	t->generation = l->generation;
	fill_vgpu(l, &q.vgpu);
	crash_point("agent.vgpu.asking");
	w->busy = ask(a, &q, t, lease_replied);
}

/* An empty GPU keeps the mode that it had for whoever was there before. */
static bool needs_mode(const struct agent *a, const struct lease *l)
{
	const struct gpu *g = gpu_at(a, l->address);

	return g && g->vgpus_n == 0 && (g->mode == GPU_MODE_EQUAL || g->mode == GPU_MODE_MIXED) &&
	       g->mode != (int)mode_of(l);
}

static void want_lease(struct agent *a, struct lease_work *w, const struct lease *l)
{
	w->gone = w->quarantined = false;
	if (w->made || w->failed || agent_now_us(a) < w->retry_us || !functions_ready(a, l))
		return;
	if (needs_mode(a, l) && !a->inventory_stale && !a->inventory_busy)
		ask_lease(a, w, l, HOST_OP_MODE_SET);
	else if (!needs_mode(a, l))
		ask_lease(a, w, l, HOST_OP_VGPU_CREATE);
}

static void drop_lease(struct agent *a, struct lease_work *w, const struct lease *l)
{
	const struct machine_domain *d = agent_domain(a, l->vm_uuid, l->vm);
	const char *where = l->mdev_uuid[0] ? l->mdev_uuid : l->vf[0] ? l->vf : l->address;

	if (w->gone || w->quarantined || agent_now_us(a) < w->retry_us)
		return;
	if (domain_is_up(d) && strstr(d->uses, where)) {
		snprintf(w->reason, sizeof(w->reason), "domain %s still runs with it", d->name);
		return;
	}
	ask_lease(a, w, l, HOST_OP_VGPU_DESTROY);
}

static void reconcile_lease(struct agent *a, const struct lease *l)
{
	struct lease_work *w = lease_work_for(a, l);

	if (!w)
		return;
	w->listed = true;
	if (w->busy)
		return;
	if (must_exist(l))
		want_lease(a, w, l);
	else if (must_go(l))
		drop_lease(a, w, l);
	else
		w->made = w->failed = w->quarantined = w->gone = false;
}

void agent_verify_again(struct agent *a, const char *vm_uuid)
{
	for (size_t i = 0; i < a->wanted.leases_n; i++) {
		struct lease_work *w = lease_work_find(a, a->wanted.leases[i].id);

		if (w && !w->busy &&
		    (!vm_uuid[0] || strcmp(a->wanted.leases[i].vm_uuid, vm_uuid) == 0))
			w->made = false;
	}
}

static bool is_shown(const struct gpu *g, const struct lease *l)
{
	for (size_t i = 0; i < g->vgpus_n; i++)
		if (l->mdev_uuid[0] ? strcmp(g->vgpus[i].mdev_uuid, l->mdev_uuid) == 0
				    : strcmp(g->vgpus[i].address, l->vf) == 0)
			return true;
	return false;
}

void agent_miss_vgpus(struct agent *a)
{
	for (size_t i = 0; i < a->wanted.leases_n; i++) {
		const struct lease *l = &a->wanted.leases[i];
		struct lease_work *w = lease_work_find(a, l->id);
		const struct gpu *g = gpu_at(a, l->address);

		if (!w || w->busy || !w->made || l->framework == FRAMEWORK_PASSTHROUGH)
			continue;
		if (g && is_shown(g, l))
			continue;
		log_warning("%s: the vGPU of lease %s is gone: it is made again", a->host, l->id);
		w->made = false;
	}
}

bool agent_leases_made(struct agent *a, const char *vm_uuid, bool *failed, size_t *n)
{
	bool all = true;

	*failed = false;
	*n = 0;
	for (size_t i = 0; i < a->wanted.leases_n; i++) {
		const struct lease *l = &a->wanted.leases[i];
		struct lease_work *w = lease_work_find(a, l->id);

		if (strcmp(l->vm_uuid, vm_uuid) != 0 || l->state == LEASE_QUARANTINED)
			continue;
		++*n;
		if (must_exist(l) && w && w->made)
			continue;
		all = false;
		*failed = *failed || (w && w->failed);
	}
	return all;
}

/* ---- VMs ---- */

/* The picture of a domain is corrected by what was just done to it, until the next list. */
static void domain_now(struct agent *a, const char *uuid, enum vm_state state)
{
	for (size_t i = 0; i < a->domains_n; i++)
		if (strcmp(a->domains[i].uuid, uuid) == 0)
			a->domains[i].state = (int32_t)state;
	a->domain_changes++;
	a->domains_stale = true;
}

static void vm_replied(const struct host_reply *reply, void *user)
{
	struct ticket *t = user;
	struct agent *a = t->a;
	struct vm_work *w = vm_work_find(a, t->name);

	crash_point("agent.vm.replied");
	if (w) {
		w->busy = false;
		TEXT_COPY(w->reason, reply->r < 0 ? reply->err.text : "");
	}
	if (reply->r < 0)
		log_warning("%s: %s of %s: %s", a->host, names_word(&host_op_names, (int)t->op),
			    t->name, reply->err.text);
	if (w && t->op == HOST_OP_DOMAIN_DEVICES) {
		w->devices_set = reply->r == 0;
		w->start_failed = w->start_failed || reply->r < 0;
	} else if (w && t->op == HOST_OP_DOMAIN_START) {
		w->up = reply->r == 0;
		w->start_failed = reply->r < 0;
		domain_now(a, w->uuid, reply->r == 0 ? VM_RUNNING : VM_STOPPED);
	} else if (w && t->op == HOST_OP_DOMAIN_DESTROY && reply->r == 0) {
		domain_now(a, w->uuid, VM_STOPPED);
	} else {
		a->domain_changes++;
		a->domains_stale = true;
	}
	free(t);
	agent_report_due(a);
}

static void ask_vm(struct agent *a, struct vm_work *w, struct host_request *q, enum host_op op)
{
	struct ticket *t = ticket_new(a, w->name, op);

	TEXT_COPY(q->vm_name, w->name);
	TEXT_COPY(q->vm_uuid, w->uuid);
	crash_point("agent.vm.asking");
	w->busy = ask(a, q, t, vm_replied);
}

static void set_devices(struct agent *a, struct vm_work *w)
{
	struct host_request q = { 0 };

	for (size_t i = 0; i < a->wanted.leases_n && q.devices_n < DEVICE_COUNT_MAX; i++) {
		const struct lease *l = &a->wanted.leases[i];
		struct host_device *d = &q.devices[q.devices_n];

		if (strcmp(l->vm_uuid, w->uuid) != 0 || !must_exist(l))
			continue;
		d->framework = l->framework;
		if (l->mdev_uuid[0])
			TEXT_COPY(d->mdev_uuid, l->mdev_uuid);
		else
			TEXT_COPY(d->address, l->vf[0] ? l->vf : l->address);
		q.devices_n++;
	}
	ask_vm(a, w, &q, HOST_OP_DOMAIN_DEVICES);
}

/* A new run begins: what was known of the last one is past. */
static void begin_run(struct vm_work *w, uint32_t run)
{
	w->run = run;
	w->devices_set = w->up = w->start_failed = w->asked = false;
	w->reason[0] = '\0';
}

static void want_up(struct agent *a, struct vm_work *w, const struct wanted_vm *v,
		    const struct machine_domain *d)
{
	struct host_request q = { 0 };
	bool failed;
	size_t n;

	if (w->run != v->run)
		begin_run(w, v->run);
	if (domain_is_up(d)) {
		w->up = true;
		return;
	}
	if (d && d->state == VM_STARTING)
		return;
	/* A run that was up, in this boot or before a reboot, is not begun again here: the
	 * controller hears of it, and a restart is a new run. */
	if (w->up || w->start_failed || v->boot_id[0])
		return;
	if (!d) {
		w->start_failed = true;
		snprintf(w->reason, sizeof(w->reason),
			 "host %s has no libvirt domain %s: define it there with `virsh define`",
			 a->host, v->name);
		agent_report_due(a);
		return;
	}
	if (!agent_leases_made(a, v->uuid, &failed, &n))
		return;
	if (!w->devices_set)
		set_devices(a, w);
	else
		ask_vm(a, w, &q, HOST_OP_DOMAIN_START);
}

static void want_down(struct agent *a, struct vm_work *w, const struct wanted_vm *v,
		      const struct machine_domain *d)
{
	struct host_request q = { 0 };
	int64_t now = agent_now_us(a);

	w->run = v->run;
	if (!domain_is_up(d))
		return;
	if (v->stop_how == STOP_FORCE) {
		ask_vm(a, w, &q, HOST_OP_DOMAIN_DESTROY);
		return;
	}
	/* A guest that was still booting may have missed the button. */
	if (w->asked && now < w->asked_us + ASK_AGAIN_US)
		return;
	w->asked = true;
	w->asked_us = now;
	ask_vm(a, w, &q, HOST_OP_DOMAIN_SHUTDOWN);
}

static void reconcile_vm(struct agent *a, const struct wanted_vm *v)
{
	const struct machine_domain *d = agent_domain(a, v->uuid, v->name);
	struct vm_work *w = vm_work_for(a, v);

	if (!w)
		return;
	if (d && !w->uuid[0])
		TEXT_COPY(w->uuid, d->uuid);
	w->listed = true;
	if (w->busy || !v->managed)
		return;
	if (v->wanted == VM_WANTED_RUNNING)
		want_up(a, w, v, d);
	else
		want_down(a, w, v, d);
}

void agent_reconcile(struct agent *a)
{
	for (size_t i = 0; i < a->leases_n; i++)
		a->leases[i].listed = false;
	for (size_t i = 0; i < a->vms_n; i++)
		a->vms[i].listed = false;
	for (size_t i = 0; i < a->wanted.vf_gpus_n; i++)
		enable_functions(a, a->wanted.vf_gpus[i]);
	for (size_t i = 0; i < a->wanted.leases_n; i++)
		reconcile_lease(a, &a->wanted.leases[i]);
	for (size_t i = 0; i < a->wanted.vms_n; i++)
		reconcile_vm(a, &a->wanted.vms[i]);
	sweep(a);
}
