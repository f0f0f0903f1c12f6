/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/text.h"

struct settings {
	char *listen, *path, *unset;
	uint64_t size;
	bool on;
};

static const struct config_item items[] = {
	{ "api", "listen", CONFIG_STRING, offsetof(struct settings, listen), "unix:/run/x", 0, 0,
	  "Where to listen." },
	{ "api", "unset", CONFIG_STRING, offsetof(struct settings, unset), NULL, 0, 0, "Nothing." },
	{ "store", "path", CONFIG_PATH, offsetof(struct settings, path), "/var/lib/x", 0, 0,
	  "A file." },
	{ "store", "size", CONFIG_NUMBER, offsetof(struct settings, size), "10", 5, 20,
	  "A number." },
	{ "store", "on", CONFIG_BOOL, offsetof(struct settings, on), "yes", 0, 0, "A switch." },
};
enum { ITEMS = sizeof(items) / sizeof(items[0]) };

static char folder[64], file[80], drop_ins[96];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/facet-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/x.conf", folder);
	snprintf(drop_ins, sizeof(drop_ins), "%s.d", file);
	return 0;
}

static int teardown(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static void write_to(const char *name, const char *text)
{
	cleanup(cleanup_file) FILE *f = fopen(name, "we");

	assert_non_null(f);
	fputs(text, f);
}

static void write_drop_in(const char *name, const char *text)
{
	char path[256];

	mkdir(drop_ins, 0700);
	snprintf(path, sizeof(path), "%s/%s", drop_ins, name);
	write_to(path, text);
}

static struct settings load(void)
{
	struct settings s = { 0 };
	struct error err = { 0 };

	if (config_load(file, items, ITEMS, &s, &err) < 0)
		fail_msg("%s: %s", err.place, err.text);
	return s;
}

static void done(struct settings *s)
{
	config_done(items, ITEMS, s);
	assert_null(s->listen);
	assert_null(s->path);
}

/* PLACE: how the place ends. */
static void assert_refused(const char *place, const char *says)
{
	struct settings s = { 0 };
	struct error err = { 0 };
	size_t n = strlen(place);

	assert_int_equal(config_load(file, items, ITEMS, &s, &err), -ERR_INVALID);
	assert_null(s.listen);
	assert_null(s.path);
	if (strlen(err.place) < n || strcmp(err.place + strlen(err.place) - n, place) != 0 ||
	    !strstr(err.text, says))
		fail_msg("'%s' at '%s', not '%s' at '%s'", err.text, err.place, says, place);
}

static void refused(const char *text, const char *place, const char *says)
{
	write_to(file, text);
	assert_refused(place, says);
}

static void without_a_file_everything_has_its_default(void **state)
{
	struct settings s = load();

	(void)state;
	assert_string_equal(s.listen, "unix:/run/x");
	assert_string_equal(s.path, "/var/lib/x");
	assert_null(s.unset);
	assert_int_equal(s.size, 10);
	assert_true(s.on);
	done(&s);
}

static void the_file_says_it_better(void **state)
{
	struct settings s;

	(void)state;
	write_to(file, "# a comment\n[store]\npath = /data/x.db\nsize=20\non = no ; off\n\n"
		       "[api]\nlisten = tcp:1.2.3.4:80\nunset =\n");
	s = load();
	assert_string_equal(s.path, "/data/x.db");
	assert_string_equal(s.listen, "tcp:1.2.3.4:80");
	assert_string_equal(s.unset, "");
	assert_int_equal(s.size, 20);
	assert_false(s.on);
	done(&s);
}

/* Left to itself, libinih takes the second key for more of the first one's value. */
static void indented_keys_are_keys(void **state)
{
	struct settings s;

	(void)state;
	write_to(file, "[store]\n  path = /a\n\tsize = 7\n  on = false\n  # comment\n");
	s = load();
	assert_string_equal(s.path, "/a");
	assert_int_equal(s.size, 7);
	assert_false(s.on);
	done(&s);
}

static void drop_ins_win_in_the_order_of_their_names(void **state)
{
	struct settings s;

	(void)state;
	write_to(file, "[store]\nsize = 6\npath = /file\n");
	write_drop_in("20-b.conf", "[store]\nsize = 8\n");
	write_drop_in("10-a.conf", "[store]\nsize = 7\npath = /a\n");
	write_drop_in("30-c.conf.bak", "[store]\nsize = 9\n");
	write_drop_in("40-d", "rubbish\n");
	write_drop_in(".50-e.conf", "rubbish\n");
	s = load();
	assert_int_equal(s.size, 8);
	assert_string_equal(s.path, "/a");
	done(&s);
}

static void drop_ins_count_without_the_file(void **state)
{
	struct settings s;

	(void)state;
	write_drop_in("a.conf", "[store]\nsize = 8\n");
	s = load();
	assert_int_equal(s.size, 8);
	done(&s);
}

static void a_bad_value_is_named_with_file_and_line(void **state)
{
	(void)state;
	refused("[store]\n\nsize = 4\n", "/x.conf:3",
		"store.size must be a number from 5 to 20, is '4'");
	refused("[store]\nsize = 21\n", "/x.conf:2", "5 to 20");
	refused("[store]\nsize = many\n", "/x.conf:2", "is 'many'");
	refused("[store]\nsize = -7\n", "/x.conf:2", "5 to 20");
	refused("[store]\non = 1\n", "/x.conf:2", "yes or no");
	refused("[store]\npath = relative\n", "/x.conf:2", "absolute");
}

static void a_bad_value_in_a_drop_in_is_named_there(void **state)
{
	(void)state;
	write_to(file, "[store]\nsize = 6\n");
	write_drop_in("10-a.conf", "[store]\nsize = 400\n");
	assert_refused("/x.conf.d/10-a.conf:2", "5 to 20");
}

static void unknown_keys_and_sections_are_refused(void **state)
{
	(void)state;
	refused("[store]\nsiez = 6\n", "/x.conf:2", "there is no setting [store] siez");
	refused("[stor]\nsize = 6\n", "/x.conf:2", "there is no setting [stor] size");
	refused("size = 6\n", "/x.conf:1", "there is no setting [] size");
}

static void the_first_of_several_mistakes_is_named(void **state)
{
	(void)state;
	refused("[store]\nsize = 4\nnonsense\non = 1\n", "/x.conf:2", "5 to 20");
	refused("[store]\nnonsense\nsize = 4\n", "/x.conf:2", "neither");
	refused("[store\nsize = 4\n", "/x.conf:1", "neither");
}

/* Cut in silence, the path of a file would be that of another one. */
static void a_line_that_is_too_long_is_refused(void **state)
{
	char text[1024] = "[store]\npath = /";

	(void)state;
	memset(text + strlen(text), 'x', 400);
	refused(text, "/x.conf:2", "a line may have 198 characters");
}

static void a_file_that_can_not_be_read_is_an_error(void **state)
{
	struct settings s = { 0 };
	struct error err = { 0 };

	(void)state;
	mkdir(file, 0700);
	assert_int_equal(config_load(file, items, ITEMS, &s, &err), -ERR_IO);
	assert_null(s.listen);
}

static void an_assignment_sets_one_item(void **state)
{
	struct settings s = load();

	(void)state;
	assert_int_equal(config_set("store.size=15", items, ITEMS, &s, NULL), 0);
	assert_int_equal(config_set("api.listen=a.b=c", items, ITEMS, &s, NULL), 0);
	assert_int_equal(s.size, 15);
	assert_string_equal(s.listen, "a.b=c");
	done(&s);
}

static void a_bad_assignment_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "store", "store.size", "size=6", "=", ".=", "a=b.c",
					   "store.size=4", "store.none=6", "store.=6", ".size=6" };
	struct settings s = load();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (config_set(bad[i], items, ITEMS, &s, NULL) != -ERR_INVALID)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(s.size, 10);
	done(&s);
}

