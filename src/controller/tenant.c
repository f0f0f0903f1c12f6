/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants: their limits, and what the pool can promise them. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"

static int no_tenant(const struct command *cmd, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND,
			 "there is no tenant %s: `facet tenant list` shows them", cmd->id);
}

/* What is used is counted, never sent; a client may still send back what it was given. */
static void strip(json_t *j, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct field *row = &f->rows[i];
		json_t *item;
		size_t k;

		if (row->flags & FIELD_READONLY)
			json_object_del(j, row->name);
		if (row->kind != FIELD_LIST)
			continue;
		json_array_foreach (json_object_get(j, row->name), k, item)
			strip(item, row->sub);
	}
}

static int read_tenant(const struct command *cmd, enum fields_source source, struct tenant *t,
		       struct error *err)
{
	json_auto_t *body = json_deep_copy(cmd->body);

	if (!body)
		return error_at(err, ERR_INVALID, "", "a tenant must be a JSON object");
	strip(body, &tenant_fields);
	return fields_read(&tenant_fields, body, source, t, err);
}

static int check_pair(const char *place, const char *what, uint32_t limit, uint32_t guaranteed,
		      struct error *err)
{
	if (limit == 0 || guaranteed <= limit)
		return 0;
	return error_at(err, ERR_INVALID, place,
			"%u %s guaranteed is more than the limit of %u: raise the limit or "
			"guarantee less",
			guaranteed, what, limit);
}

static int check_tenant(const struct tenant *t, struct error *err)
{
	int r = check_pair("/guaranteed_fb_gib", "GiB of framebuffer", t->limit_fb_gib,
			   t->guaranteed_fb_gib, err);

	if (r == 0)
		r = check_pair("/guaranteed_vgpus", "vGPUs", t->limit_vgpus, t->guaranteed_vgpus,
			       err);
	for (size_t i = 0; i < t->slots_n && r == 0; i++) {
		const struct quota_slots *s = &t->slots[i];

		if (!s->profile[0])
			r = error_at(err, ERR_INVALID, "/slots",
				     "row %zu of the slots names no profile", i);
		if (r == 0)
			r = check_pair("/slots", s->profile, s->max, s->guaranteed, err);
	}
	return r;
}

/* ---- what the pool can promise ---- */

static uint32_t most_of_any(const struct gpu *g)
{
	uint32_t most = 0;

	for (size_t i = 0; i < g->types_n; i++)
		most = g->types[i].max > most ? g->types[i].max : most;
	if (most == 0 && catalogue_board_of_gpu(g)) {
		const struct board *b = catalogue_board_of_gpu(g);

		for (size_t i = 0; i < b->profiles_n; i++)
			most = b->profiles[i].max > most ? b->profiles[i].max : most;
	}
	return most ? most : 1;
}

struct pool_size {
	uint64_t fb_mib, vgpus;
};

static struct pool_size pool_size(struct controller *c)
{
	struct table *t = &c->tables[OBJECT_GPU];
	struct pool_size all = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct gpu *g = t->rows[i]->data;

		if (!g->poolable || g->health == GPU_HEALTH_LOST)
			continue;
		all.fb_mib += g->fb_mib;
		all.vgpus += most_of_any(g);
	}
	return all;
}

static struct pool_size promised(struct change *ch, const struct tenant *with)
{
	struct table *t = &ch->c->tables[OBJECT_TENANT];
	struct pool_size all = { with->guaranteed_fb_gib * 1024ULL, with->guaranteed_vgpus };

	for (size_t i = 0; i < t->n; i++) {
		const struct tenant *other = t->rows[i]->data;

		if (strcmp(other->name, with->name) == 0)
			continue;
		all.fb_mib += other->guaranteed_fb_gib * 1024ULL;
		all.vgpus += other->guaranteed_vgpus;
	}
	return all;
}

static uint64_t slots_promised(const struct tenant *t)
{
	uint64_t n = 0;

	for (size_t i = 0; t && i < t->slots_n; i++)
		n += t->slots[i].guaranteed;
	return n;
}

/* A promise that the pool could not keep even when it is empty is not made.  One that was made
 * before GPUs went away stands, and may be lowered. */
