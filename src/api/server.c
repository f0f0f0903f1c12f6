/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd in our own event loop.
 *
 * The library has one epoll descriptor; when it is readable, MHD_run() does all that can be done
 * without waiting.  Before each wait the library is asked how long it may be left alone.  A request
 * whose answer comes later is suspended: the library forgets its socket until it is resumed.
 *
 *   uri_seen -> on_request: head -> on_request: body, in pieces -> on_request: end -> on_completed
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/problem.h"
#include "api/server.h"
#include "base/json.h"

enum {
	CONNECTIONS_DEFAULT = 4096,
	TIMEOUT_DEFAULT_S = 30,
	KEEPALIVE_DEFAULT_MS = 10000,
	STREAM_BLOCK = 32 << 10,
	/* For the heads of a request and its answer.  The library zeroes all of it for each. */
	CONNECTION_MEMORY = 16 << 10,
	/* A body that comes without a length is read to here and thrown away, so that its sender
	 * gets to read the answer; beyond, the connection ends. */
	DISCARD_MAX = 8 << 20,
};

struct api {
	struct api_config config;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *again, *timer, *keepalive;
	struct request *requests;
	struct stream *streams;
	struct hub hub;
	bool stopping;         /* nothing new is begun */
};

/* ---- for the other files ---- */

const char *request_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, name);
}

struct controller *request_controller(const struct request *rq)
{
	return rq->api->config.controller;
}

struct hub *server_hub(struct api *a)
{
	return &a->hub;
}

struct stream *server_streams(struct api *a)
{
	return a->streams;
}

void server_streams_add(struct api *a, struct stream *s)
{
	s->next = a->streams;
	s->link = &a->streams;
	if (s->next)
		s->next->link = &s->next;
	a->streams = s;
}

/* The library has work that no descriptor tells of: a connection was resumed, or one was closed and
 * it may accept again. */
static void run_again(struct api *a)
{
	if (a->again)
		sd_event_source_set_enabled(a->again, SD_EVENT_ONESHOT);
}

void server_resume(struct request *rq)
{
	if (!rq->suspended)
		return;
	rq->suspended = false;
	MHD_resume_connection(rq->connection);
	run_again(rq->api);
}

static void suspend(struct request *rq)
{
	rq->suspended = true;
	MHD_suspend_connection(rq->connection);
}

void request_done(struct request *rq)
{
	rq->answered = true;
	server_resume(rq);
}

/* ---- answers ---- */

static void reply_drop_body(struct reply *reply)
{
	free(reply->body);
	reply->body = NULL;
	reply->length = 0;
}

static void set_text(struct reply *reply, int status, const char *type, char *text)
{
	reply_drop_body(reply);
	reply->status = text ? status : 500;
	reply->type = text ? type : NULL;
	reply->body = text;
	reply->length = text ? strlen(text) : 0;
}

static void set_body(struct reply *reply, int status, const char *type, json_t *body)
{
	set_text(reply, status, type, body ? json_line(body) : NULL);
	json_decref(body);
}

void request_text(struct request *rq, int status, char *body)
{
	set_text(&rq->reply, status, "application/json", body);
}

void request_json(struct request *rq, int status, json_t *body)
{
	set_body(&rq->reply, status, "application/json", body);
}

void request_problem(struct request *rq, const struct error *err, int status,
		     const struct refusal *refusals, size_t n)
{
	rq->reply.etag[0] = '\0';
	set_body(&rq->reply, status ? status : error_http_status(err->kind),
		 "application/problem+json", problem_write(err, status, refusals, n));
}

static ssize_t read_stream(void *cls, uint64_t pos, char *buffer, size_t max)
{
	struct stream *s = cls;
	ssize_t n = stream_read(s, buffer, max);

	(void)pos;
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0)
		suspend(s->request);
	return n;
}

/* The stream belongs to the request, which outlives the response. */
static struct MHD_Response *make_response(struct reply *reply)
{
	struct MHD_Response *response;

	if (reply->stream)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
							 read_stream, reply->stream, NULL);
	response =
		MHD_create_response_from_buffer(reply->length, reply->body, MHD_RESPMEM_MUST_FREE);
	if (response)
		reply->body = NULL;
	return response;
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{ "Content-Type", reply->type },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "ETag", reply->etag },
		{ "Location", reply->location },
		{ "Allow", reply->allow },
		{ "Idempotency-Replayed", reply->replayed ? "true" : NULL },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].value && headers[i].value[0])
			MHD_add_response_header(response, headers[i].name, headers[i].value);
}

