/* SPDX-License-Identifier: Apache-2.0 */
/* test_placement_oracle.c - random small pools, compared with an answer found by trying everything.
 *
 * The oracle shares with the code under test only the lists of placement ids (geometry.h), which
 * have their own test against NVIDIA's tables.  The seed is printed; FACET_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "model/catalogue.h"
#include "model/geometry.h"
#include "placement/placement.h"

enum { GPUS = 5, SLICES = 32, VFS = 33, ROUNDS = 6000 };

static uint64_t luck;

static uint32_t roll(uint32_t n)
{
	luck = luck * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(luck >> 33) % n;
}

struct world {
	struct gpu gpu[GPUS];
	struct pool_gpu pool[GPUS];
	struct pool_slice slices[GPUS][SLICES];
	char functions[GPUS][VFS][PCI_SIZE], avoid[GPUS][VFS][PCI_SIZE];
	size_t n;
	enum gpu_mode mode;
	const struct board *board[GPUS];
};

static struct world w;

static bool has_vfs(size_t i)
{
	return w.gpu[i].framework != FRAMEWORK_MDEV;
}

/* ---- the oracle ---- */

static uint16_t region(const struct board *b)
{
	uint16_t most = 0;

	for (size_t i = 0; i < b->profiles_n; i++)
		if (!b->profiles[i].mig && b->profiles[i].max == 1 &&
		    geometry_size_gib(0, b->profiles[i].fb_mib) > most)
			most = geometry_size_gib(0, b->profiles[i].fb_mib);
	return most;
}

static uint16_t gib(const struct board *b, uint32_t fb_mib)
{
	return geometry_size_gib(region(b), fb_mib);
}

static unsigned int ids_of(const struct board *b, const struct catalogue_profile *p, uint16_t *ids)
{
	struct geometry_type t = { p->fb_mib, gib(b, p->fb_mib), (uint16_t)p->max };

	return geometry_placements_mixed(b->rule, region(b), &t, ids, GEOMETRY_IDS_MAX);
}

static bool id_is_free(size_t i, uint16_t id, uint16_t size)
{
	for (size_t s = 0; s < w.pool[i].slices_n; s++) {
		const struct catalogue_profile *p = catalogue_find(w.slices[i][s].profile, NULL);

		if (geometry_overlaps(id, size, (uint16_t)w.slices[i][s].placement,
				      gib(w.board[i], p->fb_mib)))
			return false;
	}
	return true;
}

static bool function_is_free(size_t i, const char *f)
{
	for (size_t s = 0; s < w.pool[i].slices_n; s++)
		if (strcmp(w.slices[i][s].vf, f) == 0)
			return false;
	for (size_t a = 0; a < w.pool[i].avoid_n; a++)
		if (strcmp(w.avoid[i][a], f) == 0)
			return false;
	return true;
}

static uint32_t capacity(size_t i, const struct catalogue_profile *p)
{
	uint32_t held = (uint32_t)w.pool[i].slices_n, n = 0, functions = 0;
	uint16_t ids[GEOMETRY_IDS_MAX];

	if (!w.pool[i].open || strcmp(p->board, w.board[i]->name) != 0)
		return 0;
	if (w.mode == GPU_MODE_MIXED) {
		if (w.board[i]->rule == GEOMETRY_EQUAL_ONLY)
			return 0;
		for (unsigned int k = 0, c = ids_of(w.board[i], p, ids); k < c; k++)
			n += id_is_free(i, ids[k], gib(w.board[i], p->fb_mib));
	} else {
		for (uint32_t s = 0; s < held; s++)
			if (catalogue_find(w.slices[i][s].profile, NULL)->fb_mib != p->fb_mib)
				return 0;
		n = held < p->max ? p->max - held : 0;
	}
	if (n > 32 - held)
		n = 32 - held;
	for (size_t f = 0; f < w.pool[i].functions_n; f++)
		functions += function_is_free(i, w.functions[i][f]);
	return has_vfs(i) && functions < n ? functions : n;
}

/* The fewest GPUs that hold COUNT of P on one host and board, over all subsets; 0: impossible. */
static unsigned int fewest(const struct catalogue_profile *p, uint32_t count)
{
	unsigned int best = 0;

	for (unsigned int set = 1; set < 1u << w.n; set++) {
		uint32_t room = 0, size = 0;
		const char *host = NULL;
		bool one_host = true;

		for (size_t i = 0; i < w.n; i++) {
			if (!(set & 1u << i))
				continue;
			one_host = one_host && (!host || strcmp(host, w.gpu[i].host) == 0);
			host = w.gpu[i].host;
			room += capacity(i, p);
			size++;
		}
		if (one_host && room >= count && (best == 0 || size < best))
			best = size;
	}
	return best;
}

