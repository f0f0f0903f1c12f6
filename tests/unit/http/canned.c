/* SPDX-License-Identifier: Apache-2.0 */
#include "canned.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWERS_MAX = 64, REQUEST_MAX = 65536 };

struct canned {
	const struct canned_answer *answers;
	bool used[ANSWERS_MAX];
	char folder[64];
	struct sockaddr_un at;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	char requests[REQUEST_MAX * 4], summary[REQUEST_MAX];
};

static bool fits(const struct canned_answer *a, const char *request)
{
	size_t n = strlen(a->request);

	/* "GET /v1/gpus" must not take "GET /v1/gpus/x". */
	return strncmp(request, a->request, n) == 0 && strchr(" ?&", request[n]);
}

static const struct canned_answer *choose(struct canned *c, const char *request)
{
	const struct canned_answer *last = NULL;

	for (size_t i = 0; c->answers[i].request; i++) {
		if (!fits(&c->answers[i], request))
			continue;
		last = &c->answers[i];
		if (!c->used[i]) {
			c->used[i] = true;
			break;
		}
	}
	return last;
}

/* The head at once, then a pause before each byte. */
static void put_beats(int fd, const char *raw, int ms)
{
	const char *body = strstr(raw, "\r\n\r\n") + 4;

	send(fd, raw, (size_t)(body - raw), MSG_NOSIGNAL);
	for (; *body; body++) {
		usleep((useconds_t)ms * 1000);
		send(fd, body, 1, MSG_NOSIGNAL);
	}
}

static void put(int fd, const char *bytes, const struct canned_answer *a)
{
	size_t n = strlen(bytes), step = a->trickle ? 1 : n;

	for (size_t i = 0; i < n; i += step)
		if (send(fd, bytes + i, step, MSG_NOSIGNAL) < 0)
			return;
	if (a->trickle)
		usleep((useconds_t)a->trickle * 1000);
}

static void answer(struct canned *c, int fd, const char *request)
{
	static const struct canned_answer unknown = {
		.status = 404,
		.body = "{\"kind\":\"not-found\",\"detail\":\"no such canned answer\"}",
	};
	const struct canned_answer *a = choose(c, request);
	char *text = NULL;

	if (!a)
		a = &unknown;
	if (a->raw && a->beat) {
		put_beats(fd, a->raw, a->beat);
		return;
	}
	if (a->raw) {
		put(fd, a->raw, a);
		return;
	}
	assert(asprintf(&text,
			"HTTP/1.1 %d X\r\nContent-Type: application/%s\r\n%sContent-Length: %zu\r\n"
			"Connection: close\r\n\r\n%s",
			a->status, a->status < 400 ? "json" : "problem+json",
			a->headers ? a->headers : "", strlen(a->body), a->body) > 0);
	put(fd, text, a);
	free(text);
}

/* Reads one request into BUFFER; small ones only, and a body only by its Content-Length. */
static bool receive(int fd, char *buffer, size_t size)
{
	size_t n = 0, want = 0;

	while (n + 1 < size) {
		ssize_t part = recv(fd, buffer + n, size - 1 - n, 0);
		char *end, *length;

		if (part <= 0)
			return false;
		n += (size_t)part;
		buffer[n] = '\0';
		end = strstr(buffer, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(buffer, "\r\nContent-Length: ");
		want = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
		if (n >= (size_t)(end + 4 - buffer) + want)
			return true;
	}
	return false;
}

static void add_summary(struct canned *c, const char *request)
{
	const char *body = strstr(request, "\r\n\r\n") + 4,
		   *match = strstr(request, "\r\nIf-Match: ");
	size_t n = strlen(c->summary);

	snprintf(c->summary + n, sizeof(c->summary) - n, "%.*s%s%.*s%s%s\n",
		 (int)(strstr(request, " HTTP/1.1") - request), request, match ? " if " : "",
		 match ? (int)strcspn(match + 12, "\r") : 0, match ? match + 12 : "",
		 *body ? " " : "", body);
}

static void record(struct canned *c, const char *request)
{
	size_t n = strlen(c->requests);

	pthread_mutex_lock(&c->lock);
	snprintf(c->requests + n, sizeof(c->requests) - n, "%s\n", request);
	add_summary(c, request);
	pthread_mutex_unlock(&c->lock);
}

static void *serve(void *user)
{
	struct canned *c = user;
	static char buffer[REQUEST_MAX];

	for (;;) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		if (receive(fd, buffer, sizeof(buffer))) {
			record(c, buffer);
			answer(c, fd, buffer);
		}
		close(fd);
	}
}

struct canned *canned_start(const struct canned_answer *answers, const char **path)
{
	struct canned *c = calloc(1, sizeof(*c));

	assert(c);
	c->answers = answers;
	strcpy(c->folder, "/tmp/facet-canned-XXXXXX");
	assert(mkdtemp(c->folder));
	c->at.sun_family = AF_UNIX;
	snprintf(c->at.sun_path, sizeof(c->at.sun_path), "%s/socket", c->folder);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(c->fd >= 0);
	assert(bind(c->fd, (struct sockaddr *)&c->at, sizeof(c->at)) == 0);
	assert(listen(c->fd, 16) == 0);
	pthread_mutex_init(&c->lock, NULL);
	assert(pthread_create(&c->thread, NULL, serve, c) == 0);
	*path = c->at.sun_path;
	return c;
}

const char *canned_requests(struct canned *c)
{
	const char *text;

	pthread_mutex_lock(&c->lock);
	text = c->requests;
	pthread_mutex_unlock(&c->lock);
	return text;
}

const char *canned_summary(struct canned *c)
{
	const char *text;

	pthread_mutex_lock(&c->lock);
	text = c->summary;
	pthread_mutex_unlock(&c->lock);
	return text;
}

void canned_stop(struct canned *c)
{
	/* shutdown() wakes accept(), close() alone would not. */
	shutdown(c->fd, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->fd);
	unlink(c->at.sun_path);
	rmdir(c->folder);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
