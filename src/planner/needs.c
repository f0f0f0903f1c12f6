/* SPDX-License-Identifier: Apache-2.0 */
/* needs.c - reading the VMs of a plan.
 *
 * A need is accounted for by the framebuffer that it asks for: of its vGPU type, or the size named
 * with the class, or the smallest of the class that the fleet (else the catalogue) has.
 */
#include "planner/needs.h"

#include <string.h>

#include "base/csv.h"
#include "base/text.h"

enum column {
	VM, COUNT, PROFILE, VGPUS, CPUS, RAM, START, LIFETIME, RATE, TENANT, LABELS, COLUMNS
};
static const struct csv_column columns[COLUMNS] = {
	{ "vm" },            { "count", true },    { "profile" },    { "vgpus", true },
	{ "cpus", true },    { "ram_gib", true },  { "start", true }, { "lifetime", true },
	{ "rate", true },    { "tenant", true },   { "labels", true },
};

enum { CPUS_MAX = 100000, RAM_GIB_MAX = 100000 };
#define RATE_MAX 1e6

struct reader {
	struct csv csv;
	const struct fleet *fleet;
	struct needs *needs;
	uint64_t vms;
	struct error *err;
};

void needs_done(struct needs *n)
{
	free(n->rows);
	*n = (struct needs){ 0 };
}

bool need_is_whole(const struct need *need)
{
	return strcmp(need->profile, "whole") == 0 || strcmp(need->profile, "passthrough") == 0;
}

bool need_takes(const struct need *need, const struct catalogue_profile *p)
{
	if (catalogue_is_class(need->profile))
		return catalogue_class_takes(need->profile, p);
	return strcmp(need->profile, p->name) == 0;
}

/* ---- profiles ---- */

static void keep_smallest(const struct need *n, const struct catalogue_profile *p, size_t count,
			  uint32_t *mib)
{
	for (size_t i = 0; i < count; i++)
		if (need_takes(n, &p[i]) && p[i].fb_mib > 0 && (*mib == 0 || p[i].fb_mib < *mib))
			*mib = p[i].fb_mib;
}

static uint32_t smallest_of_board(const struct need *n, const struct board *b)
{
	uint32_t mib = 0;

	if (need_is_whole(n))
		return b->fb_mib;
	keep_smallest(n, b->profiles, b->profiles_n, &mib);
	return mib;
}

static uint32_t fb_of(const struct fleet *f, const struct need *n)
{
	uint32_t least = 0, mib;

	for (size_t s = 0; s < f->sorts_n; s++)
		for (uint8_t g = 0; g < f->sorts[s].gpus_n; g++) {
			mib = smallest_of_board(n, f->sorts[s].gpus[g]);
			if (mib && (least == 0 || mib < least))
				least = mib;
		}
	for (size_t i = 0; least == 0 && i < catalogue_boards(); i++)
		least = smallest_of_board(n, catalogue_board_at(i));
	return least;
}

/* NVIDIA supports several vGPUs in a VM for the C and Q series alone. */
static bool is_for_one_only(const struct need *n)
{
	bool any = false;

	if (need_is_whole(n))
		return false;
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_profile *p = catalogue_at(i);

		if (!need_takes(n, p))
			continue;
		if (p->series != SERIES_A && p->series != SERIES_B)
			return false;
		any = true;
	}
	return any;
}

static int read_profile(struct reader *rd, struct need *n)
{
	const char *text = rd->csv.fields[PROFILE];

	if (n->vgpus == 0 && *text)
		return csv_wrong(&rd->csv, VGPUS, rd->err, "0 vGPUs of %.40s: leave the profile "
				 "empty for a VM without any", text);
	if (n->vgpus == 0)
		return 0;
	if (!TEXT_COPY(n->profile, text) || !*text ||
	    (!need_is_whole(n) && !catalogue_is_class(text) && !catalogue_find(text, NULL)))
		return csv_wrong(&rd->csv, PROFILE, rd->err, "'%.40s' is no vGPU type (\"NVIDIA "
				 "L40S-8Q\"), no class with a size from 1 GiB on (\"compute:8\") "
				 "and not \"whole\"", text);
	n->fb_mib = fb_of(rd->fleet, n);
	if (n->fb_mib == 0)
		return csv_wrong(&rd->csv, PROFILE, rd->err, "no board has a vGPU type of class "
				 "%.40s", text);
	if (n->vgpus > 1 && is_for_one_only(n))
		return csv_wrong(&rd->csv, VGPUS, rd->err, "%u of %.40s in one VM: only the C and "
				 "Q series may be there more than once", n->vgpus, text);
	return 0;
}

