/* SPDX-License-Identifier: Apache-2.0 */
/* filter_tree.h - a parsed filter: what filter.c builds and filter_match.c walks. */
#pragma once

#include <regex.h>

#include "model/filter.h"

enum fact_kind { FACT_TEXT, FACT_HEX, FACT_WORD, FACT_NUMBER, FACT_PROFILE, FACT_SERIES };

struct fact {
	const char *name;
	enum fact_kind kind;
	size_t offset;             /* TEXT, HEX: of the array in struct gpu; WORD: of the int */
	const struct names *names; /* WORD, SERIES */
	int64_t (*number)(const struct gpu *gpu);
};

enum operator { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_CONTAINS, OP_PREFIX, OP_REGEX, OPS };

extern const char *const filter_operators[OPS];

enum node_kind { NODE_TERM, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	struct node *left, *right; /* NOT has left alone, TERM none */
	const struct fact *fact;
	enum operator op;
	char *value;
	int64_t number;
	regex_t regex;
	bool has_regex;
};

struct filter {
	struct node *root; /* NULL: the empty filter */
};
