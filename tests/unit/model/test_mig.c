/* SPDX-License-Identifier: Apache-2.0 */
/* test_mig.c - GPU instances: the published tables entry by entry, and that slots say it all.
 *
 * The tables are facts from NVIDIA's MIG user guide, "Supported MIG Profiles" and "Getting Started
 * with MIG", and for B300 from examples/config-example.yaml of NVIDIA's vgpu-device-manager.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/cut.h"
#include "model/mig.h"

static void cut_mig(const char *board, struct cut *cut)
{
	const struct board *b = catalogue_board_named(board);

	if (!b || !cut_of_board(b, GPU_MODE_MIG, cut))
		fail_msg("%s is not in the catalogue or has no MIG", board);
}

static const struct cut_item *item_of(const struct cut *cut, const char *profile)
{
	const struct catalogue_profile *p = catalogue_find(profile, NULL);
	int i = p ? cut_find(cut, p) : -1;

	if (i < 0)
		fail_msg("%s is not in the cut", profile);
	return &cut->items[i];
}

/* GPU instances of a board as text: "1g.6gb 4, 1g.6gb+me 1": name, and how many fit. */
static const char *instances_text(const struct cut *cut)
{
	static char text[512];
	const char *last = "";
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < cut->items_n; i++) {
		const struct cut_item *item = &cut->items[i];

		/* Items that differ in what shares the instance follow each other. */
		if (strcmp(item->name, last) == 0)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %u",
					 i ? ", " : "", item->name, item->max / item->share);
		last = item->name;
	}
	return text;
}

static const struct {
	const char *board, *instances;
} guide[] = {
	{ "NVIDIA A30 / A30X", "1g.6gb 4, 1g.6gb+me 1, 2g.12gb 2, 2g.12gb+me 1, 4g.24gb 1" },
	{ "NVIDIA A100 PCIe 40GB",
	  "1g.5gb 7, 1g.5gb+me 1, 1g.10gb 4, 2g.10gb 3, 3g.20gb 2, 4g.20gb 1, 7g.40gb 1" },
	{ "NVIDIA A100 HGX SXM4 80GB",
	  "1g.10gb 7, 1g.10gb+me 1, 1g.20gb 4, 2g.20gb 3, 3g.40gb 2, 4g.40gb 1, 7g.80gb 1" },
	{ "NVIDIA H100 SXM5 64GB",
	  "1g.8gb 7, 1g.8gb+me 1, 1g.16gb 4, 2g.16gb 3, 3g.32gb 2, 4g.32gb 1, 7g.64gb 1" },
	{ "NVIDIA H100 PCIe 80GB",
	  "1g.10gb 7, 1g.10gb+me 1, 1g.20gb 4, 2g.20gb 3, 3g.40gb 2, 4g.40gb 1, 7g.80gb 1" },
	{ "NVIDIA H100 NVL / PCIe 94GB",
	  "1g.12gb 7, 1g.12gb+me 1, 1g.24gb 4, 2g.24gb 3, 3g.47gb 2, 4g.47gb 1, 7g.94gb 1" },
	{ "NVIDIA GH200 96GB",
	  "1g.12gb 7, 1g.12gb+me 1, 1g.24gb 4, 2g.24gb 3, 3g.48gb 2, 4g.48gb 1, 7g.96gb 1" },
	{ "NVIDIA H20 SXM5 96GB",
	  "1g.12gb 7, 1g.12gb+me 1, 1g.24gb 4, 2g.24gb 3, 3g.48gb 2, 4g.48gb 1, 7g.96gb 1" },
	{ "NVIDIA H200 SXM5 141GB",
	  "1g.18gb 7, 1g.18gb+me 1, 1g.35gb 4, 2g.35gb 3, 3g.71gb 2, 4g.71gb 1, 7g.141gb 1" },
	{ "NVIDIA GH200 144GB",
	  "1g.18gb 7, 1g.18gb+me 1, 1g.36gb 4, 2g.36gb 3, 3g.72gb 2, 4g.72gb 1, 7g.144gb 1" },
	{ "NVIDIA HGX B200 180GB",
	  "1g.23gb 7, 1g.23gb+me 1, 1g.45gb 4, 2g.45gb 3, 3g.90gb 2, 4g.90gb 1, 7g.180gb 1" },
	{ "NVIDIA GB200 189GB",
	  "1g.24gb 7, 1g.24gb+me 1, 1g.47gb 4, 2g.47gb 3, 3g.95gb 2, 4g.95gb 1, 7g.189gb 1" },
	{ "NVIDIA HGX B300 269GB",
	  "1g.34gb 7, 1g.34gb+me 1, 1g.67gb 4, 2g.67gb 3, 3g.135gb 2, 4g.135gb 1, 7g.269gb 1" },
	{ "NVIDIA RTX PRO 6000 Blackwell Server Edition",
	  "1g.24gb+gfx 4, 2g.48gb+gfx 2, 4g.96gb+gfx 1" },
	{ "NVIDIA RTX 6000D", "1g.42gb+gfx 2, 2g.84gb+gfx 1" },
};

