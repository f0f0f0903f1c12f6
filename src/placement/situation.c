/* SPDX-License-Identifier: Apache-2.0 */
/* situation.c - interning what is left of a GPU.
 *
 *   kinds[]       items and cuts
 *   keys[]        situation -> pattern            hash: pattern -> situation
 *   rows[]        situation x item -> capacity, room   (keys[s].row says where its rows begin)
 *
 * An equal-size cut is counted, not mapped: which of its equal places are taken makes no difference
 * to what still fits.
 */
#include "placement/situation.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { SHARED_MAX = 8, MASK_WORDS = CUT_SLOTS_MAX / 64, CUT_NONE = 0xff };

/* A GPU instance that several vGPUs share. */
struct shared {
	uint8_t item, start, vgpus;
};

struct pattern {
	uint64_t mask[MASK_WORDS]; /* slots taken */
	struct shared shared[SHARED_MAX]; /* by start; behind the last: zeros */
	uint16_t free;             /* fluid: milli; else slots */
	uint16_t vgpus;
	uint8_t kind, cut;         /* CUT_NONE: empty, and the kind has several */
	uint8_t item;              /* of a one-size cut that holds something; ITEM_NONE: foreign */
	uint8_t media;
};

struct key {
	struct pattern p;
	uint32_t row;
};

struct kind_item {
	char name[24];             /* of the GPU instance profile; "" for a size */
	uint32_t fb_mib;
	uint16_t milli;
	uint8_t at[KIND_CUTS_MAX]; /* index in the cut, ITEM_NONE: not in it */
};

struct kind {
	bool fluid;
	uint8_t cuts_n, items_n;
	uint32_t empty;
	struct kind_item items[KIND_ITEMS_MAX];
	struct cut cuts[];
};

struct situations {
	struct kind *kinds[KINDS_MAX];
	size_t kinds_n;
	struct key *keys;
	uint32_t keys_n, keys_room;
	struct situation_item *rows;
	uint32_t rows_n, rows_room;
	uint32_t *hash;            /* situation + 1; 0: free */
	uint32_t hash_size;        /* a power of two */
};

struct situations *situations_new(void)
{
	return calloc(1, sizeof(struct situations));
}

struct situations *situations_free(struct situations *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->kinds_n; i++)
		free(t->kinds[i]);
	free(t->keys);
	free(t->rows);
	free(t->hash);
	free(t);
	return NULL;
}

size_t situations_count(const struct situations *t)
{
	return t->keys_n;
}

size_t situations_bytes(const struct situations *t)
{
	return t->keys_room * sizeof(*t->keys) + t->rows_room * sizeof(*t->rows) +
	       t->hash_size * sizeof(*t->hash);
}

/* ---- slots ---- */

static bool is_free(const struct pattern *p, unsigned int start, unsigned int n)
{
	for (unsigned int i = start; i < start + n; i++)
		if (p->mask[i / 64] >> (i % 64) & 1)
			return false;
	return true;
}

static void mark(struct pattern *p, unsigned int start, unsigned int n, bool taken)
{
	for (unsigned int i = start; i < start + n; i++) {
		if (taken)
			p->mask[i / 64] |= 1ull << (i % 64);
		else
			p->mask[i / 64] &= ~(1ull << (i % 64));
	}
	p->free = (uint16_t)(taken ? p->free - n : p->free + n);
}

static const struct cut *cut_of(const struct kind *k, uint8_t cut)
{
	return cut == CUT_NONE ? NULL : &k->cuts[cut];
}

/* ---- capacity ---- */

static unsigned int shared_room(const struct pattern *p, uint8_t item, unsigned int share)
{
	unsigned int n = 0;

	for (int i = 0; i < SHARED_MAX && p->shared[i].vgpus; i++)
		if (p->shared[i].item == item)
			n += share - p->shared[i].vgpus;
	return n;
}

/* Starts are ascending and all of one length: taking each that does not touch the last is the
 * most. */
static unsigned int mapped_capacity(const struct pattern *p, const struct cut_item *item)
{
	unsigned int n = 0, end = 0;

	if (item->media && p->media)
		return 0;
	for (int i = 0; i < item->starts_n; i++)
		if (item->starts[i] >= end && is_free(p, item->starts[i], item->size)) {
			end = item->starts[i] + item->size;
			n++;
		}
	return item->media && n > 1 ? 1 : n;
}

