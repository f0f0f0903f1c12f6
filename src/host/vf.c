/* SPDX-License-Identifier: Apache-2.0 */
#include "host/vf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/text.h"
#include "host/backoff.h"
#include "host/device.h"
#include "host/driver.h"

#define TOOL "usr/lib/nvidia/sriov-manage"

enum { LIMIT_MS = 60000, BIND_LIMIT_MS = 3000, OUTPUT_SIZE = 4096 };

enum vf_output vf_read_output(const char *text)
{
	if (text_contains_nocase(text, "unbindlock"))
		return VF_OUTPUT_LOCKED;
	if (text_contains_nocase(text, "file exists") ||
	    text_contains_nocase(text, "no such device") ||
	    text_contains_nocase(text, "resource busy"))
		return VF_OUTPUT_RACE;
	return VF_OUTPUT_OTHER;
}

void vf_last_words(const char *text, char *ret, size_t size)
{
	const char *end = text + strlen(text), *start;
	size_t n = 0;

	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	for (start = end; start > text && start[-1] != '\n';)
		start--;
	for (; start < end && n + 1 < size; start++)
		ret[n++] = *start >= ' ' && *start <= '~' ? *start : '?';
	ret[n] = '\0';
}

/* One run of the tool. */
struct run {
	pid_t pid;
	int output;
	char text[OUTPUT_SIZE];
	size_t n;
	int status; /* exit status, or -1 when it was killed */
};

