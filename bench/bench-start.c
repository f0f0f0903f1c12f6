/* SPDX-License-Identifier: Apache-2.0 */
/* bench-start - Facet's own share of a VM's start.
 *
 *     bench-start FACETD FACET_AGENT [FOLDER [STARTS]]
 *
 * A facetd and an agent with a simulated host whose driver and libvirt take no time at all.  A VM
 * is started, and the time counts from before the POST until its operation is known to be done,
 * which the watch that `facet vm start` follows too has told.  What a start takes on hardware is
 * this and what the driver and libvirt take.  The baseline is one GET /v1/version on the same
 * daemon, which is what an exchange costs; ratio is start / exchange. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "pool.h"
#include "process.h"

enum { HOST_VMS = 64 };

/* ---- the two programs ---- */

static pid_t start_agent(const char *program, const char *socket)
{
	struct text controller = { 0 };
	char spec[] = "name=h1;gpus=8xL40S/vendor-vfio;domains=vm01..vm64;enable_ms=0;create_ms=0;"
		      "release_ms=0;start_ms=0;shutdown_ms=0;look_ms=0";
	pid_t pid;

	text_add(&controller, "agent.controller=%s", socket);
	pid = process_start((char *[]){ (char *)(uintptr_t)program, "--config", "/dev/null",
					"--set", controller.data, "--simulated", spec, NULL },
			    "agent.log");
	text_done(&controller);
	return pid;
}

static char *ask(const char *socket, const char *method, const char *path, const char *body,
		 int expect)
{
	int status = 0;
	char *answer = load_once(socket, method, path, body, &status);

	if (status != expect)
		die("%s %s: answered %d: %s", method, path, status, answer ? answer : "");
	return answer;
}

static void await_host(const char *socket)
{
	for (int i = 0; i < 500; i++) {
		char *answer = ask(socket, "GET", "/v1/gpus", NULL, 200);
		bool there = strstr(answer, "h1@") != NULL;

		free(answer);
		if (there)
			return;
		usleep(20000);
	}
	die("the agent did not report within 10 s");
}

static void make_vms(const char *socket)
{
	free(ask(socket, "POST", "/v1/groups", "{\"name\":\"all\"}", 201));
	for (int i = 1; i <= HOST_VMS; i++) {
		char body[256];

		snprintf(body, sizeof(body),
			 "{\"name\":\"vm%02d\",\"host\":\"h1\",\"devices\":"
			 "[{\"group\":\"all\",\"profile\":\"NVIDIA L40S-1Q\"}]}", i);
		free(ask(socket, "POST", "/v1/vms", body, 201));
	}
}

/* ---- one start ---- */

static void id_of(const char *json, char id[64])
{
	const char *at = strstr(json, "\"id\":\"");

	if (!at)
		die("an operation without an id: %s", json);
	snprintf(id, 64, "%.*s", (int)strcspn(at + 6, "\""), at + 6);
}

/* Until the operation ID is done; returns when that was known. */
static int64_t follow(struct load_stream *s, const char *id)
{
	for (;;) {
		const char *line = load_stream_line(s);

		if (!strstr(line, id) || !strstr(line, "\"kind\":\"operation\""))
			continue;
		if (strstr(line, "\"state\":\"failed\",\"vm\""))
			die("an operation failed: %s", line);
		if (strstr(line, "\"state\":\"done\",\"vm\""))
			return now_us();
	}
}

static int64_t run_one(const char *socket, struct load_stream *s, int vm, const char *verb,
		       const char *body)
{
	char path[64], id[64];
	int64_t start;
	char *answer;

	snprintf(path, sizeof(path), "/v1/vms/vm%02d/%s", vm, verb);
	start = now_us();
	answer = ask(socket, "POST", path, body, 202);
	id_of(answer, id);
	free(answer);
	return follow(s, id) - start;
}

/* ---- all of them ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t exchange_us(const char *socket)
{
	int64_t times[101];

	for (int i = 0; i < 101; i++) {
		int64_t start = now_us();

		free(ask(socket, "GET", "/v1/version", NULL, 200));
		times[i] = now_us() - start;
	}
	qsort(times, 101, sizeof(times[0]), compare);
	return times[50];
}

static void report(int64_t *times, size_t n, const char *verb, int64_t exchange, double goal)
{
	qsort(times, n, sizeof(times[0]), compare);
	printf("{\"bench\":\"%s\",\"n\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"exchange_ms\":%.2f,"
	       "\"ratio\":%.1f", verb, n, (double)times[n / 2] / 1e3,
	       (double)times[n * 99 / 100] / 1e3, (double)exchange / 1e3,
	       (double)times[n / 2] / (double)exchange);
	if (goal > 0)
		printf(",\"goal_ms\":%.0f", goal);
	puts("}");
}

int main(int argc, char **argv)
{
	const char *facetd = argc > 1 ? argv[1] : "facetd",
		   *agent = argc > 2 ? argv[2] : "facet-agent";
	size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 200;
	int64_t *starts = calloc(n + 1, sizeof(*starts)), *stops = calloc(n + 1, sizeof(*stops));
	struct load_stream *s;
	int64_t exchange;
	char *socket;

	if (!starts || !stops || n == 0)
		die("no starts to measure");
	bench_folder(argc > 3 ? argv[3] : NULL);
	socket = bench_path("facetd.sock");
	facetd_start(facetd, "start.db", "facetd.sock");
	pool_wait(socket);
	start_agent(agent, socket);
	await_host(socket);
	make_vms(socket);
	exchange = exchange_us(socket);
	s = load_stream_open(socket, "/v1/watch?kind=operation");
	for (size_t i = 0; i < n; i++) {
		int vm = (int)(i % HOST_VMS) + 1;

		starts[i] = run_one(socket, s, vm, "start", NULL);
		stops[i] = run_one(socket, s, vm, "stop", "{\"how\":\"force\"}");
	}
	load_stream_close(s);
	report(starts, n, "start", exchange, 10);
	report(stops, n, "stop", exchange, 0);
	free(starts);
	free(stops);
	free(socket);
	return 0;
}
