/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static atomic_int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	size_t n;

	if ((int)level > threshold)
		return;
	n = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	if (isatty(STDERR_FILENO))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	/* A name from outside may carry a newline or an escape: neither two records nor a
	 * repainted terminal must come of it. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	strcat(line, "\n");
	/* One write, so that lines of several threads never mix. */
	(void)!write(STDERR_FILENO, line, strlen(line));
}
