/* SPDX-License-Identifier: Apache-2.0 */
/* VMs and their devices: what they ask for, before anything runs. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"

static int no_vm(const struct command *cmd, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "there is no VM %s: `facet vm list` shows them",
			 cmd->id);
}

/* ---- domains that hosts report ---- */

struct found_domain {
	const char *host;
	const json_t *domain;
	size_t n;
};

/* The domain NAME among what hosts reported; on HOST when it is not "". */
static struct found_domain find_domain(struct controller *c, const char *name, const char *host)
{
	struct found_domain found = { 0 };
	const char *key;
	json_t *list, *d;
	size_t i;

	json_object_foreach (c->domains, key, list) {
		if (host[0] && strcmp(host, key) != 0)
			continue;
		json_array_foreach (list, i, d) {
			if (strcmp(json_string_value(json_object_get(d, "name")), name) != 0)
				continue;
			found = (struct found_domain){ key, d, found.n + 1 };
		}
	}
	return found;
}

static int require_domain(struct change *ch, const char *name, const char *host,
			  struct found_domain *ret, struct error *err)
{
	*ret = find_domain(ch->c, name, host);
	if (ret->n == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "no host%s%s reports a libvirt domain %s: define it there with "
				 "`virsh define`, then try again", host[0] ? " " : "", host, name);
	if (ret->n > 1)
		return error_set(err, ERR_CONFLICT,
				 "%zu hosts have a domain %s: name one with --host", ret->n, name);
	return 0;
}

/* ---- checks ---- */

static int check_device(struct change *ch, const struct vm *vm, size_t i, struct error *err)
{
	const struct vm_device *d = &vm->devices[i];

	if (!change_see(ch, OBJECT_GROUP, d->group))
		return error_set(err, ERR_NOT_FOUND,
				 "there is no group %s: `facet group list` shows them", d->group);
	for (size_t j = 0; j < i; j++)
		if (strcmp(vm->devices[j].name, d->name) == 0)
			return error_set(err, ERR_EXISTS, "VM %s has a device %s already", vm->name,
					 d->name);
	return 0;
}

/* Fills in what a client may leave out. */
static void name_devices(struct vm *vm)
{
	for (size_t i = 0; i < vm->devices_n; i++) {
		struct vm_device *d = &vm->devices[i];

		if (!d->name[0])
			snprintf(d->name, sizeof(d->name), "gpu%zu", i);
		if (d->count == 0)
			d->count = 1;
	}
}

static int check_vm(struct change *ch, struct vm *vm, struct error *err)
{
	uint32_t total = 0;
	int r = 0;

	name_devices(vm);
	for (size_t i = 0; i < vm->devices_n && r == 0; i++) {
		total += vm->devices[i].count;
		r = check_device(ch, vm, i, err);
	}
	if (r == 0 && total > DEVICE_COUNT_MAX)
		r = error_set(err, ERR_INVALID, "VM %s asks for %u vGPUs, a VM can have %d",
			      vm->name, total, DEVICE_COUNT_MAX);
	return r;
}

static int check_tenant(struct change *ch, const struct vm *vm, struct error *err)
{
	if (!vm->tenant[0] || change_see(ch, OBJECT_TENANT, vm->tenant))
		return 0;
	return error_at(err, ERR_NOT_FOUND, "/tenant",
			"there is no tenant %s: `facet tenant list` shows them", vm->tenant);
}

static int check_class(struct change *ch, const struct vm *vm, struct error *err)
{
	if (!vm->priority_class[0] || change_see(ch, OBJECT_PRIORITY_CLASS, vm->priority_class))
		return 0;
	return error_at(err, ERR_NOT_FOUND, "/priority_class",
			"there is no priority class %s: `facet priority-class list` shows them",
			vm->priority_class);
}

/* ---- create, update, delete ---- */

static struct vm *keep_vm(struct change *ch, struct vm *vm)
{
	struct vm *kept = change_create(ch, OBJECT_VM, vm->name);

	if (!kept) {
		fields_done(&vm_fields, vm);
		return NULL;
	}
	*kept = *vm;
	return kept;
}

static int told_state(const json_t *domain)
{
	const char *word = json_string_value(json_object_get(domain, "state"));
	int state = VM_UNKNOWN;

	/* What runs now was not started for this VM: the next report says so in its own way. */
	if (!word || !names_value(&vm_state_names, word, &state) || state != VM_STOPPED)
		return VM_UNKNOWN;
	return state;
}

/* The UUID of the domain when a host reports it; one from the name for a domain still to come. */
static int find_uuid(struct change *ch, struct vm *vm, struct error *err)
{
	struct found_domain found = find_domain(ch->c, vm->name, vm->host);

	if (found.n == 1) {
		vm->state = told_state(found.domain);
		TEXT_COPY(vm->uuid, json_string_value(json_object_get(found.domain, "uuid")));
		return 0;
	}
	if (vm->uuid[0] && !uuid_is_valid(vm->uuid))
		return error_at(err, ERR_INVALID, "/uuid", "'%s' is not a UUID", vm->uuid);
	return 0;
}

