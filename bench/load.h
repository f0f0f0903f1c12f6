/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - clients of an HTTP server on a UNIX socket, each with one connection that stays, each
 * sending its next request when the last one is answered.
 *
 * Not a client for anything else: it believes the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Appends what request NUMBER asks: METHOD and PATH, and BODY when there is one.  False: no
 * more. */
struct load_request {
	const char *method;
	struct text path, body;
};
typedef bool load_make_fn(void *user, size_t number, struct load_request *rq);

struct load;

/* Connects CLIENTS of them to SOCKET. */
struct load *load_open(const char *socket, int clients);
struct load *load_close(struct load *l); /* always NULL */

/* Sends what MAKE makes until UNTIL_US or until there is no more, and waits for every answer.  Any
 * status but EXPECT ends the benchmark. */
void load_run(struct load *l, int64_t until_us, int expect, load_make_fn *make, void *user);

/* Over all runs so far. */
size_t load_answered(const struct load *l);
int64_t load_spent_us(const struct load *l);
double load_per_s(const struct load *l);
/* The latency that PART (0 to 1) of the requests did not exceed, in microseconds. */
uint32_t load_latency_us(struct load *l, double part);

/* One request, and its answer as text to free(); NULL when nobody answers at SOCKET. */
char *load_once(const char *socket, const char *method, const char *path, const char *body,
		int *ret_status);

/* A stream of lines that does not end, such as GET /v1/watch; the next line that is not empty,
 * valid until the next call. */
struct load_stream;
struct load_stream *load_stream_open(const char *socket, const char *path);
const char *load_stream_line(struct load_stream *s);
void load_stream_close(struct load_stream *s);
