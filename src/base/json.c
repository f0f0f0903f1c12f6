/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* jansson recurses up to 2048 deep, which an attacker may choose to spend our stack on; a look
 * over the text beforehand costs less than the parse. */
static int check_depth(const char *text, size_t n, struct error *err)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return error_set(err, ERR_INVALID, "nested deeper than %d levels",
						 JSON_DEPTH_MAX);
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return 0;
}

int json_parse(const char *text, size_t n, size_t max, json_t **ret, struct error *err)
{
	char place[ERROR_PLACE_MAX];
	json_error_t at;
	json_t *j;
	int r;

	if (n > max)
		return error_set(err, ERR_TOO_LARGE, "%zu bytes of JSON, at most %zu are taken", n,
				 max);
	if (n == 0)
		return error_at(err, ERR_INVALID, "line 1 column 1", "not JSON: there is nothing");
	r = check_depth(text, n, err);
	if (r < 0)
		return r;
	j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
	if (!j) {
		snprintf(place, sizeof(place), "line %d column %d", at.line, at.column);
		return error_at(err, ERR_INVALID, place, "not JSON: %s", at.text);
	}
	*ret = j;
	return 0;
}

char *json_line(const json_t *j)
{
	return json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
}
