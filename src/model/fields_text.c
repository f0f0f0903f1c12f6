/* SPDX-License-Identifier: Apache-2.0 */
/* Structs straight to JSON text.  fields_write() makes a tree of small allocations first, which is
 * what an answer that somebody adds to needs; the store and the agents need the text alone, and for
 * them the tree was a third of the time that a claim took. */
#include <string.h>

#include "model/fields.h"

/* Most pieces are a few bytes and there is room for them. */
static inline void put(struct text *t, const char *bytes, size_t n)
{
	if (t->length + n >= t->room || t->failed) {
		text_append(t, bytes, n);
		return;
	}
	memcpy(t->data + t->length, bytes, n);
	t->length += n;
}

#define ADD(t, literal) put((t), (literal), sizeof(literal) - 1)

static const void *at(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

static size_t count_of(const struct field *f, const void *base)
{
	return *(const size_t *)at(base, f->count_offset);
}

static void add_number(struct text *t, int64_t v)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (v < 0)
		*--p = '-';
	put(t, p, (size_t)(digits + sizeof(digits) - p));
}

static void add_escaped(struct text *t, unsigned char c)
{
	static const char short_ones[][2] = { { '\b', 'b' }, { '\f', 'f' }, { '\n', 'n' },
					      { '\r', 'r' }, { '\t', 't' }, { '"', '"' },
					      { '\\', '\\' } };

	for (size_t i = 0; i < sizeof(short_ones) / sizeof(short_ones[0]); i++) {
		if (c != (unsigned char)short_ones[i][0])
			continue;
		ADD(t, "\\");
		put(t, &short_ones[i][1], 1);
		return;
	}
	text_add(t, "\\u%04X", c);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void add_escapes(struct text *t, const char *s)
{
	while (*s) {
		size_t n = 0;

		while (is_plain((unsigned char)s[n]))
			n++;
		put(t, s, n);
		s += n;
		if (*s)
			add_escaped(t, (unsigned char)*s++);
	}
}

/* What a host's files and drivers say need not be UTF-8, and JSON takes nothing else. */
static void add_foreign(struct text *t, const char *s)
{
	char *copy;

	if (text_is_utf8(s, strlen(s))) {
		add_escapes(t, s);
		return;
	}
	copy = strdup(s);
	if (!copy) {
		t->failed = true;
		return;
	}
	text_make_utf8(copy);
	add_escapes(t, copy);
	free(copy);
}

/* How far S goes in ASCII that needs no escape. */
static size_t plain_ascii(const char *s)
{
	size_t n = 0;

	while (is_plain((unsigned char)s[n]) && (unsigned char)s[n] < 0x80)
		n++;
	return n;
}

static void add_string(struct text *t, const char *s)
{
	size_t n = s ? plain_ascii(s) : 0;

	ADD(t, "\"");
	if (n)
		put(t, s, n);
	if (s && s[n])
		add_foreign(t, s + n);
	ADD(t, "\"");
}

static void add_list(struct text *t, const struct field *f, const void *base)
{
	const char *rows = *(char *const *)at(base, f->offset);
	size_t n = count_of(f, base);

	ADD(t, "[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			ADD(t, ",");
		if (f->kind == FIELD_LIST)
			fields_add_text(f->sub, rows + i * f->size, t);
		else
			add_string(t, ((char *const *)(const void *)rows)[i]);
	}
	ADD(t, "]");
}

static void add_field(struct text *t, const struct field *f, const void *base)
{
	const void *slot = at(base, f->offset);

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		add_string(t, slot);
		break;
	case FIELD_TEXT:
		add_string(t, *(char *const *)slot);
		break;
	case FIELD_U32:
		add_number(t, *(const uint32_t *)slot);
		break;
	case FIELD_U64:
	case FIELD_I64:
		add_number(t, *(const int64_t *)slot);
		break;
	case FIELD_BOOL:
		if (*(const bool *)slot)
			ADD(t, "true");
		else
			ADD(t, "false");
		break;
	case FIELD_ENUM:
		add_string(t, names_word(f->names, *(const int *)slot));
		break;
	case FIELD_LIST:
	case FIELD_STRINGS:
		add_list(t, f, base);
		break;
	case FIELD_OBJECT:
		fields_add_text(f->sub, slot, t);
		break;
	}
}

void fields_add_text(const struct fields *f, const void *source, struct text *t)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *name = f->rows[i].name;

		if (i > 0)
			ADD(t, ",\"");
		else
			ADD(t, "{\"");
		put(t, name, strlen(name));
		ADD(t, "\":");
		add_field(t, &f->rows[i], source);
	}
	if (f->n == 0)
		ADD(t, "{");
	text_append(t, "}", 1); /* and a NUL behind it */
}

char *fields_text(const struct fields *f, const void *source)
{
	struct text t = { .room = 1024 };

	/* The objects of a claim have 300 to 700 bytes. */
	t.data = malloc(t.room);
	t.failed = !t.data;
	fields_add_text(f, source, &t);
	return text_take(&t);
}
