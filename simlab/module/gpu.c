// SPDX-License-Identifier: GPL-2.0
/* gpu.c - the boards asked for at load time, and the PCI driver "nvidia" that binds to them.
 *
 * One driver serves PFs and VFs, as NVIDIA's does.  Only functions on our own buses are taken, so
 * the module may be loaded where a real NVIDIA board exists.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "facetsim.h"

LIST_HEAD(gpus);

static const char *const framework_names[] = {
	[FRAMEWORK_VENDOR] = "vendor-vfio",
	[FRAMEWORK_MDEV_VF] = "mdev-vf",
	[FRAMEWORK_MDEV_PF] = "mdev",
};

/* ---- the parameter "gpus" ---- */

static const struct board *board_find(const char *key)
{
	unsigned int i;

	for (i = 0; i < n_boards; i++)
		if (strcmp(boards[i].key, key) == 0)
			return &boards[i];
	return NULL;
}

/* The rules want sizes and maxima only. */
static void rules_from_board(struct creatable_board *rules, const struct board *board)
{
	const struct board_type *t;
	unsigned int i;

	rules->rule = board->rule;
	rules->total_vfs = board->vfs;
	rules->n_types = board->n_types;
	rules->region_gib = geometry_size_gib(0, board->fb_mib);
	for (i = 0; i < board->n_types; i++) {
		t = &board->types[i];
		rules->types[i].fb_mib = t->fb_mib;
		rules->types[i].size_gib = geometry_size_gib(rules->region_gib, t->fb_mib);
		rules->types[i].max_instances = t->max_instances;
	}
}

/* Claims the functions of GPU on its bus. */
static int gpu_place(struct sim_gpu *gpu)
{
	unsigned int last = gpu->devfn + (gpu->board->vfs ? FIRST_VF_OFFSET : 0) + gpu->board->vfs;
	unsigned int i, devfn;

	gpu->bus = bus_get(gpu->domain, gpu->bus_number);
	if (!gpu->bus)
		return -ENOMEM;
	gpu->bus->n_gpus++;
	if (last > ARRAY_SIZE(gpu->bus->fns))
		return -EINVAL;
	for (i = gpu->devfn; i < last; i++)
		if (gpu->bus->fns[i])
			return -EBUSY;
	gpu->bus->fns[gpu->devfn] = fn_new_pf(gpu->board);
	if (!gpu->bus->fns[gpu->devfn])
		return -ENOMEM;
	for (i = 0; i < gpu->board->vfs; i++) {
		devfn = gpu->devfn + FIRST_VF_OFFSET + i;
		gpu->bus->fns[devfn] = fn_new_vf();
		if (!gpu->bus->fns[devfn])
			return -ENOMEM;
	}
	return 0;
}

static int gpu_new(const struct board *board, enum framework framework, const unsigned int at[4])
{
	struct sim_gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return -ENOMEM;
	gpu->board = board;
	gpu->framework = framework;
	gpu->domain = at[0];
	gpu->bus_number = at[1];
	gpu->devfn = PCI_DEVFN(at[2], at[3]);
	if (!list_empty(&gpus))
		gpu->index = list_last_entry(&gpus, struct sim_gpu, node)->index + 1;
	/* Made from the address, so that a reload finds the same GPU again. */
	snprintf(gpu->uuid, sizeof(gpu->uuid), "GPU-facef00d-%04x-%04x-%04x-%012x", gpu->domain,
		 gpu->bus_number, gpu->devfn, board->device);
	mutex_init(&gpu->lock);
	rules_from_board(&gpu->rules, board);
	creatable_init(&gpu->state);
	list_add_tail(&gpu->node, &gpus);
	return gpu_place(gpu);
}

