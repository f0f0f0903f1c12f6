/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suggest.h"

#include <ctype.h>
#include <string.h>

static size_t short_length(const char *s)
{
	size_t n = strlen(s);

	return n < SUGGEST_MAX ? n : SUGGEST_MAX;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned suggest_distance(const char *a, const char *b)
{
	size_t an = short_length(a), bn = short_length(b);
	unsigned rows[3][SUGGEST_MAX + 1]; /* the row being made and the two before it */

	for (size_t j = 0; j <= bn; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
			 *before = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			int x = tolower((unsigned char)a[i - 1]),
			    y = tolower((unsigned char)b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == y && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[an % 3][bn];
}

void suggest_init(struct suggest *s, const char *word)
{
	*s = (struct suggest){ .word = word, .distance = (unsigned)short_length(word) / 3 + 2 };
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	unsigned d = suggest_distance(s->word, candidate);

	/* What was begun rightly ("operat") is nearer than its distance tells. */
	if (*s->word && strncmp(s->word, candidate, strlen(s->word)) == 0)
		d = 1;
	if (d < s->distance) {
		s->distance = d;
		s->best = candidate;
	}
}
