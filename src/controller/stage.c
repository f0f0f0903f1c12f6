/* SPDX-License-Identifier: Apache-2.0 */
/* stage.c - from objects to an engine.
 *
 * GPUs of one board, framework, driver's list of types and number of functions are one kind: a
 * vGPU can move between them, and they hold the same.  vCPUs and RAM of VMs are not counted, since
 * hosts do not report them. */
#include <string.h>

#include "base/text.h"
#include "controller/stage.h"
#include "model/catalogue.h"
#include "placement/policy.h"

static int no_memory(struct stage *s)
{
	return error_set(s->err, ERR_NO_MEMORY, "the GPUs of group %s", s->group->name);
}

void stage_done(struct stage *s)
{
	situations_free(s->table);
	engine_free(s->engine);
	filter_free(s->filter);
	free(s->hosts);
	free(s->vms);
	free(s->names);
	json_decref(s->kept);
}

/* ---- types ---- */

struct offer {
	const char *name;
	uint32_t fb_mib, max;
};

/* Type I of GPU, as its driver says, else as the catalogue does; false behind the last. */
static bool offer_at(const struct gpu *gpu, size_t i, struct offer *ret)
{
	const struct board *b = catalogue_board_of_gpu(gpu);
	const struct catalogue_profile *p = NULL;

	if (gpu->types_n == 0) {
		if (!b || i >= b->profiles_n)
			return false;
		p = &b->profiles[i];
		*ret = (struct offer){ p->name, p->mig ? 0 : p->fb_mib, p->max };
		return true;
	}
	if (i >= gpu->types_n)
		return false;
	*ret = (struct offer){ gpu->types[i].name, gpu->types[i].fb_mib, gpu->types[i].max };
	p = catalogue_find(ret->name, gpu->pci_device);
	p = p ? p : catalogue_find(ret->name, NULL);
	if (p && p->mig)
		ret->fb_mib = 0;
	else if (p && ret->fb_mib == 0)
		ret->fb_mib = p->fb_mib;
	if (p && ret->max == 0)
		ret->max = p->max;
	return true;
}

static bool find_offer(const struct gpu *gpu, const char *profile, struct offer *ret)
{
	for (size_t i = 0; offer_at(gpu, i, ret); i++)
		if (strcmp(ret->name, profile) == 0)
			return ret->fb_mib > 0;
	return false;
}

/* Item of KIND that PROFILE is.  Some types have a lower maximum than others of their size: those
 * are left alone, for the engine counts sizes. */
static uint8_t item_of(const struct stage *s, struct situations *t, size_t kind,
		       const char *profile)
{
	const struct stage_kind *k = &s->kinds[kind];
	struct offer o;

	if (!find_offer(k->like, profile, &o))
		return ITEM_NONE;
	for (size_t i = 0; i < k->cut.items_n; i++)
		if (k->cut.items[i].fb_mib == o.fb_mib && o.max && o.max < k->cut.items[i].max &&
		    k->cut.mode == GPU_MODE_EQUAL && k->cut.items[i].max <= k->cut.vgpus_max)
			return ITEM_NONE;
	return situations_item(t, (uint8_t)kind, NULL, o.fb_mib);
}

/* ---- kinds ---- */

static bool has_functions(const struct gpu *g)
{
	return g->framework == FRAMEWORK_VENDOR_VFIO || g->framework == FRAMEWORK_MDEV_VF;
}

static bool same_types(const struct gpu *a, const struct gpu *b)
{
	if (a->types_n != b->types_n)
		return false;
	for (size_t i = 0; i < a->types_n; i++)
		if (strcmp(a->types[i].name, b->types[i].name) != 0 ||
		    a->types[i].fb_mib != b->types[i].fb_mib || a->types[i].max != b->types[i].max)
			return false;
	return true;
}

static bool are_alike(const struct gpu *a, const struct gpu *b)
{
	return a->framework == b->framework && strcmp(a->board, b->board) == 0 &&
	       strcmp(a->pci_device, b->pci_device) == 0 &&
	       strcmp(a->pci_subsystem, b->pci_subsystem) == 0 && same_types(a, b) &&
	       (!has_functions(a) || a->functions_n == b->functions_n);
}

