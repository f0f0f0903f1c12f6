/* SPDX-License-Identifier: Apache-2.0 */
/* fleet.c - reading the hosts of a plan.
 *
 * Lines are read here and not by libinih, because that joins two sections of one name, cuts long
 * names, and says nothing of a section without a line; each of these is a mistake worth its line.
 */
#include "planner/fleet.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "model/words.h"

enum { COUNT_MAX = 1000000, RAM_GIB_MAX = 1000000 };

struct reader {
	const char *file;
	size_t line;
	struct fleet *fleet;
	struct fleet_sort *sort;  /* of the section under way, NULL before the first */
	unsigned int seen;        /* its keys, as bits */
	uint64_t hosts;
	struct error *err;
};

static int printf_like(4, 0) wrong_at(const struct reader *rd, size_t line, enum error_kind kind,
				    const char *fmt, va_list ap)
{
	char place[ERROR_PLACE_MAX], text[400];

	vsnprintf(text, sizeof(text), fmt, ap);
	text_make_utf8(text);
	snprintf(place, sizeof(place), "line %zu", line);
	return error_at(rd->err, kind, place, "%s %s: %s", rd->file, place, text);
}

static int printf_like(2, 3) wrong(const struct reader *rd, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = wrong_at(rd, rd->line, ERR_INVALID, fmt, ap);
	va_end(ap);
	return r;
}

static int printf_like(3, 4) wrong_sort(const struct reader *rd, enum error_kind kind,
					const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = wrong_at(rd, rd->sort ? rd->sort->line : rd->line, kind, fmt, ap);
	va_end(ap);
	return r;
}

/* Without the blanks at both ends. */
static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* ---- values ---- */

static int read_number(const struct reader *rd, const char *key, const char *value, uint64_t max,
		       uint64_t *ret)
{
	if (!text_to_u64(value, max, ret))
		return wrong(rd, "%s is a whole number from 0 to %ju, not '%.40s'", key,
			     (uintmax_t)max, value);
	return 0;
}

static int read_count(struct reader *rd, char *value)
{
	uint64_t n = 0;
	int r = read_number(rd, "count", value, FLEET_HOSTS_MAX, &n);

	if (r < 0)
		return r;
	rd->sort->count = (uint32_t)n;
	rd->hosts += n;
	if (rd->hosts > FLEET_HOSTS_MAX)
		return wrong(rd, "%ju hosts up to here; a plan takes %d at most",
			     (uintmax_t)rd->hosts, FLEET_HOSTS_MAX);
	return 0;
}

static int read_cpus(struct reader *rd, char *value)
{
	uint64_t n = 0;
	int r = read_number(rd, "cpus", value, COUNT_MAX, &n);

	rd->sort->cpu_milli = (uint32_t)n * 1000;
	return r == 0 && n == 0 ? wrong(rd, "a host without a CPU runs no VM; leave cpus out when "
					"they are not to be counted") : r;
}

static int read_ram(struct reader *rd, char *value)
{
	uint64_t n = 0;
	int r = read_number(rd, "ram_gib", value, RAM_GIB_MAX, &n);

	rd->sort->ram_mib = (uint32_t)n * 1024;
	return r == 0 && n == 0 ? wrong(rd, "a host without RAM runs no VM; leave ram_gib out when "
					"it is not to be counted") : r;
}

static bool is_like(const struct board *b, const char *name)
{
	return text_contains_nocase(b->name, name);
}

static int no_board(const struct reader *rd, const char *name)
{
	cleanup(text_done) struct text list = { 0 };
	int n = 0;

	for (size_t i = 0; name[0] && i < catalogue_boards(); i++)
		if (is_like(catalogue_board_at(i), name) && n++ < 5)
			text_add(&list, "%s%s", n > 1 ? ", " : "", catalogue_board_at(i)->name);
	if (n == 0)
		return wrong(rd, "there is no board '%.40s'; data/vgpu-types.csv lists those that "
			     "are known", name);
	return wrong(rd, "'%.40s' is no one board; say which: %s%s", name,
		     list.data ? list.data : "", n > 5 ? ", ..." : "");
}

/* "4 x L40S", "L40S" */
static int read_some_gpus(struct reader *rd, char *value)
{
	char *x = strstr(value, " x "), *name = value;
	const struct board *board;
	uint64_t n = 1;

	if (x) {
		*x = '\0';
		name = trim(x + 3);
	}
	if (x && (!text_to_u64(trim(value), UINT32_MAX, &n) || n == 0))
		return wrong(rd, "gpus is NUMBER x BOARD with a number from 1 on, not "
			     "'%.40s x ...'", value);
	board = catalogue_board_named(name);
	if (!board)
		return no_board(rd, name);
	if (rd->sort->gpus_n + n > ENGINE_HOST_GPUS_MAX)
		return wrong(rd, "%ju GPUs in one host; %d at most",
			     (uintmax_t)(rd->sort->gpus_n + n), ENGINE_HOST_GPUS_MAX);
	while (n-- > 0)
		rd->sort->gpus[rd->sort->gpus_n++] = board;
	return 0;
}

static int read_gpus(struct reader *rd, char *value)
{
	char *part;
	int r = 0;

	while (r == 0 && (part = strsep(&value, ",")))
		r = read_some_gpus(rd, trim(part));
	return r;
}

static int read_mode(struct reader *rd, char *value)
{
	int mode;

	if (strcmp(value, "any") == 0)
		rd->sort->mode = FLEET_MODE_ANY;
	else if (names_value(&gpu_mode_names, value, &mode))
		rd->sort->mode = (unsigned int)mode;
	else
		return wrong(rd, "mode is equal-size, mixed-size, mig, passthrough or any, not "
			     "'%.40s'", value);
	return 0;
}