/* BOARD@DDDD:BB:SS.F/FRAMEWORK; TEXT is cut in place. */
static int gpu_parse(char *text)
{
	char *where = strchr(text, '@'), *how = strchr(text, '/');
	const struct board *board;
	unsigned int at[4];
	int framework;

	if (!where || !how || how < where)
		return -EINVAL;
	*where++ = '\0';
	*how++ = '\0';
	board = board_find(text);
	framework = match_string(framework_names, ARRAY_SIZE(framework_names), how);
	if (!board || framework < 0)
		return -EINVAL;
	if (sscanf(where, "%x:%x:%x.%x", &at[0], &at[1], &at[2], &at[3]) != 4 ||
	    at[0] > 0xffff || at[1] > 0xff || at[2] > 0x1f || at[3] > 7)
		return -EINVAL;
	/* Boards without SR-IOV know mdev on the PF and nothing else, and the others never that. */
	if ((framework == FRAMEWORK_MDEV_PF) != (board->vfs == 0))
		return -EINVAL;
	return gpu_new(board, framework, at);
}

int gpus_parse(const char *text)
{
	char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (word = strsep(&rest, ",")) != NULL) {
		char shown[64];

		word = strim(word);
		if (*word == '\0')
			continue;
		strscpy(shown, word, sizeof(shown));
		r = gpu_parse(word);
		if (r)
			pr_err("facetsim: gpus: '%s' can not be made (%d); wanted is "
			       "BOARD@DDDD:BB:SS.F/FRAMEWORK with a known board, vendor-vfio or "
			       "mdev-vf (SR-IOV boards) or mdev (others), and free addresses\n",
			       shown, r);
	}
	kfree(copy);
	return r;
}

void gpus_free(void)
{
	struct sim_gpu *gpu, *next;

	list_for_each_entry_safe(gpu, next, &gpus, node) {
		list_del(&gpu->node);
		kfree(gpu);
	}
}

struct sim_gpu *gpu_find(const char *bdf)
{
	unsigned int domain, bus, slot, fn;
	struct sim_gpu *gpu;

	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return NULL;
	list_for_each_entry(gpu, &gpus, node)
		if (gpu->domain == domain && gpu->bus_number == bus &&
		    gpu->devfn == PCI_DEVFN(slot, fn))
			return gpu;
	return NULL;
}

/* ---- SR-IOV ---- */

static int rules_set_vfs(struct sim_gpu *gpu, int n)
{
	enum creatable_answer a;

	mutex_lock(&gpu->lock);
	a = creatable_set_vfs(&gpu->rules, &gpu->state, n);
	mutex_unlock(&gpu->lock);
	return a == CREATABLE_OK ? 0 : -EINVAL;
}

static int vfs_change(struct sim_gpu *gpu, int n)
{
	int r;

	mutex_lock(&gpu->lock);
	r = gpu->n_open ? -EBUSY : 0;
	mutex_unlock(&gpu->lock);
	if (r)
		return r;
	if (n == 0) {
		/* Removes the VFs and with them their vGPUs. */
		pci_disable_sriov(gpu->pdev);
		return rules_set_vfs(gpu, 0);
	}
	/* The rules first: a VF may be used as soon as it is there. */
	r = rules_set_vfs(gpu, n);
	if (r == 0)
		r = pci_enable_sriov(gpu->pdev, n);
	if (r)
		rules_set_vfs(gpu, 0);
	return r ? r : n;
}

/* NVIDIA's driver lets only sriov-manage change this, which takes the unbind lock first. */
static int driver_sriov_configure(struct pci_dev *pdev, int n)
{
	struct sim_gpu *gpu = pci_get_drvdata(pdev);

	if (!gpu->unbind_locked) {
		pci_err(pdev, "NVRM: sriov_numvfs is changed by sriov-manage only "
			      "(the unbind lock is not held)\n");
		return -EPERM;
	}
	return vfs_change(gpu, n);
}

int gpu_lose_vfs(struct sim_gpu *gpu)
{
	int r;

	if (!gpu->pdev)
		return -ENODEV;
	device_lock(&gpu->pdev->dev);
	r = vfs_change(gpu, 0);
	device_unlock(&gpu->pdev->dev);
	return r;
}

