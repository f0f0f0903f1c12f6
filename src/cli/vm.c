/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"
#include "cli/explain.h"
#include "model/words.h"

/* "2 x NVIDIA L40S-8Q, compute?"; the question mark is for an optional one. */
static void render_devices(const json_t *vm, struct text *to)
{
	const json_t *device;
	size_t i;

	json_array_foreach(json_object_get(vm, "devices"), i, device) {
		json_int_t count = json_integer_value(json_object_get(device, "count"));

		text_add(to, "%s", i ? ", " : "");
		if (count > 1)
			text_add(to, "%" JSON_INTEGER_FORMAT " x ", count);
		text_add(to, "%s%s", cell_string(device, "profile"),
			 json_is_true(json_object_get(device, "optional")) ? "?" : "");
	}
}

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "HOST", "host" },
	{ "STATE", "state", COLUMN_STATE },
	{ "WANTED", "wanted" },
	{ "DEVICES", .kind = COLUMN_LONG, .render = render_devices },
	{ "TENANT", "tenant", .wide = true },
	{ "PRIORITY", "priority", COLUMN_NUMBER, .wide = true },
	{ "CLASS", "priority_class", .wide = true },
	{ "PREEMPTIBLE", "preemptible", COLUMN_YES, .wide = true },
	{ "RUN", "run", COLUMN_NUMBER, .wide = true },
	{ "UUID", "uuid", .wide = true },
	{ "REASON", "state_reason", COLUMN_LONG },
	{ 0 },
};

static const struct flag filters[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only VMs of this host" },
	{ "state", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "state", .value = "STATE",
	  .names = &vm_state_names, .says = "Only VMs in this state" },
	{ "tenant", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "tenant", .value = "TENANT",
	  .says = "Only VMs of this tenant" },
	{ 0 },
};

#define SETTINGS                                                                               \
	{ "tenant", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "tenant", .value = "TENANT",   \
	  .says = "Tenant it belongs to" },                                                      \
	{ "priority", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "priority", .value = "N",  \
	  .says = "0 to 1000; higher goes first; counts where there is no class" },              \
	{ "priority-class", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "priority_class",      \
	  .value = "CLASS", .says = "Priority class; '' for none" },                             \
	{ "preemptible", .kind = FLAG_YES, .goes = GOES_BODY, .key = "preemptible",             \
	  .value = "YES", .says = "It may be stopped to make room for others: yes or no" },      \
	{ "start-after-boot", .kind = FLAG_YES, .goes = GOES_BODY, .key = "start_after_boot",   \
	  .value = "YES", .says = "Run it again after a reboot of its host: yes or no" }

static const struct flag create_flags[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "host", .value = "HOST",
	  .says = "Host that has the libvirt domain" },
	{ "uuid", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "uuid", .value = "UUID",
	  .says = "UUID of the libvirt domain" },
	SETTINGS,
	{ 0 },
};

static const struct flag update_flags[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "host", .value = "HOST",
	  .says = "Host that now has the libvirt domain" },
	SETTINGS,
	{ 0 },
};

static const struct flag attach_flags[] = {
	{ "group", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "group", .value = "GROUP",
	  .says = "Resource group to draw from", .required = true },
	{ "profile", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "profile", .value = "PROFILE",
	  .says = "vGPU type, or a workload class such as compute or desktop:2", .required = true },
	{ "count", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "count", .value = "N",
	  .says = "How many vGPUs, 1 to 16" },
	{ "optional", .goes = GOES_BODY, .key = "optional",
	  .says = "The VM starts without it when nothing fits" },
	{ "device", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "name", .value = "DEVICE",
	  .says = "Name within the VM, such as gpu0" },
	{ "host", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "host", .value = "HOST",
	  .says = "Host of the VM, where its name alone does not tell" },
	{ "params", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "params", .value = "PARAMS",
	  .says = "vGPU parameters: frame_rate_limiter=0,disable_vnc=1" },
	{ 0 },
};

static const struct flag adopt_flags[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "host", .value = "HOST",
	  .says = "Host that has the libvirt domain, where more than one has it" },
	{ "group", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "group", .value = "GROUP",
	  .says = "Group that its vGPUs are drawn from afterwards", .required = true },
	{ 0 },
};

