/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>

void debounce_event(struct debounce *d, int64_t now_us)
{
	if (!d->first_us)
		d->first_us = now_us;
	d->last_us = now_us;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t debounce_wait_ms(const struct debounce *d, int64_t now_us)
{
	int64_t due = d->looked_us + d->period_us;

	if (d->first_us)
		due = least(due, least(d->last_us + DEBOUNCE_QUIET_MS * 1000,
				       d->first_us + DEBOUNCE_MOST_MS * 1000));
	/* Rounded up, or the caller would wake a moment too early, again and again. */
	return due <= now_us ? 0 : (due - now_us + 999) / 1000;
}

void debounce_looked(struct debounce *d, int64_t now_us)
{
	d->first_us = d->last_us = 0;
	d->looked_us = now_us;
}

struct monitor {
	struct udev *udev;
	struct udev_monitor *events;
	struct debounce timing;
};

/* The kernel's own events: udevd may lag seconds behind, and is not needed for what sysfs shows. */
static int listen_to_kernel(struct monitor *m, struct error *err)
{
	static const char *const subsystems[] = { "pci", "mdev", "mdev_bus", "vfio", "vfio-dev" };

	m->udev = udev_new();
	m->events = m->udev ? udev_monitor_new_from_netlink(m->udev, "kernel") : NULL;
	if (!m->events)
		return error_errno(err, errno ? errno : ENOMEM, "listen to device events");
	for (size_t i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++)
		if (udev_monitor_filter_add_match_subsystem_devtype(m->events, subsystems[i],
								    NULL) < 0)
			return error_set(err, ERR_IO, "listen to device events of %s",
					 subsystems[i]);
	if (udev_monitor_enable_receiving(m->events) < 0)
		return error_set(err, ERR_IO, "listen to device events");
	return 0;
}

int monitor_new(uint32_t period_ms, int64_t now_us, struct monitor **ret, struct error *err)
{
	cleanup(monitor_free_p) struct monitor *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return error_set(err, ERR_NO_MEMORY, "out of memory for a device monitor");
	m->timing.period_us = (int64_t)period_ms * 1000;
	m->timing.looked_us = now_us - m->timing.period_us;
	r = listen_to_kernel(m, err);
	if (r < 0)
		return r;
	*ret = take(m);
	return 0;
}

struct monitor *monitor_free(struct monitor *m)
{
	if (!m)
		return NULL;
	udev_monitor_unref(m->events);
	udev_unref(m->udev);
	free(m);
	return NULL;
}

int monitor_fd(const struct monitor *m)
{
	return udev_monitor_get_fd(m->events);
}

unsigned monitor_read(struct monitor *m, int64_t now_us)
{
	struct udev_device *d;
	unsigned n = 0;

	/* A flood is left for the next call, so that the loop gets to its other work. */
	while (n < 1000 && (d = udev_monitor_receive_device(m->events)) != NULL) {
		udev_device_unref(d);
		n++;
	}
	if (n)
		debounce_event(&m->timing, now_us);
	return n;
}

int64_t monitor_wait_ms(const struct monitor *m, int64_t now_us)
{
	return debounce_wait_ms(&m->timing, now_us);
}

void monitor_looked(struct monitor *m, int64_t now_us)
{
	debounce_looked(&m->timing, now_us);
}
