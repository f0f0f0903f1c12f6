/* SPDX-License-Identifier: Apache-2.0 */
/* test_connection.c - what Facet asks of libvirt, answered by libvirt's own test driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <sys/stat.h>

#include "host/libvirt/connection.h"

#define ONE "11111111-2222-4333-8444-555555555551"
#define TWO "11111111-2222-4333-8444-555555555552"

/* One domain as it comes, one whose user lets libvirt manage the function 0000:41:00.6. */
static const char node[] = "<node><domain type='test'><name>one</name><uuid>" ONE
			   "</uuid><memory>8192</memory><vcpu>1</vcpu>"
			   "<os><type>hvm</type></os><devices/></domain><domain "
			   "type='test'><name>two</name><uuid>" TWO
			   "</uuid><memory>8192</memory><vcpu>1</vcpu>"
			   "<os><type>hvm</type></os><devices><hostdev mode='subsystem' type='pci' "
			   "managed='yes'><source><address domain='0' bus='0x41' slot='0' "
			   "function='6'/></source></hostdev></devices></domain></node>";

struct fixture {
	char folder[64];
	struct libvirt *libvirt;
};

static const struct host_device vf4 = { FRAMEWORK_VENDOR_VFIO, "0000:41:00.4", "" };
static const struct host_device mdev = { FRAMEWORK_MDEV, "0000:21:00.0",
					 "c0ffee00-1111-4222-8333-444455556666" };

static void make_tree(const char *folder, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	for (char *p = whole + strlen(folder) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(whole, 0700);
			*p = '/';
		}
	(void)mkdir(whole, 0700);
}

