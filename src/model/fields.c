/* SPDX-License-Identifier: Apache-2.0 */
/* One walker per direction over the same rows.  Reading fills a scratch copy first and moves it
 * over the target at the end, so that a wrong ninth field does not leave eight new ones behind. */
#include "model/fields.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *names_word(const struct names *names, int value)
{
	return value >= 0 && (size_t)value < names->n ? names->words[value] : "?";
}

bool names_value(const struct names *names, const char *word, int *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->words[i], word) == 0) {
			*ret = (int)i;
			return true;
		}
	}
	return false;
}

static void *at(const void *base, size_t offset)
{
	return (char *)(uintptr_t)base + offset;
}

static size_t *count_of(const struct field *f, const void *base)
{
	return at(base, f->count_offset);
}

/* ---- freeing and copying ---- */

static void done_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void done_field(const struct field *f, void *base)
{
	void *slot = at(base, f->offset);

	switch (f->kind) {
	case FIELD_TEXT:
		free(*(char **)slot);
		break;
	case FIELD_STRINGS:
		done_strings(*(char ***)slot, *count_of(f, base));
		break;
	case FIELD_LIST:
		for (size_t i = 0; i < *count_of(f, base); i++)
			fields_done(f->sub, *(char **)slot + i * f->size);
		free(*(void **)slot);
		break;
	case FIELD_OBJECT:
		fields_done(f->sub, slot);
		break;
	default:
		break;
	}
}

void fields_done(const struct fields *f, void *target)
{
	for (size_t i = 0; i < f->n; i++)
		done_field(&f->rows[i], target);
	memset(target, 0, f->size);
}

static int copy_into(const struct fields *f, const void *source, void *target);

static int copy_strings(const struct field *f, const void *source, void *target)
{
	char **from = *(char ***)at(source, f->offset), **to;
	size_t n = *count_of(f, source);

	*(char ***)at(target, f->offset) = to = n ? calloc(n, sizeof(*to)) : NULL;
	*count_of(f, target) = to ? n : 0;
	if (n && !to)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!(to[i] = strdup(from[i])))
			return -1;
	return 0;
}

static int copy_list(const struct field *f, const void *source, void *target)
{
	size_t n = *count_of(f, source);
	char *from = *(char **)at(source, f->offset), *to;

	*(char **)at(target, f->offset) = to = n ? calloc(n, f->size) : NULL;
	*count_of(f, target) = to ? n : 0;
	if (n && !to)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (copy_into(f->sub, from + i * f->size, to + i * f->size) < 0)
			return -1;
	return 0;
}

static int copy_field(const struct field *f, const void *source, void *target)
{
	const char *text;

	switch (f->kind) {
	case FIELD_TEXT:
		text = *(char *const *)at(source, f->offset);
		if (text)
			*(char **)at(target, f->offset) = strdup(text);
		return text && !*(char **)at(target, f->offset) ? -1 : 0;
	case FIELD_STRINGS:
		return copy_strings(f, source, target);
	case FIELD_LIST:
		return copy_list(f, source, target);
	case FIELD_OBJECT:
		return copy_into(f->sub, at(source, f->offset), at(target, f->offset));
	default:
		return 0;
	}
}

/* Drops every pointer that came over with the bytes, also those of embedded structs, without
 * freeing: they are the source's.  After a failure half way the copy then frees cleanly. */
static void forget_heap(const struct fields *f, void *target)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct field *row = &f->rows[i];

		if (row->kind == FIELD_OBJECT)
			forget_heap(row->sub, at(target, row->offset));
		if (row->kind == FIELD_TEXT || row->kind == FIELD_STRINGS ||
		    row->kind == FIELD_LIST)
			*(void **)at(target, row->offset) = NULL;
		if (row->kind == FIELD_STRINGS || row->kind == FIELD_LIST)
			*count_of(row, target) = 0;
	}
}

static int copy_into(const struct fields *f, const void *source, void *target)
{
	int r = 0;

	memcpy(target, source, f->size);
	forget_heap(f, target);
	for (size_t i = 0; i < f->n && r == 0; i++)
		r = copy_field(&f->rows[i], source, target);
	return r;
}

