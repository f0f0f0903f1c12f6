/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: what their agents report, and what becomes of it.
 *
 * A report is a whole state; the newest counts.  It may be late, doubled or about an older run:
 * generation of the lease and run of the VM say so.  A report never gives anything away: a lease
 * ends only when it was RELEASING and its host says that nothing is left. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

int host_update(struct change *ch, struct answer *answer, struct error *err)
{
	struct host *h = change_edit(ch, OBJECT_HOST, ch->command->id);
	int r;

	if (!h)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no host %s: `facet host list` shows them",
				 ch->command->id);
	r = fields_read(&host_fields, ch->command->body, FIELDS_UPDATE, h, err);
	if (r < 0)
		return r;
	change_event(ch, "host.changed", h->name, h->name, "", "host %s is %s", h->name,
		     names_word(&host_state_names, h->state));
	*answer = (struct answer){ OBJECT_HOST, h->name };
	return 0;
}

int host_delete(struct change *ch, struct answer *answer, struct error *err)
{
	const char *name = ch->command->id;
	struct object *o = controller_find(ch->c, OBJECT_HOST, name);

	if (!o)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no host %s: `facet host list` shows them", name);
	if (o->leases.n > 0 || o->vms.n > 0)
		return error_set(err, ERR_BUSY,
				 "host %s has %zu leases and %zu VMs: stop and delete them first",
				 name, o->leases.n, o->vms.n);
	for (size_t i = 0; i < o->gpus.n; i++)
		change_delete(ch, OBJECT_GPU, o->gpus.rows[i]->id);
	change_event(ch, "host.deleted", name, name, "", "host %s was deleted", name);
	change_delete(ch, OBJECT_HOST, name);
	if (!ch->command->dry_run)
		json_object_del(ch->c->domains, name);
	*answer = (struct answer){ 0 };
	return 0;
}

/* ---- facts and GPUs ---- */

static struct host *known_host(struct change *ch, const char *name)
{
	struct host *h = change_edit(ch, OBJECT_HOST, name);

	if (h || ch->failed)
		return h;
	h = change_create(ch, OBJECT_HOST, name);
	if (!h)
		return NULL;
	TEXT_COPY(h->name, name);
	h->last_report_ms = ch->now_ms;
	change_event(ch, "host.joined", name, name, "", "host %s reported for the first time",
		     name);
	return h;
}

static int take_facts(struct change *ch, struct host *h, struct report *rep, struct error *err)
{
	struct host old = *h;
	int r;

	if (rep->has_inventory) {
		*h = (struct host){ 0 };
		r = fields_copy(&host_fields, &rep->facts, h, err);
		if (r < 0) {
			*h = old;
			return r;
		}
		TEXT_COPY(h->name, old.name);
		h->state = old.state;
		TEXT_COPY(h->state_reason, old.state_reason);
		h->last_report_ms = old.last_report_ms;
		fields_done(&host_fields, &old);
	}
	TEXT_COPY(h->boot_id, rep->boot_id);
	if (h->state == HOST_LOST) {
		h->state = HOST_READY;
		h->state_reason[0] = '\0';
		change_event(ch, "host.back", h->name, h->name, "", "host %s reports again",
			     h->name);
	}
	return 0;
}

static const struct lease *lease_of_vgpu(struct change *ch, const struct object *gpu,
					 const struct gpu_vgpu *v)
{
	for (size_t i = 0; gpu && i < gpu->leases.n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, gpu->leases.rows[i]->id);

		if (l && (v->mdev_uuid[0] ? strcmp(l->mdev_uuid, v->mdev_uuid) == 0
					  : strcmp(l->vf, v->address) == 0))
			return l;
	}
	return NULL;
}

static void name_owners(struct change *ch, struct gpu *g)
{
	const struct object *o = controller_find(ch->c, OBJECT_GPU, g->id);

	for (size_t i = 0; i < g->vgpus_n; i++) {
		struct gpu_vgpu *v = &g->vgpus[i];
		const struct lease *l = lease_of_vgpu(ch, o, v);

		v->owner = l ? VGPU_OWNER_FACET : VGPU_OWNER_FOREIGN;
		TEXT_COPY(v->lease, l ? l->id : "");
		if (l)
			TEXT_COPY(v->vm, l->vm);
	}
}

