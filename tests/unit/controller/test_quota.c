/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant may have, and is sure of. */
#include "bench.h"

#include <string.h>

static void give(struct bench *b, const char *vm, const char *tenant, const char *profile)
{
	char body[200];

	snprintf(body, sizeof(body), "{'group':'ai','profile':'NVIDIA L40S-%s'}", profile);
	bench_expect(b, COMMAND_VM_ATTACH, vm, body, 0);
	snprintf(body, sizeof(body), "{'tenant':'%s'}", tenant);
	bench_expect(b, COMMAND_VM_UPDATE, vm, body, 0);
}

/* Two GPUs and four VMs of tenant lab, whose settings are MORE. */
static void prepare(struct bench *b, const char *more, const char *profile)
{
	static const char *const vms[] = { "v1", "v2", "v3", "v4" };
	char body[400];

	bench_join_many(b, 2, 5);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai'}", 0);
	snprintf(body, sizeof(body), "{'name':'lab'%s}", more);
	bench_expect(b, COMMAND_TENANT_CREATE, "", body, 0);
	for (size_t i = 0; i < 4; i++)
		give(b, vms[i], "lab", profile);
}

static void start(struct bench *b, const char *vm)
{
	bench_expect(b, COMMAND_VM_START, vm, NULL, 0);
	bench_obey(b, 1, false);
}

static const struct tenant *lab(struct bench *b)
{
	return controller_get(b->c, OBJECT_TENANT, "lab", NULL);
}

/* Starts VM and expects a refusal that says WORDS. */
static void refused(struct bench *b, const char *vm, const char *words)
{
	struct answered a = bench_do(b, COMMAND_VM_START, vm, NULL);

	assert_int_equal(a.r, -ERR_QUOTA);
	if (!strstr(a.err.text, words))
		fail_msg("'%s' is not in: %s", words, a.err.text);
	assert_true(a.refusals_n > 0);
	answered_done(&a);
}

/* The number, the limit and the remedy: the refusal alone must be enough to act on. */
static void claim_beyond_the_framebuffer_is_refused(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_fb_gib':30", "24Q");
	start(b, "v1");
	refused(b, "v2", "may have 30 GiB of framebuffer and has 24; device gpu0 of VM v2 asks for "
			 "24 more");
	refused(b, "v2", "`facet tenant update lab --fb-gib`");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 1);
}

/* Exactly the limit is allowed: it is a limit, not a fence before it. */
static void claim_up_to_the_limit_is_taken(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_fb_gib':48,'limit_vgpus':2,'slots':[{'profile':'*24Q','max':2}]",
		"24Q");
	start(b, "v1");
	start(b, "v2");
	assert_int_equal(lab(b)->used_fb_mib, 49152);
	assert_int_equal(lab(b)->used_vgpus, 2);
	assert_int_equal(lab(b)->slots[0].used, 2);
	assert_string_equal(lab(b)->over, "");
}

static void claim_beyond_the_vgpus_is_refused(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	start(b, "v1");
	refused(b, "v2", "may have 1 vGPUs and has 1");
}

/* A row counts what fits its pattern, and nothing else. */
static void claim_beyond_the_slots_is_refused(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'slots':[{'profile':'NVIDIA L40S-2*Q','max':1},{'profile':'*-8Q','max':1}]",
		"24Q");
	start(b, "v1");
	refused(b, "v2", "may have 1 NVIDIA L40S-2*Q and has 1");
	assert_int_equal(lab(b)->slots[1].used, 0);
}

static void each_limit_in_the_way_is_a_reason(void **state)
{
	struct bench *b = *state;
	struct answered a;

	prepare(b, ",'limit_fb_gib':24,'limit_vgpus':1,'slots':[{'profile':'*','max':1}]", "24Q");
	start(b, "v1");
	a = bench_do(b, COMMAND_VM_START, "v2", NULL);
	assert_int_equal(a.refusals_n, 3);
	answered_done(&a);
}

/* A limit is the business of the next start; what runs has been promised already. */
static void lower_limit_touches_nothing_and_shows_who_is_over(void **state)
{
	struct bench *b = *state;

	prepare(b, "", "24Q");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'limit_fb_gib':30,'limit_vgpus':1}", 0);
	bench_obey(b, 2, false);
	assert_int_equal(bench_vm(b, "v1")->state, VM_RUNNING);
	assert_int_equal(bench_vm(b, "v2")->state, VM_RUNNING);
	assert_string_equal(lab(b)->over, "48 of 30 GiB of framebuffer; 2 of 1 vGPUs");
	refused(b, "v3", "has 48");
}

static void doctor_names_who_is_over(void **state)
{
	struct bench *b = *state;
	char *text;
	json_t *j;

	prepare(b, ",'limit_vgpus':2", "24Q");
	start(b, "v1");
	start(b, "v2");
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'limit_vgpus':1}", 0);
	j = controller_doctor(b->c);
	text = json_dumps(j, 0);
	assert_non_null(strstr(text, "tenant lab has 2 of 1 vGPUs"));
	free(text);
	json_decref(j);
}

/* Room that is given back can be had again, at once when the host has said so. */
static void released_share_can_be_claimed_again(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_STOP, "v1", NULL, 0);
	refused(b, "v2", "has 1");
	bench_obey(b, 2, false);
	assert_int_equal(lab(b)->used_vgpus, 0);
	start(b, "v2");
}

