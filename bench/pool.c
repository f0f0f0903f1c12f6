/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "host/simulated/simulated.h"
#include "process.h"
#include "wire/wire.h"

static size_t hosts_for(const struct pool_size *p)
{
	return (p->vms + p->vms_per_host - 1) / p->vms_per_host;
}

int64_t pool_wait(const char *socket)
{
	int64_t give_up = now_us() + 20000000;
	int status = 0;

	while (now_us() < give_up) {
		char *answer = load_once(socket, "GET", "/v1/version", NULL, &status);

		free(answer);
		if (answer && status == 200)
			return now_us();
		usleep(200);
	}
	die("facetd does not answer at %s within 20 s", socket);
}

static void fill_domains(struct report *rep, size_t host, size_t n)
{
	rep->vms = calloc(n, sizeof(*rep->vms));
	if (!rep->vms)
		die("no memory");
	for (; rep->vms_n < n; rep->vms_n++) {
		struct vm_report *v = &rep->vms[rep->vms_n];

		v->state = VM_STOPPED;
		v->foreign = true;
		snprintf(v->name, sizeof(v->name), "vm-%06zu", host * n + rep->vms_n);
		uuid_of_name(v->name, v->uuid);
	}
}

/* What an agent on such a host would say. */
static bool make_report(void *user, size_t number, struct load_request *rq)
{
	const struct pool_size *p = user;
	struct simulated_host *h;
	struct report rep = { .number = 1, .has_inventory = true };
	char spec[128];
	json_auto_t *j = NULL;
	char *line;

	if (number >= hosts_for(p))
		return false;
	snprintf(spec, sizeof(spec), "name=host-%04zu;gpus=%dxL40S/vendor-vfio", number, POOL_GPUS);
	if (simulated_parse(spec, &h, NULL) < 0 ||
	    simulated_inventory(h, &rep.facts, &rep.gpus, &rep.gpus_n, NULL) < 0)
		die("the simulated host %s is not to be had", spec);
	TEXT_COPY(rep.host, simulated_name(h));
	TEXT_COPY(rep.boot_id, rep.facts.boot_id);
	fill_domains(&rep, number, p->vms_per_host);
	j = fields_write(&report_fields, &rep);
	line = json_line(j);
	rq->method = "POST";
	text_add(&rq->path, "/v1/hosts/%s/report", rep.host);
	text_append(&rq->body, line, strlen(line));
	free(line);
	fields_done(&report_fields, &rep);
	simulated_free(h);
	return true;
}

static bool make_group(void *user, size_t number, struct load_request *rq)
{
	(void)user;
	rq->method = "POST";
	text_add(&rq->path, "/v1/groups");
	text_add(&rq->body, "{\"name\":\"all\",\"policy\":\"pack\"}");
	return number == 0;
}

static bool make_vm(void *user, size_t number, struct load_request *rq)
{
	const struct pool_size *p = user;

	rq->method = "POST";
	text_add(&rq->path, "/v1/vms");
	text_add(&rq->body,
		 "{\"name\":\"vm-%06zu\",\"host\":\"host-%04zu\",\"devices\":"
		 "[{\"group\":\"all\",\"profile\":\"NVIDIA L40S-1Q\"}]}",
		 number, number / p->vms_per_host);
	return number < p->vms;
}

static void fill(const char *socket, int expect, load_make_fn *make, void *user)
{
	struct load *l = load_open(socket, 64);

	load_run(l, INT64_MAX, expect, make, user);
	load_close(l);
}

void pool_fill_as(const char *socket, struct pool_size size)
{
	fill(socket, 200, make_report, &size);
	fill(socket, 201, make_group, NULL);
	fill(socket, 201, make_vm, &size);
}

void pool_fill(const char *socket, size_t vms)
{
	pool_fill_as(socket, (struct pool_size){ vms, POOL_VMS_PER_HOST });
}

void pool_start_request(size_t number, struct load_request *rq)
{
	rq->method = "POST";
	text_add(&rq->path, "/v1/vms/vm-%06zu/start", number);
}