static int take_gpu(struct change *ch, const char *host, const struct gpu *seen, struct error *err)
{
	char id[GPU_ID_SIZE];
	struct gpu *g;
	int r;

	gpu_id_make(host, seen->address, id);
	g = change_edit(ch, OBJECT_GPU, id);
	if (!g) {
		g = change_create(ch, OBJECT_GPU, id);
		change_event(ch, "gpu.found", id, host, "", "%s, %s", seen->board,
			     names_word(&framework_names, seen->framework));
	}
	if (!g)
		return 0;
	r = fields_copy(&gpu_fields, seen, g, err);
	if (r < 0)
		return r;
	TEXT_COPY(g->id, id);
	TEXT_COPY(g->host, host);
	name_owners(ch, g);
	return 0;
}

/* A GPU that the host no longer sees: forgotten when nothing is leased from it, else shown as
 * lost. */
static void lose_gpus(struct change *ch, const struct report *rep)
{
	const struct object *host = controller_find(ch->c, OBJECT_HOST, rep->host);

	for (size_t i = 0; host && i < host->gpus.n; i++) {
		const struct object *o = host->gpus.rows[i];
		const struct gpu *old = o->data;
		struct gpu *g;
		size_t seen = 0;

		while (seen < rep->gpus_n && strcmp(rep->gpus[seen].address, old->address) != 0)
			seen++;
		if (seen < rep->gpus_n || (old->health == GPU_HEALTH_LOST && o->leases.n > 0))
			continue;
		change_event(ch, "gpu.lost", o->id, rep->host, "", "%s is no longer there",
			     old->board);
		if (o->leases.n == 0) {
			change_delete(ch, OBJECT_GPU, o->id);
		} else if ((g = change_edit(ch, OBJECT_GPU, o->id))) {
			g->health = GPU_HEALTH_LOST;
			TEXT_COPY(g->health_reason, "its host no longer sees it on the PCI bus");
		}
	}
}

/* ---- leases ---- */

enum { ATTEMPTS_MAX = 3 };

/* How many slices this VM's current start has already lost to quarantine. */
static unsigned lost_slices(struct change *ch, const struct vm *vm)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm->name, &ids);
	unsigned lost = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		lost += l->state == LEASE_QUARANTINED;
	}
	free(ids);
	return lost;
}

/* Another slice for the one that could not be made. */
static int try_next(struct change *ch, const struct vm *vm, const struct lease *failed,
		    struct error *err)
{
	for (size_t i = 0; i < vm->devices_n; i++) {
		struct vm_device one = vm->devices[i];

		if (strcmp(one.name, failed->device) != 0)
			continue;
		one.count = 1;
		return pool_reserve(ch, vm, &one, err);
	}
	return error_set(err, ERR_NOT_FOUND, "VM %s no longer has device %s", vm->name,
			 failed->device);
}

static void lease_failed(struct change *ch, struct lease *l, const struct lease_report *rep)
{
	enum error_kind kind = error_from_name(rep->error_kind);
	struct vm *vm = change_edit(ch, OBJECT_VM, l->vm);
	struct operation *op = vm ? operation_of_vm(ch, vm->name) : NULL;
	struct error err = { 0 };

	lease_move(ch, l, LEASE_FAILED, rep->reason);
	/* The driver broke its word there: nobody else is sent to that place. */
	lease_move(ch, l, kind == ERR_IO ? LEASE_QUARANTINED : LEASE_RELEASING, rep->reason);
	if (!vm || vm->wanted != VM_WANTED_RUNNING)
		return;
	if (kind == ERR_IO && lost_slices(ch, vm) <= ATTEMPTS_MAX &&
	    try_next(ch, vm, l, &err) == 0) {
		if (op)
			operation_step(ch, op, "create", STEP_RUNNING,
				       "%.80s failed, trying another slice",
				       l->vf[0] ? l->vf : l->gpu);
		return;
	}
	if (op)
		operation_fail(ch, op, kind ? kind : ERR_IO, "%s on %s: %.200s%s%.120s", l->profile,
			       l->gpu, rep->reason, err.text[0] ? "; and no other slice: " : "",
			       err.text);
	run_undo(ch, vm, rep->reason);
}

