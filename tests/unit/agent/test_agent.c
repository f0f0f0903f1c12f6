/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent.c - the agent's core, between a machine that does what the test says and a controller
 * that says what the test wants; all of it on one event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/json.h"
#include "base/text.h"

#define PF "0000:41:00.0"
#define UUID1 "11111111-1111-4111-8111-111111111111"
#define LEASE1 "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define BOOT "bbbbbbbb-0000-4000-8000-000000000001"
#define OLD_BOOT "bbbbbbbb-0000-4000-8000-000000000000"

enum { SENT_MAX = 64, WAIT_US = 5000000, CONNECTIONS = 16 };

struct sent {
	struct host_request q;
	machine_reply_fn *reply;
	void *user;
	bool answered;
};

struct connection {
	struct rig *r;
	int fd;
	sd_event_source *source;
	char text[65536];
	size_t n;
};

struct rig {
	struct machine machine; /* first: casts back */
	sd_event *event;
	struct agent *agent;
	char folder[32], controller[64], hook[64];
	int listen_fd;
	sd_event_source *listener;
	struct connection connections[CONNECTIONS];
	int stream;             /* connection that waits for wanted states, -1 for none */
	json_t *report;
	unsigned reports;
	uint64_t revision;

	struct sent sent[SENT_MAX];
	size_t sent_n;
	struct machine_domain domain;
	bool no_domain, libvirt_silent;
	unsigned vf_enabled, vgpus;
	enum gpu_mode mode;
	machine_domains_fn *domains_done;
	machine_inventory_fn *inventory_done;
	void *domains_user, *inventory_user;
	machine_event_fn *watcher;
	void *watcher_user;
};

static int64_t now_us(void)
{
	return clock_mono_us(&clock_system);
}

/* ---- the machine ---- */

static int take_request(struct machine *m, const struct host_request *q, machine_reply_fn *reply,
			void *user, struct error *err)
{
	struct rig *r = (struct rig *)m;

	(void)err;
	assert_true(r->sent_n < SENT_MAX);
	r->sent[r->sent_n++] = (struct sent){ *q, reply, user, false };
	return 0;
}

static int list_domains(struct machine *m, machine_domains_fn *done, void *user, struct error *err)
{
	struct rig *r = (struct rig *)m;

	(void)err;
	r->domains_done = done;
	r->domains_user = user;
	return 0;
}

static int take_inventory(struct machine *m, machine_inventory_fn *done, void *user,
			  struct error *err)
{
	struct rig *r = (struct rig *)m;

	(void)err;
	r->inventory_done = done;
	r->inventory_user = user;
	return 0;
}

