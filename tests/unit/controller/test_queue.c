/* SPDX-License-Identifier: Apache-2.0 */
/* Starts that wait: their order, their end, and that nobody waits for ever behind smaller ones. */
#include "bench.h"

#include <string.h>

/* What VM asks for from now on. */
static void ask(struct bench *b, const char *vm, const char *group, const char *profile, int count)
{
	char body[200];

	snprintf(body, sizeof(body),
		 "{'devices':[{'group':'%s','profile':'NVIDIA L40S-%s','count':%d}]}", group,
		 profile, count);
	bench_expect(b, COMMAND_VM_UPDATE, vm, body, 0);
}

/* One GPU, cut in two for VMs v1 to v8. */
static void prepare(struct bench *b)
{
	char vm[] = "v1";

	bench_join_many(b, 1, 8);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai','overtake_s':100}", 0);
	for (; vm[1] <= '8'; vm[1]++)
		bench_expect(b, COMMAND_VM_ATTACH, vm,
			     "{'group':'ai','profile':'NVIDIA L40S-24Q'}", 0);
}

static void start(struct bench *b, const char *vm)
{
	bench_expect(b, COMMAND_VM_START, vm, NULL, 0);
	bench_obey(b, 1, false);
	assert_int_equal(bench_vm(b, vm)->state, VM_RUNNING);
}

static void wait_for_room(struct bench *b, const char *vm)
{
	bench_expect(b, COMMAND_VM_START, vm, "{'wait_s':3600}", 0);
	b->clock.now_us += 1000;
}

static void stop(struct bench *b, const char *vm)
{
	bench_expect(b, COMMAND_VM_STOP, vm, NULL, 0);
	bench_obey(b, 3, false);
}

static int state_of(struct bench *b, const char *vm)
{
	return bench_vm(b, vm)->state;
}

/* The GPU is full, and V waits. */
static void fill_and_wait(struct bench *b, const char *vm)
{
	prepare(b);
	start(b, "v1");
	start(b, "v2");
	wait_for_room(b, vm);
}

static void start_that_may_not_wait_is_refused(void **state)
{
	struct bench *b = *state;

	prepare(b);
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
	bench_expect(b, COMMAND_VM_START, "v3", "{'wait_s':0}", -ERR_INVALID);
	bench_expect(b, COMMAND_VM_START, "v3", "{'wait_s':'1h'}", -ERR_INVALID);
	assert_string_equal(bench_queue(b), "");
}

static void waiting_start_goes_on_when_room_comes(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_WAITING);
	assert_string_equal(bench_operation(b, "v3")->steps[0].name, "wait");
	assert_int_equal(bench_operation(b, "v3")->steps[0].state, STEP_RUNNING);
	assert_true(strlen(bench_waiter(b, "v3")->waits_for) > 0);
	assert_int_equal(state_of(b, "v3"), VM_STOPPED);
	stop(b, "v1");
	assert_string_equal(bench_queue(b), "");
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_DONE);
}

/* A release frees room when the host says so, not when it is asked for. */
static void nobody_starts_before_the_room_is_there(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	bench_expect(b, COMMAND_VM_STOP, "v1", NULL, 0);
	assert_int_equal(state_of(b, "v3"), VM_STOPPED);
	bench_obey(b, 1, false);
	assert_int_equal(state_of(b, "v3"), VM_STOPPED);
	bench_obey(b, 1, false);
	assert_int_equal(state_of(b, "v3"), VM_STARTING);
}

