/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a controller, and the table of its commands. */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "controller/internal.h"

#define X(constant, word) word,
static const char *const command_words[] = { COMMANDS(X) };
#undef X
const struct names command_kind_names = { command_words, COMMAND_COUNT };

static const struct {
	command_fn *run;
	enum object_kind kind;  /* that if_match speaks of */
} commands[COMMAND_COUNT] = {
	[COMMAND_GROUP_CREATE] = { group_create, OBJECT_GROUP },
	[COMMAND_GROUP_UPDATE] = { group_update, OBJECT_GROUP },
	[COMMAND_GROUP_DELETE] = { group_delete, OBJECT_GROUP },
	[COMMAND_TENANT_CREATE] = { tenant_create, OBJECT_TENANT },
	[COMMAND_TENANT_UPDATE] = { tenant_update, OBJECT_TENANT },
	[COMMAND_TENANT_DELETE] = { tenant_delete, OBJECT_TENANT },
	[COMMAND_CLASS_CREATE] = { class_create, OBJECT_PRIORITY_CLASS },
	[COMMAND_CLASS_UPDATE] = { class_update, OBJECT_PRIORITY_CLASS },
	[COMMAND_CLASS_DELETE] = { class_delete, OBJECT_PRIORITY_CLASS },
	[COMMAND_VM_CREATE] = { vm_create, OBJECT_VM },
	[COMMAND_VM_UPDATE] = { vm_update, OBJECT_VM },
	[COMMAND_VM_DELETE] = { vm_delete, OBJECT_VM },
	[COMMAND_VM_ATTACH] = { vm_attach, OBJECT_VM },
	[COMMAND_VM_DETACH] = { vm_detach, OBJECT_VM },
	[COMMAND_VM_START] = { vm_start, OBJECT_VM },
	[COMMAND_VM_STOP] = { vm_stop, OBJECT_VM },
	[COMMAND_VM_ADOPT] = { vm_adopt, OBJECT_VM },
	[COMMAND_LEASE_RELEASE] = { lease_release, OBJECT_LEASE },
	[COMMAND_OPERATION_CANCEL] = { operation_cancel, OBJECT_OPERATION },
	[COMMAND_HOST_UPDATE] = { host_update, OBJECT_HOST },
	[COMMAND_HOST_DELETE] = { host_delete, OBJECT_HOST },
	[COMMAND_HOST_REPORT] = { host_report, OBJECT_HOST },
};

/* ---- loading ---- */

struct loading {
	struct controller *c;
	enum object_kind kind;
	struct error *err;
};

int object_read(const struct fields *f, const char *value, void *data, struct error *err)
{
	json_auto_t *j = NULL;
	int r;

	if (fields_read_text(f, value, data))
		return 0;
	r = json_parse(value, strlen(value), STORE_VALUE_MAX, &j, err);
	return r < 0 ? r : fields_read(f, j, FIELDS_TRUSTED, data, err);
}

static int load_object(void *user, const char *key, const char *value, uint64_t revision)
{
	struct loading *l = user;
	const struct fields *f = object_fields(l->kind);
	const char *id = strchr(key, '/') + 1;
	void *data = calloc(1, f->size);
	int r;

	if (!data)
		return error_set(l->err, ERR_NO_MEMORY, "%s", key);
	r = object_read(f, value, data, l->err);
	if (r == 0 && !object_put(l->c, l->kind, id, data, revision))
		return error_set(l->err, ERR_NO_MEMORY, "%s", key);
	if (r < 0) {
		free(data);
		return error_context(r, l->err, "reading %s from the store", key);
	}
	if (l->kind == OBJECT_EVENT && ((struct event *)data)->number >= l->c->next_event)
		l->c->next_event = ((struct event *)data)->number + 1;
	return 0;
}

static int load_answer(void *user, const char *key, const char *value, uint64_t revision)
{
	struct loading *l = user;
	json_t *j;
	int r;

	(void)revision;
	r = json_parse(value, strlen(value), STORE_VALUE_MAX, &j, l->err);
	if (r == 0)
		json_object_set_new(l->c->answers, strchr(key, '/') + 1, j);
	return r;
}

static int load_chain(void *user, const char *key, const char *value, uint64_t revision)
{
	struct loading *l = user;

	(void)value;
	if (strcmp(key, "meta/chain") == 0)
		l->c->chain = revision;
	return 0;
}

/* A place is never given twice, whatever the clock says. */
static void note_place(struct controller *c, uint64_t place)
{
	if (place > c->last_place)
		c->last_place = place;
}

int controller_load(struct controller *c, struct error *err)
{
	struct loading l = { .c = c, .err = err };
	char prefix[32];
	int r = 0;

	c->chain = 0;
	c->next_event = 1;
	json_object_clear(c->answers);
	for (int kind = 0; kind < OBJECT_COUNT && r == 0; kind++) {
		l.kind = (enum object_kind)kind;
		snprintf(prefix, sizeof(prefix), "%s/", object_kind_names.words[kind]);
		r = store_list(c->store, prefix, load_object, &l, NULL, err);
	}
	if (r == 0)
		r = store_list(c->store, "answer/", load_answer, &l, NULL, err);
	if (r == 0)
		r = store_list(c->store, "meta/", load_chain, &l, NULL, err);
	c->revision = c->durable = store_revision(c->store);
	c->heard_since_ms = controller_now(c);
	for (size_t i = 0; i < c->tables[OBJECT_VM].n; i++)
		note_place(c, ((const struct vm *)c->tables[OBJECT_VM].rows[i]->data)->place);
	queue_count(c);
	queue_touch(c, NULL);
	return r;
}

