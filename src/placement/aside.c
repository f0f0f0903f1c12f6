/* SPDX-License-Identifier: Apache-2.0 */
#include "placement/aside.h"

#include <string.h>

#include "placement/harm.h"

void aside_begin(struct aside *a, struct engine *e, uint32_t host)
{
	const struct pool_host *h = &e->hosts[host];

	*a = (struct aside){ .e = e, .host = host, .cpu_free = h->cpu_free,
			     .ram_free = h->ram_free };
	memcpy(a->gpus, pool_gpus(e, h), h->gpus_n * sizeof(a->gpus[0]));
}

void aside_end(const struct aside *a)
{
	struct pool_host *h = &a->e->hosts[a->host];

	memcpy(&a->e->gpus[h->first], a->gpus, h->gpus_n * sizeof(a->gpus[0]));
	h->cpu_free = a->cpu_free;
	h->ram_free = a->ram_free;
}

static void book(const struct aside *a, const struct engine_choice *c, int sign)
{
	const struct engine_demand *d = &a->e->demands[c->demand].ask;
	struct pool_host *h = &a->e->hosts[a->host];

	h->cpu_free -= sign * (int32_t)d->cpu_milli;
	h->ram_free -= sign * (int32_t)d->ram_mib;
}

bool aside_without(const struct aside *a, const struct engine_choice *c)
{
	uint32_t *gpus = &a->e->gpus[a->e->hosts[a->host].first];

	book(a, c, -1);
	for (uint8_t i = 0; i < c->n; i++) {
		const struct engine_pick *p = &c->picks[i];

		if (situation_take_back(a->e->table, gpus[p->gpu], p->item, p->start,
					&gpus[p->gpu], NULL) < 0)
			return false;
	}
	return true;
}

bool aside_with(const struct aside *a, const struct engine_choice *c)
{
	uint32_t *gpus = &a->e->gpus[a->e->hosts[a->host].first];

	book(a, c, 1);
	for (uint8_t i = 0; i < c->n; i++) {
		const struct engine_pick *p = &c->picks[i];

		if (situation_put(a->e->table, gpus[p->gpu], p->item, p->cut, p->start,
				  &gpus[p->gpu], NULL) < 0)
			return false;
	}
	return true;
}

double aside_worth(const struct engine *e, uint32_t host)
{
	const struct pool_host *h = &e->hosts[host];
	struct host_room room;

	if (!h->alive || h->cordoned)
		return 0;
	harm_read(e, h, &room);
	return harm_worth(e, &room, h->cpu_free, h->ram_free);
}
