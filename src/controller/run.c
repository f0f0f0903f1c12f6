/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of VMs: start, stop, and what becomes of the leases when a run is over. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"

void lease_move(struct change *ch, struct lease *l, enum lease_state to, const char *reason)
{
	if (l->state == (int)to) {
		TEXT_COPY(l->reason, reason);
		return;
	}
	assert(lease_may_move((enum lease_state)l->state, to));
	l->state = to;
	l->changed_ms = ch->now_ms;
	TEXT_COPY(l->reason, reason);
	if (to != LEASE_READY)
		l->expires_ms = 0;
	if (to == LEASE_CREATING)
		return;
	change_event(ch,
		     to == LEASE_READY       ? "lease.ready"
		     : to == LEASE_ATTACHED  ? "lease.attached"
		     : to == LEASE_RELEASING ? "lease.releasing"
		     : to == LEASE_FAILED    ? "lease.failed"
		                             : "lease.quarantined",
		     l->id, l->host, l->vm, "%s on %s%s%.100s", l->profile, l->gpu,
		     reason[0] ? ": " : "", reason);
}

/* Calls FN for each lease of VM, to write into. */
static void each_lease(struct change *ch, const char *vm,
		       void (*fn)(struct change *ch, struct lease *l, const void *user),
		       const void *user)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm, &ids);

	for (size_t i = 0; i < n; i++) {
		struct lease *l = change_edit(ch, OBJECT_LEASE, ids[i]);

		if (l)
			fn(ch, l, user);
	}
	free(ids);
}

static void release_one(struct change *ch, struct lease *l, const void *why)
{
	if (l->state != LEASE_QUARANTINED && l->state != LEASE_RELEASING)
		lease_move(ch, l, LEASE_RELEASING, why);
}

void run_release(struct change *ch, const char *vm, const char *why)
{
	each_lease(ch, vm, release_one, why);
}

static bool profile_fits(const char *asked, const struct lease *l)
{
	const struct catalogue_profile *p;

	if (strcmp(asked, l->profile) == 0)
		return true;
	if (strcmp(asked, "whole") == 0)
		return l->framework == FRAMEWORK_PASSTHROUGH;
	p = catalogue_is_class(asked) ? catalogue_find(l->profile, NULL) : NULL;
	return p && catalogue_class_takes(asked, p);
}

/* Whether L is what a device of VM asks for now: devices may be changed while a lease is held. */
static bool lease_fits(const struct vm *vm, const struct lease *l)
{
	for (size_t i = 0; i < vm->devices_n; i++) {
		const struct vm_device *d = &vm->devices[i];

		if (strcmp(d->name, l->device) == 0)
			return l->index < d->count && strcmp(l->host, vm->host) == 0 &&
			       strcmp(d->group, l->group) == 0 &&
			       strcmp(d->params, l->params) == 0 && profile_fits(d->profile, l);
	}
	return false;
}

static void drop_unfit(struct change *ch, struct lease *l, const void *vm)
{
	if (!lease_fits(vm, l))
		release_one(ch, l, "its device was changed or detached");
}

void run_drop_unfit(struct change *ch, const struct vm *vm)
{
	each_lease(ch, vm->name, drop_unfit, vm);
}

static void hold_one(struct change *ch, struct lease *l, const void *why)
{
	const struct group *g = change_see(ch, OBJECT_GROUP, l->group);
	const struct vm *vm = change_see(ch, OBJECT_VM, l->vm);
	const struct waiter *w = queue_of_vm(ch, l->vm);

	if (l->state == LEASE_QUARANTINED || l->state == LEASE_RELEASING)
		return;
	if (w && w->preempted_by[0]) {
		lease_move(ch, l, LEASE_RELEASING, "it made room for another VM");
		return;
	}
	if (!g || g->hold_s == 0 || l->state == LEASE_FAILED || !vm || !lease_fits(vm, l)) {
		lease_move(ch, l, LEASE_RELEASING, why);
		return;
	}
	lease_move(ch, l, LEASE_READY, "held for the next start");
	l->expires_ms = ch->now_ms + (int64_t)g->hold_s * 1000;
}

