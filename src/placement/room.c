/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - a GPU as its slices leave it.
 *
 * Geometry and counts are asked of model/creatable.h, the model that the simulated driver and the
 * lab's kernel module share.  Functions are kept apart from it: which VF carries which vGPU is a
 * matter of addresses, and creatable.h is given as many anonymous ones as it can have.
 */
#include "placement/room.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

void reason_set(struct reason *why, const char *code, const char *detail, const char *fmt, ...)
{
	va_list args;

	TEXT_COPY(why->code, code);
	TEXT_COPY(why->detail, detail);
	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
}

const char *size_text(uint64_t mib, char *buffer)
{
	if (mib % 1024 == 0)
		snprintf(buffer, SIZE_TEXT_SIZE, "%ju GiB", (uintmax_t)(mib / 1024));
	else
		snprintf(buffer, SIZE_TEXT_SIZE, "%ju MiB", (uintmax_t)mib);
	return buffer;
}

/* ---- what stands against any type ---- */

static bool has_whole(const struct pool_gpu *pool)
{
	for (size_t i = 0; i < pool->slices_n; i++)
		if (pool->slices[i].whole)
			return true;
	return false;
}

static bool is_closed(const struct pool_gpu *pool, struct reason *why)
{
	const struct gpu *gpu = pool->gpu;

	if (!pool->open) {
		const char *code = pool->closed_code ? pool->closed_code : "closed";

		reason_set(why, code, "", "%s", pool->closed_text ? pool->closed_text
							          : "nothing new is placed on it");
	} else if (gpu->framework == FRAMEWORK_NONE) {
		reason_set(why, "no-framework", "", "%s",
			   gpu->not_poolable[0] ? gpu->not_poolable
						: "no vGPU can be made on it now");
	} else if (has_whole(pool)) {
		reason_set(why, "taken-whole", "", "one VM has the whole GPU");
	} else {
		return false;
	}
	return true;
}

static bool is_of_no_use(const struct pool_gpu *pool, const struct placement_request *request,
			 struct reason *why)
{
	const struct gpu *gpu = pool->gpu;

	if (is_closed(pool, why))
		return true;
	if (gpu->framework == FRAMEWORK_PASSTHROUGH)
		reason_set(why, "passthrough", "", "is passed through whole, not cut into vGPUs");
	else if (gpu->mode == GPU_MODE_MIG || request->mode == GPU_MODE_MIG)
		reason_set(why, "mig-mode", "",
			   "MIG GPU instances are not placed: use equal-size or mixed-size mode");
	else
		return false;
	return true;
}

/* ---- laying out what is there ---- */

static bool all_placed(const struct pool_gpu *pool, bool placed)
{
	for (size_t i = 0; i < pool->slices_n; i++)
		if ((pool->slices[i].placement != PLACEMENT_NONE) != placed)
			return false;
	return true;
}

/* An empty GPU is cut as the group wants.  One that leases have been reserved on is too, although
 * its host has not begun: nothing exists on it, and every slice fits the mode wanted. */
static bool can_have_mode(const struct pool_gpu *pool, enum gpu_mode wanted)
{
	if (pool->slices_n == 0 || pool->gpu->mode == (int)wanted)
		return true;
	return pool->gpu->vgpus_n == 0 && all_placed(pool, wanted == GPU_MODE_MIXED);
}

static bool set_mode(struct room *room, enum gpu_mode wanted)
{
	const struct gpu *gpu = room->pool->gpu;
	enum creatable_answer a;

	if (!can_have_mode(room->pool, wanted)) {
		reason_set(&room->why, "wrong-mode", names_word(&gpu_mode_names, gpu->mode),
			   "is in %s mode and holds %zu vGPUs; the group wants %s",
			   names_word(&gpu_mode_names, gpu->mode), room->pool->slices_n,
			   names_word(&gpu_mode_names, (int)wanted));
		return false;
	}
	creatable_init(&room->state);
	a = creatable_set_vfs(&room->shape->rules, &room->state, CREATABLE_VFS_MAX);
	if (a == CREATABLE_OK && wanted == GPU_MODE_MIXED)
		a = creatable_set_mode(&room->shape->rules, &room->state, CREATABLE_MIXED);
	if (a == CREATABLE_OK)
		return true;
	reason_set(&room->why, creatable_answer_name(a), "", "%s can not mix framebuffer sizes",
		   gpu->board[0] ? gpu->board : "this GPU");
	return false;
}

