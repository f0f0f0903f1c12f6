/* SPDX-License-Identifier: Apache-2.0 */
/* rig.h - a server over the fake controller, and raw clients of it, in one thread. */
#pragma once

#include "api/api.h"
#include "fake_controller.h"

struct rig {
	char folder[64], path[96];
	sd_event *event;
	struct controller *c;
	struct api *api;
	struct actor actor;  /* who every new connection is */
	bool refused;        /* new connections are nobody's */
};

struct answer {
	int status;
	char head[4096];
	char *body;
	size_t length;
};

/* CONFIG (NULL: defaults) gives limits only. */
struct rig *rig_new(const struct api_config *config);
struct rig *rig_free(struct rig *r);

int rig_connect(struct rig *r);
/* Sends N bytes as far as the server takes them; returns how many went. */
size_t rig_send(struct rig *r, int fd, const char *bytes, size_t n);
/* The next whole answer on FD; status 0 when the connection ended without one. */
void rig_read(struct rig *r, int fd, struct answer *ret);
void answer_done(struct answer *a);
/* Value of a header in BUFFER, "" when absent. */
const char *answer_header(const struct answer *a, const char *name, char buffer[256]);
json_t *answer_json(const struct answer *a);

/* One request on a connection of its own.  BODY NULL: none.  HEADERS: "A: b\r\n" each, or "". */
void rig_ask(struct rig *r, const char *method, const char *target, const char *headers,
	     const char *body, struct answer *ret);
/* The same for its status alone. */
int rig_status(struct rig *r, const char *method, const char *target, const char *headers,
	       const char *body);

/* Reads from FD into TEXT (free it) until NEEDLE is there, the end, or two seconds passed. */
bool rig_read_until(struct rig *r, int fd, const char *needle, char **text);
/* Lets the server work for MS. */
void rig_run(struct rig *r, int ms);
