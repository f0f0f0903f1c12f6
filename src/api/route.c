/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <ctype.h>
#include <string.h>

#include "api/handlers.h"
#include "base/text.h"
#include "model/words.h"

/* Bodies that are no noun: only the schema is made of them, the controller reads them. */
struct stop_body {
	int how;
};
static const struct field stop_rows[] = {
	FIELD_WORD(struct stop_body, how, 0, &stop_how_names, "Ask the guest, or pull the plug"),
};
static const struct fields stop_fields = FIELDS("stop", struct stop_body, stop_rows);

struct start_body {
	uint32_t wait_s;
};
static const struct field start_rows[] = {
	FIELD_NUMBER(struct start_body, wait_s, FIELD_U32, 0, 1, 31536000,
		     "Seconds it may wait for room; without it, it is refused when there is none"),
};
static const struct fields start_fields = FIELDS("start", struct start_body, start_rows);

struct host_body {
	char host[NAME_SIZE];
};
static const struct field on_host_rows[] = {
	FIELD(struct host_body, host, FIELD_NAME, 0,
	      "Host, where the name of the VM is not enough"),
};
static const struct fields on_host_fields = FIELDS("host", struct host_body, on_host_rows);

struct group_body {
	char group[NAME_SIZE];
};
static const struct field in_group_rows[] = {
	FIELD(struct group_body, group, FIELD_NAME, 0, "Group that its vGPUs are counted in"),
};
static const struct fields in_group_fields = FIELDS("group", struct group_body, in_group_rows);

enum { NOTHING = -1 };

#define CALL(path_, role_, name_, fn_, query_, says_)                                            \
	{ "GET", path_, ROLE_##role_, name_, DOES_CALL, 0, fn_, query_, BODY_NONE, { NULL }, 200, \
	  NOTHING, says_ }
#define STREAM(path_, role_, name_, fn_, query_, says_)                                         \
	{ "GET", path_, ROLE_##role_, name_, DOES_STREAM, 0, fn_, query_, BODY_NONE, { NULL },   \
	  200, NOTHING, says_ }
