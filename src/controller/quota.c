/* SPDX-License-Identifier: Apache-2.0 */
/* What tenants have, may have and are sure of.
 *
 * Nothing is counted up and down: usage is the sum over the leases of a tenant's VMs, taken when it
 * is asked for, so that it can not drift from the ledger.  A lease counts from the reservation
 * until it is gone; one that failed or is in quarantine is nobody's use.
 *
 * "Within the guarantee": in each thing that the VM's leases are made of and that the tenant has a
 * guarantee for, the tenant has no more than that guarantee.  "Borrowed": without the VM's leases
 * it would still have at least the guarantee.  What was started within the guarantee is therefore
 * never borrowed, which is what keeps two tenants from taking turns at stopping each other. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"

static const uint64_t GIB = 1024; /* in MiB */

/* Counting never wraps: what is too much stays too much. */
static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static bool name_fits(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static void count_one(struct usage *u, const struct tenant *t, const char *profile, uint32_t fb_mib)
{
	u->fb_mib = add(u->fb_mib, fb_mib);
	u->vgpus = add(u->vgpus, 1);
	for (size_t i = 0; i < t->slots_n && i < QUOTA_ROWS_MAX; i++)
		if (name_fits(t->slots[i].profile, profile))
			u->slots[i] = add(u->slots[i], 1);
}

static bool is_used(struct change *ch, const struct lease *l)
{
	return l && l->state != LEASE_FAILED && l->state != LEASE_QUARANTINED &&
	       !change_thinks_away(ch, l);
}

static void count_vm(struct change *ch, const struct object *vm, const struct tenant *t,
		     struct usage *ret)
{
	for (size_t i = 0; i < vm->leases.n; i++) {
		const struct lease *l = change_see_object(ch, vm->leases.rows[i]);

		if (is_used(ch, l))
			count_one(ret, t, l->profile, l->fb_mib);
	}
}

static bool is_of(const struct vm *vm, const struct tenant *t)
{
	return vm && strcmp(vm->tenant, t->name) == 0;
}

/* What the change itself brings: VMs that came to the tenant, and leases. */
static void count_edits(struct change *ch, const struct tenant *t, struct usage *ret)
{
	for (size_t i = 0; i < ch->n; i++) {
		const struct edit *e = &ch->edits[i];

		if (e->kind == OBJECT_VM && e->object && is_of(e->data, t) &&
		    !is_of(e->object->data, t))
			count_vm(ch, e->object, t, ret);
		if (e->kind == OBJECT_LEASE && !e->object && is_used(ch, e->data)) {
			const struct lease *l = e->data;

			if (is_of(change_see(ch, OBJECT_VM, l->vm), t))
				count_one(ret, t, l->profile, l->fb_mib);
		}
	}
}

void quota_usage(struct change *ch, const struct tenant *t, struct usage *ret)
{
	const struct object *o = controller_find(ch->c, OBJECT_TENANT, t->name);

	*ret = (struct usage){ 0 };
	for (size_t i = 0; o && i < o->vms.n; i++)
		if (is_of(change_see_object(ch, o->vms.rows[i]), t))
			count_vm(ch, o->vms.rows[i], t, ret);
	count_edits(ch, t, ret);
}

static const struct tenant *tenant_of(struct change *ch, const struct vm *vm)
{
	return vm->tenant[0] ? change_see(ch, OBJECT_TENANT, vm->tenant) : NULL;
}

/* ---- limits ---- */

/* One limit: what it is of, how much it allows, and what is used before and after. */
struct limit {
	const char *code, *what, *flag;
	uint64_t max, before, after, unit;
};

static void refuse(struct change *ch, const struct tenant *t, const char *who,
		   const struct limit *l)
{
	uint64_t asked = l->after - l->before;

	change_refuse(ch, l->code,
		      "tenant %s may have %ju %s and has %.4g; %.80s asks for %.4g more: stop a VM "
		      "of it, or `facet tenant update %s --%s`",
		      t->name, (uintmax_t)l->max, l->what, (double)l->before / (double)l->unit, who,
		      (double)asked / (double)l->unit, t->name, l->flag);
}

/* Adds a reason to CH for each limit of T that AFTER exceeds. */
static void check_limits(struct change *ch, const struct tenant *t, const char *who,
			 const struct usage *before, const struct usage *after)
{
	const struct limit limits[] = {
		{ "quota-framebuffer", "GiB of framebuffer", "fb-gib", t->limit_fb_gib,
		  before->fb_mib, after->fb_mib, GIB },
		{ "quota-vgpus", "vGPUs", "vgpus", t->limit_vgpus, before->vgpus, after->vgpus, 1 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].max && limits[i].after > limits[i].max * limits[i].unit)
			refuse(ch, t, who, &limits[i]);
	for (size_t i = 0; i < t->slots_n && i < QUOTA_ROWS_MAX; i++) {
		struct limit l = { "quota-slots", t->slots[i].profile, "slots", t->slots[i].max,
				   before->slots[i], after->slots[i], 1 };

		if (l.max && l.after > l.max && l.after > l.before)
			refuse(ch, t, who, &l);
	}
}

static int verdict(struct change *ch, struct error *err)
{
	if (ch->refusals_n == 0)
		return 0;
	return error_set(err, ERR_QUOTA, "%s", ch->refusals[0].text);
}

static void drop_refusals(struct change *ch)
{
	free(ch->refusals);
	ch->refusals = NULL;
	ch->refusals_n = 0;
}

int quota_claim(struct change *ch, const struct vm *vm, const struct vm_device *device,
		const struct placement_answer *a, struct error *err)
{
	const struct tenant *t = tenant_of(ch, vm);
	char who[2 * NAME_SIZE + 16];
	struct usage before, after;

	if (!t)
		return 0;
	quota_usage(ch, t, &before);
	after = before;
	for (uint32_t i = 0; i < device->count && i < DEVICE_COUNT_MAX; i++)
		count_one(&after, t, a->slots[i].profile, a->slots[i].fb_mib);
	snprintf(who, sizeof(who), "device %s of VM %s", device->name, vm->name);
	drop_refusals(ch);
	check_limits(ch, t, who, &before, &after);
	return verdict(ch, err);
}

int quota_take_over(struct change *ch, const struct vm *vm, struct error *err)
{
	const struct object *o = controller_find(ch->c, OBJECT_VM, vm->name);
	const struct tenant *t = tenant_of(ch, vm);
	struct usage before, after, own = { 0 };
	char who[NAME_SIZE + 16];

	if (!t || !o)
		return 0;
	count_vm(ch, o, t, &own);
	if (own.vgpus == 0)
		return 0;
	quota_usage(ch, t, &after);
	before = after;
	before.fb_mib -= own.fb_mib;
	before.vgpus -= own.vgpus;
	for (size_t i = 0; i < QUOTA_ROWS_MAX; i++)
		before.slots[i] -= own.slots[i];
	snprintf(who, sizeof(who), "VM %s", vm->name);
	drop_refusals(ch);
	check_limits(ch, t, who, &before, &after);
	return verdict(ch, err);
}

/* ---- guarantees ---- */

/* What VM's leases are, whether thought away or not; those that VM will have count too. */
static void count_own(struct change *ch, const struct vm *vm, const struct tenant *t,
		      struct usage *ret)
{
	const struct thought *thought = ch->thought;
	char(*ids)[LEASE_ID_SIZE];
	size_t n = change_leases_of_vm(ch, vm->name, &ids);

	*ret = (struct usage){ 0 };
	ch->thought = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct lease *l = change_see(ch, OBJECT_LEASE, ids[i]);

		if (is_used(ch, l))
			count_one(ret, t, l->profile, l->fb_mib);
	}
	ch->thought = thought;
	free(ids);
}