/* False where nothing is known of how it is cut. */
static bool find_kind(struct stage *s, const struct gpu *gpu, uint8_t *ret)
{
	struct stage_kind *k = &s->kinds[s->kinds_n];

	for (size_t i = 0; i < s->kinds_n; i++)
		if (are_alike(s->kinds[i].like, gpu)) {
			*ret = (uint8_t)i;
			return true;
		}
	if (s->kinds_n == STAGE_KINDS_MAX ||
	    !cut_of_types(catalogue_board_of_gpu(gpu), gpu->types, gpu->types_n,
			  (enum gpu_mode)s->group->mode, &k->cut))
		return false;
	if (has_functions(gpu) && gpu->functions_n < k->cut.vgpus_max)
		k->cut.vgpus_max = (uint16_t)gpu->functions_n;
	k->like = gpu;
	if (k->cut.vgpus_max == 0 ||
	    situations_add_kind(s->table, &k->cut, 1, ret, NULL) < 0)
		return false;
	s->kinds_n++;
	return true;
}

/* ---- GPUs ---- */

static bool is_leased(const struct object *gpu, const struct gpu_vgpu *v)
{
	for (size_t i = 0; i < gpu->leases.n; i++) {
		const struct lease *l = gpu->leases.rows[i]->data;

		if (v->mdev_uuid[0] ? strcmp(l->mdev_uuid, v->mdev_uuid) == 0
				    : strcmp(l->vf, v->address) == 0)
			return true;
	}
	return false;
}

static uint16_t start_of(const struct stage *s, uint32_t placement)
{
	return s->group->mode == GPU_MODE_MIXED ? (uint16_t)placement : START_NONE;
}

/* Whether all that lies on GPU can lie there in the mode of the group. */
static bool can_hold(struct stage *s, const struct object *gpu, uint8_t kind)
{
	const struct gpu *g = gpu->data;
	bool mixed = s->group->mode == GPU_MODE_MIXED;
	uint32_t now = situation_empty(s->table, kind);

	if (g->vgpus_n > 0 && g->mode != s->group->mode)
		return false;
	for (size_t i = 0; i < gpu->leases.n + g->vgpus_n; i++) {
		const struct lease *l = i < gpu->leases.n ? gpu->leases.rows[i]->data : NULL;
		const struct gpu_vgpu *v = l ? NULL : &g->vgpus[i - gpu->leases.n];
		uint32_t placement = l ? l->placement : v->placement;
		uint8_t item = item_of(s, s->table, kind, l ? l->profile : v->profile);

		if (v && is_leased(gpu, v))
			continue;
		if (item == ITEM_NONE || (l && (placement != PLACEMENT_NONE) != mixed) ||
		    (mixed && placement >= START_NONE) ||
		    situation_put(s->table, now, item, 0, start_of(s, placement), &now, NULL) < 0)
			return false;
	}
	return true;
}

static bool is_of_use(struct stage *s, const struct object *gpu, uint8_t *kind)
{
	const struct gpu *g = gpu->data;

	return filter_matches(s->filter, g) && g->health == GPU_HEALTH_OK && g->poolable &&
	       g->framework != FRAMEWORK_NONE && g->framework != FRAMEWORK_PASSTHROUGH &&
	       find_kind(s, g, kind) && can_hold(s, gpu, *kind);
}

/* ---- hosts ---- */

static void add_host(struct stage *s, const struct object *host)
{
	struct stage_host *h = &s->hosts[s->hosts_n];
	uint8_t kind;

	if (((const struct host *)host->data)->state != HOST_READY)
		return;
	*h = (struct stage_host){ .object = host };
	for (size_t i = 0; i < host->gpus.n && h->gpus_n < ENGINE_HOST_GPUS_MAX; i++)
		if (is_of_use(s, host->gpus.rows[i], &kind))
			h->gpus[h->gpus_n++] = host->gpus.rows[i];
	s->hosts_n += h->gpus_n > 0;
}

