/* SPDX-License-Identifier: Apache-2.0 */
/* Starts that wait for room.
 *
 * The queue is the table of waiters: their ids sort by priority, then by arrival.  Nobody polls:
 * each change in memory that may let somebody in stamps its host with a number that grows, and a
 * waiter is tried again when its host's stamp is newer than its own last try.
 *
 *   first in line    nobody before it in the queue waits for the same GPUs
 *   overtaking       what is smaller may go first, as long as the first in line has not been first
 *                    for overtake_s of its group; then all of its priority or lower wait behind it
 *
 * So from then on every slice that comes free on those GPUs stays free for it or for somebody of
 * higher priority: its wait ends when the VMs that run there have ended.  A request that would not
 * fit on the empty GPUs either holds nobody up. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/filter.h"

enum { QUEUE_MAX = 4096, TRIES_MAX = 128 };

/* Codes of refusals: behind the first in line, behind one for whom room is being made. */
static const char QUEUE_LINE[] = "queue", QUEUE_ROOM[] = "queue-room";

void queue_touch(struct controller *c, const char *host)
{
	struct object *o;

	c->touches++;
	if (!host)
		c->touched_all = c->touches;
	else if ((o = controller_find(c, OBJECT_HOST, host)))
		o->touched = c->touches;
}

void queue_count(struct controller *c)
{
	struct table *t = &c->tables[OBJECT_WAITER];

	for (size_t i = 0; i < t->n; i++) {
		struct waiter *w = t->rows[i]->data;

		w->position = (uint32_t)(i + 1);
		if (w->place > c->last_place)
			c->last_place = w->place;
	}
}

uint64_t queue_place(struct change *ch)
{
	uint64_t now = (uint64_t)ch->now_ms * 1000;

	ch->c->last_place = now > ch->c->last_place ? now : ch->c->last_place + 1;
	return ch->c->last_place;
}

static void make_id(uint32_t priority, uint64_t place, char id[WAITER_ID_SIZE])
{
	uint32_t turn = priority < PRIORITY_MAX ? PRIORITY_MAX - priority : 0;

	snprintf(id, WAITER_ID_SIZE, "%04u-%016ju", turn, (uintmax_t)place);
}

struct waiter *queue_of_vm(struct change *ch, const char *vm)
{
	struct table *t = &ch->c->tables[OBJECT_WAITER];

	for (size_t i = 0; i < ch->n; i++) {
		struct waiter *w = ch->edits[i].data;

		if (ch->edits[i].kind == OBJECT_WAITER && w && strcmp(w->vm, vm) == 0)
			return w;
	}
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(((const struct waiter *)t->rows[i]->data)->vm, vm) == 0 &&
		    change_see_object(ch, t->rows[i]))
			return change_edit(ch, OBJECT_WAITER, t->rows[i]->id);
	return NULL;
}

void queue_leave(struct change *ch, const char *vm)
{
	struct waiter *w = queue_of_vm(ch, vm);
	char id[WAITER_ID_SIZE];

	if (!w)
		return;
	TEXT_COPY(id, w->id);
	change_delete(ch, OBJECT_WAITER, id);
}

struct waiter *queue_join(struct change *ch, const struct vm *vm, uint32_t wait_s)
{
	uint32_t priority = vm_priority(ch, vm);
	char id[WAITER_ID_SIZE];
	struct waiter *w;

	make_id(priority, vm->place, id);
	w = change_create(ch, OBJECT_WAITER, id);
	if (!w)
		return NULL;
	TEXT_COPY(w->id, id);
	TEXT_COPY(w->vm, vm->name);
	TEXT_COPY(w->host, vm->host);
	TEXT_COPY(w->tenant, vm->tenant);
	TEXT_COPY(w->by, ch->by);
	w->priority = priority;
	w->place = vm->place;
	w->since_ms = ch->now_ms;
	w->deadline_ms = wait_s ? ch->now_ms + (int64_t)wait_s * 1000 : 0;
	return w;
}

void queue_follow(struct change *ch, const struct vm *vm)
{
	struct waiter *w = queue_of_vm(ch, vm->name), *moved;
	uint32_t priority = vm_priority(ch, vm);
	struct waiter copy;

	if (!w)
		return;
	TEXT_COPY(w->host, vm->host);
	TEXT_COPY(w->tenant, vm->tenant);
	if (w->priority == priority)
		return;
	copy = *w;
	change_delete(ch, OBJECT_WAITER, copy.id);
	make_id(priority, copy.place, copy.id);
	copy.priority = priority;
	moved = change_create(ch, OBJECT_WAITER, copy.id);
	if (moved)
		*moved = copy;
}

