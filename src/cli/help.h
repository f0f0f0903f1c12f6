/* SPDX-License-Identifier: Apache-2.0 */
/* help.h - texts made from the tables of command.h. */
#pragma once

#include "cli/command.h"

/* "facet vm attach VM --group GROUP [flags]" */
void help_synopsis(FILE *out, const struct command *command, const struct verb *verb);

/* All commands; one command; one verb of it. */
void help_print(FILE *out, const struct command *command, const struct verb *verb);

/* facet(1) when COMMAND is NULL, else facet-COMMAND(1), in the man macros. */
void manual_print(FILE *out, const struct command *command);

/* The completion script for bash. */
void completion_print(FILE *out);
