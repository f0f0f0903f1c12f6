/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: long jobs with steps.  They decide nothing; they read VM and leases and say how far
 * things are.  One at a time per VM. */
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

struct operation *operation_of_vm(struct change *ch, const char *vm)
{
	struct table *t = &ch->c->tables[OBJECT_OPERATION];
	const struct object *o = controller_find(ch->c, OBJECT_VM, vm);
	const char *id = o ? o->operation : "";

	for (size_t i = 0; i < ch->n; i++) {
		const struct operation *op = ch->edits[i].data;

		if (ch->edits[i].kind == OBJECT_OPERATION && op && strcmp(op->vm, vm) == 0 &&
		    operation_is_open(op))
			return ch->edits[i].data;
	}
	if (id[0] && table_find(t, id)) {
		const struct operation *op = change_see(ch, OBJECT_OPERATION, id);

		if (op && operation_is_open(op))
			return change_edit(ch, OBJECT_OPERATION, id);
	}
	return NULL;
}

struct operation *operation_begin(struct change *ch, enum operation_kind kind, const struct vm *vm,
				  const char *const *steps, size_t steps_n)
{
	char id[UUID_TEXT_SIZE];
	struct operation *op;

	uuid_make(id);
	op = change_create(ch, OBJECT_OPERATION, id);
	if (!op)
		return NULL;
	op->steps = calloc(steps_n, sizeof(*op->steps));
	if (!op->steps) {
		ch->failed = true;
		return NULL;
	}
	op->steps_n = steps_n;
	for (size_t i = 0; i < steps_n; i++)
		TEXT_COPY(op->steps[i].name, steps[i]);
	TEXT_COPY(op->id, id);
	TEXT_COPY(op->vm, vm->name);
	TEXT_COPY(op->host, vm->host);
	TEXT_COPY(op->by, ch->by);
	op->kind = kind;
	op->run = vm->run;
	op->created_ms = ch->now_ms;
	op->deadline_ms = ch->now_ms + ch->c->config.operation_timeout_ms;
	return op;
}

void operation_step(struct change *ch, struct operation *op, const char *name,
		    enum step_state state, const char *fmt, ...)
{
	va_list ap;

	for (size_t i = 0; i < op->steps_n; i++) {
		struct step *s = &op->steps[i];

		if (strcmp(s->name, name) != 0)
			continue;
		if (s->state == STEP_WAITING)
			s->started_ms = ch->now_ms;
		if (state != STEP_RUNNING && s->state != (int)state)
			s->ended_ms = ch->now_ms;
		s->state = state;
		va_start(ap, fmt);
		vsnprintf(s->text, sizeof(s->text), fmt, ap);
		va_end(ap);
	}
}

void operation_end(struct change *ch, struct operation *op, enum operation_state state)
{
	op->state = state;
	op->ended_ms = ch->now_ms;
	change_event(ch, state == OPERATION_STATE_DONE ? "operation.done" : "operation.failed",
		     op->id, op->host, op->vm, "%s of %s%s%.120s",
		     names_word(&operation_kind_names, op->kind), op->vm, op->error[0] ? ": " : "",
		     op->error);
}

void operation_fail(struct change *ch, struct operation *op, enum error_kind kind, const char *fmt,
		    ...)
{
	va_list ap;

	if (op->error[0])
		return;
	TEXT_COPY(op->error_kind, error_name(kind));
	va_start(ap, fmt);
	vsnprintf(op->error, sizeof(op->error), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < op->steps_n; i++)
		if (op->steps[i].state == STEP_RUNNING)
			operation_step(ch, op, op->steps[i].name, STEP_FAILED, "%.250s", op->error);
}

struct tally {
	size_t n, made, attached, leaving;
	char waiting_for[GPU_ID_SIZE + PROFILE_SIZE + 8];
	char slow[256];
};

static struct tally tally_leases(struct change *ch, const char *vm)
{
	struct tally t = { 0 };
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm, &ids);

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		if (l->state == LEASE_QUARANTINED)
			continue;
		t.n++;
		t.made += l->state == LEASE_READY || l->state == LEASE_ATTACHED;
		t.attached += l->state == LEASE_ATTACHED;
		t.leaving += l->state == LEASE_RELEASING || l->state == LEASE_FAILED;
		if (l->state == LEASE_RESERVED || l->state == LEASE_CREATING)
			snprintf(t.waiting_for, sizeof(t.waiting_for), "%s on %s", l->profile,
				 l->gpu);
		if (l->state == LEASE_RELEASING && l->reason[0])
			TEXT_COPY(t.slow, l->reason);
	}
	free(ids);
	return t;
}

