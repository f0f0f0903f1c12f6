/* SPDX-License-Identifier: Apache-2.0 */
/* One unix_call is one connection: request text out, response parser in, then either an answer
 * gathered in ->body or lines handed on as they come.
 *
 * A callback may cancel the very call it is called from, so while one runs (->busy) cancelling
 * only marks the call (->gone), and whoever holds the stack frees it on the way out.
 */
#include "http/unix_client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/json.h"
#include "http/response.h"

enum { DEFAULT_TIMEOUT_MS = 30000, READS_PER_WAKE = 16 };

struct unix_call {
	int fd;
	bool busy, gone;
	sd_event_source *io, *timer;
	uint64_t timeout_us;
	struct text out;
	size_t sent;
	struct response response;
	struct text body;
	struct lines lines;
	void *user;
	unix_answer_fn *answer; /* NULL in a stream */
	line_fn *line;
	unix_ended_fn *ended;
};

static void call_free(struct unix_call *c)
{
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->timer);
	if (c->fd >= 0)
		close(c->fd);
	text_done(&c->out);
	text_done(&c->body);
	lines_done(&c->lines);
	free(c);
}

struct unix_call *unix_call_cancel(struct unix_call *c)
{
	if (c && c->busy)
		c->gone = true;
	else if (c)
		call_free(c);
	return NULL;
}

/* Fills A from what has come and tells whether it is good news. */
static int judge(struct unix_call *c, struct http_answer *a, struct error *err)
{
	a->status = c->response.status;
	TEXT_COPY(a->etag, c->response.etag);
	TEXT_COPY(a->location, c->response.location);
	a->length = c->body.length;
	if (c->body.failed)
		return error_set(err, ERR_NO_MEMORY, "an answer of %zu bytes", c->body.length);
	if (c->body.data)
		a->text = text_take(&c->body);
	return http_answer_judge(a, c->response.content_type, err);
}

/* The last callback of C, which is freed.  R is 0 when the response is complete. */
static void finish(struct unix_call *c, int r, struct error *err)
{
	struct http_answer a = { 0 };
	bool refused = response_has_head(&c->response) && c->response.status >= 300;

	if (r == 0 && (c->answer || refused))
		r = judge(c, &a, err);
	sd_event_source_disable_unref(take(c->io));
	sd_event_source_disable_unref(take(c->timer));
	c->busy = true;
	if (c->answer)
		c->answer(c->user, r, &a, err);
	else
		c->ended(c->user, r, err);
	http_answer_done(&a);
	call_free(c);
}

/* After a callback that cancelled the call, the lines that came with it are nobody's. */
static int on_line(void *user, const char *line, size_t n, struct error *err)
{
	struct unix_call *c = user;
	int r = c->line(c->user, line, n, err);

	return c->gone ? -ERR_UNAVAILABLE : r;
}

static int on_body(void *user, const char *bytes, size_t n, struct error *err)
{
	struct unix_call *c = user;

	if (!c->answer && c->response.status < 300)
		return lines_feed(&c->lines, bytes, n, on_line, c, err);
	if (c->body.length + n > HTTP_BODY_MAX)
		return error_set(err, ERR_TOO_LARGE, "an answer of more than %d bytes",
				 HTTP_BODY_MAX);
	text_append(&c->body, bytes, n);
	return 0;
}

/* One read.  Returns a negative kind, 0 for nothing to read now, 1 for bytes, 2 for the end. */
static int read_some(struct unix_call *c, struct error *err)
{
	char bytes[16384];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return error_set(err, ERR_UNAVAILABLE, "the connection broke: %s", strerror(errno));
	r = n == 0 ? response_end(&c->response, err) :
		     response_feed(&c->response, bytes, (size_t)n, on_body, c, err);
	if (r < 0)
		return r;
	return c->response.state == RESPONSE_DONE ? 2 : 1;
}

static int write_some(struct unix_call *c, struct error *err)
{
	ssize_t n;

	if (c->sent == c->out.length)
		return 0;
	n = send(c->fd, c->out.data + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == EPIPE)
		return 0; /* it may have answered before reading all: that is still to be read */
	if (n < 0)
		return error_set(err, ERR_UNAVAILABLE, "the connection broke: %s", strerror(errno));
	c->sent += (size_t)n;
	if (c->sent == c->out.length) {
		text_done(&c->out);
		c->sent = 0;
		sd_event_source_set_io_events(c->io, EPOLLIN);
	}
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct unix_call *c = user;
	struct error err = { 0 };
	int r = 0;

	(void)source;
	(void)fd;
	c->busy = true;
	if (events & EPOLLOUT)
		r = write_some(c, &err);
	if (r == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
		sd_event_source_set_time_relative(c->timer, c->timeout_us);
		r = 1;
		for (int i = 0; i < READS_PER_WAKE && r == 1 && !c->gone; i++)
			r = read_some(c, &err);
	}
	c->busy = false;
	if (c->gone)
		call_free(c);
	else if (r < 0 || r == 2)
		finish(c, r < 0 ? r : 0, &err);
	return 0;
}

