/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "base/text.h"

struct reader {
	const struct config_item *items;
	size_t n;
	char *target;
	FILE *stream;
	int line, wrong_line;
	struct error *err;
	int r;
};

static int set_number(const struct config_item *it, const char *value, void *slot,
		      struct error *err)
{
	uint64_t v;

	if (!text_to_u64(value, UINT64_MAX, &v) || v < it->min || v > it->max)
		return error_set(err, ERR_INVALID,
				 "%s.%s must be a number from %ju to %ju, is '%s'", it->section,
				 it->key, (uintmax_t)it->min, (uintmax_t)it->max, value);
	*(uint64_t *)slot = v;
	return 0;
}

static int set_bool(const struct config_item *it, const char *value, void *slot, struct error *err)
{
	bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;

	if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0)
		return error_set(err, ERR_INVALID, "%s.%s must be yes or no, is '%s'", it->section,
				 it->key, value);
	*(bool *)slot = yes;
	return 0;
}

static int set_string(const struct config_item *it, const char *value, void *slot,
		      struct error *err)
{
	char *copy;

	if (it->type == CONFIG_PATH && value[0] != '/' && value[0] != '\0')
		return error_set(err, ERR_INVALID, "%s.%s must be an absolute path, is '%s'",
				 it->section, it->key, value);
	copy = strdup(value);
	if (!copy)
		return error_set(err, ERR_NO_MEMORY, "%s.%s", it->section, it->key);
	free(*(char **)slot);
	*(char **)slot = copy;
	return 0;
}

static int set_item(const struct config_item *it, const char *value, char *target,
		    struct error *err)
{
	void *slot = target + it->offset;

	switch (it->type) {
	case CONFIG_NUMBER:
		return set_number(it, value, slot, err);
	case CONFIG_BOOL:
		return set_bool(it, value, slot, err);
	default:
		return set_string(it, value, slot, err);
	}
}

static const struct config_item *find(const struct config_item *items, size_t n,
				      const char *section, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].section, section) == 0 && strcmp(items[i].key, key) == 0)
			return &items[i];
	return NULL;
}

/* Returns 0 for an error, as libinih wants it; libinih goes on reading and keeps the line of the
 * first error, so what comes after the first is not looked at. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reader *rd = user;
	const struct config_item *it = find(rd->items, rd->n, section, key);

	if (rd->r < 0)
		return 1;
	if (it)
		rd->r = set_item(it, value ? value : "", rd->target, rd->err);
	else
		rd->r = error_set(rd->err, ERR_INVALID, "there is no setting [%s] %s", section,
				  key);
	rd->wrong_line = rd->line;
	return rd->r == 0;
}

/* The line reader of libinih.  Left to itself, libinih takes an indented "key = value" for more of
 * the value above it, and reads a long line as two, both without a word. */
static char *next_line(char *buffer, int size, void *stream)
{
	struct reader *rd = stream;
	char *line = fgets(buffer, size, rd->stream);
	size_t n, blanks;

	if (!line)
		return NULL;
	rd->line++;
	n = strlen(line);
	if (n + 1 == (size_t)size && line[n - 1] != '\n' && rd->r == 0) {
		rd->r = error_set(rd->err, ERR_INVALID, "a line may have %d characters", size - 2);
		rd->wrong_line = rd->line;
	}
	if (rd->r < 0)
		return NULL;
	blanks = strspn(line, " \t");
	memmove(line, line + blanks, n - blanks + 1);
	return line;
}

static int read_file(const char *file, struct reader *rd)
{
	cleanup(cleanup_file) FILE *f = fopen(file, "re");
	char place[ERROR_PLACE_MAX];
	int line;

	if (!f)
		return errno == ENOENT ? 0 : error_errno(rd->err, errno, "open %s", file);
	rd->stream = f;
	rd->line = rd->wrong_line = 0;
	line = ini_parse_stream(next_line, rd, on_pair, rd);
	if (ferror(f))
		return error_set(rd->err, ERR_IO, "read %s: it can not be read", file);
	if (line > 0 && (rd->r == 0 || line < rd->wrong_line)) {
		rd->r = error_set(rd->err, ERR_INVALID,
				  "neither [section] nor key = value nor a comment");
		rd->wrong_line = line;
	}
	if (rd->r < 0 && rd->err) {
		snprintf(place, sizeof(place), ":%d", rd->wrong_line);
		/* The end of a long path says more than its beginning. */
		snprintf(rd->err->place, sizeof(rd->err->place), "%s%s",
			 file + (strlen(file) > 100 ? strlen(file) - 100 : 0), place);
	}
	return rd->r;
}

