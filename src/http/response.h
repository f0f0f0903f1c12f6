/* SPDX-License-Identifier: Apache-2.0 */
/* response.h - an HTTP/1.1 response (RFC 9112), fed in pieces of any size, strict and bounded.
 *
 * Taken: a status line, header lines that end in CRLF, then a body with Content-Length, chunked,
 * or to the end of the connection.  Refused rather than guessed at: bare LF, folded headers, two
 * lengths, a length beside a transfer coding, any coding but chunked, control bytes, chunk
 * extensions above the line limit, anything behind the body.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { RESPONSE_LINE_MAX = 4096, RESPONSE_HEADERS_MAX = 64 };

enum response_state {
	RESPONSE_STATUS,
	RESPONSE_HEADERS,
	RESPONSE_LENGTH,     /* body with a known length */
	RESPONSE_CLOSE,      /* body up to the end of the connection */
	RESPONSE_CHUNK_SIZE,
	RESPONSE_CHUNK,
	RESPONSE_CHUNK_END,
	RESPONSE_TRAILER,
	RESPONSE_DONE,
};

struct response {
	enum response_state state;
	int status;
	char etag[64], location[256], content_type[64];
	bool chunked, has_length;
	uint64_t left;              /* of the body or the chunk */
	unsigned headers;           /* lines seen, trailers too */
	char line[RESPONSE_LINE_MAX];
	size_t line_n;
};

/* Part of a body.  A negative result ends the feeding and is returned by it. */
typedef int response_body_fn(void *user, const char *bytes, size_t n, struct error *err);

void response_init(struct response *r);

/* Takes N bytes as they came from the socket.
 *   UNAVAILABLE  this is not such a response
 * and whatever BODY returns. */
must_check int response_feed(struct response *r, const char *bytes, size_t n,
			     response_body_fn *body, void *user, struct error *err);

/* The connection ended here.
 *   UNAVAILABLE  in the middle of the response */
must_check int response_end(struct response *r, struct error *err);

/* The status and the headers are known. */
static inline bool response_has_head(const struct response *r)
{
	return r->state > RESPONSE_HEADERS;
}