int fields_copy(const struct fields *f, const void *source, void *target, struct error *err)
{
	void *scratch = calloc(1, f->size);

	if (!scratch || copy_into(f, source, scratch) < 0) {
		if (scratch)
			fields_done(f, scratch);
		free(scratch);
		return error_set(err, ERR_NO_MEMORY, "copy of a %s", f->noun);
	}
	fields_done(f, target);
	memcpy(target, scratch, f->size);
	free(scratch);
	return 0;
}

/* ---- comparing ---- */

static bool equal_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool equal_rows(const struct field *f, const void *a, const void *b)
{
	size_t n = *count_of(f, a);
	char *x = *(char **)at(a, f->offset), *y = *(char **)at(b, f->offset);

	if (n != *count_of(f, b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (f->kind == FIELD_LIST ? !fields_equal(f->sub, x + i * f->size, y + i * f->size)
					  : !equal_text(((char **)x)[i], ((char **)y)[i]))
			return false;
	return true;
}

static bool equal_field(const struct field *f, const void *a, const void *b)
{
	const void *x = at(a, f->offset), *y = at(b, f->offset);

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		return strcmp(x, y) == 0;
	case FIELD_TEXT:
		return equal_text(*(char *const *)x, *(char *const *)y);
	case FIELD_LIST:
	case FIELD_STRINGS:
		return equal_rows(f, a, b);
	case FIELD_OBJECT:
		return fields_equal(f->sub, x, y);
	default:
		return memcmp(x, y, f->size) == 0;
	}
}

bool fields_equal(const struct fields *f, const void *a, const void *b)
{
	for (size_t i = 0; i < f->n; i++)
		if (!equal_field(&f->rows[i], a, b))
			return false;
	return true;
}

/* ---- writing ---- */

/* What a host's files and drivers say need not be UTF-8, and JSON takes nothing else. */
static json_t *write_text(const char *s)
{
	json_t *j = json_string(s ? s : "");
	char *copy;

	if (j || !s)
		return j;
	copy = strdup(s);
	if (!copy)
		return NULL;
	text_make_utf8(copy);
	j = json_string(copy);
	free(copy);
	return j;
}

/* Appends J, which is used up; returns ARRAY, or NULL, with ARRAY gone, when memory ran out. */
static json_t *append(json_t *array, json_t *j)
{
	if (json_array_append_new(array, j) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *write_strings(const struct field *f, const void *base)
{
	char **list = *(char ***)at(base, f->offset);
	json_t *array = json_array();

	for (size_t i = 0; array && i < *count_of(f, base); i++)
		array = append(array, write_text(list[i]));
	return array;
}

static json_t *write_list(const struct field *f, const void *base)
{
	const char *rows = *(char **)at(base, f->offset);
	json_t *array = json_array();

	for (size_t i = 0; array && i < *count_of(f, base); i++)
		array = append(array, fields_write(f->sub, rows + i * f->size));
	return array;
}

static json_t *write_field(const struct field *f, const void *base)
{
	const void *slot = at(base, f->offset);

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		return write_text(slot);
	case FIELD_TEXT:
		return write_text(*(char *const *)slot);
	case FIELD_U32:
		return json_integer(*(const uint32_t *)slot);
	case FIELD_U64:
	case FIELD_I64:
		return json_integer((json_int_t) * (const int64_t *)slot);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)slot);
	case FIELD_ENUM:
		return json_string(names_word(f->names, *(const int *)slot));
	case FIELD_LIST:
		return write_list(f, base);
	case FIELD_STRINGS:
		return write_strings(f, base);
	case FIELD_OBJECT:
		return fields_write(f->sub, slot);
	}
	return NULL;
}