static void order_is_priority_then_arrival(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	wait_for_room(b, "v4");
	bench_expect(b, COMMAND_VM_UPDATE, "v5", "{'priority':9}", 0);
	wait_for_room(b, "v5");
	assert_string_equal(bench_queue(b), "v5 v3 v4");
	assert_int_equal(bench_waiter(b, "v4")->position, 3);
	stop(b, "v1");
	assert_int_equal(state_of(b, "v5"), VM_RUNNING);
	assert_string_equal(bench_queue(b), "v3 v4");
	assert_int_equal(bench_waiter(b, "v4")->position, 2);
	stop(b, "v2");
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

/* A place is the order of arrival: asking for another priority does not lose it. */
static void priority_may_change_while_it_waits(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	wait_for_room(b, "v4");
	bench_expect(b, COMMAND_CLASS_CREATE, "", "{'name':'c','value':5}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v4", "{'priority_class':'c'}", 0);
	assert_string_equal(bench_queue(b), "v4 v3");
	bench_expect(b, COMMAND_CLASS_UPDATE, "c", "{'value':0}", 0);
	assert_string_equal(bench_queue(b), "v3 v4");
	assert_int_equal(bench_waiter(b, "v3")->position, 1);
}

static void deadline_ends_the_wait_with_the_reasons(void **state)
{
	struct bench *b = *state;
	const struct operation *op;

	fill_and_wait(b, "v3");
	bench_wait(b, 3590);
	bench_obey(b, 1, false);
	assert_string_equal(bench_queue(b), "v3");
	bench_wait(b, 11);
	assert_string_equal(bench_queue(b), "");
	op = bench_operation(b, "v3");
	assert_int_equal(op->state, OPERATION_STATE_FAILED);
	assert_string_equal(op->error_kind, "no-capacity");
	assert_non_null(strstr(op->error, "the deadline has passed"));
	assert_int_equal(op->refusals_n, 1);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 2);
}

static void cancel_and_stop_leave_the_queue(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	wait_for_room(b, "v4");
	bench_expect(b, COMMAND_OPERATION_CANCEL, bench_operation(b, "v3")->id, NULL, 0);
	assert_string_equal(bench_queue(b), "v4");
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_CANCELLED);
	bench_expect(b, COMMAND_VM_DELETE, "v4", NULL, -ERR_BUSY);
	bench_expect(b, COMMAND_VM_STOP, "v4", NULL, 0);
	assert_string_equal(bench_queue(b), "");
	stop(b, "v1");
	assert_int_equal(state_of(b, "v4"), VM_STOPPED);
	start(b, "v3");
}

static void second_start_of_a_waiting_vm_is_refused(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	bench_expect(b, COMMAND_VM_START, "v3", "{'wait_s':60}", -ERR_BUSY);
	assert_string_equal(bench_queue(b), "v3");
}

static void queue_survives_a_restart(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	wait_for_room(b, "v4");
	bench_restart(b);
	assert_string_equal(bench_queue(b), "v3 v4");
	assert_int_equal(bench_waiter(b, "v4")->position, 2);
	bench_expect(b, COMMAND_VM_UPDATE, "v5", "{'priority':0}", 0);
	wait_for_room(b, "v5");
	assert_string_equal(bench_queue(b), "v3 v4 v5");
	bench_obey(b, 1, false);
	stop(b, "v2");
	assert_int_equal(state_of(b, "v3"), VM_RUNNING);
}

static void new_gpu_lets_a_waiter_in(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	bench_join_many(b, 2, 8);
	assert_int_equal(state_of(b, "v3"), VM_STARTING);
}

static void changed_group_lets_a_waiter_in(void **state)
{
	struct bench *b = *state;

	prepare(b);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'filter':'board contains T4'}", 0);
	wait_for_room(b, "v3");
	assert_string_equal(bench_queue(b), "v3");
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'filter':''}", 0);
	assert_int_equal(state_of(b, "v3"), VM_STARTING);
}

static void host_that_is_ready_again_lets_a_waiter_in(void **state)
{
	struct bench *b = *state;

	prepare(b);
	bench_expect(b, COMMAND_HOST_UPDATE, "h1", "{'state':'cordoned'}", 0);
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_UNAVAILABLE);
	wait_for_room(b, "v3");
	assert_string_equal(bench_waiter(b, "v3")->kind, "unavailable");
	bench_expect(b, COMMAND_HOST_UPDATE, "h1", "{'state':'ready'}", 0);
	assert_int_equal(state_of(b, "v3"), VM_STARTING);
}

/* Who waits for a quota is in nobody's way. */
static void raised_quota_lets_a_waiter_in(void **state)
{
	struct bench *b = *state;

	prepare(b);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'lab','limit_fb_gib':8}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v3", "{'tenant':'lab'}", 0);
	wait_for_room(b, "v3");
	assert_string_equal(bench_waiter(b, "v3")->kind, "quota");
	bench_wait(b, 1000);
	bench_obey(b, 1, false);
	start(b, "v1");
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'limit_fb_gib':24}", 0);
	assert_int_equal(state_of(b, "v3"), VM_STARTING);
}

