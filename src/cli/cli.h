/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - the program facet, without its process: arguments in, text out, exit status back. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"

#define CLI_SOCKET "/run/facet/facetd.sock"

/* What the process around it gives. */
struct cli {
	FILE *in, *out, *errors;
	bool terminal;       /* OUT is one: redraw, wrap, show progress */
	bool colour;
	int width;           /* of the terminal, in columns */
	const char *address; /* of facetd, unless --socket says otherwise */
	int pause_ms;        /* before asking again a facetd that went away */
	const struct clock *clock;
};

/* Does what ARGV says and returns the exit status: 0, 1 when a check of `facet doctor` fails, else
 * error_exit_status() of the error, which has been told on cli->errors. */
int cli_run(const struct cli *cli, int argc, char **argv);
