/* SPDX-License-Identifier: Apache-2.0 */
/* arguments.h - argv, checked against the tables of command.h.  Borrows from argv. */
#pragma once

#include "cli/command.h"

enum { ARGUMENTS_MAX = 4, GIVEN_MAX = 64 };

enum output_format { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON };

struct given {
	const struct flag *flag;
	const char *value; /* NULL for a switch */
};

struct arguments {
	const struct command *command;
	const struct verb *verb;  /* NULL: only help was asked for */
	const char *words[ARGUMENTS_MAX];
	size_t words_n;
	struct given given[GIVEN_MAX];
	size_t given_n;
	bool help;
};

/* Fills *RET.  The text of an error says what was meant, where that can be guessed.
 *   INVALID */
must_check int arguments_parse(int argc, char **argv, struct arguments *ret, struct error *err);

bool arguments_has(const struct arguments *a, const char *flag);
/* The last value given for FLAG, NULL for none. */
const char *arguments_value(const struct arguments *a, const char *flag);
enum output_format arguments_format(const struct arguments *a);

/* "90", "90s", "5m", "2h", "1d" in seconds.  False when it is nothing of these. */
bool seconds_from_text(const char *s, uint64_t *ret);
