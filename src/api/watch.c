/* SPDX-License-Identifier: Apache-2.0 */
/* The two streams: every change for anybody, and the wanted state for an agent. */
#include <string.h>

#include "api/handlers.h"
#include "api/header.h"
#include "api/server.h"
#include "api/stream.h"
#include "base/json.h"

/* The change as a line of JSON.  Watchers get the same change one after the other, so the text of the
 * last one is kept. */
static const char *change_line(struct change_text *last, enum object_kind kind, const char *id,
			       const json_t *object, uint64_t revision)
{
	json_t *j;

	if (last->line && last->revision == revision && last->kind == kind &&
	    strcmp(last->id, id) == 0)
		return last->line;
	free(last->line);
	last->line = NULL;
	j = json_pack("{s:I, s:s, s:s, s:O?}", "revision", (json_int_t)revision, "kind",
		      names_word(&object_kind_names, (int)kind), "id", id, "object",
		      (json_t *)(uintptr_t)object);
	last->line = j ? json_line(j) : NULL;
	json_decref(j);
	last->revision = revision;
	last->kind = kind;
	TEXT_COPY(last->id, id);
	return last->line;
}

static void on_change(void *user, enum object_kind kind, const char *id, const json_t *object,
		      uint64_t revision)
{
	struct stream *s = user;
	struct text t = { 0 };
	const char *line;

	if ((s->kind >= 0 && s->kind != (int)kind) || (s->id[0] && strcmp(s->id, id) != 0))
		return;
	line = change_line(server_last_change(s->request->api), kind, id, object, revision);
	if (!line) {
		stream_end(s);
		return;
	}
	if (s->format == STREAM_EVENTS)
		text_add(&t, "id: %ju\nevent: %s\ndata: %s\n\n", (uintmax_t)revision,
			 names_word(&object_kind_names, (int)kind), line);
	else
		text_add(&t, "%s\n", line);
	if (t.failed)
		stream_end(s);
	else
		stream_add(s, t.data, t.length);
	text_done(&t);
}

static int parse_revision(const char *what, const char *text, uint64_t *ret, struct error *err)
{
	if (!text || text_to_u64(text, INT64_MAX, ret))
		return 0;
	return error_at(err, ERR_INVALID, what, "%s is a revision, a whole number, not '%.40s'", what,
			text);
}

/* Where to begin.  A browser that comes back names the last change it saw; changes of one revision
 * come as several records and it may have seen only some, so that revision is sent again whole. */
static int watch_begin(const struct request *rq, uint64_t *ret, struct error *err)
{
	const char *last = request_header(rq, "Last-Event-ID");
	uint64_t after = controller_revision(request_controller(rq));
	int r = 0;

	if (target_query(&rq->target, "after")) {
		r = parse_revision("after", target_query(&rq->target, "after"), &after, err);
	} else if (last && last[0]) {
		r = parse_revision("Last-Event-ID", last, &after, err);
		after -= after > 0;
	}
	if (r == 0)
		*ret = after;
	return r;
}

static int watch_what(const struct request *rq, int *ret_kind, struct error *err)
{
	const char *kind = target_query(&rq->target, "kind");

	if (!kind || names_value(&object_kind_names, kind, ret_kind))
		return 0;
	return error_at(err, ERR_INVALID, "query", "there is no kind '%.40s': kinds are host, gpu, "
			"group, vm, lease, operation, event", kind);
}

/* 410: what was asked for was there once, and is not kept for ever. */
static int gone(struct request *rq, uint64_t after)
{
	struct error err;

	error_at(&err, ERR_NOT_FOUND, "query",
		 "changes after revision %ju are not kept; remedy: list, then watch from the revision "
		 "of the listing", (uintmax_t)after);
	request_problem(rq, &err, 410, NULL, 0);
	return 0;
}

int watch_get(struct request *rq, struct error *err)
{
	const char *id = target_query(&rq->target, "id");
	struct stream *s;
	uint64_t after = 0;
	int kind = -1, r;

	r = watch_begin(rq, &after, err);
	if (r == 0)
		r = watch_what(rq, &kind, err);
	if (r < 0)
		return r;
	s = stream_new(rq, header_wants_events(request_header(rq, "Accept")) ? STREAM_EVENTS
									      : STREAM_LINES);
	if (!s)
		return error_set(err, ERR_NO_MEMORY, "a watch");
	s->kind = kind;
	TEXT_COPY(s->id, id ? id : "");
	r = controller_watch(request_controller(rq), after, on_change, s, &s->watch, err);
	if (r == 0)
		return 0;
	rq->reply.stream = stream_free(s);
	return r == -ERR_NOT_FOUND ? gone(rq, after) : r;
}

static void on_wanted(void *user, const char *line)
{
	struct stream *s = user;
	struct text t = { 0 };

	text_add(&t, "%s\n", line);
	if (t.failed)
		stream_end(s);
	else
		stream_add(s, t.data, t.length);
	text_done(&t);
}

int wanted_get(struct request *rq, struct error *err)
{
	uint64_t after = 0;
	struct stream *s;
	int r = parse_revision("after", target_query(&rq->target, "after"), &after, err);

	if (r < 0)
		return r;
	s = stream_new(rq, STREAM_LINES);
	if (!s)
		return error_set(err, ERR_NO_MEMORY, "a feed");
	s->states = true;
	s->feed = controller_feed(request_controller(rq), rq->params[0], after, on_wanted, s);
	if (s->feed)
		return 0;
	rq->reply.stream = stream_free(s);
	return error_set(err, ERR_NO_MEMORY, "a feed for host %s", rq->params[0]);
}
