/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/shape.h"

#include <string.h>

static bool same_types(const struct gpu *a, const struct gpu *b)
{
	if (a->types_n != b->types_n)
		return false;
	for (size_t i = 0; a->types != b->types && i < a->types_n; i++)
		if (strcmp(a->types[i].name, b->types[i].name) != 0 ||
		    a->types[i].fb_mib != b->types[i].fb_mib || a->types[i].max != b->types[i].max)
			return false;
	return true;
}

static bool same_kind(const struct gpu *a, const struct gpu *b)
{
	return strcmp(a->pci_device, b->pci_device) == 0 &&
	       strcmp(a->pci_subsystem, b->pci_subsystem) == 0 &&
	       strcmp(a->board, b->board) == 0 && same_types(a, b);
}

static void describe(const struct gpu_type *type, struct catalogue_profile *ret)
{
	const struct catalogue_profile *known = catalogue_find(type->name, NULL);

	if (known)
		*ret = *known;
	else
		catalogue_guess(type->name, type->fb_mib, ret);
	ret->name = type->name;
	if (type->fb_mib)
		ret->fb_mib = type->fb_mib;
	if (type->max)
		ret->max = type->max;
}

static void add_type(struct shape *s, const struct catalogue_profile *p, uint32_t board_mib)
{
	struct creatable_board *rules = &s->rules;
	uint32_t max = p->max;

	if (p->mig || p->fb_mib == 0 || rules->n_types == CREATABLE_TYPES_MAX)
		return;
	if (max == 0)
		max = board_mib / p->fb_mib;
	if (max > CREATABLE_TIME_SLICED_MAX)
		max = CREATABLE_TIME_SLICED_MAX;
	s->profiles[rules->n_types] = *p;
	s->profiles[rules->n_types].max = max;
	rules->types[rules->n_types++] = (struct geometry_type){
		p->fb_mib, geometry_size_gib(0, p->fb_mib), (uint16_t)max
	};
}

/* Functions are counted by address elsewhere, so the rules get as many as there can be. */
static void fill(struct shape *s, const struct gpu *gpu)
{
	const struct board *b = catalogue_board_of_gpu(gpu);
	uint32_t board_mib = b ? b->fb_mib : gpu->fb_mib;
	struct catalogue_profile p;

	s->like = gpu;
	s->board = b;
	s->rules.rule = b ? b->rule : GEOMETRY_EQUAL_ONLY;
	s->rules.total_vfs = CREATABLE_VFS_MAX;
	for (size_t i = 0; i < gpu->types_n; i++) {
		describe(&gpu->types[i], &p);
		add_type(s, &p, board_mib);
	}
	for (size_t i = 0; gpu->types_n == 0 && b && i < b->profiles_n; i++)
		add_type(s, &b->profiles[i], board_mib);
	s->rules.region_gib = geometry_region_gib(s->rules.types, s->rules.n_types);
	for (size_t i = 0; i < s->rules.n_types; i++)
		s->rules.types[i].size_gib =
			geometry_size_gib(s->rules.region_gib, s->rules.types[i].fb_mib);
}

int shapes_get(struct shapes *shapes, const struct gpu *gpu, const struct shape **ret,
	       struct error *err)
{
	struct shape **grown;

	/* Neighbours are mostly of a kind: the last one found is the first to try. */
	for (size_t i = shapes->n; i > 0; i--)
		if (same_kind(shapes->list[i - 1]->like, gpu)) {
			*ret = shapes->list[i - 1];
			return 0;
		}
	grown = reallocarray(shapes->list, shapes->n + 1, sizeof(struct shape *));
	if (!grown)
		return error_set(err, ERR_NO_MEMORY, "placement");
	shapes->list = grown;
	grown[shapes->n] = calloc(1, sizeof(struct shape));
	if (!grown[shapes->n])
		return error_set(err, ERR_NO_MEMORY, "placement");
	fill(grown[shapes->n], gpu);
	*ret = grown[shapes->n++];
	return 0;
}

void shapes_done(struct shapes *shapes)
{
	for (size_t i = 0; i < shapes->n; i++)
		free(shapes->list[i]);
	free(shapes->list);
	*shapes = (struct shapes){ 0 };
}

int shape_find(const struct shape *shape, const char *profile)
{
	for (int i = 0; i < shape->rules.n_types; i++)
		if (strcmp(shape->profiles[i].name, profile) == 0)
			return i;
	return -1;
}

int shape_find_size(const struct shape *shape, uint32_t fb_mib)
{
	for (int i = 0; i < shape->rules.n_types; i++)
		if (shape->profiles[i].fb_mib == fb_mib)
			return i;
	return -1;
}
