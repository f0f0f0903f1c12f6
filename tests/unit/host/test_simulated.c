/* SPDX-License-Identifier: Apache-2.0 */
/* test_simulated.c - the simulated host beyond the driver contract: specs, domains, time, fate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "host/simulated/simulated.h"

#define PF "0000:21:00.0"
#define VF "0000:21:00.4"

static struct simulated_host *host(const char *spec)
{
	struct simulated_host *h = NULL;
	struct error err = { 0 };

	if (simulated_parse(spec, &h, &err) < 0)
		fail_msg("%s", err.text);
	return h;
}

static int setup(void **state)
{
	*state = host("name=h1;gpus=1xL40S+2xT4;domains=vm1..vm3");
	return 0;
}

static int teardown(void **state)
{
	assert_null(simulated_check(*state));
	*state = simulated_free(*state);
	return 0;
}

static struct host_request vgpu(enum host_op op, uint32_t generation)
{
	struct host_request q = { .op = (int32_t)op };

	q.vgpu = (struct host_vgpu){ .framework = FRAMEWORK_VENDOR_VFIO, .address = PF, .vf = VF,
		                     .profile = "NVIDIA L40S-8Q", .placement = PLACEMENT_NONE,
		                     .generation = generation };
	return q;
}

static struct host_request domain(const struct simulated_host *h, enum host_op op, size_t i)
{
	const struct simulated_domain *d = simulated_domain_at(h, i);
	struct host_request q = { .op = (int32_t)op };

	TEXT_COPY(q.vm_name, d->name);
	TEXT_COPY(q.vm_uuid, d->uuid);
	return q;
}

static int execute(struct simulated_host *h, const struct host_request *q, enum result result)
{
	struct host_reply reply;
	uint32_t delay_ms;
	int r = simulated_execute(h, q, &reply, &delay_ms);

	assert_null(simulated_check(h));
	if (r < 0)
		assert_true(strlen(reply.err.text) > 0);
	assert_int_equal(reply.result, r < 0 ? RESULT_REFUSED : result);
	return r;
}

static int ask(struct simulated_host *h, enum host_op op, uint32_t generation, enum result result)
{
	struct host_request q = vgpu(op, generation);

	return execute(h, &q, result);
}

static int power(struct simulated_host *h, enum host_op op, size_t i, enum result result)
{
	struct host_request q = domain(h, op, i);

	return execute(h, &q, result);
}

static int attach(struct simulated_host *h, size_t i, enum result result)
{
	struct host_request q = domain(h, HOST_OP_DOMAIN_DEVICES, i);

	q.devices_n = 1;
	q.devices[0].framework = FRAMEWORK_VENDOR_VFIO;
	TEXT_COPY(q.devices[0].address, VF);
	return execute(h, &q, result);
}

static void run_vm(struct simulated_host *h, size_t i)
{
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 1, RESULT_CREATED), 0);
	assert_int_equal(attach(h, i, RESULT_CHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_START, i, RESULT_CHANGED), 0);
}

/* ---- specs ---- */

