/* SPDX-License-Identifier: Apache-2.0 */
/* test_root.c - the agent's root half as its client sees it: a process of its own, with drivers
 * made for the test and facet-libvirt on libvirt's own test driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/root/protocol.h"
#include "agent/root.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/driver.h"

static char folder[] = "/tmp/facet-root-XXXXXX";

/* A driver whose vGPUs are files in ROOT.  One whose type begins with "slow" is made only when a
 * file "go" appears, so that a test decides how long a write takes. */

static int exists(int root, const char *name)
{
	return faccessat(root, name, F_OK, 0) == 0;
}

static void pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

static int fake_create(int root, struct host_vgpu *v, enum result *result, struct error *err)
{
	int fd;

	if (strcmp(v->profile, "none") == 0)
		return error_set(err, ERR_NO_CAPACITY, "GPU %s has no room", v->address);
	for (int i = 0; i < 1000 && text_starts_with(v->profile, "slow") && !exists(root, "go");
	     i++)
		pause_ms(10);
	if (exists(root, v->vf)) {
		*result = RESULT_UNCHANGED;
		return 0;
	}
	fd = openat(root, v->vf, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "make %s", v->vf);
	close(fd);
	v->type_id = 557;
	*result = RESULT_CREATED;
	return 0;
}

static int fake_destroy(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
			struct error *err)
{
	if (exists(root, "held")) {
		*pid = 4711;
		return error_set(err, ERR_BUSY, "%s is held open", v->vf);
	}
	*result = unlinkat(root, v->vf, 0) == 0 ? RESULT_REMOVED : RESULT_UNCHANGED;
	return 0;
}

static int fake_holders(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err)
{
	(void)v;
	(void)err;
	*pid = exists(root, "held") ? 4711 : 0;
	return 0;
}

static const struct host_driver fake = {
	.name = "vendor-vfio", .framework = FRAMEWORK_VENDOR_VFIO, .create = fake_create,
	.destroy = fake_destroy, .holders = fake_holders,
};

const struct host_driver *__wrap_host_driver_of(enum framework framework);

/* In the place of the one in the library, by the linker. */
const struct host_driver *__wrap_host_driver_of(enum framework framework)
{
	return framework == FRAMEWORK_VENDOR_VFIO ? &fake : NULL;
}

/* The client's side. */

static const char *program;

struct seen {
	int replies, lists;
	struct host_reply reply[64];
	int list_r;
	size_t domains_n;
	struct machine_domain domain;
	struct error err;
};

static void on_reply(const struct host_reply *reply, void *user)
{
	struct seen *s = user;

	s->reply[s->replies++] = *reply;
}

static void on_domains(int r, const struct machine_domain *domains, size_t n,
		       const struct error *err, void *user)
{
	struct seen *s = user;

	s->lists++;
	s->list_r = r;
	s->domains_n = n;
	if (n > 0)
		s->domain = domains[0];
	if (r < 0)
		s->err = *err;
}

struct fixture {
	struct root_client *client;
	struct seen seen;
	struct root_config config;
};

/* Dispatches until WHAT is COUNT or ten seconds are over. */
static int wait_for(struct fixture *f, const int *what, int count)
{
	struct pollfd p = { .fd = root_client_fd(f->client), .events = POLLIN };
	int64_t end = clock_mono_us(&clock_system) + 10 * 1000000;
	int r = 0;

	while (r == 0 && *what < count && clock_mono_us(&clock_system) < end)
		if (poll(&p, 1, 100) > 0)
			r = root_client_dispatch(f->client, NULL);
	return r;
}

static void path_of(const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s/%s", folder, name);
}

