/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a controller and two hosts: honest hosts, a bad wire, a store that fails, a
 * controller that dies.  After every step the ledger must hold; at the end, with the wire healed,
 * all must drain.
 *
 * FACET_TEST_SEED=N runs that seed alone and tells each step; FACET_TEST_SEEDS=N runs that many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "play.h"

enum { STEPS = 200, SEEDS = 150, DRAIN_ROUNDS = 300 };

static const char *const specs[HOSTS] = {
	"name=h0;gpus=2xL40S/vendor-vfio;domains=a1..a4;seed=1",
	"name=h1;gpus=1xL40S/vendor-vfio+1xA40/mdev-vf+1xT4;domains=b1..b4;seed=2",
};
static const char *const vms[] = { "a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4" };
static const char *const groups[] = { "eq", "mix", "any" };
static const char *const profiles[] = { "NVIDIA L40S-48Q", "NVIDIA L40S-24Q", "NVIDIA L40S-8Q",
					"NVIDIA L40S-4Q",  "NVIDIA L40S-24Q", "NVIDIA A40-8Q",
					"GRID T4-4Q",      "graphics:8",      "graphics" };

#define PICK(w, list) ((list)[play_random(w, sizeof(list) / sizeof((list)[0]))])

/* Mostly one that the host of VM can serve. */
static json_t *device(struct world *w, const char *vm)
{
	size_t few = vm[0] == 'a' ? 5 : 7;
	const char *profile = play_random(w, 4) ? profiles[play_random(w, few)] : PICK(w, profiles);

	return json_pack("{s:s, s:s, s:i, s:b}", "group", PICK(w, groups), "profile", profile,
			 "count", (int)play_random(w, 4) ? 1 : 3, "optional",
			 play_random(w, 5) == 0);
}

/* ---- steps: what people do ---- */

static void do_attach(struct world *w)
{
	const char *vm = PICK(w, vms);

	play_do(w, COMMAND_VM_ATTACH, vm, "", device(w, vm));
}

static void do_detach(struct world *w)
{
	play_do(w, COMMAND_VM_DETACH, PICK(w, vms), "gpu0", NULL);
}

static void do_update(struct world *w)
{
	const char *vm = PICK(w, vms);
	json_t *d = device(w, vm);

	json_object_set_new(d, "name", json_string("gpu0"));
	play_do(w, COMMAND_VM_UPDATE, vm, "", json_pack("{s:[o]}", "devices", d));
}

enum { WAIT_MAX_S = 300 };

static void do_start(struct world *w)
{
	json_t *body = play_random(w, 2) ? NULL :
		json_pack("{s:i}", "wait_s", (int)play_random(w, WAIT_MAX_S) + 1);

	play_do(w, COMMAND_VM_START, PICK(w, vms), "", body);
}

/* Whose it is, how urgent it is, and whether it may be put off. */
static void do_owner(struct world *w)
{
	static const char *const tenants[] = { "", "t0", "t1" };
	static const char *const classes[] = { "", "low", "high" };

	play_do(w, COMMAND_VM_UPDATE, PICK(w, vms), "",
		json_pack("{s:s, s:s, s:i, s:b}", "tenant", PICK(w, tenants), "priority_class",
			  PICK(w, classes), "priority", (int)play_random(w, 3) * 100,
			  "preemptible", play_random(w, 4) != 0));
}

static void do_tenant(struct world *w)
{
	static const int gib[] = { 0, 8, 24, 48 }, vgpus[] = { 0, 1, 3, 8 };
	int sure = PICK(w, gib), limit = PICK(w, gib);

	play_do(w, COMMAND_TENANT_UPDATE, play_random(w, 2) ? "t0" : "t1", "",
		json_pack("{s:i, s:i, s:i, s:[{s:s, s:i, s:i}]}", "limit_fb_gib",
			  limit && limit < sure ? sure : limit, "limit_vgpus", PICK(w, vgpus),
			  "guaranteed_fb_gib", sure, "slots", "profile", "NVIDIA L40S-8*", "max",
			  (int)play_random(w, 4), "guaranteed", 0));
}

static void do_class(struct world *w)
{
	bool high = play_random(w, 2);

	play_do(w, COMMAND_CLASS_UPDATE, high ? "high" : "low", "",
		json_pack("{s:i, s:s}", "value", (int)(play_random(w, 4) + high * 2) * 100,
			  "preempts", play_random(w, 4) ? "lower" : "never"));
}

static void do_stop(struct world *w)
{
	play_do(w, COMMAND_VM_STOP, PICK(w, vms), "",
		json_pack("{s:s}", "how", play_random(w, 2) ? "force" : "graceful"));
}

static void do_adopt(struct world *w)
{
	play_do(w, COMMAND_VM_ADOPT, PICK(w, vms), "",
		json_pack("{s:s}", "group", PICK(w, groups)));
}

