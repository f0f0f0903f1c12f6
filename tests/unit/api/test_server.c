/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "api/route.h"
#include "base/json.h"
#include "base/text.h"
#include "rig.h"

static int setup(void **state)
{
	struct group g = { .name = "g1" };
	struct gpu gpu = { .id = "h1@0000:41:00.0", .host = "h1", .fb_mib = 49152 };
	struct rig *r = rig_new(NULL);

	fake_put(r->c, OBJECT_GROUP, g.name, &g);
	fake_put(r->c, OBJECT_GPU, gpu.id, &gpu);
	for (int i = 1; i <= 5; i++) {
		struct vm vm = { .host = "h1", .state = i == 3 ? VM_RUNNING : VM_STOPPED };

		snprintf(vm.name, sizeof(vm.name), "vm%d", i);
		fake_put(r->c, OBJECT_VM, vm.name, &vm);
	}
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	*state = rig_free(*state);
	return 0;
}

static const char *member(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

/* ---- objects ---- */

static void an_object_has_its_revision_as_etag(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char value[256];
	json_t *j;

	rig_ask(r, "GET", "/v1/gpus/h1%400000:41:00.0", "", NULL, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "ETag", value), "\"3\"");
	assert_string_equal(answer_header(&a, "Content-Type", value), "application/json");
	j = answer_json(&a);
	assert_int_equal(json_integer_value(json_object_get(j, "revision")), 3);
	assert_int_equal(json_integer_value(json_object_get(j, "fb_mib")), 49152);
	json_decref(j);
	answer_done(&a);
	assert_int_equal(
		rig_status(r, "GET", "/v1/gpus/h1@0000:41:00.0", "If-None-Match: \"3\"\r\n", NULL),
		304);
}

static void a_missing_object_is_a_problem(void **state)
{
	struct answer a;
	char value[256];
	json_t *j;

	rig_ask(*state, "GET", "/v1/vms/nobody", "", NULL, &a);
	assert_int_equal(a.status, 404);
	assert_string_equal(answer_header(&a, "Content-Type", value), "application/problem+json");
	j = answer_json(&a);
	assert_string_equal(member(j, "type"), "urn:facet:problem:not-found");
	assert_string_equal(member(j, "kind"), "not-found");
	assert_string_equal(member(j, "title"), error_words(ERR_NOT_FOUND));
	assert_string_equal(member(j, "detail"), "there is no vm nobody");
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 404);
	json_decref(j);
	answer_done(&a);
}

static json_t *list(struct rig *r, const char *target)
{
	struct answer a;
	json_t *j;

	rig_ask(r, "GET", target, "", NULL, &a);
	assert_int_equal(a.status, 200);
	j = answer_json(&a);
	answer_done(&a);
	return j;
}

static void pages_cover_a_list_without_gap(void **state)
{
	static const char *const targets[] = { "/v1/vms?limit=2", "/v1/vms?limit=2&after=vm2",
					       "/v1/vms?limit=2&after=vm4" };
	static const char *const next[] = { "vm2", "vm4", "" };
	static const size_t sizes[] = { 2, 2, 1 };

	for (size_t i = 0; i < 3; i++) {
		json_t *j = list(*state, targets[i]);

		assert_int_equal(json_array_size(json_object_get(j, "items")), sizes[i]);
		assert_string_equal(member(j, "next"), next[i]);
		assert_int_equal(json_integer_value(json_object_get(j, "revision")), 8);
		json_decref(j);
	}
}

/* No next when the page is full and nothing follows: else a client asks once too often. */
static void a_full_last_page_has_no_next(void **state)
{
	json_t *j = list(*state, "/v1/vms?limit=5");

	assert_int_equal(json_array_size(json_object_get(j, "items")), 5);
	assert_null(json_object_get(j, "next"));
	json_decref(j);
}

static void filters_are_equalities(void **state)
{
	json_t *j = list(*state, "/v1/vms?host=h1&state=running");

	assert_int_equal(json_array_size(json_object_get(j, "items")), 1);
	assert_string_equal(member(json_array_get(json_object_get(j, "items"), 0), "name"), "vm3");
	json_decref(j);
	j = list(*state, "/v1/vms?host=h");
	assert_int_equal(json_array_size(json_object_get(j, "items")), 0);
	json_decref(j);
	j = list(*state, "/v1/profiles?series=C");
	assert_int_equal(json_array_size(json_object_get(j, "items")), 1);
	json_decref(j);
}

