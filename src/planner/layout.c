/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/layout.h"

void layout_done(struct layout *l)
{
	free(l->pieces);
	free(l->first);
	*l = (struct layout){ 0 };
}

size_t layout_size(const struct layout *l, uint32_t fb_mib)
{
	size_t i = 0;

	while (i + 1 < l->sizes_n && l->sizes[i] < fb_mib)
		i++;
	return i;
}

static void keep_size(struct layout *l, uint32_t fb_mib)
{
	size_t i = l->sizes_n;

	for (size_t k = 0; k < l->sizes_n; k++)
		if (l->sizes[k] == fb_mib)
			return;
	if (i == sizeof(l->sizes) / sizeof(l->sizes[0]))
		return;
	for (; i > 0 && l->sizes[i - 1] > fb_mib; i--)
		l->sizes[i] = l->sizes[i - 1];
	l->sizes[i] = fb_mib;
	l->sizes_n++;
}

static int by_place(const void *a, const void *b)
{
	const struct layout_piece *x = a, *y = b;

	if (x->gpu != y->gpu)
		return x->gpu < y->gpu ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Has come, has a place, and has not left. */
static bool is_there(const struct plan *p, size_t arrival)
{
	const struct arrival *a = &p->arrivals.list[arrival];

	return p->trial.places[arrival].lack == LACK_NONE &&
	       a->leave_ms > p->arrivals.list[p->trial.peak].at_ms;
}

static size_t count_pieces(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i <= p->trial.peak; i++)
		if (is_there(p, i))
			n += p->needs.rows[p->arrivals.list[i].need].vgpus;
	return n;
}

static void gather(const struct plan *p, struct layout *l)
{
	const struct trial *t = &p->trial;

	for (size_t i = 0; i <= t->peak; i++) {
		uint32_t need = p->arrivals.list[i].need;

		for (uint8_t v = 0; is_there(p, i) && v < p->needs.rows[need].vgpus; v++) {
			const struct trial_pick *pick = &t->picks[t->places[i].first + v];

			l->pieces[l->n++] = (struct layout_piece){
				.gpu = t->setup.gpu_of[t->places[i].host] + pick->gpu,
				.need = need, .order = (uint32_t)i, .start = pick->start,
				.cut = pick->cut, .item = pick->item,
			};
		}
	}
	qsort(l->pieces, l->n, sizeof(*l->pieces), by_place);
}

/* Where the pieces of one GPU lie.  An equal-size GPU has no places of its own: one after the
 * other.  vGPUs that share an instance of MIG lie side by side in it. */
static void lay_gpu(const struct setup_kind *k, struct layout *l, size_t from, size_t to)
{
	double at = 0, slots, width;
	size_t same = 0;

	for (size_t i = from; i < to; i++) {
		struct layout_piece *piece = &l->pieces[i];
		const struct cut *cut = &k->cuts[piece->cut];
		const struct cut_item *item = &cut->items[k->at[piece->cut][piece->item]];

		slots = cut->slots;
		width = (double)item->size / item->share / slots;
		same = i > from && piece->start == l->pieces[i - 1].start ? same + 1 : 0;
		if (!cut->one_size)
			at = piece->start / slots + (double)same * width;
		piece->from = at;
		piece->to = at += width;
		piece->fb_mib = item->fb_mib;
		keep_size(l, item->fb_mib);
	}
}

static void lay_all(const struct plan *p, struct layout *l)
{
	const struct setup *s = &p->trial.setup;
	size_t at = 0;

	for (uint32_t h = 0; h < s->hosts_n; h++)
		for (uint32_t g = s->gpu_of[h]; g < s->gpu_of[h + 1]; g++) {
			l->first[g] = (uint32_t)at;
			while (at < l->n && l->pieces[at].gpu == g)
				at++;
			lay_gpu(setup_kind_of(s, h, (uint8_t)(g - s->gpu_of[h])), l, l->first[g],
				at);
		}
	l->first[s->gpu_of[s->hosts_n]] = (uint32_t)at;
}

int layout_make(const struct plan *p, struct layout *ret, struct error *err)
{
	const struct setup *s = &p->trial.setup;
	struct layout l = { 0 };

	l.pieces = calloc(count_pieces(p) + 1, sizeof(*l.pieces));
	l.first = calloc(s->gpu_of[s->hosts_n] + 1, sizeof(*l.first));
	if (!l.pieces || !l.first) {
		layout_done(&l);
		return error_set(err, ERR_NO_MEMORY, "the picture of a plan");
	}
	gather(p, &l);
	lay_all(p, &l);
	*ret = l;
	return 0;
}
