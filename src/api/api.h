/* SPDX-License-Identifier: Apache-2.0 */
/* api.h - the HTTP interface of the controller, in one sd-event loop.
 *
 * Reads and writes nothing but its socket and the controller.  One thread: that of the loop.
 */
#pragma once

#include <systemd/sd-event.h>

#include "controller/controller.h"

/* Says who is at the other end of socket FD.
 *   DENIED  nobody who may use Facet; the text says what would help */
typedef int identify_fn(void *user, int fd, struct actor *ret, struct error *err);

struct api_config {
	struct controller *controller; /* must outlive the api */
	sd_event *event;               /* a reference is taken */
	const struct clock *clock;
	int listen_fd;                 /* taken over, also on failure */
	identify_fn *identify;
	void *identify_user;
	uint32_t connections;          /* at most; 0: 4096 */
	uint32_t timeout_s;            /* for silence, and for one request to arrive; 0: 30 */
	uint32_t keepalive_ms;         /* of streams; 0: 10 s */
};

struct api;
must_check int api_new(const struct api_config *config, struct api **ret, struct error *err);
/* Ends all streams and connections.  Every command must have been answered: store_flush(). */
struct api *api_free(struct api *a);
DEFINE_CLEANUP(struct api *, api_free)

/* A listening UNIX socket at PATH, whose stale predecessor is removed; mode 0660, and of GROUP when
 * there is such a group and we may give it away.
 *   EXISTS  somebody listens there already */
must_check int api_listen(const char *path, const char *group, int *ret_fd, struct error *err);

/* The OpenAPI 3.1 document, made from the route table: a new object. */
json_t *api_openapi(void);
