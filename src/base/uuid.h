/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h - identifiers, over libuuid. */
#pragma once

#include <stdbool.h>

enum { UUID_TEXT_SIZE = 37 };

/* A new random (version 4) UUID, lower case. */
void uuid_make(char text[UUID_TEXT_SIZE]);

/* A version 5 UUID in Facet's own namespace: equal names give equal UUIDs, so that a step that runs
 * twice names the same object. */
void uuid_of_name(const char *name, char text[UUID_TEXT_SIZE]);

bool uuid_is_valid(const char *text);
