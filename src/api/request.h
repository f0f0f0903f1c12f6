/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - one request on its way from the socket to its answer.
 *
 * server.c makes it and sends the answer; handlers fill it.  A handler returns 0 with the answer
 * filled in, LATER when request_done() will follow, or -ERR_kind with err filled in.
 */
#pragma once

#include <stdbool.h>

#include "api/route.h"
#include "base/text.h"

struct api;
struct stream;

struct reply {
	int status;
	char *body;             /* malloc'ed */
	size_t length;
	const char *type;       /* content type */
	char etag[24];
	char location[192];
	char allow[ROUTE_ALLOW_SIZE];
	bool replayed;
	struct stream *stream;  /* instead of a body; owned */
};

enum { LATER = 1 };

struct request {
	struct api *api;
	void *connection;       /* of the HTTP library */
	struct target target;
	const struct route *route;
	const char *params[ROUTE_PARAMS_MAX];
	struct actor actor;
	json_t *body;           /* NULL: none */
	struct text upload;
	size_t received;        /* bytes of body, kept or not */
	int64_t began_us;
	struct reply reply;
	bool begun, handled, answered, suspended, queued;
	struct request *next, **link; /* in the list of the api */
};

/* A header of the request, NULL when absent. */
const char *request_header(const struct request *rq, const char *name);

/* Fills the answer: BODY is consumed; NULL is out of memory, which is answered as such. */
void request_json(struct request *rq, int status, json_t *body);
void request_text(struct request *rq, int status, char *body); /* the same of JSON text */
void request_problem(struct request *rq, const struct error *err, int status,
		     const struct refusal *refusals, size_t n);

/* The answer of a handler that returned LATER is filled in. */
void request_done(struct request *rq);

struct controller *request_controller(const struct request *rq);
