/* SPDX-License-Identifier: Apache-2.0 */
/* situation.c - interning what is left of a GPU.
 *
 *   kinds[]       items, cuts, and for each mapped cut its places
 *   keys[]        situation -> pattern            hash: pattern -> situation
 *   rows[]        situation x item -> capacity    (keys[s].row says where its rows begin)
 *
 * An equal-size cut is counted, not mapped: which of its equal places are taken makes no
 * difference to what still fits.  In a mapped cut a place is an item at a start; the places that
 * are free are a set of bits, and so are those that a place would take with it, so that what a
 * choice costs is the count of a few words.  Mixed sizes have more patterns than can be kept:
 * those that no GPU is in are forgotten.
 */
#include "placement/situation.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
	SHARED_MAX = 8,
	MASK_WORDS = CUT_SLOTS_MAX / 64,
	CUT_NONE = 0xff,
	PLACES_MAX = 320,
	PLACE_WORDS = PLACES_MAX / 64,
};

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
	uint8_t item;              /* of a one-size cut that holds something */
	uint8_t media;
};

struct key {
	struct pattern p;
	uint32_t row;
	uint32_t held : 31;        /* by how many */
	uint32_t gone : 1;         /* the number is free to be given to another pattern */
};

struct kind_item {
	char name[24];             /* of the GPU instance profile; "" for a size */
	uint32_t fb_mib;
	uint16_t milli;
	uint8_t at[KIND_CUTS_MAX]; /* index in the cut, ITEM_NONE: not in it */
};

struct place_set {
	uint64_t bits[PLACE_WORDS];
};

/* The places of a mapped cut; none when its items share GPU instances or overlap themselves, which
 * is worked out step by step.
 */
struct places {
	uint16_t n, words, mask_words;
	struct {
		uint64_t mask[MASK_WORDS];
		uint16_t start;
		uint8_t item;      /* of the kind */
		bool media;
	} list[PLACES_MAX];
	struct place_set with[PLACES_MAX];          /* places that it touches, itself included */
	struct place_set of_item[KIND_ITEMS_MAX];
};

struct kind {
	bool fluid;
	bool many;                 /* patterns: forget those that nobody is in */
	uint8_t cuts_n, items_n;
	uint32_t empty;
	struct kind_item items[KIND_ITEMS_MAX];
	struct places *places[KIND_CUTS_MAX];
	uint32_t *rows_free;       /* rows of forgotten situations */
	uint32_t rows_free_n, rows_free_room;
	struct cut cuts[];
};

struct situations {
	struct kind *kinds[KINDS_MAX];
	size_t kinds_n;
	struct key *keys;
	uint32_t keys_n, keys_room;
	uint32_t *keys_free;
	uint32_t keys_free_n, keys_free_room;
	uint32_t *young;           /* made since the last collection */
	uint32_t young_n, young_room;
	uint16_t *rows;
	uint32_t rows_n, rows_room;
	uint32_t *hash;            /* situation + 1; 0: free */
	uint32_t hash_size;        /* a power of two */
};

struct situations *situations_new(void)
{
	return calloc(1, sizeof(struct situations));
}

static void kind_free(struct kind *k)
{
	for (int i = 0; i < KIND_CUTS_MAX; i++)
		free(k->places[i]);
	free(k->rows_free);
	free(k);
}

struct situations *situations_free(struct situations *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->kinds_n; i++)
		kind_free(t->kinds[i]);
	free(t->keys);
	free(t->keys_free);
	free(t->young);
	free(t->rows);
	free(t->hash);
	free(t);
	return NULL;
}

size_t situations_count(const struct situations *t)
{
	return t->keys_n - t->keys_free_n;
}

