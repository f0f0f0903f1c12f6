// SPDX-License-Identifier: GPL-2.0
/* bus.c - PCI root buses whose config space is memory.
 *
 * Each bus gets a window of unused physical addresses for its BARs.  Nothing answers there: the
 * registers that a guest sees are served by vgpu.c through VFIO reads and writes.
 */
#include <linux/ioport.h>
#include <linux/slab.h>

#include "facetsim.h"

#define WINDOW_PER_GPU (1ULL << 30)
#define WINDOW_FLOOR 0x4000000000ULL /* above any RAM that the lab's machines have */

#define CAP_PM 0x60
#define CAP_EXP 0x78
#define CAP_SRIOV 0x100
/* NVIDIA GPUs enable their audio function by this bit; set, the kernel's quirk leaves us alone. */
#define HDA_QUIRK_REG 0x488
#define HDA_QUIRK_BIT BIT(25)

static LIST_HEAD(buses);

static struct sim_bus *bus_of(const struct pci_bus *bus)
{
	struct sim_bus *b;

	list_for_each_entry(b, &buses, node)
		if (bus->sysdata == &b->sysdata)
			return b;
	return NULL;
}

bool bus_is_ours(const struct pci_bus *bus)
{
	return bus_of(bus) != NULL;
}

/* ---- config space ---- */

static u32 get(const u8 *p, int size)
{
	return size == 1 ? *p : size == 2 ? get_unaligned_le16(p) : get_unaligned_le32(p);
}

static struct sim_fn *fn_at(const struct pci_bus *bus, unsigned int devfn, int where, int size)
{
	struct sim_bus *b = bus_of(bus);
	struct sim_fn *fn = b ? b->fns[devfn] : NULL;

	if (!fn || !fn->present || where < 0 || where + size > CFG_SIZE)
		return NULL;
	return fn;
}

static int cfg_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct sim_fn *fn = fn_at(bus, devfn, where, size);

	*val = fn ? get(fn->cfg + where, size) : ~0u;
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

/* VFs answer only while the PF has them enabled, as in hardware. */
static void vfs_follow_enable_bit(struct sim_bus *b, unsigned int devfn)
{
	struct sim_fn *pf = b->fns[devfn];
	bool on = pf->cfg[CAP_SRIOV + PCI_SRIOV_CTRL] & PCI_SRIOV_CTRL_VFE;
	unsigned int total = get_unaligned_le16(pf->cfg + CAP_SRIOV + PCI_SRIOV_TOTAL_VF);
	unsigned int n = get_unaligned_le16(pf->cfg + CAP_SRIOV + PCI_SRIOV_NUM_VF), i;
	struct sim_fn *vf;

	for (i = 0; i < total; i++) {
		vf = b->fns[devfn + FIRST_VF_OFFSET + i];
		if (vf)
			vf->present = on && i < n;
	}
}

static int cfg_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct sim_fn *fn = fn_at(bus, devfn, where, size);
	int i;
	u8 mask;

	if (!fn)
		return PCIBIOS_DEVICE_NOT_FOUND;
	for (i = 0; i < size; i++) {
		mask = fn->wmask[where + i];
		fn->cfg[where + i] = (fn->cfg[where + i] & ~mask) | ((val >> (8 * i)) & mask);
	}
	if (where <= CAP_SRIOV + PCI_SRIOV_CTRL && where + size > CAP_SRIOV + PCI_SRIOV_CTRL &&
	    get_unaligned_le16(fn->cfg + CAP_SRIOV) == PCI_EXT_CAP_ID_SRIOV)
		vfs_follow_enable_bit(bus_of(bus), devfn);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops cfg_ops = { .read = cfg_read, .write = cfg_write };

static void set_le16(struct sim_fn *fn, int where, u16 value, u16 writable)
{
	put_unaligned_le16(value, fn->cfg + where);
	put_unaligned_le16(writable, fn->wmask + where);
}

static void set_le32(struct sim_fn *fn, int where, u32 value, u32 writable)
{
	put_unaligned_le32(value, fn->cfg + where);
	put_unaligned_le32(writable, fn->wmask + where);
}