/* A slice in quarantine keeps its GPU cut as it was: a group that wants it otherwise is told so by
 * placement, before the ledger has to refuse what was chosen. */
static void other_cut_of_a_broken_slice_is_a_reason(void **state)
{
	struct bench *b = *state;
	struct answered a;
	char leases[300];

	prepare(b);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'mode':'mixed-size'}", 0);
	bench_expect(b, COMMAND_VM_START, "v1", NULL, 0);
	snprintf(leases, sizeof(leases),
		 "[{'id':'%s','generation':%u,'state':'failed','error_kind':'io','reason':'EIO'}]",
		 bench_lease(b, 0)->id, bench_lease(b, 0)->generation);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'mode':'equal-size'}", 0);
	bench_report(b, "boot-1", leases, "[]");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_QUARANTINED);
	a = bench_do(b, COMMAND_VM_START, "v2", NULL);
	assert_int_equal(a.r, -ERR_NO_CAPACITY);
	answered_done(&a);
}

/* What nothing can help any more is told, not kept waiting. */
static void wait_for_what_is_gone_ends(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	ask(b, "v3", "ai", "7Q", 1);
	stop(b, "v1");
	assert_string_equal(bench_queue(b), "");
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_FAILED);
	assert_string_equal(bench_operation(b, "v3")->error_kind, "not-found");
}

/* Time alone lets nobody in: as long as nothing changes nothing is tried, and nothing written. */
static void nothing_is_written_while_nothing_changes(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	fill_and_wait(b, "v3");
	bench_wait(b, 1);
	before = controller_revision(b->c);
	for (int i = 0; i < 20; i++)
		bench_wait(b, 1);
	assert_int_equal(controller_revision(b->c), before);
}

/* BIG needs the whole GPU, of which small ones each take a half. */
static void big_waits(struct bench *b)
{
	prepare(b);
	ask(b, "v7", "ai", "48Q", 1);
	start(b, "v1");
	start(b, "v2");
	wait_for_room(b, "v7");
	assert_int_equal(state_of(b, "v7"), VM_STOPPED);
}

static void smaller_ones_overtake_for_a_while(void **state)
{
	struct bench *b = *state;

	big_waits(b);
	bench_wait(b, 90);
	bench_obey(b, 1, false);
	stop(b, "v1");
	start(b, "v3");
}

/* The bound on waiting: once it has been first for overtake_s, every half that comes free stays
 * free until both are. */
static void nobody_is_overtaken_for_ever(void **state)
{
	struct bench *b = *state;

	big_waits(b);
	wait_for_room(b, "v6");
	bench_wait(b, 101);
	bench_obey(b, 1, false);
	stop(b, "v1");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
	assert_int_equal(state_of(b, "v6"), VM_STOPPED);
	assert_string_equal(bench_queue(b), "v7 v6");
	stop(b, "v2");
	assert_int_equal(state_of(b, "v7"), VM_RUNNING);
}

/* The bound holds for those of the same priority or lower; a higher one goes before. */
static void higher_priority_still_goes_first(void **state)
{
	struct bench *b = *state;

	big_waits(b);
	bench_wait(b, 101);
	bench_obey(b, 1, false);
	stop(b, "v1");
	bench_expect(b, COMMAND_VM_UPDATE, "v3", "{'priority':1}", 0);
	start(b, "v3");
}

/* A group over the same GPUs is no way round. */
static void another_group_is_no_way_round(void **state)
{
	struct bench *b = *state;

	big_waits(b);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'other'}", 0);
	ask(b, "v8", "other", "24Q", 1);
	bench_wait(b, 101);
	bench_obey(b, 1, false);
	stop(b, "v1");
	bench_expect(b, COMMAND_VM_START, "v8", NULL, -ERR_NO_CAPACITY);
}