static void instances_are_those_of_the_guide(void **state)
{
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < sizeof(guide) / sizeof(guide[0]); i++) {
		cut_mig(guide[i].board, &cut);
		assert_string_equal(instances_text(&cut), guide[i].instances);
	}
}

/* As nvidia-smi prints them: "{0,4}:4". */
static const char *placements_text(const struct cut *cut, const char *instance)
{
	static char text[128];
	size_t used = 0;

	for (unsigned int i = 0; i < cut->items_n; i++) {
		const struct cut_item *item = &cut->items[i];

		if (strcmp(item->name, instance) != 0)
			continue;
		for (unsigned int k = 0; k < item->starts_n; k++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
						 k ? "," : "{", item->starts[k]);
		snprintf(text + used, sizeof(text) - used, "}:%u", item->size);
		return text;
	}
	return "none";
}

static void starts_are_those_that_nvidia_smi_prints(void **state)
{
	static const struct {
		const char *board, *instance, *placements;
	} rows[] = {
		{ "NVIDIA A100 PCIe 40GB", "1g.5gb", "{0,1,2,3,4,5,6}:1" },
		{ "NVIDIA A100 PCIe 40GB", "1g.5gb+me", "{0,1,2,3,4,5,6}:1" },
		{ "NVIDIA A100 PCIe 40GB", "1g.10gb", "{0,2,4,6}:2" },
		{ "NVIDIA A100 PCIe 40GB", "2g.10gb", "{0,2,4}:2" },
		{ "NVIDIA A100 PCIe 40GB", "3g.20gb", "{0,4}:4" },
		{ "NVIDIA A100 PCIe 40GB", "4g.20gb", "{0}:4" },
		{ "NVIDIA A100 PCIe 40GB", "7g.40gb", "{0}:8" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "1g.12gb", "{0,1,2,3,4,5,6}:1" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "1g.24gb", "{0,2,4,6}:2" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "2g.24gb", "{0,2,4}:2" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "3g.47gb", "{0,4}:4" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "4g.47gb", "{0}:4" },
		{ "NVIDIA H100 NVL / PCIe 94GB", "7g.94gb", "{0}:8" },
		{ "NVIDIA A30 / A30X", "1g.6gb", "{0,1,2,3}:1" },
		{ "NVIDIA A30 / A30X", "2g.12gb+me", "{0,2}:2" },
		{ "NVIDIA A30 / A30X", "4g.24gb", "{0}:4" },
		{ "RTX PRO 6000", "1g.24gb+gfx", "{0,3,6,9}:3" },
		{ "RTX PRO 6000", "2g.48gb+gfx", "{0,6}:6" },
		{ "RTX PRO 6000", "4g.96gb+gfx", "{0}:12" },
	};
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cut_mig(rows[i].board, &cut);
		assert_string_equal(placements_text(&cut, rows[i].instance), rows[i].placements);
	}
}

/* "Max instances" of a type is the vGPUs of one instance times the instances that fit. */
static void every_mig_type_is_an_item_with_its_maximum(void **state)
{
	size_t n = 0;
	struct cut cut;

	(void)state;
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_profile *p = catalogue_at(i);
		const struct cut_item *item;

		assert_int_equal(mig_slices_of(p->name), p->mig_slices);
		if (!p->mig)
			continue;
		cut_mig(p->board, &cut);
		item = item_of(&cut, p->name);
		assert_int_equal(item->max, p->max);
		assert_int_equal(item->fb_mib, p->fb_mib);
		assert_int_equal(item->name[0] - '0', p->mig_slices);
		assert_int_equal(item->media, mig_has_media(p->name));
		/* One vGPU has the instance for itself but on GB20x. */
		assert_true(item->share == 1 || p->blackwell);
		n++;
	}
	assert_true(n > 200);
}

