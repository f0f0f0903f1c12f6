/* SPDX-License-Identifier: Apache-2.0 */
/* Making room: whose VMs are stopped for a start that finds none.
 *
 * Two rules give a right to that, and both spare VMs that are not preemptible:
 *   priority    the start's class preempts: VMs of strictly lower priority, unless they are within
 *               the guarantee of another tenant
 *   guarantee   the start is within its tenant's guarantee: VMs of other tenants that borrow
 *
 * The search asks placement itself: it thinks the leases of some VMs away and tries.  One victim is
 * tried before two, two before three; of as many, those with the least framebuffer, then the
 * youngest.  What three can not do is done by as many as it takes, from the cheapest on, of which
 * those that turn out not to be needed are spared again.  The number of tries is bounded. */
#include <string.h>

#include "base/text.h"
#include "controller/internal.h"
#include "model/filter.h"

enum { CANDIDATES_MAX = 64, TRIES_MAX = 256, SETS_MAX = 2048, EXACT_MAX = 3 };

struct candidate {
	const struct vm *vm;
	uint64_t fb_mib;
	uint64_t gpus;          /* bit per GPU of the host, the first 64 */
	bool lower;             /* may be taken by the rule of priority */
	bool same;              /* of the same tenant */
};

struct set {
	uint8_t rows[EXACT_MAX];
	uint64_t fb_mib, oldest;
};

struct search {
	struct change *ch;
	const struct vm *vm;
	bool by_class, sure;    /* rights: by priority, by guarantee */
	bool one_gpu;           /* a single vGPU is asked for: all victims share a GPU */
	struct candidate rows[CANDIDATES_MAX];
	size_t n;
	unsigned tries;
	char names[CANDIDATES_MAX][NAME_SIZE];
};

/* ---- trying ---- */

/* What will not come back by itself, a slice in quarantine, stays in every thought. */
bool change_thinks_away(struct change *ch, const struct lease *l)
{
	const struct thought *t = ch->thought;
	const struct vm *vm;

	if (!t || l->state == LEASE_QUARANTINED ||
	    (t->subject && strcmp(t->subject, l->vm) == 0))
		return false;
	if (t->all)
		return true;
	for (size_t i = 0; i < t->vms_n; i++)
		if (strcmp(t->vms[i], l->vm) == 0)
			return true;
	if (!t->leaving)
		return false;
	vm = change_see(ch, OBJECT_VM, l->vm);
	return l->state == LEASE_RELEASING || l->state == LEASE_FAILED ||
	       (vm && vm->state == VM_STOPPING);
}

/* The change that tries must never be committed; it gives its event numbers back. */
static void scratch_begin(struct change *scratch, struct controller *c,
			  const struct thought *thought)
{
	change_begin(scratch, c, NULL);
	scratch->thought = thought;
}

bool preempt_fits(struct change *ch, const char *name, const struct thought *thought)
{
	struct thought mine = *thought;
	uint64_t next_event = ch->c->next_event;
	const struct vm *vm;
	struct change scratch;
	bool fits;

	mine.subject = name;
	scratch_begin(&scratch, ch->c, &mine);
	vm = change_see(&scratch, OBJECT_VM, name);
	fits = vm && run_reserve(&scratch, vm, NULL) == 0 && !scratch.failed;
	change_drop(&scratch);
	ch->c->next_event = next_event;
	return fits;
}

bool preempt_is_sure(struct change *ch, const char *name)
{
	const struct thought nothing = { .subject = name };
	uint64_t next_event = ch->c->next_event;
	const struct vm *vm;
	struct change scratch;
	bool sure;

	scratch_begin(&scratch, ch->c, &nothing);
	vm = change_see(&scratch, OBJECT_VM, name);
	sure = vm && quota_guarantees(&scratch, vm) && run_reserve(&scratch, vm, NULL) == 0 &&
	       quota_is_within(&scratch, vm);
	change_drop(&scratch);
	ch->c->next_event = next_event;
	return sure;
}