/* ---- making pools ---- */

static const struct catalogue_profile *any_profile(const struct board *b)
{
	const struct catalogue_profile *p;

	do
		p = &b->profiles[roll((uint32_t)b->profiles_n)];
	while (p->mig);
	return p;
}

static void put_slice(size_t i, const struct catalogue_profile *p)
{
	size_t n = w.pool[i].slices_n;
	struct pool_slice *s = &w.slices[i][n];
	uint16_t ids[GEOMETRY_IDS_MAX];

	if (capacity(i, p) == 0)
		return;
	memset(s, 0, sizeof(*s));
	snprintf(s->profile, sizeof(s->profile), "%s", p->name);
	s->placement = PLACEMENT_NONE;
	if (w.mode == GPU_MODE_MIXED) {
		unsigned int c = ids_of(w.board[i], p, ids), k = roll(c);

		while (!id_is_free(i, ids[k], gib(w.board[i], p->fb_mib)))
			k = (k + 1) % c;
		s->placement = ids[k];
	}
	if (has_vfs(i)) {
		size_t f = roll((uint32_t)w.pool[i].functions_n);

		while (!function_is_free(i, w.functions[i][f]))
			f = (f + 1) % w.pool[i].functions_n;
		memcpy(s->vf, w.functions[i][f], PCI_SIZE);
	}
	w.pool[i].slices_n++;
}

static void make_gpu(size_t i)
{
	static const char *const boards[] = { "26b9", "2235", "1eb8", "2bb5" };
	const struct board *b = catalogue_board_of(boards[roll(4)], "");
	struct gpu *g = &w.gpu[i];
	uint32_t vfs = 1 + roll(roll(2) ? 32 : 6);

	w.board[i] = b;
	snprintf(g->host, sizeof(g->host), "h%u", roll(2));
	snprintf(g->address, sizeof(g->address), "0000:%02zx:00.0", 0x41 + i);
	gpu_id_make(g->host, g->address, g->id);
	snprintf(g->board, sizeof(g->board), "%s", b->name);
	snprintf(g->pci_device, sizeof(g->pci_device), "%s", b->pci_device);
	g->framework = !b->sr_iov ? FRAMEWORK_MDEV
		       : roll(2)  ? FRAMEWORK_MDEV_VF
			          : FRAMEWORK_VENDOR_VFIO;
	g->mode = (int)w.mode;
	w.pool[i] = (struct pool_gpu){ .gpu = g, .open = roll(8) != 0, .slices = w.slices[i],
		                       .functions = w.functions[i], .avoid = w.avoid[i],
		                       .functions_n = b->sr_iov ? vfs : 0 };
	for (uint32_t v = 0; v < w.pool[i].functions_n; v++)
		snprintf(w.functions[i][v], PCI_SIZE, "0000:%02zx:%02x.%u", 0x41 + i, (v + 4) / 8,
			 (v + 4) % 8);
	if (b->sr_iov && roll(3) == 0)
		memcpy(w.avoid[i][w.pool[i].avoid_n++], w.functions[i][roll(vfs)], PCI_SIZE);
}

static void make_world(void)
{
	memset(&w, 0, sizeof(w));
	w.n = 1 + roll(GPUS);
	w.mode = roll(2) ? GPU_MODE_MIXED : GPU_MODE_EQUAL;
	for (size_t i = 0; i < w.n; i++) {
		bool open;
		uint32_t tries = roll(2) ? roll(30) : 0;
		const struct catalogue_profile *p;

		make_gpu(i);
		open = w.pool[i].open;
		w.pool[i].open = true; /* slices came while it was */
		p = any_profile(w.board[i]);
		while (tries--) {
			put_slice(i, p);
			if (w.mode == GPU_MODE_MIXED)
				p = any_profile(w.board[i]);
		}
		w.pool[i].open = open;
	}
}

/* ---- comparing ---- */

