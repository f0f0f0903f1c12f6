/* SPDX-License-Identifier: Apache-2.0 */
/* fake_controller.h - controller.h in memory, with a hand on each answer. */
#pragma once

#include "controller/controller.h"

enum { FAKE_OBJECTS = 64, FAKE_WATCHES = 64, FAKE_PENDING = 64 };

struct fake_object {
	enum object_kind kind;
	char id[GPU_ID_SIZE];
	void *data;
	uint64_t revision;
};

struct fake_pending {
	outcome_fn *done;
	void *user;
};

struct controller {
	struct fake_object objects[FAKE_OBJECTS]; /* sorted by kind and id */
	size_t n;
	uint64_t revision, oldest; /* changes before OLDEST are not kept */
	struct controller_watch *watches[FAKE_WATCHES];
	struct wanted_feed *feeds[FAKE_WATCHES];

	struct command last;       /* what was submitted last */
	json_t *last_body;         /* a copy of its body, NULL for none */
	size_t submitted;
	struct error fail;         /* kind set: commands fail with it */
	struct refusal *refusals;
	size_t refusals_n;
	bool replayed;
	bool later;                /* commands are answered by fake_settle() */
	bool lazy;                 /* a watch is told of the past by fake_catch_up() */
	struct fake_pending pending[FAKE_PENDING];
	size_t pending_n;
};

struct controller *fake_new(void);
struct controller *fake_free(struct controller *c);

/* Puts a copy of DATA there, NULL: removes; tells watchers. */
void fake_put(struct controller *c, enum object_kind kind, const char *id, const void *data);
void fake_settle(struct controller *c);
/* Sends LINE to the feeds of HOST. */
void fake_wanted(struct controller *c, const char *host, const char *line);
void fake_catch_up(struct controller *c);
size_t fake_watches(const struct controller *c);
size_t fake_feeds(const struct controller *c);
