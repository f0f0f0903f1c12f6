/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - one request and one answer, as both clients of this folder speak of them.
 *
 * unix_client.h is for daemons (asynchronous, a UNIX socket, nothing but libc), curl_client.h for
 * the command line (blocking, UNIX socket or URL).  Nothing here reads or writes a socket.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

enum {
	HTTP_BODY_MAX = 32 << 20, /* a thousand GPUs with all their types are below 16 MiB */
	HTTP_LINE_MAX = 8 << 20, /* one line of a stream: the wanted state of a large host */
};

struct http_request {
	const char *method;         /* "GET" */
	const char *path;           /* encoded, with its query: http_path_add(), http_query_add() */
	const json_t *body;         /* NULL: none; borrowed */
	const char *const *headers; /* more of them, "Name: value", NULL at the end; NULL: none */
	int64_t timeout_ms;         /* of silence, after which the server is given up; 0: 30 s */
};

struct http_answer {
	int status;          /* 0: nobody answered */
	char etag[64];       /* with its quotes; "" for none */
	char location[256];
	char *text;          /* the body as it came, NUL-terminated; NULL for none */
	size_t length;
	json_t *body;        /* what TEXT says; NULL when it is not JSON */
};

void http_answer_done(struct http_answer *a);

/* Reads A->body out of A->text and turns a status of 400 and above into an error: a problem
 * document (RFC 9457) gives its kind, detail and place, anything else is judged by its status.
 * Returns 0 for 2xx; A keeps what it has in any case. */
must_check int http_answer_judge(struct http_answer *a, const char *content_type,
				 struct error *err);

/* Adds "/SEGMENT", then "?KEY=VALUE" or "&KEY=VALUE", percent-encoded. */
void http_path_add(struct text *path, const char *segment);
void http_query_add(struct text *path, const char *key, const char *value);

/* False when S has bytes that would end a header or a request line. */
bool http_is_header_safe(const char *s);

/* Why nobody answers at the UNIX socket PATH, by the errno of connect(), with the remedy:
 *   UNAVAILABLE, DENIED */
int http_connect_error(struct error *err, int errnum, const char *path);
