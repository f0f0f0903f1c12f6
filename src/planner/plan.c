/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/plan.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { HELP_VMS_MAX = 200000 }; /* above, a search takes too long to be done unasked */

static const char *const usual[] = { "fragmentation", "pack", "spread", "first-fit" };

struct plan *plan_free(struct plan *p)
{
	if (!p)
		return NULL;
	trial_done(&p->trial);
	arrivals_done(&p->arrivals);
	needs_done(&p->needs);
	free(p);
	return NULL;
}

bool plan_fits(const struct plan *p)
{
	return trial_acceptance(&p->trial) >= p->accept_milli;
}

/* ---- policies ---- */

static int no_policy(const char *name, struct error *err)
{
	cleanup(text_done) struct text list = { 0 };

	for (size_t i = 0; i < policy_rows_n; i++)
		text_add(&list, "%s%s", i ? ", " : "", policy_rows[i].name);
	return error_set(err, ERR_NOT_FOUND, "there is no policy '%.40s': it is all, or one of %s",
			 name, list.data ? list.data : "");
}

static int choose_policies(struct plan *p, const char *name, struct error *err)
{
	bool all = name && strcmp(name, "all") == 0;

	if (name && !all && !policy_row(name))
		return no_policy(name, err);
	for (size_t i = 0; all && i < policy_rows_n && i < PLAN_POLICIES_MAX; i++)
		p->rows[p->rows_n++].policy = &policy_rows[i];
	if (name && !all)
		p->rows[p->rows_n++].policy = policy_row(name);
	for (size_t i = 0; !name && i < sizeof(usual) / sizeof(usual[0]); i++)
		p->rows[p->rows_n++].policy = policy_row(usual[i]);
	return 0;
}

static void fill_row(struct plan_row *row, const struct trial *t)
{
	row->accepted = t->accepted;
	row->gpus_unused = t->gpus_unused;
	row->hosts_unused = t->hosts_unused;
	row->fb_accepted_mib = t->fb_accepted_mib;
	row->fb_peak_mib = t->fb_peak_mib;
	memcpy(row->refused, t->refused, sizeof(row->refused));
}

static int try_policies(struct plan *p, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < p->rows_n && r == 0; i++) {
		struct trial t = { 0 };

		r = trial_run(&p->scene, p->rows[i].policy, p->how.seed, &t, err);
		if (r < 0)
			return r;
		fill_row(&p->rows[i], &t);
		if (i > 0 && t.accepted <= p->trial.accepted) {
			trial_done(&t);
			continue;
		}
		trial_done(&p->trial);
		p->trial = t;
	}
	return r;
}

/* ---- the fewest ---- */

static bool has_board(const struct fleet_sort *s, const struct board *b)
{
	for (uint8_t g = 0; g < s->gpus_n; g++)
		if (s->gpus[g] == b)
			return true;
	return false;
}

static int find_sort(const struct fleet *f, const char *name, size_t *ret, struct error *err)
{
	const struct board *b = catalogue_board_named(name);
	int at = fleet_sort_named(f, name);
	size_t n = 0;

	for (size_t i = 0; at < 0 && b && i < f->sorts_n; i++)
		if (has_board(&f->sorts[i], b)) {
			*ret = i;
			n++;
		}
	if (at >= 0)
		*ret = (size_t)at;
	else if (n > 1)
		return error_set(err, ERR_INVALID, "%zu sorts of host have a %s: name the sort", n,
				 b->name);
	else if (n == 0)
		return error_set(err, ERR_NOT_FOUND, "the fleet has no host '%.60s', nor one with "
				 "such a board: describe it there, count = 0 will do", name);
	return 0;
}

/* With several policies the one that needs fewest is told; the table shows all with that many. */
static int find_fewest(struct plan *p, const char *name, struct error *err)
{
	struct fewest_ask ask = { .scene = &p->scene, .seed = p->how.seed,
				  .accept_milli = p->accept_milli };
	struct fewest found;
	int r = find_sort(&p->fleet, name, &ask.sort, err);

	for (size_t i = 0; i < p->rows_n && r == 0; i++) {
		ask.policy = p->rows[i].policy;
		r = fewest_find(&ask, &found, err);
		if (r == 0 && (i == 0 || (found.possible && (!p->fewest.possible ||
							      found.count < p->fewest.count))))
			p->fewest = found;
	}
	if (r < 0)
		return r;
	p->searched = true;
	p->searched_sort = ask.sort;
	if (p->fewest.possible)
		p->scene.counts[ask.sort] = p->fewest.count;
	return 0;
}

/* ---- what would help ---- */

/* Could all that is refused, but what --accept lets go, lie on hosts of SORT? */
static bool may_help(const struct plan *p, size_t sort)
{
	const struct trial *t = &p->trial;
	uint64_t beyond = 0;

	for (size_t i = 0; i < p->needs.n; i++)
		if (!setup_offers(&p->scene, &t->setup, sort, i) ||
		    !setup_has_labels(&p->scene, sort, i))
			beyond += t->row_asked[i] - t->row_accepted[i];
	return (t->asked - beyond) * 100000ull >= (uint64_t)p->accept_milli * t->asked;
}

