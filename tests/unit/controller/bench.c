/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <string.h>

#include "base/text.h"

int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct error err;

	clock_manual_init(&b->clock, 1000000000000LL);
	if (store_open("memory", "", &b->store, &err) < 0)
		return -1;
	bench_restart(b);
	*state = b;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;

	controller_free(b->c);
	store_close(b->store);
	free(b);
	return 0;
}

void bench_restart(struct bench *b)
{
	struct controller_config config = { .clock = &b->clock.clock };
	struct error err;

	controller_free(b->c);
	b->c = NULL;
	if (controller_new(b->store, &config, &b->c, &err) < 0)
		fail_msg("%s", err.text);
}

static json_t *quoted(const char *text)
{
	char *copy = strdup(text);
	json_error_t at;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, JSON_DECODE_ANY, &at);
	if (!j)
		fail_msg("%s in %s", at.text, copy);
	free(copy);
	return j;
}

static void on_answer(void *user, const struct outcome *o)
{
	struct answered *a = user;

	assert_false(a->came);
	a->came = true;
	a->r = o->r;
	a->accepted = o->accepted;
	a->created = o->created;
	a->replayed = o->replayed;
	a->refusals_n = o->refusals_n;
	a->body = o->body ? json_loads(o->body, 0, NULL) : NULL;
	if (o->err)
		a->err = *o->err;
}

struct answered bench_do(struct bench *b, enum command_kind kind, const char *id, const char *body)
{
	struct command cmd = { .kind = kind, .actor = { "tester", ROLE_ADMIN, "" } };
	struct answered a = { 0 };
	json_auto_t *j = NULL;
	char *hash;

	TEXT_COPY(cmd.id, id);
	if ((hash = strchr(cmd.id, '#'))) {
		*hash = '\0';
		TEXT_COPY(cmd.sub, hash + 1);
	}
	if (body && body[0] == '?') {
		cmd.dry_run = true;
		body++;
	}
	if (body && body[0] == '!') {
		TEXT_COPY(cmd.idempotency_key, "the same");
		body++;
	}
	j = body && body[0] ? quoted(body) : NULL;
	cmd.body = j;
	controller_submit(b->c, &cmd, on_answer, &a);
	store_flush(b->store);
	assert_true(a.came);
	return a;
}

void answered_done(struct answered *a)
{
	json_decref(a->body);
	a->body = NULL;
}

void bench_expect(struct bench *b, enum command_kind kind, const char *id, const char *body, int r)
{
	struct answered a = bench_do(b, kind, id, body);

	if (a.r != r)
		fail_msg("%s %s: %d, expected %d: %s", command_kind_names.words[kind], id, a.r, r,
			 a.err.text);
	answered_done(&a);
}

void bench_join(struct bench *b, unsigned functions)
{
	struct text t = { 0 };

	text_add(&t,
		 "{'host':'h1','boot_id':'boot-1','has_inventory':true,'facts':{'name':'h1'},'gpus'"
		 ":[{'address':'0000:41:00.0','board':'NVIDIA "
		 "L40S','pci_device':'26b9','framework':"
		 "'vendor-vfio','fb_mib':49152,'poolable':true,'vf_total':32,'vf_enabled':%u,'"
		 "functions':[",
		 functions);
	for (unsigned i = 0; i < functions; i++)
		text_add(&t, "%s'0000:41:%02x.%u'", i ? "," : "", (i + 4) / 8, (i + 4) % 8);
	text_add(&t,
		 "]}],'vms':["
		 "{'name':'web01','uuid':'11111111-1111-4111-8111-111111111111','state':'stopped'},"
		 "{'name':'web02','uuid':'22222222-2222-4222-8222-222222222222','state':'stopped'}]"
		 "}");
	bench_expect(b, COMMAND_HOST_REPORT, "h1", t.data, 0);
	text_done(&t);
}

void bench_report(struct bench *b, const char *boot, const char *leases, const char *vms)
{
	struct text t = { 0 };

	text_add(&t, "{'host':'h1','boot_id':'%s','revision':%ju,'leases':%s,'vms':%s}", boot,
		 (uintmax_t)controller_revision(b->c), leases, vms);
	bench_expect(b, COMMAND_HOST_REPORT, "h1", t.data, 0);
	text_done(&t);
}

static void bench_report_text(struct bench *b, const struct text *leases, const struct text *vms)
{
	struct text t = { 0 };

	text_add(&t, "{'host':'h1','boot_id':'boot-1','revision':%ju,'leases':[%s,'vms':[%s}",
		 (uintmax_t)controller_revision(b->c), leases->data, vms->data);
	bench_expect(b, COMMAND_HOST_REPORT, "h1", t.data, 0);
	text_done(&t);
}

struct nth {
	size_t i, n;
	const void *object;
};

static bool on_object(void *user, const void *object, const char *id, uint64_t revision)
{
	struct nth *n = user;

	(void)id;
	(void)revision;
	if (n->n++ == n->i)
		n->object = object;
	return true;
}

const struct lease *bench_lease(struct bench *b, size_t i)
{
	struct nth n = { .i = i };

	controller_each(b->c, OBJECT_LEASE, "", on_object, &n);
	return n.object;
}

size_t bench_count(struct bench *b, enum object_kind kind)
{
	struct nth n = { 0 };

	controller_each(b->c, kind, "", on_object, &n);
	return n.n;
}

struct newest {
	const char *vm;
	const struct operation *op;
};

static bool on_operation(void *user, const void *object, const char *id, uint64_t revision)
{
	struct newest *n = user;
	const struct operation *op = object;

	(void)id;
	(void)revision;
	if (strcmp(op->vm, n->vm) == 0 && (!n->op || op->created_ms >= n->op->created_ms))
		n->op = op;
	return true;
}

