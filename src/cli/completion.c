/* SPDX-License-Identifier: Apache-2.0 */
/* The script holds the tables as words; only names of objects are asked for when completing. */
#include <string.h>

#include "cli/help.h"

static bool put_flag(void *user, const struct flag *f)
{
	fprintf(user, " --%s", f->name);
	if (f->letter)
		fprintf(user, " -%c", f->letter);
	return true;
}

struct values {
	FILE *out;
	const struct command *command;
	const struct verb *verb;
};

/* What may follow a flag that takes a value: words of a table, names of objects, or files. */
static bool put_values(void *user, const struct flag *f)
{
	const struct values *v = user;
	const struct command *objects =
		f->value ? command_of_argument(f->value, strlen(f->value)) : NULL;
	bool is_file = f->value && strcmp(f->value, "FILE") == 0;

	if (!objects && !f->names && !is_file && f->kind != FLAG_YES)
		return true;
	fprintf(v->out, "\t'%s %s --%s'", v->command->name, v->verb->name, f->name);
	if (f->letter)
		fprintf(v->out, "|'%s %s -%c'", v->command->name, v->verb->name, f->letter);
	if (objects) {
		fprintf(v->out, ") _facet_names %s ;;\n", objects->name);
		return true;
	}
	if (is_file) {
		fprintf(v->out, ") COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n");
		return true;
	}
	fprintf(v->out, ") _facet_words '%s", f->names ? "" : "yes no");
	for (size_t i = 0; f->names && i < f->names->n; i++)
		fprintf(v->out, "%s%s", i ? " " : "", f->names->words[i]);
	fprintf(v->out, "' ;;\n");
	return true;
}

/* Completes argument number AT of VERB. */
static void put_argument(FILE *out, const struct command *command, const struct verb *verb,
			 size_t at, const char *word, size_t n)
{
	const struct command *objects = command_of_argument(word, n);

	if (objects)
		fprintf(out, "\t'%s %s %zu') _facet_names %s ;;\n", command->name, verb->name, at,
			objects->name);
}

static void put_arguments(FILE *out, const struct command *command, const struct verb *verb)
{
	size_t at = 0;

	for (const char *s = verb->args; s && *s; s += strcspn(s, " "), s += strspn(s, " "))
		put_argument(out, command, verb, at++, s, strcspn(s, " "));
}

static void put_verbs(FILE *out, const struct command *command)
{
	fprintf(out, "\t%s) echo '", command->name);
	for (size_t i = 0; i < command->n; i++)
		fprintf(out, "%s%s", i ? " " : "", command->verbs[i].name);
	fprintf(out, "' ;;\n");
}

static void each_verb(FILE *out, void (*fn)(FILE *out, const struct command *c,
					    const struct verb *v))
{
	for (size_t i = 0; i < commands_n; i++)
		for (size_t k = 0; k < commands[i]->n; k++)
			fn(out, commands[i], &commands[i]->verbs[k]);
}

static void put_flags(FILE *out, const struct command *command, const struct verb *verb)
{
	fprintf(out, "\t'%s %s') echo '", command->name, verb->name);
	verb_flags(verb, put_flag, out);
	fprintf(out, "' ;;\n");
}

static void put_flag_values(FILE *out, const struct command *command, const struct verb *verb)
{
	struct values v = { out, command, verb };

	verb_flags(verb, put_values, &v);
}

/* Gathers "--name|-n|" of each flag that takes no value, once. */
static bool gather_switch(void *user, const struct flag *f)
{
	struct text *all = user;
	char word[64];

	snprintf(word, sizeof(word), "--%s|", f->name);
	if ((f->kind != FLAG_SWITCH && !f->alone) || (all->data && strstr(all->data, word)))
		return true;
	text_add(all, "%s", word);
	if (f->letter)
		text_add(all, "-%c|", f->letter);
	return true;
}

