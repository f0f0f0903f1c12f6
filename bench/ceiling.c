/* SPDX-License-Identifier: Apache-2.0 */
/* ceiling.c - more of the public trace than this can not be allocated, by whatever policy.
 *
 * A linear program that knows all that will come, may refuse what it likes and may move everything
 * at any time, into pieces if need be:
 *
 *     most   GPUs given to placed[class][shape]
 *     with   sum over classes of placed[class][shape]          <= what arrives of the shape
 *            CPU and memory of placed[class][.]                <= those of the nodes of the class
 *            parts of a size in placed[class][.]               <= those in cut[class][.]
 *            sum over patterns of cut[class][pattern]          <= GPUs of the class
 *
 * Nodes of the same CPU, memory, GPUs and model are one class; a pattern says how many parts of
 * each size one GPU is cut into.  There are too many patterns to write down, so each round solves
 * with those known and asks the prices of the parts, by a knapsack over a GPU, for a pattern that
 * would earn more than its GPU costs.  When there is none, the optimum is one over all patterns;
 * what is missing until then is known too and goes on top of what is printed, so that it is a
 * ceiling in every case.  Requests without a GPU are refused: they would only take CPUs away.
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "facet-bench.h"
#include "solver.h"
#include "trace.h"

enum { CLASSES_MAX = 256, GPU = 1000, ARRIVALS_MAX = 16, ROUNDS_MAX = 200 };

/* How far from the ceiling is near enough, as a share of all GPUs. */
static const double near_enough = 2e-5;

struct node_class {
	struct trace_node node;
	double nodes;
	double part_price[KIND_ITEMS_MAX], gpu_price; /* of the last solution, at least 0 */
};

struct pattern {
	size_t class;
	uint16_t parts[KIND_ITEMS_MAX];
};

struct ceiling {
	const struct trace *trace;
	struct node_class classes[CLASSES_MAX];
	size_t classes_n;
	struct pattern *patterns;
	size_t patterns_n, patterns_room;
	double arrivals; /* of each request of the list */
	double asked;    /* GPUs, by the whole list */
	double worth;    /* of all rows at their prices */
};

static void ceiling_done(struct ceiling *c)
{
	free(c->patterns);
}

static double gpus_of(const struct trace_shape *s)
{
	return (double)s->milli * s->count / GPU;
}

static double class_gpus(const struct node_class *k)
{
	return k->nodes * k->node.gpus;
}

/* Whether one request of the shape can be alone on a node of the class. */
static bool fits(const struct trace_node *n, const struct trace_shape *s)
{
	return s->count > 0 && s->count <= n->gpus && s->cpu <= n->cpu && s->ram <= n->ram &&
	       (!s->models || (s->models >> n->model & 1));
}

/* ---- the linear program ---- */

/* One row: terms, then its limit; rows without a term are left out, as cbc wants it. */
struct row {
	FILE *to;
	char name[48];
	bool begun;
};

static void term(struct row *r, double factor, char kind, size_t a, size_t b)
{
	if (!r->begun)
		fprintf(r->to, "%s:\n", r->name);
	r->begun = true;
	fprintf(r->to, "%+.17g %c%zu_%zu\n", factor, kind, a, b);
}

static void limit(struct row *r, double most)
{
	if (r->begun)
		fprintf(r->to, "<= %.17g\n", most);
}

static void write_objective(const struct ceiling *c, FILE *to)
{
	struct row r = { .to = to, .name = "most" };

	for (size_t k = 0; k < c->classes_n; k++)
		for (size_t i = 0; i < c->trace->shapes_n; i++)
			if (fits(&c->classes[k].node, &c->trace->shapes[i]))
				term(&r, gpus_of(&c->trace->shapes[i]), 'x', k, i);
	term(&r, 0, 'y', 0, 0); /* cbc reads no program without one, even where nothing fits */
}

