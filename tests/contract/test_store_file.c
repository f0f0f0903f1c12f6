/* SPDX-License-Identifier: Apache-2.0 */
/* What only a store in a file can get wrong: whose file it is, of which version, who else has it
 * open, and a disk with no room.  argv[1]: the folder with a file of every schema. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/text.h"
#include "store_suite.h"

static const char *fixtures;
static char folder[] = "/tmp/facet-store-XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	remove_store(path);
	return 0;
}

static struct store *open_ok(void)
{
	struct store *s = NULL;
	struct error err = { 0 };

	if (store_open("sqlite", path, &s, &err) < 0)
		fail_msg("store_open: %s", err.text);
	return s;
}

static void assert_open_fails(enum error_kind kind, const char *says)
{
	struct store *s = (struct store *)&path;
	struct error err = { 0 };

	assert_int_equal(store_open("sqlite", path, &s, &err), -(int)kind);
	assert_ptr_equal(s, &path);
	assert_int_equal(err.kind, kind);
	if (!strstr(err.text, says) || !strstr(err.text, path))
		fail_msg("'%s' does not say '%s' and '%s'", err.text, says, path);
}

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

static char *read_all(const char *file, size_t *ret_n)
{
	cleanup(cleanup_file) FILE *f = fopen(file, "re");
	char *data = calloc(1, 1 << 20);

	if (!f)
		fail_msg("%s: %s", file, strerror(errno));
	*ret_n = fread(data, 1, (1 << 20) - 1, f);
	return data;
}

static int sql_number(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int value;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* ---- whose file ---- */

static void no_such_back_end_is_said(void **state)
{
	struct store *s = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(store_open("postgres", path, &s, &err), -ERR_INVALID);
	assert_non_null(strstr(err.text, "postgres"));
	assert_null(s);
}

static void a_text_file_is_refused_and_left_alone(void **state)
{
	static const char text[] =
		"this is a letter, and it is long enough to have a header of 100 bytes, which is "
		"what SQLite looks at before it says what it sees.\n";
	FILE *f = fopen(path, "we");
	size_t n;
	char *after;

	(void)state;
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_open_fails(ERR_INVALID, "not a store of ours");
	after = read_all(path, &n);
	assert_string_equal(after, text);
	free(after);
}

