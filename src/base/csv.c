/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong_line(const struct csv *csv, struct error *err, const char *what)
{
	char place[32];

	snprintf(place, sizeof(place), "line %zu", csv->line);
	return error_at(err, ERR_INVALID, place, "%s line %zu: %s", csv->file, csv->line, what);
}

int csv_wrong(const struct csv *csv, size_t column, struct error *err, const char *fmt, ...)
{
	char place[ERROR_PLACE_MAX], text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(place, sizeof(place), "line %zu, column %s", csv->line,
		 csv->columns[column].name);
	return error_at(err, ERR_INVALID, place, "%s %s: %s", csv->file, place, text);
}

/* Ends the field at AT and returns what follows it; NULL: the line is over, or *BAD: a quote has no
 * end. */
static char *end_of_quoted(char *at, char **value, bool *bad)
{
	char *to = at;

	*value = at;
	for (; *at; at++) {
		if (*at == '"' && at[1] == '"')
			at++;
		else if (*at == '"')
			break;
		*to++ = *at;
	}
	*bad = *at != '"' || (at[1] && at[1] != ',');
	*to = '\0';
	return *bad || !at[1] ? NULL : at + 2;
}

static char *end_of_plain(char *at, char **value)
{
	char *comma = strchr(at, ',');

	*value = at;
	if (!comma)
		return NULL;
	*comma = '\0';
	return comma + 1;
}

/* Cuts LINE up; returns the number of fields, -1 for a broken quote, and MAX + 1 for too many. */
static int cut_line(char *line, char **fields, int max)
{
	bool bad = false;
	int n = 0;

	while (line) {
		if (n == max)
			return max + 1;
		line = *line == '"' ? end_of_quoted(line + 1, &fields[n], &bad)
				    : end_of_plain(line, &fields[n]);
		if (bad)
			return -1;
		n++;
	}
	return n;
}

/* The next line that is not empty, without its end; NULL at the end of the text. */
static char *next_line(struct csv *csv)
{
	char *line, *end;

	while (*csv->at) {
		line = csv->at;
		end = strchr(line, '\n');
		csv->at = end ? end + 1 : line + strlen(line);
		csv->line++;
		if (end)
			*end = '\0';
		if (end && end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (*line)
			return line;
	}
	return NULL;
}

static int find_column(struct csv *csv, size_t column, char *const *names, int n,
		       struct error *err)
{
	const struct csv_column *c = &csv->columns[column];
	char text[160];

	csv->where[column] = -1;
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], c->name) != 0)
			continue;
		snprintf(text, sizeof(text), "column %s is there twice", c->name);
		if (csv->where[column] >= 0)
			return wrong_line(csv, err, text);
		csv->where[column] = i;
	}
	snprintf(text, sizeof(text), "there is no column %s; the first line names the columns",
		 c->name);
	return csv->where[column] < 0 && !c->optional ? wrong_line(csv, err, text) : 0;
}

int csv_begin(struct csv *csv, const char *file, char *text, const struct csv_column *columns,
	      size_t columns_n, struct error *err)
{
	char *names[CSV_COLUMNS_MAX], *line;
	int n, r = 0;

	*csv = (struct csv){ .file = file, .at = text, .columns = columns, .columns_n = columns_n };
	line = next_line(csv);
	if (!line)
		return wrong_line(csv, err, "the file is empty; its first line names the columns");
	n = cut_line(line, names, CSV_COLUMNS_MAX);
	if (n < 0 || n > CSV_COLUMNS_MAX)
		return wrong_line(csv, err, "the names of the columns cannot be read");
	csv->fields_n = (size_t)n;
	for (size_t i = 0; i < columns_n && r == 0; i++)
		r = find_column(csv, i, names, n, err);
	return r;
}

int csv_next(struct csv *csv, struct error *err)
{
	static char nothing[1] = "";
	char *fields[CSV_COLUMNS_MAX], *line = next_line(csv), text[96];
	int n;

	if (!line)
		return 0;
	n = cut_line(line, fields, CSV_COLUMNS_MAX);
	if (n < 0)
		return wrong_line(csv, err, "a quote has no end");
	snprintf(text, sizeof(text), "%s%d fields, the first line has %zu",
		 n > CSV_COLUMNS_MAX ? "more than " : "",
		 n > CSV_COLUMNS_MAX ? CSV_COLUMNS_MAX : n, csv->fields_n);
	if ((size_t)n != csv->fields_n)
		return wrong_line(csv, err, text);
	for (size_t i = 0; i < csv->columns_n; i++)
		csv->fields[i] = csv->where[i] < 0 ? nothing : fields[csv->where[i]];
	return 1;
}

int csv_integer(const struct csv *csv, size_t column, int64_t min, int64_t max, int64_t *ret,
		struct error *err)
{
	const char *text = csv->fields[column];
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < min || value > max)
		return csv_wrong(csv, column, err, "'%.40s' is not a number from %lld to %lld",
				 text, (long long)min, (long long)max);
	*ret = value;
	return 0;
}

int csv_real(const struct csv *csv, size_t column, double min, double max, double *ret,
	     struct error *err)
{
	const char *text = csv->fields[column];
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || isnan(value) || value < min || value > max)
		return csv_wrong(csv, column, err, "'%.40s' is not a number from %g to %g", text,
				 min, max);
	*ret = value;
	return 0;
}
