/* SPDX-License-Identifier: Apache-2.0 */
/* Moves that would help: what a plan says, whom it leaves alone, and what a refusal adds. */
#include "bench.h"

#include <string.h>

#include "base/text.h"

/* ---- hosts that do what they are told ---- */

static void report(struct bench *b, const char *host, const char *driver, unsigned functions)
{
	struct text t = { 0 };

	text_add(&t, "{'host':'%s','boot_id':'boot-1','has_inventory':true,"
		     "'facts':{'name':'%s','driver_version':'%s'},'gpus':["
		     "{'address':'0000:41:00.0','board':'NVIDIA L40S','pci_device':'26b9',"
		     "'framework':'vendor-vfio','fb_mib':49152,'poolable':true,'vf_total':32,"
		     "'vf_enabled':%u,'functions':[", host, host, driver, functions);
	for (unsigned i = 0; i < functions; i++)
		text_add(&t, "%s'0000:41:%02x.%u'", i ? "," : "", (i + 4) / 8, (i + 4) % 8);
	text_add(&t, "]}],'vms':[");
	for (unsigned i = 0; i < 4; i++)
		text_add(&t, "%s{'name':'%s-%u','uuid':'%c0000000-1111-4111-8111-11111111111%u',"
			     "'state':'stopped'}", i ? "," : "", host, i + 1, host[1], i + 1);
	text_add(&t, "]}");
	bench_expect(b, COMMAND_HOST_REPORT, host, t.data, 0);
	text_done(&t);
	for (unsigned i = 0; i < 4; i++) {
		char body[100];

		snprintf(body, sizeof(body), "{'name':'%s-%u','host':'%s'}", host, i + 1, host);
		bench_expect(b, COMMAND_VM_CREATE, "", body, 0);
	}
}

struct obedience {
	struct text t;
	const char *host;
	bool first;
};

static bool obey_lease(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct lease *l = object;
	struct obedience *o = user;
	bool leaves = l->state == LEASE_RELEASING;

	(void)revision;
	if (strcmp(l->host, o->host) != 0)
		return true;
	text_add(&o->t, "%s{'id':'%s','generation':%u,'state':'%s','placement':%u%s}",
		 o->first ? "" : ",", id, l->generation,
		 leaves ? "releasing" : l->expires_ms ? "ready" : "attached", l->placement,
		 leaves ? ",'gone':true" : "");
	o->first = false;
	return true;
}

static bool obey_vm(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct vm *vm = object;
	struct obedience *o = user;

	(void)revision;
	if (strcmp(vm->host, o->host) != 0)
		return true;
	text_add(&o->t, "%s{'name':'%s','uuid':'%s','state':'%s','run':%u}", o->first ? "" : ",",
		 id, vm->uuid, vm->wanted == VM_WANTED_RUNNING ? "running" : "stopped", vm->run);
	o->first = false;
	return true;
}

static void obey(struct bench *b, const char *host)
{
	for (int i = 0; i < 2; i++) {
		struct obedience o = { .host = host, .first = true };

		b->clock.now_us += 1000;
		text_add(&o.t, "{'host':'%s','boot_id':'boot-1','revision':%ju,'leases':[", host,
			 (uintmax_t)controller_revision(b->c));
		controller_each(b->c, OBJECT_LEASE, "", obey_lease, &o);
		text_add(&o.t, "],'vms':[");
		o.first = true;
		controller_each(b->c, OBJECT_VM, "", obey_vm, &o);
		text_add(&o.t, "]}");
		bench_expect(b, COMMAND_HOST_REPORT, host, o.t.data, 0);
		text_done(&o.t);
	}
}

/* VM of HOST asks for PROFILE of GROUP from now on. */
static void ask(struct bench *b, const char *vm, const char *group, const char *profile)
{
	char body[200];

	snprintf(body, sizeof(body), "{'devices':[{'group':'%s','profile':'NVIDIA L40S-%s'}]}",
		 group, profile);
	bench_expect(b, COMMAND_VM_UPDATE, vm, body, 0);
}

static void run(struct bench *b, const char *vm, const char *profile)
{
	char host[] = "h0";

	host[1] = vm[1];
	ask(b, vm, "ai", profile);
	bench_expect(b, COMMAND_VM_START, vm, NULL, 0);
	obey(b, host);
	assert_int_equal(bench_vm(b, vm)->state, VM_RUNNING);
}

