/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hints.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/text.h"
#include "host/monitor.h"

enum {
	BURST_US = 200 * 1000,          /* starting a domain writes its file several times */
	FOLDER_US = 2 * 1000 * 1000,    /* libvirt was installed or started meanwhile */
};

/* What waits to be told. */
struct burst {
	sd_event_source *timer;
	struct machine_event event;
	bool waits;
	struct hints *hints;
};

struct hints {
	sd_event *loop;
	char *folder;
	machine_event_fn *tell;
	void *user;
	sd_event_source *files, *folder_timer, *devices, *quiet;
	struct monitor *monitor;     /* NULL where the kernel's events can not be had */
	struct burst domains;
};

static int arm(sd_event_source *timer, uint64_t us)
{
	int r = sd_event_source_set_time_relative(timer, us);

	return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* A timer that is off. */
static int timer_new(struct hints *h, sd_event_source **ret, sd_event_time_handler_t fn, void *user)
{
	int r = sd_event_add_time_relative(h->loop, ret, CLOCK_MONOTONIC, 0, BURST_US / 10, fn,
					   user);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int on_burst_over(sd_event_source *s, uint64_t now, void *user)
{
	struct burst *b = user;
	struct machine_event event = b->event;

	(void)s;
	(void)now;
	b->waits = false;
	b->event.name[0] = '\0';
	b->hints->tell(&event, b->hints->user);
	return 0;
}

static void burst_add(struct burst *b, const char *name)
{
	if (b->waits) {
		if (strcmp(b->event.name, name) != 0)
			b->event.name[0] = '\0';
		return;
	}
	b->waits = true;
	TEXT_COPY(b->event.name, name);
	/* A timer that can not be set would swallow every hint from now on. */
	if (arm(b->timer, BURST_US) < 0)
		on_burst_over(NULL, 0, b);
}

/* Files of libvirt. */

static int watch_folder(struct hints *h);

/* "web01.xml", also "web01.xml.new" and "web01.pid"; other files are libvirt's own. */
static bool domain_of(const char *file, char name[NAME_SIZE])
{
	static const char *const ends[] = { ".xml", ".pid" };
	const char *end;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		end = strstr(file, ends[i]);
		if (!end || end == file || text_starts_with(file, "driver."))
			continue;
		snprintf(name, NAME_SIZE, "%.*s", (int)(end - file), file);
		return true;
	}
	return false;
}

static int on_file(sd_event_source *s, const struct inotify_event *event, void *user)
{
	struct hints *h = user;
	char name[NAME_SIZE];

	(void)s;
	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
		/* libvirt was removed, or /run made anew: look for the folder again. */
		h->files = sd_event_source_disable_unref(h->files);
		burst_add(&h->domains, "");
		return watch_folder(h);
	}
	if (event->mask & IN_Q_OVERFLOW)
		burst_add(&h->domains, "");
	else if (event->len > 0 && domain_of(event->name, name))
		burst_add(&h->domains, name);
	return 0;
}

static int on_folder_time(sd_event_source *s, uint64_t now, void *user)
{
	(void)s;
	(void)now;
	return watch_folder(user);
}

static int watch_folder(struct hints *h)
{
	int r = sd_event_add_inotify(h->loop, &h->files, h->folder,
				     IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_CLOSE_WRITE |
					     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
				     on_file, h);

	if (r >= 0) {
		burst_add(&h->domains, "");
		return 0;
	}
	return arm(h->folder_timer, FOLDER_US);
}

/* Devices of the kernel. */

static int on_devices_quiet(sd_event_source *s, uint64_t now, void *user)
{
	static const struct machine_event changed = { .kind = MACHINE_HARDWARE_CHANGED };
	struct hints *h = user;
	int64_t now_us = clock_mono_us(&clock_system), wait_ms;

	(void)s;
	(void)now;
	wait_ms = monitor_wait_ms(h->monitor, now_us);
	if (wait_ms > 0)
		return arm(h->quiet, (uint64_t)wait_ms * 1000);
	monitor_looked(h->monitor, now_us);
	h->tell(&changed, h->user);
	return 0;
}

static int on_device(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct hints *h = user;
	int64_t now_us = clock_mono_us(&clock_system);

	(void)s;
	(void)fd;
	(void)revents;
	if (monitor_read(h->monitor, now_us) == 0)
		return 0;
	return arm(h->quiet, (uint64_t)monitor_wait_ms(h->monitor, now_us) * 1000);
}

static int watch_devices(struct hints *h)
{
	int64_t now_us = clock_mono_us(&clock_system);
	int r;

	/* The period is the agent's to keep; here only events make a look due. */
	if (monitor_new(UINT32_MAX, now_us, &h->monitor, NULL) < 0)
		return 0;
	monitor_looked(h->monitor, now_us);
	r = timer_new(h, &h->quiet, on_devices_quiet, h);
	return r < 0 ? r : sd_event_add_io(h->loop, &h->devices, monitor_fd(h->monitor), EPOLLIN,
					   on_device, h);
}

static int start(struct hints *h)
{
	int r;

	h->domains.hints = h;
	h->domains.event.kind = MACHINE_DOMAINS_CHANGED;
	r = timer_new(h, &h->domains.timer, on_burst_over, &h->domains);
	if (r >= 0)
		r = timer_new(h, &h->folder_timer, on_folder_time, h);
	if (r >= 0)
		r = watch_folder(h);
	return r < 0 ? r : watch_devices(h);
}

int hints_new(sd_event *event, const char *root, machine_event_fn *tell, void *user,
	      struct hints **ret, struct error *err)
{
	struct hints *h = calloc(1, sizeof(*h));
	int r;

	if (!h || asprintf(&h->folder, "%s/run/libvirt/qemu", root) < 0) {
		free(h);
		return error_set(err, ERR_NO_MEMORY, "watch domains: out of memory");
	}
	h->loop = sd_event_ref(event);
	h->tell = tell;
	h->user = user;
	r = start(h);
	if (r < 0) {
		hints_free(h);
		return error_errno(err, -r, "watch domains and devices");
	}
	*ret = h;
	return 0;
}

struct hints *hints_free(struct hints *h)
{
	if (!h)
		return NULL;
	sd_event_source_disable_unref(h->files);
	sd_event_source_disable_unref(h->folder_timer);
	sd_event_source_disable_unref(h->devices);
	sd_event_source_disable_unref(h->domains.timer);
	sd_event_source_disable_unref(h->quiet);
	monitor_free(h->monitor);
	sd_event_unref(h->loop);
	free(h->folder);
	free(h);
	return NULL;
}
