/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - recursive descent into a tree of terms, which filter_match.c walks per GPU.
 *
 * One token of look-ahead is enough: every production begins with another word.  The depth that the
 * parser may reach is counted, so that a thousand parentheses end in an error and not in the stack;
 * chains of "and" and "or" grow to the left, which at most FILTER_MAX bytes keep short.
 */
#include "model/filter.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "model/catalogue.h"
#include "model/filter_tree.h"

enum { REGEX_MAX = 200, REPETITION_MAX = 1024 };

/* ---- facts ---- */

static int64_t numa_of(const struct gpu *gpu)
{
	return gpu->numa;
}

static int64_t iommu_group_of(const struct gpu *gpu)
{
	return gpu->iommu_group == UINT32_MAX ? -1 : (int64_t)gpu->iommu_group;
}

/* NVML reports what is left of the framebuffer; people write what is printed on the box. */
static int64_t framebuffer_of(const struct gpu *gpu)
{
	const struct board *b = catalogue_board_of_gpu(gpu);

	return ((b ? b->fb_mib : gpu->fb_mib) + 512) / 1024;
}

static int64_t vfs_of(const struct gpu *gpu)
{
	return gpu->vf_enabled;
}

#define TEXT_FACT(name_, member, kind_) { name_, kind_, offsetof(struct gpu, member), NULL, NULL }
#define WORD_FACT(member) \
	{ #member, FACT_WORD, offsetof(struct gpu, member), &gpu_##member##_names, NULL }
#define gpu_framework_names framework_names

static const struct fact facts[] = {
	TEXT_FACT("host", host, FACT_TEXT),
	TEXT_FACT("gpu", id, FACT_TEXT),
	TEXT_FACT("address", address, FACT_HEX),
	TEXT_FACT("board", board, FACT_TEXT),
	TEXT_FACT("device", pci_device, FACT_HEX),
	TEXT_FACT("subsystem", pci_subsystem, FACT_HEX),
	TEXT_FACT("driver", driver, FACT_TEXT),
	WORD_FACT(framework),
	WORD_FACT(mode),
	WORD_FACT(health),
	{ "numa", FACT_NUMBER, 0, NULL, numa_of },
	{ "iommu_group", FACT_NUMBER, 0, NULL, iommu_group_of },
	{ "framebuffer", FACT_NUMBER, 0, NULL, framebuffer_of },
	{ "vfs", FACT_NUMBER, 0, NULL, vfs_of },
	{ "profile", FACT_PROFILE, 0, NULL, NULL },
	{ "series", FACT_SERIES, 0, &series_names, NULL },
};

const char *const filter_operators[OPS] = { "eq", "ne",       "lt",     "le",   "gt",
	                                    "ge", "contains", "prefix", "regex" };

enum { COUNT_OF_FACTS = sizeof(facts) / sizeof(facts[0]) };

/* ---- the tree ---- */

static struct node *node_free(struct node *n)
{
	if (!n)
		return NULL;
	node_free(n->left);
	node_free(n->right);
	if (n->has_regex)
		regfree(&n->regex);
	free(n->value);
	free(n);
	return NULL;
}
DEFINE_CLEANUP(struct node *, node_free)

struct filter *filter_free(struct filter *f)
{
	if (f)
		node_free(f->root);
	free(f);
	return NULL;
}

/* ---- tokens ---- */

enum token_kind { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD, TOKEN_STRING };

struct parser {
	const char *text;
	size_t at, start;          /* next byte to read; first byte of the token */
	enum token_kind kind;
	char word[FILTER_MAX + 1]; /* of a word or, unquoted, of a string */
	unsigned int depth;
	struct error *err;
};

/* Columns count characters, as an editor does. */
static int wrong_at(struct parser *p, size_t byte, const char *fmt, ...) printf_like(3, 4);
static int wrong_at(struct parser *p, size_t byte, const char *fmt, ...)
{
	char words[ERROR_TEXT_MAX - 32], place[32];
	size_t column = 1;
	va_list args;

	for (size_t i = 0; i < byte; i++)
		column += ((unsigned char)p->text[i] & 0xc0) != 0x80;
	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	snprintf(place, sizeof(place), "column %zu", column);
	return error_at(p->err, ERR_INVALID, place, "%s", words);
}

/* What stands at the token, for "…, found X". */
static const char *found(const struct parser *p, char *buffer, size_t size)
{
	if (p->kind == TOKEN_END)
		return "the end";
	snprintf(buffer, size, "'%.*s'", (int)(p->at - p->start > 40 ? 40 : p->at - p->start),
		 p->text + p->start);
	return buffer;
}

static int expected(struct parser *p, const char *what)
{
	char buffer[48];

	return wrong_at(p, p->start, "expected %s, found %s", what,
			found(p, buffer, sizeof(buffer)));
}

static bool is_word_byte(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("._:/@*+-", c));
}

