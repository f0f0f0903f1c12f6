/* SPDX-License-Identifier: Apache-2.0 */
/* facet-agent - one per GPU host; with --simulated, any number of hosts that exist in memory. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/drop.h"
#include "agent/machine_real.h"
#include "agent/machine_simulated.h"
#include "agent/root.h"
#include "base/config.h"
#include "base/log.h"
#include "base/text.h"
#include "host/passthrough.h"

#ifndef FACET_LIBEXECDIR
#define FACET_LIBEXECDIR "/usr/libexec/facet"
#endif

enum { HOSTS_MAX = 4096 };

struct settings {
	char *host, *controller, *user, *hook, *root, *libvirt_program, *libvirt_uri;
	bool migration, passthrough_any_class;
	uint64_t report_s, look_s;
};

#define ITEM(section, key, type, member, fallback, min, max, says) \
	{ section, key, type, offsetof(struct settings, member), fallback, min, max, says }

static const struct config_item items[] = {
	ITEM("agent", "host", CONFIG_STRING, host, "", 0, 0,
	     "Name of this host; empty: its host name"),
	ITEM("agent", "controller", CONFIG_PATH, controller, "/run/facet/facetd.sock", 0, 0,
	     "UNIX socket of facetd"),
	ITEM("agent", "user", CONFIG_STRING, user, "facet-agent", 0, 0,
	     "User of the half that talks and parses; ignored when not started as root"),
	ITEM("agent", "hook", CONFIG_PATH, hook, "/run/facet-host/hook.sock", 0, 0,
	     "Socket that libvirt's hook asks at; empty: none"),
	ITEM("agent", "report_s", CONFIG_NUMBER, report_s, "10", 1, 3600,
	     "A report goes at least this often, in seconds"),
	ITEM("agent", "look_s", CONFIG_NUMBER, look_s, "60", 1, 3600,
	     "Hardware and domains are looked at at least this often, in seconds"),
	ITEM("host", "root", CONFIG_PATH, root, "/", 0, 0, "Folder that holds sys, proc and run"),
	ITEM("host", "libvirt_program", CONFIG_PATH, libvirt_program,
	     FACET_LIBEXECDIR "/facet-libvirt", 0, 0, "The program that speaks with libvirt"),
	ITEM("host", "libvirt_uri", CONFIG_STRING, libvirt_uri, "qemu:///system", 0, 0, "libvirt"),
	ITEM("host", "migration", CONFIG_BOOL, migration, "no", 0, 0,
	     "Insist on live migration of vGPUs: a VM whose vGPU can not migrate then does not "
	     "start"),
	ITEM("host", "passthrough_any_class", CONFIG_BOOL, passthrough_any_class, "no", 0, 0,
	     "Any PCI device may be passed through, not only displays: for the lab"),
};
enum { ITEMS = sizeof(items) / sizeof(items[0]) };

struct program {
	struct settings settings;
	const char *specs[HOSTS_MAX];
	size_t specs_n;
	struct agent *agents[HOSTS_MAX];
	size_t agents_n;
	sd_event *event;
	bool print;
};

static void usage(FILE *out)
{
	fputs("facet-agent - makes this host what Facet's controller wants it to be\n\n"
	      "  -c, --config FILE       settings (/etc/facet/agent.conf and agent.conf.d)\n"
	      "  -s, --set SECTION.KEY=VALUE\n"
	      "      --simulated SPEC    a host in memory, such as\n                          "
	      "'name=h1;gpus=2xL40S/vendor-vfio;domains=vm1..vm8'; may be repeated\n"
	      "      --debug             say more\n"
	      "      --print-config      show the settings in force and end\n"
	      "      --version, --help\n\nSee facet-agent(8).\n", out);
}

enum { OPT_SIMULATED = 1000, OPT_DEBUG, OPT_PRINT, OPT_VERSION, OPT_HELP };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "set", required_argument, NULL, 's' },
	{ "simulated", required_argument, NULL, OPT_SIMULATED },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "print-config", no_argument, NULL, OPT_PRINT },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* The settings file first, wherever it stands on the line: --set wins over it. */
static const char *config_file(int argc, char **argv)
{
	const char *file = "/etc/facet/agent.conf";
	int o;

	opterr = 0;
	while ((o = getopt_long(argc, argv, "c:s:", options, NULL)) >= 0)
		if (o == 'c')
			file = optarg;
	optind = opterr = 1;
	return file;
}

/* Returns 0 to go on, else the exit status plus one. */
static int take_option(struct program *p, int o, struct error *err)
{
	switch (o) {
	case 'c':
		return 0;
	case 's':
		return config_set(optarg, items, ITEMS, &p->settings, err);
	case OPT_SIMULATED:
		if (p->specs_n == HOSTS_MAX)
			return error_set(err, ERR_INVALID, "at most %d simulated hosts", HOSTS_MAX);
		p->specs[p->specs_n++] = optarg;
		return 0;
	case OPT_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return 0;
	case OPT_PRINT:
		p->print = true;
		return 0;
	case OPT_VERSION:
		puts("facet-agent " FACET_VERSION);
		exit(0);
	case OPT_HELP:
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		exit(2);
	}
}

