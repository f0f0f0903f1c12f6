/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static bool grow(struct text *t, size_t more)
{
	size_t need = t->length + more + 1, room = t->room ? t->room : 64;
	char *data;

	if (t->failed)
		return false;
	if (need <= t->room)
		return true;
	while (room < need)
		room *= 2;
	data = realloc(t->data, room);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->room = room;
	return true;
}

void text_append(struct text *t, const char *bytes, size_t n)
{
	if (n == 0 || !grow(t, n))
		return;
	memcpy(t->data + t->length, bytes, n);
	t->length += n;
	t->data[t->length] = '\0';
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		t->failed = true;
	else if (grow(t, (size_t)n)) {
		vsnprintf(t->data + t->length, (size_t)n + 1, fmt, again);
		t->length += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void text_add_xml(struct text *t, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': text_add(t, "&amp;"); break;
		case '<': text_add(t, "&lt;"); break;
		case '>': text_add(t, "&gt;"); break;
		case '"': text_add(t, "&quot;"); break;
		case '\'': text_add(t, "&apos;"); break;
		case '\t': case '\n': case '\r': text_add(t, "&#%d;", *s); break;
		default: text_append(t, (unsigned char)*s < 0x20 ? "?" : s, 1);
		}
	}
}

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

char *text_take(struct text *t)
{
	char *s;

	if (t->failed || !grow(t, 0)) {
		text_done(t);
		return NULL;
	}
	t->data[t->length] = '\0';
	s = t->data;
	*t = (struct text){ 0 };
	return s;
}

bool text_copy(char *to, size_t size, const char *s)
{
	size_t n = strlen(s), kept = n < size ? n : size - 1;

	/* Back to the first byte of the character that does not fit; four bytes are the longest. */
	if (kept < n)
		for (int i = 0; i < 3 && kept > 0 && ((unsigned char)s[kept] & 0xc0) == 0x80; i++)
			kept--;
	memmove(to, s, kept);
	to[kept] = '\0';
	return kept == n;
}

/* How many bytes the well-formed UTF-8 sequence at S has, 0 when it is not one (overlong forms,
 * surrogates and code points above U+10FFFF are not: Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (s[0] < 0x80)
		return 1;
	length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < length)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

bool text_is_utf8(const char *s, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_sequence((const unsigned char *)s + i, n - i);
		if (k == 0)
			return false;
	}
	return true;
}

/* A sequence that is well-formed as far as it goes. */
static bool is_cut_off(const unsigned char *s, size_t n)
{
	unsigned char whole[4] = { 0x80, 0x80, 0x80, 0x80 };

	memcpy(whole, s, n);
	/* The second byte, when it is the one that is missing, has limits after these. */
	if (n == 1)
		whole[1] = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	return n < 4 && s[0] >= 0xc2 && utf8_sequence(whole, 4) > n;
}

void text_make_utf8(char *s)
{
	unsigned char *at = (unsigned char *)s;

	for (size_t n = strlen(s), k; n > 0; at += k, n -= k) {
		k = utf8_sequence(at, n);
		if (k == 0 && n < 4 && is_cut_off(at, n)) {
			*at = '\0';
			return;
		}
		if (k == 0) {
			*at = '?';
			k = 1;
		}
	}
}

/* Not isalnum(): which bytes are letters must not depend on the locale. */
static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int text_check_name(const char *s, const char *what, struct error *err)
{
	size_t n = strlen(s);

	if (n == 0 || n > 63)
		return error_set(err, ERR_INVALID, "%s must have 1 to 63 characters, has %zu", what,
				 n);
	if (!is_alnum(s[0]))
		return error_set(err, ERR_INVALID, "%s must begin with a letter or a digit", what);
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("._-", s[i]))
			return error_set(err, ERR_INVALID,
					 "%s may hold letters, digits, '.', '_' and '-'; "
					 "byte %zu is 0x%02x", what, i + 1, (unsigned char)s[i]);
	return 0;
}

/* FNV-1a, and a last mix because tables take the low bits. */
size_t text_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

bool text_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_to_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uintmax_t value;
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return false;
	errno = 0;
	value = strtoumax(s, &end, 10);
	if (*end || errno || value > max)
		return false;
	*ret = value;
	return true;
}

bool text_contains_nocase(const char *s, const char *part)
{
	return strcasestr(s, part) != NULL;
}