static int on_silence(sd_event_source *source, uint64_t now, void *user)
{
	struct unix_call *c = user;
	struct error err;
	int r;

	(void)source;
	(void)now;
	r = error_set(&err, ERR_UNAVAILABLE, "the server has said nothing for %llu ms",
		      (unsigned long long)(c->timeout_us / 1000));
	finish(c, r, &err);
	return 0;
}

static int add_headers(struct text *out, const char *const *headers, struct error *err)
{
	for (size_t i = 0; headers && headers[i]; i++) {
		if (!http_is_header_safe(headers[i]))
			return error_set(err, ERR_INVALID, "a header with control bytes");
		text_add(out, "%s\r\n", headers[i]);
	}
	return 0;
}

static int add_body(struct text *out, const json_t *body, struct error *err)
{
	cleanup(cleanup_free) char *line = NULL;

	if (!body) {
		text_add(out, "\r\n");
		return 0;
	}
	line = json_line(body);
	if (!line)
		return error_set(err, ERR_NO_MEMORY, "the body of a request");
	text_add(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		 strlen(line));
	text_append(out, line, strlen(line));
	return 0;
}

static int compose(struct text *out, const struct http_request *q, struct error *err)
{
	int r;

	if (strchr(q->path, ' ') || !http_is_header_safe(q->path))
		return error_set(err, ERR_INVALID, "the path '%s' is not encoded", q->path);
	text_add(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", q->method,
		 q->path);
	if (!q->body && strcmp(q->method, "POST") == 0)
		text_add(out, "Content-Length: 0\r\n");
	r = add_headers(out, q->headers, err);
	if (r < 0)
		return r;
	r = add_body(out, q->body, err);
	if (r == 0 && out->failed)
		r = error_set(err, ERR_NO_MEMORY, "a request");
	return r;
}

static int dial(const char *path, int *ret, struct error *err)
{
	cleanup(cleanup_close) int fd = -1;
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (!TEXT_COPY(to.sun_path, path))
		return error_set(err, ERR_INVALID, "the socket path %s is longer than %zu bytes",
				 path, sizeof(to.sun_path) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return http_connect_error(err, errno, path);
	*ret = fd;
	fd = -1;
	return 0;
}

static int attach(struct unix_call *c, sd_event *event, struct error *err)
{
	int r;

	r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN | EPOLLOUT, on_io, c);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, c->timeout_us,
					       500000, on_silence, c);
	return r < 0 ? error_errno(err, -r, "watch a connection") : 0;
}

static int begin(sd_event *event, const char *path, const struct http_request *q,
		 const struct unix_call *how, struct unix_call **ret, struct error *err)
{
	cleanup(unix_call_cancel_p) struct unix_call *c = malloc(sizeof(*c));
	int r;

	if (!c)
		return error_set(err, ERR_NO_MEMORY, "a connection to %s", path);
	*c = *how;
	c->fd = -1;
	c->lines.max = HTTP_LINE_MAX;
	c->timeout_us = (uint64_t)(q->timeout_ms > 0 ? q->timeout_ms : DEFAULT_TIMEOUT_MS) * 1000;
	response_init(&c->response);
	r = compose(&c->out, q, err);
	if (r == 0)
		r = dial(path, &c->fd, err);
	if (r == 0)
		r = attach(c, event, err);
	if (r < 0)
		return r;
	if (ret)
		*ret = c;
	c = NULL;
	return 0;
}

int unix_request(sd_event *event, const char *path, const struct http_request *request,
		 unix_answer_fn *answer, void *user, struct unix_call **ret, struct error *err)
{
	const struct unix_call how = { .answer = answer, .user = user };

	return begin(event, path, request, &how, ret, err);
}

int unix_lines(sd_event *event, const char *path, const struct http_request *request,
	       const struct unix_reader *reader, struct unix_call **ret, struct error *err)
{
	const struct unix_call how = { .line = reader->line, .ended = reader->ended,
				       .user = reader->user };

	return begin(event, path, request, &how, ret, err);
}
