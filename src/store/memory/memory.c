/* SPDX-License-Identifier: Apache-2.0 */
/* The store of tests and of the simulator: nothing outlives the process.  A batch is decided when
 * the front asks for it, against the contents, which hold all batches before it. */
#include "store/backend.h"

struct memory {
	const struct store_contents *contents;
	struct store_queue queue;
	int wake;
};

static int memory_open(const char *path, struct store_contents *contents, int wake, void **ret,
		       struct error *err)
{
	struct memory *m = calloc(1, sizeof(*m));

	(void)path;
	if (!m)
		return error_set(err, ERR_NO_MEMORY, "memory store");
	m->contents = contents;
	m->wake = wake;
	store_queue_init(&m->queue);
	*ret = m;
	return 0;
}

static void memory_submit(void *impl, struct store_batch *batch)
{
	struct memory *m = impl;

	store_queue_push(&m->queue, batch);
	store_wake(m->wake);
}

static struct store_batch *memory_next(void *impl)
{
	struct memory *m = impl;
	struct store_batch *b = store_queue_pop(&m->queue);

	for (size_t i = 0; b && i < b->n; i++) {
		const struct store_batch_write *w = &b->writes[i];
		uint64_t revision = newest_revision(&m->contents->newest, w->record->key);

		if (!store_expects(w->expect, revision)) {
			store_batch_conflict(b, w, revision);
			return b;
		}
	}
	if (b)
		store_batch_lands(b, m->contents->revision + 1);
	return b;
}

static void memory_close(void *impl)
{
	free(impl);
}

const struct store_backend store_memory = {
	.name = "memory",
	.open = memory_open,
	.submit = memory_submit,
	.next = memory_next,
	.close = memory_close,
};
