/* SPDX-License-Identifier: Apache-2.0 */
#include "api/header.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { TAG_MAX = 20 };

int header_if_match(const char *value, uint64_t *ret, struct error *err)
{
	size_t n = value ? strlen(value) : 0;
	char digits[TAG_MAX + 1] = "";
	uint64_t v = 0;

	if (!value || strcmp(value, "*") == 0) {
		*ret = 0;
		return 0;
	}
	if (n > 2 && n <= TAG_MAX + 2 && value[0] == '"' && value[n - 1] == '"') {
		memcpy(digits, value + 1, n - 2);
		digits[n - 2] = '\0';
	}
	if (!text_to_u64(digits, INT64_MAX, &v))
		return error_at(err, ERR_INVALID, "If-Match",
				"If-Match must be one revision in quotes, such as \"12\", is %.40s",
				value);
	if (v == 0)
		return error_at(err, ERR_PRECONDITION, "If-Match", "no object has revision 0");
	*ret = v;
	return 0;
}

bool header_none_match(const char *value, uint64_t revision)
{
	char tag[TAG_MAX + 3];

	if (!value)
		return false;
	snprintf(tag, sizeof(tag), "\"%ju\"", (uintmax_t)revision);
	return strcmp(value, tag) == 0;
}

int header_idempotency_key(const char *value, char *ret, size_t size, struct error *err)
{
	size_t n = value ? strlen(value) : 0;

	for (size_t i = 0; i < n; i++)
		if (value[i] < 0x21 || value[i] > 0x7e)
			return error_at(err, ERR_INVALID, "Idempotency-Key",
					"Idempotency-Key has a blank or a byte that is not ASCII");
	if (value && (n == 0 || n >= size))
		return error_at(err, ERR_INVALID, "Idempotency-Key",
				"Idempotency-Key has %zu characters, 1 to %zu are taken", n,
				size - 1);
	text_copy(ret, size, value ? value : "");
	return 0;
}

bool header_is_json(const char *value)
{
	size_t n = value ? strcspn(value, "; \t") : 0;

	return (n == 16 && strncasecmp(value, "application/json", n) == 0) ||
	       (n > 5 && strncasecmp(value + n - 5, "+json", 5) == 0);
}

bool header_wants_events(const char *value)
{
	return value && text_contains_nocase(value, "text/event-stream");
}
