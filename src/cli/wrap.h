/* SPDX-License-Identifier: Apache-2.0 */
/* wrap.h - breaking long cells between words; libsmartcols by itself breaks within them. */
#pragma once

#include <stddef.h>

struct libscols_column;

/* Columns that S takes on a terminal, a character counting one. */
size_t wrap_columns(const char *s);

/* For scols_column_set_wrapfunc(); WIDTH is a size_t *, the columns there are. */
size_t wrap_chunksize(const struct libscols_column *column, const char *data, void *width);
char *wrap_nextchunk(const struct libscols_column *column, char *data, void *width);
