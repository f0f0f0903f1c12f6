/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/route.h"

static json_t *document;

static int make_document(void **state)
{
	(void)state;
	document = api_openapi();
	return document ? 0 : -1;
}

static int drop_document(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

/* ---- the table ---- */

static void no_two_routes_are_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++)
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(routes[i].name, routes[j].name);
			assert_false(strcmp(routes[i].path, routes[j].path) == 0 &&
				     strcmp(routes[i].method, routes[j].method) == 0);
		}
}

/* A command without a route could not be asked for; a list without one could not be seen. */
static void every_command_and_kind_has_its_route(void **state)
{
	size_t commands[COMMAND_COUNT] = { 0 }, lists[OBJECT_COUNT] = { 0 };

	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		const struct route *r = &routes[i];

		if (r->does == DOES_COMMAND) {
			commands[r->what]++;
			assert_string_equal(r->name, names_word(&command_kind_names, r->what));
		} else if (r->does == DOES_LIST) {
			lists[r->what]++;
		}
	}
	for (int i = 0; i < COMMAND_COUNT; i++)
		assert_int_equal(commands[i], 1);
	for (int i = 0; i < OBJECT_COUNT; i++)
		assert_int_equal(lists[i], 1);
}

/* Changing something takes more than looking. */
static void no_viewer_changes_anything(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		if (strcmp(routes[i].method, "GET") == 0)
			assert_int_not_equal(routes[i].does, DOES_COMMAND);
		else
			assert_false(route_permits(&routes[i], ROLE_VIEWER));
	}
}

/* A function is what a call needs and a list does not have. */
static void every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		const struct route *r = &routes[i];
		bool own = r->does == DOES_CALL || r->does == DOES_STREAM;

		assert_int_equal(own, r->fn != NULL);
		assert_int_equal(r->body != BODY_NONE, r->bodies[0] != NULL);
		assert_true(r->path[0] == '/' && strlen(r->says) > 0 && r->query);
		assert_true(strlen(r->says) < 70);
	}
}

static void each_path_finds_its_own_route(void **state)
{
	static struct target t;

	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		const char *params[ROUTE_PARAMS_MAX] = { NULL };
		char path[256] = "", allow[ROUTE_ALLOW_SIZE];
		const struct route *found = NULL;

		/* "{vm}" becomes "xvm1". */
		for (size_t k = 0; routes[i].path[k]; k++)
			path[k] = routes[i].path[k] == '{' ? 'x'
				  : routes[i].path[k] == '}' ? '1' : routes[i].path[k];
		assert_int_equal(target_parse(path, &t, NULL), 0);
		assert_int_equal(route_find(routes[i].method, &t, &found, params, allow, NULL), 0);
		assert_ptr_equal(found, &routes[i]);
		assert_non_null(strstr(allow, routes[i].method));
	}
}

/* ---- the document ---- */

static void walk(const json_t *j, void (*fn)(const json_t *object))
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(j)) {
		fn(j);
		json_object_foreach ((json_t *)(uintptr_t)j, key, value)
			walk(value, fn);
	} else if (json_is_array(j)) {
		json_array_foreach (j, i, value)
			walk(value, fn);
	}
}

static void check_reference(const json_t *object)
{
	static const char prefix[] = "#/components/schemas/";
	const char *ref = json_string_value(json_object_get(object, "$ref"));
	const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");

	if (!ref)
		return;
	assert_memory_equal(ref, prefix, strlen(prefix));
	assert_non_null(json_object_get(schemas, ref + strlen(prefix)));
}

static void every_reference_resolves(void **state)
{
	(void)state;
	walk(document, check_reference);
}

static size_t declared(const json_t *operation, const char *name)
{
	const json_t *list = json_object_get(operation, "parameters");
	size_t i, n = 0;
	json_t *p;

	json_array_foreach (list, i, p)
		if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0 &&
		    strcmp(json_string_value(json_object_get(p, "in")), "path") == 0) {
			assert_true(json_is_true(json_object_get(p, "required")));
			n++;
		}
	return n;
}

static json_t *operation_of(const struct route *route)
{
	char method[16] = "";

	for (size_t i = 0; route->method[i]; i++)
		method[i] = (char)(route->method[i] | 0x20);
	return json_object_get(json_object_get(json_object_get(document, "paths"), route->path),
			       method);
}

static void every_route_is_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		const json_t *op = operation_of(&routes[i]), *answers;
		char name[NAME_SIZE], status[8];

		assert_string_equal(json_string_value(json_object_get(op, "operationId")),
				    routes[i].name);
		answers = json_object_get(op, "responses");
		snprintf(status, sizeof(status), "%d", routes[i].status);
		assert_non_null(json_object_get(answers, status));
		assert_non_null(json_object_get(answers, "default"));
		for (size_t k = 0; route_param(&routes[i], k, name); k++)
			assert_int_equal(declared(op, name), 1);
		assert_int_equal(json_object_get(op, "requestBody") != NULL,
				 routes[i].body != BODY_NONE);
	}
}

static void every_parameter_is_unique_and_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		const json_t *list = json_object_get(operation_of(&routes[i]), "parameters");

		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *p = json_array_get(list, k);
			const char *name = json_string_value(json_object_get(p, "name"));

			assert_non_null(json_object_get(p, "schema"));
			if (strcmp(json_string_value(json_object_get(p, "in")), "query") == 0)
				assert_true(route_takes(&routes[i], name));
			for (size_t m = 0; m < k; m++)
				assert_string_not_equal(
					name, json_string_value(json_object_get(
						      json_array_get(list, m), "name")));
		}
	}
}

/* A client that is generated from the document must not offer what is refused. */
static void bodies_offer_only_what_a_client_may_set(void **state)
{
	const struct route *update = NULL;
	const json_t *properties;

	(void)state;
	for (size_t i = 0; i < routes_n; i++)
		if (strcmp(routes[i].name, "vm.update") == 0)
			update = &routes[i];
	properties = json_object_get(
		json_object_get(
			json_object_get(json_object_get(json_object_get(operation_of(update),
									"requestBody"),
							"content"),
					"application/json"),
			"schema"),
		"properties");
	assert_non_null(json_object_get(properties, "priority"));
	assert_null(json_object_get(properties, "name"));  /* fixed */
	assert_null(json_object_get(properties, "state")); /* filled in by Facet */
}

/* docs/api.md carries the table as facetd --routes prints it. */
static void the_manual_has_the_table(void **state)
{
	const char *folder = *state;
	char path[512], *table = NULL, *manual;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/api.md", folder);
	f = open_memstream(&table, &n);
	routes_print(f);
	fclose(f);
	f = fopen(path, "re");
	assert_non_null(f);
	manual = calloc(1, 1 << 20);
	assert_true(fread(manual, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	if (!strstr(manual, table))
		fail_msg("docs/api.md differs from facetd --routes:\n%s", table);
	free(manual);
	free(table);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_routes_are_alike),
		cmocka_unit_test(every_command_and_kind_has_its_route),
		cmocka_unit_test(no_viewer_changes_anything),
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(each_path_finds_its_own_route),
		cmocka_unit_test(every_reference_resolves),
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(every_parameter_is_unique_and_taken),
		cmocka_unit_test(bodies_offer_only_what_a_client_may_set),
		cmocka_unit_test_prestate(the_manual_has_the_table,
					  argc > 1 ? argv[1] : (char *)"."),
	};
	return cmocka_run_group_tests_name("routes", tests, make_document, drop_document);
}
