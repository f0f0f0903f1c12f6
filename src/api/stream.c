/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stream.h"

#include <string.h>

#include "api/problem.h"
#include "api/server.h"
#include "base/json.h"

struct stream *stream_new(struct request *rq, enum stream_format format)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->request = rq;
	s->format = format;
	s->kind = -1;
	server_streams_add(rq->api, s);
	rq->reply.stream = s;
	rq->reply.status = 200;
	rq->reply.type = format == STREAM_EVENTS ? "text/event-stream" : "application/x-ndjson";
	return s;
}

struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	watch_leave(s);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	text_done(&s->waiting);
	free(s);
	return NULL;
}

static size_t waiting(const struct stream *s)
{
	return s->waiting.length - s->sent;
}

static void wake(struct stream *s)
{
	if (!s->idle)
		return;
	s->idle = false;
	server_resume(s->request);
}

/* What was sent makes room, when moving the rest is cheap against what was sent since. */
static void shrink(struct stream *s)
{
	size_t n = waiting(s);

	if (n > s->sent)
		return;
	if (n)
		memmove(s->waiting.data, s->waiting.data + s->sent, n);
	s->waiting.length = n;
	s->sent = 0;
}

/* Drops the states that the reader has not begun to get; one that it has half of must stay. */
static void drop_states(struct stream *s)
{
	const char *end;

	if (s->torn) {
		end = memchr(s->waiting.data + s->sent, '\n', waiting(s));
		if (end)
			s->waiting.length = (size_t)(end - s->waiting.data) + 1;
	} else {
		s->waiting.length = s->sent;
	}
}

static void add_problem(struct stream *s, const struct error *err)
{
	json_t *j = problem_write(err, 0, NULL, 0);
	char *line = j ? json_line(j) : NULL;

	if (line && s->format == STREAM_EVENTS)
		text_add(&s->waiting, "event: problem\ndata: %s\n\n", line);
	else if (line)
		text_add(&s->waiting, "{\"problem\":%s}\n", line);
	free(line);
	json_decref(j);
}

static void cut_off(struct stream *s)
{
	struct error err;

	error_set(
		&err, ERR_UNAVAILABLE,
		"this reader is too slow: %zu bytes wait for it; remedy: list, then watch from the "
		"revision of the listing",
		waiting(s));
	add_problem(s, &err);
	stream_end(s);
}

void stream_add(struct stream *s, const char *text, size_t n)
{
	if (s->ended)
		return;
	if (s->states && waiting(s))
		drop_states(s);
	shrink(s);
	if (!s->states && waiting(s) > STREAM_WAITING_MAX) {
		cut_off(s);
		return;
	}
	text_append(&s->waiting, text, n);
	s->quiet = false;
	if (s->waiting.failed)
		stream_end(s);
	wake(s);
}

void stream_keep_alive(struct stream *s)
{
	/* A comment is nothing to a reader, and a reader that has something waiting needs none. */
	if (s->quiet && s->idle && s->format == STREAM_EVENTS)
		stream_add(s, ": \n\n", 4);
	else if (s->quiet && s->idle)
		stream_add(s, "\n", 1);
	s->quiet = true;
}

void stream_end(struct stream *s)
{
	s->ended = true;
	wake(s);
}

ssize_t stream_read(struct stream *s, char *buffer, size_t max)
{
	size_t n = waiting(s) < max ? waiting(s) : max;

	if (n == 0 && s->ended)
		return -1;
	s->idle = n == 0;
	if (n == 0)
		return 0;
	memcpy(buffer, s->waiting.data + s->sent, n);
	s->sent += n;
	s->torn = buffer[n - 1] != '\n';
	if (s->sent == s->waiting.length)
		s->sent = s->waiting.length = 0;
	return (ssize_t)n;
}
