// SPDX-License-Identifier: GPL-2.0
/* vendor.c - the folder nvidia/ of a VF in the vendor-specific VFIO framework.
 *
 * Names, texts and errno values are those of NVIDIA's driver, as documented by NVIDIA and seen on
 * hosts with L40S and RTX PRO 6000 boards.
 */
#include <linux/sysfs.h>

#include "facetsim.h"

#define TYPES_HEADER "ID    : vGPU Name\n"
#define NO_GPU_INSTANCE 0xffffffffu

static struct sim_vf *vf_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}

/* Nothing but the header when the GPU is full or this VF already carries a vGPU. */
static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_vf *vf = vf_of(dev);
	struct sim_gpu *gpu = vf->gpu;
	ssize_t n = sysfs_emit(buf, TYPES_HEADER);
	unsigned int i;

	mutex_lock(&gpu->lock);
	for (i = 0; i < gpu->board->n_types; i++)
		if (creatable_ask(&gpu->rules, &gpu->state, vf->index, i) == CREATABLE_OK)
			n += sysfs_emit_at(buf, n, "%-6u: %s\n", gpu->board->types[i].id,
					   gpu->board->types[i].name);
	mutex_unlock(&gpu->lock);
	return n;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_vf *vf = vf_of(dev);
	const struct board_type *t;
	ssize_t n;

	mutex_lock(&vf->gpu->lock);
	t = vgpu_type(vf->vgpu);
	n = sysfs_emit(buf, "%u\n", t ? t->id : 0);
	mutex_unlock(&vf->gpu->lock);
	return n;
}

static u16 index_of(const struct board *board, u32 id)
{
	u16 i = 0;

	while (i < board->n_types && board->types[i].id != id)
		i++;
	return i;
}

static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *a,
				       const char *buf, size_t n)
{
	struct sim_vf *vf = vf_of(dev);
	enum creatable_answer why;
	u32 id;
	int r = kstrtou32(buf, 0, &id);

	if (r)
		return r;
	if (id == 0)
		r = vgpu_destroy(vf->vgpu);
	else
		r = vgpu_create(vf->vgpu, vf->index, index_of(vf->gpu->board, id), &why);
	return r ? r : n;
}
static DEVICE_ATTR_RW(current_vgpu_type);

static ssize_t placement_id_show(struct device *dev, struct device_attribute *a, char *buf)
{
	u16 placement;
	int r = vgpu_placement(vf_of(dev)->vgpu, &placement);

	return r ? r : sysfs_emit(buf, "%u\n", placement);
}

static ssize_t placement_id_store(struct device *dev, struct device_attribute *a, const char *buf,
				  size_t n)
{
	u16 placement;
	int r = kstrtou16(buf, 0, &placement);

	if (r == 0)
		r = vgpu_set_placement(vf_of(dev)->vgpu, placement);
	return r ? r : n;
}
static DEVICE_ATTR_RW(placement_id);

/* MIG is not simulated: the id is the one that means "none", and can not be changed. */
static ssize_t gpu_instance_id_show(struct device *dev, struct device_attribute *a, char *buf)
{
	u16 placement;
	int r = vgpu_placement(vf_of(dev)->vgpu, &placement);

	return r ? r : sysfs_emit(buf, "%u\n", NO_GPU_INSTANCE);
}

static ssize_t gpu_instance_id_store(struct device *dev, struct device_attribute *a,
				     const char *buf, size_t n)
{
	u16 placement;
	u32 id;
	int r = kstrtou32(buf, 0, &id);

	if (r == 0)
		r = vgpu_placement(vf_of(dev)->vgpu, &placement);
	if (r)
		return r;
	return id == NO_GPU_INSTANCE ? n : -EIO;
}
static DEVICE_ATTR_RW(gpu_instance_id);

static ssize_t vgpu_params_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_vf *vf = vf_of(dev);
	ssize_t n;

	mutex_lock(&vf->gpu->lock);
	n = sysfs_emit(buf, "%s\n", vf->vgpu->params);
	mutex_unlock(&vf->gpu->lock);
	return n;
}

static ssize_t vgpu_params_store(struct device *dev, struct device_attribute *a, const char *buf,
				 size_t n)
{
	int r = vgpu_set_params(vf_of(dev)->vgpu, buf, n);

	return r ? r : n;
}
static DEVICE_ATTR_RW(vgpu_params);

static ssize_t warm_update_show(struct device *dev, struct device_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", vf_of(dev)->vgpu->warm_update);
}

static ssize_t warm_update_store(struct device *dev, struct device_attribute *a, const char *buf,
				 size_t n)
{
	int r = kstrtobool(buf, &vf_of(dev)->vgpu->warm_update);

	return r ? r : n;
}
static DEVICE_ATTR_RW(warm_update);

static struct attribute *vendor_attrs[] = {
	&dev_attr_creatable_vgpu_types.attr,
	&dev_attr_current_vgpu_type.attr,
	&dev_attr_gpu_instance_id.attr,
	&dev_attr_placement_id.attr,
	&dev_attr_vgpu_params.attr,
	&dev_attr_warm_update.attr,
	NULL,
};

static const struct attribute_group vendor_group = { .name = "nvidia", .attrs = vendor_attrs };

int vendor_add(struct sim_vf *vf)
{
	int r;

	vf->vgpu = vgpu_new(vf->gpu, vf, &vf->pdev->dev);
	if (IS_ERR(vf->vgpu))
		return PTR_ERR(vf->vgpu);
	r = vgpu_register(vf->vgpu);
	if (r) {
		vfio_put_device(&vf->vgpu->vdev);
		return r;
	}
	r = device_add_group(&vf->pdev->dev, &vendor_group);
	if (r)
		vgpu_drop(vf->vgpu);
	return r;
}

void vendor_remove(struct sim_vf *vf)
{
	/* The files first: they use the vGPU, and sysfs waits for whoever is inside one. */
	device_remove_group(&vf->pdev->dev, &vendor_group);
	vgpu_drop(vf->vgpu);
}