static void set_bar64(struct sim_fn *fn, int where, u64 size, u32 flags)
{
	u64 mask = ~(size - 1);

	set_le32(fn, where, PCI_BASE_ADDRESS_MEM_TYPE_64 | flags, (u32)mask);
	set_le32(fn, where + 4, 0, (u32)(mask >> 32));
}

/* What PF and VF have in common: PM and PCI Express with function level reset. */
static void set_common(struct sim_fn *fn)
{
	set_le16(fn, PCI_COMMAND, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
					     PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
					     PCI_COMMAND_INTX_DISABLE);
	set_le16(fn, PCI_STATUS, PCI_STATUS_CAP_LIST, 0);
	set_le32(fn, PCI_CLASS_REVISION, CLASS_3D << 8 | 0xa1, 0);
	fn->cfg[PCI_CAPABILITY_LIST] = CAP_PM;
	set_le16(fn, CAP_PM, PCI_CAP_ID_PM | CAP_EXP << 8, 0);
	set_le16(fn, CAP_PM + PCI_PM_PMC, 3, 0);
	set_le16(fn, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, 0);
	set_le16(fn, CAP_EXP, PCI_CAP_ID_EXP, 0);
	set_le16(fn, CAP_EXP + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0);
	set_le32(fn, CAP_EXP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER, 0);
	set_le16(fn, CAP_EXP + PCI_EXP_DEVCTL, 0, 0x7fff); /* the reset bit reads as 0 */
	set_le32(fn, CAP_EXP + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_16_0GB | 16 << 4, 0);
	set_le16(fn, CAP_EXP + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_16_0GB | 16 << 4, 0);
	set_le32(fn, HDA_QUIRK_REG, HDA_QUIRK_BIT, 0);
}

