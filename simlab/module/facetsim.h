/* SPDX-License-Identifier: GPL-2.0 */
/* facetsim.h - the objects of the simulated NVIDIA vGPU host.
 *
 *   sim_bus  one PCI root bus in software          bus.c
 *    └ sim_fn  config space of one function        bus.c
 *   sim_gpu  a PF: board, framework, what exists   gpu.c (driver), procfs.c (/proc), knobs.c
 *    └ sim_vf  a VF, while enabled                 gpu.c; vendor.c or mdev.c give it its files
 *   vgpu     a VFIO device: one per VF (vendor-specific framework) or per mdev   vgpu.c
 *
 * Locks, outermost first: device lock of the PF, gpu->lock, vgpu->lock.  gpu->lock guards the
 * rules' state, slots and flags of all vGPUs of the GPU; vgpu->lock guards what the guest sees.
 */
#pragma once

#include <linux/device.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#include "model/creatable.h"

#define NVIDIA_VENDOR 0x10de
#define CLASS_3D 0x030200
#define CFG_SIZE 4096
#define FIRST_VF_OFFSET 4
#define BAR_SIZE 4096
#define PARAMS_MAX 1024 /* NVIDIA's VGPU_CONFIG_PARAMS_MAX_LENGTH */
#define GPUS_MAX 32

/* ---- boards.c (generated) ---- */

struct board_type {
	u32 id;
	const char *name;
	u32 fb_mib;
	u16 max_instances;
	u16 subsystem;
	u8 heads, frame_rate;
	const char *resolution;
};

struct board {
	const char *key, *product;
	u16 device, subsystem;
	u32 fb_mib;
	u16 vfs;
	enum geometry_rule rule;
	const struct board_type *types;
	u16 n_types;
};

extern const struct board boards[];
extern const unsigned int n_boards;

/* ---- bus.c ---- */

/* Config space of one function: bits of a write that WMASK lacks are ignored, which also makes
 * BAR sizing work, since a BAR's low address bits can not be written. */
struct sim_fn {
	u8 cfg[CFG_SIZE];
	u8 wmask[CFG_SIZE];
	bool present;
};

struct sim_bus {
	struct list_head node;
	unsigned int domain, number;
	unsigned int n_gpus; /* sizes the memory window */
	struct pci_sysdata sysdata;
	struct resource window, busn;
	struct pci_bus *root;
	struct sim_fn *fns[256]; /* by devfn */
};

/* The bus DOMAIN:NUMBER, made on first use; NULL when there is no memory. */
struct sim_bus *bus_get(unsigned int domain, unsigned int number);
void bus_free_all(void);
/* Scans the buses: functions added before appear, and the driver binds to them. */
int bus_start_all(void);
void bus_stop_all(void);

struct sim_fn *fn_new_pf(const struct board *board);
struct sim_fn *fn_new_vf(void);
bool bus_is_ours(const struct pci_bus *bus);

/* ---- gpu.c ---- */

enum framework { FRAMEWORK_VENDOR, FRAMEWORK_MDEV_VF, FRAMEWORK_MDEV_PF };

struct vgpu;

/* One mdev type of one parent; the mdev core writes into TYPE, so each parent has its own. */
struct sim_mdev_type {
	struct mdev_type type;
	struct sim_gpu *gpu;
	u16 vf, index;
	char sysfs_name[12];
};

struct sim_mdev {
	struct mdev_parent parent;
	struct mdev_type **list;
	struct sim_mdev_type *types;
	bool registered;
};

struct sim_vf {
	struct sim_gpu *gpu;
	struct pci_dev *pdev;
	u16 index;
	bool wedged; /* a killed guest left it unusable; goes only with the VF itself */
	struct vgpu *vgpu; /* vendor-specific framework: for as long as the VF is bound */
	struct sim_mdev mdev;
};

struct sim_gpu {
	struct list_head node;
	const struct board *board;
	enum framework framework;
	unsigned int domain, bus_number, devfn, index;
	struct sim_bus *bus;
	struct pci_dev *pdev;
	char uuid[48];

	struct mutex lock;
	struct creatable_board rules;
	struct creatable_gpu state;
	struct vgpu *in_slot[CREATABLE_VGPUS_MAX];
	unsigned int n_open; /* vGPUs that a VMM holds open */
	bool unbind_locked;
	struct sim_vf *vfs[CREATABLE_VFS_MAX];
	struct sim_mdev mdev; /* FRAMEWORK_MDEV_PF */
};

