/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are changed while leases are held, and VMs that move or go. */
#include "bench.h"

#include <string.h>

#define PROFILE "NVIDIA L40S-8Q"
#define UUID1 "11111111-1111-4111-8111-111111111111"
#define HELD_MAX 8

static void tell(struct bench *b, const char *lease_state, const char *more, const char *vm_state,
		 const char *vm_more)
{
	char text[4000] = "[", vms[300];
	const struct lease *l;

	for (size_t i = 0;
	     (l = bench_lease(b, i)) && i < HELD_MAX && i < bench_count(b, OBJECT_LEASE); i++) {
		size_t n = strlen(text);

		if (i > 0 && l == bench_lease(b, i - 1))
			break;
		snprintf(text + n, sizeof(text) - n, "%s{'id':'%s','generation':%u,'state':'%s'%s}",
			 i ? "," : "", l->id, l->generation, lease_state, more);
	}
	strcat(text, "]");
	snprintf(vms, sizeof(vms), "[{'name':'web01','uuid':'" UUID1 "','state':'%s','run':%u%s}]",
		 vm_state, ((const struct vm *)controller_get(b->c, OBJECT_VM, "web01", NULL))->run,
		 vm_more);
	bench_report(b, "boot-1", text, vms);
}

/* web01 has been up with COUNT vGPUs, which are now held. */
static void hold(struct bench *b, unsigned count)
{
	char device[200];

	bench_join(b, 8);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai','filter':'','hold_s':600}", 0);
	snprintf(device, sizeof(device), "{'group':'ai','profile':'" PROFILE "','count':%u}",
		 count);
	bench_expect(b, COMMAND_VM_ATTACH, "web01", device, 0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	tell(b, "ready", "", "stopped", "");
	tell(b, "attached", "", "running", "");
	tell(b, "attached", "", "running", "");
	tell(b, "ready", "", "stopped", ",'ended':true");
	assert_int_equal(bench_lease(b, 0)->state, LEASE_READY);
	assert_true(bench_lease(b, 0)->expires_ms > 0);
}

static size_t in_state(struct bench *b, enum lease_state state)
{
	size_t all = bench_count(b, OBJECT_LEASE), n = 0;

	for (size_t i = 0; i < all; i++)
		n += bench_lease(b, i)->state == (int)state;
	return n;
}

/* One more is reserved beside those held, not the whole number anew. */
static void larger_count_reserves_only_what_is_missing(void **state)
{
	struct bench *b = *state;
	uint32_t indexes = 0;

	hold(b, 2);
	bench_expect(b, COMMAND_VM_UPDATE, "web01",
		     "{'devices':[{'name':'gpu0','group':'ai','profile':'" PROFILE "','count':3}]}",
		     0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 3);
	for (size_t i = 0; i < 3; i++)
		indexes |= 1u << bench_lease(b, i)->index;
	assert_int_equal(indexes, 7);
}

static void smaller_count_gives_back_the_rest(void **state)
{
	struct bench *b = *state;

	hold(b, 3);
	bench_expect(b, COMMAND_VM_UPDATE, "web01",
		     "{'devices':[{'name':'gpu0','group':'ai','profile':'" PROFILE "','count':1}]}",
		     0);
	assert_int_equal(in_state(b, LEASE_RELEASING), 2);
	assert_int_equal(in_state(b, LEASE_READY), 1);
}

/* What is held for one profile is no vGPU of another. */
static void changed_profile_gives_back_what_was_held(void **state)
{
	struct bench *b = *state;

	hold(b, 1);
	bench_expect(b, COMMAND_VM_UPDATE, "web01",
		     "{'devices':[{'name':'gpu0','group':'ai','profile':'NVIDIA L40S-4Q'}]}", 0);
	assert_int_equal(in_state(b, LEASE_RELEASING), 1);
}

/* Nothing in the VM asks for it any more: held, it would be in the VM at its next start. */
static void device_detached_while_running_is_not_held(void **state)
{
	struct bench *b = *state;

	hold(b, 1);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	tell(b, "attached", "", "running", "");
	bench_expect(b, COMMAND_VM_DETACH, "web01#gpu0", NULL, 0);
	assert_int_equal(in_state(b, LEASE_RELEASING), 0);
	tell(b, "ready", "", "stopped", ",'ended':true");
	assert_int_equal(in_state(b, LEASE_RELEASING), 1);
}

static void class_is_served_by_what_it_was_resolved_to(void **state)
{
	struct bench *b = *state;

	hold(b, 1);
	bench_expect(b, COMMAND_VM_UPDATE, "web01",
		     "{'devices':[{'name':'gpu0','group':'ai','profile':'graphics:8'}]}", 0);
	assert_int_equal(in_state(b, LEASE_READY), 1);
}

/* A slice that nobody may have would keep its last VM from ever being forgotten. */
static void quarantined_slice_outlives_its_vm(void **state)
{
	struct bench *b = *state;

	hold(b, 1);
	bench_expect(b, COMMAND_VM_STOP, "web01", NULL, 0);
	tell(b, "quarantined", ",'reason':'EIO'", "stopped", "");
	bench_expect(b, COMMAND_VM_DELETE, "web01", NULL, 0);
	assert_int_equal(in_state(b, LEASE_QUARANTINED), 1);
	bench_restart(b);
	bench_expect(b, COMMAND_LEASE_RELEASE, bench_lease(b, 0)->id, NULL, 0);
	assert_int_equal(in_state(b, LEASE_RELEASING), 1);
}

/* Without a UUID no lease would be found for the VM, and it would start without its vGPUs. */
static void vm_without_a_domain_does_not_start(void **state)
{
	struct bench *b = *state;

	bench_join(b, 4);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'ai','filter':''}", 0);
	bench_expect(b, COMMAND_VM_CREATE, "",
		     "{'name':'later','host':'h1','devices':[{'group':'ai','profile':'" PROFILE
		     "'}]}", 0);
	bench_expect(b, COMMAND_VM_START, "later", NULL, -ERR_NOT_FOUND);
}

/* Two VMs of different sizes are reserved before the host has cut its empty GPU. */
static void mixed_sizes_are_reserved_on_a_gpu_still_cut_equal(void **state)
{
	struct bench *b = *state;

	bench_join(b, 8);
	bench_expect(b, COMMAND_GROUP_CREATE, "", "{'name':'mix','filter':'','mode':'mixed-size'}",
		     0);
	bench_expect(b, COMMAND_VM_ATTACH, "web01", "{'group':'mix','profile':'NVIDIA L40S-8Q'}",
		     0);
	bench_expect(b, COMMAND_VM_ATTACH, "web02", "{'group':'mix','profile':'NVIDIA L40S-4Q'}",
		     0);
	bench_expect(b, COMMAND_VM_START, "web01", NULL, 0);
	bench_expect(b, COMMAND_VM_START, "web02", NULL, 0);
	assert_int_equal(bench_count(b, OBJECT_LEASE), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		T(larger_count_reserves_only_what_is_missing),
		T(smaller_count_gives_back_the_rest),
		T(changed_profile_gives_back_what_was_held),
		T(device_detached_while_running_is_not_held),
		T(class_is_served_by_what_it_was_resolved_to),
		T(quarantined_slice_outlives_its_vm),
		T(vm_without_a_domain_does_not_start),
		T(mixed_sizes_are_reserved_on_a_gpu_still_cut_equal),
	};
	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
