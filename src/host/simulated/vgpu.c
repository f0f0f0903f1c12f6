/* SPDX-License-Identifier: Apache-2.0 */
/* vgpu.c - making and taking down vGPUs, as the real drivers answer on the real files. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "host/simulated/internal.h"

enum { WHOLE = -1, TYPE_IDS_UNKNOWN = 5000 };

bool sim_has_functions(const struct simulated_gpu *g)
{
	return g->rules.total_vfs > 0;
}

static bool is_mdev(const struct simulated_gpu *g)
{
	return g->framework == FRAMEWORK_MDEV || g->framework == FRAMEWORK_MDEV_VF;
}

/* NVIDIA's functions begin four behind the GPU: 0000:41:00.4 is the first of 0000:41:00.0. */
void sim_function_address(const struct simulated_gpu *g, unsigned int vf, char ret[PCI_SIZE])
{
	snprintf(ret, PCI_SIZE, "%.7s:%02x.%u", g->address, (vf + 4) / 8, (vf + 4) % 8);
}

int sim_function_index(const struct simulated_gpu *g, const char *address)
{
	char text[PCI_SIZE];

	for (unsigned int i = 0; i < g->state.enabled_vfs; i++) {
		sim_function_address(g, i, text);
		if (strcmp(text, address) == 0)
			return (int)i;
	}
	return -1;
}

uint32_t sim_type_id(const struct simulated_gpu *g, unsigned int type)
{
	return g->types[type]->type_id ? g->types[type]->type_id : TYPE_IDS_UNKNOWN + type;
}

/* ---- finding ---- */

static int find_gpu(const struct simulated_host *h, const struct host_vgpu *v,
		    struct simulated_gpu **ret, struct error *err)
{
	struct simulated_gpu *g = sim_gpu(h, v->address);

	if (!g)
		return error_set(err, ERR_NOT_FOUND, "host %s has no GPU %s", h->name, v->address);
	if ((int32_t)g->framework != v->framework)
		return error_set(err, ERR_NOT_FOUND, "%s is made into vGPUs by %s, not by %s",
				 v->address, names_word(&framework_names, (int)g->framework),
				 names_word(&framework_names, v->framework));
	*ret = g;
	return 0;
}

/* Function that V names; CREATABLE_PF on a GPU without. */
static int find_function(const struct simulated_gpu *g, const struct host_vgpu *v, uint16_t *ret,
			 struct error *err)
{
	int i;

	*ret = CREATABLE_PF;
	if (!sim_has_functions(g) && !v->vf[0])
		return 0;
	i = sim_function_index(g, v->vf);
	if (i < 0)
		return error_set(err, ERR_NOT_FOUND,
				 "functions of %s are not enabled, or %s is not one of them "
				 "(/usr/lib/nvidia/sriov-manage -e %s)",
				 v->address, v->vf, v->address);
	*ret = (uint16_t)i;
	return 0;
}

static int slot_of_mdev(const struct simulated_gpu *g, const char *uuid)
{
	for (int i = 0; i < CREATABLE_VGPUS_MAX; i++)
		if (g->state.vgpus[i].used && strcmp(g->vgpus[i].mdev_uuid, uuid) == 0)
			return i;
	return -1;
}

/* The vGPU that lies where V says, -1 for none: an mdev is its UUID, any other its function. */
static int find_slot(const struct simulated_gpu *g, const struct host_vgpu *v)
{
	int vf;

	if (is_mdev(g))
		return slot_of_mdev(g, v->mdev_uuid);
	vf = sim_function_index(g, v->vf);
	return vf < 0 ? -1 : creatable_find_vf(&g->state, (uint16_t)vf);
}

static bool names_place(const struct simulated_gpu *g, int slot, const struct host_device *d)
{
	char vf[PCI_SIZE];

	if (slot == WHOLE)
		return g->framework == FRAMEWORK_PASSTHROUGH && strcmp(d->address, g->address) == 0;
	if (g->vgpus[slot].mdev_uuid[0])
		return strcmp(d->mdev_uuid, g->vgpus[slot].mdev_uuid) == 0;
	sim_function_address(g, g->state.vgpus[slot].vf, vf);
	return strcmp(d->address, vf) == 0;
}

