/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

static int width_of(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

int main(int argc, char **argv)
{
	bool terminal = isatty(STDOUT_FILENO);
	const struct cli cli = {
		.in = stdin,
		.out = stdout,
		.errors = stderr,
		.terminal = terminal,
		.colour = terminal && !is_set("NO_COLOR"),
		.width = width_of(STDOUT_FILENO),
		.address = is_set("FACET_SOCKET") ? getenv("FACET_SOCKET") : CLI_SOCKET,
		.pause_ms = 1000,
		.clock = &clock_system,
	};

	/* Names may hold any UTF-8, and libsmartcols measures it in the locale's width. */
	setlocale(LC_CTYPE, "");
	return cli_run(&cli, argc, argv);
}
