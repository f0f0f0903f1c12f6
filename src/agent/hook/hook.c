/* SPDX-License-Identifier: Apache-2.0 */
/* facet-hook - libvirt's qemu hook: asks the agent before a VM of Facet's starts, tells it after.
 *
 *   facet-hook NAME OPERATION SUB-OPERATION EXTRA      domain XML on standard input
 *
 * libvirt runs this for every VM of the host and waits, so a VM that is none of ours costs one
 * read. "prepare" is the only question: a refusal there goes to whoever asked libvirt to start the
 * VM, and nothing has begun yet.  The rest is news, told without waiting long and never failing. It
 * must not call libvirt, which would wait for itself.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/json.h"
#include "host/libvirt/domain_xml.h"

enum {
	QUESTION_MS = 30 * 1000,
	NEWS_MS = 500,
	ANSWER_MAX = 4096,
};

#define SOCKET_DEFAULT "/run/facet-host/hook.sock"
#define CONFIG_DEFAULT "/etc/facet/hook.conf"

/* Which of libvirt's calls concern us. */
static const struct call {
	const char *op, *sub;
	bool question; /* the answer decides, and is waited for */
} calls[] = {
	{ "prepare", "begin", true },
	{ "start", "begin", false },
	{ "stopped", "end", false },
	{ "release", "end", false },
	{ "migrate", "begin", false },
};

static const struct call *call_find(const char *op, const char *sub)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].op, op) == 0 && strcmp(calls[i].sub, sub) == 0)
			return &calls[i];
	return NULL;
}

/* The whole of standard input, at most DOMAIN_XML_MAX bytes and one more; NULL without memory. */
static char *read_input(size_t *ret_n)
{
	size_t room = 1 << 16, n = 0;
	char *text = malloc(room), *more;
	ssize_t got;

	while (text) {
		got = read(STDIN_FILENO, text + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || n + (size_t)got > DOMAIN_XML_MAX)
			break;
		n += (size_t)got;
		if (n < room)
			continue;
		room *= 2;
		more = realloc(text, room);
		if (!more)
			free(text);
		text = more;
	}
	*ret_n = n;
	return text;
}

/* "socket = PATH" in the configuration file, else the default. */
static void socket_path(char *to, size_t size)
{
	const char *file = getenv("FACET_HOOK_CONF");
	char line[256], value[sizeof(((struct sockaddr_un *)0)->sun_path)];
	FILE *f = fopen(file ? file : CONFIG_DEFAULT, "re");

	snprintf(to, size, "%s", SOCKET_DEFAULT);
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " socket = %107s", value) == 1)
			snprintf(to, size, "%s", value);
	fclose(f);
}

