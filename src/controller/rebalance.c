/* SPDX-License-Identifier: Apache-2.0 */
/* Moves that would make room: a plan of many, and the one that would let a refused start in.
 *
 * Both only say what would help: a move is a live migration, which this version does not make. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "controller/stage.h"
#include "model/catalogue.h"

/* The event loop waits for a plan, so it has an end: about half a second for that many hosts. */
enum { PLAN_HOSTS_MAX = 1000, HINT_HOSTS_MAX = 64 };

/* ---- a plan ---- */

struct plan {
	struct controller *c;
	uint32_t moves_left;
	double seconds_left;     /* 0: any */
	bool limited;
	json_t *moves, *groups, *kept, *claimed;
	double seconds;
	struct error *err;
};

static void plan_done(struct plan *p)
{
	json_decref(p->moves);
	json_decref(p->groups);
	json_decref(p->kept);
	json_decref(p->claimed);
}

/* Seconds in milliseconds, GPUs in thousandths: whole numbers read the same everywhere. */
static json_int_t milli(double x)
{
	return (json_int_t)lround(x * 1000);
}

/* What the moves of a set up to number AT gain for size K. */
static int64_t places_of_set(const struct moves_plan *m, size_t sizes, size_t at, size_t k)
{
	int64_t sum = 0;

	for (size_t i = at + 1; i-- > 0 && m->list[i].set == m->list[at].set;)
		sum += m->places[i * sizes + k];
	return sum;
}

static double room_of_set(const struct moves_plan *m, size_t at)
{
	double sum = 0;

	for (size_t i = at + 1; i-- > 0 && m->list[i].set == m->list[at].set;)
		sum += m->list[i].gained;
	return sum;
}

/* "+1 NVIDIA L40S-48Q, -1 NVIDIA L40S-8Q" for the last of a set. */
static void say_gain(const struct stage *s, const struct moves_plan *m, size_t at, struct text *to)
{
	const char *comma = "";

	if (at + 1 < m->n && m->list[at + 1].set == m->list[at].set) {
		text_add(to, "what the next one buys needs it");
		return;
	}
	for (size_t k = 0; k < s->sizes_n; k++) {
		int64_t n = places_of_set(m, s->sizes_n, at, k);

		if (n == 0)
			continue;
		text_add(to, "%s%+jd ", comma, (intmax_t)n);
		if (s->sizes[k].count > 1)
			text_add(to, "(%u x %s)", s->sizes[k].count, s->sizes[k].profile);
		else
			text_add(to, "%s", s->sizes[k].profile);
		comma = ", ";
	}
	if (!*comma)
		text_add(to, "%+.2f GPUs of room", room_of_set(m, at));
}

static json_t *places_json(const struct stage *s, const struct moves_plan *m, size_t at)
{
	json_t *list = json_array();

	for (size_t k = 0; k < s->sizes_n; k++) {
		int64_t n = m->places[at * s->sizes_n + k];

		if (n)
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:I}", "profile",
							s->sizes[k].profile, "count",
							(json_int_t)s->sizes[k].count, "gained",
							(json_int_t)n));
	}
	return list;
}

static json_t *move_json(const struct stage *s, const struct moves_plan *m, size_t at)
{
	cleanup(text_done) struct text from = { 0 }, to = { 0 }, gain = { 0 };
	const struct move *v = &m->list[at];

	stage_places(s, &v->from, &from);
	stage_places(s, &v->to, &to);
	say_gain(s, m, at, &gain);
	if (from.failed || to.failed || gain.failed)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:s}", "vm",
			 s->names[v->vm]->name, "group", s->group->name, "from_host",
			 s->hosts[v->from.host].object->id, "from", from.data, "to_host",
			 s->hosts[v->to.host].object->id, "to", to.data, "pause_ms",
			 milli(v->seconds), "set", (json_int_t)v->set, "room_milli",
			 milli(v->gained), "places", places_json(s, m, at), "buys",
			 gain.data);
}

