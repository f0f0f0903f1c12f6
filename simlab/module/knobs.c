// SPDX-License-Identifier: GPL-2.0
/* knobs.c - faults on demand (/sys/module/facetsim/parameters) and the PF's folder facetsim/. */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>

#include "facetsim.h"

#define KNOB(name, kind, text) \
	module_param_named(name, knob_##name, kind, 0644);  \
	MODULE_PARM_DESC(name, text)

unsigned int knob_release_delay_ms;
KNOB(release_delay_ms, uint, "removing a vGPU, and the end of its use, take this long");
unsigned int knob_create_delay_ms;
KNOB(create_delay_ms, uint, "creating a vGPU takes this long");
unsigned int knob_eio_once;
KNOB(eio_once, uint, "the next N creations fail with EIO");
static char eio_vf[32];
module_param_string(eio_vf, eio_vf, sizeof(eio_vf), 0644);
MODULE_PARM_DESC(eio_vf, "creations on this PCI address always fail with EIO");
bool knob_wedge_on_kill;
KNOB(wedge_on_kill, bool, "a VF whose VMM dies is unusable until its VFs are made again");
unsigned int knob_state_kib = 256;
KNOB(state_kib, uint, "KiB of device state that a migration moves");
unsigned int knob_copy_delay_ms;
KNOB(copy_delay_ms, uint, "reading the device state takes this much longer");
unsigned int knob_fail_step;
KNOB(fail_step, uint, "migration fails at: 1 save, 2 load, 3 the last step (0: never)");
unsigned int knob_lock_held;
KNOB(lock_held, uint, "the next N attempts to take an unbind lock fail");
char knob_driver_version[32] = "580.105.06";
module_param_string(driver_version, knob_driver_version, sizeof(knob_driver_version), 0644);
MODULE_PARM_DESC(driver_version, "version in /proc/driver/nvidia; migration wants equal majors");

/* Guards the counting down.  The texts above are fixed arrays and read without the parameter lock:
 * creation holds gpu->lock, and lose_vfs takes that lock inside the parameter lock. */
static DEFINE_MUTEX(count_lock);

static bool count_down(unsigned int *counter)
{
	bool hit;

	mutex_lock(&count_lock);
	hit = *counter > 0;
	if (hit)
		(*counter)--;
	mutex_unlock(&count_lock);
	return hit;
}

bool knob_lock_is_held(void)
{
	return count_down(&knob_lock_held);
}

bool knob_creation_fails(const struct vgpu *v)
{
	const struct pci_dev *pdev = v->sim_vf ? v->sim_vf->pdev : v->gpu->pdev;

	return sysfs_streq(eio_vf, pci_name(pdev)) || count_down(&knob_eio_once);
}

/* ---- lose_vfs: an action rather than a setting ---- */

static int lose_vfs_set(const char *text, const struct kernel_param *param)
{
	struct sim_gpu *gpu = gpu_find(text);

	return gpu ? gpu_lose_vfs(gpu) : -ENODEV;
}

static const struct kernel_param_ops lose_vfs_ops = { .set = lose_vfs_set };
module_param_cb(lose_vfs, &lose_vfs_ops, NULL, 0200);
MODULE_PARM_DESC(lose_vfs, "write a PF's address: its VFs vanish as after a driver reload");

/* ---- facetsim/ of a PF: what NVML and nvidia-smi would do or say ---- */

static ssize_t heterogeneous_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_gpu *gpu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", gpu->state.mode == CREATABLE_MIXED);
}

static ssize_t heterogeneous_store(struct device *dev, struct device_attribute *a,
				   const char *buf, size_t n)
{
	struct sim_gpu *gpu = dev_get_drvdata(dev);
	enum creatable_answer why;
	bool mixed;
	int r = kstrtobool(buf, &mixed);

	if (r)
		return r;
	mutex_lock(&gpu->lock);
	why = creatable_set_mode(&gpu->rules, &gpu->state,
				 mixed ? CREATABLE_MIXED : CREATABLE_EQUAL);
	mutex_unlock(&gpu->lock);
	switch (why) {
	case CREATABLE_OK: return n;
	case CREATABLE_HAS_VGPUS: return -EBUSY;
	case CREATABLE_NO_SUCH_VF: return -ENODEV;
	default: return -EOPNOTSUPP;
	}
}
static DEVICE_ATTR_RW(heterogeneous);

static ssize_t uuid_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_gpu *gpu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", gpu->uuid);
}
static DEVICE_ATTR_RO(uuid);

/* One line per vGPU: where it is, its type id, its placement id, what is happening to it. */
static ssize_t vgpus_show(struct device *dev, struct device_attribute *a, char *buf)
{
	struct sim_gpu *gpu = dev_get_drvdata(dev);
	const struct vgpu *v;
	ssize_t n = 0;
	int i;

	mutex_lock(&gpu->lock);
	for (i = 0; i < CREATABLE_VGPUS_MAX; i++) {
		v = gpu->in_slot[i];
		if (!v)
			continue;
		n += sysfs_emit_at(buf, n, "%s %u %u %s\n", dev_name(v->vdev.dev),
				   vgpu_type(v)->id, gpu->state.vgpus[i].placement,
				   v->sim_vf && v->sim_vf->wedged ? "wedged" :
				   v->is_open ? "open" : v->is_busy ? "busy" : "idle");
	}
	mutex_unlock(&gpu->lock);
	return n;
}
static DEVICE_ATTR_RO(vgpus);

static struct attribute *pf_attrs[] = {
	&dev_attr_heterogeneous.attr,
	&dev_attr_uuid.attr,
	&dev_attr_vgpus.attr,
	NULL,
};

const struct attribute_group knob_pf_group = { .name = "facetsim", .attrs = pf_attrs };
