/* SPDX-License-Identifier: Apache-2.0 */
#include "http/curl_client.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"

enum { DEFAULT_TIMEOUT_MS = 30000 };

struct curl_client {
	CURL *easy;
	char *address;
	bool is_url;
	char words[CURL_ERROR_SIZE];
};

/* One call: what libcurl's callbacks see. */
struct exchange {
	CURL *easy;
	struct curl_slist *headers;
	struct text url, body;
	char *upload;
	char etag[64], location[256];
	line_fn *line; /* NULL: gather the body */
	void *user;
	struct lines lines;
	int64_t silence_ms, heard_us;
	int r;         /* first failure inside a callback */
	struct error *err;
};

static void exchange_done(struct exchange *x)
{
	curl_slist_free_all(x->headers);
	text_done(&x->url);
	text_done(&x->body);
	lines_done(&x->lines);
	free(x->upload);
}

int curl_client_new(struct curl_client **ret, const char *address, struct error *err)
{
	cleanup(curl_client_free_p) struct curl_client *c = calloc(1, sizeof(*c));

	/* What curl_easy_init() would do by itself; it fails only for want of memory. */
	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERR_NO_MEMORY, "start libcurl");
	c->easy = curl_easy_init();
	c->address = strdup(address);
	if (!c->easy || !c->address)
		return error_set(err, ERR_NO_MEMORY, "start libcurl");
	c->is_url = text_starts_with(address, "http://") || text_starts_with(address, "https://");
	*ret = take(c);
	return 0;
}

struct curl_client *curl_client_free(struct curl_client *c)
{
	if (c) {
		curl_easy_cleanup(c->easy);
		free(c->address);
		free(c);
	}
	return NULL;
}

static long status_of(const struct exchange *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *user)
{
	struct exchange *x = user;

	(void)one;
	x->heard_us = clock_mono_us(&clock_system);
	if (x->line && status_of(x) < 300) {
		x->r = lines_feed(&x->lines, bytes, n, x->line, x->user, x->err);
		return x->r < 0 ? 0 : n;
	}
	if (x->body.length + n > HTTP_BODY_MAX) {
		x->r = error_set(x->err, ERR_TOO_LARGE, "an answer of more than %d bytes",
				 HTTP_BODY_MAX);
		return 0;
	}
	text_append(&x->body, bytes, n);
	return n;
}

static void keep(char *to, size_t size, const char *name, const char *line, size_t n)
{
	size_t skip = strlen(name);

	if (n < skip || strncasecmp(line, name, skip) != 0)
		return;
	for (line += skip, n -= skip; n > 0 && *line == ' '; n--)
		line++;
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	/* Half an ETag or address is worse than none. */
	if (n < size) {
		memcpy(to, line, n);
		to[n] = '\0';
	}
}

static size_t on_header(char *bytes, size_t one, size_t n, void *user)
{
	struct exchange *x = user;

	(void)one;
	x->heard_us = clock_mono_us(&clock_system);
	keep(x->etag, sizeof(x->etag), "ETag:", bytes, n);
	keep(x->location, sizeof(x->location), "Location:", bytes, n);
	return n;
}

/* libcurl calls this at least once a second.  Its own limit is a speed, and one byte of keep-alive
 * every ten seconds is slower than the slowest speed that can be told. */
static int on_time(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = user;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	if (clock_mono_us(&clock_system) - x->heard_us < x->silence_ms * 1000)
		return 0;
	x->r = error_set(x->err, ERR_UNAVAILABLE, "the server has said nothing for %lld ms",
			 (long long)x->silence_ms);
	return 1;
}

static int add_header(struct exchange *x, const char *header, struct error *err)
{
	struct curl_slist *more;

	if (!http_is_header_safe(header))
		return error_set(err, ERR_INVALID, "a header with control bytes");
	more = curl_slist_append(x->headers, header);
	if (!more)
		return error_set(err, ERR_NO_MEMORY, "the headers of a request");
	x->headers = more;
	return 0;
}

