/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NAME, SIZE, SHARE, NOTE };
static const struct csv_column columns[] = {
	{ "name" }, { "size" }, { "share", true }, { "note", true }
};

static char text[4096]; /* csv_begin() wants one that it may write to */

static int begin(struct csv *csv, const char *from, struct error *err)
{
	assert_true(strlen(from) < sizeof(text));
	strcpy(text, from);
	return csv_begin(csv, "t.csv", text, columns, 4, err);
}

static void open_it(struct csv *csv, const char *from)
{
	struct error err = { 0 };

	if (begin(csv, from, &err) < 0)
		fail_msg("%s", err.text);
}

static void next_is(struct csv *csv, const char *name, const char *note)
{
	assert_int_equal(csv_next(csv, NULL), 1);
	assert_string_equal(csv->fields[NAME], name);
	assert_string_equal(csv->fields[NOTE], note);
}

static void columns_are_found_by_name(void **state)
{
	struct csv csv;

	(void)state;
	open_it(&csv, "note,more,name,size\nfirst,1,a,2\nsecond,3,b,4\n");
	next_is(&csv, "a", "first");
	next_is(&csv, "b", "second");
	assert_string_equal(csv.fields[SIZE], "4");
	assert_int_equal(csv_next(&csv, NULL), 0);
	assert_int_equal(csv_next(&csv, NULL), 0);
}

static void a_column_that_may_be_missing_reads_as_nothing(void **state)
{
	struct csv csv;

	(void)state;
	open_it(&csv, "name,size\na,1\n");
	next_is(&csv, "a", "");
	assert_string_equal(csv.fields[SHARE], "");
}

/* Windows ends lines with two characters, and editors leave empty lines behind. */
static void line_ends_and_empty_lines_do_not_matter(void **state)
{
	struct csv csv;

	(void)state;
	open_it(&csv, "\r\n\nname,size,note\r\n\r\na,1,x\r\n\n\nb,2,y");
	next_is(&csv, "a", "x");
	assert_int_equal(csv.line, 5);
	next_is(&csv, "b", "y");
	assert_int_equal(csv.line, 8);
	assert_int_equal(csv_next(&csv, NULL), 0);
}

static void a_quoted_field_may_hold_commas_and_quotes(void **state)
{
	struct csv csv;

	(void)state;
	open_it(&csv, "\"name\",size,note\n"
		      "\"a, b\",1,\"say \"\"hi\"\"\"\n"
		      "\"\",2,\"\"\"\"\n"
		      "x\"y,3,\n");
	next_is(&csv, "a, b", "say \"hi\"");
	next_is(&csv, "", "\"");
	next_is(&csv, "x\"y", "");
}

struct bad {
	const char *text, *place, *says;
};

static void check_error(const struct bad *b, int r, const struct error *err)
{
	if (r != -ERR_INVALID || strcmp(err->place, b->place) != 0 || !strstr(err->text, b->says) ||
	    strncmp(err->text, "t.csv ", 6) != 0)
		fail_msg("%s: %d at '%s': %s", b->text, r, err->place, err->text);
}

static void bad_names_of_columns_name_the_line(void **state)
{
	static const struct bad table[] = {
		{ "", "line 0", "empty" },
		{ "\n\n", "line 2", "empty" },
		{ "name\na\n", "line 1", "no column size" },
		{ "size,note\n1,x\n", "line 1", "no column name" },
		{ "\nname,size,name\n", "line 2", "column name is there twice" },
		{ "name,size,note,note\n", "line 1", "column note is there twice" },
		{ "Name,size\n", "line 1", "no column name" },
		{ "name,\"size\n", "line 1", "cannot be read" },
	};
	struct error err;
	struct csv csv;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_error(&table[i], begin(&csv, table[i].text, &err), &err);
}

static void too_many_columns_are_refused(void **state)
{
	char many[CSV_COLUMNS_MAX * 4 + 64] = "name,size", *end = many + strlen(many);
	struct error err;
	struct csv csv;

	(void)state;
	for (int i = 2; i < CSV_COLUMNS_MAX; i++)
		end += sprintf(end, ",c%d", i);
	open_it(&csv, many);
	strcpy(end, ",x");
	assert_int_equal(begin(&csv, many, &err), -ERR_INVALID);
}