static int read_string(struct parser *p)
{
	size_t n = 0;

	for (p->at++; p->text[p->at] != '"'; p->at++) {
		if (p->text[p->at] == '\0')
			return wrong_at(p, p->start, "this quotation mark is never closed");
		if (p->text[p->at] == '\\') {
			p->at++;
			if (p->text[p->at] != '"' && p->text[p->at] != '\\')
				return wrong_at(
					p, p->at - 1,
					"a backslash is followed by \" or by another backslash");
		}
		p->word[n++] = p->text[p->at];
	}
	p->at++;
	p->word[n] = '\0';
	p->kind = TOKEN_STRING;
	return 0;
}

static int next(struct parser *p)
{
	size_t n;

	while (p->text[p->at] == ' ' || p->text[p->at] == '\t' || p->text[p->at] == '\n')
		p->at++;
	p->start = p->at;
	switch (p->text[p->at]) {
	case '\0':
		p->kind = TOKEN_END;
		return 0;
	case '(':
	case ')':
		p->kind = p->text[p->at++] == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
		return 0;
	case '"':
		return read_string(p);
	}
	while (is_word_byte(p->text[p->at]))
		p->at++;
	n = p->at - p->start;
	if (n == 0)
		return wrong_at(p, p->start,
				"'%.*s' has no meaning here; put texts into \"quotes\"",
				(int)strcspn(p->text + p->start, " \t\n)\""), p->text + p->start);
	memcpy(p->word, p->text + p->start, n);
	p->word[n] = '\0';
	p->kind = TOKEN_WORD;
	return 0;
}

static bool is_keyword(const struct parser *p, const char *word)
{
	return p->kind == TOKEN_WORD && strcmp(p->word, word) == 0;
}

/* ---- values ---- */

static int to_number(struct parser *p, size_t start, struct node *n)
{
	uint64_t value;
	bool minus = n->value[0] == '-';

	if (!text_to_u64(n->value + minus, INT64_MAX, &value))
		return wrong_at(p, start, "expected a whole number after %s %s, found '%.40s'",
				n->fact->name, filter_operators[n->op], n->value);
	n->number = minus ? -(int64_t)value : (int64_t)value;
	return 0;
}

/* The larger bound of the repetition "{A,B}" that begins at S. */
static unsigned long repetition(const char *s)
{
	char *end;
	unsigned long a = strtoul(s + 1, &end, 10),
		      b = *end == ',' ? strtoul(end + 1, NULL, 10) : 0;

	return a > b ? a : b;
}

/* glibc copies what a + or a {repetition} applies to, so nested ones grow into gigabytes, and it
 * tries back references one after the other.  Counted as if all were nested: never too little. */
static const char *costly(const char *pattern)
{
	unsigned long copies = 1, n;

	for (const char *s = pattern; *s; s++) {
		if (*s == '\\' && isdigit((unsigned char)s[1]))
			return "back references are not taken";
		n = *s == '+' ? 2 : *s == '{' ? repetition(s) : 1;
		if (n > REPETITION_MAX || (n > 1 && (copies *= n) > REPETITION_MAX))
			return "its + and {repetitions} multiply to more than 1024; use *, or "
			       "fewer of them";
	}
	return NULL;
}

