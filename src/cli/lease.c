/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "cli/cell.h"
#include "model/words.h"

static void render_device(const json_t *lease, struct text *to)
{
	text_add(to, "%s/%" JSON_INTEGER_FORMAT, cell_string(lease, "device"),
		 json_integer_value(json_object_get(lease, "index")));
}

static const struct column columns[] = {
	{ "ID", "id" },
	{ "VM", "vm" },
	{ "DEVICE", .render = render_device },
	{ "PROFILE", "profile" },
	{ "GPU", "gpu" },
	{ "STATE", "state", COLUMN_STATE },
	{ "CHANGED", "changed_ms", COLUMN_AGE },
	{ "EXPIRES", "expires_ms", COLUMN_AGE, .wide = true },
	{ "GROUP", "group", .wide = true },
	{ "MEMORY", "fb_mib", COLUMN_MIB, .wide = true },
	{ "PLACEMENT", "placement", COLUMN_NUMBER, .wide = true },
	{ "VF", "vf", .wide = true },
	{ "MDEV", "mdev_uuid", .wide = true },
	{ "GENERATION", "generation", COLUMN_NUMBER, .wide = true },
	{ "REASON", "reason", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "vm", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "vm", .value = "VM",
	  .says = "Only leases of this VM" },
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only leases on this host" },
	{ "gpu", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "gpu", .value = "GPU",
	  .says = "Only leases on this GPU" },
	{ "group", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "group", .value = "GROUP",
	  .says = "Only leases drawn from this group" },
	{ "state", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "state", .value = "STATE",
	  .names = &lease_state_names, .says = "Only leases in this state" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List who owns which slice of which GPU", VERB_LIST, "GET", "/v1/leases",
	  "lease", .columns = columns, .flags = filters, .run = call_list },
	{ "show", "LEASE", "Show one lease", 0, "GET", "/v1/leases/{}", .run = call_show },
	{ "release", "LEASE", "End a hold, or try again to clean a quarantined slice",
	  VERB_CHANGE | VERB_OPERATION, "POST", "/v1/leases/{}/release", .done = "released",
	  .run = call_change },
};

const struct command lease_command = {
	"lease", "The ledger: which slice of a GPU belongs to which VM", verbs, ROWS(verbs),
	"/v1/leases", NULL,
};