/* ---- the driver ---- */

static int pf_probe(struct pci_dev *pdev)
{
	struct sim_gpu *gpu = gpu_find(pci_name(pdev));
	int r;

	if (!gpu)
		return -ENODEV;
	r = pci_enable_device(pdev);
	if (r)
		return r;
	gpu->pdev = pdev;
	pci_set_drvdata(pdev, gpu);
	mutex_lock(&gpu->lock);
	creatable_init(&gpu->state);
	mutex_unlock(&gpu->lock);
	r = device_add_group(&pdev->dev, &knob_pf_group);
	if (r == 0 && gpu->framework == FRAMEWORK_MDEV_PF) {
		r = mdev_add(gpu, &gpu->mdev, &pdev->dev, CREATABLE_PF);
		if (r)
			device_remove_group(&pdev->dev, &knob_pf_group);
	}
	if (r)
		pci_disable_device(pdev);
	return r;
}

static void pf_remove(struct pci_dev *pdev)
{
	struct sim_gpu *gpu = pci_get_drvdata(pdev);

	pci_disable_sriov(pdev);
	mdev_remove(&gpu->mdev);
	device_remove_group(&pdev->dev, &knob_pf_group);
	pci_disable_device(pdev);
	gpu->pdev = NULL;
}

static int vf_probe(struct pci_dev *pdev)
{
	struct sim_gpu *gpu = pci_get_drvdata(pci_physfn(pdev));
	int index = pci_iov_vf_id(pdev), r;
	struct sim_vf *vf;

	if (!gpu || index < 0 || index >= CREATABLE_VFS_MAX)
		return -ENODEV;
	vf = kzalloc(sizeof(*vf), GFP_KERNEL);
	if (!vf)
		return -ENOMEM;
	vf->gpu = gpu;
	vf->pdev = pdev;
	vf->index = index;
	pci_set_drvdata(pdev, vf);
	r = gpu->framework == FRAMEWORK_VENDOR ? vendor_add(vf)
					       : mdev_add(gpu, &vf->mdev, &pdev->dev, index);
	if (r) {
		kfree(vf);
		return r;
	}
	mutex_lock(&gpu->lock);
	gpu->vfs[index] = vf;
	mutex_unlock(&gpu->lock);
	return 0;
}

static void vf_remove(struct pci_dev *pdev)
{
	struct sim_vf *vf = pci_get_drvdata(pdev);

	if (vf->gpu->framework == FRAMEWORK_VENDOR)
		vendor_remove(vf);
	else
		mdev_remove(&vf->mdev);
	mutex_lock(&vf->gpu->lock);
	vf->gpu->vfs[vf->index] = NULL;
	mutex_unlock(&vf->gpu->lock);
	kfree(vf);
}

static int driver_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	if (!bus_is_ours(pdev->bus))
		return -ENODEV;
	return pdev->is_virtfn ? vf_probe(pdev) : pf_probe(pdev);
}

static void driver_remove(struct pci_dev *pdev)
{
	if (pdev->is_virtfn)
		vf_remove(pdev);
	else
		pf_remove(pdev);
}

static const struct pci_device_id driver_ids[] = {
	{ PCI_DEVICE(NVIDIA_VENDOR, PCI_ANY_ID) },
	{ 0 },
};

static struct pci_driver gpu_driver = {
	.name = "nvidia",
	.id_table = driver_ids,
	.probe = driver_probe,
	.remove = driver_remove,
	.sriov_configure = driver_sriov_configure,
	/* The VFs sit in no IOMMU group of their own; VFIO gets an emulated one. */
	.driver_managed_dma = true,
};

int gpu_driver_register(void)
{
	return pci_register_driver(&gpu_driver);
}

void gpu_driver_unregister(void)
{
	pci_unregister_driver(&gpu_driver);
}
