/* SPDX-License-Identifier: Apache-2.0 */
/* test_hook.c - facet-hook as libvirt runs it, with an agent made for the test at its socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"

#define UUID "7a1f0b52-8a1e-4a1c-9d34-111111111111"
#define OURS                                                                             \
	"<domain type='kvm'><name>web01</name><uuid>" UUID "</uuid><metadata><facet:vm " \
	"xmlns:facet='urn:facet:vm:1'/></metadata><devices/></domain>"
#define THEIRS "<domain type='kvm'><name>web01</name><uuid>" UUID "</uuid><devices/></domain>"
#define MENTIONED                                                                     \
	"<domain type='kvm'><name>web01</name><uuid>" UUID "</uuid><description>urn:facet:vm:1" \
	"</description><devices/></domain>"

static const char *program;
static char folder[] = "/tmp/facet-hook-XXXXXX";
static char socket_path[64], config_path[64];

struct agent {
	int fd;             /* listens; -1 after close */
};

struct run {
	pid_t pid;
	int in, err;        /* its standard input and error */
};

struct end {
	int status;
	char text[2048];
	int64_t took_ms;
};

static int setup(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct agent *a = calloc(1, sizeof(*a));

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*state = a;
	(void)unlink(socket_path);
	return bind(a->fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(a->fd, 4) < 0 ? -1 : 0;
}

static void agent_stop(struct agent *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	(void)unlink(socket_path);
}

static int teardown(void **state)
{
	agent_stop(*state);
	free(*state);
	return 0;
}

static struct run start(const char *op, const char *sub)
{
	int in[2], err[2];
	struct run r;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	r.pid = fork();
	if (r.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(err[1], STDERR_FILENO);
		execl(program, "qemu", "web01", op, sub, "-", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(err[1]);
	r.in = in[1];
	r.err = err[0];
	return r;
}

static void give(struct run *r, const char *xml)
{
	size_t n = strlen(xml);

	/* A call that is not ours is not read. */
	assert_true(write(r->in, xml, n) == (ssize_t)n || errno == EPIPE);
	close(r->in);
}

static struct end finish(struct run *r, int64_t since_us)
{
	struct end e = { 0 };
	ssize_t n;
	size_t all = 0;

	while ((n = read(r->err, e.text + all, sizeof(e.text) - 1 - all)) > 0)
		all += (size_t)n;
	close(r->err);
	assert_int_equal(waitpid(r->pid, &e.status, 0), r->pid);
	assert_true(WIFEXITED(e.status));
	e.status = WEXITSTATUS(e.status);
	e.took_ms = (clock_mono_us(&clock_system) - since_us) / 1000;
	return e;
}

static struct end run(const char *op, const char *sub, const char *xml)
{
	int64_t since = clock_mono_us(&clock_system);
	struct run r = start(op, sub);

	give(&r, xml);
	return finish(&r, since);
}

/* The agent's part: takes one call, returns its line, answers ANSWER (NULL: hangs up). */
static void serve(struct agent *a, char *line, size_t size, const char *answer)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	int fd;
	ssize_t n;

	assert_int_equal(poll(&p, 1, 5000), 1);
	fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	n = recv(fd, line, size - 1, 0);
	assert_true(n > 0);
	line[n] = '\0';
	if (answer)
		assert_int_equal(send(fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
	close(fd);
}

static struct end question(struct agent *a, const char *answer, char *line, size_t size)
{
	int64_t since = clock_mono_us(&clock_system);
	struct run r = start("prepare", "begin");

	give(&r, OURS);
	serve(a, line, size, answer);
	return finish(&r, since);
}

static void a_start_the_agent_allows_goes_on(void **state)
{
	char line[1024];
	struct end e = question(*state, "{\"ok\":true}\n", line, sizeof(line));

	assert_int_equal(e.status, 0);
	assert_string_equal(e.text, "");
	assert_string_equal(line, "{\"op\":\"prepare\",\"name\":\"web01\",\"uuid\":\"" UUID "\","
				  "\"extra\":\"-\"}\n");
}

/* libvirt hands the text to whoever asked for the start: it is all they see. */
static void a_refusal_reaches_the_caller_with_its_reason(void **state)
{
	char line[1024];
	struct end e =
		question(*state, "{\"ok\":false,\"text\":\"vGPU 2 of web01 has no lease\"}\n", line,
			 sizeof(line));

	assert_int_equal(e.status, 1);
	assert_string_equal(e.text,
			    "Facet did not let VM web01 start: vGPU 2 of web01 has no lease.\n");
}

static void an_answer_that_is_none_refuses(void **state)
{
	static const char *const bad[] = { "{\"ok\":1}\n", "yes\n", "{\"ok\":true\n", "[]\n",
					   NULL };
	char line[1024];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(question(*state, bad[i], line, sizeof(line)).status, 1);
}

/* Without the agent nobody knows whether the function is still this VM's. */
static void without_the_agent_our_vm_does_not_start(void **state)
{
	struct end e;

	agent_stop(*state);
	e = run("prepare", "begin", OURS);
	assert_int_equal(e.status, 1);
	assert_non_null(strstr(e.text, "systemctl start facet-agent"));
	assert_non_null(strstr(e.text, socket_path));
}

/* Everybody else's VMs must not depend on Facet at all. */
static void other_vms_never_notice(void **state)
{
	struct agent *a = *state;
	struct pollfd p = { .fd = a->fd, .events = POLLIN };

	assert_int_equal(run("prepare", "begin", THEIRS).status, 0);
	assert_int_equal(run("prepare", "begin", MENTIONED).status, 0);
	assert_int_equal(run("prepare", "begin", "").status, 0);
	assert_int_equal(run("prepare", "begin", "garbage <").status, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	agent_stop(a);
	assert_int_equal(run("prepare", "begin", THEIRS).status, 0);
}

static void news_is_told_and_never_fails(void **state)
{
	static const char *const news[][2] = { { "start", "begin" }, { "stopped", "end" },
					       { "release", "end" }, { "migrate", "begin" } };
	struct agent *a = *state;
	char line[1024], expected[64];
	struct end e;

	for (size_t i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
		/* Nobody answers: it does not wait for that. */
		e = run(news[i][0], news[i][1], OURS);
		assert_int_equal(e.status, 0);
		assert_true(e.took_ms < 3000);
		serve(a, line, sizeof(line), NULL);
		snprintf(expected, sizeof(expected), "{\"op\":\"%s\"", news[i][0]);
		assert_ptr_equal(strstr(line, expected), line);
	}
	agent_stop(a);
	for (size_t i = 0; i < sizeof(news) / sizeof(news[0]); i++)
		assert_int_equal(run(news[i][0], news[i][1], OURS).status, 0);
}

static void calls_that_do_not_concern_us_do_nothing(void **state)
{
	struct agent *a = *state;
	struct pollfd p = { .fd = a->fd, .events = POLLIN };

	assert_int_equal(run("reconnect", "begin", OURS).status, 0);
	assert_int_equal(run("started", "begin", OURS).status, 0);
	assert_int_equal(run("prepare", "end", OURS).status, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_start_the_agent_allows_goes_on),
		T(a_refusal_reaches_the_caller_with_its_reason),
		T(an_answer_that_is_none_refuses),
		T(without_the_agent_our_vm_does_not_start),
		T(other_vms_never_notice),
		T(news_is_told_and_never_fails),
		T(calls_that_do_not_concern_us_do_nothing),
#undef T
	};
	FILE *f;
	int r;

	program = getenv("FACET_HOOK");
	if (!program || !mkdtemp(folder))
		return 77;
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(socket_path, sizeof(socket_path), "%s/hook.sock", folder);
	snprintf(config_path, sizeof(config_path), "%s/hook.conf", folder);
	f = fopen(config_path, "we");
	fprintf(f, "# where the agent listens\nsocket = %s\n", socket_path);
	fclose(f);
	setenv("FACET_HOOK_CONF", config_path, 1);
	r = cmocka_run_group_tests_name("hook", tests, NULL, NULL);
	(void)unlink(config_path);
	(void)rmdir(folder);
	return r;
}
