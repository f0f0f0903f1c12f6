/* SPDX-License-Identifier: Apache-2.0 */
#include "driver_suite.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

enum { MADE_MAX = 64, FUNCTIONS_MAX = 64 };

struct run {
	struct contract_target *t;
	struct gpu before;             /* the empty GPU: its types and functions */
	const struct gpu_type *small, *large, *other; /* small and other differ in size; the GPU is
	                                               * full of large before functions run out */
	struct host_vgpu made[MADE_MAX];
	size_t made_n;
	uint32_t generation;
	bool skipped;
	char why[ERROR_TEXT_MAX + 256];
};

/* ---- saying what is wrong ---- */

static bool fail(struct run *r, const char *fmt, ...) printf_like(2, 3);
static bool fail(struct run *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, args);
	va_end(args);
	return false;
}

static bool skip(struct run *r, const char *why)
{
	r->skipped = true;
	TEXT_COPY(r->why, why);
	return true;
}

/* ---- asking ---- */

static bool has_functions(const struct run *r)
{
	return r->t->framework == FRAMEWORK_VENDOR_VFIO || r->t->framework == FRAMEWORK_MDEV_VF;
}

static bool is_mdev(const struct run *r)
{
	return r->t->framework == FRAMEWORK_MDEV || r->t->framework == FRAMEWORK_MDEV_VF;
}

/* A vGPU of TYPE in place number N, of a new owner. */
static struct host_vgpu vgpu(struct run *r, const struct gpu_type *type, size_t n)
{
	struct host_vgpu v = { .framework = (int32_t)r->t->framework, .placement = PLACEMENT_NONE,
		               .generation = ++r->generation };
	char seed[64];

	TEXT_COPY(v.address, r->t->pf);
	TEXT_COPY(v.profile, type->name);
	if (has_functions(r) && n < r->before.functions_n)
		TEXT_COPY(v.vf, r->before.functions[n]);
	snprintf(seed, sizeof(seed), "contract %s %zu", r->t->pf, n);
	if (is_mdev(r))
		uuid_of_name(seed, v.mdev_uuid);
	return v;
}

static int ask(struct run *r, enum host_op op, const struct host_vgpu *v, struct host_reply *reply)
{
	struct host_request q = { .number = 1, .op = (int32_t)op, .vgpu = *v };
	int result;

	*reply = (struct host_reply){ 0 };
	result = r->t->execute(r->t, &q, reply);
	/* Whatever may exist is taken down afterwards. */
	if (op == HOST_OP_VGPU_CREATE && result == 0 && r->made_n < MADE_MAX)
		r->made[r->made_n++] = *v;
	return result;
}

/* Asks and compares the kind: 0 for done. */
static bool answers(struct run *r, enum host_op op, const struct host_vgpu *v, enum error_kind kind,
		    enum result result)
{
	struct host_reply reply;
	int x = ask(r, op, v, &reply);

	if (x != -(int)kind)
		return fail(r, "%s of %s: expected %s, got %s: %s", host_op_names.words[op],
			    v->profile, kind ? error_name(kind) : "done",
			    x ? error_name((enum error_kind) - x) : "done", reply.err.text);
	if (kind == ERR_NONE && reply.result != (int32_t)result)
		return fail(r, "%s of %s: expected %s, got %s", host_op_names.words[op], v->profile,
			    names_word(&result_names, (int)result),
			    names_word(&result_names, reply.result));
	if (kind != ERR_NONE && !reply.err.text[0])
		return fail(r, "%s of %s: refused without a word", host_op_names.words[op],
			    v->profile);
	return true;
}

static bool makes(struct run *r, const struct host_vgpu *v)
{
	return answers(r, HOST_OP_VGPU_CREATE, v, ERR_NONE, RESULT_CREATED);
}

static bool look(struct run *r, struct gpu *ret)
{
	struct error err = { 0 };

	*ret = (struct gpu){ 0 };
	if (r->t->inventory(r->t, ret, &err) == 0)
		return true;
	return fail(r, "inventory: %s", err.text);
}

/* Is V in the inventory?  *RET may be NULL. */
static bool shows(struct run *r, const struct host_vgpu *v, bool wanted)
{
	struct gpu g;
	bool found = false;

	if (!look(r, &g))
		return false;
	for (size_t i = 0; i < g.vgpus_n; i++) {
		const struct gpu_vgpu *x = &g.vgpus[i];

		if (strcmp(x->profile, v->profile) != 0)
			continue;
		found = found ||
			(v->mdev_uuid[0] ? strcmp(x->mdev_uuid, v->mdev_uuid) == 0
					 : strcmp(x->address, v->vf[0] ? v->vf : v->address) == 0);
	}
	fields_done(&gpu_fields, &g);
	return found == wanted ||
	       fail(r, "inventory %s %s", found ? "still shows" : "does not show", v->profile);
}