static void do_delete(struct world *w)
{
	play_do(w, COMMAND_VM_DELETE, PICK(w, vms), "", NULL);
}

static void do_release(struct world *w)
{
	play_do(w, COMMAND_LEASE_RELEASE, play_any(w, OBJECT_LEASE), "", NULL);
}

static void do_cancel(struct world *w)
{
	play_do(w, COMMAND_OPERATION_CANCEL, play_any(w, OBJECT_OPERATION), "", NULL);
}

static void do_group(struct world *w)
{
	play_do(w, COMMAND_GROUP_UPDATE, PICK(w, groups), "",
		json_pack("{s:i, s:s, s:i, s:i}", "hold_s", (int)play_random(w, 2) * 60, "mode",
			  play_random(w, 2) ? "mixed-size" : "equal-size", "overtake_s",
			  (int)play_random(w, 60) + 1, "preempt_grace_s",
			  (int)play_random(w, 30) + 1));
}

static void do_group_delete(struct world *w)
{
	const char *name = PICK(w, groups);

	play_do(w, COMMAND_GROUP_DELETE, name, "", NULL);
	play_do(w, COMMAND_GROUP_CREATE, "", "",
		json_pack("{s:s, s:s}", "name", name, "filter", ""));
}

static void do_cordon(struct world *w)
{
	play_do(w, COMMAND_HOST_UPDATE, play_random(w, 2) ? "h0" : "h1", "",
		json_pack("{s:s}", "state", play_random(w, 4) ? "ready" : "cordoned"));
}

/* ---- steps: what happens ---- */

static struct host_played *some_host(struct world *w)
{
	return &w->hosts[play_random(w, HOSTS)];
}

static void do_hear(struct world *w)
{
	play_hear(w, some_host(w));
}

static void do_look(struct world *w)
{
	play_look(w, some_host(w));
}

static void do_report(struct world *w)
{
	play_report(w, some_host(w), (enum fate)play_random(w, FATE_COUNT));
}

static void do_honest_round(struct world *w)
{
	struct host_played *h = some_host(w);

	play_hear(w, h);
	play_look(w, h);
	play_report(w, h, FATE_ARRIVES);
}

static void do_fault(struct world *w)
{
	struct simulated_faults *f = simulated_faults(some_host(w)->machine);

	switch (play_random(w, 4)) {
	case 0:
		f->eio_once = true;
		break;
	case 1:
		f->stuck_once = true;
		break;
	case 2:
		f->start_fails_once = true;
		break;
	default:
		f->deaf_guests = !f->deaf_guests;
	}
}

static void do_guest(struct world *w)
{
	struct host_played *h = some_host(w);
	const char *name = vms[play_random(w, 8)];

	if (play_random(w, 2))
		simulated_guest_stops(h->machine, name);
	else
		simulated_crash(h->machine, name);
}

static void do_reboot(struct world *w)
{
	play_reboot(w, some_host(w));
}

static void do_agent_restart(struct world *w)
{
	play_agent_restart(w, some_host(w));
}

static void do_controller_restart(struct world *w)
{
	play_controller_restart(w);
}

static void do_store_failure(struct world *w)
{
	w->failing = 1 + (unsigned)play_random(w, 2);
}

static void do_time(struct world *w)
{
	static const int64_t jumps[] = { 1000,	1000,  1000,   2000,	 5000,
					 31000, 61000, 700000, -3600000, 7200000 };

	play_time(w, PICK(w, jumps));
}

static const struct step_kind {
	const char *name;
	void (*run)(struct world *w);
	unsigned weight;
} steps[] = {
	{ "honest-round", do_honest_round, 80 }, { "hear", do_hear, 10 }, { "look", do_look, 10 },
	{ "report", do_report, 15 }, { "attach", do_attach, 5 }, { "detach", do_detach, 2 },
	{ "update", do_update, 2 }, { "start", do_start, 35 }, { "stop", do_stop, 7 },
	{ "adopt", do_adopt, 1 }, { "delete", do_delete, 1 }, { "release", do_release, 2 },
	{ "cancel", do_cancel, 2 }, { "group", do_group, 1 },
	{ "group-delete", do_group_delete, 1 },
	{ "owner", do_owner, 8 }, { "tenant", do_tenant, 2 }, { "class", do_class, 2 },
	{ "cordon", do_cordon, 2 }, { "fault", do_fault, 3 }, { "guest", do_guest, 4 },
	{ "reboot", do_reboot, 1 }, { "agent-restart", do_agent_restart, 2 },
	{ "controller-restart", do_controller_restart, 2 },
	{ "store-failure", do_store_failure, 2 },
	{ "time", do_time, 5 },
};

