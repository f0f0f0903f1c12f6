/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - which GPUs a group takes: a small language over device facts.
 *
 *   board contains "L40S" and framebuffer ge 48 and not (host prefix lab-)
 *
 *   filter  = or ;  or = and { "or" and } ;  and = not { "and" not } ;  not = [ "not" ] term
 *   term    = "(" or ")" | fact operator value
 *   operator = eq ne lt le gt ge contains prefix regex
 *   value   = "quoted, with \" and \\" | word of [A-Za-z0-9._:/@*+-]
 *
 * Facts: host, gpu, address, board, device (pci id), subsystem, driver, framework, mode, health,
 * numa, iommu_group, framebuffer (GiB, as the board is sold), vfs, profile (true when any type of
 * the GPU satisfies it), series (likewise).  numa, iommu_group, framebuffer and vfs are numbers
 * (-1: none): they take eq ne lt le gt ge; the others are texts and take eq ne contains prefix
 * regex. regex is POSIX extended, unanchored, at most 200 bytes, without back references, and its +
 * (two each) and {repetitions} multiply to at most 1024: a filter must not cost more than it says.
 * The empty filter matches every GPU.
 */
#pragma once

#include "model/nouns.h"

enum { FILTER_MAX = 1000, FILTER_DEPTH_MAX = 20 };

struct filter;

/* Parses TEXT; the caller owns *RET.
 *   INVALID  place is "column N" (from 1), text names what was expected there */
must_check int filter_parse(const char *text, struct filter **ret, struct error *err);
struct filter *filter_free(struct filter *f);
DEFINE_CLEANUP(struct filter *, filter_free)

bool filter_matches(const struct filter *f, const struct gpu *gpu);

/* As above, and says in WHY which term decides: `board eq "A40" is false: board is "Tesla T4"`. */
bool filter_explain(const struct filter *f, const struct gpu *gpu, char *why, size_t size);
