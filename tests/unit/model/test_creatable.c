/* SPDX-License-Identifier: Apache-2.0 */
/* test_creatable.c - what may be created on a GPU as its vGPUs come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/creatable.h"
#include "model/cut.h"

/* Types of an A40, an L40S and a T4, as many as the tests need. */
enum { T_48, T_24, T_16, T_8, T_8_OTHER_SERIES, T_4, T_1, T_COUNT };

static const struct creatable_board a40 = {
	.rule = GEOMETRY_HALVING_AMPERE, .region_gib = 48, .total_vfs = 32, .n_types = T_COUNT,
	.types = { [T_48] = { 49152, 48, 1 }, [T_24] = { 24576, 24, 2 }, [T_16] = { 16384, 16, 3 },
	           [T_8] = { 8192, 8, 6 }, [T_8_OTHER_SERIES] = { 8192, 8, 6 },
	           [T_4] = { 4096, 4, 12 }, [T_1] = { 1024, 1, 32 } },
};

static const struct creatable_board t4 = {
	.rule = GEOMETRY_EQUAL_ONLY, .region_gib = 16, .n_types = 2,
	.types = { { 2048, 2, 8 }, { 4096, 4, 4 } },
};

/* A GPU with all VFs enabled, in equal-size mode. */
static int setup(void **state)
{
	struct creatable_gpu *gpu = malloc(sizeof(*gpu));

	if (!gpu)
		return -1;
	creatable_init(gpu);
	*state = gpu;
	return creatable_set_vfs(&a40, gpu, 32) == CREATABLE_OK ? 0 : -1;
}