static int read_label(struct reader *rd, const char *name)
{
	struct fleet *f = rd->fleet;
	int at = fleet_label(f, name);
	struct error why;

	if (at < 0) {
		if (text_check_name(name, "a label", &why) < 0)
			return wrong(rd, "%s", why.text);
		if (f->labels_n == FLEET_LABELS_MAX)
			return wrong(rd, "more than %d different labels", FLEET_LABELS_MAX);
		at = (int)f->labels_n++;
		TEXT_COPY(f->labels[at], name);
	}
	rd->sort->labels |= 1ull << at;
	return 0;
}

static int read_labels(struct reader *rd, char *value)
{
	char *part;
	int r = 0;

	while (r == 0 && (part = strsep(&value, ", ")))
		if (*part)
			r = read_label(rd, part);
	return r;
}

static const struct {
	const char *name;
	int (*read)(struct reader *rd, char *value);
	bool needed;
} keys[] = {
	{ "count", read_count, true }, { "gpus", read_gpus, true },   { "cpus", read_cpus },
	{ "ram_gib", read_ram },       { "mode", read_mode },         { "labels", read_labels },
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* ---- sections ---- */

static int check_mode(const struct reader *rd)
{
	const struct fleet_sort *s = rd->sort;
	struct cut cut;

	for (uint8_t g = 0; s->mode != FLEET_MODE_ANY && g < s->gpus_n; g++)
		if (!cut_of_board(s->gpus[g], (enum gpu_mode)s->mode, &cut))
			return wrong_sort(rd, ERR_INVALID, "host %s: %s has no mode %s", s->name,
					  s->gpus[g]->name, fleet_mode_word(s->mode));
	return 0;
}

static int end_section(const struct reader *rd)
{
	for (int k = 0; rd->sort && k < KEYS; k++)
		if (keys[k].needed && !(rd->seen >> k & 1))
			return wrong_sort(rd, ERR_INVALID, "host %s has no %s", rd->sort->name,
					  keys[k].name);
	return rd->sort ? check_mode(rd) : 0;
}

static int begin_section(struct reader *rd, char *head)
{
	size_t n = strlen(head);
	struct fleet *f = rd->fleet;
	struct error why;
	char *name;
	int r = end_section(rd);

	if (r < 0)
		return r;
	if (head[n - 1] != ']' || strncmp(head, "[host", 5) != 0)
		return wrong(rd, "'%.60s' is no section; a sort of host begins with [host NAME]",
			     head);
	head[n - 1] = '\0';
	name = trim(head + 5);
	if (text_check_name(name, "a sort of host", &why) < 0)
		return wrong(rd, "%s", why.text);
	if (fleet_sort_named(f, name) >= 0)
		return wrong(rd, "there is a sort of host %s already, on line %zu", name,
			     f->sorts[fleet_sort_named(f, name)].line);
	if (f->sorts_n == FLEET_SORTS_MAX)
		return wrong(rd, "more than %d sorts of host", FLEET_SORTS_MAX);
	rd->sort = &f->sorts[f->sorts_n++];
	*rd->sort = (struct fleet_sort){ .line = rd->line, .cpu_milli = INT32_MAX,
					 .ram_mib = INT32_MAX, .mode = GPU_MODE_EQUAL };
	TEXT_COPY(rd->sort->name, name);
	rd->seen = 0;
	return 0;
}

static int read_pair(struct reader *rd, char *line)
{
	char *equals = strchr(line, '='), *key;

	if (!equals)
		return wrong(rd, "'%.60s' is neither [host NAME] nor key = value nor a comment",
			     line);
	*equals = '\0';
	key = trim(line);
	if (!rd->sort)
		return wrong(rd, "%.40s stands before the first [host NAME]", key);
	for (unsigned int k = 0; k < KEYS; k++) {
		if (strcmp(keys[k].name, key) != 0)
			continue;
		if (rd->seen >> k & 1)
			return wrong(rd, "host %s has %s twice", rd->sort->name, key);
		rd->seen |= 1u << k;
		return keys[k].read(rd, trim(equals + 1));
	}
	return wrong(rd, "there is no key '%.40s'; a host has count, gpus, cpus, ram_gib, mode and "
		     "labels", key);
}

static int read_line(struct reader *rd, char *line)
{
	rd->line++;
	line = trim(line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	return *line == '[' ? begin_section(rd, line) : read_pair(rd, line);
}

int fleet_read(const char *file, char *text, struct fleet *ret, struct error *err)
{
	struct reader rd = { .file = file, .fleet = ret, .err = err };
	char *line;
	int r = 0;

	*ret = (struct fleet){ 0 };
	while (r == 0 && (line = strsep(&text, "\n")))
		r = read_line(&rd, line);
	if (r == 0)
		r = end_section(&rd);
	if (r == 0 && ret->sorts_n == 0)
		r = wrong(&rd, "there is no host in it; a sort of host begins with [host NAME]");
	return r;
}

/* ---- looking ---- */

int fleet_label(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->labels_n; i++)
		if (strcmp(f->labels[i], name) == 0)
			return (int)i;
	return -1;
}

int fleet_sort_named(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->sorts_n; i++)
		if (strcmp(f->sorts[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *fleet_mode_word(unsigned int mode)
{
	return mode == FLEET_MODE_ANY ? "any" : names_word(&gpu_mode_names, (int)mode);
}