/* Until the next inventory the GPU would show a vGPU without an owner, and nobody could have it. */
static void forget_vgpu(struct change *ch, const struct lease *l)
{
	struct gpu *g = change_edit(ch, OBJECT_GPU, l->gpu);

	for (size_t i = 0; g && i < g->vgpus_n; i++) {
		const struct gpu_vgpu *v = &g->vgpus[i];

		if (l->mdev_uuid[0] ? strcmp(v->mdev_uuid, l->mdev_uuid) != 0
				    : strcmp(v->address, l->vf) != 0)
			continue;
		memmove(&g->vgpus[i], &g->vgpus[i + 1], (g->vgpus_n - i - 1) * sizeof(*g->vgpus));
		g->vgpus_n--;
		return;
	}
}

static void lease_gone(struct change *ch, struct lease *l)
{
	forget_vgpu(ch, l);
	change_event(ch, "lease.released", l->id, l->host, l->vm, "%s on %s", l->profile, l->gpu);
	change_delete(ch, OBJECT_LEASE, l->id);
}

static void take_living(struct change *ch, struct lease *l, const struct lease_report *rep)
{
	const struct vm *vm = change_see(ch, OBJECT_VM, l->vm);
	bool runs = vm && (vm->state == VM_RUNNING || vm->state == VM_PAUSED);

	/* A look that failed ends no VM that runs with what was looked at. */
	if (rep->state == LEASE_FAILED && l->state == LEASE_ATTACHED && runs) {
		TEXT_COPY(l->reason, rep->reason);
		return;
	}
	if (rep->state == LEASE_FAILED) {
		lease_failed(ch, l, rep);
		return;
	}
	if (rep->state == LEASE_QUARANTINED || rep->state == LEASE_RELEASING)
		return;
	/* An agent that has just started knows the vGPU before it knows the domain. */
	if (l->state == LEASE_ATTACHED && runs)
		return;
	if (rep->state == LEASE_ATTACHED && !runs)
		return;
	/* A hold goes on, and ends, while a new agent looks at the vGPU again. */
	if (rep->state == LEASE_CREATING && l->expires_ms > 0)
		return;
	if (lease_may_move((enum lease_state)l->state, (enum lease_state)rep->state))
		lease_move(ch, l, (enum lease_state)rep->state, "");
	/* The placement stays what was chosen.  Drivers tell ids in equal-size mode too, and a
	 * lease that took one over would ask for mixed-size mode after a reboot. */
}

/* What a host says of an object that has changed since the wanted state that it answers is about
 * something else: it may not even have begun what it was told since. */
static bool answers(struct change *ch, const struct report *rep, enum object_kind kind,
		    const char *id)
{
	const struct object *o = controller_find(ch->c, kind, id);

	return o && rep->revision >= o->revision;
}

static void take_lease(struct change *ch, const struct report *whole,
		       const struct lease_report *rep)
{
	struct lease *l;

	if (!answers(ch, whole, OBJECT_LEASE, rep->id))
		return;
	l = change_edit(ch, OBJECT_LEASE, rep->id);
	if (!l || strcmp(l->host, whole->host) != 0 || l->generation != rep->generation)
		return;
	switch (l->state) {
	case LEASE_RELEASING:
		if (rep->gone)
			lease_gone(ch, l);
		else if (rep->state == LEASE_QUARANTINED)
			lease_move(ch, l, LEASE_QUARANTINED, rep->reason);
		else if (rep->reason[0])
			TEXT_COPY(l->reason, rep->reason);
		break;
	case LEASE_QUARANTINED:
	case LEASE_FAILED:
		break;
	default:
		if (!rep->gone)
			take_living(ch, l, rep);
	}
}

/* ---- VMs ---- */

static void vm_came_up(struct change *ch, struct vm *vm, const struct vm_report *rep,
		       const char *boot_id)
{
	vm->state = rep->state;
	vm->state_reason[0] = '\0';
	TEXT_COPY(vm->boot_id, boot_id);
	change_event(ch, "vm.running", vm->name, vm->host, vm->name, "run %u", vm->run);
}

