/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - requests, time, and what happens to the host as a whole. */
#include <string.h>

#include "base/text.h"
#include "host/simulated/internal.h"

struct simulated_host *simulated_free(struct simulated_host *h)
{
	if (h) {
		for (size_t i = 0; i < h->gpus_n; i++)
			sim_forget_vgpus(&h->gpus[i]);
		free(h->gpus);
		free(h->domains);
	}
	free(h);
	return NULL;
}

const char *simulated_name(const struct simulated_host *h)
{
	return h->name;
}

struct simulated_faults *simulated_faults(struct simulated_host *h)
{
	return &h->faults;
}

size_t simulated_domains(const struct simulated_host *h)
{
	return h->domains_n;
}

const struct simulated_domain *simulated_domain_at(const struct simulated_host *h, size_t i)
{
	return i < h->domains_n ? &h->domains[i] : NULL;
}

struct simulated_gpu *sim_gpu(const struct simulated_host *h, const char *pf)
{
	for (size_t i = 0; i < h->gpus_n; i++)
		if (!h->gpus[i].gone && strcmp(h->gpus[i].address, pf) == 0)
			return &h->gpus[i];
	return NULL;
}

struct simulated_domain *sim_domain(const struct simulated_host *h, const char *name)
{
	for (size_t i = 0; i < h->domains_n; i++)
		if (strcmp(h->domains[i].name, name) == 0)
			return &h->domains[i];
	return NULL;
}

void simulated_watch(struct simulated_host *h, simulated_event_fn *fn, void *user)
{
	h->event = fn;
	h->user = user;
}

void sim_say(const struct simulated_host *h, enum simulated_event event, const char *domain)
{
	if (h->event)
		h->event(event, domain, h->user);
}

uint32_t sim_latency(struct simulated_host *h, uint32_t ms)
{
	h->luck = h->luck * 6364136223846793005u + 1442695040888963407u;
	return ms - ms / 4 + (ms >= 2 ? (uint32_t)(h->luck >> 33) % (ms / 2 + 1) : 0);
}

/* ---- requests ---- */

static int dispatch(struct simulated_host *h, const struct host_request *q,
		    struct host_reply *reply, uint32_t *delay_ms)
{
	const struct simulated_faults *f = &h->faults;

	switch ((enum host_op)q->op) {
	case HOST_OP_VF_ENABLE:
		*delay_ms = sim_latency(h, f->enable_ms);
		return sim_enable(h, q->vgpu.address, reply);
	case HOST_OP_VGPU_CREATE:
		*delay_ms = sim_latency(h, f->create_ms);
		return sim_create(h, &q->vgpu, true, reply);
	case HOST_OP_VGPU_DESTROY:
		*delay_ms = sim_latency(h, f->release_ms);
		return sim_destroy(h, &q->vgpu, reply);
	case HOST_OP_VGPU_HOLDERS:
		return sim_holders(h, &q->vgpu, reply);
	case HOST_OP_MODE_SET:
		*delay_ms = sim_latency(h, f->create_ms);
		return sim_set_mode(h, q, reply);
	case HOST_OP_DOMAIN_DEVICES:
		return sim_set_devices(h, q, reply);
	case HOST_OP_DOMAIN_START:
		*delay_ms = sim_latency(h, f->start_ms);
		return sim_start(h, q, reply);
	case HOST_OP_DOMAIN_SHUTDOWN:
		return sim_shutdown(h, q, reply);
	case HOST_OP_DOMAIN_DESTROY:
		return sim_power_off(h, q, reply);
	default:
		return error_set(&reply->err, ERR_NO_METHOD, "a simulated host has no %s",
				 names_word(&host_op_names, q->op));
	}
}

int simulated_execute(struct simulated_host *h, const struct host_request *q,
		      struct host_reply *reply, uint32_t *delay_ms)
{
	*reply = (struct host_reply){ .number = q->number, .placement = PLACEMENT_NONE };
	*delay_ms = 0;
	if (h->faults.silent)
		reply->r =
			error_set(&reply->err, ERR_UNAVAILABLE, "host %s does not answer", h->name);
	else
		reply->r = host_request_check(q, &reply->err);
	if (reply->r == 0)
		reply->r = dispatch(h, q, reply, delay_ms);
	if (reply->r < 0)
		reply->result = RESULT_REFUSED;
	return reply->r;
}

int simulated_foreign(struct simulated_host *h, const struct host_vgpu *v, struct error *err)
{
	struct host_reply reply = { .placement = PLACEMENT_NONE };
	int r = sim_create(h, v, false, &reply);

	if (r < 0 && err)
		*err = reply.err;
	return r;
}

