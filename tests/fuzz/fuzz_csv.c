/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a table, or an error with its line; nothing is read that is not in it, and numbers
 * keep to their range. */
#include <stdint.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct csv_column columns[] = {
	{ "name" }, { "cpu_milli" }, { "share", true }, { "gpu_spec", true }
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void require_place(const struct error *err)
{
	require(err->kind == ERR_INVALID && strncmp(err->place, "line ", 5) == 0);
	require(strncmp(err->text, "x.csv ", 6) == 0);
}

static void read_row(const struct csv *csv, const char *text, size_t size)
{
	struct error err = { 0 };
	int64_t n = -1;
	double x = -1;

	for (size_t i = 0; i < COLUMNS; i++) {
		const char *f = csv->fields[i];

		require(f && (*f == '\0' || (f >= text && f + strlen(f) <= text + size)));
		require(!strchr(f, '\n'));
	}
	if (csv_integer(csv, 1, 0, INT32_MAX, &n, &err) == 0)
		require(n >= 0 && n <= INT32_MAX);
	else
		require_place(&err);
	if (csv_real(csv, 2, 0, 1000, &x, &err) == 0)
		require(x >= 0 && x <= 1000);
	else
		require_place(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct error err = { 0 };
	struct csv csv;
	size_t line = 0;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	r = csv_begin(&csv, "x.csv", text, columns, COLUMNS, &err);
	while (r >= 0 && (r = csv_next(&csv, &err)) > 0) {
		require(csv.line > line);
		line = csv.line;
		read_row(&csv, text, size);
	}
	if (r < 0)
		require_place(&err);
	free(text);
	return 0;
}
