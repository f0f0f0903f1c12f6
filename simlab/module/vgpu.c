// SPDX-License-Identifier: GPL-2.0
/* vgpu.c - the life of one vGPU and the VFIO device that a VMM attaches.
 *
 * The guest sees a PCI function with NVIDIA's ids and a 4 KiB BAR0 whose registers tell it which
 * vGPU it got (README.md).  There are no interrupts and no DMA.  QEMU emulates BARs and most of
 * the config space itself, so ours keeps only BAR type bits and the command register.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "facetsim.h"

/* The offset of a region in the device's file, as vfio-pci lays it out. */
#define REGION_SHIFT 40
#define REGION_MASK ((1ULL << REGION_SHIFT) - 1)

/* Status words of NVIDIA's resource manager (nvstatuscodes.h), for its line in the log. */
enum { NV_INSUFFICIENT_RESOURCES = 0x1a, NV_INVALID_ARGUMENT = 0x1f, NV_INVALID_OPERATION = 0x38,
       NV_INVALID_STATE = 0x40, NV_NOT_SUPPORTED = 0x56 };

static unsigned int nv_status(enum creatable_answer why)
{
	switch (why) {
	case CREATABLE_UNKNOWN_TYPE: return NV_INVALID_ARGUMENT;
	case CREATABLE_WRONG_SIZE_CLASS: return NV_NOT_SUPPORTED;
	case CREATABLE_NO_MIXED_MODE: return NV_NOT_SUPPORTED;
	case CREATABLE_FULL: return NV_INSUFFICIENT_RESOURCES;
	case CREATABLE_NO_PLACEMENT: return NV_INVALID_STATE;
	case CREATABLE_PLACEMENT_UNKNOWN: return NV_INVALID_STATE;
	case CREATABLE_PLACEMENT_TAKEN: return NV_INVALID_STATE;
	default: return NV_INVALID_OPERATION;
	}
}

/* ---- life; all of it under gpu->lock ---- */

const struct board_type *vgpu_type(const struct vgpu *v)
{
	if (v->slot < 0)
		return NULL;
	return &v->gpu->board->types[v->gpu->state.vgpus[v->slot].type];
}

/* In use by a VMM, or by a creation or a release that is still going on. */
static bool is_held(const struct vgpu *v)
{
	return v->is_open || v->is_busy ||
	       (v->release_pending && time_before(jiffies, v->busy_until));
}

static bool is_wedged(const struct vgpu *v)
{
	return v->sim_vf && v->sim_vf->wedged;
}

/* Sleeps DELAY_MS with the lock dropped; meanwhile the vGPU counts as held. */
static void stay_busy(struct vgpu *v, unsigned int delay_ms)
{
	if (delay_ms == 0)
		return;
	v->is_busy = true;
	mutex_unlock(&v->gpu->lock);
	msleep(delay_ms);
	mutex_lock(&v->gpu->lock);
	v->is_busy = false;
}

static void forget(struct vgpu *v)
{
	if (v->slot < 0)
		return;
	creatable_give_back(&v->gpu->state, v->slot);
	v->gpu->in_slot[v->slot] = NULL;
	v->slot = -1;
	v->params[0] = '\0';
	v->vm_name[0] = '\0';
	v->warm_update = false;
}

static int create_locked(struct vgpu *v, u16 vf, u16 type, enum creatable_answer *ret_why)
{
	enum creatable_answer why = CREATABLE_VF_IN_USE;
	unsigned int slot;

	if (is_held(v))
		return -EPERM;
	if (is_wedged(v) || knob_creation_fails(v))
		why = CREATABLE_ANSWER_COUNT;
	else if (v->slot < 0)
		why = creatable_take(&v->gpu->rules, &v->gpu->state, vf, type, CREATABLE_ANY,
				     &slot);
	*ret_why = why;
	if (why != CREATABLE_OK) {
		pr_err("NVRM: Failed to add vgpu create request: 0x%x (facetsim: %s)\n",
		       nv_status(why), creatable_answer_name(why) ?:
		       is_wedged(v) ? "wedged" : "injected fault");
		return -EIO;
	}
	v->slot = slot;
	v->gpu->in_slot[slot] = v;
	stay_busy(v, knob_create_delay_ms);
	return 0;
}

int vgpu_create(struct vgpu *v, u16 vf, u16 type, enum creatable_answer *ret_why)
{
	int r;

	mutex_lock(&v->gpu->lock);
	r = create_locked(v, vf, type, ret_why);
	mutex_unlock(&v->gpu->lock);
	return r;
}

