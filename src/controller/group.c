/* SPDX-License-Identifier: Apache-2.0 */
/* Resource groups: which GPUs, and how they are shared. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/filter.h"

static int check_group(const struct group *g, struct error *err)
{
	cleanup(filter_free_p) struct filter *f = NULL;
	int r = filter_parse(g->filter ? g->filter : "", &f, err);

	return error_context(r, err, "filter of group %s", g->name);
}

int group_create(struct change *ch, struct answer *answer, struct error *err)
{
	struct group g = { .policy = POLICY_FRAGMENTATION }, *kept;
	int r = fields_read(&group_fields, ch->command->body, FIELDS_CREATE, &g, err);

	if (r == 0 && change_see(ch, OBJECT_GROUP, g.name))
		r = error_set(err, ERR_EXISTS, "there is a group %s already", g.name);
	if (r == 0)
		r = check_group(&g, err);
	if (r < 0) {
		fields_done(&group_fields, &g);
		return r;
	}
	kept = change_create(ch, OBJECT_GROUP, g.name);
	if (!kept) {
		fields_done(&group_fields, &g);
		return 0;
	}
	*kept = g;
	change_event(ch, "group.created", g.name, "", "", "group %s was created", g.name);
	*answer = (struct answer){ OBJECT_GROUP, kept->name, .created = true };
	return 0;
}

static int no_group(const struct command *cmd, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "there is no group %s: `facet group list` shows them",
			 cmd->id);
}

int group_update(struct change *ch, struct answer *answer, struct error *err)
{
	struct group *g = change_edit(ch, OBJECT_GROUP, ch->command->id);
	int r;

	if (!g)
		return no_group(ch->command, err);
	r = fields_read(&group_fields, ch->command->body, FIELDS_UPDATE, g, err);
	if (r == 0)
		r = check_group(g, err);
	if (r < 0)
		return r;
	change_event(ch, "group.changed", g->name, "", "", "group %s was changed", g->name);
	*answer = (struct answer){ OBJECT_GROUP, g->name };
	return 0;
}

/* The first VM with a device of GROUP, NULL for none. */
static const char *user_of(struct controller *c, const char *group)
{
	struct table *t = &c->tables[OBJECT_VM];

	for (size_t i = 0; i < t->n; i++) {
		const struct vm *vm = t->rows[i]->data;

		for (size_t d = 0; d < vm->devices_n; d++)
			if (strcmp(vm->devices[d].group, group) == 0)
				return vm->name;
	}
	return NULL;
}

int group_delete(struct change *ch, struct answer *answer, struct error *err)
{
	const char *name = ch->command->id, *user = user_of(ch->c, name);

	if (!change_see(ch, OBJECT_GROUP, name))
		return no_group(ch->command, err);
	if (user)
		return error_set(err, ERR_BUSY,
				 "VM %s draws from group %s: detach its device first", user, name);
	change_event(ch, "group.deleted", name, "", "", "group %s was deleted", name);
	change_delete(ch, OBJECT_GROUP, name);
	*answer = (struct answer){ 0 };
	return 0;
}
