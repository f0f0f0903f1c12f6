/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drop.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

int drop_to_user(const char *user, struct error *err)
{
	const struct passwd *pw;

	if (getuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no user %s to run as: `systemd-sysusers` makes it, or "
				 "name another one by --set agent.user=NAME", user);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
	    setuid(pw->pw_uid) < 0)
		return error_errno(err, errno, "becoming user %s", user);
	return 0;
}
