/* SPDX-License-Identifier: Apache-2.0 */
/* placement.c - one request against one snapshot.
 *
 * A workload class is first turned into the real types that the GPUs here offer, smallest first; a
 * request for a type is a list of one.  For each type in turn:
 *
 *   every GPU is read into a room         -> how many more it takes, or a reason
 *   GPUs with room become candidates, each with a rank by the policy
 *   candidates of one host and one board form a family: all vGPUs of a device come from one
 *   the family that needs the fewest GPUs wins; among equals the policy's favourite does
 *
 * Rooms are not kept (a pool may have a million GPUs): what a candidate needs later are three
 * numbers, and the few GPUs that win are read once more when their slots are taken.
 */
#include "placement/placement.h"

#include <string.h>

#include "base/text.h"
#include "placement/outlook.h"
#include "placement/room.h"
#include "placement/shape.h"
#include "placement/summary.h"

struct candidate {
	size_t gpu;
	uint32_t capacity;
	uint64_t rank[2]; /* smaller is preferred; the index decides last */
};

struct work {
	const struct pool_gpu *gpus;
	size_t n;
	const struct placement_request *request;
	bool whole;
	struct shapes shapes;
	const struct shape **shape_of;          /* per GPU, once it was asked for */
	const struct catalogue_profile *wanted; /* the type being tried; NULL for whole GPUs */
	struct candidate *candidates;           /* for more than one vGPU: family by family */
	size_t candidates_n;
	struct reason *reasons;                 /* per GPU, of the first type tried */
	struct placement_tables *tables, *own;  /* OWN: made for this call */
	struct outlook *outlook;                /* where the policy looks ahead */
	struct error *err;
};

static void work_done(struct work *w)
{
	shapes_done(&w->shapes);
	free(w->shape_of);
	free(w->candidates);
	free(w->reasons);
	outlook_free(w->outlook);
	placement_tables_free(w->own);
}

static int no_memory(struct work *w)
{
	return error_set(w->err, ERR_NO_MEMORY, "placement over %zu GPUs", w->n);
}

/* ---- the request ---- */

static bool is_whole(const char *profile)
{
	return strcmp(profile, names_word(&series_names, SERIES_WHOLE)) == 0 ||
	       strcmp(profile, names_word(&gpu_mode_names, GPU_MODE_WHOLE)) == 0;
}