/* A broken slice is the GPU's matter: nobody pays for it. */
static void slice_in_quarantine_is_nobodys_use(void **state)
{
	struct bench *b = *state;
	char leases[300];

	prepare(b, ",'limit_vgpus':1", "24Q");
	bench_expect(b, COMMAND_VM_START, "v1", NULL, 0);
	snprintf(leases, sizeof(leases),
		 "[{'id':'%s','generation':%u,'state':'failed','error_kind':'io','reason':'EIO'}]",
		 bench_lease(b, 0)->id, bench_lease(b, 0)->generation);
	bench_report(b, "boot-1", leases, "[]");
	assert_int_equal(bench_count(b, OBJECT_LEASE), 2);
	assert_int_equal(lab(b)->used_vgpus, 1);
}

static void vm_without_a_tenant_has_no_limit(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'tenant':''}", 0);
	start(b, "v2");
	assert_int_equal(lab(b)->used_vgpus, 1);
}

/* A VM that changes hands with what it holds is a claim on the new tenant. */
static void running_vm_does_not_slip_into_a_full_tenant(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'tenant':''}", 0);
	start(b, "v2");
	start(b, "v1");
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'tenant':'lab'}", -ERR_QUOTA);
	assert_string_equal(bench_vm(b, "v2")->tenant, "");
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'limit_vgpus':2}", 0);
	bench_expect(b, COMMAND_VM_UPDATE, "v2", "{'tenant':'lab'}", 0);
	assert_int_equal(lab(b)->used_vgpus, 2);
}

static void optional_device_is_skipped_at_the_limit(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	bench_expect(b, COMMAND_VM_ATTACH, "v1",
		     "{'group':'ai','profile':'NVIDIA L40S-24Q','optional':true}", 0);
	start(b, "v1");
	assert_int_equal(bench_vm(b, "v1")->state, VM_RUNNING);
	assert_int_equal(lab(b)->used_vgpus, 1);
}

/* Get, change one field, send: what was counted comes back with it, and is not a change. */
static void what_was_counted_may_be_sent_back(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'slots':[{'profile':'*','max':4}]", "24Q");
	start(b, "v1");
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab",
		     "{'name':'lab','used_fb_mib':7,'used_vgpus':9,'over':'x','slots':"
		     "[{'profile':'*','max':5,'used':3}]}", 0);
	assert_int_equal(lab(b)->used_vgpus, 1);
	assert_int_equal(lab(b)->slots[0].max, 5);
}

static void limits_have_ranges(void **state)
{
	struct bench *b = *state;

	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','limit_fb_gib':1048577}",
		     -ERR_INVALID);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','limit_vgpus':-1}", -ERR_INVALID);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','slots':[{'max':1}]}",
		     -ERR_INVALID);
	bench_expect(b, COMMAND_TENANT_CREATE, "",
		     "{'name':'t','limit_fb_gib':8,'guaranteed_fb_gib':9}", -ERR_INVALID);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','limit_fb_gib':1048576}", 0);
}

static void tenant_of_a_vm_must_be_there_and_stays(void **state)
{
	struct bench *b = *state;

	prepare(b, "", "24Q");
	bench_expect(b, COMMAND_VM_UPDATE, "v1", "{'tenant':'nobody'}", -ERR_NOT_FOUND);
	bench_expect(b, COMMAND_TENANT_DELETE, "lab", NULL, -ERR_BUSY);
	for (char vm[] = "v1"; vm[1] <= '4'; vm[1]++)
		bench_expect(b, COMMAND_VM_UPDATE, vm, "{'tenant':''}", 0);
	bench_expect(b, COMMAND_TENANT_DELETE, "lab", NULL, 0);
}

/* Two promises that can not both be kept are one too many. */
static void more_than_the_pool_is_not_guaranteed(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'guaranteed_fb_gib':60", "24Q");
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','guaranteed_fb_gib':37}",
		     -ERR_QUOTA);
	bench_expect(b, COMMAND_TENANT_CREATE, "", "{'name':'t','guaranteed_fb_gib':36}", 0);
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'guaranteed_fb_gib':61}", -ERR_QUOTA);
	bench_expect(b, COMMAND_TENANT_UPDATE, "lab", "{'description':'same promise'}", 0);
}

static void use_is_the_same_after_a_restart(void **state)
{
	struct bench *b = *state;

	prepare(b, ",'limit_vgpus':1", "24Q");
	start(b, "v1");
	bench_restart(b);
	assert_int_equal(lab(b)->used_vgpus, 1);
	bench_obey(b, 1, false);
	refused(b, "v2", "has 1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(claim_beyond_the_framebuffer_is_refused),
		T(claim_up_to_the_limit_is_taken),
		T(claim_beyond_the_vgpus_is_refused),
		T(claim_beyond_the_slots_is_refused),
		T(each_limit_in_the_way_is_a_reason),
		T(lower_limit_touches_nothing_and_shows_who_is_over),
		T(doctor_names_who_is_over),
		T(released_share_can_be_claimed_again),
		T(slice_in_quarantine_is_nobodys_use),
		T(vm_without_a_tenant_has_no_limit),
		T(running_vm_does_not_slip_into_a_full_tenant),
		T(optional_device_is_skipped_at_the_limit),
		T(what_was_counted_may_be_sent_back),
		T(limits_have_ranges),
		T(tenant_of_a_vm_must_be_there_and_stays),
		T(more_than_the_pool_is_not_guaranteed),
		T(use_is_the_same_after_a_restart),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