/* An engine takes its table over, so the kinds come first. */
static int add_hosts(struct stage *s, const char *first)
{
	const struct table *t = &s->c->tables[OBJECT_HOST];
	const struct object *mine = first ? table_find(t, first) : NULL;
	int r;

	if (mine)
		add_host(s, mine);
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i] != mine && s->hosts_n == s->hosts_max)
			s->hosts_left++;
		else if (t->rows[i] != mine)
			add_host(s, t->rows[i]);
	r = engine_new(s->table, policy_row("fragmentation"), &s->engine, s->err);
	if (r < 0)
		return r;
	s->table = NULL;
	for (size_t i = 0; i < s->hosts_n && r == 0; i++) {
		struct engine_host e = { .cpu_milli = INT32_MAX, .ram_mib = INT32_MAX,
					 .gpus_n = s->hosts[i].gpus_n };
		uint32_t number;

		for (uint8_t g = 0; g < e.gpus_n; g++)
			if (!find_kind(s, s->hosts[i].gpus[g]->data, &e.kinds[g]))
				__builtin_trap(); /* it was found a moment ago */
		r = engine_add_host(s->engine, &e, &number, s->err);
	}
	return r;
}

/* ---- what lies there ---- */

static int gpu_of(const struct stage *s, uint32_t host, const char *id)
{
	for (uint8_t g = 0; g < s->hosts[host].gpus_n; g++)
		if (strcmp(s->hosts[host].gpus[g]->id, id) == 0)
			return g;
	return -1;
}

static int add_vm(struct stage *s, const struct engine_choice *c, const struct vm *vm, double gib)
{
	size_t room = s->vms_room ? 2 * s->vms_room : 64;
	struct moves_vm *vms;
	const struct vm **names;
	int r = engine_put(s->engine, c, s->err);

	if (r < 0)
		return r;
	if (s->vms_n == s->vms_room) {
		vms = reallocarray(s->vms, room, sizeof(*vms));
		s->vms = vms ? vms : s->vms;
		names = vms ? reallocarray(s->names, room, sizeof(*names)) : NULL;
		if (!names)
			return no_memory(s);
		s->names = names;
		s->vms_room = room;
	}
	s->names[s->vms_n] = vm;
	s->vms[s->vms_n++] = (struct moves_vm){ *c, gib, vm != NULL };
	return 0;
}

/* A size of kind K alone, for what will never lie anywhere else. */
static int demand_here(struct stage *s, uint8_t kind, uint8_t item, uint32_t *ret)
{
	struct engine_demand d = { .count = 1 };

	memset(d.item, ITEM_NONE, sizeof(d.item));
	d.item[kind] = item;
	return engine_demand(s->engine, &d, ret, s->err);
}

static uint8_t kind_of(const struct stage *s, uint32_t host, uint8_t gpu)
{
	return situation_kind(engine_situations(s->engine),
			      engine_gpu_situation(s->engine, host, gpu));
}

static int add_fixed(struct stage *s, uint32_t host, uint8_t gpu, const char *profile,
		     uint32_t placement)
{
	uint8_t kind = kind_of(s, host, gpu);
	uint8_t item = item_of(s, engine_situations(s->engine), kind, profile);
	struct engine_choice c = { .host = host, .n = 1 };
	int r = demand_here(s, kind, item, &c.demand);

	c.picks[0] = (struct engine_pick){ gpu, item, 0, start_of(s, placement) };
	return r == 0 ? add_vm(s, &c, NULL, 0) : r;
}

/* ---- demands ---- */

int stage_demand(struct stage *s, const char *profile, uint32_t count, uint32_t *ret)
{
	struct engine_demand d = { .count = (uint8_t)count };
	bool offered = false;

	memset(d.item, ITEM_NONE, sizeof(d.item));
	for (size_t k = 0; k < s->kinds_n; k++) {
		d.item[k] = item_of(s, engine_situations(s->engine), k, profile);
		offered = offered || d.item[k] != ITEM_NONE;
	}
	if (!offered || count == 0 || count > ENGINE_COUNT_MAX)
		return error_set(s->err, ERR_NOT_FOUND, "no GPU of group %s offers %u of %s",
				 s->group->name, count, profile);
	return engine_demand(s->engine, &d, ret, s->err);
}

/* ---- VMs ---- */

