/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - what a noun is made of, as a table: the JSON reader and writer, the API's schema and
 * the columns of the command line are made from the same rows.
 *
 * A struct described by a table is plain data: fixed arrays, numbers, and at most strings and lists
 * on the heap that fields_done() frees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

enum field_kind {
	FIELD_STRING,  /* char[size], any UTF-8 without control characters */
	FIELD_NAME,    /* char[size], passes text_check_name() */
	FIELD_TEXT,    /* char *, heap; NULL reads as "" */
	FIELD_U32,
	FIELD_U64,
	FIELD_I64,
	FIELD_BOOL,
	FIELD_ENUM,    /* an int; names gives its words */
	FIELD_LIST,    /* void * and size_t behind it at count_offset; rows described by sub */
	FIELD_STRINGS, /* char ** and size_t at count_offset */
	FIELD_OBJECT,  /* an embedded struct described by sub */
};

enum {
	FIELD_REQUIRED = 1 << 0, /* a client must give it when it creates */
	FIELD_READONLY = 1 << 1, /* the server fills it; a client may only send what is there */
	FIELD_FIXED = 1 << 2,    /* can be given when creating, not changed later */
};

/* Words of an enum, both ways; index = value. */
struct names {
	const char *const *words;
	size_t n;
};

enum { TEXT_FIELD_MAX = 4096 }; /* bytes of a FIELD_TEXT, and of each of FIELD_STRINGS */

struct fields; /* a table: see below */

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset, size;      /* size: of the char array, or of one row of a list */
	size_t count_offset;      /* FIELD_LIST and FIELD_STRINGS */
	uint64_t min, max;        /* numbers: range (max 0 = no limit); lists: max rows */
	const struct names *names;
	const struct fields *sub;
	const char *says;         /* one sentence, for the schema and the manual */
};

struct fields {
	const char *noun;         /* "lease" */
	const struct field *rows;
	size_t n;
	size_t size;              /* sizeof the struct */
};

enum fields_source {
	FIELDS_CREATE, /* a client's POST: required must be there, unknown and read-only refused */
	FIELDS_UPDATE, /* a client's PATCH: only what is given changes */
	FIELDS_TRUSTED /* our own store or peer: everything is read, unknown keys are skipped, and
			* an empty name or a 0 is taken for "not known" whatever the range */
};

/* Reads J into *TARGET, which holds a valid struct (zeroed for a new one).  On failure TARGET is
 * exactly as before.
 *   INVALID  place is a JSON pointer such as "/devices/0/count" */
must_check int fields_read(const struct fields *f, const json_t *j, enum fields_source source,
			   void *target, struct error *err);

/* The whole struct as a new JSON object; bytes that are not UTF-8 become '?'.  NULL only when
 * memory ran out. */
json_t *fields_write(const struct fields *f, const void *source);

/* The same as text: what json_line() makes of it, owned by the caller (free()); and appended to
 * T. */
char *fields_text(const struct fields *f, const void *source);
void fields_add_text(const struct fields *f, const void *source, struct text *t);

/* Reads what fields_text() wrote into *TARGET, which is zeroed, as FIELDS_TRUSTED.  False when TEXT
 * is not quite like that, or memory ran out: fields_read() may still take it; TARGET is zeroed
 * again. */
bool fields_read_text(const struct fields *f, const char *text, void *target);

/* A deep copy of SOURCE over TARGET (whose old heap is freed).  NO_MEMORY leaves TARGET as it
 * was. */
must_check int fields_copy(const struct fields *f, const void *source, void *target,
			   struct error *err);

/* Whether A and B say the same in every field. */
bool fields_equal(const struct fields *f, const void *a, const void *b);

/* Frees what hangs on the struct and zeroes it. */
void fields_done(const struct fields *f, void *target);

/* JSON schema (2020-12) of the noun, a new object. */
json_t *fields_schema(const struct fields *f);

/* The word of VALUE, "?" when out of range; and back: false when there is no such word. */
const char *names_word(const struct names *names, int value);
bool names_value(const struct names *names, const char *word, int *ret);

/* Rows for tables: FIELD(struct vm, name, FIELD_NAME, FIELD_REQUIRED, "sentence") and so on. */
#define FIELD_(type, member, kind_, flags_, says_, ...)                                     \
	{ .name = #member, .kind = (kind_), .flags = (flags_), .offset = offsetof(type, member), \
	  .size = sizeof(((type *)0)->member), .says = (says_), __VA_ARGS__ }
#define FIELD(type, member, kind_, flags_, says_) FIELD_(type, member, kind_, flags_, says_)
#define FIELD_NUMBER(type, member, kind_, flags_, min_, max_, says_) \
	FIELD_(type, member, kind_, flags_, says_, .min = (min_), .max = (max_))
#define FIELD_WORD(type, member, flags_, names_, says_) \
	FIELD_(type, member, FIELD_ENUM, flags_, says_, .names = (names_))
#define FIELD_ROWS(type, member, count, flags_, max_, sub_, says_)                           \
	{ .name = #member, .kind = FIELD_LIST, .flags = (flags_),                             \
	  .offset = offsetof(type, member),                                                     \
	  .size = sizeof(*((type *)0)->member), .count_offset = offsetof(type, count),          \
	  .max = (max_), .sub = (sub_), .says = (says_) }
#define FIELD_WORDS(type, member, count, flags_, max_, says_)                                \
	{ .name = #member, .kind = FIELD_STRINGS, .flags = (flags_),                          \
	  .offset = offsetof(type, member), .count_offset = offsetof(type, count),              \
	  .max = (max_), .says = (says_) }
#define FIELDS(noun_, type, table) \
	{ .noun = (noun_), .rows = (table), .n = sizeof(table) / sizeof((table)[0]), \
	  .size = sizeof(type) }