/* Whether each of the victims may be taken together with the others. */
static bool may_take(struct change *scratch, const struct search *s, const uint8_t *rows, size_t n,
		     bool *reclaiming)
{
	*reclaiming = false;
	for (size_t i = 0; i < n; i++) {
		const struct candidate *k = &s->rows[rows[i]];

		if (k->lower && k->same)
			continue;
		if (!quota_is_borrowed(scratch, k->vm))
			return false;
		*reclaiming = *reclaiming || !k->lower;
	}
	return !*reclaiming || quota_is_within(scratch, s->vm);
}

enum try { NO, FITS, FITS_AND_MAY };

static enum try try_set(struct search *s, const uint8_t *rows, size_t n, bool *reclaiming)
{
	struct thought thought = { .vms = s->names, .vms_n = n, .leaving = true,
				   .subject = s->vm->name };
	uint64_t next_event = s->ch->c->next_event;
	struct change scratch;
	enum try found = NO;

	for (size_t i = 0; i < n; i++)
		TEXT_COPY(s->names[i], s->rows[rows[i]].vm->name);
	s->tries++;
	scratch_begin(&scratch, s->ch->c, &thought);
	if (run_reserve(&scratch, s->vm, NULL) == 0 && !scratch.failed)
		found = may_take(&scratch, s, rows, n, reclaiming) ? FITS_AND_MAY : FITS;
	change_drop(&scratch);
	s->ch->c->next_event = next_event;
	return found;
}

/* ---- candidates ---- */

/* GPUs of the host that some device of the VM may be placed on. */
static uint64_t wanted_gpus(struct search *s, const struct object *host)
{
	uint64_t mask = 0;

	for (size_t d = 0; d < s->vm->devices_n; d++) {
		const struct group *g = change_see(s->ch, OBJECT_GROUP, s->vm->devices[d].group);
		cleanup(filter_free_p) struct filter *f = NULL;

		if (!g || filter_parse(g->filter ? g->filter : "", &f, NULL) < 0)
			continue;
		for (size_t i = 0; i < host->gpus.n && i < 64; i++)
			if (filter_matches(f, host->gpus.rows[i]->data))
				mask |= 1ULL << i;
	}
	return mask;
}

static uint64_t gpu_bit(const struct object *host, const char *gpu)
{
	for (size_t i = 0; i < host->gpus.n && i < 64; i++)
		if (strcmp(host->gpus.rows[i]->id, gpu) == 0)
			return 1ULL << i;
	return 0;
}

/* What VM holds and would give back; false when that is nothing, or not to be had now. */
static bool weigh(struct search *s, const struct object *host, const struct object *o,
		  struct candidate *k)
{
	k->vm = o->data;
	for (size_t i = 0; i < o->leases.n; i++) {
		const struct lease *l = o->leases.rows[i]->data;

		if (l->state > LEASE_ATTACHED)
			continue;
		if (strcmp(l->host, host->id) != 0 || l->state < LEASE_READY)
			return false;
		k->fb_mib += l->fb_mib;
		k->gpus |= gpu_bit(host, l->gpu);
	}
	if (!k->gpus || operation_of_vm(s->ch, o->id))
		return false;
	return k->vm->state == VM_RUNNING || k->vm->state == VM_PAUSED ||
	       k->vm->state == VM_STOPPED;
}

/* Cheapest first; of equal ones the youngest. */
static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->fb_mib != y->fb_mib)
		return x->fb_mib < y->fb_mib ? -1 : 1;
	if (x->vm->place != y->vm->place)
		return x->vm->place > y->vm->place ? -1 : 1;
	return strcmp(x->vm->name, y->vm->name);
}

static void gather(struct search *s, const struct object *host)
{
	uint32_t priority = vm_priority(s->ch, s->vm);
	uint64_t wanted = wanted_gpus(s, host);

	for (size_t i = 0; i < host->vms.n && s->n < CANDIDATES_MAX; i++) {
		const struct vm *vm = host->vms.rows[i]->data;
		struct candidate k = { .vm = vm };

		if (vm == s->vm || !vm->preemptible || strcmp(vm->name, s->vm->name) == 0)
			continue;
		k.lower = s->by_class && vm_priority(s->ch, vm) < priority;
		k.same = vm->tenant[0] && strcmp(vm->tenant, s->vm->tenant) == 0;
		if (!k.lower && (!s->sure || k.same))
			continue;
		if (weigh(s, host, host->vms.rows[i], &k) && (k.gpus & wanted))
			s->rows[s->n++] = k;
	}
	qsort(s->rows, s->n, sizeof(s->rows[0]), compare);
}

