/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crash.h"

#ifdef FACET_CRASH_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* Takes one from the number in FD; true when that was the last. */
static int take_one(int fd)
{
	char text[16] = "";
	long n;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	n = strtol(text, NULL, 10);
	if (n <= 0 || ftruncate(fd, 0) < 0)
		return 0;
	if (n > 1)
		(void)!pwrite(fd, text, (size_t)snprintf(text, sizeof(text), "%ld\n", n - 1), 0);
	return n == 1;
}

void crash_point(const char *name)
{
	const char *file = getenv("FACET_CRASH_FILE");
	int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
	int last;

	if (fd < 0)
		return;
	flock(fd, LOCK_EX);
	last = take_one(fd);
	close(fd);
	if (!last)
		return;
	dprintf(STDERR_FILENO, "<4>crash point: %s\n", name);
	kill(getpid(), SIGKILL);
}
#endif
