/* SPDX-License-Identifier: Apache-2.0 */
/* test_clients.c - both clients against a server with canned answers: same answers, same errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "canned.h"
#include "http/curl_client.h"
#include "http/unix_client.h"

#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"

static const struct canned_answer answers[] = {
	{ .request = "GET /v1/vms/web01",
	  .status = 200,
	  .body = "{\"name\":\"web01\"}",
	  .headers = "ETag: \"12\"\r\n" },
	{ .request = "POST /v1/vms",
	  .status = 201,
	  .body = "{}",
	  .headers = "Location: /v1/vms/web02\r\n" },
	{ .request = "POST /v1/vms/full/start",
	  .status = 409,
	  .body = "{\"kind\":\"no-capacity\",\"detail\":\"no GPU has "
		  "room\",\"place\":\"/devices/0\","
		  "\"reasons\":[{\"gpu\":\"h1@0000:41:00.0\"}]}" },
	{ .request = "GET /plain", .raw = "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater" },
	{ .request = "GET /broken", .status = 200, .body = "{\"a\":" },
	{ .request = "GET /silent", .raw = "", .trickle = 1500 },
	{ .request = "GET /alive", .raw = STREAM_HEAD "\r\n\n\n\n\n", .beat = 400 },
	{ .request = "GET /lines",
	  .raw = STREAM_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n1\r\n\n\r\n"
			     "5\r\ntwo\nt\r\n5\r\nhree\n\r\n0\r\n\r\n",
	  .trickle = 1 },
	{ .request = "GET /cut", .raw = STREAM_HEAD "Content-Length: 100\r\n\r\none\ntwo\n" },
	{ 0 },
};

struct fixture {
	struct canned *server;
	const char *path;
	sd_event *event;
	struct curl_client *curl;
	int called, r;
	struct http_answer answer; /* borrowed fields are copied */
	struct error err;
	struct text lines;
	struct unix_call *call;
	bool cancel_at_line;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || sd_event_new(&f->event) < 0)
		return -1;
	f->server = canned_start(answers, &f->path);
	*state = f;
	return curl_client_new(&f->curl, f->path, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	curl_client_free(f->curl);
	canned_stop(f->server);
	sd_event_unref(f->event);
	text_done(&f->lines);
	http_answer_done(&f->answer);
	free(f);
	return 0;
}

static void on_answer(void *user, int r, const struct http_answer *a, const struct error *err)
{
	struct fixture *f = user;

	f->called++;
	f->r = r;
	f->err = *err;
	f->answer = *a;
	f->answer.text = a->text ? strdup(a->text) : NULL;
	json_incref(f->answer.body);
	sd_event_exit(f->event, 0);
}

static void on_ended(void *user, int r, const struct error *err)
{
	struct fixture *f = user;

	f->called++;
	f->r = r;
	f->err = *err;
	sd_event_exit(f->event, 0);
}

static int on_line(void *user, const char *line, size_t n, struct error *err)
{
	struct fixture *f = user;

	(void)err;
	assert_int_equal(strlen(line), n);
	text_add(&f->lines, "[%s]", line);
	if (f->cancel_at_line) {
		f->call = unix_call_cancel(f->call);
		sd_event_exit(f->event, 0);
	}
	return 0;
}

static void ask(struct fixture *f, const struct http_request *q)
{
	assert_int_equal(unix_request(f->event, f->path, q, on_answer, f, NULL, &f->err), 0);
	assert_int_equal(f->called, 0);
	assert_int_equal(sd_event_loop(f->event), 0);
	assert_int_equal(f->called, 1);
}

/* Asks the same by libcurl and compares. */
static void ask_both(struct fixture *f, const struct http_request *q)
{
	struct http_answer a = { 0 };
	struct error err = { 0 };

	ask(f, q);
	assert_int_equal(curl_client_request(f->curl, q, &a, &err), f->r);
	assert_int_equal(a.status, f->answer.status);
	assert_string_equal(a.etag, f->answer.etag);
	assert_string_equal(a.location, f->answer.location);
	assert_int_equal(a.length, f->answer.length);
	assert_true(json_equal(a.body, f->answer.body) || (!a.body && !f->answer.body));
	if (f->r < 0) {
		assert_int_equal(err.kind, f->err.kind);
		assert_string_equal(err.text, f->err.text);
		assert_string_equal(err.place, f->err.place);
	}
	http_answer_done(&a);
}