/* ---- the statements ---- */

static bool creates_and_shows(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);
	struct host_reply reply;

	if (ask(r, HOST_OP_VGPU_CREATE, &v, &reply) < 0)
		return fail(r, "create: %s", reply.err.text);
	/* NVIDIA's own word for "nowhere" must not get out as a place. */
	if (reply.placement != PLACEMENT_NONE && reply.placement >= 0xffff)
		return fail(r, "placement %u is none", reply.placement);
	return shows(r, &v, true);
}

static bool parameters_are_put_right(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);
	struct host_reply reply;

	TEXT_COPY(v.params, "frame_rate_limiter=0");
	if (ask(r, HOST_OP_VGPU_CREATE, &v, &reply) == -ERR_INVALID)
		return skip(r, "takes no parameters");
	return answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_UNCHANGED) &&
	       (TEXT_COPY(v.params, ""), true) &&
	       answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_CHANGED) &&
	       answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_UNCHANGED);
}

static bool creating_twice_changes_nothing(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);

	return makes(r, &v) && answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_UNCHANGED) &&
	       shows(r, &v, true);
}

static bool destroying_twice_is_fine(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);

	return makes(r, &v) && answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_NONE, RESULT_REMOVED) &&
	       shows(r, &v, false) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_NONE, RESULT_UNCHANGED);
}

/* A place is used again and again, so a message of its last owner may come late. */
static bool a_late_owner_touches_nothing(struct run *r)
{
	struct host_vgpu old = vgpu(r, r->small, 0), new = vgpu(r, r->small, 0);

	return makes(r, &old) &&
	       answers(r, HOST_OP_VGPU_CREATE, &new, ERR_NONE, RESULT_UNCHANGED) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &old, ERR_BUSY, RESULT_NONE) &&
	       answers(r, HOST_OP_VGPU_CREATE, &old, ERR_BUSY, RESULT_NONE) && shows(r, &new, true);
}

static bool an_occupied_place_is_busy(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0), w = vgpu(r, r->other, 0);

	return makes(r, &v) && answers(r, HOST_OP_VGPU_CREATE, &w, ERR_BUSY, RESULT_NONE) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &w, ERR_BUSY, RESULT_NONE) && shows(r, &v, true);
}

static bool a_function_carries_one_vgpu(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0), w = vgpu(r, r->small, 1);
	struct host_reply reply;
	int x;

	if (r->t->framework != FRAMEWORK_MDEV_VF)
		return skip(r, "only mdevs on functions could be two");
	TEXT_COPY(w.vf, v.vf);
	if (!makes(r, &v))
		return false;
	x = ask(r, HOST_OP_VGPU_CREATE, &w, &reply);
	return x == -ERR_BUSY || x == -ERR_NO_CAPACITY ||
	       fail(r, "a second mdev on %s: got %s", v.vf, error_name((enum error_kind)-x));
}

static bool another_size_has_no_capacity(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0), w = vgpu(r, r->other, 1);

	return makes(r, &v) && answers(r, HOST_OP_VGPU_CREATE, &w, ERR_NO_CAPACITY, RESULT_NONE) &&
	       shows(r, &w, false) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_NONE, RESULT_REMOVED) && makes(r, &w);
}

static bool a_full_gpu_has_no_capacity(struct run *r)
{
	for (uint32_t i = 0; i < r->large->max; i++) {
		struct host_vgpu v = vgpu(r, r->large, i);

		if (!makes(r, &v))
			return false;
	}
	struct host_vgpu v = vgpu(r, r->large, r->large->max);

	return answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NO_CAPACITY, RESULT_NONE) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &r->made[0], ERR_NONE, RESULT_REMOVED) &&
	       makes(r, &v);
}

static bool an_unknown_type_is_not_found(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);

	TEXT_COPY(v.profile, "NVIDIA X0-0Q");
	return answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NOT_FOUND, RESULT_NONE);
}

static bool a_missing_place_is_not_found_and_empty(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);

	if (has_functions(r))
		TEXT_COPY(v.vf, "0fff:ff:1f.7");
	else
		TEXT_COPY(v.address, "0fff:ff:1f.7");
	return answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NOT_FOUND, RESULT_NONE) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_NONE, RESULT_UNCHANGED);
}

static bool what_somebody_else_made_is_left_alone(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);
	bool ok;

	/* A UUID says who made an mdev: with another one it is not in our place at all. */
	if (is_mdev(r))
		return skip(r, "an mdev of somebody else has another UUID");
	if (!r->t->make_by_hand || !r->t->make_by_hand(r->t, &v))
		return skip(r, "can not be made by hand here");
	ok = answers(r, HOST_OP_VGPU_CREATE, &v, ERR_BUSY, RESULT_NONE) &&
	     answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_BUSY, RESULT_NONE) && shows(r, &v, true);
	v.adopt = 1;
	return ok & answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_UNCHANGED);
}

