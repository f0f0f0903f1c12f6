/* SPDX-License-Identifier: Apache-2.0 */
/* The two streams: every change for anybody, and the wanted state for an agent.
 *
 * Most followers are up to date, and there may be hundreds: they share one watch of the controller,
 * the hub, and the text of each change.  One that begins in the past has a watch of its own until
 * it has caught up:
 *
 *   controller --+-- hub --+-- stream            in_hub
 *                |         +-- stream
 *                +-- watch --- stream            not yet
 */
#include <string.h>

#include "api/handlers.h"
#include "api/header.h"
#include "api/server.h"
#include "api/stream.h"
#include "base/json.h"

/* ---- one change, as text ---- */

static void forget_change(struct hub *h)
{
	for (int i = 0; i < STREAM_FORMATS; i++) {
		if (h->change[i].failed)
			text_done(&h->change[i]);
		h->change[i].length = 0;
	}
}

static void write_change(struct text *t, enum stream_format format, enum object_kind kind,
			 const char *id, const json_t *object, uint64_t revision)
{
	const char *word = names_word(&object_kind_names, (int)kind);
	json_t *j = json_pack("{s:I, s:s, s:s, s:O?}", "revision", (json_int_t)revision, "kind",
			      word, "id", id, "object", (json_t *)(uintptr_t)object);
	char *line = j ? json_line(j) : NULL;

	json_decref(j);
	if (!line)
		t->failed = true;
	else if (format == STREAM_EVENTS)
		text_add(t, "id: %ju\nevent: %s\ndata: %s\n\n", (uintmax_t)revision, word, line);
	else
		text_add(t, "%s\n", line);
	free(line);
}

/* Followers are told of the same change one after the other: the text is made for the first. */
static const struct text *change_text(struct hub *h, enum stream_format format,
				      enum object_kind kind, const char *id, const json_t *object,
				      uint64_t revision)
{
	struct text *t = &h->change[format];

	if (h->revision != revision || h->kind != kind || strcmp(h->id, id) != 0) {
		forget_change(h);
		h->revision = revision;
		h->kind = kind;
		TEXT_COPY(h->id, id);
	}
	if (t->length == 0)
		write_change(t, format, kind, id, object, revision);
	return t;
}

static void tell(struct stream *s, enum object_kind kind, const char *id, const json_t *object,
		 uint64_t revision)
{
	const struct text *t;

	if ((s->kind >= 0 && s->kind != (int)kind) || (s->id[0] && strcmp(s->id, id) != 0))
		return;
	t = change_text(server_hub(s->request->api), s->format, kind, id, object, revision);
	if (t->failed)
		stream_end(s);
	else
		stream_add(s, t->data, t->length);
}

/* ---- who tells whom ---- */

static void on_own_change(void *user, enum object_kind kind, const char *id, const json_t *object,
			  uint64_t revision)
{
	struct stream *s = user;

	s->seen = revision;
	tell(s, kind, id, object, revision);
}

static void on_hub_change(void *user, enum object_kind kind, const char *id, const json_t *object,
			  uint64_t revision)
{
	struct api *a = user;

	server_hub(a)->seen = revision;
	/* One that joined from a later revision than the hub had got to is not told what it has. */
	for (struct stream *s = server_streams(a); s; s = s->next)
		if (s->in_hub && revision > s->seen)
			tell(s, kind, id, object, revision);
}

static int hub_open(struct request *rq, struct error *err)
{
	struct hub *h = server_hub(rq->api);

	if (h->watch)
		return 0;
	h->seen = controller_revision(request_controller(rq));
	return controller_watch(request_controller(rq), h->seen, on_hub_change, rq->api, &h->watch,
				err);
}

void watch_leave(struct stream *s)
{
	struct hub *h = server_hub(s->request->api);

	if (s->watch)
		controller_unwatch(s->watch);
	if (s->feed)
		controller_unfeed(s->feed);
	if (!s->follows || --h->followers > 0)
		return;
	controller_unwatch(h->watch);
	h->watch = NULL;
}

void watch_gather(struct api *a)
{
	struct hub *h = server_hub(a);

	for (struct stream *s = server_streams(a); s; s = s->next) {
		if (!s->watch || s->seen < h->seen)
			continue;
		controller_unwatch(s->watch);
		s->watch = NULL;
		s->in_hub = true;
	}
}

void hub_done(struct hub *h)
{
	for (int i = 0; i < STREAM_FORMATS; i++)
		text_done(&h->change[i]);
}

static int follow(struct request *rq, struct stream *s, uint64_t after, struct error *err)
{
	struct hub *h = server_hub(rq->api);
	int r = hub_open(rq, err);

	if (r < 0)
		return r;
	h->followers++;
	s->follows = true;
	s->seen = after;
	s->in_hub = after >= h->seen;
	return s->in_hub ? 0 : controller_watch(request_controller(rq), after, on_own_change, s,
						&s->watch, err);
}

/* ---- the routes ---- */

static int parse_revision(const char *what, const char *text, uint64_t *ret, struct error *err)
{
	if (!text || text_to_u64(text, INT64_MAX, ret))
		return 0;
	return error_at(err, ERR_INVALID, what, "%s is a revision, a whole number, not '%.40s'",
			what, text);
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
		 "changes after revision %ju are not kept; remedy: list, then watch from the "
		 "revision of the listing",
		 (uintmax_t)after);
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
	r = follow(rq, s, after, err);
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