/* Only * means something.  Going back to the last one alone keeps the cost a product of lengths. */
static bool fits_pattern(const char *pattern, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			from = s;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool is_allowed(const struct placement_request *q, const char *profile)
{
	for (size_t i = 0; i < q->allowed_n; i++)
		if (fits_pattern(q->allowed[i], profile))
			return true;
	return q->allowed_n == 0;
}

/* NVIDIA supports several vGPUs in a VM for the C and Q series alone. */
static bool is_for_one_only(const char *profile, char *series)
{
	const struct catalogue_profile *known = catalogue_find(profile, NULL);
	struct catalogue_profile p;

	for (size_t i = 0; !known && i < catalogue_count() && catalogue_is_class(profile); i++)
		if (catalogue_class_takes(profile, catalogue_at(i)))
			known = catalogue_at(i);
	if (!known) {
		catalogue_guess(profile, 0, &p);
		known = &p;
	}
	*series = known->series == SERIES_A ? 'A' : 'B';
	return known->series == SERIES_A || known->series == SERIES_B;
}

static int check_whole(const struct work *w)
{
	if (w->request->mode == GPU_MODE_WHOLE && !w->whole)
		return error_set(w->err, ERR_INVALID,
				 "the group gives away whole GPUs: ask for 'whole' instead of %s",
				 w->request->profile);
	if (w->whole && w->request->mode != GPU_MODE_WHOLE)
		return error_set(
			w->err, ERR_INVALID,
			"the group cuts its GPUs (%s): whole GPUs come from a group with mode "
			"passthrough",
			names_word(&gpu_mode_names, (int)w->request->mode));
	return 0;
}

static int check_request(const struct work *w)
{
	const struct placement_request *q = w->request;
	char series;

	if (q->count < 1 || q->count > DEVICE_COUNT_MAX)
		return error_set(w->err, ERR_INVALID, "%u vGPUs were asked for; a VM has 1 to %d",
				 q->count, DEVICE_COUNT_MAX);
	if (!q->profile || !q->profile[0])
		return error_set(w->err, ERR_INVALID, "no profile was asked for");
	if (q->count > 1 && !w->whole && is_for_one_only(q->profile, &series))
		return error_set(w->err, ERR_INVALID,
				 "%u x %s: a VM has at most one vGPU of the %c series", q->count,
				 q->profile, series);
	if (!w->whole && !catalogue_is_class(q->profile) && !is_allowed(q, q->profile))
		return error_set(w->err, ERR_INVALID,
				 "the group does not allow %s; see the profiles of the group",
				 q->profile);
	return check_whole(w);
}

/* ---- the types to try ---- */

struct wants {
	struct catalogue_profile *list;
	size_t n;
};

static int add_want(struct work *w, struct wants *wants, const struct catalogue_profile *p)
{
	struct catalogue_profile *grown;

	for (size_t i = 0; i < wants->n; i++)
		if (strcmp(wants->list[i].name, p->name) == 0)
			return 0;
	grown = reallocarray(wants->list, wants->n + 1, sizeof(*grown));
	if (!grown)
		return no_memory(w);
	wants->list = grown;
	grown[wants->n++] = *p;
	return 0;
}

static bool suits(const struct work *w, const struct catalogue_profile *p)
{
	const char *profile = w->request->profile;

	if (!catalogue_is_class(profile))
		return strcmp(p->name, profile) == 0;
	return catalogue_class_takes(profile, p) && is_allowed(w->request, p->name);
}

static int smallest_first(const void *a, const void *b)
{
	const struct catalogue_profile *x = a, *y = b;

	if (x->fb_mib != y->fb_mib)
		return x->fb_mib < y->fb_mib ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int get_shape(struct work *w, size_t i, const struct shape **ret)
{
	int r = 0;

	if (!w->shape_of[i])
		r = shapes_get(&w->shapes, w->gpus[i].gpu, &w->shape_of[i], w->err);
	*ret = w->shape_of[i];
	return r;
}

/* Types of the GPUs here that suit the request.  A type that exists but not here is wanted all the
 * same, so that every GPU can say that it does not offer it. */
static int find_wants(struct work *w, struct wants *ret)
{
	const struct shape *shape, *before = NULL;
	const struct catalogue_profile *known = catalogue_find(w->request->profile, NULL);
	struct catalogue_profile guess;
	int r = 0;

	for (size_t i = 0; i < w->n && r == 0; i++) {
		r = get_shape(w, i, &shape);
		if (r < 0 || shape == before)
			continue;
		for (size_t k = 0; k < shape->rules.n_types && r == 0; k++)
			if (suits(w, &shape->profiles[k]))
				r = add_want(w, ret, &shape->profiles[k]);
		before = shape;
	}
	if (r == 0 && ret->n == 0 && known)
		r = add_want(w, ret, known);
	if (r == 0 && ret->n == 0 && catalogue_is_class(w->request->profile)) {
		catalogue_guess(w->request->profile, 0, &guess);
		r = add_want(w, ret, &guess);
	}
	if (ret->n > 1)
		qsort(ret->list, ret->n, sizeof(*ret->list), smallest_first);
	return r;
}

/* ---- candidates ---- */

static int read_gpu(struct work *w, size_t i, struct room *ret)
{
	const struct shape *shape;
	int r;

	if (w->whole) {
		room_read_whole(&w->gpus[i], ret);
		return 0;
	}
	r = get_shape(w, i, &shape);
	if (r == 0)
		room_read(&w->gpus[i], shape, w->request, w->wanted->name, ret);
	return r;
}

static uint64_t used_on_host(const struct work *w, const struct gpu *gpu)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->gpus[i].gpu->host, gpu->host) == 0)
			for (size_t k = 0; k < w->gpus[i].slices_n; k++)
				sum += w->gpus[i].slices[k].fb_mib;
	return sum;
}

