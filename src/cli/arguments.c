/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <string.h>

#include "cli/suggest.h"

static const char *const output_words[] = { "table", "wide", "json" };
static const struct names output_names = { output_words, ROWS(output_words) };

const struct flag list_flags[] = {
	{ "watch", 'w', .says = "Stay and show changes as they happen" },
	{ 0 },
};
const struct flag table_flags[] = {
	{ "no-headers", .says = "Leave the line of headings out" },
	{ 0 },
};
const struct flag change_flags[] = {
	{ "dry-run", .says = "Check and tell what would happen; change nothing" },
	{ 0 },
};
const struct flag object_flags[] = {
	{ "revision", .kind = FLAG_NUMBER, .value = "N",
	  .says = "Only when the object still has this revision" },
	{ 0 },
};
const struct flag operation_flags[] = {
	{ "no-wait", .says = "Return as soon as the operation is accepted" },
	{ "timeout", .kind = FLAG_SECONDS, .value = "TIME",
	  .says = "Follow the operation no longer than this (default: until it ends)" },
	{ 0 },
};
const struct flag file_flags[] = {
	{ "file", 'f', FLAG_TEXT, .value = "FILE",
	  .says = "Read the object as JSON from FILE (- for standard input); other flags go "
		  "over it" },
	{ 0 },
};
const struct flag common_flags[] = {
	{ "output", 'o', FLAG_WORD, .value = "FORMAT", .names = &output_names,
	  .says = "table, wide (more columns) or json (the API's own answer)" },
	{ "socket", .kind = FLAG_TEXT, .value = "PATH",
	  .says = "UNIX socket of facetd, or its http:// or https:// address" },
	{ "help", 'h', .says = "Show help" },
	{ 0 },
};

void verb_flags(const struct verb *verb, bool (*fn)(void *user, const struct flag *f), void *user)
{
	const struct flag *const lists[] = {
		verb ? verb->flags : NULL,
		verb && verb->traits & VERB_FILE ? file_flags : NULL,
		verb && verb->traits & VERB_OPERATION ? operation_flags : NULL,
		verb && verb->traits & VERB_CHANGE ? change_flags : NULL,
		verb && verb->traits & VERB_OBJECT ? object_flags : NULL,
		verb && verb->traits & VERB_LIST ? list_flags : NULL,
		verb && verb->traits & (VERB_LIST | VERB_TABLE) ? table_flags : NULL,
		common_flags,
	};

	for (size_t i = 0; i < ROWS(lists); i++)
		for (const struct flag *f = lists[i]; f && f->name; f++)
			if (!fn(user, f))
				return;
}

struct search {
	const char *name;
	size_t n;
	char letter;
	const struct flag *found;
	struct suggest near;
};

static bool search_flag(void *user, const struct flag *f)
{
	struct search *s = user;

	if (s->name)
		suggest_offer(&s->near, f->name);
	if (s->name ? strlen(f->name) == s->n && strncmp(f->name, s->name, s->n) == 0 :
		      f->letter == s->letter && f->letter)
		s->found = f;
	return !s->found;
}

static int no_such_flag(const struct search *s, const char *word, struct error *err)
{
	if (s->near.best)
		return error_set(err, ERR_INVALID, "there is no flag '%s' here: did you mean --%s?",
				 word, s->near.best);
	return error_set(err, ERR_INVALID,
			 "there is no flag '%s' here: --help shows those there are", word);
}

static int find_flag(const struct verb *verb, const char *word, const char **value,
		     const struct flag **ret, struct error *err)
{
	bool is_long = word[1] == '-';
	char bare[SUGGEST_MAX] = "";
	struct search s = { .letter = word[1] };

	*value = NULL;
	if (is_long) {
		s.name = word + 2;
		s.n = strcspn(s.name, "=");
		snprintf(bare, sizeof(bare), "%.*s", (int)s.n, s.name);
		if (s.name[s.n])
			*value = s.name + s.n + 1;
	} else if (word[2]) {
		*value = word + 2 + (word[2] == '=');
	}
	suggest_init(&s.near, bare);
	verb_flags(verb, search_flag, &s);
	if (!s.found)
		return no_such_flag(&s, word, err);
	*ret = s.found;
	return 0;
}

