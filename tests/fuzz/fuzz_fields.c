/* SPDX-License-Identifier: Apache-2.0 */
/* A body from a client: the first byte picks noun and source, the rest is JSON.  What is taken must
 * be readable as our own, say the same then, and survive a copy. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/nouns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fields *const nouns[] = {
	&gpu_fields, &host_fields, &group_fields, &vm_fields, &lease_fields, &operation_fields,
	&event_fields, &tenant_fields, &priority_class_fields, &waiter_fields,
};
enum { NOUNS = sizeof(nouns) / sizeof(nouns[0]) };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_taken(const struct fields *f, const void *target)
{
	void *back = calloc(1, f->size), *copy = calloc(1, f->size);
	json_t *j = fields_write(f, target);

	check(fields_read(f, j, FIELDS_TRUSTED, back, NULL) == 0);
	check(fields_equal(f, target, back));
	check(fields_copy(f, back, copy, NULL) == 0);
	check(fields_equal(f, target, copy));
	json_decref(j);
	fields_done(f, back);
	fields_done(f, copy);
	free(back);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	const struct fields *f;
	enum fields_source source;
	json_t *j = NULL;
	void *target;

	if (size < 1 || json_parse((const char *)data + 1, size - 1, JSON_BODY_MAX, &j, &err) < 0) {
		check(text_is_utf8(err.text, strlen(err.text)));
		return 0;
	}
	f = nouns[data[0] % NOUNS];
	source = (enum fields_source)(data[0] / NOUNS % 3);
	target = calloc(1, f->size);
	if (fields_read(f, j, source, target, &err) == 0) {
		check_taken(f, target);
	} else {
		/* Nothing but the error may have come of it. */
		void *zero = calloc(1, f->size);

		check(memcmp(target, zero, f->size) == 0);
		check(text_is_utf8(err.text, strlen(err.text)));
		check(text_is_utf8(err.place, strlen(err.place)));
		free(zero);
	}
	json_decref(j);
	fields_done(f, target);
	free(target);
	return 0;
}