static void write_arrivals(const struct ceiling *c, FILE *to)
{
	for (size_t i = 0; i < c->trace->shapes_n; i++) {
		const struct trace_shape *s = &c->trace->shapes[i];
		struct row r = { .to = to };

		snprintf(r.name, sizeof(r.name), "a%zu", i);
		for (size_t k = 0; k < c->classes_n; k++)
			if (fits(&c->classes[k].node, s))
				term(&r, 1, 'x', k, i);
		limit(&r, s->seen * c->arrivals);
	}
}

static void write_nodes(const struct ceiling *c, size_t k, FILE *to)
{
	const struct node_class *class = &c->classes[k];
	struct row cpu = { .to = to }, ram = { .to = to };
	const struct trace_shape *s = c->trace->shapes;

	snprintf(cpu.name, sizeof(cpu.name), "c%zu", k);
	for (size_t i = 0; i < c->trace->shapes_n; i++)
		if (fits(&class->node, &s[i]) && s[i].cpu > 0)
			term(&cpu, s[i].cpu / 1e3, 'x', k, i);
	limit(&cpu, class->nodes * class->node.cpu / 1e3);
	snprintf(ram.name, sizeof(ram.name), "m%zu", k);
	for (size_t i = 0; i < c->trace->shapes_n; i++)
		if (fits(&class->node, &s[i]) && s[i].ram > 0)
			term(&ram, s[i].ram / 1024.0, 'x', k, i);
	limit(&ram, class->nodes * class->node.ram / 1024.0);
}

static void write_parts(const struct ceiling *c, size_t k, size_t size, FILE *to)
{
	const struct trace *t = c->trace;
	struct row r = { .to = to };

	snprintf(r.name, sizeof(r.name), "p%zu_%zu", k, size);
	for (size_t i = 0; i < t->shapes_n; i++)
		if (t->shapes[i].milli == t->sizes[size] &&
		    fits(&c->classes[k].node, &t->shapes[i]))
			term(&r, t->shapes[i].count, 'x', k, i);
	if (!r.begun)
		return;
	for (size_t i = 0; i < c->patterns_n; i++)
		if (c->patterns[i].class == k && c->patterns[i].parts[size] > 0)
			term(&r, -(double)c->patterns[i].parts[size], 'y', i, 0);
	limit(&r, 0);
}

static void write_gpus(const struct ceiling *c, size_t k, FILE *to)
{
	struct row r = { .to = to };

	snprintf(r.name, sizeof(r.name), "g%zu", k);
	for (size_t i = 0; i < c->patterns_n; i++)
		if (c->patterns[i].class == k)
			term(&r, 1, 'y', i, 0);
	limit(&r, class_gpus(&c->classes[k]));
}

static void write_program(void *user, FILE *to)
{
	const struct ceiling *c = user;

	fprintf(to, "Maximize\n");
	write_objective(c, to);
	fprintf(to, "Subject To\n");
	write_arrivals(c, to);
	for (size_t k = 0; k < c->classes_n; k++) {
		write_nodes(c, k, to);
		for (size_t size = 0; size < c->trace->sizes_n; size++)
			write_parts(c, k, size, to);
		write_gpus(c, k, to);
	}
	fprintf(to, "End\n");
}

/* ---- prices ---- */

/* Keeps the price of a row and adds up what all rows are worth: by duality as much as the optimum,
 * so prices that were misread do not go unseen. */
static void take_price(void *user, const char *name, double price)
{
	struct ceiling *c = user;
	size_t k = 0, size = 0;

	if (sscanf(name + 1, "%zu_%zu", &k, &size) < 1)
		return;
	if (name[0] == 'a' && k < c->trace->shapes_n)
		c->worth += price * c->trace->shapes[k].seen * c->arrivals;
	if (k >= c->classes_n)
		return;
	if (name[0] == 'c')
		c->worth += price * c->classes[k].nodes * c->classes[k].node.cpu / 1e3;
	if (name[0] == 'm')
		c->worth += price * c->classes[k].nodes * c->classes[k].node.ram / 1024.0;
	if (name[0] == 'g') {
		c->worth += price * class_gpus(&c->classes[k]);
		c->classes[k].gpu_price = fmax(price, 0);
	}
	if (name[0] == 'p' && size < c->trace->sizes_n)
		c->classes[k].part_price[size] = fmax(price, 0);
}

