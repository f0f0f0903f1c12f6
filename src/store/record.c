/* SPDX-License-Identifier: Apache-2.0 */
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
