/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* creatable.c - NVIDIA's creation rules over the list of what exists.
 *
 * Nothing is cached: every answer is computed from the at most 48 vGPUs.  That is a
 * few hundred comparisons, and it spares us the driver's marking of ids as usable
 * and unusable, which is the part that can get out of step.  A placement id is free
 * exactly when no vGPU overlaps it.
 */
#include "model/creatable.h"

#ifdef __KERNEL__
#include <linux/stddef.h>
#else
#include <stddef.h>
#endif

static const char *const answer_names[] = {
#define X(name, word, text) word,
	CREATABLE_ANSWERS(X)
#undef X
};

static const char *const answer_texts[] = {
#define X(name, word, text) text,
	CREATABLE_ANSWERS(X)
#undef X
};

const char *creatable_answer_name(enum creatable_answer a)
{
	return (unsigned int)a < CREATABLE_ANSWER_COUNT ? answer_names[a] : NULL;
}

const char *creatable_answer_text(enum creatable_answer a)
{
	return (unsigned int)a < CREATABLE_ANSWER_COUNT ? answer_texts[a] : NULL;
}

void creatable_init(struct creatable_gpu *gpu)
{
	unsigned int i;

	gpu->mode = CREATABLE_EQUAL;
	gpu->enabled_vfs = 0;
	gpu->count = 0;
	for (i = 0; i < CREATABLE_VGPUS_MAX; i++)
		gpu->vgpus[i].used = false;
}

enum creatable_answer creatable_set_vfs(const struct creatable_board *board,
                                        struct creatable_gpu *gpu, uint16_t n)
{
	if (n > board->total_vfs || n > CREATABLE_VFS_MAX)
		return CREATABLE_NO_SUCH_VF;
	creatable_init(gpu);
	gpu->enabled_vfs = n;
	return CREATABLE_OK;
}

enum creatable_answer creatable_set_mode(const struct creatable_board *board,
                                         struct creatable_gpu *gpu, enum creatable_mode mode)
{
	if (gpu->mode == mode)
		return CREATABLE_OK;
	if (mode == CREATABLE_MIXED && !geometry_rule_has_mixed(board->rule))
		return CREATABLE_NO_MIXED_MODE;
	if (gpu->count > 0)
		return CREATABLE_HAS_VGPUS;
	if (mode == CREATABLE_MIXED && gpu->enabled_vfs == 0)
		return CREATABLE_NO_SUCH_VF;
	gpu->mode = mode;
	return CREATABLE_OK;
}

int creatable_find_vf(const struct creatable_gpu *gpu, uint16_t vf)
{
	int i;

	for (i = 0; i < CREATABLE_VGPUS_MAX; i++)
		if (gpu->vgpus[i].used && gpu->vgpus[i].vf == vf)
			return i;
	return -1;
}

static unsigned int max_vgpus(const struct creatable_board *board)
{
	unsigned int max = board->max_vgpus ? board->max_vgpus : CREATABLE_TIME_SLICED_MAX;

	return max < CREATABLE_VGPUS_MAX ? max : CREATABLE_VGPUS_MAX;
}

/* Is [ID, ID + SIZE) free of all vGPUs but the one in slot IGNORE? */
static bool is_free(const struct creatable_board *board, const struct creatable_gpu *gpu,
                    uint16_t id, uint16_t size, unsigned int ignore)
{
	const struct creatable_vgpu *v;
	unsigned int left = gpu->count, i;

	for (i = 0; i < CREATABLE_VGPUS_MAX && left > 0; i++) {
		v = &gpu->vgpus[i];
		if (!v->used)
			continue;
		left--;
		if (i == ignore || v->placement == GEOMETRY_NO_PLACEMENT)
			continue;
		if (geometry_overlaps(id, size, v->placement, board->types[v->type].size_gib))
			return false;
	}
	return true;
}

static unsigned int ids_of(const struct creatable_board *board, enum creatable_mode mode,
                           uint16_t type, uint16_t *ids)
{
	const struct geometry_type *t = &board->types[type];

	if (mode == CREATABLE_MIXED)
		return geometry_placements_mixed(board->rule, board->region_gib, t, ids,
		                                 GEOMETRY_IDS_MAX);
	return geometry_placements_equal(board->rule, board->region_gib, t, ids,
	                                 GEOMETRY_IDS_MAX);
}

/* Keeps in IDS only what is free, the first MAX of them, and returns how many that are. */
static unsigned int free_ids_of(const struct creatable_board *board,
                                const struct creatable_gpu *gpu, uint16_t type, uint16_t *ids,
                                unsigned int ignore, unsigned int max)
{
	unsigned int n = ids_of(board, gpu->mode, type, ids), kept = 0, i;

	for (i = 0; i < n && kept < max; i++)
		if (is_free(board, gpu, ids[i], board->types[type].size_gib, ignore))
			ids[kept++] = ids[i];
	return kept;
}

