/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "model/words.h"

static const struct column columns[] = {
	{ "ID", "id" },
	{ "KIND", "kind" },
	{ "VM", "vm" },
	{ "HOST", "host" },
	{ "STATE", "state", COLUMN_STATE },
	{ "BEGUN", "created_ms", COLUMN_AGE },
	{ "ENDED", "ended_ms", COLUMN_AGE, .wide = true },
	{ "BY", "by", .wide = true },
	{ "ERROR", "error", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "vm", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "vm", .value = "VM",
	  .says = "Only operations on this VM" },
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only operations on this host" },
	{ "kind", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "kind", .value = "KIND",
	  .names = &operation_kind_names, .says = "Only operations of this kind" },
	{ "state", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "state", .value = "STATE",
	  .names = &operation_state_names, .says = "Only operations in this state" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List long jobs, ended ones too", VERB_LIST, "GET", "/v1/operations",
	  "operation", .columns = columns, .flags = filters, .run = call_list },
	{ "show", "OPERATION", "Show one operation with its steps", 0, "GET", "/v1/operations/{}",
	  .run = call_show },
	{ "cancel", "OPERATION", "Ask an operation to end at its next step", VERB_CHANGE, "POST",
	  "/v1/operations/{}/cancel", .done = "asked to end", .run = call_change },
};

const struct command operation_command = {
	"operation", "Long jobs with their steps", verbs, ROWS(verbs), "/v1/operations", NULL,
};
