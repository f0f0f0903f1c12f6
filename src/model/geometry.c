/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* geometry.c - the placement rules of NVIDIA's resource manager, as facts.
 *
 * Source of the rules: open-gpu-kernel-modules 595.45.04 (MIT), function
 * _kvgpumgrSetHeterogeneousResources in kernel_vgpu_mgr.c, and the tables of
 * placement ids in NVIDIA's vGPU user guide.  This is an own formulation of them.
 *
 * Before Blackwell the framebuffer [0, region) is halved again and again:
 *
 *      1   |                      region                       |
 *      2   |         left            |          right          |
 *      4   |   left    |    right    |   left     |    right   |    ... 16
 *
 * A type gets its slots at the one level where its maximum fits: a power of two
 * gets two per part, at both ends of it; any other maximum gets one per part,
 * pushed to the outer end (left parts: the start, right parts: the end).  So
 * 3 x 16 GiB of 48 become 2 (0 and 32) in mixed mode: the price of mixing.
 */
#include "model/geometry.h"

#ifdef __KERNEL__
#include <linux/stddef.h>
#else
#include <stddef.h>
#endif

#define PARTS_MAX 16

static const char *const rule_names[GEOMETRY_RULE_COUNT] = {
	[GEOMETRY_EQUAL_ONLY] = "equal-only",
	[GEOMETRY_HALVING_AMPERE] = "halving-ampere",
	[GEOMETRY_HALVING_ADA] = "halving-ada",
	[GEOMETRY_EVEN] = "even",
};

const char *geometry_rule_name(enum geometry_rule rule)
{
	return (unsigned int)rule < GEOMETRY_RULE_COUNT ? rule_names[rule] : NULL;
}

bool geometry_rule_has_mixed(enum geometry_rule rule)
{
	return rule != GEOMETRY_EQUAL_ONLY;
}

uint16_t geometry_size_gib(uint16_t region_gib, uint32_t fb_mib)
{
	uint32_t gib = (fb_mib + 512) / 1024;

	/* The 2 GiB types of 96 GiB boards are laid out as 3 GiB. */
	if (region_gib == 96 && gib == 2)
		gib = 3;
	return (uint16_t)gib;
}

uint16_t geometry_region_gib(const struct geometry_type *types, unsigned int n)
{
	uint16_t region = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (types[i].max_instances == 1 && types[i].size_gib > region)
			region = types[i].size_gib;
	return region;
}

/* An id list under construction: counts on when it is full. */
struct id_list {
	uint16_t *ids;
	unsigned int n, max;
};

static void add_id(struct id_list *l, unsigned int id)
{
	if (l->n < l->max)
		l->ids[l->n] = (uint16_t)id;
	l->n++;
}

/* Some 1 GiB guests of 48 GiB boards get a full GiB with nothing kept back for the
 * host, so the driver leaves out the slots whose neighbours have no slack.  Boards
 * whose resource manager runs on the GPU (Ada) lose more of them. */
static bool is_denied(enum geometry_rule rule, uint16_t region_gib, unsigned int size,
                      unsigned int id)
{
	if (region_gib != 48 || size != 1)
		return false;
	if (rule == GEOMETRY_HALVING_AMPERE)
		return id == 8 || id == 32;
	return id % 6 == 2 || id % 6 == 3;
}

static unsigned int power_of_two_below(unsigned int n)
{
	unsigned int p = 1;

	while (2 * p <= n)
		p *= 2;
	return p;
}

struct part {
	unsigned int start, end;
	bool is_left;
};

/* Part INDEX of PARTS: each bit of INDEX, high to low, is one choice of a half. */
static struct part part_of(unsigned int region, unsigned int parts, unsigned int index)
{
	struct part p = { 0, region, (index & 1) == 0 };
	unsigned int bit, mid;

	for (bit = parts / 2; bit > 0; bit /= 2) {
		mid = (p.start + p.end) / 2;
		if (index & bit)
			p.start = mid;
		else
			p.end = mid;
	}
	return p;
}

static void halve(enum geometry_rule rule, uint16_t region_gib, const struct geometry_type *type,
                  struct id_list *list)
{
	unsigned int power = power_of_two_below(type->max_instances);
	bool two_per_part = power == type->max_instances && power > 1;
	unsigned int parts = two_per_part ? power / 2 : power;
	unsigned int size = type->size_gib, i;
	struct part p;

	if (parts > PARTS_MAX)
		return;
	for (i = 0; i < parts; i++) {
		p = part_of(region_gib, parts, i);
		if ((two_per_part || p.is_left) && !is_denied(rule, region_gib, size, p.start))
			add_id(list, p.start);
		if ((two_per_part || !p.is_left) &&
		    !is_denied(rule, region_gib, size, p.end - size))
			add_id(list, p.end - size);
	}
}

static void step_evenly(unsigned int region, const struct geometry_type *type, struct id_list *l)
{
	unsigned int i;

	for (i = 0; i < type->max_instances; i++)
		add_id(l, region * i / type->max_instances);
}

static bool is_sound(uint16_t region_gib, const struct geometry_type *type)
{
	return type->size_gib > 0 && type->size_gib <= region_gib && type->max_instances > 0 &&
	       type->max_instances <= GEOMETRY_IDS_MAX;
}

unsigned int geometry_placements_equal(enum geometry_rule rule, uint16_t region_gib,
                                       const struct geometry_type *type, uint16_t *ids,
                                       unsigned int max)
{
	struct id_list list = { ids, 0, max };
	unsigned int i;

	if (!is_sound(region_gib, type))
		return 0;
	if (rule == GEOMETRY_EVEN)
		step_evenly(region_gib, type, &list);
	else if (rule == GEOMETRY_HALVING_ADA)
		for (i = 0; i < type->max_instances; i++)
			add_id(&list, i * type->size_gib);
	return list.n;
}

unsigned int geometry_placements_mixed(enum geometry_rule rule, uint16_t region_gib,
                                       const struct geometry_type *type, uint16_t *ids,
                                       unsigned int max)
{
	struct id_list list = { ids, 0, max };

	if (!is_sound(region_gib, type))
		return 0;
	if (rule == GEOMETRY_EVEN)
		step_evenly(region_gib, type, &list);
	else if (rule != GEOMETRY_EQUAL_ONLY)
		halve(rule, region_gib, type, &list);
	return list.n;
}

bool geometry_overlaps(uint16_t a, uint16_t size_a, uint16_t b, uint16_t size_b)
{
	return a < b + size_b && b < a + size_a;
}
