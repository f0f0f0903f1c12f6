/* SPDX-License-Identifier: Apache-2.0 */
/* churn.c - how much of what is asked for finds a place in a pool where VMs come and go.
 *
 * Without departures any packing fills a GPU; with them, what is left of one is holes, and geometry
 * decides which of them can be used.  Cells are (mode, mix, load).  The "list" mix needs a list of
 * requests of the public trace: its parts of a GPU, rounded up to the smallest size that has as
 * much framebuffer (MIG: as many slices of compute).  All policies see the same requests.
 *
 * "defrag" runs every cell twice, the second time with one live migration for each request that
 * does not fit, where that makes room.
 */
#include "churn.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "placement/situation.h"

/* A guest stands still for about so long while its framebuffer crosses a 10 Gbit/s network: from
 * the stun times that VMware publishes for vMotion with vGPUs. */
#define STUN_PER_GIB 1.2

enum { EVEN_MAX = 32, SEEDS_MAX = 10000, LOADS_MAX = 8 };

/* The four regimes of geometry, on boards of 80 GB, and two boards of other sizes. */
static const struct mode {
	const char *name, *board;
	enum gpu_mode mode;
	bool even;           /* starts at region * j / n, as on Blackwell */
	bool extra;          /* only when asked for by name */
	const char *skip;    /* an item that the published comparisons do without */
} modes[] = {
	{ "equal-80", "NVIDIA H100 PCIe 80GB", GPU_MODE_EQUAL },
	{ "mixed-80", "NVIDIA H100 PCIe 80GB", GPU_MODE_MIXED },
	{ "mixed-80-even", "NVIDIA H100 PCIe 80GB", GPU_MODE_MIXED, .even = true },
	{ "mig-80", "NVIDIA A100 HGX SXM4 80GB", GPU_MODE_MIG, .skip = "1g.20gb" },
	{ "mig-80-all", "NVIDIA A100 HGX SXM4 80GB", GPU_MODE_MIG, .extra = true },
	{ "mixed-48", "NVIDIA L40S", GPU_MODE_MIXED, .extra = true },
};
static const char *const mixes[] = { "list", "inverse", "uniform" };
enum { MODES = sizeof(modes) / sizeof(modes[0]), MIXES = sizeof(mixes) / sizeof(mixes[0]) };

struct options {
	const char *mode, *mix, *policy, *seeds, *list;
	double loads[LOADS_MAX];
	size_t loads_n;
	uint64_t gpus;
	double warm_up, window;
	bool list_lifetimes;
	uint64_t from, to;
};

struct request {
	uint16_t milli;
	double lifetime;
};

struct requests {
	struct request *all;
	size_t n, room;
};

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "the measurement");
}

/* ---- the list of requests ---- */

enum { COLUMN_COUNT, COLUMN_MILLI, COLUMN_FROM, COLUMN_TO };
static const struct csv_column columns[] = {
	{ "num_gpu" }, { "gpu_milli" }, { "creation_time" }, { "deletion_time" }
};

static int read_request(struct requests *list, const struct csv *csv, struct error *err)
{
	int64_t gpus = 0, milli = 0, from = 0, to = 0;
	size_t room = list->room ? 2 * list->room : 4096;
	struct request *grown;
	int r = csv_integer(csv, COLUMN_COUNT, 0, 1000, &gpus, err);

	if (r == 0)
		r = csv_integer(csv, COLUMN_MILLI, 0, 1000, &milli, err);
	if (r == 0)
		r = csv_integer(csv, COLUMN_FROM, 0, INT64_MAX, &from, err);
	if (r == 0)
		r = csv_integer(csv, COLUMN_TO, 0, INT64_MAX, &to, err);
	if (r < 0 || gpus != 1 || milli == 0 || milli == 1000)
		return r;
	if (list->n == list->room) {
		grown = reallocarray(list->all, room, sizeof(*grown));
		if (!grown)
			return no_memory(err);
		list->all = grown;
		list->room = room;
	}
	list->all[list->n++] = (struct request){ .milli = (uint16_t)milli,
						 .lifetime = to > from ? (double)(to - from) : 1 };
	return 0;
}

