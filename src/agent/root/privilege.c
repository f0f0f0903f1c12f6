/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int drop_bounding(uint64_t keep, struct error *err)
{
	for (int cap = 0; cap < 64; cap++) {
		/* The kernel has no more: EINVAL. */
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			return 0;
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return error_errno(err, errno, "give up capability %d", cap);
	}
	return 0;
}

static int set_own(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return error_errno(err, errno, "read own capabilities");
	for (int i = 0; i < 2; i++) {
		uint32_t part = (uint32_t)(keep >> (32 * i));

		data[i].permitted &= part;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return error_errno(err, errno, "set own capabilities");
	return 0;
}

int privilege_drop(uint64_t keep, struct error *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, errno, "forbid new privileges");
	/* The bounding set first: taking from it needs a capability that goes next. */
	r = drop_bounding(keep, err);
	return r < 0 ? r : set_own(keep, err);
}

void privilege_close_from(int first, int keep)
{
	if (keep < first) {
		(void)close_range((unsigned)first, ~0U, 0);
		return;
	}
	if (keep > first)
		(void)close_range((unsigned)first, (unsigned)keep - 1, 0);
	(void)close_range((unsigned)keep + 1, ~0U, 0);
}