/* The dearest way to cut one GPU of class K, into *RET, and its price. */
static double dearest(const struct ceiling *c, size_t k, struct pattern *ret)
{
	const double *price = c->classes[k].part_price;
	const uint16_t *sizes = c->trace->sizes;
	double best[GPU + 1] = { 0 };
	int last[GPU + 1];

	*ret = (struct pattern){ .class = k };
	for (int room = 0; room <= GPU; room++) {
		last[room] = -1;
		if (room > 0)
			best[room] = best[room - 1];
		for (size_t i = 0; i < c->trace->sizes_n; i++)
			if (sizes[i] <= room && best[room - sizes[i]] + price[i] > best[room]) {
				best[room] = best[room - sizes[i]] + price[i];
				last[room] = (int)i;
			}
	}
	for (int room = GPU; room > 0;) {
		if (last[room] < 0) {
			room--;
			continue;
		}
		ret->parts[last[room]]++;
		room -= sizes[last[room]];
	}
	return best[GPU];
}

static int add_pattern(struct ceiling *c, const struct pattern *p, struct error *err)
{
	if (!trace_grow(&c->patterns, &c->patterns_room, c->patterns_n + 1, sizeof(*c->patterns)))
		return error_set(err, ERR_NO_MEMORY, "the patterns");
	c->patterns[c->patterns_n++] = *p;
	return 0;
}

/* Adds what would earn more than it costs; *RET is what that could bring at most, in GPUs. */
static int add_dearest(struct ceiling *c, double *ret, struct error *err)
{
	struct pattern p;
	double more;
	int r = 0;

	*ret = 0;
	for (size_t k = 0; k < c->classes_n && r == 0; k++) {
		more = dearest(c, k, &p) - c->classes[k].gpu_price;
		if (more <= 1e-9)
			continue;
		*ret += more * class_gpus(&c->classes[k]);
		r = add_pattern(c, &p, err);
	}
	return r;
}

/* ---- the search ---- */

static bool same_node(const struct trace_node *a, const struct trace_node *b)
{
	return a->cpu == b->cpu && a->ram == b->ram && a->gpus == b->gpus && a->model == b->model;
}

static int add_class(struct ceiling *c, const struct trace_node *n, struct error *err)
{
	size_t k = 0;

	for (; k < c->classes_n; k++)
		if (same_node(&c->classes[k].node, n))
			break;
	if (k == CLASSES_MAX)
		return error_set(err, ERR_TOO_LARGE, "more than %d different nodes", CLASSES_MAX);
	if (k == c->classes_n)
		c->classes[c->classes_n++].node = *n;
	c->classes[k].nodes++;
	return 0;
}

static int ceiling_begin(struct ceiling *c, const struct trace *t, struct error *err)
{
	int r = 0;

	c->trace = t;
	for (size_t i = 0; i < t->nodes_n && r == 0; i++)
		r = add_class(c, &t->nodes[i], err);
	for (size_t i = 0; i < t->shapes_n; i++)
		c->asked += gpus_of(&t->shapes[i]) * t->shapes[i].seen;
	for (size_t k = 0; k < c->classes_n && r == 0; k++)
		for (size_t i = 0; i < t->sizes_n && r == 0; i++) {
			struct pattern p = { .class = k };

			p.parts[i] = (uint16_t)(GPU / t->sizes[i]);
			r = add_pattern(c, &p, err);
		}
	return r;
}

/* In GPUs: what nobody can pass, and what the known patterns reach. */
struct answer {
	double ceiling, reached;
	int rounds;
};

