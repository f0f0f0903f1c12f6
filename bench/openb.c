/* SPDX-License-Identifier: Apache-2.0 */
/* openb.c - the experiment of "Beware of Fragmentation" (USENIX ATC'23), repeated.
 *
 * Requests are shuffled and, drawn with replacement, continued until 1.3 times the GPUs of the
 * cluster have been asked for; nothing departs; what does not fit is dropped.  Hosts are renamed
 * by a random permutation, and equals go to the lowest name.  Reported is the share of all GPUs
 * that is allocated when 80, 90, 95, 100, 110 and 130 % have been asked for, each averaged over
 * the events that round to that percentage.  With --moves SHARE a request that does not fit may
 * have one VM moved out of its way, for at most that share of the requests so far. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facet-bench.h"
#include "placement/engine.h"
#include "placement/moves.h"
#include "placement/policy.h"
#include "trace.h"

enum { POINTS = 6, PERCENT_MAX = 1000 };
static const int points[POINTS] = { 80, 90, 95, 100, 110, 130 };

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the run");
}

/* ---- one run ---- */

struct run {
	const struct trace *trace;
	struct luck luck;
	struct engine *engine;
	uint32_t *demands;       /* shape -> demand */
	uint32_t *sequence;
	size_t sequence_n, sequence_room;
	struct moves_vm *placed; /* where moves are allowed */
	size_t placed_n, placed_room;
	double moves_share;      /* moves for each request, at most */
	size_t moves_n;
	double sum[PERCENT_MAX];
	unsigned int events[PERCENT_MAX];
};

static void run_done(struct run *r)
{
	engine_free(r->engine);
	free(r->demands);
	free(r->placed);
	free(r->sequence);
}

static uint64_t milli_of(const struct trace *t, uint32_t shape)
{
	return (uint64_t)t->shapes[shape].milli * t->shapes[shape].count;
}

static void shuffle(struct run *r, uint32_t *list, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = luck_below(&r->luck, (uint32_t)i);
		uint32_t x = list[i - 1];

		list[i - 1] = list[k];
		list[k] = x;
	}
}

/* Deletes or draws until the next request would pass ARRIVALS times the GPUs. */
static int fit_sequence(struct run *r, double arrivals, struct error *err)
{
	const struct trace *t = r->trace;
	double limit = arrivals * (double)t->milli, sum = 0;
	uint32_t next;
	size_t k;

	for (size_t i = 0; i < r->sequence_n; i++)
		sum += (double)milli_of(t, r->sequence[i]);
	while (sum > limit && r->sequence_n > 0) {
		k = luck_below(&r->luck, (uint32_t)r->sequence_n);
		sum -= (double)milli_of(t, r->sequence[k]);
		memmove(&r->sequence[k], &r->sequence[k + 1],
			(--r->sequence_n - k) * sizeof(*r->sequence));
	}
	for (;;) {
		next = t->requests[luck_below(&r->luck, (uint32_t)t->requests_n)];
		if (sum + (double)milli_of(t, next) > limit)
			return 0;
		if (!trace_grow(&r->sequence, &r->sequence_room, r->sequence_n + 1,
			  sizeof(*r->sequence)))
			return no_memory(err);
		sum += (double)milli_of(t, next);
		r->sequence[r->sequence_n++] = next;
	}
}

static int make_sequence(struct run *r, double arrivals, struct error *err)
{
	const struct trace *t = r->trace;

	if (!trace_grow(&r->sequence, &r->sequence_room, t->requests_n + 1, sizeof(*r->sequence)))
		return no_memory(err);
	memcpy(r->sequence, t->requests, t->requests_n * sizeof(*r->sequence));
	r->sequence_n = t->requests_n;
	shuffle(r, r->sequence, r->sequence_n);
	return fit_sequence(r, arrivals, err);
}

static int add_hosts(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	cleanup(cleanup_free) uint32_t *names = calloc(t->nodes_n, sizeof(*names));
	int ret = names ? 0 : no_memory(err);
	uint32_t number;

	for (size_t i = 0; names && i < t->nodes_n; i++)
		names[i] = (uint32_t)i;
	if (names)
		shuffle(r, names, t->nodes_n);
	for (size_t i = 0; i < t->nodes_n && ret == 0; i++) {
		const struct trace_node *n = &t->nodes[names[i]];
		struct engine_host h = { .cpu_milli = n->cpu, .ram_mib = n->ram,
					 .gpus_n = n->gpus };

		memset(h.kinds, n->model, sizeof(h.kinds));
		ret = engine_add_host(r->engine, &h, &number, err);
	}
	return ret;
}