static void scale_lifetimes(struct requests *list)
{
	double sum = 0;

	for (size_t i = 0; i < list->n; i++)
		sum += list->all[i].lifetime;
	for (size_t i = 0; i < list->n; i++)
		list->all[i].lifetime *= (double)list->n / sum;
}

static int read_list(struct requests *list, const char *file, struct error *err)
{
	cleanup(cleanup_free) char *text = NULL;
	struct csv csv;
	int r = bench_read(file, &text, err);

	if (r == 0)
		r = csv_begin(&csv, file, text, columns, 4, err);
	if (r < 0)
		return r;
	while ((r = csv_next(&csv, err)) > 0) {
		r = read_request(list, &csv, err);
		if (r < 0)
			return r;
	}
	if (r == 0 && list->n == 0)
		return error_set(err, ERR_INVALID, "%s: no request is for a part of a GPU", file);
	scale_lifetimes(list);
	return r;
}

/* ---- a cell ---- */

struct cell {
	const struct mode *mode;
	const char *mix;
	struct cut cut;
	struct churn_setup setup;
};

static void cell_done(struct cell *c)
{
	free(c->setup.list.sizes);
	free(c->setup.list.lifetimes);
}

static int make_even(struct cut *cut, struct error *err)
{
	uint16_t starts[EVEN_MAX];
	int r = 0;

	for (int i = 0; i < cut->items_n && r == 0; i++) {
		unsigned int n = cut->slots / cut->items[i].size;

		n = n > EVEN_MAX ? EVEN_MAX : n;
		for (unsigned int j = 0; j < n; j++)
			starts[j] = (uint16_t)(cut->slots * j / n);
		r = cut_set_starts(cut, i, starts, n, err);
	}
	return r;
}

static bool is_asked_for(const struct mode *m, const struct cut_item *item)
{
	return !item->media && item->share == 1 && (!m->skip || strcmp(item->name, m->skip) != 0);
}

/* The engine's numbers for the items of the cut. */
static int number_items(struct cell *c, struct error *err)
{
	cleanup(situations_free_p) struct situations *t = situations_new();
	struct churn_setup *s = &c->setup;
	bool mig = c->mode->mode == GPU_MODE_MIG;
	uint8_t kind;
	int r = t ? situations_add_kind(t, &c->cut, 1, &kind, err) : no_memory(err);

	for (int i = 0; i < c->cut.items_n && r == 0; i++) {
		const struct cut_item *item = &c->cut.items[i];
		struct churn_size *size = &s->sizes[s->sizes_n];

		if (!is_asked_for(c->mode, item))
			continue;
		if (s->sizes_n == CHURN_SIZES_MAX)
			return error_set(err, ERR_TOO_LARGE, "%s has over %d sizes",
					 c->mode->board, CHURN_SIZES_MAX);
		size->item = situations_item(t, kind, mig ? item->name : NULL, item->fb_mib);
		size->milli = situations_item_milli(t, kind, size->item);
		s->sizes_n++;
	}
	return r;
}

/* What an item offers of a GPU, in thousandths: framebuffer, on MIG sevenths of the compute. */
static double offers(const struct cell *c, const struct cut_item *item)
{
	if (c->mode->mode == GPU_MODE_MIG)
		return 1000.0 * (item->name[0] - '0') / 7;
	return 1000.0 * item->size / c->cut.slots;
}