static void names_tell_what_is_mig_backed(void **state)
{
	(void)state;
	assert_int_equal(mig_slices_of("NVIDIA H100-3-40C"), 3);
	assert_int_equal(mig_slices_of("NVIDIA RTX Pro 6000 Blackwell DC-4-96Q"), 4);
	assert_int_equal(mig_slices_of("NVIDIA L40S-8Q"), 0);
	assert_int_equal(mig_slices_of("NVIDIA RTX5000-Ada-8Q"), 0);
	assert_int_equal(mig_slices_of("GRID M10-0B"), 0);
	assert_int_equal(mig_slices_of("3-40C"), 0);
	assert_int_equal(mig_slices_of("-1-"), 0);
	assert_int_equal(mig_slices_of("-1"), 0);
	assert_int_equal(mig_slices_of("1"), 0);
	assert_int_equal(mig_slices_of(""), 0);
	assert_true(mig_has_media("GRID A100-1-5CME"));
	assert_false(mig_has_media("GRID A100-1-5C"));
	assert_false(mig_has_media("FRAME"));
}

static void a_gpu_instance_is_shared_on_gb20x_alone(void **state)
{
	struct cut cut;

	(void)state;
	cut_mig("RTX PRO 6000", &cut);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-2Q")->share, 12);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-3B")->share, 8);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-24C")->share, 1);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-2-12A")->share, 4);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-4-24Q")->share, 4);
	assert_int_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-4-96Q")->share, 1);
	assert_int_equal(cut.vgpus_max, 48);
	/* The same framebuffer in instances of three sizes is three items. */
	assert_ptr_not_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-24C"),
			     item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-2-24C"));
	/* Any series of one size may share it. */
	assert_ptr_equal(item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-24C"),
			 item_of(&cut, "NVIDIA RTX Pro 6000 Blackwell DC-1-24Q"));
	cut_mig("RTX 6000D", &cut);
	assert_int_equal(cut.vgpus_max, 2);
	cut_mig("NVIDIA H200 NVL 141GB", &cut);
	assert_int_equal(cut.vgpus_max, 7);
}

/* --- all combinations of GPU instances that slots and the media extension allow --- */

struct tally {
	const struct cut *cut;
	unsigned int slices_most, instances_most, combinations;
};

static void try_all(struct tally *t, unsigned int slot, unsigned int slices, unsigned int n,
		    bool media)
{
	if (slot >= t->cut->slots) {
		t->combinations++;
		t->slices_most = slices > t->slices_most ? slices : t->slices_most;
		t->instances_most = n > t->instances_most ? n : t->instances_most;
		return;
	}
	try_all(t, slot + 1, slices, n, media);
	for (unsigned int i = 0; i < t->cut->items_n; i++) {
		const struct cut_item *item = &t->cut->items[i];

		for (unsigned int k = 0; k < item->starts_n; k++)
			if (item->starts[k] == slot && !(media && item->media))
				try_all(t, slot + item->size,
					slices + (unsigned int)(item->name[0] - '0'), n + 1,
					media || item->media);
	}
}

/* So the slots alone keep to the slices of compute: no combination needs more, and all are used. */
static void no_combination_needs_more_compute_than_there_is(void **state)
{
	struct cut cut;
	size_t boards = 0;

	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++) {
		const struct board *b = catalogue_board_at(i);
		struct tally t = { .cut = &cut };

		if (!cut_of_board(b, GPU_MODE_MIG, &cut))
			continue;
		try_all(&t, 0, 0, 0, false);
		assert_int_equal(t.slices_most, mig_layout_of(b)->slices);
		assert_true(t.instances_most <= cut.vgpus_max);
		assert_true(t.combinations > 1);
		boards++;
	}
	assert_true(boards > 25);
}

/* Counted by hand: 7g; else 4g, 3g, 2+2, 2+1+1, 1+1+2 or 1+1+1+1 in the lower half and 3g, 2+1 or
 * 1+1+1 in the upper one, nothing more fitting beside them: 1 + 6 x 3. */
static void full_layouts_of_an_a100_are_19(void **state)
{
	static const char *const plain[] = { "GRID A100-1-5C", "GRID A100-2-10C", "GRID A100-3-20C",
					     "GRID A100-4-20C", "GRID A100-7-40C" };
	struct gpu_type types[5] = { 0 };
	unsigned int full = 0, above[9] = { 0 };
	struct cut cut;

	(void)state;
	for (int i = 0; i < 5; i++)
		snprintf(types[i].name, sizeof(types[i].name), "%s", plain[i]);
	assert_true(cut_of_types(catalogue_board_named("NVIDIA A100 PCIe 40GB"), types, 5,
				 GPU_MODE_MIG, &cut));
	assert_int_equal(cut.items_n, 5);
	/* above[s]: ways to fill slots s to 7; slot 7 takes no instance of its own. */
	above[8] = above[7] = 1;
	for (unsigned int s = 7; s-- > 0;)
		for (unsigned int i = 0; i < cut.items_n; i++)
			for (unsigned int k = 0; k < cut.items[i].starts_n; k++)
				if (cut.items[i].starts[k] == s)
					above[s] += above[s + cut.items[i].size];
	full = above[0];
	assert_int_equal(full, 19);
}