/* A GPU that is in several groups is planned in the first of them. */
static void claim_gpus(struct plan *p, const struct stage *s)
{
	for (size_t h = 0; h < s->hosts_n; h++)
		for (uint8_t g = 0; g < s->hosts[h].gpus_n; g++)
			json_object_set_new(p->claimed, s->hosts[h].gpus[g]->id, json_true());
}

static int tell(struct plan *p, const struct stage *s, const struct moves_plan *m)
{
	size_t before = json_array_size(p->moves);

	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(p->moves, move_json(s, m, i));
	if (json_array_size(p->moves) != before + m->n)
		return error_set(p->err, ERR_NO_MEMORY, "%zu moves", m->n);
	json_array_extend(p->kept, s->kept);
	json_array_append_new(
		p->groups,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "group", s->group->name,
			  "hosts", (json_int_t)s->hosts_n, "hosts_left_out",
			  (json_int_t)s->hosts_left, "moves", (json_int_t)m->n, "pause_ms",
			  milli(m->seconds), "room_before_milli", milli(m->before),
			  "room_after_milli", milli(m->after), "why",
			  m->n ? "" : "no move gains anything"));
	p->moves_left -= (uint32_t)m->n;
	p->seconds += m->seconds;
	p->seconds_left -= m->seconds;
	return 0;
}

static void leave_out(struct plan *p, const struct group *g, const char *why)
{
	json_array_append_new(p->groups, json_pack("{s:s, s:I, s:s}", "group", g->name, "moves",
						   (json_int_t)0, "why", why));
}

static bool spreads(const struct group *g)
{
	return g->policy == POLICY_SPREAD || g->policy == POLICY_SPREAD_HOSTS;
}

static int plan_stage(struct plan *p, struct stage *s)
{
	cleanup(moves_plan_done) struct moves_plan m = { 0 };
	uint32_t sizes[STAGE_SIZES_MAX];
	struct moves_limits limits = { .moves = p->moves_left,
				       .seconds = p->limited ? p->seconds_left : 0,
				       .sizes = sizes, .sizes_n = s->sizes_n };
	int r;

	for (size_t i = 0; i < s->sizes_n; i++)
		sizes[i] = s->sizes[i].demand;
	if (p->limited && p->seconds_left <= 0)
		limits.moves = 0;
	r = moves_plan(&s->pool, &limits, &m, p->err);
	if (r == 0)
		r = tell(p, s, &m);
	if (r == 0)
		claim_gpus(p, s);
	return r;
}

static int plan_group(struct plan *p, const struct group *g)
{
	cleanup(stage_done) struct stage s = { 0 };
	struct error err = { 0 };
	int r;

	if (spreads(g)) {
		leave_out(p, g, "its policy spreads vGPUs, which leaves room in pieces on purpose");
		return 0;
	}
	r = stage_make(p->c, g, NULL, PLAN_HOSTS_MAX, p->claimed, &s, &err);
	if (r == -ERR_INVALID) {
		leave_out(p, g, err.text);
		return 0;
	}
	if (r < 0)
		return error_set(p->err, (enum error_kind)-r, "%s", err.text);
	return plan_stage(p, &s);
}

static int plan_groups(struct plan *p, const char *only)
{
	const struct table *t = &p->c->tables[OBJECT_GROUP];
	const struct object *one = only ? table_find(t, only) : NULL;
	int r = 0;

	if (only && !one)
		return error_set(p->err, ERR_NOT_FOUND,
				 "there is no group %s: `facet group list` shows them", only);
	if (one)
		return plan_group(p, one->data);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = plan_group(p, t->rows[i]->data);
	return r;
}

