/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - what server.c does for the other files of this folder. */
#pragma once

#include "api/stream.h"

/* The text of the change that was sent last: see watch.c. */
struct change_text {
	char *line;
	uint64_t revision;
	enum object_kind kind;
	char id[GPU_ID_SIZE];
};

struct change_text *server_last_change(struct api *a);
void server_streams_add(struct api *a, struct stream *s);

/* Lets the HTTP library go on with a connection that waits. */
void server_resume(struct request *rq);