const struct operation *bench_operation(struct bench *b, const char *vm)
{
	struct newest n = { .vm = vm };

	controller_each(b->c, OBJECT_OPERATION, "", on_operation, &n);
	return n.op;
}

void bench_join_many(struct bench *b, unsigned gpus, unsigned vms)
{
	struct text t = { 0 };

	text_add(&t, "{'host':'h1','boot_id':'boot-1','has_inventory':true,"
		     "'facts':{'name':'h1'},'gpus':[");
	for (unsigned g = 0; g < gpus; g++) {
		text_add(&t,
			 "%s{'address':'0000:%u1:00.0','board':'NVIDIA L40S','pci_device':'26b9',"
			 "'framework':'vendor-vfio','fb_mib':49152,'poolable':true,'vf_total':32,"
			 "'vf_enabled':8,'functions':[", g ? "," : "", g + 4);
		for (unsigned i = 0; i < 8; i++)
			text_add(&t, "%s'0000:%u1:%02x.%u'", i ? "," : "", g + 4, (i + 4) / 8,
				 (i + 4) % 8);
		text_add(&t, "]}");
	}
	text_add(&t, "],'vms':[");
	for (unsigned i = 0; i < vms; i++)
		text_add(&t,
			 "%s{'name':'v%u','uuid':'%08u-1111-4111-8111-111111111111',"
			 "'state':'stopped'}", i ? "," : "", i + 1, i + 1);
	text_add(&t, "]}");
	bench_expect(b, COMMAND_HOST_REPORT, "h1", t.data, 0);
	text_done(&t);
}

struct obedience {
	struct text *t;
	bool deaf, first;
};

static bool obey_lease(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct lease *l = object;
	struct obedience *o = user;

	(void)revision;
	if (l->state == LEASE_QUARANTINED)
		return true;
	text_add(o->t, "%s{'id':'%s','generation':%u,'state':'%s','placement':4294967295%s}",
		 o->first ? "" : ",", id, l->generation,
		 l->state == LEASE_RELEASING ? "releasing"
		 : l->expires_ms             ? "ready"
					     : "attached",
		 l->state == LEASE_RELEASING ? ",'gone':true" : "");
	o->first = false;
	return true;
}

static bool obey_vm(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct vm *vm = object;
	struct obedience *o = user;
	bool stops = vm->state == VM_STOPPING && (!o->deaf || vm->stop_how == STOP_FORCE);
	bool up = (vm->state == VM_STARTING || vm->state == VM_RUNNING ||
		   vm->state == VM_STOPPING) && !stops;

	(void)revision;
	text_add(o->t, "%s{'name':'%s','uuid':'%s','state':'%s','run':%u}", o->first ? "" : ",", id,
		 vm->uuid, up ? "running" : "stopped", vm->run);
	o->first = false;
	return true;
}

void bench_obey(struct bench *b, unsigned rounds, bool deaf)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct text leases = { 0 }, vms = { 0 };
		struct obedience o = { .deaf = deaf };

		b->clock.now_us += 1000;
		o.t = &leases;
		o.first = true;
		controller_each(b->c, OBJECT_LEASE, "", obey_lease, &o);
		o.t = &vms;
		o.first = true;
		controller_each(b->c, OBJECT_VM, "", obey_vm, &o);
		text_add(&leases, "]");
		text_add(&vms, "]");
		bench_report_text(b, &leases, &vms);
		text_done(&leases);
		text_done(&vms);
	}
}

void bench_wait(struct bench *b, int64_t seconds)
{
	int64_t next;

	b->clock.now_us += seconds * 1000000;
	controller_tick(b->c, &next);
	store_flush(b->store);
}

const struct vm *bench_vm(struct bench *b, const char *name)
{
	return controller_get(b->c, OBJECT_VM, name, NULL);
}

static bool on_waiter(void *user, const void *object, const char *id, uint64_t revision)
{
	struct text *t = user;

	(void)id;
	(void)revision;
	text_add(t, "%s%s", t->length ? " " : "", ((const struct waiter *)object)->vm);
	return true;
}

const char *bench_queue(struct bench *b)
{
	static char line[256];
	struct text t = { 0 };

	controller_each(b->c, OBJECT_WAITER, "", on_waiter, &t);
	TEXT_COPY(line, t.data ? t.data : "");
	text_done(&t);
	return line;
}

struct named {
	const char *vm;
	const struct waiter *w;
};

static bool on_named(void *user, const void *object, const char *id, uint64_t revision)
{
	struct named *n = user;

	(void)id;
	(void)revision;
	if (strcmp(((const struct waiter *)object)->vm, n->vm) == 0)
		n->w = object;
	return true;
}

const struct waiter *bench_waiter(struct bench *b, const char *vm)
{
	struct named n = { .vm = vm };

	controller_each(b->c, OBJECT_WAITER, "", on_named, &n);
	return n.w;
}

struct kinds {
	const char *kind, *object;
	size_t n;
};

static bool on_event(void *user, const void *object, const char *id, uint64_t revision)
{
	const struct event *e = object;
	struct kinds *k = user;

	(void)id;
	(void)revision;
	k->n += strcmp(e->kind, k->kind) == 0 && (!k->object || strcmp(e->object, k->object) == 0);
	return true;
}

size_t bench_events(struct bench *b, const char *kind, const char *object)
{
	struct kinds k = { kind, object, 0 };

	controller_each(b->c, OBJECT_EVENT, "", on_event, &k);
	return k.n;
}
