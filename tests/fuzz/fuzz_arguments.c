/* SPDX-License-Identifier: Apache-2.0 */
/* Any words are a command with what it needs, or an error with a sentence.  Words end in newlines.
 */
#include <stdint.h>
#include <string.h>

#include "cli/arguments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void check(const struct arguments *a)
{
	require(a->help || (a->command && a->verb));
	require(a->words_n <= ARGUMENTS_MAX && a->given_n <= GIVEN_MAX);
	for (size_t i = 0; i < a->given_n; i++)
		require((a->given[i].value != NULL) == (a->given[i].flag->kind != FLAG_SWITCH));
	require(arguments_format(a) <= OUTPUT_JSON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { WORDS_MAX = 100 };
	char *words[WORDS_MAX + 1], *text = malloc(size + 1);
	struct error err = { 0 };
	struct arguments a;
	int n = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	words[n++] = (char *)"facet";
	for (char *s = strtok(text, "\n"); s && n < WORDS_MAX; s = strtok(NULL, "\n"))
		words[n++] = s;
	words[n] = NULL;
	if (arguments_parse(n, words, &a, &err) < 0)
		require(err.kind == ERR_INVALID && strlen(err.text) > 0);
	else
		check(&a);
	free(text);
	return 0;
}
