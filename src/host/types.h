/* SPDX-License-Identifier: Apache-2.0 */
/* types.h - vGPU types as the drivers' texts tell them, and as the catalogue completes them.
 *
 * Names are kept byte for byte: they are the key.  Numeric ids belong to one driver version.
 */
#pragma once

#include "model/nouns.h"

enum { TYPES_MAX = 128 }; /* per GPU (NVIDIA open-gpu-kernel-modules: MAX_VGPU_TYPES_PER_PGPU) */

/* A list of types that belongs to nobody's struct gpu yet. */
struct types {
	struct gpu_type *rows;
	size_t n;
};

void types_done(struct types *t);

/* Adds a type, or completes the one with the same name: what is zero is filled in, creatable stays
 * when either says so.  A type beyond TYPES_MAX is left out.
 *   NO_MEMORY */
must_check int types_add(struct types *t, const struct gpu_type *type, struct error *err);

const struct gpu_type *types_by_name(const struct types *t, const char *name);
const struct gpu_type *types_by_id(const struct types *t, uint32_t id);

/* Reads nvidia/creatable_vgpu_types: a header, then "ID : NAME" per line, in any spacing.  Lines of
 * another form are skipped, as is a name that is too long to be kept whole.
 *   NO_MEMORY */
must_check int types_parse_creatable(const char *text, bool creatable, struct types *t,
				     struct error *err);

/* Takes framebuffer and max_instance from an mdev type's description, where it has them:
 * "num_heads=4, frl_config=60, framebuffer=2048M, max_resolution=7680x4320, max_instance=8". */
void types_parse_description(const char *text, struct gpu_type *type);

/* "nvidia-754" is 754; 0 when there is no number behind the last '-'. */
uint32_t types_id_of_directory(const char *name);

/* Fills fb_mib and max where the driver does not tell them: from the catalogue, and for a type it
 * lacks from the size in its name ("-8Q": 8 GiB, "-0B": 512 MiB) and FB_MIB of the board. */
void types_complete(struct gpu_type *type, const char *pci_device, uint32_t fb_mib);

/* Adds the types that the catalogue has for the board and T lacks, none of them creatable, with the
 * ids that one driver gave them: good enough to name a vGPU, not to make one.
 *   NO_MEMORY */
must_check int types_add_catalogue(struct types *t, const char *pci_device,
				   const char *pci_subsystem, struct error *err);