json_t *fields_write(const struct fields *f, const void *source)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < f->n; i++) {
		if (json_object_set_new_nocheck(object, f->rows[i].name,
						write_field(&f->rows[i], source)) == 0)
			continue;
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* ---- reading ---- */

struct place {
	char text[ERROR_PLACE_MAX];
};

/* A JSON pointer (RFC 6901) one step down: '~' and '/' within a name are written ~0 and ~1. */
static struct place below(const struct place *up, const char *name)
{
	struct place p;
	size_t n;

	snprintf(p.text, sizeof(p.text), "%.*s/", (int)sizeof(p.text) - 64, up->text);
	n = strlen(p.text);
	for (; *name && n + 3 < sizeof(p.text); name++) {
		if (*name == '~' || *name == '/')
			p.text[n++] = '~';
		p.text[n++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
	}
	p.text[n] = '\0';
	return p;
}

static int wrong_type(const struct place *p, const char *wanted, struct error *err)
{
	return error_at(err, ERR_INVALID, p->text, "%s must be %s",
			p->text[0] ? p->text : "the body", wanted);
}

static int check_string(const json_t *j, size_t max, const struct place *p, struct error *err)
{
	const char *s = json_string_value(j);
	size_t n;

	if (!s)
		return wrong_type(p, "a string", err);
	n = json_string_length(j);
	if (n > max)
		return error_at(err, ERR_INVALID, p->text,
				"%s has %zu bytes, at most %zu are taken", p->text, n, max);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return error_at(err, ERR_INVALID, p->text,
					"%s has a control character at byte %zu", p->text, i + 1);
	return 0;
}

static int read_string(const struct field *f, const json_t *j, enum fields_source source,
		       char *slot, const struct place *p, struct error *err)
{
	int r = check_string(j, f->size - 1, p, err);

	if (r < 0)
		return r;
	if (f->kind == FIELD_NAME && !(source == FIELDS_TRUSTED && json_string_length(j) == 0)) {
		r = text_check_name(json_string_value(j), p->text, err);
		if (r < 0 && err)
			TEXT_COPY(err->place, p->text);
	}
	if (r == 0)
		text_copy(slot, f->size, json_string_value(j));
	return r;
}

static int read_text(const json_t *j, char **slot, const struct place *p, struct error *err)
{
	int r = check_string(j, TEXT_FIELD_MAX, p, err);
	char *copy;

	if (r < 0)
		return r;
	copy = strdup(json_string_value(j));
	if (!copy)
		return error_set(err, ERR_NO_MEMORY, "%s", p->text);
	free(*slot);
	*slot = copy;
	return 0;
}

static uint64_t max_of(const struct field *f)
{
	return f->max ? f->max : f->kind == FIELD_U32 ? UINT32_MAX : INT64_MAX;
}

static int read_number(const struct field *f, const json_t *j, enum fields_source source,
		       void *slot, const struct place *p, struct error *err)
{
	json_int_t v = json_integer_value(j);
	uint64_t max = max_of(f);
	bool unset = source == FIELDS_TRUSTED && v == 0;

	if (!json_is_integer(j))
		return wrong_type(p, "a whole number", err);
	if (f->kind != FIELD_I64 && !unset && (v < 0 || (uint64_t)v < f->min || (uint64_t)v > max))
		return error_at(err, ERR_INVALID, p->text, "%s must be %ju to %ju, is %jd", p->text,
				(uintmax_t)f->min, (uintmax_t)max, (intmax_t)v);
	if (f->kind == FIELD_U32)
		*(uint32_t *)slot = (uint32_t)v;
	else
		*(int64_t *)slot = (int64_t)v;
	return 0;
}

static int read_enum(const struct field *f, const json_t *j, int *slot, const struct place *p,
		     struct error *err)
{
	const char *word = json_string_value(j);
	struct text known = { 0 };
	int r;

	if (word && names_value(f->names, word, slot))
		return 0;
	for (size_t i = 0; i < f->names->n; i++)
		text_add(&known, "%s%s", i ? ", " : "", f->names->words[i]);
	r = error_at(err, ERR_INVALID, p->text, "%s must be one of %s", p->text,
		     known.data ? known.data : "");
	text_done(&known);
	return r;
}

static int read_strings(const struct field *f, const json_t *j, void *base, const struct place *p,
			struct error *err)
{
	size_t n = json_array_size(j);
	char **list;
	int r = 0;

	list = n ? calloc(n, sizeof(*list)) : NULL;
	if (n && !list)
		return error_set(err, ERR_NO_MEMORY, "%s", p->text);
	for (size_t i = 0; i < n && r == 0; i++) {
		char index[24];
		struct place q;

		snprintf(index, sizeof(index), "%zu", i);
		q = below(p, index);
		r = read_text(json_array_get(j, i), &list[i], &q, err);
	}
	if (r < 0) {
		done_strings(list, n);
		return r;
	}
	done_strings(*(char ***)at(base, f->offset), *count_of(f, base));
	*(char ***)at(base, f->offset) = list;
	*count_of(f, base) = n;
	return 0;
}

static int read_object(const struct fields *f, const json_t *j, enum fields_source source,
		       void *target, const struct place *p, struct error *err);

static int read_list(const struct field *f, const json_t *j, enum fields_source source, void *base,
		     const struct place *p, struct error *err)
{
	size_t n = json_array_size(j);
	char *rows = n ? calloc(n, f->size) : NULL;
	/* A new row is always a creation: its required fields must be there. */
	enum fields_source rows_source = source == FIELDS_UPDATE ? FIELDS_CREATE : source;
	int r = 0;

	if (n && !rows)
		return error_set(err, ERR_NO_MEMORY, "%s", p->text);
	for (size_t i = 0; i < n && r == 0; i++) {
		char index[24];
		struct place q;

		snprintf(index, sizeof(index), "%zu", i);
		q = below(p, index);
		r = read_object(f->sub, json_array_get(j, i), rows_source, rows + i * f->size, &q,
				err);
	}
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			fields_done(f->sub, rows + i * f->size);
		free(rows);
		return r;
	}
	done_field(f, base);
	*(char **)at(base, f->offset) = rows;
	*count_of(f, base) = n;
	return 0;
}

static int read_array(const struct field *f, const json_t *j, enum fields_source source, void *base,
		      const struct place *p, struct error *err)
{
	if (!json_is_array(j))
		return wrong_type(p, "a list", err);
	if (f->max && json_array_size(j) > f->max)
		return error_at(err, ERR_INVALID, p->text, "%s has %zu rows, at most %ju are taken",
				p->text, json_array_size(j), (uintmax_t)f->max);
	return f->kind == FIELD_LIST ? read_list(f, j, source, base, p, err)
				     : read_strings(f, j, base, p, err);
}

static int read_field(const struct field *f, const json_t *j, enum fields_source source, void *base,
		      const struct place *p, struct error *err)
{
	void *slot = at(base, f->offset);

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		return read_string(f, j, source, slot, p, err);
	case FIELD_TEXT:
		return read_text(j, slot, p, err);
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_I64:
		return read_number(f, j, source, slot, p, err);
	case FIELD_BOOL:
		if (!json_is_boolean(j))
			return wrong_type(p, "true or false", err);
		*(bool *)slot = json_is_true(j);
		return 0;
	case FIELD_ENUM:
		return read_enum(f, j, slot, p, err);
	case FIELD_LIST:
	case FIELD_STRINGS:
		return read_array(f, j, source, base, p, err);
	case FIELD_OBJECT:
		return read_object(f->sub, j, source, slot, p, err);
	}
	return 0;
}

