/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <ctype.h>
#include <libsmartcols.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cell.h"
#include "cli/wrap.h"

enum { COLUMNS_MAX = 32, GAP = 2, LEAST_WRAPPED = 20 };

static void cleanup_table(struct libscols_table **t)
{
	scols_unref_table(*t);
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NO_MEMORY, "a table");
}

static struct libscols_table *table_new(const struct table_style *s)
{
	struct libscols_table *t = scols_new_table();

	if (!t)
		return NULL;
	scols_table_set_stream(t, s->out);
	scols_table_enable_colors(t, s->cli->colour);
	scols_table_set_column_separator(t, "  ");
	/* libsmartcols would ask about stdout, which in a test or under a pager is another file. */
	scols_table_set_termforce(t, s->cli->terminal ? SCOLS_TERMFORCE_ALWAYS
						      : SCOLS_TERMFORCE_NEVER);
	if (s->cli->terminal && s->cli->width > 0)
		scols_table_set_termwidth(t, (size_t)s->cli->width);
	return t;
}

static int flags_of(enum column_kind kind)
{
	switch (kind) {
	case COLUMN_NUMBER:
	case COLUMN_MIB:
	case COLUMN_COUNT:
		return SCOLS_FL_RIGHT;
	case COLUMN_LONG:
	case COLUMN_WORDS:
		return SCOLS_FL_WRAP;
	default:
		return 0;
	}
}

static bool shown(const struct table_style *s, const struct column *c)
{
	return s->wide || !c->wide;
}

static int add_cell(const struct table_style *s, struct libscols_line *line, size_t i,
		    const struct column *c, const json_t *row)
{
	struct text t = { 0 };
	const char *colour = NULL;

	cell_add(&t, c, row, clock_wall_ms(s->cli->clock));
	if (t.failed || !t.data)
		return -1;
	if (c->kind == COLUMN_STATE)
		colour = cell_colour(t.data);
	if (colour)
		scols_cell_set_color(scols_line_get_cell(line, i), colour);
	return scols_line_refer_data(line, i, text_take(&t));
}

static int add_row(const struct table_style *s, struct libscols_table *t,
		   const struct column *columns, const json_t *row)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	size_t i = 0;

	if (!line)
		return -1;
	for (const struct column *c = columns; c->head; c++) {
		if (!shown(s, c))
			continue;
		if (add_cell(s, line, i++, c, row) != 0)
			return -1;
	}
	return 0;
}

/* Blanks at line ends are what libsmartcols pads with; they are noise in a file and in a diff.
 * Headings are left out here: libsmartcols does it too, and whether columns are then as wide as
 * before differs between its versions. */
static int print_trimmed(const struct table_style *s, struct libscols_table *t, struct error *err)
{
	cleanup(cleanup_free) char *all = NULL;
	char *line;

	if (s->cli->terminal && s->headings)
		return scols_print_table(t) == 0 ? 0 : no_memory(err);
	if (scols_print_table_to_string(t, &all) != 0 || !all)
		return no_memory(err);
	line = all;
	if (!s->headings) {
		line += strcspn(line, "\n");
		line += *line != '\0';
	}
	while (*line) {
		size_t n = strcspn(line, "\n"), keep = n;

		while (keep > 0 && line[keep - 1] == ' ')
			keep--;
		fprintf(s->out, "%.*s\n", (int)keep, line);
		line += n + (line[n] != '\0');
	}
	return 0;
}

static size_t widest(const struct table_style *s, const struct column *c, const json_t *rows)
{
	size_t most = wrap_columns(c->head), i;
	const json_t *row;

	json_array_foreach(rows, i, row) {
		cleanup(text_done) struct text t = { 0 };
		size_t n;

		cell_add(&t, c, row, clock_wall_ms(s->cli->clock));
		n = t.data ? wrap_columns(t.data) : 0;
		most = n > most ? n : most;
	}
	return most;
}

