/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - strings: a growing buffer, and the checks every name from outside passes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* A growing string.  `struct text t = { 0 }` is empty and valid; data is NUL-terminated or NULL.
 * A failed allocation sets failed and drops what follows, so that a long series of text_add()
 * is checked once, at the end. */
struct text {
	char *data;
	size_t length, room;
	bool failed;
};

void text_add(struct text *t, const char *fmt, ...) printf_like(2, 3);
void text_append(struct text *t, const char *bytes, size_t n);
/* The bytes with & < > " ' and line ends replaced, and '?' for control characters, which XML has no
 * way to say: fit for text and attributes of XML and HTML. */
void text_add_xml(struct text *t, const char *s);
void text_done(struct text *t);
/* The string, owned by the caller (free()), never NULL unless memory ran out; T is empty after. */
char *text_take(struct text *t);

/* Copies S into a fixed array and says whether it fitted; a string that does not fit is cut, but
 * not within a character. */
bool text_copy(char *to, size_t size, const char *s);
#define TEXT_COPY(array, s) text_copy((array), sizeof(array), (s))

bool text_is_utf8(const char *s, size_t n);
/* Puts '?' for every byte that is not part of well-formed UTF-8; a sequence that is cut off at the
 * end is dropped.  What comes out can go into JSON. */
void text_make_utf8(char *s);

/* Names of objects: 1 to 63 bytes of [A-Za-z0-9._-], the first a letter or a digit.  They appear in
 * URLs, file names and libvirt metadata, so nothing else is allowed.
 *   INVALID  with the rule and what was found */
int text_check_name(const char *s, const char *what, struct error *err);

/* For hash tables in memory: of the same text always the same in one program. */
size_t text_hash(const char *s);

bool text_starts_with(const char *s, const char *prefix);

/* Decimal, whole string, no sign, no blanks.  Returns false otherwise or when above MAX. */
bool text_to_u64(const char *s, uint64_t max, uint64_t *ret);

/* Whether PART stands in S, without regard to case. */
bool text_contains_nocase(const char *s, const char *part);

DEFINE_CLEANUP(struct text *, text_done)
