/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target over the files of its corpus, for builds without libFuzzer:
 * replay FOLDER.  An empty corpus is a failure, or the test could not fail. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(int folder, const char *name)
{
	cleanup(cleanup_free) uint8_t *data = NULL;
	cleanup(cleanup_close) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	enum { MOST = 1 << 20 };
	ssize_t n;

	data = malloc(MOST);
	if (fd < 0 || !data)
		return -1;
	n = read(fd, data, MOST);
	if (n < 0)
		return -1;
	/* An exact copy, so that a sanitizer sees a read past the end. */
	cleanup(cleanup_free) uint8_t *exact = malloc((size_t)n + (n == 0));
	for (ssize_t i = 0; exact && i < n; i++)
		exact[i] = data[i];
	return exact ? LLVMFuzzerTestOneInput(exact, (size_t)n) : -1;
}

int main(int argc, char **argv)
{
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *e;
	int ran = 0;

	if (!d) {
		fprintf(stderr, "usage: replay FOLDER\n");
		return 2;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (replay(dirfd(d), e->d_name) < 0) {
			fprintf(stderr, "%s/%s: can not be run\n", argv[1], e->d_name);
			return 1;
		}
		ran++;
	}
	closedir(d);
	printf("%d inputs\n", ran);
	return ran > 0 ? 0 : 1;
}