/* Index among the sizes of the smallest one with MILLI. */
static uint8_t round_up(const struct cell *c, uint16_t milli)
{
	double best = 0;
	uint8_t ret = 0, n = 0;

	for (int i = 0; i < c->cut.items_n; i++) {
		double offer;

		if (!is_asked_for(c->mode, &c->cut.items[i]))
			continue;
		offer = offers(c, &c->cut.items[i]);
		if (offer + 1e-9 >= milli && (best <= 0 || offer < best)) {
			best = offer;
			ret = n;
		}
		n++;
	}
	return ret;
}

static int use_list(struct cell *c, const struct requests *list, bool lifetimes, struct error *err)
{
	struct churn_list *l = &c->setup.list;

	l->sizes = calloc(list->n, sizeof(*l->sizes));
	l->lifetimes = lifetimes ? calloc(list->n, sizeof(*l->lifetimes)) : NULL;
	if (!l->sizes || (lifetimes && !l->lifetimes))
		return no_memory(err);
	l->n = list->n;
	for (size_t i = 0; i < list->n; i++) {
		l->sizes[i] = round_up(c, list->all[i].milli);
		if (!lifetimes)
			continue;
		l->lifetimes[i] = list->all[i].lifetime;
		/* the few that stay longest hold most of the pool: wait until it has its share of
		 * them */
		if (c->setup.warm_up < l->lifetimes[i])
			c->setup.warm_up = l->lifetimes[i];
	}
	return 0;
}

static void set_shares(struct cell *c)
{
	bool inverse = strcmp(c->mix, "inverse") == 0;
	double sum = 0;

	for (size_t i = 0; i < c->setup.sizes_n; i++)
		sum += inverse ? 1.0 / c->setup.sizes[i].milli : 1;
	for (size_t i = 0; i < c->setup.sizes_n; i++)
		c->setup.sizes[i].share = (inverse ? 1.0 / c->setup.sizes[i].milli : 1) / sum;
}

static int make_cell(struct cell *c, const struct options *o, const struct requests *list,
		     struct error *err)
{
	const struct board *b = catalogue_board_named(c->mode->board);
	int r = 0;

	if (!b || !cut_of_board(b, c->mode->mode, &c->cut))
		return error_set(err, ERR_NOT_FOUND, "the catalogue has no %s", c->mode->board);
	if (c->mode->even)
		r = make_even(&c->cut, err);
	if (r == 0)
		r = number_items(c, err);
	if (r < 0)
		return r;
	c->setup.cut = &c->cut;
	c->setup.gpus = (uint32_t)o->gpus;
	c->setup.warm_up = o->warm_up;
	c->setup.window = o->window;
	c->setup.policy = policy_row(o->policy);
	if (strcmp(c->mix, "list") == 0)
		return use_list(c, list, o->list_lifetimes, err);
	set_shares(c);
	return 0;
}

/* ---- measuring ---- */

/* Columns of results, by seed. */
struct columns {
	double accepted[SEEDS_MAX], by_number[SEEDS_MAX], fragmented[SEEDS_MAX];
	double occupied[SEEDS_MAX], moves[SEEDS_MAX], moved_gpus[SEEDS_MAX];
	size_t n;
};

static int measure_seeds(struct cell *c, const struct options *o, struct columns *ret,
			 struct error *err)
{
	struct churn_result x;
	int r = 0;

	ret->n = 0;
	for (uint64_t seed = o->from; seed <= o->to && r == 0; seed++) {
		double taken;

		c->setup.seed = seed;
		r = churn_run(&c->setup, &x, err);
		if (r < 0)
			break;
		taken = x.requests * x.accepted_count / 10000;
		ret->accepted[ret->n] = x.accepted;
		ret->by_number[ret->n] = x.accepted_count;
		ret->fragmented[ret->n] = x.fragmented;
		ret->occupied[ret->n] = x.occupied;
		ret->moves[ret->n] = taken > 0 ? x.moves / taken : 0;
		ret->moved_gpus[ret->n++] = taken > 0 ? x.moved_gpus / taken : 0;
	}
	return r;
}

static double mean(const double *x, size_t n)
{
	return bench_spread(x, n).mean;
}

