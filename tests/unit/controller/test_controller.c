/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <string.h>

#define PROFILE "NVIDIA L40S-8Q"
#define UUID1 "11111111-1111-4111-8111-111111111111"

static void prepare(struct bench *b, unsigned functions, unsigned hold_s)
{
	char group[200];

	bench_join(b, functions);
	snprintf(group, sizeof(group), "{'name':'ai','filter':'board contains L40S','hold_s':%u}",
		 hold_s);
	bench_expect(b, COMMAND_GROUP_CREATE, "", group, 0);
	bench_expect(b, COMMAND_VM_ATTACH, "web01", "{'group':'ai','profile':'" PROFILE "'}", 0);
}

static void report_lease(struct bench *b, const struct lease *l, const char *state,
			 const char *more, const char *vm_state, unsigned run, const char *vm_more)
{
	char leases[600], vms[600];

	snprintf(leases, sizeof(leases),
		 "[{'id':'%s','generation':%u,'state':'%s','placement':4294967295%s}]", l->id,
		 l->generation, state, more);
	snprintf(vms, sizeof(vms), "[{'name':'web01','uuid':'" UUID1 "','state':'%s','run':%u%s}]",
		 vm_state, run, vm_more);
	bench_report(b, "boot-1", leases, vms);
}

static void bring_up(struct bench *b)
{
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, "");
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 1, "");
}

static const struct vm *web01(struct bench *b)
{
	return controller_get(b->c, OBJECT_VM, "web01", NULL);
}

/* The main job: a lease is reserved, made, attached; the operation follows it to its end. */
static void start_leads_to_an_attached_lease(void **state)
{
	struct bench *b = *state;
	const struct lease *l;

	prepare(b, 4, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	l = bench_lease(b, 0);
	assert_non_null(l);
	assert_int_equal(l->state, LEASE_RESERVED);
	assert_string_equal(l->vf, "0000:41:00.4");
	assert_string_equal(l->vm_uuid, UUID1);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_RUNNING);

	report_lease(b, l, "ready", "", "stopped", 1, "");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_READY);
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 1, "");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_ATTACHED);
	assert_int_equal(web01(b)->state, VM_RUNNING);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_DONE);
}

static void stop_ends_with_an_empty_ledger(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 0);
	bring_up(b);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	assert_int_equal(web01(b)->state, VM_STOPPING);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, "");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
	report_lease(b, bench_lease(b, 0), "releasing", ",'gone':true", "stopped", 1, "");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 0);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_DONE);
}

/* A guest that shuts itself down gives its slice back without anybody asking. */
static void vm_that_ends_by_itself_is_released(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 0);
	bring_up(b);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1,
		     ",'ended':true,'reason':'shutdown'");
	assert_int_equal(web01(b)->state, VM_STOPPED);
	assert_int_equal(web01(b)->wanted, VM_WANTED_STOPPED);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
}

static void held_lease_waits_and_then_goes(void **state)
{
	struct bench *b = *state;
	int64_t next;

	prepare(b, 4, 60);
	bring_up(b);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, ",'ended':true");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_READY);
	b->clock.now_us += 59000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_READY);
	b->clock.now_us += 2000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
}

static void held_lease_is_used_by_the_next_start(void **state)
{
	struct bench *b = *state;
	char id[LEASE_ID_SIZE];

	prepare(b, 4, 60);
	bring_up(b);
	strcpy(id, bench_lease(b, 0)->id);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, ",'ended':true");
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
	assert_string_equal(bench_lease(b, 0)->id, id);
	assert_int_equal(bench_lease(b, 0)->expires_ms, 0);
}

/* A host that died and came back runs what ran, with the same lease. */
static void reboot_starts_again_with_the_same_lease(void **state)
{
	struct bench *b = *state;
	char id[LEASE_ID_SIZE];

	prepare(b, 4, 0);
	bring_up(b);
	strcpy(id, bench_lease(b, 0)->id);
	bench_report(b, "boot-2", "[]", "[{'name':'web01','uuid':'" UUID1 "','state':'stopped'}]");
	assert_int_equal(web01(b)->state, VM_STARTING);
	assert_int_equal(web01(b)->wanted, VM_WANTED_RUNNING);
	assert_int_equal(web01(b)->run, 2);
	assert_string_equal(bench_lease(b, 0)->id, id);
}

/* The driver broke its word at one function: that one is put aside, the next one serves. */
static void failed_slice_is_quarantined_and_the_next_one_tried(void **state)
{
	struct bench *b = *state;
	const struct lease *l;

	prepare(b, 4, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	l = bench_lease(b, 0);
	report_lease(b, l, "failed", ",'error_kind':'io','reason':'EIO'", "stopped", 1, "");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 2);
	for (size_t i = 0; i < 2; i++) {
		l = bench_lease(b, i);
		if (l->state == LEASE_QUARANTINED)
			assert_string_equal(l->vf, "0000:41:00.4");
		else
			assert_string_equal(l->vf, "0000:41:00.5");
	}
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_RUNNING);
}