static void a_spec_makes_what_it_says(void **state)
{
	struct simulated_host *h =
		host("name=l40s-01;gpus=2xL40S/vendor-vfio+A16/mdev-vf+T4;"
		     "domains=vm08..vm11,db;cpus=8;ram_gib=64;numa=1;start_ms=5;");
	struct host facts = { 0 };
	struct gpu *gpus;
	size_t n;

	(void)state;
	assert_string_equal(simulated_name(h), "l40s-01");
	assert_int_equal(simulated_domains(h), 5);
	assert_string_equal(simulated_domain_at(h, 1)->name, "vm09");
	assert_string_equal(simulated_domain_at(h, 2)->name, "vm10");
	assert_string_equal(simulated_domain_at(h, 4)->name, "db");
	assert_int_equal(simulated_inventory(h, &facts, &gpus, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_string_equal(gpus[1].board, "NVIDIA L40S");
	assert_string_equal(gpus[1].id, "l40s-01@0000:23:00.0");
	assert_int_equal(gpus[1].framework, FRAMEWORK_VENDOR_VFIO);
	assert_int_equal(gpus[1].vf_enabled, 32);
	assert_int_equal(gpus[1].functions_n, 32);
	assert_string_equal(gpus[1].functions[31], "0000:23:04.3");
	assert_int_equal(gpus[2].framework, FRAMEWORK_MDEV_VF);
	assert_string_equal(gpus[2].pci_subsystem, "14a9");
	assert_int_equal(gpus[3].framework, FRAMEWORK_MDEV);
	assert_int_equal(gpus[3].vf_total, 0);
	assert_true(gpus[3].types_n > 10 && gpus[3].types[0].creatable && gpus[3].poolable);
	assert_true(facts.simulated);
	assert_int_equal(facts.cpus, 8);
	assert_int_equal(facts.ram_mib, 65536);
	for (size_t i = 0; i < n; i++)
		fields_done(&gpu_fields, &gpus[i]);
	free(gpus);
	fields_done(&host_fields, &facts);
	simulated_free(h);
}

static void wrong(const char *spec, const char *place, const char *words)
{
	struct simulated_host *h = NULL;
	struct error err = { 0 };

	assert_int_equal(simulated_parse(spec, &h, &err), -ERR_INVALID);
	assert_null(h);
	if (strcmp(err.place, place) != 0 || !strstr(err.text, words))
		print_error("%s: at %s: %s\n", spec, err.place, err.text);
	assert_string_equal(err.place, place);
	assert_non_null(strstr(err.text, words));
}

static void mistakes_in_a_spec_are_pointed_at(void **state)
{
	(void)state;
	wrong("", "column 1", "a host needs a name, such as name=h1;gpus=2xL40S");
	wrong("gpus=L40S;name=h", "column 1", "name=... must come first");
	wrong("name=h;gpu=L40S", "column 8", "'gpu' is no key; keys are name, gpus");
	wrong("name=h;L40S", "column 8", "expected KEY=VALUE, found 'L40S'");
	wrong("name=h;name=i", "column 8", "name is given twice");
	wrong("name=h h", "column 6", "name");
	wrong("name=h;gpus=2xL99", "column 15", "'L99' is no board of the catalogue");
	wrong("name=h;gpus=L40S+A100", "column 18", "'A100' is no board of the catalogue, or the");
	wrong("name=h;gpus=L40S/vfio", "column 18", "'vfio' is no framework: mdev, mdev-vf");
	wrong("name=h;gpus=L40S/mdev", "column 18", "NVIDIA L40S has SR-IOV");
	wrong("name=h;gpus=T4/mdev-vf", "column 16", "Tesla T4 has no SR-IOV");
	wrong("name=h;gpus=65xT4", "column 13", "1 to 64 GPUs");
	wrong("name=h;gpus=0xT4", "column 13", "1 to 64 GPUs");
	wrong("name=h;gpus=", "column 13", "'' is no board");
	wrong("name=h;domains=a,b,a", "column 20", "domain a is there twice");
	wrong("name=h;domains=vm8..vm1", "column 16", "a range is written vm01..vm08");
	wrong("name=h;domains=vm1..web3", "column 16", "a range is written vm01..vm08");
	wrong("name=h;domains=a/b", "column 16", "'a/b' is no name of a domain");
	wrong("name=h;domains=v1..v9999", "column 16", "at most 4096 domains");
	wrong("name=h;start_ms=700000", "column 17", "expected a number up to 600000");
	wrong("name=h;functions=maybe", "column 18", "functions are on or off");
}

/* ---- domains ---- */

static void a_domain_holds_its_vgpu_while_it_runs(void **state)
{
	struct simulated_host *h = *state;

	run_vm(h, 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, 0), -ERR_BUSY);
	assert_int_equal(attach(h, 0, RESULT_UNCHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_START, 0, RESULT_UNCHANGED), 0);
	/* libvirt does not give one device to two. */
	assert_int_equal(attach(h, 1, RESULT_CHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_START, 1, 0), -ERR_IO);
	assert_int_equal(power(h, HOST_OP_DOMAIN_DESTROY, 0, RESULT_CHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_DESTROY, 0, RESULT_UNCHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_START, 1, RESULT_CHANGED), 0);
}

static void a_domain_does_not_start_without_its_vgpu(void **state)
{
	struct simulated_host *h = *state;
	struct host_request q = domain(h, HOST_OP_DOMAIN_START, 0);

	assert_int_equal(attach(h, 0, RESULT_CHANGED), 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_START, 0, 0), -ERR_IO);
	memset(q.vm_uuid, 'a', 8);
	assert_int_equal(execute(h, &q, 0), -ERR_NOT_FOUND);
}

