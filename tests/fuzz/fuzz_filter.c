/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a filter or an error with a place; a filter gives the same answer twice. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gpu gpus[] = {
	{ .id = "lab-1@0000:41:00.0", .host = "lab-1", .address = "0000:41:00.0",
	  .board = "NVIDIA L40S", .pci_device = "26b9", .driver = "nvidia",
	  .framework = FRAMEWORK_VENDOR_VFIO, .numa = 1, .iommu_group = 17, .vf_enabled = 32 },
	{ .id = "old@0000:3b:00.0", .host = "old", .board = "Tesla T4", .pci_device = "1eb8",
	  .framework = FRAMEWORK_MDEV, .numa = -1, .iommu_group = UINT32_MAX },
	{ .id = "odd@0000:01:00.0", .host = "odd", .board = "unheard of" },
};

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter *f = NULL;
	struct error err = { 0 };
	char *text = malloc(size + 1), why[200];
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	r = filter_parse(text, &f, &err);
	if (r < 0) {
		require(f == NULL && err.kind == ERR_INVALID);
		require(strncmp(err.place, "column ", 7) == 0 && strlen(err.text) > 0);
	} else {
		for (size_t i = 0; i < sizeof(gpus) / sizeof(gpus[0]); i++) {
			bool matches = filter_matches(f, &gpus[i]);

			require(filter_explain(f, &gpus[i], why, sizeof(why)) == matches);
			require(strlen(why) > 0);
		}
		filter_free(f);
	}
	free(text);
	return 0;
}