static unsigned int cut_capacity(const struct pattern *p, const struct cut *cut, uint8_t at)
{
	const struct cut_item *item;
	unsigned int n, left;

	if (at == ITEM_NONE || p->vgpus >= cut->vgpus_max)
		return 0;
	item = &cut->items[at];
	left = cut->vgpus_max - p->vgpus;
	if (cut->one_size && p->vgpus > 0 && p->item != at)
		return 0;
	if (cut->one_size)
		n = item->max > p->vgpus ? (unsigned int)(item->max - p->vgpus) : 0;
	else
		n = mapped_capacity(p, item) * item->share + shared_room(p, at, item->share);
	return n < left ? n : left;
}

static unsigned int capacity(const struct kind *k, const struct pattern *p, uint8_t item)
{
	const struct kind_item *i = &k->items[item];
	unsigned int most = 0, n;

	if (k->fluid)
		return p->free / i->milli;
	if (p->cut != CUT_NONE)
		return cut_capacity(p, &k->cuts[p->cut], i->at[p->cut]);
	for (uint8_t c = 0; c < k->cuts_n; c++) {
		n = cut_capacity(p, &k->cuts[c], i->at[c]);
		most = n > most ? n : most;
	}
	return most;
}

static uint16_t free_milli(const struct kind *k, const struct pattern *p)
{
	const struct cut *cut = cut_of(k, p->cut == CUT_NONE ? 0 : p->cut);
	unsigned int used;

	if (k->fluid)
		return p->free;
	if (!cut->one_size || p->item == ITEM_NONE)
		return (uint16_t)(1000u * p->free / cut->slots);
	used = p->vgpus ? 1000u * p->vgpus * cut->items[p->item].size / cut->slots : 0;
	return (uint16_t)(used > 1000 ? 0 : 1000 - used);
}

/* Without geometry whatever is free can be used by an item that fits at all; with it, what its
 * places hold. */
static uint16_t room(const struct kind *k, const struct pattern *p, uint8_t item, unsigned int n)
{
	unsigned int milli = n * k->items[item].milli;

	if (k->fluid)
		return n ? p->free : 0;
	return (uint16_t)(milli > 1000 ? 1000 : milli);
}

static void fill_rows(struct situations *t, uint32_t s)
{
	const struct pattern *p = &t->keys[s].p;
	const struct kind *k = t->kinds[p->kind];

	for (uint8_t i = 0; i < k->items_n; i++) {
		struct situation_item *row = &t->rows[t->keys[s].row + i];

		row->capacity = (uint16_t)capacity(k, p, i);
		row->room = room(k, p, i, row->capacity);
	}
}

/* ---- interning ---- */

static uint64_t hash_of(const struct pattern *p)
{
	const unsigned char *b = (const unsigned char *)p;
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < sizeof(*p); i++)
		h = (h ^ b[i]) * 1099511628211ull;
	return h ^ h >> 29;
}

static bool grow(void **list, uint32_t *have, uint32_t need, size_t size)
{
	uint32_t n = *have ? *have : 256;
	void *grown;

	while (n < need)
		n += n / 2;
	if (n == *have)
		return true;
	grown = reallocarray(*list, n, size);
	if (!grown)
		return false;
	*list = grown;
	*have = n;
	return true;
}

static bool rehash(struct situations *t)
{
	uint32_t size = t->hash_size ? t->hash_size * 2 : 1024, at;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return false;
	for (uint32_t s = 0; s < t->keys_n; s++) {
		at = (uint32_t)hash_of(&t->keys[s].p) & (size - 1);
		while (hash[at])
			at = (at + 1) & (size - 1);
		hash[at] = s + 1;
	}
	free(t->hash);
	t->hash = hash;
	t->hash_size = size;
	return true;
}

static int intern(struct situations *t, const struct pattern *p, uint32_t *ret, struct error *err)
{
	uint32_t items = t->kinds[p->kind]->items_n, at;

	if (t->keys_n * 2 >= t->hash_size && !rehash(t))
		return error_set(err, ERR_NO_MEMORY, "situations of GPUs");
	at = (uint32_t)hash_of(p) & (t->hash_size - 1);
	for (; t->hash[at]; at = (at + 1) & (t->hash_size - 1))
		if (memcmp(&t->keys[t->hash[at] - 1].p, p, sizeof(*p)) == 0) {
			*ret = t->hash[at] - 1;
			return 0;
		}
	if (!grow((void **)&t->keys, &t->keys_room, t->keys_n + 1, sizeof(*t->keys)) ||
	    !grow((void **)&t->rows, &t->rows_room, t->rows_n + items, sizeof(*t->rows)))
		return error_set(err, ERR_NO_MEMORY, "situations of GPUs");
	t->keys[t->keys_n] = (struct key){ *p, t->rows_n };
	t->rows_n += items;
	fill_rows(t, t->keys_n);
	*ret = t->keys_n++;
	t->hash[at] = *ret + 1;
	return 0;
}

