/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/report.h"

#include "base/json.h"

double plan_percent(uint64_t part, uint64_t whole)
{
	return whole ? (double)(10000 * part / whole) / 100 : 100;
}

/* jansson would print 99.98 as 99.980000000000004. */
static json_t *percent(uint64_t part, uint64_t whole)
{
	return json_real(plan_percent(part, whole));
}

void plan_add_gpus(struct text *to, const struct fleet_sort *s)
{
	for (uint8_t g = 0, n; g < s->gpus_n; g = (uint8_t)(g + n)) {
		for (n = 1; g + n < s->gpus_n && s->gpus[g + n] == s->gpus[g];)
			n++;
		text_add(to, "%s%u x %s", g ? ", " : "", n, s->gpus[g]->name);
	}
}

static json_t *sort_json(const struct plan *p, size_t i)
{
	const struct fleet_sort *s = &p->fleet.sorts[i];
	cleanup(text_done) struct text gpus = { 0 };

	plan_add_gpus(&gpus, s);
	return json_pack("{s:s,s:I,s:s,s:s}", "host", s->name, "count",
			 (json_int_t)p->scene.counts[i], "gpus", gpus.data ? gpus.data : "",
			 "mode", fleet_mode_word(s->mode));
}

static json_t *fleet_json(const struct plan *p)
{
	json_t *sorts = json_array();

	for (size_t i = 0; i < p->fleet.sorts_n; i++)
		json_array_append_new(sorts, sort_json(p, i));
	return json_pack("{s:s,s:I,s:I,s:I,s:o}", "file", p->fleet_file, "hosts",
			 (json_int_t)p->trial.setup.hosts_n, "gpus", (json_int_t)p->trial.gpus_n,
			 "fb_mib", (json_int_t)p->trial.fb_total_mib, "sorts", sorts);
}

static json_t *demand_json(const struct plan *p)
{
	const struct trial *t = &p->trial;
	uint64_t vgpus = 0;

	for (size_t i = 0; i < p->needs.n; i++)
		vgpus += (uint64_t)t->row_asked[i] * p->needs.rows[i].vgpus;
	return json_pack("{s:s,s:I,s:I,s:I,s:b,s:I,s:s}", "file", p->needs_file, "vms",
			 (json_int_t)t->asked, "vgpus", (json_int_t)vgpus, "fb_mib",
			 (json_int_t)t->fb_asked_mib, "timed", p->arrivals.timed, "seed",
			 (json_int_t)p->how.seed, "order",
			 names_word(&arrival_order_names, (int)p->how.order));
}

static json_t *refused_json(const uint32_t *refused)
{
	json_t *list = json_array();

	for (int i = LACK_NONE + 1; i < LACK_COUNT; i++)
		if (refused[i])
			json_array_append_new(list, json_pack("{s:s,s:I,s:s}", "reason",
				lack_words[i], "vms", (json_int_t)refused[i], "text",
				lack_sentences[i]));
	return list;
}

static json_t *policy_json(const struct plan *p, const struct plan_row *row)
{
	const struct trial *t = &p->trial;

	return json_pack("{s:s,s:I,s:I,s:o,s:o,s:o,s:I,s:I,s:o}", "policy", row->policy->name,
			 "accepted", (json_int_t)row->accepted, "refused",
			 (json_int_t)(t->asked - row->accepted), "percent",
			 percent(row->accepted, t->asked), "fb_percent",
			 percent(row->fb_accepted_mib, t->fb_asked_mib), "peak_percent",
			 percent(row->fb_peak_mib, t->fb_total_mib ? t->fb_total_mib : 1),
			 "gpus_unused", (json_int_t)row->gpus_unused, "hosts_unused",
			 (json_int_t)row->hosts_unused, "reasons", refused_json(row->refused));
}

static json_t *policies_json(const struct plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->rows_n; i++)
		json_array_append_new(list, policy_json(p, &p->rows[i]));
	return list;
}

static json_t *rows_json(const struct plan *p)
{
	const struct trial *t = &p->trial;
	json_t *list = json_array();

	for (size_t i = 0; i < p->needs.n; i++) {
		const struct need *n = &p->needs.rows[i];

		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o}", "vm", n->vm,
			"tenant", n->tenant, "profile", n->profile, "vgpus", (json_int_t)n->vgpus,
			"asked", (json_int_t)t->row_asked[i], "accepted",
			(json_int_t)t->row_accepted[i], "percent",
			percent(t->row_accepted[i], t->row_asked[i])));
	}
	return list;
}

static json_t *fewest_json(const struct plan *p, size_t sort, const struct fewest *f)
{
	uint32_t listed = p->fleet.sorts[sort].count;

	return json_pack("{s:s,s:b,s:I,s:I,s:o,s:o}", "host", p->fleet.sorts[sort].name, "possible",
			 f->possible, "count", (json_int_t)f->count, "more",
			 (json_int_t)f->count - (json_int_t)listed, "percent",
			 percent(f->accepted_percent_milli, 100000), "percent_with_one_fewer",
			 percent(f->below_percent_milli, 100000));
}

static json_t *helps_json(const struct plan *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->helps_n; i++)
		json_array_append_new(list, fewest_json(p, p->helps[i].sort, &p->helps[i].found));
	return list;
}

json_t *plan_json(const struct plan *p)
{
	return json_pack("{s:b,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "fits", plan_fits(p),
			 "accept_percent", percent(p->accept_milli, 100000), "policy",
			 p->trial.policy->name, "fleet", fleet_json(p), "demand", demand_json(p),
			 "policies", policies_json(p), "rows", rows_json(p), "fewest",
			 p->searched ? fewest_json(p, p->searched_sort, &p->fewest) : json_null(),
			 "help", helps_json(p));
}
