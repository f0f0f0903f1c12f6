/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from fields_text(): text that has every field, in the order of the table, without
 * blanks or escapes, is read without a tree in between.  That is how all but a few objects lie in
 * the store, and reading them is what a start of facetd is made of.  Whatever looks different is
 * left to json_parse() and fields_read(), which also say what is wrong with it; so nothing is taken
 * here that they would refuse. */
#include <string.h>

#include "model/fields.h"

struct cursor {
	const char *at; /* ends with NUL */
};

static void *slot_of(const struct field *f, void *base)
{
	return (char *)base + f->offset;
}

static bool eat(struct cursor *c, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(c->at, literal, n) != 0)
		return false;
	c->at += n;
	return true;
}

/* The bytes between quotes. */
static const char *take_string(struct cursor *c, size_t *n)
{
	const char *start = c->at + 1;
	unsigned char all = 0;
	size_t i = 0;

	if (*c->at != '"')
		return NULL;
	for (; start[i] != '"'; all |= (unsigned char)start[i++])
		if ((unsigned char)start[i] < 0x20 || start[i] == '\\' || start[i] == 0x7f)
			return NULL;
	if (all >= 0x80 && !text_is_utf8(start, i))
		return NULL;
	c->at = start + i + 1;
	*n = i;
	return start;
}

static bool read_array(struct cursor *c, const struct field *f, char *slot)
{
	size_t n;
	const char *s = take_string(c, &n);

	if (!s || n >= f->size)
		return false;
	memcpy(slot, s, n);
	slot[n] = '\0';
	return f->kind != FIELD_NAME || n == 0 || text_check_name(slot, f->name, NULL) == 0;
}

static bool read_heap(struct cursor *c, char **slot)
{
	size_t n;
	const char *s = take_string(c, &n);

	if (!s || n > TEXT_FIELD_MAX)
		return false;
	*slot = strndup(s, n);
	return *slot != NULL;
}

/* At most 18 digits, so that nothing overflows. */
static bool take_number(struct cursor *c, int64_t *ret)
{
	bool minus = eat(c, "-");
	const char *start = c->at;
	int64_t v = 0;

	for (; *c->at >= '0' && *c->at <= '9' && c->at - start < 18; c->at++)
		v = v * 10 + (*c->at - '0');
	*ret = minus ? -v : v;
	return c->at > start && (*start != '0' || (c->at == start + 1 && !minus));
}

static bool read_number(struct cursor *c, const struct field *f, void *slot)
{
	uint64_t max = f->max ? f->max : f->kind == FIELD_U32 ? UINT32_MAX : INT64_MAX;
	int64_t v;

	if (!take_number(c, &v))
		return false;
	if (f->kind != FIELD_I64 && v != 0 && (v < 0 || (uint64_t)v < f->min || (uint64_t)v > max))
		return false;
	if (f->kind == FIELD_U32)
		*(uint32_t *)slot = (uint32_t)v;
	else
		*(int64_t *)slot = v;
	return true;
}

static bool read_word(struct cursor *c, const struct field *f, int *slot)
{
	size_t n;
	const char *s = take_string(c, &n);

	for (size_t i = 0; s && i < f->names->n; i++)
		if (strncmp(f->names->words[i], s, n) == 0 && f->names->words[i][n] == '\0') {
			*slot = (int)i;
			return true;
		}
	return false;
}

static bool read_struct(struct cursor *c, const struct fields *f, void *target);

/* Makes room for one more row at *ROWS, zeroed.  Rooms double. */
static bool add_row(char **rows, size_t n, size_t size)
{
	char *more;

	if ((n & (n - 1)) == 0) { /* 0 and the powers of two */
		more = reallocarray(*rows, n ? n * 2 : 1, size);
		if (!more)
			return false;
		*rows = more;
	}
	memset(*rows + n * size, 0, size);
	return true;
}

static bool read_rows(struct cursor *c, const struct field *f, void *base)
{
	char **rows = slot_of(f, base);
	size_t *n = (size_t *)(void *)((char *)base + f->count_offset);
	size_t size = f->kind == FIELD_LIST ? f->size : sizeof(char *);

	if (!eat(c, "["))
		return false;
	if (eat(c, "]"))
		return true;
	do {
		if ((f->max && *n == f->max) || !add_row(rows, *n, size))
			return false;
		(*n)++;
		if (f->kind == FIELD_LIST ? !read_struct(c, f->sub, *rows + (*n - 1) * size)
					  : !read_heap(c, &((char **)(void *)*rows)[*n - 1]))
			return false;
	} while (eat(c, ","));
	return eat(c, "]");
}

static bool read_bool(struct cursor *c, bool *slot)
{
	*slot = eat(c, "true");
	return *slot || eat(c, "false");
}

static bool read_field(struct cursor *c, const struct field *f, void *base)
{
	void *slot = slot_of(f, base);

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		return read_array(c, f, slot);
	case FIELD_TEXT:
		return read_heap(c, slot);
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_I64:
		return read_number(c, f, slot);
	case FIELD_BOOL:
		return read_bool(c, slot);
	case FIELD_ENUM:
		return read_word(c, f, slot);
	case FIELD_LIST:
	case FIELD_STRINGS:
		return read_rows(c, f, base);
	case FIELD_OBJECT:
		return read_struct(c, f->sub, slot);
	}
	return false;
}

static bool read_struct(struct cursor *c, const struct fields *f, void *target)
{
	if (!eat(c, "{"))
		return false;
	for (size_t i = 0; i < f->n; i++)
		if ((i > 0 && !eat(c, ",")) || !eat(c, "\"") || !eat(c, f->rows[i].name) ||
		    !eat(c, "\":") || !read_field(c, &f->rows[i], target))
			return false;
	return eat(c, "}");
}

bool fields_read_text(const struct fields *f, const char *text, void *target)
{
	struct cursor c = { text };

	if (read_struct(&c, f, target) && *c.at == '\0')
		return true;
	fields_done(f, target);
	return false;
}
