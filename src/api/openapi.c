/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI 3.1 document, from the route table and the field tables. */
#include <string.h>

#include "api/api.h"
#include "api/problem.h"
#include "api/route.h"

static json_t *reference(const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "#/components/schemas/%s", what);
	return json_pack("{s:s}", "$ref", path);
}

static json_t *json_content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:{s:o}}}", "content", type, "schema", schema);
}

/* ---- parameters ---- */

static json_t *parameter(const char *in, const char *name, json_t *schema, const char *says)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "in", in, "name", name, "required",
			 strcmp(in, "path") == 0, "description", says, "schema", schema);
}

static json_t *text_schema(void)
{
	return json_pack("{s:s}", "type", "string");
}

static void add_text(json_t *list, const char *in, const char *name, const char *says)
{
	json_array_append_new(list, parameter(in, name, text_schema(), says));
}

static json_t *filter_schema(const struct field *f)
{
	json_t *words;

	if (f->kind != FIELD_ENUM)
		return text_schema();
	words = json_array();
	for (size_t i = 0; i < f->names->n; i++)
		json_array_append_new(words, json_string(f->names->words[i]));
	return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static void add_list_parameters(json_t *list, const struct route *route)
{
	const struct fields *f = object_fields(route->what);

	json_array_append_new(list,
			      parameter("query", "limit",
					json_pack("{s:s, s:i, s:i, s:i}", "type", "integer",
						  "minimum", 1, "maximum", 1000, "default", 200),
					"Most items in one answer"));
	add_text(list, "query", "after", "Go on after this: what next said in the last answer");
	for (size_t i = 0; i < f->n; i++)
		if (route_filters_by(&f->rows[i]))
			json_array_append_new(list, parameter("query", f->rows[i].name,
							      filter_schema(&f->rows[i]),
							      "Only those where it equals this"));
}

static const char *says_of_query(const char *name)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{ "after", "Begin after this revision; without it, now" },
		{ "dry_run", "1: only say what would be done" },
		{ "moves", "Most moves, 1 to 50; without it 50" },
		{ "budget_s", "Most seconds that guests stand still, all moves together" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].says;
	return "Only those where it equals this";
}

static void add_own_query(json_t *list, const struct route *route)
{
	char name[NAME_SIZE];

	for (const char *s = route->query; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		snprintf(name, sizeof(name), "%.*s", (int)n, s);
		add_text(list, "query", name, says_of_query(name));
		s += n;
	}
}

static void add_command_parameters(json_t *list, const struct route *route)
{
	json_array_append_new(
		list, parameter("query", "dry_run",
				json_pack("{s:s, s:[s,s]}", "type", "string", "enum", "0", "1"),
				"1: check and answer, but change nothing"));
	if (strcmp(route->method, "POST") == 0)
		add_text(list, "header", "Idempotency-Key",
			 "The same key again gets the first answer again, and nothing is done "
			 "twice");
	else
		add_text(list, "header", "If-Match", "Do it only at this revision: its ETag");
}

static json_t *parameters(const struct route *route)
{
	json_t *list = json_array();
	char name[NAME_SIZE];

	for (size_t i = 0; route_param(route, i, name); i++)
		add_text(list, "path", name, "Name or id");
	if (route->does == DOES_LIST)
		add_list_parameters(list, route);
	if (route->does == DOES_COMMAND)
		add_command_parameters(list, route);
	add_own_query(list, route);
	return list;
}

/* ---- bodies ---- */

/* What a client may send: not what Facet fills in, and of a change nothing is required. */
static void add_writable(json_t *properties, json_t *required, const struct fields *f, bool change)
{
	json_t *schema = fields_schema(f);

	for (size_t i = 0; i < f->n; i++) {
		const struct field *row = &f->rows[i];

		if ((row->flags & FIELD_READONLY) || (change && (row->flags & FIELD_FIXED)))
			continue;
		json_object_set(properties, row->name,
				json_object_get(json_object_get(schema, "properties"), row->name));
		if (!change && (row->flags & FIELD_REQUIRED))
			json_array_append_new(required, json_string(row->name));
	}
	json_decref(schema);
}