static enum MHD_Result send_reply(struct request *rq)
{
	struct MHD_Response *response = make_response(&rq->reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, &rq->reply);
	result = MHD_queue_response(rq->connection, (unsigned)rq->reply.status, response);
	MHD_destroy_response(response);
	rq->queued = true;
	return result;
}


/* ---- the head of a request ---- */

static int check_peer(struct request *rq, struct error *err)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct actor *known = info ? info->socket_context : NULL;
	const struct api_config *config = &rq->api->config;

	if (known) {
		rq->actor = *known;
		return 0;
	}
	info = MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return config->identify(config->identify_user, info->connect_fd, &rq->actor, err);
}

/* What is an agent's is about one host: its own where it has one, else the one in the path. */
static int check_host(struct request *rq, struct error *err)
{
	if (rq->route->role != ROLE_HOST)
		return 0;
	if (!rq->actor.host[0])
		TEXT_COPY(rq->actor.host, rq->params[0]);
	if (strcmp(rq->actor.host, rq->params[0]) == 0)
		return 0;
	return error_set(err, ERR_DENIED, "%s speaks for host %s, not for %s", rq->actor.name,
			 rq->actor.host, rq->params[0]);
}

static int check_role(struct request *rq, struct error *err)
{
	if (route_permits(rq->route, (enum role)rq->actor.role))
		return check_host(rq, err);
	return error_set(err, ERR_DENIED, "%s has role %s, and '%s' needs %s", rq->actor.name,
			 names_word(&role_names, rq->actor.role), rq->route->name,
			 names_word(&role_names, (int)rq->route->role));
}

static int check_query(const struct request *rq, struct error *err)
{
	for (size_t i = 0; i < rq->target.query_n; i++)
		if (!route_takes(rq->route, rq->target.query[i].name))
			return error_at(err, ERR_INVALID, "query", "%s takes no parameter '%.40s'",
					rq->route->name, rq->target.query[i].name);
	return 0;
}

static int check_head(struct request *rq, const char *method, struct error *err)
{
	int r = check_peer(rq, err);

	if (r == 0)
		r = route_find(method, &rq->target, &rq->route, rq->params, rq->reply.allow, err);
	if (r == 0) {
		rq->reply.allow[0] = '\0';
		r = check_role(rq, err);
	}
	return r < 0 ? r : check_query(rq, err);
}

static int too_large(struct error *err)
{
	return error_set(err, ERR_TOO_LARGE, "the body is larger than %d bytes", JSON_BODY_MAX);
}

/* A body is judged by what its headers say before a byte of it is read. */
static int check_length(const struct request *rq, struct error *err)
{
	const char *length = request_header(rq, "Content-Length");
	uint64_t n;

	if (length && (!text_to_u64(length, INT64_MAX, &n) || n > JSON_BODY_MAX))
		return too_large(err);
	return 0;
}

