/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - vGPUs that need vCPUs and RAM of their host too: how much GPU is stranded by those.
 *
 * A request list of VMs with tenants, cores, RAM, start and end (the form of CoSpot, SoCC'22) is
 * replayed in the order of time on hosts with eight 80 GiB GPUs in mixed sizes.  Each type of VM
 * draws its profile once, smaller ones more often.  The pool is made so large that the framebuffer
 * asked for, over time, is LOAD of it, and the hosts' vCPUs and RAM so that SLACK 1 makes them as
 * scarce as framebuffer.  Every fourth tenant spreads: one VM of it to a host.  No tenant gets
 * more than a tenth of the framebuffer.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "facet-bench.h"
#include "placement/engine.h"
#include "placement/policy.h"

enum { VMS_MAX = 1 << 22, HOST_GPUS = 8, GPU_MILLI = 1000, UNITS = 1000 };

struct guest {
	uint32_t tenant, type;
	double start, end;       /* of the trace; end after the last start: stays */
	uint32_t cpu, ram;       /* thousandths of the trace's units */
	uint8_t item;
	uint16_t milli;
	bool placed;
	struct engine_choice choice;
};

struct moment {
	double time;
	uint32_t vm;
	bool leaves;
};

/* How many VMs of a tenant are on a host. */
struct pair {
	uint64_t key;            /* tenant and host; 0: free */
	uint32_t n;
};

enum why_not { REFUSED_PLACE, REFUSED_HOST, REFUSED_SPREAD, REFUSED_QUOTA, REFUSALS };
static const char *const refusals[REFUSALS] = { "no_place", "no_cpu_or_ram", "spread", "quota" };

struct replay {
	struct guest *vms;
	size_t vms_n, vms_room;
	struct moment *events;
	struct engine *engine;
	struct pair *pairs;
	size_t pairs_size;       /* a power of two */
	uint64_t *tenants;       /* milli that each has */
	uint32_t tenants_n, hosts;
	uint32_t asking;         /* tenant of the request under way */
	uint64_t used;           /* milli */
	double asked, accepted;  /* milli */
	double refused[REFUSALS];
	double area, stranded;   /* milli x time: used, and free where neither vCPUs nor RAM are */
	double stranded_seen;    /* looked at now and then */
	double last;
	uint32_t cpu_least, ram_least; /* of any VM */
	uint16_t milli_least;
};

static void replay_done(struct replay *r)
{
	engine_free(r->engine);
	free(r->vms);
	free(r->events);
	free(r->pairs);
	free(r->tenants);
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the trace");
}

/* ---- reading ---- */

enum { COLUMN_TENANT, COLUMN_CORES, COLUMN_RAM, COLUMN_TYPE, COLUMN_START, COLUMN_END };
static const struct csv_column columns[] = { { "tenantId" },  { "cores" },     { "ram" },
					     { "vmTypeId" }, { "starttime" }, { "endtime" } };

static int read_vm(const struct csv *csv, struct guest *v, struct error *err)
{
	int64_t tenant = 0, type = 0;
	double cores = 0, ram = 0;
	int r = csv_integer(csv, COLUMN_TENANT, 0, UINT32_MAX - 1, &tenant, err);

	if (r == 0)
		r = csv_integer(csv, COLUMN_TYPE, 0, UINT32_MAX - 1, &type, err);
	if (r == 0)
		r = csv_real(csv, COLUMN_CORES, 0, 1e5, &cores, err);
	if (r == 0)
		r = csv_real(csv, COLUMN_RAM, 0, 1e5, &ram, err);
	if (r == 0)
		r = csv_real(csv, COLUMN_START, -1e12, 1e12, &v->start, err);
	v->end = 1e18;
	if (r == 0 && strcmp(csv->fields[COLUMN_END], "inf") != 0)
		r = csv_real(csv, COLUMN_END, -1e12, 1e12, &v->end, err);
	if (r == 0 && v->end < v->start)
		return csv_wrong(csv, COLUMN_END, err, "the VM ends before it starts");
	v->tenant = (uint32_t)tenant;
	v->type = (uint32_t)type;
	v->cpu = (uint32_t)(cores * UNITS);
	v->ram = (uint32_t)(ram * UNITS);
	return r;
}

static int keep_vm(struct replay *r, const struct guest *v, struct error *err)
{
	size_t room = r->vms_room ? r->vms_room * 2 : 4096;
	struct guest *grown;

	if (r->vms_n == VMS_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d VMs", VMS_MAX);
	if (r->vms_n == r->vms_room) {
		grown = reallocarray(r->vms, room, sizeof(*grown));
		if (!grown)
			return no_memory(err);
		r->vms = grown;
		r->vms_room = room;
	}
	r->vms[r->vms_n++] = *v;
	return 0;
}

static int read_vms(struct replay *r, const char *file, struct error *err)
{
	cleanup(cleanup_free) char *text = NULL;
	struct csv csv;
	struct guest v;
	int e = bench_read(file, &text, err);

	if (e == 0)
		e = csv_begin(&csv, file, text, columns, 6, err);
	if (e < 0)
		return e;
	while ((e = csv_next(&csv, err)) > 0) {
		memset(&v, 0, sizeof(v));
		e = read_vm(&csv, &v, err);
		if (e == 0)
			e = keep_vm(r, &v, err);
		if (e < 0)
			return e;
	}
	if (e == 0 && r->vms_n == 0)
		return error_set(err, ERR_INVALID, "%s: no VM", file);
	return e;
}

static int by_time(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->leaves != y->leaves)
		return x->leaves ? -1 : 1;
	return x->vm < y->vm ? -1 : x->vm > y->vm;
}

static int make_events(struct replay *r, struct error *err)
{
	r->events = calloc(2 * r->vms_n, sizeof(*r->events));
	if (!r->events)
		return no_memory(err);
	for (uint32_t i = 0; i < r->vms_n; i++) {
		r->events[2 * i] = (struct moment){ r->vms[i].start, i, false };
		r->events[2 * i + 1] = (struct moment){ r->vms[i].end, i, true };
	}
	qsort(r->events, 2 * r->vms_n, sizeof(*r->events), by_time);
	return 0;
}

/* Tenants get numbers from 0 on. */
static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int number_tenants(struct replay *r, struct error *err)
{
	cleanup(cleanup_free) uint32_t *ids = calloc(r->vms_n, sizeof(*ids));
	uint32_t n = 0, *found;

	if (!ids)
		return no_memory(err);
	for (size_t i = 0; i < r->vms_n; i++)
		ids[i] = r->vms[i].tenant;
	qsort(ids, r->vms_n, sizeof(*ids), by_number);
	for (size_t i = 0; i < r->vms_n; i++)
		if (n == 0 || ids[n - 1] != ids[i])
			ids[n++] = ids[i];
	for (size_t i = 0; i < r->vms_n; i++) {
		found = bsearch(&r->vms[i].tenant, ids, n, sizeof(*ids), by_number);
		r->vms[i].tenant = (uint32_t)(found - ids);
	}
	r->tenants_n = n;
	r->tenants = calloc(n, sizeof(*r->tenants));
	return r->tenants ? 0 : no_memory(err);
}

/* ---- the pool ---- */

static int make_table(struct situations **ret, struct error *err)
{
	const struct board *b = catalogue_board_named("NVIDIA H100 PCIe 80GB");
	cleanup(cleanup_free) struct cut *cut = calloc(1, sizeof(*cut));
	uint8_t kind;

	*ret = situations_new();
	if (!cut || !*ret)
		return no_memory(err);
	if (!b || !cut_of_board(b, GPU_MODE_MIXED, cut))
		return error_set(err, ERR_NOT_FOUND, "the catalogue has no H100 with 80 GiB");
	return situations_add_kind(*ret, cut, 1, &kind, err);
}

/* By the type of the VM and nothing else, so that the same VM asks for the same in every run. */
static void draw_profiles(struct replay *r, uint64_t seed)
{
	struct situations *t = engine_situations(r->engine);
	uint8_t items = (uint8_t)situations_items(t, 0);

	r->milli_least = GPU_MILLI;
	r->cpu_least = r->ram_least = UINT32_MAX;
	for (size_t i = 0; i < r->vms_n; i++) {
		struct guest *v = &r->vms[i];
		struct luck luck = { seed * 1000003 + v->type };
		uint16_t milli;

		do {
			v->item = (uint8_t)luck_below(&luck, items);
			milli = situations_item_milli(t, 0, v->item);
		} while (luck_real(&luck) * milli > 50);
		v->milli = milli;
		r->milli_least = milli < r->milli_least ? milli : r->milli_least;
		r->cpu_least = v->cpu < r->cpu_least ? v->cpu : r->cpu_least;
		r->ram_least = v->ram < r->ram_least ? v->ram : r->ram_least;
	}
}

/* What is asked for on the average, if everything were placed. */
static void mean_demand(const struct replay *r, double *milli, double *cpu, double *ram)
{
	double from = r->events[0].time < 0 ? 0 : r->events[0].time, to = 0, span;

	for (size_t i = 0; i < r->vms_n; i++)
		to = r->vms[i].start > to ? r->vms[i].start : to;
	span = to > from ? to - from : 1;
	*milli = *cpu = *ram = 0;
	for (size_t i = 0; i < r->vms_n; i++) {
		const struct guest *v = &r->vms[i];
		double a = v->start > from ? v->start : from, b = v->end < to ? v->end : to;
		double share = b > a ? (b - a) / span : 0;

		*milli += share * v->milli;
		*cpu += share * v->cpu;
		*ram += share * v->ram;
	}
}

static int add_hosts(struct replay *r, double load, double slack, struct error *err)
{
	struct engine_host h = { .gpus_n = HOST_GPUS };
	double milli, cpu, ram;
	uint32_t number;
	int e = 0;

	mean_demand(r, &milli, &cpu, &ram);
	r->hosts = (uint32_t)(milli / (load * HOST_GPUS * GPU_MILLI)) + 1;
	h.cpu_milli = (uint32_t)(slack * cpu / (load * r->hosts)) + 1;
	h.ram_mib = (uint32_t)(slack * ram / (load * r->hosts)) + 1;
	for (uint32_t i = 0; i < r->hosts && e == 0; i++)
		e = engine_add_host(r->engine, &h, &number, err);
	r->pairs_size = 1024;
	while (r->pairs_size < 4 * r->vms_n)
		r->pairs_size *= 2;
	r->pairs = calloc(r->pairs_size, sizeof(*r->pairs));
	return e == 0 && !r->pairs ? no_memory(err) : e;
}

/* ---- rules ---- */

static bool spreads(uint32_t tenant)
{
	return tenant % 4 == 0;
}

static struct pair *find_pair(struct replay *r, uint32_t tenant, uint32_t host)
{
	uint64_t key = ((uint64_t)tenant + 1) << 32 | host;
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & (r->pairs_size - 1);

	while (r->pairs[i].key && r->pairs[i].key != key)
		i = (i + 1) & (r->pairs_size - 1);
	r->pairs[i].key = key;
	return &r->pairs[i];
}

static bool may(void *user, uint32_t host)
{
	struct replay *r = user;

	return !spreads(r->asking) || find_pair(r, r->asking, host)->n == 0;
}

/* ---- replaying ---- */

/* Free framebuffer that nobody can use, because its host is out of vCPUs or RAM. */
static double stranded_now(const struct replay *r)
{
	const struct situations *t = engine_situations(r->engine);
	double sum = 0;

	for (uint32_t h = 0; h < r->hosts; h++) {
		if (engine_host_cpu_free(r->engine, h) >= r->cpu_least &&
		    engine_host_ram_free(r->engine, h) >= r->ram_least)
			continue;
		for (uint8_t g = 0; g < HOST_GPUS; g++)
			sum += situation_free_milli(t, engine_gpu_situation(r->engine, h, g));
	}
	return sum;
}

static int demand_of(struct replay *r, const struct guest *v, uint32_t *ret, struct error *err)
{
	struct engine_demand d = { .cpu_milli = v->cpu, .ram_mib = v->ram, .count = 1 };

	memset(d.item, ITEM_NONE, sizeof(d.item));
	d.item[0] = v->item;
	return engine_demand(r->engine, &d, ret, err);
}

static enum why_not reason_of(struct replay *r, const struct guest *v)
{
	struct engine_choice c;
	struct engine_demand d = { .count = 1 };
	uint32_t demand;

	memset(d.item, ITEM_NONE, sizeof(d.item));
	d.item[0] = v->item;
	if (spreads(v->tenant) && engine_choose(r->engine, v->choice.demand, NULL, &c))
		return REFUSED_SPREAD;
	if (engine_demand(r->engine, &d, &demand, NULL) == 0 &&
	    engine_choose(r->engine, demand, NULL, &c))
		return REFUSED_HOST;
	return REFUSED_PLACE;
}

static int arrive(struct replay *r, struct guest *v, struct error *err)
{
	struct engine_rules rules = { .may = may, .user = r };
	uint64_t pool = (uint64_t)r->hosts * HOST_GPUS * GPU_MILLI;
	uint32_t demand = 0;
	int e = demand_of(r, v, &demand, err);

	if (e < 0)
		return e;
	r->asked += v->milli;
	r->asking = v->tenant;
	v->choice.demand = demand;
	if (r->tenants[v->tenant] + v->milli > pool / 10) {
		r->refused[REFUSED_QUOTA] += v->milli;
		return 0;
	}
	if (!engine_choose(r->engine, demand, &rules, &v->choice)) {
		engine_missed(r->engine, demand);
		r->refused[reason_of(r, v)] += v->milli;
		return 0;
	}
	v->placed = true;
	r->accepted += v->milli;
	r->used += v->milli;
	r->tenants[v->tenant] += v->milli;
	find_pair(r, v->tenant, v->choice.host)->n++;
	return engine_take(r->engine, &v->choice, err);
}

static int leave(struct replay *r, struct guest *v, struct error *err)
{
	if (!v->placed)
		return 0;
	v->placed = false;
	r->used -= v->milli;
	r->tenants[v->tenant] -= v->milli;
	find_pair(r, v->tenant, v->choice.host)->n--;
	return engine_give_back(r->engine, &v->choice, err);
}

static void pass_time(struct replay *r, double time, size_t event)
{
	double step = time - r->last;

	if (r->last < 0 || step <= 0) {
		r->last = time;
		return;
	}
	r->area += step * (double)r->used;
	r->stranded += step * r->stranded_seen;
	if (event % 64 == 0)
		r->stranded_seen = stranded_now(r);
	r->last = time;
}

static int run(struct replay *r, double *span, struct error *err)
{
	double last_start = 0;
	int e = 0;

	for (size_t i = 0; i < r->vms_n; i++)
		last_start = r->vms[i].start > last_start ? r->vms[i].start : last_start;
	r->last = -1;
	for (size_t i = 0; i < 2 * r->vms_n && e == 0; i++) {
		const struct moment *ev = &r->events[i];

		if (ev->time > last_start)
			break;
		pass_time(r, ev->time, i);
		e = ev->leaves ? leave(r, &r->vms[ev->vm], err) : arrive(r, &r->vms[ev->vm], err);
	}
	*span = last_start > 0 ? last_start : 1;
	return e;
}

/* ---- the command ---- */

static void print_result(const struct replay *r, const char *policy, double load, double slack,
			 double span)
{
	double pool = (double)r->hosts * HOST_GPUS * GPU_MILLI;

	printf("{\"bench\":\"host\",\"policy\":\"%s\",\"hosts\":%u,\"gpus\":%u,\"vms\":%zu,"
	       "\"tenants\":%u,\"load\":%.2f,\"slack\":%.2f,\"accepted\":%.2f,\"occupied\":%.2f,"
	       "\"stranded\":%.2f,\"refused\":{",
	       policy, r->hosts, r->hosts * HOST_GPUS, r->vms_n, r->tenants_n, load, slack,
	       100 * r->accepted / r->asked, 100 * r->area / (pool * span),
	       100 * r->stranded / (pool * span));
	for (int i = 0; i < REFUSALS; i++)
		printf("%s\"%s\":%.2f", i ? "," : "", refusals[i], 100 * r->refused[i] / r->asked);
	printf("}}\n");
}

static int run_policy(const char *file, const struct policy_row *policy, double load, double slack,
		      struct error *err)
{
	cleanup(replay_done) struct replay r = { 0 };
	struct situations *table = NULL;
	double span = 1;
	int e = read_vms(&r, file, err);

	if (e == 0)
		e = make_events(&r, err);
	if (e == 0)
		e = number_tenants(&r, err);
	if (e == 0)
		e = make_table(&table, err);
	if (e < 0) {
		situations_free(table);
		return e;
	}
	e = engine_new(table, policy, &r.engine, err);
	if (e < 0)
		return e;
	draw_profiles(&r, 1);
	e = add_hosts(&r, load, slack, err);
	if (e == 0)
		e = run(&r, &span, err);
	if (e == 0)
		print_result(&r, policy->name, load, slack, span);
	return e;
}

int bench_host(int argc, char **argv, struct error *err)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "load", required_argument, NULL, 'l' },
						 { "slack", required_argument, NULL, 's' },
						 { 0 } };
	static const char *const usual[] = { "fragmentation", "pack",	  "spread-hosts",
					     "first-fit",     "best-fit", "fgd" };
	const char *policy = NULL;
	double load = 0.95, slack = 1.1;
	int c, e = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			policy = optarg;
		else if (c == 'l')
			load = strtod(optarg, NULL);
		else if (c == 's')
			slack = strtod(optarg, NULL);
		else
			return error_set(err, ERR_INVALID, "see facet-bench --help");
	}
	if (optind + 1 != argc)
		return error_set(err, ERR_INVALID, "name a list of VMs");
	if (!(load > 0.01 && load < 100) || !(slack > 0.01 && slack < 100) ||
	    (policy && !policy_row(policy)))
		return error_set(err, ERR_INVALID,
				 "no such policy, or a load or slack outside 0.01 to 100");
	if (policy)
		return run_policy(argv[optind], policy_row(policy), load, slack, err);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && e == 0; i++)
		e = run_policy(argv[optind], policy_row(usual[i]), load, slack, err);
	return e;
}
