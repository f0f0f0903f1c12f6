/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - rows of JSON as an aligned table, over libsmartcols. */
#pragma once

#include "cli/command.h"

struct table_style {
	FILE *out;
	bool wide, headings;
	const struct cli *cli; /* terminal, colour, width, clock */
};

/* Prints ROWS (an array of objects) in COLUMNS.
 *   NO_MEMORY */
must_check int table_print(const struct table_style *style, const struct column *columns,
			   const json_t *rows, struct error *err);

/* Prints one object: "field  value" lines, then each list of objects as a table of its own. */
must_check int table_print_object(const struct table_style *style, const json_t *object,
				  struct error *err);