static void a_guest_takes_its_time_to_shut_down(void **state)
{
	struct simulated_host *h = *state;

	simulated_faults(h)->shutdown_ms = 4000;
	run_vm(h, 0);
	assert_int_equal(simulated_due_ms(h), INT64_MAX);
	simulated_advance(h, 1000);
	assert_int_equal(power(h, HOST_OP_DOMAIN_SHUTDOWN, 0, RESULT_CHANGED), 0);
	assert_int_equal(simulated_domain_at(h, 0)->state, VM_RUNNING);
	assert_in_range(simulated_due_ms(h), 4000, 6001);
	assert_false(simulated_advance(h, simulated_due_ms(h) - 1));
	assert_true(simulated_advance(h, simulated_due_ms(h)));
	assert_int_equal(simulated_domain_at(h, 0)->state, VM_STOPPED);
	assert_string_equal(simulated_domain_at(h, 0)->reason, "shutdown");
	assert_int_equal(power(h, HOST_OP_DOMAIN_SHUTDOWN, 0, RESULT_UNCHANGED), 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, RESULT_REMOVED), 0);
}

static void a_deaf_guest_needs_its_plug_pulled(void **state)
{
	struct simulated_host *h = *state;

	simulated_faults(h)->deaf_guests = true;
	run_vm(h, 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_SHUTDOWN, 0, RESULT_CHANGED), 0);
	assert_false(simulated_advance(h, 1000000));
	assert_int_equal(power(h, HOST_OP_DOMAIN_DESTROY, 0, RESULT_CHANGED), 0);
}

/* ---- faults ---- */

static void faults_happen_once_or_where_they_are_told(void **state)
{
	struct simulated_host *h = *state;
	struct simulated_faults *f = simulated_faults(h);

	f->eio_once = true;
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 1, 0), -ERR_IO);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 1, RESULT_CREATED), 0);
	f->stuck_once = true;
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, 0), -ERR_IO);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, RESULT_REMOVED), 0);
	TEXT_COPY(f->eio_function, VF);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, 0), -ERR_IO);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, 0), -ERR_IO);
	f->eio_function[0] = '\0';
	f->silent = true;
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, 0), -ERR_UNAVAILABLE);
}

/* Killing QEMU while its guest initialises leaves the function unusable until sriov-manage. */
static void a_killed_domain_can_wedge_its_function(void **state)
{
	struct simulated_host *h = *state;
	struct host_request enable = vgpu(HOST_OP_VF_ENABLE, 0);

	simulated_faults(h)->wedge_on_kill = true;
	run_vm(h, 0);
	assert_int_equal(power(h, HOST_OP_DOMAIN_DESTROY, 0, RESULT_CHANGED), 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, RESULT_REMOVED), 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, 0), -ERR_IO);
	assert_true(simulated_lose_functions(h, PF));
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, 0), -ERR_NOT_FOUND);
	assert_int_equal(execute(h, &enable, RESULT_CHANGED), 0);
	assert_int_equal(execute(h, &enable, RESULT_UNCHANGED), 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 2, RESULT_CREATED), 0);
}

/* ---- fate ---- */