static int ceiling_round(struct ceiling *c, struct answer *a, struct error *err)
{
	struct solver_problem p = { c, write_program, take_price };
	double more;
	int r;

	for (size_t k = 0; k < c->classes_n; k++)
		memset(c->classes[k].part_price, 0, sizeof(c->classes[k].part_price));
	c->worth = 0;
	r = solver_run(&p, &a->reached, err);
	if (r < 0)
		return r;
	if (fabs(c->worth - a->reached) > 1e-5 * (1 + fabs(a->reached)))
		return error_set(err, ERR_INVALID, "the prices of cbc sum up to %.6f, its optimum "
				 "is %.6f: this version is not understood", c->worth, a->reached);
	r = add_dearest(c, &more, err);
	a->ceiling = fmin(a->ceiling, a->reached + more);
	a->rounds++;
	return r;
}

/* The ceiling when SHARE times the GPUs have been asked for; patterns stay for the next. */
static int ceiling_find(struct ceiling *c, double share, struct answer *ret, struct error *err)
{
	double gpus = (double)c->trace->milli / GPU;
	int r = 0;

	*ret = (struct answer){ .ceiling = INFINITY };
	c->arrivals = share * gpus / c->asked;
	while (r == 0 && ret->rounds < ROUNDS_MAX &&
	       ret->ceiling - ret->reached > near_enough * gpus)
		r = ceiling_round(c, ret, err);
	return r;
}

/* ---- the command ---- */

struct options {
	const char *nodes, *requests;
	double arrivals[ARRIVALS_MAX];
	size_t arrivals_n;
};

static int read_arrivals(const char *text, struct options *o, struct error *err)
{
	char *end;

	for (o->arrivals_n = 0; o->arrivals_n < ARRIVALS_MAX; text = end + 1) {
		double share = strtod(text, &end);

		if (end == text || !(share > 0 && share < 9) || (*end && *end != ','))
			break;
		o->arrivals[o->arrivals_n++] = share;
		if (!*end)
			return 0;
	}
	return error_set(err, ERR_INVALID,
			 "--arrivals: at most %d shares between 0 and 9, such as 1.0,1.3",
			 ARRIVALS_MAX);
}

static int read_options(int argc, char **argv, struct options *o, struct error *err)
{
	static const struct option options[] = { { "arrivals", required_argument, NULL, 'a' },
						 { 0 } };
	const char *arrivals = "1.0,1.3";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return error_set(err, ERR_INVALID, "see facet-bench --help");
		arrivals = optarg;
	}
	if (argc - optind != 2)
		return error_set(err, ERR_INVALID, "name a node list and a request list");
	o->nodes = argv[optind];
	o->requests = argv[optind + 1];
	return read_arrivals(arrivals, o, err);
}

int bench_ceiling(int argc, char **argv, struct error *err)
{
	struct options o = { 0 };
	cleanup(trace_done) struct trace t = { 0 };
	cleanup(ceiling_done) struct ceiling c = { 0 };
	double ceilings[ARRIVALS_MAX];
	struct answer a;
	char workload[64];
	int r = read_options(argc, argv, &o, err);

	if (r == 0)
		r = trace_read(&t, o.nodes, o.requests, err);
	if (r == 0)
		r = ceiling_begin(&c, &t, err);
	bench_stem(o.requests ? o.requests : "", workload, sizeof(workload));
	for (size_t i = 0; i < o.arrivals_n && r == 0; i++) {
		r = ceiling_find(&c, o.arrivals[i], &a, err);
		if (r < 0)
			break;
		ceilings[i] = 100 * a.ceiling * GPU / (double)t.milli;
		printf("{\"workload\":\"%s\",\"arrivals\":%g,\"ceiling\":%.2f,\"reached\":%.2f,"
		       "\"rounds\":%d,\"patterns\":%zu}\n", workload, o.arrivals[i], ceilings[i],
		       100 * a.reached * GPU / (double)t.milli, a.rounds, c.patterns_n);
		fflush(stdout);
	}
	if (r < 0)
		return r;
	printf("{\"workload\":\"%s\",\"policy\":\"ceiling\",\"mean\":{", workload);
	for (size_t i = 0; i < o.arrivals_n; i++)
		printf("%s\"%.0f\":%.2f", i ? "," : "", 100 * o.arrivals[i], ceilings[i]);
	printf("}}\n");
	return 0;
}