const struct simulated_domain *sim_holder(const struct simulated_host *h,
					  const struct simulated_gpu *g, int slot)
{
	for (size_t i = 0; i < h->domains_n; i++)
		for (uint32_t k = 0; h->domains[i].pid && k < h->domains[i].devices_n; k++)
			if (names_place(g, slot, &h->domains[i].devices[k]))
				return &h->domains[i];
	return NULL;
}

bool sim_device_exists(const struct simulated_host *h, const struct host_device *d)
{
	for (size_t i = 0; i < h->gpus_n; i++) {
		const struct simulated_gpu *g = &h->gpus[i];

		if (!g->gone && g->whole && names_place(g, WHOLE, d))
			return true;
		for (int s = 0; !g->gone && s < CREATABLE_VGPUS_MAX; s++)
			if (g->state.vgpus[s].used && names_place(g, s, d))
				return true;
	}
	return false;
}

void sim_wedge(struct simulated_host *h, const struct host_device *d)
{
	for (size_t i = 0; i < h->gpus_n; i++) {
		int vf = sim_function_index(&h->gpus[i], d->address);

		if (vf >= 0)
			h->gpus[i].wedged |= UINT64_C(1) << vf;
	}
}

/* ---- owners ---- */

static uint32_t *generation_of(struct simulated_gpu *g, uint16_t vf)
{
	return &g->generations[vf < CREATABLE_VFS_MAX ? vf : CREATABLE_VFS_MAX];
}

/* A message that was late must not touch what somebody else has been given meanwhile.  An mdev's
 * UUID is nobody else's, so only a vGPU that exists can be newer there. */
static int check_generation(struct simulated_gpu *g, const struct host_vgpu *v, uint16_t vf,
			    int slot, struct error *err)
{
	uint32_t last = is_mdev(g) ? 0 : *generation_of(g, vf);

	if (slot >= 0)
		last = g->vgpus[slot].generation;
	if (v->generation >= last)
		return 0;
	return error_set(err, ERR_BUSY,
			 "%s was given to a newer owner (generation %" PRIu32 ", asked "
			 "%" PRIu32 ")",
			 v->vf[0] ? v->vf : v->address, last, v->generation);
}

static int check_owner(const struct simulated_gpu *g, const struct host_vgpu *v, int slot,
		       struct error *err)
{
	const char *profile = g->types[g->state.vgpus[slot].type]->name;
	const char *place = is_mdev(g) ? v->mdev_uuid : v->vf;

	if (!g->vgpus[slot].ours && !v->adopt)
		return error_set(err, ERR_BUSY,
				 "%s carries a %s that Facet did not make; it is left "
				 "alone",
				 place, profile);
	if (strcmp(profile, v->profile) != 0)
		return error_set(err, ERR_BUSY,
				 "%s carries a %s, not the %s that is meant; it is left "
				 "alone",
				 place, profile, v->profile);
	return 0;
}

/* ---- creating ---- */

static bool set_params(struct simulated_vgpu *s, const char *params)
{
	char *copy = params[0] ? strdup(params) : NULL;

	if (params[0] && !copy)
		return false;
	free(s->params);
	s->params = copy;
	return true;
}

void sim_forget_vgpus(struct simulated_gpu *g)
{
	for (int i = 0; i < CREATABLE_VGPUS_MAX; i++)
		free(g->vgpus[i].params);
	memset(g->vgpus, 0, sizeof(g->vgpus));
}

static void tell(const struct simulated_gpu *g, int slot, struct host_reply *reply)
{
	uint16_t placement = g->state.vgpus[slot].placement;

	reply->type_id = sim_type_id(g, g->state.vgpus[slot].type);
	reply->placement = placement == GEOMETRY_NO_PLACEMENT ? PLACEMENT_NONE : placement;
}