static bool what_is_held_open_stays(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);
	struct host_reply reply;
	bool ok;

	if (ask(r, HOST_OP_VGPU_CREATE, &v, &reply) < 0)
		return fail(r, "create: %s", reply.err.text);
	if (!r->t->hold || !r->t->hold(r->t, &v))
		return skip(r, "can not be held open here");
	ok = ask(r, HOST_OP_VGPU_HOLDERS, &v, &reply) == 0 && reply.holder_pid != 0;
	if (!ok)
		fail(r, "holders: no process is named: %s", reply.err.text);
	if (ok && (ask(r, HOST_OP_VGPU_DESTROY, &v, &reply) != -ERR_BUSY || reply.holder_pid == 0))
		ok = fail(r, "destroy of what is held: %s", reply.err.text);
	ok = ok && shows(r, &v, true);
	r->t->let_go(r->t);
	return ok && answers(r, HOST_OP_VGPU_DESTROY, &v, ERR_NONE, RESULT_REMOVED);
}

/* 0 when the GPU is in MODE now, else a negative kind. */
static int set_mode(struct run *r, enum gpu_mode mode, struct host_reply *reply)
{
	struct host_request q = { .number = 1, .op = HOST_OP_MODE_SET, .mode = (int32_t)mode,
		                  .vgpu = vgpu(r, r->small, 0) };

	*reply = (struct host_reply){ 0 };
	return r->t->execute(r->t, &q, reply);
}

static bool the_mode_changes_only_while_empty(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0);
	struct host_reply reply;

	if (set_mode(r, GPU_MODE_MIXED, &reply) < 0)
		return skip(r, "has no mixed-size mode");
	if (set_mode(r, GPU_MODE_EQUAL, &reply) < 0 || reply.result != RESULT_CHANGED)
		return fail(r, "back to equal-size: %s", reply.err.text);
	if (set_mode(r, GPU_MODE_EQUAL, &reply) < 0 || reply.result != RESULT_UNCHANGED)
		return fail(r, "equal-size twice: %s", reply.err.text);
	if (!makes(r, &v))
		return false;
	return set_mode(r, GPU_MODE_MIXED, &reply) == -ERR_BUSY ||
	       fail(r, "mixed-size with a vGPU there: %s", reply.err.text);
}

static bool mixed_sizes_lie_where_they_were_put(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->other, 0), w = vgpu(r, r->small, 1),
			 x = vgpu(r, r->small, 2);
	struct host_reply reply;
	bool ok;

	if (set_mode(r, GPU_MODE_MIXED, &reply) < 0)
		return skip(r, "has no mixed-size mode");
	v.placement = 0;
	x.placement = 0;
	ok = ask(r, HOST_OP_VGPU_CREATE, &v, &reply) == 0 || fail(r, "create: %s", reply.err.text);
	if (ok && reply.placement != 0)
		ok = fail(r, "asked for placement 0, read back %u", reply.placement);
	ok = ok && (ask(r, HOST_OP_VGPU_CREATE, &w, &reply) == 0 ||
		    fail(r, "another size beside it: %s", reply.err.text));
	if (ok && (reply.placement == 0 || reply.placement == PLACEMENT_NONE))
		ok = fail(r, "another size beside it lies at %u", reply.placement);
	ok = ok && answers(r, HOST_OP_VGPU_CREATE, &x, ERR_NO_CAPACITY, RESULT_NONE);
	return ok && shows(r, &x, false);
}

/* ---- whole GPUs ---- */

static bool a_whole_gpu_is_taken_once(struct run *r)
{
	struct host_vgpu v = vgpu(r, r->small, 0), late = v;
	struct host_reply reply;

	v.generation = ++r->generation;
	if (ask(r, HOST_OP_VGPU_CREATE, &v, &reply) < 0)
		return fail(r, "create: %s", reply.err.text);
	return answers(r, HOST_OP_VGPU_CREATE, &v, ERR_NONE, RESULT_UNCHANGED) &&
	       answers(r, HOST_OP_VGPU_CREATE, &late, ERR_BUSY, RESULT_NONE) &&
	       answers(r, HOST_OP_VGPU_DESTROY, &late, ERR_BUSY, RESULT_NONE) &&
	       shows(r, &v, true);
}

/* ---- running ---- */

