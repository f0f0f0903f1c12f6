/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "model/sharing.h"

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "VALUE", "value", COLUMN_NUMBER },
	{ "PREEMPTS", "preempts" },
	{ "DESCRIPTION", "description", COLUMN_LONG },
	{ 0 },
};

#define PREEMPTS_AND_TEXT                                                                      \
	{ "preempts", .kind = FLAG_WORD, .goes = GOES_BODY, .key = "preempts", .value = "WHOM", \
	  .names = &preempts_names,                                                              \
	  .says = "Which VMs are stopped when there is no room for one of this class" },         \
	{ "description", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "description",            \
	  .value = "TEXT", .says = "What it is for" }

static const struct flag create_flags[] = {
	{ "value", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "value", .value = "N",
	  .says = "0 to 1000; higher goes first", .required = true },
	PREEMPTS_AND_TEXT,
	{ 0 },
};

static const struct flag update_flags[] = {
	{ "value", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "value", .value = "N",
	  .says = "0 to 1000; higher goes first" },
	PREEMPTS_AND_TEXT,
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the priority classes", VERB_LIST, "GET", "/v1/priority-classes",
	  "priority-class", .columns = columns, .run = call_list },
	{ "show", "CLASS", "Show one priority class", 0, "GET", "/v1/priority-classes/{}",
	  .run = call_show },
	{ "create", "NAME", "Make a priority class", VERB_CHANGE, "POST", "/v1/priority-classes",
	  .done = "created", .flags = create_flags, .run = call_change,
	  .example = "facet priority-class create inference --value 800 --preempts lower" },
	{ "update", "CLASS", "Change a priority class", VERB_CHANGE | VERB_OBJECT, "PATCH",
	  "/v1/priority-classes/{}", .done = "changed", .flags = update_flags,
	  .run = call_change },
	{ "delete", "CLASS", "Delete a priority class that no VM has", VERB_CHANGE | VERB_OBJECT,
	  "DELETE", "/v1/priority-classes/{}", .done = "deleted", .run = call_change },
};

const struct command priority_class_command = {
	"priority-class", "Priority classes: who goes first, and whom it may put off", verbs,
	ROWS(verbs), "/v1/priority-classes", NULL,
};
