/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_host_texts.c - what drivers and tools print: type lists, descriptions, last words.
 *
 * Beside not crashing: every type that comes out can be written as a line and read again as the
 * same type, and last words are printable.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/types.h"
#include "host/vf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_type(const struct gpu_type *t)
{
	struct types again = { 0 };
	char line[PROFILE_SIZE + 32];

	assert(t->type_id > 0 && t->name[0] && strlen(t->name) < sizeof(t->name));
	snprintf(line, sizeof(line), "%-6u: %s\n", t->type_id, t->name);
	assert(types_parse_creatable(line, t->creatable, &again, NULL) == 0);
	assert(again.n == 1 && again.rows[0].type_id == t->type_id);
	assert(strcmp(again.rows[0].name, t->name) == 0);
	types_done(&again);
}

static void check_words(const char *text)
{
	char words[64];

	vf_last_words(text, words, sizeof(words));
	assert(strlen(words) < sizeof(words));
	for (const char *c = words; *c; c++)
		assert(*c >= ' ' && *c <= '~');
	(void)vf_read_output(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct types list = { 0 };
	struct gpu_type type = { 0 };

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	assert(types_parse_creatable(text, true, &list, NULL) == 0);
	assert(list.n <= TYPES_MAX);
	for (size_t i = 0; i < list.n; i++)
		check_type(&list.rows[i]);
	types_done(&list);
	types_parse_description(text, &type);
	(void)types_id_of_directory(text);
	check_words(text);
	free(text);
	return 0;
}
