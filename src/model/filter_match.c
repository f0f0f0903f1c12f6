/* SPDX-License-Identifier: Apache-2.0 */
/* filter_match.c - a filter over the facts of one GPU: does it match, and which term decides. */
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "model/catalogue.h"
#include "model/filter_tree.h"

/* ---- matching ---- */

static bool compare_numbers(enum operator op, int64_t a, int64_t b)
{
	switch (op) {
	case OP_EQ:
		return a == b;
	case OP_NE:
		return a != b;
	case OP_LT:
		return a < b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	default:
		return a >= b;
	}
}

static bool compare_texts(const struct node *n, const char *fact)
{
	switch (n->op) {
	case OP_EQ:
		return strcmp(fact, n->value) == 0;
	case OP_NE:
		return strcmp(fact, n->value) != 0;
	case OP_CONTAINS:
		return strstr(fact, n->value) != NULL;
	case OP_PREFIX:
		return text_starts_with(fact, n->value);
	default:
		return regexec(&n->regex, fact, 0, NULL, 0) == 0;
	}
}

/* Name and series of type I of GPU, from its driver or else the catalogue; false: no more. */
static bool type_at(const struct gpu *gpu, const struct board *board, size_t i, const char **name,
		    enum series *series)
{
	const struct catalogue_profile *known;
	struct catalogue_profile guess;

	if (gpu->types_n == 0) {
		if (!board || i >= board->profiles_n)
			return false;
		*name = board->profiles[i].name;
		*series = board->profiles[i].series;
		return true;
	}
	if (i >= gpu->types_n)
		return false;
	*name = gpu->types[i].name;
	known = catalogue_find(*name, NULL);
	if (!known) {
		catalogue_guess(*name, gpu->types[i].fb_mib, &guess);
		known = &guess;
	}
	*series = known->series;
	return true;
}

/* Does any type satisfy the term?  *HIT: the first that does, else untouched. */
static bool any_type(const struct node *n, const struct gpu *gpu, const char **hit)
{
	const struct board *board = catalogue_board_of_gpu(gpu);
	const char *name;
	enum series series;

	for (size_t i = 0; type_at(gpu, board, i, &name, &series); i++) {
		if (n->fact->kind == FACT_SERIES &&
		    !compare_texts(n, names_word(&series_names, (int)series)))
			continue;
		if (n->fact->kind == FACT_PROFILE && !compare_texts(n, name))
			continue;
		*hit = name;
		return true;
	}
	return false;
}

static const char *text_fact(const struct fact *f, const struct gpu *gpu)
{
	const char *at = (const char *)gpu + f->offset;

	return f->kind == FACT_WORD ? names_word(f->names, *(const int *)(const void *)at) : at;
}

static bool term_matches(const struct node *n, const struct gpu *gpu)
{
	const char *hit;

	switch (n->fact->kind) {
	case FACT_NUMBER:
		return compare_numbers(n->op, n->fact->number(gpu), n->number);
	case FACT_PROFILE:
	case FACT_SERIES:
		return any_type(n, gpu, &hit);
	default:
		return compare_texts(n, text_fact(n->fact, gpu));
	}
}

static bool node_matches(const struct node *n, const struct gpu *gpu)
{
	switch (n->kind) {
	case NODE_NOT:
		return !node_matches(n->left, gpu);
	case NODE_AND:
		return node_matches(n->left, gpu) && node_matches(n->right, gpu);
	case NODE_OR:
		return node_matches(n->left, gpu) || node_matches(n->right, gpu);
	case NODE_TERM:
		break;
	}
	return term_matches(n, gpu);
}

bool filter_matches(const struct filter *f, const struct gpu *gpu)
{
	return !f->root || node_matches(f->root, gpu);
}

/* ---- explaining ---- */

struct why {
	char *text;
	size_t size, length;
};

static void add(struct why *w, const char *fmt, ...) printf_like(2, 3);
static void add(struct why *w, const char *fmt, ...)
{
	va_list args;
	int n;

	if (w->length >= w->size)
		return;
	va_start(args, fmt);
	n = vsnprintf(w->text + w->length, w->size - w->length, fmt, args);
	va_end(args);
	if (n > 0)
		w->length += (size_t)n;
}

static void explain_term(const struct node *n, const struct gpu *gpu, struct why *w)
{
	bool matches = term_matches(n, gpu);
	const char *fact = n->fact->name, *verdict = matches ? "true" : "false", *hit = "";

	if (w->length)
		add(w, "; ");
	if (n->fact->kind == FACT_NUMBER) {
		add(w, "%s %s %jd is %s: %s is %jd", fact, filter_operators[n->op],
		    (intmax_t)n->number, verdict, fact, (intmax_t)n->fact->number(gpu));
		return;
	}
	add(w, "%s %s \"%s\" is %s: ", fact, filter_operators[n->op], n->value, verdict);
	if (n->fact->kind != FACT_PROFILE && n->fact->kind != FACT_SERIES)
		add(w, "%s is \"%s\"", fact, text_fact(n->fact, gpu));
	else if (any_type(n, gpu, &hit))
		add(w, "it offers \"%s\"", hit);
	else
		add(w, "none of its vGPU types does");
}

/* Only what decides: the first false part of an "and", the first true part of an "or", and all
 * parts where it took all of them. */
static void explain(const struct node *n, const struct gpu *gpu, struct why *w)
{
	bool left;

	if (n->kind == NODE_TERM) {
		explain_term(n, gpu, w);
		return;
	}
	if (n->kind == NODE_NOT) {
		explain(n->left, gpu, w);
		return;
	}
	left = node_matches(n->left, gpu);
	if (left == (n->kind == NODE_OR)) {
		explain(n->left, gpu, w);
		return;
	}
	if (node_matches(n->right, gpu) != left) {
		explain(n->right, gpu, w);
		return;
	}
	explain(n->left, gpu, w);
	explain(n->right, gpu, w);
}

bool filter_explain(const struct filter *f, const struct gpu *gpu, char *why, size_t size)
{
	struct why w = { why, size, 0 };

	if (size > 0)
		why[0] = '\0';
	if (!f->root)
		add(&w, "the filter is empty: it takes every GPU");
	else
		explain(f->root, gpu, &w);
	return filter_matches(f, gpu);
}