/* ---- who waits for the same ---- */

/* Whether a GPU of HOST is in group A and in group B. */
static bool groups_meet(struct change *ch, const char *a, const char *b, const char *host)
{
	const struct group *x = change_see(ch, OBJECT_GROUP, a);
	const struct group *y = change_see(ch, OBJECT_GROUP, b);
	const struct object *o = controller_find(ch->c, OBJECT_HOST, host);
	cleanup(filter_free_p) struct filter *f = NULL, *g = NULL;

	if (strcmp(a, b) == 0)
		return true;
	if (!x || !y || !o || filter_parse(x->filter ? x->filter : "", &f, NULL) < 0 ||
	    filter_parse(y->filter ? y->filter : "", &g, NULL) < 0)
		return false;
	for (size_t i = 0; i < o->gpus.n; i++)
		if (filter_matches(f, o->gpus.rows[i]->data) &&
		    filter_matches(g, o->gpus.rows[i]->data))
			return true;
	return false;
}

static bool meets(struct change *ch, const struct waiter *w, const char *host, const char *group)
{
	const struct vm *vm = change_see(ch, OBJECT_VM, w->vm);

	if (strcmp(w->host, host) != 0)
		return false;
	for (size_t i = 0; vm && i < vm->devices_n; i++)
		if (groups_meet(ch, vm->devices[i].group, group, host))
			return true;
	return false;
}

static bool waits_for_room(const struct waiter *w)
{
	return strcmp(w->kind, error_name(ERR_NO_CAPACITY)) == 0;
}

/* The longest that W may be overtaken: its groups say. */
static int64_t overtake_ms(struct change *ch, const struct waiter *w)
{
	const struct vm *vm = change_see(ch, OBJECT_VM, w->vm);
	uint32_t least = WAIT_S_MAX;

	for (size_t i = 0; vm && i < vm->devices_n; i++) {
		const struct group *g = change_see(ch, OBJECT_GROUP, vm->devices[i].group);
		uint32_t s = g && g->overtake_s ? g->overtake_s : OVERTAKE_S;

		least = s < least ? s : least;
	}
	return (int64_t)least * 1000;
}

static bool holds_up(struct change *ch, const struct waiter *w)
{
	if (!waits_for_room(w))
		return false;
	return w->preempting ||
	       (w->first_ms > 0 && w->first_ms + overtake_ms(ch, w) <= ch->now_ms);
}

/* Whether W, whose turn is later, goes before VM all the same: it takes back what its tenant is
 * sure of.  Those for whom room is being made keep their order among themselves. */
static bool goes_before(struct change *ch, const struct waiter *w, const char *own)
{
	const struct waiter *mine = change_see(ch, OBJECT_WAITER, own);

	return strcmp(w->id, own) < 0 || (w->reclaiming && !(mine && mine->preempting));
}

int queue_may_pass(struct change *ch, const struct vm *vm, const struct vm_device *device,
		   struct error *err)
{
	struct table *t = &ch->c->tables[OBJECT_WAITER];
	char own[WAITER_ID_SIZE];

	/* Thoughts are about GPUs, not about turns. */
	if (ch->thought || t->n == 0)
		return 0;
	make_id(vm_priority(ch, vm), vm->place, own);
	for (size_t i = 0; i < t->n; i++) {
		const struct waiter *w = change_see_object(ch, t->rows[i]);

		if (!w || strcmp(w->vm, vm->name) == 0)
			continue;
		if (!holds_up(ch, w) || !goes_before(ch, w, own) ||
		    !meets(ch, w, vm->host, device->group))
			continue;
		if (!w->preempting && preempt_is_sure(ch, vm->name))
			continue;
		error_set(err, ERR_NO_CAPACITY,
			  "VM %s of priority %u waits for the same GPUs, since %jd s, and goes "
			  "first: `facet queue list` shows the line, --wait joins it",
			  w->vm, w->priority, (intmax_t)((ch->now_ms - w->since_ms) / 1000));
		change_refuse(ch, w->preempting ? QUEUE_ROOM : QUEUE_LINE, "VM %s goes first",
			      w->vm);
		return -ERR_NO_CAPACITY;
	}
	return 0;
}

/* ---- joining ---- */

static bool may_wait(int r)
{
	return r == -ERR_NO_CAPACITY || r == -ERR_QUOTA || r == -ERR_UNAVAILABLE || r == -ERR_BUSY;
}

