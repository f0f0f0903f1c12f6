/* SPDX-License-Identifier: Apache-2.0 */
/* Whose VM is stopped for whom, and whose never. */
#include "bench.h"

#include <string.h>

static void ask(struct bench *b, const char *vm, const char *profile, const char *more)
{
	char body[300];

	snprintf(body, sizeof(body),
		 "{'devices':[{'group':'ai','profile':'NVIDIA L40S-%s'}]%s}", profile, more);
	bench_expect(b, COMMAND_VM_UPDATE, vm, body, 0);
}

/* GPUS GPUs for VMs v1 to v8 of half a GPU each; class high preempts, class calm does not. */
static void prepare(struct bench *b, unsigned gpus)
{
	char vm[] = "v1";

	bench_join_many(b, gpus, 8);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai','preempt_grace_s':30}", 0);
	bench_expect(b, COMMAND_CLASS_CREATE, "",
		     "{'name':'high','value':800,'preempts':'lower'}", 0);
	bench_expect(b, COMMAND_CLASS_CREATE, "", "{'name':'calm','value':800}", 0);
	for (; vm[1] <= '8'; vm[1]++)
		bench_expect(b, COMMAND_VM_ATTACH, vm,
			     "{'group':'ai','profile':'NVIDIA L40S-24Q'}", 0);
}

static void start(struct bench *b, const char *vm)
{
	bench_expect(b, COMMAND_VM_START, vm, NULL, 0);
	b->clock.now_us += 1000;
	bench_obey(b, 1, false);
	assert_int_equal(bench_vm(b, vm)->state, VM_RUNNING);
}

static int state_of(struct bench *b, const char *vm)
{
	return bench_vm(b, vm)->state;
}

/* Starts VM and expects VICTIMS, names with blanks, to be stopped for it; until then it waits. */
static void start_puts_off(struct bench *b, const char *vm, const char *victims)
{
	struct answered a = bench_do(b, COMMAND_VM_START, vm, NULL);
	char names[200] = "";
	json_t *name;
	size_t i;

	if (a.r < 0)
		fail_msg("start of %s: %s", vm, a.err.text);
	json_array_foreach (json_object_get(a.body, "victims"), i, name) {
		strcat(names, i ? " " : "");
		strcat(names, json_string_value(name));
		assert_int_equal(state_of(b, json_string_value(name)), VM_STOPPING);
	}
	assert_string_equal(names, victims);
	assert_string_equal(json_string_value(json_object_get(a.body, "state")), "waiting");
	answered_done(&a);
}

static void lower_priority_makes_room(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	assert_int_equal(state_of(b, "v1"), VM_RUNNING);
	bench_obey(b, 4, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_DONE);
	assert_int_equal(bench_events(b, "vm.preempted", "v2"), 1);
}

/* Priority without the right to it moves nobody, and the refusal says so. */
static void class_that_may_not_preempts_nobody(void **state)
{
	struct bench *b = *state;
	struct answered a;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'calm'");
	start(b, "v1");
	start(b, "v2");
	a = bench_do(b, COMMAND_VM_START, "v3", NULL);
	assert_int_equal(a.r, -ERR_NO_CAPACITY);
	assert_int_equal(a.refusals_n, 2);
	answered_done(&a);
	assert_int_equal(bench_events(b, "vm.preempted", NULL), 0);
}

static void equal_priority_is_never_put_off(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v1", "24Q", ",'priority_class':'high'");
	ask(b, "v2", "24Q", ",'priority':800");
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'priority':799}", 0);
	start_puts_off(b, "v3", "v2");
}

static void vm_that_is_not_preemptible_is_never_put_off(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v1", "24Q", ",'preemptible':false");
	ask(b, "v2", "24Q", ",'preemptible':false");
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
	bench_expect(b, COMMAND_VM_UPDATE, "v1", "{'preemptible':true}", 0);
	start_puts_off(b, "v3", "v1");
}

