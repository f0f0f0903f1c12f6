/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the simulated host share; nobody else includes it. */
#pragma once

#include "host/simulated/simulated.h"
#include "model/catalogue.h"
#include "model/creatable.h"

/* What creatable.h does not know of the vGPU in the slot with the same index. */
struct simulated_vgpu {
	char mdev_uuid[UUID_TEXT_SIZE];
	char *params;        /* heap, for most have none and hosts are many; NULL: none */
	bool ours;           /* made by a request, not by hand */
	uint32_t generation;
};

struct simulated_gpu {
	char address[PCI_SIZE];
	const struct board *board;
	enum framework framework;
	struct creatable_board rules;
	const struct catalogue_profile *types[CREATABLE_TYPES_MAX];
	struct creatable_gpu state;
	struct simulated_vgpu vgpus[CREATABLE_VGPUS_MAX];
	uint64_t wedged;     /* bit per function */
	bool gone;
	bool whole;          /* framework passthrough: handed out */
	uint32_t whole_generation;
	/* Last owner of each place that has none now: VFs, and the GPU itself last. */
	uint32_t generations[CREATABLE_VFS_MAX + 1];
};

struct simulated_host {
	char name[NAME_SIZE];
	char boot_id[UUID_TEXT_SIZE];
	uint32_t boots, cpus, numa, ram_gib, pids;
	uint64_t seed, luck;
	int64_t now_ms;
	bool functions_off;  /* not enabled by the host's own boot */
	struct simulated_faults faults;
	struct simulated_gpu *gpus;
	size_t gpus_n;
	struct simulated_domain *domains;
	size_t domains_n;
	simulated_event_fn *event;
	void *user;
};

/* host.c */
struct simulated_gpu *sim_gpu(const struct simulated_host *h, const char *pf);
struct simulated_domain *sim_domain(const struct simulated_host *h, const char *name);
void sim_say(const struct simulated_host *h, enum simulated_event event, const char *domain);
/* MS, a quarter more or less. */
uint32_t sim_latency(struct simulated_host *h, uint32_t ms);
void sim_boot(struct simulated_host *h);

/* vgpu.c */
void sim_forget_vgpus(struct simulated_gpu *g); /* what creatable.h does not know of them */
bool sim_has_functions(const struct simulated_gpu *g);
void sim_function_address(const struct simulated_gpu *g, unsigned int vf, char ret[PCI_SIZE]);
int sim_function_index(const struct simulated_gpu *g, const char *address); /* -1 for none */
/* Running domain that has the vGPU of SLOT, or the whole GPU (SLOT -1); NULL for none. */
const struct simulated_domain *sim_holder(const struct simulated_host *h,
					  const struct simulated_gpu *g, int slot);
uint32_t sim_type_id(const struct simulated_gpu *g, unsigned int type);
int sim_create(struct simulated_host *h, const struct host_vgpu *v, bool ours,
	       struct host_reply *reply);
int sim_destroy(struct simulated_host *h, const struct host_vgpu *v, struct host_reply *reply);
int sim_holders(struct simulated_host *h, const struct host_vgpu *v, struct host_reply *reply);
int sim_set_mode(struct simulated_host *h, const struct host_request *q, struct host_reply *reply);
int sim_enable(struct simulated_host *h, const char *pf, struct host_reply *reply);
/* Can a domain open this device: does it exist, is it a vGPU? */
bool sim_device_exists(const struct simulated_host *h, const struct host_device *d);
void sim_wedge(struct simulated_host *h, const struct host_device *d);

/* domain.c */
int sim_set_devices(struct simulated_host *h, const struct host_request *q,
		    struct host_reply *reply);
int sim_start(struct simulated_host *h, const struct host_request *q, struct host_reply *reply);
int sim_shutdown(struct simulated_host *h, const struct host_request *q, struct host_reply *reply);
int sim_power_off(struct simulated_host *h, const struct host_request *q,
		  struct host_reply *reply);
void sim_stop(struct simulated_host *h, struct simulated_domain *d, enum vm_state state,
	      const char *reason);
bool sim_same_device(const struct host_device *a, const struct host_device *b);