static void bad_queries_are_named(void **state)
{
	static const char *const bad[] = { "/v1/vms?state=asleep", "/v1/vms?colour=red",
					   "/v1/vms?limit=0",      "/v1/vms?limit=1001",
					   "/v1/vms?limit=x",      "/v1/vms?priority=1",
					   "/v1/version?x=1",      "/v1/events?after=x",
					   "/v1/watch?after=x",    "/v1/watch?kind=x" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rig_status(*state, "GET", bad[i], "", NULL), 400);
}

static void events_go_on_after_a_number(void **state)
{
	struct rig *r = *state;
	json_t *j;

	for (uint64_t i = 9; i <= 11; i++) {
		struct event e = { .number = i, .kind = "lease.attached" };
		char id[32];

		snprintf(id, sizeof(id), "%012ju", (uintmax_t)i);
		fake_put(r->c, OBJECT_EVENT, id, &e);
	}
	j = list(r, "/v1/events?after=9&limit=1");
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(j, "items"), 0), "number")), 10);
	assert_string_equal(member(j, "next"), "10");
	json_decref(j);
}

/* ---- commands ---- */

static void creating_answers_with_a_location(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char value[256];
	json_t *j;

	rig_ask(r, "POST", "/v1/groups", "", "{\"name\":\"vdi\"}", &a);
	assert_int_equal(a.status, 201);
	assert_string_equal(answer_header(&a, "Location", value), "/v1/groups/vdi");
	assert_int_equal(r->c->last.kind, COMMAND_GROUP_CREATE);
	assert_string_equal(member(r->c->last_body, "name"), "vdi");
	assert_string_equal(r->c->last.actor.name, "tester");
	j = answer_json(&a);
	assert_string_equal(member(j, "name"), "vdi");
	assert_int_equal(json_integer_value(json_object_get(j, "revision")), 8);
	json_decref(j);
	answer_done(&a);
}

static void an_operation_is_accepted(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char value[256];

	rig_ask(r, "POST", "/v1/vms/vm1/start", "Idempotency-Key: k1\r\n", NULL, &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_header(&a, "Location", value), "/v1/operations/op-1");
	assert_string_equal(r->c->last.id, "vm1");
	assert_string_equal(r->c->last.idempotency_key, "k1");
	assert_false(r->c->last.dry_run);
	answer_done(&a);
}

static void a_replay_is_marked(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char value[256];

	r->c->replayed = true;
	rig_ask(r, "POST", "/v1/vms/vm1/start", "Idempotency-Key: k1\r\n", NULL, &a);
	assert_string_equal(answer_header(&a, "Idempotency-Replayed", value), "true");
	answer_done(&a);
	r->c->replayed = false;
	rig_ask(r, "POST", "/v1/vms/vm1/start", "Idempotency-Key: k2\r\n", NULL, &a);
	assert_string_equal(answer_header(&a, "Idempotency-Replayed", value), "");
	answer_done(&a);
}

static void a_dry_run_says_so_and_names_no_location(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char value[256];
	json_t *j;

	rig_ask(r, "POST", "/v1/vms/vm1/start?dry_run=1", "", "{}", &a);
	assert_int_equal(a.status, 202);
	assert_true(r->c->last.dry_run);
	assert_string_equal(answer_header(&a, "Location", value), "");
	j = answer_json(&a);
	assert_true(json_is_true(json_object_get(j, "dry_run")));
	json_decref(j);
	answer_done(&a);
	assert_int_equal(rig_status(r, "POST", "/v1/vms/vm1/start?dry_run=2", "", NULL), 400);
}

static void conditions_reach_the_controller(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_status(r, "PATCH", "/v1/groups/g1", "If-Match: \"2\"\r\n", "{}"), 200);
	assert_int_equal(r->c->last.if_match, 2);
	assert_int_equal(rig_status(r, "DELETE", "/v1/vms/vm1", "", NULL), 200);
	assert_int_equal(r->c->last.if_match, 0);
	assert_int_equal(r->c->last_body == NULL, 1);
	assert_int_equal(rig_status(r, "DELETE", "/v1/vms/vm1", "If-Match: 2\r\n", NULL), 400);
	assert_int_equal(rig_status(r, "DELETE", "/v1/vms/vm1", "If-Match: \"0\"\r\n", NULL), 412);
	assert_int_equal(r->c->submitted, 2);
}