/* ---- time ---- */

int64_t simulated_due_ms(const struct simulated_host *h)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < h->domains_n; i++)
		if (h->domains[i].down_ms && h->domains[i].down_ms < due)
			due = h->domains[i].down_ms;
	return due;
}

bool simulated_advance(struct simulated_host *h, int64_t now_ms)
{
	bool changed = false;

	if (now_ms > h->now_ms)
		h->now_ms = now_ms;
	for (size_t i = 0; i < h->domains_n; i++) {
		struct simulated_domain *d = &h->domains[i];

		if (!d->down_ms || d->down_ms > h->now_ms)
			continue;
		sim_stop(h, d, VM_STOPPED, "shutdown");
		changed = true;
	}
	return changed;
}

/* ---- fate ---- */

/* A driver that has just been loaded: no vGPUs, equal-size, no functions, nobody's. */
static void reset_gpu(struct simulated_gpu *g)
{
	creatable_init(&g->state);
	sim_forget_vgpus(g);
	memset(g->generations, 0, sizeof(g->generations));
	g->wedged = 0;
	g->whole = false;
	g->whole_generation = 0;
}

void sim_boot(struct simulated_host *h)
{
	char seed[NAME_SIZE + 32];

	snprintf(seed, sizeof(seed), "boot %s %ju %u", h->name, (uintmax_t)h->seed, h->boots++);
	uuid_of_name(seed, h->boot_id);
	for (size_t i = 0; i < h->gpus_n; i++)
		reset_gpu(&h->gpus[i]);
}

void simulated_set_boot_id(struct simulated_host *h, const char *uuid)
{
	TEXT_COPY(h->boot_id, uuid);
}

void simulated_reboot(struct simulated_host *h)
{
	sim_boot(h);
	for (size_t i = 0; i < h->domains_n; i++)
		sim_stop(h, &h->domains[i], VM_STOPPED, "");
	sim_say(h, SIMULATED_HARDWARE, "");
}

/* QEMU does not survive that its device goes. */
static void crash_users(struct simulated_host *h, const struct simulated_gpu *g)
{
	for (size_t i = 0; i < h->domains_n; i++)
		for (uint32_t k = 0; h->domains[i].pid && k < h->domains[i].devices_n; k++) {
			const struct host_device *d = &h->domains[i].devices[k];
			bool is_here = sim_function_index(g, d->address) >= 0 ||
				       strcmp(d->address, g->address) == 0;

			for (int s = 0; !is_here && s < CREATABLE_VGPUS_MAX; s++)
				is_here = g->state.vgpus[s].used && d->mdev_uuid[0] &&
					  strcmp(g->vgpus[s].mdev_uuid, d->mdev_uuid) == 0;
			if (is_here)
				sim_stop(h, &h->domains[i], VM_FAILED, "crashed");
		}
}

bool simulated_lose_functions(struct simulated_host *h, const char *pf)
{
	struct simulated_gpu *g = sim_gpu(h, pf);

	if (!g || !sim_has_functions(g))
		return false;
	crash_users(h, g);
	reset_gpu(g);
	sim_say(h, SIMULATED_HARDWARE, "");
	return true;
}

bool simulated_lose_gpu(struct simulated_host *h, const char *pf)
{
	struct simulated_gpu *g = sim_gpu(h, pf);

	if (!g)
		return false;
	crash_users(h, g);
	reset_gpu(g);
	g->gone = true;
	sim_say(h, SIMULATED_HARDWARE, "");
	return true;
}

/* ---- soundness ---- */

static const char *check_shared(const struct simulated_domain *a, const struct simulated_domain *b)
{
	for (uint32_t i = 0; i < a->devices_n; i++)
		for (uint32_t k = 0; k < b->devices_n; k++)
			if (sim_same_device(&a->devices[i], &b->devices[k]))
				return "two running domains share a device";
	return NULL;
}

const char *simulated_check(const struct simulated_host *h)
{
	const char *broken = NULL;

	for (size_t i = 0; i < h->gpus_n && !broken; i++)
		broken = creatable_check(&h->gpus[i].rules, &h->gpus[i].state);
	for (size_t i = 0; i < h->domains_n && !broken; i++)
		for (size_t k = 0; k < i && !broken && h->domains[i].pid; k++)
			if (h->domains[k].pid)
				broken = check_shared(&h->domains[i], &h->domains[k]);
	return broken;
}
