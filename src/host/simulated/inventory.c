/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.c - what an inventory of a real host would have found. */
#include <string.h>

#include "base/text.h"
#include "host/inventory.h"
#include "host/simulated/internal.h"

size_t simulated_functions(const struct simulated_host *h, const char *pf, char (*ret)[PCI_SIZE],
			   size_t max)
{
	const struct simulated_gpu *g = sim_gpu(h, pf);
	size_t n = g ? g->state.enabled_vfs : 0;

	for (size_t i = 0; i < n && i < max; i++)
		sim_function_address(g, (unsigned int)i, ret[i]);
	return n < max ? n : max;
}

static int fill_functions(const struct simulated_gpu *g, struct gpu *ret)
{
	char address[PCI_SIZE];

	ret->functions = g->state.enabled_vfs ? calloc(g->state.enabled_vfs, sizeof(char *)) : NULL;
	if (g->state.enabled_vfs && !ret->functions)
		return -1;
	for (unsigned int i = 0; i < g->state.enabled_vfs; i++) {
		sim_function_address(g, i, address);
		ret->functions[i] = strdup(address);
		if (!ret->functions[i])
			return -1;
		ret->functions_n++;
	}
	return 0;
}

static int fill_types(const struct simulated_gpu *g, struct gpu *ret)
{
	bool whole = g->framework == FRAMEWORK_PASSTHROUGH;
	size_t n = whole ? 1 : g->rules.n_types;

	ret->types = calloc(n, sizeof(*ret->types));
	if (!ret->types)
		return -1;
	ret->types_n = n;
	for (uint16_t i = 0; i < n; i++) {
		struct gpu_type *t = &ret->types[i];

		if (whole) {
			*t = (struct gpu_type){.name = HOST_WHOLE_PROFILE,
					       .fb_mib = g->board->fb_mib,
					       .max = 1,
					       .creatable = !g->whole};
			continue;
		}
		TEXT_COPY(t->name, g->types[i]->name);
		t->type_id = sim_type_id(g, i);
		t->fb_mib = g->types[i]->fb_mib;
		t->max = g->rules.types[i].max_instances;
		t->creatable = creatable_ask(&g->rules, &g->state, CREATABLE_PF, i) == CREATABLE_OK;
	}
	return 0;
}

static void fill_holder(const struct simulated_host *h, const struct simulated_gpu *g, int slot,
			struct gpu_vgpu *v)
{
	const struct simulated_domain *d = sim_holder(h, g, slot);

	if (!d)
		return;
	v->holder_pid = d->pid;
	TEXT_COPY(v->vm, d->name);
}

static void fill_vgpu(const struct simulated_host *h, const struct simulated_gpu *g, int slot,
		      struct gpu_vgpu *v)
{
	const struct creatable_vgpu *c = &g->state.vgpus[slot];

	TEXT_COPY(v->address, g->address);
	if (c->vf != CREATABLE_PF)
		sim_function_address(g, c->vf, v->address);
	TEXT_COPY(v->mdev_uuid, g->vgpus[slot].mdev_uuid);
	TEXT_COPY(v->profile, g->types[c->type]->name);
	v->type_id = sim_type_id(g, c->type);
	v->placement = c->placement == GEOMETRY_NO_PLACEMENT ? PLACEMENT_NONE : c->placement;
	fill_holder(h, g, slot, v);
}

static int fill_vgpus(const struct simulated_host *h, const struct simulated_gpu *g,
		      struct gpu *ret)
{
	ret->vgpus = calloc(g->state.count + 1u, sizeof(*ret->vgpus));
	if (!ret->vgpus)
		return -1;
	for (int i = 0; i < CREATABLE_VGPUS_MAX; i++)
		if (g->state.vgpus[i].used)
			fill_vgpu(h, g, i, &ret->vgpus[ret->vgpus_n++]);
	if (g->whole) {
		struct gpu_vgpu *v = &ret->vgpus[ret->vgpus_n++];

		TEXT_COPY(v->address, g->address);
		TEXT_COPY(v->profile, HOST_WHOLE_PROFILE);
		v->placement = PLACEMENT_NONE;
		fill_holder(h, g, -1, v);
	}
	return 0;
}

