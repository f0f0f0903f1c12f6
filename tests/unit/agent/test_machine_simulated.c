/* SPDX-License-Identifier: Apache-2.0 */
/* test_machine_simulated.c - the simulated machine on an event loop: when callbacks come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/machine_simulated.h"
#include "base/text.h"

#define PF "0000:21:00.0"

struct seen {
	sd_event *event;
	struct machine *m;
	int replies, lists, inventories, events;
	char order[64];
	struct host_reply reply;
	int r;
	size_t domains_n, gpus_n, vgpus_n;
	char boot_id[UUID_TEXT_SIZE];
	struct machine_domain domain;
	struct machine_event last;
};

static int setup(void **state)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct error err = { 0 };
	char name[NAME_SIZE];

	*state = s;
	assert_true(sd_event_new(&s->event) >= 0);
	assert_int_equal(machine_simulated_new(s->event, "name=h1;gpus=L40S;domains=vm1,vm2", &s->m,
					       name, &err),
			 0);
	assert_string_equal(name, "h1");
	return 0;
}

static int teardown(void **state)
{
	struct seen *s = *state;

	machine_free(s->m);
	sd_event_unref(s->event);
	free(s);
	return 0;
}

/* Runs the loop until nothing happens for WAIT_MS. */
static void settle(struct seen *s, uint64_t wait_ms)
{
	int rounds = 0;

	while (sd_event_run(s->event, wait_ms * 1000) > 0)
		assert_true(++rounds < 1000);
}

static void replied(const struct host_reply *reply, void *user)
{
	struct seen *s = user;
	size_t n = strlen(s->order);

	s->reply = *reply;
	s->order[n] = (char)('0' + reply->result);
	s->replies++;
}

static void listed(int r, const struct machine_domain *domains, size_t n, const struct error *err,
		   void *user)
{
	struct seen *s = user;

	(void)err;
	s->r = r;
	s->lists++;
	s->domains_n = n;
	if (n)
		s->domain = domains[0];
}

static void taken(int r, struct machine_inventory *inventory, const struct error *err, void *user)
{
	struct seen *s = user;

	(void)err;
	s->r = r;
	s->inventories++;
	s->gpus_n = inventory->gpus_n;
	TEXT_COPY(s->boot_id, inventory->facts.boot_id);
	s->vgpus_n = inventory->gpus_n ? inventory->gpus[0].vgpus_n : 0;
}

static void happened(const struct machine_event *event, void *user)
{
	struct seen *s = user;

	s->last = *event;
	s->events++;
}

static struct host_request vgpu(enum host_op op, unsigned int function)
{
	struct host_request q = { .op = (int32_t)op };

	q.vgpu = (struct host_vgpu){ .framework = FRAMEWORK_VENDOR_VFIO, .address = PF,
		                     .profile = "NVIDIA L40S-8Q", .placement = PLACEMENT_NONE,
		                     .generation = 1 };
	snprintf(q.vgpu.vf, sizeof(q.vgpu.vf), "0000:21:00.%u", function);
	return q;
}

static void nothing_is_answered_inside_the_call(void **state)
{
	struct seen *s = *state;
	struct host_request q = vgpu(HOST_OP_VGPU_CREATE, 4);

	assert_int_equal(s->m->send(s->m, &q, replied, s, NULL), 0);
	assert_int_equal(s->m->send(s->m, &q, replied, s, NULL), 0);
	assert_int_equal(s->m->inventory(s->m, taken, s, NULL), 0);
	assert_int_equal(s->m->list_domains(s->m, listed, s, NULL), 0);
	assert_int_equal(s->replies + s->lists + s->inventories, 0);
	settle(s, 50);
	assert_int_equal(s->replies, 2);
	assert_int_equal(s->order[0], '0' + RESULT_CREATED);
	assert_int_equal(s->order[1], '0' + RESULT_UNCHANGED);
	assert_int_equal(s->inventories, 1);
	assert_int_equal(s->vgpus_n, 1);
	assert_int_equal(s->lists, 1);
	assert_int_equal(s->domains_n, 2);
	assert_int_equal(s->domain.state, VM_STOPPED);
}

static void a_latency_holds_its_own_reply_up_alone(void **state)
{
	struct seen *s = *state;
	struct host_request create = vgpu(HOST_OP_VGPU_CREATE, 4), destroy = create;

	destroy.op = HOST_OP_VGPU_DESTROY;
	TEXT_COPY(destroy.vgpu.vf, "0000:21:00.5");
	simulated_faults(machine_simulated_host(s->m))->create_ms = 80;
	assert_int_equal(s->m->send(s->m, &create, replied, s, NULL), 0);
	assert_int_equal(s->m->send(s->m, &destroy, replied, s, NULL), 0);
	settle(s, 10);
	assert_int_equal(s->replies, 1);
	assert_int_equal(s->reply.result, RESULT_UNCHANGED);
	settle(s, 200);
	assert_int_equal(s->replies, 2);
	assert_int_equal(s->reply.result, RESULT_CREATED);
}

