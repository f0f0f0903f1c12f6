/* SPDX-License-Identifier: Apache-2.0 */
/* From objects to a placement snapshot, and from the choice to reserved leases. */
#include <string.h>

#include "base/crash.h"
#include "base/text.h"
#include "controller/internal.h"
#include "model/catalogue.h"
#include "model/filter.h"

/* What pool_gpu points to. */
struct snapshot_gpu {
	struct pool_slice *slices;       /* room for every lease and every vGPU */
	char (*functions)[PCI_SIZE];     /* room for all, behind them for each lease to avoid */
	char (*avoid)[PCI_SIZE];
	char closed[256];
};

struct snapshot {
	struct pool_gpu *gpus;
	struct snapshot_gpu *backs;
	size_t n;
};

static void snapshot_done(struct snapshot *s)
{
	for (size_t i = 0; s->backs && i < s->n; i++) {
		free(s->backs[i].slices);
		free(s->backs[i].functions);
	}
	free(s->gpus);
	free(s->backs);
}

/* Arrays are copied whole: a claim sees hundreds of slices. */
static void add_slice(struct pool_gpu *p, struct snapshot_gpu *b, const char profile[PROFILE_SIZE],
		      uint32_t fb_mib, uint32_t placement, const char vf[PCI_SIZE], bool whole)
{
	struct pool_slice *s = &b->slices[p->slices_n++];

	s->fb_mib = fb_mib;
	s->placement = placement;
	s->whole = whole;
	memcpy(s->profile, profile, PROFILE_SIZE);
	memcpy(s->vf, vf, PCI_SIZE);
}

/* The leases of one GPU in the eyes of the change. */
struct change_leases {
	const struct lease *rows[256];
	size_t n;
	const struct lease *away[256]; /* thought away: their vGPUs are not there either */
	size_t away_n;
};

static bool is_leased(const struct change_leases *leases, const struct gpu_vgpu *v)
{
	for (size_t i = 0; i < leases->n + leases->away_n; i++) {
		const struct lease *l =
			i < leases->n ? leases->rows[i] : leases->away[i - leases->n];

		if (v->mdev_uuid[0] ? strcmp(l->mdev_uuid, v->mdev_uuid) == 0
				    : strcmp(l->vf, v->address) == 0)
			return true;
	}
	return false;
}

static void leases_of_gpu(struct change *ch, const struct object *gpu, struct change_leases *ret)
{
	ret->n = ret->away_n = 0;
	for (size_t i = 0; i < gpu->leases.n && ret->n < 256 && ret->away_n < 256; i++) {
		const struct lease *l = change_see_object(ch, gpu->leases.rows[i]);

		if (l && change_thinks_away(ch, l))
			ret->away[ret->away_n++] = l;
		else if (l)
			ret->rows[ret->n++] = l;
	}
	for (size_t i = 0; i < ch->n && ret->n < 256; i++) {
		const struct lease *l = ch->edits[i].data;

		if (ch->edits[i].kind == OBJECT_LEASE && l && !ch->edits[i].object &&
		    strcmp(l->gpu, gpu->id) == 0)
			ret->rows[ret->n++] = l;
	}
}

static void fill_slices(struct pool_gpu *p, struct snapshot_gpu *b,
			const struct change_leases *leases)
{
	static const char no_vf[PCI_SIZE];
	const struct gpu *gpu = p->gpu;

	for (size_t i = 0; i < leases->n; i++) {
		const struct lease *l = leases->rows[i];

		add_slice(p, b, l->profile, l->fb_mib, l->placement, l->vf,
			  l->framework == FRAMEWORK_PASSTHROUGH);
		if (l->state == LEASE_QUARANTINED && l->vf[0])
			memcpy(b->avoid[p->avoid_n++], l->vf, PCI_SIZE);
	}
	for (size_t i = 0; i < gpu->vgpus_n; i++) {
		const struct gpu_vgpu *v = &gpu->vgpus[i];
		bool on_pf = strcmp(v->address, gpu->address) == 0;

		if (!is_leased(leases, v))
			add_slice(p, b, v->profile, 0, v->placement, on_pf ? no_vf : v->address,
				  false);
	}
}

/* VFs follow the PF at the offset and stride of its capability; the agent tells them in order, as
 * "function" rows of the GPU. */
static void fill_functions(struct pool_gpu *p, struct snapshot_gpu *b)
{
	for (size_t i = 0; i < p->gpu->functions_n; i++)
		*stpncpy(b->functions[i], p->gpu->functions[i], PCI_SIZE - 1) = '\0';
	p->functions = (const char(*)[PCI_SIZE])b->functions;
	p->functions_n = p->gpu->functions_n;
}

