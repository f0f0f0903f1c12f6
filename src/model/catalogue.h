/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.h - the vGPU types of every board, known before a driver is loaded.
 *
 * Made at build time from data/vgpu-types.csv.  At run time the driver's own word wins; differences
 * are shown (`facet profile list`), never hidden.
 */
#pragma once

#include "model/geometry.h"
#include "model/nouns.h"

struct catalogue_profile {
	const char *name;          /* byte-exact: "NVIDIA L40S-8Q" */
	const char *board;         /* "NVIDIA L40S" */
	const char *pci_device, *pci_subsystem; /* of the board, hex, lower case; "" unknown */
	enum series series;
	bool mig, sr_iov, cuda, ecc;
	bool blackwell;            /* its placement ids follow Blackwell's rule */
	uint32_t mig_slices;
	uint32_t board_fb_mib, fb_mib;
	uint32_t max, max_mixed;   /* per GPU, equal-size and mixed-size; 0 unknown */
	const uint16_t *placements; /* mixed-size ids */
	size_t placements_n;
	uint32_t displays;
	const char *max_resolution, *licence, *vgpu_class;
	uint32_t frame_rate_limit;
	uint32_t type_id;          /* as one driver had it; 0 unknown; for display only */
	const char *source;
};

struct board {
	const char *name, *pci_device, *pci_subsystem, *architecture;
	enum geometry_rule rule;
	bool sr_iov, mig;
	uint32_t fb_mib;
	const struct catalogue_profile *profiles;
	size_t profiles_n;
};

size_t catalogue_boards(void);
const struct board *catalogue_board_at(size_t i);

/* The board with these ids, NULL when unknown.  SUBSYSTEM may be "": then a device id that several
 * boards share is unknown, not guessed. */
const struct board *catalogue_board_of(const char *pci_device, const char *pci_subsystem);

/* By what people write: "NVIDIA L40S", "L40S", "l40s"; NULL when none or more than one fits. */
const struct board *catalogue_board_named(const char *name);

/* By its PCI ids, else by its board's name; NULL when neither is known. */
const struct board *catalogue_board_of_gpu(const struct gpu *gpu);

size_t catalogue_count(void);
const struct catalogue_profile *catalogue_at(size_t i);

/* By exact name and board's PCI device id (NULL: the first with that name). */
const struct catalogue_profile *catalogue_find(const char *name, const char *pci_device);

/* Name of the board with these ids ("NVIDIA L40S"), NULL when unknown; SUBSYSTEM may be "". */
const char *catalogue_board(const char *pci_device, const char *pci_subsystem);
uint32_t catalogue_board_fb_mib(const char *pci_device, const char *pci_subsystem);

/* What a profile of this name would be, for types that a driver offers and the table lacks: the
 * series from the last letters, abilities from the series, and where FB_MIB is 0 the size from the
 * number before them (0 where there is none).  NAME must outlive *RET. */
void catalogue_guess(const char *name, uint32_t fb_mib, struct catalogue_profile *ret);

/* Workload classes: virtual-apps (A), desktop (B), compute (C), graphics (Q), mixed (what the
 * field calls M: 1-8 GB, CUDA, 2 or more displays).  "compute" alone or with a size: "compute:8"
 * (GiB, exactly).  True when P satisfies KLASS; catalogue_is_class() says whether TEXT is one. */
bool catalogue_is_class(const char *text);
bool catalogue_class_takes(const char *klass, const struct catalogue_profile *p);