bool seconds_from_text(const char *s, uint64_t *ret)
{
	static const struct { char unit; uint64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	size_t n = strlen(s);
	char digits[16];
	uint64_t factor = 1, value;

	for (size_t i = 0; n > 1 && i < ROWS(units); i++)
		if (s[n - 1] == units[i].unit) {
			factor = units[i].seconds;
			n--;
			break;
		}
	if (n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (!text_to_u64(digits, 100000000, &value))
		return false;
	*ret = value * factor;
	return true;
}

static int check_word(const struct flag *f, const char *value, struct error *err)
{
	cleanup(text_done) struct text all = { 0 };
	struct suggest near;
	int ignored;

	if (names_value(f->names, value, &ignored))
		return 0;
	suggest_init(&near, value);
	for (size_t i = 0; i < f->names->n; i++) {
		suggest_offer(&near, f->names->words[i]);
		text_add(&all, "%s%s", i ? ", " : "", f->names->words[i]);
	}
	if (near.best)
		return error_set(err, ERR_INVALID, "--%s does not take '%s': did you mean %s?",
				 f->name, value, near.best);
	return error_set(err, ERR_INVALID, "--%s does not take '%s': it is one of %s", f->name,
			 value, all.data ? all.data : "");
}

static int check_value(const struct flag *f, const char *value, struct error *err)
{
	uint64_t n;

	if (f->make) {
		json_auto_t *made = f->make(value);

		return made ? 0 : error_set(err, ERR_INVALID, "--%s takes %s, not '%s'", f->name,
					    f->value, value);
	}
	switch (f->kind) {
	case FLAG_NUMBER:
		if (text_to_u64(value, INT64_MAX, &n))
			return 0;
		return error_set(err, ERR_INVALID, "--%s takes a number, not '%s'", f->name, value);
	case FLAG_SECONDS:
		if (seconds_from_text(value, &n))
			return 0;
		return error_set(err, ERR_INVALID,
				 "--%s takes a time such as 90, 5m or 2h, not '%s'", f->name,
				 value);
	case FLAG_YES:
		if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
			return 0;
		return error_set(err, ERR_INVALID, "--%s takes yes or no, not '%s'", f->name,
				 value);
	case FLAG_WORD:
		return check_word(f, value, err);
	default:
		return 0;
	}
}

/* Takes the flag at ARGV[*I]; moves *I on when its value is the next word. */
static int take_flag(struct arguments *a, int argc, char **argv, int *i, struct error *err)
{
	const char *word = argv[*i], *value;
	const struct flag *f = NULL;
	int r = find_flag(a->verb, word, &value, &f, err);

	if (r < 0)
		return r;
	if (f->kind == FLAG_SWITCH && value)
		return error_set(err, ERR_INVALID, "--%s takes no value", f->name);
	if (!value && f->alone)
		value = f->alone;
	if (f->kind != FLAG_SWITCH && !value) {
		if (*i + 1 >= argc)
			return error_set(err, ERR_INVALID, "--%s needs a value: --%s %s", f->name,
					 f->name, f->value);
		value = argv[++*i];
	}
	if (value)
		r = check_value(f, value, err);
	if (r < 0)
		return r;
	if (a->given_n == GIVEN_MAX)
		return error_set(err, ERR_INVALID, "more than %d flags", GIVEN_MAX);
	a->given[a->given_n++] = (struct given){ f, value };
	if (strcmp(f->name, "help") == 0)
		a->help = true;
	return 0;
}

static int no_such_command(const char *word, struct error *err)
{
	struct suggest near;

	suggest_init(&near, word);
	for (size_t i = 0; i < commands_n; i++)
		suggest_offer(&near, commands[i]->name);
	if (near.best)
		return error_set(err, ERR_INVALID,
				 "there is no command '%s': did you mean 'facet %s'?", word,
				 near.best);
	return error_set(err, ERR_INVALID, "there is no command '%s': 'facet help' lists them",
			 word);
}

static int no_such_verb(const struct command *command, const char *word, struct error *err)
{
	struct suggest near;

	suggest_init(&near, word);
	for (size_t i = 0; i < command->n; i++)
		suggest_offer(&near, command->verbs[i].name);
	if (near.best)
		return error_set(err, ERR_INVALID,
				 "there is no 'facet %s %s': did you mean 'facet %s %s'?",
				 command->name, word, command->name, near.best);
	return error_set(err, ERR_INVALID,
			 "there is no 'facet %s %s': 'facet help %s' lists its verbs",
			 command->name, word, command->name);
}

static int take_word(struct arguments *a, const char *word, struct error *err)
{
	if (!a->command) {
		a->command = command_find(word);
		if (!a->command)
			return no_such_command(word, err);
		if (!a->command->verbs[0].name[0])
			a->verb = &a->command->verbs[0];
		return 0;
	}
	if (!a->verb) {
		a->verb = verb_find(a->command, word);
		return a->verb ? 0 : no_such_verb(a->command, word, err);
	}
	if (a->words_n == ARGUMENTS_MAX)
		return error_set(err, ERR_INVALID, "'%s' is one argument too many", word);
	a->words[a->words_n++] = word;
	return 0;
}

/* Words that VERB takes at least (ALL false) or at most. */
static size_t words_wanted(const struct verb *verb, bool all)
{
	size_t n = 0;

	for (const char *s = verb->args; s && *s; s += strcspn(s, " "), s += strspn(s, " "))
		n += all || *s != '[';
	return n;
}

struct requirement {
	const struct arguments *given;
	const struct flag *missing;
};

static bool require_flag(void *user, const struct flag *f)
{
	struct requirement *q = user;

	if (f->required && !arguments_has(q->given, f->name))
		q->missing = f;
	return !q->missing;
}

static int check_complete(const struct arguments *a, struct error *err)
{
	struct requirement q = { .given = a };
	const char *space = a->verb->name[0] ? " " : "";

	if (a->words_n > words_wanted(a->verb, true))
		return error_set(err, ERR_INVALID, "'%s' is one argument too many: facet %s%s%s %s",
				 a->words[words_wanted(a->verb, true)], a->command->name, space,
				 a->verb->name, a->verb->args ? a->verb->args : "");
	if (a->words_n < words_wanted(a->verb, false))
		return error_set(err, ERR_INVALID, "too few arguments: facet %s%s%s %s",
				 a->command->name, space, a->verb->name, a->verb->args);
	verb_flags(a->verb, require_flag, &q);
	if (q.missing)
		return error_set(err, ERR_INVALID, "--%s %s is missing", q.missing->name,
				 q.missing->value);
	return 0;
}

int arguments_parse(int argc, char **argv, struct arguments *ret, struct error *err)
{
	struct arguments a = { 0 };
	bool flags = true;
	int r = 0;

	for (int i = 1; r == 0 && i < argc; i++) {
		if (flags && strcmp(argv[i], "--") == 0)
			flags = false;
		else if (flags && argv[i][0] == '-' && argv[i][1])
			r = take_flag(&a, argc, argv, &i, err);
		else
			r = take_word(&a, argv[i], err);
	}
	if (r < 0)
		return r;
	if (!a.command || (!a.verb && !a.help)) {
		if (a.command)
			return error_set(err, ERR_INVALID,
					 "facet %s needs a verb: 'facet help %s' lists them",
					 a.command->name, a.command->name);
		a.help = true;
	}
	if (!a.help)
		r = check_complete(&a, err);
	if (r == 0)
		*ret = a;
	return r;
}

const char *arguments_value(const struct arguments *a, const char *flag)
{
	for (size_t i = a->given_n; i > 0; i--)
		if (strcmp(a->given[i - 1].flag->name, flag) == 0)
			return a->given[i - 1].value;
	return NULL;
}

bool arguments_has(const struct arguments *a, const char *flag)
{
	for (size_t i = 0; i < a->given_n; i++)
		if (strcmp(a->given[i].flag->name, flag) == 0)
			return true;
	return false;
}

enum output_format arguments_format(const struct arguments *a)
{
	const char *word = arguments_value(a, "output");
	int value = OUTPUT_TABLE;

	if (word)
		names_value(&output_names, word, &value);
	return value;
}
