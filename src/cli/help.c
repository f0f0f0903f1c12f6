/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <string.h>

static bool print_required(void *user, const struct flag *f)
{
	if (f->required)
		fprintf(user, " --%s %s", f->name, f->value);
	return true;
}

void help_synopsis(FILE *out, const struct command *command, const struct verb *verb)
{
	fprintf(out, "facet %s", command->name);
	if (verb->name[0])
		fprintf(out, " %s", verb->name);
	if (verb->args && *verb->args)
		fprintf(out, " %s", verb->args);
	verb_flags(verb, print_required, out);
	fprintf(out, " [flags]");
}

static bool print_flag(void *user, const struct flag *f)
{
	char name[64];

	snprintf(name, sizeof(name), "--%s%s%s%s", f->name,
		 f->alone   ? "[="
		 : f->value ? " "
			    : "",
		 f->value ? f->value : "", f->alone ? "]" : "");
	if (f->letter)
		fprintf(user, "  -%c, %-24s %s\n", f->letter, name, f->says);
	else
		fprintf(user, "      %-24s %s\n", name, f->says);
	return true;
}

static void print_verb(FILE *out, const struct command *command, const struct verb *verb)
{
	fprintf(out, "%s.\n\n  ", verb->says);
	help_synopsis(out, command, verb);
	fprintf(out, "\n\nFlags:\n");
	verb_flags(verb, print_flag, out);
	if (verb->example)
		fprintf(out, "\nExample:\n  %s\n", verb->example);
}

static void print_command(FILE *out, const struct command *command)
{
	fprintf(out, "%s.\n\n", command->says);
	for (size_t i = 0; i < command->n; i++) {
		const struct verb *v = &command->verbs[i];
		char line[64];

		snprintf(line, sizeof(line), "%s %s", v->name, v->args ? v->args : "");
		fprintf(out, "  facet %s %-24s %s\n", command->name, line, v->says);
	}
	fprintf(out, "\n'facet help %s VERB' shows the flags of a verb.\n", command->name);
}

static void print_all(FILE *out)
{
	fprintf(out, "facet - shared NVIDIA vGPUs for virtual machines.\n\n");
	for (size_t i = 0; i < commands_n; i++)
		fprintf(out, "  %-15s %s\n", commands[i]->name, commands[i]->says);
	fprintf(out, "\nFlags of every command:\n");
	verb_flags(NULL, print_flag, out);
	fprintf(out, "\n'facet help COMMAND' tells more, facet(1) everything.\n");
}

void help_print(FILE *out, const struct command *command, const struct verb *verb)
{
	if (command && !verb && !command->verbs[0].name[0])
		verb = &command->verbs[0];
	if (verb)
		print_verb(out, command, verb);
	else if (command)
		print_command(out, command);
	else
		print_all(out);
}
