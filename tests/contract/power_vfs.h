/* SPDX-License-Identifier: Apache-2.0 */
/* power_vfs.h - a disk that loses what was not synced, under SQLite.
 *
 * While the VFS is in place, FILE.durable holds what FILE would be after a power cut in which every
 * write since the last fsync was lost.  power_cut() then makes a FILE of which each 512-byte sector
 * is, as luck has it, the durable or the last written one: disks reorder what is not synced.
 */
#pragma once

#include <stdint.h>

/* Makes the VFS the default of this process; it dies by SIGKILL before write or sync number N. */
void power_vfs_install(long die_at);

/* For PATH and the files beside it, in a process that does not have them open. */
void power_begin(const char *path);
void power_cut(const char *path, uint64_t *luck);