static void random_step(struct world *w, bool tell)
{
	unsigned total = 0, n;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
		total += steps[k].weight;
	n = (unsigned)play_random(w, total);
	while (n >= steps[i].weight)
		n -= steps[i++].weight;
	w->doing = steps[i].name;
	if (tell)
		fprintf(stderr, "%u %s\n", w->step, w->doing);
	steps[i].run(w);
	/* What is on its way to the disk may be overtaken by the next step. */
	if (play_random(w, 3))
		play_settle(w);
}

/* ---- the end ---- */

static void heal(struct world *w)
{
	w->failing = 0;
	for (int i = 0; i < HOSTS; i++)
		*simulated_faults(w->hosts[i].machine) = (struct simulated_faults){ 0 };
}

static void honest_round(struct world *w, int64_t ms)
{
	for (int i = 0; i < HOSTS; i++) {
		play_hear(w, &w->hosts[i]);
		play_look(w, &w->hosts[i]);
		play_report(w, &w->hosts[i], FATE_ARRIVES);
	}
	play_time(w, ms);
	play_settle(w);
}

static bool has_deadline(void *user, const void *object, const char *id, uint64_t revision)
{
	struct world *w = user;

	(void)revision;
	if (((const struct waiter *)object)->deadline_ms)
		play_fail(w, "%s waits beyond any deadline", id);
	return true;
}

/* Every wait ends, also when nobody stops anything: it starts, or its deadline passes.  What was
 * put off waits on. */
static void outwait(struct world *w)
{
	/* A start that makes room, and may not wait, has as long as an operation: 10 minutes. */
	enum { LONGEST_S = 600, ROUND_S = 20 };
	/* The clock has been set back, by an hour each time. */
	static const int64_t day_ms = 24 * 3600 * 1000;

	w->doing = "outwait";
	for (unsigned s = 0; s < LONGEST_S; s += ROUND_S)
		honest_round(w, ROUND_S * 1000);
	play_time(w, day_ms);
	for (unsigned s = 0; s < LONGEST_S; s += ROUND_S)
		honest_round(w, ROUND_S * 1000);
	controller_each(w->c, OBJECT_WAITER, "", has_deadline, w);
}

static void drain(struct world *w)
{
	w->doing = "drain";
	for (unsigned round = 0; round < DRAIN_ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(vms) / sizeof(vms[0]) && round % 10 == 0; i++)
			play_do(w, COMMAND_VM_STOP, vms[i], "", json_pack("{s:s}", "how", "force"));
		play_release_quarantined(w);
		honest_round(w, 1000);
		if (round > 20 && play_count(w, OBJECT_LEASE) == 0 &&
		    play_count(w, OBJECT_WAITER) == 0 && play_open_operations(w) == 0)
			return;
	}
	play_fail(w, "%zu leases and %zu operations are left: %s", play_count(w, OBJECT_LEASE),
		  play_open_operations(w), play_describe_leases(w));
}

static void one_life(uint64_t seed, bool tell)
{
	struct world w;

	play_begin(&w, seed, specs);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		play_do(&w, COMMAND_GROUP_CREATE, "", "",
			json_pack("{s:s, s:s, s:s, s:i}", "name", groups[i], "filter", "", "mode",
				  i == 1 ? "mixed-size" : "equal-size", "hold_s", i == 2 ? 60 : 0));
	for (int i = 0; i < HOSTS; i++) {
		play_foreign(&w, &w.hosts[i]);
		play_look(&w, &w.hosts[i]);
		play_report(&w, &w.hosts[i], FATE_ARRIVES);
	}
	play_settle(&w);
	for (int i = 0; i < TENANTS; i++)
		play_do(&w, COMMAND_TENANT_CREATE, "", "",
			json_pack("{s:s, s:i, s:i}", "name", i ? "t1" : "t0", "limit_vgpus", 4,
				  "guaranteed_fb_gib", 24));
	play_do(&w, COMMAND_CLASS_CREATE, "", "",
		json_pack("{s:s, s:i}", "name", "low", "value", 10));
	play_do(&w, COMMAND_CLASS_CREATE, "", "",
		json_pack("{s:s, s:i, s:s}", "name", "high", "value", 500, "preempts", "lower"));
	for (size_t i = 0; i < sizeof(vms) / sizeof(vms[0]); i++)
		play_do(&w, COMMAND_VM_ATTACH, vms[i], "", device(&w, vms[i]));
	for (size_t i = 0; i < 8; i++)
		do_owner(&w);
	for (w.step = 0; w.step < STEPS; w.step++)
		random_step(&w, tell);
	play_settle(&w);
	heal(&w);
	outwait(&w);
	drain(&w);
	if (tell)
		play_tell(&w);
	play_end(&w);
}

static void ledger_holds_in_every_life(void **state)
{
	const char *one = getenv("FACET_TEST_SEED"), *many = getenv("FACET_TEST_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one ? 1 : many ? strtoull(many, NULL, 10) : SEEDS;

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++)
		one_life(seed, one != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ledger_holds_in_every_life) };

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
