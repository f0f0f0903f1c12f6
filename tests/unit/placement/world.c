/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void world_begin(struct world *w, const struct policy_row *policy, struct plain_kind *kinds,
		 size_t n)
{
	struct situations *t = situations_new();

	*w = (struct world){ .policy = policy, .kinds = kinds, .kinds_n = n };
	for (size_t i = 0; i < n; i++)
		assert_true(plain_add_kind(t, &kinds[i]));
	assert_int_equal(engine_new(t, policy, &w->e, NULL), 0);
}

void world_end(struct world *w)
{
	w->e = engine_free(w->e);
}

void world_add_demand(struct world *w, const struct engine_demand *d)
{
	uint32_t number;

	assert_int_equal(engine_demand(w->e, d, &number, NULL), 0);
	if (number == w->demands_n)
		w->demands[w->demands_n++] = *d;
	assert_true(number < w->demands_n);
	assert_memory_equal(&w->demands[number], d, sizeof(*d));
}

/* ---- hosts ---- */

void world_add_host(struct world *w, const struct engine_host *host)
{
	struct world_host *h;
	uint32_t number;

	assert_int_equal(engine_add_host(w->e, host, &number, NULL), 0);
	assert_true(number <= w->hosts_n && number < WORLD_NUMBERS);
	h = &w->hosts[number];
	assert_false(h->alive);
	w->hosts_n += number == w->hosts_n;
	*h = (struct world_host){ .alive = true, .as = *host };
	for (uint8_t g = 0; g < host->gpus_n; g++)
		h->gpus[g] = (struct plain_gpu){ .kind = &w->kinds[host->kinds[g]],
						 .cut = PLAIN_NONE, .one = PLAIN_NONE };
}

void world_remove_host(struct world *w, uint32_t host)
{
	engine_remove_host(w->e, host);
	w->hosts[host].alive = false;
	for (size_t i = w->vms_n; i-- > 0;)
		if (w->vms[i].host == host)
			w->vms[i] = w->vms[--w->vms_n];
}

void world_cordon(struct world *w, uint32_t host, bool cordoned)
{
	engine_cordon(w->e, host, cordoned);
	w->hosts[host].cordoned = cordoned;
}

void world_resize(struct world *w, uint32_t host, uint32_t cpu_milli, uint32_t ram_mib)
{
	engine_resize_host(w->e, host, cpu_milli, ram_mib);
	w->hosts[host].as.cpu_milli = cpu_milli;
	w->hosts[host].as.ram_mib = ram_mib;
}

static int64_t cpu_free(const struct world_host *h)
{
	return (int64_t)h->as.cpu_milli - h->cpu_used;
}

static int64_t ram_free(const struct world_host *h)
{
	return (int64_t)h->as.ram_mib - h->ram_used;
}

/* ---- what is right ---- */

static bool host_takes(const struct world_host *h, const struct engine_demand *d)
{
	return h->alive && !h->cordoned && cpu_free(h) >= d->cpu_milli &&
	       ram_free(h) >= d->ram_mib && (h->as.labels & d->labels) == d->labels;
}

/* GPUs of one kind must hold all; what one GPU holds of a size does not depend on the others. */
static unsigned int kind_holds(const struct world_host *h, const struct plain_kind *k,
			       const struct engine_demand *d)
{
	unsigned int n = 0;

	for (uint8_t g = 0; g < h->as.gpus_n && d->item[k->number] != ITEM_NONE; g++)
		if (h->gpus[g].kind == k)
			n += plain_capacity(&h->gpus[g], d->item[k->number]);
	return n;
}

static bool fits(const struct world *w, const struct world_host *h, const struct engine_demand *d)
{
	if (!host_takes(h, d))
		return false;
	for (size_t k = 0; k < w->kinds_n; k++)
		if (kind_holds(h, &w->kinds[k], d) >= d->count)
			return true;
	return d->count == 0;
}