/* One large victim rather than two small ones, though those are less framebuffer and younger. */
static void fewest_victims_are_taken(void **state)
{
	struct bench *b = *state;

	prepare(b, 2);
	ask(b, "v1", "48Q", "");
	ask(b, "v4", "48Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start(b, "v3");
	start_puts_off(b, "v4", "v1");
}

/* Of as many, the smaller one, though the larger is younger. */
static void least_framebuffer_is_taken(void **state)
{
	struct bench *b = *state;

	prepare(b, 2);
	ask(b, "v1", "16Q", "");
	ask(b, "v2", "16Q", "");
	ask(b, "v3", "16Q", "");
	ask(b, "v4", "48Q", "");
	ask(b, "v6", "16Q", ",'priority_class':'high'");
	for (char vm[] = "v1"; vm[1] <= '4'; vm[1]++)
		start(b, vm);
	start_puts_off(b, "v6", "v3");
}

/* Of equal ones, the one that has least to lose. */
static void youngest_is_taken(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v2");
	start(b, "v1");
	start_puts_off(b, "v3", "v1");
}

/* Nobody is stopped when that would not be enough. */
static void nobody_is_put_off_in_vain(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v1", "24Q", ",'preemptible':false");
	ask(b, "v3", "48Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
	assert_int_equal(state_of(b, "v2"), VM_RUNNING);
}

static void nobody_is_put_off_while_there_is_room(void **state)
{
	struct bench *b = *state;

	prepare(b, 2);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start(b, "v3");
	assert_int_equal(bench_events(b, "vm.preempted", NULL), 0);
}

/* What is being taken down is room already: a second start waits for it, and stops nobody else. */
static void room_on_its_way_is_waited_for(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_STOP, "v1", NULL, 0);
	start_puts_off(b, "v3", "");
	bench_obey(b, 4, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_int_equal(state_of(b, "v2"), VM_RUNNING);
}

/* The victim is back in line where it once stood: before those that came after it. */
static void victim_waits_at_its_old_place_and_comes_back(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_START, "v5", "{'wait_s':3600}", 0);
	start_puts_off(b, "v3", "v2");
	assert_string_equal(bench_queue(b), "v3 v2 v5");
	bench_obey(b, 4, false);
	assert_string_equal(bench_queue(b), "v2 v5");
	assert_int_equal(bench_operation(b, "v2")->state, OPERATION_STATE_WAITING);
	assert_string_equal(bench_waiter(b, "v2")->preempted_by, "v3");
	bench_expect(b, COMMAND_VM_STOP, "v3", NULL, 0);
	bench_obey(b, 3, false);
	assert_int_equal(state_of(b, "v2"), VM_RUNNING);
	assert_string_equal(bench_queue(b), "v5");
}

/* Nobody slips into the room between the victim's end and the start that it was made for. */
static void room_is_kept_for_whom_it_is_made(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "48Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2 v1");
	bench_expect(b, COMMAND_VM_START, "v5", NULL, -ERR_NO_CAPACITY);
	bench_obey(b, 2, false);
	bench_expect(b, COMMAND_VM_START, "v5", NULL, -ERR_NO_CAPACITY);
	bench_obey(b, 3, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

static void hold_of_a_victim_does_not_keep_its_room(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'hold_s':3600}", 0);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_obey(b, 3, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

/* A VM that is off and only holds its slice gives it up at no cost: it is not started again. */
static void hold_of_a_stopped_vm_is_taken(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'hold_s':3600}", 0);
	ask(b, "v3", "48Q", ",'priority_class':'high'");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_STOP, "v1", NULL, 0);
	bench_obey(b, 2, false);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
	bench_expect(b, COMMAND_VM_START, "v3", NULL, 0);
	bench_obey(b, 4, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_string_equal(bench_queue(b), "");
}

static void deaf_guest_is_forced_in_the_end(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_obey(b, 2, true);
	bench_wait(b, 29);
	bench_obey(b, 1, true);
	assert_int_equal(bench_vm(b, "v2")->stop_how, STOP_GRACEFUL);
	bench_wait(b, 2);
	assert_int_equal(bench_vm(b, "v2")->stop_how, STOP_FORCE);
	assert_int_equal(bench_events(b, "vm.preempt-forced", "v2"), 1);
	bench_obey(b, 4, true);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

static void dry_run_names_the_victims_and_stops_nobody(void **state)
{
	struct bench *b = *state;
	struct answered a;
	uint64_t before;

	prepare(b, 1);
	ask(b, "v3", "48Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	before = controller_revision(b->c);
	a = bench_do(b, COMMAND_VM_START, "v3", "?");
	assert_int_equal(a.r, 0);
	assert_int_equal(json_array_size(json_object_get(a.body, "victims")), 2);
	answered_done(&a);
	assert_int_equal(controller_revision(b->c), before);
	assert_int_equal(state_of(b, "v1"), VM_RUNNING);
	assert_int_equal(state_of(b, "v2"), VM_RUNNING);
}

static void preemption_survives_a_restart(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_restart(b);
	bench_obey(b, 5, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_string_equal(bench_queue(b), "v2");
}

/* The victim's owner has other plans: stopped is stopped. */
static void stopped_victim_does_not_come_back(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	ask(b, "v3", "24Q", ",'priority_class':'high'");
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_expect(b, COMMAND_VM_STOP, "v2", NULL, 0);
	bench_obey(b, 4, false);
	assert_string_equal(bench_queue(b), "");
	bench_expect(b, COMMAND_VM_STOP, "v3", NULL, 0);
	bench_obey(b, 3, false);
	assert_int_equal(state_of(b, "v2"), VM_STOPPED);
}

/* ---- guarantees ---- */

/* Tenant sure is sure of half the GPU; tenant rich has no limit and no guarantee. */
static void prepare_tenants(struct bench *b)
{
	prepare(b, 1);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'sure','guaranteed_fb_gib':24}", 0);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'rich'}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v1", "{'tenant':'rich'}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'tenant':'rich'}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v3", "{'tenant':'sure'}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v4", "{'tenant':'sure'}", 0);
}

/* What is guaranteed may be borrowed, and is there again when its owner wants it. */
static void guarantee_is_reclaimed_from_borrowers(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_obey(b, 4, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_int_equal(bench_events(b, "vm.reclaimed", "v2"), 1);
	assert_string_equal(bench_queue(b), "v2");
}

/* A guarantee ends where it ends. */
static void more_than_the_guarantee_reclaims_nothing(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	start(b, "v3");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_START, "v4", NULL, -ERR_NO_CAPACITY);
	bench_expect(b, COMMAND_VM_UPDATE, "v4",
		     "{'devices':[{'group':'ai','profile':'NVIDIA L40S-48Q'}]}", 0);
	bench_expect(b, COMMAND_VM_START, "v4", NULL, -ERR_NO_CAPACITY);
	assert_int_equal(bench_events(b, "vm.reclaimed", NULL), 0);
}

/* Two that are both sure of their share do not take it from one another. */
static void guaranteed_share_is_not_reclaimed(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	bench_expect(b, COMMAND_TENANT_UPDATE, "rich", "{'guaranteed_fb_gib':24}", 0);
	start(b, "v1");
	start(b, "v2");
	start_puts_off(b, "v3", "v2");
	bench_obey(b, 4, false);
	bench_expect(b, COMMAND_VM_START, "v4", NULL, -ERR_NO_CAPACITY);
	assert_int_equal(state_of(b, "v1"), VM_RUNNING);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

/* Else the two would stop each other for ever. */
static void priority_does_not_break_a_guarantee(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	bench_expect(b, COMMAND_VM_UPDATE, "v1", "{'priority_class':'high'}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'priority_class':'high'}", 0);
	start(b, "v3");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_START, "v2", NULL, -ERR_NO_CAPACITY);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

/* Within one tenant priority is the only rule: it is its own share. */
static void tenant_may_put_off_its_own(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	ask(b, "v4", "8Q", ",'priority_class':'high'");
	start(b, "v3");
	start_puts_off(b, "v4", "v3");
}

/* The first in line has waited long enough; a guarantee has waited longer. */
static void guarantee_goes_before_the_first_in_line(void **state)
{
	struct bench *b = *state;

	prepare_tenants(b);
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_UPDATE, "v5",
		     "{'devices':[{'group':'ai','profile':'NVIDIA L40S-48Q'}]}", 0);
	bench_expect(b, COMMAND_VM_START, "v5", "{'wait_s':9000}", 0);
	bench_wait(b, 301);
	bench_obey(b, 1, false);
	start_puts_off(b, "v3", "v2");
	bench_obey(b, 4, false);
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lower_priority_makes_room),
		T(class_that_may_not_preempts_nobody),
		T(equal_priority_is_never_put_off),
		T(vm_that_is_not_preemptible_is_never_put_off),
		T(fewest_victims_are_taken),
		T(least_framebuffer_is_taken),
		T(youngest_is_taken),
		T(nobody_is_put_off_in_vain),
		T(nobody_is_put_off_while_there_is_room),
		T(room_on_its_way_is_waited_for),
		T(victim_waits_at_its_old_place_and_comes_back),
		T(room_is_kept_for_whom_it_is_made),
		T(hold_of_a_victim_does_not_keep_its_room),
		T(hold_of_a_stopped_vm_is_taken),
		T(deaf_guest_is_forced_in_the_end),
		T(dry_run_names_the_victims_and_stops_nobody),
		T(preemption_survives_a_restart),
		T(stopped_victim_does_not_come_back),
		T(guarantee_is_reclaimed_from_borrowers),
		T(more_than_the_guarantee_reclaims_nothing),
		T(guaranteed_share_is_not_reclaimed),
		T(priority_does_not_break_a_guarantee),
		T(tenant_may_put_off_its_own),
		T(guarantee_goes_before_the_first_in_line),
	};

	return cmocka_run_group_tests_name("preempt", tests, NULL, NULL);
}