static uint8_t size_index(const struct trace *t, uint32_t milli)
{
	for (size_t i = 0; i < t->sizes_n; i++)
		if (t->sizes[i] == milli)
			return (uint8_t)i;
	return ITEM_NONE;
}

static int add_demands(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	int ret = 0;

	r->demands = calloc(t->shapes_n, sizeof(*r->demands));
	if (!r->demands)
		return no_memory(err);
	for (size_t i = 0; i < t->shapes_n && ret == 0; i++) {
		const struct trace_shape *s = &t->shapes[i];
		struct engine_demand d = { .cpu_milli = s->cpu, .ram_mib = s->ram,
					   .count = (uint8_t)s->count };

		memset(d.item, ITEM_NONE, sizeof(d.item));
		for (size_t m = 0; s->count && m < t->models_n; m++)
			if (!s->models || (s->models >> m & 1))
				d.item[m] = size_index(t, s->milli);
		ret = engine_demand(r->engine, &d, &r->demands[i], err);
		if (ret == 0)
			engine_expect(r->engine, r->demands[i], s->seen, true);
	}
	return ret;
}

static int make_engine(struct run *r, const struct policy_row *policy, struct error *err)
{
	struct situations *table = situations_new();
	uint8_t kind;
	int ret = table ? 0 : no_memory(err);

	for (size_t m = 0; m < r->trace->models_n && ret == 0; m++)
		ret = situations_add_fluid(table, r->trace->sizes, r->trace->sizes_n, &kind, err);
	if (ret < 0) {
		situations_free(table);
		return ret;
	}
	return engine_new(table, policy, &r->engine, err);
}

/* What lies there is remembered only where it may be moved. */
static int place(struct run *r, const struct engine_choice *c, uint32_t shape, struct error *err)
{
	int e = engine_take(r->engine, c, err);

	if (e < 0 || r->moves_share <= 0)
		return e;
	if (!trace_grow(&r->placed, &r->placed_room, r->placed_n + 1, sizeof(*r->placed)))
		return error_set(err, ERR_NO_MEMORY, "the trace");
	r->placed[r->placed_n++] = (struct moves_vm){
		.at = *c, .gib = (double)milli_of(r->trace, shape) + 1, .movable = true
	};
	return 0;
}

/* One move for a request that does not fit, as long as there are not too many of them. */
static bool move_aside(struct run *r, uint32_t demand, size_t requests, struct engine_choice *ret)
{
	struct moves_pool pool = { .engine = r->engine, .vms = r->placed, .n = r->placed_n };
	struct move m;

	if ((double)(r->moves_n + 1) > r->moves_share * (double)requests ||
	    !moves_for(&pool, demand, NULL, &m) || engine_put(r->engine, &m.to, NULL) < 0)
		return false;
	if (engine_give_back(r->engine, &m.from, NULL) < 0)
		__builtin_trap(); /* it lay there */
	r->placed[m.vm].at = m.to;
	r->moves_n++;
	return engine_choose(r->engine, demand, NULL, ret);
}

static int replay(struct run *r, struct error *err)
{
	const struct trace *t = r->trace;
	struct engine_rules rules = { 0 };
	struct engine_choice choice;
	uint64_t asked = 0, given = 0;
	size_t percent;
	int e = 0;

	for (size_t i = 0; i < r->sequence_n && e == 0; i++) {
		uint32_t shape = r->sequence[i], demand = r->demands[shape];

		rules.luck = luck_next(&r->luck);
		asked += milli_of(t, shape);
		if (engine_choose(r->engine, demand, &rules, &choice) ||
		    (milli_of(t, shape) > 0 && move_aside(r, demand, i + 1, &choice))) {
			e = place(r, &choice, shape, err);
			given += milli_of(t, shape);
		} else {
			engine_missed(r->engine, demand);
		}
		percent = (size_t)(100.0 * (double)asked / (double)t->milli + 0.5);
		if (percent >= PERCENT_MAX)
			continue;
		r->sum[percent] += 100.0 * (double)given / (double)t->milli;
		r->events[percent]++;
	}
	return e;
}

struct options {
	const char *nodes, *requests, *seeds;
	const struct policy_row *policy;
	double arrivals, moves;
};

