/* SPDX-License-Identifier: Apache-2.0 */
/* error.h - the one way a function in this program says it failed.
 *
 * A fallible function returns int: 0 is done, a negative value is -ERR_x.  Its last parameter is
 * a struct error the caller owns (or NULL when only the kind matters).  Nothing is allocated, so
 * failing can not fail.
 *
 * A caller may branch only on the kinds that the header of the callee lists; every other kind is
 * passed up unchanged.  Out parameters are untouched on failure.  Libraries return errors,
 * programs log them.  A bug is an assert, never an error kind.
 */
#pragma once

#include "base/cleanup.h"

/* kind, HTTP status, exit status of the CLI, words */
#define ERROR_KINDS(X)                                              \
	X(INVALID, 400, 2, "the request is malformed")              \
	X(NO_METHOD, 405, 2, "the path has no such method")         \
	X(TOO_LARGE, 413, 2, "the request is too large")            \
	X(DENIED, 403, 3, "not allowed")                            \
	X(NOT_FOUND, 404, 4, "no such object")                      \
	X(EXISTS, 409, 5, "already exists")                         \
	X(CONFLICT, 409, 6, "changed by someone else meanwhile")    \
	X(PRECONDITION, 412, 6, "the object is not the one named")  \
	X(NO_CAPACITY, 409, 7, "no GPU has room for it")            \
	X(QUOTA, 409, 12, "over the quota of its tenant")           \
	X(BUSY, 409, 11, "something still uses it")                 \
	X(UNAVAILABLE, 503, 8, "a host or the store does not answer") \
	X(IO, 500, 9, "a system call failed")                       \
	X(NO_MEMORY, 500, 10, "out of memory")

enum error_kind {
	ERR_NONE,
#define X(kind, http, exit, words) ERR_##kind,
	ERROR_KINDS(X)
#undef X
	ERR_COUNT,
};

enum { ERROR_TEXT_MAX = 512, ERROR_PLACE_MAX = 128 };

struct error {
	enum error_kind kind;
	char text[ERROR_TEXT_MAX];   /* innermost cause last: "create g1: write create: EBUSY" */
	char place[ERROR_PLACE_MAX]; /* JSON pointer, "line 3", "column 7"; "" when there is none */
};

/* Fill ERR (may be NULL) and return -KIND, so that "return error_set(...)" reads well. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...) printf_like(3, 4);

/* As error_set(), with the place in the input that is wrong. */
int error_at(struct error *err, enum error_kind kind, const char *place, const char *fmt, ...)
	printf_like(4, 5);

/* "FMT: strerror(ERRNUM)"; ENOENT and ENODEV become NOT_FOUND, EBUSY becomes BUSY, EEXIST EXISTS,
 * EACCES and EPERM DENIED, ENOMEM NO_MEMORY, ENOSPC, EROFS and EDQUOT UNAVAILABLE, the rest IO. */
int error_errno(struct error *err, int errnum, const char *fmt, ...) printf_like(3, 4);

/* Put "FMT: " before the text that a callee left in ERR, and return R unchanged. */
int error_context(int r, struct error *err, const char *fmt, ...) printf_like(3, 4);

/* What the table says of KIND; ERR_NONE is 200, 0 and "done". */
int error_http_status(enum error_kind kind);
int error_exit_status(enum error_kind kind);
const char *error_words(enum error_kind kind);

/* "no-capacity" and back; the name used in problem documents.  Returns ERR_NONE for an unknown. */
const char *error_name(enum error_kind kind);
enum error_kind error_from_name(const char *name);
