/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wrap.h"

#include <string.h>

size_t wrap_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) !=
		     0x80; /* bytes that continue a character take none */
	return n;
}

/* Where the first line of S ends: at the last blank within WIDTH, at the first one behind it when a
 * word is longer, else at the end. */
static const char *line_end(const char *s, size_t width)
{
	const char *blank = NULL;
	size_t columns = 0;

	for (; *s; s++) {
		if (*s == ' ' && columns <= width)
			blank = s;
		else if (*s == ' ' && !blank)
			return s;
		columns += ((unsigned char)*s & 0xc0) != 0x80;
		if (columns > width && blank)
			return blank;
	}
	return s;
}

size_t wrap_chunksize(const struct libscols_column *column, const char *data, void *width)
{
	size_t most = 0;

	(void)column;
	for (const char *s = data, *end; *s; s = *end ? end + 1 : end) {
		size_t columns = 0;

		end = line_end(s, *(size_t *)width);
		for (const char *c = s; c < end; c++)
			columns += ((unsigned char)*c & 0xc0) != 0x80;
		most = columns > most ? columns : most;
	}
	return most;
}

char *wrap_nextchunk(const struct libscols_column *column, char *data, void *width)
{
	char *end = data + (line_end(data, *(size_t *)width) - data);

	(void)column;
	if (!*end)
		return NULL;
	*end = '\0';
	return end + 1;
}
