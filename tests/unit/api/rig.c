/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"

enum { PATIENCE_US = 30000000, STEP_US = 2000 };

static int identify(void *user, int fd, struct actor *ret, struct error *err)
{
	const struct rig *r = user;

	(void)fd;
	if (r->refused)
		return error_set(err, ERR_DENIED, "nobody may do nothing");
	*ret = r->actor;
	return 0;
}

struct rig *rig_new(const struct api_config *limits)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct api_config config = limits ? *limits : (struct api_config){ 0 };
	struct error err = { 0 };

	TEXT_COPY(r->folder, "/tmp/facet-api-XXXXXX");
	assert(mkdtemp(r->folder));
	snprintf(r->path, sizeof(r->path), "%s/sock", r->folder);
	assert(sd_event_new(&r->event) >= 0);
	r->c = fake_new();
	r->actor = (struct actor){ .name = "tester", .role = ROLE_ADMIN };
	config.controller = r->c;
	config.event = r->event;
	config.clock = &clock_system;
	config.identify = identify;
	config.identify_user = r;
	assert(api_listen(r->path, NULL, &config.listen_fd, &err) == 0);
	assert(api_new(&config, &r->api, &err) == 0);
	return r;
}

struct rig *rig_free(struct rig *r)
{
	fake_settle(r->c);
	api_free(r->api);
	sd_event_unref(r->event);
	fake_free(r->c);
	unlink(r->path);
	rmdir(r->folder);
	free(r);
	return NULL;
}

int rig_connect(struct rig *r)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	TEXT_COPY(address.sun_path, r->path);
	assert(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static void step(struct rig *r)
{
	assert(sd_event_run(r->event, STEP_US) >= 0);
}

void rig_run(struct rig *r, int ms)
{
	int64_t end = clock_mono_us(&clock_system) + (int64_t)ms * 1000;

	while (clock_mono_us(&clock_system) < end)
		step(r);
}

size_t rig_send(struct rig *r, int fd, const char *bytes, size_t n)
{
	int64_t end = clock_mono_us(&clock_system) + PATIENCE_US;
	size_t sent = 0;

	while (sent < n && clock_mono_us(&clock_system) < end) {
		ssize_t m = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);

		if (m > 0)
			sent += (size_t)m;
		else if (errno != EAGAIN)
			break;
		step(r);
	}
	return sent;
}

/* Appends what FD has; 0 at the end of the connection, 1 otherwise. */
static int pull(struct rig *r, int fd, struct text *t)
{
	char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n > 0)
		text_append(t, buffer, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		return 0;
	else
		step(r);
	return 1;
}

static size_t head_size(const struct text *t)
{
	const char *end = t->data ? strstr(t->data, "\r\n\r\n") : NULL;

	return end ? (size_t)(end - t->data) + 4 : 0;
}

const char *answer_header(const struct answer *a, const char *name, char buffer[256])
{
	size_t n = strlen(name);

	buffer[0] = '\0';
	for (const char *line = a->head; (line = strstr(line, "\r\n")); ) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			snprintf(buffer, 256, "%.*s", (int)strcspn(line + n + 2, "\r"),
				 line + n + 2);
	}
	return buffer;
}

static bool is_whole(struct answer *a, const struct text *t, bool ended)
{
	size_t head = head_size(t);
	uint64_t length = 0;
	char value[256];

	if (!head)
		return false;
	snprintf(a->head, sizeof(a->head), "%.*s", (int)head, t->data);
	if (!text_to_u64(answer_header(a, "Content-Length", value), INT64_MAX, &length) && !ended &&
	    !strstr(a->head, " 304 "))
		return false;
	return ended || t->length >= head + length;
}

void rig_read(struct rig *r, int fd, struct answer *ret)
{
	int64_t end = clock_mono_us(&clock_system) + PATIENCE_US;
	struct text t = { 0 };
	bool ended = false;
	size_t head;

	*ret = (struct answer){ 0 };
	while (!is_whole(ret, &t, ended) && !ended && clock_mono_us(&clock_system) < end)
		ended = pull(r, fd, &t) == 0;
	head = head_size(&t);
	if (head && sscanf(t.data, "HTTP/1.1 %d", &ret->status) == 1) {
		ret->length = t.length - head;
		ret->body = strdup(t.data + head);
	}
	text_done(&t);
}

void answer_done(struct answer *a)
{
	free(a->body);
	*a = (struct answer){ 0 };
}

json_t *answer_json(const struct answer *a)
{
	json_t *j = NULL;

	if (a->body && json_parse(a->body, a->length, 64 << 20, &j, NULL) < 0)
		return NULL;
	return j;
}

void rig_ask(struct rig *r, const char *method, const char *target, const char *headers,
	     const char *body, struct answer *ret)
{
	struct text t = { 0 };
	int fd = rig_connect(r);

	text_add(&t, "%s %s HTTP/1.1\r\nHost: facet\r\n%s", method, target, headers);
	if (body)
		text_add(&t, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			 strlen(body));
	text_add(&t, "\r\n%s", body ? body : "");
	rig_send(r, fd, t.data, t.length);
	text_done(&t);
	rig_read(r, fd, ret);
	close(fd);
}

int rig_status(struct rig *r, const char *method, const char *target, const char *headers,
	       const char *body)
{
	struct answer a;
	int status;

	rig_ask(r, method, target, headers, body, &a);
	status = a.status;
	answer_done(&a);
	return status;
}

bool rig_read_until(struct rig *r, int fd, const char *needle, char **text)
{
	int64_t end = clock_mono_us(&clock_system) + 2000000;
	struct text t = { 0 };
	bool found = false;

	while (!found && clock_mono_us(&clock_system) < end && pull(r, fd, &t))
		found = t.data && strstr(t.data, needle);
	*text = text_take(&t);
	return found || (*text && strstr(*text, needle));
}
