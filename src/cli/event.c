/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"

static const struct column columns[] = {
	{ "NUMBER", "number", COLUMN_NUMBER },
	{ "TIME", "time_ms", COLUMN_AGE },
	{ "KIND", "kind" },
	{ "OBJECT", "object" },
	{ "HOST", "host", .wide = true },
	{ "VM", "vm", .wide = true },
	{ "BY", "by", .wide = true },
	{ "TEXT", "text", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "after", .kind = FLAG_NUMBER, .value = "N", .says = "Only events after this number" },
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only events of this host" },
	{ "vm", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "vm", .value = "VM",
	  .says = "Only events of this VM" },
	{ "kind", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "kind", .value = "KIND",
	  .says = "Only events of this kind, such as lease.attached" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List what happened, oldest first", VERB_LIST, "GET", "/v1/events", "event",
	  .columns = columns, .flags = filters, .run = call_list },
};

const struct command event_command = {
	"event", "What happened, when, and who did it", verbs, ROWS(verbs), NULL, NULL,
};
