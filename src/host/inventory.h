/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.h - what GPUs a host has and what exists on them; nothing is changed.
 *
 * Everything is read anew each time, because sysfs is the truth about what exists.  A GPU or
 * function that leaves meanwhile is left out.
 */
#pragma once

#include "host/device.h"
#include "model/nouns.h"

/* The one type of a GPU that is passed through: all of it. */
#define HOST_WHOLE_PROFILE "whole"

/* Every NVIDIA display device that is no VF, then every other parent of mediated devices, each
 * sorted by address.  id, host and owners are the caller's to fill.  inventory_free() frees.
 *   IO, NO_MEMORY; a host without any is 0 GPUs */
must_check int inventory_scan(int root, struct gpu **ret, size_t *n, struct error *err);
void inventory_free(struct gpu *gpus, size_t n);

/* Kernel, boot id, CPUs, memory, NUMA nodes and NVIDIA's driver version into H; what can not be
 * read stays as it is.
 *   IO  the boot id can not be read, without which a reboot can not be told */
must_check int inventory_host(int root, struct host *h, struct error *err);