static void advance_start(struct change *ch, struct operation *op, const struct vm *vm)
{
	struct tally t = tally_leases(ch, vm->name);

	if (op->error[0] && vm->state == VM_STOPPING) {
		operation_step(ch, op, "undo", STEP_RUNNING, "host %s makes sure that %s is off",
			       vm->host, vm->name);
		return;
	}
	if (op->error[0]) {
		operation_step(ch, op, "undo", t.leaving ? STEP_RUNNING : STEP_DONE,
			       "%zu vGPUs to take down", t.leaving);
		if (t.leaving == 0)
			operation_end(ch, op,
			    op->cancel ? OPERATION_STATE_CANCELLED : OPERATION_STATE_FAILED);
		return;
	}
	operation_step(ch, op, "reserve", STEP_DONE, "%zu vGPUs", t.n - t.leaving);
	if (t.made < t.n - t.leaving) {
		operation_step(ch, op, "create", STEP_RUNNING, "%s", t.waiting_for);
		return;
	}
	operation_step(ch, op, "create", STEP_DONE, "%zu vGPUs", t.made);
	if (vm->state != VM_RUNNING && vm->state != VM_PAUSED) {
		operation_step(ch, op, "start", STEP_RUNNING, "libvirt starts %s on %s", vm->name,
			       vm->host);
		return;
	}
	operation_step(ch, op, "start", STEP_DONE, "running on %s", vm->host);
	if (t.attached == t.n - t.leaving)
		operation_end(ch, op, OPERATION_STATE_DONE);
}

static void advance_stop(struct change *ch, struct operation *op, const struct vm *vm)
{
	struct tally t = tally_leases(ch, vm->name);

	if (vm->state == VM_STOPPING) {
		operation_step(ch, op, "stop", STEP_RUNNING, "%s",
			       vm->state_reason[0] ? vm->state_reason : "waiting for the guest");
		return;
	}
	operation_step(ch, op, "stop", STEP_DONE, "%s is off", vm->name);
	if (t.leaving) {
		operation_step(ch, op, "release", STEP_RUNNING, "%zu vGPUs to take down%s%.200s",
			       t.leaving, t.slow[0] ? ": " : "", t.slow);
		return;
	}
	operation_step(ch, op, "release", STEP_DONE, t.n ? "%zu vGPUs are held" : "nothing is held",
		       t.n);
	operation_end(ch, op, OPERATION_STATE_DONE);
}

void operation_advance(struct change *ch, const char *name)
{
	const struct vm *vm = change_see(ch, OBJECT_VM, name);
	struct operation *op = operation_of_vm(ch, name);

	if (!vm || !op || op->state == OPERATION_STATE_WAITING)
		return;
	if (op->kind == OPERATION_START)
		advance_start(ch, op, vm);
	else if (op->kind == OPERATION_STOP)
		advance_stop(ch, op, vm);
}

/* A start is undone; a stop goes on, because half a stop is no state to stay in. */
int operation_cancel(struct change *ch, struct answer *answer, struct error *err)
{
	struct operation *op = change_edit(ch, OBJECT_OPERATION, ch->command->id);
	struct vm *vm;

	if (!op)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no operation %s: `facet operation list` shows them",
				 ch->command->id);
	if (!operation_is_open(op))
		return error_set(err, ERR_CONFLICT, "the operation has ended already: %s",
				 names_word(&operation_state_names, op->state));
	if (op->kind != OPERATION_START)
		return error_set(err, ERR_CONFLICT,
				 "only a start can be cancelled; a stop goes to its end, force it "
				 "with `facet vm stop %s --force`", op->vm);
	op->cancel = true;
	operation_fail(ch, op, ERR_CONFLICT, "cancelled by %s", ch->by);
	*answer = (struct answer){ OBJECT_OPERATION, op->id, .accepted = true };
	if (op->state == OPERATION_STATE_WAITING) {
		queue_leave(ch, op->vm);
		operation_end(ch, op, OPERATION_STATE_CANCELLED);
		return 0;
	}
	vm = change_edit(ch, OBJECT_VM, op->vm);
	if (vm)
		run_undo(ch, vm, "the start was cancelled");
	return 0;
}