static void write_file(const char *folder, const char *name, const char *text, char *path,
		       size_t size)
{
	FILE *f;

	snprintf(path, size, "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct libvirt_config config = { 0 };
	char path[256], uri[300];

	strcpy(f->folder, "/tmp/facet-libvirt-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	write_file(f->folder, "node.xml", node, path, sizeof(path));
	snprintf(uri, sizeof(uri), "test://%s", path);
	config.uri = uri;
	config.root = f->folder;
	*state = f;
	return libvirt_new(&config, &f->libvirt, NULL);
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

	libvirt_free(f->libvirt);
	(void)nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static enum result set(struct fixture *f, const struct host_device *devices, size_t n)
{
	enum result result = RESULT_NONE;
	struct error err = { 0 };

	if (libvirt_set_devices(f->libvirt, ONE, devices, n, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

static struct libvirt_domain look(struct fixture *f, const char *uuid)
{
	struct libvirt_domain *list, found = { 0 };
	struct error err = { 0 };
	size_t n;

	if (libvirt_domains(f->libvirt, &list, &n, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].uuid, uuid) == 0)
			found = list[i];
	free(list);
	assert_string_equal(found.uuid, uuid);
	return found;
}

static void stop(struct fixture *f)
{
	enum result result;

	assert_int_equal(libvirt_destroy(f->libvirt, ONE, &result, NULL), 0);
}

/* libvirt writes the definition in its own way; that must still read as "already so". */
static void devices_are_set_once(void **state)
{
	const struct host_device both[] = { vf4, mdev };
	struct fixture *f = *state;
	struct libvirt_domain d;

	stop(f);
	assert_int_equal(set(f, both, 2), RESULT_CHANGED);
	assert_int_equal(set(f, both, 2), RESULT_UNCHANGED);
	d = look(f, ONE);
	assert_string_equal(d.uses, "0000:41:00.4,c0ffee00-1111-4222-8333-444455556666");
	assert_true(d.facet);
	assert_int_equal(set(f, NULL, 0), RESULT_CHANGED);
	assert_int_equal(set(f, NULL, 0), RESULT_UNCHANGED);
	d = look(f, ONE);
	assert_string_equal(d.uses, "");
	assert_false(d.facet);
}

static void states_and_reasons_are_told(void **state)
{
	struct fixture *f = *state;
	struct libvirt_domain d = look(f, ONE);
	enum result result;

	assert_int_equal(d.state, VM_RUNNING);
	assert_string_equal(d.name, "one");
	stop(f);
	d = look(f, ONE);
	assert_int_equal(d.state, VM_STOPPED);
	assert_string_equal(d.reason, "destroyed");
	assert_int_equal(libvirt_start(f->libvirt, ONE, &result, NULL), 0);
	assert_int_equal(result, RESULT_CHANGED);
	assert_string_equal(look(f, ONE).reason, "booted");
	assert_int_equal(libvirt_shutdown(f->libvirt, ONE, &result, NULL), 0);
	assert_string_equal(look(f, ONE).reason, "shutdown");
}

static void a_running_domain_that_is_already_so_is_left_alone(void **state)
{
	struct fixture *f = *state;
	enum result result;
	struct error err = { 0 };

	stop(f);
	assert_int_equal(set(f, &vf4, 1), RESULT_CHANGED);
	assert_int_equal(libvirt_start(f->libvirt, ONE, &result, NULL), 0);
	assert_int_equal(set(f, &vf4, 1), RESULT_UNCHANGED);
	assert_int_equal(libvirt_set_devices(f->libvirt, ONE, NULL, 0, &result, &err), -ERR_BUSY);
	assert_string_equal(look(f, ONE).uses, "0000:41:00.4");
}

/* With managed='yes' libvirt unbinds the driver, and the vGPU of whoever has it is gone. */
static void a_managed_vgpu_function_is_found_in_sysfs(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	enum result result;
	char path[256];

	assert_int_equal(libvirt_destroy(f->libvirt, TWO, &result, NULL), 0);
	assert_int_equal(libvirt_set_devices(f->libvirt, TWO, &vf4, 1, &result, &err), 0);
	assert_int_equal(libvirt_set_devices(f->libvirt, TWO, NULL, 0, &result, &err), 0);
	make_tree(f->folder, "sys/bus/pci/devices/0000:41:00.6/physfn");
	write_file(f->folder, "sys/bus/pci/devices/0000:41:00.6/physfn/vendor", "0x10de\n", path,
		   sizeof(path));
	assert_int_equal(libvirt_set_devices(f->libvirt, TWO, &vf4, 1, &result, &err),
			 -ERR_CONFLICT);
	assert_non_null(strstr(err.text, "0000:41:00.6"));
	assert_non_null(strstr(err.text, "two"));
}

static void an_unknown_domain_is_not_found(void **state)
{
	static const char uuid[] = "99999999-2222-4333-8444-555555555551";
	struct fixture *f = *state;
	struct error err = { 0 };
	enum result result;

	assert_int_equal(libvirt_start(f->libvirt, uuid, &result, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, uuid));
	assert_int_equal(libvirt_set_devices(f->libvirt, uuid, NULL, 0, &result, &err),
			 -ERR_NOT_FOUND);
}

/* A daemon that is down is not asked by every request, and is asked again after a while. */
static void a_silent_libvirt_is_spared(void **state)
{
	struct fixture *f = *state;
	struct libvirt_config config = { .uri = "qemu+unix:///system?socket=/nonexistent/socket" };
	struct libvirt_domain *list = NULL;
	struct libvirt *down;
	struct error err = { 0 };
	size_t n;

	(void)f;
	assert_int_equal(libvirt_new(&config, &down, NULL), 0);
	assert_int_equal(libvirt_domains(down, &list, &n, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "is libvirtd"));
	assert_int_equal(libvirt_domains(down, &list, &n, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "asked again soon"));
	usleep(300 * 1000);
	assert_int_equal(libvirt_domains(down, &list, &n, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "is libvirtd"));
	assert_null(list);
	libvirt_free(down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(devices_are_set_once),
		T(states_and_reasons_are_told),
		T(a_running_domain_that_is_already_so_is_left_alone),
		T(a_managed_vgpu_function_is_found_in_sysfs),
		T(an_unknown_domain_is_not_found),
		T(a_silent_libvirt_is_spared),
#undef T
	};
	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
