/* SPDX-License-Identifier: Apache-2.0 */
/* bench-store - what the store costs over bare SQLite.
 *
 *     bench-store [FOLDER [SECONDS]]
 *
 * Both sides write rows of 900 bytes to a WAL with synchronous=FULL in FOLDER.  "bare" is a loop
 * that commits GROUP upserts a transaction and keeps nothing else; "store" has GROUP batches of one
 * compare-and-swap each in flight, keeps history, and answers every one.  The two take turns, so
 * that a disk that grows slower meanwhile does so for both.  One line of JSON per group size; ratio
 * is store / bare. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

enum { KEYS = 1000, VALUE = 900, GROUP_MAX = 64, TURNS = 4 };

static char value[VALUE + 1];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-store: %s: %s\n", what, why);
	exit(1);
}

static void remove_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct text file = { 0 };

		text_add(&file, "%s%s", path, ends[i]);
		unlink(file.data);
		text_done(&file);
	}
}

/* ---- bare ---- */

struct bare {
	sqlite3 *db;
	sqlite3_stmt *begin, *put, *commit;
	int64_t written;
};

static void bare_exec(struct bare *b, const char *sql)
{
	if (sqlite3_exec(b->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(b->db));
}

static sqlite3_stmt *bare_prepare(struct bare *b, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(b->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(b->db));
	return stmt;
}

static void bare_open(struct bare *b, const char *path)
{
	remove_files(path);
	*b = (struct bare){ 0 };
	if (sqlite3_open(path, &b->db) != SQLITE_OK)
		die(path, sqlite3_errmsg(b->db));
	bare_exec(b, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
		     "PRAGMA synchronous = FULL;"
		     "CREATE TABLE object (key TEXT PRIMARY KEY, value TEXT, revision INTEGER)");
	b->begin = bare_prepare(b, "BEGIN IMMEDIATE");
	b->put = bare_prepare(b, "INSERT INTO object VALUES (?1, ?2, ?3)"
				 " ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3");
	b->commit = bare_prepare(b, "COMMIT");
}

static void bare_step(struct bare *b, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		die("bare write", sqlite3_errmsg(b->db));
	sqlite3_reset(stmt);
}

static void bare_run(struct bare *b, int group, int64_t until_us)
{
	char key[32];

	while (clock_mono_us(&clock_system) < until_us) {
		bare_step(b, b->begin);
		for (int i = 0; i < group; i++, b->written++) {
			snprintf(key, sizeof(key), "lease/%d", (int)(b->written % KEYS));
			sqlite3_bind_text(b->put, 1, key, -1, SQLITE_STATIC);
			sqlite3_bind_text(b->put, 2, value, VALUE, SQLITE_STATIC);
			sqlite3_bind_int64(b->put, 3, b->written);
			bare_step(b, b->put);
		}
		bare_step(b, b->commit);
	}
}

static void bare_close(struct bare *b)
{
	sqlite3_finalize(b->begin);
	sqlite3_finalize(b->put);
	sqlite3_finalize(b->commit);
	sqlite3_close(b->db);
}

/* ---- ours ---- */

struct ours {
	struct store *store;
	uint64_t revision[KEYS];
	int64_t submitted, written;
};

static void on_done(void *user, int r, uint64_t revision, const struct error *err)
{
	struct ours *o = user;

	if (r < 0)
		die("store", err->text);
	/* Answers come in the order of the batches. */
	o->revision[o->written++ % KEYS] = revision;
}

static void ours_open(struct ours *o, const char *path)
{
	struct error err;

	remove_files(path);
	*o = (struct ours){ 0 };
	if (store_open("sqlite", path, &o->store, &err) < 0)
		die(path, err.text);
}

static void ours_run(struct ours *o, int group, int64_t until_us)
{
	struct error err;
	char key[32];

	while (clock_mono_us(&clock_system) < until_us) {
		for (int i = 0; i < group; i++, o->submitted++) {
			int k = (int)(o->submitted % KEYS);
			struct store_write w = { key, value, o->revision[k] };

			snprintf(key, sizeof(key), "lease/%d", k);
			if (store_commit(o->store, &w, 1, on_done, o, &err) < 0)
				die("store_commit", err.text);
		}
		store_flush(o->store);
	}
}

/* ---- side by side ---- */

static void compare(const char *folder, int group, double seconds)
{
	struct text bare_path = { 0 }, ours_path = { 0 };
	int64_t turn_us = (int64_t)(seconds * 1e6 / (double)TURNS);
	struct bare bare;
	struct ours ours;

	text_add(&bare_path, "%s/bench-bare.db", folder);
	text_add(&ours_path, "%s/bench-store.db", folder);
	bare_open(&bare, bare_path.data);
	ours_open(&ours, ours_path.data);
	for (int turn = 0; turn < TURNS; turn++) {
		bare_run(&bare, group, clock_mono_us(&clock_system) + turn_us);
		ours_run(&ours, group, clock_mono_us(&clock_system) + turn_us);
	}
	printf("{\"bench\":\"store\",\"group\":%d,\"bare_per_s\":%.0f,\"store_per_s\":%.0f,"
	       "\"ratio\":%.2f}\n", group, (double)bare.written / seconds,
	       (double)ours.written / seconds, (double)ours.written / (double)bare.written);
	bare_close(&bare);
	store_close(ours.store);
	remove_files(bare_path.data);
	remove_files(ours_path.data);
	text_done(&bare_path);
	text_done(&ours_path);
}

int main(int argc, char **argv)
{
	static const int groups[] = { 1, 8, GROUP_MAX };
	const char *folder = argc > 1 ? argv[1] : ".";
	double seconds = argc > 2 ? atof(argv[2]) : 4;

	memset(value, 'v', VALUE);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		compare(folder, groups[i], seconds > 0 ? seconds : 4);
	return 0;
}