static int check_promises(struct change *ch, const struct tenant *old, const struct tenant *t,
			  struct error *err)
{
	struct pool_size have = pool_size(ch->c), sum = promised(ch, t);
	uint32_t old_gib = old ? old->guaranteed_fb_gib : 0;
	uint32_t old_vgpus = old ? old->guaranteed_vgpus : 0;

	if (t->guaranteed_fb_gib > old_gib && sum.fb_mib > have.fb_mib)
		return error_at(err, ERR_QUOTA, "/guaranteed_fb_gib",
				"all guarantees together would be %ju GiB of framebuffer, the pool "
				"has %ju GiB: guarantee %s less, or another tenant",
				(uintmax_t)(sum.fb_mib / 1024), (uintmax_t)(have.fb_mib / 1024),
				t->name);
	if (t->guaranteed_vgpus > old_vgpus && sum.vgpus > have.vgpus)
		return error_at(err, ERR_QUOTA, "/guaranteed_vgpus",
				"all guarantees together would be %ju vGPUs, the pool can have %ju "
				"at most: guarantee %s less, or another tenant",
				(uintmax_t)sum.vgpus, (uintmax_t)have.vgpus, t->name);
	if (slots_promised(t) > slots_promised(old) && slots_promised(t) > have.vgpus)
		return error_at(err, ERR_QUOTA, "/slots",
				"%ju slots would be guaranteed, the pool can have %ju vGPUs at "
				"most: guarantee %s less", (uintmax_t)slots_promised(t),
				(uintmax_t)have.vgpus, t->name);
	return 0;
}

/* ---- commands ---- */

int tenant_create(struct change *ch, struct answer *answer, struct error *err)
{
	struct tenant t = { 0 }, *kept;
	int r = read_tenant(ch->command, FIELDS_CREATE, &t, err);

	if (r == 0 && change_see(ch, OBJECT_TENANT, t.name))
		r = error_set(err, ERR_EXISTS, "there is a tenant %s already", t.name);
	if (r == 0)
		r = check_tenant(&t, err);
	if (r == 0)
		r = check_promises(ch, NULL, &t, err);
	kept = r == 0 ? change_create(ch, OBJECT_TENANT, t.name) : NULL;
	if (!kept) {
		fields_done(&tenant_fields, &t);
		return r;
	}
	*kept = t;
	change_event(ch, "tenant.created", kept->name, "", "", "tenant %s was created", kept->name);
	*answer = (struct answer){ OBJECT_TENANT, kept->name, .created = true };
	return 0;
}

int tenant_update(struct change *ch, struct answer *answer, struct error *err)
{
	const struct object *o = controller_find(ch->c, OBJECT_TENANT, ch->command->id);
	struct tenant *t = change_edit(ch, OBJECT_TENANT, ch->command->id);
	int r;

	if (!t)
		return no_tenant(ch->command, err);
	r = read_tenant(ch->command, FIELDS_UPDATE, t, err);
	if (r == 0)
		r = check_tenant(t, err);
	if (r == 0)
		r = check_promises(ch, o->data, t, err);
	if (r < 0)
		return r;
	quota_show(ch->c, t);
	change_event(ch, "tenant.changed", t->name, "", "", "tenant %s was changed%s%.200s",
		     t->name, t->over[0] ? ": it has " : "", t->over);
	*answer = (struct answer){ OBJECT_TENANT, t->name };
	return 0;
}

int tenant_delete(struct change *ch, struct answer *answer, struct error *err)
{
	const char *name = ch->command->id;
	const struct object *o = controller_find(ch->c, OBJECT_TENANT, name);

	if (!change_see(ch, OBJECT_TENANT, name))
		return no_tenant(ch->command, err);
	if (o && o->vms.n > 0)
		return error_set(err, ERR_BUSY,
				 "VM %s belongs to tenant %s: give it to another with `facet vm "
				 "update`, or delete it, first", o->vms.rows[0]->id, name);
	change_event(ch, "tenant.deleted", name, "", "", "tenant %s was deleted", name);
	change_delete(ch, OBJECT_TENANT, name);
	*answer = (struct answer){ 0 };
	return 0;
}
