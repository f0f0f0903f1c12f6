/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call.h"
#include "model/words.h"

static void render_vfs(const json_t *gpu, struct text *to)
{
	json_int_t total = json_integer_value(json_object_get(gpu, "vf_total"));

	if (total > 0)
		text_add(to, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(gpu, "vf_enabled")), total);
}

static const struct column columns[] = {
	{ "ID", "id" },
	{ "BOARD", "board" },
	{ "MEMORY", "fb_mib", COLUMN_MIB },
	{ "FRAMEWORK", "framework" },
	{ "MODE", "mode" },
	{ "VGPUS", "vgpus", COLUMN_COUNT },
	{ "HEALTH", "health", COLUMN_STATE },
	{ "POOL", "poolable", COLUMN_YES },
	{ "VFS", .wide = true, .render = render_vfs },
	{ "NUMA", "numa", COLUMN_NUMBER, .wide = true },
	{ "DRIVER", "driver", .wide = true },
	{ "UUID", "uuid", .wide = true },
	{ "WHY NOT", "not_poolable", COLUMN_LONG, .wide = true },
	{ 0 },
};

static const struct flag filters[] = {
	{ "host", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "host", .value = "HOST",
	  .says = "Only GPUs of this host" },
	{ "board", .kind = FLAG_TEXT, .goes = GOES_QUERY, .key = "board", .value = "BOARD",
	  .says = "Only this board, such as 'NVIDIA L40S'" },
	{ "health", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "health", .value = "HEALTH",
	  .names = &gpu_health_names, .says = "Only GPUs in this health" },
	{ "framework", .kind = FLAG_WORD, .goes = GOES_QUERY, .key = "framework",
	  .value = "FRAMEWORK", .names = &framework_names,
	  .says = "Only GPUs whose vGPUs are made this way" },
	{ 0 },
};

static const struct verb verbs[] = {
	{ "list", "", "List the GPUs of the pool and those that cannot join it", VERB_LIST, "GET",
	  "/v1/gpus", "gpu", .columns = columns, .flags = filters, .run = call_list,
	  .example = "facet gpu list --host h1 -o wide" },
	{ "show", "GPU", "Show one GPU, its vGPU types and its vGPUs", 0, "GET", "/v1/gpus/{}",
	  .run = call_show, .example = "facet gpu show h1@0000:41:00.0" },
};

const struct command gpu_command = {
	"gpu", "Physical GPUs", verbs, ROWS(verbs), "/v1/gpus",
	"A GPU is named HOST@ADDRESS, the address being its full PCI address.",
};
