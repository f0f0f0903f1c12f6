/* SPDX-License-Identifier: Apache-2.0 */
/* test_arguments.c - what a command line means, and what is said of one that means nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/cell.h"
#include "cli/suggest.h"
#include "cli/wrap.h"

enum { WORDS_MAX = 16 };

static int parse(const char *const *words, struct arguments *a, struct error *err)
{
	int n = 0;

	while (words[n])
		n++;
	return arguments_parse(n, (char **)(uintptr_t)words, a, err);
}
#define PARSE(a, err, ...) parse((const char *const[]){ "facet", __VA_ARGS__, NULL }, a, err)

static void refused(const struct error *err, int r, const char *why)
{
	assert_int_equal(r, -ERR_INVALID);
	if (!strstr(err->text, why))
		fail_msg("'%s' does not say '%s'", err->text, why);
}

static void values_are_given_in_three_ways(void **state)
{
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "gpu", "list", "--host", "h1", "-o", "json"), 0);
	assert_string_equal(arguments_value(&a, "host"), "h1");
	assert_int_equal(arguments_format(&a), OUTPUT_JSON);
	assert_int_equal(PARSE(&a, NULL, "gpu", "list", "--host=h1", "-owide"), 0);
	assert_string_equal(arguments_value(&a, "host"), "h1");
	assert_int_equal(arguments_format(&a), OUTPUT_WIDE);
	assert_int_equal(PARSE(&a, NULL, "gpu", "list", "--host=", "-o=table"), 0);
	assert_string_equal(arguments_value(&a, "host"), "");
	assert_int_equal(arguments_format(&a), OUTPUT_TABLE);
}

/* Scripts put -o json where they like. */
static void flags_may_stand_anywhere_behind_their_verb(void **state)
{
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "-o", "json", "vm", "--socket", "/x", "show", "web01"), 0);
	assert_string_equal(a.words[0], "web01");
	assert_string_equal(arguments_value(&a, "socket"), "/x");
}

static void the_last_value_wins_and_lists_keep_all(void **state)
{
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "group", "create", "g", "--profile", "a", "--profile", "b",
			       "--mode", "mig", "--mode", "equal-size"), 0);
	assert_int_equal(a.given_n, 4);
	assert_string_equal(arguments_value(&a, "mode"), "equal-size");
}

static void two_dashes_end_the_flags(void **state)
{
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "vm", "show", "--", "--help"), 0);
	assert_string_equal(a.words[0], "--help");
	assert_false(a.help);
}

static void help_needs_nothing_else(void **state)
{
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "vm", "attach", "--help"), 0);
	assert_true(a.help);
	assert_int_equal(PARSE(&a, NULL, "vm", "-h"), 0);
	assert_true(a.help);
	assert_null(a.verb);
}

static void what_is_missing_is_named(void **state)
{
	struct error err;
	struct arguments a;

	(void)state;
	refused(&err, PARSE(&a, &err, "vm", "attach", "v", "--group", "g"),
		"--profile PROFILE is missing");
	refused(&err, PARSE(&a, &err, "vm", "detach", "v"), "facet vm detach VM DEVICE");
	refused(&err, PARSE(&a, &err, "vm"), "needs a verb");
	refused(&err, PARSE(&a, &err, "gpu", "list", "--host"), "--host needs a value");
	refused(&err, PARSE(&a, &err, "vm", "show", "a", "b"), "'b' is one argument too many");
	refused(&err, PARSE(&a, &err, "vm", "show", "a", "b", "c", "d", "e", "f"), "'e' is one");
}

static void values_are_checked_before_anything_is_sent(void **state)
{
	struct error err;
	struct arguments a;

	(void)state;
	refused(&err, PARSE(&a, &err, "vm", "create", "v", "--priority", "-1"), "takes a number");
	refused(&err, PARSE(&a, &err, "vm", "start", "v", "--timeout", "5x"), "5m or 2h");
	refused(&err, PARSE(&a, &err, "vm", "update", "v", "--start-after-boot", "1"), "yes or no");
	refused(&err, PARSE(&a, &err, "vm", "start", "v", "--no-wait=1"), "takes no value");
	refused(&err, PARSE(&a, &err, "gpu", "list", "--health", "zzzzzz"),
		"one of ok, degraded, lost");
}

/* --wait stands alone or has its time behind '=': a word of its own would be taken for a VM. */
static void value_that_may_be_left_out_follows_its_flag(void **state)
{
	struct error err;
	struct arguments a;

	(void)state;
	assert_int_equal(PARSE(&a, NULL, "vm", "start", "v", "--wait"), 0);
	assert_string_equal(arguments_value(&a, "wait"), "1d");
	assert_int_equal(PARSE(&a, NULL, "vm", "start", "--wait", "v"), 0);
	assert_string_equal(a.words[0], "v");
	assert_int_equal(PARSE(&a, NULL, "vm", "start", "v", "--wait=90"), 0);
	assert_string_equal(arguments_value(&a, "wait"), "90");
	refused(&err, PARSE(&a, &err, "vm", "start", "v", "--wait=soon"), "5m or 2h");
}