static int run_once(const struct trace *t, const struct options *o, uint64_t seed,
		    double ret[POINTS], struct error *err)
{
	cleanup(run_done) struct run r = { .trace = t, .luck = { seed }, .moves_share = o->moves };
	int e = make_sequence(&r, o->arrivals, err);

	if (e == 0)
		e = make_engine(&r, o->policy, err);
	if (e == 0)
		e = add_hosts(&r, err);
	if (e == 0)
		e = add_demands(&r, err);
	if (e == 0)
		e = replay(&r, err);
	if (e < 0)
		return e;
	for (int i = 0; i < POINTS; i++)
		ret[i] = r.events[points[i]] ? r.sum[points[i]] / r.events[points[i]] : NAN;
	return 0;
}

/* ---- the command ---- */

static void print_points(const char *name, const double *x)
{
	printf("\"%s\":{", name);
	for (int i = 0; i < POINTS; i++)
		if (isnan(x[i]))
			printf("%s\"%d\":null", i ? "," : "", points[i]);
		else
			printf("%s\"%d\":%.2f", i ? "," : "", points[i], x[i]);
	printf("}");
}

static void print_summary(const char *workload, const struct options *o,
			  double (*runs)[POINTS], size_t n)
{
	double mean[POINTS], sd[POINTS], column[10000];

	for (int p = 0; p < POINTS; p++) {
		for (size_t i = 0; i < n; i++)
			column[i] = runs[i][p];
		mean[p] = bench_spread(column, n).mean;
		sd[p] = bench_spread(column, n).sd;
	}
	printf("{\"workload\":\"%s\",\"policy\":\"%s\",\"seeds\":\"%s\",", workload,
	       o->policy->name, o->seeds);
	if (o->moves > 0)
		printf("\"moves\":%g,", o->moves);
	print_points("mean", mean);
	printf(",");
	print_points("sd", sd);
	printf("}\n");
}

static int read_options(int argc, char **argv, struct options *o, struct error *err)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "seeds", required_argument, NULL, 's' },
						 { "arrivals", required_argument, NULL, 'a' },
						 { "moves", required_argument, NULL, 'm' },
						 { "nodes", required_argument, NULL, 'n' },
						 { "requests", required_argument, NULL, 'r' },
						 { 0 } };
	const char *policy = "fragmentation";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return error_set(err, ERR_INVALID, "see facet-bench --help");
		if (c == 'p')
			policy = optarg;
		else if (c == 's')
			o->seeds = optarg;
		else if (c == 'm')
			o->moves = strtod(optarg, NULL);
		else if (c == 'n')
			o->nodes = optarg;
		else if (c == 'r')
			o->requests = optarg;
		else
			o->arrivals = strtod(optarg, NULL);
	}
	if (!o->nodes && optind < argc)
		o->nodes = argv[optind++];
	if (!o->requests && optind < argc)
		o->requests = argv[optind++];
	o->policy = policy_row(policy);
	if (!o->policy)
		return error_set(err, ERR_INVALID, "there is no policy %s", policy);
	if (!(o->arrivals > 0 && o->arrivals < 9))
		return error_set(err, ERR_INVALID, "--arrivals: a share between 0 and 9");
	if (!(o->moves >= 0 && o->moves <= 1))
		return error_set(err, ERR_INVALID, "--moves: a share between 0 and 1");
	if (o->moves > 0 && o->policy->cover <= 0)
		return error_set(err, ERR_INVALID, "--moves: policy %s weighs no harm",
				 o->policy->name);
	if (!o->nodes || !o->requests || optind < argc)
		return error_set(err, ERR_INVALID, "name a node list and a request list");
	return 0;
}

int bench_openb(int argc, char **argv, struct error *err)
{
	struct options o = { .seeds = "42-51", .arrivals = 1.3 };
	cleanup(trace_done) struct trace t = { 0 };
	cleanup(cleanup_free) double(*runs)[POINTS] = NULL;
	char workload[64];
	uint64_t from, to;
	int r = read_options(argc, argv, &o, err);

	if (r == 0)
		r = bench_seeds(o.seeds, &from, &to, err);
	if (r == 0)
		r = trace_read(&t, o.nodes, o.requests, err);
	if (r < 0)
		return r;
	bench_stem(o.requests, workload, sizeof(workload));
	runs = calloc(to - from + 1, sizeof(*runs));
	if (!runs)
		return no_memory(err);
	for (uint64_t seed = from; seed <= to && r == 0; seed++) {
		r = run_once(&t, &o, seed, runs[seed - from], err);
		if (r < 0)
			break;
		printf("{\"workload\":\"%s\",\"policy\":\"%s\",\"seed\":%llu,", workload,
		       o.policy->name, (unsigned long long)seed);
		print_points("allocated", runs[seed - from]);
		printf("}\n");
		fflush(stdout);
	}
	if (r == 0)
		print_summary(workload, &o, runs, to - from + 1);
	return r;
}
