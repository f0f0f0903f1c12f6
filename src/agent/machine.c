/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine.h"

void machine_inventory_done(struct machine_inventory *inventory)
{
	for (size_t i = 0; i < inventory->gpus_n; i++)
		fields_done(&gpu_fields, &inventory->gpus[i]);
	free(inventory->gpus);
	fields_done(&host_fields, &inventory->facts);
	*inventory = (struct machine_inventory){ 0 };
}
