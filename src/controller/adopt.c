/* SPDX-License-Identifier: Apache-2.0 */
/* Adoption: a domain and the vGPUs it uses become Facet's, as they are, because someone asked. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"
#include "model/filter.h"

struct adoption {
	struct change *ch;
	struct vm *vm;
	const struct group *group;
	struct filter *filter;
	bool runs;
	unsigned taken;
};

static bool uses(const char *list, const char *what)
{
	size_t n = strlen(what);

	for (const char *p = list; n && (p = strstr(p, what)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == '\0' || p[n] == ','))
			return true;
	return false;
}

static uint32_t type_fb(const struct gpu *g, const struct gpu_vgpu *v)
{
	const struct catalogue_profile *p = catalogue_find(v->profile, g->pci_device);

	for (size_t i = 0; i < g->types_n; i++)
		if (strcmp(g->types[i].name, v->profile) == 0 && g->types[i].fb_mib)
			return g->types[i].fb_mib;
	return p ? p->fb_mib : 0;
}

static void adopt_lease(struct adoption *a, const struct gpu *g, const struct gpu_vgpu *v,
			const char *device)
{
	bool on_pf = strcmp(v->address, g->address) == 0;
	char id[UUID_TEXT_SIZE];
	struct lease *l;

	uuid_make(id);
	l = change_create(a->ch, OBJECT_LEASE, id);
	if (!l)
		return;
	TEXT_COPY(l->id, id);
	TEXT_COPY(l->vm, a->vm->name);
	TEXT_COPY(l->vm_uuid, a->vm->uuid);
	TEXT_COPY(l->device, device);
	TEXT_COPY(l->group, a->group->name);
	TEXT_COPY(l->host, g->host);
	TEXT_COPY(l->gpu, g->id);
	TEXT_COPY(l->address, g->address);
	TEXT_COPY(l->profile, v->profile);
	TEXT_COPY(l->vf, on_pf ? "" : v->address);
	TEXT_COPY(l->mdev_uuid, v->mdev_uuid);
	l->framework = g->framework;
	l->fb_mib = type_fb(g, v);
	l->placement = g->mode == GPU_MODE_MIXED ? v->placement : PLACEMENT_NONE;
	l->generation = (uint32_t)(a->ch->c->revision + 1);
	l->adopted = true;
	l->state = a->runs ? LEASE_ATTACHED : LEASE_READY;
	l->created_ms = l->changed_ms = a->ch->now_ms;
	change_event(a->ch, "lease.adopted", l->id, l->host, l->vm, "%s on %s", l->profile, l->gpu);
}

static int adopt_vgpu(struct adoption *a, const struct gpu *g, const struct gpu_vgpu *v,
		      struct error *err)
{
	struct vm_device d = { .count = 1 };
	void *rows;

	if (v->lease[0])
		return error_set(err, ERR_CONFLICT,
				 "the vGPU at %s belongs to lease %s of VM %s already", v->address,
				 v->lease, v->vm);
	if (!filter_matches(a->filter, g))
		return error_set(err, ERR_CONFLICT,
				 "GPU %s is not in group %s: `facet group explain %s` says why",
				 g->id, a->group->name, a->group->name);
	snprintf(d.name, sizeof(d.name), "gpu%zu", a->vm->devices_n);
	TEXT_COPY(d.group, a->group->name);
	TEXT_COPY(d.profile, v->profile);
	rows = realloc(a->vm->devices, (a->vm->devices_n + 1) * sizeof(d));
	if (!rows)
		return error_set(err, ERR_NO_MEMORY, "VM %s", a->vm->name);
	a->vm->devices = rows;
	a->vm->devices[a->vm->devices_n++] = d;
	adopt_lease(a, g, v, d.name);
	a->taken++;
	return 0;
}

static int adopt_vgpus(struct adoption *a, const char *used, struct error *err)
{
	const struct object *host = controller_find(a->ch->c, OBJECT_HOST, a->vm->host);
	int r = 0;

	for (size_t i = 0; host && i < host->gpus.n; i++) {
		const struct gpu *g = host->gpus.rows[i]->data;

		for (size_t k = 0; k < g->vgpus_n && r == 0; k++) {
			const struct gpu_vgpu *v = &g->vgpus[k];

			if (uses(used, v->mdev_uuid[0] ? v->mdev_uuid : v->address))
				r = adopt_vgpu(a, g, v, err);
		}
	}
	return r;
}

/* The domain of the command as a host told it; host from the body, or the only one that has it. */
static const json_t *told_domain(struct change *ch, const char *host, const char **ret_host,
				 struct error *err)
{
	const json_t *found = NULL;
	const char *key;
	json_t *list, *d;
	size_t i;

