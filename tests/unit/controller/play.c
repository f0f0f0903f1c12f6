/* SPDX-License-Identifier: Apache-2.0 */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "controller/ledger.h"

static struct world *playing;

int __real_store_commit(struct store *s, const struct store_write *writes, size_t n,
			store_done_fn *done, void *user, struct error *err);
int __wrap_store_commit(struct store *s, const struct store_write *writes, size_t n,
			store_done_fn *done, void *user, struct error *err);

/* A batch that is to fail expects what can not be. */
int __wrap_store_commit(struct store *s, const struct store_write *writes, size_t n,
			store_done_fn *done, void *user, struct error *err)
{
	struct store_write *copy;
	int r;

	if (!playing || !playing->failing)
		return __real_store_commit(s, writes, n, done, user, err);
	playing->failing--;
	playing->reverted = true;
	copy = calloc(n, sizeof(*copy));
	memcpy(copy, writes, n * sizeof(*copy));
	copy[0].expect = 1ULL << 60;
	r = __real_store_commit(s, copy, n, done, user, err);
	free(copy);
	return r;
}

void play_fail(struct world *w, const char *fmt, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "seed %ju, step %u (%s): %s\n", (uintmax_t)w->seed, w->step, w->doing,
		text);
	fail_msg("FACET_TEST_SEED=%ju: %s", (uintmax_t)w->seed, text);
	abort();
}

uint64_t play_random(struct world *w, uint64_t below)
{
	/* splitmix64 */
	uint64_t z = w->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

/* ---- the controller ---- */

static void on_wanted(void *user, const char *line)
{
	struct host_played *h = user;

	free(h->line);
	h->line = strdup(line);
}

static void connect_feeds(struct world *w)
{
	for (int i = 0; i < HOSTS; i++)
		if (!w->hosts[i].feed)
			w->hosts[i].feed =
				controller_feed(w->c, simulated_name(w->hosts[i].machine), 0,
						on_wanted, &w->hosts[i]);
}

static void new_controller(struct world *w)
{
	struct controller_config config = { .clock = &w->clock.clock };
	struct error err;

	if (controller_new(w->store, &config, &w->c, &err) < 0)
		play_fail(w, "%s", err.text);
	connect_feeds(w);
}

void play_begin(struct world *w, uint64_t seed, const char *const *specs)
{
	struct error err;

	*w = (struct world){ .seed = seed, .state = seed, .doing = "begin" };
	playing = w;
	w->gone = calloc(GONE_MAX, sizeof(*w->gone));
	clock_manual_init(&w->clock, 1000000000000LL);
	if (store_open("memory", "", &w->store, &err) < 0)
		play_fail(w, "%s", err.text);
	for (int i = 0; i < HOSTS; i++) {
		if (simulated_parse(specs[i], &w->hosts[i].machine, &err) < 0)
			play_fail(w, "%s", err.text);
		play_reboot(w, &w->hosts[i]);
	}
	new_controller(w);
}

void play_end(struct world *w)
{
	controller_free(w->c);
	playing = NULL;
	store_close(w->store);
	for (int i = 0; i < HOSTS; i++) {
		struct host_played *h = &w->hosts[i];

		simulated_free(h->machine);
		fields_done(&wanted_fields, &h->wanted);
		free(h->line);
		for (int k = 0; k < OLD_MAX; k++)
			json_decref(h->old[k]);
	}
	free(w->gone);
}

struct given {
	struct world *w;
	enum command_kind kind;
};

static void on_answer(void *user, const struct outcome *o)
{
	struct given *g = user;

	if (o->r == -ERR_NO_MEMORY ||
	    (o->r < 0 && g->kind == COMMAND_HOST_REPORT && o->r != -ERR_UNAVAILABLE))
		play_fail(g->w, "%s: %s", command_kind_names.words[g->kind], o->err->text);
	if (o->r < 0 && !o->err->text[0])
		play_fail(g->w, "%s fails without a word", command_kind_names.words[g->kind]);
	free(g);
}

void play_do(struct world *w, enum command_kind kind, const char *id, const char *sub, json_t *body)
{
	struct command cmd = { .kind = kind, .actor = { "tester", ROLE_ADMIN, "" }, .body = body };
	struct given *g = malloc(sizeof(*g));

	*g = (struct given){ w, kind };
	TEXT_COPY(cmd.id, id);
	TEXT_COPY(cmd.sub, sub);
	/* An adopted VM brings its vGPUs along, whatever its tenant may have. */
	w->reverted = w->reverted || kind == COMMAND_VM_ADOPT;
	controller_submit(w->c, &cmd, on_answer, g);
	play_check_rules(w);
	w->reverted = w->reverted && kind != COMMAND_VM_ADOPT;
	json_decref(body);
}

void play_time(struct world *w, int64_t ms)
{
	int64_t next;

	w->clock.now_us += ms * 1000;
	w->host_ms += ms > 0 ? ms : 1;
	for (int i = 0; i < HOSTS; i++)
		simulated_advance(w->hosts[i].machine, w->host_ms);
	controller_tick(w->c, &next);
	play_check_rules(w);
}

/* ---- looking ---- */

struct rows {
	const void *rows[2048];
	const char *ids[2048];
	size_t n;
};

static bool add_row(void *user, const void *object, const char *id, uint64_t revision)
{
	struct rows *r = user;

	(void)revision;
	r->rows[r->n] = object;
	r->ids[r->n++] = id;
	return r->n < 2048;
}

static void list(struct world *w, enum object_kind kind, struct rows *ret)
{
	ret->n = 0;
	controller_each(w->c, kind, "", add_row, ret);
}

const char *play_any(struct world *w, enum object_kind kind)
{
	struct rows r;

	list(w, kind, &r);
	return r.n ? r.ids[play_random(w, r.n)] : "none";
}

size_t play_count(struct world *w, enum object_kind kind)
{
	struct rows r;

	list(w, kind, &r);
	return r.n;
}

size_t play_open_operations(struct world *w)
{
	struct rows r;
	size_t n = 0;

	list(w, OBJECT_OPERATION, &r);
	for (size_t i = 0; i < r.n; i++) {
		int state = ((const struct operation *)r.rows[i])->state;

		n += state == OPERATION_STATE_RUNNING || state == OPERATION_STATE_WAITING;
	}
	return n;
}

void play_tell(struct world *w)
{
	json_auto_t *counts = json_object();
	const char *kind;
	struct rows r;
	json_t *n;

	list(w, OBJECT_EVENT, &r);
	for (size_t i = 0; i < r.n; i++) {
		kind = ((const struct event *)r.rows[i])->kind;
		json_object_set_new(
			counts, kind,
			json_integer(json_integer_value(json_object_get(counts, kind)) + 1));
	}
	json_object_foreach (counts, kind, n)
		fprintf(stderr, "%6lld %s\n", json_integer_value(n), kind);
}

const char *play_describe_leases(struct world *w)
{
	static char text[1500];
	struct rows r;
	size_t n = 0;

	text[0] = '\0';
	list(w, OBJECT_LEASE, &r);
	for (size_t i = 0; i < r.n && n < sizeof(text); i++) {
		const struct lease *l = r.rows[i];
		const struct vm *vm = controller_get(w->c, OBJECT_VM, l->vm, NULL);

		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "\n  %s %s of %s (%s, wanted %s) on %s %s: %s", l->id,
				      names_word(&lease_state_names, l->state), l->vm,
				      vm ? names_word(&vm_state_names, vm->state) : "gone",
				      vm ? names_word(&vm_wanted_names, vm->wanted) : "-", l->gpu,
				      l->vf, l->reason);
	}
	return text;
}

