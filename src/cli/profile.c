/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"
#include "model/words.h"

/* What the driver allows, with a mark where the catalogue says otherwise. */
static void render_max(const json_t *profile, struct text *to)
{
	json_int_t max = json_integer_value(json_object_get(profile, "max"));
	json_int_t driver = json_integer_value(json_object_get(profile, "driver_max"));

	if (json_is_true(json_object_get(profile, "differs")))
		text_add(to, "%" JSON_INTEGER_FORMAT " (catalogue: %" JSON_INTEGER_FORMAT ")",
			 driver, max);
	else
		text_add(to, "%" JSON_INTEGER_FORMAT, max);
}

static const struct column columns[] = {
	{ "NAME", "name" },
	{ "BOARD", "board" },
	{ "SERIES", "series" },
	{ "MEMORY", "fb_mib", COLUMN_MIB },
	{ "PER GPU", .kind = COLUMN_NUMBER, .render = render_max },
	{ "MIXED", "max_mixed", COLUMN_NUMBER },
	{ "GPUS", "gpus", COLUMN_NUMBER },
	{ "DISPLAYS", "displays", COLUMN_NUMBER },
	{ "CUDA", "cuda", COLUMN_YES },
	{ "LICENCE", "licence" },
	{ "MIG", "mig", COLUMN_YES, .wide = true },
	{ "RESOLUTION", "max_resolution", .wide = true },
	{ 0 },
};

static const struct flag filters[] = {
	{ "board", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "board", .value = "BOARD",
	  .says = "Only this board, such as 'NVIDIA L40S'" },
	{ "series", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "series", .value = "SERIES",
	  .names = &series_names, .says = "Only this series" },
	{ 0 },
};

static int print_objects(const struct table_style *style, const json_t *items, struct error *err)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(items, i, item) {
		if (i > 0)
			fputc('\n', style->out);
		if (r == 0)
			r = table_print_object(style, item, err);
	}
	return r;
}

/* The API has no address for one profile: a name may belong to several boards. */
static int show(struct call *c, struct error *err)
{
	cleanup(listing_done) struct listing l = { 0 };
	struct table_style style = call_style(c);
	int r = call_listing(c, c->arguments->command, "/v1/profiles", &l, err);

	if (r < 0)
		return r;
	for (size_t i = json_array_size(l.items); i > 0; i--)
		if (strcmp(cell_string(json_array_get(l.items, i - 1), "name"),
			   c->arguments->words[0]) != 0)
			json_array_remove(l.items, i - 1);
	if (json_array_size(l.items) == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no profile '%s'",
				 c->arguments->words[0]);
	if (c->format != OUTPUT_JSON)
		return print_objects(&style, l.items, err);
	free(take(l.raw)); /* it has the other profiles too */
	call_print_list(c, &l);
	return 0;
}

static const struct verb verbs[] = {
	{ "list", "", "List the vGPU types of all known boards", VERB_TABLE, "GET", "/v1/profiles",
	  .columns = columns, .flags = filters, .run = call_list,
	  .more = "GPUS counts the GPUs of the pool that offer the type now. Where a driver allows "
		  "another number than the catalogue knows, the driver's counts.",
	  .example = "facet profile list --board 'NVIDIA L40S' --series C" },
	{ "show", "PROFILE", "Show one vGPU type", 0, "GET", "/v1/profiles", .run = show,
	  .example = "facet profile show 'NVIDIA L40S-8Q'" },
};

const struct command profile_command = {
	"profile", "vGPU types and what they offer", verbs, ROWS(verbs), "/v1/profiles", NULL,
	.whole = true,
};
