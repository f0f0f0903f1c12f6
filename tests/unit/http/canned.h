/* SPDX-License-Identifier: Apache-2.0 */
/* canned.h - a server on a UNIX socket, in a thread, that knows its answers beforehand. */
#pragma once

#include <stddef.h>

struct canned_answer {
	const char *request; /* "GET /v1/gpus": beginning of the request line; NULL ends the list */
	int status;
	const char *body;    /* JSON; sent with a Content-Length */
	const char *headers; /* more of them, each with CR LF; NULL: none */
	const char *raw;     /* instead of all this: these bytes */
	int beat;            /* ms before each newline of a raw body */
	int trickle;         /* one byte at a time, and hold the connection open this many ms */
};

struct canned;

/* Serves ANSWERS at *PATH, which belongs to the server, until canned_stop().  A request that fits
 * no answer gets 404.  An answer is used once when a later one fits the same request too. */
struct canned *canned_start(const struct canned_answer *answers, const char **path);
/* What was asked so far, whole requests one behind another; borrowed, the server waits for it. */
const char *canned_requests(struct canned *c);
/* The same in short, a line each: "POST /v1/vms {"name":"x"}", with If-Match where it was sent. */
const char *canned_summary(struct canned *c);
void canned_stop(struct canned *c);
