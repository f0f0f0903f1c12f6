/* SPDX-License-Identifier: Apache-2.0 */
#include "api/gid.h"

#include <grp.h>
#include <stddef.h>
#include <sys/socket.h>

enum { GIDS_MAX = 256, ENTRY_SIZE = 64 << 10 /* a group's entry has all its members */ };

static bool has_gid(const gid_t *gids, size_t n, gid_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (gids[i] == gid)
			return true;
	return false;
}

bool gid_find(const char *name, gid_t *ret)
{
	char buffer[ENTRY_SIZE];
	struct group g, *found = NULL;

	if (!name || !name[0] || getgrnam_r(name, &g, buffer, sizeof(buffer), &found) || !found)
		return false;
	*ret = g.gr_gid;
	return true;
}

bool gid_of_process(int fd, gid_t gid)
{
	gid_t gids[GIDS_MAX];
	socklen_t size = sizeof(gids);

	return getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &size) == 0 &&
	       has_gid(gids, size / sizeof(gids[0]), gid);
}

bool gid_of_user(const char *name, gid_t primary, gid_t gid)
{
	gid_t gids[GIDS_MAX];
	int n = GIDS_MAX;

	return getgrouplist(name, primary, gids, &n) >= 0 && has_gid(gids, (size_t)n, gid);
}
