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
#include "placement/grow.h"
#include "placement/pattern.h"

struct key {
	struct pattern p;
	uint32_t row;
	uint32_t held : 31;        /* by how many */
	uint32_t gone : 1;         /* the number is free to be given to another pattern */
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
	if (!list_grow(&t->keys, &t->keys_room, t->keys_n + 1, sizeof(*t->keys)))
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
	if (!list_grow(&t->rows, &t->rows_room, t->rows_n + k->items_n, sizeof(*t->rows)))
		return false;
	*ret = t->rows_n;
	t->rows_n += k->items_n;
	return true;
}

/* Room for everything first, so that nothing is half done. */
static bool is_roomy(struct situations *t)
{
	return (t->hash_size > 2 * (t->keys_n + 1) || rehash(t)) &&
	       list_grow(&t->young, &t->young_room, t->young_n + 1, sizeof(*t->young));
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
	pattern_capacity(k, p, &t->rows[row]);
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

	if (!list_grow(&k->rows_free, &k->rows_free_room, k->rows_free_n + 1, sizeof(uint32_t)) ||
	    !list_grow(&t->keys_free, &t->keys_free_room, t->keys_free_n + 1, sizeof(uint32_t)))
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
	if (list_grow(&t->young, &t->young_room, t->young_n + 1, sizeof(*t->young)))
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
		k->places[c] = places_make(k, c, &ok);
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
	for (size_t i = 0; i < n; i++)
		if (cuts[i].slots == 0 || cuts[i].slots > CUT_SLOTS_MAX)
			return error_set(err, ERR_TOO_LARGE, "a GPU of %u slots", cuts[i].slots);
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

bool situations_has_slots(const struct situations *t, uint8_t kind)
{
	return !t->kinds[kind]->fluid;
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
	return pattern_free_milli(t->kinds[t->keys[s].p.kind], &t->keys[s].p);
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

/* ---- changes ---- */

int situation_put(struct situations *t, uint32_t s, uint8_t item, uint8_t cut, uint16_t start,
		  uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;

	if (!pattern_put(t->kinds[p.kind], &p, item, cut, start))
		return error_set(err, ERR_NO_CAPACITY, "the slot is taken or does not exist");
	return intern(t, &p, ret, err);
}

int situation_take_back(struct situations *t, uint32_t s, uint8_t item, uint16_t start,
			uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;

	if (!pattern_take_back(t->kinds[p.kind], &p, item, start))
		return error_set(err, ERR_NOT_FOUND, "nothing of that size is there");
	return intern(t, &p, ret, err);
}

int situation_block(struct situations *t, uint32_t s, uint8_t cut, uint16_t start, uint16_t n,
		    uint32_t *ret, struct error *err)
{
	struct pattern p = t->keys[s].p;

	if (!pattern_block(t->kinds[p.kind], &p, cut, start, n))
		return error_set(err, ERR_NO_CAPACITY, "the slots are taken or do not exist");
	return intern(t, &p, ret, err);
}

bool situation_preview(const struct situations *t, uint32_t s, uint8_t item, const float *worth,
		       struct preview *ret)
{
	const struct pattern *p = &t->keys[s].p;

	return situation_capacity(t, s)[item] > 0 &&
	       preview_find(t->kinds[p->kind], p, item, worth, ret);
}
