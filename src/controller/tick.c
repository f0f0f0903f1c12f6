/* SPDX-License-Identifier: Apache-2.0 */
/* What time alone brings about: holds end, operations are given up, silent hosts are shown as lost,
 * and old history goes. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

enum { TICK_MS = 1000, ENDED_OPERATIONS_KEPT = 1000, PRUNE_BATCH = 500, ANSWERS_LOOK_MS = 60000 };
static const int64_t ANSWER_KEPT_MS = 24 * 3600 * 1000;

static void end_holds(struct change *ch)
{
	struct table *t = &ch->c->tables[OBJECT_LEASE];

	for (size_t i = 0; i < t->n && !change_is_full(ch); i++) {
		const struct lease *l = t->rows[i]->data;

		if (l->state == LEASE_READY && l->expires_ms > 0 && l->expires_ms <= ch->now_ms) {
			struct lease *mine = change_edit(ch, OBJECT_LEASE, l->id);

			if (mine)
				lease_move(ch, mine, LEASE_RELEASING, "its hold time is over");
		}
	}
}

static void give_up(struct change *ch, struct operation *op)
{
	struct vm *vm = change_edit(ch, OBJECT_VM, op->vm);

	operation_fail(ch, op, ERR_UNAVAILABLE, "host %s did not come to an end within %jd s%s",
		       op->host, (intmax_t)(ch->c->config.operation_timeout_ms / 1000),
		       op->kind == OPERATION_STOP
			       ? ": the guest may ignore the request, use --force"
			       : "");
	if (vm && op->kind == OPERATION_START)
		run_undo(ch, vm, "the start took too long");
	if (vm && op->kind == OPERATION_STOP && vm->state == VM_STOPPING && vm->boot_id[0]) {
		/* It runs on, as far as anybody knows. */
		vm->wanted = VM_WANTED_RUNNING;
		vm->state = VM_RUNNING;
	}
	if (op->state != OPERATION_STATE_RUNNING)
		return;
	op->state = op->cancel ? OPERATION_STATE_CANCELLED : OPERATION_STATE_FAILED;
	op->ended_ms = ch->now_ms;
}

static void end_operations(struct change *ch)
{
	struct table *t = &ch->c->tables[OBJECT_OPERATION];
	size_t ended = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct operation *op = t->rows[i]->data;

		ended += !operation_is_open(op);
		if (op->state == OPERATION_STATE_RUNNING && op->deadline_ms <= ch->now_ms &&
		    !change_is_full(ch)) {
			struct operation *mine = change_edit(ch, OBJECT_OPERATION, op->id);

			if (mine)
				give_up(ch, mine);
		}
	}
	for (size_t i = 0; ended > ENDED_OPERATIONS_KEPT && i < t->n && ch->n < PRUNE_BATCH; i++) {
		const struct operation *op = t->rows[i]->data;

		/* Ids are random, so the oldest is not first: take what ended an hour ago or
		 * more. */
		if (operation_is_open(op) || op->ended_ms > ch->now_ms - 3600000)
			continue;
		change_delete(ch, OBJECT_OPERATION, op->id);
		ended--;
	}
}

/* Nobody could report to a controller that was not there; and a clock that was set back must not
 * make silence count for less. */
static int64_t silence_ms(struct change *ch, struct host *h)
{
	struct controller *c = ch->c;

	if (h->last_report_ms > ch->now_ms)
		h->last_report_ms = ch->now_ms;
	if (c->heard_since_ms > ch->now_ms)
		c->heard_since_ms = ch->now_ms;
	return ch->now_ms -
	       (h->last_report_ms > c->heard_since_ms ? h->last_report_ms : c->heard_since_ms);
}

static void lose_hosts(struct change *ch)
{
	struct table *t = &ch->c->tables[OBJECT_HOST];

	for (size_t i = 0; i < t->n && !change_is_full(ch); i++) {
		struct host *h = t->rows[i]->data;
		int64_t silent = silence_ms(ch, h);
		struct host *mine;

		if (h->state != HOST_READY || silent < ch->c->config.host_timeout_ms)
			continue;
		mine = change_edit(ch, OBJECT_HOST, h->name);
		if (!mine)
			return;
		mine->state = HOST_LOST;
		snprintf(mine->state_reason, sizeof(mine->state_reason),
			 "its agent has been silent for %jd s", (intmax_t)(silent / 1000));
		change_event(ch, "host.lost", h->name, h->name, "", "%s", mine->state_reason);
	}
}

static void prune_events(struct change *ch)
{
	struct table *t = &ch->c->tables[OBJECT_EVENT];
	size_t too_many = t->n > ch->c->config.events_kept ? t->n - ch->c->config.events_kept : 0;

	/* In steps: each deletion is a write. */
	if (too_many < PRUNE_BATCH / 2)
		return;
	for (size_t i = 0; i < too_many && !change_is_full(ch); i++)
		change_delete(ch, OBJECT_EVENT, t->rows[i]->id);
}

/* There may be very many: they are looked through once a minute, unless there is more to do. */
static void prune_answers(struct change *ch)
{
	struct controller *c = ch->c;
	const char *key;
	json_t *kept;

	if (ch->now_ms < c->answers_ms && ch->now_ms > c->answers_ms - ANSWERS_LOOK_MS)
		return;
	json_object_foreach (c->answers, key, kept) {
		if (change_is_full(ch))
			return;
		if (json_is_object(kept) && json_integer_value(json_object_get(kept, "time_ms")) <
						    ch->now_ms - ANSWER_KEPT_MS)
			change_forget_answer(ch, key);
	}
	c->answers_ms = ch->now_ms + ANSWERS_LOOK_MS;
}

void controller_tick(struct controller *c, int64_t *ret_next_ms)
{
	const struct answer nothing = { 0 };
	struct change ch;

	*ret_next_ms = controller_now(c) + TICK_MS;
	if (c->broken) {
		controller_recover(c);
		return;
	}
	change_begin(&ch, c, NULL);
	end_holds(&ch);
	end_operations(&ch);
	lose_hosts(&ch);
	prune_events(&ch);
	prune_answers(&ch);
	change_commit(&ch, &nothing, NULL, NULL);
	queue_tick(c);
	queue_run(c);
}