/* pack: a GPU in use before an empty one, then the one with the least room left.
 * spread: the one with the least framebuffer in use; spread-hosts: on the host of which that is so.
 * fragmentation: see look_ahead(). */
static void rank(const struct work *w, const struct room *room, struct candidate *c)
{
	enum policy policy = w->request->policy;

	c->rank[0] = c->rank[1] = 0;
	if (policy == POLICY_PACK) {
		c->rank[0] = room->pool->slices_n == 0;
		c->rank[1] = room->capacity;
	} else if (policy == POLICY_SPREAD) {
		c->rank[0] = room->used_mib;
		c->rank[1] = room->pool->slices_n;
	} else if (policy == POLICY_SPREAD_HOSTS) {
		c->rank[0] = used_on_host(w, room->pool->gpu);
		c->rank[1] = room->used_mib;
	}
}

static bool looks_ahead(const struct work *w)
{
	return w->request->policy == POLICY_FRAGMENTATION && !w->whole;
}

static int begin_outlook(struct work *w)
{
	w->outlook = outlook_free(w->outlook);
	if (!looks_ahead(w))
		return 0;
	if (!w->tables)
		w->tables = w->own = placement_tables_new();
	return w->tables ? outlook_new(w->tables, w->n, &w->outlook, w->err) : no_memory(w);
}

/* What each candidate would cost those who come later, once all candidates are known. */
static void look_ahead(struct work *w)
{
	for (size_t i = 0; w->outlook && i < w->candidates_n; i++)
		w->candidates[i].rank[0] =
			outlook_loss(w->outlook, w->candidates[i].gpu, w->wanted->fb_mib);
}

static int prefer(const struct candidate *x, const struct candidate *y)
{
	for (int i = 0; i < 2; i++)
		if (x->rank[i] != y->rank[i])
			return x->rank[i] < y->rank[i] ? -1 : 1;
	return x->gpu < y->gpu ? -1 : x->gpu > y->gpu;
}

static int compare_families(const struct gpu *x, const struct gpu *y)
{
	int r = strcmp(x->host, y->host);

	if (r == 0)
		r = strcmp(x->board, y->board);
	return r ? r : strcmp(x->pci_device, y->pci_device);
}

static int by_family(const void *a, const void *b, void *gpus)
{
	const struct candidate *x = a, *y = b;
	const struct pool_gpu *pool = gpus;
	int r = compare_families(pool[x->gpu].gpu, pool[y->gpu].gpu);

	if (r == 0) /* qsort_r() is not stable */
		r = x->gpu < y->gpu ? -1 : x->gpu > y->gpu;
	return r;
}

static int find_candidates(struct work *w)
{
	struct room room;
	int r;

	w->candidates_n = 0;
	r = begin_outlook(w);
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		r = read_gpu(w, i, &room);
		if (r == 0 && room.capacity > 0 && w->outlook)
			r = outlook_add(w->outlook, i, &room, w->err);
		if (r < 0)
			break;
		if (room.capacity > 0) {
			struct candidate *c = &w->candidates[w->candidates_n++];

			*c = (struct candidate){ .gpu = i, .capacity = room.capacity };
			rank(w, &room, c);
			reason_set(&room.why, "fits", "", "has room for %u of %s", room.capacity,
				   w->whole ? "'whole'" : w->wanted->name);
		}
		/* A class is tried type by type: what the GPU said to the first that it offers
		 * stays, unless a later one fits. */
		if (!w->reasons[i].code[0] || strcmp(w->reasons[i].code, "not-offered") == 0 ||
		    room.capacity > 0)
			w->reasons[i] = room.why;
	}
	if (r < 0)
		return r;
	look_ahead(w);
	if (w->candidates_n > 1 && w->request->count > 1)
		qsort_r(w->candidates, w->candidates_n, sizeof(*w->candidates), by_family,
			(void *)(uintptr_t)w->gpus);
	return 0;
}

