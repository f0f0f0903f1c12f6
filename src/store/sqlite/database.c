/* SPDX-License-Identifier: Apache-2.0 */
/* A group of batches is one transaction, so that one fsync pays for all of them:
 *
 *     BEGIN  [SAVEPOINT batch1 RELEASE] [SAVEPOINT batch2 ROLLBACK TO] ...  COMMIT
 *
 * An expectation is part of the statement that writes (UPDATE ... WHERE revision = ?): a batch
 * whose third write finds a changed key is undone to its savepoint, and the others do not notice.
 *
 * The file is locked for as long as it is open (locking_mode = EXCLUSIVE): two daemons on one
 * ledger would each be right on their own.  SQLite then keeps the index of the WAL on the heap.
 *
 * One thing SQLite can not give back: when fsync itself fails, the frames of a transaction that was
 * answered UNAVAILABLE are in the page cache, and come back if the process dies before the next
 * commit overwrites them. */
#include "store/sqlite/database.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "store/sqlite/schema.h"

enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_SAVEPOINT,
	SQL_RELEASE,
	SQL_UNDO,
	SQL_PUT,
	SQL_CREATE,
	SQL_UPDATE,
	SQL_DELETE,
	SQL_DELETE_AT,
	SQL_FOUND,
	SQL_CHANGE,
	SQL_STATE,
	SQL_FLOOR,
	SQL_PRUNE,
	SQL_COUNT,
};

/* Parameters: ?1 key, ?2 value, ?3 revision, ?4 expected revision, ?5 a row id. */
static const char *const sql_texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_SAVEPOINT] = "SAVEPOINT batch",
	[SQL_RELEASE] = "RELEASE batch",
	[SQL_UNDO] = "ROLLBACK TO batch",
	[SQL_PUT] = "INSERT INTO object (key, value, revision) VALUES (?1, ?2, ?3)"
		    " ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3",
	[SQL_CREATE] = "INSERT INTO object (key, value, revision) VALUES (?1, ?2, ?3)"
		       " ON CONFLICT (key) DO NOTHING",
	[SQL_UPDATE] = "UPDATE object SET value = ?2, revision = ?3"
		       " WHERE key = ?1 AND revision = ?4",
	[SQL_DELETE] = "DELETE FROM object WHERE key = ?1",
	[SQL_DELETE_AT] = "DELETE FROM object WHERE key = ?1 AND revision = ?4",
	[SQL_FOUND] = "SELECT revision FROM object WHERE key = ?1",
	[SQL_CHANGE] = "INSERT INTO change (key, value, revision) VALUES (?1, ?2, ?3)",
	[SQL_STATE] = "UPDATE state SET revision = ?3",
	[SQL_FLOOR] = "UPDATE state SET floor = (SELECT revision FROM change WHERE id = ?5)"
		      " WHERE EXISTS (SELECT 1 FROM change WHERE id = ?5)",
	[SQL_PRUNE] = "DELETE FROM change WHERE id <= ?5",
};

/* Which of them take more than the key. */
enum { TAKES_VALUE = 1, TAKES_EXPECT = 2 };
static const unsigned char sql_takes[SQL_COUNT] = {
	[SQL_PUT] = TAKES_VALUE,
	[SQL_CREATE] = TAKES_VALUE,
	[SQL_UPDATE] = TAKES_VALUE | TAKES_EXPECT,
	[SQL_DELETE_AT] = TAKES_EXPECT,
	[SQL_CHANGE] = TAKES_VALUE,
};

/* Pruning waits for this many rows, so that its cost is spread. */
enum { PRUNE_EVERY = 512 };

struct database {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *sql[SQL_COUNT];
	sqlite3_int64 revision;    /* of the newest batch that is durable */
	sqlite3_int64 last_change; /* id of the newest row of history */
	unsigned unpruned;         /* rows of history since the last pruning */
	struct error why;          /* the first failure of the batch or group being written */
};