static uint32_t slice_mib(const struct pool_slice *slice)
{
	const struct catalogue_profile *p;

	if (slice->fb_mib)
		return slice->fb_mib;
	p = catalogue_find(slice->profile, NULL);
	return p ? p->fb_mib : 0;
}

static int type_of_slice(const struct room *room, const struct pool_slice *slice)
{
	int type = shape_find(room->shape, slice->profile);

	return type < 0 ? shape_find_size(room->shape, slice_mib(slice)) : type;
}

static bool lay_out_slice(struct room *room, const struct pool_slice *slice, uint16_t vf)
{
	bool mixed = room->state.mode == CREATABLE_MIXED;
	int type = type_of_slice(room, slice);
	uint16_t placement = CREATABLE_ANY;
	enum creatable_answer a;
	unsigned int slot;

	if (type < 0) {
		reason_set(
			&room->why, "unknown-slice", "",
			"holds a vGPU '%s' of unknown size, so nothing can be said about the rest",
			slice->profile);
		return false;
	}
	if (mixed && slice->placement >= CREATABLE_ANY) {
		reason_set(&room->why, "unknown-placement", "",
			   "holds a %s whose placement id is not known", slice->profile);
		return false;
	}
	if (mixed)
		placement = (uint16_t)slice->placement;
	a = creatable_take(&room->shape->rules, &room->state, vf, (uint16_t)type, placement, &slot);
	if (a != CREATABLE_OK) {
		reason_set(&room->why, "against-the-model", "",
			   "holds a %s where the model says that %s; it is left alone",
			   slice->profile, creatable_answer_text(a));
		return false;
	}
	room->used_mib += room->shape->profiles[type].fb_mib;
	return true;
}

static bool are_alike(const struct pool_slice *slices, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (slices[i].fb_mib != slices[0].fb_mib ||
		    strcmp(slices[i].profile, slices[0].profile) != 0)
			return false;
	return true;
}

/* Most GPUs hold one type only, which takes one look.  False: look at each slice, which also tells
 * what is the matter with it. */
static bool lay_out_alike(struct room *room)
{
	const struct pool_gpu *pool = room->pool;
	int type = pool->slices_n ? type_of_slice(room, &pool->slices[0]) : -1;

	if (type < 0 || !are_alike(pool->slices, pool->slices_n) ||
	    creatable_fill(&room->shape->rules, &room->state, (uint16_t)type,
			   (unsigned int)pool->slices_n) != CREATABLE_OK)
		return false;
	room->used_mib += (uint64_t)room->shape->profiles[type].fb_mib * pool->slices_n;
	return true;
}

static bool lay_out(struct room *room)
{
	if (room->pool->slices_n > CREATABLE_VGPUS_MAX) {
		reason_set(&room->why, "full", "", "holds %zu vGPUs already", room->pool->slices_n);
		return false;
	}
	if (lay_out_alike(room))
		return true;
	for (size_t i = 0; i < room->pool->slices_n; i++)
		if (!lay_out_slice(room, &room->pool->slices[i], (uint16_t)i))
			return false;
	return true;
}

/* ---- functions ---- */

static bool has_functions(const struct gpu *gpu)
{
	return gpu->framework == FRAMEWORK_VENDOR_VFIO || gpu->framework == FRAMEWORK_MDEV_VF;
}

static bool is_avoided(const struct pool_gpu *pool, const char *function)
{
	for (size_t i = 0; i < pool->avoid_n; i++)
		if (strcmp(pool->avoid[i], function) == 0)
			return true;
	return false;
}

static bool is_taken(const struct pool_gpu *pool, const char *function)
{
	for (size_t i = 0; i < pool->slices_n; i++)
		if (strcmp(pool->slices[i].vf, function) == 0)
			return true;
	return false;
}

static uint32_t free_functions(const struct pool_gpu *pool)
{
	uint32_t n = 0;

	for (size_t i = 0; i < pool->functions_n; i++)
		n += !is_avoided(pool, pool->functions[i]) && !is_taken(pool, pool->functions[i]);
	return n;
}

