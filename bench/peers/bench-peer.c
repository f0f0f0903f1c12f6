/* SPDX-License-Identifier: Apache-2.0 */
/* bench-peer - Facet's side of the comparison with its peers: claims in a wide pool.
 *
 *     bench-peer FACETD FOLDER [HOSTS [SECONDS [CLIENTS]]]
 *
 * HOSTS hosts (1000) with 8 L40S each and VMS_PER_HOST VMs, of which one after the other is
 * started, host after host, by CLIENTS clients (16) for SECONDS (10), or until all run.  facetd is
 * then killed, not stopped, and the store is read: every claim that was answered must be there, and
 * no two of them may have the same function of a GPU.  One line of JSON. */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "pool.h"
#include "process.h"

enum { VMS_PER_HOST = 16, CLIENTS_MAX = 256, HOSTS_MAX = 4000 };

/* Claims go round the hosts, so that they spread as claims of strangers do. */
struct round {
	size_t next, hosts;
};

static bool make_start(void *user, size_t number, struct load_request *rq)
{
	struct round *r = user;
	size_t host = r->next % r->hosts, vm = r->next / r->hosts;

	(void)number;
	if (vm == VMS_PER_HOST)
		return false;
	r->next++;
	pool_start_request(host * VMS_PER_HOST + vm, rq);
	return true;
}

/* What the store holds: leases, and how many different slices they are for. */
struct kept {
	size_t leases, slices;
};

static struct kept read_leases(const char *path)
{
	static const char sql[] =
		"SELECT count(*), count(DISTINCT json_extract(value, '$.gpu') || ' ' ||"
		" json_extract(value, '$.vf')) FROM record WHERE id IN"
		" (SELECT max(id) FROM record WHERE key LIKE 'lease/%' GROUP BY key)";
	struct kept kept;
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		die("read the leases of %s: %s", path, sqlite3_errmsg(db));
	kept.leases = (size_t)sqlite3_column_int64(stmt, 0);
	kept.slices = (size_t)sqlite3_column_int64(stmt, 1);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return kept;
}

static size_t number(int argc, char **argv, int i, size_t most, size_t usual)
{
	uint64_t n = usual;

	if (i < argc && (!text_to_u64(argv[i], most, &n) || n == 0))
		die("'%s' is no number from 1 to %zu", argv[i], most);
	return (size_t)n;
}

int main(int argc, char **argv)
{
	struct round round = { .hosts = number(argc, argv, 3, HOSTS_MAX, 1000) };
	size_t seconds = number(argc, argv, 4, 600, 10);
	int clients = (int)number(argc, argv, 5, CLIENTS_MAX, 16);
	char *socket, *store;
	struct kept kept;
	struct load *l;
	int64_t cpu;
	pid_t pid;

	bench_folder(argc > 2 ? argv[2] : NULL);
	socket = bench_path("facetd.sock");
	store = bench_path("peer.db");
	pid = facetd_start(argc > 1 ? argv[1] : "facetd", "peer.db", "facetd.sock");
	pool_wait(socket);
	pool_fill_as(socket, (struct pool_size){ round.hosts * VMS_PER_HOST, VMS_PER_HOST });
	l = load_open(socket, clients);
	cpu = process_cpu_us(pid);
	load_run(l, now_us() + (int64_t)seconds * 1000000, 202, make_start, &round);
	cpu = process_cpu_us(pid) - cpu;
	kill(pid, SIGKILL);
	process_stop(pid);
	kept = read_leases(store);
	if (kept.leases != load_answered(l) || kept.slices != kept.leases)
		die("%zu claims were answered, the store has %zu leases on %zu slices",
		    load_answered(l), kept.leases, kept.slices);
	printf("{\"peer\":\"facet\",\"hosts\":%zu,\"gpus\":%zu,\"clients\":%d,\"claims\":%zu,"
	       "\"claims_per_s\":%.1f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"conflicts\":%zu,"
	       "\"cpu_us\":%.0f}\n", round.hosts, round.hosts * POOL_GPUS, clients,
	       load_answered(l), load_per_s(l), load_latency_us(l, 0.5) / 1e3,
	       load_latency_us(l, 0.99) / 1e3, kept.leases - kept.slices,
	       (double)cpu / (double)load_answered(l));
	load_close(l);
	return 0;
}