static void rows_of_slots_are_checked(void **state)
{
	static const char *const wrong[] = { "8Q", "=4", "8Q=", "8Q=x", "8Q=4:", "8Q=4:x",
					     "8Q=-1", "8Q=4294967296" };
	struct error err;
	struct arguments a;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(&err, PARSE(&a, &err, "tenant", "create", "t", "--slots", wrong[i]),
			"PROFILE=MAX[:GUARANTEED]");
	assert_int_equal(PARSE(&a, NULL, "tenant", "create", "t", "--slots", "A=b=4:2"), 0);
	assert_int_equal(PARSE(&a, NULL, "tenant", "update", "t", "--slots", "none"), 0);
}

static void near_words_are_suggested(void **state)
{
	struct error err;
	struct arguments a;

	(void)state;
	refused(&err, PARSE(&a, &err, "gpus", "list"), "did you mean 'facet gpu'");
	refused(&err, PARSE(&a, &err, "operat", "list"), "did you mean 'facet operation'");
	refused(&err, PARSE(&a, &err, "vm", "atach"), "did you mean 'facet vm attach'");
	refused(&err, PARSE(&a, &err, "vm", "attach", "v", "--prifole=x"),
		"did you mean --profile");
	refused(&err, PARSE(&a, &err, "xyzzyxyzzy"), "'facet help' lists them");
	refused(&err, PARSE(&a, &err, "vm", "-z"), "no flag '-z'");
}

static void distance_counts_edits(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", "abc"), 0);
	assert_int_equal(suggest_distance("ABC", "abc"), 0);
	assert_int_equal(suggest_distance("abdc", "abcd"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void times_have_units(void **state)
{
	uint64_t s;

	(void)state;
	assert_true(seconds_from_text("90", &s) && s == 90);
	assert_true(seconds_from_text("90s", &s) && s == 90);
	assert_true(seconds_from_text("5m", &s) && s == 300);
	assert_true(seconds_from_text("2h", &s) && s == 7200);
	assert_true(seconds_from_text("1d", &s) && s == 86400);
	assert_false(seconds_from_text("", &s));
	assert_false(seconds_from_text("m", &s));
	assert_false(seconds_from_text("-5", &s));
	assert_false(seconds_from_text("99999999999999999d", &s));
}

static void shows(const char *value, enum column_kind kind, const char *want)
{
	struct column c = { "", "v", kind };
	json_t *row = json_pack("{s:o}", "v", json_loads(value, JSON_DECODE_ANY, NULL));
	struct text t = { 0 };

	cell_add(&t, &c, row, 1000000000);
	assert_string_equal(t.data, want);
	text_done(&t);
	json_decref(row);
}

static void cells_are_for_people(void **state)
{
	(void)state;
	shows("512", COLUMN_MIB, "512 MiB");
	shows("49152", COLUMN_MIB, "48 GiB");
	shows("1536", COLUMN_MIB, "1.5 GiB");
	shows("999995000", COLUMN_AGE, "5s ago");
	shows("999700000", COLUMN_AGE, "5m ago");
	shows("1000300000", COLUMN_AGE, "in 5m");
	shows("0", COLUMN_AGE, "-");
	shows("4294967295", COLUMN_NUMBER, "-");
	shows("[1,2]", COLUMN_COUNT, "2");
	shows("[\"a\",\"b\"]", COLUMN_WORDS, "a, b");
	shows("true", COLUMN_YES, "yes");
	shows("\"\"", COLUMN_TEXT, "-");
	shows("null", COLUMN_TEXT, "-");
}

/* A VM's name or a guest's last words must not move the cursor of who lists them. */
static void control_bytes_do_not_reach_the_terminal(void **state)
{
	(void)state;
	shows("\"a\\u001b[2Jb\\n\"", COLUMN_TEXT, "a [2Jb ");
}

static void wraps(const char *s, size_t width, const char *want, size_t widest)
{
	struct text all = { 0 };
	char copy[128];

	assert_int_equal(wrap_chunksize(NULL, s, &width), widest);
	TEXT_COPY(copy, s);
	for (char *line = copy, *next; line; line = next) {
		next = wrap_nextchunk(NULL, line, &width);
		text_add(&all, "[%s]", line);
	}
	assert_string_equal(all.data, want);
	text_done(&all);
}

static void long_cells_break_between_words(void **state)
{
	(void)state;
	wraps("one two three", 7, "[one two][three]", 7);
	wraps("one two three", 6, "[one][two][three]", 5);
	wraps("one two three", 100, "[one two three]", 13);
	wraps("a verylongword b", 4, "[a][verylongword][b]", 12);
	wraps("\xc3\xa4\xc3\xa4 b", 2, "[\xc3\xa4\xc3\xa4][b]", 2);
	wraps("", 5, "[]", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_given_in_three_ways),
		cmocka_unit_test(flags_may_stand_anywhere_behind_their_verb),
		cmocka_unit_test(the_last_value_wins_and_lists_keep_all),
		cmocka_unit_test(two_dashes_end_the_flags),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(values_are_checked_before_anything_is_sent),
		cmocka_unit_test(value_that_may_be_left_out_follows_its_flag),
		cmocka_unit_test(rows_of_slots_are_checked),
		cmocka_unit_test(near_words_are_suggested),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(cells_are_for_people),
		cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
		cmocka_unit_test(long_cells_break_between_words),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
