/* SPDX-License-Identifier: Apache-2.0 */
/* What agents and watchers are told: durable state only.
 *
 * Memory may be ahead of the disk.  A host that acted on a lease which then never landed would make
 * a vGPU that nobody owns, so a wanted state takes each object as the store has it. */
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/text.h"
#include "controller/internal.h"
#include "model/filter.h"

struct wanted_feed {
	struct controller *c;
	char host[NAME_SIZE];
	wanted_fn *fn;
	void *user;
	struct wanted_feed *next;
};

/* Copies the lease or VM O as it is on disk to *RET; false when it is not there.  What hangs on a
 * VM that is in memory as it is on disk is lent, else it is the caller's. */
static bool durable_copy(struct controller *c, const struct object *o, void *ret)
{
	const struct fields *f = object_fields(o->kind);
	char key[STORE_KEY_MAX + 1], *value;
	bool ok;

	if (o->revision <= c->durable) {
		memcpy(ret, o->data, f->size);
		return true;
	}
	snprintf(key, sizeof(key), "%s/%s", object_kind_names.words[o->kind], o->id);
	if (store_get(c->store, key, &value, NULL, NULL) < 0)
		return false;
	memset(ret, 0, f->size);
	ok = object_read(f, value, ret, NULL) == 0;
	free(value);
	return ok;
}

/* A VM is the host's to start while it is STARTING or RUNNING, to stop while it is STOPPING, and
 * else only to be watched. */
static void tell_vm(const struct vm *vm, struct wanted_vm *ret)
{
	*ret = (struct wanted_vm){
		.wanted = vm->wanted, .stop_how = vm->stop_how, .run = vm->run,
		.start_after_boot = vm->start_after_boot,
		.managed = vm->state == VM_STARTING || vm->state == VM_RUNNING ||
			   vm->state == VM_PAUSED || vm->state == VM_STOPPING,
	};
	TEXT_COPY(ret->name, vm->name);
	TEXT_COPY(ret->uuid, vm->uuid);
	TEXT_COPY(ret->boot_id, vm->boot_id);
}

static void tell_vms(struct controller *c, const struct links *vms, struct wanted *ret)
{
	for (size_t i = 0; i < vms->n; i++) {
		const struct object *o = vms->rows[i];
		struct vm vm;

		if (!durable_copy(c, o, &vm))
			continue;
		tell_vm(&vm, &ret->vms[ret->vms_n++]);
		if (o->revision > c->durable)
			fields_done(&vm_fields, &vm);
	}
}

/* A GPU of some group that has no functions yet gets them. */
static bool wants_functions(struct controller *c, const struct gpu *g)
{
	struct table *t = &c->tables[OBJECT_GROUP];
	bool wants = false;

	if (g->vf_total == 0 || g->vf_enabled > 0 || g->vgpus_n > 0 || g->health == GPU_HEALTH_LOST)
		return false;
	for (size_t i = 0; i < t->n && !wants; i++) {
		const struct group *group = t->rows[i]->data;
		cleanup(filter_free_p) struct filter *f = NULL;

		wants = filter_parse(group->filter ? group->filter : "", &f, NULL) == 0 &&
			filter_matches(f, g);
	}
	return wants;
}

static void tell_gpus(struct controller *c, const struct links *gpus, struct wanted *ret)
{
	for (size_t i = 0; i < gpus->n; i++) {
		struct gpu *g = gpus->rows[i]->data;

		if (wants_functions(c, g))
			ret->vf_gpus[ret->vf_gpus_n++] = g->address;
	}
}

static bool tell_host(struct controller *c, const struct object *o, struct wanted *ret)
{
	ret->leases = calloc(o->leases.n + 1, sizeof(*ret->leases));
	ret->vms = calloc(o->vms.n + 1, sizeof(*ret->vms));
	ret->vf_gpus = calloc(o->gpus.n + 1, sizeof(*ret->vf_gpus));
	if (!ret->leases || !ret->vms || !ret->vf_gpus)
		return false;
	for (size_t i = 0; i < o->leases.n; i++)
		ret->leases_n += durable_copy(c, o->leases.rows[i], &ret->leases[ret->leases_n]);
	tell_vms(c, &o->vms, ret);
	tell_gpus(c, &o->gpus, ret);
	return true;
}

/* The wanted state is made anew with every change of its host, so it goes to text without a tree.
 * NULL when memory ran out: the next change tells it. */
static char *wanted_line(struct controller *c, const char *host)
{
	const struct object *o = controller_find(c, OBJECT_HOST, host);
	struct wanted w = { .revision = c->durable, .now_ms = controller_now(c) };
	char *line = NULL;

	TEXT_COPY(w.host, host);
	if (!o || tell_host(c, o, &w))
		line = fields_text(&wanted_fields, &w);
	free(w.leases);
	free(w.vms);
	free(w.vf_gpus);
	return line;
}

static void send_feed(struct wanted_feed *f)
{
	char *line = wanted_line(f->c, f->host);

	if (line)
		f->fn(f->user, line);
	crash_point("controller.told");
	free(line);
}

void feed_touch(struct controller *c, const char *host)
{
	for (struct wanted_feed *f = c->feeds, *next; f; f = next) {
		next = f->next;
		if (!host || strcmp(f->host, host) == 0)
			send_feed(f);
	}
}

struct wanted_feed *controller_feed(struct controller *c, const char *host, uint64_t after,
				    wanted_fn *fn, void *user)
{
	struct wanted_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct wanted_feed){ .c = c, .fn = fn, .user = user, .next = c->feeds };
	TEXT_COPY(f->host, host);
	c->feeds = f;
	/* A revision ahead of ours is from another life of the store: the agent must hear of it. */
	if (after == 0 || after != c->durable)
		send_feed(f);
	return f;
}

void controller_unfeed(struct wanted_feed *f)
{
	struct wanted_feed **p = &f->c->feeds;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	free(f);
}

/* ---- watches ---- */

struct controller_watch {
	struct store_watch *watch;
	change_fn *fn;
	void *user;
};

static void changed(void *user, const char *key, const char *value, uint64_t revision)
{
	struct controller_watch *w = user;
	const char *slash = strchr(key, '/');
	char word[32];
	json_auto_t *j = NULL;
	int kind;

	snprintf(word, sizeof(word), "%.*s", (int)(slash - key), key);
	if (!names_value(&object_kind_names, word, &kind))
		return;
	if (value && json_parse(value, strlen(value), STORE_VALUE_MAX, &j, NULL) < 0)
		return;
	w->fn(w->user, (enum object_kind)kind, slash + 1, j, revision);
}

int controller_watch(struct controller *c, uint64_t after, change_fn *fn, void *user,
		     struct controller_watch **ret, struct error *err)
{
	struct controller_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_set(err, ERR_NO_MEMORY, "a watch");
	w->fn = fn;
	w->user = user;
	r = store_watch(c->store, "", after, changed, w, &w->watch, err);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void controller_unwatch(struct controller_watch *w)
{
	if (!w)
		return;
	store_unwatch(w->watch);
	free(w);
}