static int setup_mixed(void **state)
{
	if (setup(state) != 0)
		return -1;
	return creatable_set_mode(&a40, *state, CREATABLE_MIXED) == CREATABLE_OK ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static unsigned int create(struct creatable_gpu *gpu, uint16_t vf, uint16_t type,
                           uint16_t placement)
{
	unsigned int slot = 99;

	assert_int_equal(creatable_take(&a40, gpu, vf, type, placement, &slot), CREATABLE_OK);
	assert_null(creatable_check(&a40, gpu));
	return slot;
}

static void first_vgpu_sets_the_size_class(void **state)
{
	struct creatable_gpu *gpu = *state;
	unsigned int slot = create(gpu, 0, T_8, CREATABLE_ANY);

	assert_int_equal(creatable_ask(&a40, gpu, 1, T_4), CREATABLE_WRONG_SIZE_CLASS);
	assert_int_equal(creatable_ask(&a40, gpu, 1, T_8), CREATABLE_OK);
	assert_int_equal(creatable_ask(&a40, gpu, 1, T_8_OTHER_SERIES), CREATABLE_OK);

	/* The class goes with the last vGPU, not with the one that set it. */
	create(gpu, 1, T_8_OTHER_SERIES, CREATABLE_ANY);
	assert_int_equal(creatable_give_back(gpu, slot), CREATABLE_OK);
	assert_int_equal(creatable_ask(&a40, gpu, 0, T_4), CREATABLE_WRONG_SIZE_CLASS);
	assert_int_equal(creatable_give_back(gpu, (unsigned int)creatable_find_vf(gpu, 1)),
	                 CREATABLE_OK);
	assert_int_equal(creatable_ask(&a40, gpu, 0, T_4), CREATABLE_OK);
}

static void equal_mode_ends_at_the_maximum_of_the_type(void **state)
{
	struct creatable_gpu *gpu = *state;

	for (uint16_t vf = 0; vf < 6; vf++) {
		assert_int_equal(creatable_remaining(&a40, gpu, T_8), 6 - vf);
		create(gpu, vf, vf % 2 ? T_8 : T_8_OTHER_SERIES, CREATABLE_ANY);
	}
	assert_int_equal(creatable_ask(&a40, gpu, 6, T_8), CREATABLE_FULL);
	assert_int_equal(creatable_remaining(&a40, gpu, T_8), 0);
}

static void a_vf_carries_one_vgpu(void **state)
{
	struct creatable_gpu *gpu = *state;
	unsigned int slot = 99;

	create(gpu, 3, T_4, CREATABLE_ANY);
	assert_int_equal(creatable_ask(&a40, gpu, 3, T_4), CREATABLE_VF_IN_USE);
	assert_int_equal(creatable_take(&a40, gpu, 3, T_4, CREATABLE_ANY, &slot),
	                 CREATABLE_VF_IN_USE);
	assert_int_equal(slot, 99);
	assert_int_equal(creatable_find_vf(gpu, 3), 0);
	assert_int_equal(creatable_find_vf(gpu, 4), -1);
}

static void vfs_that_are_not_enabled_take_nothing(void **state)
{
	struct creatable_gpu *gpu = *state;
	unsigned int slot;

	assert_int_equal(creatable_set_vfs(&a40, gpu, 33), CREATABLE_NO_SUCH_VF);
	assert_int_equal(creatable_set_vfs(&a40, gpu, 2), CREATABLE_OK);
	assert_int_equal(creatable_ask(&a40, gpu, 2, T_4), CREATABLE_NO_SUCH_VF);
	assert_int_equal(creatable_take(&a40, gpu, CREATABLE_PF, T_4, CREATABLE_ANY, &slot),
	                 CREATABLE_NO_SUCH_VF);
	assert_int_equal(creatable_remaining(&a40, gpu, T_4), 2);
	create(gpu, 0, T_4, CREATABLE_ANY);
	create(gpu, 1, T_4, CREATABLE_ANY);
	assert_int_equal(creatable_ask(&a40, gpu, CREATABLE_PF, T_4), CREATABLE_FULL);
}

/* sriov-manage rebinds the PF: vGPUs and the mode are lost. */
static void changing_vfs_drops_everything(void **state)
{
	struct creatable_gpu *gpu = *state;

	create(gpu, 0, T_4, CREATABLE_ANY);
	assert_int_equal(creatable_set_vfs(&a40, gpu, 32), CREATABLE_OK);
	assert_int_equal(gpu->count, 0);
	assert_int_equal(gpu->mode, CREATABLE_EQUAL);
}

static void mixed_mode_places_by_id(void **state)
{
	struct creatable_gpu *gpu = *state;
	uint16_t ids[GEOMETRY_IDS_MAX];
	unsigned int slot;

	create(gpu, 0, T_24, 24);
	create(gpu, 1, T_8, CREATABLE_ANY);
	assert_int_equal(gpu->vgpus[1].placement, 0);

	/* 4 GiB may start at 0 8 12 20 24 32 36 44; 0-7 and 24-47 are taken. */
	assert_int_equal(creatable_placements(&a40, gpu, T_4, ids, GEOMETRY_IDS_MAX), 3);
	assert_int_equal(ids[0], 8);
	assert_int_equal(ids[1], 12);
	assert_int_equal(ids[2], 20);
	assert_int_equal(creatable_remaining(&a40, gpu, T_4), 3);
	assert_int_equal(creatable_ask(&a40, gpu, 2, T_16), CREATABLE_NO_PLACEMENT);
	assert_int_equal(creatable_take(&a40, gpu, 2, T_4, 24, &slot), CREATABLE_PLACEMENT_TAKEN);
	assert_int_equal(creatable_take(&a40, gpu, 2, T_4, 10, &slot), CREATABLE_PLACEMENT_UNKNOWN);
	assert_int_equal(gpu->count, 2);
}

static void giving_back_frees_every_id_it_covered(void **state)
{
	struct creatable_gpu *gpu = *state;
	uint16_t before[GEOMETRY_IDS_MAX], after[GEOMETRY_IDS_MAX];
	unsigned int n, slot;

	create(gpu, 0, T_8, 0);
	for (uint16_t type = 0; type < T_COUNT; type++) {
		n = creatable_placements(&a40, gpu, type, before, GEOMETRY_IDS_MAX);
		if (creatable_take(&a40, gpu, 1, T_16, 32, &slot) == CREATABLE_OK)
			assert_int_equal(creatable_give_back(gpu, slot), CREATABLE_OK);
		assert_int_equal(creatable_placements(&a40, gpu, type, after, GEOMETRY_IDS_MAX), n);
		assert_memory_equal(before, after, n * sizeof(before[0]));
	}
}

static void a_vgpu_moves_only_to_a_free_id_of_its_type(void **state)
{
	struct creatable_gpu *gpu = *state;
	unsigned int slot = create(gpu, 0, T_8, 0);

	create(gpu, 1, T_8, 16);
	assert_int_equal(creatable_move(&a40, gpu, slot, 0), CREATABLE_OK);
	assert_int_equal(creatable_move(&a40, gpu, slot, 16), CREATABLE_PLACEMENT_TAKEN);
	assert_int_equal(creatable_move(&a40, gpu, slot, 8), CREATABLE_PLACEMENT_UNKNOWN);
	assert_int_equal(creatable_move(&a40, gpu, slot, CREATABLE_ANY),
	                 CREATABLE_PLACEMENT_UNKNOWN);
	assert_int_equal(creatable_move(&a40, gpu, slot, 40), CREATABLE_OK);
	assert_int_equal(gpu->vgpus[slot].placement, 40);
	assert_int_equal(creatable_move(&a40, gpu, 7, 40), CREATABLE_NO_SUCH_VGPU);
}

static void the_mode_changes_only_on_an_empty_gpu(void **state)
{
	struct creatable_gpu *gpu = *state;
	unsigned int slot = create(gpu, 0, T_8, CREATABLE_ANY);

	assert_int_equal(creatable_set_mode(&a40, gpu, CREATABLE_MIXED), CREATABLE_HAS_VGPUS);
	assert_int_equal(creatable_set_mode(&a40, gpu, CREATABLE_EQUAL), CREATABLE_OK);
	assert_int_equal(creatable_give_back(gpu, slot), CREATABLE_OK);
	assert_int_equal(creatable_set_mode(&a40, gpu, CREATABLE_MIXED), CREATABLE_OK);
	creatable_init(gpu);
	assert_int_equal(creatable_set_mode(&a40, gpu, CREATABLE_MIXED), CREATABLE_NO_SUCH_VF);
	assert_int_equal(creatable_set_mode(&t4, gpu, CREATABLE_MIXED), CREATABLE_NO_MIXED_MODE);
}

static void boards_without_sriov_create_on_the_pf(void **state)
{
	struct creatable_gpu gpu;
	unsigned int slot;

	(void)state;
	creatable_init(&gpu);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(creatable_remaining(&t4, &gpu, 0), 8 - i);
		assert_int_equal(creatable_take(&t4, &gpu, CREATABLE_PF, 0, CREATABLE_ANY, &slot),
		                 CREATABLE_OK);
		assert_null(creatable_check(&t4, &gpu));
	}
	assert_int_equal(creatable_ask(&t4, &gpu, CREATABLE_PF, 0), CREATABLE_FULL);
	assert_int_equal(creatable_ask(&t4, &gpu, CREATABLE_PF, 1), CREATABLE_WRONG_SIZE_CLASS);
	assert_int_equal(creatable_ask(&t4, &gpu, 0, 0), CREATABLE_NO_SUCH_VF);
	assert_int_equal(creatable_ask(&t4, &gpu, CREATABLE_PF, 2), CREATABLE_UNKNOWN_TYPE);
}

