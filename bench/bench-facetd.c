/* SPDX-License-Identifier: Apache-2.0 */
/* bench-facetd - memory and start of a facetd that has much to remember.
 *
 *     bench-facetd FACETD [FOLDER [LEASES]]
 *
 * Makes a store with LEASES running VMs that each hold a vGPU (10000), their hosts, 1000 ended
 * operations and 10000 events, which is what is kept after an hour, and starts facetd on it several
 * times.  "ready" is from exec to the first request that is answered, the
 * median; the baseline is the same of a facetd with an empty store, and ratio is full / empty.
 * "rss" is what is resident then, "after" the same when every lease and VM has been listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/simulated/simulated.h"
#include "model/nouns.h"
#include "pool.h"
#include "process.h"
#include "store/store.h"

enum { STARTS = 7, PAGE = 500 };

/* ---- the store, as it is when VMs have run for hours ---- */

enum { BATCH = 500, OPERATIONS = 1000, EVENTS = 10000 };

struct fill {
	struct store *store;
	struct store_write rows[BATCH];
	char keys[BATCH][160];
	char *values[BATCH];
	size_t n;
};

static void landed(void *user, int r, uint64_t revision, const struct error *err)
{
	(void)user;
	(void)revision;
	if (r < 0)
		die("fill the store: %s", err->text);
}

static void flush(struct fill *f)
{
	struct error err;

	if (f->n && store_commit(f->store, f->rows, f->n, landed, NULL, &err) < 0)
		die("fill the store: %s", err.text);
	while (f->n > 0)
		free(f->values[--f->n]);
	store_flush(f->store);
}

static void put(struct fill *f, const struct fields *fields, const char *kind, const char *id,
		const void *data)
{
	size_t i = f->n++;

	snprintf(f->keys[i], sizeof(f->keys[i]), "%s/%s", kind, id);
	f->values[i] = fields_text(fields, data);
	f->rows[i] = (struct store_write){ f->keys[i], f->values[i], STORE_ANY };
	if (f->n == BATCH)
		flush(f);
}

struct pool_host {
	struct host facts;
	struct gpu *gpus;
	size_t gpus_n;
};

static void put_host(struct fill *f, size_t number, struct pool_host *h)
{
	struct simulated_host *simulated;
	char spec[128];

	*h = (struct pool_host){ 0 };
	snprintf(spec, sizeof(spec), "name=host-%04zu;gpus=%dxL40S/vendor-vfio", number, POOL_GPUS);
	if (simulated_parse(spec, &simulated, NULL) < 0 ||
	    simulated_inventory(simulated, &h->facts, &h->gpus, &h->gpus_n, NULL) < 0)
		die("the simulated host %s is not to be had", spec);
	TEXT_COPY(h->facts.name, simulated_name(simulated));
	h->facts.last_report_ms = clock_wall_ms(&clock_system);
	put(f, &host_fields, "host", h->facts.name, &h->facts);
	for (size_t i = 0; i < h->gpus_n; i++) {
		struct gpu *g = &h->gpus[i];

		TEXT_COPY(g->host, h->facts.name);
		gpu_id_make(g->host, g->address, g->id);
		put(f, &gpu_fields, "gpu", g->id, g);
	}
	simulated_free(simulated);
}

static void drop_host(struct pool_host *h)
{
	fields_done(&host_fields, &h->facts);
	for (size_t i = 0; i < h->gpus_n; i++)
		fields_done(&gpu_fields, &h->gpus[i]);
	free(h->gpus);
}

static void put_lease(struct fill *f, const struct pool_host *h, size_t slot, const struct vm *vm)
{
	const struct gpu *g = &h->gpus[slot % h->gpus_n];
	struct lease l = { .framework = g->framework, .fb_mib = 1024, .placement = PLACEMENT_NONE,
			   .generation = 7, .state = LEASE_ATTACHED, .created_ms = 1795367733229,
			   .changed_ms = 1795367733424 };

	uuid_make(l.id);
	TEXT_COPY(l.vm, vm->name);
	TEXT_COPY(l.vm_uuid, vm->uuid);
	TEXT_COPY(l.device, "gpu0");
	TEXT_COPY(l.group, "all");
	TEXT_COPY(l.host, g->host);
	TEXT_COPY(l.gpu, g->id);
	TEXT_COPY(l.address, g->address);
	TEXT_COPY(l.profile, "NVIDIA L40S-1Q");
	TEXT_COPY(l.vf, g->functions[slot / h->gpus_n]);
	put(f, &lease_fields, "lease", l.id, &l);
}

static void put_vm(struct fill *f, const struct pool_host *h, size_t number)
{
	struct vm_device device = { .name = "gpu0", .group = "all", .profile = "NVIDIA L40S-1Q",
				    .count = 1 };
	struct vm vm = { .wanted = VM_WANTED_RUNNING, .state = VM_RUNNING, .run = 1,
			 .start_after_boot = true, .devices = &device, .devices_n = 1 };

	snprintf(vm.name, sizeof(vm.name), "vm-%06zu", number);
	uuid_of_name(vm.name, vm.uuid);
	TEXT_COPY(vm.host, h->facts.name);
	TEXT_COPY(vm.boot_id, h->facts.boot_id);
	put(f, &vm_fields, "vm", vm.name, &vm);
	put_lease(f, h, number % POOL_VMS_PER_HOST, &vm);
}

