/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cell.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *word, *colour;
} colours[] = {
	{ "ready", "green" },     { "ok", "green" },           { "running", "green" },
	{ "attached", "green" },  { "done", "green" },         { "cordoned", "yellow" },
	{ "draining", "yellow" }, { "maintenance", "yellow" }, { "reserved", "yellow" },
	{ "creating", "yellow" }, { "releasing", "yellow" },   { "starting", "yellow" },
	{ "stopping", "yellow" }, { "paused", "yellow" },      { "degraded", "yellow" },
	{ "unknown", "yellow" },  { "cancelled", "yellow" },   { "skipped", "yellow" },
	{ "waiting", "yellow" },
	{ "lost", "red" },        { "failed", "red" },         { "quarantined", "red" },
};

const char *cell_colour(const char *word)
{
	for (size_t i = 0; i < ROWS(colours); i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].colour;
	return NULL;
}

const char *cell_string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void add_mib(struct text *to, json_int_t mib)
{
	if (mib < 1024)
		text_add(to, "%" JSON_INTEGER_FORMAT " MiB", mib);
	else if (mib % 1024 == 0)
		text_add(to, "%" JSON_INTEGER_FORMAT " GiB", mib / 1024);
	else
		text_add(to, "%.1f GiB", (double)mib / 1024);
}

/* Two units at most would be exact, one is read at a glance. */
static void add_span(struct text *to, int64_t seconds)
{
	if (seconds < 120)
		text_add(to, "%" PRId64 "s", seconds);
	else if (seconds < 7200)
		text_add(to, "%" PRId64 "m", seconds / 60);
	else if (seconds < 172800)
		text_add(to, "%" PRId64 "h", seconds / 3600);
	else
		text_add(to, "%" PRId64 "d", seconds / 86400);
}

static void add_age(struct text *to, json_int_t ms, int64_t now_ms)
{
	if (ms == 0) {
		text_add(to, "-");
	} else if (ms <= now_ms) {
		add_span(to, (now_ms - ms) / 1000);
		text_add(to, " ago");
	} else {
		text_add(to, "in ");
		add_span(to, (ms - now_ms) / 1000);
	}
}

static void add_words(struct text *to, const json_t *list)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word)
		text_add(to, "%s%s", i ? ", " : "",
			 json_is_string(word) ? json_string_value(word) : "?");
}

/* Bytes that would move the cursor are the terminal's, not the object's. */
static void add_clean(struct text *to, const char *s)
{
	for (; *s; s++)
		text_append(to, (unsigned char)*s < ' ' || *s == 0x7f ? " " : s, 1);
}

static void add_plain(struct text *to, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		add_clean(to, json_string_value(v));
		break;
	case JSON_INTEGER:
		/* PLACEMENT_NONE and its like */
		if (json_integer_value(v) == UINT32_MAX)
			text_add(to, "-");
		else
			text_add(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		text_add(to, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		text_add(to, "yes");
		break;
	case JSON_FALSE:
		text_add(to, "no");
		break;
	case JSON_ARRAY:
		add_words(to, v);
		break;
	default:
		break;
	}
}

static void add_value(struct text *to, enum column_kind kind, const json_t *v, int64_t now_ms)
{
	if (kind == COLUMN_COUNT)
		text_add(to, "%zu", json_array_size(v));
	else if (kind == COLUMN_MIB && json_is_integer(v))
		add_mib(to, json_integer_value(v));
	else if (kind == COLUMN_AGE && json_is_integer(v))
		add_age(to, json_integer_value(v), now_ms);
	else if (v)
		add_plain(to, v);
}

void cell_add(struct text *to, const struct column *column, const json_t *row, int64_t now_ms)
{
	size_t before = to->length;

	if (column->render)
		column->render(row, to);
	else
		add_value(to, column->kind, json_object_get(row, column->key), now_ms);
	if (to->length == before)
		text_add(to, "-");
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

enum column_kind cell_kind(const char *key, const json_t *value)
{
	if (ends_with(key, "_mib"))
		return COLUMN_MIB;
	if (ends_with(key, "_ms"))
		return COLUMN_AGE;
	if (strcmp(key, "state") == 0 || strcmp(key, "health") == 0)
		return COLUMN_STATE;
	if (strcmp(key, "text") == 0 || strcmp(key, "found") == 0 || strcmp(key, "remedy") == 0 ||
	    strcmp(key, "why") == 0)
		return COLUMN_LONG;
	return json_is_integer(value) ? COLUMN_NUMBER : COLUMN_TEXT;
}

void cell_label(struct text *to, const char *key)
{
	size_t n = strlen(key);

	n -= ends_with(key, "_mib") ? 4 : ends_with(key, "_ms") ? 3 : 0;
	for (size_t i = 0; i < n; i++)
		text_append(to, key[i] == '_' ? " " : key + i, 1);
}