/* ---- the search ---- */

static int compare_sets(const void *a, const void *b)
{
	const struct set *x = a, *y = b;

	if (x->fb_mib != y->fb_mib)
		return x->fb_mib < y->fb_mib ? -1 : 1;
	if (x->oldest != y->oldest)
		return x->oldest > y->oldest ? -1 : 1;
	return memcmp(x->rows, y->rows, sizeof(x->rows));
}

static bool set_make(const struct search *s, const uint8_t *rows, size_t k, struct set *ret)
{
	uint64_t gpus = UINT64_MAX;

	*ret = (struct set){ .oldest = UINT64_MAX };
	for (size_t i = 0; i < k; i++) {
		const struct candidate *c = &s->rows[rows[i]];

		ret->rows[i] = rows[i];
		ret->fb_mib += c->fb_mib;
		ret->oldest = c->vm->place < ret->oldest ? c->vm->place : ret->oldest;
		gpus &= c->gpus;
	}
	return gpus != 0 || !s->one_gpu;
}

/* The next K of N numbers in order; false after the last. */
static bool next_rows(uint8_t *rows, size_t k, size_t n)
{
	size_t i = k;

	while (i > 0 && rows[i - 1] == n - k + i - 1)
		i--;
	if (i == 0)
		return false;
	rows[i - 1]++;
	for (; i < k; i++)
		rows[i] = (uint8_t)(rows[i - 1] + 1);
	return true;
}

static size_t sets_make(const struct search *s, size_t k, struct set *sets)
{
	uint8_t rows[EXACT_MAX] = { 0, 1, 2 };
	size_t n = 0;

	do {
		n += set_make(s, rows, k, &sets[n]);
	} while (n < SETS_MAX && next_rows(rows, k, s->n));
	qsort(sets, n, sizeof(*sets), compare_sets);
	return n;
}

static void take_rows(const struct search *s, const uint8_t *rows, size_t n, bool reclaiming,
		      struct victims *ret)
{
	for (size_t i = 0; i < n && ret->n < VICTIMS_MAX; i++)
		TEXT_COPY(ret->vms[ret->n++], s->rows[rows[i]].vm->name);
	ret->reclaiming = reclaiming;
}

static bool find_few(struct search *s, struct victims *ret)
{
	struct set *sets = calloc(SETS_MAX, sizeof(*sets));
	bool found = false, reclaiming = false;

	for (size_t k = 1; sets && k <= EXACT_MAX && k <= s->n && !found; k++) {
		size_t n = sets_make(s, k, sets);

		for (size_t i = 0; i < n && s->tries < TRIES_MAX && !found; i++) {
			found = try_set(s, sets[i].rows, k, &reclaiming) == FITS_AND_MAY;
			if (found)
				take_rows(s, sets[i].rows, k, reclaiming, ret);
		}
	}
	free(sets);
	return found;
}

/* Spares whoever is not needed, the dearest first. */
static size_t spare(struct search *s, uint8_t *rows, size_t n, bool *reclaiming)
{
	uint8_t fewer[CANDIDATES_MAX];
	bool other;

	for (size_t i = n; i-- > 0 && n > 1;) {
		memcpy(fewer, rows, n);
		memmove(fewer + i, fewer + i + 1, n - i - 1);
		if (try_set(s, fewer, n - 1, &other) != FITS_AND_MAY)
			continue;
		memcpy(rows, fewer, --n);
		*reclaiming = other;
	}
	return n;
}

static bool find_many(struct search *s, struct victims *ret)
{
	uint8_t rows[CANDIDATES_MAX];
	bool reclaiming = false;
	size_t n = 0;

	for (size_t i = 0; i < s->n && n < VICTIMS_MAX; i++) {
		rows[n++] = (uint8_t)i;
		if (try_set(s, rows, n, &reclaiming) != FITS_AND_MAY)
			continue;
		n = spare(s, rows, n, &reclaiming);
		take_rows(s, rows, n, reclaiming, ret);
		return true;
	}
	return false;
}