static const struct field *field_named(const struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->rows[i].name, name) == 0)
			return &f->rows[i];
	return NULL;
}

/* A client may send back what it was given: get, edit one field, send. */
static bool is_as_it_was(const struct field *f, const json_t *j, const void *base)
{
	json_t *now = write_field(f, base);
	bool same = now && json_equal(now, j);

	json_decref(now);
	return same;
}

static int check_keys(const struct fields *f, const json_t *j, enum fields_source source,
		      const void *target, const struct place *p, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)j, key, value) {
		const struct field *row = field_named(f, key);
		struct place q = below(p, key);

		if (!row)
			return error_at(err, ERR_INVALID, q.text, "a %s has no field '%.60s'",
					f->noun, key);
		if (!(row->flags & (FIELD_READONLY | FIELD_FIXED)) ||
		    is_as_it_was(row, value, target))
			continue;
		if (row->flags & FIELD_READONLY)
			return error_at(err, ERR_INVALID, q.text,
					"%s is filled in by Facet: leave it out", q.text);
		if (source == FIELDS_UPDATE)
			return error_at(err, ERR_INVALID, q.text,
					"%s can not be changed: delete the %s and create it anew",
					q.text, f->noun);
	}
	return 0;
}

static int read_object(const struct fields *f, const json_t *j, enum fields_source source,
		       void *target, const struct place *p, struct error *err)
{
	int r = 0;

	if (!json_is_object(j))
		return wrong_type(p, "an object", err);
	if (source != FIELDS_TRUSTED)
		r = check_keys(f, j, source, target, p, err);
	for (size_t i = 0; i < f->n && r == 0; i++) {
		const struct field *row = &f->rows[i];
		const json_t *value = json_object_get(j, row->name);
		struct place q = below(p, row->name);

		if (value)
			r = read_field(row, value, source, target, &q, err);
		else if (source == FIELDS_CREATE && (row->flags & FIELD_REQUIRED))
			r = error_at(err, ERR_INVALID, q.text, "%s is missing: %s", q.text,
				     row->says);
	}
	return r;
}

