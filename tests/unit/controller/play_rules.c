/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of sharing, looked at from outside after every command: quotas, queue, preemption. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "play.h"

/* ---- quotas ---- */

struct count {
	struct world *w;
	const char *tenant;
	uint64_t vgpus, fb_mib;
};

/* What a tenant has; what is on its way out is nobody's claim any more. */
static bool count_lease(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct lease *l = object;
	struct count *n = user;
	const struct vm *vm = controller_get(n->w->c, OBJECT_VM, l->vm, NULL);

	(void)id;
	(void)revision;
	if (l->state > LEASE_ATTACHED || !vm || strcmp(vm->tenant, n->tenant) != 0)
		return true;
	n->vgpus++;
	n->fb_mib += l->fb_mib;
	return true;
}

static void check_one(struct world *w, const char *what, const struct tenant *t, uint64_t has,
		      uint64_t may, struct share *before)
{
	bool grew = has > before->has && may >= before->may && before->may > 0;

	if (!w->reverted && may > 0 && has > may && grew)
		play_fail(w, "tenant %s has %ju %s and may have %ju: it had %ju", t->name,
			  (uintmax_t)has, what, (uintmax_t)may, (uintmax_t)before->has);
	*before = (struct share){ has, may };
}

static bool check_tenant(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct tenant *t = object;
	struct world *w = user;
	struct count n = { .w = w, .tenant = t->name };
	size_t i = (size_t)(id[1] - '0') % TENANTS;

	(void)revision;
	controller_each(w->c, OBJECT_LEASE, "", count_lease, &n);
	check_one(w, "vGPUs", t, n.vgpus, t->limit_vgpus, &w->shares[i][0]);
	check_one(w, "MiB", t, n.fb_mib, t->limit_fb_gib * 1024ULL, &w->shares[i][1]);
	return true;
}

/* ---- queue ---- */

struct line {
	struct world *w;
	const struct waiter *before;
	size_t n;
};

static bool check_waiter(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct waiter *w = object;
	struct line *line = user;
	struct world *world = line->w;
	const struct operation *op = w->operation[0] ?
		controller_get(world->c, OBJECT_OPERATION, w->operation, NULL) : NULL;

	(void)revision;
	if (w->position != ++line->n)
		play_fail(world, "waiter %s has position %u, not %zu", id, w->position, line->n);
	if (!controller_get(world->c, OBJECT_VM, w->vm, NULL))
		play_fail(world, "waiter %s is for VM %s, which is gone", id, w->vm);
	if (op ? op->state != OPERATION_STATE_WAITING : !w->preempted_by[0])
		play_fail(world, "VM %s waits and its operation %s is not waiting", w->vm,
			  w->operation);
	if (!w->deadline_ms && !w->preempted_by[0])
		play_fail(world, "VM %s waits without end, though nobody put it off", w->vm);
	if (line->before && (line->before->priority < w->priority ||
			     (line->before->priority == w->priority &&
			      line->before->place >= w->place)))
		play_fail(world, "VM %s is before VM %s in the queue", line->before->vm, w->vm);
	line->before = w;
	return true;
}

struct waits {
	struct world *w;
	const char *operation;
	bool found;
};

static bool find_waiter(void *user, const void *object, const char *id, uint64_t revision)
{
	struct waits *s = user;

	(void)id;
	(void)revision;
	if (strcmp(((const struct waiter *)object)->operation, s->operation) == 0)
		s->found = true;
	return !s->found;
}

/* An operation that waits for nothing would wait for ever. */
static bool check_operation(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct operation *op = object;
	struct waits s = { user, id, false };

	(void)revision;
	if (op->state != OPERATION_STATE_WAITING)
		return true;
	controller_each(s.w->c, OBJECT_WAITER, "", find_waiter, &s);
	if (!s.found)
		play_fail(s.w, "operation %s of VM %s waits and is not in the queue", id, op->vm);
	return true;
}

/* ---- preemption ---- */

static uint32_t priority_of(struct world *w, const struct vm *vm)
{
	const struct priority_class *pc =
		controller_get(w->c, OBJECT_PRIORITY_CLASS, vm->priority_class, NULL);

	return pc ? pc->value : vm->priority;
}

static bool check_victim(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct event *e = object;
	struct world *w = user;
	bool by_class = strcmp(e->kind, "vm.preempted") == 0;
	const struct vm *victim, *winner;
	char name[NAME_SIZE];

	(void)id;
	(void)revision;
	w->events_seen = e->number;
	if (!by_class && strcmp(e->kind, "vm.reclaimed") != 0)
		return true;
	victim = controller_get(w->c, OBJECT_VM, e->object, NULL);
	if (!victim || sscanf(e->text, "for VM %63[^:,]", name) != 1 ||
	    !(winner = controller_get(w->c, OBJECT_VM, name, NULL)))
		play_fail(w, "nobody knows who put off %s: %s", e->object, e->text);
	if (!victim->preemptible)
		play_fail(w, "VM %s is not preemptible and was put off", e->object);
	if (strcmp(victim->host, winner->host) != 0)
		play_fail(w, "VM %s was put off for %s on another host", e->object, name);
	if (by_class && priority_of(w, victim) >= priority_of(w, winner))
		play_fail(w, "VM %s of priority %u was put off for %s of priority %u", e->object,
			  priority_of(w, victim), name, priority_of(w, winner));
	if (!by_class && (!winner->tenant[0] || strcmp(victim->tenant, winner->tenant) == 0))
		play_fail(w, "VM %s was put off for a guarantee of its own tenant", e->object);
	return true;
}

void play_check_rules(struct world *w)
{
	struct line line = { .w = w };
	char after[24];

	controller_each(w->c, OBJECT_TENANT, "", check_tenant, w);
	controller_each(w->c, OBJECT_WAITER, "", check_waiter, &line);
	controller_each(w->c, OBJECT_OPERATION, "", check_operation, w);
	snprintf(after, sizeof(after), "%012ju", (uintmax_t)w->events_seen);
	controller_each(w->c, OBJECT_EVENT, after, check_victim, w);
}
