/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/contest.h"

#include <stdlib.h>
#include <string.h>

bool contest_resize(struct contest *c, uint32_t n)
{
	uint32_t size = 2;
	uint32_t *scores;

	while (size < n)
		size *= 2;
	scores = calloc(2 * (size_t)size, sizeof(*scores));
	if (!scores)
		return false;
	free(c->scores);
	c->scores = scores;
	c->size = size;
	return true;
}

void contest_done(struct contest *c)
{
	free(c->scores);
	*c = (struct contest){ 0 };
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void contest_set(struct contest *c, uint32_t who, uint32_t score)
{
	uint32_t i = c->size + who, best;

	if (c->scores[i] == score)
		return;
	c->scores[i] = score;
	for (i /= 2; i > 0; i /= 2) {
		best = larger(c->scores[2 * i], c->scores[2 * i + 1]);
		if (c->scores[i] == best)
			break;
		c->scores[i] = best;
	}
}

void contest_put(struct contest *c, uint32_t who, uint32_t score)
{
	c->scores[c->size + who] = score;
}

void contest_rebuild(struct contest *c)
{
	for (uint32_t i = c->size - 1; i > 0; i--)
		c->scores[i] = larger(c->scores[2 * i], c->scores[2 * i + 1]);
}

/* ---- best first: the subtrees not looked into yet, in a heap by (score down, place up) ---- */

struct frontier {
	uint32_t *nodes;
	uint32_t n, room;
	const struct contest *c;
};

static uint32_t first_leaf(const struct contest *c, uint32_t node)
{
	return node << (__builtin_clz(node) - __builtin_clz(c->size));
}

static bool is_before(const struct frontier *f, uint32_t a, uint32_t b)
{
	if (f->c->scores[a] != f->c->scores[b])
		return f->c->scores[a] > f->c->scores[b];
	return first_leaf(f->c, a) < first_leaf(f->c, b);
}

static bool push(struct frontier *f, uint32_t node)
{
	uint32_t i = f->n, *grown;

	if (f->c->scores[node] == 0)
		return true;
	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		grown = reallocarray(f->nodes, f->room, sizeof(*grown));
		if (!grown)
			return false;
		f->nodes = grown;
	}
	f->n++;
	for (; i > 0 && is_before(f, node, f->nodes[(i - 1) / 2]); i = (i - 1) / 2)
		f->nodes[i] = f->nodes[(i - 1) / 2];
	f->nodes[i] = node;
	return true;
}

static uint32_t pop(struct frontier *f)
{
	uint32_t top = f->nodes[0], last = f->nodes[--f->n], i = 0, child;

	for (; (child = 2 * i + 1) < f->n; i = child) {
		if (child + 1 < f->n && is_before(f, f->nodes[child + 1], f->nodes[child]))
			child++;
		if (!is_before(f, f->nodes[child], last))
			break;
		f->nodes[i] = f->nodes[child];
	}
	f->nodes[i] = last;
	return top;
}

/* Out of memory ends the search early: nobody is better than somebody who may not. */
static uint32_t search(const struct contest *c, bool (*may)(void *user, uint32_t who), void *user)
{
	struct frontier f = { .c = c };
	uint32_t node, found = UINT32_MAX;
	bool ok = push(&f, 1);

	while (ok && f.n > 0 && found == UINT32_MAX) {
		node = pop(&f);
		if (node < c->size)
			ok = push(&f, 2 * node) && push(&f, 2 * node + 1);
		else if (may(user, node - c->size))
			found = node - c->size;
	}
	free(f.nodes);
	return found;
}

uint32_t contest_best(const struct contest *c, bool (*may)(void *user, uint32_t who), void *user)
{
	uint32_t node = 1;

	if (c->size == 0 || c->scores[1] == 0)
		return UINT32_MAX;
	while (node < c->size)
		node = 2 * node + (c->scores[2 * node] != c->scores[node]);
	if (!may || may(user, node - c->size))
		return node - c->size;
	return search(c, may, user);
}

uint32_t contest_draw(const struct contest *c, bool (*may)(void *user, uint32_t who), void *user,
		      uint64_t luck)
{
	uint32_t *equals, n = 0, winner, best;

	winner = contest_best(c, may, user);
	if (winner == UINT32_MAX)
		return winner;
	best = c->scores[c->size + winner];
	equals = malloc(c->size * sizeof(*equals));
	if (!equals)
		return winner;
	for (uint32_t i = winner; i < c->size; i++)
		if (c->scores[c->size + i] == best && (!may || may(user, i)))
			equals[n++] = i;
	winner = equals[luck % n];
	free(equals);
	return winner;
}
