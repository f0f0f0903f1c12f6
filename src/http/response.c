/* SPDX-License-Identifier: Apache-2.0 */
#include "http/response.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

void response_init(struct response *r)
{
	memset(r, 0, offsetof(struct response, line));
	r->line_n = 0;
}

static int malformed(struct error *err, const char *what)
{
	return error_set(err, ERR_UNAVAILABLE, "the answer is not HTTP: %s", what);
}

/* "HTTP/1.1 200 OK"; the words behind the number mean nothing and may be missing. */
static int take_status(struct response *r, struct error *err)
{
	const char *s = r->line;

	if (strncmp(s, "HTTP/1.1 ", 9) != 0 && strncmp(s, "HTTP/1.0 ", 9) != 0)
		return malformed(err, "no HTTP/1.1 status line");
	s += 9;
	if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]) ||
	    !isdigit((unsigned char)s[2]) || (s[3] && s[3] != ' '))
		return malformed(err, "a status of three digits is missing");
	r->status = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	if (r->status < 100 || r->status == 101)
		return malformed(err, "a status that was not asked for");
	r->state = RESPONSE_HEADERS;
	return 0;
}

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	return n > 0;
}

static int take_length(struct response *r, const char *value, struct error *err)
{
	uint64_t n;

	if (r->has_length || r->chunked)
		return malformed(err, "more than one length");
	if (!text_to_u64(value, INT64_MAX, &n))
		return malformed(err, "Content-Length is no number");
	r->has_length = true;
	r->left = n;
	return 0;
}

static int take_coding(struct response *r, const char *value, struct error *err)
{
	if (r->has_length || r->chunked)
		return malformed(err, "more than one length");
	if (strcasecmp(value, "chunked") != 0)
		return malformed(err, "a transfer coding other than chunked");
	r->chunked = true;
	return 0;
}

/* A value too long for us is dropped, not cut: half an ETag or address is worse than none. */
static void keep(char *to, size_t size, const char *value)
{
	if (!text_copy(to, size, value))
		to[0] = '\0';
}

static int take_header(struct response *r, struct error *err)
{
	char *colon = strchr(r->line, ':'), *value, *end;

	if (++r->headers > RESPONSE_HEADERS_MAX)
		return malformed(err, "too many headers");
	if (!colon || !is_token(r->line, (size_t)(colon - r->line)))
		return malformed(err, "a header without a name");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';

	/* Trailers may not change how the message is read, so they are only looked over. */
	if (r->state == RESPONSE_TRAILER)
		return 0;
	if (strcasecmp(r->line, "Content-Length") == 0)
		return take_length(r, value, err);
	if (strcasecmp(r->line, "Transfer-Encoding") == 0)
		return take_coding(r, value, err);
	if (strcasecmp(r->line, "ETag") == 0)
		keep(r->etag, sizeof(r->etag), value);
	else if (strcasecmp(r->line, "Location") == 0)
		keep(r->location, sizeof(r->location), value);
	else if (strcasecmp(r->line, "Content-Type") == 0)
		keep(r->content_type, sizeof(r->content_type), value);
	return 0;
}

static void end_headers(struct response *r)
{
	if (r->status < 200) /* an interim answer: the real one follows */
		response_init(r);
	else if (r->status == 204 || r->status == 304)
		r->state = RESPONSE_DONE;
	else if (r->chunked)
		r->state = RESPONSE_CHUNK_SIZE;
	else if (r->has_length)
		r->state = r->left ? RESPONSE_LENGTH : RESPONSE_DONE;
	else
		r->state = RESPONSE_CLOSE;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1f4;extension": at most 15 digits, so that the sum cannot overflow. */
static int take_chunk_size(struct response *r, struct error *err)
{
	size_t i;

	r->left = 0;
	for (i = 0; i < 15 && hex_value(r->line[i]) >= 0; i++)
		r->left = r->left * 16 + (uint64_t)hex_value(r->line[i]);
	if (i == 0 || (r->line[i] && !strchr("; \t", r->line[i])))
		return malformed(err, "a chunk without a size");
	r->state = r->left ? RESPONSE_CHUNK : RESPONSE_TRAILER;
	return 0;
}

static int take_line(struct response *r, struct error *err)
{
	switch (r->state) {
	case RESPONSE_STATUS:
		return take_status(r, err);
	case RESPONSE_HEADERS:
		if (r->line[0])
			return take_header(r, err);
		end_headers(r);
		return 0;
	case RESPONSE_CHUNK_SIZE:
		return take_chunk_size(r, err);
	case RESPONSE_CHUNK_END:
		r->state = RESPONSE_CHUNK_SIZE;
		return r->line[0] ? malformed(err, "a chunk longer than its size") : 0;
	default:
		if (r->line[0])
			return take_header(r, err);
		r->state = RESPONSE_DONE;
		return 0;
	}
}

static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

/* Gathers one line; *USED says how many of the N bytes belong to it. */
static int feed_line(struct response *r, const char *bytes, size_t n, size_t *used,
		     struct error *err)
{
	const char *newline = memchr(bytes, '\n', n);
	size_t part = newline ? (size_t)(newline - bytes) + 1 : n;

	if (r->line_n + part > sizeof(r->line))
		return malformed(err, "a line that is too long");
	memcpy(r->line + r->line_n, bytes, part);
	r->line_n += part;
	*used = part;
	if (!newline)
		return 0;
	if (r->line_n < 2 || r->line[r->line_n - 2] != '\r')
		return malformed(err, "a line that does not end in CR LF");
	r->line[r->line_n - 2] = '\0';
	if (!is_text(r->line, r->line_n - 2))
		return malformed(err, "control bytes in a header");
	r->line_n = 0;
	return take_line(r, err);
}

static int feed_body(struct response *r, const char *bytes, size_t n, size_t *used,
		     response_body_fn *body, void *user, struct error *err)
{
	size_t part = n;

	if (r->state != RESPONSE_CLOSE) {
		part = r->left < n ? (size_t)r->left : n;
		r->left -= part;
		if (r->left == 0)
			r->state = r->state == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_DONE;
	}
	*used = part;
	return body(user, bytes, part, err);
}

int response_feed(struct response *r, const char *bytes, size_t n, response_body_fn *body,
		  void *user, struct error *err)
{
	while (n > 0) {
		size_t used = 0;
		int result;

		if (r->state == RESPONSE_DONE)
			return malformed(err, "bytes behind its end");
		if (r->state == RESPONSE_LENGTH || r->state == RESPONSE_CLOSE ||
		    r->state == RESPONSE_CHUNK)
			result = feed_body(r, bytes, n, &used, body, user, err);
		else
			result = feed_line(r, bytes, n, &used, err);
		if (result < 0)
			return result;
		bytes += used;
		n -= used;
	}
	return 0;
}

int response_end(struct response *r, struct error *err)
{
	if (r->state == RESPONSE_CLOSE)
		r->state = RESPONSE_DONE;
	if (r->state == RESPONSE_DONE)
		return 0;
	return error_set(err, ERR_UNAVAILABLE, response_has_head(r) ?
			 "the server ended the connection in the middle of its answer" :
			 "the server ended the connection without an answer");
}