static void vm_ended(struct change *ch, struct vm *vm, const struct vm_report *rep)
{
	struct operation *op = operation_of_vm(ch, vm->name);

	vm->state = VM_STOPPED;
	TEXT_COPY(vm->state_reason, rep->reason);
	if (op && op->kind == OPERATION_START) {
		operation_fail(ch, op, ERR_CONFLICT, "the VM ended before it was up: %.200s",
			       rep->reason);
		run_over(ch, vm, false, "the VM ended");
		return;
	}
	run_over(ch, vm, true, "the VM ended");
	change_event(ch, "vm.ended", vm->name, vm->host, vm->name, "%s", rep->reason);
}

static void vm_start_failed(struct change *ch, struct vm *vm, const struct vm_report *rep)
{
	struct operation *op = operation_of_vm(ch, vm->name);

	if (op && op->kind == OPERATION_START)
		operation_fail(ch, op, ERR_IO, "%s did not start: %.400s", vm->name, rep->reason);
	change_event(ch, "vm.start-failed", vm->name, vm->host, vm->name, "%.250s", rep->reason);
	vm->state = rep->state == VM_UNDEFINED ? VM_UNDEFINED : VM_STOPPED;
	run_over(ch, vm, false, "the VM did not start");
	TEXT_COPY(vm->state_reason, rep->reason);
}

static bool is_up(const struct vm_report *rep)
{
	return rep->state == VM_RUNNING || rep->state == VM_PAUSED;
}

static bool is_down(const struct vm_report *rep)
{
	return rep->state == VM_STOPPED || rep->state == VM_UNDEFINED || rep->state == VM_FAILED;
}

static void take_starting(struct change *ch, struct vm *vm, const struct vm_report *rep,
			  const char *boot_id)
{
	if (rep->run != vm->run)
		return;
	if (rep->start_failed)
		vm_start_failed(ch, vm, rep);
	else if (rep->ended)
		vm_ended(ch, vm, rep);
	else if (is_up(rep))
		vm_came_up(ch, vm, rep, boot_id);
	else if (rep->reason[0])
		TEXT_COPY(vm->state_reason, rep->reason);
}

/* The machine went away under it. */
static void vm_rebooted(struct change *ch, struct vm *vm, const struct vm_report *rep)
{
	if (!vm->start_after_boot) {
		vm_ended(ch, vm, rep);
		return;
	}
	vm->state = VM_STARTING;
	vm->boot_id[0] = '\0';
	vm->run++;
	TEXT_COPY(vm->state_reason, "its host was rebooted");
	change_event(ch, "vm.restarting", vm->name, vm->host, vm->name, "its host was rebooted");
}

static void take_running(struct change *ch, struct vm *vm, const struct vm_report *rep,
			 const char *boot_id)
{
	bool same_boot = strcmp(vm->boot_id, boot_id) == 0;

	if (is_up(rep)) {
		vm->state = rep->state;
		TEXT_COPY(vm->boot_id, boot_id);
	} else if (is_down(rep) && !same_boot) {
		vm_rebooted(ch, vm, rep);
	} else if (is_down(rep)) {
		vm_ended(ch, vm, rep);
	}
}

static void take_stopping(struct change *ch, struct vm *vm, const struct vm_report *rep)
{
	bool was_up = vm->boot_id[0] != '\0';

	if (!is_down(rep)) {
		TEXT_COPY(vm->state_reason, rep->reason);
		return;
	}
	vm->state = rep->state == VM_UNDEFINED ? VM_UNDEFINED : VM_STOPPED;
	vm->state_reason[0] = '\0';
	/* A start that came to nothing leaves nothing, whoever ended it. */
	run_over(ch, vm, was_up, "stopped");
	change_event(ch, "vm.stopped", vm->name, vm->host, vm->name, "run %u", vm->run);
}

static void take_resting(struct change *ch, struct vm *vm, const struct vm_report *rep,
			 const char *boot_id)
{
	/* STARTING and STOPPING are ours to set: on a host they are between two states. */
	if (is_down(rep))
		vm->state = rep->state;
	if (!is_up(rep))
		return;
	vm->state = rep->state;
	vm->wanted = VM_WANTED_RUNNING;
	TEXT_COPY(vm->boot_id, boot_id);
	change_event(ch, "vm.started-outside", vm->name, vm->host, vm->name,
		     "it was started on its host, not by Facet");
}