static json_t *request_body(const struct route *route)
{
	json_t *properties = json_object(), *required = json_array(), *schema, *j;
	bool change = strcmp(route->method, "PATCH") == 0;

	for (size_t i = 0; i < ROUTE_BODIES_MAX && route->bodies[i]; i++)
		add_writable(properties, required, route->bodies[i], change);
	schema = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
			   "required", required);
	j = json_content("application/json", schema);
	json_object_set_new(j, "required", json_boolean(route->body == BODY_REQUIRED));
	return j;
}

/* ---- answers ---- */

static json_t *answer_schema(const struct route *route)
{
	const char *noun;

	if (route->gives < 0)
		return json_pack("{s:s}", "type", "object");
	noun = names_word(&object_kind_names, route->gives);
	if (route->does != DOES_LIST)
		return reference(noun);
	return json_pack("{s:s, s:[s,s], s:{s:{s:s, s:o}, s:{s:s}, s:{s:s}}}", "type", "object",
			 "required", "items", "revision", "properties", "items", "type", "array",
			 "items", reference(noun), "next", "type", "string", "revision", "type",
			 "integer");
}

static json_t *described(json_t *content, const char *says)
{
	json_object_set_new(content, "description", json_string(says));
	return content;
}

static json_t *stream_answer(const struct route *route)
{
	json_t *j = described(json_content("application/x-ndjson", text_schema()),
			      "One JSON object a line; an empty line keeps the connection alive");

	if (strcmp(route->name, "watch") == 0)
		json_object_set_new(json_object_get(j, "content"), "text/event-stream",
				    json_pack("{s:o}", "schema", text_schema()));
	return j;
}

static json_t *responses(const struct route *route)
{
	json_t *j = json_object();
	char status[8];

	snprintf(status, sizeof(status), "%d", route->status);
	if (route->does == DOES_STREAM)
		json_object_set_new(j, status, stream_answer(route));
	else
		json_object_set_new(
			j, status,
			described(json_content("application/json", answer_schema(route)),
				  "Done, or begun"));
	json_object_set_new(j, "default", described(json_content("application/problem+json",
								 reference("problem")),
						    "Refused or failed"));
	return j;
}

/* ---- the document ---- */

static json_t *operation(const struct route *route)
{
	json_t *j =
		json_pack("{s:s, s:s, s:[s], s:o, s:o, s:s}", "operationId", route->name, "summary",
			  route->says, "tags", "v1", "parameters", parameters(route), "responses",
			  responses(route), "x-role", names_word(&role_names, (int)route->role));
	char tag[NAME_SIZE];

	snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(route->name, "."), route->name);
	json_array_set_new(json_object_get(j, "tags"), 0, json_string(tag));
	if (route->body != BODY_NONE)
		json_object_set_new(j, "requestBody", request_body(route));
	return j;
}

static void lower(const char *method, char out[16])
{
	size_t i;

	for (i = 0; method[i] && i < 15; i++)
		out[i] = (char)(method[i] | 0x20);
	out[i] = '\0';
}

static json_t *paths(void)
{
	json_t *all = json_object();
	char method[16];

	for (size_t i = 0; i < routes_n; i++) {
		json_t *path = json_object_get(all, routes[i].path);

		if (!path) {
			path = json_object();
			json_object_set_new(all, routes[i].path, path);
		}
		lower(routes[i].method, method);
		json_object_set_new(path, method, operation(&routes[i]));
	}
	return all;
}

static json_t *schemas(void)
{
	json_t *all = json_object();

	for (enum object_kind k = 0; k < OBJECT_COUNT; k++) {
		json_t *schema = fields_schema(object_fields(k));

		/* Whatever is read carries its revision; what a client must give is no matter
		 * there. */
		json_object_del(schema, "required");
		json_object_set_new(json_object_get(schema, "properties"), "revision",
				    json_pack("{s:s, s:b}", "type", "integer", "readOnly", 1));
		json_object_set_new(all, names_word(&object_kind_names, (int)k), schema);
	}
	json_object_set_new(all, "problem", problem_schema());
	return all;
}

json_t *api_openapi(void)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:{s:o}}",
			 "openapi", "3.1.0", "info", "title", "Facet", "version", FACET_VERSION,
			 "description",
			 "Shared NVIDIA vGPUs for KVM hosts: who gets which slice of which GPU",
			 "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "servers",
			 "url", "/", "paths", paths(), "components", "schemas", schemas());
}
