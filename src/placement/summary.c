/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/summary.h"

#include <string.h>

int summary_add(struct summary *summary, const struct reason *reason, struct error *err)
{
	struct tally *grown;

	for (size_t i = 0; i < summary->n; i++)
		if (strcmp(summary->list[i].reason.code, reason->code) == 0 &&
		    strcmp(summary->list[i].reason.detail, reason->detail) == 0) {
			summary->list[i].n++;
			return 0;
		}
	grown = reallocarray(summary->list, summary->n + 1, sizeof(*grown));
	if (!grown)
		return error_set(err, ERR_NO_MEMORY, "placement");
	summary->list = grown;
	grown[summary->n++] = (struct tally){ *reason, 1 };
	return 0;
}

static int by_frequency(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	if (strcmp(x->reason.code, y->reason.code) != 0)
		return strcmp(x->reason.code, y->reason.code);
	return strcmp(x->reason.detail, y->reason.detail);
}

/* "wrong size class (8 GiB)"; a reason from outside is said in its own words. */
static void words(const struct reason *reason, char *text, size_t size)
{
	static const char *const own[] = {
		"wrong-size-class", "full",	   "no-placement", "no-function", "wrong-mode",
		"not-offered",	    "taken-whole", "fits",	   "not-empty",	  "too-few"};
	bool is_own = false;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		is_own = is_own || strcmp(own[i], reason->code) == 0;
	snprintf(text, size, "%s", is_own ? reason->code : reason->text);
	for (char *c = text; is_own && *c; c++)
		if (*c == '-')
			*c = ' ';
	if (reason->detail[0] && is_own)
		snprintf(text + strlen(text), size - strlen(text), " (%s)", reason->detail);
}

void summary_write(struct summary *summary, char *text, size_t size)
{
	char one[300], line[340];
	size_t length = 0;
	int n;

	if (summary->n > 0)
		qsort(summary->list, summary->n, sizeof(*summary->list), by_frequency);
	text[0] = '\0';
	for (size_t i = 0; i < summary->n; i++) {
		words(&summary->list[i].reason, one, sizeof(one));
		n = snprintf(line, sizeof(line), "%s%zu GPU%s: %s", i ? "; " : "",
			     summary->list[i].n, summary->list[i].n == 1 ? "" : "s", one);
		if (length + (size_t)n + sizeof("; ...") > size) {
			snprintf(text + length, size - length, "; ...");
			return;
		}
		memcpy(text + length, line, (size_t)n + 1);
		length += (size_t)n;
	}
}

void summary_done(struct summary *summary)
{
	free(summary->list);
	*summary = (struct summary){ 0 };
}