static void failed_start_leaves_nothing(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 60);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1,
		     ",'start_failed':true,'reason':'no disk'");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_RUNNING);
	report_lease(b, bench_lease(b, 0), "releasing", ",'gone':true", "stopped", 1, "");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 0);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_FAILED);
	assert_non_null(strstr(bench_operation(b, "web01")->error, "no disk"));
}

/* A report that names an older generation is about somebody who had the slice before. */
static void stale_generation_changes_nothing(void **state)
{
	struct bench *b = *state;
	char leases[300];

	prepare(b, 4, 0);
	bring_up(b);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, "");
	snprintf(leases, sizeof(leases),
		 "[{'id':'%s','generation':%u,'state':'releasing','gone':true}]",
		 bench_lease(b, 0)->id, bench_lease(b, 0)->generation - 1);
	bench_report(b, "boot-1", leases, "[]");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
}

static void full_pool_refuses_with_a_reason_per_gpu(void **state)
{
	struct bench *b = *state;
	struct answered a;

	prepare(b, 1, 0);
	bench_expect(b, COMMAND_VM_ATTACH, "web02", "{'group':'ai','profile':'" PROFILE "'}", 0);
	bring_up(b);
	a = bench_do(b, COMMAND_VM_START, "web02", NULL);
	assert_int_equal(a.r, -ERR_NO_CAPACITY);
	/* One GPU, and what its priority entitles it to. */
	assert_int_equal(a.refusals_n, 2);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
	answered_done(&a);
}

static void dry_run_changes_nothing(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	prepare(b, 4, 0);
	before = controller_revision(b->c);
	bench_expect(b, COMMAND_VM_START, "web01", "?", 0);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 0);
	assert_int_equal(controller_revision(b->c), before);
}

static void same_key_gets_the_same_answer(void **state)
{
	struct bench *b = *state;
	struct answered a, again;

	prepare(b, 4, 0);
	a = bench_do(b, COMMAND_VM_START, "web01", "!");
	bench_restart(b);
	again = bench_do(b, COMMAND_VM_START, "web01", "!");
	assert_int_equal(again.r, 0);
	assert_true(again.replayed);
	assert_string_equal(json_string_value(json_object_get(a.body, "id")),
			    json_string_value(json_object_get(again.body, "id")));
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
	answered_done(&a);
	answered_done(&again);
}

/* Killed between any two lines, the controller knows what it had answered. */
static void restart_keeps_what_was_answered(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	bench_restart(b);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 1, "");
	assert_int_equal(web01(b)->state, VM_RUNNING);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_DONE);
}

static void unchanged_report_writes_nothing(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	prepare(b, 4, 0);
	bring_up(b);
	before = controller_revision(b->c);
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 1, "");
	b->clock.now_us += 1000000;
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 1, "");
	assert_int_equal(controller_revision(b->c), before);
}

/* A vGPU made by hand is counted, and its function is not given away. */
static void foreign_vgpu_is_occupied(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 0);
	bench_expect(
		b, COMMAND_HOST_REPORT, "h1",
		"{'host':'h1','boot_id':'boot-1','has_inventory':true,'facts':{'name':'h1'},'gpus':"
		"[{'address':'0000:41:00.0','board':'NVIDIA L40S','pci_device':'26b9','framework':"
		"'vendor-vfio','fb_mib':49152,'poolable':true,'vf_total':32,'vf_enabled':2,"
		"'functions':['0000:41:00.4','0000:41:00.5'],'vgpus':[{'address':'0000:41:00.4',"
		"'profile':'NVIDIA L40S-8Q','placement':4294967295}]}],'vms':[]}", 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	assert_string_equal(bench_lease(b, 0)->vf, "0000:41:00.5");
	assert_int_equal(
		((const struct gpu *)controller_get(b->c, OBJECT_GPU, "h1@0000:41:00.0", NULL))
			->vgpus[0]
			.owner,
		VGPU_OWNER_FOREIGN);
}