static void set_sriov(struct sim_fn *fn, const struct board *board)
{
	int p = CAP_SRIOV;

	set_le32(fn, p, PCI_EXT_CAP_ID_SRIOV | 1 << 16, 0);
	set_le16(fn, p + PCI_SRIOV_CTRL, 0, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	set_le16(fn, p + PCI_SRIOV_INITIAL_VF, board->vfs, 0);
	set_le16(fn, p + PCI_SRIOV_TOTAL_VF, board->vfs, 0);
	set_le16(fn, p + PCI_SRIOV_NUM_VF, 0, 0xffff);
	set_le16(fn, p + PCI_SRIOV_VF_OFFSET, FIRST_VF_OFFSET, 0);
	set_le16(fn, p + PCI_SRIOV_VF_STRIDE, 1, 0);
	set_le16(fn, p + PCI_SRIOV_VF_DID, board->device, 0);
	set_le32(fn, p + PCI_SRIOV_SUP_PGSIZE, 0x553, 0);
	set_le32(fn, p + PCI_SRIOV_SYS_PGSIZE, 1, 0xffffffff);
	set_bar64(fn, p + PCI_SRIOV_BAR, 256 << 10, 0);
	set_bar64(fn, p + PCI_SRIOV_BAR + 8, 4 << 20, PCI_BASE_ADDRESS_MEM_PREFETCH);
}

struct sim_fn *fn_new_pf(const struct board *board)
{
	struct sim_fn *fn = kzalloc(sizeof(*fn), GFP_KERNEL);

	if (!fn)
		return NULL;
	fn->present = true;
	set_common(fn);
	set_le16(fn, PCI_VENDOR_ID, NVIDIA_VENDOR, 0);
	set_le16(fn, PCI_DEVICE_ID, board->device, 0);
	set_le16(fn, PCI_SUBSYSTEM_VENDOR_ID, NVIDIA_VENDOR, 0);
	set_le16(fn, PCI_SUBSYSTEM_ID, board->subsystem, 0);
	set_bar64(fn, PCI_BASE_ADDRESS_0, 16 << 20, 0);
	set_bar64(fn, PCI_BASE_ADDRESS_2, 256 << 20, PCI_BASE_ADDRESS_MEM_PREFETCH);
	if (board->vfs > 0)
		set_sriov(fn, board);
	return fn;
}

/* A VF's own config space has no ids (the kernel takes them from the PF's capability). */
struct sim_fn *fn_new_vf(void)
{
	struct sim_fn *fn = kzalloc(sizeof(*fn), GFP_KERNEL);

	if (!fn)
		return NULL;
	set_common(fn);
	set_le32(fn, PCI_VENDOR_ID, 0xffffffff, 0);
	set_le16(fn, PCI_SUBSYSTEM_VENDOR_ID, NVIDIA_VENDOR, 0);
	return fn;
}

/* ---- buses ---- */

struct sim_bus *bus_get(unsigned int domain, unsigned int number)
{
	struct sim_bus *b;

	list_for_each_entry(b, &buses, node)
		if (b->domain == domain && b->number == number)
			return b;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return NULL;
	b->domain = domain;
	b->number = number;
	b->sysdata.domain = domain;
	b->sysdata.node = NUMA_NO_NODE;
	list_add_tail(&b->node, &buses);
	return b;
}

static int take_window(struct sim_bus *b)
{
	u64 size = WINDOW_PER_GPU * b->n_gpus;
	u64 top = (1ULL << boot_cpu_data.x86_phys_bits) - 1;

	b->window.name = "facetsim";
	b->window.flags = IORESOURCE_MEM | IORESOURCE_MEM_64;
	if (allocate_resource(&iomem_resource, &b->window, size, WINDOW_FLOOR, top,
			      WINDOW_PER_GPU, NULL, NULL) == 0)
		return 0;
	return allocate_resource(&iomem_resource, &b->window, size, 1ULL << 32, top,
				 WINDOW_PER_GPU, NULL, NULL);
}

static int bus_start(struct sim_bus *b)
{
	LIST_HEAD(resources);
	int r;

	if (pci_find_bus(b->domain, b->number)) {
		pr_err("facetsim: PCI bus %04x:%02x exists already; choose another\n", b->domain,
		       b->number);
		return -EEXIST;
	}
	r = take_window(b);
	if (r) {
		pr_err("facetsim: no free addresses for PCI bus %04x:%02x\n", b->domain, b->number);
		return r;
	}
	b->busn = (struct resource){ .name = "facetsim bus", .start = b->number,
				     .end = b->number, .flags = IORESOURCE_BUS };
	pci_add_resource(&resources, &b->window);
	pci_add_resource(&resources, &b->busn);
	pci_lock_rescan_remove();
	b->root = pci_create_root_bus(NULL, b->number, &cfg_ops, &b->sysdata, &resources);
	if (b->root) {
		pci_scan_child_bus(b->root);
		pci_assign_unassigned_bus_resources(b->root);
		pci_bus_add_devices(b->root);
	}
	pci_unlock_rescan_remove();
	if (b->root)
		return 0;
	pci_free_resource_list(&resources);
	release_resource(&b->window);
	return -ENOMEM;
}

static void bus_stop(struct sim_bus *b)
{
	if (!b->root)
		return;
	pci_lock_rescan_remove();
	pci_stop_root_bus(b->root);
	pci_remove_root_bus(b->root);
	pci_unlock_rescan_remove();
	release_resource(&b->window);
	b->root = NULL;
}

void bus_stop_all(void)
{
	struct sim_bus *b;

	list_for_each_entry(b, &buses, node)
		bus_stop(b);
}

int bus_start_all(void)
{
	struct sim_bus *b;
	int r;

	list_for_each_entry(b, &buses, node) {
		r = bus_start(b);
		if (r) {
			bus_stop_all();
			return r;
		}
	}
	return 0;
}

void bus_free_all(void)
{
	struct sim_bus *b, *next;
	unsigned int i;

	list_for_each_entry_safe(b, next, &buses, node) {
		for (i = 0; i < ARRAY_SIZE(b->fns); i++)
			kfree(b->fns[i]);
		list_del(&b->node);
		kfree(b);
	}
}
