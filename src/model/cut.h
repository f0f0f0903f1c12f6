/* SPDX-License-Identifier: Apache-2.0 */
/* cut.h - every way to divide one board: its modes, the sizes in each, and where they may start.
 *
 * A cut is one mode of one board as plain data: placement, the planner and the benchmarks read
 * nothing else.  Types of one framebuffer are one item, whatever their series, because the
 * driver's rules look at the framebuffer alone.  On MIG an item is a GPU instance profile; where
 * time-slicing may share the instance, it is one framebuffer within one (several items then have
 * the same name), and all vGPUs in an instance are of one item.
 *
 * An item lies on SIZE slots from one of its starts.  What shares a slot excludes each other, and
 * so do two items with the media extension.  That is all there is to it, on MIG too: the starts
 * leave no room for more slices of compute than the GPU has (test_mig.c tries all combinations).
 *
 * Sources of the rules: model/geometry.h for time-sliced vGPUs, model/mig.h for GPU instances.
 * Plain values without pointers; no state, so any thread may call anything.
 */
#pragma once

#include "base/error.h"
#include "model/catalogue.h"

enum {
	CUT_ITEMS_MAX = 32,
	CUT_STARTS_MAX = GEOMETRY_IDS_MAX,
	CUT_SLOTS_MAX = 320, /* 269 GiB (HGX B300) is the largest region; whole words of 64 */
};

struct cut_item {
	char name[24];       /* "8 GiB"; on MIG the GPU instance profile: "1g.10gb", "1g.10gb+me" */
	uint32_t fb_mib;     /* of one vGPU */
	uint16_t size;       /* slots that one takes */
	uint16_t max;        /* the most on one GPU that holds nothing else */
	uint16_t share;      /* vGPUs that share one GPU instance by time-slicing; else 1 */
	bool media;          /* takes the media extension, of which a GPU has one */
	uint16_t starts_n;   /* 0: anywhere, only counted (equal-size where drivers know no ids) */
	uint16_t starts[CUT_STARTS_MAX]; /* first slots, ascending */
};

struct cut {
	enum gpu_mode mode;
	bool one_size;       /* one item at a time (equal-size) */
	uint16_t slots;      /* GiB of the region; on MIG what the driver counts starts in */
	uint16_t vgpus_max;  /* over all items */
	uint16_t items_n;
	struct cut_item items[CUT_ITEMS_MAX]; /* smallest first */
};

/* How BOARD is cut in MODE, from the catalogue.  False, and *RET untouched: it has no such mode.
 * */
bool cut_of_board(const struct board *board, enum gpu_mode mode, struct cut *ret);

/* The same for a GPU whose driver offers TYPES: these alone are cut, and their sizes and maxima
 * win over the catalogue's, which fills in what the driver leaves out (0).  Without TYPES all of
 * BOARD's count.  BOARD may be NULL (not in the catalogue): then only equal sizes and the whole
 * GPU are known to work.  */
bool cut_of_types(const struct board *board_or_null, const struct gpu_type *types, size_t n,
		  enum gpu_mode mode, struct cut *ret);

/* Index of the item that PROFILE is, -1 for none.  PROFILE must be one of the same GPU, with the
 * framebuffer that the cut was made with (the driver's, where it named one).  Its own maximum may
 * be lower than the item's (GRID RTX8000-4C: 8, RTX8000-4Q: 12). */
int cut_find(const struct cut *cut, const struct catalogue_profile *profile);

/* Puts a driver's own list of the N places where ITEM may start in place of the rule's, and what
 * then fits in place of its maximum.  Places of such a list may overlap each other; those that the
 * rules give never do on a board of the catalogue.  On failure CUT is as it was.
 *   NOT_FOUND  no such item
 *   INVALID    none or too many, not ascending, or past the end of the GPU */
must_check int cut_set_starts(struct cut *cut, int item, const uint16_t *starts, size_t n,
			      struct error *err);
