/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs.h - small reads and writes below an open directory.
 *
 * DIR is a descriptor, never a path: the same call reads the real /sys and a folder of a test.
 * Each size is bounded, and every error names the file.  A device may leave between two calls, so
 * NOT_FOUND is an answer that callers expect.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum {
	SYSFS_TEXT_SIZE = 16384, /* more than a page: 128 vGPU types of 60 bytes fit */
	SYSFS_LIST_MAX = 65536,  /* entries of one directory */
	SYSFS_PATH_SIZE = 512,
};

/* Opens the directory PATH; the caller closes *RET.
 *   NOT_FOUND */
must_check int sysfs_open(int dir, const char *path, int *ret, struct error *err);

/* The whole file without its trailing newlines, always terminated.
 *   NOT_FOUND  also when the driver says ENXIO: nothing to read now
 *   TOO_LARGE  it does not fit into SIZE
 *   INVALID    it holds a NUL byte */
must_check int sysfs_read(int dir, const char *path, char *ret, size_t size, struct error *err);

/* One number in decimal, or in hex with or without 0x; whole file.
 *   NOT_FOUND, INVALID */
must_check int sysfs_read_u64(int dir, const char *path, uint64_t *ret, struct error *err);
must_check int sysfs_read_hex(int dir, const char *path, uint64_t *ret, struct error *err);

/* The number in the file, or FALLBACK when there is none to be had. */
uint64_t sysfs_u64_or(int dir, const char *path, uint64_t fallback);
int64_t sysfs_i64_or(int dir, const char *path, int64_t fallback);

/* Last component of what the link PATH points to ("nvidia" of driver); false when it is no link or
 * the name does not fit. */
bool sysfs_link(int dir, const char *path, char *ret, size_t size);

bool sysfs_exists(int dir, const char *path);

/* One write(2) of TEXT into an existing file.  The driver's errno goes to *ERRNUM (may be NULL; 0
 * when done), because drivers tell reasons by it.  Kinds as error_errno(). */
must_check int sysfs_write(int dir, const char *path, const char *text, int *errnum,
			   struct error *err);

/* Names in a directory, sorted, without those that begin with a dot. */
struct sysfs_list {
	char **names;
	size_t n;
};

/* Fills *RET (which is zeroed by the caller) with the names in PATH; sysfs_list_done() frees.
 *   NOT_FOUND, TOO_LARGE */
must_check int sysfs_list(int dir, const char *path, struct sysfs_list *ret, struct error *err);
void sysfs_list_done(struct sysfs_list *list);

/* A path of several parts; one that does not fit becomes "", which no file has. */
const char *sysfs_path(char buffer[SYSFS_PATH_SIZE], const char *fmt, ...) printf_like(2, 3);

/* Whether NAME may be one component of a path: not empty, no '/', not "." or "..". */
bool sysfs_name_is_safe(const char *name);