static void a_reboot_leaves_nothing_but_definitions(void **state)
{
	struct simulated_host *h = *state;
	struct host facts = { 0 }, again = { 0 };
	struct gpu *gpus;
	size_t n;

	run_vm(h, 0);
	assert_int_equal(simulated_inventory(h, &facts, &gpus, &n, NULL), 0);
	assert_int_equal(gpus[0].vgpus_n, 1);
	assert_string_equal(gpus[0].vgpus[0].address, VF);
	assert_string_equal(gpus[0].vgpus[0].vm, "vm1");
	assert_true(gpus[0].vgpus[0].holder_pid > 0);
	for (size_t i = 0; i < n; i++)
		fields_done(&gpu_fields, &gpus[i]);
	free(gpus);
	simulated_reboot(h);
	assert_int_equal(simulated_inventory(h, &again, &gpus, &n, NULL), 0);
	assert_string_not_equal(facts.boot_id, again.boot_id);
	assert_int_equal(gpus[0].framework, FRAMEWORK_NONE);
	assert_non_null(strstr(gpus[0].not_poolable, "sriov-manage -e " PF));
	assert_int_equal(gpus[0].vf_enabled, 0);
	assert_int_equal(gpus[1].framework, FRAMEWORK_MDEV);
	for (size_t i = 0; i < n; i++)
		fields_done(&gpu_fields, &gpus[i]);
	free(gpus);
	fields_done(&host_fields, &facts);
	fields_done(&host_fields, &again);
	assert_int_equal(simulated_domain_at(h, 0)->state, VM_STOPPED);
	assert_int_equal(simulated_domain_at(h, 0)->devices_n, 1);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, RESULT_UNCHANGED), 0);
}

static void a_lost_gpu_takes_its_guests_along(void **state)
{
	struct simulated_host *h = *state;

	run_vm(h, 0);
	assert_true(simulated_lose_gpu(h, PF));
	assert_int_equal(simulated_domain_at(h, 0)->state, VM_FAILED);
	assert_int_equal(ask(h, HOST_OP_VGPU_CREATE, 1, 0), -ERR_NOT_FOUND);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, RESULT_UNCHANGED), 0);
	assert_false(simulated_lose_gpu(h, PF));
}

static void crashes_and_visits_of_others(void **state)
{
	struct simulated_host *h = *state;
	struct host_request q = vgpu(HOST_OP_VGPU_CREATE, 0);

	assert_int_equal(simulated_foreign(h, &q.vgpu, NULL), 0);
	assert_int_equal(ask(h, HOST_OP_VGPU_DESTROY, 1, 0), -ERR_BUSY);
	assert_true(simulated_start(h, "vm2"));
	assert_false(simulated_start(h, "vm2"));
	assert_true(simulated_crash(h, "vm2"));
	assert_string_equal(simulated_domain_at(h, 1)->reason, "crashed");
	assert_false(simulated_guest_stops(h, "vm2"));
	assert_false(simulated_crash(h, "nobody"));
}

/* A failure found by a simulation is worth nothing unless it can be had again. */
static void equal_seeds_give_equal_hosts(void **state)
{
	uint32_t delays[2][20];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct simulated_host *h = host("name=h;gpus=L40S;seed=7;create_ms=100");
		struct host_request q = vgpu(HOST_OP_VGPU_CREATE, 1);
		struct host_reply reply;

		for (int i = 0; i < 20; i++) {
			simulated_execute(h, &q, &reply, &delays[k][i]);
			assert_in_range(delays[k][i], 75, 125);
		}
		simulated_free(h);
	}
	assert_memory_equal(delays[0], delays[1], sizeof(delays[0]));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_makes_what_it_says),
		cmocka_unit_test(mistakes_in_a_spec_are_pointed_at),
		T(a_domain_holds_its_vgpu_while_it_runs),
		T(a_domain_does_not_start_without_its_vgpu),
		T(a_guest_takes_its_time_to_shut_down),
		T(a_deaf_guest_needs_its_plug_pulled),
		T(faults_happen_once_or_where_they_are_told),
		T(a_killed_domain_can_wedge_its_function),
		T(a_reboot_leaves_nothing_but_definitions),
		T(a_lost_gpu_takes_its_guests_along),
		T(crashes_and_visits_of_others),
		cmocka_unit_test(equal_seeds_give_equal_hosts),
	};
	return cmocka_run_group_tests_name("simulated host", tests, NULL, NULL);
}