/* ---- choosing ---- */

struct pick {
	size_t gpu;
	uint32_t n;
};

struct choice {
	struct pick picks[DEVICE_COUNT_MAX];
	size_t n;                /* GPUs */
	struct candidate leader; /* first one picked */
};

static bool is_picked(const struct choice *c, size_t gpu)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->picks[i].gpu == gpu)
			return true;
	return false;
}

/* For COUNT more vGPUs: one that has room for all of them, else the roomiest; then the policy. */
static bool is_better_candidate(const struct candidate *x, const struct candidate *y,
				uint32_t count)
{
	bool x_suffices = x->capacity >= count, y_suffices = y->capacity >= count;

	if (x_suffices != y_suffices)
		return x_suffices;
	if (!x_suffices && x->capacity != y->capacity)
		return x->capacity > y->capacity;
	return prefer(x, y) < 0;
}

/* The fewest GPUs of one family: the roomiest are filled until one has room for the rest. */
static bool choose_from(const struct candidate *family, size_t n, uint32_t count,
			struct choice *ret)
{
	ret->n = 0;
	while (count > 0) {
		const struct candidate *best = NULL;

		for (size_t i = 0; i < n; i++)
			if ((!best || is_better_candidate(&family[i], best, count)) &&
			    !is_picked(ret, family[i].gpu))
				best = &family[i];
		if (!best)
			return false;
		if (ret->n == 0)
			ret->leader = *best;
		ret->picks[ret->n].gpu = best->gpu;
		ret->picks[ret->n].n = best->capacity < count ? best->capacity : count;
		count -= ret->picks[ret->n++].n;
	}
	return true;
}

static bool is_better_choice(const struct choice *x, const struct choice *y)
{
	if (x->n != y->n)
		return x->n < y->n;
	return prefer(&x->leader, &y->leader) < 0;
}

static size_t end_of_family(const struct work *w, size_t start)
{
	const struct gpu *first = w->gpus[w->candidates[start].gpu].gpu;
	size_t end = start + 1;

	if (w->request->count == 1)
		return w->candidates_n;
	while (end < w->candidates_n &&
	       compare_families(first, w->gpus[w->candidates[end].gpu].gpu) == 0)
		end++;
	return end;
}

static bool choose(const struct work *w, struct choice *ret)
{
	struct choice c;
	bool found = false;

	for (size_t i = 0, end; i < w->candidates_n; i = end) {
		end = end_of_family(w, i);
		if (!choose_from(&w->candidates[i], end - i, w->request->count, &c))
			continue;
		if (!found || is_better_choice(&c, ret))
			*ret = c;
		found = true;
	}
	return found;
}

/* ---- the answer ---- */

static uint16_t next_start(struct work *w, size_t gpu)
{
	uint32_t start = w->outlook ? outlook_take(w->outlook, gpu, w->wanted->fb_mib)
				    : PLACEMENT_NONE;

	return start == PLACEMENT_NONE ? CREATABLE_ANY : (uint16_t)start;
}

/* What the policy went by, in the words of one line. */
static void say_terms(const struct work *w, const struct choice *c, struct placement_answer *ret)
{
	const char *policy = names_word(&policy_names, (int)w->request->policy);

	if (w->outlook)
		snprintf(ret->terms, sizeof(ret->terms),
			 "%s: costs later requests %.1f %% of their places, least of %zu GPUs",
			 policy, (double)c->leader.rank[0] / 1e4, w->candidates_n);
	else
		snprintf(ret->terms, sizeof(ret->terms), "%s: of %zu GPUs with room", policy,
			 w->candidates_n);
}

static int take_slots(struct work *w, const struct choice *c, struct placement_answer *ret)
{
	struct room room;
	size_t slot = 0;
	int r;

	say_terms(w, c, ret);
	for (size_t i = 0; i < c->n; i++) {
		r = read_gpu(w, c->picks[i].gpu, &room);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < c->picks[i].n; k++) {
			ret->slots[slot].gpu = c->picks[i].gpu;
			room_take(&room, w->request->policy, next_start(w, c->picks[i].gpu),
				  &ret->slots[slot++]);
		}
	}
	return 0;
}