static int is_drop_in(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* Not alphasort(): the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_in(const char *file, const char *name, struct reader *rd)
{
	struct text path = { 0 };
	int r;

	text_add(&path, "%s.d/%s", file, name);
	r = path.failed ? error_set(rd->err, ERR_NO_MEMORY, "%s.d", file)
			: read_file(path.data, rd);
	text_done(&path);
	return r;
}

static int read_drop_ins(const char *file, struct reader *rd)
{
	cleanup(text_done_p) struct text *path = &(struct text){ 0 };
	struct dirent **names = NULL;
	int n, r = 0;

	text_add(path, "%s.d", file);
	if (path->failed)
		return error_set(rd->err, ERR_NO_MEMORY, "%s.d", file);
	n = scandir(path->data, &names, is_drop_in, by_name);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0 : error_errno(rd->err, errno, "open %s", path->data);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_drop_in(file, names[i]->d_name, rd);
		free(names[i]);
	}
	free(names);
	return r;
}

static int set_defaults(struct reader *rd)
{
	int r = 0;

	for (size_t i = 0; i < rd->n && r == 0; i++)
		if (rd->items[i].fallback)
			r = set_item(&rd->items[i], rd->items[i].fallback, rd->target, rd->err);
	return r;
}

int config_load(const char *file, const struct config_item *items, size_t n, void *target,
		struct error *err)
{
	struct reader rd = { .items = items, .n = n, .target = target, .err = err };
	int r = set_defaults(&rd);

	if (r == 0)
		r = read_file(file, &rd);
	if (r == 0)
		r = read_drop_ins(file, &rd);
	if (r < 0)
		config_done(items, n, target);
	return r;
}

int config_set(const char *assignment, const struct config_item *items, size_t n, void *target,
	       struct error *err)
{
	const char *equals = strchr(assignment, '='), *dot = strchr(assignment, '.');
	char section[32], key[64];
	const struct config_item *it;

	if (!equals || !dot || dot > equals)
		return error_set(err, ERR_INVALID, "'%s' is not section.key=value", assignment);
	snprintf(section, sizeof(section), "%.*s", (int)(dot - assignment), assignment);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - dot - 1), dot + 1);
	it = find(items, n, section, key);
	if (!it)
		return error_set(err, ERR_INVALID, "there is no setting [%s] %s", section, key);
	return set_item(it, equals + 1, target, err);
}

void config_done(const struct config_item *items, size_t n, void *target)
{
	for (size_t i = 0; i < n; i++) {
		char **slot = (char **)((char *)target + items[i].offset);

		if (items[i].type != CONFIG_STRING && items[i].type != CONFIG_PATH)
			continue;
		free(*slot);
		*slot = NULL;
	}
}

static void print_value(FILE *out, const struct config_item *it, const void *target)
{
	const void *slot = (const char *)target + it->offset;
	const char *text;

	if (it->type == CONFIG_NUMBER) {
		fprintf(out, "%s = %ju\n", it->key, (uintmax_t) * (const uint64_t *)slot);
	} else if (it->type == CONFIG_BOOL) {
		fprintf(out, "%s = %s\n", it->key, *(const bool *)slot ? "yes" : "no");
	} else {
		text = *(char *const *)slot;
		fprintf(out, "%s = %s\n", it->key, text ? text : "");
	}
}

void config_print(FILE *out, const struct config_item *items, size_t n, const void *target)
{
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(items[i].section, items[i - 1].section) != 0)
			fprintf(out, "%s[%s]\n", i ? "\n" : "", items[i].section);
		fprintf(out, "# %s\n", items[i].says);
		print_value(out, &items[i], target);
	}
}
