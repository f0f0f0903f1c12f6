/* SPDX-License-Identifier: Apache-2.0 */
#include "api/peer.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#include "api/gid.h"
#include "base/text.h"

enum { ENTRY_SIZE = 4096 };

static void user_name(const struct ucred *cred, char name[NAME_SIZE], bool *known)
{
	char buffer[ENTRY_SIZE];
	struct passwd pw, *found = NULL;

	*known = getpwuid_r(cred->uid, &pw, buffer, sizeof(buffer), &found) == 0 && found;
	if (*known)
		text_copy(name, NAME_SIZE, pw.pw_name);
	else
		snprintf(name, NAME_SIZE, "uid-%ju", (uintmax_t)cred->uid);
}

static bool is_member(int fd, const struct ucred *cred, const char *name, bool known, gid_t gid)
{
	/* What the process has needs no look into the user database; somebody who was put into the
	 * group after logging in counts too. */
	return cred->gid == gid || gid_of_process(fd, gid) ||
	       (known && gid_of_user(name, cred->gid, gid));
}

static int refuse(const struct ucred *cred, const struct actor *a, const char *group,
		  struct error *err)
{
	return error_set(
		err, ERR_DENIED,
		"user %s (uid %ju) may not use Facet: only root and members of group %s may; "
		"remedy: usermod -aG %s %s",
		a->name, (uintmax_t)cred->uid, group, group, a->name);
}

int peer_identify(void *user, int fd, struct actor *ret, struct error *err)
{
	const struct peer_rules *rules = user;
	struct actor a = { .role = ROLE_NONE };
	struct ucred cred;
	socklen_t size = sizeof(cred);
	bool known;
	gid_t gid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return error_errno(err, errno, "ask who is connected");
	user_name(&cred, a.name, &known);
	if (cred.uid == 0 || cred.uid == geteuid()) {
		a.role = ROLE_ADMIN;
	} else if (known && rules->agent_user && strcmp(a.name, rules->agent_user) == 0) {
		a.role = ROLE_HOST;
		TEXT_COPY(a.host, rules->agent_host ? rules->agent_host : "");
	} else if (gid_find(rules->group, &gid) && is_member(fd, &cred, a.name, known, gid)) {
		a.role = ROLE_ADMIN;
	} else {
		return refuse(&cred, &a, rules->group, err);
	}
	*ret = a;
	return 0;
}