static void keep(struct stage *s, const struct vm *vm, const char *fmt, ...) printf_like(3, 4);
static void keep(struct stage *s, const struct vm *vm, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	json_array_append_new(s->kept, json_pack("{s:s, s:s, s:s, s:s}", "vm", vm->name, "host",
						 vm->host, "group", s->group->name, "why", why));
}

static bool has_operation(struct stage *s, const char *vm)
{
	const struct object *o = controller_find(s->c, OBJECT_VM, vm);
	const struct object *op =
		o && o->operation[0] ? controller_find(s->c, OBJECT_OPERATION, o->operation) : NULL;

	return op && operation_is_open(op->data);
}

/* Whether the vGPUs of VM could go to another host at all, one device's worth of them. */
static bool check_vm(struct stage *s, const struct object *o)
{
	const struct vm *vm = o->data;
	const struct lease *first = o->leases.rows[0]->data;

	if (vm->state != VM_RUNNING) {
		keep(s, vm, "it is %s: only what runs is moved",
		     names_word(&vm_state_names, vm->state));
		return false;
	}
	if (has_operation(s, vm->name)) {
		keep(s, vm, "an operation of it is under way: `facet operation list --vm %s`",
		     vm->name);
		return false;
	}
	for (size_t i = 0; i < o->leases.n; i++) {
		const struct lease *l = o->leases.rows[i]->data;

		if (l->state != LEASE_ATTACHED) {
			keep(s, vm, "its vGPU on %s is %s", l->gpu,
			     names_word(&lease_state_names, l->state));
			return false;
		}
		if (strcmp(l->device, first->device) != 0 ||
		    strcmp(l->profile, first->profile) != 0) {
			keep(s, vm, "it has vGPUs of several devices, which would have to move "
			     "together");
			return false;
		}
	}
	return true;
}

/* Where VM lies as one choice; false: it stays where it is, and why was told. */
static bool choice_of(struct stage *s, uint32_t host, const struct object *o,
		      struct engine_choice *ret)
{
	const struct lease *first = o->leases.rows[0]->data;

	*ret = (struct engine_choice){ .host = host, .n = (uint8_t)o->leases.n };
	if (!check_vm(s, o))
		return false;
	if (stage_demand(s, first->profile, (uint32_t)o->leases.n, &ret->demand) < 0) {
		keep(s, o->data, "no GPU that the group may place on now offers %s",
		     first->profile);
		return false;
	}
	for (uint8_t i = 0; i < ret->n; i++) {
		const struct lease *l = o->leases.rows[i]->data;
		int gpu = gpu_of(s, host, l->gpu);

		if (gpu < 0 || json_object_get(s->claimed, l->gpu)) {
			keep(s, o->data, gpu < 0 ? "its GPU %s is not one that this group may "
						   "place on now"
						 : "its GPU %s is planned for another group",
			     l->gpu);
			return false;
		}
		ret->picks[i] = (struct engine_pick){
			(uint8_t)gpu,
			item_of(s, engine_situations(s->engine), kind_of(s, host, (uint8_t)gpu),
				l->profile),
			0, start_of(s, l->placement)
		};
	}
	return true;
}

static const struct lease *lease_of(const struct object *vm, size_t i)
{
	return vm->leases.rows[i]->data;
}

/* A VM of this group with all it has, or else those of its vGPUs that are on GPUs of the stage. */
static int add_guest(struct stage *s, uint32_t host, const struct object *o)
{
	struct engine_choice c;
	double gib = 0;
	int r = 0;

	if (strcmp(lease_of(o, 0)->group, s->group->name) == 0 && choice_of(s, host, o, &c)) {
		for (size_t i = 0; i < o->leases.n; i++)
			gib += lease_of(o, i)->fb_mib / 1024.0;
		return add_vm(s, &c, o->data, gib);
	}
	for (size_t i = 0; i < o->leases.n && r == 0; i++) {
		int gpu = gpu_of(s, host, lease_of(o, i)->gpu);

		if (gpu >= 0)
			r = add_fixed(s, host, (uint8_t)gpu, lease_of(o, i)->profile,
				      lease_of(o, i)->placement);
	}
	return r;
}

