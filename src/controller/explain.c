/* SPDX-License-Identifier: Apache-2.0 */
/* Why things are as they are, as documents. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"
#include "model/filter.h"

static json_t *lease_line(const struct lease *l)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "id", l->id, "gpu", l->gpu, "vf",
			 l->vf, "profile", l->profile, "state",
			 names_word(&lease_state_names, l->state), "placement",
			 (json_int_t)l->placement, "why",
			 l->reason[0] ? l->reason : "chosen when the VM was started");
}

static json_t *device_leases(struct change *ch, const struct vm *vm, const struct vm_device *d)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm->name, &ids);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		if (strcmp(l->device, d->name) == 0)
			json_array_append_new(list, lease_line(l));
	}
	free(ids);
	return list;
}

static json_t *candidates(const struct placement_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->refusals_n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:s, s:s}", "gpu", a->refusals[i].gpu,
						"fits", 0, "code", a->refusals[i].code, "text",
						a->refusals[i].text));
	return list;
}

/* What is in the way though a GPU has room. */
static void add_rules(json_t *list, const struct change *ch)
{
	for (size_t i = 0; i < ch->refusals_n; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "gpu", "", "fits", 0,
						      "code", ch->refusals[i].code, "text",
						      ch->refusals[i].text));
}

/* Its place in the queue, null when it does not wait. */
static json_t *explain_turn(struct controller *c, const char *vm)
{
	struct table *t = &c->tables[OBJECT_WAITER];

	for (size_t i = 0; i < t->n; i++) {
		const struct waiter *w = t->rows[i]->data;

		if (strcmp(w->vm, vm) == 0)
			return json_pack("{s:I, s:I, s:I, s:s, s:s}", "position",
					 (json_int_t)w->position, "since_ms",
					 (json_int_t)w->since_ms, "deadline_ms",
					 (json_int_t)w->deadline_ms, "preempted_by",
					 w->preempted_by, "waits_for", w->waits_for);
	}
	return json_null();
}

static json_t *explain_device(struct change *ch, const struct vm *vm, const struct vm_device *d)
{
	struct placement_answer *a = calloc(1, sizeof(*a));
	struct error err = { 0 };
	json_t *list, *j;
	int r;

	if (!a)
		return NULL;
	r = pool_try(ch, vm, d, a, &err);
	list = candidates(a);
	if (r == 0 && (r = quota_claim(ch, vm, d, a, &err)) < 0)
		add_rules(list, ch);
	for (uint32_t i = 0; r == 0 && i < d->count; i++) {
		const struct object *host = controller_find(ch->c, OBJECT_HOST, vm->host);

		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:s, s:s+++}", "gpu",
						host->gpus.rows[a->slots[i].gpu]->id, "fits", 1,
						"code", "fits", "text",
						"one more would go here: ", a->slots[i].profile,
						", by ", a->terms));
	}
	j = json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o, s:s}", "device", d->name, "profile",
		      d->profile, "group", d->group, "count", (int)d->count, "fits", r == 0,
		      "leases", device_leases(ch, vm, d), "candidates", list, "summary",
		      r == 0 ? (a->summary[0] ? a->summary : "it fits") : err.text);
	free(a->refusals);
	free(a);
	return j;
}

/* The single move that would let it start; "" for none. */
static json_t *explain_help(struct controller *c, const char *vm)
{
	char text[256];

	return json_string(rebalance_hint(c, vm, text, sizeof(text)) ? text : "");
}

