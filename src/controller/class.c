/* SPDX-License-Identifier: Apache-2.0 */
/* Priority classes: names for priorities, and whom they may put off. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

static const struct priority_class *class_of(struct change *ch, const struct vm *vm)
{
	return vm->priority_class[0] ?
		change_see(ch, OBJECT_PRIORITY_CLASS, vm->priority_class) : NULL;
}

uint32_t vm_priority(struct change *ch, const struct vm *vm)
{
	const struct priority_class *pc = class_of(ch, vm);

	return pc ? pc->value : vm->priority;
}

bool vm_may_preempt(struct change *ch, const struct vm *vm)
{
	const struct priority_class *pc = class_of(ch, vm);

	return pc && pc->preempts == PREEMPTS_LOWER;
}

static int no_class(const struct command *cmd, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND,
			 "there is no priority class %s: `facet priority-class list` shows them",
			 cmd->id);
}

int class_create(struct change *ch, struct answer *answer, struct error *err)
{
	struct priority_class pc = { 0 }, *kept;
	int r = fields_read(&priority_class_fields, ch->command->body, FIELDS_CREATE, &pc, err);

	if (r == 0 && change_see(ch, OBJECT_PRIORITY_CLASS, pc.name))
		r = error_set(err, ERR_EXISTS, "there is a priority class %s already", pc.name);
	kept = r == 0 ? change_create(ch, OBJECT_PRIORITY_CLASS, pc.name) : NULL;
	if (!kept) {
		fields_done(&priority_class_fields, &pc);
		return r;
	}
	*kept = pc;
	change_event(ch, "priority-class.created", kept->name, "", "",
		     "priority class %s was created, value %u", kept->name, kept->value);
	*answer = (struct answer){ OBJECT_PRIORITY_CLASS, kept->name, .created = true };
	return 0;
}

/* Those that wait take their new place in line at once; what runs, runs on. */
static void reorder(struct change *ch)
{
	struct table *t = &ch->c->tables[OBJECT_WAITER];

	for (size_t i = 0; i < t->n && !change_is_full(ch); i++) {
		const struct waiter *w = t->rows[i]->data;
		const struct vm *vm = change_see(ch, OBJECT_VM, w->vm);

		if (vm)
			queue_follow(ch, vm);
	}
}

int class_update(struct change *ch, struct answer *answer, struct error *err)
{
	struct priority_class *pc = change_edit(ch, OBJECT_PRIORITY_CLASS, ch->command->id);
	int r;

	if (!pc)
		return no_class(ch->command, err);
	r = fields_read(&priority_class_fields, ch->command->body, FIELDS_UPDATE, pc, err);
	if (r < 0)
		return r;
	change_event(ch, "priority-class.changed", pc->name, "", "",
		     "priority class %s was changed, value %u", pc->name, pc->value);
	*answer = (struct answer){ OBJECT_PRIORITY_CLASS, pc->name };
	reorder(ch);
	return 0;
}

int class_delete(struct change *ch, struct answer *answer, struct error *err)
{
	const char *name = ch->command->id;
	struct table *t = &ch->c->tables[OBJECT_VM];

	if (!change_see(ch, OBJECT_PRIORITY_CLASS, name))
		return no_class(ch->command, err);
	for (size_t i = 0; i < t->n; i++) {
		const struct vm *vm = t->rows[i]->data;

		if (strcmp(vm->priority_class, name) == 0)
			return error_set(err, ERR_BUSY,
					 "VM %s is of priority class %s: `facet vm update %s "
					 "--priority-class ''` first", vm->name, name, vm->name);
	}
	change_event(ch, "priority-class.deleted", name, "", "", "priority class %s was deleted",
		     name);
	change_delete(ch, OBJECT_PRIORITY_CLASS, name);
	*answer = (struct answer){ 0 };
	return 0;
}
