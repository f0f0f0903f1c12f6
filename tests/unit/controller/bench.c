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