static int spawn_tool(const char *path, const char *pf, struct run *run, struct error *err)
{
	char *argv[] = { (char *)path, (char *)"-e", (char *)pf, NULL };
	char *env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int pipes[2], e;
	sigset_t none, all;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return error_errno(err, errno, "run /" TOOL);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
	/* A daemon blocks and ignores signals; the tool is not to inherit that. */
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	e = posix_spawn(&run->pid, path, &actions, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	if (e == 0) {
		run->output = pipes[0];
		return 0;
	}
	close(pipes[0]);
	return error_errno(err, e, "run /" TOOL " (it comes with NVIDIA's vGPU host driver)");
}

/* Takes what there is; false at the end of the output.  What does not fit is read and dropped, so
 * that the tool does not wait for us. */
static bool read_output(struct run *run)
{
	char dropped[256];
	bool fits = run->n + 1 < sizeof(run->text);
	ssize_t k = read(run->output, fits ? run->text + run->n : dropped,
			 fits ? sizeof(run->text) - 1 - run->n : sizeof(dropped));

	if (k < 0)
		return errno == EINTR;
	if (fits)
		run->n += (size_t)k;
	run->text[run->n] = '\0';
	return k > 0;
}

/* Follows the tool until it ends, and ends it when the time is up.  Its end is looked for as well
 * as that of its output, which something it has started may keep open. */
static void wait_tool(struct run *run, int64_t end_us)
{
	bool open = true, running = true;
	int status = -1;

	while (running) {
		struct pollfd p = { open ? run->output : -1, POLLIN, 0 };

		if (clock_mono_us(&clock_system) >= end_us)
			kill(run->pid, SIGKILL);
		if (poll(&p, 1, open ? 100 : 10) > 0)
			open = read_output(run);
		running = waitpid(run->pid, &status, WNOHANG) == 0;
	}
	while (open && poll(&(struct pollfd){ run->output, POLLIN, 0 }, 1, 0) > 0)
		open = read_output(run);
	close(run->output);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ROOT as a path, because a script's interpreter opens it by name. */
static int tool_path(int root, char path[PATH_MAX], struct error *err)
{
	char link[64], base[PATH_MAX - 64];
	ssize_t n;

	if (!sysfs_exists(root, TOOL))
		return error_set(err, ERR_NOT_FOUND,
				 "/" TOOL " is not there: it comes with NVIDIA's vGPU "
				 "host driver, which must be installed");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", root);
	n = readlink(link, base, sizeof(base) - 1);
	if (n < 0)
		return error_errno(err, errno, "find the root folder");
	base[n] = '\0';
	snprintf(path, PATH_MAX, "%s/" TOOL, strcmp(base, "/") == 0 ? "" : base);
	return 0;
}

static uint64_t functions_now(int root, const char *pf)
{
	cleanup(functions_done) struct functions f = { 0 };

	return inventory_functions(root, pf, &f, NULL) < 0 ? 0 : f.n;
}

static int check_before(int root, const char *pf, char driver[32], bool *done, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	struct gpu gpu = { 0 };
	uint64_t enabled;
	int r;

	r = device_open(root, pf, &dir, err);
	if (r < 0)
		return r;
	if (sysfs_u64_or(dir, "sriov_totalvfs", 0) == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "%s has no SR-IOV functions: enable SR-IOV in the "
				 "firmware, if its board has it",
				 pf);
	device_driver(dir, driver, 32);
	enabled = sysfs_u64_or(dir, "sriov_numvfs", 0);
	*done = enabled > 0 && functions_now(root, pf) == enabled;
	if (*done)
		return 0;
	TEXT_COPY(gpu.address, pf);
	for (size_t i = 0; host_drivers[i] && r == 0; i++)
		if (host_drivers[i]->owns(root, pf)) {
			r = host_drivers[i]->inventory(root, &gpu, err);
			break;
		}
	if (r == 0 && gpu.vgpus_n > 0)
		r = error_set(err, ERR_BUSY,
			      "%zu vGPUs exist on %s, and enabling its functions would "
			      "destroy them",
			      gpu.vgpus_n, pf);
	fields_done(&gpu_fields, &gpu);
	return r;
}

/* The tool can leave the GPU without a driver; a probe brings it back. */
static bool has_driver(int root, const char *pf, const char *driver)
{
	struct backoff b = backoff_start(BIND_LIMIT_MS);
	char path[SYSFS_PATH_SIZE], now[32];
	bool probed = false;

	sysfs_path(path, "sys/bus/pci/devices/%s/driver", pf);
	do {
		if (sysfs_link(root, path, now, sizeof(now)))
			return !driver[0] || strcmp(now, driver) == 0;
		if (!probed)
			(void)!sysfs_write(root, "sys/bus/pci/drivers_probe", pf, NULL, NULL);
		probed = true;
	} while (backoff_wait(&b));
	return false;
}

static int verify(int root, const char *pf, const char *driver, struct error *err)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t claimed, found;

	if (!has_driver(root, pf, driver))
		return error_set(err, ERR_IO,
				 "sriov-manage left %s without its driver %s: echo %s > "
				 "/sys/bus/pci/drivers/%s/bind", pf, driver, pf, driver);
	claimed =
		sysfs_u64_or(root, sysfs_path(path, "sys/bus/pci/devices/%s/sriov_numvfs", pf), 0);
	found = functions_now(root, pf);
	if (claimed > 0 && found == claimed)
		return 0;
	return error_set(err, ERR_IO, "sriov-manage -e %s ended well, but %" PRIu64 " of %" PRIu64
			 " functions exist", pf, found, claimed);
}

static int try_once(int root, const char *path, const char *pf, const char *driver, int64_t end_us,
		    bool *again, struct error *err)
{
	struct run run = { .output = -1 };
	char words[200];
	int r;

	*again = false;
	r = spawn_tool(path, pf, &run, err);
	if (r < 0)
		return r;
	wait_tool(&run, end_us);
	crash_point("sriov-managed");
	/* The exit status is not to be trusted either way: what exists counts. */
	r = verify(root, pf, driver, err);
	if (r == 0)
		return 0;
	*again = vf_read_output(run.text) != VF_OUTPUT_OTHER || run.status == 0;
	vf_last_words(run.text, words, sizeof(words));
	if (vf_read_output(run.text) == VF_OUTPUT_LOCKED)
		return error_set(err, ERR_BUSY, "enable functions of %s: a program such as DCGM, "
				 "nvidia-persistenced or nvidia-smi has the GPU open; stop it (%s)",
				 pf, words);
	if (run.status != 0)
		return error_set(err, ERR_IO,
				 "enable functions of %s: sriov-manage failed (%d): %s", pf,
				 run.status, words[0] ? words : "it said nothing");
	return r;
}

int vf_enable(int root, const char *pf, enum result *result, struct error *err)
{
	struct backoff b = backoff_start(LIMIT_MS);
	char path[PATH_MAX], driver[32];
	bool done = false, again;
	int r;

	r = check_before(root, pf, driver, &done, err);
	if (r == 0 && done) {
		*result = RESULT_UNCHANGED;
		return 0;
	}
	if (r == 0)
		r = tool_path(root, path, err);
	if (r < 0)
		return r;
	do
		r = try_once(root, path, pf, driver, b.end_us, &again, err);
	while (r < 0 && again && backoff_wait(&b));
	if (r == 0)
		*result = RESULT_CREATED;
	return r;
}
