/* SPDX-License-Identifier: Apache-2.0 */
/* nouns.h - what Facet speaks of: plain data, no I/O, each with its table of fields.
 *
 * Sizes are in MiB where a name says _mib, times in milliseconds since 1970 where it says _ms;
 * 0 means "not yet" or "not known".  NOUN_fields (model/fields.h) reads, writes, copies and frees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "model/fields.h"
#include "model/sharing.h"
#include "model/sizes.h"
#include "model/words.h"

/* A vGPU type that a GPU offers, as its driver says. */
struct gpu_type {
	char name[PROFILE_SIZE];
	uint32_t type_id; /* numeric id of this driver: resolved at run time, never a key */
	uint32_t fb_mib, max;
	bool creatable;   /* the driver would make one now */
};

/* A vGPU that exists on a GPU, whoever made it. */
struct gpu_vgpu {
	char address[PCI_SIZE];         /* VF, or the PF that an mdev hangs on */
	char mdev_uuid[UUID_TEXT_SIZE]; /* "" where the framework has none */
	char profile[PROFILE_SIZE];
	uint32_t type_id;
	uint32_t placement;             /* PLACEMENT_NONE when the driver tells none */
	int owner;                      /* enum vgpu_owner, filled by the controller */
	char lease[LEASE_ID_SIZE];
	char vm[NAME_SIZE];             /* domain that has it in its XML, where known */
	uint32_t holder_pid;            /* process that holds it open, 0 for none */
};

struct gpu {
	char id[GPU_ID_SIZE];
	char host[NAME_SIZE];
	char address[PCI_SIZE];
	char uuid[48];       /* NVML's "GPU-..." where known */
	char board[NAME_SIZE];
	char pci_device[5], pci_subsystem[5]; /* four hex digits, lower case */
	char driver[32];     /* driver bound to the PF, "" for none */
	int framework;       /* enum framework */
	int mode;            /* enum gpu_mode */
	int health;          /* enum gpu_health */
	char health_reason[256];
	uint32_t fb_mib;
	int64_t numa;        /* node of the GPU, -1 where the kernel tells none */
	uint32_t iommu_group; /* UINT32_MAX for none */
	uint32_t vf_total, vf_enabled;
	char **functions;    /* addresses of the enabled VFs, in order */
	size_t functions_n;
	bool poolable;       /* something can be leased from it */
	char not_poolable[256]; /* why not, with the remedy */
	struct gpu_type *types;
	size_t types_n;
	struct gpu_vgpu *vgpus;
	size_t vgpus_n;
};

/* One precondition of a host, as `facet doctor` shows it. */
struct check {
	char name[NAME_SIZE];
	bool ok, skipped;
	char found[256], remedy[256];
};

struct host {
	char name[NAME_SIZE];
	int state;          /* enum host_state */
	char state_reason[256];
	char boot_id[UUID_TEXT_SIZE];
	char agent_version[32], driver_version[32], kernel[NAME_SIZE];
	char libvirt_version[32], qemu_version[32];
	uint32_t cpus, numa_nodes;
	uint64_t ram_mib;
	bool simulated;
	int64_t last_report_ms;
	struct check *checks;
	size_t checks_n;
};

/* A resource group: which GPUs, and how they are shared. */
struct group {
	char name[NAME_SIZE];
	char *description;
	char *filter;       /* over device facts, see model/filter.h; "" matches every GPU */
	int mode;           /* enum gpu_mode its GPUs are to be cut in */
	int policy;         /* enum policy */
	char **profiles;    /* allowed profile names with * as wildcard; none given: all */
	size_t profiles_n;
	uint32_t hold_s;    /* how long a lease outlives the run of its VM */
	uint32_t overtake_s; /* how long the first in the queue may be overtaken; 0: the default */
	uint32_t preempt_grace_s; /* for a guest to shut down before it is forced; 0: the default */
};

/* What a VM asks for. */
struct vm_device {
	char name[NAME_SIZE];     /* "gpu0"; unique in the VM */
	char group[NAME_SIZE];
	char profile[PROFILE_SIZE]; /* vGPU type name, or a workload class such as "compute" */
	uint32_t count;           /* 1 to 16 */
	bool optional;            /* the VM starts without it when nothing fits */
	char params[256];         /* vGPU parameters: "frame_rate_limiter=0,disable_vnc=1" */
};