static int read_settings(struct program *p, int argc, char **argv, struct error *err)
{
	int o, r = config_load(config_file(argc, argv), items, ITEMS, &p->settings, err);

	while (r == 0 && (o = getopt_long(argc, argv, "c:s:", options, NULL)) >= 0)
		r = take_option(p, o, err);
	if (r == 0 && optind < argc)
		r = error_set(err, ERR_INVALID, "'%s' is not understood: see facet-agent --help",
			      argv[optind]);
	return r;
}

static int add_agent(struct program *p, struct machine *m, const char *host, int hook_fd,
		     struct error *err)
{
	const struct settings *s = &p->settings;
	struct agent_config config = { .host = host, .controller = s->controller,
				       .clock = &clock_system,
				       .report_ms = (uint32_t)s->report_s * 1000,
				       .domains_ms = (uint32_t)s->look_s * 1000,
				       .inventory_ms = (uint32_t)s->look_s * 1000 };
	int r = agent_new(p->event, m, &config, hook_fd, &p->agents[p->agents_n], err);

	if (r == 0)
		p->agents_n++;
	return r;
}

static int start_simulated(struct program *p, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < p->specs_n && r == 0; i++) {
		struct machine *m;
		char name[NAME_SIZE];

		r = machine_simulated_new(p->event, p->specs[i], &m, name, err);
		if (r == 0)
			r = add_agent(p, m, name, -1, err);
	}
	return r;
}

static int start_real(struct program *p, struct root_client *root, int hook_fd, struct error *err)
{
	char name[NAME_SIZE];
	struct machine *m;
	int r;

	if (p->settings.host[0])
		TEXT_COPY(name, p->settings.host);
	else if (gethostname(name, sizeof(name)) < 0)
		return error_errno(err, errno, "the name of this host");
	name[sizeof(name) - 1] = '\0';
	r = machine_real_new(p->event, root, p->settings.root, &m, err);
	return r < 0 ? r : add_agent(p, m, name, hook_fd, err);
}

static int run_loop(struct program *p, struct root_client *root, int hook_fd, struct error *err)
{
	int r = sd_event_new(&p->event);

	if (r >= 0)
		r = sd_event_add_signal(p->event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, NULL,
					NULL);
	if (r >= 0)
		r = sd_event_add_signal(p->event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, NULL,
					NULL);
	if (r < 0)
		return error_errno(err, -r, "event loop");
	r = p->specs_n ? start_simulated(p, err) : start_real(p, root, hook_fd, err);
	if (r < 0)
		return r;
	(void)sd_event_set_watchdog(p->event, true);
	sd_notifyf(0, "READY=1\nSTATUS=%zu host%s", p->agents_n, p->agents_n == 1 ? "" : "s");
	r = sd_event_loop(p->event);
	if (r > 0)
		return error_set(err, ERR_UNAVAILABLE, "the privileged half ended");
	return r < 0 ? error_errno(err, -r, "event loop") : 0;
}

/* The folder is root's alone: in one that another user may write to, that user could put another
 * file in the socket's place between bind() and chmod(). */
static int listen_hook(const struct settings *s, int *fd, struct error *err)
{
	char folder[256];
	char *slash;

	if (!s->hook || !s->hook[0])
		return 0;
	TEXT_COPY(folder, s->hook);
	slash = strrchr(folder, '/');
	*slash = '\0';
	if (folder[0] && mkdir(folder, 0755) < 0 && errno != EEXIST)
		return error_errno(err, errno, "make %s", folder);
	return agent_hook_listen(s->hook, fd, err);
}

static int run(struct program *p, struct error *err)
{
	const struct settings *s = &p->settings;
	struct root_config config = { .root = s->root, .libvirt_program = s->libvirt_program,
				      .libvirt_uri = s->libvirt_uri, .migration = s->migration,
				      .passthrough_any_class = s->passthrough_any_class };
	struct root_client *root = NULL;
	int hook_fd = -1, r = 0;

	if (p->specs_n == 0) {
		passthrough_set_any_class(s->passthrough_any_class);
		r = root_start(&root, &config, err);
		if (r == 0)
			r = listen_hook(s, &hook_fd, err);
		if (r == 0)
			r = drop_to_user(s->user, err);
		if (r < 0) {
			root_client_free(root);
			return r;
		}
	}
	r = run_loop(p, root, hook_fd, err);
	for (size_t i = 0; i < p->agents_n; i++)
		agent_free(p->agents[i]);
	sd_event_unref(p->event);
	return r;
}

int main(int argc, char **argv)
{
	static struct program p;
	struct error err = { 0 };
	int r = read_settings(&p, argc, argv, &err);

	if (r == 0 && p.print)
		config_print(stdout, items, ITEMS, &p.settings);
	else if (r == 0)
		r = run(&p, &err);
	if (r < 0)
		log_error("facet-agent: %s%s%s", err.place, err.place[0] ? ": " : "", err.text);
	config_done(items, ITEMS, &p.settings);
	return r < 0 ? error_exit_status(err.kind) : 0;
}
