/* SPDX-License-Identifier: Apache-2.0 */
/* test_placement.c - the rules of placement one by one; test_placement_oracle.c has them at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/catalogue.h"
#include "placement/placement.h"

enum { GPUS = 8, SLICES = 64, VFS = 40 };

/* A pool under construction: GPU I of it, with its slices and functions. */
static struct {
	struct gpu gpu[GPUS];
	struct pool_gpu pool[GPUS];
	struct pool_slice slices[GPUS][SLICES];
	char functions[GPUS][VFS][PCI_SIZE];
	char avoid[GPUS][VFS][PCI_SIZE];
	size_t n;
} p;

static struct placement_answer answer;
static struct error err;

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(answer.refusals);
	memset(&answer, 0, sizeof(answer));
	memset(&err, 0, sizeof(err));
	return 0;
}

static struct gpu *add(const char *host, const char *device, enum framework framework, unsigned vfs)
{
	size_t i = p.n++;
	struct gpu *g = &p.gpu[i];

	assert_true(i < GPUS);
	snprintf(g->host, sizeof(g->host), "%s", host);
	snprintf(g->address, sizeof(g->address), "0000:%02zx:00.0", 0x41 + i);
	gpu_id_make(g->host, g->address, g->id);
	snprintf(g->pci_device, sizeof(g->pci_device), "%s", device);
	snprintf(g->board, sizeof(g->board), "%s", catalogue_board(device, ""));
	g->fb_mib = catalogue_board_fb_mib(device, "");
	g->framework = (int)framework;
	for (unsigned v = 0; v < vfs; v++)
		snprintf(p.functions[i][v], PCI_SIZE, "0000:%02zx:%02x.%u", 0x41 + i, (v + 4) / 8,
			 (v + 4) % 8);
	p.pool[i] = (struct pool_gpu){ .gpu = g, .open = true, .slices = p.slices[i],
		                       .functions = p.functions[i], .functions_n = vfs,
		                       .avoid = p.avoid[i] };
	return g;
}

static struct gpu *add_l40s(void)
{
	return add("h1", "26b9", FRAMEWORK_VENDOR_VFIO, 32);
}

static void slice(size_t gpu, const char *profile, uint32_t placement)
{
	size_t n = p.pool[gpu].slices_n++;
	struct pool_slice *s = &p.slices[gpu][n];

	snprintf(s->profile, sizeof(s->profile), "%s", profile);
	s->placement = placement;
	if (p.pool[gpu].functions_n)
		memcpy(s->vf, p.functions[gpu][n], PCI_SIZE);
}

static struct placement_request request(const char *profile, uint32_t count)
{
	return (struct placement_request){ .profile = profile, .count = count,
		                           .mode = GPU_MODE_EQUAL, .policy = POLICY_PACK };
}

static int choose_with(const struct placement_request *q)
{
	free(answer.refusals);
	memset(&answer, 0, sizeof(answer));
	memset(&err, 0, sizeof(err));
	return placement_choose(p.pool, p.n, q, &answer, &err);
}

static int choose(const char *profile, uint32_t count)
{
	struct placement_request q = request(profile, count);

	return choose_with(&q);
}

static const struct refusal *refusal_of(size_t gpu)
{
	for (size_t i = 0; i < answer.refusals_n; i++)
		if (strcmp(answer.refusals[i].gpu, p.gpu[gpu].id) == 0)
			return &answer.refusals[i];
	fail_msg("GPU %zu was not refused", gpu);
	return NULL;
}

static void refused(size_t gpu, const char *code, const char *text)
{
	const struct refusal *r = refusal_of(gpu);

	assert_string_equal(r->code, code);
	assert_string_equal(r->text, text);
}

/* ---- one size at a time ---- */

static void a_size_class_keeps_other_sizes_out(void **state)
{
	(void)state;
	add_l40s();
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	assert_int_equal(choose("NVIDIA L40S-8C", 1), 0); /* another series of the same size */
	assert_string_equal(answer.slots[0].vf, "0000:41:00.5");
	assert_int_equal(answer.slots[0].placement, PLACEMENT_NONE);
	assert_int_equal(choose("NVIDIA L40S-16Q", 1), -ERR_NO_CAPACITY);
	refused(0, "wrong-size-class",
		"holds 8 GiB vGPUs; an equal-size GPU holds one size at a time");
	assert_string_equal(err.text, "no GPU has room for NVIDIA L40S-16Q: "
				      "1 GPU: wrong size class (8 GiB)");
}

