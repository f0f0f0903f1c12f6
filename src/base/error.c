/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

static const struct {
	int http, exit;
	const char *name, *words;
} kinds[ERR_COUNT] = {
	[ERR_NONE] = { 200, 0, "NONE", "done" },
#define X(kind, http, exit, words) [ERR_##kind] = { http, exit, #kind, words },
	ERROR_KINDS(X)
#undef X
};

/* The text may quote bytes from outside, and be cut within a character; yet it goes into JSON. */
printf_like(4, 0)
static void fill(struct error *err, enum error_kind kind, const char *place, const char *fmt,
		 va_list ap)
{
	if (!err)
		return;
	err->kind = kind;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	text_make_utf8(err->text);
	TEXT_COPY(err->place, place);
	text_make_utf8(err->place);
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, kind, "", fmt, ap);
	va_end(ap);
	return -(int)kind;
}

int error_at(struct error *err, enum error_kind kind, const char *place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, kind, place, fmt, ap);
	va_end(ap);
	return -(int)kind;
}

static enum error_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENODEV:
		return ERR_NOT_FOUND;
	case EBUSY:
		return ERR_BUSY;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case ENOSPC:
	case EROFS:
	case EDQUOT:
		return ERR_UNAVAILABLE;
	default:
		return ERR_IO;
	}
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	enum error_kind kind = kind_of_errno(errnum);
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	fill(err, kind, "", fmt, ap);
	va_end(ap);
	if (!err)
		return -(int)kind;
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(errnum));
	return -(int)kind;
}

int error_context(int r, struct error *err, const char *fmt, ...)
{
	char inner[ERROR_TEXT_MAX];
	va_list ap;
	size_t n;

	if (!err || r >= 0)
		return r;
	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	/* A long cause is cut at its end: the outer words say where to look. */
	snprintf(err->text + n, sizeof(err->text) - n, ": %.*s",
		 (int)(sizeof(err->text) - n), inner);
	text_make_utf8(err->text);
	return r;
}

static enum error_kind valid(enum error_kind kind)
{
	return (unsigned)kind < ERR_COUNT ? kind : ERR_IO;
}

int error_http_status(enum error_kind kind)
{
	return kinds[valid(kind)].http;
}

int error_exit_status(enum error_kind kind)
{
	return kinds[valid(kind)].exit;
}

const char *error_words(enum error_kind kind)
{
	return kinds[valid(kind)].words;
}

/* NO_CAPACITY is spelled no-capacity wherever a person or a program outside reads it. */
static const char *spelled(const char *constant, char *buffer, size_t size)
{
	size_t i;

	for (i = 0; constant[i] && i + 1 < size; i++)
		buffer[i] = constant[i] == '_' ? '-' : (char)tolower(constant[i]);
	buffer[i] = '\0';
	return buffer;
}

const char *error_name(enum error_kind kind)
{
	static _Thread_local char names[ERR_COUNT][16];

	return spelled(kinds[valid(kind)].name, names[valid(kind)], sizeof(names[0]));
}

enum error_kind error_from_name(const char *name)
{
	for (enum error_kind k = ERR_NONE; k < ERR_COUNT; k++)
		if (strcmp(error_name(k), name) == 0)
			return k;
	return ERR_NONE;
}
