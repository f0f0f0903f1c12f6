/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - what server.c does for the other files of this folder. */
#pragma once

#include "api/stream.h"

/* One watch of the controller for all followers that are up to date; see watch.c. */
struct hub {
	struct controller_watch *watch; /* NULL: nobody follows */
	uint64_t seen;                  /* newest revision that it got */
	size_t followers;               /* in it, or on the way to it */
	/* The change that was told last, as each format has it; "" until somebody needs it. */
	struct text change[STREAM_FORMATS];
	uint64_t revision;
	enum object_kind kind;
	char id[GPU_ID_SIZE];
};

struct hub *server_hub(struct api *a);
struct stream *server_streams(struct api *a); /* the first */
void server_streams_add(struct api *a, struct stream *s);

/* Lets the HTTP library go on with a connection that waits. */
void server_resume(struct request *rq);

/* ---- watch.c, for server.c and stream.c ---- */

/* Lets S go from whatever it follows. */
void watch_leave(struct stream *s);
/* Moves followers that have caught up to the hub; not from inside a change. */
void watch_gather(struct api *a);
void hub_done(struct hub *h);
