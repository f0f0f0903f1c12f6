/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"

struct client {
	int fd;
	int64_t sent_us;
	struct text in;
	size_t wanted; /* bytes of the whole answer, 0 until its head is there */
};

struct load {
	int epoll, clients_n;
	struct client *clients;
	size_t made, busy;
	int64_t spent_us;
	uint32_t *latencies;
	size_t answered, room;
};

static int dial(const char *socket_path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (!TEXT_COPY(to.sun_path, socket_path))
		die("%s is too long for a socket", socket_path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct load *load_open(const char *socket_path, int clients)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l || !(l->clients = calloc((size_t)clients, sizeof(*l->clients))))
		die("no memory");
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->clients_n = clients;
	for (int i = 0; i < clients; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &l->clients[i] };

		l->clients[i].fd = dial(socket_path);
		if (l->clients[i].fd < 0 ||
		    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->clients[i].fd, &e) < 0)
			die("connect to %s: %s", socket_path, strerror(errno));
	}
	return l;
}

struct load *load_close(struct load *l)
{
	for (int i = 0; i < l->clients_n; i++) {
		close(l->clients[i].fd);
		text_done(&l->clients[i].in);
	}
	close(l->epoll);
	free(l->clients);
	free(l->latencies);
	free(l);
	return NULL;
}

/* ---- one exchange ---- */

static void put_request(int fd, const struct load_request *rq)
{
	struct text out = { 0 };

	text_add(&out, "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %zu\r\n%s\r\n", rq->method,
		 rq->path.data, rq->body.length,
		 rq->body.length ? "Content-Type: application/json\r\n" : "");
	if (rq->body.length)
		text_append(&out, rq->body.data, rq->body.length);
	for (size_t sent = 0; sent < out.length;) {
		ssize_t n = write(fd, out.data + sent, out.length - sent);

		if (n < 0)
			die("%s %s: %s", rq->method, rq->path.data, strerror(errno));
		sent += (size_t)n;
	}
	text_done(&out);
}

/* True when the answer is complete. */
static bool take_bytes(struct client *c)
{
	char buffer[32768];
	ssize_t n = read(c->fd, buffer, sizeof(buffer));
	const char *end, *length;

	if (n <= 0)
		die("the server ended a connection: %s", n < 0 ? strerror(errno) : "in good order");
	text_append(&c->in, buffer, (size_t)n);
	if (!c->wanted && (end = strstr(c->in.data, "\r\n\r\n"))) {
		length = strcasestr(c->in.data, "\r\nContent-Length:");
		if (!length || length > end)
			die("an answer without a length");
		c->wanted = (size_t)(end + 4 - c->in.data) + strtoul(length + 17, NULL, 10);
	}
	return c->wanted && c->in.length >= c->wanted;
}

static int status_of(const struct client *c)
{
	const char *space = strchr(c->in.data, ' ');

	return space ? atoi(space + 1) : 0;
}

static void forget_answer(struct client *c)
{
	c->in.length = c->wanted = 0;
}

/* ---- many ---- */

static void send_next(struct load *l, struct client *c, int64_t until_us, load_make_fn *make,
		      void *user)
{
	struct load_request rq = { 0 };

	c->sent_us = now_us();
	if (c->sent_us < until_us && make(user, l->made, &rq)) {
		l->made++;
		l->busy++;
		put_request(c->fd, &rq);
	}
	text_done(&rq.path);
	text_done(&rq.body);
}

static void note_answer(struct load *l, struct client *c, int expect)
{
	if (status_of(c) != expect)
		die("answer %d expected, got: %s", expect, c->in.data);
	if (l->answered == l->room) {
		l->room = l->room ? l->room * 2 : 4096;
		l->latencies = reallocarray(l->latencies, l->room, sizeof(*l->latencies));
		if (!l->latencies)
			die("no memory");
	}
	l->latencies[l->answered++] = (uint32_t)(now_us() - c->sent_us);
	l->busy--;
	forget_answer(c);
}

void load_run(struct load *l, int64_t until_us, int expect, load_make_fn *make, void *user)
{
	int64_t start = now_us();

	for (int i = 0; i < l->clients_n; i++)
		send_next(l, &l->clients[i], until_us, make, user);
	while (l->busy > 0) {
		struct epoll_event events[64];
		int n = epoll_wait(l->epoll, events, 64, 30000);

		if (n == 0)
			die("no answer for 30 s");
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!take_bytes(c))
				continue;
			note_answer(l, c, expect);
			send_next(l, c, until_us, make, user);
		}
	}
	l->spent_us += now_us() - start;
}

size_t load_answered(const struct load *l)
{
	return l->answered;
}

int64_t load_spent_us(const struct load *l)
{
	return l->spent_us;
}

double load_per_s(const struct load *l)
{
	return l->spent_us ? (double)l->answered * 1e6 / (double)l->spent_us : 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t load_latency_us(struct load *l, double part)
{
	if (l->answered == 0)
		return 0;
	qsort(l->latencies, l->answered, sizeof(*l->latencies), compare);
	return l->latencies[(size_t)(part * (double)(l->answered - 1))];
}

char *load_once(const char *socket_path, const char *method, const char *path, const char *body,
		int *ret_status)
{
	struct load_request rq = { .method = method };
	struct client c = { .fd = dial(socket_path) };
	char *text;

	if (c.fd < 0)
		return NULL;
	text_add(&rq.path, "%s", path);
	if (body)
		text_append(&rq.body, body, strlen(body));
	put_request(c.fd, &rq);
	while (!take_bytes(&c))
		;
	*ret_status = status_of(&c);
	text = strdup(strstr(c.in.data, "\r\n\r\n") + 4);
	close(c.fd);
	text_done(&c.in);
	text_done(&rq.path);
	text_done(&rq.body);
	return text;
}

/* ---- streams ---- */

/* Chunk sizes come as lines of their own between the others: hex digits and CR, which no line of
 * JSON looks like. */
struct load_stream {
	FILE *in;
	char *line;
	size_t room;
};

struct load_stream *load_stream_open(const char *socket_path, const char *path)
{
	struct load_stream *s = calloc(1, sizeof(*s));
	int fd = dial(socket_path);

	if (!s || fd < 0)
		die("connect to %s: %s", socket_path, strerror(errno));
	if (dprintf(fd, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path) < 0 ||
	    !(s->in = fdopen(fd, "r")))
		die("GET %s: %s", path, strerror(errno));
	return s;
}

const char *load_stream_line(struct load_stream *s)
{
	while (getline(&s->line, &s->room, s->in) > 0)
		if (s->line[0] == '{')
			return s->line;
	die("a stream ended");
}

void load_stream_close(struct load_stream *s)
{
	fclose(s->in);
	free(s->line);
	free(s);
}
