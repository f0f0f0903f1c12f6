/* SPDX-License-Identifier: Apache-2.0 */
#include "solver.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"

extern char **environ;

/* A folder of our own with what cbc reads and writes. */
struct folder {
	char path[256], model[300], answer[300], log[300];
};

static void folder_done(struct folder *f)
{
	if (!f->path[0])
		return;
	unlink(f->model);
	unlink(f->answer);
	unlink(f->log);
	rmdir(f->path);
}

static int folder_make(struct folder *f, struct error *err)
{
	const char *parent = getenv("TMPDIR");
	int n = snprintf(f->path, sizeof(f->path), "%s/facet-bench-XXXXXX",
			 parent && parent[0] ? parent : "/tmp");

	if (n >= (int)sizeof(f->path) || !mkdtemp(f->path)) {
		f->path[0] = '\0';
		return error_errno(err, n >= (int)sizeof(f->path) ? ENAMETOOLONG : errno,
				   "make a folder for cbc (in TMPDIR)");
	}
	snprintf(f->model, sizeof(f->model), "%s/model.lp", f->path);
	snprintf(f->answer, sizeof(f->answer), "%s/answer", f->path);
	snprintf(f->log, sizeof(f->log), "%s/log", f->path);
	return 0;
}

static int write_model(const struct solver_problem *p, const char *path, struct error *err)
{
	FILE *f = fopen(path, "we");
	bool failed;

	if (!f)
		return error_errno(err, errno, "write %s", path);
	p->write(p->user, f);
	failed = ferror(f);
	if (fclose(f) != 0 || failed)
		return error_errno(err, errno, "write %s", path);
	return 0;
}

static int run_cbc(struct folder *f, struct error *err)
{
	char *argv[] = { (char *)"cbc", f->model, (char *)"sec", (char *)"600",
			 (char *)"printingOptions", (char *)"all", (char *)"solve",
			 (char *)"solution", f->answer, NULL };
	posix_spawn_file_actions_t files;
	pid_t pid = 0;
	int r, status;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, f->log, O_WRONLY | O_CREAT, 0600);
	posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	r = posix_spawnp(&pid, "cbc", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (r == ENOENT)
		return error_set(err, ERR_PRECONDITION, "cannot run cbc, which solves the linear "
				 "program: it is not installed; Debian has it as coinor-cbc");
	if (r != 0)
		return error_errno(err, r, "run cbc");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "wait for cbc");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, ERR_IO, "cbc ended with status %d",
				 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

/* "Optimal - objective value 1.5", then "  0 name value price" for each row and column, with "**"
 * before what is beyond its limits. */
static int read_answer(const struct solver_problem *p, const char *path, double *ret_value,
		       struct error *err)
{
	cleanup(cleanup_file) FILE *f = fopen(path, "re");
	char line[512], name[64];
	double price;

	if (!f || !fgets(line, sizeof(line), f))
		return error_set(err, ERR_INVALID, "cbc wrote no answer to the linear program");
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "Optimal - objective value %lf", ret_value) != 1)
		return error_set(err, ERR_INVALID, "cbc found no optimum: %.200s", line);
	while (fgets(line, sizeof(line), f)) {
		const char *at = strncmp(line, "**", 2) == 0 ? line + 2 : line;

		if (sscanf(at, "%*d %63s %*f %lf", name, &price) == 2)
			p->price(p->user, name, price);
	}
	return 0;
}

int solver_run(const struct solver_problem *p, double *ret_value, struct error *err)
{
	cleanup(folder_done) struct folder f = { 0 };
	int r = folder_make(&f, err);

	if (r == 0)
		r = write_model(p, f.model, err);
	if (r == 0)
		r = run_cbc(&f, err);
	return r == 0 ? read_answer(p, f.answer, ret_value, err) : r;
}