/* A GPU with room that was not taken: another was preferred, or its room is not enough. */
static void say_fits(const struct work *w, bool found, struct reason *why)
{
	struct reason room = *why;

	if (strcmp(why->code, "fits") != 0)
		return;
	if (found)
		reason_set(why, "fits", "", "%s; %s prefers another GPU", room.text,
			   names_word(&policy_names, (int)w->request->policy));
	else
		reason_set(why, "too-few", "",
			   "%s, with the others of its board on its host too few for %u", room.text,
			   w->request->count);
}

static int refuse_rest(struct work *w, const struct choice *taken, struct placement_answer *ret)
{
	cleanup(summary_done) struct summary summary = { 0 };
	int r = 0;

	ret->refusals = calloc(w->n + 1, sizeof(*ret->refusals));
	if (!ret->refusals)
		return no_memory(w);
	for (size_t i = 0; i < w->n && r == 0; i++) {
		struct refusal *refusal = &ret->refusals[ret->refusals_n];

		if (taken && is_picked(taken, i))
			continue;
		say_fits(w, taken, &w->reasons[i]);
		TEXT_COPY(refusal->gpu, w->gpus[i].gpu->id);
		TEXT_COPY(refusal->code, w->reasons[i].code);
		TEXT_COPY(refusal->text, w->reasons[i].text);
		ret->refusals_n++;
		r = summary_add(&summary, &w->reasons[i], w->err);
	}
	summary_write(&summary, ret->summary, sizeof(ret->summary));
	return r;
}

static int no_capacity(const struct work *w, const struct placement_answer *ret)
{
	char count[16] = "";

	if (w->request->count > 1)
		snprintf(count, sizeof(count), "%u x ", w->request->count);
	return error_set(w->err, ERR_NO_CAPACITY, "no GPU has room for %s%s: %s", count,
			 w->request->profile, w->n ? ret->summary : "the group has no GPUs");
}

static int try_wants(struct work *w, const struct wants *wants, struct placement_answer *ret)
{
	struct choice c;
	size_t tries = w->whole ? 1 : wants->n;
	bool found = false;
	int r;

	for (size_t i = 0; i < tries && !found; i++) {
		w->wanted = w->whole ? NULL : &wants->list[i];
		r = find_candidates(w);
		if (r < 0)
			return r;
		found = choose(w, &c);
	}
	r = found ? take_slots(w, &c, ret) : 0;
	if (r == 0)
		r = refuse_rest(w, found ? &c : NULL, ret);
	if (r == 0 && !found)
		r = no_capacity(w, ret);
	return r;
}

int placement_choose(const struct pool_gpu *gpus, size_t n,
		     const struct placement_request *request, struct placement_answer *ret,
		     struct error *err)
{
	cleanup(work_done) struct work w = { .gpus = gpus, .n = n, .request = request, .err = err };
	struct wants wants = { 0 };
	int r;

	w.tables = request->tables;
	w.whole = request->profile && is_whole(request->profile);
	r = check_request(&w);
	if (r < 0)
		return r;
	w.candidates = calloc(n + 1, sizeof(*w.candidates));
	w.reasons = calloc(n + 1, sizeof(*w.reasons));
	w.shape_of = calloc(n + 1, sizeof(*w.shape_of));
	if (!w.candidates || !w.reasons || !w.shape_of)
		return no_memory(&w);
	if (!w.whole)
		r = find_wants(&w, &wants);
	if (r == 0 && !w.whole && wants.n == 0)
		r = error_set(err, ERR_NOT_FOUND,
			      "no board is known to have a profile '%s', and no GPU here offers it",
			      request->profile);
	if (r == 0)
		r = try_wants(&w, &wants, ret);
	free(wants.list);
	return r;
}