void run_over(struct change *ch, struct vm *vm, bool hold, const char *why)
{
	vm->wanted = VM_WANTED_STOPPED;
	vm->boot_id[0] = '\0';
	each_lease(ch, vm->name, hold ? hold_one : release_one, why);
}

void run_undo(struct change *ch, struct vm *vm, const char *why)
{
	/* STOPPING tells the host to end what it may have begun; its report then says STOPPED. */
	vm->wanted = VM_WANTED_STOPPED;
	vm->stop_how = STOP_FORCE;
	if (vm->state == VM_STARTING || vm->state == VM_RUNNING || vm->state == VM_PAUSED)
		vm->state = VM_STOPPING;
	if (vm->state != VM_STOPPING)
		run_release(ch, vm->name, why);
	TEXT_COPY(vm->state_reason, why);
	operation_advance(ch, vm->name);
}

/* ---- start ---- */

/* The VM's leases of DEVICE that can be used for another run. */
static uint32_t held_leases(struct change *ch, const struct vm *vm, const struct vm_device *d)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm->name, &ids);
	uint32_t held = 0;

	for (size_t i = 0; i < n; i++) {
		struct lease *l = change_edit(ch, OBJECT_LEASE, ids[i]);

		if (!l || strcmp(l->device, d->name) != 0 || l->state > LEASE_ATTACHED)
			continue;
		l->expires_ms = 0;
		held++;
	}
	free(ids);
	return held;
}

static int reserve_device(struct change *ch, const struct vm *vm, const struct vm_device *d,
			  struct error *err)
{
	struct vm_device missing = *d;
	int r;

	missing.count -= held_leases(ch, vm, d);
	if (missing.count == 0)
		return 0;
	r = queue_may_pass(ch, vm, d, err);
	if (r == 0)
		r = pool_reserve(ch, vm, &missing, err);
	if ((r == -ERR_NO_CAPACITY || r == -ERR_QUOTA) && d->optional) {
		change_event(ch, "device.skipped", vm->name, vm->host, vm->name,
			     "optional device %s: %.180s", d->name, err ? err->text : "");
		return 0;
	}
	return r;
}

int run_reserve(struct change *ch, const struct vm *vm, struct error *err)
{
	int r = 0;

	run_drop_unfit(ch, vm);
	for (size_t i = 0; i < vm->devices_n && r == 0; i++)
		r = reserve_device(ch, vm, &vm->devices[i], err);
	return r;
}

static int check_host(struct change *ch, const struct vm *vm, struct error *err)
{
	const struct host *host = change_see(ch, OBJECT_HOST, vm->host);

	if (host && host->state == HOST_READY)
		return 0;
	if (!host || host->state == HOST_LOST)
		return error_set(err, ERR_UNAVAILABLE,
				 "host %s of VM %s does not report: look at its facet-agent",
				 vm->host, vm->name);
	return error_set(err, ERR_UNAVAILABLE, "host %s of VM %s is %s: `facet host uncordon %s`",
			 vm->host, vm->name, names_word(&host_state_names, host->state), vm->host);
}

static size_t leaving_leases(struct change *ch, const char *vm)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm, &ids), leaving = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		leaving += l->state == LEASE_RELEASING || l->state == LEASE_FAILED;
	}
	free(ids);
	return leaving;
}

int run_is_ready(struct change *ch, const struct vm *vm, struct error *err)
{
	int r = check_host(ch, vm, err);
	size_t leaving;

	if (r < 0)
		return r;
	leaving = leaving_leases(ch, vm->name);
	if (leaving)
		return error_set(err, ERR_BUSY,
				 "%zu vGPUs of the last run of VM %s are still being taken down: "
				 "try again in a moment", leaving, vm->name);
	return 0;
}