/* ---- the other columns ---- */

static int read_optional(struct reader *rd, enum column c, int64_t most, int64_t fallback,
			 int64_t *ret)
{
	*ret = fallback;
	return rd->csv.fields[c][0] ? csv_integer(&rd->csv, c, 0, most, ret, rd->err) : 0;
}

/* "90", "90s", "5m", "2h", "1d"; fractions too. */
static int read_time(struct reader *rd, enum column c, uint64_t *ret)
{
	static const struct { char unit; double ms; } units[] = {
		{ 's', 1e3 }, { 'm', 60e3 }, { 'h', 3600e3 }, { 'd', 86400e3 },
	};
	const char *text = rd->csv.fields[c];
	double factor = 1e3, value;
	char *end;

	if (!*text)
		return 0;
	value = strtod(text, &end);
	for (size_t i = 0; end > text && i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].unit && !end[1]) {
			factor = units[i].ms;
			end++;
			break;
		}
	if (value < 0 && end > text)
		return csv_wrong(&rd->csv, c, rd->err, "%.40s is before the beginning: times are "
				 "from 0 on", text);
	if (end == text || *end || !(value * factor <= (double)NEEDS_MS_MAX))
		return csv_wrong(&rd->csv, c, rd->err, "'%.40s' is not a time such as 90, 90s, 5m, "
				 "2h or 1d, of 100 years at most", text);
	*ret = (uint64_t)(value * factor + 0.5);
	return 0;
}

static int read_times(struct reader *rd, struct need *n)
{
	const char *life = rd->csv.fields[LIFETIME], *rate = rd->csv.fields[RATE];
	int r = read_time(rd, START, &n->start_ms);

	if (r == 0)
		r = read_time(rd, LIFETIME, &n->life_ms);
	if (r == 0 && *life && n->life_ms == 0)
		return csv_wrong(&rd->csv, LIFETIME, rd->err, "a VM that lives for '%.40s' is "
				 "never there; leave it empty for one that stays", life);
	if (r == 0 && *rate)
		r = csv_real(&rd->csv, RATE, 0, RATE_MAX, &n->rate, rd->err);
	if (r == 0 && *rate && n->rate <= 0)
		return csv_wrong(&rd->csv, RATE, rd->err, "at 0 an hour nothing ever comes; leave "
				 "it empty for VMs that come at once");
	n->timed = *life || *rate || rd->csv.fields[START][0];
	return r;
}

static int read_label(struct reader *rd, const char *name, struct need *n)
{
	cleanup(text_done) struct text list = { 0 };
	int bit = fleet_label(rd->fleet, name);

	if (bit >= 0) {
		n->labels |= 1ull << bit;
		return 0;
	}
	for (size_t i = 0; i < rd->fleet->labels_n && i < 8; i++)
		text_add(&list, "%s%s", i ? ", " : "", rd->fleet->labels[i]);
	return csv_wrong(&rd->csv, LABELS, rd->err, "no host has the label '%.40s'; the fleet "
			 "has %s", name, list.data ? list.data : "none");
}

static int read_labels(struct reader *rd, struct need *n)
{
	char *rest = rd->csv.fields[LABELS], *part;
	int r = 0;

	while (r == 0 && (part = strsep(&rest, ",; ")))
		if (*part)
			r = read_label(rd, part, n);
	return r;
}

