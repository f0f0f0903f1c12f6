/* SPDX-License-Identifier: Apache-2.0 */
/* facetd - owns the desired state: opens the store, runs the controller, answers HTTP. */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "api/api.h"
#include "api/peer.h"
#include "api/route.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "facetd/settings.h"

static const char *const usage =
	"Usage: facetd [OPTION]...\n"
	"Keep the ledger of shared vGPUs and answer the HTTP interface of Facet.\n\n"
	"  -c, --config FILE            settings, with FILE.d/*.conf\n"
	"                               (default /etc/facet/facetd.conf)\n"
	"  -l, --listen unix:PATH       where to listen\n"
	"  -s, --set SECTION.KEY=VALUE  one setting; may be repeated\n"
	"      --print-config           show the settings in force\n"
	"      --openapi                show the interface as OpenAPI 3.1\n"
	"      --routes                 show the interface as a table\n"
	"      --debug                  log more\n"
	"      --version                show the version\n"
	"  -h, --help                   show this\n\n"
	"Exit status: 0 after SIGTERM or SIGINT, 2 when called wrongly, else by kind of failure.\n";

enum { OPTION_PRINT_CONFIG = 256, OPTION_OPENAPI, OPTION_ROUTES, OPTION_DEBUG, OPTION_VERSION };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "listen", required_argument, NULL, 'l' },
	{ "set", required_argument, NULL, 's' },
	{ "print-config", no_argument, NULL, OPTION_PRINT_CONFIG },
	{ "openapi", no_argument, NULL, OPTION_OPENAPI },
	{ "routes", no_argument, NULL, OPTION_ROUTES },
	{ "debug", no_argument, NULL, OPTION_DEBUG },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* What the command line asks for.  Settings on it win over the file, which is read first. */
struct call {
	const char *config;
	const char *set[64];
	size_t set_n;
	char *listen;          /* "listen.unix=PATH" */
	int show;              /* an OPTION_... that prints and ends, 'h', or 0 */
	bool wrong;
};

static void add_listen(struct call *call, const char *where)
{
	struct text t = { 0 };

	if (!text_starts_with(where, "unix:")) {
		fprintf(stderr, "facetd: --listen takes unix:PATH, not '%s'\n", where);
		call->wrong = true;
		return;
	}
	text_add(&t, "listen.unix=%s", where + strlen("unix:"));
	free(call->listen);
	call->listen = text_take(&t);
}

static void add_set(struct call *call, const char *assignment)
{
	if (call->set_n == sizeof(call->set) / sizeof(call->set[0]))
		call->wrong = true;
	else
		call->set[call->set_n++] = assignment;
}

static void parse_call(int argc, char **argv, struct call *call)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:l:s:h", options, NULL)) != -1) {
		if (c == 'c')
			call->config = optarg;
		else if (c == 'l')
			add_listen(call, optarg);
		else if (c == 's')
			add_set(call, optarg);
		else if (c == OPTION_DEBUG)
			log_set_level(LOG_LEVEL_DEBUG);
		else if (c == '?')
			call->wrong = true;
		else
			call->show = c;
	}
	if (optind < argc) {
		fprintf(stderr, "facetd: '%s' is not expected here\n", argv[optind]);
		call->wrong = true;
	}
}

static int load_settings(const struct call *call, struct settings *ret, struct error *err)
{
	int r = config_load(call->config, settings_items, settings_n, ret, err);

	for (size_t i = 0; i < call->set_n && r == 0; i++)
		r = config_set(call->set[i], settings_items, settings_n, ret, err);
	if (r == 0 && call->listen)
		r = config_set(call->listen, settings_items, settings_n, ret, err);
	return r;
}

