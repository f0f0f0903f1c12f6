/* SPDX-License-Identifier: Apache-2.0 */
#include "host/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/sysfs.h"

int state_read(int root, const char *name, char *ret, size_t size, struct error *err)
{
	char path[SYSFS_PATH_SIZE];

	return sysfs_read(root, sysfs_path(path, STATE_DIR "/%s", name), ret, size, err);
}

/* The folder may have been made by nobody but us: what lies in it is believed. */
static int open_dir(int root, int *ret, struct error *err)
{
	struct stat st;
	int fd;

	(void)mkdirat(root, "run", 0755);
	(void)mkdirat(root, STATE_DIR, 0755);
	fd = openat(root, STATE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "open /" STATE_DIR);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid()) {
		close(fd);
		return error_set(err, ERR_DENIED,
				 "/" STATE_DIR " belongs to another user: remove it");
	}
	*ret = fd;
	return 0;
}

static int write_file(int dir, const char *name, const char *text, struct error *err)
{
	cleanup(cleanup_close) int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(err, errno, "create /" STATE_DIR "/%s", name);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return error_errno(err, errno ? errno : EIO, "write /" STATE_DIR "/%s", name);
	return 0;
}

int state_write(int root, const char *name, const char *text, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	char temporary[SYSFS_PATH_SIZE];
	int r;

	r = open_dir(root, &dir, err);
	if (r < 0)
		return r;
	sysfs_path(temporary, ".%s.%d", name, (int)gettid());
	r = write_file(dir, temporary, text, err);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = error_errno(err, errno, "rename to /" STATE_DIR "/%s", name);
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r;
}

void state_remove(int root, const char *name)
{
	char path[SYSFS_PATH_SIZE];

	unlinkat(root, sysfs_path(path, STATE_DIR "/%s", name), 0);
}

uint64_t place_device(int dir)
{
	struct stat st;

	return fstat(dir, &st) < 0 ? 0 : st.st_ino;
}

static bool parse_place(const char *text, struct place *p)
{
	int at = 0;

	return sscanf(text, "%" SCNu64 " %" SCNu32 " %" SCNu32 " %n", &p->device, &p->generation,
		      &p->type_id, &at) == 3 &&
	       at && TEXT_COPY(p->profile, text + at);
}

int place_read(int root, const char *where, uint64_t device, struct place *ret, struct error *err)
{
	char name[NAME_SIZE], text[128];
	struct place p = { 0 };
	int r;

	snprintf(name, sizeof(name), "vgpu-%s", where);
	r = state_read(root, name, text, sizeof(text), err);
	if (r < 0)
		return r;
	if (!parse_place(text, &p))
		return error_set(err, ERR_INVALID, "/" STATE_DIR "/%s: '%s' is no record of a vGPU",
				 name, text);
	if (p.device != device)
		return error_set(err, ERR_NOT_FOUND,
				 "%s is not the device it was when it was given away", where);
	*ret = p;
	return 0;
}

int place_write(int root, const char *where, const struct place *p, struct error *err)
{
	char name[NAME_SIZE], text[128];

	snprintf(name, sizeof(name), "vgpu-%s", where);
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu32 " %" PRIu32 " %s\n", p->device,
		 p->generation, p->type_id, p->profile);
	return state_write(root, name, text, err);
}

void place_remove(int root, const char *where)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "vgpu-%s", where);
	state_remove(root, name);
}

int place_check(int root, const char *where, uint64_t device, uint32_t generation,
		struct error *err)
{
	struct place p;

	if (place_read(root, where, device, &p, NULL) < 0 || generation >= p.generation)
		return 0;
	return error_set(err, ERR_BUSY,
			 "%s was given to generation %" PRIu32 " meanwhile, and this request is of "
			 "generation %" PRIu32 ": it came late and is not carried out",
			 where, p.generation, generation);
}
