// SPDX-License-Identifier: GPL-2.0
/* mdev.c - vGPUs as mediated devices: on the PF (boards without SR-IOV) or on each VF.
 *
 * The core makes mdev_supported_types/nvidia-N and everything in it; we say how many are available:
 * on a PF what still fits, on a VF 1 or 0, never more, as NVIDIA's driver does.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "facetsim.h"

static struct sim_mdev_type *to_type(struct mdev_type *type)
{
	return container_of(type, struct sim_mdev_type, type);
}

static unsigned int get_available(struct mdev_type *type)
{
	struct sim_mdev_type *t = to_type(type);
	struct sim_gpu *gpu = t->gpu;
	unsigned int n;

	mutex_lock(&gpu->lock);
	if (t->vf == CREATABLE_PF)
		n = creatable_remaining(&gpu->rules, &gpu->state, t->index);
	else
		n = creatable_ask(&gpu->rules, &gpu->state, t->vf, t->index) == CREATABLE_OK;
	mutex_unlock(&gpu->lock);
	return n;
}

static ssize_t show_description(struct mdev_type *type, char *buf)
{
	const struct sim_mdev_type *t = to_type(type);
	const struct board_type *b = &t->gpu->board->types[t->index];

	return sysfs_emit(buf,
			  "num_heads=%u, frl_config=%u, framebuffer=%uM, max_resolution=%s, "
			  "max_instance=%u\n",
			  b->heads, b->frame_rate, b->fb_mib, b->resolution, b->max_instances);
}

/* No room is ENOSPC to the mdev core's callers; everything else is EIO as on a VF. */
static int probe(struct mdev_device *mdev)
{
	struct sim_mdev_type *t = to_type(mdev->type);
	struct sim_vf *vf = t->vf == CREATABLE_PF ? NULL : dev_get_drvdata(mdev->dev.parent);
	struct vgpu *v = vgpu_new(t->gpu, vf, &mdev->dev);
	enum creatable_answer why = CREATABLE_OK;
	int r;

	if (IS_ERR(v))
		return PTR_ERR(v);
	r = vgpu_create(v, t->vf, t->index, &why);
	if (r) {
		vfio_put_device(&v->vdev);
		return why < CREATABLE_ANSWER_COUNT ? -ENOSPC : r;
	}
	dev_set_drvdata(&mdev->dev, v);
	r = vgpu_register(v);
	if (r) {
		vgpu_destroy(v);
		vfio_put_device(&v->vdev);
	}
	return r;
}

static void remove(struct mdev_device *mdev)
{
	struct vgpu *v = dev_get_drvdata(&mdev->dev);

	vgpu_drop(v);
}

/* ---- nvidia/ of an mdev ---- */

static struct vgpu *vgpu_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t vgpu_params_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct vgpu *v = vgpu_of(dev);
	ssize_t n;

	mutex_lock(&v->gpu->lock);
	n = sysfs_emit(buf, "%s\n", v->params);
	mutex_unlock(&v->gpu->lock);
	return n;
}

static ssize_t vgpu_params_store(struct device *dev, struct device_attribute *a, const char *buf,
				 size_t n)
{
	int r = vgpu_set_params(vgpu_of(dev), buf, n);

	return r ? r : n;
}
static DEVICE_ATTR_RW(vgpu_params);

static ssize_t vm_name_show(struct device *dev, struct device_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%s\n", vgpu_of(dev)->vm_name);
}

static ssize_t vm_name_store(struct device *dev, struct device_attribute *a, const char *buf,
			     size_t n)
{
	struct vgpu *v = vgpu_of(dev);

	mutex_lock(&v->gpu->lock);
	strscpy(v->vm_name, buf, sizeof(v->vm_name));
	strim(v->vm_name);
	mutex_unlock(&v->gpu->lock);
	return n;
}
static DEVICE_ATTR_RW(vm_name);

static ssize_t placement_id_show(struct device *dev, struct device_attribute *a, char *buf)
{
	u16 placement;
	int r = vgpu_placement(vgpu_of(dev), &placement);

	if (r)
		return r;
	if (placement == GEOMETRY_NO_PLACEMENT)
		return sysfs_emit(buf, "Not Applicable\n");
	return sysfs_emit(buf, "%u\n", placement);
}

static ssize_t placement_id_store(struct device *dev, struct device_attribute *a, const char *buf,
				  size_t n)
{
	u16 placement;
	int r = kstrtou16(buf, 0, &placement);

	if (r == 0)
		r = vgpu_set_placement(vgpu_of(dev), placement);
	return r ? r : n;
}
static DEVICE_ATTR_RW(placement_id);

static struct attribute *mdev_attrs[] = {
	&dev_attr_placement_id.attr,
	&dev_attr_vgpu_params.attr,
	&dev_attr_vm_name.attr,
	NULL,
};

static const struct attribute_group mdev_group = { .name = "nvidia", .attrs = mdev_attrs };
static const struct attribute_group *mdev_groups[] = { &mdev_group, NULL };

static struct mdev_driver mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = "nvidia-vgpu-vfio",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = mdev_groups,
	},
	.probe = probe,
	.remove = remove,
	.get_available = get_available,
	.show_description = show_description,
};

int mdev_add(struct sim_gpu *gpu, struct sim_mdev *m, struct device *parent, u16 vf)
{
	unsigned int n = gpu->board->n_types, i;
	int r = -ENOMEM;

	m->list = kcalloc(n, sizeof(*m->list), GFP_KERNEL);
	m->types = kcalloc(n, sizeof(*m->types), GFP_KERNEL);
	for (i = 0; m->list && m->types && i < n; i++) {
		struct sim_mdev_type *t = &m->types[i];

		t->gpu = gpu;
		t->vf = vf;
		t->index = i;
		snprintf(t->sysfs_name, sizeof(t->sysfs_name), "%u", gpu->board->types[i].id);
		t->type.sysfs_name = t->sysfs_name;
		t->type.pretty_name = gpu->board->types[i].name;
		m->list[i] = &t->type;
	}
	if (m->list && m->types)
		r = mdev_register_parent(&m->parent, parent, &mdev_driver, m->list, n);
	m->registered = r == 0;
	if (r)
		mdev_remove(m);
	return r;
}

void mdev_remove(struct sim_mdev *m)
{
	if (m->registered)
		mdev_unregister_parent(&m->parent);
	m->registered = false;
	kfree(m->list);
	kfree(m->types);
	m->list = NULL;
	m->types = NULL;
}

int mdev_driver_register(void)
{
	return mdev_register_driver(&mdev_driver);
}

void mdev_driver_unregister(void)
{
	mdev_unregister_driver(&mdev_driver);
}