static void what_is_printed_is_read_back(void **state)
{
	struct settings s = load(), again;
	FILE *f = fopen(file, "we");

	(void)state;
	assert_int_equal(config_set("store.size=15", items, ITEMS, &s, NULL), 0);
	assert_int_equal(config_set("store.on=no", items, ITEMS, &s, NULL), 0);
	config_print(f, items, ITEMS, &s);
	fclose(f);
	again = load();
	assert_int_equal(again.size, 15);
	assert_false(again.on);
	assert_string_equal(again.listen, s.listen);
	done(&s);
	done(&again);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_file_everything_has_its_default),
		TEST(the_file_says_it_better),
		TEST(indented_keys_are_keys),
		TEST(drop_ins_win_in_the_order_of_their_names),
		TEST(drop_ins_count_without_the_file),
		TEST(a_bad_value_is_named_with_file_and_line),
		TEST(a_bad_value_in_a_drop_in_is_named_there),
		TEST(unknown_keys_and_sections_are_refused),
		TEST(the_first_of_several_mistakes_is_named),
		TEST(a_line_that_is_too_long_is_refused),
		TEST(a_file_that_can_not_be_read_is_an_error),
		TEST(an_assignment_sets_one_item),
		TEST(a_bad_assignment_changes_nothing),
		TEST(what_is_printed_is_read_back),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
