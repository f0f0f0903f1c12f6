/* SPDX-License-Identifier: Apache-2.0 */
/* A group of batches is one transaction, so that one fsync pays for all of them; a write is one row
 * at the end of one table, and the table is what a reader of the file plays back:
 *
 *     record:  [ 41 a@7 ][ 42 b@8 gone ][ 43 a@9 ][ 44 c@9 ] ...       (append only)
 *     newest:  a -> 43, c -> 44                                        (in memory)
 *
 * Expectations are held against the table in memory before anything of a batch is written, so a
 * batch that loses leaves no trace to undo.  Row 41 is dead once 43 has landed, and a deletion is
 * dead at once; the dead stay as history and go when they are HISTORY_ROWS behind, the oldest
 * first: no deletion goes before what it deletes.
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

enum sql { SQL_BEGIN, SQL_COMMIT, SQL_APPEND, SQL_REVISION, SQL_FLOOR, SQL_DELETE, SQL_COUNT };

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_APPEND] = "INSERT INTO record (revision, key, value) VALUES (?1, ?2, ?3)",
	[SQL_REVISION] = "UPDATE state SET revision = ?1",
	[SQL_FLOOR] = ("UPDATE state SET floor = (SELECT revision FROM record WHERE id = ?1)"
		       " WHERE EXISTS (SELECT 1 FROM record WHERE id = ?1)"),
	[SQL_DELETE] = "DELETE FROM record WHERE id = ?1",
};

/* Pruning waits for this many rows, so that its cost is spread. */
enum { PRUNE_EVERY = 512 };

/* A row of the group that is being written, and what it replaces. */
struct written {
	struct record *record; /* borrowed from its batch */
	int64_t id;
	struct newest_row before;
};

struct database {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *sql[SQL_COUNT];
	uint64_t revision;   /* of the newest batch that is durable */
	unsigned unpruned;   /* rows since the last pruning */
	struct newest newest;
	struct written *written;
	size_t written_n, written_room;
	int64_t *dead;       /* ids of rows that are there for the history alone */
	size_t dead_n, dead_room;
	struct error why;    /* the first failure of the group being written */
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

static int no_memory(struct database *d)
{
	error_set(&d->why, ERR_UNAVAILABLE, "write %s: out of memory; nothing was written",
		  d->path);
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

static int run_with(struct database *d, enum sql which, int64_t value)
{
	if (sqlite3_bind_int64(d->sql[which], 1, value) != SQLITE_OK)
		return failed(d);
	return run(d, which);
}

/* Room in *ROWS for MORE behind the N that are there. */
static bool reserve(void *rows, size_t size, size_t n, size_t more, size_t *room)
{
	size_t wanted = *room ? *room : 256;
	void **at = rows, *larger;

	while (wanted < n + more)
		wanted *= 2;
	if (wanted == *room)
		return true;
	larger = realloc(*at, wanted * size);
	if (!larger)
		return false;
	*at = larger;
	*room = wanted;
	return true;
}

/* Whatever keeping the books of MORE rows may need, so that it can not fail. */
static bool reserve_rows(struct database *d, size_t more)
{
	size_t rows = d->written_n + more;

	return reserve(&d->written, sizeof(*d->written), d->written_n, more, &d->written_room) &&
	       reserve(&d->dead, sizeof(*d->dead), d->dead_n, 2 * rows, &d->dead_room) &&
	       newest_reserve(&d->newest, more);
}

/* Answers B when an expectation of it does not hold. */
static bool expectations_hold(const struct database *d, struct store_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct store_batch_write *w = &b->writes[i];
		uint64_t found = newest_revision(&d->newest, w->record->key);

		if (store_expects(w->expect, found))
			continue;
		store_batch_conflict(b, w, found);
		return false;
	}
	return true;
}

static int append_row(struct database *d, const struct record *rec)
{
	sqlite3_stmt *stmt = d->sql[SQL_APPEND];
	int rc = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)rec->revision);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 2, rec->key, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 3, rec->value, -1, SQLITE_STATIC);
	return rc == SQLITE_OK ? run(d, SQL_APPEND) : failed(d);
}

