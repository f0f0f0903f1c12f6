/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages in the man(7) macros, printed by `facet man`, so that a page cannot know a flag the
 * program does not. */
#include <ctype.h>
#include <string.h>

#include "cli/help.h"

/* A text for roff: its own characters escaped, "\n" begins a paragraph. */
static void put(FILE *out, const char *s)
{
	bool begins = true;

	for (; *s; s++) {
		if (begins && (*s == '.' || *s == '\''))
			fputs("\\&", out);
		begins = *s == '\n';
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else if (*s == '\n')
			fputs("\n.PP\n", out);
		else
			fputc(*s, out);
	}
}

static void put_upper(FILE *out, const char *s)
{
	for (; *s; s++)
		fputc(toupper((unsigned char)*s), out);
}

static void put_title(FILE *out, const struct command *command)
{
	const char *name = command ? command->name : "";

	fprintf(out, ".TH FACET%s", command ? "-" : "");
	put_upper(out, name);
	fprintf(out, " 1 \"\" \"Facet " FACET_VERSION "\" \"Facet\"\n.SH NAME\nfacet%s%s \\- ",
		command ? "\\-" : "", name);
}

static bool put_required(void *user, const struct flag *f)
{
	if (f->required)
		fprintf(user, " \\-\\-%s \\fI%s\\fR", f->name, f->value);
	return true;
}

static void put_synopsis(FILE *out, const struct command *command, const struct verb *verb)
{
	fprintf(out, "\\fBfacet %s%s%s\\fR", command->name, verb->name[0] ? " " : "", verb->name);
	if (verb->args && *verb->args)
		fprintf(out, " \\fI%s\\fR", verb->args);
	verb_flags(verb, put_required, out);
	fprintf(out, " [\\fIflags\\fR]\n");
}

static void put_words(FILE *out, const struct names *names)
{
	for (size_t i = 0; names && i < names->n; i++) {
		fputs(i ? ", " : "\nOne of ", out);
		put(out, names->words[i]);
	}
	fputs(names ? ".\n" : "\n", out);
}

static bool put_flag(void *user, const struct flag *f)
{
	FILE *out = user;

	fprintf(out, ".TP\n");
	if (f->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", f->letter);
	fputs("\\fB\\-\\-", out);
	put(out, f->name);
	fputs("\\fR", out);
	if (f->alone)
		fprintf(out, "[=\\fI%s\\fR]", f->value);
	else if (f->value)
		fprintf(out, " \\fI%s\\fR", f->value);
	fputc('\n', out);
	put(out, f->says);
	fputs(f->required ? " (required).\n" : ".", out);
	put_words(out, f->names);
	return true;
}

/* The flags that every verb has are told once, in facet(1). */
static bool put_own_flag(void *user, const struct flag *f)
{
	return f != common_flags && put_flag(user, f);
}

static void put_verb(FILE *out, const struct command *command, const struct verb *verb)
{
	fprintf(out, ".SS \"%s\"\n", verb->name[0] ? verb->name : command->name);
	put_synopsis(out, command, verb);
	fprintf(out, ".PP\n");
	put(out, verb->says);
	fprintf(out, ".\n");
	if (verb->more) {
		fprintf(out, ".PP\n");
		put(out, verb->more);
		fprintf(out, "\n");
	}
	verb_flags(verb, put_own_flag, out);
	if (verb->example) {
		fprintf(out, ".PP\nExample:\n.PP\n.nf\n.RS\n");
		put(out, verb->example);
		fprintf(out, "\n.RE\n.fi\n");
	}
}

static void put_command(FILE *out, const struct command *command)
{
	put(out, command->says);
	fprintf(out, "\n.SH SYNOPSIS\n.nf\n");
	for (size_t i = 0; i < command->n; i++)
		put_synopsis(out, command, &command->verbs[i]);
	fprintf(out, ".fi\n.SH DESCRIPTION\n");
	put(out, command->more ? command->more : command->says);
	fprintf(out, "%s\n.SH COMMANDS\n", command->more ? "" : ".");
	for (size_t i = 0; i < command->n; i++)
		put_verb(out, command, &command->verbs[i]);
	fprintf(out, ".PP\nFlags of every command, exit status and environment: see\n"
		     ".BR facet (1).\n.SH SEE ALSO\n.BR facet (1),\n.BR facetd (8)\n");
}

static void put_exit_statuses(FILE *out)
{
	fprintf(out, ".SH \"EXIT STATUS\"\n.TP\n0\nDone.\n"
		     ".TP\n1\n\\fBfacet doctor\\fR found a check that fails.\n");
	for (enum error_kind k = ERR_INVALID; k < ERR_COUNT; k++) {
		bool first = true;

		/* Kinds that share a status share an entry, at the first of them. */
		for (enum error_kind before = ERR_INVALID; before < k; before++)
			first = first && error_exit_status(before) != error_exit_status(k);
		if (!first)
			continue;
		fprintf(out, ".TP\n%d\n", error_exit_status(k));
		for (enum error_kind also = k; also < ERR_COUNT; also++) {
			if (error_exit_status(also) != error_exit_status(k))
				continue;
			put(out, error_name(also));
			fputs(": ", out);
			put(out, error_words(also));
			fputs(".\n", out);
		}
	}
}

static void put_all(FILE *out)
{
	fprintf(out, "shared NVIDIA vGPUs for virtual machines\n.SH SYNOPSIS\n"
		     "\\fBfacet\\fR \\fICOMMAND\\fR [\\fIVERB\\fR] [\\fIARGUMENT\\fR...] "
		     "[\\fIflags\\fR]\n.SH DESCRIPTION\n");
	put(out,
	    "facet asks facetd(8), the owner of a pool of GPUs, over its HTTP interface, and "
	    "prints the answer. Everything it can do can be done over that interface too.\n"
	    "Tables are for people: sizes and times are rounded, on a terminal columns are cut to "
	    "its width and states are coloured. With -o json the answer of the interface is "
	    "printed as it came.\n"
	    "Changes of running VMs are operations: facet prints their steps and returns when they "
	    "end. Interrupting facet does not interrupt the operation.");
	fprintf(out, "\n.SH COMMANDS\n");
	for (size_t i = 0; i < commands_n; i++) {
		fprintf(out, ".TP\n\\fBfacet\\-%s\\fR(1)\n", commands[i]->name);
		put(out, commands[i]->says);
		fprintf(out, ".\n");
	}
	fprintf(out, ".SH FLAGS\n");
	verb_flags(NULL, put_flag, out);
	put_exit_statuses(out);
	fprintf(out, ".SH ENVIRONMENT\n"
		     ".TP\nFACET_SOCKET\nWhere facetd listens, unless \\-\\-socket tells.\n"
		     ".TP\nNO_COLOR\nWhen set and not empty, nothing is coloured.\n"
		     ".SH FILES\n.TP\n" CLI_SOCKET "\nWhere facetd listens by default. "
		     "Members of the group facet may open it.\n"
		     ".SH SEE ALSO\n.BR facetd (8),\n.BR facet\\-agent (8)\n");
}

void manual_print(FILE *out, const struct command *command)
{
	put_title(out, command);
	if (command)
		put_command(out, command);
	else
		put_all(out);
}
