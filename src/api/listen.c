/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "api/api.h"
#include "api/gid.h"
#include "base/text.h"

enum { SOCKET_MODE = 0660, BACKLOG = 512 };

static int make_socket(int *ret, struct error *err)
{
	*ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *ret < 0 ? error_errno(err, errno, "make a socket") : 0;
}

/* Whether somebody listens at ADDRESS: a file that nobody listens at is left over from a crash. */
static bool is_alive(const struct sockaddr_un *address)
{
	cleanup(cleanup_close) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EAGAIN);
}

static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : error_errno(err, errno, "look at %s", address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERR_EXISTS, "listen at %s: a file that is no socket is there",
				 address->sun_path);
	if (is_alive(address))
		return error_set(err, ERR_EXISTS,
				 "listen at %s: another program listens there already",
				 address->sun_path);
	if (unlink(address->sun_path) < 0)
		return error_errno(err, errno, "remove the old socket %s", address->sun_path);
	return 0;
}

/* Only a try: without the group, or without the right to give the socket to it, its owner and root
 * can still use it. */
static void give_to_group(const char *path, const char *group)
{
	gid_t gid;

	if (gid_find(group, &gid) && chown(path, (uid_t)-1, gid) < 0)
		return;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, const char *group,
			   struct error *err)
{
	/* Before bind(), so that it is never more open than that; after it, since the umask took
	 * bits. */
	(void)fchmod(fd, SOCKET_MODE);
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return error_errno(err, errno, "bind %s", address->sun_path);
	if (chmod(address->sun_path, SOCKET_MODE) < 0)
		return error_errno(err, errno, "set the mode of %s", address->sun_path);
	give_to_group(address->sun_path, group);
	if (listen(fd, BACKLOG) < 0)
		return error_errno(err, errno, "listen at %s", address->sun_path);
	return 0;
}

int api_listen(const char *path, const char *group, int *ret_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup(cleanup_close) int fd = -1;
	int r;

	if (!TEXT_COPY(address.sun_path, path))
		return error_set(err, ERR_INVALID,
				 "the path of a UNIX socket has at most %zu bytes: %s",
				 sizeof(address.sun_path) - 1, path);
	r = remove_stale(&address, err);
	if (r == 0)
		r = make_socket(&fd, err);
	if (r == 0)
		r = bind_and_listen(fd, &address, group, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}