/* What the other columns leave to each of those that are wrapped; all, without a terminal. */
static size_t wrapped_width(const struct table_style *s, const struct column *columns,
			    const json_t *rows)
{
	size_t used = 0, wrapped = 0, width = (size_t)s->cli->width;

	if (!s->cli->terminal)
		return SIZE_MAX;
	for (const struct column *c = columns; c->head; c++) {
		if (!shown(s, c))
			continue;
		used += GAP;
		if (flags_of(c->kind) & SCOLS_FL_WRAP)
			wrapped++;
		else
			used += widest(s, c, rows);
	}
	if (wrapped == 0 || width < used + wrapped * LEAST_WRAPPED)
		return LEAST_WRAPPED;
	return (width - used) / wrapped;
}

static int add_columns(const struct table_style *s, struct libscols_table *t,
		       const struct column *columns, size_t *width)
{
	for (const struct column *c = columns; c->head; c++) {
		struct libscols_column *column;

		if (!shown(s, c))
			continue;
		column = scols_table_new_column(t, c->head, 0, flags_of(c->kind));
		if (!column)
			return -1;
		if (flags_of(c->kind) & SCOLS_FL_WRAP)
			scols_column_set_wrapfunc(column, wrap_chunksize, wrap_nextchunk, width);
	}
	return 0;
}

int table_print(const struct table_style *style, const struct column *columns, const json_t *rows,
		struct error *err)
{
	cleanup(cleanup_table) struct libscols_table *t = table_new(style);
	size_t width = wrapped_width(style, columns, rows), i;
	const json_t *row;

	if (!t || add_columns(style, t, columns, &width) != 0)
		return no_memory(err);
	json_array_foreach(rows, i, row)
		if (add_row(style, t, columns, row) != 0)
			return no_memory(err);
	return print_trimmed(style, t, err);
}

static bool is_rows(const json_t *v)
{
	return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

static bool is_empty(const json_t *v)
{
	return json_is_null(v) || (json_is_string(v) && !*json_string_value(v)) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_integer(v) && json_integer_value(v) == UINT32_MAX);
}

/* A list inside an object has the fields of its first row as columns. */
static int print_rows(const struct table_style *style, const char *key, const json_t *rows,
		      struct error *err)
{
	struct column columns[COLUMNS_MAX + 1] = { 0 };
	char heads[COLUMNS_MAX][32];
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach(json_array_get(rows, 0), name, value) {
		struct text label = { 0 };

		if (n == COLUMNS_MAX || is_rows(value))
			continue;
		cell_label(&label, name);
		TEXT_COPY(heads[n], label.data ? label.data : "");
		text_done(&label);
		for (char *s = heads[n]; *s; s++)
			*s = (char)toupper((unsigned char)*s);
		columns[n] =
			(struct column){ heads[n], name, cell_kind(name, value), .wide = false };
		n++;
	}
	fprintf(style->out, "\n%s:\n", key);
	return table_print(style, columns, rows, err);
}

static int print_fields(const struct table_style *style, const json_t *object, struct error *err)
{
	static const struct column columns[] = {
		{ "FIELD", "field", COLUMN_TEXT },
		{ "VALUE", "value", COLUMN_LONG },
		{ 0 },
	};
	struct table_style plain = *style;
	json_auto_t *rows = json_array();
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		struct column c = { "", key, cell_kind(key, value) };
		cleanup(text_done) struct text label = { 0 }, words = { 0 };

		if (is_rows(value) || json_is_object(value) || (is_empty(value) && !style->wide))
			continue;
		cell_label(&label, key);
		cell_add(&words, &c, object, clock_wall_ms(style->cli->clock));
		if (label.failed || words.failed ||
		    json_array_append_new(rows, json_pack("{s:s,s:s}", "field", label.data, "value",
							  words.data)) != 0)
			return no_memory(err);
	}
	plain.headings = false;
	return table_print(&plain, columns, rows, err);
}

int table_print_object(const struct table_style *style, const json_t *object, struct error *err)
{
	const char *key;
	json_t *value;
	int r = print_fields(style, object, err);

	json_object_foreach((json_t *)object, key, value)
		if (r == 0 && is_rows(value))
			r = print_rows(style, key, value, err);
	return r;
}
