// SPDX-License-Identifier: GPL-2.0
/* procfs.c - /proc/driver/nvidia: the version, and per GPU its identity and the unbind lock. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "facetsim.h"

static struct proc_dir_entry *root;

static int version_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %.*s  (simulated)\n",
		   (int)strcspn(knob_driver_version, "\n"), knob_driver_version);
	return 0;
}

static int information_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;

	seq_printf(m, "Model: \t\t %s\n", gpu->board->product);
	seq_puts(m, "IRQ:   \t\t 0\n");
	seq_printf(m, "GPU UUID: \t %s\n", gpu->uuid);
	seq_puts(m, "Bus Type: \t PCIe\n");
	seq_printf(m, "Bus Location: \t %04x:%02x:%02x.%x\n", gpu->domain, gpu->bus_number,
		   PCI_SLOT(gpu->devfn), PCI_FUNC(gpu->devfn));
	seq_printf(m, "Device Minor: \t %u\n", gpu->index);
	return 0;
}

static int lock_show(struct seq_file *m, void *unused)
{
	struct sim_gpu *gpu = m->private;

	seq_printf(m, "%d\n", gpu->unbind_locked);
	return 0;
}

static int lock_open(struct inode *inode, struct file *file)
{
	return single_open(file, lock_show, pde_data(inode));
}

/* A write always succeeds; who wants to know whether the lock was got reads it back.  Without VFs
 * nothing can hold it but monitors (the knob lock_held). */
static ssize_t lock_write(struct file *file, const char __user *text, size_t n, loff_t *at)
{
	struct sim_gpu *gpu = pde_data(file_inode(file));
	bool want;
	int r = kstrtobool_from_user(text, n, &want);

	if (r)
		return r;
	mutex_lock(&gpu->lock);
	if (!want)
		gpu->unbind_locked = false;
	else if (!gpu->unbind_locked)
		gpu->unbind_locked = gpu->n_open == 0 && !knob_lock_is_held();
	mutex_unlock(&gpu->lock);
	return n;
}

static const struct proc_ops lock_ops = {
	.proc_open = lock_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = lock_write,
};

static int gpu_add(struct proc_dir_entry *parent, struct sim_gpu *gpu)
{
	struct proc_dir_entry *dir;
	char name[16];

	snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", gpu->domain & 0xffff,
		 gpu->bus_number & 0xff, PCI_SLOT(gpu->devfn), PCI_FUNC(gpu->devfn));
	dir = proc_mkdir(name, parent);
	if (!dir || !proc_create_single_data("information", 0444, dir, information_show, gpu) ||
	    !proc_create_data("unbindLock", 0644, dir, &lock_ops, gpu))
		return -ENOMEM;
	return 0;
}

int procfs_add(void)
{
	struct proc_dir_entry *dir = NULL;
	struct sim_gpu *gpu;
	int r;

	root = proc_mkdir("driver/nvidia", NULL);
	if (!root)
		return -EEXIST;
	if (proc_create_single("version", 0444, root, version_show))
		dir = proc_mkdir("gpus", root);
	r = dir ? 0 : -ENOMEM;
	list_for_each_entry(gpu, &gpus, node)
		if (r == 0)
			r = gpu_add(dir, gpu);
	if (r)
		procfs_remove();
	return r;
}

void procfs_remove(void)
{
	proc_remove(root);
	root = NULL;
}