static const struct flag start_flags[] = {
	{ "wait", .kind = FLAG_SECONDS, .goes = GOES_BODY, .key = "wait_s", .value = "TIME",
	  .alone = "1d",
	  .says = "Wait in the queue when there is no room, no longer than this (1d)" },
	{ 0 },
};

static const struct flag stop_flags[] = {
	{ "force", .says = "Do not wait for the guest: cut its power" },
	{ 0 },
};

/* "how" is a word of the API and a switch here. */
static int stop(struct call *c, struct error *err)
{
	struct verb forced = *c->arguments->verb;
	struct arguments a = *c->arguments;
	int r;

	if (!arguments_has(&a, "force"))
		return call_change(c, err);
	forced.fixed = "{\"how\":\"force\"}";
	a.verb = &forced;
	c->arguments = &a;
	r = call_change(c, err);
	c->arguments = NULL;
	return r;
}

static const struct verb verbs[] = {
	{ "list", "", "List the VMs", VERB_LIST, "GET", "/v1/vms", "vm", .columns = columns,
	  .flags = filters, .run = call_list },
	{ "show", "VM", "Show one VM and its devices", 0, "GET", "/v1/vms/{}", .run = call_show },
	{ "create", "NAME", "Register a libvirt domain with Facet", VERB_CHANGE | VERB_FILE, "POST",
	  "/v1/vms", .done = "created", .flags = create_flags, .run = call_change,
	  .more = "The domain itself is libvirt's: define it there before or afterwards.",
	  .example = "facet vm create web01 --host h1" },
	{ "update", "VM", "Change the settings of a VM that are given",
	  VERB_CHANGE | VERB_OBJECT | VERB_FILE, "PATCH", "/v1/vms/{}", .done = "changed",
	  .flags = update_flags, .run = call_change },
	{ "delete", "VM", "Forget a VM; its libvirt domain stays", VERB_CHANGE | VERB_OBJECT,
	  "DELETE", "/v1/vms/{}", .done = "forgotten", .run = call_change },
	{ "attach", "VM", "Give a VM a vGPU with its next start", VERB_CHANGE | VERB_OPERATION,
	  "POST", "/v1/vms/{}/devices", .done = "vGPU attached", .flags = attach_flags,
	  .run = call_change,
	  .example = "facet vm attach web01 --group ai --profile 'NVIDIA L40S-8Q' --count 2" },
	{ "detach", "VM DEVICE", "Take a device from a VM", VERB_CHANGE | VERB_OPERATION, "DELETE",
	  "/v1/vms/{}/devices/{}", .done = "device detached", .run = call_change },
	{ "start", "VM", "Draw the vGPUs of a VM and start it", VERB_CHANGE | VERB_OPERATION,
	  "POST", "/v1/vms/{}/start", .done = "running", .flags = start_flags,
	  .run = call_change,
	  .more = "When no GPU has room, the reason for each GPU is shown and nothing is left "
		  "behind. With --wait the start joins the queue instead, and goes on when its "
		  "turn comes; --no-wait then returns at once. A VM whose priority class preempts, "
		  "or that is within the guarantee of its tenant, has others stopped to make room; "
		  "--dry-run names them.",
	  .example = "facet vm start web01 --wait=2h" },
	{ "stop", "VM", "Shut a VM down and give its vGPUs back", VERB_CHANGE | VERB_OPERATION,
	  "POST", "/v1/vms/{}/stop", .fixed = "{\"how\":\"graceful\"}", .done = "stopped",
	  .flags = stop_flags, .run = stop },
	{ "adopt", "VM", "Take over a libvirt domain that has vGPUs already",
	  VERB_CHANGE | VERB_OPERATION, "POST", "/v1/vms/{}/adopt", .done = "adopted",
	  .flags = adopt_flags, .run = call_change,
	  .example = "facet vm adopt render3 --group studio" },
	{ "explain", "VM", "Tell for each GPU why a VM got it, or cannot have it", 0, "GET",
	  "/v1/vms/{}/explain", .run = explain_vm },
};

const struct command vm_command = {
	"vm", "Virtual machines and the vGPUs they ask for", verbs, ROWS(verbs), "/v1/vms",
	"A VM is a libvirt domain. What it asks for is kept in its devices; which GPU it gets is "
	"decided when it starts.",
};