static void put_takes_value(FILE *out)
{
	cleanup(text_done) struct text all = { 0 };

	for (size_t i = 0; i < commands_n; i++)
		for (size_t k = 0; k < commands[i]->n; k++)
			verb_flags(&commands[i]->verbs[k], gather_switch, &all);
	fprintf(out, "_facet_takes_value()\n{\n\tcase $1 in\n\t%s--*=*) return 1 ;;\n"
		     "\t-*) return 0 ;;\n\tesac\n\treturn 1\n}\n\n", all.data ? all.data : "");
}

/* The line is cut at blanks, not taken from COMP_WORDS, which bash cuts at the '@' and ':' of a
 * GPU's id; for the same reason only what is behind the last of them is handed back. */
static const char fixed_head[] =
	"# bash completion for facet, made by 'facet completion bash'\n\n"
	"_facet_words()\n{\n\tCOMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n}\n\n"
	"_facet_names()\n{\n\tlocal IFS=$'\\n' name prefix\n"
	"\tprefix=${cur%\"${cur##*[:@]}\"}\n"
	"\tfor name in $(facet completion names \"$1\" 2>/dev/null); do\n"
	"\t\t[[ $name == \"$cur\"* ]] || continue\n"
	"\t\tCOMPREPLY+=(\"$(printf '%q' \"${name#\"$prefix\"}\")\")\n\tdone\n}\n\n";

static const char fixed_tail[] =
	"_facet()\n{\n\tlocal line=${COMP_LINE:0:COMP_POINT} words cur='' previous\n"
	"\tlocal command='' verb='' i n=0\n"
	"\tread -ra words <<< \"$line\"\n"
	"\tif [[ $line != *' ' ]]; then\n"
	"\t\tcur=${words[${#words[@]}-1]}\n\t\tunset \"words[${#words[@]}-1]\"\n\tfi\n"
	"\tprevious=${words[${#words[@]}-1]}\n\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < ${#words[@]}; i++)); do\n"
	"\t\tif _facet_takes_value \"${words[i]}\"; then i=$((i + 1)); continue; fi\n"
	"\t\t[[ ${words[i]} == -* ]] && continue\n"
	"\t\tif [[ -z $command ]]; then command=${words[i]}\n"
	"\t\telif [[ -z $verb && -n $(_facet_verbs \"$command\") ]]; then verb=${words[i]}\n"
	"\t\telse n=$((n + 1)); fi\n\tdone\n"
	"\tif [[ -n $command ]] && _facet_takes_value \"$previous\"; then\n"
	"\t\t_facet_value \"$command $verb $previous\"\n"
	"\telif [[ $cur == -* ]]; then\n\t\t_facet_words \"$(_facet_flags \"$command $verb\")\"\n"
	"\telif [[ -z $command ]]; then\n\t\t_facet_words \"$(_facet_commands)\"\n"
	"\telif [[ -z $verb && -n $(_facet_verbs \"$command\") ]]; then\n"
	"\t\t_facet_words \"$(_facet_verbs \"$command\")\"\n"
	"\telse\n\t\t_facet_argument \"$command $verb $n\"\n\tfi\n}\n\n"
	"complete -F _facet facet\n";

void completion_print(FILE *out)
{
	fputs(fixed_head, out);
	fprintf(out, "_facet_commands()\n{\n\techo '");
	for (size_t i = 0; i < commands_n; i++)
		fprintf(out, "%s%s", i ? " " : "", commands[i]->name);
	fprintf(out, "'\n}\n\n_facet_verbs()\n{\n\tcase $1 in\n");
	for (size_t i = 0; i < commands_n; i++)
		put_verbs(out, commands[i]);
	fprintf(out, "\tesac\n}\n\n_facet_flags()\n{\n\tcase $1 in\n");
	each_verb(out, put_flags);
	fprintf(out, "\tesac\n}\n\n_facet_value()\n{\n\tcase $1 in\n");
	each_verb(out, put_flag_values);
	fprintf(out, "\tesac\n}\n\n_facet_argument()\n{\n\tcase $1 in\n");
	each_verb(out, put_arguments);
	fprintf(out, "\tesac\n}\n\n");
	put_takes_value(out);
	fputs(fixed_tail, out);
}
