/* SPDX-License-Identifier: Apache-2.0 */
#include "power_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

struct image {
	unsigned char *data;
	size_t n;
	int exists;
};

static struct image image_read(const char *file)
{
	struct image im = { 0 };
	FILE *f = fopen(file, "re");

	if (!f)
		return im;
	fseek(f, 0, SEEK_END);
	im.n = (size_t)ftell(f);
	rewind(f);
	im.data = malloc(im.n + 1);
	im.exists = fread(im.data, 1, im.n, f) == im.n;
	fclose(f);
	return im;
}

static void image_write(const char *file, const struct image *im)
{
	char temporary[4096];
	FILE *f;

	if (snprintf(temporary, sizeof(temporary), "%s.new", file) >= (int)sizeof(temporary))
		abort();
	f = fopen(temporary, "we");
	if (!f || (im->n && fwrite(im->data, 1, im->n, f) != im->n) || fclose(f) != 0 ||
	    rename(temporary, file) != 0)
		abort();
}

static const char *durable_name(const char *file, char *buffer, size_t size)
{
	if (snprintf(buffer, size, "%s.durable", file) >= (int)size)
		abort();
	return buffer;
}

static void make_durable(const char *file)
{
	char durable[4096];
	struct image im = image_read(file);

	durable_name(file, durable, sizeof(durable));
	if (im.exists)
		image_write(durable, &im);
	else
		unlink(durable);
	free(im.data);
}

/* ---- the VFS: SQLite's own, with a look at every write and sync ---- */

struct power_file {
	sqlite3_file base;
	const char *name; /* NULL for temporary files */
	sqlite3_file *real;
};

static long operations, fatal_operation;

static void count_operation(void)
{
	if (++operations == fatal_operation)
		kill(getpid(), SIGKILL);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct power_file *)f)->real;
}

static int power_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int power_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), data, n, at);
}

static int power_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	count_operation();
	return real_of(f)->pMethods->xWrite(real_of(f), data, n, at);
}

static int power_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	count_operation();
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int power_sync(sqlite3_file *f, int flags)
{
	struct power_file *p = (struct power_file *)f;

	count_operation();
	if (p->name)
		make_durable(p->name);
	return p->real->pMethods->xSync(p->real, flags);
}

static int power_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int power_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int power_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int power_reserved(sqlite3_file *f, int *reserved)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), reserved);
}

static int power_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int power_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int power_device(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods power_methods = {
	.iVersion = 1,
	.xClose = power_close,
	.xRead = power_read,
	.xWrite = power_write,
	.xTruncate = power_truncate,
	.xSync = power_sync,
	.xFileSize = power_size,
	.xLock = power_lock,
	.xUnlock = power_unlock,
	.xCheckReservedLock = power_reserved,
	.xFileControl = power_control,
	.xSectorSize = power_sector,
	.xDeviceCharacteristics = power_device,
};

static sqlite3_vfs *system_vfs, power_vfs;

static int power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct power_file *p = (struct power_file *)f;
	int rc;

	(void)vfs;
	p->real = (sqlite3_file *)(p + 1);
	p->name = name;
	rc = system_vfs->xOpen(system_vfs, name, p->real, flags, out);
	p->base.pMethods = p->real->pMethods ? &power_methods : NULL;
	return rc;
}

void power_vfs_install(long die_at)
{
	fatal_operation = die_at;
	system_vfs = sqlite3_vfs_find(NULL);
	power_vfs = *system_vfs;
	power_vfs.zName = "power";
	power_vfs.szOsFile = (int)sizeof(struct power_file) + system_vfs->szOsFile;
	power_vfs.xOpen = power_open;
	sqlite3_vfs_register(&power_vfs, 1);
}

/* ---- the cut ---- */

static void each_file(const char *path, void (*fn)(const char *file, uint64_t *luck),
		      uint64_t *luck)
{
	static const char *const ends[] = { "", "-wal", "-journal" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		fn(file, luck);
	}
}

static void begin_file(const char *file, uint64_t *luck)
{
	(void)luck;
	make_durable(file);
}

static void mix(struct image *lasting, const struct image *written, uint64_t *luck)
{
	size_t n = written->n < lasting->n ? written->n : lasting->n;

	for (size_t at = 0; at < n; at += SECTOR) {
		size_t length = n - at < SECTOR ? n - at : SECTOR;

		*luck = *luck * 6364136223846793005u + 1442695040888963407u;
		if (*luck >> 63)
			memcpy(lasting->data + at, written->data + at, length);
	}
}

static void cut_file(const char *file, uint64_t *luck)
{
	char durable[4096];
	struct image lasting = image_read(durable_name(file, durable, sizeof(durable)));
	struct image written = image_read(file);

	/* A file that was made and never synced is there and empty: its neighbour's first sync
	 * syncs the folder. */
	if (lasting.exists)
		mix(&lasting, &written, luck);
	if (written.exists)
		image_write(file, &lasting);
	unlink(durable);
	free(lasting.data);
	free(written.data);
}

void power_begin(const char *path)
{
	each_file(path, begin_file, NULL);
}

void power_cut(const char *path, uint64_t *luck)
{
	each_file(path, cut_file, luck);
}