static bool has_body(const struct request *rq)
{
	const char *length = request_header(rq, "Content-Length");

	return request_header(rq, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* An answer before the body was read costs the connection, since the rest of what the client sends
 * can not be told from a next request; without a body it waits for its turn at no cost. */
static enum MHD_Result refuse(struct request *rq, bool with_body)
{
	rq->handled = rq->answered = true;
	return with_body ? send_reply(rq) : MHD_YES;
}

static int check_type(const struct request *rq, struct error *err)
{
	if (header_is_json(request_header(rq, "Content-Type")))
		return 0;
	return error_at(err, ERR_INVALID, "Content-Type",
			"the body must be JSON: send it with Content-Type: application/json");
}

static enum MHD_Result begin(struct request *rq, const char *method)
{
	bool with_body = has_body(rq);
	struct error err = { 0 };
	int r, status = 0;

	rq->begun = true;
	if (rq->reply.status) /* the target was not to be understood */
		return refuse(rq, with_body);
	r = check_head(rq, method, &err);
	if (r == 0 && with_body)
		r = check_length(rq, &err);
	if (r == 0 && with_body) {
		r = check_type(rq, &err);
		status = 415;
	}
	if (r == 0)
		return MHD_YES;
	request_problem(rq, &err, status, NULL, 0);
	return refuse(rq, with_body);
}

/* ---- the body ---- */

static bool too_late(const struct request *rq)
{
	int64_t spent_us = clock_mono_us(rq->api->config.clock) - rq->began_us;

	return spent_us > (int64_t)rq->api->config.timeout_s * 1000000;
}

static enum MHD_Result take_piece(struct request *rq, const char *data, size_t *size)
{
	rq->received += *size;
	if (rq->received <= JSON_BODY_MAX)
		text_append(&rq->upload, data, *size);
	else
		text_done(&rq->upload);
	*size = 0;
	return rq->received > DISCARD_MAX || rq->upload.failed || too_late(rq) ? MHD_NO : MHD_YES;
}

static int check_body(const struct request *rq, struct error *err)
{
	if (rq->body && !json_is_object(rq->body))
		return error_at(err, ERR_INVALID, "line 1 column 1",
				"the body must be a JSON object");
	if (!rq->body && rq->route->body == BODY_REQUIRED)
		return error_set(err, ERR_INVALID, "%s needs a body", rq->route->name);
	if (rq->body && rq->route->body == BODY_NONE && json_object_size(rq->body) > 0)
		return error_set(err, ERR_INVALID, "%s takes no body", rq->route->name);
	return 0;
}

static int parse_body(struct request *rq, struct error *err)
{
	int r = 0;

	if (rq->received > JSON_BODY_MAX)
		return too_large(err);
	if (rq->upload.length)
		r = json_parse(rq->upload.data, rq->upload.length, JSON_BODY_MAX, &rq->body, err);
	return r < 0 ? r : check_body(rq, err);
}

/* ---- the whole request ---- */

static int handle(struct request *rq, struct error *err)
{
	int r;

	if (rq->api->stopping)
		return error_set(err, ERR_UNAVAILABLE,
				 "facetd is stopping; remedy: ask again soon");
	r = parse_body(rq, err);
	if (r < 0)
		return r;
	switch (rq->route->does) {
	case DOES_LIST:
		return object_list(rq, err);
	case DOES_GET:
		return object_get(rq, err);
	case DOES_COMMAND:
		return command_submit(rq, err);
	default:
		return rq->route->fn(rq, err);
	}
}

static enum MHD_Result finish(struct request *rq)
{
	struct error err = { 0 };
	int r;

	if (!rq->handled) {
		rq->handled = true;
		r = handle(rq, &err);
		if (r < 0)
			request_problem(rq, &err, 0, NULL, 0);
		if (r != LATER)
			rq->answered = true;
	}
	if (rq->answered)
		return send_reply(rq);
	suspend(rq);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **con_cls)
{
	struct request *rq = *con_cls;

	(void)cls;
	(void)url;
	(void)version;
	if (!rq)
		return MHD_NO;
	rq->connection = connection;
	if (!rq->begun)
		return begin(rq, method);
	if (*upload_size)
		return take_piece(rq, upload, upload_size);
	return rq->queued ? MHD_YES : finish(rq);
}

/* The first to see a request, and the only one to see its target as it came. */
static void *uri_seen(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct request *rq = malloc(sizeof(*rq));
	struct error err = { 0 };
	struct api *a = cls;

	if (!rq)
		return NULL;
	/* All but the last member's text, which is written before it is read. */
	memset(rq, 0, offsetof(struct request, target));
	memset(&rq->route, 0, sizeof(*rq) - offsetof(struct request, route));
	rq->api = a;
	rq->connection = connection;
	rq->began_us = clock_mono_us(a->config.clock);
	rq->next = a->requests;
	rq->link = &a->requests;
	if (rq->next)
		rq->next->link = &rq->next;
	a->requests = rq;
	if (target_parse(uri, &rq->target, &err) < 0)
		request_problem(rq, &err, err.kind == ERR_TOO_LARGE ? 414 : 0, NULL, 0);
	return rq;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct request *rq = *con_cls;

	(void)cls;
	(void)connection;
	(void)why;
	if (!rq)
		return;
	*con_cls = NULL;
	*rq->link = rq->next;
	if (rq->next)
		rq->next->link = rq->link;
	stream_free(rq->reply.stream);
	free(rq->reply.body);
	json_decref(rq->body);
	text_done(&rq->upload);
	free(rq);
}

/* Targets are decoded once, by target_parse(). */
static size_t leave_escapes(void *cls, struct MHD_Connection *connection, char *s)
{
	(void)cls;
	(void)connection;
	return strlen(s);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info;
	struct api *a = cls;
	struct actor *actor;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(*context);
		*context = NULL;
		run_again(a);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	actor = calloc(1, sizeof(*actor));
	/* Who is refused is asked again at the request, where there is an answer to put it in. */
	if (actor && info &&
	    a->config.identify(a->config.identify_user, info->connect_fd, actor, NULL) == 0)
		*context = actor;
	else
		free(actor);
}

/* ---- the event loop ---- */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct api *a = user;

	(void)source;
	(void)fd;
	(void)events;
	MHD_run(a->daemon);
	return 0;
}

static int on_again(sd_event_source *source, void *user)
{
	struct api *a = user;

	(void)source;
	MHD_run(a->daemon);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct api *a = user;

	(void)source;
	(void)usec;
	MHD_run(a->daemon);
	return 0;
}

/* Before each wait: when does the library want to be called though no socket moved? */
static int before_wait(sd_event_source *source, void *user)
{
	struct api *a = user;
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	(void)source;
	if (MHD_get_timeout(a->daemon, &timeout_ms) != MHD_YES)
		return sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
	/* A timer that is due at once comes a millisecond late; a request has two such moments. */
	if (timeout_ms == 0) {
		run_again(a);
		return sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
	}
	sd_event_source_set_time_relative(a->timer, timeout_ms * 1000);
	return sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

/* Twice as often as promised: a stream may have fallen quiet just after the last look. */
static uint64_t keepalive_us(const struct api *a)
{
	return (uint64_t)a->config.keepalive_ms * 1000 / 2;
}

static int on_keepalive(sd_event_source *source, uint64_t usec, void *user)
{
	struct api *a = user;

	(void)usec;
	for (struct stream *s = a->streams; s; s = s->next)
		stream_keep_alive(s);
	watch_gather(a);
	sd_event_source_set_time_relative(source, keepalive_us(a));
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_sources(struct api *a, struct error *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	r = sd_event_add_io(a->config.event, &a->io, info->epoll_fd, EPOLLIN, on_io, a);
	if (r >= 0)
		r = sd_event_source_set_prepare(a->io, before_wait);
	if (r >= 0)
		r = sd_event_add_defer(a->config.event, &a->again, on_again, a);
	if (r >= 0)
		r = sd_event_add_time_relative(a->config.event, &a->timer, CLOCK_MONOTONIC, 0, 1000,
					       on_timer, a);
	if (r >= 0)
		r = sd_event_add_time_relative(a->config.event, &a->keepalive, CLOCK_MONOTONIC,
					       keepalive_us(a), 0, on_keepalive, a);
	return r < 0 ? error_errno(err, -r, "put the HTTP server into the event loop") : 0;
}

static int start_daemon(struct api *a, struct error *err)
{
	const struct api_config *c = &a->config;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, c->listen_fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)c->timeout_s, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, a },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, a },
		{ MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, a },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)uri_seen, a },
		{ MHD_OPTION_END, 0, NULL },
	};

	a->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
				     on_request, a, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (a->daemon)
		return 0;
	return error_set(err, ERR_IO, "start the HTTP server: libmicrohttpd refused its settings");
}

