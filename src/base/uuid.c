/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

/* Drawn once at random for this program; it must never change. */
static const unsigned char facet_namespace[16] = { 0x6f, 0x0b, 0x9a, 0x52, 0x3c, 0x57, 0x4e, 0x1d,
						   0x9d, 0x2e, 0x71, 0xc4, 0x08, 0xe3, 0xb5, 0xaa };

void uuid_make(char text[UUID_TEXT_SIZE])
{
	uuid_t id;

	/* libuuid seeds a second generator each time, which costs ten times as much. */
	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		uuid_generate_random(id);
	id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
	id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
	uuid_unparse_lower(id, text);
}

void uuid_of_name(const char *name, char text[UUID_TEXT_SIZE])
{
	uuid_t id;

	uuid_generate_sha1(id, facet_namespace, name, strlen(name));
	uuid_unparse_lower(id, text);
}

bool uuid_is_valid(const char *text)
{
	uuid_t id;

	return uuid_parse(text, id) == 0;
}