void play_release_quarantined(struct world *w)
{
	struct rows r;

	list(w, OBJECT_LEASE, &r);
	for (size_t i = 0; i < r.n; i++)
		if (((const struct lease *)r.rows[i])->state == LEASE_QUARANTINED) {
			play_do(w, COMMAND_LEASE_RELEASE, r.ids[i], "", NULL);
			return;
		}
}

/* ---- checking ---- */

/* Invariants 1 and 2, for each GPU. */
static void check_gpus(struct world *w)
{
	struct rows gpus, all;
	const struct lease *here[256];
	char why[256];

	list(w, OBJECT_GPU, &gpus);
	list(w, OBJECT_LEASE, &all);
	for (size_t i = 0; i < gpus.n; i++) {
		size_t n = 0;

		for (size_t k = 0; k < all.n; k++)
			if (strcmp(((const struct lease *)all.rows[k])->gpu, gpus.ids[i]) == 0)
				here[n++] = all.rows[k];
		if (!ledger_gpu_holds(gpus.rows[i], here, n, why, sizeof(why)))
			play_fail(w, "the ledger does not hold: %s", why);
	}
}

/* No VM has two leases in one place of a device. */
static void check_places(struct world *w)
{
	struct rows all;

	list(w, OBJECT_LEASE, &all);
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = i + 1; k < all.n; k++) {
			const struct lease *a = all.rows[i], *b = all.rows[k];

			if (a->state <= LEASE_ATTACHED && b->state <= LEASE_ATTACHED &&
			    a->index == b->index && strcmp(a->vm, b->vm) == 0 &&
			    strcmp(a->device, b->device) == 0)
				play_fail(w, "leases %s and %s are both number %u of %s of %s",
					  a->id, b->id, a->index, a->device, a->vm);
		}
}