size_t situations_bytes(const struct situations *t)
{
	size_t n = t->keys_room * sizeof(*t->keys) + t->rows_room * sizeof(*t->rows) +
		   (t->hash_size + t->keys_free_room + t->young_room) * sizeof(uint32_t);

	for (size_t i = 0; i < t->kinds_n; i++) {
		n += t->kinds[i]->rows_free_room * sizeof(uint32_t);
		for (int c = 0; c < KIND_CUTS_MAX; c++)
			n += t->kinds[i]->places[c] ? sizeof(struct places) : 0;
	}
	return n;
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

/* ---- places ---- */

/* Those of the cut that P leaves free. */
static void free_places(const struct places *all, const struct pattern *p, struct place_set *ret)
{
	memset(ret->bits, 0, all->words * sizeof(ret->bits[0]));
	for (unsigned int i = 0; i < all->n; i++) {
		uint64_t taken = 0;

		for (unsigned int w = 0; w < all->mask_words; w++)
			taken |= all->list[i].mask[w] & p->mask[w];
		if (!taken && !(all->list[i].media && p->media))
			ret->bits[i / 64] |= 1ull << (i % 64);
	}
}

static unsigned int count_of_item(const struct places *all, const struct place_set *set,
				  uint8_t item)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < all->words; w++)
		n += (unsigned int)__builtin_popcountll(set->bits[w] & all->of_item[item].bits[w]);
	return n;
}

/* How many of each item a set of free places has, with LEFT vGPUs to go. */
static void count_places(const struct kind *k, uint8_t cut, const struct place_set *set,
			 unsigned int left, uint16_t *ret)
{
	const struct places *all = k->places[cut];

	for (uint8_t i = 0; i < k->items_n; i++) {
		uint8_t at = k->items[i].at[cut];
		unsigned int n = at == ITEM_NONE ? 0 : count_of_item(all, set, i);

		if (n > 1 && k->cuts[cut].items[at].media)
			n = 1;
		ret[i] = (uint16_t)(n < left ? n : left);
	}
}

static unsigned int vgpus_left(const struct kind *k, const struct pattern *p)
{
	unsigned int most = k->cuts[p->cut].vgpus_max;

	return most > p->vgpus ? most - p->vgpus : 0;
}

static void fill_capacity(const struct kind *k, const struct pattern *p, uint16_t *ret)
{
	struct place_set set;

	if (!k->fluid && p->cut != CUT_NONE && k->places[p->cut]) {
		free_places(k->places[p->cut], p, &set);
		count_places(k, p->cut, &set, vgpus_left(k, p), ret);
		return;
	}
	for (uint8_t i = 0; i < k->items_n; i++)
		ret[i] = (uint16_t)capacity(k, p, i);
}

static uint16_t free_milli(const struct kind *k, const struct pattern *p)
{
	const struct cut *cut = cut_of(k, p->cut == CUT_NONE ? 0 : p->cut);
	unsigned int used;

	if (k->fluid)
		return p->free;
	if (!cut->one_size)
		return (uint16_t)(1000u * p->free / cut->slots);
	used = p->vgpus ? 1000u * p->vgpus * cut->items[p->item].size / cut->slots : 0;
	return (uint16_t)(used > 1000 ? 0 : 1000 - used);
}

uint32_t situation_room(const struct situations *t, uint8_t kind, uint8_t item, uint16_t n,
			uint16_t free)
{
	const struct kind *k = t->kinds[kind];
	uint32_t milli = (uint32_t)n * k->items[item].milli;

	if (k->fluid)
		return n ? free : 0;
	return milli > 1000 ? 1000 : milli;
}

/* ---- interning ---- */