static int write_row(struct database *d, struct record *rec)
{
	struct written *w = &d->written[d->written_n];

	if (!rec->value && !newest_find(&d->newest, rec->key))
		return 0; /* the deletion of a key that is not there */
	if (append_row(d, rec) < 0)
		return -1;
	*w = (struct written){ .record = rec, .id = sqlite3_last_insert_rowid(d->db) };
	w->before = rec->value ? newest_put(&d->newest, rec, w->id)
			       : newest_remove(&d->newest, rec->key);
	d->written_n++;
	return 0;
}

/* Writes B, or leaves it answered; -1 when the whole transaction is lost. */
static int write_batch(struct database *d, struct store_batch *b, uint64_t *revision)
{
	if (!expectations_hold(d, b))
		return 0;
	if (!reserve_rows(d, b->n))
		return no_memory(d);
	store_batch_lands(b, ++*revision);
	for (size_t i = 0; i < b->n; i++)
		if (write_row(d, b->writes[i].record) < 0)
			return -1;
	return 0;
}

/* The revision of the store is that of the last row, but for a batch that wrote none. */
static int write_revision(struct database *d, uint64_t revision)
{
	size_t n = d->written_n;

	if (revision == d->revision || (n && d->written[n - 1].record->revision == revision))
		return 0;
	return run_with(d, SQL_REVISION, (int64_t)revision);
}

/* ---- what is dead ---- */

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Puts those that are not behind the horizon first and says how many they are. */
static size_t part_dead(struct database *d, int64_t horizon)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->dead_n; i++) {
		int64_t id = d->dead[i];

		if (id <= horizon)
			continue;
		d->dead[i] = d->dead[kept];
		d->dead[kept++] = id;
	}
	qsort(d->dead + kept, d->dead_n - kept, sizeof(d->dead[0]), compare_ids);
	return kept;
}

/* Deletes what is dead and no longer history, in file order; *RET_KEPT is how many of the dead are
 * left when the transaction has landed. */
static int prune(struct database *d, size_t *ret_kept)
{
	int64_t horizon;

	*ret_kept = d->dead_n;
	if (d->unpruned + d->written_n < PRUNE_EVERY)
		return 0;
	horizon = sqlite3_last_insert_rowid(d->db) - HISTORY_ROWS;
	*ret_kept = part_dead(d, horizon);
	if (*ret_kept == d->dead_n)
		return 0;
	if (run_with(d, SQL_FLOOR, horizon) < 0)
		return -1;
	for (size_t i = *ret_kept; i < d->dead_n; i++)
		if (run_with(d, SQL_DELETE, d->dead[i]) < 0)
			return -1;
	return 0;
}

/* ---- groups ---- */

static int write_group(struct database *d, struct store_batch *batches, uint64_t *revision,
		       size_t *ret_kept)
{
	int r = run(d, SQL_BEGIN);

	for (struct store_batch *b = batches; b && r == 0; b = b->next)
		r = write_batch(d, b, revision);
	if (r == 0)
		r = write_revision(d, *revision);
	if (r == 0)
		r = prune(d, ret_kept);
	return r == 0 ? run(d, SQL_COMMIT) : r;
}

/* It has landed: KEPT of the dead are left, and what the group replaced joins them. */
static void keep_group(struct database *d, uint64_t revision, size_t kept)
{
	d->revision = revision;
	d->unpruned = d->unpruned + d->written_n < PRUNE_EVERY
			      ? d->unpruned + (unsigned)d->written_n : 0;
	d->dead_n = kept;
	for (size_t i = 0; i < d->written_n; i++) {
		const struct written *w = &d->written[i];

		if (w->before.record)
			d->dead[d->dead_n++] = w->before.id;
		if (!w->record->value)
			d->dead[d->dead_n++] = w->id;
		record_unref(w->before.record);
	}
	d->written_n = 0;
}