static void take_vm(struct change *ch, const struct report *rep, const struct vm_report *v)
{
	struct vm *vm;

	if (!answers(ch, rep, OBJECT_VM, v->name))
		return;
	vm = change_edit(ch, OBJECT_VM, v->name);
	if (!vm || strcmp(vm->host, rep->host) != 0)
		return;
	/* Another domain that was given the same name. */
	if (vm->uuid[0] && v->uuid[0] && strcmp(vm->uuid, v->uuid) != 0)
		return;
	if (!vm->uuid[0])
		TEXT_COPY(vm->uuid, v->uuid);
	switch (vm->state) {
	case VM_STARTING:
		take_starting(ch, vm, v, rep->boot_id);
		break;
	case VM_RUNNING:
	case VM_PAUSED:
		take_running(ch, vm, v, rep->boot_id);
		break;
	case VM_STOPPING:
		take_stopping(ch, vm, v);
		break;
	default:
		take_resting(ch, vm, v, rep->boot_id);
	}
}

/* What can be adopted, and where a name lives: told anew by every report, so kept in memory
 * only. */
static void keep_domains(struct controller *c, const struct report *rep)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < rep->vms_n; i++)
		json_array_append_new(list, fields_write(&vm_report_fields, &rep->vms[i]));
	json_object_set_new(c->domains, rep->host, list);
}

static int take_inventory(struct change *ch, struct report *rep, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < rep->gpus_n && r == 0; i++)
		r = take_gpu(ch, rep->host, &rep->gpus[i], err);
	if (r == 0)
		lose_gpus(ch, rep);
	return r;
}

static int take_report(struct change *ch, struct report *rep, struct error *err)
{
	const struct object *o;
	struct host *h = known_host(ch, rep->host);
	int r;

	if (!h)
		return 0;
	r = take_facts(ch, h, rep, err);
	if (r == 0 && rep->has_inventory)
		r = take_inventory(ch, rep, err);
	if (r < 0)
		return r;
	/* VMs first: what a lease may become depends on whether its VM runs. */
	for (size_t i = 0; i < rep->vms_n && !change_is_full(ch); i++)
		take_vm(ch, rep, &rep->vms[i]);
	for (size_t i = 0; i < rep->leases_n && !change_is_full(ch); i++)
		take_lease(ch, rep, &rep->leases[i]);
	o = controller_find(ch->c, OBJECT_HOST, rep->host);
	for (size_t i = 0; o && i < o->vms.n && !change_is_full(ch); i++)
		operation_advance(ch, o->vms.rows[i]->id);
	return 0;
}

static int check_speaker(const struct command *cmd, const struct report *rep, struct error *err)
{
	if (strcmp(rep->host, cmd->id) != 0)
		return error_at(err, ERR_INVALID, "/host", "the report of %s was sent to %s",
				rep->host, cmd->id);
	if (cmd->actor.host[0] && strcmp(cmd->actor.host, cmd->id) != 0)
		return error_set(err, ERR_DENIED, "the agent of %s may not speak for %s",
				 cmd->actor.host, cmd->id);
	return text_check_name(rep->host, "the name of the host", err);
}

int host_report(struct change *ch, struct answer *answer, struct error *err)
{
	struct report rep = { 0 };
	struct object *o;
	int r = fields_read(&report_fields, ch->command->body, FIELDS_TRUSTED, &rep, err);

	if (r == 0)
		r = check_speaker(ch->command, &rep, err);
	if (r == 0)
		r = take_report(ch, &rep, err);
	if (r == 0 && !ch->command->dry_run) {
		keep_domains(ch->c, &rep);
		/* Not worth a write each time; it is only ever compared with now. */
		o = controller_find(ch->c, OBJECT_HOST, rep.host);
		if (o)
			((struct host *)o->data)->last_report_ms = ch->now_ms;
	}
	fields_done(&report_fields, &rep);
	*answer = (struct answer){ 0 };
	return r;
}