static void a_flock_of_changes_is_one_event(void **state)
{
	struct seen *s = *state;

	s->m->watch(s->m, happened, s);
	for (unsigned int f = 4; f < 8; f++) {
		struct host_request q = vgpu(HOST_OP_VGPU_CREATE, f);

		assert_int_equal(s->m->send(s->m, &q, replied, s, NULL), 0);
	}
	settle(s, 100);
	assert_int_equal(s->replies, 4);
	assert_int_equal(s->events, 1);
	assert_int_equal(s->last.kind, MACHINE_HARDWARE_CHANGED);
	assert_true(simulated_start(machine_simulated_host(s->m), "vm1"));
	machine_simulated_poke(s->m);
	settle(s, 100);
	assert_int_equal(s->events, 2);
	assert_int_equal(s->last.kind, MACHINE_DOMAINS_CHANGED);
	assert_string_equal(s->last.name, "vm1");
	assert_true(simulated_crash(machine_simulated_host(s->m), "vm1"));
	assert_true(simulated_start(machine_simulated_host(s->m), "vm2"));
	machine_simulated_poke(s->m);
	settle(s, 100);
	assert_int_equal(s->events, 3);
	assert_string_equal(s->last.name, ""); /* more than one */
}

/* The host's own time passes: nobody asks, and the guest still goes down. */
static void a_guest_shuts_down_by_itself(void **state)
{
	struct seen *s = *state;
	struct simulated_host *h = machine_simulated_host(s->m);
	struct host_request q = { .op = HOST_OP_DOMAIN_SHUTDOWN };

	TEXT_COPY(q.vm_name, "vm1");
	TEXT_COPY(q.vm_uuid, simulated_domain_at(h, 0)->uuid);
	simulated_faults(h)->shutdown_ms = 40;
	assert_true(simulated_start(h, "vm1"));
	assert_int_equal(s->m->send(s->m, &q, replied, s, NULL), 0);
	s->m->watch(s->m, happened, s);
	settle(s, 150);
	assert_int_equal(simulated_domain_at(h, 0)->state, VM_STOPPED);
	assert_true(s->events >= 1);
	assert_int_equal(s->last.kind, MACHINE_DOMAINS_CHANGED);
}

static void malformed_and_unanswered_requests_are_refused_at_once(void **state)
{
	struct seen *s = *state;
	struct host_request q = vgpu(HOST_OP_VGPU_CREATE, 4);
	char(*functions)[PCI_SIZE] = NULL;
	struct error err = { 0 };
	size_t n = 0;

	q.vgpu.address[0] = 'x';
	assert_int_equal(s->m->send(s->m, &q, replied, s, &err), -ERR_INVALID);
	q = vgpu(HOST_OP_VGPU_CREATE, 4);
	simulated_faults(machine_simulated_host(s->m))->silent = true;
	assert_int_equal(s->m->send(s->m, &q, replied, s, &err), -ERR_UNAVAILABLE);
	assert_int_equal(s->m->list_domains(s->m, listed, s, NULL), 0);
	assert_int_equal(s->m->inventory(s->m, taken, s, NULL), 0);
	settle(s, 30);
	assert_int_equal(s->replies, 0);
	assert_int_equal(s->lists + s->inventories, 2);
	assert_int_equal(s->r, -ERR_UNAVAILABLE);
	assert_int_equal(s->m->functions(s->m, PF, &functions, &n, NULL), 0);
	assert_int_equal(n, 32);
	assert_string_equal(functions[0], "0000:21:00.4");
	free(functions);
}

/* Freed with requests under way: none is answered any more, nothing is lost. */
static void freeing_drops_what_waits(void **state)
{
	struct seen *s = *state;
	struct host_request q = vgpu(HOST_OP_VGPU_CREATE, 4);

	assert_int_equal(s->m->send(s->m, &q, replied, s, NULL), 0);
	assert_int_equal(s->m->inventory(s->m, taken, s, NULL), 0);
	s->m = machine_free(s->m);
	settle(s, 20);
	assert_int_equal(s->replies + s->inventories, 0);
}

/* Memory is gone with the process, and must not be taken for a host that kept running. */
static void each_life_is_a_boot_of_its_own(void **state)
{
	struct seen *s = *state;
	char first[UUID_TEXT_SIZE], name[NAME_SIZE];

	assert_int_equal(s->m->inventory(s->m, taken, s, NULL), 0);
	settle(s, 20);
	TEXT_COPY(first, s->boot_id);
	machine_free(s->m);
	assert_int_equal(machine_simulated_new(s->event, "name=h1;gpus=L40S", &s->m, name, NULL),
			 0);
	assert_int_equal(s->m->inventory(s->m, taken, s, NULL), 0);
	settle(s, 20);
	assert_string_not_equal(first, s->boot_id);
}

static void a_wrong_spec_makes_no_machine(void **state)
{
	struct seen *s = *state;
	struct machine *m = NULL;
	struct error err = { 0 };
	char name[NAME_SIZE];

	assert_int_equal(machine_simulated_new(s->event, "name=x;gpus=9", &m, name, &err),
			 -ERR_INVALID);
	assert_null(m);
	assert_string_equal(err.place, "column 13");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_answered_inside_the_call),
		T(a_latency_holds_its_own_reply_up_alone),
		T(a_flock_of_changes_is_one_event),
		T(a_guest_shuts_down_by_itself),
		T(malformed_and_unanswered_requests_are_refused_at_once),
		T(freeing_drops_what_waits),
		T(each_life_is_a_boot_of_its_own),
		T(a_wrong_spec_makes_no_machine),
	};
	return cmocka_run_group_tests_name("simulated machine", tests, NULL, NULL);
}