/* What the host has just taken down is not foreign until the next inventory: it is free. */
static void released_slice_is_free_at_once(void **state)
{
	struct bench *b = *state;
	char inventory[900];

	prepare(b, 1, 0);
	bring_up(b);
	snprintf(inventory, sizeof(inventory),
		 "{'host':'h1','boot_id':'boot-1','has_inventory':true,'facts':{'name':'h1'},'gpus'"
		 ":["
		 "{'address':'0000:41:00.0','board':'NVIDIA L40S','pci_device':'26b9','framework':"
		 "'vendor-vfio','fb_mib':49152,'poolable':true,'vf_total':32,'vf_enabled':1,"
		 "'functions':['0000:41:00.4'],'vgpus':[{'address':'0000:41:00.4',"
		 "'profile':'NVIDIA L40S-8Q','placement':4294967295}]}],"
		 "'vms':[{'name':'web01','uuid':'" UUID1 "','state':'running','run':1}]}");
	bench_expect(b, COMMAND_HOST_REPORT, "h1", inventory, 0);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, "");
	report_lease(b, bench_lease(b, 0), "releasing", ",'gone':true", "stopped", 1, "");
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
}

/* An answer shows the object even when there was nothing to change in it. */
static void unchanged_object_is_shown_all_the_same(void **state)
{
	struct bench *b = *state;
	struct answered a;

	prepare(b, 4, 7);
	a = bench_do(b, COMMAND_GROUP_UPDATE, "ai", "{'hold_s':7}");
	assert_int_equal(a.r, 0);
	assert_string_equal(json_string_value(json_object_get(a.body, "name")), "ai");
	answered_done(&a);
}

/* A stop while the start is under way wins, and the start says so. */
static void stop_during_start_undoes_it(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	bench_expect(b, COMMAND_VM_STOP, "web01", "{'how':'force'}", 0);
	assert_int_equal(web01(b)->state, VM_STOPPING);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, "");
	report_lease(b, bench_lease(b, 0), "releasing", ",'gone':true", "stopped", 1, "");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 0);
	assert_int_equal(web01(b)->state, VM_STOPPED);
}

static void silent_host_ends_the_operation(void **state)
{
	struct bench *b = *state;
	int64_t next;

	prepare(b, 4, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	b->clock.now_us += 601000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_FAILED);
	assert_int_equal(
		((const struct host *)controller_get(b->c, OBJECT_HOST, "h1", NULL))->state,
		HOST_LOST);
	/* Nobody knows what the host has made of it: the slice is not free. */
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
}

struct heard {
	unsigned n;
	char last[8192];
};

static void on_wanted(void *user, const char *line)
{
	struct heard *h = user;

	h->n++;
	snprintf(h->last, sizeof(h->last), "%s", line);
}

/* The host is told of a lease when it is durable, not before. */
static void feed_speaks_of_durable_state_only(void **state)
{
	struct bench *b = *state;
	struct command cmd = { .kind = COMMAND_VM_START, .actor = { "tester", ROLE_ADMIN, "" },
			       .id = "web01" };
	struct heard heard = { 0 };
	struct wanted_feed *f;

	prepare(b, 4, 0);
	f = controller_feed(b->c, "h1", 0, on_wanted, &heard);
	assert_int_equal(heard.n, 1);
	controller_submit(b->c, &cmd, NULL, NULL);
	assert_int_equal(heard.n, 1);
	store_flush(b->store);
	assert_int_equal(heard.n, 2);
	assert_non_null(strstr(heard.last, "0000:41:00.4"));
	controller_unfeed(f);
}

static void vm_started_by_hand_is_taken_as_running(void **state)
{
	struct bench *b = *state;

	prepare(b, 4, 60);
	bring_up(b);
	report_lease(b, bench_lease(b, 0), "ready", "", "stopped", 1, ",'ended':true");
	report_lease(b, bench_lease(b, 0), "attached", "", "running", 0, "");
	assert_int_equal(web01(b)->state, VM_RUNNING);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_ATTACHED);
	assert_int_equal(bench_lease(b, 0)->expires_ms, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		T(start_leads_to_an_attached_lease),
		T(stop_ends_with_an_empty_ledger),
		T(vm_that_ends_by_itself_is_released),
		T(held_lease_waits_and_then_goes),
		T(held_lease_is_used_by_the_next_start),
		T(reboot_starts_again_with_the_same_lease),
		T(failed_slice_is_quarantined_and_the_next_one_tried),
		T(failed_start_leaves_nothing),
		T(stale_generation_changes_nothing),
		T(full_pool_refuses_with_a_reason_per_gpu),
		T(dry_run_changes_nothing),
		T(same_key_gets_the_same_answer),
		T(restart_keeps_what_was_answered),
		T(unchanged_report_writes_nothing),
		T(foreign_vgpu_is_occupied),
		T(released_slice_is_free_at_once),
		T(unchanged_object_is_shown_all_the_same),
		T(stop_during_start_undoes_it),
		T(silent_host_ends_the_operation),
		T(feed_speaks_of_durable_state_only),
		T(vm_started_by_hand_is_taken_as_running),
	};
	return cmocka_run_group_tests_name("controller", tests, NULL, NULL);
}
