/* SPDX-License-Identifier: Apache-2.0 */
/* What a report may change, and what it may not: late, doubled, failed and mistaken ones. */
#include "bench.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define PROFILE "NVIDIA L40S-8Q"
#define UUID1 "11111111-1111-4111-8111-111111111111"
#define UUID9 "99999999-9999-4999-8999-999999999999"

static void prepare(struct bench *b, unsigned hold_s)
{
	char group[200];

	bench_join(b, 4);
	snprintf(group, sizeof(group), "{'name':'ai','filter':'board contains L40S','hold_s':%u}",
		 hold_s);
	bench_expect(b, COMMAND_GROUP_CREATE, "", group, 0);
	bench_expect(b, COMMAND_VM_ATTACH, "web01", "{'group':'ai','profile':'" PROFILE "'}", 0);
}

struct told {
	uint64_t revision;      /* 0: the newest */
	const char *boot;       /* NULL: boot-1 */
	const char *lease, *more;
	const char *vm, *vm_more;
	unsigned run;
};

static void tell(struct bench *b, struct told t)
{
	const struct lease *l = bench_lease(b, 0);
	char text[1600], lease[500] = "";

	if (t.lease && l)
		snprintf(lease, sizeof(lease),
			 "{'id':'%s','generation':%u,'state':'%s','placement':4294967295%s}", l->id,
			 l->generation, t.lease, t.more ? t.more : "");
	snprintf(text, sizeof(text),
		 "{'host':'h1','boot_id':'%s','revision':%ju,'leases':[%s],'vms':[{'name':'web01','"
		 "uuid':'" UUID1 "','state':'%s','run':%u%s}]}",
		 t.boot ? t.boot : "boot-1",
		 (uintmax_t)(t.revision ? t.revision : controller_revision(b->c)), lease, t.vm,
		 t.run, t.vm_more ? t.vm_more : "");
	bench_expect(b, COMMAND_HOST_REPORT, "h1", text, 0);
}

static void bring_up(struct bench *b)
{
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	tell(b, (struct told){ .lease = "ready", .vm = "stopped", .run = 1 });
	tell(b, (struct told){ .lease = "attached", .vm = "running", .run = 1 });
	tell(b, (struct told){ .lease = "attached", .vm = "running", .run = 1 });
	assert_int_equal(bench_lease(b, 0)->state, LEASE_ATTACHED);
}

static const struct vm *web01(struct bench *b)
{
	return controller_get(b->c, OBJECT_VM, "web01", NULL);
}

/* The host may be about to start it: "stopped" from before it heard of the stop proves nothing. */
static void word_from_before_the_last_change_is_not_believed(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	prepare(b, 0);
	before = controller_revision(b->c);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	bench_expect(b, COMMAND_VM_STOP, "web01", "{'how':'force'}", 0);
	tell(b, (struct told){ .revision = before, .vm = "stopped" });
	assert_int_equal(web01(b)->state, VM_STOPPING);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RESERVED);
	tell(b, (struct told){ .vm = "stopped", .run = 1 });
	assert_int_equal(web01(b)->state, VM_STOPPED);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
}

/* A message that was long under way would have a stopped VM wanted up again. */
static void late_report_revives_no_vm(void **state)
{
	struct bench *b = *state;
	uint64_t up;

	prepare(b, 0);
	bring_up(b);
	up = controller_revision(b->c);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	tell(b, (struct told){ .lease = "ready", .vm = "stopped", .run = 1 });
	assert_int_equal(web01(b)->state, VM_STOPPED);
	tell(b, (struct told){ .revision = up,
			       .boot = "boot-0",
			       .lease = "attached",
			       .vm = "running",
			       .run = 1 });
	assert_int_equal(web01(b)->state, VM_STOPPED);
	assert_int_equal(web01(b)->wanted, VM_WANTED_STOPPED);
}

static void cancelled_start_leaves_nothing(void **state)
{
	struct bench *b = *state;

	prepare(b, 60);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	tell(b, (struct told){ .lease = "ready", .vm = "stopped", .run = 1 });
	bench_expect(b, COMMAND_OPERATION_CANCEL, bench_operation(b, "web01")->id, NULL, 0);
	/* The host has not said yet that nothing runs. */
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_RUNNING);
	tell(b, (struct told){ .lease = "ready", .vm = "stopped", .run = 1 });
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
	tell(b, (struct told){
			.lease = "releasing", .more = ",'gone':true", .vm = "stopped", .run = 1 });
	assert_int_equal(bench_count(b, OBJECT_LEASE), 0);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_CANCELLED);
}