int controller_new(struct store *store, const struct controller_config *config,
		   struct controller **ret, struct error *err)
{
	struct controller *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return error_set(err, ERR_NO_MEMORY, "a controller");
	c->store = store;
	c->config = *config;
	c->config.operation_timeout_ms = config->operation_timeout_ms ?: 600000;
	c->config.host_timeout_ms = config->host_timeout_ms ?: 30000;
	c->config.events_kept = config->events_kept ?: 10000;
	c->answers = json_object();
	c->domains = json_object();
	c->placement = placement_tables_new();
	r = c->answers && c->domains ? controller_load(c, err)
				     : error_set(err, ERR_NO_MEMORY, "a controller");
	if (r < 0) {
		controller_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct controller *controller_free(struct controller *c)
{
	if (!c)
		return NULL;
	while (c->feeds)
		controller_unfeed(c->feeds);
	objects_clear(c);
	json_decref(c->answers);
	json_decref(c->domains);
	placement_tables_free(c->placement);
	free(c);
	return NULL;
}

/* ---- commands ---- */

static int check_match(struct change *ch, struct error *err)
{
	const struct command *cmd = ch->command;
	struct object *o;

	if (cmd->if_match == 0)
		return 0;
	o = controller_find(ch->c, commands[cmd->kind].kind, cmd->id);
	if (o && o->revision == cmd->if_match)
		return 0;
	return error_set(err, ERR_PRECONDITION,
			 "%s is at revision %ju, not %ju: read it again and decide anew", cmd->id,
			 o ? (uintmax_t)o->revision : 0, (uintmax_t)cmd->if_match);
}

/* The answer that the same key got before, if it did. */
static bool answered_before(struct controller *c, const struct command *cmd, outcome_fn *done,
			    void *user)
{
	struct outcome o = { .replayed = true };
	cleanup(cleanup_free) char *text = NULL;
	const json_t *body;
	char key[UUID_TEXT_SIZE];
	struct error err;
	json_t *kept;

	if (!cmd->idempotency_key[0] || cmd->dry_run)
		return false;
	answer_key(cmd, key);
	kept = json_object_get(c->answers, key);
	if (!kept)
		return false;
	/* It may yet fail to become durable. */
	if (json_is_null(kept)) {
		answer_error(done, user,
			     error_set(&err, ERR_BUSY,
				       "the same request is under way: ask again for its answer"),
			     &err, NULL);
		return true;
	}
	o.accepted = json_is_true(json_object_get(kept, "accepted"));
	o.created = json_is_true(json_object_get(kept, "created"));
	o.revision = (uint64_t)json_integer_value(json_object_get(kept, "revision"));
	body = json_object_get(kept, "body");
	o.id = json_string_value(json_object_get(body, "id") ?: json_object_get(body, "name"));
	o.body = text = json_is_object(body) ? json_line(body) : NULL;
	if (done)
		done(user, &o);
	return true;
}

void controller_submit(struct controller *c, const struct command *command, outcome_fn *done,
		       void *user)
{
	struct answer answer = { 0 };
	struct change ch;
	struct error err;
	int r;

	assert(command->kind < COMMAND_COUNT);
	if (c->broken) {
		r = error_set(&err, ERR_UNAVAILABLE,
			      "the store refused to write: %s; nothing new is taken until it has "
			      "recovered", c->broken_why);
		answer_error(done, user, r, &err, NULL);
		return;
	}
	if (answered_before(c, command, done, user))
		return;
	change_begin(&ch, c, command);
	r = check_match(&ch, &err);
	if (r == 0)
		r = commands[command->kind].run(&ch, &answer, &err);
	if (r == 0) {
		change_commit(&ch, &answer, done, user);
		queue_run(c);
		return;
	}
	answer_error(done, user, r, &err, &ch);
	change_drop(&ch);
}

/* ---- reading ---- */

const void *controller_get(struct controller *c, enum object_kind kind, const char *id,
			   uint64_t *ret_revision)
{
	struct object *o = controller_find(c, kind, id);

	if (o && kind == OBJECT_TENANT)
		quota_show(c, o->data);
	if (o && ret_revision)
		*ret_revision = o->revision;
	return o ? o->data : NULL;
}

void controller_each(struct controller *c, enum object_kind kind, const char *after, object_fn *fn,
		     void *user)
{
	struct table *t = &c->tables[kind];

	for (size_t i = 0; kind == OBJECT_TENANT && i < t->n; i++)
		quota_show(c, t->rows[i]->data);
	for (size_t i = after[0] ? table_after(t, after) : 0; i < t->n; i++)
		if (!fn(user, t->rows[i]->data, t->rows[i]->id, t->rows[i]->revision))
			return;
}

uint64_t controller_revision(struct controller *c)
{
	return c->durable;
}
