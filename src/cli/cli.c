/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <string.h>

#include "cli/call.h"
#include "cli/cell.h"
#include "cli/explain.h"
#include "cli/help.h"
#include "cli/suggest.h"

static const char *name_of(const json_t *item)
{
	const char *id = cell_string(item, "id");

	return *id ? id : cell_string(item, "name");
}

/* Tells what COMMAND has that looks like WORD; nothing when WORD is there, or the list cannot be
 * had: the error itself has been told. */
static void suggest_object(struct call *c, const struct command *command, const char *word)
{
	cleanup(listing_done) struct listing l = { 0 };
	struct suggest near;
	const json_t *item;
	size_t i;

	if (call_listing(c, command, command->path, &l, NULL) < 0)
		return;
	suggest_init(&near, word);
	json_array_foreach(l.items, i, item) {
		if (strcmp(name_of(item), word) == 0)
			return;
		suggest_offer(&near, name_of(item));
	}
	if (near.best)
		fprintf(c->cli->errors, "facet: did you mean the %s '%s'?\n", command->name,
			near.best);
}

static void suggest_words(struct call *c)
{
	const struct arguments *a = c->arguments;
	size_t i = 0;

	for (const char *s = a->verb->args; s && *s && i < a->words_n; i++) {
		size_t n = strcspn(s, " ");
		const struct command *objects = command_of_argument(s, n);

		if (objects)
			suggest_object(c, objects, a->words[i]);
		s += n;
		s += strspn(s, " ");
	}
}

/* A name that was mistyped is worth a second question to facetd. */
static void suggest_names(struct call *c, enum error_kind kind)
{
	const struct arguments *a = c->arguments;

	if (kind == ERR_NOT_FOUND)
		suggest_words(c);
	for (size_t i = 0; i < a->given_n; i++) {
		const struct flag *f = a->given[i].flag;
		const struct command *objects = f->value && f->goes != GOES_NOWHERE ?
			command_of_argument(f->value, strlen(f->value)) : NULL;

		if (objects && !strchr(a->given[i].value, '*'))
			suggest_object(c, objects, a->given[i].value);
	}
}

/* Why not, per GPU: of a problem document, or of an operation that failed. */
static void print_reasons(struct call *c)
{
	const json_t *reasons = json_object_get(c->problem.body, "reasons");
	struct table_style style = call_style(c);

	if (!reasons)
		reasons = json_object_get(c->problem.body, "refusals");
	if (json_array_size(reasons) == 0)
		return;
	style.out = c->cli->errors;
	if (explain_refusals(&style, reasons, NULL) < 0)
		fprintf(c->cli->errors, "facet: out of memory for the reasons\n");
	if (c->arguments->command == &vm_command && c->arguments->words_n > 0)
		fprintf(c->cli->errors, "'facet explain vm %s' tells more.\n",
			c->arguments->words[0]);
}

static void tell(struct call *c, const struct error *err)
{
	FILE *to = c->cli->errors;

	/* An operation that failed has been printed already: it was asked for, this was not. */
	if (c->format == OUTPUT_JSON && c->problem.text)
		call_print_raw(c, c->problem.text);
	fprintf(to, "facet: %s%s%s\n", err->place, err->place[0] ? ": " : "", err->text);
	if (c->format != OUTPUT_JSON)
		print_reasons(c);
	if (err->kind == ERR_NOT_FOUND || err->kind == ERR_INVALID)
		suggest_names(c, err->kind);
}

static int run(const struct cli *cli, const struct arguments *a)
{
	const char *socket = arguments_value(a, "socket");
	struct call c = {
		.cli = cli,
		.arguments = a,
		.format = arguments_format(a),
		.address = socket ? socket : cli->address,
	};
	struct error err = { 0 };
	int status = 0;

	if (a->verb->run(&c, &err) < 0) {
		c.arguments = a;
		tell(&c, &err);
		status = error_exit_status(err.kind);
	} else {
		status = c.exit_status;
	}
	call_done(&c);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(cli->out) != 0 && status == 0)
		status = error_exit_status(ERR_IO);
	return status;
}

int cli_run(const struct cli *cli, int argc, char **argv)
{
	struct arguments a;
	struct error err = { 0 };

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		fprintf(cli->out, "facet %s\n", FACET_VERSION);
		return 0;
	}
	if (arguments_parse(argc, argv, &a, &err) < 0) {
		fprintf(cli->errors, "facet: %s\n", err.text);
		return error_exit_status(ERR_INVALID);
	}
	if (a.help) {
		help_print(cli->out, a.command, a.verb);
		return 0;
	}
	return run(cli, &a);
}