static int set_body(struct exchange *x, const struct http_request *q, struct error *err)
{
	int r = 0;

	if (q->body) {
		x->upload = json_line(q->body);
		if (!x->upload)
			return error_set(err, ERR_NO_MEMORY, "the body of a request");
		r = add_header(x, "Content-Type: application/json", err);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->upload);
	} else if (strcmp(q->method, "POST") == 0) {
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, "");
	}
	/* Without it libcurl asks for permission (100-continue) before larger bodies and waits. */
	if (r == 0)
		r = add_header(x, "Expect:", err);
	for (size_t i = 0; r == 0 && q->headers && q->headers[i]; i++)
		r = add_header(x, q->headers[i], err);
	return r;
}

static void set_callbacks(struct curl_client *c, struct exchange *x)
{
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c->easy, CURLOPT_XFERINFOFUNCTION, on_time);
	curl_easy_setopt(c->easy, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(c->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->words);
}

static int prepare(struct curl_client *c, struct exchange *x, const struct http_request *q,
		   struct error *err)
{
	int r;

	curl_easy_reset(c->easy);
	x->easy = c->easy;
	x->err = err;
	x->silence_ms = q->timeout_ms > 0 ? q->timeout_ms : DEFAULT_TIMEOUT_MS;
	x->heard_us = clock_mono_us(&clock_system);
	x->lines.max = HTTP_LINE_MAX;
	text_add(&x->url, "%s%s", c->is_url ? c->address : "http://localhost", q->path);
	r = set_body(x, q, err);
	if (r < 0)
		return r;
	if (x->url.failed)
		return error_set(err, ERR_NO_MEMORY, "the address of a request");
	curl_easy_setopt(c->easy, CURLOPT_URL, x->url.data);
	if (!c->is_url)
		curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, c->address);
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, x->headers);
	set_callbacks(c, x);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->silence_ms);
	/* Only what the address names: a redirect to a file or to another host is not followed. */
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (!c->is_url)
		curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	return 0;
}

static int explain(const struct curl_client *c, const struct exchange *x, CURLcode code,
		   struct error *err)
{
	long errnum = 0;

	if (x->r < 0)
		return x->r;
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &errnum);
	if (code == CURLE_COULDNT_CONNECT && !c->is_url && errnum != 0)
		return http_connect_error(err, (int)errnum, c->address);
	if (code == CURLE_OUT_OF_MEMORY)
		return error_set(err, ERR_NO_MEMORY, "talk to %s", c->address);
	return error_set(err, ERR_UNAVAILABLE, "talk to facetd at %s: %s", c->address,
			 c->words[0] ? c->words : curl_easy_strerror(code));
}

static int judge(struct exchange *x, struct http_answer *a, struct error *err)
{
	const char *type = NULL;

	a->status = (int)status_of(x);
	TEXT_COPY(a->etag, x->etag);
	TEXT_COPY(a->location, x->location);
	a->length = x->body.length;
	if (x->body.failed)
		return error_set(err, ERR_NO_MEMORY, "an answer of %zu bytes", a->length);
	if (x->body.data)
		a->text = text_take(&x->body);
	curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
	return http_answer_judge(a, type ? type : "", err);
}

int curl_client_request(struct curl_client *c, const struct http_request *request,
			struct http_answer *answer, struct error *err)
{
	cleanup(exchange_done) struct exchange x = { 0 };
	CURLcode code;
	int r = prepare(c, &x, request, err);

	if (r < 0)
		return r;
	c->words[0] = '\0';
	code = curl_easy_perform(c->easy);
	if (code != CURLE_OK)
		return explain(c, &x, code, err);
	return judge(&x, answer, err);
}

int curl_client_lines(struct curl_client *c, const struct http_request *request, int64_t whole_ms,
		      line_fn *line, void *user, struct error *err)
{
	cleanup(exchange_done) struct exchange x = { .line = line, .user = user };
	cleanup(http_answer_done) struct http_answer answer = { 0 };
	CURLcode code;
	int r = prepare(c, &x, request, err);

	if (r < 0)
		return r;
	if (whole_ms > 0)
		curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)whole_ms);
	c->words[0] = '\0';
	code = curl_easy_perform(c->easy);
	if (code == CURLE_OPERATION_TIMEDOUT && whole_ms > 0)
		return 0;
	if (code != CURLE_OK)
		return explain(c, &x, code, err);
	return status_of(&x) < 300 ? 0 : judge(&x, &answer, err);
}
