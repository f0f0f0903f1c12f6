/* SPDX-License-Identifier: Apache-2.0 */
/* domain.c - libvirt's part: definitions, power, guests that shut down when they feel like it. */
#include <string.h>

#include "base/text.h"
#include "host/simulated/internal.h"

bool sim_same_device(const struct host_device *a, const struct host_device *b)
{
	return a->framework == b->framework && strcmp(a->address, b->address) == 0 &&
	       strcmp(a->mdev_uuid, b->mdev_uuid) == 0;
}

static int find(const struct simulated_host *h, const struct host_request *q,
		struct simulated_domain **ret, struct error *err)
{
	for (size_t i = 0; i < h->domains_n; i++)
		if (strcmp(h->domains[i].uuid, q->vm_uuid) == 0) {
			*ret = &h->domains[i];
			return 0;
		}
	return error_set(err, ERR_NOT_FOUND, "host %s has no domain %s with UUID %s", h->name,
			 q->vm_name, q->vm_uuid);
}

static bool has_devices(const struct simulated_domain *d, const struct host_request *q)
{
	if (d->devices_n != q->devices_n)
		return false;
	for (uint32_t i = 0; i < q->devices_n; i++)
		if (!sim_same_device(&d->devices[i], &q->devices[i]))
			return false;
	return true;
}

int sim_set_devices(struct simulated_host *h, const struct host_request *q,
		    struct host_reply *reply)
{
	struct simulated_domain *d = NULL;
	int r = find(h, q, &d, &reply->err);

	if (r < 0)
		return r;
	reply->result = RESULT_UNCHANGED;
	if (d->facet && has_devices(d, q))
		return 0;
	if (d->pid)
		return error_set(&reply->err, ERR_BUSY,
				 "set the devices of domain %s: it is running", d->name);
	memcpy(d->devices, q->devices, sizeof(d->devices));
	d->devices_n = q->devices_n;
	d->facet = true;
	reply->result = RESULT_CHANGED;
	sim_say(h, SIMULATED_DOMAIN, d->name);
	return 0;
}

static const struct simulated_domain *other_holder(const struct simulated_host *h,
						   const struct simulated_domain *d,
						   const struct host_device *device)
{
	for (size_t i = 0; i < h->domains_n; i++)
		for (uint32_t k = 0; k < h->domains[i].devices_n; k++)
			if (&h->domains[i] != d && h->domains[i].pid &&
			    sim_same_device(&h->domains[i].devices[k], device))
				return &h->domains[i];
	return NULL;
}

/* What libvirt and QEMU find out only when the domain starts. */
static int check_devices(const struct simulated_host *h, const struct simulated_domain *d,
			 struct error *err)
{
	for (uint32_t i = 0; i < d->devices_n; i++) {
		const struct host_device *device = &d->devices[i];
		const char *what = device->mdev_uuid[0] ? device->mdev_uuid : device->address;
		const struct simulated_domain *other = other_holder(h, d, device);

		if (!sim_device_exists(h, device))
			return error_set(err, ERR_IO,
					 "start domain %s: libvirt: internal error: there is "
					 "no vGPU at %s",
					 d->name, what);
		if (other)
			return error_set(err, ERR_IO,
					 "start domain %s: libvirt: Requested operation is not "
					 "valid: device %s is in use by domain %s",
					 d->name, what, other->name);
	}
	return 0;
}

static int power_on(struct simulated_host *h, struct simulated_domain *d, struct error *err)
{
	int r;

	if (h->faults.start_fails_once) {
		h->faults.start_fails_once = false;
		return error_set(err, ERR_IO,
				 "start domain %s: libvirt: internal error: process exited "
				 "while connecting to monitor",
				 d->name);
	}
	r = check_devices(h, d, err);
	if (r < 0)
		return r;
	d->state = VM_RUNNING;
	d->reason = "booted";
	d->pid = 1000 + h->pids++;
	d->down_ms = 0;
	sim_say(h, SIMULATED_DOMAIN, d->name);
	return 0;
}

int sim_start(struct simulated_host *h, const struct host_request *q, struct host_reply *reply)
{
	struct simulated_domain *d = NULL;
	int r = find(h, q, &d, &reply->err);

	if (r < 0)
		return r;
	reply->result = d->pid ? RESULT_UNCHANGED : RESULT_CHANGED;
	return d->pid ? 0 : power_on(h, d, &reply->err);
}

int sim_shutdown(struct simulated_host *h, const struct host_request *q, struct host_reply *reply)
{
	struct simulated_domain *d = NULL;
	int r = find(h, q, &d, &reply->err);

	if (r < 0)
		return r;
	reply->result = d->pid ? RESULT_CHANGED : RESULT_UNCHANGED;
	if (d->pid && !h->faults.deaf_guests && d->down_ms == 0)
		d->down_ms = h->now_ms + 1 + sim_latency(h, h->faults.shutdown_ms);
	return 0;
}

void sim_stop(struct simulated_host *h, struct simulated_domain *d, enum vm_state state,
	      const char *reason)
{
	d->state = state;
	d->reason = reason;
	d->pid = 0;
	d->down_ms = 0;
	sim_say(h, SIMULATED_DOMAIN, d->name);
}

int sim_power_off(struct simulated_host *h, const struct host_request *q,
		  struct host_reply *reply)
{
	struct simulated_domain *d = NULL;
	int r = find(h, q, &d, &reply->err);

	if (r < 0)
		return r;
	reply->result = d->pid ? RESULT_CHANGED : RESULT_UNCHANGED;
	if (!d->pid)
		return 0;
	for (uint32_t i = 0; h->faults.wedge_on_kill && i < d->devices_n; i++)
		sim_wedge(h, &d->devices[i]);
	sim_stop(h, d, VM_STOPPED, "destroyed");
	return 0;
}

bool simulated_start(struct simulated_host *h, const char *domain)
{
	struct simulated_domain *d = sim_domain(h, domain);

	return d && !d->pid && power_on(h, d, NULL) == 0;
}

bool simulated_guest_stops(struct simulated_host *h, const char *domain)
{
	struct simulated_domain *d = sim_domain(h, domain);

	if (!d || !d->pid)
		return false;
	sim_stop(h, d, VM_STOPPED, "shutdown");
	return true;
}

bool simulated_crash(struct simulated_host *h, const char *domain)
{
	struct simulated_domain *d = sim_domain(h, domain);

	if (!d || !d->pid)
		return false;
	sim_stop(h, d, VM_FAILED, "crashed");
	return true;
}