/* Puts the slots into the world one by one: each must fit beside those before it. */
static void slots_fit(const struct placement_answer *a, const struct catalogue_profile *p,
		      uint32_t count)
{
	for (uint32_t s = 0; s < count; s++) {
		size_t i = a->slots[s].gpu;
		struct pool_slice *slice = &w.slices[i][w.pool[i].slices_n];
		uint16_t ids[GEOMETRY_IDS_MAX];
		bool legal = false;

		assert_true(i < w.n);
		assert_string_equal(w.gpu[i].host, w.gpu[a->slots[0].gpu].host);
		assert_string_equal(a->slots[s].profile, p->name);
		assert_true(capacity(i, p) > 0);
		if (has_vfs(i)) {
			for (size_t f = 0; f < w.pool[i].functions_n; f++) {
				bool is_it = strcmp(w.functions[i][f], a->slots[s].vf) == 0;

				/* None below it is free. */
				if (strcmp(w.functions[i][f], a->slots[s].vf) < 0)
					assert_false(function_is_free(i, w.functions[i][f]));
				legal = legal || is_it;
			}
			assert_true(legal && function_is_free(i, a->slots[s].vf));
		} else {
			assert_string_equal(a->slots[s].vf, "");
		}
		legal = w.mode != GPU_MODE_MIXED && a->slots[s].placement == PLACEMENT_NONE;
		if (w.mode == GPU_MODE_MIXED)
			for (unsigned int k = 0, c = ids_of(w.board[i], p, ids); k < c; k++)
				legal = legal ||
					(ids[k] == a->slots[s].placement &&
					 id_is_free(i, ids[k], gib(w.board[i], p->fb_mib)));
		assert_true(legal);
		snprintf(slice->profile, sizeof(slice->profile), "%s", p->name);
		slice->placement = a->slots[s].placement;
		memcpy(slice->vf, a->slots[s].vf, PCI_SIZE);
		w.pool[i].slices_n++;
	}
}

static unsigned int gpus_used(const struct placement_answer *a, uint32_t count)
{
	unsigned int set = 0;

	for (uint32_t s = 0; s < count; s++)
		set |= 1u << a->slots[s].gpu;
	return (unsigned int)__builtin_popcount(set);
}

static uint64_t used_mib(size_t i)
{
	uint64_t sum = 0;

	for (size_t s = 0; s < w.pool[i].slices_n; s++)
		sum += catalogue_find(w.slices[i][s].profile, NULL)->fb_mib;
	return sum;
}

/* No other GPU with room may be more to the policy's taste than the one taken. */
static void taste(size_t taken, const struct catalogue_profile *p, enum policy policy)
{
	for (size_t i = 0; i < w.n; i++) {
		if (i == taken || capacity(i, p) == 0)
			continue;
		if (policy == POLICY_FIRST_FIT)
			assert_true(taken < i);
		if (policy == POLICY_SPREAD)
			assert_true(used_mib(taken) <= used_mib(i));
		if (policy != POLICY_PACK)
			continue;
		assert_false(w.pool[taken].slices_n == 0 && w.pool[i].slices_n > 0);
		if (w.pool[taken].slices_n > 0 && w.pool[i].slices_n > 0)
			assert_true(capacity(taken, p) <= capacity(i, p));
	}
}

static void one_round(void)
{
	struct placement_answer a = { 0 };
	struct placement_request q = { .mode = w.mode, .policy = (enum policy)roll(POLICY_COUNT) };
	const struct catalogue_profile *p = any_profile(w.board[roll((uint32_t)w.n)]);
	struct error err = { 0 };
	unsigned int best;
	int r;

	q.profile = p->name;
	q.count = roll(3) == 0 ? 1 + roll(DEVICE_COUNT_MAX) : 1;
	if (p->series == SERIES_A || p->series == SERIES_B)
		q.count = 1;
	best = fewest(p, q.count);
	r = placement_choose(w.pool, w.n, &q, &a, &err);
	assert_int_equal(r, best ? 0 : -ERR_NO_CAPACITY);
	if (r < 0) {
		assert_int_equal(a.refusals_n, w.n);
		assert_true(strlen(err.text) > 0);
	} else {
		assert_int_equal(gpus_used(&a, q.count), best);
		assert_int_equal(a.refusals_n, w.n - best);
		if (q.count == 1)
			taste(a.slots[0].gpu, p, q.policy);
		slots_fit(&a, p, q.count);
	}
	for (size_t i = 0; i < a.refusals_n; i++)
		assert_true(strlen(a.refusals[i].code) > 0 && strlen(a.refusals[i].text) > 0);
	free(a.refusals);
}

static void placement_agrees_with_trying_everything(void **state)
{
	const char *given = getenv("FACET_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	(void)state;
	print_message("FACET_SEED=%ju\n", (uintmax_t)seed);
	luck = seed;
	for (int i = 0; i < ROUNDS; i++) {
		make_world();
		one_round();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placement_agrees_with_trying_everything),
	};
	return cmocka_run_group_tests_name("placement oracle", tests, NULL, NULL);
}