/* 32 of them fit although 48 GiB would hold 48: the driver's own limit. */
static void the_33rd_does_not_fit(void **state)
{
	(void)state;
	add_l40s();
	for (int i = 0; i < 32; i++) {
		assert_int_equal(choose("NVIDIA L40S-1Q", 1), 0);
		slice(0, "NVIDIA L40S-1Q", PLACEMENT_NONE);
		assert_string_equal(p.slices[0][i].vf, answer.slots[0].vf);
	}
	assert_int_equal(choose("NVIDIA L40S-1Q", 1), -ERR_NO_CAPACITY);
	refused(0, "full", "holds 32 vGPUs, the most that a GPU takes");
}

static void the_most_of_a_type_is_not_its_share_of_the_memory(void **state)
{
	(void)state;
	add_l40s();
	for (int i = 0; i < 3; i++)
		slice(0, "NVIDIA L40S-16Q", PLACEMENT_NONE);
	assert_int_equal(choose("NVIDIA L40S-16A", 1), -ERR_NO_CAPACITY);
	refused(0, "full", "holds 3 vGPUs of 16 GiB; at most 3 fit");
}

/* ---- functions ---- */

static void the_lowest_free_function_is_taken(void **state)
{
	(void)state;
	add("h1", "26b9", FRAMEWORK_VENDOR_VFIO, 4);
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE); /* has 00.4 */
	memcpy(p.avoid[0][0], "0000:41:00.5", 13);
	p.pool[0].avoid_n = 1;
	assert_int_equal(choose("NVIDIA L40S-8Q", 2), 0);
	assert_string_equal(answer.slots[0].vf, "0000:41:00.6");
	assert_string_equal(answer.slots[1].vf, "0000:41:00.7");
	assert_int_equal(choose("NVIDIA L40S-8Q", 3), -ERR_NO_CAPACITY);
	refused(0, "too-few",
		"has room for 2 of NVIDIA L40S-8Q, with the others of its board on its "
		"host too few for 3");
}

static void quarantined_functions_are_named_when_none_is_left(void **state)
{
	(void)state;
	add("h1", "26b9", FRAMEWORK_VENDOR_VFIO, 2);
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	memcpy(p.avoid[0][0], "0000:41:00.5", 13);
	p.pool[0].avoid_n = 1;
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	refused(0, "no-function", "all 2 SR-IOV functions are in use, 1 of them quarantined");

	p.pool[0].functions_n = p.pool[0].slices_n = p.pool[0].avoid_n = 0;
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	refused(0, "no-function",
		"has no SR-IOV functions enabled; run sriov-manage -e 0000:41:00.0 on host h1");
}

static void mdevs_of_a_pf_have_no_function(void **state)
{
	(void)state;
	add("h1", "1eb8", FRAMEWORK_MDEV, 0);
	assert_int_equal(choose("GRID T4-4Q", 4), 0);
	assert_string_equal(answer.slots[3].vf, "");
	assert_int_equal(choose("GRID T4-4Q", 5), -ERR_NO_CAPACITY);
}

/* ---- mixed sizes ---- */

static struct placement_tables *kept_tables; /* NULL: each call for itself */

static int choose_mixed(const char *profile, uint32_t count, enum policy policy)
{
	struct placement_request q = request(profile, count);

	q.tables = kept_tables;
	q.mode = GPU_MODE_MIXED;
	q.policy = policy;
	return choose_with(&q);
}

static void mixed_sizes_lie_at_placement_ids(void **state)
{
	(void)state;
	add_l40s()->mode = GPU_MODE_MIXED;
	slice(0, "NVIDIA L40S-24Q", 0);
	assert_int_equal(choose_mixed("NVIDIA L40S-8Q", 2, POLICY_FIRST_FIT), 0);
	assert_int_equal(answer.slots[0].placement, 24);
	assert_int_equal(answer.slots[1].placement, 40);
	assert_int_equal(choose_mixed("NVIDIA L40S-24Q", 2, POLICY_FIRST_FIT), -ERR_NO_CAPACITY);
	slice(0, "NVIDIA L40S-8Q", 24);
	assert_int_equal(choose_mixed("NVIDIA L40S-24Q", 1, POLICY_FIRST_FIT), -ERR_NO_CAPACITY);
	refused(0, "no-placement",
		"no placement id is free for 24 GiB: 32 GiB of 48 GiB are in use by 2 vGPUs");
}