static void a_device_is_named_in_the_path(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_status(r, "DELETE", "/v1/vms/vm1/devices/gpu0", "", NULL), 200);
	assert_int_equal(r->c->last.kind, COMMAND_VM_DETACH);
	assert_string_equal(r->c->last.id, "vm1");
	assert_string_equal(r->c->last.sub, "gpu0");
}

static void a_refusal_carries_place_and_reasons(void **state)
{
	struct refusal why[] = { { "h1@0000:41:00.0", "wrong-size-class",
				   "it holds 8 GiB vGPUs" } };
	struct rig *r = *state;
	struct answer a;
	json_t *j, *reason;

	error_at(&r->c->fail, ERR_NO_CAPACITY, "/devices/0", "no GPU of 1 has room");
	r->c->refusals = why;
	r->c->refusals_n = 1;
	rig_ask(r, "POST", "/v1/vms/vm1/start", "", NULL, &a);
	assert_int_equal(a.status, 409);
	j = answer_json(&a);
	assert_string_equal(member(j, "kind"), "no-capacity");
	assert_string_equal(member(j, "detail"), "no GPU of 1 has room");
	assert_string_equal(member(j, "place"), "/devices/0");
	reason = json_array_get(json_object_get(j, "reasons"), 0);
	assert_string_equal(member(reason, "gpu"), "h1@0000:41:00.0");
	assert_string_equal(member(reason, "code"), "wrong-size-class");
	json_decref(j);
	answer_done(&a);
}

/* Group commit: many clients wait for one flush, and each gets its own answer. */
static void answers_may_come_later(void **state)
{
	enum { CLIENTS = 20 };
	static const char ask[] = "POST /v1/vms/vm1/start HTTP/1.1\r\nHost: facet\r\n\r\n";
	struct rig *r = *state;
	int fds[CLIENTS];

	r->c->later = true;
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = rig_connect(r);
		assert_int_equal(rig_send(r, fds[i], ask, strlen(ask)), strlen(ask));
	}
	rig_run(r, 20);
	assert_int_equal(r->c->pending_n, CLIENTS);
	assert_int_equal(rig_status(r, "GET", "/v1/version", "", NULL), 200);
	fake_settle(r->c);
	for (int i = 0; i < CLIENTS; i++) {
		struct answer a;

		rig_read(r, fds[i], &a);
		assert_int_equal(a.status, 202);
		answer_done(&a);
		close(fds[i]);
	}
}

/* A client that went away must not take the server with it when its answer comes. */
static void a_client_may_leave_before_its_answer(void **state)
{
	static const char ask[] = "POST /v1/vms/vm1/start HTTP/1.1\r\nHost: facet\r\n\r\n";
	struct rig *r = *state;
	int fd = rig_connect(r);

	r->c->later = true;
	rig_send(r, fd, ask, strlen(ask));
	rig_run(r, 20);
	assert_int_equal(r->c->pending_n, 1);
	close(fd);
	rig_run(r, 10);
	fake_settle(r->c);
	rig_run(r, 10);
	assert_int_equal(rig_status(r, "GET", "/v1/version", "", NULL), 200);
}

static void a_connection_serves_many_requests(void **state)
{
	static const char ask[] = "GET /v1/version HTTP/1.1\r\nHost: facet\r\n\r\n";
	static const char post[] = "POST /v1/vms/vm1/stop HTTP/1.1\r\nHost: facet\r\n"
				   "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n"
				   "{\"how\":\"force\"}";
	struct rig *r = *state;
	int fd = rig_connect(r);
	struct answer a;

	for (int i = 0; i < 10; i++) {
		rig_send(r, fd, i % 2 ? ask : post, i % 2 ? strlen(ask) : strlen(post));
		rig_read(r, fd, &a);
		assert_int_equal(a.status, i % 2 ? 200 : 202);
		answer_done(&a);
	}
	assert_string_equal(member(r->c->last_body, "how"), "force");
	close(fd);
}