static int to_regex(struct parser *p, size_t start, struct node *n)
{
	const char *cost = costly(n->value);
	char words[128];
	int r;

	if (strlen(n->value) > REGEX_MAX)
		return wrong_at(p, start,
				"the regular expression has %zu bytes, at most %d are taken",
				strlen(n->value), REGEX_MAX);
	if (cost)
		return wrong_at(p, start, "%s", cost);
	r = regcomp(&n->regex, n->value, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &n->regex, words, sizeof(words));
		return wrong_at(p, start, "expected a POSIX extended regular expression: %s",
				words);
	}
	n->has_regex = true;
	return 0;
}

/* Words of a closed list are checked at once: with a slip a filter would match nothing, for ever.
 */
static int check_word(struct parser *p, size_t start, const struct node *n)
{
	struct text known = { 0 };
	int value, r;

	if (names_value(n->fact->names, n->value, &value))
		return 0;
	for (size_t i = 0; i < n->fact->names->n; i++)
		text_add(&known, "%s%s", i ? ", " : "", n->fact->names->words[i]);
	r = wrong_at(p, start, "expected one of %s, found '%.40s'", known.data ? known.data : "",
		     n->value);
	text_done(&known);
	return r;
}

static int check_value(struct parser *p, size_t start, struct node *n)
{
	if (n->fact->kind == FACT_NUMBER)
		return to_number(p, start, n);
	if (n->op == OP_REGEX)
		return to_regex(p, start, n);
	if (n->fact->kind == FACT_HEX)
		for (char *c = n->value; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	if (n->fact->names && (n->op == OP_EQ || n->op == OP_NE))
		return check_word(p, start, n);
	return 0;
}

/* ---- grammar ---- */

static int parse_or(struct parser *p, struct node **ret);

static int parse_fact(struct parser *p, struct node *n)
{
	struct text known = { 0 };
	int r;

	if (p->kind != TOKEN_WORD || is_keyword(p, "and") || is_keyword(p, "or"))
		return expected(p, "a fact such as board, 'not' or '('");
	for (size_t i = 0; i < COUNT_OF_FACTS && !n->fact; i++)
		if (strcmp(facts[i].name, p->word) == 0)
			n->fact = &facts[i];
	if (n->fact)
		return next(p);
	for (size_t i = 0; i < COUNT_OF_FACTS; i++)
		text_add(&known, "%s%s", i ? ", " : "", facts[i].name);
	r = wrong_at(p, p->start, "expected a fact, found '%.40s'; facts are %s", p->word,
		     known.data ? known.data : "");
	text_done(&known);
	return r;
}

static int parse_operator(struct parser *p, struct node *n)
{
	bool is_number = n->fact->kind == FACT_NUMBER;
	int op = OPS;

	for (int i = 0; i < OPS; i++)
		if (is_keyword(p, filter_operators[i]))
			op = i;
	if (op == OPS)
		return expected(p, is_number ? "eq, ne, lt, le, gt or ge"
		                             : "eq, ne, contains, prefix or regex");
	n->op = (enum operator) op;
	if (is_number && n->op >= OP_CONTAINS)
		return wrong_at(p, p->start,
				"%s is a number: expected eq, ne, lt, le, gt or ge, found '%s'",
				n->fact->name, p->word);
	if (!is_number && n->op >= OP_LT && n->op <= OP_GE)
		return wrong_at(
			p, p->start,
			"%s is a text: expected eq, ne, contains, prefix or regex, found '%s'",
			n->fact->name, p->word);
	return next(p);
}

static int parse_value(struct parser *p, struct node *n)
{
	size_t start = p->start;
	int r;

	if (p->kind != TOKEN_WORD && p->kind != TOKEN_STRING)
		return expected(p, "a value");
	n->value = strdup(p->word);
	if (!n->value)
		return error_set(p->err, ERR_NO_MEMORY, "filter");
	r = check_value(p, start, n);
	return r < 0 ? r : next(p);
}

static int parse_parentheses(struct parser *p, struct node **ret)
{
	cleanup(node_free_p) struct node *inner = NULL;
	size_t opened = p->start;
	int r;

	if (p->depth == FILTER_DEPTH_MAX)
		return wrong_at(p, opened, "more than %d parentheses deep", FILTER_DEPTH_MAX);
	p->depth++;
	r = next(p);
	if (r == 0)
		r = parse_or(p, &inner);
	if (r < 0)
		return r;
	p->depth--;
	if (p->kind != TOKEN_CLOSE)
		return expected(p, "'and', 'or' or ')'");
	*ret = take(inner);
	return next(p);
}

static struct node *node_new(struct parser *p, enum node_kind kind)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		error_set(p->err, ERR_NO_MEMORY, "filter");
	else
		n->kind = kind;
	return n;
}

