/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <assert.h>

enum { RING = HISTORY_ROWS + STORE_BATCH_MAX };

int history_init(struct history *h, struct error *err)
{
	*h = (struct history){ .ring = calloc(RING, sizeof(*h->ring)) };
	return h->ring ? 0 : error_set(err, ERR_NO_MEMORY, "history of the store");
}

static void drop_first(struct history *h)
{
	struct record **slot = &h->ring[h->first++ % RING];

	h->bytes -= (*slot)->bytes;
	h->floor = (*slot)->revision;
	*slot = record_unref(*slot);
}

void history_done(struct history *h)
{
	while (h->first < h->end)
		drop_first(h);
	free(h->ring);
	*h = (struct history){ 0 };
}

void history_append(struct history *h, struct record *rec)
{
	assert(h->end - h->first < RING);
	h->ring[h->end++ % RING] = record_ref(rec);
	h->bytes += rec->bytes;
}

void history_trim(struct history *h)
{
	while (h->end - h->first > HISTORY_ROWS || (h->bytes > HISTORY_BYTES && h->first < h->end))
		drop_first(h);
}

struct record *history_at(const struct history *h, uint64_t number)
{
	assert(number >= h->first && number < h->end);
	return h->ring[number % RING];
}

uint64_t history_after(const struct history *h, uint64_t revision)
{
	uint64_t low = h->first, high = h->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (history_at(h, middle)->revision <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