static int check_start(struct change *ch, const struct vm *vm, struct error *err)
{
	if (operation_of_vm(ch, vm->name))
		return error_set(err, ERR_BUSY,
				 "VM %s has an operation under way: `facet operation list --vm %s` "
				 "shows it", vm->name, vm->name);
	if (vm->wanted == VM_WANTED_RUNNING)
		return error_set(err, ERR_CONFLICT, "VM %s is %s already", vm->name,
				 names_word(&vm_state_names, vm->state));
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED)
		return error_set(err, ERR_CONFLICT,
				 "VM %s runs, started by someone else: `facet vm adopt %s` takes "
				 "it over, `facet vm stop %s` stops it",
				 vm->name, vm->name, vm->name);
	if (vm->state == VM_STOPPING)
		return error_set(err, ERR_BUSY, "VM %s is still being stopped: %s", vm->name,
				 vm->state_reason[0] ? vm->state_reason : "try again in a moment");
	if (!vm->uuid[0])
		return error_set(err, ERR_NOT_FOUND,
				 "host %s reports no libvirt domain %s: define it there with "
				 "`virsh define`", vm->host, vm->name);
	return 0;
}

int run_begin(struct change *ch, struct vm *vm, struct operation *op, struct answer *answer,
	      struct error *err)
{
	static const char *const steps[] = { "reserve", "create", "start", "undo" };
	int r = run_is_ready(ch, vm, err);

	if (r == 0)
		r = run_reserve(ch, vm, err);
	if (r < 0)
		return r;
	if (!op)
		op = operation_begin(ch, OPERATION_START, vm, steps, 4);
	if (!op)
		return 0;
	vm->wanted = VM_WANTED_RUNNING;
	vm->state = VM_STARTING;
	vm->state_reason[0] = vm->boot_id[0] = '\0';
	op->run = ++vm->run;
	op->state = OPERATION_STATE_RUNNING;
	op->deadline_ms = ch->now_ms + ch->c->config.operation_timeout_ms;
	change_event(ch, "vm.starting", vm->name, vm->host, vm->name, "start asked for by %s",
		     op->by);
	operation_advance(ch, vm->name);
	*answer = (struct answer){ OBJECT_OPERATION, op->id, .accepted = true };
	return 0;
}

/* How long the start may wait, if at all: {"wait_s": N}. */
static int read_wait(const struct command *cmd, bool *ret, uint32_t *wait_s, struct error *err)
{
	const json_t *j = json_object_get(cmd->body, "wait_s");
	json_int_t n = json_integer_value(j);

	*ret = j != NULL;
	if (!j)
		return 0;
	if (!json_is_integer(j) || n < 1 || n > WAIT_S_MAX)
		return error_at(err, ERR_INVALID, "/wait_s",
				"/wait_s must be a whole number of seconds, 1 to %d", WAIT_S_MAX);
	*wait_s = (uint32_t)n;
	return 0;
}

/* A refusal for want of room says what would help, where that is a single move. */
static int tell_move(struct change *ch, struct error *err)
{
	char text[256];
	size_t n;

	if (!err || !rebalance_hint(ch->c, ch->command->id, text, sizeof(text)))
		return -ERR_NO_CAPACITY;
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, "; %s", text);
	change_refuse(ch, "one-move", "%s", text);
	return -ERR_NO_CAPACITY;
}

int vm_start(struct change *ch, struct answer *answer, struct error *err)
{
	struct vm *vm = change_edit(ch, OBJECT_VM, ch->command->id);
	uint32_t wait_s = 0;
	bool wait;
	int r;

	if (!vm)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no VM %s: `facet vm attach %s ...` makes it known",
				 ch->command->id, ch->command->id);
	r = read_wait(ch->command, &wait, &wait_s, err);
	if (r == 0)
		r = check_start(ch, vm, err);
	if (r < 0)
		return r;
	queue_leave(ch, vm->name);
	vm->place = queue_place(ch);
	r = run_begin(ch, vm, NULL, answer, err);
	if (r < 0)
		r = queue_enter(ch, ch->command->id, wait, wait_s, r, answer, err);
	return r == -ERR_NO_CAPACITY ? tell_move(ch, err) : r;
}