static void make_file(const char *name)
{
	char path[64];

	path_of(name, path, sizeof(path));
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static bool has_file(const char *name)
{
	char path[64];

	path_of(name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void clean(void)
{
	static const char *const names[] = { "go", "held", "0000:41:00.4", "0000:41:00.5",
					     "0000:42:00.4" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(names[i], path, sizeof(path));
		(void)unlink(path);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	clean();
	f->config = (struct root_config){ .root = folder, .libvirt_program = program,
					  .libvirt_uri = "test:///default", .idle_ms = 200 };
	*state = f;
	return root_start(&f->client, &f->config, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	pid_t pid = root_client_pid(f->client);

	root_client_free(f->client);
	free(f);
	return waitpid(pid, NULL, 0) == pid || errno == ECHILD ? 0 : -1;
}

static struct host_request request(enum host_op op, const char *gpu, const char *vf,
				   const char *profile)
{
	struct host_request q = { .op = op };

	q.vgpu.framework = FRAMEWORK_VENDOR_VFIO;
	q.vgpu.placement = PLACEMENT_NONE;
	TEXT_COPY(q.vgpu.address, gpu);
	TEXT_COPY(q.vgpu.vf, vf);
	TEXT_COPY(q.vgpu.profile, profile);
	return q;
}

static struct host_request create(const char *gpu, const char *vf, const char *profile)
{
	return request(HOST_OP_VGPU_CREATE, gpu, vf, profile);
}

static void ask(struct fixture *f, const struct host_request *q)
{
	struct error err;

	if (root_send(f->client, q, on_reply, &f->seen, &err) < 0)
		fail_msg("%s", err.text);
}

static struct host_reply ask_one(struct fixture *f, const struct host_request *q)
{
	f->seen.replies = 0;
	ask(f, q);
	assert_int_equal(wait_for(f, &f->seen.replies, 1), 0);
	assert_int_equal(f->seen.replies, 1);
	return f->seen.reply[0];
}

/* The agent repeats what it did not hear the answer of. */
static void a_request_may_be_sent_twice(void **state)
{
	struct host_request q = create("0000:41:00.0", "0000:41:00.4", "NVIDIA L40S-8Q");
	struct host_reply first, second;

	first = ask_one(*state, &q);
	assert_int_equal(first.r, 0);
	assert_int_equal(first.result, RESULT_CREATED);
	assert_int_equal(first.type_id, 557);
	second = ask_one(*state, &q);
	assert_int_equal(second.result, RESULT_UNCHANGED);
	q.op = HOST_OP_VGPU_DESTROY;
	assert_int_equal(ask_one(*state, &q).result, RESULT_REMOVED);
	assert_int_equal(ask_one(*state, &q).result, RESULT_UNCHANGED);
}

static void a_refusal_comes_with_its_words_and_the_holder(void **state)
{
	struct host_request q = create("0000:41:00.0", "0000:41:00.4", "none");
	struct host_reply reply = ask_one(*state, &q);

	assert_int_equal(reply.r, -ERR_NO_CAPACITY);
	assert_int_equal(reply.result, RESULT_REFUSED);
	assert_string_equal(reply.err.text, "GPU 0000:41:00.0 has no room");

	make_file("held");
	q = request(HOST_OP_VGPU_DESTROY, "0000:41:00.0", "0000:41:00.4", "");
	reply = ask_one(*state, &q);
	assert_int_equal(reply.r, -ERR_BUSY);
	assert_int_equal(reply.holder_pid, 4711);
	q.op = HOST_OP_VGPU_HOLDERS;
	reply = ask_one(*state, &q);
	assert_int_equal(reply.r, 0);
	assert_int_equal(reply.holder_pid, 4711);
}

/* A slow GPU must not hold up another, and a GPU's own requests must not overtake each other. */
static void gpus_are_independent_and_each_is_in_order(void **state)
{
	struct fixture *f = *state;
	struct host_request slow = create("0000:41:00.0", "0000:41:00.4", "slow");
	struct host_request behind = request(HOST_OP_VGPU_DESTROY, "0000:41:00.0", "0000:41:00.4",
					     "");
	struct host_request other = create("0000:42:00.0", "0000:42:00.4", "fast");

	ask(f, &slow);
	ask(f, &behind);
	ask(f, &other);
	assert_int_equal(wait_for(f, &f->seen.replies, 1), 0);
	assert_true(has_file("0000:42:00.4"));
	pause_ms(50);
	assert_int_equal(root_client_dispatch(f->client, NULL), 0);
	assert_int_equal(f->seen.replies, 1);
	make_file("go");
	assert_int_equal(wait_for(f, &f->seen.replies, 3), 0);
	assert_int_equal(f->seen.reply[1].result, RESULT_CREATED);
	assert_int_equal(f->seen.reply[2].result, RESULT_REMOVED);
}

static void more_requests_than_threads_are_all_answered(void **state)
{
	struct fixture *f = *state;
	struct host_request q;
	char gpu[PCI_SIZE];

	for (int i = 0; i < 60; i++) {
		snprintf(gpu, sizeof(gpu), "0000:%02x:00.0", i);
		q = request(HOST_OP_VGPU_HOLDERS, gpu, "0000:41:00.4", "");
		ask(f, &q);
	}
	assert_int_equal(wait_for(f, &f->seen.replies, 60), 0);
	assert_int_equal(f->seen.replies, 60);
	for (int i = 0; i < 60; i++)
		assert_int_equal(f->seen.reply[i].r, 0);
}

/* When the agent dies, a driver's write is brought to its end and nothing new is begun. */
static void the_root_half_ends_with_the_agent_but_not_amid_a_write(void **state)
{
	struct fixture *f = *state;
	struct host_request slow = create("0000:41:00.0", "0000:41:00.4", "slow");
	struct host_request next = create("0000:41:00.0", "0000:41:00.5", "fast");
	pid_t pid = root_client_pid(f->client);
	int status;

	ask(f, &slow);
	ask(f, &next);
	pause_ms(100);
	f->client = root_client_free(f->client);
	pause_ms(100);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	make_file("go");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(has_file("0000:41:00.4"));
	assert_false(has_file("0000:41:00.5"));
	assert_int_equal(root_start(&f->client, &f->config, NULL), 0);
}

static void a_dead_root_half_fails_what_is_pending(void **state)
{
	struct fixture *f = *state;
	struct host_request q = create("0000:41:00.0", "0000:41:00.4", "slow");
	struct error err;

	ask(f, &q);
	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	kill(root_client_pid(f->client), SIGKILL);
	assert_int_equal(wait_for(f, &f->seen.replies, 1), -ERR_UNAVAILABLE);
	assert_int_equal(f->seen.reply[0].r, -ERR_UNAVAILABLE);
	assert_int_equal(f->seen.lists, 1);
	assert_int_equal(f->seen.list_r, -ERR_UNAVAILABLE);
	assert_int_equal(root_send(f->client, &q, on_reply, &f->seen, &err), -ERR_UNAVAILABLE);
}

/* The unprivileged half may be somebody else by now: what it sends is checked again. */
static void a_forged_request_is_refused_and_does_nothing(void **state)
{
	struct fixture *f = *state;
	struct root_message m = { .kind = ROOT_REQUEST }, reply;
	struct pollfd p = { .fd = root_client_fd(f->client), .events = POLLIN };

	m.request = create("0000:41:00.0", "0000:41:00.4", "fast");
	m.request.number = 7;
	TEXT_COPY(m.request.vgpu.vf, "../../etc/passwd");
	assert_int_equal(root_write(p.fd, &m, false, NULL), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(root_read(p.fd, &reply, NULL), 1);
	assert_int_equal(reply.reply.number, 7);
	assert_int_equal(reply.reply.r, -ERR_INVALID);

	memset(m.request.vgpu.profile, 'x', sizeof(m.request.vgpu.profile));
	assert_int_equal(root_write(p.fd, &m, false, NULL), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(root_read(p.fd, &reply, NULL), 1);
	assert_int_equal(reply.reply.r, -ERR_INVALID);

	m.kind = ROOT_DOMAIN;
	assert_int_equal(root_write(p.fd, &m, false, NULL), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(root_read(p.fd, &reply, NULL), 1);
	assert_int_equal(reply.reply.r, -ERR_INVALID);
}

static void a_short_message_is_refused_and_the_half_lives_on(void **state)
{
	struct fixture *f = *state;
	struct host_request q = create("0000:41:00.0", "0000:41:00.4", "fast");
	struct pollfd p = { .fd = root_client_fd(f->client), .events = POLLIN };
	struct root_message reply;
	uint64_t odd[2] = { 0, 99 };

	assert_int_equal(send(p.fd, odd, sizeof(odd), 0), sizeof(odd));
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(root_read(p.fd, &reply, NULL), 1);
	assert_int_equal(reply.reply.number, 99);
	assert_int_equal(reply.reply.r, -ERR_INVALID);
	assert_int_equal(ask_one(f, &q).r, 0);
}

/* libvirt's test driver has one running domain, "test". */
static void domains_come_from_libvirt_and_its_client_goes_when_idle(void **state)
{
	struct fixture *f = *state;
	char path[64], children[64];
	FILE *file;
	size_t n;

	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	assert_int_equal(wait_for(f, &f->seen.lists, 1), 0);
	assert_int_equal(f->seen.list_r, 0);
	assert_int_equal(f->seen.domains_n, 1);
	assert_string_equal(f->seen.domain.name, "test");
	assert_int_equal(f->seen.domain.state, VM_RUNNING);
	assert_true(uuid_is_valid(f->seen.domain.uuid));

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", root_client_pid(f->client),
		 root_client_pid(f->client));
	for (int i = 0; i < 100; i++) {
		file = fopen(path, "re");
		assert_non_null(file);
		n = fread(children, 1, sizeof(children), file);
		fclose(file);
		if (n == 0)
			return;
		pause_ms(50);
	}
	fail_msg("facet-libvirt is still there: %s", children);
}

static void power_is_idempotent(void **state)
{
	struct fixture *f = *state;
	struct host_request q = { .op = HOST_OP_DOMAIN_START };

	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	assert_int_equal(wait_for(f, &f->seen.lists, 1), 0);
	TEXT_COPY(q.vm_uuid, f->seen.domain.uuid);
	TEXT_COPY(q.vm_name, "test");
	assert_int_equal(ask_one(f, &q).result, RESULT_UNCHANGED);
	q.op = HOST_OP_DOMAIN_DESTROY;
	assert_int_equal(ask_one(f, &q).result, RESULT_CHANGED);
	assert_int_equal(ask_one(f, &q).result, RESULT_UNCHANGED);
	q.op = HOST_OP_DOMAIN_SHUTDOWN;
	assert_int_equal(ask_one(f, &q).result, RESULT_UNCHANGED);
	q.op = HOST_OP_DOMAIN_START;
	assert_int_equal(ask_one(f, &q).result, RESULT_CHANGED);
	TEXT_COPY(q.vm_uuid, "00000000-1111-4222-8333-444444444444");
	assert_int_equal(ask_one(f, &q).r, -ERR_NOT_FOUND);
}

static void devices_are_not_set_under_a_running_domain(void **state)
{
	struct fixture *f = *state;
	struct host_request q = { .op = HOST_OP_DOMAIN_DEVICES, .devices_n = 1 };
	struct host_reply reply;

	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	assert_int_equal(wait_for(f, &f->seen.lists, 1), 0);
	TEXT_COPY(q.vm_uuid, f->seen.domain.uuid);
	TEXT_COPY(q.vm_name, "test");
	q.devices[0].framework = FRAMEWORK_MDEV;
	TEXT_COPY(q.devices[0].mdev_uuid, "c0ffee00-1111-4222-8333-444455556666");
	reply = ask_one(f, &q);
	assert_int_equal(reply.r, -ERR_BUSY);
	assert_non_null(strstr(reply.err.text, "test"));
}

/* The unprivileged half may ask for anything, also for the host's own disk. */
static void only_functions_of_gpus_are_attached(void **state)
{
	struct host_request q = { .op = HOST_OP_DOMAIN_DEVICES, .devices_n = 1 };
	struct host_reply reply;

	TEXT_COPY(q.vm_uuid, "00000000-1111-4222-8333-444444444444");
	TEXT_COPY(q.vm_name, "test");
	TEXT_COPY(q.devices[0].address, "0000:05:00.0");
	q.devices[0].framework = FRAMEWORK_VENDOR_VFIO;
	reply = ask_one(*state, &q);
	assert_int_equal(reply.r, -ERR_DENIED);
	assert_non_null(strstr(reply.err.text, "0000:05:00.0"));
	q.devices[0].framework = FRAMEWORK_PASSTHROUGH;
	assert_int_equal(ask_one(*state, &q).r, -ERR_NOT_FOUND);
}

/* A host without libvirt answers so, and everything that is not libvirt's goes on. */
static void a_missing_libvirt_client_is_an_answer(void **state)
{
	struct fixture *f = *state;
	struct host_request q = create("0000:41:00.0", "0000:41:00.4", "fast");

	f->config.libvirt_program = "/nonexistent/facet-libvirt";
	root_client_free(f->client);
	assert_int_equal(root_start(&f->client, &f->config, NULL), 0);
	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	assert_int_equal(wait_for(f, &f->seen.lists, 1), 0);
	assert_int_equal(f->seen.list_r, -ERR_UNAVAILABLE);
	assert_non_null(strstr(f->seen.err.text, "/nonexistent/facet-libvirt"));
	assert_int_equal(ask_one(f, &q).r, 0);
}

static void a_libvirt_client_that_hangs_is_given_up(void **state)
{
	struct fixture *f = *state;

	/* A program that reads nothing and answers nothing. */
	f->config.libvirt_program = getenv("FACET_TEST_HANG");
	f->config.limit_ms = 100;
	root_client_free(f->client);
	assert_int_equal(root_start(&f->client, &f->config, NULL), 0);
	assert_int_equal(root_list_domains(f->client, on_domains, &f->seen, NULL), 0);
	assert_int_equal(wait_for(f, &f->seen.lists, 1), 0);
	assert_int_equal(f->seen.list_r, -ERR_UNAVAILABLE);
	assert_non_null(strstr(f->seen.err.text, "hanging"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_request_may_be_sent_twice),
		T(a_refusal_comes_with_its_words_and_the_holder),
		T(gpus_are_independent_and_each_is_in_order),
		T(more_requests_than_threads_are_all_answered),
		T(the_root_half_ends_with_the_agent_but_not_amid_a_write),
		T(a_dead_root_half_fails_what_is_pending),
		T(a_forged_request_is_refused_and_does_nothing),
		T(a_short_message_is_refused_and_the_half_lives_on),
		T(domains_come_from_libvirt_and_its_client_goes_when_idle),
		T(power_is_idempotent),
		T(devices_are_not_set_under_a_running_domain),
		T(only_functions_of_gpus_are_attached),
		T(a_missing_libvirt_client_is_an_answer),
		T(a_libvirt_client_that_hangs_is_given_up),
#undef T
	};
	int r;

	program = getenv("FACET_LIBVIRT");
	if (!program || !mkdtemp(folder))
		return 77;
	r = cmocka_run_group_tests_name("root", tests, NULL, NULL);
	clean();
	(void)rmdir(folder);
	return r;
}