int vgpu_destroy(struct vgpu *v)
{
	int r = 0;

	mutex_lock(&v->gpu->lock);
	if (is_held(v)) {
		r = -EPERM;
	} else if (is_wedged(v)) {
		pr_err("NVRM: Failed to remove vgpu: 0x%x (facetsim: wedged)\n", NV_INVALID_STATE);
		r = -EIO;
	} else if (v->slot >= 0) {
		stay_busy(v, knob_release_delay_ms);
		forget(v);
	}
	mutex_unlock(&v->gpu->lock);
	return r;
}

static int set_placement_locked(struct vgpu *v, u16 placement)
{
	enum creatable_answer why;

	if (v->slot < 0)
		return -ENXIO;
	if (is_held(v))
		return -EPERM;
	why = creatable_move(&v->gpu->rules, &v->gpu->state, v->slot, placement);
	if (why == CREATABLE_OK)
		return 0;
	pr_err("NVRM: Failed to set vgpu placement id %u: 0x%x (facetsim: %s)\n", placement,
	       nv_status(why), creatable_answer_name(why));
	return -EIO;
}

int vgpu_set_placement(struct vgpu *v, u16 placement)
{
	int r;

	mutex_lock(&v->gpu->lock);
	r = set_placement_locked(v, placement);
	mutex_unlock(&v->gpu->lock);
	return r;
}

int vgpu_placement(struct vgpu *v, u16 *ret)
{
	int r = -ENXIO;

	mutex_lock(&v->gpu->lock);
	if (v->slot >= 0) {
		*ret = v->gpu->state.vgpus[v->slot].placement;
		r = 0;
	}
	mutex_unlock(&v->gpu->lock);
	return r;
}

/* Comma-separated NAME=VALUE.  COPY is cut up.  Writes the placement id asked for, if any. */
static int check_params(char *copy, long *ret_placement)
{
	char *pair, *value;

	while ((pair = strsep(&copy, ",")) != NULL) {
		value = strchr(pair, '=');
		if (!value || value == pair || value[1] == '\0')
			return -EINVAL;
		*value++ = '\0';
		if (strcmp(strim(pair), "vgpu-placement-id") == 0 &&
		    (kstrtol(value, 0, ret_placement) || *ret_placement < 0 ||
		     *ret_placement >= GEOMETRY_NO_PLACEMENT))
			return -EINVAL;
	}
	return 0;
}

/* A single space clears all; there is no clearing of one. */
int vgpu_set_params(struct vgpu *v, const char *text, size_t n)
{
	char *copy, *given;
	long placement = -1;
	int r = 0;

	if (n > PARAMS_MAX)
		return -EINVAL;
	copy = kstrndup(text, n, GFP_KERNEL);
	given = kstrndup(text, n, GFP_KERNEL);
	if (!copy || !given)
		r = -ENOMEM;
	if (r == 0 && *strim(given) != '\0')
		r = check_params(strim(copy), &placement);
	mutex_lock(&v->gpu->lock);
	if (r == 0 && v->slot < 0)
		r = -ENXIO;
	if (r == 0 && is_held(v))
		r = -EPERM;
	if (r == 0 && placement >= 0)
		r = set_placement_locked(v, placement);
	if (r == 0)
		strscpy(v->params, strim(given), sizeof(v->params));
	mutex_unlock(&v->gpu->lock);
	kfree(copy);
	kfree(given);
	return r;
}

struct vgpu *vgpu_new(struct sim_gpu *gpu, struct sim_vf *vf, struct device *dev)
{
	struct vgpu *v = vfio_alloc_device(vgpu, vdev, dev, &vgpu_ops);

	if (IS_ERR(v))
		return v;
	v->gpu = gpu;
	v->sim_vf = vf;
	return v;
}

int vgpu_register(struct vgpu *v)
{
	return vfio_register_emulated_iommu_dev(&v->vdev);
}

void vgpu_drop(struct vgpu *v)
{
	vfio_unregister_group_dev(&v->vdev);
	mutex_lock(&v->gpu->lock);
	forget(v);
	mutex_unlock(&v->gpu->lock);
	vfio_put_device(&v->vdev);
}

/* ---- what the guest sees; under v->lock ---- */

void vgpu_reset(struct vgpu *v)
{
	put_unaligned_le16(0, v->cfg + PCI_COMMAND);
	put_unaligned_le32(0, v->cfg + PCI_BASE_ADDRESS_0);
	memset(v->bar, 0, sizeof(v->bar));
	v->mig_state = VFIO_DEVICE_STATE_RUNNING;
	migration_end(v);
}

