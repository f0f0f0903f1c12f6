/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the agent share; nobody else includes it. */
#pragma once

#include "agent/agent.h"
#include "base/text.h"
#include "http/unix_client.h"
#include "wire/wire.h"

/* What this life of the agent has done about one lease. */
struct lease_work {
	char id[LEASE_ID_SIZE];
	uint32_t generation;
	bool busy;              /* a request is under way */
	bool made, gone, failed, quarantined;
	enum result result;
	uint32_t type_id, placement;
	enum error_kind kind;
	char reason[256];
	int64_t retry_us;       /* not before this, monotonic */
	unsigned tries;
	bool listed;            /* still in the wanted state */
};

/* What this life of the agent has done about one VM. */
struct vm_work {
	char name[NAME_SIZE], uuid[UUID_TEXT_SIZE];
	uint32_t run;           /* newest run that was begun here */
	bool busy;
	bool devices_set, up, start_failed;
	bool asked;             /* the guest was asked to shut down */
	int64_t asked_us;
	char reason[256];
	bool listed;
};

struct hook_call;

struct agent {
	sd_event *event;
	struct machine *machine;
	const struct clock *clock;
	char host[NAME_SIZE];
	char *controller;
	uint32_t report_ms, domains_ms, inventory_ms;

	/* wanted state */
	struct wanted wanted;
	bool has_wanted;
	struct unix_call *stream;
	sd_event_source *reconnect;
	unsigned stream_failures;

	/* actual state */
	struct machine_domain *domains;
	size_t domains_n;
	bool has_domains, domains_busy, domains_stale;
	/* A list asked for before a change says nothing. */
	unsigned domain_changes, domains_asked_at;
	unsigned domains_failures;
	int64_t domains_us;
	struct machine_inventory inventory;
	bool has_inventory, inventory_busy, inventory_stale, inventory_news;
	unsigned vgpu_changes, inventory_asked_at;
	int64_t inventory_us;
	char boot_id[UUID_TEXT_SIZE];

	struct lease_work *leases;
	size_t leases_n;
	struct vm_work *vms;
	size_t vms_n;
	char vf_busy[16][PCI_SIZE]; /* GPUs whose functions are being enabled */
	int64_t vf_retry_us;

	/* reports */
	struct unix_call *posting;
	bool report_due;
	uint64_t report_number;
	int64_t report_us;
	unsigned report_failures;

	sd_event_source *timer, *defer, *hook;
	struct hook_call *calls;
};

/* Something changed: look at everything once, soon. */
void agent_kick(struct agent *a);
void agent_report_due(struct agent *a);
static inline int64_t agent_now_us(const struct agent *a)
{
	return clock_mono_us(a->clock);
}

/* reconcile.c */
void agent_reconcile(struct agent *a);
const struct machine_domain *agent_domain(const struct agent *a, const char *uuid,
					  const char *name);
struct lease_work *lease_work_find(struct agent *a, const char *id);
struct vm_work *vm_work_find(struct agent *a, const char *name);
bool domain_is_up(const struct machine_domain *d);
/* The vGPUs of VM ("" for all) are looked at again before they are believed in. */
void agent_verify_again(struct agent *a, const char *vm_uuid);
/* Those that the newest inventory does not show are made again. */
void agent_miss_vgpus(struct agent *a);
/* Whether all leases of VM exist; *FAILED when one can not be made, *N how many it has. */
bool agent_leases_made(struct agent *a, const char *vm_uuid, bool *failed, size_t *n);

/* link.c */
void agent_connect(struct agent *a);
void agent_send_report(struct agent *a);
void agent_link_done(struct agent *a);

/* hook_server.c */
int agent_hook_start(struct agent *a, int fd, struct error *err);
void agent_hooks_look(struct agent *a); /* answers whoever waits and can be answered now */
void agent_hooks_done(struct agent *a);

/* The wanted state, applied. */
void agent_take_wanted(struct agent *a, struct wanted *w);
