/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - the tables of a store file, and how a file of an older program becomes a newer one. */
#pragma once

#include <sqlite3.h>

#include "base/error.h"

enum {
	SCHEMA_VERSION = 3,
	SCHEMA_APPLICATION_ID = 0x46414354, /* "FACT", where file(1) and we look for it */
};

/* Is this an empty file, or a store of a schema that we know?  Changes nothing.
 *   INVALID      the file is not a store of ours
 *   UNAVAILABLE  it is of a newer schema, or can not be read */
must_check int schema_check(sqlite3 *db, const char *path, struct error *err);

/* Makes the tables in an empty file, or brings an older file to SCHEMA_VERSION, in one transaction.
 * Kinds as schema_check(); UNAVAILABLE also when the change can not be written. */
must_check int schema_prepare(sqlite3 *db, const char *path, struct error *err);
