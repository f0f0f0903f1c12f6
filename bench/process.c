/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { CHILDREN_MAX = 8 };

static char folder[256];
static pid_t children[CHILDREN_MAX];

int64_t now_us(void)
{
	return clock_mono_us(&clock_system);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i] > 0)
			process_stop(children[i]);
	if (folder[0])
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void on_signal(int number)
{
	exit(128 + number);
}

const char *bench_folder(const char *parent)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/facet-bench-XXXXXX",
		 parent ? parent : tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		die("make a folder like %s: %s", folder, strerror(errno));
	atexit(clean_up);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	return folder;
}

char *bench_path(const char *fmt, ...)
{
	char name[256];
	struct text path = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	text_add(&path, "%s/%s", folder, name);
	return text_take(&path);
}

/* ---- running ---- */

static void redirect(const char *log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		_exit(126);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static pid_t spawn(char *const argv[], const char *log)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	redirect(log);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t process_start(char *const argv[], const char *log)
{
	char *path = bench_path("%s", log);
	size_t i = 0;

	while (i < CHILDREN_MAX && children[i] > 0)
		i++;
	if (i == CHILDREN_MAX)
		die("more than %d programs at a time", CHILDREN_MAX);
	children[i] = spawn(argv, path);
	free(path);
	return children[i];
}

void process_stop(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i] == pid)
			children[i] = 0;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int64_t process_run_us(char *const argv[])
{
	int64_t start = now_us();
	pid_t pid = spawn(argv, "/dev/null");
	int status;

	if (waitpid(pid, &status, 0) < 0 || status != 0)
		die("%s %s failed", argv[0], argv[1] ? argv[1] : "");
	return now_us() - start;
}

pid_t facetd_start(const char *program, const char *file, const char *socket)
{
	struct text listen = { 0 }, store = { 0 };
	pid_t pid;

	text_add(&listen, "unix:%s/%s", folder, socket);
	text_add(&store, "store.path=%s/%s", folder, file);
	/* Hosts that are fakes report once and are not to be missed. */
	pid = process_start((char *[]){ (char *)(uintptr_t)program, "--config", "/dev/null",
					"--listen", listen.data, "--set", store.data, "--set",
					"controller.host_timeout_s=86400", NULL },
			    "facetd.log");
	text_done(&listen);
	text_done(&store);
	return pid;
}

/* ---- looking ---- */

static uint64_t line_kib(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void read_proc(pid_t pid, const char *file, char *buffer, size_t size)
{
	char path[96];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buffer, size - 1);
	if (n < 0)
		die("read %s: %s", path, strerror(errno));
	buffer[n] = '\0';
	close(fd);
}

struct process_memory process_memory(pid_t pid)
{
	char text[4096];

	read_proc(pid, "smaps_rollup", text, sizeof(text));
	return (struct process_memory){ .rss_kib = line_kib(text, "\nRss:"),
					.pss_kib = line_kib(text, "\nPss:"),
					.anon_kib = line_kib(text, "\nAnonymous:") };
}

int64_t process_cpu_us(pid_t pid)
{
	unsigned long long user = 0, system = 0;
	char text[1024];
	const char *at;

	read_proc(pid, "stat", text, sizeof(text));
	/* The name may hold anything; behind its ')' come the state and twelve more. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			  &system) != 2)
		die("the times of process %d are not understood", (int)pid);
	return (int64_t)((user + system) * 1000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

pid_t process_child(pid_t pid)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "task/%d/children", (int)pid);
	read_proc(pid, path, text, sizeof(text));
	return (pid_t)strtol(text, NULL, 10);
}