static void put_operation(struct fill *f, size_t number)
{
	static const char *const names[] = { "reserve", "create", "start", "undo" };
	struct step steps[4] = { 0 };
	struct operation op = { .kind = OPERATION_START, .state = OPERATION_STATE_DONE, .run = 1,
				.created_ms = 1795367733229, .ended_ms = 1795367733424,
				.deadline_ms = 1795368333229, .steps = steps, .steps_n = 4 };

	uuid_make(op.id);
	snprintf(op.vm, sizeof(op.vm), "vm-%06zu", number);
	snprintf(op.host, sizeof(op.host), "host-%04zu", number / POOL_VMS_PER_HOST);
	TEXT_COPY(op.by, "root");
	for (size_t i = 0; i < 4; i++) {
		TEXT_COPY(steps[i].name, names[i]);
		TEXT_COPY(steps[i].text, "1 vGPUs");
		steps[i].state = STEP_DONE;
		steps[i].started_ms = steps[i].ended_ms = op.ended_ms;
	}
	put(f, &operation_fields, "operation", op.id, &op);
}

static void put_event(struct fill *f, size_t number)
{
	struct event e = { .number = number + 1, .time_ms = 1795367733229 };
	char id[GPU_ID_SIZE];

	TEXT_COPY(e.kind, "lease.attached");
	uuid_make(e.object);
	snprintf(e.vm, sizeof(e.vm), "vm-%06zu", number);
	snprintf(e.host, sizeof(e.host), "host-%04zu", number / POOL_VMS_PER_HOST);
	TEXT_COPY(e.by, e.host);
	snprintf(e.text, sizeof(e.text), "NVIDIA L40S-1Q on %s@0000:21:00.0", e.host);
	snprintf(id, sizeof(id), "%012ju", (uintmax_t)e.number);
	put(f, &event_fields, "event", id, &e);
}

static void fill_store(const char *path, size_t leases)
{
	struct group all = { .name = "all" };
	struct fill *f = calloc(1, sizeof(*f));
	struct pool_host host = { 0 };
	struct error err;

	if (!f || store_open("sqlite", path, &f->store, &err) < 0)
		die("%s: %s", path, f ? err.text : "no memory");
	put(f, &group_fields, "group", all.name, &all);
	for (size_t i = 0; i < leases; i++) {
		if (i % POOL_VMS_PER_HOST == 0) {
			drop_host(&host);
			put_host(f, i / POOL_VMS_PER_HOST, &host);
		}
		put_vm(f, &host, i);
	}
	for (size_t i = 0; i < OPERATIONS; i++)
		put_operation(f, i);
	for (size_t i = 0; i < EVENTS; i++)
		put_event(f, i);
	flush(f);
	drop_host(&host);
	store_close(f->store);
	free(f);
}

/* ---- looking at it ---- */

static void list_all(const char *socket, const char *what, size_t n)
{
	struct text path = { 0 };
	size_t seen = 0;

	text_add(&path, "/v1/%s?limit=%d", what, PAGE);
	while (seen < n) {
		int status = 0;
		char *answer = load_once(socket, "GET", path.data, NULL, &status);
		char *next = answer ? strstr(answer, "\"next\":\"") : NULL;

		if (status != 200)
			die("listing %s was answered %d", what, status);
		seen += next ? PAGE : n;
		text_done(&path);
		if (next)
			text_add(&path, "/v1/%s?limit=%d&after=%.*s", what, PAGE,
				 (int)strcspn(next + 8, "\""), next + 8);
		free(answer);
	}
	text_done(&path);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct figures {
	double ready_ms[STARTS];
	struct process_memory memory, after;
};

static void measure_start(const char *facetd, const char *socket, const char *store, size_t leases,
			  struct figures *f)
{
	for (int i = 0; i < STARTS; i++) {
		int64_t start = now_us();
		pid_t pid = facetd_start(facetd, store, "facetd.sock");

		f->ready_ms[i] = (double)(pool_wait(socket) - start) / 1e3;
		f->memory = process_memory(pid);
		if (i == STARTS - 1 && leases) {
			list_all(socket, "leases", leases);
			list_all(socket, "vms", leases);
			f->after = process_memory(pid);
		}
		process_stop(pid);
	}
	qsort(f->ready_ms, STARTS, sizeof(f->ready_ms[0]), compare);
}

int main(int argc, char **argv)
{
	const char *facetd = argc > 1 ? argv[1] : "facetd";
	size_t leases = argc > 3 ? strtoul(argv[3], NULL, 10) : 10000;
	struct figures full = { 0 }, empty = { 0 };
	char *socket, *store;

	bench_folder(argc > 2 ? argv[2] : NULL);
	socket = bench_path("facetd.sock");
	store = bench_path("full.db");
	fill_store(store, leases);
	measure_start(facetd, socket, "empty.db", 0, &empty);
	measure_start(facetd, socket, "full.db", leases, &full);
	printf("{\"bench\":\"facetd\",\"leases\":%zu,\"rss_mib\":%.1f,\"anonymous_mib\":%.1f,"
	       "\"after_listing_rss_mib\":%.1f,\"empty_rss_mib\":%.1f,\"ratio\":%.2f,\"goal_mib\":"
	       "64}\n",
	       leases, (double)full.memory.rss_kib / 1024, (double)full.memory.anon_kib / 1024,
	       (double)full.after.rss_kib / 1024, (double)empty.memory.rss_kib / 1024,
	       (double)full.memory.rss_kib / (double)empty.memory.rss_kib);
	printf("{\"bench\":\"facetd-ready\",\"leases\":%zu,\"ready_ms\":%.1f,\"best_ms\":%.1f,"
	       "\"empty_ready_ms\":%.1f,\"ratio\":%.1f,\"goal_ms\":300}\n",
	       leases, full.ready_ms[STARTS / 2], full.ready_ms[0], empty.ready_ms[STARTS / 2],
	       full.ready_ms[STARTS / 2] / empty.ready_ms[STARTS / 2]);
	free(socket);
	free(store);
	return 0;
}