int controller_explain_vm(struct controller *c, const char *name, json_t **ret, struct error *err)
{
	const struct object *o = controller_find(c, OBJECT_VM, name);
	json_t *devices = json_array();
	const struct vm *vm;
	uint32_t priority;
	struct change ch;
	bool preempts;

	if (!o) {
		json_decref(devices);
		return error_set(err, ERR_NOT_FOUND,
				 "there is no VM %s: `facet vm list` shows them", name);
	}
	vm = o->data;
	change_begin(&ch, c, NULL);
	for (size_t i = 0; i < vm->devices_n; i++)
		json_array_append_new(devices, explain_device(&ch, vm, &vm->devices[i]));
	priority = vm_priority(&ch, vm);
	preempts = vm_may_preempt(&ch, vm);
	change_drop(&ch);
	*ret = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:o, s:o, s:o}", "vm",
			 vm->name,
			 "host", vm->host, "state", names_word(&vm_state_names, vm->state),
			 "reason", vm->state_reason, "tenant", vm->tenant, "priority",
			 (json_int_t)priority, "priority_class", vm->priority_class, "preempts",
			 preempts, "preemptible", vm->preemptible, "queue", explain_turn(c, name),
			 "devices", devices, "would_help", explain_help(c, name));
	return 0;
}

int controller_explain_group(struct controller *c, const char *name, json_t **ret,
			     struct error *err)
{
	const struct group *g = controller_get(c, OBJECT_GROUP, name, NULL);
	struct table *t = &c->tables[OBJECT_GPU];
	cleanup(filter_free_p) struct filter *f = NULL;
	json_t *gpus;
	char why[256];
	int r;

	if (!g)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no group %s: `facet group list` shows them", name);
	r = filter_parse(g->filter ? g->filter : "", &f, err);
	if (r < 0)
		return r;
	gpus = json_array();
	for (size_t i = 0; i < t->n; i++) {
		const struct gpu *gpu = t->rows[i]->data;
		bool matches = filter_explain(f, gpu, why, sizeof(why));

		if (matches && !gpu->poolable)
			TEXT_COPY(why, gpu->not_poolable);
		json_array_append_new(gpus, json_pack("{s:s, s:s, s:b, s:b, s:s}", "gpu", gpu->id,
						      "board", gpu->board, "matches", matches,
						      "poolable", gpu->poolable, "text", why));
	}
	*ret = json_pack("{s:s, s:s, s:o}", "group", g->name, "filter", g->filter ? g->filter : "",
			 "gpus", gpus);
	return 0;
}

/* ---- doctor ---- */

static void add_check(json_t *list, const char *host, const char *name, bool ok, const char *found,
		      const char *remedy)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:s, s:s}", "host", host,
					      "name", name, "ok", ok, "skipped", 0, "found", found,
					      "remedy", remedy));
}

static void check_gpus(struct controller *c, json_t *list)
{
	struct table *t = &c->tables[OBJECT_GPU];
	char why[256];
	size_t bad = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct object *o = t->rows[i];
		const struct lease *leases[256];
		size_t n = 0;

		for (size_t k = 0; k < o->leases.n && n < 256; k++)
			leases[n++] = o->leases.rows[k]->data;
		if (ledger_gpu_holds(o->data, leases, n, why, sizeof(why)))
			continue;
		bad++;
		add_check(list, ((const struct gpu *)o->data)->host, "ledger", false, why,
			  "this is a defect of Facet: report it with `facet lease list -o json`");
	}
	if (bad == 0)
		add_check(list, "", "ledger", true,
			  "no two leases share a slice; all fit their GPUs", "");
}

static void check_leases(struct controller *c, json_t *list)
{
	struct table *t = &c->tables[OBJECT_LEASE];
	char found[640];
	size_t bad = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct lease *l = t->rows[i]->data;

		if (l->state != LEASE_QUARANTINED)
			continue;
		bad++;
		snprintf(found, sizeof(found), "lease %s: %s at %s is quarantined: %s", l->id,
			 l->profile, l->vf[0] ? l->vf : l->gpu, l->reason);
		add_check(list, l->host, "quarantine", false, found,
			  "when the GPU is idle: `sriov-manage -d` and `-e` on it, then `facet "
			  "lease release`");
	}
	if (bad == 0)
		add_check(list, "", "quarantine", true, "no slice is quarantined", "");
}

