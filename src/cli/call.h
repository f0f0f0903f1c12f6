/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - one run of one verb: its arguments, its connection, and what most verbs do with them. */
#pragma once

#include "cli/arguments.h"
#include "cli/table.h"

struct call {
	const struct cli *cli;
	const struct arguments *arguments;
	enum output_format format;
	const char *address;
	struct curl_client *client; /* made at first need */
	struct http_answer problem; /* the document behind an error, for its reasons */
	int exit_status; /* of a run without an error; 0 unless the verb says otherwise */
};

void call_done(struct call *c);

/* What `run` of a verb may be: */
int call_list(struct call *c, struct error *err);   /* GET path, print columns */
int call_show(struct call *c, struct error *err);   /* GET path, print the object */
int call_change(struct call *c, struct error *err); /* METHOD path with the body that flags make */

/* The pieces they are made of.  Path with its "{}" filled and query flags added. */
must_check int call_path(struct call *c, const char *pattern, struct text *ret, struct error *err);
must_check int call_body(struct call *c, json_t **ret, struct error *err);
must_check int call_request(struct call *c, const char *method, const char *path,
			    const json_t *body, struct http_answer *answer, struct error *err);
must_check int call_lines(struct call *c, const char *path, int64_t whole_ms, line_fn *line,
			  void *user, struct error *err);

/* All pages of a list of OBJECTS at PATH.  RAW is set only when there was but one: the API's body
 * as it came. */
struct listing {
	json_t *items;
	json_int_t revision;
	char *raw;
};
must_check int call_listing(struct call *c, const struct command *objects, const char *path,
			    struct listing *ret, struct error *err);
void listing_done(struct listing *l);
/* With -o json: as it came where it came in one piece, else put together. */
void call_print_list(struct call *c, const struct listing *l);

/* Prints the body of an answer with -o json. */
void call_print_raw(struct call *c, const char *text);
struct table_style call_style(const struct call *c);
/* Waits before a facetd that went away is asked again. */
void call_pause(const struct call *c);