static const struct lease *lease_at(const struct rows *all, const char *vm,
				    const struct host_device *d)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct lease *l = all->rows[i];

		if (strcmp(l->vm, vm) == 0 &&
		    (d->mdev_uuid[0] ? strcmp(l->mdev_uuid, d->mdev_uuid) == 0
				     : strcmp(l->vf[0] ? l->vf : l->address, d->address) == 0))
			return l;
	}
	return NULL;
}

/* What a running VM has is leased to it, whatever state it is in. */
static void check_domains(struct world *w, struct host_played *h)
{
	struct rows all;

	list(w, OBJECT_LEASE, &all);
	for (size_t i = 0; i < simulated_domains(h->machine); i++) {
		const struct simulated_domain *d = simulated_domain_at(h->machine, i);

		for (uint32_t k = 0; d->pid && k < d->devices_n; k++)
			if (!lease_at(&all, d->name, &d->devices[k]))
				play_fail(w, "VM %s runs with %s%s and has no lease for it",
					  d->name, d->devices[k].address, d->devices[k].mdev_uuid);
	}
}

static void check_host(struct world *w, struct host_played *h)
{
	const char *why = simulated_check(h->machine);
	struct host facts = { 0 };
	struct gpu *gpus = NULL;
	size_t n = 0, foreign = 0;
	struct error err;

	if (why)
		play_fail(w, "host %s: %s", simulated_name(h->machine), why);
	check_domains(w, h);
	if (!h->foreign || w->step % 8)
		return;
	if (simulated_inventory(h->machine, &facts, &gpus, &n, &err) < 0)
		play_fail(w, "inventory: %s", err.text);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < gpus[i].vgpus_n; k++)
			foreign += strcmp(gpus[i].vgpus[k].address, "0000:21:00.6") == 0;
		fields_done(&gpu_fields, &gpus[i]);
	}
	free(gpus);
	fields_done(&host_fields, &facts);
	if (foreign != h->foreign)
		play_fail(w, "a vGPU that somebody made by hand on %s is gone",
			  simulated_name(h->machine));
}

/* All durable objects but hosts, whose last report is kept in memory. */
static json_t *dump(struct world *w)
{
	json_t *j = json_object();
	struct rows r;

	for (int kind = 0; kind < OBJECT_COUNT; kind++) {
		if (kind == OBJECT_HOST || kind == OBJECT_EVENT)
			continue;
		list(w, (enum object_kind)kind, &r);
		for (size_t i = 0; i < r.n; i++)
			json_object_set_new(
				j, r.ids[i],
				fields_write(object_fields((enum object_kind)kind), r.rows[i]));
	}
	return j;
}

static bool was_said_gone(const struct world *w, const char *id)
{
	for (size_t i = w->gone_n; i-- > 0;)
		if (strcmp(w->gone[i], id) == 0)
			return true;
	return false;
}

static void watch_leases(struct world *w)
{
	static char before[2048][LEASE_ID_SIZE];
	static size_t before_n;
	static uint64_t of_seed;
	struct rows r;

	for (size_t i = 0; of_seed == w->seed && i < before_n; i++)
		if (!controller_get(w->c, OBJECT_LEASE, before[i], NULL) &&
		    !was_said_gone(w, before[i]))
			play_fail(w, "lease %s is gone, and no host said so", before[i]);
	list(w, OBJECT_LEASE, &r);
	of_seed = w->seed;
	before_n = r.n;
	for (size_t i = 0; i < r.n; i++)
		memcpy(before[i], r.ids[i], LEASE_ID_SIZE);
}

void play_settle(struct world *w)
{
	store_flush(w->store);
	connect_feeds(w);
	play_check_rules(w);
	w->reverted = false;
	check_gpus(w);
	check_places(w);
	watch_leases(w);
	for (int i = 0; i < HOSTS; i++)
		check_host(w, &w->hosts[i]);
}

void play_controller_restart(struct world *w)
{
	json_auto_t *before = NULL, *after = NULL;

	store_flush(w->store);
	before = dump(w);
	controller_free(w->c);
	for (int i = 0; i < HOSTS; i++) {
		w->hosts[i].feed = NULL;
		free(w->hosts[i].line);
		w->hosts[i].line = NULL;
	}
	new_controller(w);
	after = dump(w);
	if (!json_equal(before, after))
		play_fail(w, "a restart of the controller changed what it knows");
}
