// SPDX-License-Identifier: GPL-2.0
/* migration.c - VFIO migration (version 2, STOP_COPY) of one vGPU.
 *
 * The stream is a header, the guest-visible state and state_kib of filler whose bytes are checked
 * on arrival.  All validation happens in write() on the resuming side: an error there fails the
 * migration and the source resumes, while an error at the last step (RESUMING to STOP) is reported
 * by QEMU to nobody and the guest would run on with a device that lost its state.
 *
 * A stream keeps its own copy of everything, since its file may outlive the vGPU.
 */
#include <linux/anon_inodes.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "facetsim.h"

#define STREAM_MAGIC 0x474d5346 /* "FSMG" */
#define STREAM_VERSION 1

struct stream_header {
	__le32 magic, version, type_id, driver_major;
	__le16 device, reserved;
	__le32 command;
	__le64 filler_bytes;
};

struct stream_state {
	struct stream_header header;
	u8 bar[BAR_SIZE];
};

struct mig_file {
	struct file *file;
	struct mutex lock;
	bool is_ended, is_delayed;
	size_t pos, total;
	u32 type_id, driver_major; /* resuming: what the header must say */
	u16 device;
	struct stream_state state;
};

static u8 filler_at(size_t pos)
{
	return pos * 31 + (pos >> 8);
}

static u32 driver_major(void)
{
	unsigned int major = 0;

	return sscanf(knob_driver_version, "%u", &major) == 1 ? major : 0;
}

/* ---- the two kinds of file ---- */

static u8 byte_of(const struct mig_file *m, size_t pos)
{
	return pos < sizeof(m->state) ? ((const u8 *)&m->state)[pos] : filler_at(pos);
}

static ssize_t copy_out(struct mig_file *m, char __user *to, size_t n)
{
	u8 chunk[256];
	size_t done = 0, part, i;

	n = min(n, m->total - m->pos);
	while (done < n) {
		part = min(n - done, sizeof(chunk));
		for (i = 0; i < part; i++)
			chunk[i] = byte_of(m, m->pos + i);
		if (copy_to_user(to + done, chunk, part))
			return -EFAULT;
		m->pos += part;
		done += part;
	}
	return done;
}

static ssize_t save_read(struct file *file, char __user *to, size_t n, loff_t *unused)
{
	struct mig_file *m = file->private_data;
	ssize_t r;

	mutex_lock(&m->lock);
	if (!m->is_delayed) {
		m->is_delayed = true;
		msleep(knob_copy_delay_ms);
	}
	if (m->is_ended)
		r = -ENODEV;
	else if (knob_fail_step == FAIL_SAVE)
		r = -EIO;
	else
		r = copy_out(m, to, n);
	mutex_unlock(&m->lock);
	return r;
}

/* Once the header is whole: does this stream belong to a vGPU like ours? */
static int check_header(struct mig_file *m)
{
	const struct stream_header *h = &m->state.header;

	if (le32_to_cpu(h->magic) != STREAM_MAGIC || le32_to_cpu(h->version) != STREAM_VERSION) {
		pr_err("facetsim: migration stream is not one of ours\n");
		return -EINVAL;
	}
	if (le32_to_cpu(h->type_id) != m->type_id || le16_to_cpu(h->device) != m->device) {
		pr_err("facetsim: migration of vGPU type %u (board %04x) into %u (board %04x)\n",
		       le32_to_cpu(h->type_id), le16_to_cpu(h->device), m->type_id, m->device);
		return -EINVAL;
	}
	if (le32_to_cpu(h->driver_major) != m->driver_major) {
		pr_err("facetsim: migration from driver branch %u into branch %u\n",
		       le32_to_cpu(h->driver_major), m->driver_major);
		return -EINVAL;
	}
	m->total = sizeof(m->state) + le64_to_cpu(h->filler_bytes);
	return 0;
}

static int take_byte(struct mig_file *m, u8 byte)
{
	if (m->pos >= m->total)
		return -EINVAL;
	if (m->pos < sizeof(m->state))
		((u8 *)&m->state)[m->pos] = byte;
	else if (byte != filler_at(m->pos))
		return -EINVAL;
	m->pos++;
	return m->pos == sizeof(struct stream_header) ? check_header(m) : 0;
}

static ssize_t copy_in(struct mig_file *m, const char __user *from, size_t n)
{
	u8 chunk[256];
	size_t done = 0, part, i;
	int r = 0;

	while (done < n && r == 0) {
		part = min(n - done, sizeof(chunk));
		if (copy_from_user(chunk, from + done, part))
			return -EFAULT;
		for (i = 0; i < part && r == 0; i++)
			r = take_byte(m, chunk[i]);
		done += part;
	}
	return r ? r : done;
}

static ssize_t resume_write(struct file *file, const char __user *from, size_t n, loff_t *unused)
{
	struct mig_file *m = file->private_data;
	ssize_t r;

	mutex_lock(&m->lock);
	if (m->is_ended)
		r = -ENODEV;
	else if (knob_fail_step == FAIL_WRITE)
		r = -EINVAL;
	else
		r = copy_in(m, from, n);
	mutex_unlock(&m->lock);
	return r;
}

static int stream_release(struct inode *inode, struct file *file)
{
	struct mig_file *m = file->private_data;

	mutex_destroy(&m->lock);
	kvfree(m);
	return 0;
}

static const struct file_operations save_fops = {
	.owner = THIS_MODULE, .read = save_read, .release = stream_release,
};

static const struct file_operations resume_fops = {
	.owner = THIS_MODULE, .write = resume_write, .release = stream_release,
};

