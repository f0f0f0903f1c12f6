/* SPDX-License-Identifier: Apache-2.0 */
/* facet-bench - measures placement: quality on public traces, speed, ceilings.
 *
 * Every subcommand prints lines of JSON; the last one sums up.
 */
#include "facet-bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const struct {
	const char *name;
	bench_fn *run;
	const char *usage, *sentence;
} commands[] = {
	{ "openb", bench_openb,
	  "NODES REQUESTS [--policy P] [--seeds A-B] [--arrivals SHARE] [--moves SHARE]",
	  "replays a request list of the public trace until it overflows a node list" },
	{ "ceiling", bench_ceiling, "NODES REQUESTS [--arrivals SHARE,...]",
	  "how much of such a list no policy could pass, by linear programming (needs cbc)" },
	{ "churn", bench_churn,
	  "[REQUESTS] [--policy P|pool] [--mode M] [--mix X] [--load SHARE]... [--gpus N]\n"
	  "         [--seeds A-B] [--window LIFETIMES] [--list-lifetimes]",
	  "how much finds a place where VMs come and go, by mode, mix and load" },
	{ "defrag", bench_defrag, "(as churn)",
	  "the same, without and with a live migration for each request that does not fit" },
	{ "host", bench_host, "VMS [--policy P] [--load SHARE] [--slack SHARE]",
	  "replays VMs with tenants, vCPUs and RAM: what of the GPUs is stranded by those" },
	{ "claims", bench_claims, "FACETD [FOLDER [SECONDS]]",
	  "claims a second over the API, durable, beside a bare SQLite loop (bench-claims)" },
	{ "decide", bench_decide, "[--policy P] [--gpus N] [--rounds N]",
	  "times decisions in pools of 100 to 1,000,000 GPUs" },
};

static int usage(FILE *to)
{
	fputs("usage: facet-bench COMMAND ...\n\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].usage,
			commands[i].sentence);
	return to == stdout ? 0 : 2;
}

uint64_t luck_next(struct luck *l)
{
	uint64_t z = l->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint32_t luck_below(struct luck *l, uint32_t n)
{
	return (uint32_t)((luck_next(l) >> 32) * n >> 32);
}

double luck_real(struct luck *l)
{
	return (double)(luck_next(l) >> 11) * 0x1p-53;
}

double luck_exponential(struct luck *l, double mean)
{
	return -mean * log(1 - luck_real(l));
}

int bench_seeds(const char *text, uint64_t *from, uint64_t *to, struct error *err)
{
	char *end;

	errno = 0;
	*from = *to = strtoull(text, &end, 10);
	if (end != text && *end == '-')
		*to = strtoull(end + 1, &end, 10);
	if (end == text || *end || errno || *to < *from || *to - *from >= 10000)
		return error_set(err, ERR_INVALID, "seeds '%s': wanted FROM-TO, such as 42-51",
				 text);
	return 0;
}

int bench_read(const char *file, char **ret, struct error *err)
{
	enum { MOST = 1 << 30, STEP = 1 << 20 };
	gzFile f = gzopen(file, "rb");
	size_t n = 0, room = 0;
	char *data = NULL, *grown;
	int got = 1;

	if (!f)
		return error_errno(err, errno ? errno : ENOMEM, "cannot read %s", file);
	while (got > 0 && n < MOST) {
		room = n + STEP + 1;
		grown = realloc(data, room);
		if (!grown)
			break;
		data = grown;
		got = gzread(f, data + n, STEP);
		n += got > 0 ? (size_t)got : 0;
	}
	gzclose(f);
	if (got != 0) {
		free(data);
		return error_set(err, got < 0 ? ERR_IO : n >= MOST ? ERR_TOO_LARGE : ERR_NO_MEMORY,
				 "cannot read %s after %zu bytes", file, n);
	}
	data[n] = '\0';
	*ret = data;
	return 0;
}

void bench_stem(const char *file, char *ret, size_t size)
{
	const char *slash = strrchr(file, '/');

	snprintf(ret, size, "%s", slash ? slash + 1 : file);
	ret[strcspn(ret, ".\"\\")] = '\0';
}

struct spread_of bench_spread(const double *x, size_t n)
{
	struct spread_of s = { 0 };

	for (size_t i = 0; i < n; i++)
		s.mean += x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		s.sd += (x[i] - s.mean) * (x[i] - s.mean);
	s.sd = n > 1 ? sqrt(s.sd / (double)(n - 1)) : 0;
	return s;
}

/* A program of its own, since it starts a daemon: it lies beside this one. */
int bench_claims(int argc, char **argv, struct error *err)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	(void)argc;
	if (n < 0)
		return error_errno(err, errno, "cannot find this program's folder");
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "bench-claims");
	execv(path, argv);
	return error_errno(err, errno, "cannot run %s", path);
}

int main(int argc, char **argv)
{
	struct error err = { 0 };

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (commands[i].run(argc - 1, argv + 1, &err) == 0)
			return 0;
		fprintf(stderr, "facet-bench %s: %s\n", argv[1], err.text);
		return error_exit_status(err.kind);
	}
	return usage(stderr);
}
