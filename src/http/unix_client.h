/* SPDX-License-Identifier: Apache-2.0 */
/* unix_client.h - asynchronous HTTP/1.1 over a UNIX socket, on an sd-event loop.
 *
 * libcurl would do this too, and costs a process at rest 9.2 MiB resident in 32 libraries where
 * this costs below 0.1; the agent is two processes and is to stay under 12 MiB.  Each call has a
 * connection of its own.  One thread: the one that runs the loop.
 */
#pragma once

#include <systemd/sd-event.h>

#include "http/http.h"
#include "http/lines.h"

struct unix_call;

/* The one answer of unix_request(), called exactly once unless the call is cancelled.  R is 0 for
 * 2xx, else negative with ERR filled; ANSWER is what came (status 0: nothing) and is borrowed.
 * The call is over: its handle is not valid any more. */
typedef void unix_answer_fn(void *user, int r, const struct http_answer *answer,
			    const struct error *err);

/* The end of a stream, called exactly once unless the call is cancelled.  R is 0 when the server
 * ended it in good order.  To begin again, after a pause of its choosing, is the caller's. */
typedef void unix_ended_fn(void *user, int r, const struct error *err);

/* Sends REQUEST to the socket at PATH, and ANSWER is called later, never from inside.  On failure
 * it is not called.  *RET (may be NULL) is for unix_call_cancel().
 *   UNAVAILABLE  nobody listens at PATH
 *   DENIED       this process may not connect there */
must_check int unix_request(sd_event *event, const char *path, const struct http_request *request,
			    unix_answer_fn *answer, void *user, struct unix_call **ret,
			    struct error *err);

/* Who reads a stream. */
struct unix_reader {
	line_fn *line;
	unix_ended_fn *ended;
	void *user;
};

/* The same for an answer that is a stream of lines without an end.  READER is copied.  A refusal
 * (problem document) comes as ENDED with its kind.  A negative result of LINE ends the stream with
 * that result.  LINE may cancel the call.  Silence longer than REQUEST->timeout_ms ends it:
 * UNAVAILABLE. */
must_check int unix_lines(sd_event *event, const char *path, const struct http_request *request,
			  const struct unix_reader *reader, struct unix_call **ret,
			  struct error *err);

/* Ends a call before its time: no callback follows.  NULL is fine; always returns NULL. */
struct unix_call *unix_call_cancel(struct unix_call *c);
DEFINE_CLEANUP(struct unix_call *, unix_call_cancel)
