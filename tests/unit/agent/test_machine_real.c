/* SPDX-License-Identifier: Apache-2.0 */
/* test_machine_real.c - the machine an agent runs on, over a folder that stands for the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "agent/machine_real.h"
#include "agent/root.h"
#include "base/clock.h"

struct fixture {
	sd_event *event;
	struct machine *machine;
	pid_t root_pid;
	char folder[64];
	int domain_events, lost, lists, looks;
	char name[NAME_SIZE];
	int r;
	struct host facts;
	bool busy_again;
};

static void on_event(const struct machine_event *event, void *user)
{
	struct fixture *f = user;

	if (event->kind == MACHINE_LOST)
		f->lost++;
	if (event->kind == MACHINE_DOMAINS_CHANGED) {
		f->domain_events++;
		memcpy(f->name, event->name, sizeof(f->name));
	}
}

static void path_of(const struct fixture *f, const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s/%s", f->folder, name);
}

static void make_folders(const struct fixture *f, const char *path)
{
	char whole[256];

	path_of(f, path, whole, sizeof(whole));
	for (char *p = whole + strlen(f->folder) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(whole, 0700);
			*p = '/';
		}
	(void)mkdir(whole, 0700);
}

static void make_file(const struct fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	path_of(f, name, path, sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct root_config config = { .libvirt_program = getenv("FACET_LIBVIRT"),
				      .libvirt_uri = "test:///default" };
	struct root_client *client;

	strcpy(f->folder, "/tmp/facet-machine-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	make_folders(f, "proc/sys/kernel/random");
	make_folders(f, "sys/bus/pci/devices");
	make_file(f, "proc/sys/kernel/random/boot_id", "01234567-89ab-4cde-8f01-23456789abcd\n");
	config.root = f->folder;
	*state = f;
	if (root_start(&client, &config, NULL) < 0 || sd_event_new(&f->event) < 0)
		return -1;
	f->root_pid = root_client_pid(client);
	if (machine_real_new(f->event, client, f->folder, &f->machine, NULL) < 0)
		return -1;
	f->machine->watch(f->machine, on_event, f);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	machine_free(f->machine);
	(void)waitpid(f->root_pid, NULL, 0);
	sd_event_unref(f->event);
	(void)nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	fields_done(&host_fields, &f->facts);
	free(f);
	return 0;
}

/* Runs the loop until WHAT is COUNT, at most LIMIT_MS. */
static void run(struct fixture *f, const int *what, int count, int limit_ms)
{
	int64_t end = clock_mono_us(&clock_system) + limit_ms * INT64_C(1000);

	while (*what < count && clock_mono_us(&clock_system) < end)
		assert_true(sd_event_run(f->event, 20000) >= 0);
}

/* libvirt writes several files for one change; one list is enough. */
static void a_burst_of_libvirts_files_is_one_hint(void **state)
{
	struct fixture *f = *state;

	make_folders(f, "run/libvirt/qemu");
	/* The folder came after us: it is found without a restart. */
	run(f, &f->domain_events, 1, 15000);
	assert_int_equal(f->domain_events, 1);
	make_file(f, "run/libvirt/qemu/web01.pid", "1\n");
	make_file(f, "run/libvirt/qemu/web01.xml.new", "x");
	make_file(f, "run/libvirt/qemu/web01.xml", "x");
	make_file(f, "run/libvirt/qemu/driver.pid", "1\n");
	run(f, &f->domain_events, 2, 3000);
	run(f, &f->domain_events, 3, 500);
	assert_int_equal(f->domain_events, 2);
	assert_string_equal(f->name, "web01");
	make_file(f, "run/libvirt/qemu/web01.pid", "2\n");
	make_file(f, "run/libvirt/qemu/web02.pid", "2\n");
	run(f, &f->domain_events, 3, 3000);
	assert_string_equal(f->name, "");
}

static void on_look(int r, struct machine_inventory *inventory, const struct error *err, void *user)
{
	struct fixture *f = user;

	(void)err;
	f->looks++;
	f->r = r;
	if (r < 0)
		return;
	f->facts = inventory->facts;
	inventory->facts = (struct host){ 0 };
	f->busy_again = f->machine->inventory(f->machine, on_look, f, NULL) == -ERR_BUSY;
}

static void on_domains(int r, const struct machine_domain *domains, size_t n,
		       const struct error *err, void *user)
{
	struct fixture *f = user;

	(void)domains;
	(void)err;
	f->lists++;
	f->r = r < 0 ? r : (int)n;
}

/* The versions that came with the last list are part of what a host tells of itself. */
static void an_inventory_knows_the_boot_and_libvirt(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->machine->list_domains(f->machine, on_domains, f, NULL), 0);
	assert_int_equal(f->lists, 0);
	run(f, &f->lists, 1, 10000);
	assert_int_equal(f->r, 1);
	assert_int_equal(f->machine->inventory(f->machine, on_look, f, NULL), 0);
	assert_int_equal(f->machine->inventory(f->machine, on_look, f, NULL), -ERR_BUSY);
	run(f, &f->looks, 1, 10000);
	assert_int_equal(f->r, 0);
	assert_string_equal(f->facts.boot_id, "01234567-89ab-4cde-8f01-23456789abcd");
	assert_true(f->facts.libvirt_version[0] >= '1' && f->facts.libvirt_version[0] <= '9');
	assert_true(f->facts.checks_n > 0);
	/* The callback may ask for the next look. */
	assert_false(f->busy_again);
}

static void the_end_of_the_root_half_is_told_once(void **state)
{
	struct fixture *f = *state;

	kill(f->root_pid, SIGKILL);
	run(f, &f->lost, 1, 5000);
	run(f, &f->lost, 2, 300);
	assert_int_equal(f->lost, 1);
	assert_int_equal(f->machine->list_domains(f->machine, on_domains, f, NULL),
			 -ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_burst_of_libvirts_files_is_one_hint),
		T(an_inventory_knows_the_boot_and_libvirt),
		T(the_end_of_the_root_half_is_told_once),
#undef T
	};

	if (!getenv("FACET_LIBVIRT"))
		return 77;
	return cmocka_run_group_tests_name("machine_real", tests, NULL, NULL);
}
