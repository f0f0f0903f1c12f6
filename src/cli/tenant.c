/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"

static json_int_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/* "24 of 48 GiB"; without a limit only what is used. */
static void render_framebuffer(const json_t *t, struct text *to)
{
	text_add(to, "%.4g", (double)number(t, "used_fb_mib") / 1024);
	if (number(t, "limit_fb_gib"))
		text_add(to, " of %" JSON_INTEGER_FORMAT, number(t, "limit_fb_gib"));
	text_add(to, " GiB");
}

static void render_vgpus(const json_t *t, struct text *to)
{
	text_add(to, "%" JSON_INTEGER_FORMAT, number(t, "used_vgpus"));
	if (number(t, "limit_vgpus"))
		text_add(to, " of %" JSON_INTEGER_FORMAT, number(t, "limit_vgpus"));
}

static void render_guaranteed(const json_t *t, struct text *to)
{
	const char *comma = "";

	if (number(t, "guaranteed_fb_gib")) {
		text_add(to, "%" JSON_INTEGER_FORMAT " GiB", number(t, "guaranteed_fb_gib"));
		comma = ", ";
	}
	if (number(t, "guaranteed_vgpus"))
		text_add(to, "%s%" JSON_INTEGER_FORMAT " vGPUs", comma,
			 number(t, "guaranteed_vgpus"));
}

/* "NVIDIA L40S-8Q 1 of 4, 2 sure" */
static void render_slots(const json_t *t, struct text *to)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(t, "slots"), i, row) {
		text_add(to, "%s%s %" JSON_INTEGER_FORMAT, i ? "; " : "",
			 cell_string(row, "profile"), number(row, "used"));
		if (number(row, "max"))
			text_add(to, " of %" JSON_INTEGER_FORMAT, number(row, "max"));
		if (number(row, "guaranteed"))
			text_add(to, ", %" JSON_INTEGER_FORMAT " sure", number(row, "guaranteed"));
	}
}

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "FRAMEBUFFER", .render = render_framebuffer },
	{ "VGPUS", .render = render_vgpus },
	{ "GUARANTEED", .render = render_guaranteed },
	{ "SLOTS", .kind = COLUMN_LONG, .render = render_slots },
	{ "OVER", "over", COLUMN_LONG },
	{ "DESCRIPTION", "description", COLUMN_LONG, .wide = true },
	{ 0 },
};

/* "PROFILE=MAX" or "PROFILE=MAX:GUARANTEED" as a row; "none" as null. */
static json_t *make_slots(const char *value)
{
	const char *equals = strrchr(value, '='), *colon = equals ? strchr(equals, ':') : NULL;
	uint64_t max = 0, guaranteed = 0;
	char digits[24];

	if (strcmp(value, "none") == 0)
		return json_null();
	if (!equals || equals == value)
		return NULL;
	snprintf(digits, sizeof(digits), "%.*s",
		 (int)(colon ? colon - equals - 1 : (ptrdiff_t)strlen(equals + 1)), equals + 1);
	if (!text_to_u64(digits, UINT32_MAX, &max) ||
	    (colon && !text_to_u64(colon + 1, UINT32_MAX, &guaranteed)))
		return NULL;
	return json_pack("{s:s%, s:I, s:I}", "profile", value, (size_t)(equals - value), "max",
			 (json_int_t)max, "guaranteed", (json_int_t)guaranteed);
}

static const struct flag settings[] = {
	{ "fb-gib", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "limit_fb_gib", .value = "GIB",
	  .says = "Most framebuffer at a time; 0: no limit" },
	{ "vgpus", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "limit_vgpus", .value = "N",
	  .says = "Most vGPUs at a time; 0: no limit" },
	{ "slots", .kind = FLAG_LIST, .goes = GOES_BODY, .key = "slots",
	  .value = "PROFILE=MAX[:GUARANTEED]", .make = make_slots,
	  .says = "Slots of a profile, * as wildcard; may be repeated; none: no rows" },
	{ "guaranteed-fb-gib", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "guaranteed_fb_gib",
	  .value = "GIB", .says = "Framebuffer it is sure of" },
	{ "guaranteed-vgpus", .kind = FLAG_NUMBER, .goes = GOES_BODY, .key = "guaranteed_vgpus",
	  .value = "N", .says = "vGPUs it is sure of" },
	{ "description", .kind = FLAG_TEXT, .goes = GOES_BODY, .key = "description",
	  .value = "TEXT", .says = "Who it is" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the tenants with what they have and may have", VERB_LIST, "GET",
	  "/v1/tenants", "tenant", .columns = columns, .run = call_list },
	{ "show", "TENANT", "Show one tenant", 0, "GET", "/v1/tenants/{}", .run = call_show },
	{ "create", "NAME", "Make a tenant", VERB_CHANGE | VERB_FILE, "POST", "/v1/tenants",
	  .done = "created", .flags = settings, .run = call_change,
	  .example = "facet tenant create lab --fb-gib 96 --guaranteed-fb-gib 48 "
		     "--slots 'NVIDIA L40S-48*=1'" },
	{ "update", "TENANT", "Change the settings of a tenant that are given",
	  VERB_CHANGE | VERB_OBJECT | VERB_FILE, "PATCH", "/v1/tenants/{}", .done = "changed",
	  .flags = settings, .run = call_change,
	  .more = "What runs is never touched: a tenant that has more than it may is shown as "
		  "over, and gets nothing more." },
	{ "delete", "TENANT", "Delete a tenant that has no VMs", VERB_CHANGE | VERB_OBJECT,
	  "DELETE", "/v1/tenants/{}", .done = "deleted", .run = call_change },
};

const struct command tenant_command = {
	"tenant", "Tenants: limits, guarantees and use", verbs, ROWS(verbs), "/v1/tenants",
	"A limit is never exceeded by a start. A guarantee is what the tenant can have at any "
	"time: others may borrow what it does not use, and are stopped when it is wanted back.",
};