/* --- what the driver says --- */

static void the_types_of_the_driver_win(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA A30-1-6C", .fb_mib = 6144, .max = 3 },
		{ .name = "NVIDIA A30-9-24C", .fb_mib = 24576, .max = 1 }, /* no such instance */
		{ .name = "NVIDIA A30-24C", .fb_mib = 24576, .max = 1 },
		{ .name = "NVIDIA A30X-2-12CME", .fb_mib = 12288 },
	};
	const struct board *b = catalogue_board_named("NVIDIA A30 / A30X");
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(b, types, 4, GPU_MODE_MIG, &cut));
	assert_string_equal(instances_text(&cut), "1g.6gb 3, 2g.12gb+me 1");
	assert_int_equal(cut.slots, 4);
	assert_false(cut_of_types(b, types + 1, 2, GPU_MODE_MIG, &cut));
	assert_true(cut_of_types(b, types, 4, GPU_MODE_EQUAL, &cut));
	assert_int_equal(cut.items_n, 1);
}

/* A type that a newer driver might have: without graphics its instance is not shared. */
static void media_without_graphics_is_not_shared(void **state)
{
	const struct gpu_type types[] = {
		{ .name = "NVIDIA RTX Pro 6000 Blackwell DC-1-12CME", .fb_mib = 12288, .max = 8 },
		{ .name = "NVIDIA RTX Pro 6000 Blackwell DC-1-12C", .fb_mib = 12288, .max = 8 },
	};
	struct cut cut;

	(void)state;
	assert_true(cut_of_types(catalogue_board_named("RTX PRO 6000"), types, 2, GPU_MODE_MIG,
				 &cut));
	assert_string_equal(instances_text(&cut), "1g.24gb+gfx 4, 1g.24gb+me 1");
	assert_int_equal(cut.items[0].max, 8);
	assert_int_equal(cut.items[1].max, 1);
}

static void a_list_of_places_keeps_media_and_sharing(void **state)
{
	const uint16_t two[] = { 0, 6 };
	struct cut cut;
	int i;

	(void)state;
	cut_mig("RTX PRO 6000", &cut);
	i = cut_find(&cut, catalogue_find("NVIDIA RTX Pro 6000 Blackwell DC-1-2Q", NULL));
	assert_int_equal(cut_set_starts(&cut, i, two, 2, NULL), 0);
	assert_int_equal(cut.items[i].max, 24);
	cut_mig("NVIDIA H100 PCIe 80GB", &cut);
	i = cut_find(&cut, catalogue_find("NVIDIA H100-1-10CME", NULL));
	assert_int_equal(cut_set_starts(&cut, i, two, 2, NULL), 0);
	assert_int_equal(cut.items[i].max, 1);
}

static void only_boards_with_mig_have_a_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < catalogue_boards(); i++)
		assert_int_equal(mig_layout_of(catalogue_board_at(i)) != NULL,
				 catalogue_board_at(i)->mig);
	for (size_t i = 0; i < mig_layouts(); i++)
		assert_non_null(mig_layout_at(i)->name);
	assert_null(mig_layout_at(mig_layouts()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_are_those_of_the_guide),
		cmocka_unit_test(starts_are_those_that_nvidia_smi_prints),
		cmocka_unit_test(every_mig_type_is_an_item_with_its_maximum),
		cmocka_unit_test(names_tell_what_is_mig_backed),
		cmocka_unit_test(a_gpu_instance_is_shared_on_gb20x_alone),
		cmocka_unit_test(no_combination_needs_more_compute_than_there_is),
		cmocka_unit_test(full_layouts_of_an_a100_are_19),
		cmocka_unit_test(the_types_of_the_driver_win),
		cmocka_unit_test(media_without_graphics_is_not_shared),
		cmocka_unit_test(a_list_of_places_keeps_media_and_sharing),
		cmocka_unit_test(only_boards_with_mig_have_a_layout),
	};
	return cmocka_run_group_tests_name("mig", tests, NULL, NULL);
}