/* ---- kinds ---- */

static bool same_item(const struct kind_item *i, const struct cut *cut, const struct cut_item *c)
{
	const char *name = cut->mode == GPU_MODE_MIG ? c->name : "";

	return i->fb_mib == c->fb_mib && strcmp(i->name, name) == 0;
}

static bool add_item(struct kind *k, uint8_t cut, uint8_t at)
{
	const struct cut *from = &k->cuts[cut];
	const struct cut_item *c = &from->items[at];
	struct kind_item *i = k->items, *end = k->items + k->items_n;

	while (i < end && !same_item(i, from, c))
		i++;
	if (i == end && k->items_n == KIND_ITEMS_MAX)
		return false;
	if (i == end) {
		k->items_n++;
		i->fb_mib = c->fb_mib;
		i->milli = (uint16_t)(1000u * c->size / from->slots / c->share);
		if (from->mode == GPU_MODE_MIG)
			TEXT_COPY(i->name, c->name);
		memset(i->at, ITEM_NONE, sizeof(i->at));
	}
	i->at[cut] = at;
	return true;
}

static int keep_kind(struct situations *t, struct kind *k, uint8_t *ret, struct error *err)
{
	struct pattern p = { .cut = k->cuts_n > 1 ? CUT_NONE : 0 };
	int r;

	p.kind = (uint8_t)t->kinds_n;
	p.free = k->fluid ? 1000 : k->cuts[0].slots;
	t->kinds[t->kinds_n++] = k;
	r = intern(t, &p, &k->empty, err);
	*ret = p.kind;
	return r;
}

int situations_add_kind(struct situations *t, const struct cut *cuts, size_t n, uint8_t *ret,
			struct error *err)
{
	struct kind *k;

	if (t->kinds_n == KINDS_MAX || n == 0 || n > KIND_CUTS_MAX)
		return error_set(err, ERR_TOO_LARGE, "%zu kinds of GPUs with %zu modes", t->kinds_n,
				 n);
	k = calloc(1, sizeof(*k) + n * sizeof(*cuts));
	if (!k)
		return error_set(err, ERR_NO_MEMORY, "a kind of GPUs");
	memcpy(k->cuts, cuts, n * sizeof(*cuts));
	k->cuts_n = (uint8_t)n;
	for (uint8_t c = 0; c < n; c++)
		for (uint8_t i = 0; i < cuts[c].items_n; i++)
			if (!add_item(k, c, i)) {
				free(k);
				return error_set(err, ERR_TOO_LARGE, "sizes of one board: over %d",
						 KIND_ITEMS_MAX);
			}
	return keep_kind(t, k, ret, err);
}

int situations_add_fluid(struct situations *t, const uint16_t *sizes, size_t n, uint8_t *ret,
			 struct error *err)
{
	struct kind *k;

	if (t->kinds_n == KINDS_MAX || n > KIND_ITEMS_MAX)
		return error_set(err, ERR_TOO_LARGE, "%zu sizes of %zu kinds of GPUs", n,
				 t->kinds_n);
	k = calloc(1, sizeof(*k));
	if (!k)
		return error_set(err, ERR_NO_MEMORY, "a kind of GPUs");
	k->fluid = true;
	k->items_n = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		k->items[i].milli = sizes[i];
		k->items[i].fb_mib = sizes[i];
	}
	return keep_kind(t, k, ret, err);
}

uint8_t situations_item(const struct situations *t, uint8_t kind, const char *mig_name,
			uint32_t fb_mib)
{
	const struct kind *k = t->kinds[kind];

	for (uint8_t i = 0; i < k->items_n; i++)
		if (k->items[i].fb_mib == fb_mib &&
		    strcmp(k->items[i].name, mig_name ? mig_name : "") == 0)
			return i;
	return ITEM_NONE;
}

size_t situations_kinds(const struct situations *t)
{
	return t->kinds_n;
}

size_t situations_items(const struct situations *t, uint8_t kind)
{
	return t->kinds[kind]->items_n;
}

uint16_t situations_item_milli(const struct situations *t, uint8_t kind, uint8_t item)
{
	return t->kinds[kind]->items[item].milli;
}

/* ---- one situation ---- */