int database_error(sqlite3 *db, const char *path, const char *act, struct error *err)
{
	int rc = sqlite3_errcode(db) & 0xff, system = sqlite3_system_errno(db);
	const char *words = sqlite3_errmsg(db);

	/* SQLite forgets the system's error of a COMMIT; errno still has it. */
	if (!system)
		system = errno;

	switch (rc) {
	case SQLITE_BUSY:
		return error_set(err, ERR_UNAVAILABLE,
				 "%s %s: another process has it open: stop that one first "
				 "(fuser %s names it)", act, path, path);
	case SQLITE_NOTADB:
		return error_set(err, ERR_INVALID,
				 "%s %s: it is not a store of ours: name another file", act, path);
	case SQLITE_CORRUPT:
		return error_set(err, ERR_UNAVAILABLE,
				 "%s %s: %s: restore it from a copy", act, path, words);
	case SQLITE_FULL:
		return error_set(err, ERR_UNAVAILABLE, "%s %s: %s: make room; nothing was written",
				 act, path, words);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (system)
			return error_set(err, ERR_UNAVAILABLE, "%s %s: %s: %s", act, path, words,
					 strerror(system));
		/* fall through */
	default:
		return error_set(err, ERR_UNAVAILABLE, "%s %s: %s", act, path, words);
	}
}

/* ---- writing ---- */

/* Keeps SQLite's words about the first thing that went wrong; what undoes it may go wrong too. */
static int failed(struct database *d)
{
	if (d->why.kind == ERR_NONE)
		database_error(d->db, d->path, "write", &d->why);
	return -1;
}

static int run(struct database *d, enum sql which)
{
	int rc, r;

	errno = 0;
	rc = sqlite3_step(d->sql[which]);
	r = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(d);
	sqlite3_reset(d->sql[which]);
	return r;
}

static int run_with(struct database *d, enum sql which, int parameter, sqlite3_int64 value)
{
	if (sqlite3_bind_int64(d->sql[which], parameter, value) != SQLITE_OK)
		return failed(d);
	return run(d, which);
}

/* Runs a statement on the key, value and expectation of W, as far as it has a place for them. */
static int run_write(struct database *d, enum sql which, const struct store_batch_write *w,
		     sqlite3_int64 revision)
{
	const struct record *rec = w->record;
	sqlite3_stmt *stmt = d->sql[which];
	int rc = sqlite3_bind_text(stmt, 1, rec->key, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK && sql_takes[which] & TAKES_VALUE)
		rc = sqlite3_bind_text(stmt, 2, rec->value, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && sql_takes[which] & TAKES_VALUE)
		rc = sqlite3_bind_int64(stmt, 3, revision);
	if (rc == SQLITE_OK && sql_takes[which] & TAKES_EXPECT)
		rc = sqlite3_bind_int64(stmt, 4, (sqlite3_int64)w->expect);
	return rc == SQLITE_OK ? run(d, which) : failed(d);
}

static enum sql statement_of(const struct store_batch_write *w)
{
	bool any = w->expect == STORE_ANY;

	if (!w->record->value)
		return any ? SQL_DELETE : SQL_DELETE_AT;
	return any ? SQL_PUT : w->expect == STORE_ABSENT ? SQL_CREATE : SQL_UPDATE;
}

