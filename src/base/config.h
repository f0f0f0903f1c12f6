/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - INI files with a drop-in folder, read through a schema table, over libinih.
 *
 * A program declares its items once; the parser, --print-config and the manual are made from the
 * table.  A value that is not of its type, an unknown key or section is an error with file and
 * line.  Files are read in order: FILE itself, then FILE.d/NAME.conf sorted by name; later wins.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum config_type { CONFIG_STRING, CONFIG_PATH, CONFIG_NUMBER, CONFIG_BOOL };

struct config_item {
	const char *section, *key;
	enum config_type type;
	size_t offset;          /* into the target struct: char *, uint64_t or bool */
	const char *fallback;   /* text of the default; NULL: unset string */
	uint64_t min, max;      /* of a number */
	const char *says;       /* one sentence for the manual */
};

/* Fills TARGET with the defaults of ITEMS (N of them), then with what FILE and FILE.d say.
 * TARGET is zeroed by the caller, and freed again on failure.  A missing FILE is no error.
 * Strings are malloc'ed and belong to TARGET: config_done().
 *   INVALID  place is "file:line" */
must_check int config_load(const char *file, const struct config_item *items, size_t n,
			   void *target, struct error *err);

/* Sets one item from text "section.key=value", as a command line option does. */
must_check int config_set(const char *assignment, const struct config_item *items, size_t n,
			  void *target, struct error *err);

/* Frees the strings that config_load() and config_set() made. */
void config_done(const struct config_item *items, size_t n, void *target);

/* Writes the effective settings as an INI file with each item's sentence as a comment. */
void config_print(FILE *out, const struct config_item *items, size_t n, const void *target);
