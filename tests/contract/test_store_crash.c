/* SPDX-License-Identifier: Apache-2.0 */
/* What was answered is there, and nothing is half there, whenever the process is killed and
 * whenever the power goes.
 *
 * A child writes batches 1, 2, 3 ... with some in flight and says down a pipe which were answered.
 * Batch I writes the number I under each of the WRITES keys of slot I % SLOTS.  Batches land in
 * order, so what is found must be exactly what batches 1 to M leave, for an M not before the last
 * answer. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "power_vfs.h"
#include "store_suite.h"

enum { SLOTS = 17, WRITES = 4, IN_FLIGHT = 6, KILLS = 40, CUTS = 60 };

static char folder[] = "/tmp/facet-store-XXXXXX", path[64];

/* ---- the child ---- */

struct load {
	struct store *store;
	int pipe;
	uint64_t next;
};

struct flight {
	struct load *load;
	uint64_t number;
};

static void commit_next(struct load *l);

static void on_answer(void *user, int r, uint64_t revision, const struct error *err)
{
	struct flight *f = user;

	(void)err;
	if (r < 0 || revision == 0 || write(f->load->pipe, &f->number, sizeof(f->number)) < 0)
		_exit(3);
	commit_next(f->load);
	free(f);
}

static void commit_next(struct load *l)
{
	struct flight *f = malloc(sizeof(*f));
	char keys[WRITES][32], value[600];
	struct store_write w[WRITES];

	*f = (struct flight){ l, l->next++ };
	snprintf(value, sizeof(value), "%ju %0500d", (uintmax_t)f->number, 0);
	for (int i = 0; i < WRITES; i++) {
		snprintf(keys[i], sizeof(keys[i]), "slot/%d/%d", (int)(f->number % SLOTS), i);
		w[i] = (struct store_write){ keys[i], value, STORE_ANY };
	}
	if (store_commit(l->store, w, WRITES, on_answer, f, NULL) < 0)
		_exit(4);
}

static void write_until_killed(int fd, uint64_t first)
{
	struct load l = { .pipe = fd, .next = first };
	struct error err = { 0 };

	if (store_open("sqlite", path, &l.store, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(5);
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		commit_next(&l);
	for (;;)
		store_flush(l.store);
}

/* ---- the parent ---- */

static uint64_t value_at(struct store *s, int slot, int i)
{
	char key[32], *value = NULL;
	uint64_t number;

	snprintf(key, sizeof(key), "slot/%d/%d", slot, i);
	if (store_get(s, key, &value, NULL, NULL) < 0)
		return 0;
	number = strtoull(value, NULL, 10);
	free(value);
	return number;
}

/* The number of the last batch that is there; fails when a batch is there in part, or one before it
 * is not. */
static uint64_t check_whole(struct store *s, const char *when)
{
	uint64_t found[SLOTS], last = 0;

	for (int slot = 0; slot < SLOTS; slot++) {
		found[slot] = value_at(s, slot, 0);
		for (int i = 1; i < WRITES; i++)
			if (value_at(s, slot, i) != found[slot])
				fail_msg("%s: batch %ju is half there", when,
					 (uintmax_t)found[slot]);
		if (found[slot] > last)
			last = found[slot];
	}
	for (uint64_t number = last; number > 0 && number + SLOTS > last; number--)
		if (found[number % SLOTS] != number)
			fail_msg("%s: batch %ju is missing, %ju is there", when, (uintmax_t)number,
				 (uintmax_t)last);
	return last;
}

static uint64_t reopen_and_check(const char *when, uint64_t answered)
{
	struct store *s = NULL;
	struct error err = { 0 };
	uint64_t last;

	if (store_open("sqlite", path, &s, &err) < 0)
		fail_msg("%s: %s", when, err.text);
	last = check_whole(s, when);
	if (last < answered)
		fail_msg("%s: batch %ju was answered, %ju is the last one there", when,
			 (uintmax_t)answered, (uintmax_t)last);
	store_close(s);
	return last;
}

/* Reads answers until the child is gone; kills it after DELAY_US unless that is 0. */
static uint64_t collect(int fd, pid_t pid, long delay_us, uint64_t answered)
{
	struct timespec delay = { .tv_nsec = delay_us * 1000 };
	uint64_t number;
	int status;

	if (delay_us) {
		nanosleep(&delay, NULL);
		kill(pid, SIGKILL);
	}
	while (read(fd, &number, sizeof(number)) == sizeof(number)) {
		assert_int_equal(number, answered + 1);
		answered = number;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("the writer ended by itself with wait status 0x%x", (unsigned)status);
	return answered;
}

static pid_t start(int *ret_fd, uint64_t first, long die_at)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (die_at)
			power_vfs_install(die_at);
		write_until_killed(fds[1], first);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static uint64_t seed_of_run(void)
{
	const char *given = getenv("FACET_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)getpid();

	print_message("seed %ju\n", (uintmax_t)seed);
	return seed;
}

static unsigned draw(uint64_t *luck, unsigned below)
{
	*luck = *luck * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*luck >> 33) % below;
}

static void a_killed_process_loses_nothing_that_was_answered(void **state)
{
	uint64_t luck = seed_of_run(), last = 0;

	(void)state;
	remove_store(path);
	for (int round = 0; round < KILLS; round++) {
		int fd;
		pid_t pid = start(&fd, last + 1, 0);

		last = reopen_and_check("after a kill",
					collect(fd, pid, 1000 + draw(&luck, 40000), last));
		close(fd);
	}
	print_message("%d kills, %ju batches\n", KILLS, (uintmax_t)last);
	assert_true(last > KILLS);
}

static void a_power_cut_loses_nothing_that_was_answered(void **state)
{
	uint64_t luck = seed_of_run(), last = 0;

	(void)state;
	remove_store(path);
	for (int round = 0; round < CUTS; round++) {
		char when[64];
		uint64_t answered;
		int fd;
		pid_t pid;

		power_begin(path);
		snprintf(when, sizeof(when), "after power cut %d", round);
		pid = start(&fd, last + 1, 1 + draw(&luck, round % 10 ? 300 : 3000));
		answered = collect(fd, pid, 0, last);
		close(fd);
		power_cut(path, &luck);
		last = reopen_and_check(when, answered);
	}
	print_message("%d power cuts, %ju batches\n", CUTS, (uintmax_t)last);
	assert_true(last > CUTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_process_loses_nothing_that_was_answered),
		cmocka_unit_test(a_power_cut_loses_nothing_that_was_answered),
	};
	int failed;

	if (!mkdtemp(folder))
		return 2;
	snprintf(path, sizeof(path), "%s/store.db", folder);
	failed = cmocka_run_group_tests_name("store crash", tests, NULL, NULL);
	remove_store(path);
	rmdir(folder);
	return failed ? 1 : 0;
}
