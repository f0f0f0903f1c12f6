/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are about the program itself, and `facet watch`. */
#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"
#include "cli/help.h"
#include "cli/live.h"

static const struct flag watch_flags[] = {
	{ "kind", .kind = FLAG_TEXT, .value = "KIND",
	  .says = "Only host, gpu, group, vm, lease, operation or event" },
	{ "id", .kind = FLAG_TEXT, .value = "ID", .says = "Only the object with this id" },
	{ "after", .kind = FLAG_NUMBER, .value = "REVISION",
	  .says = "Also what happened since this revision" },
	{ 0 },
};

static const struct verb watch_verbs[] = {
	{ "", "", "Show every change as it happens", .flags = watch_flags, .run = live_all,
	  .example = "facet watch --kind lease -o json" },
};
const struct command watch_command = {
	"watch", "Show every change as it happens", watch_verbs, ROWS(watch_verbs), NULL, NULL,
};

/* A facetd that is not there is no failure of telling one's own version. */
static int version(struct call *c, struct error *err)
{
	cleanup(http_answer_done) struct http_answer a = { 0 };
	int r = call_request(c, "GET", "/v1/version", NULL, &a, err);

	if (r == 0 && c->format == OUTPUT_JSON) {
		call_print_raw(c, a.text);
		return 0;
	}
	fprintf(c->cli->out, "facet %s\n", FACET_VERSION);
	if (r == 0)
		fprintf(c->cli->out, "facetd %s\n", cell_string(a.body, "version"));
	else
		fprintf(c->cli->errors, "facet: %s\n", err ? err->text : "facetd does not answer");
	return 0;
}

static const struct verb version_verbs[] = {
	{ "", "", "Show the versions of facet and facetd", .run = version },
};
const struct command version_command = {
	.name = "version", .says = "Show the versions of facet and facetd",
	.verbs = version_verbs, .n = ROWS(version_verbs),
};

static int no_command(const char *name, struct error *err)
{
	return error_set(err, ERR_INVALID, "there is no command '%s': 'facet help' lists them",
			 name);
}

static int completion_bash(struct call *c, struct error *err)
{
	(void)err;
	completion_print(c->cli->out);
	return 0;
}

static int completion_names(struct call *c, struct error *err)
{
	cleanup(listing_done) struct listing l = { 0 };
	const struct command *command = command_find(c->arguments->words[0]);
	const json_t *item;
	size_t i;
	int r;

	if (!command || !command->path)
		return no_command(c->arguments->words[0], err);
	r = call_listing(c, command, command->path, &l, err);
	json_array_foreach(l.items, i, item) {
		const char *id = cell_string(item, "id");

		fprintf(c->cli->out, "%s\n", *id ? id : cell_string(item, "name"));
	}
	return r;
}

static const struct verb completion_verbs[] = {
	{ "bash", "", "Print the completion script for bash", .run = completion_bash,
	  .example = "source <(facet completion bash)" },
	{ "names", "COMMAND", "Print the names of the objects of a command, one a line",
	  .run = completion_names },
};
const struct command completion_command = {
	"completion", "Completion for shells", completion_verbs, ROWS(completion_verbs), NULL, NULL,
};

static int man(struct call *c, struct error *err)
{
	const struct command *command = NULL;
	const char *name = c->arguments->words_n > 0 ? c->arguments->words[0] : NULL;

	if (name && !(command = command_find(name)))
		return no_command(name, err);
	manual_print(c->cli->out, command);
	return 0;
}

static const struct verb man_verbs[] = {
	{ "", "[COMMAND]", "Print a manual page as roff", .run = man,
	  .example = "facet man vm | man -l -" },
};
const struct command man_command = {
	"man", "Print a manual page as roff", man_verbs, ROWS(man_verbs), NULL, NULL,
};

static int help(struct call *c, struct error *err)
{
	const struct arguments *a = c->arguments;
	const struct command *command = a->words_n > 0 ? command_find(a->words[0]) : NULL;
	const struct verb *verb = NULL;

	if (a->words_n > 0 && !command)
		return no_command(a->words[0], err);
	if (a->words_n > 1) {
		verb = verb_find(command, a->words[1]);
		if (!verb)
			return error_set(err, ERR_INVALID, "there is no 'facet %s %s'", a->words[0],
					 a->words[1]);
	}
	help_print(c->cli->out, command, verb);
	return 0;
}

static const struct verb help_verbs[] = {
	{ "", "[COMMAND] [VERB]", "Show help", .run = help },
};
const struct command help_command = {
	"help", "Show help", help_verbs, ROWS(help_verbs), NULL, NULL,
};
