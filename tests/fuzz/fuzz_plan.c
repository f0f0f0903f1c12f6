/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet and a demand: two texts with a line "---" between them.  What is refused is refused with
 * a place; what is taken and is small is planned, and everybody is accounted for. */
#include <stdint.h>
#include <string.h>

#include "planner/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOSTS = 12, VMS = 60 }; /* more would only be slow */

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static bool is_small(const struct fleet *f, const struct needs *n)
{
	uint64_t hosts = 0, vms = 0;

	for (size_t i = 0; i < f->sorts_n; i++)
		hosts += f->sorts[i].count;
	for (size_t i = 0; i < n->n; i++)
		vms += n->rows[i].rate > 0 && n->rows[i].count == 0 ? VMS + 1 : n->rows[i].count;
	return hosts <= HOSTS && vms <= VMS;
}

static void check_plan(const struct plan *p)
{
	cleanup(text_done) struct text page = { 0 };
	uint32_t sum = p->trial.accepted;

	for (int i = LACK_NONE + 1; i < LACK_COUNT; i++)
		sum += p->trial.refused[i];
	require(sum == p->trial.asked && sum == p->arrivals.n);
	require(p->trial.fb_accepted_mib <= p->trial.fb_asked_mib);
	require(page_make(p, &page, NULL) == 0);
	require(text_is_utf8(page.data, page.length));
}

static void plan(const char *fleet, const char *demand)
{
	cleanup(cleanup_free) char *f = strdup(fleet), *d = strdup(demand);
	struct plan_ask ask = { .fleet_file = "fleet", .needs_file = "demand", .fleet_text = f,
				.needs_text = d, .policy = "first-fit", .accept_milli = 100000,
				.how = { .seed = 1, .until_ms = 86400000 } };
	struct plan *p = NULL;

	if (f && d && plan_make(&ask, &p, NULL) == 0)
		check_plan(p);
	plan_free(p);
}

static void check_refusal(const struct error *err)
{
	require(err->kind == ERR_INVALID || err->kind == ERR_TOO_LARGE);
	require(strncmp(err->place, "line ", 5) == 0 || strstr(err->text, "asks for nothing"));
	require(text_is_utf8(err->text, strlen(err->text)));
}

static void read_both(char *fleet, char *demand)
{
	cleanup(cleanup_free) char *f = strdup(fleet), *d = strdup(demand);
	cleanup(cleanup_free) struct fleet *read = calloc(1, sizeof(*read));
	cleanup(needs_done) struct needs needs = { 0 };
	struct error err = { 0 };

	if (!f || !d || !read)
		return;
	if (fleet_read("fleet", fleet, read, &err) < 0 ||
	    needs_read("demand", demand, read, &needs, &err) < 0) {
		check_refusal(&err);
		return;
	}
	if (is_small(read, &needs))
		plan(f, d);
}

/* As plan_read_file() does, texts are UTF-8 without NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *demand;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	demand = strstr(text, "\n---\n");
	if (demand && strlen(text) == size && text_is_utf8(text, size)) {
		*demand = '\0';
		read_both(text, demand + 5);
	}
	free(text);
	return 0;
}
