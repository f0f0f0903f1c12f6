/* SPDX-License-Identifier: Apache-2.0 */
/* bench-facetd - memory and start of a facetd that has much to remember.
 *
 *     bench-facetd FACETD [FOLDER [LEASES]]
 *
 * Fills a store with LEASES VMs that each hold a vGPU (10000), through the interface, and starts
 * facetd on it several times.  "ready" is from exec to the first request that is answered, the
 * median; the baseline is the same of a facetd with an empty store, and ratio is full / empty.
 * "rss" is what is resident then, "after" the same when every lease and VM has been listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"
#include "process.h"

enum { STARTS = 7, PAGE = 500 };

static bool make_start(void *user, size_t number, struct load_request *rq)
{
	pool_start_request(number, rq);
	return number < *(size_t *)user;
}

static void fill_store(const char *facetd, const char *socket, size_t leases)
{
	pid_t pid = facetd_start(facetd, "full.db", "facetd.sock");
	struct load *l;

	pool_wait(socket);
	pool_fill(socket, leases);
	l = load_open(socket, 64);
	load_run(l, INT64_MAX, 202, make_start, &leases);
	load_close(l);
	process_stop(pid);
}

static void list_all(const char *socket, const char *what, size_t n)
{
	struct text path = { 0 };
	size_t seen = 0;

	text_add(&path, "/v1/%s?limit=%d", what, PAGE);
	while (seen < n) {
		int status = 0;
		char *answer = load_once(socket, "GET", path.data, NULL, &status);
		char *next = answer ? strstr(answer, "\"next\":\"") : NULL;

		if (status != 200)
			die("listing %s was answered %d", what, status);
		seen += next ? PAGE : n;
		text_done(&path);
		if (next)
			text_add(&path, "/v1/%s?limit=%d&after=%.*s", what, PAGE,
				 (int)strcspn(next + 8, "\""), next + 8);
		free(answer);
	}
	text_done(&path);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct figures {
	double ready_ms[STARTS];
	struct process_memory memory, after;
};

static void measure_start(const char *facetd, const char *socket, const char *store, size_t leases,
			  struct figures *f)
{
	for (int i = 0; i < STARTS; i++) {
		int64_t start = now_us();
		pid_t pid = facetd_start(facetd, store, "facetd.sock");

		f->ready_ms[i] = (double)(pool_wait(socket) - start) / 1e3;
		f->memory = process_memory(pid);
		if (i == STARTS - 1 && leases) {
			list_all(socket, "leases", leases);
			list_all(socket, "vms", leases);
			f->after = process_memory(pid);
		}
		process_stop(pid);
	}
	qsort(f->ready_ms, STARTS, sizeof(f->ready_ms[0]), compare);
}

int main(int argc, char **argv)
{
	const char *facetd = argc > 1 ? argv[1] : "facetd";
	size_t leases = argc > 3 ? strtoul(argv[3], NULL, 10) : 10000;
	struct figures full = { 0 }, empty = { 0 };
	char *socket;

	bench_folder(argc > 2 ? argv[2] : NULL);
	socket = bench_path("facetd.sock");
	fill_store(facetd, socket, leases);
	measure_start(facetd, socket, "empty.db", 0, &empty);
	measure_start(facetd, socket, "full.db", leases, &full);
	printf("{\"bench\":\"facetd\",\"leases\":%zu,\"rss_mib\":%.1f,\"anonymous_mib\":%.1f,"
	       "\"after_listing_rss_mib\":%.1f,\"empty_rss_mib\":%.1f,\"ratio\":%.2f,\"goal_mib\":"
	       "64}\n",
	       leases, (double)full.memory.rss_kib / 1024, (double)full.memory.anon_kib / 1024,
	       (double)full.after.rss_kib / 1024, (double)empty.memory.rss_kib / 1024,
	       (double)full.memory.rss_kib / (double)empty.memory.rss_kib);
	printf("{\"bench\":\"facetd-ready\",\"leases\":%zu,\"ready_ms\":%.1f,\"best_ms\":%.1f,"
	       "\"empty_ready_ms\":%.1f,\"ratio\":%.1f,\"goal_ms\":300}\n",
	       leases, full.ready_ms[STARTS / 2], full.ready_ms[0], empty.ready_ms[STARTS / 2],
	       full.ready_ms[STARTS / 2] / empty.ready_ms[STARTS / 2]);
	free(socket);
	return 0;
}
