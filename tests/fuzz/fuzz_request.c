/* SPDX-License-Identifier: Apache-2.0 */
/* Any first line and any headers are understood or refused with a place.  Input: "METHOD TARGET",
 * then a header value on each line.  What gets through to a handler is fit for file names, logs and
 * keys. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "api/header.h"
#include "api/route.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void check_segment(const char *s)
{
	size_t n = strlen(s);

	require(n > 0 && text_is_utf8(s, n) && !strchr(s, '/'));
	for (size_t i = 0; i < n; i++)
		require((unsigned char)s[i] >= 0x20 && s[i] != 0x7f);
}

static void check_route(const char *method, const struct target *t)
{
	const char *params[ROUTE_PARAMS_MAX] = { NULL };
	char allow[ROUTE_ALLOW_SIZE], name[NAME_SIZE];
	const struct route *route = NULL;
	struct error err = { 0 };
	int r = route_find(method, t, &route, params, allow, &err);

	if (r < 0) {
		require(!route && strlen(err.text) > 0);
		require((r == -ERR_NO_METHOD) <= (allow[0] != '\0'));
		return;
	}
	for (size_t i = 0; route_param(route, i, name); i++) {
		require(strlen(params[i]) < GPU_ID_SIZE);
		require(strcmp(params[i], "..") != 0 && strcmp(params[i], ".") != 0);
	}
	for (size_t i = 0; i < t->query_n; i++)
		route_takes(route, t->query[i].name);
}

static void check_target(const char *method, const char *raw)
{
	static struct target t;
	struct error err = { 0 };

	if (target_parse(raw, &t, &err) < 0) {
		require(strcmp(err.place, "path") == 0 || strcmp(err.place, "query") == 0);
		return;
	}
	require(t.used <= sizeof(t.text));
	for (size_t i = 0; i < t.segments_n; i++)
		check_segment(t.segments[i]);
	for (size_t i = 0; i < t.query_n; i++)
		require(target_query(&t, t.query[i].name) == t.query[i].value);
	check_route(method, &t);
}

static void check_header(const char *value)
{
	uint64_t revision = 0;
	char key[128] = "";

	if (header_if_match(value, &revision, NULL) == 0 && revision)
		require(value[0] == '"' && header_none_match(value, revision) == (value[1] != '0'));
	if (header_idempotency_key(value, key, sizeof(key), NULL) == 0)
		require(strcmp(key, value) == 0);
	header_is_json(value);
	header_wants_events(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line, *rest, *space;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	rest = text;
	line = strsep(&rest, "\n");
	space = strchr(line, ' ');
	if (space) {
		*space = '\0';
		check_target(line, space + 1);
	}
	while ((line = strsep(&rest, "\n")))
		check_header(line);
	free(text);
	return 0;
}