	json_object_foreach (ch->c->domains, key, list) {
		json_array_foreach (list, i, d) {
			if ((host[0] && strcmp(key, host) != 0) ||
			    strcmp(json_string_value(json_object_get(d, "name")),
				   ch->command->id) != 0)
				continue;
			if (found) {
				error_set(err, ERR_CONFLICT,
					  "more than one host has a domain %s: name one with "
					  "--host", ch->command->id);
				return NULL;
			}
			found = d;
			*ret_host = key;
		}
	}
	if (!found)
		error_set(err, ERR_NOT_FOUND, "no host reports a libvirt domain %s",
			  ch->command->id);
	return found;
}

static int adopt_vm(struct change *ch, const json_t *domain, const char *host, struct vm **ret,
		    struct error *err)
{
	const char *name = ch->command->id;
	struct vm *vm = change_edit(ch, OBJECT_VM, name);
	int r = text_check_name(name, "the name of the VM", err);

	if (r < 0)
		return r;
	if (vm && (operation_of_vm(ch, name) || strcmp(vm->host, host) != 0))
		return error_set(err, ERR_BUSY, "VM %s is known already, on host %s, and %s", name,
				 vm->host,
				 operation_of_vm(ch, name)
					 ? "an operation is under way: wait for its end"
					 : "was to be adopted on another: delete it first");
	if (!vm)
		vm = change_create(ch, OBJECT_VM, name);
	if (!vm)
		return error_set(err, ERR_NO_MEMORY, "VM %s", name);
	TEXT_COPY(vm->name, name);
	TEXT_COPY(vm->host, host);
	TEXT_COPY(vm->uuid, json_string_value(json_object_get(domain, "uuid")));
	vm->adopted = vm->start_after_boot = vm->preemptible = true;
	*ret = vm;
	return 0;
}

int vm_adopt(struct change *ch, struct answer *answer, struct error *err)
{
	const char *host = json_string_value(json_object_get(ch->command->body, "host"));
	const char *group = json_string_value(json_object_get(ch->command->body, "group"));
	const char *state, *used, *found_host = "";
	struct adoption a = { .ch = ch };
	const json_t *domain;
	const struct host *h;
	int r;

	a.group = group ? change_see(ch, OBJECT_GROUP, group) : NULL;
	if (!a.group)
		return error_at(err, ERR_NOT_FOUND, "/group",
				"adoption needs a group that holds the GPUs; there is no group "
				"'%s'", group ? group : "");
	domain = told_domain(ch, host ? host : "", &found_host, err);
	if (!domain)
		return -(int)err->kind;
	r = adopt_vm(ch, domain, found_host, &a.vm, err);
	if (r == 0)
		r = filter_parse(a.group->filter ? a.group->filter : "", &a.filter, err);
	if (r < 0)
		return r;
	state = json_string_value(json_object_get(domain, "state"));
	used = json_string_value(json_object_get(domain, "uses"));
	a.runs = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0;
	r = adopt_vgpus(&a, used ? used : "", err);
	filter_free(a.filter);
	if (r < 0)
		return r;
	h = change_see(ch, OBJECT_HOST, found_host);
	a.vm->state = a.runs ? VM_RUNNING : VM_STOPPED;
	a.vm->wanted = a.runs ? VM_WANTED_RUNNING : VM_WANTED_STOPPED;
	TEXT_COPY(a.vm->boot_id, a.runs && h ? h->boot_id : "");
	change_event(ch, "vm.adopted", a.vm->name, a.vm->host, a.vm->name, "with %u vGPUs",
		     a.taken);
	*answer = (struct answer){ OBJECT_VM, a.vm->name };
	return 0;
}
