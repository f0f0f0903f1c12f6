/* SPDX-License-Identifier: Apache-2.0 */
#include "host/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int sysfs_open(int dir, const char *path, int *ret, struct error *err)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, errno, "open %s", path);
	*ret = fd;
	return 0;
}

/* Reads until the end or until BUFFER is full; sysfs answers in one read, /proc in several. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t n = 0;
	ssize_t k;

	while (n < size) {
		k = read(fd, buffer + n, size - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return k;
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return (ssize_t)n;
}

int sysfs_read(int dir, const char *path, char *ret, size_t size, struct error *err)
{
	cleanup(cleanup_close) int fd = -1;
	char text[SYSFS_TEXT_SIZE + 1];
	ssize_t n;

	/* A FIFO or a device in place of the file must not hold us up. */
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, errno, "open %s", path);
	n = read_all(fd, text, sizeof(text));
	if (n < 0)
		return error_errno(err, errno, "read %s", path);
	if (memchr(text, '\0', (size_t)n))
		return error_set(err, ERR_INVALID, "%s holds a NUL byte", path);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if ((size_t)n >= size || n > SYSFS_TEXT_SIZE)
		return error_set(err, ERR_TOO_LARGE, "%s holds more than %zu bytes", path,
				 size - 1);
	memcpy(ret, text, (size_t)n);
	ret[n] = '\0';
	return 0;
}

static int read_number(int dir, const char *path, int base, uint64_t *ret, struct error *err)
{
	char text[32], *end;
	uintmax_t value;
	int r;

	r = sysfs_read(dir, path, text, sizeof(text), err);
	if (r < 0)
		return r;
	errno = 0;
	value = strtoumax(text, &end, base);
	if (end == text || *end || text[0] == '-' || text[0] == '+' || errno || value > UINT64_MAX)
		return error_set(err, ERR_INVALID, "%s: '%s' is not a number", path, text);
	*ret = value;
	return 0;
}

int sysfs_read_u64(int dir, const char *path, uint64_t *ret, struct error *err)
{
	return read_number(dir, path, 10, ret, err);
}

int sysfs_read_hex(int dir, const char *path, uint64_t *ret, struct error *err)
{
	return read_number(dir, path, 16, ret, err);
}

uint64_t sysfs_u64_or(int dir, const char *path, uint64_t fallback)
{
	uint64_t value;

	return sysfs_read_u64(dir, path, &value, NULL) < 0 ? fallback : value;
}

int64_t sysfs_i64_or(int dir, const char *path, int64_t fallback)
{
	char text[24], *end;
	intmax_t value;

	if (sysfs_read(dir, path, text, sizeof(text), NULL) < 0)
		return fallback;
	errno = 0;
	value = strtoimax(text, &end, 10);
	return end == text || *end || errno ? fallback : value;
}

bool sysfs_link(int dir, const char *path, char *ret, size_t size)
{
	char target[4096];
	ssize_t n = readlinkat(dir, path, target, sizeof(target) - 1);
	const char *name;

	if (n <= 0 || (size_t)n == sizeof(target) - 1)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (!*name || strlen(name) >= size)
		return false;
	memcpy(ret, name, strlen(name) + 1);
	return true;
}

bool sysfs_exists(int dir, const char *path)
{
	return faccessat(dir, path, F_OK, 0) == 0;
}

int sysfs_write(int dir, const char *path, const char *text, int *errnum, struct error *err)
{
	cleanup(cleanup_close) int fd = -1;
	size_t n = strlen(text);
	ssize_t k;
	int e = 0;

	/* A kernel file is written whole at once and never created; in a test's tree the new text
	 * takes the place of the old one. */
	fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_TRUNC);
	if (fd < 0) {
		e = errno;
	} else {
		k = write(fd, text, n);
		if (k < 0)
			e = errno;
		else if ((size_t)k != n)
			e = EIO;
	}
	if (errnum)
		*errnum = e;
	if (e)
		return error_errno(err, e, "write '%.80s' to %s", text, path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int list_add(struct sysfs_list *list, const char *name)
{
	char **names;

	/* Room grows in powers of two: at 0, 1, 2, 4, 8 ... */
	if ((list->n & (list->n - 1)) == 0) {
		names = realloc(list->names, sizeof(*names) * (list->n ? list->n * 2 : 1));
		if (!names)
			return -ERR_NO_MEMORY;
		list->names = names;
	}
	list->names[list->n] = strdup(name);
	if (!list->names[list->n])
		return -ERR_NO_MEMORY;
	list->n++;
	return 0;
}

static int list_read(DIR *d, const char *path, struct sysfs_list *list, struct error *err)
{
	const struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (list->n >= SYSFS_LIST_MAX)
			return error_set(err, ERR_TOO_LARGE, "%s has more than %d entries", path,
					 SYSFS_LIST_MAX);
		if (list_add(list, e->d_name) < 0)
			return error_set(err, ERR_NO_MEMORY, "out of memory listing %s", path);
	}
	return 0;
}

int sysfs_list(int dir, const char *path, struct sysfs_list *ret, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(close_dir) DIR *d = NULL;
	int fd = -1, r;

	r = sysfs_open(dir, path, &fd, err);
	if (r < 0)
		return r;
	d = fdopendir(fd);
	if (!d) {
		r = error_errno(err, errno, "list %s", path);
		close(fd);
		return r;
	}
	r = list_read(d, path, &list, err);
	if (r < 0)
		return r;
	if (list.n > 1)
		qsort(list.names, list.n, sizeof(*list.names), by_name);
	*ret = list;
	list = (struct sysfs_list){ 0 };
	return 0;
}

void sysfs_list_done(struct sysfs_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct sysfs_list){ 0 };
}

const char *sysfs_path(char buffer[SYSFS_PATH_SIZE], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buffer, SYSFS_PATH_SIZE, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= SYSFS_PATH_SIZE)
		buffer[0] = '\0';
	return buffer;
}

bool sysfs_name_is_safe(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}