static int agent_connect(struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	socket_path(at.sun_path, sizeof(at.sun_path));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error_errno(err, errno, "reach facet-agent at %s", at.sun_path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static char *compose(const struct call *c, const char *name, const char *uuid, const char *extra)
{
	json_t *j = json_pack("{s:s,s:s,s:s,s:s}", "op", c->op, "name", name, "uuid", uuid, "extra",
			      extra);
	char *line = j ? json_line(j) : NULL;
	size_t n = line ? strlen(line) : 0;
	char *whole = line ? realloc(line, n + 2) : NULL;

	json_decref(j);
	if (!whole) {
		free(line);
		return NULL;
	}
	memcpy(whole + n, "\n", 2);
	return whole;
}

/* Waits for EVENTS on FD until DEADLINE. */
static bool ready(int fd, short events, int64_t deadline_us)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int r;

	do {
		left = (deadline_us - clock_mono_us(&clock_system)) / 1000;
		r = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

static bool tell(int fd, const char *line, int64_t deadline_us)
{
	size_t n = strlen(line);
	ssize_t put;

	while (n > 0) {
		if (!ready(fd, POLLOUT, deadline_us))
			return false;
		put = send(fd, line, n, MSG_NOSIGNAL);
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (put > 0) {
			line += put;
			n -= (size_t)put;
		}
	}
	return true;
}

/* One line of at most ANSWER_MAX bytes without its newline. */
static bool hear(int fd, char *answer, size_t *ret_n, int64_t deadline_us)
{
	size_t n = 0;
	char *end;
	ssize_t got;

	while (n < ANSWER_MAX && ready(fd, POLLIN, deadline_us)) {
		got = recv(fd, answer + n, ANSWER_MAX - n, 0);
		if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
			return false;
		if (got < 0)
			continue;
		end = memchr(answer + n, '\n', (size_t)got);
		n += (size_t)got;
		if (end) {
			*ret_n = (size_t)(end - answer);
			return true;
		}
	}
	return false;
}

static int understand(const char *answer, size_t n, struct error *err)
{
	json_auto_t *j = NULL;
	const char *text;
	int r = json_parse(answer, n, ANSWER_MAX, &j, err);

	if (r < 0)
		return error_context(r, err, "understand facet-agent's answer");
	if (json_is_true(json_object_get(j, "ok")))
		return 0;
	text = json_string_value(json_object_get(j, "text"));
	return error_set(err, ERR_DENIED, "%s",
			 text ? text : "facet-agent refused without a reason");
}

static int ask(const struct call *c, const char *line, struct error *err)
{
	int64_t limit_us = (c->question ? QUESTION_MS : NEWS_MS) * INT64_C(1000);
	int64_t deadline_us = clock_mono_us(&clock_system) + limit_us;
	cleanup(cleanup_close) int fd = agent_connect(err);
	char answer[ANSWER_MAX];
	size_t n;

	if (fd < 0)
		return -ERR_UNAVAILABLE;
	if (!tell(fd, line, deadline_us) ||
	    (c->question && !hear(fd, answer, &n, deadline_us)))
		return error_set(err, ERR_UNAVAILABLE, "facet-agent gave no answer in %lld seconds",
				 (long long)(limit_us / 1000000));
	return c->question ? understand(answer, n, err) : 0;
}

static int refuse(const char *name, int r, const struct error *err)
{
	fprintf(stderr, "Facet did not let VM %s start: %s.", name, err->text);
	if (r != -ERR_DENIED)
		fputs("  Without its agent Facet can not tell whether the VM's vGPUs are still its "
		      "own.  Start the agent (systemctl start facet-agent) and try again", stderr);
	fputc('\n', stderr);
	return 1;
}

/* False when the VM is none of Facet's. */
static bool is_ours(const char *xml, size_t n, char uuid[UUID_TEXT_SIZE], struct error *err)
{
	struct domain_xml d;
	bool ours;

	uuid[0] = '\0';
	if (!memmem(xml, n, DOMAIN_XML_NAMESPACE, strlen(DOMAIN_XML_NAMESPACE)))
		return false;
	/* XML that names us and can not be read is refused by the agent, which knows its VMs. */
	if (domain_xml_read(xml, n, &d, err) < 0)
		return true;
	memcpy(uuid, d.uuid, UUID_TEXT_SIZE);
	ours = d.facet;
	domain_xml_done(&d);
	return ours;
}

int main(int argc, char **argv)
{
	const struct call *c = argc >= 4 ? call_find(argv[2], argv[3]) : NULL;
	cleanup(cleanup_free) char *xml = NULL, *line = NULL;
	char uuid[UUID_TEXT_SIZE];
	struct error err = { 0 };
	size_t n;
	int r;

	if (!c)
		return 0;
	xml = read_input(&n);
	if (!xml || !is_ours(xml, n, uuid, &err))
		return 0;
	line = compose(c, argv[1], uuid, argc >= 5 ? argv[4] : "-");
	if (line)
		r = ask(c, line, &err);
	else
		r = error_set(&err, ERR_NO_MEMORY,
			      "ask facet-agent: out of memory or a name that is "
			      "not UTF-8");
	return r < 0 && c->question ? refuse(argv[1], r, &err) : 0;
}