/* The registers that tell the guest who it is.  The type can not change while open. */
static void identify(struct vgpu *v)
{
	const struct board_type *t = vgpu_type(v);

	put_unaligned_le32(REG_MAGIC_VALUE, v->bar + REG_MAGIC);
	put_unaligned_le32(1, v->bar + REG_VERSION);
	put_unaligned_le32(t->id, v->bar + REG_TYPE);
	put_unaligned_le32(v->gpu->state.vgpus[v->slot].placement, v->bar + REG_PLACEMENT);
	put_unaligned_le32(t->fb_mib, v->bar + REG_FB_MIB);
	strscpy(v->bar + REG_NAME, t->name, REG_NAME_END - REG_NAME);

	put_unaligned_le16(NVIDIA_VENDOR, v->cfg + PCI_VENDOR_ID);
	put_unaligned_le16(v->gpu->board->device, v->cfg + PCI_DEVICE_ID);
	put_unaligned_le32(CLASS_3D << 8 | 0xa1, v->cfg + PCI_CLASS_REVISION);
	put_unaligned_le16(NVIDIA_VENDOR, v->cfg + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(t->subsystem, v->cfg + PCI_SUBSYSTEM_ID);
}

static struct vgpu *to_vgpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct vgpu, vdev);
}

static int op_init(struct vfio_device *vdev)
{
	struct vgpu *v = to_vgpu(vdev);

	mutex_init(&v->lock);
	v->slot = -1;
	v->mig_state = VFIO_DEVICE_STATE_RUNNING;
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY;
	vdev->mig_ops = &migration_ops;
	return 0;
}

static void op_release(struct vfio_device *vdev)
{
	mutex_destroy(&to_vgpu(vdev)->lock);
}

static int op_open(struct vfio_device *vdev)
{
	struct vgpu *v = to_vgpu(vdev);
	int r = 0;

	mutex_lock(&v->gpu->lock);
	if (v->slot < 0)
		r = -ENODEV;
	else if (is_wedged(v))
		r = -EIO;
	else if (is_held(v))
		r = -EBUSY;
	if (r == 0) {
		v->is_open = true;
		v->gpu->n_open++;
		mutex_lock(&v->lock);
		vgpu_reset(v);
		identify(v);
		mutex_unlock(&v->lock);
	}
	mutex_unlock(&v->gpu->lock);
	return r;
}

/* A VMM that ends in order stops the device (migration state STOP) or resets it before it closes;
 * one that is killed leaves it running with its memory or bus mastering switched on. */
