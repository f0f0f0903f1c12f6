/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"

static const struct column columns[] = {
	{ "POSITION", "position", COLUMN_NUMBER },
	{ "VM", "vm" },
	{ "HOST", "host" },
	{ "PRIORITY", "priority", COLUMN_NUMBER },
	{ "SINCE", "since_ms", COLUMN_AGE },
	{ "DEADLINE", "deadline_ms", COLUMN_AGE },
	{ "TENANT", "tenant", .wide = true },
	{ "BY", "by", .wide = true },
	{ "PREEMPTED BY", "preempted_by", .wide = true },
	{ "ID", "id", .wide = true },
	{ "WAITS FOR", "waits_for", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only VMs of this host" },
	{ "tenant", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "tenant", .value = "TENANT",
	  .says = "Only VMs of this tenant" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the starts that wait, in order of their turn", VERB_LIST, "GET",
	  "/v1/queue", "waiter", .columns = columns, .flags = filters, .run = call_list },
	{ "show", "WAITER", "Show one of them, by its id", 0, "GET", "/v1/queue/{}",
	  .run = call_show },
};

const struct command queue_command = {
	"queue", "Starts that wait for room", verbs, ROWS(verbs), "/v1/queue",
	"'facet vm start VM --wait' joins the queue, 'facet operation cancel' or 'facet vm stop' "
	"leaves it. Order is by priority, then by arrival.",
};