static void fill_facts(const struct simulated_host *h, const struct simulated_gpu *g, size_t index,
		       struct gpu *ret)
{
	char text[NAME_SIZE + PCI_SIZE + 8], uuid[UUID_TEXT_SIZE];

	TEXT_COPY(ret->host, h->name);
	TEXT_COPY(ret->address, g->address);
	gpu_id_make(h->name, g->address, ret->id);
	snprintf(text, sizeof(text), "gpu %s %s", h->name, g->address);
	uuid_of_name(text, uuid);
	snprintf(ret->uuid, sizeof(ret->uuid), "GPU-%s", uuid);
	TEXT_COPY(ret->board, g->board->name);
	TEXT_COPY(ret->pci_device, g->board->pci_device);
	TEXT_COPY(ret->pci_subsystem, g->board->pci_subsystem);
	TEXT_COPY(ret->driver, g->framework == FRAMEWORK_PASSTHROUGH ? "vfio-pci" : "nvidia");
	ret->framework = (int)g->framework;
	ret->mode = g->framework == FRAMEWORK_PASSTHROUGH ? GPU_MODE_WHOLE
		    : g->state.mode == CREATABLE_MIXED    ? GPU_MODE_MIXED
			                                  : GPU_MODE_EQUAL;
	ret->health = GPU_HEALTH_OK;
	ret->fb_mib = g->board->fb_mib;
	ret->numa = h->numa ? (int64_t)(index % h->numa) : -1;
	ret->iommu_group = (uint32_t)index + 1;
	ret->vf_total = g->rules.total_vfs;
	ret->vf_enabled = g->state.enabled_vfs;
}

static int fill_gpu(const struct simulated_host *h, size_t index, struct gpu *ret)
{
	const struct simulated_gpu *g = &h->gpus[index];

	fill_facts(h, g, index, ret);
	if (sim_has_functions(g) && g->state.enabled_vfs == 0) {
		/* No function, no directory that would tell the framework. */
		ret->framework = FRAMEWORK_NONE;
		snprintf(ret->not_poolable, sizeof(ret->not_poolable),
			 "SR-IOV functions are not enabled: run /usr/lib/nvidia/sriov-manage -e %s "
			 "after "
			 "each boot",
			 g->address);
		return 0;
	}
	ret->poolable = true;
	if (fill_functions(g, ret) < 0 || fill_types(g, ret) < 0)
		return -1;
	return fill_vgpus(h, g, ret);
}

static int fill_host(const struct simulated_host *h, struct host *facts)
{
	TEXT_COPY(facts->boot_id, h->boot_id);
	TEXT_COPY(facts->driver_version, "580.105.08");
	TEXT_COPY(facts->kernel, "simulated");
	TEXT_COPY(facts->libvirt_version, "simulated");
	TEXT_COPY(facts->qemu_version, "simulated");
	facts->cpus = h->cpus;
	facts->numa_nodes = h->numa;
	facts->ram_mib = (uint64_t)h->ram_gib * 1024;
	facts->simulated = true;
	facts->checks = calloc(1, sizeof(*facts->checks));
	if (!facts->checks)
		return -1;
	facts->checks_n = 1;
	facts->checks[0] = (struct check){ .name = "hardware", .ok = true, .skipped = true,
		                           .found = "this host exists in memory only" };
	return 0;
}

int simulated_inventory(const struct simulated_host *h, struct host *facts, struct gpu **gpus,
			size_t *n, struct error *err)
{
	struct gpu *list;
	size_t filled = 0;
	int r = 0;

	if (h->faults.silent)
		return error_set(err, ERR_UNAVAILABLE, "host %s does not answer", h->name);
	list = calloc(h->gpus_n + 1, sizeof(*list));
	for (size_t i = 0; list && r == 0 && i < h->gpus_n; i++)
		if (!h->gpus[i].gone)
			r = fill_gpu(h, i, &list[filled++]);
	if (!list || r < 0 || fill_host(h, facts) < 0) {
		for (size_t i = 0; i < filled; i++)
			fields_done(&gpu_fields, &list[i]);
		free(list);
		return error_set(err, ERR_NO_MEMORY, "inventory of %s", h->name);
	}
	*gpus = list;
	*n = filled;
	return 0;
}