static void close_gpu(struct pool_gpu *p, struct snapshot_gpu *b, const char *code,
		      const char *text)
{
	p->open = false;
	p->closed_code = code;
	TEXT_COPY(b->closed, text);
	p->closed_text = b->closed;
}

static void decide_open(struct pool_gpu *p, struct snapshot_gpu *b, const struct host *host,
			const struct filter *f)
{
	char why[200], text[256];

	p->open = true;
	if (!filter_explain(f, p->gpu, why, sizeof(why))) {
		snprintf(text, sizeof(text), "not in the group: %s", why);
		close_gpu(p, b, "not-in-group", text);
	} else if (host->state == HOST_LOST) {
		snprintf(text, sizeof(text), "host %s is lost, %.120s: look at its facet-agent",
			 host->name, host->state_reason);
		close_gpu(p, b, "host-not-ready", text);
	} else if (host->state != HOST_READY) {
		snprintf(text, sizeof(text), "host %s is %s: `facet host uncordon %s`", host->name,
			 names_word(&host_state_names, host->state), host->name);
		close_gpu(p, b, "host-not-ready", text);
	} else if (p->gpu->health != GPU_HEALTH_OK) {
		snprintf(text, sizeof(text), "GPU is %s: %.200s",
			 names_word(&gpu_health_names, p->gpu->health), p->gpu->health_reason);
		close_gpu(p, b, "gpu-not-healthy", text);
	} else if (!p->gpu->poolable) {
		close_gpu(p, b, "not-poolable", p->gpu->not_poolable);
	}
}

/* Leases say how their GPU is cut, or is going to be, also where its host has not told it yet; one
 * in quarantine says so too.  A lease that the ledger would refuse beside them is not chosen. */
static void keep_cut(struct pool_gpu *p, struct snapshot_gpu *b,
		     const struct change_leases *leases, enum gpu_mode wanted)
{
	char text[256];

	for (size_t i = 0; p->open && i < leases->n; i++) {
		const struct lease *l = leases->rows[i];
		bool placed = l->placement != PLACEMENT_NONE;

		if (l->framework == FRAMEWORK_PASSTHROUGH || placed == (wanted == GPU_MODE_MIXED))
			continue;
		snprintf(text, sizeof(text),
			 "lease %s (%s) on it is cut %s, the group wants %s: it fits when that "
			 "is gone", l->id, names_word(&lease_state_names, l->state),
			 names_word(&gpu_mode_names, placed ? GPU_MODE_MIXED : GPU_MODE_EQUAL),
			 names_word(&gpu_mode_names, (int)wanted));
		close_gpu(p, b, "wrong-mode", text);
	}
}

static bool back_make(struct snapshot_gpu *b, const struct gpu *gpu, size_t leases_n)
{
	size_t slices = leases_n + gpu->vgpus_n, functions = gpu->functions_n + leases_n;

	b->slices = malloc((slices + 1) * sizeof(*b->slices));
	b->functions = malloc((functions + 1) * sizeof(*b->functions));
	b->avoid = b->functions ? b->functions + gpu->functions_n : NULL;
	return b->slices && b->functions;
}

static int snapshot_make(struct change *ch, const struct object *host, const struct filter *f,
			 enum gpu_mode wanted, struct snapshot *ret, struct error *err)
{
	struct change_leases leases;

	ret->n = host->gpus.n;
	ret->gpus = calloc(ret->n ? ret->n : 1, sizeof(*ret->gpus));
	ret->backs = calloc(ret->n ? ret->n : 1, sizeof(*ret->backs));
	if (!ret->gpus || !ret->backs)
		return error_set(err, ERR_NO_MEMORY, "a snapshot of %zu GPUs", ret->n);
	for (size_t i = 0; i < ret->n; i++) {
		struct pool_gpu *p = &ret->gpus[i];
		struct snapshot_gpu *b = &ret->backs[i];

		p->gpu = change_see_object(ch, host->gpus.rows[i]);
		leases_of_gpu(ch, host->gpus.rows[i], &leases);
		if (!back_make(b, p->gpu, leases.n))
			return error_set(err, ERR_NO_MEMORY, "a snapshot of %zu GPUs", ret->n);
		p->slices = b->slices;
		p->avoid = (const char(*)[PCI_SIZE])b->avoid;
		fill_slices(p, b, &leases);
		fill_functions(p, b);
		decide_open(p, b, change_see_object(ch, host), f);
		if (wanted == GPU_MODE_EQUAL || wanted == GPU_MODE_MIXED)
			keep_cut(p, b, &leases, wanted);
	}
	return 0;
}