static void print_cell(const char *bench, const struct cell *c, const struct options *o,
		       const struct columns *x)
{
	printf("{\"bench\":\"%s\",\"mode\":\"%s\",\"mix\":\"%s\",\"load\":%.2f,\"policy\":\"%s\","
	       "\"gpus\":%u,\"seeds\":\"%s\",\"lifetimes\":\"%s\",\"window\":%g,", bench,
	       c->mode->name, c->mix, c->setup.load, o->policy, c->setup.gpus, o->seeds,
	       c->setup.list.lifetimes ? "list" : "exponential", c->setup.window);
	printf("\"accepted\":%.2f,\"accepted_sd\":%.2f,\"accepted_by_number\":%.2f,"
	       "\"refused_fragmented\":%.2f,\"occupied\":%.2f",
	       mean(x->accepted, x->n), bench_spread(x->accepted, x->n).sd,
	       mean(x->by_number, x->n), mean(x->fragmented, x->n), mean(x->occupied, x->n));
}

static void print_moves(const struct cell *c, const struct columns *x, double before)
{
	double moves = mean(x->moves, x->n), gib = mean(x->moved_gpus, x->n);
	double gained = mean(x->accepted, x->n) - before;

	/* the whole GPU is the item that has all of the slots */
	gib *= c->cut.items[c->cut.items_n - 1].fb_mib / 1024.0;
	printf(",\"moves_per_100\":%.2f,\"moved_gib_per_100\":%.1f,\"stun_s_per_100\":%.1f,"
	       "\"gained\":%.2f,\"gained_per_move\":%.3f", moves, gib, STUN_PER_GIB * gib, gained,
	       moves > 0 ? gained / moves : 0);
}

static int measure_cell(const char *bench, struct cell *c, const struct options *o,
			struct columns *x, struct error *err)
{
	bool defrag = strcmp(bench, "defrag") == 0;
	double before;
	int r = 0;

	for (size_t i = 0; i < o->loads_n && r == 0; i++) {
		c->setup.load = o->loads[i];
		c->setup.moves = false;
		r = measure_seeds(c, o, x, err);
		if (r < 0)
			break;
		before = mean(x->accepted, x->n);
		print_cell(bench, c, o, x);
		puts(defrag ? ",\"moves_per_100\":0}" : "}");
		c->setup.moves = true;
		if (defrag)
			r = measure_seeds(c, o, x, err);
		if (defrag && r == 0) {
			print_cell(bench, c, o, x);
			print_moves(c, x, before);
			puts("}");
		}
		fflush(stdout);
	}
	return r;
}

static bool is_wanted(const struct options *o, size_t mode, size_t mix)
{
	if (o->mode ? strcmp(o->mode, modes[mode].name) != 0 : modes[mode].extra)
		return false;
	if (o->mix)
		return strcmp(o->mix, mixes[mix]) == 0;
	return o->list || strcmp(mixes[mix], "list") != 0;
}

static int measure_all(const char *bench, const struct options *o, const struct requests *list,
		       struct error *err)
{
	cleanup(cleanup_free) struct columns *x = malloc(sizeof(*x));
	int r = x ? 0 : no_memory(err);

	for (size_t i = 0; i < (size_t)MODES * MIXES && r == 0; i++) {
		cleanup(cell_done) struct cell c = { .mode = &modes[i / MIXES],
						     .mix = mixes[i % MIXES] };

		if (!is_wanted(o, i / MIXES, i % MIXES))
			continue;
		r = make_cell(&c, o, list, err);
		if (r == 0)
			r = measure_cell(bench, &c, o, x, err);
	}
	return r;
}

/* ---- options ---- */

static int add_load(struct options *o, const char *text, struct error *err)
{
	char *end;
	double load = strtod(text, &end);

	if (end == text || *end || !(load > 0 && load < 100) || o->loads_n == LOADS_MAX)
		return error_set(err, ERR_INVALID,
				 "--load '%s': wanted a share of the pool, such as 0.95, at most "
				 "%d times", text, LOADS_MAX);
	o->loads[o->loads_n++] = load;
	return 0;
}

