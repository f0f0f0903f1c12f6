/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* geometry.h - where on a GPU a vGPU of a given type may lie.
 *
 * Only shapes: what exists on a GPU at the moment is creatable.h's business.
 * Plain C without libc or allocation, because the lab's kernel module compiles
 * it too.  No state, so any thread may call anything.
 */
#pragma once

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

/* The most placement ids that one type can have on one GPU. */
#define GEOMETRY_IDS_MAX 64

/* What NVIDIA's driver calls "invalid placement": this vGPU has no fixed place. */
#define GEOMETRY_NO_PLACEMENT 0xffff

/* How a generation of GPUs divides its framebuffer; geometry_rule_name() has the words. */
enum geometry_rule {
	GEOMETRY_EQUAL_ONLY,     /* Maxwell to Turing: one size at a time, no ids */
	GEOMETRY_HALVING_AMPERE, /* mixed sizes by halving; no ids in equal-size mode */
	GEOMETRY_HALVING_ADA,    /* Ada and Hopper: halving; ids in equal-size mode too */
	GEOMETRY_EVEN,           /* Blackwell: even steps in both modes */
	GEOMETRY_RULE_COUNT
};

/* What geometry needs to know of one vGPU type on one board. */
struct geometry_type {
	uint32_t fb_mib;        /* framebuffer as sold; its size class in equal-size mode */
	uint16_t size_gib;      /* what it takes of the region: geometry_size_gib() */
	uint16_t max_instances; /* per GPU, equal-size mode */
};

/* A word for RULE, or NULL when it is none. */
const char *geometry_rule_name(enum geometry_rule rule);

/* Can GPUs of this rule hold vGPUs of different framebuffer sizes at once? */
bool geometry_rule_has_mixed(enum geometry_rule rule);

/* What a type of FB_MIB takes on a GPU whose largest type has REGION_GIB (that
 * largest type may ask with REGION_GIB 0). */
uint16_t geometry_size_gib(uint16_t region_gib, uint32_t fb_mib);

/* The GiB that vGPUs share: the size of the largest of the N TYPES of which one fits. */
uint16_t geometry_region_gib(const struct geometry_type *types, unsigned int n);

/* Writes the ids at which TYPE may start on an otherwise empty GPU, ascending, at
 * most MAX of them, and returns how many there are.  ids are GiB from the start of
 * the region.  0 means that this mode knows no ids for it: under EQUAL that is no
 * obstacle, under MIXED the type can not be made. */
unsigned int geometry_placements_equal(enum geometry_rule rule, uint16_t region_gib,
                                       const struct geometry_type *type, uint16_t *ids,
                                       unsigned int max);
unsigned int geometry_placements_mixed(enum geometry_rule rule, uint16_t region_gib,
                                       const struct geometry_type *type, uint16_t *ids,
                                       unsigned int max);

/* Do SIZE_A at A and SIZE_B at B share a GiB? */
bool geometry_overlaps(uint16_t a, uint16_t size_a, uint16_t b, uint16_t size_b);