/* The lowest free function above AFTER, which is "" at first. */
static const char *next_function(const struct pool_gpu *pool, const char *after)
{
	const char *lowest = NULL;

	for (size_t i = 0; i < pool->functions_n; i++) {
		const char *f = pool->functions[i];

		if (strcmp(f, after) > 0 && (!lowest || strcmp(f, lowest) < 0) &&
		    !is_avoided(pool, f) && !is_taken(pool, f))
			lowest = f;
	}
	return lowest;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void limit_to_functions(struct room *room)
{
	const struct pool_gpu *pool = room->pool;
	uint32_t n;

	if (!has_functions(pool->gpu))
		return;
	/* Each slice and each avoided function takes one at most: mostly that is answer enough. */
	if (pool->functions_n >= room->capacity + pool->slices_n + pool->avoid_n)
		return;
	n = free_functions(pool);
	if (n == 0 && pool->functions_n == 0)
		reason_set(&room->why, "no-function", "none enabled",
			   "has no SR-IOV functions enabled; run sriov-manage -e %s on host %s",
			   pool->gpu->address, pool->gpu->host);
	else if (n == 0)
		reason_set(&room->why, "no-function", "",
			   "all %zu SR-IOV functions are in use, %zu of them quarantined",
			   pool->functions_n, pool->avoid_n);
	room->capacity = least(room->capacity, n);
}

/* ---- asking for the type ---- */

static void say_full(struct room *room)
{
	const struct catalogue_profile *p = &room->shape->profiles[room->type];
	char size[SIZE_TEXT_SIZE];

	if (room->state.count >= CREATABLE_TIME_SLICED_MAX)
		reason_set(&room->why, "full", "", "holds %u vGPUs, the most that a GPU takes",
			   room->state.count);
	else
		reason_set(&room->why, "full", "", "holds %u vGPUs of %s; at most %u fit",
			   room->state.count, size_text(p->fb_mib, size), p->max);
}

static uint32_t size_class_mib(const struct room *room)
{
	for (size_t i = 0; i < CREATABLE_VGPUS_MAX; i++)
		if (room->state.vgpus[i].used)
			return room->shape->profiles[room->state.vgpus[i].type].fb_mib;
	return 0;
}

static void say_why(struct room *room, enum creatable_answer a)
{
	const struct catalogue_profile *p = &room->shape->profiles[room->type];
	char held[SIZE_TEXT_SIZE], size[SIZE_TEXT_SIZE], used[SIZE_TEXT_SIZE];

	switch (a) {
	case CREATABLE_WRONG_SIZE_CLASS:
		size_text(size_class_mib(room), held);
		reason_set(&room->why, "wrong-size-class", held,
			   "holds %s vGPUs; an equal-size GPU holds one size at a time", held);
		break;
	case CREATABLE_FULL:
		say_full(room);
		break;
	case CREATABLE_NO_PLACEMENT:
		reason_set(&room->why, "no-placement", "",
			   "no placement id is free for %s: %s of %u GiB are in use by %u vGPUs",
			   size_text(p->fb_mib, size), size_text(room->used_mib, used),
			   room->shape->rules.region_gib, room->state.count);
		break;
	default:
		reason_set(&room->why, creatable_answer_name(a), "", "%s",
			   creatable_answer_text(a));
	}
}

/* Before Volta a VM may have several vGPUs only if each is a whole framebuffer. */
static bool is_fraction_for_one_only(const struct shape *shape, int type)
{
	return shape->board && shape->profiles[type].max > 1 &&
	       (strcmp(shape->board->architecture, "Maxwell") == 0 ||
		strcmp(shape->board->architecture, "Pascal") == 0);
}

static bool find_type(struct room *room, const struct placement_request *request,
		      const char *profile)
{
	const struct gpu *gpu = room->pool->gpu;
	const struct catalogue_profile *p = catalogue_find(profile, NULL);

	room->type = shape_find(room->shape, profile);
	if (p && p->mig)
		reason_set(&room->why, "mig-profile", "",
			   "%s lies on a MIG GPU instance, which is not placed", profile);
	else if (room->type < 0)
		reason_set(&room->why, "not-offered", gpu->board, "%s offers no %s",
			   gpu->board[0] ? gpu->board : "it", profile);
	else if (request->count > 1 && is_fraction_for_one_only(room->shape, room->type))
		reason_set(&room->why, "no-fractional-multi", "",
			   "%s boards give one VM several vGPUs only at full framebuffer",
			   room->shape->board->architecture);
	else
		return true;
	return false;
}

void room_read(const struct pool_gpu *pool, const struct shape *shape,
	       const struct placement_request *request, const char *profile, struct room *ret)
{
	enum creatable_answer a;

	ret->pool = pool;
	ret->shape = shape;
	ret->used_mib = 0;
	ret->capacity = 0;
	ret->function = "";
	if (is_of_no_use(pool, request, &ret->why) || !find_type(ret, request, profile) ||
	    !set_mode(ret, request->mode) || !lay_out(ret))
		return;
	a = creatable_ask(&shape->rules, &ret->state, CREATABLE_PF, (uint16_t)ret->type);
	if (a != CREATABLE_OK) {
		say_why(ret, a);
		return;
	}
	ret->capacity = creatable_remaining(&shape->rules, &ret->state, (uint16_t)ret->type);
	limit_to_functions(ret);
}

void room_read_whole(const struct pool_gpu *pool, struct room *ret)
{
	const struct gpu *gpu = pool->gpu;

	ret->pool = pool;
	ret->shape = NULL;
	ret->used_mib = 0;
	ret->capacity = 0;
	ret->function = "";
	if (is_closed(pool, &ret->why))
		return;
	if (gpu->framework != FRAMEWORK_PASSTHROUGH)
		reason_set(&ret->why, "not-passthrough",
			   names_word(&framework_names, gpu->framework),
			   "is cut into vGPUs (%s); bind it to vfio-pci to lease it whole",
			   names_word(&framework_names, gpu->framework));
	else if (pool->slices_n > 0)
		reason_set(&ret->why, "not-empty", "", "holds %zu vGPUs", pool->slices_n);
	else
		ret->capacity = 1;
}

/* ---- taking ---- */

/* What could still be made, over all sizes: the framebuffer that each could fill. */
static uint64_t worth(const struct shape *shape, const struct creatable_gpu *state)
{
	uint64_t sum = 0;
	int same;

	for (int i = 0; i < shape->rules.n_types; i++) {
		same = shape_find_size(shape, shape->profiles[i].fb_mib);
		if (same == i)
			sum += (uint64_t)creatable_remaining(&shape->rules, state, (uint16_t)i) *
			       shape->rules.types[i].size_gib;
	}
	return sum;
}

/* The placement id that leaves most for others; the lowest of equals, and for first-fit. */
static uint16_t best_placement(const struct room *room, enum policy policy)
{
	const struct creatable_board *rules = &room->shape->rules;
	uint16_t ids[GEOMETRY_IDS_MAX], best = CREATABLE_ANY;
	unsigned int n = creatable_placements(rules, &room->state, (uint16_t)room->type, ids,
					      GEOMETRY_IDS_MAX), slot;
	uint64_t most = 0, left;

	if (policy == POLICY_FIRST_FIT)
		n = n > 0;
	for (unsigned int i = 0; i < n; i++) {
		struct creatable_gpu after = room->state;

		/* A VF number that no slice has: slices have 0 .. slices_n - 1. */
		if (creatable_take(rules, &after, CREATABLE_VFS_MAX - 1, (uint16_t)room->type,
				   ids[i], &slot) != CREATABLE_OK)
			continue;
		left = worth(room->shape, &after);
		if (best == CREATABLE_ANY || left > most) {
			best = ids[i];
			most = left;
		}
	}
	return best;
}

static void take_whole(struct room *room, struct placement_slot *ret)
{
	const struct gpu *gpu = room->pool->gpu;
	const struct board *b = catalogue_board_of_gpu(gpu);

	TEXT_COPY(ret->profile, names_word(&series_names, SERIES_WHOLE));
	ret->fb_mib = b ? b->fb_mib : gpu->fb_mib;
	ret->placement = PLACEMENT_NONE;
	ret->vf[0] = '\0';
}

void room_take(struct room *room, enum policy policy, uint16_t start, struct placement_slot *ret)
{
	const struct catalogue_profile *p;
	uint16_t placement = CREATABLE_ANY;
	unsigned int slot;

	room->capacity--;
	if (!room->shape) {
		take_whole(room, ret);
		return;
	}
	p = &room->shape->profiles[room->type];
	TEXT_COPY(ret->profile, p->name);
	ret->fb_mib = p->fb_mib;
	ret->placement = PLACEMENT_NONE;
	if (room->state.mode == CREATABLE_MIXED)
		ret->placement = placement =
			start == CREATABLE_ANY ? best_placement(room, policy) : start;
	if (creatable_take(&room->shape->rules, &room->state, room->state.count,
			   (uint16_t)room->type, placement, &slot) != CREATABLE_OK)
		__builtin_trap(); /* capacity was counted by the same rules */
	room->used_mib += p->fb_mib;
	ret->vf[0] = '\0';
	if (has_functions(room->pool->gpu)) {
		room->function = next_function(room->pool, room->function);
		TEXT_COPY(ret->vf, room->function);
	}
}
