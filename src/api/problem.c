/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <string.h>

#include "base/text.h"

json_t *problem_write(const struct error *err, int status, const struct refusal *refusals, size_t n)
{
	const char *name = error_name(err->kind);
	json_t *j, *reasons;
	char type[64];

	snprintf(type, sizeof(type), "urn:facet:problem:%s", name);
	/* "s*" leaves out what is not UTF-8, so that a strange cause does not cost the whole
	 * answer. */
	j = json_pack("{s:s, s:s, s:i, s:s*, s:s}", "type", type, "title", error_words(err->kind),
		      "status", status ? status : error_http_status(err->kind), "detail",
		      text_is_utf8(err->text, strlen(err->text)) ? err->text : NULL, "kind", name);
	if (j && err->place[0])
		json_object_set_new(j, "place", json_string(err->place));
	if (!j || n == 0)
		return j;
	reasons = json_array();
	for (size_t i = 0; reasons && i < n; i++)
		json_array_append_new(reasons, fields_write(&refusal_fields, &refusals[i]));
	json_object_set_new(j, "reasons", reasons);
	return j;
}

json_t *problem_schema(void)
{
	json_t *kinds = json_array(), *j;

	for (enum error_kind k = ERR_NONE + 1; k < ERR_COUNT; k++)
		json_array_append_new(kinds, json_string(error_name(k)));
	j = json_pack("{s:s, s:[s,s,s,s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:s}, s:{s:s, s:o},"
		      " s:{s:s, s:s}, s:{s:s, s:o}}}",
		      "type", "object", "required", "type", "title", "status", "kind", "properties",
		      "type", "type", "string", "title", "type", "string", "status", "type",
		      "integer", "detail", "type", "string", "description",
		      "What failed and what to do about it", "kind", "type", "string", "enum",
		      kinds, "place", "type", "string", "description",
		      "Where in the request: a JSON pointer, a line and column, a header",
		      "reasons", "type", "array", "items", fields_schema(&refusal_fields));
	return j;
}