/* Ten thousand random steps: nothing may break, and a refusal may change nothing. */
static void filling_is_taking_one_by_one(void **state)
{
	static const struct creatable_board *const boards[] = { &a40, &t4 };
	struct creatable_gpu one_by_one, at_once;
	unsigned int slot;

	(void)state;
	for (unsigned int b = 0; b < 2; b++)
		for (uint16_t type = 0; type < boards[b]->n_types; type++)
			for (unsigned int n = 0; n <= 33; n++) {
				enum creatable_answer a = CREATABLE_OK;

				creatable_set_vfs(boards[b], &one_by_one, boards[b]->total_vfs);
				at_once = one_by_one;
				for (unsigned int i = 0; i < n && a == CREATABLE_OK; i++)
					a = creatable_take(boards[b], &one_by_one,
							   boards[b]->total_vfs ? (uint16_t)i
										: CREATABLE_PF,
							   type, CREATABLE_ANY, &slot);
				assert_int_equal(creatable_fill(boards[b], &at_once, type, n) ==
							 CREATABLE_OK,
						 a == CREATABLE_OK);
				assert_int_equal(at_once.count, a == CREATABLE_OK ? n : 0);
				for (unsigned int i = 0; i < at_once.count; i++) {
					assert_int_equal(at_once.vgpus[i].placement,
							 one_by_one.vgpus[i].placement);
					assert_int_equal(at_once.vgpus[i].vf,
							 one_by_one.vgpus[i].vf);
				}
				assert_null(creatable_check(boards[b], &at_once));
			}
}

static void no_sequence_breaks_the_gpu(void **state)
{
	struct creatable_gpu *gpu = *state, before;
	unsigned int slot, luck = 8121;

	for (int step = 0; step < 10000; step++) {
		uint16_t type, vf, placement;
		enum creatable_answer a;

		luck = luck * 1103515245u + 12345u;
		type = (uint16_t)((luck >> 8) % (T_COUNT + 1));
		vf = (uint16_t)((luck >> 12) % 33);
		placement = luck & 0x80000000u ? (uint16_t)((luck >> 18) % 50) : CREATABLE_ANY;
		before = *gpu;
		if (luck & 0x40000000u)
			a = creatable_take(&a40, gpu, vf, type, placement, &slot);
		else if (luck & 0x20000000u)
			a = creatable_move(&a40, gpu, vf, placement);
		else
			a = creatable_give_back(gpu, vf);
		if (a != CREATABLE_OK)
			assert_memory_equal(&before, gpu, sizeof(before));
		assert_null(creatable_check(&a40, gpu));
		if (step % 500 == 0 && gpu->count == 0)
			assert_int_equal(creatable_set_mode(&a40, gpu, (luck >> 9) & 1), 0);
	}
}