static int show_openapi(void)
{
	json_t *j = api_openapi();
	int r = j ? json_dumpf(j, stdout, JSON_INDENT(2)) : -1;

	json_decref(j);
	putchar('\n');
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What needs no settings.  Returns an exit status, -1 when there is more to do. */
static int show(int what)
{
	switch (what) {
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case OPTION_VERSION:
		puts("facetd " FACET_VERSION);
		return EXIT_SUCCESS;
	case OPTION_ROUTES:
		routes_print(stdout);
		return EXIT_SUCCESS;
	case OPTION_OPENAPI:
		return show_openapi();
	default:
		return -1;
	}
}

/* ---- the running daemon ---- */

struct daemon {
	const struct settings *settings;
	struct peer_rules rules;
	sd_event *event;
	struct store *store;
	struct controller *controller;
	struct api *api;
	sd_event_source *store_io, *tick;
	bool own_socket;      /* made by us, not by systemd */
};

static int on_store(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct daemon *d = user;

	(void)source;
	(void)fd;
	(void)events;
	store_dispatch(d->store);
	return 0;
}

enum { TICK_MIN_MS = 20, TICK_MAX_MS = 1000 };

/* The controller names a wall-clock time, which can jump: no wait is longer than a second. */
static int on_tick(sd_event_source *source, uint64_t usec, void *user)
{
	struct daemon *d = user;
	int64_t next_ms = 0, wait_ms;

	(void)usec;
	controller_tick(d->controller, &next_ms);
	wait_ms = next_ms - clock_wall_ms(&clock_system);
	if (wait_ms < TICK_MIN_MS)
		wait_ms = TICK_MIN_MS;
	else if (wait_ms > TICK_MAX_MS)
		wait_ms = TICK_MAX_MS;
	sd_event_source_set_time_relative(source, (uint64_t)wait_ms * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *user)
{
	(void)user;
	log_info("signal %u: stopping", si->ssi_signo);
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int add_signal(struct daemon *d, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sd_event_add_signal(d->event, NULL, number, on_stop, d);
}

/* All sources have the same priority: sd-event then takes turns, and no flood of requests keeps the
 * store's answers or the clock waiting. */
static int make_loop(struct daemon *d, struct error *err)
{
	int r = sd_event_default(&d->event);

	if (r >= 0)
		r = add_signal(d, SIGTERM);
	if (r >= 0)
		r = add_signal(d, SIGINT);
	if (r >= 0)
		r = sd_event_set_watchdog(d->event, true);
	return r < 0 ? error_errno(err, -r, "make the event loop") : 0;
}

static int add_sources(struct daemon *d, struct error *err)
{
	int r = sd_event_add_io(d->event, &d->store_io, store_fd(d->store), EPOLLIN, on_store, d);

	if (r >= 0)
		r = sd_event_add_time_relative(d->event, &d->tick, CLOCK_MONOTONIC, 0, 1000,
					       on_tick, d);
	return r < 0 ? error_errno(err, -r, "put the store into the event loop") : 0;
}

static int start_controller(struct daemon *d, struct error *err)
{
	const struct settings *s = d->settings;
	const struct controller_config config = {
		.clock = &clock_system,
		.operation_timeout_ms = (int64_t)s->operation_timeout_s * 1000,
		.host_timeout_ms = (int64_t)s->host_timeout_s * 1000,
		.events_kept = (uint32_t)s->events_kept,
	};
	int r = store_open(s->backend, s->path, &d->store, err);

	if (r < 0)
		return r;
	r = controller_new(d->store, &config, &d->controller, err);
	return r < 0 ? error_context(r, err, "read the state from %s", s->path) : r;
}

/* A socket that systemd opened for us, else one of our own. */
static int get_listener(struct daemon *d, int *ret, struct error *err)
{
	int r;

	if (sd_listen_fds(1) == 1) {
		*ret = SD_LISTEN_FDS_START;
		return 0;
	}
	r = api_listen(d->settings->unix_path, d->settings->group, ret, err);
	d->own_socket = r == 0;
	return r;
}

static int start_api(struct daemon *d, struct error *err)
{
	const struct settings *s = d->settings;
	struct api_config config = {
		.controller = d->controller,
		.event = d->event,
		.clock = &clock_system,
		.identify = peer_identify,
		.identify_user = &d->rules,
		.connections = (uint32_t)s->connections,
		.timeout_s = (uint32_t)s->timeout_s,
	};
	int r;

	d->rules = (struct peer_rules){ s->group, s->agent_user, s->agent_host };
	r = get_listener(d, &config.listen_fd, err);
	return r < 0 ? r : api_new(&config, &d->api, err);
}

static int start(struct daemon *d, struct error *err)
{
	int r = make_loop(d, err);

	if (r == 0)
		r = start_controller(d, err);
	if (r == 0)
		r = start_api(d, err);
	return r < 0 ? r : add_sources(d, err);
}

/* In this order: every command is answered, its answer sent, and only then does the state close. */
static void stop(struct daemon *d)
{
	if (d->store && d->controller)
		store_flush(d->store);
	d->api = api_free(d->api);
	if (d->own_socket)
		unlink(d->settings->unix_path);
	sd_event_source_disable_unref(d->store_io);
	sd_event_source_disable_unref(d->tick);
	d->controller = controller_free(d->controller);
	if (d->store)
		d->store = store_close(d->store);
	d->event = sd_event_unref(d->event);
}

/* A connection is a descriptor; a few more are the store's and the loop's. */
static void raise_descriptors(uint64_t connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= connections + 64)
		return;
	limit.rlim_cur = limit.rlim_max < connections + 64 ? limit.rlim_max : connections + 64;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("only %ju descriptors may be open", (uintmax_t)limit.rlim_cur);
}

static int run(const struct settings *settings)
{
	struct daemon d = { .settings = settings };
	struct error err = { 0 };
	int r = start(&d, &err);

	if (r == 0) {
		log_info("facetd " FACET_VERSION " listens at %s, state in %s (%s)",
			 settings->unix_path, settings->path, settings->backend);
		sd_notify(0, "READY=1");
		r = sd_event_loop(d.event);
		sd_notify(0, "STOPPING=1");
		if (r < 0)
			error_errno(&err, -r, "event loop");
	}
	stop(&d);
	if (r < 0)
		log_error("%s", err.text);
	return r < 0 ? error_exit_status(err.kind) : EXIT_SUCCESS;
}

static int serve(const struct call *call)
{
	struct settings settings = { 0 };
	struct error err = { 0 };
	int status = EXIT_SUCCESS;

	if (load_settings(call, &settings, &err) < 0) {
		fprintf(stderr, "facetd: %s%s%s\n", err.place, err.place[0] ? ": " : "", err.text);
		status = error_exit_status(err.kind);
	} else if (call->show == OPTION_PRINT_CONFIG) {
		config_print(stdout, settings_items, settings_n, &settings);
	} else {
		raise_descriptors(settings.connections);
		status = run(&settings);
	}
	config_done(settings_items, settings_n, &settings);
	return status;
}

int main(int argc, char **argv)
{
	struct call call = { .config = "/etc/facet/facetd.conf" };
	int status;

	signal(SIGPIPE, SIG_IGN);
	parse_call(argc, argv, &call);
	if (call.wrong) {
		fputs("facetd: try 'facetd --help'\n", stderr);
		status = 2;
	} else {
		status = show(call.show);
		if (status < 0)
			status = serve(&call);
	}
	free(call.listen);
	return status;
}