static int choose(struct change *ch, const struct vm *vm, const struct vm_device *device,
		  struct snapshot *s, struct placement_answer *ret, struct error *err)
{
	const struct group *g = change_see(ch, OBJECT_GROUP, device->group);
	const struct object *host = controller_find(ch->c, OBJECT_HOST, vm->host);
	cleanup(filter_free_p) struct filter *f = NULL;
	struct placement_request request = { .profile = device->profile, .count = device->count };
	int r;

	if (!g)
		return error_set(err, ERR_NOT_FOUND,
				 "device %s of VM %s names group %s, which is gone", device->name,
				 vm->name, device->group);
	if (!host)
		return error_set(err, ERR_UNAVAILABLE,
				 "host %s of VM %s has never reported: is its facet-agent running?",
				 vm->host, vm->name);
	r = filter_parse(g->filter ? g->filter : "", &f, err);
	if (r == 0)
		r = snapshot_make(ch, host, f, (enum gpu_mode)g->mode, s, err);
	if (r < 0)
		return r;
	request.mode = (enum gpu_mode)g->mode;
	request.policy = (enum policy)g->policy;
	request.allowed = g->profiles;
	request.allowed_n = g->profiles_n;
	request.tables = ch->c->placement;
	return placement_choose(s->gpus, s->n, &request, ret, err);
}

int pool_try(struct change *ch, const struct vm *vm, const struct vm_device *device,
	     struct placement_answer *ret, struct error *err)
{
	struct snapshot s = { 0 };
	int r = choose(ch, vm, device, &s, ret, err);

	snapshot_done(&s);
	return r;
}

static void reserve_one(struct change *ch, const struct vm *vm, const struct vm_device *device,
			uint32_t index, const struct gpu *gpu, const struct placement_slot *slot)
{
	char id[UUID_TEXT_SIZE];
	struct lease *l;

	uuid_make(id);
	l = change_create(ch, OBJECT_LEASE, id);
	if (!l)
		return;
	TEXT_COPY(l->id, id);
	TEXT_COPY(l->vm, vm->name);
	TEXT_COPY(l->vm_uuid, vm->uuid);
	TEXT_COPY(l->device, device->name);
	TEXT_COPY(l->group, device->group);
	TEXT_COPY(l->params, device->params);
	TEXT_COPY(l->host, gpu->host);
	TEXT_COPY(l->gpu, gpu->id);
	TEXT_COPY(l->address, gpu->address);
	TEXT_COPY(l->profile, slot->profile);
	TEXT_COPY(l->vf, slot->vf);
	l->index = index;
	l->framework = slot->whole ? FRAMEWORK_PASSTHROUGH : gpu->framework;
	l->fb_mib = slot->fb_mib;
	l->placement = slot->placement;
	l->state = LEASE_RESERVED;
	l->created_ms = l->changed_ms = ch->now_ms;
	/* The next batch's revision never comes twice, so no two owners of a slice share it. */
	l->generation = (uint32_t)(ch->c->revision + 1);
	if (l->framework == FRAMEWORK_MDEV || l->framework == FRAMEWORK_MDEV_VF)
		uuid_make(l->mdev_uuid);
	change_event(ch, "lease.reserved", l->id, l->host, l->vm, "%s on %s for %s", l->profile,
		     l->gpu, l->vm);
}

/* The first of DEVICE's places that no living lease of VM has. */
static uint32_t free_index(struct change *ch, const struct vm *vm, const char *device)
{
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm->name, &ids);
	uint32_t taken = 0, index = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		if (strcmp(l->device, device) == 0 && l->state <= LEASE_ATTACHED && l->index < 32)
			taken |= 1u << l->index;
	}
	free(ids);
	while (index < DEVICE_COUNT_MAX && (taken & 1u << index))
		index++;
	return index;
}

static void give_refusals(struct change *ch, struct placement_answer *a)
{
	free(ch->refusals);
	ch->refusals = take(a->refusals);
	ch->refusals_n = a->refusals_n;
}

int pool_reserve(struct change *ch, const struct vm *vm, const struct vm_device *device,
		 struct error *err)
{
	struct placement_answer *a = calloc(1, sizeof(*a));
	struct snapshot s = { 0 };
	int r;

	if (!a)
		return error_set(err, ERR_NO_MEMORY, "placement");
	r = choose(ch, vm, device, &s, a, err);
	if (r < 0)
		give_refusals(ch, a);
	else if ((r = quota_claim(ch, vm, device, a, err)) == 0)
		for (uint32_t i = 0; i < device->count; i++)
			reserve_one(ch, vm, device, free_index(ch, vm, device->name),
				    s.gpus[a->slots[i].gpu].gpu, &a->slots[i]);
	free(a->refusals);
	free(a);
	snapshot_done(&s);
	return r < 0 ? error_context(r, err, "device %s of VM %s", device->name, vm->name) : 0;
}