#define LIST(path_, kind_, name_, says_)                                                        \
	{ "GET", path_, ROLE_VIEWER, name_, DOES_LIST, OBJECT_##kind_, NULL, "", BODY_NONE,      \
	  { NULL }, 200, OBJECT_##kind_, says_ }
#define GET(path_, kind_, name_, says_)                                                         \
	{ "GET", path_, ROLE_VIEWER, name_, DOES_GET, OBJECT_##kind_, NULL, "", BODY_NONE,       \
	  { NULL }, 200, OBJECT_##kind_, says_ }
#define DO(method_, path_, role_, command_, name_, body_, status_, gives_, says_, ...)          \
	{ method_, path_, ROLE_##role_, name_, DOES_COMMAND, COMMAND_##command_, NULL, "",       \
	  BODY_##body_, { __VA_ARGS__ }, status_, gives_, says_ }

const struct route routes[] = {
	CALL("/v1/version", NONE, "version.get", version_get, "", "Say which Facet this is"),
	CALL("/v1/openapi.json", NONE, "openapi.get", openapi_get, "", "Describe this interface"),
	CALL("/v1/doctor", VIEWER, "doctor.get", doctor_get, "", "Check ledger and hosts"),
	CALL("/v1/domains", VIEWER, "domain.list", domains_get, "",
	     "List the domains that hosts report, known to Facet or not"),
	CALL("/v1/profiles", VIEWER, "profile.list", profiles_get, "board series",
	     "List vGPU profiles"),

	LIST("/v1/hosts", HOST, "host.list", "List hosts"),
	GET("/v1/hosts/{host}", HOST, "host.get", "Show a host"),
	DO("PATCH", "/v1/hosts/{host}", OPERATOR, HOST_UPDATE, "host.update", REQUIRED, 200,
	   OBJECT_HOST, "Set whether VMs may be started on a host", &host_fields),
	DO("DELETE", "/v1/hosts/{host}", ADMIN, HOST_DELETE, "host.delete", NONE, 200, NOTHING,
	   "Forget a host that has no leases", NULL),
	STREAM("/v1/hosts/{host}/wanted", HOST, "host.wanted", wanted_get, "after",
	       "Follow what a host has to make true"),
	DO("POST", "/v1/hosts/{host}/report", HOST, HOST_REPORT, "host.report", REQUIRED, 200,
	   NOTHING, "Tell what is so on a host", &report_fields),

	LIST("/v1/gpus", GPU, "gpu.list", "List physical GPUs"),
	GET("/v1/gpus/{gpu}", GPU, "gpu.get", "Show a GPU with the vGPUs on it"),

	LIST("/v1/groups", GROUP, "group.list", "List resource groups"),
	DO("POST", "/v1/groups", ADMIN, GROUP_CREATE, "group.create", REQUIRED, 201, OBJECT_GROUP,
	   "Make a resource group", &group_fields),
	GET("/v1/groups/{group}", GROUP, "group.get", "Show a resource group"),
	DO("PATCH", "/v1/groups/{group}", ADMIN, GROUP_UPDATE, "group.update", REQUIRED, 200,
	   OBJECT_GROUP, "Change a resource group", &group_fields),
	DO("DELETE", "/v1/groups/{group}", ADMIN, GROUP_DELETE, "group.delete", NONE, 200, NOTHING,
	   "Delete a resource group that nothing uses", NULL),
	CALL("/v1/groups/{group}/explain", VIEWER, "group.explain", group_explain, "",
	     "Say of each GPU why it is in the group or not"),

	LIST("/v1/tenants", TENANT, "tenant.list", "List tenants with their limits and use"),
	DO("POST", "/v1/tenants", ADMIN, TENANT_CREATE, "tenant.create", REQUIRED, 201,
	   OBJECT_TENANT, "Make a tenant", &tenant_fields),
	GET("/v1/tenants/{tenant}", TENANT, "tenant.get", "Show a tenant"),
	DO("PATCH", "/v1/tenants/{tenant}", ADMIN, TENANT_UPDATE, "tenant.update", REQUIRED, 200,
	   OBJECT_TENANT, "Change limits and guarantees; what runs, runs on", &tenant_fields),
	DO("DELETE", "/v1/tenants/{tenant}", ADMIN, TENANT_DELETE, "tenant.delete", NONE, 200,
	   NOTHING, "Delete a tenant that has no VMs", NULL),

	LIST("/v1/priority-classes", PRIORITY_CLASS, "priority-class.list",
	     "List priority classes"),
	DO("POST", "/v1/priority-classes", ADMIN, CLASS_CREATE, "priority-class.create", REQUIRED,
	   201, OBJECT_PRIORITY_CLASS, "Make a priority class", &priority_class_fields),
	GET("/v1/priority-classes/{class}", PRIORITY_CLASS, "priority-class.get",
	    "Show a priority class"),
	DO("PATCH", "/v1/priority-classes/{class}", ADMIN, CLASS_UPDATE, "priority-class.update",
	   REQUIRED, 200, OBJECT_PRIORITY_CLASS, "Change a priority class",
	   &priority_class_fields),
	DO("DELETE", "/v1/priority-classes/{class}", ADMIN, CLASS_DELETE, "priority-class.delete",
	   NONE, 200, NOTHING, "Delete a priority class that no VM has", NULL),

	LIST("/v1/queue", WAITER, "waiter.list", "List starts that wait, in order of turn"),
	GET("/v1/queue/{waiter}", WAITER, "waiter.get", "Show a start that waits"),

	LIST("/v1/vms", VM, "vm.list", "List VMs"),
	DO("POST", "/v1/vms", OPERATOR, VM_CREATE, "vm.create", REQUIRED, 201, OBJECT_VM,
	   "Make a VM known, with the devices it asks for", &vm_fields),
	GET("/v1/vms/{vm}", VM, "vm.get", "Show a VM"),
	DO("PATCH", "/v1/vms/{vm}", OPERATOR, VM_UPDATE, "vm.update", REQUIRED, 200, OBJECT_VM,
	   "Change a VM", &vm_fields),
	DO("DELETE", "/v1/vms/{vm}", OPERATOR, VM_DELETE, "vm.delete", NONE, 200, NOTHING,
	   "Forget a VM; its domain stays", NULL),
	DO("POST", "/v1/vms/{vm}/devices", OPERATOR, VM_ATTACH, "vm.attach", REQUIRED, 200,
	   OBJECT_VM, "Give a VM a device", &vm_device_fields, &on_host_fields),
	DO("DELETE", "/v1/vms/{vm}/devices/{device}", OPERATOR, VM_DETACH, "vm.detach", NONE, 200,
	   OBJECT_VM, "Take a device from a VM", NULL),
	DO("POST", "/v1/vms/{vm}/start", OPERATOR, VM_START, "vm.start", OPTIONAL, 202,
	   OBJECT_OPERATION, "Start a VM with its vGPUs, or let it wait for them", &start_fields),
	DO("POST", "/v1/vms/{vm}/stop", OPERATOR, VM_STOP, "vm.stop", OPTIONAL, 202,
	   OBJECT_OPERATION, "Stop a VM and give its vGPUs back", &stop_fields),
	DO("POST", "/v1/vms/{vm}/adopt", OPERATOR, VM_ADOPT, "vm.adopt", OPTIONAL, 200, OBJECT_VM,
	   "Take over a domain that someone else made, with its vGPUs", &on_host_fields,
	   &in_group_fields),
	CALL("/v1/vms/{vm}/explain", VIEWER, "vm.explain", vm_explain, "",
	     "Say which GPU each device got and why the others were not taken"),

	{ "POST", "/v1/rebalance", ROLE_OPERATOR, "rebalance", DOES_CALL, 0, rebalance_post,
	  "dry_run group moves budget_s", BODY_NONE, { NULL }, 200, NOTHING,
	  "Plan the moves of VMs that would make most room; nothing is moved yet" },

	LIST("/v1/leases", LEASE, "lease.list", "List leases: who owns which slice"),
	GET("/v1/leases/{lease}", LEASE, "lease.get", "Show a lease"),
	DO("POST", "/v1/leases/{lease}/release", OPERATOR, LEASE_RELEASE, "lease.release", NONE,
	   202, OBJECT_LEASE, "End the hold of a lease, or retry one in quarantine", NULL),

	LIST("/v1/operations", OPERATION, "operation.list", "List operations"),
	GET("/v1/operations/{operation}", OPERATION, "operation.get", "Show an operation"),
	DO("POST", "/v1/operations/{operation}/cancel", OPERATOR, OPERATION_CANCEL,
	   "operation.cancel", NONE, 202, OBJECT_OPERATION, "End an operation at its next step",
	   NULL),

	LIST("/v1/events", EVENT, "event.list", "List what happened"),
	STREAM("/v1/watch", VIEWER, "watch", watch_get, "after kind id", "Follow every change"),
};
const size_t routes_n = sizeof(routes) / sizeof(routes[0]);

/* Whether the segments of TARGET fit PATH, which begins with a slash. */
static bool path_fits(const char *path, const struct target *t, const char **params)
{
	size_t i = 0, n = 0;

	while (*path == '/') {
		size_t length = strcspn(++path, "/");

		if (i == t->segments_n)
			return false;
		if (path[0] == '{')
			params[n++] = t->segments[i];
		else if (strncmp(path, t->segments[i], length) != 0 || t->segments[i][length])
			return false;
		path += length;
		i++;
	}
	return i == t->segments_n;
}

/* A GPU's id is HOST@ADDRESS: the characters of a name, and those of an address. */
static int check_param(const char *name, const char *value, struct error *err)
{
	if (strcmp(name, "gpu") != 0)
		return text_check_name(value, name, err);
	if (strlen(value) >= GPU_ID_SIZE)
		return error_set(err, ERR_INVALID, "a GPU's id has at most %d bytes",
				 GPU_ID_SIZE - 1);
	if (!isalnum((unsigned char)value[0]) ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@:") !=
		    strlen(value))
		return error_set(err, ERR_INVALID,
				 "a GPU's id looks like h1@0000:41:00.0, not %.90s", value);
	return 0;
}

bool route_param(const struct route *route, size_t n, char name[NAME_SIZE])
{
	const char *s = route->path;

	for (size_t i = 0; (s = strchr(s, '{')); i++, s++) {
		if (i != n)
			continue;
		snprintf(name, NAME_SIZE, "%.*s", (int)strcspn(s + 1, "}"), s + 1);
		return true;
	}
	return false;
}

static int check_params(const struct route *route, const char *const *params, struct error *err)
{
	char name[NAME_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ROUTE_PARAMS_MAX && route_param(route, i, name); i++)
		r = check_param(name, params[i], err);
	if (r < 0 && err)
		TEXT_COPY(err->place, "path");
	return r;
}

static void allow_add(char allow[ROUTE_ALLOW_SIZE], const char *method)
{
	size_t n = strlen(allow);

	snprintf(allow + n, ROUTE_ALLOW_SIZE - n, "%s%s%s", n ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

int route_find(const char *method, const struct target *target, const struct route **ret,
	       const char *params[ROUTE_PARAMS_MAX], char allow[ROUTE_ALLOW_SIZE],
	       struct error *err)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	allow[0] = '\0';
	for (size_t i = 0; i < routes_n; i++) {
		if (!path_fits(routes[i].path, target, params))
			continue;
		allow_add(allow, routes[i].method);
		if (strcmp(routes[i].method, wanted) == 0) {
			int r = check_params(&routes[i], params, err);

			if (r == 0)
				*ret = &routes[i];
			return r;
		}
	}
	if (!allow[0])
		return error_at(err, ERR_NOT_FOUND, "path",
				"there is no such path: GET /v1/openapi.json lists them");
	return error_set(err, ERR_NO_METHOD, "this path takes %s, not %.20s", allow, method);
}

bool route_permits(const struct route *route, enum role role)
{
	if (role == ROLE_HOST)
		return route->role == ROLE_HOST || route->role == ROLE_NONE;
	return role >= route->role;
}

bool route_filters_by(const struct field *f)
{
	return f->kind == FIELD_STRING || f->kind == FIELD_NAME || f->kind == FIELD_ENUM;
}

/* Whether the space-separated WORDS have NAME. */
static bool has_word(const char *words, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = words; *s; s += strspn(s, " ")) {
		size_t length = strcspn(s, " ");

		if (length == n && memcmp(s, name, n) == 0)
			return true;
		s += length;
	}
	return false;
}

bool route_takes(const struct route *route, const char *name)
{
	const struct fields *f;

	if (has_word(route->query, name))
		return true;
	if (route->does == DOES_COMMAND)
		return strcmp(name, "dry_run") == 0;
	if (route->does != DOES_LIST)
		return false;
	if (has_word("limit after", name))
		return true;
	f = object_fields(route->what);
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->rows[i].name, name) == 0)
			return route_filters_by(&f->rows[i]);
	return false;
}

void routes_print(FILE *out)
{
	fputs("| method | path | least role | does |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < routes_n; i++)
		fprintf(out, "| %s | `%s` | %s | %s |\n", routes[i].method, routes[i].path,
			names_word(&role_names, (int)routes[i].role), routes[i].says);
}