static void a_bad_row_names_its_line(void **state)
{
	static const struct bad table[] = {
		{ "name,size\na\n", "line 2", "1 fields, the first line has 2" },
		{ "name,size\n\na,1\n\nb,2,3\n", "line 5", "3 fields" },
		{ "name,size\n\"a,1\n", "line 2", "a quote has no end" },
		{ "name,size\n\"a\"b,1\n", "line 2", "a quote has no end" },
		{ "name,size\na,1\nb,\"\n", "line 3", "a quote has no end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct error err = { 0 };
		struct csv csv;
		int r;

		open_it(&csv, table[i].text);
		while ((r = csv_next(&csv, &err)) > 0)
			;
		check_error(&table[i], r, &err);
	}
}

static int read_number(const char *field, int64_t *ret, struct error *err)
{
	struct csv csv;
	char row[200];

	snprintf(row, sizeof(row), "name,size\nignored,0\na,%s\n", field);
	open_it(&csv, row);
	assert_int_equal(csv_next(&csv, NULL), 1);
	assert_int_equal(csv_next(&csv, NULL), 1);
	return csv_integer(&csv, SIZE, 0, 1000, ret, err);
}

static void a_bad_number_names_line_and_column(void **state)
{
	static const char *const fields[] = { "", " ", "x", "1x", "1.5", "-1", "1001", "1000000000",
					      "99999999999999999999", "1 ", "0x10" };
	int64_t n = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct error err = { 0 };
		struct bad b = { fields[i], "line 3, column size",
				 "is not a number from 0 to 1000" };

		check_error(&b, read_number(fields[i], &n, &err), &err);
		assert_non_null(strstr(err.text, fields[i]));
	}
	assert_int_equal(n, 77);
	assert_int_equal(read_number("1000", &n, NULL), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(read_number("0", &n, NULL), 0);
	assert_int_equal(n, 0);
}

static int read_share(const char *field, double *ret, struct error *err)
{
	struct csv csv;
	char row[200];

	snprintf(row, sizeof(row), "name,size,share\na,1,%s\n", field);
	open_it(&csv, row);
	assert_int_equal(csv_next(&csv, NULL), 1);
	return csv_real(&csv, SHARE, 0.5, 8, ret, err);
}

static void a_bad_share_names_line_and_column(void **state)
{
	static const char *const fields[] = { "", "x", "0.4", "8.1", "nan", "inf", "-inf",
					      "1e400", "1e-400", "2 " };
	double x = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct error err = { 0 };
		struct bad b = { fields[i], "line 2, column share",
				 "is not a number from 0.5 to 8" };

		check_error(&b, read_share(fields[i], &x, &err), &err);
	}
	assert_true(x == 77);
	assert_int_equal(read_share("0.5", &x, NULL), 0);
	assert_true(x == 0.5);
	assert_int_equal(read_share("8", &x, NULL), 0);
	assert_true(x == 8);
}

/* The remedy must be readable, however long the nonsense is. */
static void a_long_field_is_shortened_in_the_error(void **state)
{
	struct error err = { 0 };
	char field[150];
	int64_t n;

	(void)state;
	memset(field, 'z', sizeof(field) - 1);
	field[sizeof(field) - 1] = '\0';
	assert_int_equal(read_number(field, &n, &err), -ERR_INVALID);
	assert_non_null(strstr(err.text, "is not a number from 0 to 1000"));
	assert_null(strstr(err.text, field));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_found_by_name),
		cmocka_unit_test(a_column_that_may_be_missing_reads_as_nothing),
		cmocka_unit_test(line_ends_and_empty_lines_do_not_matter),
		cmocka_unit_test(a_quoted_field_may_hold_commas_and_quotes),
		cmocka_unit_test(bad_names_of_columns_name_the_line),
		cmocka_unit_test(too_many_columns_are_refused),
		cmocka_unit_test(a_bad_row_names_its_line),
		cmocka_unit_test(a_bad_number_names_line_and_column),
		cmocka_unit_test(a_bad_share_names_line_and_column),
		cmocka_unit_test(a_long_field_is_shortened_in_the_error),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