/* ---- stop ---- */

static int read_how(const struct command *cmd, int *how, struct error *err)
{
	const json_t *word = json_object_get(cmd->body, "how");

	*how = STOP_GRACEFUL;
	if (!word)
		return 0;
	if (json_is_string(word) && names_value(&stop_how_names, json_string_value(word), how))
		return 0;
	return error_at(err, ERR_INVALID, "/how", "/how must be graceful or force");
}

/* A stop takes a running start with it: the start fails, saying so. */
static void stop_start(struct change *ch, struct operation *op)
{
	operation_fail(ch, op, ERR_CONFLICT, "stopped by %s before it was up", ch->by);
	op->state = OPERATION_STATE_FAILED;
	op->ended_ms = ch->now_ms;
}

int vm_stop(struct change *ch, struct answer *answer, struct error *err)
{
	static const char *const steps[] = { "stop", "release" };
	struct vm *vm = change_edit(ch, OBJECT_VM, ch->command->id);
	struct operation *op;
	int how, r = read_how(ch->command, &how, err);

	if (!vm)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no VM %s: `facet vm list` shows them", ch->command->id);
	if (r < 0)
		return r;
	queue_leave(ch, vm->name);
	op = operation_of_vm(ch, vm->name);
	if (op && op->kind == OPERATION_START) {
		stop_start(ch, op);
		op = NULL;
	}
	if (!op)
		op = operation_begin(ch, OPERATION_STOP, vm, steps, 2);
	if (!op)
		return 0;
	vm->stop_how = how;
	if (vm->wanted == VM_WANTED_RUNNING || vm->state == VM_RUNNING || vm->state == VM_PAUSED)
		vm->state = VM_STOPPING;
	vm->wanted = VM_WANTED_STOPPED;
	vm->state_reason[0] = '\0';
	/* A stop of what does not run ends its holds. */
	if (vm->state != VM_STOPPING)
		run_release(ch, vm->name, "stopped");
	change_event(ch, "vm.stopping", vm->name, vm->host, vm->name, "%s stop asked for by %s",
		     names_word(&stop_how_names, how), ch->by);
	operation_advance(ch, vm->name);
	*answer = (struct answer){ OBJECT_OPERATION, op->id, .accepted = true };
	return 0;
}

/* ---- leases by hand ---- */

int lease_release(struct change *ch, struct answer *answer, struct error *err)
{
	struct lease *l = change_edit(ch, OBJECT_LEASE, ch->command->id);
	const struct vm *vm;

	if (!l)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no lease %s: `facet lease list` shows them",
				 ch->command->id);
	vm = change_see(ch, OBJECT_VM, l->vm);
	/* Releasable when its VM is provably not running; unknown is not proof. */
	if (l->state != LEASE_QUARANTINED && vm &&
	    (vm->wanted == VM_WANTED_RUNNING || vm->state != VM_STOPPED) &&
	    vm->state != VM_UNDEFINED)
		return error_set(err, ERR_BUSY,
				 "VM %s is %s and uses it: `facet vm stop %s` releases it", l->vm,
				 names_word(&vm_state_names, vm->state), l->vm);
	if (l->state == LEASE_RELEASING)
		return error_set(err, ERR_CONFLICT, "it is being taken down already: %s",
				 l->reason);
	lease_move(ch, l, LEASE_RELEASING, "released by hand");
	*answer = (struct answer){ OBJECT_LEASE, l->id, .accepted = true };
	return 0;
}