uint64_t world_capacity(const struct world *w, uint32_t demand)
{
	const struct engine_demand *d = &w->demands[demand];
	uint64_t sum = 0, n;

	for (size_t i = 0; i < w->hosts_n; i++) {
		const struct world_host *h = &w->hosts[i];

		n = d->count ? 0 : UINT32_MAX;
		for (size_t k = 0; k < w->kinds_n && d->count; k++)
			n += kind_holds(h, &w->kinds[k], d) / d->count;
		if (!host_takes(h, d))
			continue;
		while (n && (n * d->cpu_milli > (uint64_t)cpu_free(h) ||
			     n * d->ram_mib > (uint64_t)ram_free(h)))
			n = n == UINT32_MAX ? 100000 : n - 1;
		sum += n;
	}
	return sum;
}

/* Puts the picks into the lists of H; false where one of them is against the rules. */
static bool lay(struct world_host *h, const struct engine_demand *d, const struct engine_choice *c)
{
	for (uint8_t i = 0; i < c->n; i++) {
		const struct engine_pick *p = &c->picks[i];
		struct plain_gpu *g = &h->gpus[p->gpu];

		if (p->gpu >= h->as.gpus_n || g->kind != h->gpus[c->picks[0].gpu].kind ||
		    p->item != d->item[g->kind->number] || p->item == ITEM_NONE ||
		    !plain_may(g, p->item, p->cut, p->start))
			return false;
		plain_put(g, p->item, p->cut, p->start);
	}
	return true;
}

static void check_choice(const struct world *w, const struct engine_choice *c, uint64_t may)
{
	const struct engine_demand *d = &w->demands[c->demand];
	struct world_host h = w->hosts[c->host];

	assert_true(c->host < w->hosts_n);
	assert_true(may >> c->host & 1);
	assert_true(host_takes(&h, d));
	assert_int_equal(c->n, d->count);
	if (!lay(&h, d, c))
		fail_msg("%s put demand %u on host %u where it can not lie", w->policy->name,
			 c->demand, c->host);
}

/* ---- asking ---- */

static bool may_host(void *user, uint32_t host)
{
	const struct world_rules *r = user;

	return r->may >> host & 1;
}

bool world_choose(struct world *w, uint32_t demand, const struct world_rules *rules,
		  struct engine_choice *ret)
{
	struct world_rules copy = *rules;
	struct engine_rules r = { may_host, &copy, rules->luck };

	if (engine_choose(w->e, demand, &r, ret)) {
		assert_int_equal(ret->demand, demand);
		check_choice(w, ret, rules->may);
		return true;
	}
	for (uint32_t h = 0; h < w->hosts_n; h++)
		if ((rules->may >> h & 1) && fits(w, &w->hosts[h], &w->demands[demand]))
			fail_msg("%s refused demand %u, which fits on host %u", w->policy->name,
				 demand, h);
	return false;
}

/* ---- changes ---- */

static void note(struct world *w, const struct engine_choice *c)
{
	struct world_host *h = &w->hosts[c->host];
	const struct engine_demand *d = &w->demands[c->demand];

	assert_true(lay(h, d, c));
	h->cpu_used += d->cpu_milli;
	h->ram_used += d->ram_mib;
	assert_true(w->vms_n < WORLD_VMS);
	w->vms[w->vms_n++] = *c;
}

void world_take(struct world *w, const struct engine_choice *choice)
{
	assert_int_equal(engine_take(w->e, choice, NULL), 0);
	note(w, choice);
}

static void take_away(struct plain_gpu *g, const struct engine_pick *p)
{
	size_t i = 0;

	while (i < g->n && (g->list[i].item != p->item || g->list[i].start != p->start))
		i++;
	assert_true(i < g->n);
	plain_take_back(g, i);
}

void world_give_back(struct world *w, size_t vm)
{
	struct engine_choice c = w->vms[vm];
	struct world_host *h = &w->hosts[c.host];

	assert_int_equal(engine_give_back(w->e, &c, NULL), 0);
	for (uint8_t i = 0; i < c.n; i++)
		take_away(&h->gpus[c.picks[i].gpu], &c.picks[i]);
	h->cpu_used -= w->demands[c.demand].cpu_milli;
	h->ram_used -= w->demands[c.demand].ram_mib;
	w->vms[vm] = w->vms[--w->vms_n];
}