static int parse_term(struct parser *p, struct node **ret)
{
	cleanup(node_free_p) struct node *n = NULL;
	int r;

	if (p->kind == TOKEN_OPEN)
		return parse_parentheses(p, ret);
	n = node_new(p, NODE_TERM);
	if (!n)
		return -ERR_NO_MEMORY;
	r = parse_fact(p, n);
	if (r == 0)
		r = parse_operator(p, n);
	if (r == 0)
		r = parse_value(p, n);
	if (r == 0)
		*ret = take(n);
	return r;
}

static int parse_not(struct parser *p, struct node **ret)
{
	cleanup(node_free_p) struct node *n = NULL;
	int r;

	if (!is_keyword(p, "not"))
		return parse_term(p, ret);
	n = node_new(p, NODE_NOT);
	if (!n)
		return -ERR_NO_MEMORY;
	r = next(p);
	if (r == 0)
		r = parse_term(p, &n->left);
	if (r == 0)
		*ret = take(n);
	return r;
}

/* operand { WORD operand }, growing to the left. */
static int parse_chain(struct parser *p, const char *word, enum node_kind kind,
		       int (*operand)(struct parser *p, struct node **ret), struct node **ret)
{
	cleanup(node_free_p) struct node *left = NULL;
	int r = operand(p, &left);

	while (r == 0 && is_keyword(p, word)) {
		struct node *n = node_new(p, kind);

		if (!n)
			return -ERR_NO_MEMORY;
		n->left = left;
		left = n;
		r = next(p);
		if (r == 0)
			r = operand(p, &n->right);
	}
	if (r == 0)
		*ret = take(left);
	return r;
}

static int parse_and(struct parser *p, struct node **ret)
{
	return parse_chain(p, "and", NODE_AND, parse_not, ret);
}

static int parse_or(struct parser *p, struct node **ret)
{
	return parse_chain(p, "or", NODE_OR, parse_and, ret);
}

static int check_text(struct parser *p)
{
	size_t n = strlen(p->text);

	if (n > FILTER_MAX)
		return error_at(p->err, ERR_INVALID, "column 1001",
				"the filter has %zu bytes, at most %d are taken", n, FILTER_MAX);
	if (!text_is_utf8(p->text, n))
		return error_at(p->err, ERR_INVALID, "column 1", "the filter is not UTF-8");
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)p->text[i]) && !strchr("\t\n", p->text[i]))
			return wrong_at(p, i, "a control character");
	return 0;
}

static int parse(struct parser *p, struct node **ret)
{
	int r = check_text(p);

	if (r == 0)
		r = next(p);
	if (r < 0 || p->kind == TOKEN_END)
		return r;
	r = parse_or(p, ret);
	if (r == 0 && p->kind != TOKEN_END)
		r = expected(p, "'and', 'or' or the end");
	return r;
}

int filter_parse(const char *text, struct filter **ret, struct error *err)
{
	cleanup(filter_free_p) struct filter *f = calloc(1, sizeof(*f));
	struct parser p = { .text = text, .err = err };
	int r;

	if (!f)
		return error_set(err, ERR_NO_MEMORY, "filter");
	r = parse(&p, &f->root);
	if (r == 0)
		*ret = take(f);
	return r;
}