/* N hosts h1, h2, ... with one L40S and VMs hN-1 to hN-4 each. */
static void prepare(struct bench *b, unsigned n)
{
	char host[] = "h1";

	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai','mode':'mixed-size'}", 0);
	for (unsigned i = 0; i < n; i++, host[1]++)
		report(b, host, "595.58", 8);
}

/* ---- plans ---- */

static json_t *plan(struct bench *b, const char *group, uint32_t moves, uint32_t budget_s)
{
	const struct rebalance ask = { group, moves, budget_s };
	struct error err = { 0 };
	json_t *j = NULL;

	if (controller_rebalance(b->c, &ask, &j, &err) < 0)
		fail_msg("%s", err.text);
	return j;
}

static const char *member(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

static json_int_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const json_t *row(const json_t *j, const char *list, size_t i)
{
	return json_array_get(json_object_get(j, list), i);
}

static size_t rows(const json_t *j, const char *list)
{
	return json_array_size(json_object_get(j, list));
}

static void expect_move(const json_t *j, const char *vm, const char *from, const char *to)
{
	assert_int_equal(rows(j, "moves"), 1);
	assert_string_equal(member(row(j, "moves", 0), "vm"), vm);
	assert_string_equal(member(row(j, "moves", 0), "from"), from);
	assert_string_equal(member(row(j, "moves", 0), "to"), to);
}

/* Two GPUs with 8 GiB in use each: one of them can be whole again. */
static void plan_empties_a_gpu(void **state)
{
	struct bench *b = *state;
	json_t *j;

	prepare(b, 2);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	j = plan(b, NULL, 50, 0);
	expect_move(j, "h2-1", "h2@0000:41:00.0", "h1@0000:41:00.0");
	assert_non_null(strstr(member(row(j, "moves", 0), "buys"), "+1 NVIDIA L40S-48Q"));
	assert_int_equal(number(row(j, "moves", 0), "pause_ms"), 9600);
	assert_true(number(row(j, "groups", 0), "room_after_milli") >
		    number(row(j, "groups", 0), "room_before_milli"));
	json_decref(j);
	/* Nothing was changed by asking. */
	assert_int_equal(bench_lease(b, 0)->state, LEASE_ATTACHED);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 2);
}

static void plan_keeps_to_its_budget(void **state)
{
	struct bench *b = *state;
	json_t *j;

	prepare(b, 2);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	j = plan(b, "ai", 50, 9);
	assert_int_equal(rows(j, "moves"), 0);
	json_decref(j);
	j = plan(b, "ai", 50, 10);
	assert_int_equal(rows(j, "moves"), 1);
	json_decref(j);
}

static void expect_kept(struct bench *b, const char *vm, const char *why)
{
	json_t *j = plan(b, NULL, 50, 0);

	assert_int_equal(rows(j, "moves"), 0);
	for (size_t i = 0; i < rows(j, "kept"); i++)
		if (strcmp(member(row(j, "kept", i), "vm"), vm) == 0) {
			assert_non_null(strstr(member(row(j, "kept", i), "why"), why));
			json_decref(j);
			return;
		}
	fail_msg("nothing is said of %s", vm);
}

static void vm_without_a_target_is_named(void **state)
{
	struct bench *b = *state;

	prepare(b, 1);
	report(b, "h2", "580.10", 8);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	expect_kept(b, "h2-1", "driver version");
	expect_kept(b, "h1-1", "driver version");
}

static void cordoned_host_takes_no_part(void **state)
{
	struct bench *b = *state;

	prepare(b, 2);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	bench_expect(b, COMMAND_HOST_UPDATE, "h1", "{'state':'cordoned'}", 0);
	expect_kept(b, "h2-1", "no other ready host");
}

/* A vGPU needs a function: the one that h1 has is taken, so the longer pause it is. */
static void gpu_without_a_free_function_is_no_target(void **state)
{
	struct bench *b = *state;
	json_t *j;

	prepare(b, 0);
	report(b, "h1", "595.58", 1);
	report(b, "h2", "595.58", 8);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	j = plan(b, NULL, 50, 0);
	expect_move(j, "h1-1", "h1@0000:41:00.0", "h2@0000:41:00.0");
	json_decref(j);
}

