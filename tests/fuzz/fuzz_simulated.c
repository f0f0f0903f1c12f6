/* SPDX-License-Identifier: Apache-2.0 */
/* Any line is a simulated host or an error with a column; a host is sound and has an inventory. */
#include <stdint.h>
#include <string.h>

#include "host/simulated/simulated.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct simulated_host *h = NULL;
	struct error err = { 0 };
	struct host facts = { 0 };
	struct gpu *gpus;
	char *spec = malloc(size + 1);
	size_t n;

	if (!spec)
		return 0;
	memcpy(spec, data, size);
	spec[size] = '\0';
	if (simulated_parse(spec, &h, &err) < 0) {
		require(h == NULL && err.kind == ERR_INVALID);
		require(strncmp(err.place, "column ", 7) == 0);
	} else {
		require(simulated_name(h)[0] && !simulated_check(h));
		require(simulated_inventory(h, &facts, &gpus, &n, NULL) == 0);
		for (size_t i = 0; i < n; i++)
			fields_done(&gpu_fields, &gpus[i]);
		free(gpus);
		fields_done(&host_fields, &facts);
		simulated_free(h);
	}
	free(spec);
	return 0;
}
