/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - tables from files: one line of names, then rows.
 *
 * Fields are separated by commas and may be quoted ("a, b", with "" for a quote); a row is one
 * line. Columns are found by name, so their order and further columns do not matter.  Every error
 * names file and line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { CSV_COLUMNS_MAX = 64 };

struct csv_column {
	const char *name;
	bool optional;   /* a file without it is fine: its fields are "" */
};

struct csv {
	const char *file;               /* for errors; must outlive */
	char *at;                       /* in the caller's text, which is written to */
	size_t line;                    /* of the row read last, from 1 */
	const struct csv_column *columns;
	size_t columns_n, fields_n;
	int where[CSV_COLUMNS_MAX];     /* column -> field, -1: not there */
	char *fields[CSV_COLUMNS_MAX];  /* of the row read last, by column */
};

/* Reads the line of names out of TEXT, which is cut up in place and must outlive CSV.
 *   INVALID  a column is missing or named twice, or there are too many */
must_check int csv_begin(struct csv *csv, const char *file, char *text,
			 const struct csv_column *columns, size_t n, struct error *err);

/* 1 with csv->fields of the next row, 0 at the end; empty lines are passed over.
 *   INVALID  too few or too many fields, or a quote without an end */
must_check int csv_next(struct csv *csv, struct error *err);

/* Field COLUMN as a number from MIN to MAX.  INVALID with line, column and what is wanted. */
must_check int csv_integer(const struct csv *csv, size_t column, int64_t min, int64_t max,
			   int64_t *ret, struct error *err);
must_check int csv_real(const struct csv *csv, size_t column, double min, double max, double *ret,
			struct error *err);

/* Sets an error at the place of field COLUMN. */
int csv_wrong(const struct csv *csv, size_t column, struct error *err, const char *fmt, ...)
	printf_like(4, 5);
