/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - an answer that does not end: a bounded queue of text towards one client.
 *
 *   stream_add() --> [ waiting text ] --> stream_read(), when the client's socket takes more
 *
 * A reader that lets STREAM_WAITING_MAX bytes pile up gets a last record, which tells it to list
 * again, and the end of the stream.  A stream of states is never cut: a newer state takes the place
 * of those not yet sent.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "api/request.h"

enum { STREAM_WAITING_MAX = 4 << 20 };

enum stream_format { STREAM_LINES, STREAM_EVENTS, STREAM_FORMATS };

struct stream {
	struct request *request;
	enum stream_format format;
	bool states;                   /* each line replaces the earlier ones */
	bool idle;                     /* the reader has everything: wake it for more */
	bool quiet;                    /* nothing was added since the last keep-alive */
	bool ended;
	struct text waiting;
	size_t sent;                   /* of waiting */
	bool torn;                     /* the reader has the beginning of a line and not its end */
	int kind;                      /* enum object_kind to watch, -1: all */
	char id[GPU_ID_SIZE];          /* object to watch, "": all */
	uint64_t seen;                 /* newest revision that it was told of, or began after */
	bool follows;                  /* is counted as a follower of the hub */
	bool in_hub;                   /* the hub tells it; else WATCH, until it caught up */
	struct controller_watch *watch;
	struct wanted_feed *feed;
	struct stream *next, **link;   /* in the list of the api */
};

/* A new stream as the answer of RQ, which owns it; NULL when memory ran out. */
struct stream *stream_new(struct request *rq, enum stream_format format);
struct stream *stream_free(struct stream *s);

void stream_add(struct stream *s, const char *text, size_t n);
void stream_keep_alive(struct stream *s);
void stream_end(struct stream *s);

/* Copies up to MAX bytes into BUFFER: how many, 0 for none now (S is then idle), -1 for the end. */
ssize_t stream_read(struct stream *s, char *buffer, size_t max);
