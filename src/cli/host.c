/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/call.h"
#include "model/words.h"

static void render_checks(const json_t *host, struct text *to)
{
	const json_t *checks = json_object_get(host, "checks"), *check;
	size_t i, bad = 0;

	json_array_foreach(checks, i, check)
		bad += !json_is_true(json_object_get(check, "ok")) &&
		       !json_is_true(json_object_get(check, "skipped"));
	if (bad > 0)
		text_add(to, "%zu of %zu fail", bad, json_array_size(checks));
	else if (json_array_size(checks) > 0)
		text_add(to, "ok");
}

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "STATE", "state", COLUMN_STATE },
	{ "DRIVER", "driver_version" },
	{ "CPUS", "cpus", COLUMN_NUMBER },
	{ "MEMORY", "ram_mib", COLUMN_MIB },
	{ "CHECKS", .render = render_checks },
	{ "REPORT", "last_report_ms", COLUMN_AGE },
	{ "LIBVIRT", "libvirt_version", .wide = true },
	{ "QEMU", "qemu_version", .wide = true },
	{ "KERNEL", "kernel", .wide = true },
	{ "AGENT", "agent_version", .wide = true },
	{ "REASON", "state_reason", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "state", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "state", .value = "STATE",
	  .names = &host_state_names, .says = "Only hosts in this state" },
	{ 0 },
};

static const struct flag reason[] = {
	{ "reason", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "state_reason", .value = "TEXT",
	  .says = "Why; shown with the host" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the hosts with an agent", VERB_LIST, "GET", "/v1/hosts", "host",
	  .columns = columns, .flags = filters, .run = call_list },
	{ "show", "HOST", "Show one host and its checks", 0, "GET", "/v1/hosts/{}",
	  .run = call_show },
	{ "cordon", "HOST", "Start no more VMs on a host", VERB_CHANGE | VERB_OBJECT, "PATCH",
	  "/v1/hosts/{}", .fixed = "{\"state\":\"cordoned\"}", .done = "cordoned", .flags = reason,
	  .run = call_change, .more = "What runs there goes on. Use it before maintenance.",
	  .example = "facet host cordon h1 --reason 'new fan on Friday'" },
	{ "uncordon", "HOST", "Let VMs be started on a host again", VERB_CHANGE | VERB_OBJECT,
	  "PATCH", "/v1/hosts/{}", .fixed = "{\"state\":\"ready\",\"state_reason\":\"\"}",
	  .done = "ready for VMs again", .run = call_change },
	{ "delete", "HOST", "Forget a host that has no leases", VERB_CHANGE | VERB_OBJECT, "DELETE",
	  "/v1/hosts/{}", .done = "forgotten", .run = call_change,
	  .more = "A host whose agent still reports comes back with its next report." },
};

const struct command host_command = {
	"host", "Machines with GPUs and an agent", verbs, ROWS(verbs), "/v1/hosts", NULL,
};
