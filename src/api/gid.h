/* SPDX-License-Identifier: Apache-2.0 */
/* gid.h - groups of the operating system.  Apart from the rest, because <grp.h> has a struct group
 * of its own. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* False when there is no group NAME. */
bool gid_find(const char *name, gid_t *ret);

/* Whether the process at the other end of socket FD has GID among its supplementary groups. */
bool gid_of_process(int fd, gid_t gid);

/* Whether the user database puts user NAME, of group PRIMARY, into GID. */
bool gid_of_user(const char *name, gid_t primary, gid_t gid);