/* The check itself must see what the functions above never produce. */
static void check_sees_what_is_broken(void **state)
{
	struct creatable_gpu *gpu = *state;

	create(gpu, 0, T_8, 0);
	create(gpu, 1, T_8, 16);
	gpu->vgpus[1].placement = 4;
	assert_string_equal(creatable_check(&a40, gpu), "two vGPUs overlap");
	gpu->vgpus[1].placement = 16;
	gpu->vgpus[1].vf = 0;
	assert_string_equal(creatable_check(&a40, gpu), "two vGPUs share a VF");
	gpu->vgpus[1].vf = 1;
	gpu->count = 3;
	assert_non_null(creatable_check(&a40, gpu));
}

static void every_answer_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < CREATABLE_ANSWER_COUNT; i++) {
		enum creatable_answer a = (enum creatable_answer)i;

		assert_non_null(creatable_answer_name(a));
		assert_true(strlen(creatable_answer_text(a)) > 0);
	}
	assert_null(creatable_answer_name(CREATABLE_ANSWER_COUNT));
}

/* --- the cuts that placement works with must be what this model creates --- */

/* Types of which nobody has published how many fit are left out. */
static void describe_board(const struct board *b, struct creatable_board *ret)
{
	*ret = (struct creatable_board){ .rule = b->rule, .total_vfs = b->sr_iov ? 64 : 0 };
	for (size_t i = 0; i < b->profiles_n; i++) {
		const struct catalogue_profile *p = &b->profiles[i];

		if (!p->mig && p->max)
			ret->types[ret->n_types++] = (struct geometry_type){
				p->fb_mib, geometry_size_gib(0, p->fb_mib), (uint16_t)p->max
			};
	}
	ret->region_gib = geometry_region_gib(ret->types, ret->n_types);
	for (unsigned int i = 0; i < ret->n_types; i++)
		ret->types[i].size_gib = geometry_size_gib(ret->region_gib, ret->types[i].fb_mib);
}

static void compare_with_driver(const struct creatable_board *board, const struct cut *cut)
{
	uint16_t ids[CUT_STARTS_MAX];
	struct creatable_gpu gpu;

	creatable_init(&gpu);
	creatable_set_vfs(board, &gpu, board->total_vfs);
	assert_int_equal(creatable_set_mode(board, &gpu, cut->one_size ? CREATABLE_EQUAL :
					    CREATABLE_MIXED), CREATABLE_OK);
	for (uint16_t i = 0; i < board->n_types; i++) {
		const struct cut_item *item = NULL;
		unsigned int n = creatable_placements(board, &gpu, i, ids, CUT_STARTS_MAX);

		for (unsigned int k = 0; k < cut->items_n; k++)
			if (cut->items[k].fb_mib == board->types[i].fb_mib)
				item = &cut->items[k];
		assert_non_null(item);
		assert_int_equal(item->starts_n, n);
		assert_memory_equal(item->starts, ids, n * sizeof(ids[0]));
		/* Less where one type has a lower maximum than its siblings of that size. */
		if (item->max != creatable_remaining(board, &gpu, i))
			assert_int_equal(creatable_remaining(board, &gpu, i), 8);
	}
}

static void cuts_are_what_is_created(void **state)
{
	struct creatable_board board;
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);

		describe_board(b, &board);
		assert_true(cut_of_board(b, GPU_MODE_EQUAL, &cut));
		compare_with_driver(&board, &cut);
		if (cut_of_board(b, GPU_MODE_MIXED, &cut))
			compare_with_driver(&board, &cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define EQUAL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define MIXED(f) cmocka_unit_test_setup_teardown(f, setup_mixed, teardown)
		EQUAL(first_vgpu_sets_the_size_class),
		EQUAL(equal_mode_ends_at_the_maximum_of_the_type),
		EQUAL(a_vf_carries_one_vgpu),
		EQUAL(vfs_that_are_not_enabled_take_nothing),
		EQUAL(changing_vfs_drops_everything),
		MIXED(mixed_mode_places_by_id),
		MIXED(giving_back_frees_every_id_it_covered),
		MIXED(a_vgpu_moves_only_to_a_free_id_of_its_type),
		EQUAL(the_mode_changes_only_on_an_empty_gpu),
		cmocka_unit_test(boards_without_sriov_create_on_the_pf),
		cmocka_unit_test(filling_is_taking_one_by_one),
		EQUAL(no_sequence_breaks_the_gpu),
		MIXED(no_sequence_breaks_the_gpu),
		MIXED(check_sees_what_is_broken),
		cmocka_unit_test(every_answer_has_words),
		cmocka_unit_test(cuts_are_what_is_created),
	};
	return cmocka_run_group_tests_name("creatable", tests, NULL, NULL);
}