int controller_rebalance(struct controller *c, const struct rebalance *ask, json_t **ret,
			 struct error *err)
{
	cleanup(plan_done) struct plan p = {
		.c = c, .moves_left = ask->moves, .seconds_left = ask->budget_s,
		.limited = ask->budget_s > 0, .moves = json_array(), .groups = json_array(),
		.kept = json_array(), .claimed = json_object(), .err = err,
	};
	int r;

	if (!p.moves || !p.groups || !p.kept || !p.claimed)
		return error_set(err, ERR_NO_MEMORY, "a plan of moves");
	r = plan_groups(&p, ask->group);
	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:O, s:O, s:O, s:I, s:I, s:s}", "dry_run", 1, "moves", p.moves,
			 "groups", p.groups, "kept", p.kept, "pause_ms", milli(p.seconds),
			 "pause_ms_per_gib", milli(MOVES_SECONDS_PER_GIB), "note",
			 "pauses are estimated from framebuffer alone, since hosts do not report "
			 "the RAM of VMs, nor is CPU and RAM of the target checked");
	return *ret ? 0 : error_set(err, ERR_NO_MEMORY, "a plan of moves");
}

/* ---- the one move that would help ---- */

struct only {
	const struct stage *s;
	const char *host;
};

static bool is_its_host(void *user, uint32_t host)
{
	const struct only *o = user;

	return strcmp(o->s->hosts[host].object->id, o->host) == 0;
}

/* The real type that a workload class could be on HOST's GPUs: the smallest. */
static const char *type_of(const struct stage *s, const struct vm_device *d)
{
	const struct catalogue_profile *p, *best = NULL;
	uint32_t demand;

	if (!catalogue_is_class(d->profile))
		return d->profile;
	for (size_t i = 0; i < s->sizes_n; i++) {
		p = catalogue_find(s->sizes[i].profile, NULL);
		if (p && catalogue_class_takes(d->profile, p) &&
		    (!best || p->fb_mib < best->fb_mib))
			best = p;
	}
	for (size_t i = 0; !best && i < catalogue_count(); i++) {
		p = catalogue_at(i);
		if (!p->mig && catalogue_class_takes(d->profile, p) &&
		    stage_demand((struct stage *)(uintptr_t)s, p->name, d->count, &demand) == 0)
			best = p;
	}
	return best ? best->name : d->profile;
}

static bool say_move(const struct stage *s, const struct move *m, char *text, size_t size)
{
	cleanup(text_done) struct text from = { 0 }, to = { 0 };

	stage_places(s, &m->from, &from);
	stage_places(s, &m->to, &to);
	if (from.failed || to.failed)
		return false;
	snprintf(text, size, "one move frees a slot: %s from %s to %s, about %.0f s pause",
		 s->names[m->vm]->name, from.data, to.data, m->seconds);
	return true;
}

static bool hint_device(struct controller *c, const struct vm *vm, const struct vm_device *d,
			char *text, size_t size)
{
	const struct object *g = controller_find(c, OBJECT_GROUP, d->group);
	cleanup(stage_done) struct stage s = { 0 };
	struct only only = { &s, vm->host };
	struct engine_rules rules = { .may = is_its_host, .user = &only };
	struct error ignored;
	uint32_t demand;
	struct move m;

	if (!g || stage_make(c, g->data, vm->host, HINT_HOSTS_MAX, NULL, &s, &ignored) < 0 ||
	    stage_demand(&s, type_of(&s, d), d->count, &demand) < 0)
		return false;
	return moves_for(&s.pool, demand, &rules, &m) && say_move(&s, &m, text, size);
}

bool rebalance_hint(struct controller *c, const char *name, char *text, size_t size)
{
	const struct object *o = controller_find(c, OBJECT_VM, name);
	const struct vm *vm = o ? o->data : NULL;

	/* Half of what it asks for may be held already: then the rest is another request. */
	for (size_t i = 0; vm && o->leases.n == 0 && i < vm->devices_n; i++)
		if (hint_device(c, vm, &vm->devices[i], text, size))
			return true;
	return false;
}
