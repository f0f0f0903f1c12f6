/* SPDX-License-Identifier: Apache-2.0 */
/* bench-cli - what `facet gpu list` takes as a process, from fork to its end.
 *
 *     bench-cli FACETD FACET [FOLDER [RUNS]]
 *
 * The baseline is curl asking for the same URL, in turns with it; ratio is facet / curl.  The pool
 * has two hosts of 8 GPUs. */
#include <stdio.h>
#include <stdlib.h>

#include "pool.h"
#include "process.h"

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	const char *facetd = argc > 1 ? argv[1] : "facetd";
	char *facet = argc > 2 ? argv[2] : (char[]){ "facet" }, *socket;
	size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 100;
	int64_t *ours = calloc(n + 1, sizeof(*ours)), *theirs = calloc(n + 1, sizeof(*theirs));

	if (!ours || !theirs || n == 0)
		die("no runs to measure");
	bench_folder(argc > 3 ? argv[3] : NULL);
	socket = bench_path("facetd.sock");
	facetd_start(facetd, "cli.db", "facetd.sock");
	pool_wait(socket);
	pool_fill(socket, 2 * POOL_VMS_PER_HOST);
	for (size_t i = 0; i < n; i++) {
		ours[i] = process_run_us(
			(char *[]){ facet, "--socket", socket, "gpu", "list", NULL });
		theirs[i] = process_run_us((char *[]){ "curl", "-s", "--unix-socket", socket,
						       "http://localhost/v1/gpus", NULL });
	}
	qsort(ours, n, sizeof(*ours), compare);
	qsort(theirs, n, sizeof(*theirs), compare);
	printf("{\"bench\":\"gpu-list\",\"n\":%zu,\"p50_ms\":%.2f,\"best_ms\":%.2f,\"curl_p50_ms\":"
	       "%.2f,"
	       "\"curl_best_ms\":%.2f,\"ratio\":%.2f,\"goal_ms\":15}\n",
	       n, (double)ours[n / 2] / 1e3, (double)ours[0] / 1e3, (double)theirs[n / 2] / 1e3,
	       (double)theirs[0] / 1e3, (double)ours[n / 2] / (double)theirs[n / 2]);
	free(ours);
	free(theirs);
	free(socket);
	return 0;
}
