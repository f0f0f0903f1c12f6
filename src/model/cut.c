/* SPDX-License-Identifier: Apache-2.0 */
/* cut.c - from the vGPU types of a GPU to a cut.
 *
 * Two passes.  The first collects the items: types of one framebuffer become one, with the highest
 * of their maxima.  The second lays them out, because all starts depend on the region, and that is
 * the size of the largest item.
 */
#include "model/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/creatable.h"
#include "model/mig.h"

/* The most vGPUs that share one GPU instance (open-gpu-kernel-modules 595, ctrla081.h). */
enum { SHARE_MAX = 12 };

struct draft {
	struct cut cut;
	const struct board *board;        /* NULL: not in the catalogue */
	const struct mig_layout *layout;  /* NULL but on MIG */
	uint32_t board_mib;
	bool overflow;                    /* more sizes than a cut can hold */
};

static uint16_t gib_of(uint32_t fb_mib)
{
	return geometry_size_gib(0, fb_mib);
}

/* The item of this GPU instance and framebuffer, -1 for none; SLICES is 0 but on MIG. */
static int find_item(const struct cut *cut, unsigned int slices, bool media, uint32_t fb_mib)
{
	for (int i = 0; i < cut->items_n; i++) {
		const struct cut_item *item = &cut->items[i];

		if (item->fb_mib == fb_mib && item->media == media &&
		    (slices == 0 || (unsigned int)(item->name[0] - '0') == slices))
			return i;
	}
	return -1;
}

/* The item of that kind, made if there is none; NULL when there are too many. */
static struct cut_item *get_item(struct draft *d, unsigned int slices, bool media, uint32_t fb_mib)
{
	int i = find_item(&d->cut, slices, media, fb_mib);
	struct cut_item *item;

	if (i >= 0)
		return &d->cut.items[i];
	if (d->cut.items_n == CUT_ITEMS_MAX) {
		d->overflow = true;
		return NULL;
	}
	item = &d->cut.items[d->cut.items_n++];
	item->fb_mib = fb_mib;
	item->media = media;
	item->share = 1;
	return item;
}

static void raise_max(struct cut_item *item, uint32_t max)
{
	if (max > item->max)
		item->max = (uint16_t)(max < UINT16_MAX ? max : UINT16_MAX);
}

static void add_time_sliced(struct draft *d, const struct catalogue_profile *p)
{
	struct cut_item *item = get_item(d, 0, false, p->fb_mib);

	if (!item)
		return;
	if (p->fb_mib < 1024)
		snprintf(item->name, sizeof(item->name), "%u MiB", p->fb_mib);
	else
		snprintf(item->name, sizeof(item->name), "%u GiB", gib_of(p->fb_mib));
	raise_max(item, p->max);
}

static void add_mig(struct draft *d, const struct catalogue_profile *p)
{
	const struct mig_layout *l = d->layout;
	unsigned int slices = mig_slices_of(p->name);
	bool media = mig_has_media(p->name);
	const struct mig_instance *in = mig_instance_of(l, slices, p->fb_mib, d->board_mib);
	struct cut_item *item = in ? get_item(d, slices, media, p->fb_mib) : NULL;

	if (!item)
		return;
	/* NVIDIA names instances after their own memory, which a type that shares one says nothing
	 * about. */
	snprintf(item->name, sizeof(item->name), "%ug.%ugb%s", slices,
		 l->shared ? gib_of(d->board_mib) * in->size / l->units : gib_of(p->fb_mib),
		 media ? "+me" : l->shared ? "+gfx" : "");
	item->size = in->size;
	item->starts_n = in->starts_n;
	memcpy(item->starts, in->starts, in->starts_n * sizeof(in->starts[0]));
	raise_max(item, p->max);
}

static void add_profile(struct draft *d, const struct catalogue_profile *p)
{
	bool mig = mig_slices_of(p->name) > 0;

	if (p->fb_mib == 0 || mig != (d->cut.mode == GPU_MODE_MIG))
		return;
	if (mig)
		add_mig(d, p);
	else
		add_time_sliced(d, p);
}

static void add_type(struct draft *d, const struct gpu_type *type)
{
	const struct catalogue_profile *known = catalogue_find(type->name, NULL);
	struct catalogue_profile p;

	if (known)
		p = *known;
	else
		catalogue_guess(type->name, type->fb_mib, &p);
	if (type->fb_mib)
		p.fb_mib = type->fb_mib;
	if (type->max)
		p.max = type->max;
	add_profile(d, &p);
}

/* How many that start at one of its places fit beside each other.  All are of one size, so taking
 * the first place that is still free is best. */
