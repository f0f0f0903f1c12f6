/* SPDX-License-Identifier: Apache-2.0 */
/* mig.c - the tables of GPU instances, as facts.
 *
 * Sources.
 * Profiles and how many of each: NVIDIA MIG user guide, "Supported MIG Profiles",
 *   https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html
 *   (A30, A100, H100, H200, GH200, H20, B200, GB200, RTX PRO 6000); B300 has the counts of B200:
 *   NVIDIA vgpu-device-manager, examples/config-example.yaml.
 * Starts, A100 and H100: `nvidia-smi mig -lgipp` in the same guide, "Getting Started with MIG":
 *   profiles 19 and 20 {0..6}:1, 15 {0,2,4,6}:2, 14 {0,2,4}:2, 9 {0,4}:4, 5 {0}:4, 0 {0}:8.  The
 *   newer boards with seven slices of compute have the same profile ids and counts.
 * Starts, A30: go-nvml, pkg/nvml/mock/shared/gpus/a30.go.  Its b200.go differs from all output of
 *   nvidia-smi (seven starts for a profile of which it says four fit), so it is not followed.
 * Starts, RTX PRO 6000: `nvidia-smi mig -lgipp` of driver 610.43, as an operator published it:
 *   profiles 14 and 47 {0,3,6,9}:3, 5 and 35 {0,6}:6, 0 and 32 {0}:12.
 * Starts, RTX 6000D: nowhere published.  Halves, because the driver has types for one half
 *   ("1-42C") and for the whole ("2-84C").
 * Which instance a type lies on: vgpuSmcTypeIdMappings in open-gpu-kernel-modules,
 *   src/common/shared/inc/g_vgpu_resman_specific.h.  "1-20C" lies on 1g.20gb, "ME" on "+me".
 * On GB20x only instances with graphics can be time-sliced: kmigmgrGpuInstanceSupportVgpuTimeslice
 *   in kmigmgr_gb202.c there.
 */
#include "model/mig.h"

#include <string.h>

static const struct mig_layout layouts[] = {
	{ "A100, H100, H200, B200, B300 and their kin", 8, 7, false, 6, {
		{ 1, 1, 7, { 0, 1, 2, 3, 4, 5, 6 } },
		{ 1, 2, 4, { 0, 2, 4, 6 } },
		{ 2, 2, 3, { 0, 2, 4 } },
		{ 3, 4, 2, { 0, 4 } },
		{ 4, 4, 1, { 0 } },
		{ 7, 8, 1, { 0 } },
	} },
	{ "A30", 4, 4, false, 3, {
		{ 1, 1, 4, { 0, 1, 2, 3 } },
		{ 2, 2, 2, { 0, 2 } },
		{ 4, 4, 1, { 0 } },
	} },
	{ "RTX PRO 6000 Blackwell", 12, 4, true, 3, {
		{ 1, 3, 4, { 0, 3, 6, 9 } },
		{ 2, 6, 2, { 0, 6 } },
		{ 4, 12, 1, { 0 } },
	} },
	{ "RTX 6000D", 2, 2, true, 2, {
		{ 1, 1, 2, { 0, 1 } },
		{ 2, 2, 1, { 0 } },
	} },
};

enum { LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

size_t mig_layouts(void)
{
	return LAYOUTS;
}

const struct mig_layout *mig_layout_at(size_t i)
{
	return i < LAYOUTS ? &layouts[i] : NULL;
}

/* What tells layouts apart are the slices of the largest type, and whether there are types for
 * graphics: those need instances with graphics. */
const struct mig_layout *mig_layout_of(const struct board *board)
{
	unsigned int most = 0, slices;
	bool graphics = false;

	for (size_t i = 0; i < board->profiles_n; i++) {
		slices = mig_slices_of(board->profiles[i].name);
		if (slices == 0)
			continue;
		if (slices > most)
			most = slices;
		graphics |= board->profiles[i].series != SERIES_C;
	}
	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].slices == most && layouts[i].shared == graphics)
			return &layouts[i];
	return NULL;
}

const struct mig_instance *mig_instance_of(const struct mig_layout *layout, unsigned int slices,
					   uint32_t fb_mib, uint32_t board_mib)
{
	const struct mig_instance *best = NULL;
	int64_t wanted = (int64_t)fb_mib * layout->units, off, best_off = INT64_MAX;

	for (size_t i = 0; i < layout->instances_n; i++) {
		const struct mig_instance *in = &layout->instances[i];

		off = wanted - (int64_t)in->size * board_mib;
		if (off < 0)
			off = -off;
		if (in->slices == slices && off < best_off) {
			best = in;
			best_off = off;
		}
	}
	return best;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "...-S-GB", S one digit: the time-sliced types have no number before their size. */
unsigned int mig_slices_of(const char *type_name)
{
	const char *tail = strrchr(type_name, '-');

	if (!tail || !is_digit(tail[1]) || tail - type_name < 3)
		return 0;
	return tail[-2] == '-' && is_digit(tail[-1]) ? (unsigned int)(tail[-1] - '0') : 0;
}

bool mig_has_media(const char *type_name)
{
	size_t n = strlen(type_name);

	return mig_slices_of(type_name) && n > 2 && strcmp(type_name + n - 2, "ME") == 0;
}
