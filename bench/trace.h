/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - a node list and a request list of the public GPU trace, as its CSV files have them.
 *
 * Requests of the same needs are one shape; nodes without a GPU are left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "placement/engine.h"

enum { TRACE_MODELS_MAX = 64 };

struct trace_node {
	uint32_t cpu, ram; /* thousandths of a CPU, MiB */
	uint8_t gpus, model;
};

/* Requests of one shape. */
struct trace_shape {
	uint32_t cpu, ram, milli, count, seen; /* MILLI of each of COUNT GPUs */
	uint64_t models;                       /* bits; 0: any */
};

struct trace {
	struct trace_node *nodes;
	size_t nodes_n, nodes_room;
	char models[TRACE_MODELS_MAX][32];
	size_t models_n;
	struct trace_shape *shapes;
	size_t shapes_n;
	uint32_t *requests; /* shapes, in the order of the names of the requests */
	size_t requests_n, requests_room;
	char **names;       /* of the requests, in the order of the file */
	uint16_t sizes[KIND_ITEMS_MAX]; /* every MILLI asked for, ascending */
	size_t sizes_n;
	uint64_t milli;     /* of all GPUs */
};

/* Reads both files, plain or compressed with gzip, into T, which is empty; trace_done() after,
 * whatever is returned.
 *   NOT_FOUND, INVALID (with the line), TOO_LARGE, IO, NO_MEMORY */
must_check int trace_read(struct trace *t, const char *nodes, const char *requests,
			  struct error *err);
void trace_done(struct trace *t);

/* Makes room for NEED elements of SIZE in the array at *LIST, which has room for *ROOM. */
bool trace_grow(void *list, size_t *room, size_t need, size_t size);