static int find_help(struct plan *p, struct error *err)
{
	struct fewest_ask ask = { .scene = &p->scene, .policy = p->trial.policy,
				  .seed = p->how.seed, .accept_milli = p->accept_milli };
	int r = 0;

	if (plan_fits(p) || p->searched || p->arrivals.n > HELP_VMS_MAX)
		return 0;
	for (size_t i = 0; i < p->fleet.sorts_n && r == 0; i++) {
		struct plan_help *help = &p->helps[p->helps_n];

		if (!may_help(p, i))
			continue;
		help->sort = ask.sort = i;
		ask.least = p->scene.counts[i];
		r = fewest_find(&ask, &help->found, err);
		p->helps_n += r == 0 && help->found.possible;
	}
	return r;
}

/* ---- the plan ---- */

static int read_all(const struct plan_ask *ask, struct plan *p, struct error *err)
{
	uint64_t hosts = 0;
	int r = fleet_read(ask->fleet_file, ask->fleet_text, &p->fleet, err);

	if (r == 0)
		r = needs_read(ask->needs_file, ask->needs_text, &p->fleet, &p->needs, err);
	if (r == 0)
		r = arrivals_make(&p->needs, &ask->how, &p->arrivals, err);
	p->scene = (struct scene){ &p->fleet, &p->needs, &p->arrivals, { 0 } };
	for (size_t i = 0; i < p->fleet.sorts_n; i++)
		hosts += p->scene.counts[i] = p->fleet.sorts[i].count;
	if (r == 0 && hosts == 0 && !ask->fewest)
		r = error_set(err, ERR_INVALID, "%s: every count is 0; ask how many it takes with "
			      "--fewest %s", ask->fleet_file, p->fleet.sorts[0].name);
	return r;
}

int plan_make(const struct plan_ask *ask, struct plan **ret, struct error *err)
{
	cleanup(plan_free_p) struct plan *p = calloc(1, sizeof(*p));
	int r = p ? 0 : error_set(err, ERR_NO_MEMORY, "a plan");

	if (r < 0)
		return r;
	p->fleet_file = ask->fleet_file;
	p->needs_file = ask->needs_file;
	p->how = ask->how;
	p->accept_milli = ask->accept_milli;
	r = choose_policies(p, ask->policy, err);
	if (r == 0)
		r = read_all(ask, p, err);
	if (r == 0 && ask->fewest)
		r = find_fewest(p, ask->fewest, err);
	if (r == 0)
		r = try_policies(p, err);
	if (r == 0)
		r = find_help(p, err);
	if (r < 0)
		return r;
	*ret = take(p);
	return 0;
}

/* ---- files ---- */

static size_t line_of(const char *text, size_t n)
{
	size_t line = 1;

	for (size_t i = 0; i < n; i++)
		line += text[i] == '\n';
	return line;
}

static int check_text(const char *file, const char *text, size_t n, struct error *err)
{
	size_t line = 0;

	for (const char *s = text, *end; s <= text + n; s = end + 1) {
		end = memchr(s, '\n', (size_t)(text + n - s));
		end = end ? end : text + n;
		line++;
		if (memchr(s, '\0', (size_t)(end - s)) || !text_is_utf8(s, (size_t)(end - s)))
			return error_set(err, ERR_INVALID, "%s line %zu: this is no text (UTF-8)",
					 file, line);
	}
	return 0;
}

int plan_read_stream(FILE *f, const char *name, size_t max, char **ret, struct error *err)
{
	cleanup(cleanup_free) char *text = NULL;
	size_t n = 0, room = 0;
	int r;

	while (n == room && n <= max) {
		char *grown = realloc(text, (room = room ? room * 2 : 1 << 16) + 1);

		if (!grown)
			return error_set(err, ERR_NO_MEMORY, "cannot read %s", name);
		text = grown;
		n += fread(text + n, 1, room - n, f);
	}
	if (ferror(f))
		return error_errno(err, errno, "cannot read %s", name);
	if (n > max)
		return error_set(err, ERR_TOO_LARGE, "%s line %zu: the file goes on after %zu MiB; "
				 "VMs that are alike are one row with a count", name,
				 line_of(text, max), max >> 20);
	text[n] = '\0';
	r = check_text(name, text, n, err);
	if (r == 0)
		*ret = take(text);
	return r;
}

int plan_read_file(const char *file, size_t max, char **ret, struct error *err)
{
	cleanup(cleanup_file) FILE *f = fopen(file, "re");

	if (!f)
		return error_errno(err, errno, "cannot read %s", file);
	return plan_read_stream(f, file, max, ret, err);
}