static int refused(const struct simulated_gpu *g, const struct host_vgpu *v,
		   enum creatable_answer a, struct error *err)
{
	switch (a) {
	case CREATABLE_UNKNOWN_TYPE:
		return error_set(err, ERR_NOT_FOUND, "%s offers no vGPU type '%s'", g->board->name,
				 v->profile);
	case CREATABLE_NO_SUCH_VF:
		return error_set(err, ERR_NOT_FOUND, "%s: %s", v->vf, creatable_answer_text(a));
	default:
		return error_set(err, ERR_NO_CAPACITY, "create %s on %s: %s", v->profile,
				 v->vf[0] ? v->vf : v->address, creatable_answer_text(a));
	}
}

static int check_faults(struct simulated_host *h, const struct simulated_gpu *g,
			const struct host_vgpu *v, uint16_t vf, struct error *err)
{
	const char *place = v->vf[0] ? v->vf : v->address;
	bool wedged = vf < CREATABLE_VFS_MAX && (g->wedged >> vf & 1);
	bool eio = h->faults.eio_once || strcmp(h->faults.eio_function, place) == 0;

	h->faults.eio_once = false;
	if (wedged)
		return error_set(err, ERR_IO,
				 "create %s on %s: the function is wedged; only "
				 "sriov-manage -d and -e of %s are known to help",
				 v->profile, place, v->address);
	if (eio)
		return error_set(err, ERR_IO,
				 "create %s on %s: the driver refused (EIO); its reason is "
				 "in the kernel log: journalctl -k | grep NVRM",
				 v->profile, place);
	return 0;
}

static int type_named(const struct simulated_gpu *g, const char *profile)
{
	for (int i = 0; i < g->rules.n_types; i++)
		if (strcmp(g->types[i]->name, profile) == 0)
			return i;
	return g->rules.n_types;
}

static int create_new(struct simulated_host *h, struct simulated_gpu *g, const struct host_vgpu *v,
		      uint16_t vf, bool ours, struct host_reply *reply)
{
	int type = type_named(g, v->profile), r;
	uint16_t placement = v->placement < CREATABLE_ANY ? (uint16_t)v->placement : CREATABLE_ANY;
	enum creatable_answer a = creatable_ask(&g->rules, &g->state, vf, (uint16_t)type);
	unsigned int slot;

	if (a != CREATABLE_OK)
		return refused(g, v, a, &reply->err);
	r = check_faults(h, g, v, vf, &reply->err);
	if (r < 0)
		return r;
	a = creatable_take(&g->rules, &g->state, vf, (uint16_t)type, placement, &slot);
	if (a != CREATABLE_OK)
		return refused(g, v, a, &reply->err);
	g->vgpus[slot] = (struct simulated_vgpu){ .ours = ours, .generation = v->generation };
	TEXT_COPY(g->vgpus[slot].mdev_uuid, v->mdev_uuid);
	if (!set_params(&g->vgpus[slot], v->params)) {
		creatable_give_back(&g->state, slot);
		return error_set(&reply->err, ERR_NO_MEMORY, "create %s", v->profile);
	}
	*generation_of(g, vf) = v->generation;
	tell(g, (int)slot, reply);
	reply->result = RESULT_CREATED;
	sim_say(h, SIMULATED_HARDWARE, "");
	return 0;
}

/* Parameters and placement are put right as long as no VM holds it. */
static int verify(struct simulated_host *h, struct simulated_gpu *g, const struct host_vgpu *v,
		  int slot, struct host_reply *reply)
{
	struct simulated_vgpu *s = &g->vgpus[slot];
	int r = check_owner(g, v, slot, &reply->err);

	if (r < 0)
		return r;
	reply->result = RESULT_UNCHANGED;
	if (!sim_holder(h, g, slot)) {
		uint32_t before = g->state.vgpus[slot].placement;

		if (v->placement < CREATABLE_ANY &&
		    creatable_move(&g->rules, &g->state, (unsigned int)slot,
				   (uint16_t)v->placement) != CREATABLE_OK)
			return error_set(&reply->err, ERR_NO_CAPACITY,
					 "the driver does not give placement %" PRIu32 " to %s",
					 v->placement, v->profile);
		if (strcmp(s->params ? s->params : "", v->params) != 0 ||
		    before != g->state.vgpus[slot].placement)
			reply->result = RESULT_CHANGED;
		if (!set_params(s, v->params))
			return error_set(&reply->err, ERR_NO_MEMORY, "parameters of %s",
					 v->profile);
	}
	s->ours = true;
	s->generation = v->generation;
	if (!is_mdev(g))
		*generation_of(g, g->state.vgpus[slot].vf) = v->generation;
	tell(g, slot, reply);
	return 0;
}

