/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "cli/explain.h"
#include "model/words.h"

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "MODE", "mode" },
	{ "POLICY", "policy" },
	{ "HOLD S", "hold_s", COLUMN_NUMBER },
	{ "PROFILES", "profiles", COLUMN_WORDS },
	{ "FILTER", "filter", COLUMN_LONG },
	{ "OVERTAKE S", "overtake_s", COLUMN_NUMBER, .wide = true },
	{ "GRACE S", "preempt_grace_s", COLUMN_NUMBER, .wide = true },
	{ "DESCRIPTION", "description", COLUMN_LONG, .wide = true },
	{ 0 },
};

static const struct flag settings[] = {
	{ "filter", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "filter", .value = "FILTER",
	  .says = "Which GPUs belong to it; none given: all" },
	{ "mode", .kind = FLAG_WORD, .goes = GOES_BODY, .key = "mode", .value = "MODE",
	  .names = &gpu_mode_names, .says = "How its GPUs are cut" },
	{ "policy", .kind = FLAG_WORD, .goes = GOES_BODY, .key = "policy", .value = "POLICY",
	  .names = &policy_names, .says = "How a GPU is chosen" },
	{ "profile", .kind = FLAG_LIST, .goes = GOES_BODY, .key = "profiles", .value = "PROFILE",
	  .says = "A profile it allows, * as wildcard; may be repeated; none given: all" },
	{ "hold", .kind = FLAG_SECONDS, .goes = GOES_BODY, .key = "hold_s", .value = "TIME",
	  .says = "How long a lease outlives the run of its VM: 90, 5m, 2h" },
	{ "overtake", .kind = FLAG_SECONDS, .goes = GOES_BODY, .key = "overtake_s",
	  .value = "TIME",
	  .says = "How long the first start in the queue may be overtaken; 0: 5m" },
	{ "preempt-grace", .kind = FLAG_SECONDS, .goes = GOES_BODY, .key = "preempt_grace_s",
	  .value = "TIME",
	  .says = "How long a preempted guest has to shut down before it is forced; 0: 60" },
	{ "description", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "description",
	  .value = "TEXT", .says = "What it is for" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the resource groups", VERB_LIST, "GET", "/v1/groups", "group",
	  .columns = columns, .run = call_list },
	{ "show", "GROUP", "Show one group", 0, "GET", "/v1/groups/{}", .run = call_show },
	{ "create", "NAME", "Make a group", VERB_CHANGE | VERB_FILE, "POST", "/v1/groups",
	  .done = "created", .flags = settings, .run = call_change,
	  .example = "facet group create ai --filter 'board eq \"NVIDIA L40S\"' "
		     "--profile 'NVIDIA L40S-*C'" },
	{ "update", "GROUP", "Change the settings of a group that are given",
	  VERB_CHANGE | VERB_OBJECT | VERB_FILE, "PATCH", "/v1/groups/{}", .done = "changed",
	  .flags = settings, .run = call_change },
	{ "delete", "GROUP", "Delete a group that nobody draws from", VERB_CHANGE | VERB_OBJECT,
	  "DELETE", "/v1/groups/{}", .done = "deleted", .run = call_change },
	{ "explain", "GROUP", "Tell for each GPU whether the group has it, and why", 0, "GET",
	  "/v1/groups/{}/explain", .run = explain_group },
};

const struct command group_command = {
	"group", "Resource groups: which GPUs, and how they are shared", verbs, ROWS(verbs),
	"/v1/groups", NULL,
};