static unsigned int places(const struct cut_item *item)
{
	unsigned int n = 0, end = 0;

	for (unsigned int i = 0; i < item->starts_n; i++)
		if (item->starts[i] >= end) {
			end = item->starts[i] + item->size;
			n++;
		}
	return item->media && n > 1 ? 1 : n;
}

static uint16_t at_most(unsigned int n, unsigned int limit)
{
	return (uint16_t)(n < limit ? n : limit);
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* A driver may report sizes and maxima that do not go together, for which the rules have places in
 * any order, twice, or outside of the GPU. */
static void tidy_starts(struct cut_item *item, unsigned int slots)
{
	uint16_t kept = 0;

	qsort(item->starts, item->starts_n, sizeof(item->starts[0]), by_number);
	for (unsigned int i = 0; i < item->starts_n; i++) {
		uint16_t start = item->starts[i];

		if (start + item->size <= slots && (kept == 0 || start > item->starts[kept - 1]))
			item->starts[kept++] = start;
	}
	memset(item->starts + kept, 0, (CUT_STARTS_MAX - kept) * sizeof(item->starts[0]));
	item->starts_n = kept;
}

/* The largest type of which one fits.  A driver that offers no such type says nothing about the
 * region: then it is the board's framebuffer, and without a board what the items need. */
static uint16_t region_of(const struct draft *d)
{
	struct geometry_type types[CUT_ITEMS_MAX];
	uint16_t region, need = 0;

	for (unsigned int i = 0; i < d->cut.items_n; i++) {
		const struct cut_item *item = &d->cut.items[i];
		uint16_t all = at_most((unsigned int)gib_of(item->fb_mib) * item->max, UINT16_MAX);

		types[i] = (struct geometry_type){ item->fb_mib, gib_of(item->fb_mib), item->max };
		need = all > need ? all : need;
	}
	region = geometry_region_gib(types, d->cut.items_n);
	if (region == 0)
		region = d->board ? gib_of(d->board_mib) : need;
	return region;
}

static void lay_time_sliced_item(const struct draft *d, struct cut_item *item)
{
	enum geometry_rule rule = d->board ? d->board->rule : GEOMETRY_EQUAL_ONLY;
	uint16_t slots = d->cut.slots;
	struct geometry_type type = { item->fb_mib, geometry_size_gib(slots, item->fb_mib),
				      item->max };
	unsigned int n;

	item->size = type.size_gib;
	if (d->cut.mode == GPU_MODE_MIXED)
		n = geometry_placements_mixed(rule, slots, &type, item->starts, CUT_STARTS_MAX);
	else
		n = geometry_placements_equal(rule, slots, &type, item->starts, CUT_STARTS_MAX);
	item->starts_n = at_most(n, CUT_STARTS_MAX);
	tidy_starts(item, slots);
	if (item->starts_n > 0)
		item->max = at_most(places(item), item->max);
	else if (d->cut.mode == GPU_MODE_MIXED || item->size > slots)
		item->max = 0;
}

static void lay_time_sliced(struct draft *d)
{
	struct cut *cut = &d->cut;

	cut->vgpus_max = CREATABLE_TIME_SLICED_MAX;
	for (unsigned int i = 0; i < cut->items_n; i++) {
		struct cut_item *item = &cut->items[i];

		/* Known of no type of this size: what the framebuffer has room for. */
		if (item->max == 0)
			raise_max(item, d->board_mib / item->fb_mib);
		item->max = at_most(item->max, CREATABLE_TIME_SLICED_MAX);
	}
	cut->slots = region_of(d);
	for (unsigned int i = 0; i < cut->items_n; i++)
		lay_time_sliced_item(d, &cut->items[i]);
}

/* A driver's maximum for a GPU is the vGPUs of one instance times the instances that fit. */
static void lay_mig(struct draft *d)
{
	const struct mig_layout *l = d->layout;
	struct cut *cut = &d->cut;
	unsigned int fit, most = 1;

	cut->slots = l->units;
	for (unsigned int i = 0; i < cut->items_n; i++) {
		struct cut_item *item = &cut->items[i];

		fit = places(item);
		if (item->max == 0)
			item->max = (uint16_t)fit;
		if (l->shared && !item->media && item->max > fit)
			item->share = at_most(item->max / fit, SHARE_MAX);
		item->max = at_most(fit * item->share, item->max);
		most = item->share > most ? item->share : most;
	}
	cut->vgpus_max = at_most(most * l->slices, CREATABLE_VGPUS_MAX);
}

static void lay_whole(struct draft *d)
{
	uint16_t gib = gib_of(d->board_mib);

	d->cut.slots = gib;
	d->cut.vgpus_max = 1;
	d->cut.items_n = 1;
	d->cut.items[0] = (struct cut_item){
		.name = "whole GPU",
		.fb_mib = d->board_mib,
		.size = gib,
		.max = 1,
		.share = 1,
		.starts_n = 1,
	};
}

static int by_size(const void *a, const void *b)
{
	const struct cut_item *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	if (x->fb_mib != y->fb_mib)
		return x->fb_mib < y->fb_mib ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void drop_impossible(struct cut *cut)
{
	uint16_t kept = 0;

	for (unsigned int i = 0; i < cut->items_n; i++)
		if (cut->items[i].max > 0 && cut->items[i].size > 0)
			cut->items[kept++] = cut->items[i];
	cut->items_n = kept;
}

static bool has_mode(const struct draft *d)
{
	switch (d->cut.mode) {
	case GPU_MODE_EQUAL:
		return true;
	case GPU_MODE_MIXED:
		return d->board && d->board->sr_iov && geometry_rule_has_mixed(d->board->rule);
	case GPU_MODE_MIG:
		return d->layout;
	case GPU_MODE_WHOLE:
		return d->board_mib > 0;
	default:
		return false;
	}
}

static uint32_t largest_mib(const struct gpu_type *types, size_t n)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < n; i++)
		if (types[i].fb_mib > largest)
			largest = types[i].fb_mib;
	return largest;
}