int vm_create(struct change *ch, struct answer *answer, struct error *err)
{
	struct vm vm = { .start_after_boot = true, .preemptible = true }, *kept;
	int r = fields_read(&vm_fields, ch->command->body, FIELDS_CREATE, &vm, err);

	if (r == 0 && change_see(ch, OBJECT_VM, vm.name))
		r = error_set(err, ERR_EXISTS, "there is a VM %s already", vm.name);
	if (r == 0 && !change_see(ch, OBJECT_HOST, vm.host))
		r = error_set(err, ERR_NOT_FOUND,
			      "there is no host %s: its facet-agent has never reported", vm.host);
	if (r == 0)
		r = find_uuid(ch, &vm, err);
	if (r == 0)
		r = check_vm(ch, &vm, err);
	if (r == 0)
		r = check_tenant(ch, &vm, err);
	if (r == 0)
		r = check_class(ch, &vm, err);
	if (r < 0) {
		fields_done(&vm_fields, &vm);
		return r;
	}
	kept = keep_vm(ch, &vm);
	if (!kept)
		return 0;
	change_event(ch, "vm.created", kept->name, kept->host, kept->name, "VM %s was made known",
		     kept->name);
	*answer = (struct answer){ OBJECT_VM, kept->name, .created = true };
	return 0;
}

/* What is held for another run serves only what is asked for now. */
static void drop_held(struct change *ch, const struct vm *vm)
{
	if (vm->wanted == VM_WANTED_STOPPED && vm->state != VM_STOPPING)
		run_drop_unfit(ch, vm);
}

/* The VM goes on elsewhere: what its old host has said of it is past. */
static int change_host(struct change *ch, struct vm *vm, const char *from, struct error *err)
{
	if (strcmp(vm->host, from) == 0)
		return 0;
	if (vm->wanted == VM_WANTED_RUNNING || vm->state == VM_STOPPING)
		return error_set(err, ERR_BUSY,
				 "VM %s runs on %s: stop it before it changes its host", vm->name,
				 from);
	if (!change_see(ch, OBJECT_HOST, vm->host))
		return error_set(err, ERR_NOT_FOUND,
				 "there is no host %s: its facet-agent has never reported",
				 vm->host);
	vm->state = VM_UNKNOWN;
	return find_uuid(ch, vm, err);
}

/* A VM that names a tenant or class which was never there goes on so until it is changed. */
static int change_owner(struct change *ch, const struct vm *vm, const char *tenant,
			const char *klass, struct error *err)
{
	int r = 0;

	if (strcmp(vm->tenant, tenant) != 0) {
		r = check_tenant(ch, vm, err);
		if (r == 0)
			r = quota_take_over(ch, vm, err);
	}
	if (r == 0 && strcmp(vm->priority_class, klass) != 0)
		r = check_class(ch, vm, err);
	return r;
}

int vm_update(struct change *ch, struct answer *answer, struct error *err)
{
	const struct vm *old = change_see(ch, OBJECT_VM, ch->command->id);
	char host[NAME_SIZE], tenant[NAME_SIZE], klass[NAME_SIZE];
	struct vm *vm;
	int r;

	if (!old)
		return no_vm(ch->command, err);
	TEXT_COPY(host, old->host);
	TEXT_COPY(tenant, old->tenant);
	TEXT_COPY(klass, old->priority_class);
	vm = change_edit(ch, OBJECT_VM, ch->command->id);
	if (!vm)
		return 0;
	r = fields_read(&vm_fields, ch->command->body, FIELDS_UPDATE, vm, err);
	if (r == 0)
		r = change_host(ch, vm, host, err);
	if (r == 0)
		r = check_vm(ch, vm, err);
	if (r == 0)
		r = change_owner(ch, vm, tenant, klass, err);
	if (r < 0)
		return r;
	drop_held(ch, vm);
	queue_follow(ch, vm);
	change_event(ch, "vm.changed", vm->name, vm->host, vm->name, "VM %s was changed", vm->name);
	*answer = (struct answer){ OBJECT_VM, vm->name };
	return 0;
}

/* A quarantined slice is its GPU's matter: it outlives the VM. */
static size_t living_leases(struct change *ch, const char *vm)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm, &ids), living = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		living += l->state != LEASE_QUARANTINED;
	}
	free(ids);
	return living;
}

int vm_delete(struct change *ch, struct answer *answer, struct error *err)
{
	const struct vm *vm = change_see(ch, OBJECT_VM, ch->command->id);
	size_t n;

	if (!vm)
		return no_vm(ch->command, err);
	n = living_leases(ch, vm->name);
	if (vm->wanted == VM_WANTED_RUNNING || n > 0 || operation_of_vm(ch, ch->command->id))
		return error_set(err, ERR_BUSY, "VM %s %s: `facet vm stop %s` first", vm->name,
				 n ? "holds vGPUs" : "runs", vm->name);
	change_event(ch, "vm.deleted", vm->name, vm->host, vm->name,
		     "VM %s was forgotten; its libvirt domain stays", vm->name);
	queue_leave(ch, vm->name);
	change_delete(ch, OBJECT_VM, ch->command->id);
	*answer = (struct answer){ 0 };
	return 0;
}

