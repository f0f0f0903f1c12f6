/* SPDX-License-Identifier: Apache-2.0 */
/* play.h - a world for random lives: a controller, its store, and hosts whose agents are played.
 *
 * The hosts are host/simulated's; the agent's part is played in a few lines, honestly, one request
 * for each difference.  What it says travels over a wire that loses, doubles, delays and
 * reorders. */
#pragma once

#include "controller/controller.h"
#include "host/simulated/simulated.h"

enum { TENANTS = 2 }; /* t0, t1 */
enum { HOSTS = 2, WORK_MAX = 256, OLD_MAX = 8, GONE_MAX = 8192 };

enum fate { FATE_ARRIVES, FATE_LOST, FATE_DOUBLED, FATE_DELAYED, FATE_OLD_ONE, FATE_COUNT };

struct lease_played {
	char id[LEASE_ID_SIZE];
	bool made, gone, failed, quarantined;
	enum error_kind kind;
	char reason[256];
};

struct vm_played {
	char name[NAME_SIZE];
	uint32_t run;
	bool devices_set, up, start_failed;
};

struct host_played {
	struct simulated_host *machine;
	char boot_id[UUID_TEXT_SIZE];
	struct wanted_feed *feed;
	char *line;             /* newest wanted state that is under way */
	struct wanted wanted;
	bool has_wanted, told;  /* told: this life has sent an inventory */
	struct lease_played leases[WORK_MAX];
	size_t leases_n;
	struct vm_played vms[16];
	size_t vms_n;
	json_t *old[OLD_MAX];   /* reports that may yet arrive */
	size_t foreign;         /* vGPUs that somebody made by hand in this boot */
};

/* What a tenant had and might have when it was last looked at. */
struct share {
	uint64_t has, may;
};

struct world {
	struct store *store;
	struct controller *c;
	struct clock_manual clock;
	int64_t host_ms;        /* never goes back */
	uint64_t seed, state;
	unsigned step, boots;
	const char *doing;
	unsigned failing;       /* so many of the next batches fail */
	struct host_played hosts[HOSTS];
	struct share shares[TENANTS][2];
	bool reverted;          /* what was so may be so again: the store failed, or was adopted */
	uint64_t events_seen;
	char (*gone)[LEASE_ID_SIZE];
	size_t gone_n;
};

void play_begin(struct world *w, uint64_t seed, const char *const *specs);
void play_end(struct world *w);
_Noreturn void play_fail(struct world *w, const char *fmt, ...)
	__attribute__((__format__(printf, 2, 3)));
uint64_t play_random(struct world *w, uint64_t below);

/* Takes BODY. */
void play_do(struct world *w, enum command_kind kind, const char *id, const char *sub,
	     json_t *body);
/* Quotas, queue and preemption, after every command. */
void play_check_rules(struct world *w);
/* All that is on its way lands; then everything is checked. */
void play_settle(struct world *w);
void play_time(struct world *w, int64_t ms);
void play_controller_restart(struct world *w);
void play_release_quarantined(struct world *w);

const char *play_any(struct world *w, enum object_kind kind);
size_t play_count(struct world *w, enum object_kind kind);
size_t play_open_operations(struct world *w);
void play_tell(struct world *w); /* what was brought about, by kind of event */
const char *play_describe_leases(struct world *w);

/* ---- the agent's part ---- */

void play_hear(struct world *w, struct host_played *h);
void play_look(struct world *w, struct host_played *h);
void play_report(struct world *w, struct host_played *h, enum fate fate);
void play_reboot(struct world *w, struct host_played *h);
void play_agent_restart(struct world *w, struct host_played *h);
void play_foreign(struct world *w, struct host_played *h);
