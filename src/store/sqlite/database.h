/* SPDX-License-Identifier: Apache-2.0 */
/* database.h - one connection to a store file: opening it, and writing groups of batches.
 *
 * Used by one thread at a time: the opener first, then the worker.
 */
#pragma once

#include <sqlite3.h>

#include "base/error.h"
#include "store/backend.h"

struct database;

/* Opens or creates PATH, locks it against other processes and fills CONTENTS.
 * Kinds as store_open(). */
must_check int database_open(const char *path, struct store_contents *contents,
			     struct database **ret, struct error *err);
void database_close(struct database *d);

/* Runs all of BATCHES (a list by next) in one transaction and fills r, revision and err of each.
 * When the transaction as a whole fails, each is answered -UNAVAILABLE and nothing was written. */
void database_write(struct database *d, struct store_batch *batches);

/* "ACT PATH: SQLite's words and the remedy" as INVALID (not a store of ours) or UNAVAILABLE. */
int database_error(sqlite3 *db, const char *path, const char *act, struct error *err);