static void give_reasons(struct change *ch, struct operation *op)
{
	free(op->refusals);
	op->refusals = take(ch->refusals);
	op->refusals_n = ch->refusals_n;
	ch->refusals_n = 0;
}

static void name_victims(struct change *ch, struct operation *op, const struct victims *v)
{
	char **names;

	if (v->n == 0)
		return;
	names = realloc(op->victims, (op->victims_n + v->n) * sizeof(*names));
	if (!names) {
		ch->failed = true;
		return;
	}
	op->victims = names;
	for (size_t i = 0; i < v->n; i++) {
		names[op->victims_n] = strdup(v->vms[i]);
		if (names[op->victims_n])
			op->victims_n++;
	}
}

static void say_victims(const struct victims *v, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "%s",
				    v->leaving ? "what is being taken down makes room"
				    : v->reclaiming
					    ? "within the guarantee of its tenant; makes room: "
					    : "priority; makes room: ");

	for (size_t i = 0; i < v->n && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", v->vms[i]);
}

static struct operation *begin_waiting(struct change *ch, const struct vm *vm, struct waiter *w)
{
	static const char *const steps[] = { "wait", "reserve", "create", "start", "undo" };
	struct operation *op = operation_begin(ch, OPERATION_START, vm, steps, 5);

	if (!op)
		return NULL;
	op->state = OPERATION_STATE_WAITING;
	op->deadline_ms = w->deadline_ms;
	TEXT_COPY(op->by, w->by);
	TEXT_COPY(w->operation, op->id);
	return op;
}

/* What the last try came to. */
static void note(struct change *ch, struct waiter *w, struct operation *op, int r, const char *text)
{
	TEXT_COPY(w->kind, error_name((enum error_kind)-r));
	if (strcmp(w->waits_for, text) == 0)
		return;
	TEXT_COPY(w->waits_for, text);
	if (op)
		operation_step(ch, op, "wait", STEP_RUNNING, "%s", w->waits_for);
}

static bool was_refused(const struct change *ch, const char *code)
{
	for (size_t i = 0; i < ch->refusals_n; i++)
		if (strcmp(ch->refusals[i].code, code) == 0)
			return true;
	return false;
}

/* Makes room for VM if it may: plans, and stops the victims.  Room that others would get first is
 * not made, but for a guarantee. */
static bool make_room(struct change *ch, const struct vm *vm, struct waiter *w,
		      struct operation *op, int r)
{
	bool may = r == -ERR_NO_CAPACITY && !was_refused(ch, QUEUE_ROOM);
	struct victims *v = may ? calloc(1, sizeof(*v)) : NULL;
	char text[sizeof(w->waits_for)];
	bool found = v && preempt_find(ch, vm->name, was_refused(ch, QUEUE_LINE), v);

	if (found) {
		w->preempting = w->preempting || !v->leaving;
		w->reclaiming = w->reclaiming || v->reclaiming;
		say_victims(v, text, sizeof(text));
		note(ch, w, op, r, text);
		name_victims(ch, op, v);
		preempt_take(ch, vm, v);
	} else if (v) {
		w->preempting = w->reclaiming = false;
	}
	free(v);
	return found;
}

/* What would help where nothing has room: the last reason of a refusal. */
static void say_rights(struct change *ch, const struct vm *vm)
{
	const char *klass = vm->priority_class[0] ? vm->priority_class : "none";

	if (vm_may_preempt(ch, vm))
		change_refuse(ch, "priority",
			      "priority %u, class %s: stopping VMs of lower priority that are "
			      "preemptible would not make room; --wait waits for it",
			      vm_priority(ch, vm), klass);
	else
		change_refuse(ch, "priority",
			      "priority %u, class %s: it stops no other VM; --wait waits for room, "
			      "a priority class that preempts lower ones may make it",
			      vm_priority(ch, vm), klass);
}

int queue_enter(struct change *ch, const char *name, bool wait, uint32_t wait_s, int r,
		struct answer *answer, struct error *err)
{
	struct operation *op;
	struct waiter *w;
	struct vm *vm;
	bool room;

