/* SPDX-License-Identifier: Apache-2.0 */
/* test_tables.c - the tables of the commands make sense, and so does what is printed from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/call.h"
#include "cli/help.h"

typedef void verb_fn(const struct command *c, const struct verb *v);

static void each_verb(verb_fn *fn)
{
	for (size_t i = 0; i < commands_n; i++)
		for (size_t k = 0; k < commands[i]->n; k++)
			fn(commands[i], &commands[i]->verbs[k]);
}

static size_t count(const char *s, const char *part)
{
	size_t n = 0;

	for (; s && (s = strstr(s, part)); s += strlen(part))
		n++;
	return n;
}

static void check_path(const struct command *c, const struct verb *v)
{
	size_t holes = count(v->path, "{}"),
	       words = v->args && *v->args ? count(v->args, " ") + 1 : 0;

	if (v->path && holes > words)
		fail_msg("facet %s %s: %s has more holes than arguments", c->name, v->name,
			 v->path);
	assert_non_null(v->run);
	assert_non_null(v->says);
	assert_true(!v->says[0] || v->says[strlen(v->says) - 1] != '.');
	if (v->run == call_list)
		assert_non_null(v->columns);
	if (v->run == call_list && v->traits & VERB_LIST)
		assert_non_null(v->kind);
	if (v->traits & VERB_CHANGE) {
		assert_non_null(v->done);
		assert_non_null(v->method);
		assert_string_not_equal(v->method, "GET");
	}
}

static void paths_fit_their_arguments(void **state)
{
	(void)state;
	each_verb(check_path);
}

struct seen {
	const char *names[64];
	char letters[64];
	size_t n;
};

static bool see_flag(void *user, const struct flag *f)
{
	struct seen *s = user;

	for (size_t i = 0; i < s->n; i++) {
		assert_string_not_equal(s->names[i], f->name);
		assert_true(!f->letter || s->letters[i] != f->letter);
	}
	assert_int_equal(f->value != NULL, f->kind != FLAG_SWITCH);
	assert_int_equal(f->key != NULL, f->goes != GOES_NOWHERE);
	assert_int_equal(f->names != NULL, f->kind == FLAG_WORD);
	s->names[s->n] = f->name;
	s->letters[s->n++] = f->letter;
	return true;
}

static void check_flags(const struct command *c, const struct verb *v)
{
	struct seen s = { 0 };

	(void)c;
	verb_flags(v, see_flag, &s);
}

static void no_verb_has_a_flag_twice(void **state)
{
	(void)state;
	each_verb(check_flags);
}

/* The completion script knows flags by name alone, so a name is a switch everywhere or nowhere. */
static const struct flag *all_flags[1024];
static size_t all_flags_n;

static bool same_kind(void *user, const struct flag *f)
{
	(void)user;
	for (size_t i = 0; i < all_flags_n; i++)
		if (strcmp(all_flags[i]->name, f->name) == 0)
			assert_int_equal(all_flags[i]->kind == FLAG_SWITCH, f->kind == FLAG_SWITCH);
	assert_true(all_flags_n < ROWS(all_flags));
	all_flags[all_flags_n++] = f;
	return true;
}

static void gather_flags(const struct command *c, const struct verb *v)
{
	(void)c;
	verb_flags(v, same_kind, NULL);
}

static void a_switch_is_a_switch_everywhere(void **state)
{
	(void)state;
	each_verb(gather_flags);
}

/* Runs COMMAND, a shell line, with TEXT as its input; returns what system() would. */
static int pipe_to(const char *command, void (*print)(FILE *out, const void *what),
		   const void *what)
{
	FILE *f = popen(command, "we");

	assert_non_null(f);
	print(f, what);
	return pclose(f);
}

static void print_completion(FILE *out, const void *what)
{
	(void)what;
	completion_print(out);
}

static void completion_is_a_script(void **state)
{
	(void)state;
	assert_int_equal(pipe_to("bash -n", print_completion, NULL), 0);
}

static void print_completion_and_try(FILE *out, const void *what)
{
	completion_print(out);
	fprintf(out,
		"facet() { printf '%%s\\n' h1@0000:41:00.0 h1@0000:81:00.0 web01; }\n"
		"try() { COMP_LINE=$1 COMP_POINT=${#1}; _facet; echo \"${COMPREPLY[*]}\"; }\n"
		"is() { [[ $(try \"$1\") == \"$2\" ]] && return; echo \"'$1': $(try \"$1\")\"; "
		"exit 1; }\n%s",
		(const char *)what);
}

static void completion_completes(void **state)
{
	static const char tries[] =
		"is 'facet gr' group\n"
		"is 'facet vm at' attach\n"
		"is 'facet vm -o json sh' show\n"
		"is 'facet vm show w' web01\n"
		"is 'facet gpu show h1@0000:8' 81:00.0\n"
		"is 'facet vm attach web01 --pro' --profile\n"
		"is 'facet vm attach web01 --group w' web01\n"
		"is 'facet vm list --state run' running\n"
		"is 'facet vm start web01 --no-wait w' ''\n"
		"is 'facet vm start --no-wait w' web01\n"
		"is 'facet -o j' ''\n"
		"is 'facet gpu list -o j' json\n";

	(void)state;
	assert_int_equal(pipe_to("bash", print_completion_and_try, tries), 0);
}

static void print_page(FILE *out, const void *command)
{
	manual_print(out, command);
}

static void manual_pages_are_clean(void **state)
{
	static const char check[] =
		"w=$(MANROFFSEQ= LC_ALL=C.UTF-8 man --warnings -l - 2>&1 >/dev/null) || exit 1; "
		"[ -z \"$w\" ] || { echo \"$w\"; exit 1; }";

	(void)state;
	if (system("command -v man >/dev/null 2>&1") != 0)
		skip();
	assert_int_equal(pipe_to(check, print_page, NULL), 0);
	for (size_t i = 0; i < commands_n; i++)
		assert_int_equal(pipe_to(check, print_page, commands[i]), 0);
}

static bool is_told(void *user, const struct flag *f)
{
	char name[64], escaped[128];
	size_t n = 0;

	snprintf(name, sizeof(name), "--%s", f->name);
	for (const char *s = name; *s; s++) {
		if (*s == '-')
			escaped[n++] = '\\';
		escaped[n++] = *s;
	}
	escaped[n] = '\0';
	if (!strstr(user, escaped))
		fail_msg("no page tells of %s", name);
	return true;
}

static char *all_pages;

static void check_told(const struct command *c, const struct verb *v)
{
	(void)c;
	verb_flags(v, is_told, all_pages);
}

static void every_flag_is_in_the_manual(void **state)
{
	size_t n;
	FILE *f = open_memstream(&all_pages, &n);

	(void)state;
	manual_print(f, NULL);
	for (size_t i = 0; i < commands_n; i++)
		manual_print(f, commands[i]);
	fclose(f);
	each_verb(check_told);
	free(all_pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_fit_their_arguments),
		cmocka_unit_test(no_verb_has_a_flag_twice),
		cmocka_unit_test(a_switch_is_a_switch_everywhere),
		cmocka_unit_test(completion_is_a_script),
		cmocka_unit_test(completion_completes),
		cmocka_unit_test(manual_pages_are_clean),
		cmocka_unit_test(every_flag_is_in_the_manual),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