static void a_database_of_someone_else_is_refused_and_left_alone(void **state)
{
	size_t n, m;
	char *before, *after;

	(void)state;
	run_sql("CREATE TABLE mail (subject TEXT); INSERT INTO mail VALUES ('x');");
	before = read_all(path, &n);
	assert_open_fails(ERR_INVALID, "not a store of ours");
	after = read_all(path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
	run_sql("PRAGMA application_id = 17");
	assert_open_fails(ERR_INVALID, "not a store of ours");
}

static void a_folder_that_is_missing_is_said(void **state)
{
	char saved[sizeof(path)];

	(void)state;
	TEXT_COPY(saved, path);
	snprintf(path, sizeof(path), "%s/no/store.db", folder);
	assert_open_fails(ERR_UNAVAILABLE, "No such file or directory");
	TEXT_COPY(path, saved);
}

static void a_new_file_is_ours_alone(void **state)
{
	struct stat st;
	mode_t before = umask(0);
	struct store *s = open_ok();

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
	umask(before);
	assert_int_equal(sql_number("PRAGMA application_id"), 0x46414354);
}

/* Two daemons on one ledger would both be right. */
static void a_second_process_is_refused(void **state)
{
	struct store *s = open_ok();
	int status;
	pid_t pid;

	(void)state;
	put_now(s, "a", "1", STORE_ANY);
	pid = fork();
	if (pid == 0) {
		struct store *mine = NULL;
		struct error err = { 0 };
		int r = store_open("sqlite", path, &mine, &err);

		_exit(r != -ERR_UNAVAILABLE ? 1 : !strstr(err.text, "another process") ? 2
		      : !strstr(err.text, "stop") ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(put_now(s, "a", "2", 1).r, 0);
	store_close(s);
	store_close(open_ok());
}

/* ---- of which version ---- */

static void a_newer_schema_is_refused_and_both_versions_named(void **state)
{
	char says[64];
	int known;

	(void)state;
	store_close(open_ok());
	known = sql_number("PRAGMA user_version");
	run_sql("PRAGMA user_version = 4711");
	assert_open_fails(ERR_UNAVAILABLE, "schema 4711");
	snprintf(says, sizeof(says), "knows up to %d", known);
	assert_open_fails(ERR_UNAVAILABLE, says);
	assert_int_equal(sql_number("PRAGMA user_version"), 4711);
}

static void load_fixture(int version)
{
	char file[4096], *sql;
	size_t n;

	remove_store(path);
	snprintf(file, sizeof(file), "%s/v%d.sql", fixtures, version);
	sql = read_all(file, &n);
	run_sql(sql);
	free(sql);
	assert_int_equal(sql_number("PRAGMA user_version"), version);
}

static int count_entry(void *user, const char *key, const char *value, uint64_t revision)
{
	(void)key;
	(void)value;
	(void)revision;
	++*(int *)user;
	return 0;
}

static void count_change(void *user, const char *key, const char *value, uint64_t revision)
{
	count_entry(user, key, value, revision);
}

static void assert_contents(struct store *s)
{
	uint64_t revision = 0;
	char *value = NULL;
	int n = 0;

	assert_int_equal(store_list(s, "", count_entry, &n, &revision, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(revision, 7);
	assert_int_equal(store_get(s, "vm/web01", &value, &revision, NULL), 0);
	assert_string_equal(value, "{\"name\":\"web01\"}");
	assert_int_equal(revision, 5);
	free(value);
}

static void a_file_of_every_schema_opens_and_goes_on(void **state)
{
	int newest, changes = 0;
	struct store_watch *w;
	struct store *s;

	(void)state;
	store_close(open_ok());
	newest = sql_number("PRAGMA user_version");
	for (int version = 1; version <= newest; version++) {
		load_fixture(version);
		s = open_ok();
		assert_contents(s);
		assert_int_equal(put_now(s, "vm/web01", "{}", 5).revision, 8);
		assert_int_equal(store_watch(s, "", 4, count_change, &changes, &w, NULL),
				 -ERR_NOT_FOUND);
		assert_int_equal(store_watch(s, "", 7, count_change, &changes, &w, NULL), 0);
		store_close(s);
		assert_int_equal(sql_number("PRAGMA user_version"), newest);
		s = open_ok();
		assert_int_equal(store_revision(s), 8);
		store_close(s);
	}
}

static void what_schema_1_did_not_keep_is_not_found(void **state)
{
	struct store_watch *w = NULL;
	struct store *s;
	int changes = 0;

	(void)state;
	load_fixture(1);
	s = open_ok();
	assert_int_equal(store_watch(s, "", 6, count_change, &changes, &w, NULL), -ERR_NOT_FOUND);
	assert_int_equal(store_watch(s, "", 7, count_change, &changes, &w, NULL), 0);
	store_close(s);
}

static void assert_history_of_fixture(int version)
{
	struct store_watch *w = NULL;
	struct store *s;
	int changes = 0;

	load_fixture(version);
	s = open_ok();
	assert_int_equal(store_watch(s, "", 4, count_change, &changes, &w, NULL), -ERR_NOT_FOUND);
	assert_int_equal(store_watch(s, "", 5, count_change, &changes, &w, NULL), 0);
	store_dispatch(s);
	assert_int_equal(changes, 2);
	store_close(s);
}

static void what_schemas_since_2_kept_is_told(void **state)
{
	(void)state;
	assert_history_of_fixture(2);
	assert_history_of_fixture(3);
}

/* ---- what is dead ---- */

static void put_many(struct store *s, int batches)
{
	enum { EACH = 1000 };
	static char keys[EACH][8];
	static struct store_write w[EACH];

	for (int i = 0; i < EACH; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%03d", i);
		w[i] = (struct store_write){ keys[i], "v", STORE_ANY };
	}
	for (int b = 0; b < batches; b++)
		assert_int_equal(commit_now(s, w, EACH).r, 0);
}

/* 25 versions of 1000 keys, of which 20,000 rows are history: what is older and replaced goes, what
 * is older and not replaced stays, and what was deleted does not come back. */
static void old_rows_go_unless_they_are_the_newest_of_their_key(void **state)
{
	struct store *s = open_ok();
	int rows, n = 0;

	(void)state;
	put_now(s, "gone", "1", STORE_ANY);
	put_now(s, "kept", "1", STORE_ANY);
	put_now(s, "gone", NULL, 1);
	for (int round = 0; round < 2; round++) {
		put_many(s, 25);
		store_close(s);
		rows = sql_number("SELECT count(*) FROM record");
		if (rows < 20000 || rows > 22001)
			fail_msg("%d rows are left", rows);
		assert_int_equal(sql_number("SELECT count(*) FROM record WHERE key = 'gone'"), 0);
		s = open_ok();
		n = 0;
		assert_int_equal(store_list(s, "", count_entry, &n, NULL, NULL), 0);
		assert_int_equal(n, 1001);
		assert_int_equal(store_get(s, "gone", NULL, NULL, NULL), -ERR_NOT_FOUND);
		assert_int_equal(put_now(s, "kept", "1", (uint64_t)(2 + round * 27)).r, 0);
		assert_int_equal(put_now(s, "gone", NULL, STORE_ANY).r, 0);
	}
	assert_int_equal(store_revision(s), 57);
	store_close(s);
}

/* ---- no room ---- */

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static rlim_t size_of_wal(void)
{
	char wal[sizeof(path) + 8];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(wal, &st), 0);
	return (rlim_t)st.st_size;
}

static char *big_value(void)
{
	char *value = malloc(200001);

	memset(value, 'v', 200000);
	value[200000] = '\0';
	return value;
}

/* Commits S1 small and BIG between two of the same group; every one must be refused whole. */
static void assert_no_room(struct store *s, const char *big, const char *says)
{
	struct store_write w[3] = { { "small/1", "1", STORE_ANY },
				    { "big", big, STORE_ANY },
				    { "small/2", "2", STORE_ANY } };
	struct outcome o = commit_now(s, w, 3);
	uint64_t before = store_revision(s);

	assert_int_equal(o.r, -ERR_UNAVAILABLE);
	assert_int_equal(o.revision, 0);
	if (!strstr(o.err.text, says) || !strstr(o.err.text, path))
		fail_msg("'%s' does not say '%s'", o.err.text, says);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_get(s, w[i].key, NULL, NULL, NULL), -ERR_NOT_FOUND);
	assert_int_equal(store_revision(s), before);
}

static void assert_room(struct store *s, const char *big)
{
	uint64_t before = store_revision(s);
	char *value = NULL;

	assert_int_equal(put_now(s, "big", big, STORE_ABSENT).revision, before + 1);
	assert_int_equal(put_now(s, "kept", "2", 1).revision, before + 2);
	store_close(s);
	s = open_ok();
	assert_int_equal(store_get(s, "big", &value, NULL, NULL), 0);
	assert_string_equal(value, big);
	assert_int_equal(store_get(s, "small/1", NULL, NULL, NULL), -ERR_NOT_FOUND);
	free(value);
	store_close(s);
}

/* The kernel refuses to let any file grow: every write beyond fails with EFBIG. */
static void a_write_that_fails_changes_nothing_and_later_ones_succeed(void **state)
{
	struct store *s = open_ok();
	char *big = big_value();

	(void)state;
	put_now(s, "kept", "1", STORE_ANY);
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		limit_files(size_of_wal() + 8192);
		assert_no_room(s, big, "File too large");
		limit_files(RLIM_INFINITY);
	}
	assert_room(s, big);
	free(big);
}

/* A small one beside the one that does not fit: both of one group, the small one may land, but what
 * is answered must be what is there. */
static void what_is_answered_in_a_full_group_is_what_is_there(void **state)
{
	struct store *s = open_ok();
	struct outcome o[3] = { 0 };
	char *big = big_value(), *value = NULL;
	const struct store_write w[3] = { { "one", "1", STORE_ANY }, { "big", big, STORE_ANY },
					  { "two", "2", STORE_ANY } };

	(void)state;
	put_now(s, "kept", "1", STORE_ANY);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(size_of_wal() + 40000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_commit(s, &w[i], 1, outcome_done, &o[i], NULL), 0);
	store_flush(s);
	limit_files(RLIM_INFINITY);
	assert_int_equal(o[1].r, -ERR_UNAVAILABLE);
	store_close(s);
	s = open_ok();
	for (int i = 0; i < 3; i++) {
		int r = store_get(s, w[i].key, &value, NULL, NULL);

		assert_int_equal(o[i].r == 0, r == 0);
		if (r == 0)
			free(value);
	}
	store_close(s);
	free(big);
}

static void an_upgrade_without_room_leaves_the_old_file(void **state)
{
	struct stat st;

	(void)state;
	load_fixture(1);
	assert_int_equal(stat(path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(4096);
	assert_open_fails(ERR_UNAVAILABLE, "");
	limit_files(RLIM_INFINITY);
	assert_int_equal(sql_number("PRAGMA user_version"), 1);
	store_close(open_ok());
}

static bool write_file(const char *file, const char *text)
{
	cleanup(cleanup_close) int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A file system of our own of 1 MiB; needs user namespaces, or root. */
static bool small_disk(void)
{
	char map[32];
	unsigned uid = getuid();

	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) < 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (uid && (!write_file("/proc/self/setgroups", "deny") ||
		    !write_file("/proc/self/uid_map", map)))
		return false;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

static void fill_disk_and_write(void)
{
	char filler[sizeof(folder) + 16], *big = big_value(), block[4096] = { 0 };
	struct store *s = open_ok();
	int fd;

	put_now(s, "kept", "1", STORE_ANY);
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 1000 && write(fd, block, sizeof(block)) > 0; i++)
		;
	close(fd);
	assert_no_room(s, big, "full");
	assert_no_room(s, big, "make room");
	unlink(filler);
	assert_room(s, big);
	free(big);
}

static void a_full_disk_is_survived(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (!small_disk())
			_exit(77);
		fill_disk_and_write();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_such_back_end_is_said, setup),
		cmocka_unit_test_setup(a_text_file_is_refused_and_left_alone, setup),
		cmocka_unit_test_setup(a_database_of_someone_else_is_refused_and_left_alone, setup),
		cmocka_unit_test_setup(a_folder_that_is_missing_is_said, setup),
		cmocka_unit_test_setup(a_new_file_is_ours_alone, setup),
		cmocka_unit_test_setup(a_second_process_is_refused, setup),
		cmocka_unit_test_setup(a_newer_schema_is_refused_and_both_versions_named, setup),
		cmocka_unit_test_setup(a_file_of_every_schema_opens_and_goes_on, setup),
		cmocka_unit_test_setup(what_schema_1_did_not_keep_is_not_found, setup),
		cmocka_unit_test_setup(what_schemas_since_2_kept_is_told, setup),
		cmocka_unit_test_setup(old_rows_go_unless_they_are_the_newest_of_their_key, setup),
		cmocka_unit_test_setup(a_write_that_fails_changes_nothing_and_later_ones_succeed,
				       setup),
		cmocka_unit_test_setup(what_is_answered_in_a_full_group_is_what_is_there, setup),
		cmocka_unit_test_setup(an_upgrade_without_room_leaves_the_old_file, setup),
		cmocka_unit_test_setup(a_full_disk_is_survived, setup),
	};
	int failed;

	if (argc != 2 || !mkdtemp(folder))
		return 2;
	fixtures = argv[1];
	snprintf(path, sizeof(path), "%s/store.db", folder);
	failed = cmocka_run_group_tests_name("store file", tests, NULL, NULL);
	remove_store(path);
	rmdir(folder);
	return failed ? 1 : 0;
}