static int no_functions(struct machine *m, const char *pf, char (**ret)[PCI_SIZE], size_t *ret_n,
			struct error *err)
{
	(void)m;
	(void)pf;
	(void)err;
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

static void set_watcher(struct machine *m, machine_event_fn *event, void *user)
{
	((struct rig *)m)->watcher = event;
	((struct rig *)m)->watcher_user = user;
}

/* Nothing is called after this; what was asked for is answered here, so that nothing is lost. */
static void machine_gone(struct machine *m)
{
	struct rig *r = (struct rig *)m;

	r->domains_done = NULL;
	r->inventory_done = NULL;
}

void machine_inventory_done(struct machine_inventory *inventory)
{
	for (size_t i = 0; i < inventory->gpus_n; i++)
		fields_done(&gpu_fields, &inventory->gpus[i]);
	free(inventory->gpus);
	fields_done(&host_fields, &inventory->facts);
	*inventory = (struct machine_inventory){ 0 };
}

static void tell_domains(struct rig *r)
{
	machine_domains_fn *done = r->domains_done;

	if (!done || r->libvirt_silent)
		return;
	r->domains_done = NULL;
	done(0, &r->domain, r->no_domain ? 0 : 1, NULL, r->domains_user);
}

static void tell_inventory(struct rig *r)
{
	machine_inventory_fn *done = r->inventory_done;
	struct machine_inventory inventory = { 0 };
	struct gpu *g;

	if (!done)
		return;
	r->inventory_done = NULL;
	TEXT_COPY(inventory.facts.boot_id, BOOT);
	g = inventory.gpus = calloc(1, sizeof(*g));
	inventory.gpus_n = 1;
	TEXT_COPY(g->address, PF);
	g->framework = FRAMEWORK_VENDOR_VFIO;
	g->vf_total = 4;
	g->vf_enabled = r->vf_enabled;
	g->mode = r->mode;
	if (r->vgpus) {
		g->vgpus = calloc(1, sizeof(*g->vgpus));
		g->vgpus_n = 1;
		TEXT_COPY(g->vgpus[0].address, "0000:41:00.4");
	}
	done(0, &inventory, NULL, r->inventory_user);
	machine_inventory_done(&inventory);
}

/* ---- the controller ---- */

static void hang_up(struct connection *c)
{
	struct rig *r = c->r;

	if (r->stream == c->fd)
		r->stream = -1;
	c->source = sd_event_source_disable_unref(c->source);
	close(c->fd);
	c->fd = -1;
	c->n = 0;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void take_http(struct connection *c)
{
	char *body = strstr(c->text, "\r\n\r\n"), *length;
	struct rig *r = c->r;

	if (!body)
		return;
	body += 4;
	if (strncmp(c->text, "GET ", 4) == 0) {
		say(c->fd, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n");
		r->stream = c->fd;
		c->n = 0;
		return;
	}
	length = strcasestr(c->text, "content-length:");
	assert_non_null(length);
	if (strlen(body) < strtoul(length + 15, NULL, 10))
		return;
	json_decref(r->report);
	r->report = json_loads(body, 0, NULL);
	assert_non_null(r->report);
	r->reports++;
	say(c->fd,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	c->n = 0;
}

static int on_bytes(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct connection *c = user;
	ssize_t n = recv(fd, c->text + c->n, sizeof(c->text) - 1 - c->n, 0);

	(void)s;
	(void)revents;
	if (n <= 0) {
		hang_up(c);
		return 0;
	}
	c->n += (size_t)n;
	c->text[c->n] = '\0';
	take_http(c);
	return 0;
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct rig *r = user;
	size_t i = 0;

	(void)s;
	(void)revents;
	while (i < CONNECTIONS && r->connections[i].source)
		i++;
	assert_true(i < CONNECTIONS);
	r->connections[i] = (struct connection){ .r = r, .fd = accept(fd, NULL, NULL) };
	return sd_event_add_io(r->event, &r->connections[i].source, r->connections[i].fd, EPOLLIN,
			       on_bytes, &r->connections[i]);
}

/* ---- the rig ---- */

static void pump(struct rig *r)
{
	assert_true(sd_event_run(r->event, 10000) >= 0);
	tell_domains(r);
	tell_inventory(r);
}

#define UNTIL(r, condition)                                                \
	do {                                                               \
		int64_t end = now_us() + WAIT_US;                          \
		while (!(condition)) {                                     \
			if (now_us() > end)                                \
				fail_msg("this never came: " #condition);  \
			pump(r);                                           \
		}                                                          \
	} while (0)

static void pass(struct rig *r, unsigned ms)
{
	for (int64_t end = now_us() + ms * 1000; now_us() < end;)
		pump(r);
}

static void begin_agent(struct rig *r)
{
	struct agent_config config = { .host = "h1", .controller = r->controller, .hook = r->hook,
				       .clock = &clock_system };
	struct error err;

	if (agent_new(r->event, &r->machine, &config, -1, &r->agent, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	r->machine = (struct machine){ take_request, list_domains, take_inventory, no_functions,
				       set_watcher, machine_gone };
	r->stream = -1;
	r->vf_enabled = 4;
	r->domain.state = VM_STOPPED;
	TEXT_COPY(r->domain.name, "web01");
	TEXT_COPY(r->domain.uuid, UUID1);
	TEXT_COPY(r->folder, "/tmp/facet-agent-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->controller, sizeof(r->controller), "%s/facetd", r->folder);
	snprintf(r->hook, sizeof(r->hook), "%s/hook", r->folder);
	TEXT_COPY(sun.sun_path, r->controller);
	assert_true(sd_event_new(&r->event) >= 0);
	r->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listen_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(r->listen_fd, 8), 0);
	assert_true(sd_event_add_io(r->event, &r->listener, r->listen_fd, EPOLLIN, on_client, r) >=
		    0);
	begin_agent(r);
	*state = r;
	return 0;
}

/* Whoever waits for an answer frees what it waits with. */
static void answer_rest(struct rig *r)
{
	struct host_reply reply = { .r = -ERR_UNAVAILABLE };

	for (size_t i = 0; i < r->sent_n; i++)
		if (!r->sent[i].answered)
			r->sent[i].reply(&reply, r->sent[i].user);
	r->sent_n = 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	answer_rest(r);
	agent_free(r->agent);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (r->connections[i].source)
			hang_up(&r->connections[i]);
	sd_event_source_disable_unref(r->listener);
	close(r->listen_fd);
	sd_event_unref(r->event);
	json_decref(r->report);
	unlink(r->controller);
	unlink(r->hook);
	rmdir(r->folder);
	free(r);
	return 0;
}

/* ---- words of the tests ---- */

/* What the controller wants: the state of the lease ("" for none) and of the VM. */
struct want {
	const char *lease;
	const char *wanted, *how, *boot; /* of web01; wanted NULL: stopped and only watched */
	unsigned run, placement;         /* placement 0: none */
};

static void want(struct rig *r, struct want w)
{
	char line[2000], chunk[2100], lease[700] = "";

	UNTIL(r, r->stream >= 0);
	if (w.lease[0])
		snprintf(lease, sizeof(lease),
			 "{\"id\":\"" LEASE1 "\",\"vm\":\"web01\",\"vm_uuid\":\"" UUID1
			 "\",\"device\":\"gpu0\","
			 "\"host\":\"h1\",\"gpu\":\"h1@" PF "\",\"address\":\"" PF
			 "\",\"framework\":\"vendor-vfio\",\"profile\":\"NVIDIA "
			 "L40S-8Q\",\"vf\":\"0000:41:00.4\",\"placement\":%u,\"generation\":7,"
			 "\"state\":\"%s\"}", w.placement ? w.placement : PLACEMENT_NONE, w.lease);
	snprintf(line, sizeof(line),
		 "{\"host\":\"h1\",\"revision\":%ju,\"leases\":[%s],\"vms\":[{\"name\":\"web01\","
		 "\"uuid\":\"" UUID1 "\",\"wanted\":\"%s\",\"stop_how\":\"%s\",\"start_after_"
				     "boot\":true,\"run\":%u,\"boot_id\":\"%s\","
		 "\"managed\":%s}],\"vf_gpus\":[]}\n",
		 (uintmax_t)++r->revision, lease, w.wanted ? w.wanted : "stopped",
		 w.how ? w.how : "graceful", w.run, w.boot ? w.boot : "",
		 w.wanted ? "true" : "false");
	snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(line), line);
	say(r->stream, chunk);
}

static size_t count(struct rig *r, enum host_op op)
{
	size_t n = 0;

	for (size_t i = 0; i < r->sent_n; i++)
		n += r->sent[i].q.op == (int32_t)op;
	return n;
}

/* The newest request must be OP; it gets RESULT and the agent goes on. */
static void answer(struct rig *r, enum host_op op, int result, const char *text)
{
	struct host_reply reply = { .r = result, .placement = PLACEMENT_NONE };
	struct sent *s;

	assert_true(r->sent_n > 0);
	s = &r->sent[r->sent_n - 1];
	assert_false(s->answered);
	assert_string_equal(names_word(&host_op_names, s->q.op),
			    names_word(&host_op_names, (int)op));
	if (result < 0)
		error_set(&reply.err, (enum error_kind)-result, "%s", text);
	s->answered = true;
	s->reply(&reply, s->user);
}

static void expect(struct rig *r, enum host_op op)
{
	size_t n = r->sent_n;

	UNTIL(r, r->sent_n > n || (r->sent_n > 0 && !r->sent[r->sent_n - 1].answered));
	answer(r, op, 0, "");
}

static const json_t *told_vm(struct rig *r)
{
	return json_array_get(json_object_get(r->report, "vms"), 0);
}

static const char *told(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* Waits for a report that answers the newest wanted state. */
static void hear(struct rig *r)
{
	UNTIL(r, r->report && json_integer_value(json_object_get(r->report, "revision")) ==
			(json_int_t)r->revision);
}

static void bring_up(struct rig *r)
{
	want(r, (struct want){ .lease = "reserved", .wanted = "running", .run = 1 });
	expect(r, HOST_OP_VGPU_CREATE);
	r->vgpus = 1;
	expect(r, HOST_OP_DOMAIN_DEVICES);
	expect(r, HOST_OP_DOMAIN_START);
	r->domain.state = VM_RUNNING;
	TEXT_COPY(r->domain.uses, "0000:41:00.4");
}

/* ---- tests ---- */

/* Each step needs the one before: functions, then vGPUs on them, then the VM. */
static void functions_come_before_vgpus_before_the_vm(void **state)
{
	struct rig *r = *state;

	r->vf_enabled = 0;
	want(r, (struct want){ .lease = "reserved", .wanted = "running", .run = 1 });
	UNTIL(r, r->sent_n > 0);
	pass(r, 100);
	assert_int_equal(r->sent_n, 1);
	r->vf_enabled = 4;
	answer(r, HOST_OP_VF_ENABLE, 0, "");
	UNTIL(r, r->sent_n > 1);
	pass(r, 100);
	assert_int_equal(r->sent_n, 2);
	r->vgpus = 1;
	answer(r, HOST_OP_VGPU_CREATE, 0, "");
	expect(r, HOST_OP_DOMAIN_DEVICES);
	assert_int_equal(r->sent[2].q.devices_n, 1);
	assert_string_equal(r->sent[2].q.devices[0].address, "0000:41:00.4");
	expect(r, HOST_OP_DOMAIN_START);
}

/* A lease that is no longer in the wanted state was not given back: somebody forgot it. */
static void nothing_goes_that_is_not_releasing(void **state)
{
	struct rig *r = *state;

	want(r, (struct want){ .lease = "ready" });
	expect(r, HOST_OP_VGPU_CREATE);
	r->vgpus = 1;
	want(r, (struct want){ .lease = "quarantined" });
	hear(r);
	want(r, (struct want){ .lease = "" });
	hear(r);
	pass(r, 100);
	assert_int_equal(count(r, HOST_OP_VGPU_DESTROY), 0);
	want(r, (struct want){ .lease = "releasing" });
	expect(r, HOST_OP_VGPU_DESTROY);
}

static void busy_release_is_tried_again(void **state)
{
	struct rig *r = *state;

	want(r, (struct want){ .lease = "releasing" });
	UNTIL(r, r->sent_n == 1);
	answer(r, HOST_OP_VGPU_DESTROY, -ERR_BUSY, "process 4711 holds it open");
	UNTIL(r, r->sent_n == 2);
	assert_string_equal(told(json_array_get(json_object_get(r->report, "leases"), 0), "reason"),
			    "process 4711 holds it open");
	answer(r, HOST_OP_VGPU_DESTROY, 0, "");
	UNTIL(r, json_is_true(json_object_get(
			 json_array_get(json_object_get(r->report, "leases"), 0), "gone")));
}

/* A vGPU that a running VM has is not even asked about. */
static void vgpu_of_a_running_vm_is_not_taken_down(void **state)
{
	struct rig *r = *state;

	r->domain.state = VM_RUNNING;
	TEXT_COPY(r->domain.uses, "0000:41:00.4");
	want(r, (struct want){ .lease = "releasing" });
	hear(r);
	pass(r, 100);
	assert_int_equal(r->sent_n, 0);
}

static void silent_libvirt_means_unknown(void **state)
{
	struct rig *r = *state;

	r->libvirt_silent = true;
	want(r, (struct want){ .lease = "attached", .wanted = "running", .run = 1, .boot = BOOT });
	UNTIL(r, r->reports > 0);
	pass(r, 100);
	assert_int_equal(json_array_size(json_object_get(r->report, "vms")), 0);
	assert_int_equal(r->sent_n, 0);
}

static void run_that_ended_is_told_and_not_begun_again(void **state)
{
	struct rig *r = *state;

	want(r, (struct want){ .lease = "attached", .wanted = "running", .run = 1, .boot = BOOT });
	expect(r, HOST_OP_VGPU_CREATE);
	UNTIL(r, json_is_true(json_object_get(told_vm(r), "ended")));
	pass(r, 100);
	assert_int_equal(count(r, HOST_OP_DOMAIN_DEVICES), 0);
}

/* Whether it runs again after a reboot is for the controller to say: with a new run. */
static void new_boot_waits_for_a_new_run(void **state)
{
	struct rig *r = *state;

	want(r,
	     (struct want){ .lease = "attached", .wanted = "running", .run = 1, .boot = OLD_BOOT });
	expect(r, HOST_OP_VGPU_CREATE);
	r->vgpus = 1;
	hear(r);
	pass(r, 100);
	assert_int_equal(count(r, HOST_OP_DOMAIN_DEVICES), 0);
	assert_string_equal(told(told_vm(r), "state"), "stopped");
	assert_false(json_is_true(json_object_get(told_vm(r), "ended")));
	want(r, (struct want){ .lease = "attached", .wanted = "running", .run = 2 });
	expect(r, HOST_OP_DOMAIN_DEVICES);
	expect(r, HOST_OP_DOMAIN_START);
}

/* It may be up in the next moment: "stopped" would give its vGPUs away. */
static void vm_is_not_down_while_it_is_being_started(void **state)
{
	struct rig *r = *state;

	want(r, (struct want){ .lease = "reserved", .wanted = "running", .run = 1 });
	expect(r, HOST_OP_VGPU_CREATE);
	r->vgpus = 1;
	expect(r, HOST_OP_DOMAIN_DEVICES);
	UNTIL(r, count(r, HOST_OP_DOMAIN_START) == 1);
	want(r,
	     (struct want){ .lease = "reserved", .wanted = "stopped", .how = "force", .run = 1 });
	hear(r);
	assert_string_equal(told(told_vm(r), "state"), "starting");
	r->domain.state = VM_RUNNING;
	answer(r, HOST_OP_DOMAIN_START, 0, "");
	expect(r, HOST_OP_DOMAIN_DESTROY);
}

/* The next life finds everything made, and does nothing to it but look. */
static void restarted_agent_touches_nothing_that_is_right(void **state)
{
	struct rig *r = *state;
	size_t n;

	bring_up(r);
	UNTIL(r, strcmp(told(told_vm(r), "state"), "running") == 0);
	r->agent = agent_free(r->agent);
	r->stream = -1;
	n = r->sent_n;
	begin_agent(r);
	want(r, (struct want){ .lease = "attached", .wanted = "running", .run = 1, .boot = BOOT });
	expect(r, HOST_OP_VGPU_CREATE);
	hear(r);
	pass(r, 100);
	assert_int_equal(r->sent_n, n + 1);
	UNTIL(r, strcmp(told(json_array_get(json_object_get(r->report, "leases"), 0), "state"),
			"attached") == 0);
}

/* It would hold fewer than placement reckons with. */
static void emptied_gpu_is_cut_equal_again(void **state)
{
	struct rig *r = *state;

	r->mode = GPU_MODE_MIXED;
	want(r, (struct want){ .lease = "reserved" });
	UNTIL(r, r->sent_n == 1);
	assert_int_equal(r->sent[0].q.mode, GPU_MODE_EQUAL);
	r->mode = GPU_MODE_EQUAL;
	answer(r, HOST_OP_MODE_SET, 0, "");
	expect(r, HOST_OP_VGPU_CREATE);
}

static void empty_gpu_is_cut_mixed_for_a_placement(void **state)
{
	struct rig *r = *state;

	want(r, (struct want){ .lease = "reserved", .placement = 8 });
	UNTIL(r, r->sent_n == 1);
	assert_int_equal(r->sent[0].q.mode, GPU_MODE_MIXED);
	r->mode = GPU_MODE_MIXED;
	answer(r, HOST_OP_MODE_SET, 0, "");
	expect(r, HOST_OP_VGPU_CREATE);
}

/* ---- the hook ---- */

static int ask_hook(struct rig *r)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TEXT_COPY(sun.sun_path, r->hook);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	say(fd, "{\"op\":\"prepare\",\"name\":\"web01\",\"uuid\":\"" UUID1 "\"}\n");
	return fd;
}

static bool answered(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

static void assert_hook(int fd, const char *part)
{
	char text[1000] = "";

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	if (!strstr(text, part))
		fail_msg("%s has no %s", text, part);
	close(fd);
}

static void hook_refuses_a_vm_without_a_lease(void **state)
{
	struct rig *r = *state;
	int fd;

	want(r, (struct want){ .lease = "" });
	hear(r);
	fd = ask_hook(r);
	UNTIL(r, answered(fd));
	assert_hook(fd, "facet vm start web01");
}

static void hook_waits_for_the_vgpu(void **state)
{
	struct rig *r = *state;
	int fd;

	want(r, (struct want){ .lease = "ready" });
	UNTIL(r, r->sent_n == 1);
	fd = ask_hook(r);
	pass(r, 200);
	assert_false(answered(fd));
	r->vgpus = 1;
	answer(r, HOST_OP_VGPU_CREATE, 0, "");
	UNTIL(r, answered(fd));
	assert_hook(fd, "\"ok\":true");
}

/* libvirt asks while it does what this agent asked of it. */
static void hook_answers_the_agents_own_start_at_once(void **state)
{
	struct rig *r = *state;
	int fd;

	want(r, (struct want){ .lease = "", .wanted = "running", .run = 1 });
	expect(r, HOST_OP_DOMAIN_DEVICES);
	UNTIL(r, count(r, HOST_OP_DOMAIN_START) == 1);
	fd = ask_hook(r);
	UNTIL(r, answered(fd));
	assert_hook(fd, "\"ok\":true");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(functions_come_before_vgpus_before_the_vm),
		T(nothing_goes_that_is_not_releasing),
		T(busy_release_is_tried_again),
		T(vgpu_of_a_running_vm_is_not_taken_down),
		T(silent_libvirt_means_unknown),
		T(run_that_ended_is_told_and_not_begun_again),
		T(new_boot_waits_for_a_new_run),
		T(vm_is_not_down_while_it_is_being_started),
		T(restarted_agent_touches_nothing_that_is_right),
		T(emptied_gpu_is_cut_equal_again),
		T(empty_gpu_is_cut_mixed_for_a_placement),
		T(hook_refuses_a_vm_without_a_lease),
		T(hook_waits_for_the_vgpu),
		T(hook_answers_the_agents_own_start_at_once),
	};
	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