static bool was_killed(const struct vgpu *v)
{
	u16 command = get_unaligned_le16(v->cfg + PCI_COMMAND);

	return v->mig_state == VFIO_DEVICE_STATE_RUNNING &&
	       (command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
}

static void op_close(struct vfio_device *vdev)
{
	struct vgpu *v = to_vgpu(vdev);

	mutex_lock(&v->gpu->lock);
	mutex_lock(&v->lock);
	if (knob_wedge_on_kill && v->sim_vf && was_killed(v)) {
		pr_err("NVRM: RmInitAdapter failed! (0x22:0x65:884) (facetsim: %s is wedged)\n",
		       pci_name(v->sim_vf->pdev));
		v->sim_vf->wedged = true;
	}
	migration_end(v);
	mutex_unlock(&v->lock);
	v->is_open = false;
	v->gpu->n_open--;
	v->busy_until = jiffies + msecs_to_jiffies(knob_release_delay_ms);
	v->release_pending = knob_release_delay_ms > 0;
	mutex_unlock(&v->gpu->lock);
}

/* ---- regions ---- */

static void cfg_write_byte(struct vgpu *v, u32 at, u8 value)
{
	static const struct { u8 at, mask; } writable[] = {
		{ PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER },
		{ PCI_COMMAND + 1, PCI_COMMAND_INTX_DISABLE >> 8 },
		{ PCI_BASE_ADDRESS_0 + 1, 0xf0 }, /* 4 KiB: the low 12 bits read as 0 */
		{ PCI_BASE_ADDRESS_0 + 2, 0xff },
		{ PCI_BASE_ADDRESS_0 + 3, 0xff },
		{ PCI_INTERRUPT_LINE, 0xff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writable); i++)
		if (writable[i].at == at)
			v->cfg[at] = (v->cfg[at] & ~writable[i].mask) | (value & writable[i].mask);
}

/* A write to the counter adds one, whatever is written, so that a guest can not set it to what a
 * test would like to see. */
static void bar_write(struct vgpu *v, u32 at, const u8 *bytes, size_t n)
{
	size_t i;

	if (at == REG_COUNTER)
		put_unaligned_le32(get_unaligned_le32(v->bar + at) + 1, v->bar + at);
	for (i = 0; i < n; i++, at++)
		if ((at >= REG_SCRATCH && at < REG_SCRATCH + 4) || at >= REG_MEMORY)
			v->bar[at] = bytes[i];
}

static u8 *region_bytes(struct vgpu *v, u64 offset, u32 *ret_size)
{
	switch (offset >> REGION_SHIFT) {
	case VFIO_PCI_CONFIG_REGION_INDEX: *ret_size = CFG_SIZE; return v->cfg;
	case VFIO_PCI_BAR0_REGION_INDEX: *ret_size = BAR_SIZE; return v->bar;
	default: return NULL;
	}
}

static ssize_t op_read(struct vfio_device *vdev, char __user *to, size_t n, loff_t *offset)
{
	struct vgpu *v = to_vgpu(vdev);
	u64 at = *offset & REGION_MASK;
	u32 size = 0;
	u8 *bytes = region_bytes(v, *offset, &size);
	ssize_t r;

	if (!bytes || at >= size)
		return -EINVAL;
	n = min_t(size_t, n, size - at);
	mutex_lock(&v->lock);
	r = copy_to_user(to, bytes + at, n) ? -EFAULT : n;
	mutex_unlock(&v->lock);
	if (r > 0)
		*offset += r;
	return r;
}

static ssize_t op_write(struct vfio_device *vdev, const char __user *from, size_t n,
			loff_t *offset)
{
	struct vgpu *v = to_vgpu(vdev);
	u64 at = *offset & REGION_MASK;
	u32 size = 0, i;
	u8 *bytes = region_bytes(v, *offset, &size), given[64];

	if (!bytes || at >= size)
		return -EINVAL;
	n = min3(n, sizeof(given), (size_t)(size - at));
	if (copy_from_user(given, from, n))
		return -EFAULT;
	mutex_lock(&v->lock);
	if (bytes == v->bar)
		bar_write(v, at, given, n);
	else
		for (i = 0; i < n; i++)
			cfg_write_byte(v, at + i, given[i]);
	mutex_unlock(&v->lock);
	*offset += n;
	return n;
}

/* ---- ioctls ---- */

static long get_info(void __user *arg)
{
	struct vfio_device_info info;
	size_t min = offsetofend(struct vfio_device_info, num_irqs);

	if (copy_from_user(&info, arg, min))
		return -EFAULT;
	if (info.argsz < min)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, min) ? -EFAULT : 0;
}

static long get_region_info(struct vgpu *v, void __user *arg)
{
	struct vfio_region_info info;
	size_t min = offsetofend(struct vfio_region_info, offset);
	u32 size = 0;

	if (copy_from_user(&info, arg, min))
		return -EFAULT;
	if (info.argsz < min || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.offset = (u64)info.index << REGION_SHIFT;
	region_bytes(v, info.offset, &size);
	info.size = size;
	info.flags = size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.cap_offset = 0;
	return copy_to_user(arg, &info, min) ? -EFAULT : 0;
}

/* No interrupts of any kind.  ERR and REQ do not even exist: that keeps QEMU from warning that it
 * can not enable error recovery. */
static long get_irq_info(void __user *arg)
{
	struct vfio_irq_info info;
	size_t min = offsetofend(struct vfio_irq_info, count);

	if (copy_from_user(&info, arg, min))
		return -EFAULT;
	if (info.argsz < min || info.index > VFIO_PCI_MSIX_IRQ_INDEX)
		return -EINVAL;
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = 0;
	return copy_to_user(arg, &info, min) ? -EFAULT : 0;
}

static long op_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vgpu *v = to_vgpu(vdev);

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO: return get_info((void __user *)arg);
	case VFIO_DEVICE_GET_REGION_INFO: return get_region_info(v, (void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO: return get_irq_info((void __user *)arg);
	case VFIO_DEVICE_SET_IRQS: return 0; /* there is nothing to switch on or off */
	case VFIO_DEVICE_RESET:
		mutex_lock(&v->lock);
		vgpu_reset(v);
		identify(v);
		mutex_unlock(&v->lock);
		return 0;
	default: return -ENOTTY;
	}
}

const struct vfio_device_ops vgpu_ops = {
	.name = "nvidia-vgpu-vfio",
	.init = op_init,
	.release = op_release,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
	.open_device = op_open,
	.close_device = op_close,
	.read = op_read,
	.write = op_write,
	.ioctl = op_ioctl,
};
