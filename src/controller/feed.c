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

/* The object as it is on disk; NULL when it is not there. */
static json_t *durable_json(struct controller *c, const struct object *o)
{
	char key[STORE_KEY_MAX + 1], *value;
	json_t *j = NULL;

	if (o->revision <= c->durable)
		return fields_write(object_fields(o->kind), o->data);
	snprintf(key, sizeof(key), "%s/%s", object_kind_names.words[o->kind], o->id);
	if (store_get(c->store, key, &value, NULL, NULL) < 0)
		return NULL;
	if (json_parse(value, strlen(value), STORE_VALUE_MAX, &j, NULL) < 0)
		j = NULL;
	free(value);
	return j;
}

static void copy_key(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value)
		json_object_set(to, key, value);
}

/* A VM is the host's to start while it is STARTING or RUNNING, to stop while it is STOPPING, and
 * else only to be watched. */
static json_t *wanted_vm_json(const json_t *vm)
{
	static const char *const copied[] = {
		"name", "uuid", "wanted", "stop_how", "start_after_boot", "run", "boot_id"
	};
	const char *state = json_string_value(json_object_get(vm, "state"));
	json_t *w = json_object();
	bool acts = state && (strcmp(state, "starting") == 0 || strcmp(state, "running") == 0 ||
			      strcmp(state, "paused") == 0 || strcmp(state, "stopping") == 0);

	for (size_t i = 0; w && i < sizeof(copied) / sizeof(copied[0]); i++)
		copy_key(w, vm, copied[i]);
	json_object_set_new(w, "managed", json_boolean(acts));
	return w;
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

static json_t *wanted_json(struct controller *c, const char *host)
{
	const struct object *o = controller_find(c, OBJECT_HOST, host);
	json_t *leases = json_array(), *vms = json_array(), *gpus = json_array(), *j;

	for (size_t i = 0; o && i < o->leases.n; i++)
		if ((j = durable_json(c, o->leases.rows[i])))
			json_array_append_new(leases, j);
	for (size_t i = 0; o && i < o->vms.n; i++) {
		json_auto_t *vm = durable_json(c, o->vms.rows[i]);

		if (vm)
			json_array_append_new(vms, wanted_vm_json(vm));
	}
	for (size_t i = 0; o && i < o->gpus.n; i++)
		if (wants_functions(c, o->gpus.rows[i]->data))
			json_array_append_new(
				gpus,
				json_string(((const struct gpu *)o->gpus.rows[i]->data)->address));
	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "host", host, "revision",
			 (json_int_t)c->durable, "now_ms", (json_int_t)controller_now(c), "leases",
			 leases, "vms", vms, "vf_gpus", gpus);
}

static void send_feed(struct wanted_feed *f)
{
	json_auto_t *j = wanted_json(f->c, f->host);
	char *line = j ? json_line(j) : NULL;

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