uint32_t situation_empty(const struct situations *t, uint8_t kind)
{
	return t->kinds[kind]->empty;
}

uint8_t situation_kind(const struct situations *t, uint32_t s)
{
	return t->keys[s].p.kind;
}

uint16_t situation_free_milli(const struct situations *t, uint32_t s)
{
	return free_milli(t->kinds[t->keys[s].p.kind], &t->keys[s].p);
}

bool situation_is_empty(const struct situations *t, uint32_t s)
{
	return s == t->kinds[t->keys[s].p.kind]->empty;
}

uint16_t situation_vgpus(const struct situations *t, uint32_t s)
{
	return t->keys[s].p.vgpus;
}

enum gpu_mode situation_mode(const struct situations *t, uint32_t s)
{
	const struct pattern *p = &t->keys[s].p;
	const struct kind *k = t->kinds[p->kind];

	return k->fluid ? GPU_MODE_WHOLE : k->cuts[p->cut == CUT_NONE ? 0 : p->cut].mode;
}

const struct situation_item *situation_items(const struct situations *t, uint32_t s)
{
	return &t->rows[t->keys[s].row];
}

uint32_t situation_row(const struct situations *t, uint32_t s)
{
	return t->keys[s].row;
}

/* ---- changes of a pattern ---- */

static struct shared *find_shared(struct pattern *p, uint8_t at, unsigned int start)
{
	for (int i = 0; i < SHARED_MAX; i++)
		if (p->shared[i].vgpus && p->shared[i].item == at && p->shared[i].start == start)
			return &p->shared[i];
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct shared *x = a, *y = b;