/* Newest first, since one key may have been written by several batches. */
static void forget_group(struct database *d)
{
	while (d->written_n > 0) {
		const struct written *w = &d->written[--d->written_n];
		struct newest_row now;

		if (w->before.record)
			now = newest_put(&d->newest, w->before.record, w->before.id);
		else
			now = newest_remove(&d->newest, w->record->key);
		record_unref(w->before.record);
		record_unref(now.record);
	}
}

/* Also those that were answered CONFLICT: what they lost to was not written either. */
static void fail_group(struct database *d, struct store_batch *batches)
{
	forget_group(d);
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
	uint64_t revision = d->revision;
	size_t kept = d->dead_n;

	d->why.kind = ERR_NONE;
	if (write_group(d, batches, &revision, &kept) < 0)
		fail_group(d, batches);
	else
		keep_group(d, revision, kept);
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

struct loading {
	struct database *d;
	struct store_contents *c;
	uint64_t floor;
};

/* Steps through the rows of SQL and gives each to FN. */
static int each_row(struct loading *l, const char *sql,
		    int (*fn)(struct loading *l, sqlite3_stmt *row, struct error *err),
		    struct error *err)
{
	struct database *d = l->d;
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(d->db, sql, -1, &stmt, NULL), r = 0;

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			r = fn(l, stmt, err);
		if (r < 0)
			break;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = database_error(d->db, d->path, "read", err);
	sqlite3_finalize(stmt);
	return r;
}

static int load_state(struct loading *l, sqlite3_stmt *row, struct error *err)
{
	(void)err;
	l->c->revision = (uint64_t)sqlite3_column_int64(row, 0);
	l->c->history.floor = l->floor = (uint64_t)sqlite3_column_int64(row, 1);
	return 0;
}

static struct record *record_of(sqlite3_stmt *row)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);

	return key ? record_new(key, (const char *)sqlite3_column_text(row, 1),
				(uint64_t)sqlite3_column_int64(row, 2)) : NULL;
}

/* Row ID, which holds REC, is played back; returns what it replaces. */
static struct newest_row play(struct newest *t, struct record *rec, int64_t id)
{
	return rec->value ? newest_put(t, rec, id) : newest_remove(t, rec->key);
}

static void play_row(struct loading *l, struct record *rec, int64_t id)
{
	struct database *d = l->d;
	struct newest_row before = play(&d->newest, rec, id);

	record_unref(play(&l->c->newest, rec, id).record);
	if (before.record)
		d->dead[d->dead_n++] = before.id;
	if (!rec->value)
		d->dead[d->dead_n++] = id;
	record_unref(before.record);
	if (rec->revision > l->c->revision)
		l->c->revision = rec->revision;
}

static int load_row(struct loading *l, sqlite3_stmt *row, struct error *err)
{
	struct record *rec = record_of(row);

	if (!rec || !reserve_rows(l->d, 1) || !newest_reserve(&l->c->newest, 1)) {
		record_unref(rec);
		return error_set(err, ERR_NO_MEMORY, "reading the store");
	}
	play_row(l, rec, sqlite3_column_int64(row, 3));
	if (rec->revision > l->floor)
		history_append(&l->c->history, rec);
	history_trim(&l->c->history);
	record_unref(rec);
	return 0;
}

static int load(struct database *d, struct store_contents *c, struct error *err)
{
	struct loading l = { .d = d, .c = c };
	int r = each_row(&l, "SELECT revision, floor FROM state", load_state, err);

	if (r == 0)
		r = each_row(&l, "SELECT key, value, revision, id FROM record ORDER BY id",
			     load_row, err);
	d->revision = c->revision;
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
				"PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -2048", err);
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
	newest_done(&d->newest);
	free(d->written);
	free(d->dead);
	free(d->path);
	free(d);
}