static enum creatable_answer ask_vf(const struct creatable_board *board,
                                    const struct creatable_gpu *gpu, uint16_t vf)
{
	if (board->total_vfs == 0)
		return vf == CREATABLE_PF ? CREATABLE_OK : CREATABLE_NO_SUCH_VF;
	if (vf == CREATABLE_PF) {
		if (gpu->enabled_vfs == 0)
			return CREATABLE_NO_SUCH_VF;
		return gpu->count < gpu->enabled_vfs ? CREATABLE_OK : CREATABLE_FULL;
	}
	if (vf >= gpu->enabled_vfs)
		return CREATABLE_NO_SUCH_VF;
	return creatable_find_vf(gpu, vf) < 0 ? CREATABLE_OK : CREATABLE_VF_IN_USE;
}

/* Equal-size mode: all vGPUs have one framebuffer size, in any mix of series, so the
 * first one stands for all. */
static enum creatable_answer ask_equal(const struct creatable_board *board,
                                       const struct creatable_gpu *gpu, uint16_t type)
{
	const struct geometry_type *t = &board->types[type];
	unsigned int i;

	for (i = 0; i < CREATABLE_VGPUS_MAX; i++)
		if (gpu->vgpus[i].used)
			break;
	if (i < CREATABLE_VGPUS_MAX && board->types[gpu->vgpus[i].type].fb_mib != t->fb_mib)
		return CREATABLE_WRONG_SIZE_CLASS;
	return gpu->count < t->max_instances ? CREATABLE_OK : CREATABLE_FULL;
}

enum creatable_answer creatable_ask(const struct creatable_board *board,
                                    const struct creatable_gpu *gpu, uint16_t vf, uint16_t type)
{
	uint16_t ids[GEOMETRY_IDS_MAX];
	enum creatable_answer a;

	if (type >= board->n_types)
		return CREATABLE_UNKNOWN_TYPE;
	a = ask_vf(board, gpu, vf);
	if (a != CREATABLE_OK)
		return a;
	if (gpu->count >= max_vgpus(board))
		return CREATABLE_FULL;
	if (gpu->mode == CREATABLE_EQUAL)
		return ask_equal(board, gpu, type);
	if (free_ids_of(board, gpu, type, ids, CREATABLE_VGPUS_MAX, 1) == 0)
		return CREATABLE_NO_PLACEMENT;
	return CREATABLE_OK;
}