static int create_whole(struct simulated_host *h, struct simulated_gpu *g,
			const struct host_vgpu *v, struct host_reply *reply)
{
	int r;

	if (v->generation < g->whole_generation)
		return error_set(&reply->err, ERR_BUSY, "%s was given to a newer owner",
				 v->address);
	r = g->whole ? 0 : check_faults(h, g, v, CREATABLE_PF, &reply->err);
	if (r < 0)
		return r;
	reply->result = g->whole ? RESULT_UNCHANGED : RESULT_CREATED;
	g->whole = true;
	g->whole_generation = v->generation;
	sim_say(h, SIMULATED_HARDWARE, "");
	return 0;
}

int sim_create(struct simulated_host *h, const struct host_vgpu *v, bool ours,
	       struct host_reply *reply)
{
	struct simulated_gpu *g = NULL;
	uint16_t vf;
	int slot, r = find_gpu(h, v, &g, &reply->err);

	if (r < 0)
		return r;
	if (g->framework == FRAMEWORK_PASSTHROUGH)
		return create_whole(h, g, v, reply);
	r = find_function(g, v, &vf, &reply->err);
	if (r < 0)
		return r;
	slot = find_slot(g, v);
	r = check_generation(g, v, vf, slot, &reply->err);
	if (r < 0)
		return r;
	if (slot < 0)
		return create_new(h, g, v, vf, ours, reply);
	if (is_mdev(g) && g->state.vgpus[slot].vf != vf)
		return error_set(&reply->err, ERR_BUSY, "mdev %s lies on another function than %s",
				 v->mdev_uuid, v->vf);
	return verify(h, g, v, slot, reply);
}

/* ---- taking down ---- */

static int check_idle(const struct simulated_host *h, const struct simulated_gpu *g, int slot,
		      const struct host_vgpu *v, struct host_reply *reply)
{
	const struct simulated_domain *d = sim_holder(h, g, slot);

	if (!d)
		return 0;
	reply->holder_pid = d->pid;
	return error_set(&reply->err, ERR_BUSY,
			 "process %" PRIu32 " holds %s on %s open: stop its VM "
			 "first",
			 d->pid, v->profile, v->vf[0] ? v->vf : v->address);
}

static int destroy_whole(struct simulated_host *h, struct simulated_gpu *g,
			 const struct host_vgpu *v, struct host_reply *reply)
{
	int r;

	if (v->generation < g->whole_generation)
		return error_set(&reply->err, ERR_BUSY, "%s was given to a newer owner",
				 v->address);
	r = check_idle(h, g, WHOLE, v, reply);
	if (r < 0)
		return r;
	reply->result = g->whole ? RESULT_REMOVED : RESULT_UNCHANGED;
	g->whole = false;
	sim_say(h, SIMULATED_HARDWARE, "");
	return 0;
}

static int take_down(struct simulated_host *h, struct simulated_gpu *g, const struct host_vgpu *v,
		     int slot, struct host_reply *reply)
{
	int r = check_owner(g, v, slot, &reply->err);

	if (r == 0)
		r = check_idle(h, g, slot, v, reply);
	if (r < 0)
		return r;
	if (h->faults.stuck_once) {
		h->faults.stuck_once = false;
		return error_set(&reply->err, ERR_IO,
				 "remove %s on %s: it is still there after 10 s; "
				 "only a sriov-manage -d and -e cycle of %s is known to help",
				 v->profile, v->vf[0] ? v->vf : v->address, v->address);
	}
	creatable_give_back(&g->state, (unsigned int)slot);
	(void)set_params(&g->vgpus[slot], "");
	reply->result = RESULT_REMOVED;
	sim_say(h, SIMULATED_HARDWARE, "");
	return 0;
}