/* Limits that were lowered, or came late. */
static void check_tenants(struct controller *c, json_t *list)
{
	struct table *t = &c->tables[OBJECT_TENANT];
	char found[NAME_SIZE + 300];
	size_t over = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct tenant *tenant = t->rows[i]->data;

		quota_show(c, tenant);
		if (!tenant->over[0])
			continue;
		over++;
		snprintf(found, sizeof(found), "tenant %s has %s", tenant->name, tenant->over);
		add_check(list, "", "quota", false, found,
			  "nothing more starts for it: stop VMs of it, or raise its limit with "
			  "`facet tenant update`");
	}
	if (t->n && over == 0)
		add_check(list, "", "quota", true, "no tenant has more than it may", "");
}

static void host_checks(const struct host *h, json_t *list)
{
	add_check(list, h->name, "agent", h->state != HOST_LOST,
		  h->state == HOST_LOST ? h->state_reason : "it reports",
		  h->state == HOST_LOST ? "on that host: `systemctl status facet-agent`" : "");
	for (size_t i = 0; i < h->checks_n; i++) {
		json_t *j = fields_write(&check_fields, &h->checks[i]);

		json_object_set_new(j, "host", json_string(h->name));
		json_array_append_new(list, j);
	}
}

json_t *controller_doctor(struct controller *c)
{
	struct table *t = &c->tables[OBJECT_HOST];
	json_t *list = json_array();
	bool ok = true;
	json_t *row;
	size_t i;

	add_check(list, "", "store", !c->broken, c->broken ? c->broken_why : "it takes writes",
		  c->broken ? "make room, or make it writable; Facet goes on by itself" : "");
	check_gpus(c, list);
	check_leases(c, list);
	check_tenants(c, list);
	if (t->n == 0)
		add_check(list, "", "hosts", false, "no host has reported",
			  "start facet-agent on a GPU host");
	for (i = 0; i < t->n; i++)
		host_checks(t->rows[i]->data, list);
	json_array_foreach (list, i, row)
		ok = ok && (json_is_true(json_object_get(row, "ok")) ||
			    json_is_true(json_object_get(row, "skipped")));
	return json_pack("{s:b, s:o}", "ok", ok, "checks", list);
}

json_t *controller_domains(struct controller *c)
{
	json_t *items = json_array(), *list, *d, *copy;
	const char *host;
	size_t i;

	json_object_foreach (c->domains, host, list) {
		json_array_foreach (list, i, d) {
			copy = json_copy(d);
			json_object_set_new(copy, "host", json_string(host));
			json_array_append_new(items, copy);
		}
	}
	return json_pack("{s:o}", "items", items);
}

/* ---- profiles ---- */

/* What a driver says of this type on some GPU, and on how many GPUs it is offered. */
static size_t offered(struct controller *c, const struct catalogue_profile *p, uint32_t *max)
{
	struct table *t = &c->tables[OBJECT_GPU];
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct gpu *g = t->rows[i]->data;

		for (size_t k = 0; k < g->types_n; k++) {
			if (strcmp(g->types[k].name, p->name) != 0)
				continue;
			n++;
			if (g->types[k].max)
				*max = g->types[k].max;
		}
	}
	return n;
}

static json_t *profile_json(struct controller *c, const struct catalogue_profile *p)
{
	uint32_t driver_max = p->max;
	size_t gpus = offered(c, p, &driver_max);

	return json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:s, s:b, s:s, s:i, s:i, s:b}",
			 "name", p->name, "board", p->board, "series",
			 names_word(&series_names, p->series), "mig", p->mig, "fb_mib",
			 (int)p->fb_mib, "max", (int)p->max, "max_mixed", (int)p->max_mixed,
			 "displays", (int)p->displays, "max_resolution", p->max_resolution, "cuda",
			 p->cuda, "licence", p->licence, "gpus", (int)gpus, "driver_max",
			 (int)driver_max, "differs", gpus > 0 && driver_max != p->max);
}

json_t *controller_profiles(struct controller *c)
{
	json_t *items = json_array();

	for (size_t i = 0; i < catalogue_count(); i++)
		json_array_append_new(items, profile_json(c, catalogue_at(i)));
	return json_pack("{s:o}", "items", items);
}