/* ---- bodies ---- */

static void wrong_json_is_told_with_its_place(void **state)
{
	static const struct {
		const char *body, *place;
	} cases[] = {
		{ "{\"name\":\n  x}", "line 2 column 3" },
		{ "{\"name\":\"a\",\"name\":\"b\"}", "line 1 column 18" },
		{ "{\"a\":NaN}", "line 1 column 8" },
		{ "{} x", "line 1 column 4" },
		{ "[1]", "line 1 column 1" },
		{ "{\"name\":\"\xff\"}", "line 1 column 9" },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a;
		json_t *j;

		rig_ask(r, "POST", "/v1/groups", "", cases[i].body, &a);
		assert_int_equal(a.status, 400);
		j = answer_json(&a);
		assert_string_equal(member(j, "place"), cases[i].place);
		json_decref(j);
		answer_done(&a);
	}
	assert_int_equal(r->c->submitted, 0);
}

static void bodies_are_where_they_belong(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_status(r, "POST", "/v1/groups", "", NULL), 400);
	assert_int_equal(rig_status(r, "POST", "/v1/leases/l1/release", "", "{\"x\":1}"), 400);
	assert_int_equal(rig_status(r, "POST", "/v1/vms/vm1/stop", "", NULL), 202);
	assert_int_equal(rig_status(r, "POST", "/v1/vms/vm1/stop", "", "{}"), 202);
	assert_int_equal(r->c->submitted, 2);
}

static void only_json_is_taken(void **state)
{
	static const char ask[] = "POST /v1/groups HTTP/1.1\r\nHost: facet\r\nContent-Length: 2\r\n"
				  "Content-Type: text/plain\r\n\r\n{}";
	struct rig *r = *state;
	int fd = rig_connect(r);
	struct answer a;

	rig_send(r, fd, ask, strlen(ask));
	rig_read(r, fd, &a);
	assert_int_equal(a.status, 415);
	answer_done(&a);
	close(fd);
}

/* A sender of 10 MB that names the length is told before it has sent more than the head. */
static void a_large_body_is_refused_unread(void **state)
{
	static const char head[] =
		"POST /v1/groups HTTP/1.1\r\nHost: facet\r\n"
		"Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n";
	struct rig *r = *state;
	int fd = rig_connect(r);
	struct answer a;

	rig_send(r, fd, head, strlen(head));
	rig_read(r, fd, &a);
	assert_int_equal(a.status, 413);
	answer_done(&a);
	close(fd);
}

/* One that does not name it, and sends on and on, is told or cut off; memory stays small. */
static void an_endless_body_is_cut_off(void **state)
{
	static const char head[] =
		"POST /v1/groups HTTP/1.1\r\nHost: facet\r\n"
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
	enum { CHUNK = 1 << 20, CHUNKS = 40 };
	struct rig *r = *state;
	int fd = rig_connect(r);
	char *chunk = malloc(CHUNK + 16);
	size_t sent = 0;

	snprintf(chunk, 16, "%x\r\n", CHUNK);
	memset(chunk + 8, ' ', CHUNK);
	memcpy(chunk + 8 + CHUNK, "\r\n", 2);
	rig_send(r, fd, head, strlen(head));
	for (int i = 0; i < CHUNKS; i++)
		sent += rig_send(r, fd, chunk, CHUNK + 10);
	assert_true(sent < (size_t)16 << 20);
	assert_int_equal(r->c->submitted, 0);
	assert_int_equal(rig_status(r, "GET", "/v1/version", "", NULL), 200);
	free(chunk);
	close(fd);
}

static void a_chunked_body_is_read(void **state)
{
	static const char ask[] =
		"POST /v1/groups HTTP/1.1\r\nHost: facet\r\n"
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		"8\r\n{\"name\":\r\n6\r\n\"vdi\"}\r\n0\r\n\r\n";
	struct rig *r = *state;
	int fd = rig_connect(r);
	struct answer a;

	rig_send(r, fd, ask, strlen(ask));
	rig_read(r, fd, &a);
	assert_int_equal(a.status, 201);
	assert_string_equal(member(r->c->last_body, "name"), "vdi");
	answer_done(&a);
	close(fd);
}

/* ---- paths ---- */

