/* SPDX-License-Identifier: Apache-2.0 */
/* curl_client.h - blocking HTTP for the command line, over libcurl. */
#pragma once

#include "http/http.h"
#include "http/lines.h"

struct curl_client;

/* ADDRESS is the path of a UNIX socket, or begins with http:// or https://.  Nothing is opened
 * yet.  One thread per client; connections are kept between calls. */
must_check int curl_client_new(struct curl_client **ret, const char *address, struct error *err);
struct curl_client *curl_client_free(struct curl_client *c);
DEFINE_CLEANUP(struct curl_client *, curl_client_free)

/* Sends REQUEST and waits.  ANSWER, zeroed by the caller and given back with http_answer_done(),
 * is filled whenever somebody answered, so that a problem document can be read on failure too.
 *   UNAVAILABLE  nobody answers, or not in time
 *   DENIED       the socket may not be opened
 * and the kinds that the server's problem document names. */
must_check int curl_client_request(struct curl_client *c, const struct http_request *request,
				   struct http_answer *answer, struct error *err);

/* Hands on the lines of a stream until the server ends it (0), LINE returns a negative result
 * (which is returned), or WHOLE_MS have passed (0; WHOLE_MS 0: no limit). */
must_check int curl_client_lines(struct curl_client *c, const struct http_request *request,
				 int64_t whole_ms, line_fn *line, void *user, struct error *err);
