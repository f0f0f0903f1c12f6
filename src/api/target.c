/* SPDX-License-Identifier: Apache-2.0 */
#include "api/target.h"

#include <string.h>

#include "base/text.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte of S into *RET; returns how many bytes of S it took, 0 for a bad escape. */
static size_t decode_byte(const char *s, size_t n, char *ret)
{
	int high, low;

	if (s[0] != '%') {
		*ret = s[0];
		return 1;
	}
	if (n < 3)
		return 0;
	high = hex_value(s[1]);
	low = hex_value(s[2]);
	if (high < 0 || low < 0)
		return 0;
	*ret = (char)(high * 16 + low);
	return 3;
}

static int wrong(const char *place, struct error *err, const char *what)
{
	return error_at(err, ERR_INVALID, place, "the %s of the request %s", place, what);
}

static int check_byte(char c, const char *place, struct error *err)
{
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return wrong(place, err, "has a control character");
	/* A slash that was escaped would become a border between segments for whoever decodes
	 * twice. */
	if (c == '/' && strcmp(place, "path") == 0)
		return wrong(place, err, "has an escaped slash: no name has one");
	return 0;
}

/* Decodes N bytes at S to the end of T's text, as one string at *RET. */
static int decode(struct target *t, const char *s, size_t n, const char *place, const char **ret,
		  struct error *err)
{
	char *out = t->text + t->used;
	size_t length = 0;
	int r;

	for (size_t i = 0, took; i < n; i += took) {
		char c = '\0';

		took = decode_byte(s + i, n - i, &c);
		if (took == 0)
			return wrong(place, err, "has a % that two hex digits do not follow");
		if (s[i] == '+' && strcmp(place, "query") == 0)
			c = ' ';
		r = check_byte(c, place, err);
		if (r < 0)
			return r;
		out[length++] = c;
	}
	out[length] = '\0';
	if (!text_is_utf8(out, length))
		return wrong(place, err, "is not UTF-8");
	t->used += length + 1;
	*ret = out;
	return 0;
}

static int parse_path(struct target *t, const char *raw, size_t n, struct error *err)
{
	if (n == 0 || raw[0] != '/')
		return wrong("path", err, "does not begin with a slash");
	for (size_t i = 1; i <= n;) {
		size_t length = strcspn(raw + i, "/?");
		int r;

		if (length == 0)
			return wrong("path", err, "has an empty segment");
		if (t->segments_n == TARGET_SEGMENTS_MAX)
			return error_at(err, ERR_NOT_FOUND, "path",
					"no path has that many segments");
		r = decode(t, raw + i, length, "path", &t->segments[t->segments_n], err);
		if (r < 0)
			return r;
		t->segments_n++;
		i += length + 1;
	}
	return 0;
}

static int add_pair(struct target *t, const char *raw, size_t n, struct error *err)
{
	const char *equals = memchr(raw, '=', n);
	size_t name_n = equals ? (size_t)(equals - raw) : n;
	const char *name, *value = "";
	int r;

	if (name_n == 0)
		return wrong("query", err, "has a value without a name");
	if (t->query_n == TARGET_QUERY_MAX)
		return wrong("query", err, "has too many parameters");
	r = decode(t, raw, name_n, "query", &name, err);
	if (r == 0 && equals)
		r = decode(t, equals + 1, n - name_n - 1, "query", &value, err);
	if (r < 0)
		return r;
	if (target_query(t, name))
		return error_at(err, ERR_INVALID, "query", "the query gives %.40s twice", name);
	t->query[t->query_n++] = (struct target_query){ name, value };
	return 0;
}

static int parse_query(struct target *t, const char *raw, struct error *err)
{
	int r = 0;

	while (*raw && r == 0) {
		size_t n = strcspn(raw, "&");

		if (n)
			r = add_pair(t, raw, n, err);
		raw += n + (raw[n] == '&');
	}
	return r;
}

int target_parse(const char *raw, struct target *ret, struct error *err)
{
	size_t path_n = strcspn(raw, "?");
	int r;

	ret->segments_n = ret->query_n = ret->used = 0;
	/* No string grows by decoding, and the border behind it pays for its NUL. */
	if (strlen(raw) >= TARGET_SIZE - TARGET_QUERY_MAX)
		return error_at(err, ERR_TOO_LARGE, "path",
				"the path and query have %zu bytes, at most %d are taken",
				strlen(raw), TARGET_SIZE - TARGET_QUERY_MAX - 1);
	r = parse_path(ret, raw, path_n, err);
	if (r == 0 && raw[path_n] == '?')
		r = parse_query(ret, raw + path_n + 1, err);
	return r;
}

const char *target_query(const struct target *t, const char *name)
{
	for (size_t i = 0; i < t->query_n; i++)
		if (strcmp(t->query[i].name, name) == 0)
			return t->query[i].value;
	return NULL;
}