	if (!may_wait(r))
		return r;
	if (ch->c->tables[OBJECT_WAITER].n >= QUEUE_MAX)
		return error_set(err, ERR_UNAVAILABLE, "%d starts wait already: try later",
				 QUEUE_MAX);
	change_restart(ch);
	vm = change_edit(ch, OBJECT_VM, name);
	if (!vm)
		return error_set(err, ERR_NO_MEMORY, "VM %s", name);
	queue_leave(ch, name);
	vm->place = queue_place(ch);
	/* Making room takes time, asked for or not: as long as an operation may. */
	w = queue_join(ch, vm, wait ? wait_s
				    : (uint32_t)(ch->c->config.operation_timeout_ms / 1000));
	op = w ? begin_waiting(ch, vm, w) : NULL;
	if (!op)
		return 0;
	room = make_room(ch, vm, w, op, r);
	if (!room && !wait) {
		if (r == -ERR_NO_CAPACITY)
			say_rights(ch, vm);
		return r;
	}
	if (!room)
		note(ch, w, op, r, err->text);
	give_reasons(ch, op);
	change_event(ch, "queue.joined", vm->name, vm->host, vm->name, "%.200s", w->waits_for);
	*answer = (struct answer){ OBJECT_OPERATION, op->id, .accepted = true };
	return 0;
}

/* ---- trying again ---- */

static bool runs(const struct vm *vm)
{
	return vm->wanted == VM_WANTED_RUNNING || vm->state == VM_RUNNING ||
	       vm->state == VM_PAUSED;
}

/* W waits no longer; its operation ends with ERR. */
static void give_up(struct change *ch, const struct waiter *w, enum error_kind kind,
		    const char *text)
{
	struct operation *op = w->operation[0] ?
		change_edit(ch, OBJECT_OPERATION, w->operation) : NULL;

	change_event(ch, "queue.ended", w->vm, w->host, w->vm, "%.240s", text);
	if (op && operation_is_open(op)) {
		operation_fail(ch, op, kind, "%s", text);
		operation_end(ch, op, OPERATION_STATE_FAILED);
	}
	queue_leave(ch, w->vm);
}

static bool is_first(struct change *ch, const struct waiter *w, const struct vm *vm)
{
	struct table *t = &ch->c->tables[OBJECT_WAITER];

	for (size_t i = 0; i < t->n; i++) {
		const struct waiter *before = t->rows[i]->data;

		if (strcmp(before->id, w->id) >= 0)
			return true;
		for (size_t k = 0; before->first_ms > 0 && k < vm->devices_n; k++)
			if (meets(ch, before, vm->host, vm->devices[k].group))
				return false;
	}
	return true;
}

/* One that nothing but other GPUs can help holds nobody up. */
static void note_first(struct change *ch, struct waiter *w, const struct vm *vm, int r)
{
	const struct thought empty = { .all = true };

	if (r != -ERR_NO_CAPACITY)
		return;
	if (!preempt_fits(ch, vm->name, &empty))
		w->first_ms = 0;
	else if (w->first_ms == 0 && is_first(ch, w, vm))
		w->first_ms = ch->now_ms;
}

static void let_in(struct change *ch, struct operation *op, struct waiter *w)
{
	operation_step(ch, op, "wait", STEP_DONE, "waited %jd s",
		       (intmax_t)((ch->now_ms - w->since_ms) / 1000));
	change_event(ch, "queue.left", w->vm, w->host, w->vm, "its turn came after %jd s",
		     (intmax_t)((ch->now_ms - w->since_ms) / 1000));
	queue_leave(ch, w->vm);
}

/* The objects of one try, anew in each change. */
struct turn {
	struct vm *vm;
	struct waiter *w;
	struct operation *op;
};

/* False when W is not to be tried: it has ended, or its VM is still being stopped. */
static bool turn_begin(struct change *ch, const char *id, struct turn *t)
{
	const struct waiter *w = change_see(ch, OBJECT_WAITER, id);
	struct operation *op;

	if (!w)
		return false;
	t->vm = change_edit(ch, OBJECT_VM, w->vm);
	if (!t->vm) {
		give_up(ch, w, ERR_NOT_FOUND, "the VM is gone");
		return false;
	}
	op = operation_of_vm(ch, w->vm);
	if (op && strcmp(op->id, w->operation) != 0)
		return false;
	if (runs(t->vm)) {
		give_up(ch, w, ERR_CONFLICT, w->preempted_by[0]
						      ? "it could not be stopped and runs on"
						      : "it was started outside Facet");
		return false;
	}
	if (t->vm->state == VM_STOPPING)
		return false;
	queue_follow(ch, t->vm);
	t->w = queue_of_vm(ch, t->vm->name);
	t->op = !t->w ? NULL : op ? op : begin_waiting(ch, t->vm, t->w);
	return t->op != NULL;
}

