/* SPDX-License-Identifier: Apache-2.0 */
/* store_suite.h - what every back end of the store means, as one suite over a factory. */
#pragma once

#include <stdbool.h>

#include "store/store.h"

struct store_factory {
	const char *backend;
	const char *path; /* must not exist before; removed with its side files after each test */
	bool keeps;       /* what was written is there again after closing and opening */
};

/* Runs the suite; returns the number of failed tests. */
int store_suite(const struct store_factory *factory);

/* Helpers that other tests of the store use too. */

struct outcome {
	int answers, r;
	uint64_t revision;
	struct error err;
};

/* A store_done_fn over a struct outcome. */
void outcome_done(void *user, int r, uint64_t revision, const struct error *err);

/* Commits and waits; returns what the callback said. */
struct outcome commit_now(struct store *s, const struct store_write *writes, size_t n);
struct outcome put_now(struct store *s, const char *key, const char *value, uint64_t expect);

void remove_store(const char *path);