bool world_put(struct world *w, const struct engine_choice *choice)
{
	struct world_host h = w->hosts[choice->host];
	bool may = lay(&h, &w->demands[choice->demand], choice);

	assert_int_equal(engine_put(w->e, choice, NULL), may ? 0 : -ERR_NO_CAPACITY);
	if (may)
		note(w, choice);
	return may;
}

void world_block(struct world *w, uint32_t host, uint8_t gpu, uint8_t cut, uint16_t start,
		 uint16_t n)
{
	struct plain_gpu *g = &w->hosts[host].gpus[gpu];
	bool may = plain_may_block(g, cut, start, n);

	assert_int_equal(engine_block(w->e, host, gpu, cut, start, n, NULL),
			 may ? 0 : -ERR_NO_CAPACITY);
	if (may)
		plain_block(g, cut, start, n);
}

/* ---- comparing ---- */

void world_check(struct world *w)
{
	size_t gpus = 0;

	assert_int_equal(engine_hosts(w->e), w->hosts_n);
	for (uint32_t i = 0; i < w->hosts_n; i++) {
		const struct world_host *h = &w->hosts[i];

		gpus += h->as.gpus_n;
		assert_int_equal(engine_host_gpus(w->e, i), h->alive ? h->as.gpus_n : 0);
		if (!h->alive)
			continue;
		assert_int_equal(engine_host_cpu_free(w->e, i), cpu_free(h));
		assert_int_equal(engine_host_ram_free(w->e, i), ram_free(h));
		for (uint8_t g = 0; g < h->as.gpus_n; g++) {
			uint32_t s;

			assert_true(plain_situation(engine_situations(w->e), &h->gpus[g], &s));
			assert_int_equal(engine_gpu_situation(w->e, i, g), s);
		}
	}
	assert_int_equal(engine_gpus(w->e), gpus);
}

void world_check_empty(const struct world *w)
{
	for (uint32_t i = 0; i < w->hosts_n; i++) {
		const struct world_host *h = &w->hosts[i];

		if (!h->alive)
			continue;
		assert_int_equal(engine_host_cpu_free(w->e, i), h->as.cpu_milli);
		assert_int_equal(engine_host_ram_free(w->e, i), h->as.ram_mib);
		for (uint8_t g = 0; g < h->as.gpus_n; g++) {
			uint32_t s = engine_gpu_situation(w->e, i, g);

			assert_int_equal(situation_is_empty(engine_situations(w->e), s),
					 h->gpus[g].n == 0);
		}
	}
}

static void copy_foreign(struct world *ret, const struct world *w, uint32_t host)
{
	for (uint8_t g = 0; g < w->hosts[host].as.gpus_n; g++) {
		const struct plain_gpu *p = &w->hosts[host].gpus[g];

		for (size_t i = 0; i < p->n; i++) {
			const struct plain_lying *l = &p->list[i];

			if (l->item == ITEM_NONE)
				world_block(ret, host, g, p->cut, l->start, l->size);
		}
	}
}

void world_copy(struct world *ret, const struct world *w, struct plain_kind *kinds)
{
	world_begin(ret, w->policy, kinds, w->kinds_n);
	for (size_t i = 0; i < w->demands_n; i++)
		world_add_demand(ret, &w->demands[i]);
	for (size_t i = 0; i < w->hosts_n; i++)
		world_add_host(ret, &w->hosts[i].as);
	for (size_t i = 0; i < w->vms_n; i++) {
		struct engine_choice c = w->vms[i];

		assert_true(world_put(ret, &c));
	}
	for (uint32_t i = 0; i < w->hosts_n; i++) {
		if (w->hosts[i].alive)
			copy_foreign(ret, w, i);
		world_cordon(ret, i, w->hosts[i].cordoned);
		if (!w->hosts[i].alive)
			world_remove_host(ret, i);
	}
}

bool world_same(const struct engine_choice *a, const struct engine_choice *b)
{
	if (a->demand != b->demand || a->host != b->host || a->n != b->n)
		return false;
	for (uint8_t i = 0; i < a->n; i++) {
		const struct engine_pick *p = &a->picks[i], *q = &b->picks[i];

		if (p->gpu != q->gpu || p->item != q->item || p->cut != q->cut ||
		    p->start != q->start)
			return false;
	}
	return true;
}
