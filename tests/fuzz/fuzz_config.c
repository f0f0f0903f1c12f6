/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file.  What is taken must be taken again when it is printed, and mean the
 * same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/config.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
	char *words, *path;
	uint64_t number;
	bool on;
};

static const struct config_item items[] = {
	{ "a", "words", CONFIG_STRING, offsetof(struct settings, words), "some words",
	  0, 0, "Words." },
	{ "a", "path", CONFIG_PATH, offsetof(struct settings, path), "/x", 0, 0, "Path." },
	{ "b", "number", CONFIG_NUMBER, offsetof(struct settings, number), "7", 1, 1000,
	  "Number." },
	{ "b", "on", CONFIG_BOOL, offsetof(struct settings, on), "no", 0, 0, "Switch." },
};
enum { ITEMS = sizeof(items) / sizeof(items[0]) };

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* A file without a folder: its drop-ins are not there either. */
static int load(const void *data, size_t size, struct settings *ret, struct error *err)
{
	cleanup(cleanup_close) int fd = memfd_create("config", MFD_CLOEXEC);
	char name[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return config_load(name, items, ITEMS, ret, err);
}

/* What libinih would read differently: it ends a value at " ;" and takes no line of 200 bytes. */
static bool can_be_printed(const char *s)
{
	return strlen(s) < 180 && !strchr(s, ';') && !strchr(s, '\r') &&
	       (s[0] == '\0' || !strchr(" \t\v\f", s[0]));
}

static void check_taken(const struct settings *s)
{
	struct settings again = { 0 };
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	config_print(f, items, ITEMS, s);
	fclose(f);
	check(load(text, n, &again, NULL) == 0);
	check(strcmp(again.words, s->words) == 0 && strcmp(again.path, s->path) == 0);
	check(again.number == s->number && again.on == s->on);
	config_done(items, ITEMS, &again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = { 0 };
	struct error err = { 0 };

	if (load(data, size, &s, &err) < 0) {
		check(!s.words && !s.path);
		check(err.place[0] && text_is_utf8(err.text, strlen(err.text)));
		return 0;
	}
	check(s.number >= 1 && s.number <= 1000);
	check(s.path[0] == '/' || s.path[0] == '\0');
	if (can_be_printed(s.words) && can_be_printed(s.path))
		check_taken(&s);
	config_done(items, ITEMS, &s);
	return 0;
}
