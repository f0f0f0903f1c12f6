/* SPDX-License-Identifier: Apache-2.0 */
/* Version N of the schema is what the first N scripts make.  A script that was released is never
 * edited: a change is a new script at the end, and tests/contract keeps a file of every version. */
#include "store/sqlite/schema.h"

#include <stdbool.h>
#include <stdio.h>

#include "store/sqlite/database.h"

static const char *const scripts[SCHEMA_VERSION] = {
	/* 1: the newest version of every key, and the revision of the whole store */
	"PRAGMA application_id = 1178682196;"
	"CREATE TABLE object (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL,"
	"  revision INTEGER NOT NULL);"
	"CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);"
	"INSERT INTO state (one, revision) VALUES (1, 0);",

	/* 2: what changed, newest rows only, for watches that come back; floor is the greatest
	 * revision of which a row is no longer kept.  Of the time before there is no history. */
	"CREATE TABLE change (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL,"
	"  value TEXT);"
	"ALTER TABLE state ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;"
	"UPDATE state SET floor = revision;",

	/* 3: every version once, in the order of writing: rows above the floor are history, and the
	 * last row of a key is what it is.  Versions that came after the floor stand in change. */
	"CREATE TABLE record (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL,"
	"  value TEXT);"
	"INSERT INTO record (revision, key, value) SELECT revision, key, value FROM object"
	"  WHERE revision <= (SELECT floor FROM state) ORDER BY revision, key;"
	"INSERT INTO record (revision, key, value) SELECT revision, key, value FROM change"
	"  ORDER BY id;"
	"DROP TABLE object;"
	"DROP TABLE change;",
};

static int read_number(sqlite3 *db, const char *sql, sqlite3_int64 *ret, const char *path,
		       struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : database_error(db, path, "read", err);
}

/* An empty file is ours to fill; any other must carry our mark. */
static int check_owner(sqlite3 *db, const char *path, sqlite3_int64 *ret_version, struct error *err)
{
	sqlite3_int64 id = 0, version = 0, tables = 0;
	int r = read_number(db, "PRAGMA application_id", &id, path, err);

	if (r == 0)
		r = read_number(db, "PRAGMA user_version", &version, path, err);
	if (r == 0)
		r = read_number(db, "SELECT count(*) FROM sqlite_master", &tables, path, err);
	if (r < 0)
		return r;
	if (id != SCHEMA_APPLICATION_ID && (id || version || tables))
		return error_set(err, ERR_INVALID,
				 "%s is an SQLite file but not a store of ours: name another file",
				 path);
	if (version > SCHEMA_VERSION)
		return error_set(err, ERR_UNAVAILABLE,
				 "%s has store schema %lld, this program knows up to %d: run the "
				 "newer program that wrote it, or restore the copy made before the "
				 "upgrade", path, version, SCHEMA_VERSION);
	*ret_version = version;
	return 0;
}

static int migrate(sqlite3 *db, sqlite3_int64 version)
{
	char sql[64];
	int rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

	for (; rc == SQLITE_OK && version < SCHEMA_VERSION; version++)
		rc = sqlite3_exec(db, scripts[version], NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", SCHEMA_VERSION);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int schema_check(sqlite3 *db, const char *path, struct error *err)
{
	sqlite3_int64 version = 0;

	return check_owner(db, path, &version, err);
}

int schema_prepare(sqlite3 *db, const char *path, struct error *err)
{
	sqlite3_int64 version = 0;
	int r = check_owner(db, path, &version, err);

	if (r < 0 || version == SCHEMA_VERSION)
		return r;
	if (migrate(db, version) == SQLITE_OK)
		return 0;
	r = database_error(db, path, version ? "upgrade" : "create", err);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