static int read_words(struct reader *rd, struct need *n)
{
	const char *vm = rd->csv.fields[VM], *tenant = rd->csv.fields[TENANT];

	if (!*vm || !TEXT_COPY(n->vm, vm))
		return csv_wrong(&rd->csv, VM, rd->err, "a row needs a name of at most %d bytes, "
				 "such as web or desktops; is '%.40s'", FLEET_NAME_SIZE - 1, vm);
	if (!TEXT_COPY(n->tenant, tenant))
		return csv_wrong(&rd->csv, TENANT, rd->err, "longer than %d bytes",
				 FLEET_NAME_SIZE - 1);
	return 0;
}

static int read_numbers(struct reader *rd, struct need *n)
{
	int64_t count = 0, vgpus = 0, cpus = 0, ram = 0;
	bool any = rd->csv.fields[PROFILE][0];
	int r = read_optional(rd, COUNT, INT64_MAX, rd->csv.fields[RATE][0] ? 0 : 1, &count);

	if (r == 0 && count == 0 && rd->csv.fields[COUNT][0])
		return csv_wrong(&rd->csv, COUNT, rd->err, "0 VMs: leave the row out");
	if (r == 0)
		r = read_optional(rd, VGPUS, ENGINE_COUNT_MAX, any, &vgpus);
	if (r == 0)
		r = read_optional(rd, CPUS, CPUS_MAX, 0, &cpus);
	if (r == 0)
		r = read_optional(rd, RAM, RAM_GIB_MAX, 0, &ram);
	if (r < 0)
		return r;
	/* Every count is at most INT64_MAX, and the sum before it at most NEEDS_VMS_MAX. */
	rd->vms += (uint64_t)count;
	if (rd->vms > NEEDS_VMS_MAX)
		return csv_wrong(&rd->csv, COUNT, rd->err,
				 "%ju VMs up to here; a plan takes %d at most",
				 (uintmax_t)rd->vms, NEEDS_VMS_MAX);
	n->count = (uint32_t)count;
	n->vgpus = (uint8_t)vgpus;
	n->cpu_milli = (uint32_t)cpus * 1000;
	n->ram_mib = (uint32_t)ram * 1024;
	return 0;
}

static int read_row(struct reader *rd, struct need *n)
{
	int r = read_words(rd, n);

	n->line = rd->csv.line;
	if (r == 0)
		r = read_numbers(rd, n);
	if (r == 0)
		r = read_profile(rd, n);
	if (r == 0)
		r = read_times(rd, n);
	return r == 0 ? read_labels(rd, n) : r;
}

static int add_row(struct reader *rd)
{
	struct needs *all = rd->needs;
	size_t room = all->room ? all->room * 2 : 64;
	struct need *grown;

	if (all->n == NEEDS_ROWS_MAX)
		return csv_wrong(&rd->csv, VM, rd->err, "more than %d rows; VMs that are alike are "
				 "one row with a count", NEEDS_ROWS_MAX);
	if (all->n == all->room) {
		grown = reallocarray(all->rows, room, sizeof(*grown));
		if (!grown)
			return error_set(rd->err, ERR_NO_MEMORY, "%zu rows of demand", room);
		all->rows = grown;
		all->room = room;
	}
	all->rows[all->n] = (struct need){ 0 };
	return read_row(rd, &all->rows[all->n++]);
}

int needs_read(const char *file, char *text, const struct fleet *fleet, struct needs *ret,
	       struct error *err)
{
	struct needs all = { 0 };
	struct reader rd = { .fleet = fleet, .needs = &all, .err = err };
	int r = csv_begin(&rd.csv, file, text, columns, COLUMNS, err);

	while (r == 0 && (r = csv_next(&rd.csv, err)) > 0)
		r = add_row(&rd);
	if (r == 0 && all.n == 0)
		r = error_set(err, ERR_INVALID, "%s asks for nothing: it has no row but the first, "
			      "which names the columns", file);
	if (r < 0) {
		needs_done(&all);
		if (err)
			text_make_utf8(err->text);
		return r;
	}
	*ret = all;
	return 0;
}