static void only_what_runs_is_moved(void **state)
{
	struct bench *b = *state;

	prepare(b, 2);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'hold_s':600}", 0);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	bench_expect(b, COMMAND_VM_STOP, "h2-1", NULL, 0);
	obey(b, "h2");
	/* What is held stays; the other could go there, but gains nothing more. */
	bench_expect(b, COMMAND_VM_STOP, "h1-1", NULL, 0);
	obey(b, "h1");
	expect_kept(b, "h2-1", "only what runs");
}

static void groups_that_can_not_be_planned_say_why(void **state)
{
	struct bench *b = *state;
	json_t *j;

	prepare(b, 2);
	run(b, "h1-1", "16Q");
	run(b, "h2-1", "8Q");
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'whole','mode':'passthrough'}", 0);
	bench_expect(b, COMMAND_GROUP_UPDATE, "ai", "{'policy':'spread'}", 0);
	j = plan(b, NULL, 50, 0);
	assert_int_equal(rows(j, "moves"), 0);
	assert_int_equal(rows(j, "groups"), 2);
	assert_non_null(strstr(member(row(j, "groups", 0), "why"), "spreads"));
	assert_non_null(strstr(member(row(j, "groups", 1), "why"), "passthrough"));
	json_decref(j);
}

static void gpu_of_two_groups_is_planned_once(void **state)
{
	struct bench *b = *state;
	json_t *j;

	prepare(b, 2);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'b','mode':'mixed-size'}", 0);
	run(b, "h1-1", "16Q");
	ask(b, "h2-1", "b", "8Q");
	bench_expect(b, COMMAND_VM_START, "h2-1", NULL, 0);
	obey(b, "h2");
	j = plan(b, NULL, 50, 0);
	expect_move(j, "h1-1", "h1@0000:41:00.0", "h2@0000:41:00.0");
	json_decref(j);
	j = plan(b, "b", 50, 0);
	expect_move(j, "h2-1", "h2@0000:41:00.0", "h1@0000:41:00.0");
	json_decref(j);
}

static void unknown_group_is_an_error(void **state)
{
	struct bench *b = *state;
	const struct rebalance ask = { "none", 50, 0 };
	struct error err;
	json_t *j;

	assert_int_equal(controller_rebalance(b->c, &ask, &j, &err), -ERR_NOT_FOUND);
}

/* ---- refusals ---- */

static const char hint[] = "one move frees a slot: h1-1 from h1@0000:41:00.0 to h2@0000:41:00.0, "
			   "about 10 s pause";

static void refusal_names_the_move_that_would_help(void **state)
{
	struct bench *b = *state;
	struct answered a;
	struct error err;
	json_t *j;

	prepare(b, 2);
	run(b, "h1-1", "8Q");
	run(b, "h2-1", "16Q");
	ask(b, "h1-2", "ai", "48Q");
	a = bench_do(b, COMMAND_VM_START, "h1-2", NULL);
	assert_int_equal(a.r, -ERR_NO_CAPACITY);
	assert_non_null(strstr(a.err.text, hint));
	answered_done(&a);
	assert_int_equal(controller_explain_vm(b->c, "h1-2", &j, &err), 0);
	assert_string_equal(member(j, "would_help"), hint);
	json_decref(j);
}

/* No move on another host lets it in, and none is told where there is none. */
static void refusal_that_no_move_helps_names_none(void **state)
{
	struct bench *b = *state;
	struct error err;
	json_t *j;

	prepare(b, 2);
	run(b, "h1-1", "8Q");
	run(b, "h1-2", "8Q");
	ask(b, "h1-3", "ai", "48Q");
	assert_int_equal(controller_explain_vm(b->c, "h1-3", &j, &err), 0);
	assert_string_equal(member(j, "would_help"), "");
	json_decref(j);
	ask(b, "h1-3", "ai", "16Q");
	assert_int_equal(controller_explain_vm(b->c, "h1-3", &j, &err), 0);
	assert_string_equal(member(j, "would_help"), "");
	json_decref(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plan_empties_a_gpu),
		TEST(plan_keeps_to_its_budget),
		TEST(vm_without_a_target_is_named),
		TEST(cordoned_host_takes_no_part),
		TEST(gpu_without_a_free_function_is_no_target),
		TEST(only_what_runs_is_moved),
		TEST(groups_that_can_not_be_planned_say_why),
		TEST(gpu_of_two_groups_is_planned_once),
		TEST(unknown_group_is_an_error),
		TEST(refusal_names_the_move_that_would_help),
		TEST(refusal_that_no_move_helps_names_none),
	};

	return cmocka_run_group_tests_name("rebalance", tests, NULL, NULL);
}
