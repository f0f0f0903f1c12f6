/* SPDX-License-Identifier: Apache-2.0 */
/* test_driver.c - the drivers' promises, asked of the simulated host. */
#include <string.h>

#include "base/text.h"
#include "driver_suite.h"
#include "host/simulated/simulated.h"

struct target {
	struct contract_target contract; /* first: casts back */
	struct simulated_host *host;
};

static struct simulated_host *host_of(struct contract_target *t)
{
	return ((struct target *)t)->host;
}

static int execute(struct contract_target *t, const struct host_request *q,
		   struct host_reply *reply)
{
	uint32_t delay_ms;

	return simulated_execute(host_of(t), q, reply, &delay_ms);
}

static int inventory(struct contract_target *t, struct gpu *ret, struct error *err)
{
	struct host facts = { 0 };
	struct gpu *gpus;
	size_t n;
	int r = simulated_inventory(host_of(t), &facts, &gpus, &n, err);

	if (r < 0)
		return r;
	fields_done(&host_fields, &facts);
	r = n == 1 ? 0 : error_set(err, ERR_INVALID, "%zu GPUs", n);
	if (n == 1)
		*ret = gpus[0];
	free(gpus);
	return r;
}

static bool domain_does(struct contract_target *t, enum host_op op, const struct host_device *d)
{
	const struct simulated_domain *domain = simulated_domain_at(host_of(t), 0);
	struct host_request q = { .number = 1, .op = (int32_t)op };
	struct host_reply reply;

	TEXT_COPY(q.vm_name, domain->name);
	TEXT_COPY(q.vm_uuid, domain->uuid);
	if (d)
		q.devices[q.devices_n++] = *d;
	return execute(t, &q, &reply) == 0;
}

static bool hold(struct contract_target *t, const struct host_vgpu *v)
{
	struct host_device d = { .framework = v->framework };

	if (v->mdev_uuid[0])
		TEXT_COPY(d.mdev_uuid, v->mdev_uuid);
	else
		TEXT_COPY(d.address, v->vf[0] ? v->vf : v->address);
	return domain_does(t, HOST_OP_DOMAIN_DEVICES, &d) &&
	       domain_does(t, HOST_OP_DOMAIN_START, NULL);
}

static void let_go(struct contract_target *t)
{
	(void)domain_does(t, HOST_OP_DOMAIN_DESTROY, NULL);
}

static bool make_by_hand(struct contract_target *t, const struct host_vgpu *v)
{
	return simulated_foreign(host_of(t), v, NULL) == 0;
}

static int run(const char *gpu, enum framework framework)
{
	struct target t = { .contract = { .name = gpu, .framework = framework, .execute = execute,
		                          .inventory = inventory, .hold = hold, .let_go = let_go,
		                          .make_by_hand = make_by_hand } };
	struct error err = { 0 };
	char spec[128];
	int failures;

	snprintf(spec, sizeof(spec), "name=h;gpus=%s;domains=vm", gpu);
	if (simulated_parse(spec, &t.host, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	TEXT_COPY(t.contract.pf, "0000:21:00.0");
	failures = driver_contract(&t.contract, stdout);
	simulated_free(t.host);
	return failures;
}

int main(void)
{
	int failures = 0;

	failures += run("L40S/vendor-vfio", FRAMEWORK_VENDOR_VFIO);
	failures += run("A40/mdev-vf", FRAMEWORK_MDEV_VF);
	failures += run("RTX PRO 6000/vendor-vfio", FRAMEWORK_VENDOR_VFIO);
	failures += run("T4/mdev", FRAMEWORK_MDEV);
	failures += run("T4/passthrough", FRAMEWORK_PASSTHROUGH);
	return failures != 0;
}