static const struct {
	bool (*holds)(struct run *r);
	const char *says;
	bool whole; /* of passthrough; the others are of vGPUs */
} statements[] = {
	{ creates_and_shows, "what is created is in the inventory" },
	{ parameters_are_put_right, "parameters are put right while nobody holds it" },
	{ creating_twice_changes_nothing, "creating twice changes nothing" },
	{ destroying_twice_is_fine, "destroying twice is fine" },
	{ a_late_owner_touches_nothing, "a late message of an earlier owner is BUSY" },
	{ an_occupied_place_is_busy, "a place that another type occupies is BUSY" },
	{ a_function_carries_one_vgpu, "a function carries one vGPU" },
	{ another_size_has_no_capacity,
	  "another size class is NO_CAPACITY until the GPU is empty" },
	{ a_full_gpu_has_no_capacity, "a full GPU is NO_CAPACITY until one leaves" },
	{ an_unknown_type_is_not_found, "an unknown type is NOT_FOUND" },
	{ a_missing_place_is_not_found_and_empty, "a missing place is NOT_FOUND, and empty" },
	{ what_somebody_else_made_is_left_alone,
	  "what somebody else made is left alone, or adopted" },
	{ what_is_held_open_stays, "what a process holds open is BUSY" },
	{ the_mode_changes_only_while_empty, "the mode changes only while the GPU is empty" },
	{ mixed_sizes_lie_where_they_were_put, "mixed sizes lie where they were put" },
	{ a_whole_gpu_is_taken_once, "a whole GPU belongs to its newest owner", .whole = true },
};
enum { STATEMENTS = sizeof(statements) / sizeof(statements[0]) };

/* small: many fit; other: another size; large: the most that fill the GPU with a place to spare. */
static bool choose_types(struct run *r)
{
	size_t places = has_functions(r) ? r->before.functions_n : MADE_MAX;
	const struct gpu *g = &r->before;

	if (r->t->framework == FRAMEWORK_PASSTHROUGH) {
		r->small = g->types;
		return g->types_n == 1;
	}
	for (size_t i = 0; i < g->types_n; i++) {
		const struct gpu_type *t = &g->types[i];

		if (t->max >= 4 && (!r->small || t->fb_mib < r->small->fb_mib))
			r->small = t;
		if (t->max >= 2 && t->max < places && t->max < MADE_MAX &&
		    (!r->large || t->max > r->large->max))
			r->large = t;
	}
	for (size_t i = 0; i < g->types_n && r->small; i++)
		if (g->types[i].max >= 2 && g->types[i].fb_mib != r->small->fb_mib &&
		    (!r->other || g->types[i].fb_mib > r->other->fb_mib))
			r->other = &g->types[i];
	return r->small && r->large && r->other && (!has_functions(r) || g->functions_n >= 3);
}

/* Takes down what the last statement left. */
static bool tidy(struct run *r)
{
	struct host_reply reply;
	struct gpu g;
	bool empty;

	while (r->made_n > 0) {
		struct host_vgpu v = r->made[--r->made_n];

		v.generation = r->generation;
		ask(r, HOST_OP_VGPU_DESTROY, &v, &reply);
	}
	if (r->t->framework != FRAMEWORK_PASSTHROUGH)
		(void)set_mode(r, GPU_MODE_EQUAL, &reply);
	if (!look(r, &g))
		return false;
	empty = g.vgpus_n == 0;
	fields_done(&gpu_fields, &g);
	return empty || fail(r, "the GPU was not left empty");
}

static int ask_all(struct run *r, FILE *out)
{
	int failures = 0;

	fprintf(out, "1..%d\n", STATEMENTS);
	for (int i = 0; i < STATEMENTS; i++) {
		bool is_whole = r->t->framework == FRAMEWORK_PASSTHROUGH, ok = true;

		r->skipped = is_whole != statements[i].whole &&
			     statements[i].holds != what_is_held_open_stays;
		r->why[0] = '\0';
		if (r->skipped)
			TEXT_COPY(r->why, "is not about this framework");
		else
			ok = statements[i].holds(r);
		if (!tidy(r))
			ok = false;
		fprintf(out, "%s %d - %s: %s%s%s\n", ok ? "ok" : "not ok", i + 1, r->t->name,
			statements[i].says,
			r->skipped && ok ? " # SKIP "
			: r->why[0]	 ? " # "
					 : "",
			r->why);
		failures += !ok;
	}
	return failures;
}

int driver_contract(struct contract_target *t, FILE *out)
{
	/* Places remember their last owner: this one is newer than any run before. */
	struct run r = { .t = t, .generation = (uint32_t)time(NULL) };
	int failures;

	if (!look(&r, &r.before)) {
		fprintf(out, "Bail out! %s\n", r.why);
		return 1;
	}
	if (r.before.vgpus_n > 0 || !choose_types(&r)) {
		fprintf(out, "Bail out! %s: the GPU %s must be empty and offer three types\n",
			t->name, t->pf);
		fields_done(&gpu_fields, &r.before);
		return 1;
	}
	failures = ask_all(&r, out);
	fields_done(&gpu_fields, &r.before);
	return failures;
}
