/* SPDX-License-Identifier: Apache-2.0 */
/* simulated.h - a GPU host in memory, with the driver's semantics; thousands fit into one process.
 *
 * It answers the requests of host/request.h as the privileged half of an agent would: what may be
 * created is asked of model/creatable.h, errors are NVIDIA's.  It has no threads and reads no
 * clock: a request is done at once and tells how long it would have taken, and what happens later
 * (a guest shuts down) happens in simulated_advance().  Equal specs and calls give equal hosts.
 * Belongs to one thread.
 */
#pragma once

#include "host/request.h"
#include "model/nouns.h"

struct simulated_host;

/* What goes wrong, and how long things take; written freely at any time.  The latencies get a
 * quarter more or less by the seed. */
struct simulated_faults {
	uint32_t enable_ms, create_ms, release_ms, start_ms, shutdown_ms, look_ms;
	bool eio_once;                /* the driver refuses the next vGPU */
	char eio_function[PCI_SIZE];  /* and every one on this function (or GPU) */
	bool stuck_once;              /* the next vGPU to be taken down stays */
	bool wedge_on_kill;           /* a domain that loses power leaves its functions wedged: they
	                               * refuse every vGPU until they are enabled anew */
	bool deaf_guests;             /* guests do not react to a shutdown */
	bool start_fails_once;        /* libvirt can not start the next domain */
	bool silent;                  /* every request is UNAVAILABLE: no root half */
};

/* Makes a host from a spec of KEY=VALUE, separated by ';':
 *
 *   name=l40s-01;gpus=2xL40S/vendor-vfio+1xT4;domains=vm01..vm08;seed=7;start_ms=200
 *
 *   name     of the host; the one key that must be there
 *   gpus     [COUNTx]BOARD[/FRAMEWORK], joined by '+'; the framework is vendor-vfio on
 *            boards with SR-IOV and mdev on others unless it is given
 *   domains  libvirt's domains: names and ranges, joined by ','
 *   cpus, ram_gib, numa, seed   64, 512, 2 and 0 unless given
 *   functions                   on (the default) or off: whether SR-IOV is enabled at first
 *   enable_ms create_ms release_ms start_ms shutdown_ms look_ms   latencies; 0 to 600000
 *
 *   INVALID  place is "column N" */
must_check int simulated_parse(const char *spec, struct simulated_host **ret, struct error *err);
struct simulated_host *simulated_free(struct simulated_host *h);
DEFINE_CLEANUP(struct simulated_host *, simulated_free)

const char *simulated_name(const struct simulated_host *h);
struct simulated_faults *simulated_faults(struct simulated_host *h);

/* Does Q and fills *REPLY as it would arrive *DELAY_MS later.  Returns REPLY->r. */
int simulated_execute(struct simulated_host *h, const struct host_request *q,
		      struct host_reply *reply, uint32_t *delay_ms);

/* Facts of the host and its GPUs with types, vGPUs and functions, as a host's inventory has them;
 * *FACTS must be zeroed, *GPUS is the caller's (fields_done() each, then free()).
 *   NO_MEMORY, UNAVAILABLE */
must_check int simulated_inventory(const struct simulated_host *h, struct host *facts,
				   struct gpu **gpus, size_t *n, struct error *err);

/* The SR-IOV functions that PF has now, at most MAX; returns their number, 0 for an unknown PF. */
size_t simulated_functions(const struct simulated_host *h, const char *pf, char (*ret)[PCI_SIZE],
			   size_t max);

struct simulated_domain {
	char name[NAME_SIZE], uuid[UUID_TEXT_SIZE];
	enum vm_state state;          /* STOPPED, RUNNING, FAILED after a crash */
	const char *reason;           /* "booted", "shutdown", "destroyed", "crashed", "" */
	bool facet;                   /* Facet has set its devices */
	struct host_device devices[DEVICE_COUNT_MAX];
	uint32_t devices_n;
	uint32_t pid;                 /* 0 while it does not run */
	int64_t down_ms;              /* when its guest will have shut down; 0: was not asked */
};

size_t simulated_domains(const struct simulated_host *h);
const struct simulated_domain *simulated_domain_at(const struct simulated_host *h, size_t i);

/* ---- time ---- */

/* Time is NOW_MS; what was due happens.  True when a domain or device changed. */
bool simulated_advance(struct simulated_host *h, int64_t now_ms);

/* When something is due next; INT64_MAX for never. */
int64_t simulated_due_ms(const struct simulated_host *h);

/* ---- what others do to it ---- */

enum simulated_event { SIMULATED_DOMAIN, SIMULATED_HARDWARE };
typedef void simulated_event_fn(enum simulated_event event, const char *domain, void *user);

/* Called inside the call that changes something; FN may not call back into H. */
void simulated_watch(struct simulated_host *h, simulated_event_fn *fn, void *user);

/* Somebody makes a vGPU by hand: V as in a request.  Same errors. */
must_check int simulated_foreign(struct simulated_host *h, const struct host_vgpu *v,
				 struct error *err);

/* Names this boot, for one that must not look like the same spec's last life. */
void simulated_set_boot_id(struct simulated_host *h, const char *uuid);

/* Power is cut and comes back: all vGPUs and functions are gone, domains are stopped. */
void simulated_reboot(struct simulated_host *h);

/* Each returns false when there is no such thing: somebody starts a domain, its guest shuts itself
 * down, its QEMU crashes; a GPU loses its functions (driver reload) or leaves the bus. */
bool simulated_start(struct simulated_host *h, const char *domain);
bool simulated_guest_stops(struct simulated_host *h, const char *domain);
bool simulated_crash(struct simulated_host *h, const char *domain);
bool simulated_lose_functions(struct simulated_host *h, const char *pf);
bool simulated_lose_gpu(struct simulated_host *h, const char *pf);

/* What is broken, or NULL: the driver's invariants on every GPU, domains that share a device. */
const char *simulated_check(const struct simulated_host *h);