unsigned int creatable_placements(const struct creatable_board *board,
                                  const struct creatable_gpu *gpu, uint16_t type, uint16_t *ids,
                                  unsigned int max)
{
	uint16_t all[GEOMETRY_IDS_MAX];
	unsigned int n, i;

	if (creatable_ask(board, gpu, CREATABLE_PF, type) != CREATABLE_OK)
		return 0;
	n = free_ids_of(board, gpu, type, all, CREATABLE_VGPUS_MAX, GEOMETRY_IDS_MAX);
	for (i = 0; i < n && i < max; i++)
		ids[i] = all[i];
	return n;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

unsigned int creatable_remaining(const struct creatable_board *board,
                                 const struct creatable_gpu *gpu, uint16_t type)
{
	uint16_t ids[GEOMETRY_IDS_MAX];
	unsigned int n;

	if (creatable_ask(board, gpu, CREATABLE_PF, type) != CREATABLE_OK)
		return 0;
	if (gpu->mode == CREATABLE_EQUAL)
		n = (unsigned int)(board->types[type].max_instances - gpu->count);
	else /* ids of one type never overlap each other */
		n = free_ids_of(board, gpu, type, ids, CREATABLE_VGPUS_MAX, GEOMETRY_IDS_MAX);
	n = least(n, max_vgpus(board) - gpu->count);
	if (board->total_vfs > 0)
		n = least(n, (unsigned int)(gpu->enabled_vfs - gpu->count));
	return n;
}

/* Settles PLACEMENT for TYPE, with the vGPU in slot IGNORE thought away. */
static enum creatable_answer choose(const struct creatable_board *board,
                                    const struct creatable_gpu *gpu, uint16_t type,
                                    uint16_t *placement, unsigned int ignore)
{
	uint16_t ids[GEOMETRY_IDS_MAX];
	unsigned int n, i;

	if (*placement == CREATABLE_ANY) {
		n = free_ids_of(board, gpu, type, ids, ignore, 1);
		if (n > 0)
			*placement = ids[0];
		return CREATABLE_OK;
	}
	n = ids_of(board, gpu->mode, type, ids);
	for (i = 0; i < n; i++)
		if (ids[i] == *placement)
			break;
	if (i == n)
		return CREATABLE_PLACEMENT_UNKNOWN;
	if (!is_free(board, gpu, *placement, board->types[type].size_gib, ignore))
		return CREATABLE_PLACEMENT_TAKEN;
	return CREATABLE_OK;
}

enum creatable_answer creatable_take(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, uint16_t vf, uint16_t type,
                                     uint16_t placement, unsigned int *ret_slot)
{
	enum creatable_answer a;
	unsigned int slot = 0;

	if (board->total_vfs > 0 && vf == CREATABLE_PF)
		return CREATABLE_NO_SUCH_VF;
	a = creatable_ask(board, gpu, vf, type);
	if (a == CREATABLE_OK)
		a = choose(board, gpu, type, &placement, CREATABLE_VGPUS_MAX);
	if (a != CREATABLE_OK)
		return a;
	while (gpu->vgpus[slot].used)
		slot++;
	gpu->vgpus[slot] = (struct creatable_vgpu){ true, type, placement, vf };
	gpu->count++;
	*ret_slot = slot;
	return CREATABLE_OK;
}

enum creatable_answer creatable_fill(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, uint16_t type, unsigned int n)
{
	uint16_t ids[GEOMETRY_IDS_MAX], vf;
	unsigned int ids_n, i;

	if (type >= board->n_types)
		return CREATABLE_UNKNOWN_TYPE;
	if (gpu->count > 0 || gpu->mode != CREATABLE_EQUAL)
		return CREATABLE_HAS_VGPUS;
	if (n > creatable_remaining(board, gpu, type))
		return CREATABLE_FULL;
	/* Ids of one type never overlap each other, so each vGPU gets the next one. */
	ids_n = ids_of(board, gpu->mode, type, ids);
	for (i = 0; i < n; i++) {
		vf = board->total_vfs > 0 ? (uint16_t)i : CREATABLE_PF;
		gpu->vgpus[i] = (struct creatable_vgpu){
			true, type, i < ids_n ? ids[i] : GEOMETRY_NO_PLACEMENT, vf
		};
	}
	gpu->count = (uint16_t)n;
	return CREATABLE_OK;
}

enum creatable_answer creatable_move(const struct creatable_board *board,
                                     struct creatable_gpu *gpu, unsigned int slot,
                                     uint16_t placement)
{
	enum creatable_answer a;

	if (slot >= CREATABLE_VGPUS_MAX || !gpu->vgpus[slot].used)
		return CREATABLE_NO_SUCH_VGPU;
	if (gpu->vgpus[slot].placement == placement)
		return CREATABLE_OK;
	if (placement == CREATABLE_ANY)
		return CREATABLE_PLACEMENT_UNKNOWN;
	a = choose(board, gpu, gpu->vgpus[slot].type, &placement, slot);
	if (a == CREATABLE_OK)
		gpu->vgpus[slot].placement = placement;
	return a;
}

enum creatable_answer creatable_give_back(struct creatable_gpu *gpu, unsigned int slot)
{
	if (slot >= CREATABLE_VGPUS_MAX || !gpu->vgpus[slot].used)
		return CREATABLE_NO_SUCH_VGPU;
	gpu->vgpus[slot].used = false;
	gpu->count--;
	return CREATABLE_OK;
}

static const char *check_vgpu(const struct creatable_board *board,
                              const struct creatable_gpu *gpu, unsigned int slot)
{
	const struct creatable_vgpu *v = &gpu->vgpus[slot], *w;
	unsigned int i;

	if (v->type >= board->n_types)
		return "a vGPU has a type that the board lacks";
	if ((board->total_vfs > 0) != (v->vf < gpu->enabled_vfs))
		return "a vGPU lies on a VF that is not there";
	if (gpu->mode == CREATABLE_MIXED && v->placement == GEOMETRY_NO_PLACEMENT)
		return "a vGPU has no placement in mixed-size mode";
	if (v->placement != GEOMETRY_NO_PLACEMENT &&
	    !is_free(board, gpu, v->placement, board->types[v->type].size_gib, slot))
		return "two vGPUs overlap";
	for (i = 0; i < slot; i++) {
		w = &gpu->vgpus[i];
		if (!w->used)
			continue;
		if (v->vf != CREATABLE_PF && w->vf == v->vf)
			return "two vGPUs share a VF";
		if (gpu->mode == CREATABLE_EQUAL &&
		    board->types[w->type].fb_mib != board->types[v->type].fb_mib)
			return "two framebuffer sizes in equal-size mode";
	}
	return NULL;
}

const char *creatable_check(const struct creatable_board *board, const struct creatable_gpu *gpu)
{
	const char *broken = NULL;
	unsigned int used = 0, i;

	for (i = 0; i < CREATABLE_VGPUS_MAX && !broken; i++)
		if (gpu->vgpus[i].used) {
			used++;
			broken = check_vgpu(board, gpu, i);
		}
	if (!broken && used != gpu->count)
		broken = "the count is not the number of slots in use";
	return broken;
}