/* A 4 GiB vGPU beside another one costs nothing; at the lowest id it would cost a 24 GiB place. */
static void pack_takes_the_id_that_spares_large_places(void **state)
{
	(void)state;
	add_l40s()->mode = GPU_MODE_MIXED;
	slice(0, "NVIDIA L40S-4Q", 32);
	assert_int_equal(choose_mixed("NVIDIA L40S-4Q", 1, POLICY_FIRST_FIT), 0);
	assert_int_equal(answer.slots[0].placement, 0);
	assert_int_equal(choose_mixed("NVIDIA L40S-4Q", 1, POLICY_PACK), 0);
	assert_true(answer.slots[0].placement >= 24);
}

static void the_mode_of_a_gpu_in_use_stands(void **state)
{
	(void)state;
	add_l40s();
	p.gpu[0].vgpus_n = 1;
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	assert_int_equal(choose_mixed("NVIDIA L40S-8Q", 1, POLICY_PACK), -ERR_NO_CAPACITY);
	refused(0, "wrong-mode",
		"is in equal-size mode and holds 1 vGPUs; the group wants mixed-size");
	/* Empty again, it is cut anew. */
	p.pool[0].slices_n = p.gpu[0].vgpus_n = 0;
	assert_int_equal(choose_mixed("NVIDIA L40S-8Q", 1, POLICY_PACK), 0);
}

/* Two starts in a row: the first is reserved, but its host has not changed the mode yet. */
static void a_reservation_carries_its_mode(void **state)
{
	(void)state;
	add_l40s();
	slice(0, "NVIDIA L40S-8Q", 0);
	assert_int_equal(choose_mixed("NVIDIA L40S-24Q", 1, POLICY_PACK), 0);
	assert_int_equal(answer.slots[0].placement, 24);
}

static void boards_before_ampere_can_not_mix(void **state)
{
	(void)state;
	add("h1", "1eb8", FRAMEWORK_MDEV, 0);
	assert_int_equal(choose_mixed("GRID T4-4Q", 1, POLICY_PACK), -ERR_NO_CAPACITY);
	refused(0, "no-mixed-mode", "Tesla T4 can not mix framebuffer sizes");
}

/* A foreign vGPU whose place the driver does not tell may lie anywhere. */
static void an_unknown_place_closes_a_mixed_gpu(void **state)
{
	(void)state;
	add_l40s()->mode = GPU_MODE_MIXED;
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	assert_int_equal(choose_mixed("NVIDIA L40S-8Q", 1, POLICY_PACK), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "unknown-placement");
	p.slices[0][0].placement = 7;
	assert_int_equal(choose_mixed("NVIDIA L40S-8Q", 1, POLICY_PACK), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "against-the-model");
}

/* ---- policies ---- */

/* An empty GPU is the only place for the largest size: it stays empty while another will do, and
 * what breaks into one starts where it leaves most. */
static void fragmentation_spares_the_scarce_places(void **state)
{
	(void)state;
	add_l40s()->mode = GPU_MODE_MIXED;
	add_l40s()->mode = GPU_MODE_MIXED;
	slice(1, "NVIDIA L40S-4Q", 32);
	assert_int_equal(choose_mixed("NVIDIA L40S-4Q", 1, POLICY_SPREAD), 0);
	assert_int_equal(answer.slots[0].gpu, 0);
	assert_int_equal(choose_mixed("NVIDIA L40S-4Q", 1, POLICY_FRAGMENTATION), 0);
	assert_int_equal(answer.slots[0].gpu, 1);
	assert_true(answer.slots[0].placement >= 24);
	assert_non_null(strstr(answer.terms, "fragmentation: costs later requests "));
}