static void given_up_stop_starts_nothing(void **state)
{
	struct bench *b = *state;
	int64_t next;

	prepare(b, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	b->clock.now_us += 601000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
	assert_int_equal(bench_operation(b, "web01")->state, OPERATION_STATE_FAILED);
	tell(b, (struct told){ .boot = "boot-2", .vm = "stopped", .run = 1 });
	assert_int_equal(web01(b)->state, VM_STOPPED);
	assert_int_equal(web01(b)->run, 1);
}

static void failed_look_ends_no_running_vm(void **state)
{
	struct bench *b = *state;

	prepare(b, 0);
	bring_up(b);
	tell(b, (struct told){ .lease = "failed",
			       .more = ",'error_kind':'io','reason':'EIO'",
			       .vm = "running",
			       .run = 1 });
	assert_int_equal(web01(b)->state, VM_RUNNING);
	assert_int_equal(web01(b)->wanted, VM_WANTED_RUNNING);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_ATTACHED);
	assert_string_equal(bench_lease(b, 0)->reason, "EIO");
}

/* A new agent has to look at the vGPU again; that does not make the hold last for ever. */
static void hold_ends_although_the_agent_was_restarted(void **state)
{
	struct bench *b = *state;
	int64_t next;

	prepare(b, 60);
	bring_up(b);
	tell(b, (struct told){
			.lease = "ready", .vm = "stopped", .vm_more = ",'ended':true", .run = 1 });
	tell(b, (struct told){ .lease = "creating", .vm = "stopped" });
	tell(b, (struct told){ .lease = "ready", .vm = "stopped" });
	b->clock.now_us += 61000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
	assert_int_equal(bench_lease(b, 0)->state, LEASE_RELEASING);
}

static void namesake_is_not_the_vm(void **state)
{
	struct bench *b = *state;

	prepare(b, 0);
	bench_report(b, "boot-1", "[]", "[{'name':'web01','uuid':'" UUID1 "','state':'stopped'},"
		     "{'name':'web01','uuid':'" UUID9 "','state':'running','foreign':true}]");
	assert_int_equal(web01(b)->state, VM_STOPPED);
	assert_int_equal(web01(b)->wanted, VM_WANTED_STOPPED);
}

/* Ada tells ids in equal-size mode too; a lease with one would be cut mixed-size after a reboot. */
static void lease_takes_over_no_placement_of_the_driver(void **state)
{
	struct bench *b = *state;
	char text[500];

	prepare(b, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	snprintf(text, sizeof(text), "[{'id':'%s','generation':%u,'state':'ready','placement':8}]",
		 bench_lease(b, 0)->id, bench_lease(b, 0)->generation);
	bench_report(b, "boot-1", text, "[]");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_READY);
	assert_int_equal(bench_lease(b, 0)->placement, PLACEMENT_NONE);
}

/* Nonsense from a host's socket is no domain of anybody. */
static void domain_without_a_name_harms_nobody(void **state)
{
	struct bench *b = *state;

	prepare(b, 0);
	bench_report(b, "boot-1", "[{}]", "[{}]");
	bench_expect(b, COMMAND_VM_ATTACH, "other", "{'group':'ai','profile':'" PROFILE "'}",
		     -ERR_NOT_FOUND);
	bench_expect(b, COMMAND_VM_ADOPT, "other", "{'group':'ai'}", -ERR_NOT_FOUND);
}

enum { MANY = 600 };

static void tell_many(struct bench *b, const char *boot, const char *state)
{
	struct text vms = { 0 };

	for (unsigned i = 0; i < MANY; i++)
		text_add(&vms,
			 "%s{'name':'vm%u','uuid':'00000000-0000-4000-8000-%012u','state':'%s'}",
			 i ? "," : "[", i, i, state);
	text_add(&vms, "]");
	bench_report(b, boot, "[]", vms.data);
	text_done(&vms);
}

static bool count_starting(void *user, const void *object, const char *id, uint64_t revision)
{
	(void)id;
	(void)revision;
	*(unsigned *)user += ((const struct vm *)object)->state == VM_STARTING;
	return true;
}

/* A host that comes back from a reboot has more news than one batch of the store may hold. */
static void large_news_are_taken_in_steps(void **state)
{
	struct bench *b = *state;
	unsigned starting = 0;
	char name[16];

	prepare(b, 0);
	tell_many(b, "boot-1", "stopped");
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		bench_expect(b, COMMAND_VM_ATTACH, name, "{'group':'ai','profile':'" PROFILE "'}",
			     0);
	}
	for (unsigned i = 0; i < 5; i++)
		tell_many(b, "boot-1", "running");
	for (unsigned i = 0; i < 5; i++)
		tell_many(b, "boot-2", "stopped");
	controller_each(b->c, OBJECT_VM, "", count_starting, &starting);
	assert_int_equal(starting, MANY);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		T(word_from_before_the_last_change_is_not_believed),
		T(late_report_revives_no_vm),
		T(cancelled_start_leaves_nothing),
		T(given_up_stop_starts_nothing),
		T(failed_look_ends_no_running_vm),
		T(hold_ends_although_the_agent_was_restarted),
		T(namesake_is_not_the_vm),
		T(domain_without_a_name_harms_nobody),
		T(large_news_are_taken_in_steps),
		T(lease_takes_over_no_placement_of_the_driver),
	};
	return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