/* The revision of the key of W, 0 when it is absent; -1 when that can not be read. */
static sqlite3_int64 revision_found(struct database *d, const struct store_batch_write *w)
{
	sqlite3_stmt *stmt = d->sql[SQL_FOUND];
	sqlite3_int64 found = -1;
	int rc = sqlite3_bind_text(stmt, 1, w->record->key, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		found = sqlite3_column_int64(stmt, 0);
	else if (rc == SQLITE_DONE)
		found = 0;
	if (found < 0)
		failed(d);
	sqlite3_reset(stmt);
	return found;
}

/* Returns 0 written, 1 the expectation does not hold and B is answered, -1 SQLite failed. */
static int write_one(struct database *d, struct store_batch *b, const struct store_batch_write *w,
		     sqlite3_int64 revision)
{
	sqlite3_int64 found;

	if (run_write(d, statement_of(w), w, revision) < 0)
		return -1;
	if (sqlite3_changes(d->db) > 0) {
		if (run_write(d, SQL_CHANGE, w, revision) < 0)
			return -1;
		d->last_change = sqlite3_last_insert_rowid(d->db);
		d->unpruned++;
		return 0;
	}
	found = revision_found(d, w);
	if (found < 0)
		return -1;
	if (store_expects(w->expect, (uint64_t)found))
		return 0; /* the deletion of a key that is not there */
	store_batch_conflict(b, w, (uint64_t)found);
	return 1;
}

static int write_all(struct database *d, struct store_batch *b, sqlite3_int64 revision)
{
	int r = 0;

	for (size_t i = 0; i < b->n && r == 0; i++)
		r = write_one(d, b, &b->writes[i], revision);
	if (r < 0) {
		b->r = -(int)d->why.kind;
		b->err = d->why;
	}
	return r;
}

static bool may_need_undo(const struct store_batch *b)
{
	for (size_t i = 1; i < b->n; i++)
		if (b->writes[i].expect != STORE_ANY)
			return true;
	return false;
}

/* Writes B, or leaves it answered and undone.  Returns -1 when the whole transaction is lost:
 * SQLite rolls back all of it by itself after some errors, a full disk among them. */
static int write_batch(struct database *d, struct store_batch *b, sqlite3_int64 *revision)
{
	bool savepoint = may_need_undo(b);
	int r;

	d->why.kind = ERR_NONE;
	if (savepoint && run(d, SQL_SAVEPOINT) < 0)
		return -1;
	r = write_all(d, b, *revision + 1);
	if (sqlite3_get_autocommit(d->db) || (r < 0 && !savepoint))
		return -1;
	if (savepoint && ((r != 0 && run(d, SQL_UNDO) < 0) || run(d, SQL_RELEASE) < 0))
		return -1;
	if (r == 0)
		b->revision = (uint64_t)++*revision;
	return 0;
}

static int prune(struct database *d)
{
	sqlite3_int64 last = d->last_change - HISTORY_ROWS;

	if (d->unpruned < PRUNE_EVERY || last <= 0)
		return 0;
	if (run_with(d, SQL_FLOOR, 5, last) < 0 || run_with(d, SQL_PRUNE, 5, last) < 0)
		return -1;
	d->unpruned = 0;
	return 0;
}

static int write_group(struct database *d, struct store_batch *batches, sqlite3_int64 *revision)
{
	int r = run(d, SQL_BEGIN);

	for (struct store_batch *b = batches; b && r == 0; b = b->next)
		r = write_batch(d, b, revision);
	if (r < 0)
		return r;
	d->why.kind = ERR_NONE;
	if (*revision > d->revision)
		r = run_with(d, SQL_STATE, 3, *revision);
	if (r == 0)
		r = prune(d);
	return r == 0 ? run(d, SQL_COMMIT) : r;
}

/* Also those that were answered CONFLICT: what they lost to was not written either. */
static void fail_group(struct database *d, struct store_batch *batches)
{
	for (struct store_batch *b = batches; b; b = b->next) {
		b->r = -(int)d->why.kind;
		b->revision = 0;
		b->err = d->why;
	}
	if (!sqlite3_get_autocommit(d->db))
		sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
}

void database_write(struct database *d, struct store_batch *batches)
{
	sqlite3_int64 revision = d->revision;

	d->why.kind = ERR_NONE;
	if (write_group(d, batches, &revision) < 0)
		fail_group(d, batches);
	else
		d->revision = revision;
}

/* ---- opening ---- */

static int prepare(struct database *d, struct error *err)
{
	for (int i = 0; i < SQL_COUNT; i++)
		if (sqlite3_prepare_v3(d->db, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &d->sql[i], NULL) != SQLITE_OK)
			return database_error(d->db, d->path, "open", err);
	return 0;
}

/* Steps through the rows of SQL and gives each to FN. */
static int each_row(struct database *d, const char *sql,
		    int (*fn)(struct store_contents *c, sqlite3_stmt *row, struct error *err),
		    struct store_contents *c, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(d->db, sql, -1, &stmt, NULL), r = 0;

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			r = fn(c, stmt, err);
		if (r < 0)
			break;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = database_error(d->db, d->path, "read", err);
	sqlite3_finalize(stmt);
	return r;
}

static int load_state(struct store_contents *c, sqlite3_stmt *row, struct error *err)
{
	(void)err;
	c->revision = (uint64_t)sqlite3_column_int64(row, 0);
	c->history.floor = (uint64_t)sqlite3_column_int64(row, 1);
	return 0;
}

static struct record *record_of(sqlite3_stmt *row)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);

	return key ? record_new(key, (const char *)sqlite3_column_text(row, 1),
				(uint64_t)sqlite3_column_int64(row, 2)) : NULL;
}