int fields_read(const struct fields *f, const json_t *j, enum fields_source source, void *target,
		struct error *err)
{
	void *scratch = calloc(1, f->size);
	int r;

	if (!scratch)
		return error_set(err, ERR_NO_MEMORY, "a %s", f->noun);
	r = fields_copy(f, target, scratch, err);
	if (r == 0)
		r = read_object(f, j, source, scratch, &(struct place){ "" }, err);
	if (r == 0) {
		fields_done(f, target);
		memcpy(target, scratch, f->size);
	} else {
		fields_done(f, scratch);
	}
	free(scratch);
	return r;
}

/* ---- schema ---- */

static json_t *schema_words(const struct names *names)
{
	json_t *words = json_array();

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(words, json_string(names->words[i]));
	return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *schema_field(const struct field *f)
{
	switch (f->kind) {
	case FIELD_NAME:
		return json_pack("{s:s, s:s, s:i}", "type", "string", "pattern",
				 "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength", (int)f->size - 1);
	case FIELD_STRING:
		return json_pack("{s:s, s:i}", "type", "string", "maxLength", (int)f->size - 1);
	case FIELD_TEXT:
		return json_pack("{s:s, s:i}", "type", "string", "maxLength", TEXT_FIELD_MAX);
	case FIELD_U32:
	case FIELD_U64:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
				 (json_int_t)f->min, "maximum", (json_int_t)max_of(f));
	case FIELD_I64:
		return json_pack("{s:s}", "type", "integer");
	case FIELD_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case FIELD_ENUM:
		return schema_words(f->names);
	case FIELD_LIST:
		return json_pack("{s:s, s:o}", "type", "array", "items", fields_schema(f->sub));
	case FIELD_STRINGS:
		return json_pack("{s:s, s:{s:s, s:i}}", "type", "array", "items", "type", "string",
				 "maxLength", TEXT_FIELD_MAX);
	case FIELD_OBJECT:
		return fields_schema(f->sub);
	}
	return NULL;
}

json_t *fields_schema(const struct fields *f)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < f->n; i++) {
		json_t *s = schema_field(&f->rows[i]);

		json_object_set_new(s, "description", json_string(f->rows[i].says));
		if (f->rows[i].flags & FIELD_READONLY)
			json_object_set_new(s, "readOnly", json_true());
		if (f->rows[i].max && json_object_get(s, "items"))
			json_object_set_new(s, "maxItems",
					    json_integer((json_int_t)f->rows[i].max));
		json_object_set_new(properties, f->rows[i].name, s);
		if (f->rows[i].flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(f->rows[i].name));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
			 required);
}