static void bound_counts_from_before_a_restart(void **state)
{
	struct bench *b = *state;

	big_waits(b);
	bench_wait(b, 60);
	bench_obey(b, 1, false);
	bench_restart(b);
	bench_wait(b, 41);
	bench_obey(b, 1, false);
	stop(b, "v1");
	bench_expect(b, COMMAND_VM_START, "v3", NULL, -ERR_NO_CAPACITY);
}

/* It asks for three halves of two: nothing that comes free here would ever help it. */
static void hopeless_request_holds_nobody_up(void **state)
{
	struct bench *b = *state;

	prepare(b);
	ask(b, "v7", "ai", "24Q", 3);
	start(b, "v1");
	wait_for_room(b, "v7");
	bench_wait(b, 1000);
	bench_obey(b, 1, false);
	start(b, "v2");
}

static void dry_run_says_that_it_would_wait(void **state)
{
	struct bench *b = *state;
	struct answered a;

	prepare(b);
	start(b, "v1");
	start(b, "v2");
	a = bench_do(b, COMMAND_VM_START, "v3", "?{'wait_s':60}");
	assert_int_equal(a.r, 0);
	assert_string_equal(json_string_value(json_object_get(a.body, "state")), "waiting");
	answered_done(&a);
	assert_string_equal(bench_queue(b), "");
	assert_null(bench_operation(b, "v3"));
}

/* The document that a person reads when nothing starts: place, right, and what is in the way. */
static void explanation_tells_turn_and_quota(void **state)
{
	struct bench *b = *state;
	json_t *j = NULL, *device;

	fill_and_wait(b, "v3");
	assert_int_equal(controller_explain_vm(b->c, "v3", &j, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "queue"),
							    "position")), 1);
	json_decref(j);
	stop(b, "v1");
	stop(b, "v3");
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'lab','limit_fb_gib':8}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v4", "{'tenant':'lab','priority':3}", 0);
	assert_int_equal(controller_explain_vm(b->c, "v4", &j, NULL), 0);
	assert_true(json_is_null(json_object_get(j, "queue")));
	assert_int_equal(json_integer_value(json_object_get(j, "priority")), 3);
	device = json_array_get(json_object_get(j, "devices"), 0);
	assert_true(json_is_false(json_object_get(device, "fits")));
	assert_non_null(strstr(json_string_value(json_object_get(device, "summary")),
			       "tenant lab may have 8 GiB"));
	json_decref(j);
}

/* Started by hand meanwhile: there is nothing to wait for. */
static void vm_that_runs_already_waits_no_longer(void **state)
{
	struct bench *b = *state;

	fill_and_wait(b, "v3");
	bench_report(b, "boot-1", "[]",
		     "[{'name':'v3','uuid':'00000003-1111-4111-8111-111111111111',"
		     "'state':'running'}]");
	assert_string_equal(bench_queue(b), "");
	assert_int_equal(bench_operation(b, "v3")->state, OPERATION_STATE_FAILED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(start_that_may_not_wait_is_refused),
		T(waiting_start_goes_on_when_room_comes),
		T(nobody_starts_before_the_room_is_there),
		T(order_is_priority_then_arrival),
		T(priority_may_change_while_it_waits),
		T(deadline_ends_the_wait_with_the_reasons),
		T(cancel_and_stop_leave_the_queue),
		T(second_start_of_a_waiting_vm_is_refused),
		T(queue_survives_a_restart),
		T(new_gpu_lets_a_waiter_in),
		T(changed_group_lets_a_waiter_in),
		T(host_that_is_ready_again_lets_a_waiter_in),
		T(raised_quota_lets_a_waiter_in),
		T(other_cut_of_a_broken_slice_is_a_reason),
		T(wait_for_what_is_gone_ends),
		T(nothing_is_written_while_nothing_changes),
		T(smaller_ones_overtake_for_a_while),
		T(nobody_is_overtaken_for_ever),
		T(higher_priority_still_goes_first),
		T(another_group_is_no_way_round),
		T(bound_counts_from_before_a_restart),
		T(hopeless_request_holds_nobody_up),
		T(explanation_tells_turn_and_quota),
		T(dry_run_says_that_it_would_wait),
		T(vm_that_runs_already_waits_no_longer),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