/* What is not there is gone: after a reboot, on a function that vanished, on a GPU that left. */
int sim_destroy(struct simulated_host *h, const struct host_vgpu *v, struct host_reply *reply)
{
	struct simulated_gpu *g = NULL;
	uint16_t vf = CREATABLE_PF;
	int slot, r;

	reply->result = RESULT_UNCHANGED;
	if (find_gpu(h, v, &g, NULL) < 0)
		return 0;
	if (g->framework == FRAMEWORK_PASSTHROUGH)
		return destroy_whole(h, g, v, reply);
	if (find_function(g, v, &vf, NULL) < 0)
		return 0;
	slot = find_slot(g, v);
	r = check_generation(g, v, vf, slot, &reply->err);
	return r < 0 || slot < 0 ? r : take_down(h, g, v, slot, reply);
}

int sim_holders(struct simulated_host *h, const struct host_vgpu *v, struct host_reply *reply)
{
	const struct simulated_domain *d;
	struct simulated_gpu *g = NULL;
	int slot = WHOLE, r = find_gpu(h, v, &g, &reply->err);

	if (r < 0)
		return r;
	reply->result = RESULT_UNCHANGED;
	if (g->framework != FRAMEWORK_PASSTHROUGH) {
		slot = find_slot(g, v);
		if (slot < 0)
			return error_set(&reply->err, ERR_NOT_FOUND, "there is no vGPU on %s",
					 v->vf[0] ? v->vf : v->mdev_uuid);
	}
	d = sim_holder(h, g, slot);
	reply->holder_pid = d ? d->pid : 0;
	return 0;
}

/* ---- the GPU as a whole ---- */

int sim_set_mode(struct simulated_host *h, const struct host_request *q, struct host_reply *reply)
{
	enum creatable_mode mode = q->mode == GPU_MODE_MIXED ? CREATABLE_MIXED : CREATABLE_EQUAL;
	struct simulated_gpu *g = NULL;
	int r = find_gpu(h, &q->vgpu, &g, &reply->err);
	bool was;

	if (r < 0)
		return r;
	if (!sim_has_functions(g))
		return error_set(&reply->err, ERR_INVALID,
				 "set the mode of %s: a GPU of framework %s has "
				 "no such choice",
				 q->vgpu.address, names_word(&framework_names, (int)g->framework));
	was = g->state.mode == mode;
	switch (creatable_set_mode(&g->rules, &g->state, mode)) {
	case CREATABLE_OK:
		reply->result = was ? RESULT_UNCHANGED : RESULT_CHANGED;
		return 0;
	case CREATABLE_HAS_VGPUS:
		return error_set(&reply->err, ERR_BUSY,
				 "the mode of %s can be changed only while no vGPU "
				 "exists on it",
				 q->vgpu.address);
	case CREATABLE_NO_MIXED_MODE:
		return error_set(&reply->err, ERR_INVALID, "%s can not mix framebuffer sizes",
				 g->board->name);
	default:
		return error_set(&reply->err, ERR_NOT_FOUND, "functions of %s are not enabled",
				 q->vgpu.address);
	}
}

int sim_enable(struct simulated_host *h, const char *pf, struct host_reply *reply)
{
	struct simulated_gpu *g = sim_gpu(h, pf);

	if (!g)
		return error_set(&reply->err, ERR_NOT_FOUND, "host %s has no GPU %s", h->name, pf);
	if (!sim_has_functions(g))
		return error_set(&reply->err, ERR_INVALID, "%s has no SR-IOV functions", pf);
	reply->result = RESULT_UNCHANGED;
	if (g->state.enabled_vfs == g->rules.total_vfs)
		return 0;
	creatable_set_vfs(&g->rules, &g->state, g->rules.total_vfs);
	reply->result = RESULT_CHANGED;
	sim_say(h, SIMULATED_HARDWARE, "");
	return 0;
}
