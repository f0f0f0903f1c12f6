/* SPDX-License-Identifier: Apache-2.0 */
#include "store/check.h"

#include <stdlib.h>
#include <string.h>

static const char key_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789._/@:-";

static int check_key(const char *key, struct error *err)
{
	size_t good, n;

	if (!key || !key[0])
		return error_set(err, ERR_INVALID, "write to the store: a key must not be empty");
	n = strnlen(key, STORE_KEY_MAX + 1);
	if (n > STORE_KEY_MAX)
		return error_set(err, ERR_INVALID, "write %.40s...: a key has at most %d bytes",
				 key, STORE_KEY_MAX);
	good = strspn(key, key_bytes);
	if (good < n)
		return error_set(err, ERR_INVALID,
				 "write %.*s...: byte %zu of the key is 0x%02x; a key holds "
				 "letters, digits and . _ / @ : -",
				 (int)good, key, good + 1, (unsigned char)key[good]);
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int twice(const char *key, struct error *err)
{
	return error_set(err, ERR_INVALID, "write %s: the key is twice in one batch", key);
}

/* For the few that nearly all batches have. */
static int check_few(const struct store_write *writes, size_t n, struct error *err)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(writes[k].key, writes[i].key) == 0)
				return twice(writes[i].key, err);
	return 0;
}

static int check_unique(const struct store_write *writes, size_t n, struct error *err)
{
	const char *keys[STORE_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		keys[i] = writes[i].key;
	qsort(keys, n, sizeof(keys[0]), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return twice(keys[i], err);
	return 0;
}

int store_check_batch(const struct store_write *writes, size_t n, struct error *err)
{
	int r = 0;

	if (n < 1 || n > STORE_BATCH_MAX)
		return error_set(err, ERR_INVALID, "a batch has 1 to %d writes, this one has %zu",
				 STORE_BATCH_MAX, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = check_key(writes[i].key, err);
		if (r == 0 && writes[i].value &&
		    strnlen(writes[i].value, STORE_VALUE_MAX + 1) > STORE_VALUE_MAX)
			r = error_set(err, ERR_INVALID, "write %s: a value has at most %d bytes",
				      writes[i].key, STORE_VALUE_MAX);
	}
	if (r < 0)
		return r;
	return n <= 12 ? check_few(writes, n, err) : check_unique(writes, n, err);
}
