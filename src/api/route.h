/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - the whole HTTP surface as one table.
 *
 * Dispatch, 404 and 405 answers, permissions, the OpenAPI document and docs/api.md are made from
 * it; nothing else knows a path.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "api/target.h"
#include "controller/controller.h"

enum { ROUTE_PARAMS_MAX = 2, ROUTE_BODIES_MAX = 2, ROUTE_ALLOW_SIZE = 64 };

enum route_does {
	DOES_LIST,    /* the objects of a kind, with filters and pages */
	DOES_GET,     /* one object */
	DOES_COMMAND, /* a command to the controller */
	DOES_CALL,    /* a function of its own */
	DOES_STREAM,  /* a function whose answer does not end */
};

enum route_body {
	BODY_NONE,     /* absent or {} */
	BODY_OPTIONAL,
	BODY_REQUIRED,
};

struct request;
typedef int route_fn(struct request *rq, struct error *err);

struct route {
	const char *method, *path;  /* "/v1/vms/{vm}/devices/{device}" */
	enum role role;             /* least role */
	const char *name;           /* operationId: "vm.start" */
	enum route_does does;
	int what;                   /* enum object_kind, or enum command_kind of a command */
	route_fn *fn;               /* DOES_CALL and DOES_STREAM */
	const char *query;          /* names it takes beyond what DOES implies: "board series" */
	enum route_body body;
	const struct fields *bodies[ROUTE_BODIES_MAX]; /* fields that the body may have */
	int status;                 /* of success */
	int gives;                  /* enum object_kind of the answer, -1: none */
	const char *says;
};

extern const struct route routes[];
extern const size_t routes_n;

/* Finds the route of METHOD (HEAD counts as GET) and the path of TARGET; PARAMS gets the segments
 * that stand for {names}, in order.  ALLOW is filled with the methods of a known path.
 *   NOT_FOUND  no route has this path
 *   NO_METHOD  the path exists, this method on it does not
 *   INVALID    a name in the path is not one that Facet gives out */
must_check int route_find(const char *method, const struct target *target,
			  const struct route **ret, const char *params[ROUTE_PARAMS_MAX],
			  char allow[ROUTE_ALLOW_SIZE], struct error *err);

/* An agent may use what is an agent's; of the others each may what the ones below may. */
bool route_permits(const struct route *route, enum role role);

/* Whether a query of ROUTE may have NAME. */
bool route_takes(const struct route *route, const char *name);

/* Whether a list of things with F can be filtered by it. */
bool route_filters_by(const struct field *f);

/* Name of the Nth parameter of ROUTE's path into NAME, false when there is none. */
bool route_param(const struct route *route, size_t n, char name[NAME_SIZE]);

/* The table as rows of Markdown, for docs/api.md. */
void routes_print(FILE *out);