static void odd_paths_are_refused_before_anything_else(void **state)
{
	static const struct {
		const char *target;
		int status;
	} cases[] = {
		{ "/v1/vms/a%2fb", 400 },   { "/v1/vms/a%00", 400 }, { "/v1/vms/a%0a", 400 },
		{ "/v1/vms/%2e%2e", 400 },  { "/v1/vms/..", 400 },   { "/v1/vms/-a", 400 },
		{ "/v1/vms/", 400 },        { "/v1//vms", 400 },     { "/v1/vms/a%zz", 400 },
		{ "/v1/gpus/a%20b", 400 },  { "/v2/vms", 404 },      { "/", 400 },
		{ "/v1/vms/vm1/bogus", 404 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(rig_status(*state, "GET", cases[i].target, "", NULL),
				 cases[i].status);
}

static void an_endless_path_is_refused(void **state)
{
	char path[4000];

	memset(path, 'a', sizeof(path));
	memcpy(path, "/v1/vms/", 8);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(rig_status(*state, "GET", path, "", NULL), 414);
}

/* PATH with each {name} replaced by something well-formed. */
static void example_path(const char *path, char out[256])
{
	size_t n = 0;

	while (*path && n < 200) {
		if (*path == '{') {
			n += (size_t)sprintf(out + n, "x1");
			path = strchr(path, '}') + 1;
		} else {
			out[n++] = *path++;
		}
	}
	out[n] = '\0';
}

static void a_known_path_names_its_methods(void **state)
{
	struct answer a;
	char value[256];

	rig_ask(*state, "PUT", "/v1/vms/vm1", "", NULL, &a);
	assert_int_equal(a.status, 405);
	assert_string_equal(answer_header(&a, "Allow", value), "GET, HEAD, PATCH, DELETE");
	answer_done(&a);
	rig_ask(*state, "DELETE", "/v1/vms", "", NULL, &a);
	assert_int_equal(a.status, 405);
	assert_string_equal(answer_header(&a, "Allow", value), "GET, HEAD, POST");
	answer_done(&a);
}

static void head_is_get_without_a_body(void **state)
{
	struct answer a;
	char value[256];

	rig_ask(*state, "HEAD", "/v1/gpus/h1@0000:41:00.0", "Connection: close\r\n", NULL, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "ETag", value), "\"3\"");
	assert_int_equal(a.length, 0);
	answer_done(&a);
}

/* ---- roles ---- */

static const char *body_for(const struct route *route)
{
	return route->body == BODY_REQUIRED ? "{}" : NULL;
}

/* What a role may is decided by the table alone: tried for every row, over the wire.  An agent may
 * use what is an agent's and what is everybody's, and nothing else. */
static void every_route_enforces_its_role(void **state)
{
	struct rig *r = *state;

	for (size_t i = 0; i < routes_n; i++) {
		for (int role = ROLE_NONE; role < ROLE_COUNT; role++) {
			const struct route *route = &routes[i];
			bool may = role == ROLE_HOST
					   ? route->role == ROLE_HOST || route->role == ROLE_NONE
					   : role >= (int)route->role;
			char path[256];
			int status;

			if (route->does == DOES_STREAM && may)
				continue; /* see test_streams */
			example_path(route->path, path);
			r->actor.role = role;
			status = rig_status(r, route->method, path, "", body_for(route));
			if ((status != 403) != may)
				fail_msg("%s %s as %s: %d", route->method, route->path,
					 names_word(&role_names, role), status);
		}
	}
}

static void a_stranger_gets_nothing(void **state)
{
	struct rig *r = *state;

	r->refused = true;
	for (size_t i = 0; i < routes_n; i++) {
		char path[256];

		example_path(routes[i].path, path);
		assert_int_equal(rig_status(r, routes[i].method, path, "", body_for(&routes[i])),
				 403);
	}
	assert_int_equal(r->c->submitted, 0);
}

/* To somebody who may not ask, a path that exists and one that does not look alike. */
static void a_stranger_learns_no_paths(void **state)
{
	struct rig *r = *state;

	r->refused = true;
	assert_int_equal(rig_status(r, "GET", "/v1/no/such", "", NULL), 403);
}

static void an_agent_speaks_for_its_own_host_alone(void **state)
{
	struct rig *r = *state;

	r->actor = (struct actor){ .name = "agent", .role = ROLE_HOST, .host = "h1" };
	assert_int_equal(rig_status(r, "POST", "/v1/hosts/h1/report", "", "{}"), 200);
	assert_string_equal(r->c->last.actor.host, "h1");
	assert_int_equal(rig_status(r, "POST", "/v1/hosts/h2/report", "", "{}"), 403);
	assert_int_equal(rig_status(r, "GET", "/v1/hosts/h2/wanted", "", NULL), 403);
	/* One that is bound to no host speaks for the one it names. */
	r->actor.host[0] = '\0';
	assert_int_equal(rig_status(r, "POST", "/v1/hosts/h2/report", "", "{}"), 200);
	assert_string_equal(r->c->last.actor.host, "h2");
}

/* ---- limits ---- */

static void a_silent_client_is_dropped(void **state)
{
	const struct api_config limits = { .timeout_s = 1 };
	struct rig *r = rig_new(&limits);
	int fd = rig_connect(r);
	char byte;

	(void)state;
	rig_send(r, fd, "GET /v1/ver", 11);
	rig_run(r, 100);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	for (int i = 0; i < 300 && recv(fd, &byte, 1, 0) == -1; i++)
		rig_run(r, 100);
	assert_int_not_equal(recv(fd, &byte, 1, 0), -1);
	close(fd);
	rig_free(r);
}

/* One byte now and then keeps a connection alive, but not a request. */
static void a_dripping_body_is_dropped(void **state)
{
	static const char head[] =
		"POST /v1/groups HTTP/1.1\r\nHost: facet\r\n"
		"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
	const struct api_config limits = { .timeout_s = 1 };
	struct rig *r = rig_new(&limits);
	int fd = rig_connect(r);
	int went = 0;

	(void)state;
	rig_send(r, fd, head, strlen(head));
	/* A hundred times its time is allowed, and it is dropped all the same. */
	while (went < 1000 && rig_send(r, fd, " ", 1) == 1) {
		rig_run(r, 100);
		went++;
	}
	assert_in_range(went, 1, 999);
	close(fd);
	rig_free(r);
}

static void connections_are_limited(void **state)
{
	const struct api_config limits = { .connections = 4, .timeout_s = 5 };
	struct rig *r = rig_new(&limits);
	int fds[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		fds[i] = rig_connect(r);
	rig_run(r, 20);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	rig_run(r, 20);
	assert_int_equal(rig_status(r, "GET", "/v1/version", "", NULL), 200);
	rig_free(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_object_has_its_revision_as_etag),
		TEST(a_missing_object_is_a_problem),
		TEST(pages_cover_a_list_without_gap),
		TEST(a_full_last_page_has_no_next),
		TEST(filters_are_equalities),
		TEST(bad_queries_are_named),
		TEST(events_go_on_after_a_number),
		TEST(creating_answers_with_a_location),
		TEST(an_operation_is_accepted),
		TEST(a_replay_is_marked),
		TEST(a_dry_run_says_so_and_names_no_location),
		TEST(conditions_reach_the_controller),
		TEST(a_device_is_named_in_the_path),
		TEST(a_refusal_carries_place_and_reasons),
		TEST(answers_may_come_later),
		TEST(a_client_may_leave_before_its_answer),
		TEST(a_connection_serves_many_requests),
		TEST(wrong_json_is_told_with_its_place),
		TEST(bodies_are_where_they_belong),
		TEST(only_json_is_taken),
		TEST(a_large_body_is_refused_unread),
		TEST(an_endless_body_is_cut_off),
		TEST(a_chunked_body_is_read),
		TEST(odd_paths_are_refused_before_anything_else),
		TEST(an_endless_path_is_refused),
		TEST(a_known_path_names_its_methods),
		TEST(head_is_get_without_a_body),
		TEST(every_route_enforces_its_role),
		TEST(a_stranger_gets_nothing),
		TEST(a_stranger_learns_no_paths),
		TEST(an_agent_speaks_for_its_own_host_alone),
		cmocka_unit_test(a_silent_client_is_dropped),
		cmocka_unit_test(a_dripping_body_is_dropped),
		cmocka_unit_test(connections_are_limited),
	};
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