/* What is kept between calls is only work done before. */
static void kept_tables_change_no_answer(void **state)
{
	struct placement_tables *tables = placement_tables_new();
	uint32_t places[2][4];

	(void)state;
	assert_non_null(tables);
	add_l40s()->mode = GPU_MODE_MIXED;
	slice(0, "NVIDIA L40S-12Q", 12);
	for (int kept = 0; kept < 2; kept++) {
		kept_tables = kept ? tables : NULL;
		for (uint32_t n = 1; n <= 4; n++) {
			assert_int_equal(choose_mixed("NVIDIA L40S-4Q", n, POLICY_FRAGMENTATION),
					 0);
			places[kept][n - 1] = answer.slots[n - 1].placement;
		}
	}
	assert_memory_equal(places[0], places[1], sizeof(places[0]));
	kept_tables = placement_tables_free(tables);
}

static void each_policy_has_its_own_gpu(void **state)
{
	struct placement_request q = request("NVIDIA L40S-8Q", 1);

	(void)state;
	add_l40s();
	add_l40s();
	add_l40s();
	slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	slice(1, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	slice(1, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	q.policy = POLICY_FIRST_FIT;
	assert_int_equal(choose_with(&q), 0);
	assert_int_equal(answer.slots[0].gpu, 0);
	q.policy = POLICY_PACK;
	assert_int_equal(choose_with(&q), 0);
	assert_int_equal(answer.slots[0].gpu, 1);
	refused(2, "fits", "has room for 6 of NVIDIA L40S-8Q; pack prefers another GPU");
	q.policy = POLICY_SPREAD;
	assert_int_equal(choose_with(&q), 0);
	assert_int_equal(answer.slots[0].gpu, 2);
}

/* ---- several vGPUs ---- */

static void several_vgpus_stay_on_as_few_gpus_as_possible(void **state)
{
	struct placement_request q = request("NVIDIA L40S-8Q", 5);

	(void)state;
	add_l40s();
	add_l40s();
	add_l40s();
	for (int i = 0; i < 4; i++)
		slice(0, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	q.policy = POLICY_SPREAD;
	assert_int_equal(choose_with(&q), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(answer.slots[i].gpu, 1);
	/* 2 + 6 + 6 are free: eight need two GPUs, and pack fills the first before an empty one. */
	q.policy = POLICY_PACK;
	q.count = 8;
	assert_int_equal(choose_with(&q), 0);
	assert_int_equal(answer.slots[0].gpu, 1);
	assert_int_equal(answer.slots[5].gpu, 1);
	assert_int_equal(answer.slots[6].gpu, 0);
	q.count = 15;
	assert_int_equal(choose_with(&q), -ERR_NO_CAPACITY);
	assert_string_equal(err.text,
			    "no GPU has room for 15 x NVIDIA L40S-8Q: 3 GPUs: too few");
}

static void several_vgpus_come_from_one_host(void **state)
{
	(void)state;
	add("h1", "26b9", FRAMEWORK_VENDOR_VFIO, 4);
	add("h2", "26b9", FRAMEWORK_VENDOR_VFIO, 4);
	assert_int_equal(choose("NVIDIA L40S-8Q", 5), -ERR_NO_CAPACITY);
	add("h2", "26b9", FRAMEWORK_VENDOR_VFIO, 4);
	assert_int_equal(choose("NVIDIA L40S-8Q", 5), 0);
	assert_int_equal(answer.slots[0].gpu, 1);
	assert_int_equal(answer.slots[4].gpu, 2);
}

static void a_and_b_series_come_alone(void **state)
{
	(void)state;
	add_l40s();
	assert_int_equal(choose("NVIDIA L40S-8A", 2), -ERR_INVALID);
	assert_string_equal(err.text,
			    "2 x NVIDIA L40S-8A: a VM has at most one vGPU of the A series");
	assert_int_equal(choose("NVIDIA L40S-2B", 2), -ERR_INVALID);
	assert_int_equal(choose("desktop", 2), -ERR_INVALID);
	assert_int_equal(choose("virtual-apps:8", 3), -ERR_INVALID);
	assert_int_equal(choose("NVIDIA L40S-8A", 1), 0);
	assert_int_equal(choose("NVIDIA L40S-2Q", 16), 0);
	assert_int_equal(choose("NVIDIA L40S-2Q", 17), -ERR_INVALID);
	assert_int_equal(choose("NVIDIA L40S-2Q", 0), -ERR_INVALID);
}

static void pascal_gives_one_vm_several_only_whole(void **state)
{
	(void)state;
	add("h1", "1b38", FRAMEWORK_MDEV, 0);
	add("h1", "1b38", FRAMEWORK_MDEV, 0);
	assert_int_equal(choose("GRID P40-24Q", 2), 0);
	assert_int_equal(choose("GRID P40-12Q", 2), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "no-fractional-multi");
	assert_int_equal(choose("GRID P40-12Q", 1), 0);
}

/* ---- classes and groups ---- */

static void a_class_becomes_the_smallest_type_that_fits(void **state)
{
	(void)state;
	add_l40s();
	assert_int_equal(choose("compute", 1), 0);
	assert_string_equal(answer.slots[0].profile, "NVIDIA L40S-4C");
	assert_int_equal(answer.slots[0].fb_mib, 4096);
	assert_int_equal(choose("compute:16", 1), 0);
	assert_string_equal(answer.slots[0].profile, "NVIDIA L40S-16C");
	slice(0, "NVIDIA L40S-24C", PLACEMENT_NONE);
	assert_int_equal(choose("compute", 1), 0);
	assert_string_equal(answer.slots[0].profile, "NVIDIA L40S-24C");
	assert_int_equal(choose("compute:16", 1), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "wrong-size-class");
	assert_int_equal(choose("compute:7", 1), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "not-offered");
}

static void a_group_allows_what_its_patterns_fit(void **state)
{
	char *patterns[] = { (char *)"*-8?", (char *)"NVIDIA L40S-*Q", (char *)"*C*x" };
	struct placement_request q = request("NVIDIA L40S-8Q", 1);

	(void)state;
	add_l40s();
	q.allowed = patterns;
	q.allowed_n = 3;
	assert_int_equal(choose_with(&q), 0);
	q.profile = "NVIDIA L40S-8C"; /* the question mark is no wildcard */
	assert_int_equal(choose_with(&q), -ERR_INVALID);
	assert_non_null(strstr(err.text, "the group does not allow NVIDIA L40S-8C"));
	q.profile = "mixed:4";
	assert_int_equal(choose_with(&q), 0);
	assert_string_equal(answer.slots[0].profile, "NVIDIA L40S-4Q");
	q.profile = "compute";
	assert_int_equal(choose_with(&q), -ERR_NO_CAPACITY);
}

static void what_exists_nowhere_is_not_found(void **state)
{
	static struct gpu_type types[] = { { .name = "NVIDIA X900-8Q", .fb_mib = 8192, .max = 3 } };

	(void)state;
	add_l40s();
	assert_int_equal(choose("NVIDIA X900-8Q", 1), -ERR_NOT_FOUND);
	assert_int_equal(choose("NVIDIA A40-8Q", 1), -ERR_NO_CAPACITY);
	refused(0, "not-offered", "NVIDIA L40S offers no NVIDIA A40-8Q");
	/* The driver's word wins over the catalogue, both ways. */
	p.gpu[0].types = types;
	p.gpu[0].types_n = 1;
	assert_int_equal(choose("NVIDIA X900-8Q", 3), 0);
	assert_int_equal(choose("NVIDIA X900-8Q", 4), -ERR_NO_CAPACITY);
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	p.n = 0;
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	assert_non_null(strstr(err.text, "the group has no GPUs"));
}

/* ---- whole GPUs ---- */

static void a_whole_gpu_must_be_empty_and_passed_through(void **state)
{
	struct placement_request q = request("whole", 1);

	(void)state;
	q.mode = GPU_MODE_WHOLE;
	add_l40s();
	add("h1", "26b9", FRAMEWORK_PASSTHROUGH, 0);
	add("h1", "26b9", FRAMEWORK_PASSTHROUGH, 0);
	p.pool[1].slices_n = 1;
	p.slices[1][0].whole = true;
	assert_int_equal(choose_with(&q), 0);
	assert_int_equal(answer.slots[0].gpu, 2);
	assert_string_equal(answer.slots[0].profile, "whole");
	assert_int_equal(answer.slots[0].fb_mib, 49152);
	refused(1, "taken-whole", "one VM has the whole GPU");
	assert_string_equal(refusal_of(0)->code, "not-passthrough");
	q.profile = "passthrough";
	q.count = 2;
	assert_int_equal(choose_with(&q), -ERR_NO_CAPACITY);
	p.pool[1].slices_n = 0;
	assert_int_equal(choose_with(&q), 0);

	q.profile = "NVIDIA L40S-8Q";
	assert_int_equal(choose_with(&q), -ERR_INVALID);
	assert_int_equal(choose("whole", 1), -ERR_INVALID);
	p.gpu[0].framework = FRAMEWORK_PASSTHROUGH;
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	refused(0, "passthrough", "is passed through whole, not cut into vGPUs");
}

/* ---- reasons ---- */

static void every_gpu_says_why_and_equal_reasons_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		add_l40s();
		slice((size_t)i, "NVIDIA L40S-8Q", PLACEMENT_NONE);
	}
	add_l40s();
	p.pool[3].open = false;
	p.pool[3].closed_code = "host-draining";
	p.pool[3].closed_text = "its host h1 is draining";
	add("h1", "2235", FRAMEWORK_VENDOR_VFIO, 32);
	add("h1", "26b9", FRAMEWORK_NONE, 0);
	snprintf(p.gpu[5].not_poolable, sizeof(p.gpu[5].not_poolable), "no driver: install it");
	add("h1", "20b7", FRAMEWORK_VENDOR_VFIO, 4);
	p.gpu[6].mode = GPU_MODE_MIG;
	assert_int_equal(choose("NVIDIA L40S-16Q", 1), -ERR_NO_CAPACITY);
	assert_int_equal(answer.refusals_n, 7);
	refused(3, "host-draining", "its host h1 is draining");
	refused(5, "no-framework", "no driver: install it");
	assert_string_equal(refusal_of(6)->code, "mig-mode");
	assert_non_null(strstr(answer.summary, "3 GPUs: wrong size class (8 GiB); 1 GPU: "));
	assert_non_null(strstr(answer.summary, "1 GPU: its host h1 is draining"));
	assert_int_equal(choose("NVIDIA A30-2-12C", 1), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "mig-profile");
}

static void a_slice_of_unknown_size_closes_its_gpu(void **state)
{
	(void)state;
	add_l40s();
	slice(0, "NVIDIA Z1-8Q", PLACEMENT_NONE);
	assert_int_equal(choose("NVIDIA L40S-8Q", 1), -ERR_NO_CAPACITY);
	assert_string_equal(refusal_of(0)->code, "unknown-slice");
	p.slices[0][0].fb_mib = 8192; /* told by its driver: it counts as one of that size */
	assert_int_equal(choose("NVIDIA L40S-8Q", 5), 0);
	assert_int_equal(choose("NVIDIA L40S-8Q", 6), -ERR_NO_CAPACITY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_size_class_keeps_other_sizes_out),
		T(the_33rd_does_not_fit),
		T(the_most_of_a_type_is_not_its_share_of_the_memory),
		T(the_lowest_free_function_is_taken),
		T(quarantined_functions_are_named_when_none_is_left),
		T(mdevs_of_a_pf_have_no_function),
		T(mixed_sizes_lie_at_placement_ids),
		T(pack_takes_the_id_that_spares_large_places),
		T(the_mode_of_a_gpu_in_use_stands),
		T(a_reservation_carries_its_mode),
		T(boards_before_ampere_can_not_mix),
		T(an_unknown_place_closes_a_mixed_gpu),
		T(fragmentation_spares_the_scarce_places),
		T(kept_tables_change_no_answer),
		T(each_policy_has_its_own_gpu),
		T(several_vgpus_stay_on_as_few_gpus_as_possible),
		T(several_vgpus_come_from_one_host),
		T(a_and_b_series_come_alone),
		T(pascal_gives_one_vm_several_only_whole),
		T(a_class_becomes_the_smallest_type_that_fits),
		T(a_group_allows_what_its_patterns_fit),
		T(what_exists_nowhere_is_not_found),
		T(a_whole_gpu_must_be_empty_and_passed_through),
		T(every_gpu_says_why_and_equal_reasons_are_counted),
		T(a_slice_of_unknown_size_closes_its_gpu),
	};
	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