/* The VM that leases of HOST belong to; NULL for one that is gone or elsewhere. */
static const struct object *guest_of(struct stage *s, uint32_t host, const struct lease *l)
{
	const struct object *o = controller_find(s->c, OBJECT_VM, l->vm);

	const struct vm *vm = o ? o->data : NULL;

	return vm && strcmp(vm->host, s->hosts[host].object->id) == 0 ? o : NULL;
}

static int add_gpu(struct stage *s, uint32_t host, uint8_t g)
{
	const struct object *gpu = s->hosts[host].gpus[g];
	const struct gpu *facts = gpu->data;
	int r = 0;

	for (size_t i = 0; i < gpu->leases.n && r == 0; i++) {
		const struct lease *l = gpu->leases.rows[i]->data;

		if (!guest_of(s, host, l))
			r = add_fixed(s, host, g, l->profile, l->placement);
	}
	for (size_t i = 0; i < facts->vgpus_n && r == 0; i++)
		if (!is_leased(gpu, &facts->vgpus[i]))
			r = add_fixed(s, host, g, facts->vgpus[i].profile,
				      facts->vgpus[i].placement);
	return r;
}

static int fill(struct stage *s)
{
	int r = 0;

	for (uint32_t h = 0; h < s->hosts_n && r == 0; h++) {
		const struct links *vms = &s->hosts[h].object->vms;

		for (uint8_t g = 0; g < s->hosts[h].gpus_n && r == 0; g++)
			r = add_gpu(s, h, g);
		for (size_t i = 0; i < vms->n && r == 0; i++)
			if (vms->rows[i]->leases.n > 0)
				r = add_guest(s, h, vms->rows[i]);
	}
	return r;
}

/* ---- what is asked for ---- */

static int add_size(struct stage *s, const char *profile, uint32_t count, double asked)
{
	uint32_t demand;
	int r;

	for (size_t i = 0; i < s->sizes_n; i++)
		if (strcmp(s->sizes[i].profile, profile) == 0 && s->sizes[i].count == count) {
			s->sizes[i].asked += asked;
			return 0;
		}
	r = stage_demand(s, profile, count, &demand);
	if (r == -ERR_NOT_FOUND)
		return 0;
	for (size_t i = 0; i < s->sizes_n && r == 0; i++)
		if (s->sizes[i].demand == demand) {
			s->sizes[i].asked += asked;
			return 0;
		}
	if (r < 0 || s->sizes_n == STAGE_SIZES_MAX)
		return r;
	s->sizes[s->sizes_n] = (struct stage_size){ .demand = demand, .count = count,
						    .asked = asked };
	TEXT_COPY(s->sizes[s->sizes_n].profile, profile);
	s->sizes_n++;
	return 0;
}

/* A device of a VM that is off asks for its type; one of a VM that runs for what it got, since a
 * workload class says less. */
static int count_vm(struct stage *s, const struct object *o)
{
	const struct vm *vm = o->data;
	const struct lease *l = o->leases.n ? lease_of(o, 0) : NULL;
	int r = 0;

	for (size_t i = 0; i < vm->devices_n && r == 0; i++) {
		const struct vm_device *d = &vm->devices[i];

		if (strcmp(d->group, s->group->name) != 0)
			continue;
		r = add_size(s, l && strcmp(l->device, d->name) == 0 ? l->profile : d->profile,
			     d->count, 1);
	}
	return r;
}

/* The Q series does what the others do. */
static bool is_graphics(const char *profile)
{
	size_t n = strlen(profile);

	return n > 0 && profile[n - 1] == 'Q';
}

/* The largest type of a kind counts as asked for once, so that an emptied GPU is worth something
 * where nobody has asked for a whole one yet. */
static int count_largest(struct stage *s, size_t kind)
{
	const struct gpu *like = s->kinds[kind].like;
	struct offer o, best = { 0 };

	for (size_t i = 0; offer_at(like, i, &o); i++)
		if ((o.fb_mib > best.fb_mib || (o.fb_mib == best.fb_mib && is_graphics(o.name))) &&
		    item_of(s, engine_situations(s->engine), kind, o.name) != ITEM_NONE)
			best = o;
	return best.name ? add_size(s, best.name, 1, 1) : 0;
}

/* A stage that is about one host is made for each refusal: weights are not worth a look at every
 * VM there. */