static uint64_t hash_of(const struct pattern *p)
{
	const uint64_t *words = (const uint64_t *)(const void *)p;
	uint64_t h = 0x9e3779b97f4a7c15ull;

	_Static_assert(sizeof(*p) % sizeof(*words) == 0, "hashed by words");
	for (size_t i = 0; i < sizeof(*p) / sizeof(*words); i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h;
}

static bool grow(void *list, uint32_t *have, uint32_t need, size_t size)
{
	uint32_t n = *have ? *have : 64;
	void **at = list, *grown;

	while (n < need)
		n += n / 2;
	if (n == *have)
		return true;
	grown = reallocarray(*at, n, size);
	if (!grown)
		return false;
	*at = grown;
	*have = n;
	return true;
}

static bool rehash(struct situations *t)
{
	uint32_t size = t->hash_size ? t->hash_size * 2 : 256, at;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return false;
	for (uint32_t i = 0; i < t->hash_size; i++) {
		if (!t->hash[i])
			continue;
		at = (uint32_t)hash_of(&t->keys[t->hash[i] - 1].p) & (size - 1);
		while (hash[at])
			at = (at + 1) & (size - 1);
		hash[at] = t->hash[i];
	}
	free(t->hash);
	t->hash = hash;
	t->hash_size = size;
	return true;
}

/* Where P is in the hash, or would be. */
static uint32_t hash_find(const struct situations *t, const struct pattern *p)
{
	uint32_t at = (uint32_t)hash_of(p) & (t->hash_size - 1);

	while (t->hash[at] && memcmp(&t->keys[t->hash[at] - 1].p, p, sizeof(*p)) != 0)
		at = (at + 1) & (t->hash_size - 1);
	return at;
}

/* Those behind a hole move up, so that a search need not pass holes. */
static void hash_remove(struct situations *t, uint32_t at)
{
	uint32_t last = t->hash_size - 1, next = at, home;

	for (;;) {
		next = (next + 1) & last;
		if (!t->hash[next])
			break;
		home = (uint32_t)hash_of(&t->keys[t->hash[next] - 1].p) & last;
		if (((next - home) & last) >= ((next - at) & last)) {
			t->hash[at] = t->hash[next];
			at = next;
		}
	}
	t->hash[at] = 0;
}

static bool new_key(struct situations *t, uint32_t *ret)
{
	if (t->keys_free_n > 0) {
		*ret = t->keys_free[--t->keys_free_n];
		return true;
	}
	if (!grow(&t->keys, &t->keys_room, t->keys_n + 1, sizeof(*t->keys)))
		return false;
	*ret = t->keys_n++;
	return true;
}

static bool new_row(struct situations *t, struct kind *k, uint32_t *ret)
{
	if (k->rows_free_n > 0) {
		*ret = k->rows_free[--k->rows_free_n];
		return true;
	}
	if (!grow(&t->rows, &t->rows_room, t->rows_n + k->items_n, sizeof(*t->rows)))
		return false;
	*ret = t->rows_n;
	t->rows_n += k->items_n;
	return true;
}

/* Room for everything first, so that nothing is half done. */
static bool is_roomy(struct situations *t)
{
	return (t->hash_size > 2 * (t->keys_n + 1) || rehash(t)) &&
	       grow(&t->young, &t->young_room, t->young_n + 1, sizeof(*t->young));
}

static int intern(struct situations *t, const struct pattern *p, uint32_t *ret, struct error *err)
{
	struct kind *k = t->kinds[p->kind];
	uint32_t at, row, s;

	if (!is_roomy(t))
		return error_set(err, ERR_NO_MEMORY, "situations of GPUs");
	at = hash_find(t, p);
	if (t->hash[at]) {
		*ret = t->hash[at] - 1;
		return 0;
	}
	if (!new_row(t, k, &row) || !new_key(t, &s))
		return error_set(err, ERR_NO_MEMORY, "situations of GPUs");
	t->keys[s] = (struct key){ .p = *p, .row = row };
	fill_capacity(k, p, &t->rows[row]);
	t->hash[at] = s + 1;
	if (k->many)
		t->young[t->young_n++] = s;
	*ret = s;
	return 0;
}

/* ---- keeping ---- */

static void forget(struct situations *t, uint32_t s)
{
	struct kind *k = t->kinds[t->keys[s].p.kind];

	if (!grow(&k->rows_free, &k->rows_free_room, k->rows_free_n + 1, sizeof(uint32_t)) ||
	    !grow(&t->keys_free, &t->keys_free_room, t->keys_free_n + 1, sizeof(uint32_t)))
		return; /* it stays, and may be found again */
	hash_remove(t, hash_find(t, &t->keys[s].p));
	k->rows_free[k->rows_free_n++] = t->keys[s].row;
	t->keys_free[t->keys_free_n++] = s;
}

void situation_hold(struct situations *t, uint32_t s)
{
	t->keys[s].held++;
}

void situation_drop(struct situations *t, uint32_t s)
{
	struct key *k = &t->keys[s];

	if (--k->held > 0 || !t->kinds[k->p.kind]->many)
		return;
	if (grow(&t->young, &t->young_room, t->young_n + 1, sizeof(*t->young)))
		t->young[t->young_n++] = s;
}

/* A number may be young twice: once forgotten it is marked, until it is made again. */
void situations_collect(struct situations *t)
{
	for (uint32_t i = 0; i < t->young_n; i++) {
		uint32_t s = t->young[i];

		if (t->keys[s].held > 0 || t->keys[s].gone ||
		    s == t->kinds[t->keys[s].p.kind]->empty)
			continue;
		forget(t, s);
		t->keys[s].gone = true;
	}
	t->young_n = 0;
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

/* ---- the places of a cut ---- */

static bool needs_steps(const struct cut *cut)
{
	for (int i = 0; i < cut->items_n; i++) {
		const struct cut_item *c = &cut->items[i];

		if (c->share > 1)
			return true;
		for (int k = 1; k < c->starts_n; k++)
			if (c->starts[k] < c->starts[k - 1] + c->size)
				return true;
	}
	return cut->one_size;
}

static bool add_places(struct places *all, const struct cut_item *c, uint8_t item)
{
	for (int i = 0; i < c->starts_n; i++) {
		if (all->n == PLACES_MAX)
			return false;
		all->list[all->n].start = c->starts[i];
		all->list[all->n].item = item;
		all->list[all->n].media = c->media;
		for (unsigned int b = c->starts[i]; b < c->starts[i] + c->size; b++)
			all->list[all->n].mask[b / 64] |= 1ull << (b % 64);
		all->of_item[item].bits[all->n / 64] |= 1ull << (all->n % 64);
		all->n++;
	}
	return true;
}

static bool do_touch(const struct places *all, unsigned int a, unsigned int b)
{
	for (int w = 0; w < MASK_WORDS; w++)
		if (all->list[a].mask[w] & all->list[b].mask[w])
			return true;
	return all->list[a].media && all->list[b].media;
}

/* NULL with *OK: the cut is worked out step by step. */
static struct places *make_places(const struct kind *k, uint8_t cut, bool *ok)
{
	const struct cut *c = &k->cuts[cut];
	struct places *all;

	if (needs_steps(c))
		return NULL;
	all = calloc(1, sizeof(*all));
	*ok = all != NULL;
	for (uint8_t i = 0; *ok && i < k->items_n; i++)
		if (k->items[i].at[cut] != ITEM_NONE)
			*ok = add_places(all, &c->items[k->items[i].at[cut]], i);
	if (!*ok)
		return all;
	all->words = (uint16_t)((all->n + 63) / 64);
	all->mask_words = (uint16_t)((c->slots + 63) / 64);
	for (unsigned int a = 0; a < all->n; a++)
		for (unsigned int b = 0; b < all->n; b++)
			if (do_touch(all, a, b))
				all->with[a].bits[b / 64] |= 1ull << (b % 64);
	return all;
}

static int fill_kind(struct kind *k, const struct cut *cuts, size_t n, struct error *err)
{
	bool ok = true;

	memcpy(k->cuts, cuts, n * sizeof(*cuts));
	k->cuts_n = (uint8_t)n;
	for (uint8_t c = 0; c < n; c++)
		for (uint8_t i = 0; i < cuts[c].items_n; i++)
			if (!add_item(k, c, i))
				return error_set(err, ERR_TOO_LARGE, "sizes of one board: over %d",
						 KIND_ITEMS_MAX);
	for (uint8_t c = 0; c < n && ok; c++) {
		k->places[c] = make_places(k, c, &ok);
		k->many = k->many || (k->places[c] && cuts[c].mode != GPU_MODE_MIG);
	}
	return ok ? 0 : error_set(err, ERR_TOO_LARGE, "places of one board: over %d", PLACES_MAX);
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
	int r;

	if (t->kinds_n == KINDS_MAX || n == 0 || n > KIND_CUTS_MAX)
		return error_set(err, ERR_TOO_LARGE, "%zu kinds of GPUs with %zu modes", t->kinds_n,
				 n);
	k = calloc(1, sizeof(*k) + n * sizeof(*cuts));
	if (!k)
		return error_set(err, ERR_NO_MEMORY, "a kind of GPUs");
	r = fill_kind(k, cuts, n, err);
	if (r < 0) {
		kind_free(k);
		return r;
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

const uint16_t *situation_capacity(const struct situations *t, uint32_t s)
{
	return &t->rows[t->keys[s].row];
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

/* ---- previews ---- */

struct search {
	const struct kind *k;
	const float *worth;
	uint8_t item;
	double least;            /* loss of the best so far */
	struct preview *best;
};

static double loss_of(const struct search *f, const struct places *all,
		      const struct place_set *set, const struct place_set *with)
{
	double sum = 0;

	for (uint8_t i = 0; i < f->k->items_n; i++) {
		unsigned int n = 0;

		for (unsigned int w = 0; w < all->words; w++)
			n += (unsigned int)__builtin_popcountll(
				set->bits[w] & with->bits[w] & all->of_item[i].bits[w]);
		sum += (double)f->worth[i] * n;
	}
	return sum;
}

/* In a mapped cut: the free place of the item that takes least with it. */
static void search_places(struct search *f, const struct pattern *p, uint8_t cut)
{
	const struct places *all = f->k->places[cut];
	struct place_set set;
	int best = -1;

	free_places(all, p, &set);
	for (unsigned int w = 0; w < all->words; w++) {
		uint64_t mine = set.bits[w] & all->of_item[f->item].bits[w];

		for (; mine; mine &= mine - 1) {
			unsigned int place = 64 * w + (unsigned int)__builtin_ctzll(mine);
			double loss = f->worth ? loss_of(f, all, &set, &all->with[place]) : 0;

			if (loss < f->least - 1e-9) {
				f->least = loss;
				best = (int)place;
			}
		}
	}
	if (best < 0)
		return;
	f->best->cut = cut;
	f->best->start = all->list[best].start;
	for (unsigned int w = 0; w < all->words; w++)
		set.bits[w] &= ~all->with[best].bits[w];
	count_places(f->k, cut, &set, f->k->cuts[cut].vgpus_max - p->vgpus - 1u,
		     f->best->capacity);
	f->best->free_milli =
		(uint16_t)(1000u *
			   (p->free - f->k->cuts[cut].items[f->k->items[f->item].at[cut]].size) /
			   f->k->cuts[cut].slots);
}

/* Elsewhere: try it and count. */
static void try_start(struct search *f, const struct pattern *p, uint8_t cut, uint16_t start)
{
	struct pattern after = *p;
	uint16_t then[KIND_ITEMS_MAX];
	double loss = 0;

	if (!put(f->k, &after, f->item, cut, start))
		return;
	fill_capacity(f->k, &after, then);
	for (uint8_t i = 0; f->worth && i < f->k->items_n; i++)
		loss -= f->worth[i] * then[i];
	if (loss >= f->least - 1e-9)
		return;
	f->least = loss;
	f->best->cut = cut;
	f->best->start = start;
	f->best->free_milli = free_milli(f->k, &after);
	memcpy(f->best->capacity, then, f->k->items_n * sizeof(then[0]));
}

static void search_steps(struct search *f, const struct pattern *p, uint8_t cut)
{
	const struct cut_item *c;
	uint8_t at;

	if (f->k->fluid || f->k->cuts[cut].one_size) {
		try_start(f, p, cut, START_NONE);
		return;
	}
	at = f->k->items[f->item].at[cut];
	c = at == ITEM_NONE ? NULL : &f->k->cuts[cut].items[at];
	for (int i = 0; c && i < c->starts_n; i++)
		try_start(f, p, cut, c->starts[i]);
}

static bool search_cut(struct search *f, const struct pattern *p, uint8_t cut)
{
	f->least = 1e300;
	if (!f->k->fluid && f->k->places[cut])
		search_places(f, p, cut);
	else
		search_steps(f, p, cut);
	return f->least < 1e300;
}

/* An empty GPU that may be cut in several ways: the way that leaves most. */
static bool search_cuts(struct search *f, const struct pattern *p, struct preview *ret)
{
	double most = -1, left;
	struct preview one;

	f->best = &one;
	for (uint8_t cut = 0; cut < f->k->cuts_n; cut++) {
		struct pattern as_cut = *p;

		as_cut.cut = cut;
		as_cut.free = f->k->cuts[cut].slots;
		if (f->k->items[f->item].at[cut] == ITEM_NONE || !search_cut(f, &as_cut, cut))
			continue;
		left = 0;
		for (uint8_t i = 0; f->worth && i < f->k->items_n; i++)
			left += f->worth[i] * one.capacity[i];
		if (left > most + 1e-9) {
			most = left;
			*ret = one;
		}
	}
	return most >= 0;
}

bool situation_preview(const struct situations *t, uint32_t s, uint8_t item, const float *worth,
		       struct preview *ret)
{
	const struct pattern *p = &t->keys[s].p;
	const struct kind *k = t->kinds[p->kind];
	struct search f = { .k = k, .worth = worth, .item = item, .best = ret };

	if (situation_capacity(t, s)[item] == 0)
		return false;
	if (!k->fluid && p->cut == CUT_NONE)
		return search_cuts(&f, p, ret);
	return search_cut(&f, p, k->fluid ? 0 : p->cut);
}