static void lay(struct draft *d)
{
	if (d->cut.mode == GPU_MODE_WHOLE)
		lay_whole(d);
	else if (d->cut.mode == GPU_MODE_MIG)
		lay_mig(d);
	else
		lay_time_sliced(d);
	drop_impossible(&d->cut);
	qsort(d->cut.items, d->cut.items_n, sizeof(d->cut.items[0]), by_size);
}

bool cut_of_types(const struct board *board_or_null, const struct gpu_type *types, size_t n,
		  enum gpu_mode mode, struct cut *ret)
{
	const struct board *b = board_or_null;
	struct draft d = { .board = b };

	d.cut.mode = mode;
	d.cut.one_size = mode == GPU_MODE_EQUAL;
	d.board_mib = b ? b->fb_mib : largest_mib(types, n);
	if (mode == GPU_MODE_MIG && b)
		d.layout = mig_layout_of(b);
	if (!has_mode(&d))
		return false;
	for (size_t i = 0; mode != GPU_MODE_WHOLE && i < n; i++)
		add_type(&d, &types[i]);
	for (size_t i = 0; mode != GPU_MODE_WHOLE && n == 0 && b && i < b->profiles_n; i++)
		add_profile(&d, &b->profiles[i]);
	lay(&d);
	if (d.overflow || d.cut.items_n == 0 || d.cut.slots > CUT_SLOTS_MAX)
		return false;
	*ret = d.cut;
	return true;
}

bool cut_of_board(const struct board *board, enum gpu_mode mode, struct cut *ret)
{
	return cut_of_types(board, NULL, 0, mode, ret);
}

int cut_find(const struct cut *cut, const struct catalogue_profile *profile)
{
	unsigned int slices = mig_slices_of(profile->name);

	if (cut->mode == GPU_MODE_WHOLE)
		return profile->series == SERIES_WHOLE ? 0 : -1;
	if ((slices > 0) != (cut->mode == GPU_MODE_MIG))
		return -1;
	return find_item(cut, slices, mig_has_media(profile->name), profile->fb_mib);
}

static int check_starts(const struct cut *cut, const struct cut_item *item, const uint16_t *starts,
			size_t n, struct error *err)
{
	if (n == 0 || n > CUT_STARTS_MAX)
		return error_set(err, ERR_INVALID,
				 "set the places of %s: %zu of them, but there must be 1 to %d; "
				 "keep the rule's own where the driver lists none",
				 item->name, n, CUT_STARTS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && starts[i] <= starts[i - 1])
			return error_set(err, ERR_INVALID,
					 "set the places of %s: %u follows %u; sort them and name "
					 "each once", item->name, starts[i], starts[i - 1]);
		if (starts[i] + item->size > cut->slots)
			return error_set(err, ERR_INVALID,
					 "set the places of %s: %u + %u is past the %u of the GPU; "
					 "the driver's list is of another board",
					 item->name, starts[i], item->size, cut->slots);
	}
	return 0;
}

int cut_set_starts(struct cut *cut, int item, const uint16_t *starts, size_t n, struct error *err)
{
	struct cut_item *it;
	int r;

	if (item < 0 || item >= cut->items_n)
		return error_set(err, ERR_NOT_FOUND,
				 "set the places of item %d: the cut has %u items; find it with "
				 "cut_find()", item, cut->items_n);
	it = &cut->items[item];
	r = check_starts(cut, it, starts, n, err);
	if (r < 0)
		return r;
	memcpy(it->starts, starts, n * sizeof(starts[0]));
	it->starts_n = (uint16_t)n;
	it->max = at_most(places(it) * it->share, cut->vgpus_max);
	return 0;
}