static void an_object_comes_with_its_etag(void **state)
{
	struct fixture *f = *state;

	ask_both(f, &(struct http_request){ .method = "GET", .path = "/v1/vms/web01" });
	assert_int_equal(f->r, 0);
	assert_int_equal(f->answer.status, 200);
	assert_string_equal(f->answer.etag, "\"12\"");
	assert_string_equal(f->answer.text, "{\"name\":\"web01\"}");
	assert_string_equal(json_string_value(json_object_get(f->answer.body, "name")), "web01");
}

static void a_body_and_headers_reach_the_server(void **state)
{
	static const char *const headers[] = { "Idempotency-Key: k1", NULL };
	struct fixture *f = *state;
	json_t *body = json_pack("{s:s}", "name", "web02");
	const char *seen;

	ask_both(f, &(struct http_request){ .method = "POST", .path = "/v1/vms?dry_run=1",
					    .body = body, .headers = headers });
	assert_string_equal(f->answer.location, "/v1/vms/web02");
	seen = canned_requests(f->server);
	for (int i = 0; i < 2; i++) {
		seen = strstr(seen, "POST /v1/vms?dry_run=1 HTTP/1.1\r\n");
		assert_non_null(seen);
		assert_non_null(strstr(seen, "Content-Type: application/json\r\n"));
		assert_non_null(strstr(seen, "Idempotency-Key: k1\r\n"));
		seen = strstr(seen, "{\"name\":\"web02\"}");
		assert_non_null(seen);
	}
	json_decref(body);
}

static void a_problem_document_becomes_an_error(void **state)
{
	struct fixture *f = *state;

	ask_both(f, &(struct http_request){ .method = "POST", .path = "/v1/vms/full/start" });
	assert_int_equal(f->r, -ERR_NO_CAPACITY);
	assert_string_equal(f->err.text, "no GPU has room");
	assert_string_equal(f->err.place, "/devices/0");
	assert_int_equal(json_array_size(json_object_get(f->answer.body, "reasons")), 1);
}

static void a_status_alone_has_a_kind_too(void **state)
{
	struct fixture *f = *state;

	ask_both(f, &(struct http_request){ .method = "GET", .path = "/plain" });
	assert_int_equal(f->r, -ERR_UNAVAILABLE);
	assert_string_equal(f->err.text, "the server answered 503 without a reason");
}

static void a_broken_answer_is_not_the_callers_fault(void **state)
{
	struct fixture *f = *state;

	ask_both(f, &(struct http_request){ .method = "GET", .path = "/broken" });
	assert_int_equal(f->r, -ERR_UNAVAILABLE);
	assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
}

static void silence_ends_a_call(void **state)
{
	struct fixture *f = *state;

	ask_both(f,
		 &(struct http_request){ .method = "GET", .path = "/silent", .timeout_ms = 100 });
	assert_int_equal(f->r, -ERR_UNAVAILABLE);
	assert_non_null(strstr(f->err.text, "has said nothing for 100 ms"));
}

static void nobody_listening_names_the_remedy(void **state)
{
	struct http_request q = { .method = "GET", .path = "/" };
	struct http_answer a = { 0 };
	struct fixture *f = *state;
	struct curl_client *c = NULL;
	struct error err = { 0 };

	assert_int_equal(unix_request(f->event, "/nonexistent/s", &q, on_answer, f, NULL, &f->err),
			 -ERR_UNAVAILABLE);
	assert_int_equal(f->called, 0);
	assert_non_null(strstr(f->err.text, "/nonexistent/s"));
	assert_non_null(strstr(f->err.text, "systemctl status facetd"));
	assert_int_equal(curl_client_new(&c, "/nonexistent/s", NULL), 0);
	assert_int_equal(curl_client_request(c, &q, &a, &err), -ERR_UNAVAILABLE);
	assert_string_equal(err.text, f->err.text);
	curl_client_free(c);
}

static void a_closed_door_names_the_group(void **state)
{
	struct http_request q = { .method = "GET", .path = "/" };
	struct http_answer a = { 0 };
	struct fixture *f = *state;
	struct error err = { 0 };

	if (geteuid() == 0)
		skip(); /* root may open any socket */
	assert_int_equal(chmod(f->path, 0), 0);
	assert_int_equal(unix_request(f->event, f->path, &q, on_answer, f, NULL, &f->err),
			 -ERR_DENIED);
	assert_non_null(strstr(f->err.text, "group facet"));
	assert_int_equal(curl_client_request(f->curl, &q, &a, &err), -ERR_DENIED);
	assert_string_equal(err.text, f->err.text);
}

static int follow(struct fixture *f, const struct http_request *q, struct unix_call **ret)
{
	const struct unix_reader reader = { on_line, on_ended, f };

	return unix_lines(f->event, f->path, q, &reader, ret, NULL);
}