static int count_sizes(struct stage *s, bool all)
{
	const struct table *t = &s->c->tables[OBJECT_VM];
	int r = 0;

	for (size_t i = 0; all && i < t->n && r == 0; i++)
		r = count_vm(s, t->rows[i]);
	for (size_t k = 0; k < s->kinds_n && r == 0; k++)
		r = count_largest(s, k);
	for (size_t i = 0; i < s->sizes_n && r == 0; i++)
		engine_expect(s->engine, s->sizes[i].demand, s->sizes[i].asked, true);
	if (r == 0)
		moves_weigh(s->engine);
	return r;
}

/* ---- the stage ---- */

static bool may_go(void *user, size_t vm, uint32_t host)
{
	const struct stage *s = user;
	const struct host *from = s->hosts[s->vms[vm].at.host].object->data;
	const struct host *to = s->hosts[host].object->data;

	return strcmp(from->driver_version, to->driver_version) == 0;
}

static int check_group(const struct group *g, struct error *err)
{
	if (g->mode == GPU_MODE_EQUAL || g->mode == GPU_MODE_MIXED)
		return 0;
	return error_set(err, ERR_INVALID,
			 "group %s is in mode %s: only vGPUs of equal-size and mixed-size GPUs are "
			 "moved", g->name, names_word(&gpu_mode_names, g->mode));
}

/* Whether HOST has GPUs for the type of VM, with room or without. */
static bool offers(const struct stage *s, uint32_t host, const struct vm *vm)
{
	const struct object *o = controller_find(s->c, OBJECT_VM, vm->name);

	for (uint8_t g = 0; g < s->hosts[host].gpus_n; g++)
		if (item_of(s, engine_situations(s->engine), kind_of(s, host, g),
			    lease_of(o, 0)->profile) != ITEM_NONE)
			return true;
	return false;
}

static bool has_target(struct stage *s, size_t vm)
{
	for (uint32_t h = 0; h < s->hosts_n; h++)
		if (h != s->vms[vm].at.host && may_go(s, vm, h) &&
		    offers(s, h, s->names[vm]))
			return true;
	return false;
}

static void keep_stuck(struct stage *s)
{
	for (size_t i = 0; i < s->vms_n; i++) {
		if (!s->vms[i].movable || has_target(s, i))
			continue;
		s->vms[i].movable = false;
		keep(s, s->names[i], "no other ready host of the group has the same board, types "
		     "and driver version");
	}
}

int stage_make(struct controller *c, const struct group *group, const char *first,
	       size_t hosts_max, const json_t *claimed, struct stage *ret, struct error *err)
{
	size_t hosts = c->tables[OBJECT_HOST].n;
	int r = check_group(group, err);

	*ret = (struct stage){ .c = c, .group = group, .claimed = claimed, .err = err,
			       .hosts_max = hosts < hosts_max ? hosts : hosts_max,
			       .kept = json_array() };
	if (r < 0)
		return r;
	ret->table = situations_new();
	/* One more than may be used: a host is looked at in its row before it is counted. */
	ret->hosts = calloc(ret->hosts_max + 1, sizeof(*ret->hosts));
	if (!ret->table || !ret->hosts || !ret->kept)
		return no_memory(ret);
	r = filter_parse(group->filter ? group->filter : "", &ret->filter, err);
	if (r == 0)
		r = add_hosts(ret, first);
	if (r == 0)
		r = fill(ret);
	if (r == 0)
		r = count_sizes(ret, !first);
	if (r == 0)
		keep_stuck(ret);
	ret->pool = (struct moves_pool){ .engine = ret->engine, .vms = ret->vms, .n = ret->vms_n,
					 .may = may_go, .user = ret };
	return r;
}

void stage_places(const struct stage *s, const struct engine_choice *c, struct text *to)
{
	bool said[ENGINE_HOST_GPUS_MAX] = { 0 };

	for (uint8_t i = 0; i < c->n; i++) {
		uint8_t gpu = c->picks[i].gpu;

		if (!said[gpu])
			text_add(to, "%s%s", i ? " " : "", s->hosts[c->host].gpus[gpu]->id);
		said[gpu] = true;
	}
}