static void set_defaults(struct api_config *c)
{
	if (!c->connections)
		c->connections = CONNECTIONS_DEFAULT;
	if (!c->timeout_s)
		c->timeout_s = TIMEOUT_DEFAULT_S;
	if (!c->keepalive_ms)
		c->keepalive_ms = KEEPALIVE_DEFAULT_MS;
}

int api_new(const struct api_config *config, struct api **ret, struct error *err)
{
	struct api *a = calloc(1, sizeof(*a));
	int r;

	if (!a) {
		close(config->listen_fd);
		return error_set(err, ERR_NO_MEMORY, "the HTTP server");
	}
	a->config = *config;
	set_defaults(&a->config);
	sd_event_ref(a->config.event);
	r = start_daemon(a, err);
	if (r == 0)
		r = add_sources(a, err);
	if (r < 0)
		api_free(a);
	else
		*ret = a;
	return r;
}

struct api *api_free(struct api *a)
{
	if (!a)
		return NULL;
	a->stopping = true;
	for (struct stream *s = a->streams; s; s = s->next)
		stream_end(s);
	for (struct request *rq = a->requests; rq; rq = rq->next)
		server_resume(rq);
	sd_event_source_disable_unref(a->io);
	a->again = sd_event_source_disable_unref(a->again);
	sd_event_source_disable_unref(a->timer);
	sd_event_source_disable_unref(a->keepalive);
	if (a->daemon) {
		MHD_run(a->daemon); /* resumed connections are let go only by a run */
		MHD_stop_daemon(a->daemon);
	}
	sd_event_unref(a->config.event);
	hub_done(&a->hub);
	free(a);
	return NULL;
}
