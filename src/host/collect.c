/* SPDX-License-Identifier: Apache-2.0 */
#include "host/collect.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "host/device.h"
#include "host/known.h"

enum { VGPUS_MAX = 128 };

void collect_done(struct collect *c)
{
	types_done(&c->types);
	free(c->vgpus);
	*c = (struct collect){ 0 };
}

int collect_vgpu(struct collect *c, const struct gpu_vgpu *v, struct error *err)
{
	if (c->vgpus_n == VGPUS_MAX)
		return 0;
	if (!c->vgpus)
		c->vgpus = calloc(VGPUS_MAX, sizeof(*c->vgpus));
	if (!c->vgpus)
		return error_set(err, ERR_NO_MEMORY, "out of memory listing vGPUs");
	c->vgpus[c->vgpus_n++] = *v;
	return 0;
}

int collect_missing(struct collect *c, const char *function)
{
	if (c->missing_n++ == 0)
		TEXT_COPY(c->missing, function);
	return 0;
}

/* The list a driver shows is whole only while nothing exists on the GPU. */
static int complete_types(struct collect *c, int root, const struct gpu *gpu, struct error *err)
{
	bool whole = c->types_are_all || (c->types.n > 0 && c->vgpus_n == 0);
	cleanup(types_done) struct types known = { 0 };
	cleanup(cleanup_close) int dir = -1;
	int r = 0;

	if (!whole && device_open(root, gpu->address, &dir, NULL) == 0)
		r = known_types(root, dir, &known, err);
	for (size_t i = 0; i < known.n && r == 0; i++)
		r = types_add(&c->types, &known.rows[i], err);
	if (r == 0 && !whole && known.n == 0)
		r = types_add_catalogue(&c->types, gpu->pci_device, gpu->pci_subsystem, err);
	for (size_t i = 0; i < c->types.n && r == 0; i++)
		types_complete(&c->types.rows[i], gpu->pci_device, gpu->fb_mib);
	return r;
}

static void name_vgpus(struct collect *c)
{
	for (size_t i = 0; i < c->vgpus_n; i++) {
		struct gpu_vgpu *v = &c->vgpus[i];
		const struct gpu_type *t = v->type_id ? types_by_id(&c->types, v->type_id) : NULL;

		if (v->profile[0])
			continue;
		if (t)
			TEXT_COPY(v->profile, t->name);
		else /* counted as occupied all the same */
			snprintf(v->profile, sizeof(v->profile), "type %u", v->type_id);
	}
}

static void judge_functions(const struct collect *c, struct gpu *gpu)
{
	if (c->missing_n == 0)
		return;
	gpu->health = GPU_HEALTH_DEGRADED;
	snprintf(gpu->health_reason, sizeof(gpu->health_reason),
		 "%zu of its functions, %s first, are not served by the vGPU driver: write each to "
		 "/sys/bus/pci/drivers_probe after clearing its driver_override, or run "
		 "/usr/lib/nvidia/sriov-manage -d and -e when the GPU is idle",
		 c->missing_n, c->missing);
}

int collect_into(struct collect *c, int root, struct gpu *gpu, struct error *err)
{
	enum gpu_mode mode = GPU_MODE_EQUAL;
	int r;

	r = complete_types(c, root, gpu, err);
	if (r < 0)
		return r;
	name_vgpus(c);
	judge_functions(c, gpu);
	mode_read(root, gpu->address, &mode);
	gpu->mode = mode;
	free(gpu->types);
	free(gpu->vgpus);
	gpu->types = take(c->types.rows);
	gpu->types_n = c->types.n;
	gpu->vgpus = take(c->vgpus);
	gpu->vgpus_n = c->vgpus_n;
	*c = (struct collect){ 0 };
	return 0;
}

#define MODE_FILE "facetsim/heterogeneous"

bool mode_read(int root, const char *pf, enum gpu_mode *ret)
{
	cleanup(cleanup_close) int dir = -1;
	uint64_t on;

	if (device_open(root, pf, &dir, NULL) < 0 || sysfs_read_u64(dir, MODE_FILE, &on, NULL) < 0)
		return false;
	*ret = on ? GPU_MODE_MIXED : GPU_MODE_EQUAL;
	return true;
}

/* NVIDIA's driver has no file for it, only a call of its library; the lab's driver has. */
int mode_set(int root, const char *pf, enum gpu_mode mode, enum result *result, struct error *err)
{
	const char *wanted = mode == GPU_MODE_MIXED ? "1" : "0";
	cleanup(cleanup_close) int dir = -1;
	enum gpu_mode now;
	int e, r;

	r = device_open(root, pf, &dir, err);
	if (r < 0)
		return r;
	if (mode != GPU_MODE_MIXED && mode != GPU_MODE_EQUAL)
		return error_set(err, ERR_INVALID, "%s can be equal-size or mixed-size", pf);
	if (!mode_read(root, pf, &now))
		return error_set(err, ERR_NO_METHOD,
				 "the driver of %s has no file for its mode: with no vGPU on it "
				 "run nvidia-smi vgpu -i %s -shm %s",
				 pf, pf, wanted);
	if (now == mode) {
		*result = RESULT_UNCHANGED;
		return 0;
	}
	r = sysfs_write(dir, MODE_FILE, wanted, &e, err);
	if (r < 0 && e == EBUSY)
		return error_set(err, ERR_BUSY,
				 "the mode of %s can be changed only while no vGPU exists on it",
				 pf);
	if (r < 0)
		return error_context(r, err, "set the mode of %s", pf);
	if (!mode_read(root, pf, &now) || now != mode)
		return error_set(err, ERR_IO, "the mode of %s was written and did not change", pf);
	*result = RESULT_CHANGED;
	return 0;
}
