/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - what the benchmarks fill a facetd with: hosts of 8 L40S with 32 functions each that
 * reported once, a group of all their GPUs, and VMs that want one L40S-1Q apiece, 256 to a host. */
#pragma once

#include "load.h"

enum { POOL_GPUS = 8, POOL_VMS_PER_HOST = 256 };

/* Waits until SOCKET answers GET /v1/version, at most 20 s; returns when that was. */
int64_t pool_wait(const char *socket);

/* Registers VMS VMs with the hosts they need. */
void pool_fill(const char *socket, size_t vms);

/* The same with fewer VMs to a host: VM number N is of host number N / VMS_PER_HOST. */
struct pool_size {
	size_t vms, vms_per_host;
};
void pool_fill_as(const char *socket, struct pool_size size);

/* Makes the request that starts VM number NUMBER. */
void pool_start_request(size_t number, struct load_request *rq);