struct vm {
	char name[NAME_SIZE];
	char uuid[UUID_TEXT_SIZE];
	char host[NAME_SIZE];
	char tenant[NAME_SIZE];
	uint32_t priority;        /* counts where there is no class */
	char priority_class[NAME_SIZE];
	bool preemptible;         /* may be stopped to make room */
	uint64_t place;           /* in the queue, of the newest start that was asked for */
	int wanted;               /* enum vm_wanted */
	int stop_how;             /* enum stop_how, while wanted is stopped */
	bool start_after_boot;    /* run again when its host comes back from a reboot */
	uint32_t run;             /* counts the starts; a report about an older run is stale */
	int state;                /* enum vm_state, as last reported */
	char state_reason[256];
	char boot_id[UUID_TEXT_SIZE]; /* boot of the host during which it was last seen running */
	bool adopted;             /* defined by someone else, taken over on request */
	struct vm_device *devices;
	size_t devices_n;
};

/* The ledger entry: this slice belongs to that device of that VM. */
struct lease {
	char id[LEASE_ID_SIZE];
	char vm[NAME_SIZE], vm_uuid[UUID_TEXT_SIZE];
	char device[NAME_SIZE];
	uint32_t index;           /* 0 .. count-1 within the device */
	char group[NAME_SIZE];
	char host[NAME_SIZE], gpu[GPU_ID_SIZE], address[PCI_SIZE]; /* address of the PF */
	int framework;            /* enum framework */
	char profile[PROFILE_SIZE];
	uint32_t fb_mib;
	uint32_t placement;       /* PLACEMENT_NONE: not in a placement mode */
	char vf[PCI_SIZE];        /* the function that carries it; "" on a PF */
	char mdev_uuid[UUID_TEXT_SIZE]; /* chosen when reserved: a retry names the same one */
	char params[256];
	uint32_t generation;      /* grows by one with every owner of the same slice */
	int state;                /* enum lease_state */
	char reason[256];
	bool adopted;             /* taken over as it was: not made by Facet */
	int64_t created_ms, changed_ms;
	int64_t expires_ms;       /* when reserved or held: taken back then; 0 never */
};

struct step {
	char name[NAME_SIZE];
	int state;                /* enum step_state */
	char text[256];
	int64_t started_ms, ended_ms;
};

/* Why one GPU was not taken. */
struct refusal {
	char gpu[GPU_ID_SIZE];
	char code[32];            /* "wrong-size-class": stable, for programs */
	char text[256];           /* a sentence with numbers */
};

struct operation {
	char id[UUID_TEXT_SIZE];
	int kind;                 /* enum operation_kind */
	int state;                /* enum operation_state */
	char vm[NAME_SIZE], host[NAME_SIZE];
	char by[NAME_SIZE];
	uint32_t run;             /* of the VM, when it belongs to one start or stop */
	bool cancel;              /* asked for; honoured at the next step */
	char error_kind[24];
	char error[ERROR_TEXT_MAX];
	int64_t created_ms, ended_ms, deadline_ms;
	struct step *steps;
	size_t steps_n;
	struct refusal *refusals;
	size_t refusals_n;
	char **victims;           /* VMs that are stopped to make room for it */
	size_t victims_n;
};

struct event {
	uint64_t number;
	int64_t time_ms;
	char kind[NAME_SIZE];     /* "lease.attached" */
	char object[GPU_ID_SIZE]; /* id or name of what it is about */
	char host[NAME_SIZE], vm[NAME_SIZE];
	char by[NAME_SIZE];
	char text[256];
};

extern const struct fields gpu_type_fields, gpu_vgpu_fields, gpu_fields, check_fields, host_fields,
	group_fields, vm_device_fields,
	vm_fields, lease_fields, step_fields, refusal_fields,
	operation_fields, event_fields;

/* A profile of the catalogue is described in model/catalogue.h, the wire messages in wire/. */

/* "HOST@ADDRESS"; the address is everything after the last '@'. */
void gpu_id_make(const char *host, const char *address, char id[GPU_ID_SIZE]);

/* A full PCI address "DDDD:BB:DD.F", domain of four to eight hex digits, made lower case.
 *   INVALID  with the form that is wanted */
int pci_check_address(const char *text, char ret[PCI_SIZE], struct error *err);
