/* SPDX-License-Identifier: Apache-2.0 */
/* A skip list rather than a balanced tree: listing a prefix is a seek and a walk along the lowest
 * level, and a node costs a third of a pointer more than in a linked list.  The levels are drawn
 * from a fixed seed: they shape speed only, and equal runs stay equal. */
#include "store/record.h"

#include <assert.h>
#include <string.h>

struct record *record_new(const char *key, const char *value, uint64_t revision)
{
	size_t key_size = strlen(key) + 1, value_size = value ? strlen(value) + 1 : 0;
	size_t bytes = sizeof(struct record) + key_size + value_size;
	struct record *rec = malloc(bytes);

	if (!rec)
		return NULL;
	*rec = (struct record){ .refs = 1, .revision = revision, .bytes = bytes };
	memcpy(rec->key, key, key_size);
	if (value)
		rec->value = memcpy(rec->key + key_size, value, value_size);
	return rec;
}

struct record *record_ref(struct record *rec)
{
	__atomic_fetch_add(&rec->refs, 1, __ATOMIC_RELAXED);
	return rec;
}

struct record *record_unref(struct record *rec)
{
	if (!rec)
		return NULL;
	assert(__atomic_load_n(&rec->refs, __ATOMIC_RELAXED) > 0);
	/* What others did with it comes before it is freed. */
	if (__atomic_sub_fetch(&rec->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(rec);
	return NULL;
}

/* xorshift64: a level more with a chance of one in four. */
static unsigned draw_levels(struct view *v)
{
	uint64_t x = v->luck ? v->luck : 0x9e3779b97f4a7c15u;
	unsigned levels = 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	v->luck = x;
	for (; levels < VIEW_LEVELS && (x & 3) == 0; x >>= 2)
		levels++;
	return levels;
}

struct view_node *view_node_new(struct view *v)
{
	unsigned levels = draw_levels(v);
	struct view_node *node = calloc(1, sizeof(*node) + levels * sizeof(node->next[0]));

	if (node)
		node->levels = levels;
	return node;
}

/* The links that a node of KEY hangs, or would hang, on: one per level. */
static struct view_node *find_links(const struct view *v, const char *key,
				    struct view_node **links[VIEW_LEVELS])
{
	struct view_node **at = ((struct view *)(uintptr_t)v)->head;

	for (unsigned level = VIEW_LEVELS; level-- > 0;) {
		while (at[level] && strcmp(at[level]->record->key, key) < 0)
			at = at[level]->next;
		links[level] = &at[level];
	}
	return *links[0];
}

static bool is_key(const struct view_node *node, const char *key)
{
	return node && strcmp(node->record->key, key) == 0;
}

void view_put(struct view *v, struct record *rec, struct view_node *spare)
{
	struct view_node **links[VIEW_LEVELS], *node = find_links(v, rec->key, links);

	if (is_key(node, rec->key)) {
		record_unref(node->record);
		node->record = record_ref(rec);
		free(spare);
		return;
	}
	spare->record = record_ref(rec);
	for (unsigned level = 0; level < spare->levels; level++) {
		spare->next[level] = *links[level];
		*links[level] = spare;
	}
	v->n++;
}

bool view_remove(struct view *v, const char *key)
{
	struct view_node **links[VIEW_LEVELS], *node = find_links(v, key, links);

	if (!is_key(node, key))
		return false;
	for (unsigned level = 0; level < node->levels; level++)
		*links[level] = node->next[level];
	record_unref(node->record);
	free(node);
	v->n--;
	return true;
}

const struct view_node *view_seek(const struct view *v, const char *key)
{
	struct view_node **links[VIEW_LEVELS];

	return find_links(v, key, links);
}

const struct record *view_find(const struct view *v, const char *key)
{
	const struct view_node *node = view_seek(v, key);

	return is_key(node, key) ? node->record : NULL;
}

void view_done(struct view *v)
{
	for (struct view_node *node = v->head[0], *next; node; node = next) {
		next = node->next[0];
		record_unref(node->record);
		free(node);
	}
	*v = (struct view){ 0 };
}
