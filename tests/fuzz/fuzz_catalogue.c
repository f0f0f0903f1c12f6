/* SPDX-License-Identifier: Apache-2.0 */
/* The program reads no table at run time (the build does, tools/make-catalogue.py), so what meets
 * foreign text are the look-ups: profile names and classes from requests, PCI ids from hosts. */
#include <stdint.h>
#include <string.h>

#include "model/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const struct catalogue_profile *p;
	const struct board *b;
	struct catalogue_profile guess;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	p = catalogue_find(text, NULL);
	require(!p || strcmp(p->name, text) == 0);
	b = catalogue_board_of(text, text);
	require(!b || strcmp(b->pci_device, text) == 0);
	b = catalogue_board_named(text);
	require(!b || strlen(b->name) >= strlen(text) || strchr(text, ' '));
	catalogue_guess(text, 1024, &guess);
	require(guess.name == text && guess.series < SERIES_COUNT);
	if (!catalogue_is_class(text))
		require(!catalogue_class_takes(text, catalogue_at(0)));
	else
		for (size_t i = 0; i < catalogue_count(); i++)
			(void)catalogue_class_takes(text, catalogue_at(i));
	free(text);
	return 0;
}