extern struct list_head gpus;

int gpus_parse(const char *text);
void gpus_free(void);
int gpu_driver_register(void);
void gpu_driver_unregister(void);
struct sim_gpu *gpu_find(const char *bdf);
/* Takes all VFs away, as a driver reload does.  EBUSY while a VMM holds one. */
int gpu_lose_vfs(struct sim_gpu *gpu);

/* ---- vendor.c, mdev.c, procfs.c ---- */

int vendor_add(struct sim_vf *vf);
void vendor_remove(struct sim_vf *vf);

int mdev_add(struct sim_gpu *gpu, struct sim_mdev *m, struct device *parent, u16 vf);
void mdev_remove(struct sim_mdev *m);
int mdev_driver_register(void);
void mdev_driver_unregister(void);

int procfs_add(void);
void procfs_remove(void);

/* ---- vgpu.c ---- */

struct mig_file;

struct vgpu {
	struct vfio_device vdev; /* first: vfio allocates and frees the whole */
	struct sim_gpu *gpu;
	struct sim_vf *sim_vf; /* NULL on a PF */
	int slot;              /* of gpu->state, or -1: no type */
	bool is_open, is_busy; /* busy: being made or taken away, without gpu->lock held */
	unsigned long busy_until; /* jiffies; a slow release after close */
	bool release_pending;
	char params[PARAMS_MAX + 1];
	char vm_name[64];
	bool warm_update;

	struct mutex lock;
	u8 cfg[CFG_SIZE];
	u8 bar[BAR_SIZE];
	enum vfio_device_mig_state mig_state;
	struct mig_file *mig_in, *mig_out;
};

extern const struct vfio_device_ops vgpu_ops;

/* A vGPU without a type; registers it with VFIO.  vgpu_drop() undoes it and waits for the VMM. */
struct vgpu *vgpu_new(struct sim_gpu *gpu, struct sim_vf *vf, struct device *dev);
int vgpu_register(struct vgpu *v);
void vgpu_drop(struct vgpu *v);

/* Each takes gpu->lock.  Errors are what NVIDIA's files return: EPERM while open, EIO when
 * refused (the reason is in the kernel log), ENXIO when there is no vGPU. */
int vgpu_create(struct vgpu *v, u16 vf, u16 type, enum creatable_answer *ret_why);
int vgpu_destroy(struct vgpu *v);
int vgpu_set_placement(struct vgpu *v, u16 placement);
int vgpu_set_params(struct vgpu *v, const char *text, size_t n);
int vgpu_placement(struct vgpu *v, u16 *ret);
const struct board_type *vgpu_type(const struct vgpu *v); /* NULL: none; under gpu->lock */
void vgpu_reset(struct vgpu *v);                          /* under v->lock */

/* Registers in BAR0 (README.md). */
enum {
	REG_MAGIC = 0x00, REG_VERSION = 0x04, REG_TYPE = 0x08, REG_PLACEMENT = 0x0c,
	REG_COUNTER = 0x10, REG_SCRATCH = 0x14, REG_FB_MIB = 0x18, REG_MIGRATIONS = 0x1c,
	REG_NAME = 0x20, REG_NAME_END = 0x60, REG_MEMORY = 0x800,
};
#define REG_MAGIC_VALUE 0x4d495346 /* "FSIM" */

/* ---- migration.c ---- */

extern const struct vfio_migration_ops migration_ops;
void migration_end(struct vgpu *v); /* under v->lock: ends both streams */

/* ---- knobs.c ---- */

extern unsigned int knob_release_delay_ms, knob_create_delay_ms, knob_eio_once;
extern bool knob_wedge_on_kill;
extern unsigned int knob_state_kib, knob_copy_delay_ms, knob_fail_step, knob_lock_held;
extern char knob_driver_version[]; /* may end in a newline */

enum fail_step { FAIL_NOTHING, FAIL_SAVE, FAIL_WRITE, FAIL_FINAL };

/* Must this creation fail?  Counts eio_once down. */
bool knob_creation_fails(const struct vgpu *v);
/* Is the unbind lock pretended to be held?  Counts lock_held down. */
bool knob_lock_is_held(void);

extern const struct attribute_group knob_pf_group; /* facetsim/ on every PF */