static int read_options(int argc, char **argv, struct options *o, struct error *err)
{
	static const struct option options[] = { { "mode", required_argument, NULL, 'm' },
						 { "mix", required_argument, NULL, 'x' },
						 { "policy", required_argument, NULL, 'p' },
						 { "seeds", required_argument, NULL, 's' },
						 { "load", required_argument, NULL, 'l' },
						 { "gpus", required_argument, NULL, 'g' },
						 { "window", required_argument, NULL, 'w' },
						 { "list-lifetimes", no_argument, NULL, 't' },
						 { 0 } };
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			o->mode = optarg;
		else if (c == 'x')
			o->mix = optarg;
		else if (c == 'p')
			o->policy = optarg;
		else if (c == 's')
			o->seeds = optarg;
		else if (c == 'l')
			r = add_load(o, optarg, err);
		else if (c == 'g')
			o->gpus = strtoull(optarg, NULL, 10);
		else if (c == 'w')
			o->window = strtod(optarg, NULL);
		else if (c == 't')
			o->list_lifetimes = true;
		else
			return error_set(err, ERR_INVALID, "see facet-bench --help");
	}
	if (optind < argc)
		o->list = argv[optind++];
	if (r == 0 && optind < argc)
		return error_set(err, ERR_INVALID, "%s: one list of requests is enough",
				 argv[optind]);
	return r;
}

static int check_names(const struct options *o, struct error *err)
{
	bool mode = !o->mode, mix = !o->mix;

	for (size_t i = 0; i < MODES; i++)
		mode = mode || strcmp(o->mode, modes[i].name) == 0;
	for (size_t i = 0; i < MIXES; i++)
		mix = mix || strcmp(o->mix, mixes[i]) == 0;
	if (!mode)
		return error_set(err, ERR_INVALID, "there is no mode %s", o->mode);
	if (!mix)
		return error_set(err, ERR_INVALID, "there is no mix %s", o->mix);
	if (o->mix && strcmp(o->mix, "list") == 0 && !o->list)
		return error_set(err, ERR_INVALID, "the mix 'list' needs a list of requests");
	if (!policy_row(o->policy) && strcmp(o->policy, "pool") != 0)
		return error_set(err, ERR_INVALID, "there is no policy %s", o->policy);
	return 0;
}

static int check_options(struct options *o, struct error *err)
{
	if (o->loads_n == 0) {
		o->loads[0] = 0.95;
		o->loads_n = 1;
	}
	if (o->gpus < 1 || o->gpus > 1000000)
		return error_set(err, ERR_INVALID, "--gpus: 1 to 1000000");
	if (!(o->window > 0 && o->window <= 10000))
		return error_set(err, ERR_INVALID, "--window: mean lifetimes, up to 10000");
	return check_names(o, err);
}

static int bench_cells(const char *bench, int argc, char **argv, struct error *err)
{
	struct options o = { .policy = "fragmentation", .seeds = "1-10", .gpus = 400,
			     .warm_up = 4, .window = 10 };
	struct requests list = { 0 };
	int r = read_options(argc, argv, &o, err);

	if (r == 0)
		r = bench_seeds(o.seeds, &o.from, &o.to, err);
	if (r == 0)
		r = check_options(&o, err);
	if (r == 0 && o.list)
		r = read_list(&list, o.list, err);
	if (r == 0)
		r = measure_all(bench, &o, &list, err);
	free(list.all);
	return r;
}

int bench_churn(int argc, char **argv, struct error *err)
{
	return bench_cells("churn", argc, argv, err);
}

int bench_defrag(int argc, char **argv, struct error *err)
{
	return bench_cells("defrag", argc, argv, err);
}