static int load_object(struct store_contents *c, sqlite3_stmt *row, struct error *err)
{
	struct record *rec = record_of(row);
	struct view_node *node = rec ? view_node_new(&c->view) : NULL;

	if (node)
		view_put(&c->view, rec, node);
	record_unref(rec);
	return node ? 0 : error_set(err, ERR_NO_MEMORY, "reading the store");
}

static int load_change(struct store_contents *c, sqlite3_stmt *row, struct error *err)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);
	const struct record *newest = key ? view_find(&c->view, key) : NULL;
	struct record *rec;

	if (newest && newest->revision == (uint64_t)sqlite3_column_int64(row, 2))
		rec = record_ref((struct record *)(uintptr_t)newest);
	else
		rec = record_of(row);
	if (!rec)
		return error_set(err, ERR_NO_MEMORY, "reading the history of the store");
	history_append(&c->history, rec);
	history_trim(&c->history);
	record_unref(rec);
	return 0;
}

static int load(struct database *d, struct store_contents *c, struct error *err)
{
	int r = each_row(d, "SELECT revision, floor FROM state", load_state, c, err);

	if (r == 0)
		r = each_row(d, "SELECT key, value, revision FROM object ORDER BY key",
			     load_object, c, err);
	if (r == 0)
		r = each_row(d, "SELECT key, value, revision FROM change ORDER BY id",
			     load_change, c, err);
	d->revision = (sqlite3_int64)c->revision;
	d->unpruned = PRUNE_EVERY; /* the last run may have left some */
	/* The pages that were read have served: writing needs a few of them again. */
	sqlite3_db_release_memory(d->db);
	return r;
}

/* SQLite would make the file readable by all.  An existing file is never opened here: closing the
 * descriptor would drop the locks that SQLite holds on it elsewhere in this process. */
static int create_private(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST) {
		int kind = -error_errno(NULL, errno, "%s", path);

		return error_set(err, kind == ERR_NO_MEMORY ? ERR_NO_MEMORY : ERR_UNAVAILABLE,
				 "create store %s: %s", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

static int run_text(struct database *d, const char *sql, struct error *err)
{
	if (sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_error(d->db, d->path, "open", err);
	return 0;
}

/* The lock is asked for before anything is read: later, the index of the WAL would be in shared
 * memory already.  The rest would change a file that may not be ours. */
static int configure(struct database *d, struct error *err)
{
	int r = run_text(d, "PRAGMA locking_mode = EXCLUSIVE", err);

	if (r == 0)
		r = schema_check(d->db, d->path, err);
	if (r == 0)
		r = run_text(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				"PRAGMA journal_size_limit = 8388608;"
				"PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -8192", err);
	return r == 0 ? schema_prepare(d->db, d->path, err) : r;
}

static int connect_file(struct database *d, struct error *err)
{
	int r = create_private(d->path, err);

	if (r < 0)
		return r;
	errno = 0;
	if (sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return d->db ? database_error(d->db, d->path, "open", err)
			     : error_set(err, ERR_NO_MEMORY, "open %s", d->path);
	if (sqlite3_db_readonly(d->db, "main") == 1)
		return error_set(err, ERR_UNAVAILABLE,
				 "open %s: it can be read but not written: give it to the user "
				 "that this program runs as", d->path);
	r = configure(d, err);
	return r == 0 ? prepare(d, err) : r;
}

int database_open(const char *path, struct store_contents *contents, struct database **ret,
		  struct error *err)
{
	struct database *d = calloc(1, sizeof(*d));
	int r;

	if (!d || !(d->path = strdup(path))) {
		database_close(d);
		return error_set(err, ERR_NO_MEMORY, "open %s", path);
	}
	r = connect_file(d, err);
	if (r == 0)
		r = load(d, contents, err);
	if (r < 0) {
		database_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void database_close(struct database *d)
{
	if (!d)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(d->sql[i]);
	sqlite3_close(d->db);
	free(d->path);
	free(d);
}
