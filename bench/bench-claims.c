/* SPDX-License-Identifier: Apache-2.0 */
/* bench-claims - what a claim costs over the rows it keeps.
 *
 *     bench-claims FACETD [FOLDER [SECONDS]]
 *
 * A claim is POST /v1/vms/VM/start: placed, checked, written, and answered when it is durable.  The
 * baseline is a loop over SQLite alone that writes, on the same disk with synchronous=FULL, rows of
 * the number and sizes that one claim was seen to write, as many claims to a transaction as there
 * are clients; it keeps no history, checks nothing and tells nobody.  The two take turns, so that
 * a disk or a machine that grows slower meanwhile does so for both.  One line of JSON for each
 * number of clients; ratio is claims / baseline. */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"
#include "process.h"

enum { ROWS_MAX = 32, VALUE_MAX = 16384, TURNS = 4, VMS_PER_S = 10000 };

/* What one claim writes. */
struct claim_rows {
	struct claim_row {
		char key[256];
		int size;
	} rows[ROWS_MAX];
	size_t n;
};

static char value[VALUE_MAX + 1];

/* ---- SQLite ---- */

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(db));
	return db;
}

static void must(sqlite3 *db, int rc, int wanted)
{
	if (rc != wanted)
		die("SQLite: %s", sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	must(db, sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	return stmt;
}

/* The rows of the newest batch with a lease that facetd wrote to its store. */
static void read_claim(const char *path, struct claim_rows *ret)
{
	sqlite3 *db = open_database(path);
	sqlite3_stmt *stmt = prepare(db, "SELECT key, length(value) FROM record"
					 " WHERE revision = (SELECT max(revision) FROM record"
					 "                   WHERE key LIKE 'lease/%')");

	while (sqlite3_step(stmt) == SQLITE_ROW && ret->n < ROWS_MAX) {
		struct claim_row *r = &ret->rows[ret->n++];

		TEXT_COPY(r->key, (const char *)sqlite3_column_text(stmt, 0));
		r->size = sqlite3_column_int(stmt, 1);
		if (r->size > VALUE_MAX)
			die("%s is larger than thought", r->key);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	if (ret->n < 3)
		die("%s does not hold a claim", path);
}

struct bare {
	sqlite3 *db;
	sqlite3_stmt *begin, *put, *commit;
	size_t claims;
	int64_t spent_us, cpu_us;
};

static void bare_open(struct bare *b, const char *path)
{
	*b = (struct bare){ .db = open_database(path) };
	must(b->db,
	     sqlite3_exec(b->db,
			  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;PRAGMA "
			  "synchronous = FULL;CREATE TABLE object (key TEXT NOT NULL PRIMARY KEY, "
			  "value TEXT NOT NULL, revision INTEGER NOT NULL)", NULL, NULL, NULL),
	     SQLITE_OK);
	b->begin = prepare(b->db, "BEGIN IMMEDIATE");
	b->put = prepare(b->db, "INSERT INTO object VALUES (?1, ?2, ?3)"
				" ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3");
	b->commit = prepare(b->db, "COMMIT");
}

static void bare_close(struct bare *b)
{
	sqlite3_finalize(b->begin);
	sqlite3_finalize(b->put);
	sqlite3_finalize(b->commit);
	sqlite3_close(b->db);
}

static void bare_step(struct bare *b, sqlite3_stmt *stmt)
{
	must(b->db, sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_reset(stmt);
}

/* Keys as a claim's: the chain is one row, VMs go in order, events by number, ids are random. */
static void bare_key(const char *like, size_t claim, size_t row, char key[256])
{
	size_t kind = strcspn(like, "/");
	uint64_t x = (claim * ROWS_MAX + row + 1) * 0x9e3779b97f4a7c15u;

	if (text_starts_with(like, "meta/"))
		snprintf(key, 256, "%s", like);
	else if (text_starts_with(like, "vm/"))
		snprintf(key, 256, "vm/vm-%06zu", claim);
	else if (text_starts_with(like, "event/"))
		snprintf(key, 256, "event/%012zu", claim * ROWS_MAX + row);
	else
		snprintf(key, 256, "%.*s/%016" PRIx64 "-%016" PRIx64 "-abc", (int)kind, like, x,
			 x ^ (x >> 7));
}

static void bare_claim(struct bare *b, const struct claim_rows *rows)
{
	char key[256];

	for (size_t i = 0; i < rows->n; i++) {
		bare_key(rows->rows[i].key, b->claims, i, key);
		sqlite3_bind_text(b->put, 1, key, -1, SQLITE_STATIC);
		sqlite3_bind_text(b->put, 2, value, rows->rows[i].size, SQLITE_STATIC);
		sqlite3_bind_int64(b->put, 3, (sqlite3_int64)b->claims);
		bare_step(b, b->put);
	}
	b->claims++;
}

static void bare_run(struct bare *b, const struct claim_rows *rows, int group, int64_t until_us)
{
	int64_t start = now_us(), cpu = process_cpu_us(getpid());

	while (now_us() < until_us) {
		bare_step(b, b->begin);
		for (int i = 0; i < group; i++)
			bare_claim(b, rows);
		bare_step(b, b->commit);
	}
	b->spent_us += now_us() - start;
	b->cpu_us += process_cpu_us(getpid()) - cpu;
}

/* ---- side by side ---- */

struct vms {
	size_t next, n;
};

static bool make_start(void *user, size_t number, struct load_request *rq)
{
	struct vms *vms = user;

	(void)number;
	if (vms->next == vms->n)
		return false;
	pool_start_request(vms->next++, rq);
	return true;
}

/* The CPU time tells more than the rates where other work is on the machine. */
static void report(struct load *l, int64_t cpu_us, const struct bare *b,
		   const struct claim_rows *rows, int clients, size_t leases)
{
	double bare = (double)b->claims * 1e6 / (double)b->spent_us;
	int bytes = 0;

	for (size_t i = 0; i < rows->n; i++)
		bytes += rows->rows[i].size;
	printf("{\"bench\":\"claims\",\"clients\":%d,\"claims_per_s\":%.0f,\"p50_ms\":%.2f,"
	       "\"p99_ms\":%.2f,\"bare_claims_per_s\":%.0f,\"rows\":%zu,\"bytes\":%d,"
	       "\"leases_after\":%zu,\"cpu_us\":%.0f,\"bare_cpu_us\":%.0f,\"ratio\":%.2f,"
	       "\"goal\":0.60}\n", clients, load_per_s(l), load_latency_us(l, 0.5) / 1e3,
	       load_latency_us(l, 0.99) / 1e3, bare, rows->n, bytes, leases,
	       (double)cpu_us / (double)load_answered(l), (double)b->cpu_us / (double)b->claims,
	       load_per_s(l) / bare);
	fflush(stdout);
}

static void compare(const char *socket, pid_t facetd, const struct claim_rows *rows, int clients,
		    double seconds, struct vms *vms)
{
	char *path = bench_path("bare-%d.db", clients);
	int64_t turn_us = (int64_t)(seconds * 1e6 / 2 / (double)TURNS);
	struct load *l = load_open(socket, clients);
	int64_t cpu_us = 0, before;
	struct bare bare;

	bare_open(&bare, path);
	for (int turn = 0; turn < TURNS; turn++) {
		bare_run(&bare, rows, clients, now_us() + turn_us);
		before = process_cpu_us(facetd);
		load_run(l, now_us() + turn_us, 202, make_start, vms);
		cpu_us += process_cpu_us(facetd) - before;
	}
	report(l, cpu_us, &bare, rows, clients, vms->next);
	bare_close(&bare);
	load_close(l);
	free(path);
}

/* The store is locked while facetd has it, so it is stopped to be looked at. */
static pid_t sample_claim(const char *facetd, const char *socket, struct vms *vms,
			  struct claim_rows *ret)
{
	pid_t pid = facetd_start(facetd, "claims.db", "facetd.sock");
	char *path = bench_path("claims.db");
	struct load_request rq = { 0 };
	int status = 0;

	pool_wait(socket);
	pool_fill(socket, vms->n);
	pool_start_request(vms->next++, &rq);
	free(load_once(socket, rq.method, rq.path.data, NULL, &status));
	if (status != 202)
		die("a first claim was answered %d", status);
	text_done(&rq.path);
	process_stop(pid);
	read_claim(path, ret);
	free(path);
	pid = facetd_start(facetd, "claims.db", "facetd.sock");
	pool_wait(socket);
	return pid;
}

int main(int argc, char **argv)
{
	static const int clients[] = { 1, 8, 64 };
	const char *facetd = argc > 1 ? argv[1] : "facetd";
	double seconds = argc > 3 ? atof(argv[3]) : 4;
	struct vms vms = { .n = (size_t)((double)VMS_PER_S * seconds) };
	struct claim_rows rows = { 0 };
	char *socket;
	pid_t pid;

	bench_folder(argc > 2 ? argv[2] : NULL);
	memset(value, 'v', VALUE_MAX);
	socket = bench_path("facetd.sock");
	pid = sample_claim(facetd, socket, &vms, &rows);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		compare(socket, pid, &rows, clients[i], seconds, &vms);
	process_stop(pid);
	free(socket);
	return 0;
}