static void lines_are_handed_on_as_they_come(void **state)
{
	struct http_request q = { .method = "GET", .path = "/lines" };
	struct fixture *f = *state;

	assert_int_equal(follow(f, &q, NULL), 0);
	sd_event_loop(f->event);
	assert_int_equal(f->called, 1);
	assert_int_equal(f->r, 0);
	assert_string_equal(f->lines.data, "[one][two][three]");
	text_done(&f->lines);
	assert_int_equal(curl_client_lines(f->curl, &q, 0, on_line, f, NULL), 0);
	assert_string_equal(f->lines.data, "[one][two][three]");
}

static void a_cut_stream_is_told_from_an_ended_one(void **state)
{
	struct http_request q = { .method = "GET", .path = "/cut" };
	struct fixture *f = *state;

	assert_int_equal(follow(f, &q, NULL), 0);
	sd_event_loop(f->event);
	assert_int_equal(f->r, -ERR_UNAVAILABLE);
	assert_string_equal(f->lines.data, "[one][two]");
	assert_int_equal(curl_client_lines(f->curl, &q, 0, on_line, f, NULL), -ERR_UNAVAILABLE);
}

static void a_refused_stream_ends_with_its_problem(void **state)
{
	struct http_request q = { .method = "POST", .path = "/v1/vms/full/start" };
	struct fixture *f = *state;
	struct error err = { 0 };

	assert_int_equal(follow(f, &q, NULL), 0);
	sd_event_loop(f->event);
	assert_int_equal(f->r, -ERR_NO_CAPACITY);
	assert_int_equal(curl_client_lines(f->curl, &q, 0, on_line, f, &err), -ERR_NO_CAPACITY);
	assert_string_equal(err.text, f->err.text);
	assert_null(f->lines.data);
}

/* The agent does this when a line tells it to start over. */
static void a_line_may_cancel_its_own_call(void **state)
{
	struct http_request q = { .method = "GET", .path = "/cut" };
	struct fixture *f = *state;

	f->cancel_at_line = true;
	assert_int_equal(follow(f, &q, &f->call), 0);
	sd_event_loop(f->event);
	assert_int_equal(f->called, 0);
	assert_string_equal(f->lines.data, "[one]");
}

/* Keep-alives are empty lines; they are few bytes, but they are life. */
static void keep_alives_are_not_silence(void **state)
{
	struct http_request q = { .method = "GET", .path = "/alive", .timeout_ms = 1200 };
	struct fixture *f = *state;

	assert_int_equal(curl_client_lines(f->curl, &q, 0, on_line, f, NULL), 0);
	assert_int_equal(follow(f, &q, NULL), 0);
	sd_event_loop(f->event);
	assert_int_equal(f->r, 0);
}

static void a_deadline_ends_following_in_good_order(void **state)
{
	struct http_request q = { .method = "GET", .path = "/silent" };
	struct fixture *f = *state;

	assert_int_equal(curl_client_lines(f->curl, &q, 100, on_line, f, NULL), 0);
}

static void paths_are_encoded(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add(&t, "/v1/gpus");
	http_path_add(&t, "h1@0000:41:00.0");
	http_path_add(&t, "a/b ?");
	http_path_add(&t, "..");
	http_query_add(&t, "name", "NVIDIA L40S-8Q&x");
	http_query_add(&t, "b", "\xc3\xa4");
	assert_string_equal(t.data, "/v1/gpus/h1@0000:41:00.0/a%2Fb%20%3F/%2E%2E"
				    "?name=NVIDIA%20L40S-8Q%26x&b=%C3%A4");
	text_done(&t);
}

#define WITH_SERVER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(an_object_comes_with_its_etag),
		WITH_SERVER(a_body_and_headers_reach_the_server),
		WITH_SERVER(a_problem_document_becomes_an_error),
		WITH_SERVER(a_status_alone_has_a_kind_too),
		WITH_SERVER(a_broken_answer_is_not_the_callers_fault),
		WITH_SERVER(silence_ends_a_call),
		WITH_SERVER(nobody_listening_names_the_remedy),
		WITH_SERVER(a_closed_door_names_the_group),
		WITH_SERVER(lines_are_handed_on_as_they_come),
		WITH_SERVER(a_cut_stream_is_told_from_an_ended_one),
		WITH_SERVER(a_refused_stream_ends_with_its_problem),
		WITH_SERVER(a_line_may_cancel_its_own_call),
		WITH_SERVER(keep_alives_are_not_silence),
		WITH_SERVER(a_deadline_ends_following_in_good_order),
		cmocka_unit_test(paths_are_encoded),
	};

	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