	if (!x->vgpus != !y->vgpus)
		return x->vgpus ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* A vGPU joins the GPU instance at START, which is made when there is none. */
static bool put_shared(struct pattern *p, const struct cut_item *item, uint8_t at,
		       unsigned int start)
{
	struct shared *s = find_shared(p, at, start);

	if (s) {
		s->vgpus++;
		return s->vgpus <= item->share;
	}
	if (!is_free(p, start, item->size) || p->shared[SHARED_MAX - 1].vgpus)
		return false;
	mark(p, start, item->size, true);
	p->shared[SHARED_MAX - 1] = (struct shared){ at, (uint8_t)start, 1 };
	qsort(p->shared, SHARED_MAX, sizeof(p->shared[0]), by_start);
	return true;
}

static bool is_start(const struct cut_item *item, unsigned int start)
{
	for (int i = 0; i < item->starts_n; i++)
		if (item->starts[i] == start)
			return true;
	return false;
}

static bool put_mapped(struct pattern *p, const struct cut_item *item, uint8_t at,
		       unsigned int start)
{
	if (!is_start(item, start) || (item->media && p->media))
		return false;
	p->media |= item->media;
	if (item->share > 1)
		return put_shared(p, item, at, start);
	if (!is_free(p, start, item->size))
		return false;
	mark(p, start, item->size, true);
	return true;
}

/* The pattern with one more; false when it does not fit. */
static bool put(const struct kind *k, struct pattern *p, uint8_t item, uint8_t cut,
		unsigned int start)
{
	const struct cut *c;
	uint8_t at;

	if (k->fluid) {
		if (p->free < k->items[item].milli)
			return false;
		p->free = (uint16_t)(p->free - k->items[item].milli);
		return true;
	}
	if (cut >= k->cuts_n || (p->cut != CUT_NONE && p->cut != cut))
		return false;
	c = &k->cuts[cut];
	at = k->items[item].at[cut];
	if (cut_capacity(p, c, at) == 0)
		return false;
	if (p->cut == CUT_NONE)
		p->free = c->slots;
	p->cut = cut;
	p->vgpus++;
	if (!c->one_size)
		return put_mapped(p, &c->items[at], at, start);
	p->item = at;
	return true;
}

static bool take_back_shared(struct pattern *p, const struct cut_item *item, uint8_t at,
			     unsigned int start)
{
	struct shared *s = find_shared(p, at, start);

	if (!s)
		return false;
	if (--s->vgpus == 0) {
		*s = (struct shared){ 0 };
		mark(p, start, item->size, false);
		qsort(p->shared, SHARED_MAX, sizeof(p->shared[0]), by_start);
	}
	return true;
}

static bool is_taken(const struct pattern *p, unsigned int start, unsigned int n)
{
	for (unsigned int i = start; i < start + n; i++)
		if (!(p->mask[i / 64] >> (i % 64) & 1))
			return false;
	return true;
}

static bool take_back_mapped(struct pattern *p, const struct cut_item *item, uint8_t at,
			     unsigned int start)
{
	if (!is_start(item, start) || (item->media && !p->media))
		return false;
	if (item->media)
		p->media = 0;
	if (item->share > 1)
		return take_back_shared(p, item, at, start);
	if (!is_taken(p, start, item->size))
		return false;
	mark(p, start, item->size, false);
	return true;
}

static bool take_back(const struct kind *k, struct pattern *p, uint8_t item, unsigned int start)
{
	const struct cut *c;
	uint8_t at;

	if (k->fluid) {
		p->free = (uint16_t)(p->free + k->items[item].milli);
		return p->free <= 1000;
	}
	c = cut_of(k, p->cut);
	at = c ? k->items[item].at[p->cut] : ITEM_NONE;
	if (at == ITEM_NONE || p->vgpus == 0 || (c->one_size && p->item != at))
		return false;
	if (!c->one_size && !take_back_mapped(p, &c->items[at], at, start))
		return false;
	p->vgpus--;
	if (p->vgpus == 0) {
		p->item = 0;
		p->cut = k->cuts_n > 1 ? CUT_NONE : 0;
		p->free = k->cuts[0].slots;
	}
	return true;
}

int situation_put(struct situations *t, uint32_t s, uint8_t item, uint8_t cut, uint16_t start,
		  uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;

	if (!put(t->kinds[p.kind], &p, item, cut, start))
		return error_set(err, ERR_NO_CAPACITY, "the slot is taken or does not exist");
	return intern(t, &p, ret, err);
}

int situation_take_back(struct situations *t, uint32_t s, uint8_t item, uint16_t start,
			uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;

	if (!take_back(t->kinds[p.kind], &p, item, start))
		return error_set(err, ERR_NOT_FOUND, "nothing of that size is there");
	return intern(t, &p, ret, err);
}

int situation_block(struct situations *t, uint32_t s, uint8_t cut, uint16_t start, uint16_t n,
		    uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;
	const struct kind *k = t->kinds[p.kind];

	if (k->fluid || cut >= k->cuts_n || start + n > k->cuts[cut].slots ||
	    (p.cut != CUT_NONE && p.cut != cut) || !is_free(&p, start, n))
		return error_set(err, ERR_NO_CAPACITY, "the slots are taken or do not exist");
	if (p.cut == CUT_NONE)
		p.free = k->cuts[cut].slots;
	p.cut = cut;
	/* Its size is now the GPU's, and nobody said which of ours that is. */
	if (k->cuts[cut].one_size && p.vgpus == 0)
		p.item = ITEM_NONE;
	p.vgpus++;
	mark(&p, start, n, true);
	return intern(t, &p, ret, err);
}

/* ---- successors ---- */

struct successors {
	struct situations *t;
	struct successor *list;
	size_t n, max;
};

static void add_successor(struct successors *list, uint32_t s, uint8_t item, uint8_t cut,
			  uint16_t start)
{
	struct successor *next = &list->list[list->n];

	if (list->n == list->max || situation_put(list->t, s, item, cut, start,
						  &next->situation, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].situation == next->situation)
			return;
	next->start = start;
	next->cut = cut;
	list->n++;
}

static void successors_in_cut(struct successors *list, uint32_t s, uint8_t item, uint8_t cut)
{
	const struct kind *k = list->t->kinds[situation_kind(list->t, s)];
	uint8_t at = k->items[item].at[cut];
	const struct cut_item *c;

	if (at == ITEM_NONE)
		return;
	c = &k->cuts[cut].items[at];
	if (k->cuts[cut].one_size)
		add_successor(list, s, item, cut, START_NONE);
	else
		for (int i = 0; i < c->starts_n; i++)
			add_successor(list, s, item, cut, c->starts[i]);
}

size_t situation_successors(struct situations *t, uint32_t s, uint8_t item, struct successor *ret,
			    size_t max)
{
	struct successors list = { t, ret, 0, max };
	const struct kind *k = t->kinds[situation_kind(t, s)];
	uint8_t cut = t->keys[s].p.cut;

	if (situation_items(t, s)[item].capacity == 0)
		return 0;
	if (k->fluid)
		add_successor(&list, s, item, 0, START_NONE);
	else if (cut != CUT_NONE)
		successors_in_cut(&list, s, item, cut);
	else
		for (cut = 0; cut < k->cuts_n; cut++)
			successors_in_cut(&list, s, item, cut);
	return list.n;
}