/* Calls FN for each guarantee that VM's own leases take part in; ANY says whether there is one. */
static bool each_guarantee(struct change *ch, const struct vm *vm, bool within, bool *any)
{
	const struct tenant *t = tenant_of(ch, vm);
	struct usage own, all;
	bool holds = true;

	*any = false;
	if (!t)
		return true;
	count_own(ch, vm, t, &own);
	quota_usage(ch, t, &all);
	for (size_t i = 0; i < t->slots_n + 2 && i < QUOTA_ROWS_MAX + 2; i++) {
		uint64_t sure = i == 0   ? t->guaranteed_fb_gib * GIB
				: i == 1 ? t->guaranteed_vgpus
					 : t->slots[i - 2].guaranteed;
		uint64_t part = i == 0 ? own.fb_mib : i == 1 ? own.vgpus : own.slots[i - 2];
		uint64_t has = i == 0 ? all.fb_mib : i == 1 ? all.vgpus : all.slots[i - 2];

		if (sure == 0 || part == 0)
			continue;
		*any = true;
		holds = holds && (within ? has <= sure : has >= sure);
	}
	return holds;
}

bool quota_is_within(struct change *ch, const struct vm *vm)
{
	bool any, holds = each_guarantee(ch, vm, true, &any);

	return any && holds;
}

bool quota_is_borrowed(struct change *ch, const struct vm *vm)
{
	bool any;

	return each_guarantee(ch, vm, false, &any);
}

bool quota_guarantees(struct change *ch, const struct vm *vm)
{
	const struct tenant *t = tenant_of(ch, vm);

	if (t && (t->guaranteed_fb_gib || t->guaranteed_vgpus))
		return true;
	for (size_t i = 0; t && i < t->slots_n; i++)
		if (t->slots[i].guaranteed)
			return true;
	return false;
}

/* ---- showing ---- */

static void say_over(struct text *over, double used, uint64_t max, const char *what)
{
	text_add(over, "%s%.4g of %ju %s", over->length ? "; " : "", used, (uintmax_t)max, what);
}

void quota_show(struct controller *c, struct tenant *t)
{
	cleanup(text_done) struct text over = { 0 };
	struct change ch;
	struct usage u;

	change_begin(&ch, c, NULL);
	quota_usage(&ch, t, &u);
	change_drop(&ch);
	t->used_fb_mib = u.fb_mib < INT64_MAX ? u.fb_mib : INT64_MAX;
	t->used_vgpus = u.vgpus < UINT32_MAX ? (uint32_t)u.vgpus : UINT32_MAX;
	if (t->limit_fb_gib && u.fb_mib > t->limit_fb_gib * GIB)
		say_over(&over, (double)u.fb_mib / (double)GIB, t->limit_fb_gib,
			 "GiB of framebuffer");
	if (t->limit_vgpus && u.vgpus > t->limit_vgpus)
		say_over(&over, (double)u.vgpus, t->limit_vgpus, "vGPUs");
	for (size_t i = 0; i < t->slots_n && i < QUOTA_ROWS_MAX; i++) {
		struct quota_slots *s = &t->slots[i];

		s->used = u.slots[i] < UINT32_MAX ? (uint32_t)u.slots[i] : UINT32_MAX;
		if (s->max && u.slots[i] > s->max)
			say_over(&over, (double)u.slots[i], s->max, s->profile);
	}
	TEXT_COPY(t->over, over.data ? over.data : "");
}