static bool search_victims(struct search *s, struct victims *ret)
{
	uint8_t all[CANDIDATES_MAX];
	bool ignored;

	for (size_t i = 0; i < CANDIDATES_MAX; i++)
		all[i] = (uint8_t)i;
	if (try_set(s, all, 0, &ignored) != NO) {
		ret->leaving = true;
		return true;
	}
	/* Where all of them would not do, some of them will not. */
	if (s->n == 0 || try_set(s, all, s->n, &ignored) == NO)
		return false;
	return find_few(s, ret) || find_many(s, ret);
}

bool preempt_find(struct change *ch, const char *name, bool only_sure, struct victims *ret)
{
	struct object *o = controller_find(ch->c, OBJECT_VM, name);
	const struct object *host;
	struct search *s;
	bool found = false;

	*ret = (struct victims){ 0 };
	s = o ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return false;
	s->ch = ch;
	s->vm = o->data;
	s->by_class = vm_may_preempt(ch, s->vm) && !only_sure;
	s->sure = quota_guarantees(ch, s->vm);
	s->one_gpu = s->vm->devices_n == 1 && s->vm->devices[0].count == 1;
	host = controller_find(ch->c, OBJECT_HOST, s->vm->host);
	if ((s->by_class || s->sure) && host) {
		gather(s, host);
		found = search_victims(s, ret);
	}
	free(s);
	return found;
}

/* ---- taking ---- */

static int64_t grace_ms(struct change *ch, const struct vm *vm)
{
	uint32_t most = 0;

	for (size_t i = 0; i < vm->devices_n; i++) {
		const struct group *g = change_see(ch, OBJECT_GROUP, vm->devices[i].group);
		uint32_t s = g && g->preempt_grace_s ? g->preempt_grace_s : PREEMPT_GRACE_S;

		most = s > most ? s : most;
	}
	return (int64_t)most * 1000;
}

static void put_off(struct change *ch, struct vm *victim, const struct vm *vm, bool lower)
{
	static const char *const steps[] = { "stop", "release" };
	struct waiter *w;

	if (!victim->place)
		victim->place = queue_place(ch);
	w = queue_join(ch, victim, 0);
	if (!w || !operation_begin(ch, OPERATION_STOP, victim, steps, 2))
		return;
	TEXT_COPY(w->preempted_by, vm->name);
	w->force_ms = ch->now_ms + grace_ms(ch, victim);
	snprintf(w->waits_for, sizeof(w->waits_for), "it makes room for VM %s first", vm->name);
	victim->wanted = VM_WANTED_STOPPED;
	victim->stop_how = STOP_GRACEFUL;
	victim->state = VM_STOPPING;
	snprintf(victim->state_reason, sizeof(victim->state_reason), "makes room for VM %s",
		 vm->name);
	if (lower)
		change_event(ch, "vm.preempted", victim->name, victim->host, victim->name,
			     "for VM %s: priority %u over %u; it starts again when there is room",
			     vm->name, vm_priority(ch, vm), vm_priority(ch, victim));
	else
		change_event(ch, "vm.reclaimed", victim->name, victim->host, victim->name,
			     "for VM %s, within the guarantee of tenant %s; it starts again when "
			     "there is room", vm->name, vm->tenant);
	operation_advance(ch, victim->name);
}

void preempt_take(struct change *ch, const struct vm *vm, const struct victims *v)
{
	bool by_class = vm_may_preempt(ch, vm);
	uint32_t priority = vm_priority(ch, vm);

	for (size_t i = 0; i < v->n; i++) {
		struct vm *victim = change_edit(ch, OBJECT_VM, v->vms[i]);

		if (!victim)
			continue;
		if (victim->wanted == VM_WANTED_STOPPED && victim->state == VM_STOPPED)
			run_release(ch, victim->name, "its hold made room for another VM");
		else
			put_off(ch, victim, vm, by_class && vm_priority(ch, victim) < priority);
	}
}