static struct mig_file *stream_new(const struct file_operations *fops, int flags)
{
	struct mig_file *m = kvzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->file = anon_inode_getfile("facetsim-migration", fops, m, flags);
	if (IS_ERR(m->file)) {
		struct file *failed = m->file;

		kvfree(m);
		return ERR_CAST(failed);
	}
	mutex_init(&m->lock);
	stream_open(m->file->f_inode, m->file);
	get_file(m->file); /* one for us, one for the VMM */
	return m;
}

static void stream_end(struct mig_file **mp)
{
	struct mig_file *m = *mp;

	if (!m)
		return;
	*mp = NULL;
	mutex_lock(&m->lock);
	m->is_ended = true;
	mutex_unlock(&m->lock);
	fput(m->file);
}

void migration_end(struct vgpu *v)
{
	stream_end(&v->mig_in);
	stream_end(&v->mig_out);
}

/* ---- the state machine; under v->lock ---- */

static struct file *save_begin(struct vgpu *v)
{
	struct mig_file *m = stream_new(&save_fops, O_RDONLY);
	struct stream_header *h;

	if (IS_ERR(m))
		return ERR_CAST(m);
	h = &m->state.header;
	h->magic = cpu_to_le32(STREAM_MAGIC);
	h->version = cpu_to_le32(STREAM_VERSION);
	h->type_id = cpu_to_le32(vgpu_type(v)->id);
	h->driver_major = cpu_to_le32(driver_major());
	h->device = cpu_to_le16(v->gpu->board->device);
	h->command = cpu_to_le32(get_unaligned_le16(v->cfg + PCI_COMMAND));
	h->filler_bytes = cpu_to_le64((u64)knob_state_kib << 10);
	memcpy(m->state.bar, v->bar, BAR_SIZE);
	m->total = sizeof(m->state) + ((size_t)knob_state_kib << 10);
	v->mig_out = m;
	return m->file;
}

static struct file *resume_begin(struct vgpu *v)
{
	struct mig_file *m = stream_new(&resume_fops, O_WRONLY);

	if (IS_ERR(m))
		return ERR_CAST(m);
	m->type_id = vgpu_type(v)->id;
	m->device = v->gpu->board->device;
	m->driver_major = driver_major();
	m->total = sizeof(m->state); /* until the header says more */
	v->mig_in = m;
	return m->file;
}

/* What identifies this vGPU stays; what the guest made of it comes from the stream. */
static int resume_finish(struct vgpu *v)
{
	struct mig_file *m = v->mig_in;
	const u8 *bar = m->state.bar;

	if (knob_fail_step == FAIL_FINAL)
		return -EIO;
	if (m->pos != m->total || m->pos < sizeof(m->state))
		return -EINVAL;
	memcpy(v->bar + REG_COUNTER, bar + REG_COUNTER, 4);
	memcpy(v->bar + REG_SCRATCH, bar + REG_SCRATCH, 4);
	memcpy(v->bar + REG_MEMORY, bar + REG_MEMORY, BAR_SIZE - REG_MEMORY);
	put_unaligned_le32(get_unaligned_le32(bar + REG_MIGRATIONS) + 1, v->bar + REG_MIGRATIONS);
	put_unaligned_le16(le32_to_cpu(m->state.header.command), v->cfg + PCI_COMMAND);
	stream_end(&v->mig_in);
	return 0;
}

static struct file *step(struct vgpu *v, enum vfio_device_mig_state to)
{
	enum vfio_device_mig_state from = v->mig_state;

	if (from == VFIO_DEVICE_STATE_STOP && to == VFIO_DEVICE_STATE_STOP_COPY)
		return save_begin(v);
	if (from == VFIO_DEVICE_STATE_STOP_COPY && to == VFIO_DEVICE_STATE_STOP) {
		stream_end(&v->mig_out);
		return NULL;
	}
	if (from == VFIO_DEVICE_STATE_STOP && to == VFIO_DEVICE_STATE_RESUMING)
		return resume_begin(v);
	if (from == VFIO_DEVICE_STATE_RESUMING && to == VFIO_DEVICE_STATE_STOP)
		return ERR_PTR(resume_finish(v));
	if ((from == VFIO_DEVICE_STATE_RUNNING && to == VFIO_DEVICE_STATE_STOP) ||
	    (from == VFIO_DEVICE_STATE_STOP && to == VFIO_DEVICE_STATE_RUNNING))
		return NULL;
	return ERR_PTR(-EINVAL);
}

static struct file *set_state(struct vfio_device *vdev, enum vfio_device_mig_state to)
{
	struct vgpu *v = container_of(vdev, struct vgpu, vdev);
	enum vfio_device_mig_state next;
	struct file *file = NULL;
	int r;

	mutex_lock(&v->lock);
	while (v->mig_state != to) {
		r = vfio_mig_get_next_state(vdev, v->mig_state, to, &next);
		file = r ? ERR_PTR(r) : step(v, next);
		if (IS_ERR(file))
			break;
		v->mig_state = next;
		if (file && v->mig_state != to) {
			/* Arcs with a file are last in every path. */
			WARN_ON(1);
			fput(file);
			file = ERR_PTR(-EINVAL);
			break;
		}
	}
	mutex_unlock(&v->lock);
	return file;
}

static int get_state(struct vfio_device *vdev, enum vfio_device_mig_state *ret)
{
	struct vgpu *v = container_of(vdev, struct vgpu, vdev);

	mutex_lock(&v->lock);
	*ret = v->mig_state;
	mutex_unlock(&v->lock);
	return 0;
}

static int __maybe_unused get_data_size(struct vfio_device *vdev, unsigned long *ret)
{
	*ret = sizeof(struct stream_state) + ((unsigned long)knob_state_kib << 10);
	return 0;
}

const struct vfio_migration_ops migration_ops = {
	.migration_set_state = set_state,
	.migration_get_state = get_state,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	.migration_get_data_size = get_data_size,
#endif
};