/* ---- devices ---- */

static bool add_device(struct vm *vm, const struct vm_device *d)
{
	void *rows = realloc(vm->devices, (vm->devices_n + 1) * sizeof(*vm->devices));

	if (!rows)
		return false;
	vm->devices = rows;
	vm->devices[vm->devices_n++] = *d;
	return true;
}

/* The VM of the command, made known from the domain that a host reports when it is new. */
static int known_vm(struct change *ch, const char *host, struct vm **ret, struct error *err)
{
	const char *name = ch->command->id;
	struct vm vm = { .start_after_boot = true, .preemptible = true, .adopted = true };
	struct found_domain found;
	int r;

	if (change_see(ch, OBJECT_VM, name)) {
		*ret = change_edit(ch, OBJECT_VM, name);
		return *ret ? 0 : error_set(err, ERR_NO_MEMORY, "VM %s", name);
	}
	r = text_check_name(name, "the name of the VM", err);
	if (r == 0)
		r = require_domain(ch, name, host, &found, err);
	if (r < 0)
		return r;
	TEXT_COPY(vm.name, name);
	TEXT_COPY(vm.host, found.host);
	vm.state = told_state(found.domain);
	TEXT_COPY(vm.uuid, json_string_value(json_object_get(found.domain, "uuid")));
	*ret = keep_vm(ch, &vm);
	change_event(ch, "vm.created", name, vm.host, name, "VM %s was made known from its domain",
		     name);
	return *ret ? 0 : error_set(err, ERR_NO_MEMORY, "VM %s", name);
}

/* Splits "host" off the body of an attachment: it belongs to the VM, not to the device. */
static int read_device(const json_t *body, struct vm_device *d, char host[NAME_SIZE],
		       struct error *err)
{
	json_auto_t *rest = json_is_object(body) ? json_copy((json_t *)(uintptr_t)body) : NULL;
	const char *text;

	if (!rest)
		return error_at(err, ERR_INVALID, "", "a device must be a JSON object");
	host[0] = '\0';
	text = json_string_value(json_object_get(rest, "host"));
	if (text)
		text_copy(host, NAME_SIZE, text);
	json_object_del(rest, "host");
	return fields_read(&vm_device_fields, rest, FIELDS_CREATE, d, err);
}

/* A profile nobody has heard of is refused now, not at the start. */
static int check_profile(struct change *ch, const char *profile, struct error *err)
{
	struct table *gpus = &ch->c->tables[OBJECT_GPU];

	if (strcmp(profile, "whole") == 0 || catalogue_is_class(profile) ||
	    catalogue_find(profile, NULL))
		return 0;
	for (size_t i = 0; i < gpus->n; i++) {
		const struct gpu *g = gpus->rows[i]->data;

		for (size_t t = 0; t < g->types_n; t++)
			if (strcmp(g->types[t].name, profile) == 0)
				return 0;
	}
	return error_at(err, ERR_NOT_FOUND, "/profile",
			"no board has a profile '%s': `facet profile list` shows them, names are "
			"exact",
			profile);
}

int vm_attach(struct change *ch, struct answer *answer, struct error *err)
{
	struct vm_device d = { 0 };
	char host[NAME_SIZE];
	struct vm *vm = NULL;
	int r = read_device(ch->command->body, &d, host, err);

	if (r == 0)
		r = check_profile(ch, d.profile, err);
	if (r == 0)
		r = known_vm(ch, host, &vm, err);
	if (r < 0)
		return r;
	if (!add_device(vm, &d))
		return error_set(err, ERR_NO_MEMORY, "VM %s", vm->name);
	r = check_vm(ch, vm, err);
	if (r < 0)
		return r;
	change_event(ch, "vm.attached", vm->name, vm->host, vm->name, "%u x %s from group %s%s",
		     vm->devices[vm->devices_n - 1].count, d.profile, d.group,
		     vm->state == VM_RUNNING ? "; takes effect at the next start" : "");
	*answer = (struct answer){ OBJECT_VM, vm->name };
	return 0;
}

int vm_detach(struct change *ch, struct answer *answer, struct error *err)
{
	struct vm *vm = change_edit(ch, OBJECT_VM, ch->command->id);
	const char *name = ch->command->sub;

	if (!vm)
		return no_vm(ch->command, err);
	for (size_t i = 0; i < vm->devices_n; i++) {
		if (strcmp(vm->devices[i].name, name) != 0)
			continue;
		memmove(&vm->devices[i], &vm->devices[i + 1],
			(vm->devices_n - i - 1) * sizeof(*vm->devices));
		vm->devices_n--;
		change_event(ch, "vm.detached", vm->name, vm->host, vm->name, "device %s", name);
		drop_held(ch, vm);
		*answer = (struct answer){ OBJECT_VM, vm->name };
		return 0;
	}
	return error_set(err, ERR_NOT_FOUND,
			 "VM %s has no device %s: `facet vm show %s` lists them", vm->name, name,
			 vm->name);
}