static void commit(struct change *ch)
{
	const struct answer nothing = { 0 };

	change_commit(ch, &nothing, NULL, NULL);
}

/* It did not fit.  In a change of its own: the try may have reserved half of what it needs. */
static void refused(struct controller *c, const char *id, struct change *tried, int r,
		    const struct error *why)
{
	struct change ch;
	struct turn t;

	change_begin(&ch, c, NULL);
	ch.refusals = take(tried->refusals);
	ch.refusals_n = tried->refusals_n;
	tried->refusals_n = 0;
	if (turn_begin(&ch, id, &t)) {
		if (!may_wait(r) && r != -ERR_NO_MEMORY) {
			give_up(&ch, t.w, (enum error_kind)-r, why->text);
		} else if (!make_room(&ch, t.vm, t.w, t.op, r)) {
			note(&ch, t.w, t.op, r, why->text);
			give_reasons(&ch, t.op);
		}
		if (queue_of_vm(&ch, t.vm->name))
			note_first(&ch, t.w, t.vm, r);
	}
	commit(&ch);
}

static void try_one(struct controller *c, const char *id)
{
	struct answer ignored = { 0 };
	struct error err = { 0 };
	struct change ch;
	struct turn t;
	int r;

	change_begin(&ch, c, NULL);
	if (!turn_begin(&ch, id, &t)) {
		commit(&ch);
		return;
	}
	r = run_begin(&ch, t.vm, t.op, &ignored, &err);
	if (r == 0) {
		let_in(&ch, t.op, t.w);
		commit(&ch);
		return;
	}
	refused(c, id, &ch, r, &err);
	change_drop(&ch);
}

static bool is_due(struct controller *c, const struct object *o)
{
	const struct object *host =
		controller_find(c, OBJECT_HOST, ((const struct waiter *)o->data)->host);

	return c->touched_all > o->touched || (host && host->touched > o->touched);
}

void queue_run(struct controller *c)
{
	struct table *t = &c->tables[OBJECT_WAITER];
	unsigned tries = 0;

	for (size_t i = 0; i < t->n && tries < TRIES_MAX && !c->broken;) {
		struct object *o = t->rows[i];
		char id[WAITER_ID_SIZE];

		if (c->queue_seen == c->touches)
			return;
		if (!is_due(c, o)) {
			i++;
			continue;
		}
		TEXT_COPY(id, o->id);
		o->touched = c->touches;
		try_one(c, id);
		tries++;
		/* The one tried may be gone, and others may have joined. */
		i = table_after(t, id);
	}
	if (tries == 0)
		c->queue_seen = c->touches;
}

/* ---- time ---- */

static void force(struct controller *c, const struct waiter *w)
{
	struct change ch;
	struct waiter *mine;
	struct vm *vm;

	change_begin(&ch, c, NULL);
	vm = change_edit(&ch, OBJECT_VM, w->vm);
	mine = change_edit(&ch, OBJECT_WAITER, w->id);
	if (mine)
		mine->force_ms = 0;
	if (vm && vm->state == VM_STOPPING && vm->stop_how != STOP_FORCE) {
		vm->stop_how = STOP_FORCE;
		change_event(&ch, "vm.preempt-forced", vm->name, vm->host, vm->name,
			     "its guest did not shut down in time to make room for %s",
			     w->preempted_by);
	}
	commit(&ch);
}

static void end_wait(struct controller *c, const struct waiter *w)
{
	char text[ERROR_TEXT_MAX];
	struct change ch;

	change_begin(&ch, c, NULL);
	snprintf(text, sizeof(text), "waited %jd s, the deadline has passed: %s",
		 (intmax_t)((ch.now_ms - w->since_ms) / 1000), w->waits_for);
	give_up(&ch, change_see(&ch, OBJECT_WAITER, w->id),
		error_from_name(w->kind) ?: ERR_NO_CAPACITY, text);
	commit(&ch);
}

void queue_tick(struct controller *c)
{
	struct table *t = &c->tables[OBJECT_WAITER];
	int64_t now = controller_now(c);

	for (size_t i = 0; i < t->n && !c->broken;) {
		const struct waiter *w = t->rows[i]->data;
		char id[WAITER_ID_SIZE];

		TEXT_COPY(id, w->id);
		if (w->force_ms > 0 && w->force_ms <= now)
			force(c, w);
		else if (w->deadline_ms > 0 && w->deadline_ms <= now)
			end_wait(c, w);
		i = table_after(t, id);
	}
}
