/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

void http_answer_done(struct http_answer *a)
{
	free(a->text);
	json_decref(a->body);
	memset(a, 0, sizeof(*a));
}

static bool says_json(const char *content_type)
{
	return strncasecmp(content_type, "application/json", 16) == 0 ||
	       strncasecmp(content_type, "application/problem+json", 24) == 0;
}

/* Statuses that several kinds share (409, 500) stand for the mildest of them. */
static enum error_kind kind_of_status(int status)
{
	switch (status) {
	case 401:
		return ERR_DENIED;
	case 409:
		return ERR_CONFLICT;
	case 410:
		return ERR_NOT_FOUND;
	case 500:
		return ERR_IO;
	}
	for (enum error_kind k = ERR_INVALID; k < ERR_COUNT; k++)
		if (error_http_status(k) == status)
			return k;
	return status < 500 ? ERR_INVALID : ERR_UNAVAILABLE;
}

static const char *string_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int problem(const struct http_answer *a, struct error *err)
{
	const char *kind_name = string_of(a->body, "kind"), *detail = string_of(a->body, "detail");
	enum error_kind kind = error_from_name(kind_name);

	if (kind == ERR_NONE)
		kind = kind_of_status(a->status);
	if (!*detail)
		detail = string_of(a->body, "title");
	if (!*detail)
		return error_set(err, kind, "the server answered %d without a reason", a->status);
	return error_at(err, kind, string_of(a->body, "place"), "%s", detail);
}

int http_answer_judge(struct http_answer *a, const char *content_type, struct error *err)
{
	int r;

	if (a->length > 0 && says_json(content_type)) {
		r = json_parse(a->text, a->length, HTTP_BODY_MAX, &a->body, err);
		if (r < 0) {
			error_context(r, err, "the server's answer (status %d)", a->status);
			if (err)
				err->kind = ERR_UNAVAILABLE;
			return -ERR_UNAVAILABLE;
		}
	}
	if (a->status >= 200 && a->status < 300)
		return 0;
	return problem(a, err);
}

/* RFC 3986: unreserved, and the ':' and '@' that a path segment may hold and our ids do hold. */
static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~:@", c));
}

static void encode(struct text *to, const char *s)
{
	for (; *s; s++) {
		if (is_plain((unsigned char)*s))
			text_append(to, s, 1);
		else
			text_add(to, "%%%02X", (unsigned char)*s);
	}
}

void http_path_add(struct text *path, const char *segment)
{
	text_append(path, "/", 1);
	/* "." and ".." would be taken away on the road; no name of ours looks like that. */
	if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
		text_add(path, segment[1] ? "%%2E%%2E" : "%%2E");
	else
		encode(path, segment);
}

void http_query_add(struct text *path, const char *key, const char *value)
{
	text_append(path, path->data && strchr(path->data, '?') ? "&" : "?", 1);
	encode(path, key);
	text_append(path, "=", 1);
	encode(path, value);
}

bool http_is_header_safe(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

int http_connect_error(struct error *err, int errnum, const char *path)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		return error_set(err, ERR_DENIED,
				 "no permission to open the socket %s: join the group facet "
				 "(usermod -aG facet USER, then log in again) or use sudo", path);
	case ENOENT:
	case ECONNREFUSED:
		return error_set(err, ERR_UNAVAILABLE,
				 "facetd does not listen on %s (%s): see systemctl status facetd",
				 path, strerror(errnum));
	case EAGAIN:
		return error_set(err, ERR_UNAVAILABLE,
				 "facetd at %s has more callers than it can take: try again", path);
	default:
		return error_set(err, ERR_UNAVAILABLE, "cannot reach facetd on %s: %s", path,
				 strerror(errnum));
	}
}
