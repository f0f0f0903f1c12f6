/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/page.h"

#include "planner/picture.h"
#include "planner/report.h"

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
	"background:#fff;color:#1d2327}"
	"h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
	"table{border-collapse:collapse;font-size:14px}"
	"th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #dde2e7}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
	"svg{max-width:100%;height:auto}summary{cursor:pointer}"
	".fits{color:#16703a}.short{color:#b3261e}"
	"@media (prefers-color-scheme:dark){body{background:#15191d;color:#e8ecf0}"
	"th,td{border-color:#38414a}.fits{color:#63c98a}.short{color:#ff8a80}}";

/* ---- tables from JSON ---- */

struct head {
	const char *words, *key;
};

static void add_value(struct text *to, const json_t *v)
{
	if (json_is_integer(v))
		text_add(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		text_add(to, "%.2f", json_real_value(v));
	else if (json_is_string(v))
		text_add_xml(to, json_string_value(v));
}

static void add_row(struct text *to, const struct head *heads, const json_t *row)
{
	text_add(to, "<tr>");
	for (; heads->words; heads++) {
		const json_t *v = json_object_get(row, heads->key);

		text_add(to, json_is_number(v) ? "<td class=\"n\">" : "<td>");
		add_value(to, v);
		text_add(to, "</td>");
	}
	text_add(to, "</tr>\n");
}

static void add_table(struct text *to, const struct head *heads, const json_t *rows)
{
	const json_t *first = json_array_get(rows, 0), *row;
	size_t i;

	text_add(to, "<table>\n<thead><tr>");
	for (const struct head *h = heads; h->words; h++)
		text_add(to, "<th scope=\"col\"%s>%s</th>",
			 json_is_number(json_object_get(first, h->key)) ? " class=\"n\"" : "",
			 h->words);
	text_add(to, "</tr></thead>\n<tbody>\n");
	json_array_foreach(rows, i, row)
		add_row(to, heads, row);
	text_add(to, "</tbody></table>\n");
}

static const struct head policy_heads[] = {
	{ "Policy", "policy" },           { "Accepted", "accepted" },
	{ "Refused", "refused" },         { "% of VMs", "percent" },
	{ "% of memory", "fb_percent" },  { "Peak use %", "peak_percent" },
	{ "Unused GPUs", "gpus_unused" }, { "Unused hosts", "hosts_unused" },
	{ 0 },
};
static const struct head row_heads[] = {
	{ "VM", "vm" },        { "Tenant", "tenant" },     { "Profile", "profile" },
	{ "vGPUs", "vgpus" },  { "Asked", "asked" },       { "Accepted", "accepted" },
	{ "%", "percent" },    { 0 },
};
static const struct head reason_heads[] = {
	{ "Reason", "reason" }, { "VMs", "vms" }, { "In words", "text" }, { 0 },
};
static const struct head sort_heads[] = {
	{ "Host", "host" }, { "Count", "count" }, { "GPUs", "gpus" }, { "Mode", "mode" }, { 0 },
};

/* ---- what it comes to ---- */

static void add_verdict(struct text *to, const struct plan *p)
{
	const struct trial *t = &p->trial;
	bool fits = plan_fits(p);

	text_add(to, "<p class=\"%s\"><strong>%s</strong> With the policy %s %u of %u VMs find a "
		 "place (%.2f %%; wanted %.4g %%) on %u hosts with %u GPUs.</p>\n",
		 fits ? "fits" : "short", fits ? "It fits." : "It does not fit.", t->policy->name,
		 t->accepted, t->asked, plan_percent(t->accepted, t->asked),
		 p->accept_milli / 1000.0, t->setup.hosts_n, t->gpus_n);
}

static void add_fewest(struct text *to, const struct plan *p)
{
	const char *name = p->fleet.sorts[p->searched_sort].name;

	if (!p->searched)
		return;
	if (p->fewest.possible)
		text_add(to, "<p>%u hosts %s are the fewest that do; with one fewer it is %.2f %%."
			 "</p>\n", p->fewest.count, name,
			 plan_percent(p->fewest.below_percent_milli, 100000));
	else
		text_add(to, "<p>No number of hosts %s does.</p>\n", name);
}

static void add_help(struct text *to, const struct plan *p)
{
	if (p->helps_n == 0)
		return;
	text_add(to, "<p>Any one of these would carry it:</p>\n<ul>\n");
	for (size_t i = 0; i < p->helps_n; i++) {
		const struct plan_help *h = &p->helps[i];

		text_add(to, "<li>%u more of host %s (%u in all)</li>\n",
			 h->found.count - p->fleet.sorts[h->sort].count,
			 p->fleet.sorts[h->sort].name, h->found.count);
	}
	text_add(to, "</ul>\n");
}

static const json_t *reasons_of_best(const struct plan *p, const json_t *json)
{
	const json_t *list = json_object_get(json, "policies");

	for (size_t i = 0; i < p->rows_n; i++)
		if (p->rows[i].policy == p->trial.policy)
			return json_object_get(json_array_get(list, i), "reasons");
	return NULL;
}

/* ---- the pictures in words ---- */

/* "6 x 8 GiB, 1 x 4 GiB" */
static void add_pieces(struct text *to, const struct layout *l, uint32_t gpu)
{
	size_t counts[sizeof(l->sizes) / sizeof(l->sizes[0])] = { 0 }, n = 0;

	for (uint32_t i = l->first[gpu]; i < l->first[gpu + 1]; i++)
		counts[layout_size(l, l->pieces[i].fb_mib)]++;
	for (size_t i = l->sizes_n; i-- > 0;)
		if (counts[i] > 0) {
			text_add(to, "%s%zu x ", n++ ? ", " : "", counts[i]);
			picture_add_size(to, l->sizes[i]);
		}
	if (n == 0)
		text_add(to, "empty");
}

static void add_map_table(struct text *to, const struct plan *p, const struct layout *l)
{
	const struct setup *s = &p->trial.setup;
	uint32_t number = 0;

	text_add(to, "<details><summary>The same as a table</summary>\n<table>\n<thead><tr>"
		 "<th scope=\"col\">Host</th><th scope=\"col\">GPU</th><th scope=\"col\">Holds</th>"
		 "</tr></thead>\n<tbody>\n");
	for (uint32_t h = 0; h < s->hosts_n && s->gpu_of[h] < PICTURE_GPUS_MAX; h++) {
		number = h > 0 && s->sort_of[h] == s->sort_of[h - 1] ? number + 1 : 1;
		for (uint32_t g = s->gpu_of[h]; g < s->gpu_of[h + 1]; g++) {
			text_add(to, "<tr><td>%s-%u</td><td class=\"n\">%u</td><td>",
				 p->fleet.sorts[s->sort_of[h]].name, number, g - s->gpu_of[h]);
			add_pieces(to, l, g);
			text_add(to, "</td></tr>\n");
		}
	}
	text_add(to, "</tbody></table></details>\n");
}

static void add_sample(struct text *to, const struct plan *p, size_t i)
{
	const struct trial_sample *s = &p->trial.samples[i];
	uint64_t total = p->trial.fb_total_mib;

	text_add(to, "<tr><td>");
	if (p->arrivals.timed)
		picture_add_time(to, s->at_ms);
	else
		text_add(to, "VM %u", s->asked);
	text_add(to, "</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td class=\"n\">%.2f</td>"
		 "<td class=\"n\">%.2f</td></tr>\n", s->asked, s->accepted,
		 plan_percent(s->accepted, s->asked), plan_percent(s->fb_mib, total ? total : 1));
}

static void add_curve_table(struct text *to, const struct plan *p)
{
	text_add(to, "<details><summary>The same as a table</summary>\n<table>\n<thead><tr>"
		 "<th scope=\"col\">From</th><th class=\"n\" scope=\"col\">Asked</th>"
		 "<th class=\"n\" scope=\"col\">Accepted</th><th class=\"n\" scope=\"col\">%%</th>"
		 "<th class=\"n\" scope=\"col\">Memory in use %%</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < p->trial.samples_n; i++)
		add_sample(to, p, i);
	text_add(to, "</tbody></table></details>\n");
}

/* ---- the page ---- */

static void add_begin(struct text *to)
{
	text_add(to, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n"
		 "<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
		 "content=\"width=device-width\"/>\n<title>Plan</title>\n<style>%s%s</style>\n"
		 "</head>\n<body>\n", style, picture_style);
}

static void add_results(struct text *to, const struct plan *p, const json_t *json)
{
	const json_t *reasons = reasons_of_best(p, json);

	text_add(to, "<h1>Does ");
	text_add_xml(to, p->needs_file);
	text_add(to, " fit on ");
	text_add_xml(to, p->fleet_file);
	text_add(to, "?</h1>\n");
	add_verdict(to, p);
	add_fewest(to, p);
	add_help(to, p);
	text_add(to, "<h2>Policies</h2>\n");
	add_table(to, policy_heads, json_object_get(json, "policies"));
	text_add(to, "<h2>Who found a place, with %s</h2>\n", p->trial.policy->name);
	add_table(to, row_heads, json_object_get(json, "rows"));
	if (json_array_size(reasons) > 0) {
		text_add(to, "<h2>Why VMs were refused</h2>\n");
		add_table(to, reason_heads, reasons);
	}
	text_add(to, "<h2>Hosts</h2>\n");
	add_table(to, sort_heads, json_object_get(json_object_get(json, "fleet"), "sorts"));
}

int page_make(const struct plan *p, struct text *ret, struct error *err)
{
	cleanup(layout_done) struct layout l = { 0 };
	json_auto_t *json = plan_json(p);
	int r = json ? layout_make(p, &l, err) : error_set(err, ERR_NO_MEMORY, "a page");

	if (r < 0)
		return r;
	add_begin(ret);
	add_results(ret, p, json);
	text_add(ret, "<h2>What lies where</h2>\n<p>One strip is one GPU ");
	picture_add_moment(ret, p);
	text_add(ret, ".</p>\n");
	picture_add_map(ret, p, &l);
	add_map_table(ret, p, &l);
	text_add(ret, "<h2>Acceptance over %s</h2>\n", p->arrivals.timed ? "time" : "the VMs");
	picture_add_curve(ret, p);
	add_curve_table(ret, p);
	text_add(ret, "<p>Made by facet plan " FACET_VERSION ", seed %ju, order %s.</p>\n"
		 "</body>\n</html>\n", (uintmax_t)p->how.seed,
		 names_word(&arrival_order_names, (int)p->how.order));
	return ret->failed ? error_set(err, ERR_NO_MEMORY, "a page") : 0;
}
