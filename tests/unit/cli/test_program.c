/* SPDX-License-Identifier: Apache-2.0 */
/* test_program.c - facet as a whole, against a server with canned answers.
 *
 * Each case has a file NAME.txt in tests/golden/cli: the command line, what was asked of the
 * server, what was printed, and the exit status.  `test_cli_program --rewrite` writes them anew;
 * the diff is then what a person would see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "canned.h"
#include "cli/cli.h"

enum { ANSWERS_MAX = 8, WORDS_MAX = 16 };

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
#define OPERATION(state, steps, more)                                                     \
	"{\"id\":\"0f8a\",\"kind\":\"start\",\"state\":\"" state "\",\"vm\":\"web01\","      \
	"\"host\":\"h1\",\"created_ms\":1795363490000,\"steps\":[" steps "]" more           \
	",\"revision\":40}"
#define STEP(name, state, text, from, to)                                                 \
	"{\"name\":\"" name "\",\"state\":\"" state "\",\"text\":\"" text "\",\"started_ms\":" \
	#from ",\"ended_ms\":" #to "}"
#define CHANGE(revision, operation)                                                       \
	"{\"revision\":" #revision ",\"kind\":\"operation\",\"id\":\"0f8a\",\"object\":"      \
	operation "}\n"
#define RESERVED STEP("reserve", "done", "1 vGPU", 1795363490000, 1795363490100)
#define CREATING STEP("create", "running", "NVIDIA L40S-8Q", 1795363490100, 0)
#define CREATED STEP("create", "done", "NVIDIA L40S-8Q", 1795363490100, 1795363492300)
#define BROKEN STEP("create", "failed", "write: EBUSY", 1795363490100, 1795363492300)
#define WAITING STEP("wait", "running", "priority; makes room: web02", 1795363490000, 0)
#define WAITED STEP("wait", "done", "waited 1 s", 1795363490000, 1795363491000)
#define ENDED ",\"ended_ms\":1795363492400"
#define REASONS                                                                           \
	"[{\"gpu\":\"h1@0000:41:00.0\",\"code\":\"wrong-size-class\","                     \
	"\"text\":\"is cut in 8 GiB\"},"                                                     \
	"{\"gpu\":\"h1@0000:81:00.0\",\"code\":\"degraded\",\"text\":\"row remapping pending\"}]"

struct golden {
	const char *name, *line; /* words cut at blanks; ~ stands for a blank within a word */
	struct canned_answer answers[ANSWERS_MAX]; /* a body "@gpus" is the file input/gpus.json */
	int terminal;            /* its width */
	const char *input;
};

static const struct golden cases[] = {
	{ "host-list", "host list", { { "GET /v1/hosts", 200, "@hosts" } } },
	{ "host-list-wide", "host list -o wide", { { "GET /v1/hosts", 200, "@hosts" } } },
	{ "host-list-terminal", "host list",
	  { { "GET /v1/hosts", 200, "@hosts" } }, .terminal = 72 },
	{ "gpu-list", "gpu list --host h1", { { "GET /v1/gpus", 200, "@gpus" } } },
	{ "gpu-list-wide", "gpu list -owide --no-headers", { { "GET /v1/gpus", 200, "@gpus" } } },
	{ "gpu-list-json", "gpu list -o json", { { "GET /v1/gpus", 200, "@gpus" } } },
	{ "gpu-show", "gpu show h1@0000:41:00.0",
	  { { "GET /v1/gpus/h1@0000:41:00.0", 200, "@gpu" } } },
	{ "profile-list", "profile list --series Q", { { "GET /v1/profiles", 200, "@profiles" } } },
	{ "profile-show", "profile show NVIDIA~L40S-8C",
	  { { "GET /v1/profiles", 200, "@profiles" } } },
	{ "profile-show-unknown", "profile show NVIDIA~L40S-8D",
	  { { "GET /v1/profiles", 200, "@profiles" } } },
	{ "group-list", "group list", { { "GET /v1/groups", 200, "@groups" } } },
	{ "vm-list", "vm list", { { "GET /v1/vms", 200, "@vms" } } },
	{ "vm-list-empty", "vm list",
	  { { "GET /v1/vms", 200, "{\"items\":[],\"revision\":1}" } } },
	{ "vm-list-pages", "vm list --no-headers -o json",
	  { { "GET /v1/vms", 200, "{\"items\":[{\"name\":\"a\"}],\"next\":\"a\",\"revision\":1}" },
	    { "GET /v1/vms", 200, "{\"items\":[{\"name\":\"b\"}],\"revision\":2}" } } },
	{ "vm-show", "vm show web01", { { "GET /v1/vms/web01", 200, "@vm" } } },
	{ "lease-list", "lease list --state attached", { { "GET /v1/leases", 200, "@leases" } } },
	{ "lease-list-wide", "lease list -o wide", { { "GET /v1/leases", 200, "@leases" } } },
	{ "operation-list", "operation list", { { "GET /v1/operations", 200, "@operations" } } },
	{ "event-list", "event list --after 3", { { "GET /v1/events", 200, "@events" } } },
	{ "explain-vm", "explain vm web01",
	  { { "GET /v1/vms/web01/explain", 200, "@explain_vm" } } },
	{ "explain-group", "group explain ai",
	  { { "GET /v1/groups/ai/explain", 200, "@explain_group" } } },
	{ "rebalance", "rebalance --dry-run --group ai --moves 3 --budget 60",
	  { { "POST /v1/rebalance?group=ai&moves=3&budget_s=60&dry_run=1", 200, "@rebalance" } } },
	{ "rebalance-none", "rebalance --dry-run",
	  { { "POST /v1/rebalance?dry_run=1", 200,
	      "{\"dry_run\":true,\"moves\":[],\"kept\":[],\"pause_ms\":0,\"note\":\"n\","
	      "\"groups\":[{\"group\":\"ai\",\"moves\":0,"
	      "\"why\":\"no move gains anything\"}]}" } } },
	{ "doctor", "doctor", { { "GET /v1/doctor", 200, "@doctor" } } },
	{ "version", "version", { { "GET /v1/version", 200, "{\"version\":\"9.9.9\"}" } } },
	{ "completion-names", "completion names gpu", { { "GET /v1/gpus", 200, "@gpus" } } },

	{ "vm-attach",
	  "vm attach web01 --group ai --profile NVIDIA~L40S-8Q --count 2 --optional --device gpu1",
	  { { "POST /v1/vms/web01/devices", 200, "@vm" } } },
	{ "vm-attach-unknown-profile", "vm attach web01 --group ai --profile nvidia~l40s-8q",
	  { { "POST /v1/vms/web01/devices", 404,
	      "{\"kind\":\"not-found\",\"place\":\"/profile\","
	      "\"detail\":\"there is no such profile\"}" },
	    { "GET /v1/profiles", 200, "@profiles" },
	    { "GET /v1/vms", 200, "@vms" }, { "GET /v1/groups", 200, "@groups" } } },
	{ "vm-create-dry-run",
	  "vm create web03 --host h1 --priority 7 --start-after-boot no --dry-run",
	  { { "POST /v1/vms", 201, "{\"dry_run\":true}" } } },
	{ "vm-create-file", "vm create web03 -f - --tenant t1", { { "POST /v1/vms", 201, "{}" } },
	  .input = "{\"host\":\"h9\",\"tenant\":\"t0\"}" },
	{ "vm-update-file-broken", "vm update web01 --file -", { { 0 } }, .input = "{\"host\":" },
	{ "vm-not-found", "vm show web1",
	  { { "GET /v1/vms/web1", 404,
	      "{\"kind\":\"not-found\",\"detail\":\"there is no VM web1\"}" },
	    { "GET /v1/vms", 200, "@vms" } } },
	{ "vm-not-found-json", "vm show zzz -o json",
	  { { "GET /v1/vms/zzz", 404,
	      "{\"kind\":\"not-found\",\"detail\":\"there is no VM zzz\"}" },
	    { "GET /v1/vms", 200, "@vms" } } },
	{ "vm-detach", "vm detach web01 gpu0",
	  { { "DELETE /v1/vms/web01/devices/gpu0", 200, "{}" } } },
	{ "group-create",
	  "group create ai --filter board~eq~\"x\" --profile a --profile b* --hold 5m "
	  "--policy pack",
	  { { "POST /v1/groups", 201, "@group" } } },
	{ "group-update-stale", "group update ai --mode mig --revision 3",
	  { { "PATCH /v1/groups/ai", 412,
	      "{\"kind\":\"precondition\",\"detail\":\"group ai has revision 5, not 3\"}" } } },
	{ "group-delete-json", "group delete ai -o json",
	  { { "DELETE /v1/groups/ai", 200, "{}" } } },
	{ "host-cordon", "host cordon h1 --reason new~fan",
	  { { "PATCH /v1/hosts/h1", 200, "{}" } } },
	{ "operation-cancel", "operation cancel 0f8a",
	  { { "POST /v1/operations/0f8a/cancel", 202, OPERATION("running", RESERVED, "") } } },

	{ "vm-start", "vm start web01",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED "," CREATING, "") },
	    { .request = "GET /v1/watch",
	      .raw = STREAM CHANGE(41, OPERATION("running", RESERVED "," CREATED, ""))
			    "\n" CHANGE(42, OPERATION("done", RESERVED "," CREATED, ENDED)) } } },
	{ "vm-start-terminal", "vm start web01",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED "," CREATING, "") },
	    { .request = "GET /v1/watch",
	      .raw = STREAM CHANGE(42, OPERATION("done", RESERVED "," CREATED, ENDED)) } },
	  .terminal = 80 },
	{ "vm-start-json", "vm start web01 -o json",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED, "") },
	    { .request = "GET /v1/watch",
	      .raw = STREAM CHANGE(42, OPERATION("done", RESERVED, ENDED)) },
	    { "GET /v1/operations/0f8a", 200, OPERATION("done", RESERVED, ENDED) } } },
	{ "vm-start-watch-breaks", "vm start web01",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED, "") },
	    { .request = "GET /v1/watch", .raw = STREAM },
	    { "GET /v1/operations/0f8a", 200, OPERATION("done", RESERVED "," CREATED, ENDED) } } },
	{ "vm-start-failed", "vm start web01",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED, "") },
	    { .request = "GET /v1/watch",
	      .raw = STREAM CHANGE(42, OPERATION("failed", RESERVED "," BROKEN,
			    ",\"error_kind\":\"no-capacity\",\"error\":\"no GPU has room\","
			    "\"refusals\":" REASONS)) } } },
	{ "vm-start-refused", "vm start web01",
	  { { "POST /v1/vms/web01/start", 409,
	      "{\"kind\":\"no-capacity\",\"detail\":\"no GPU has room\","
	      "\"reasons\":" REASONS "}" } } },
	{ "vm-start-no-wait", "vm start web01 --no-wait",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED, "") } } },
	{ "vm-start-timeout", "vm start web01 --timeout 0",
	  { { "POST /v1/vms/web01/start", 202, OPERATION("running", RESERVED, "") } } },
	{ "vm-stop-force", "vm stop web01 --force",
	  { { "POST /v1/vms/web01/stop", 202, OPERATION("cancelled", RESERVED, "") } } },

	{ "vm-watch", "vm list --watch --host h1",
	  { { "GET /v1/vms", 200, "@vms" },
	    { .request = "GET /v1/watch",
	      .raw = STREAM "{\"revision\":21,\"kind\":\"vm\",\"id\":\"web02\",\"object\":"
			    "{\"name\":\"web02\",\"host\":\"h1\",\"state\":\"stopped\"}}\n"
			    "{\"revision\":22,\"kind\":\"vm\",\"id\":\"x\",\"object\":"
			    "{\"name\":\"x\",\"host\":\"h2\"}}\n"
			    "{\"revision\":23,\"kind\":\"vm\",\"id\":\"web01\","
			    "\"object\":null}\n" },
	    { .request = "GET /v1/watch", .raw = "" } } },
	{ "vm-watch-json", "vm list -w -o json",
	  { { "GET /v1/vms", 200, "{\"items\":[{\"name\":\"a\"}],\"revision\":20}" },
	    { .request = "GET /v1/watch",
	      .raw = STREAM "{\"revision\":21,\"kind\":\"vm\",\"id\":\"a\",\"object\":null}\n" },
	    { .request = "GET /v1/watch", .raw = "" } } },
	{ "vm-watch-terminal", "vm list -w",
	  { { "GET /v1/vms", 200,
	      "{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"revision\":20}" },
	    { .request = "GET /v1/watch",
	      .raw = STREAM "{\"revision\":21,\"kind\":\"vm\",\"id\":\"a\",\"object\":null}\n"
			    "{\"revision\":22,\"kind\":\"vm\",\"id\":\"c\","
			    "\"object\":{\"name\":\"c\"}}\n" },
	    { .request = "GET /v1/watch", .raw = "" } },
	  .terminal = 60 },
	{ "vm-watch-too-old", "vm list -w",
	  { { "GET /v1/vms", 200, "{\"items\":[{\"name\":\"a\"}],\"revision\":20}" },
	    { "GET /v1/vms", 200, "{\"items\":[{\"name\":\"b\"}],\"revision\":90}" },
	    { "GET /v1/watch", 410, "{\"kind\":\"not-found\",\"detail\":\"not kept\"}" },
	    { .request = "GET /v1/watch", .raw = "" } } },
	{ "watch", "watch --after 7",
	  { { .request = "GET /v1/watch",
	      .raw = STREAM "{\"revision\":8,\"kind\":\"lease\",\"id\":\"06f3\",\"object\":"
			    "{\"state\":\"ready\"}}\n"
			    "{\"revision\":9,\"kind\":\"vm\",\"id\":\"a\",\"object\":{}}\n"
			    "{\"revision\":9,\"kind\":\"vm\",\"id\":\"b\",\"object\":null}\n" },
	    { .request = "GET /v1/watch", .raw = "" } } },

	{ "tenant-list", "tenant list", { { "GET /v1/tenants", 200, "@tenants" } } },
	{ "tenant-show", "tenant show lab", { { "GET /v1/tenants/lab", 200, "@tenant" } } },
	{ "tenant-create",
	  "tenant create lab --fb-gib 96 --guaranteed-fb-gib 48 --slots NVIDIA~L40S-8*=4:2 "
	  "--slots NVIDIA~L40S-48Q=1",
	  { { "POST /v1/tenants", 201, "@tenant" } } },
	{ "tenant-update-none", "tenant update lab --slots none --vgpus 0",
	  { { "PATCH /v1/tenants/lab", 200, "{}" } } },
	{ "priority-class-create", "priority-class create high --value 800 --preempts lower",
	  { { "POST /v1/priority-classes", 201, "{}" } } },
	{ "queue-list", "queue list", { { "GET /v1/queue", 200, "@queue" } } },
	{ "queue-list-wide", "queue list -o wide --tenant lab",
	  { { "GET /v1/queue", 200, "@queue" } } },
	{ "vm-start-wait", "vm start web01 --wait=2h",
	  { { "POST /v1/vms/web01/start", 202,
	      OPERATION("waiting", WAITING, "") },
	    { .request = "GET /v1/watch",
	      .raw = STREAM CHANGE(41, OPERATION("running", WAITED "," RESERVED, ""))
			    "\n" CHANGE(42, OPERATION("done", WAITED "," RESERVED, ENDED)) } } },
	{ "vm-start-dry-run-victims", "vm start web01 --dry-run",
	  { { "POST /v1/vms/web01/start", 202,
	      OPERATION("waiting", WAITING, ",\"victims\":[\"web02\"],\"dry_run\":true") } } },
	{ "vm-start-quota", "vm start web01",
	  { { "POST /v1/vms/web01/start", 409,
	      "{\"kind\":\"quota\",\"detail\":\"tenant lab may have 48 GiB\",\"reasons\":["
	      "{\"gpu\":\"\",\"code\":\"quota-framebuffer\",\"text\":\"48 of 48 GiB\"}]}" } } },

	{ "plan", "plan vdi.ini vdi.csv --policy pack", { { 0 } } },
	{ "plan-json", "plan vdi.ini vdi.csv --policy first-fit -o json", { { 0 } } },
	{ "plan-fewest", "plan vdi.ini vdi.csv --policy first-fit --fewest l40s --accept 99.5",
	  { { 0 } } },
	{ "plan-fewest-none", "plan vdi.ini vdi.csv --policy pack --fewest T4", { { 0 } } },
	{ "plan-bad-demand", "plan vdi.ini -", { { 0 } },
	  .input = "vm,count,profile\noffice,3,NVIDIA A16-2B\nlab,1000000000,NVIDIA A16-4Q\n" },
	{ "plan-no-policy", "plan vdi.ini vdi.csv --policy best", { { 0 } } },
	{ "help-plan", "help plan", { { 0 } } },

	{ "help", "help", { { 0 } } },
	{ "help-vm", "vm --help", { { 0 } } },
	{ "help-vm-attach", "help vm attach", { { 0 } } },
	{ "no-command", "leases", { { 0 } } },
	{ "no-verb", "vm strat web01", { { 0 } } },
	{ "no-flag", "vm start web01 --no-wiat", { { 0 } } },
	{ "no-word", "lease list --state atached", { { 0 } } },
};

static int rewriting;

static char *read_file(const char *path)
{
	struct text all = { 0 };
	char bytes[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		text_append(&all, bytes, n);
	fclose(f);
	return text_take(&all);
}

/* Puts the files that bodies name in their places. */
static void load_bodies(const struct golden *g, struct canned_answer *answers, char **owned)
{
	for (size_t i = 0; i < ANSWERS_MAX && g->answers[i].request; i++) {
		char path[512];

		answers[i] = g->answers[i];
		if (!answers[i].body || answers[i].body[0] != '@')
			continue;
		snprintf(path, sizeof(path), GOLDEN "/input/%s.json", answers[i].body + 1);
		owned[i] = read_file(path);
		assert_non_null(owned[i]);
		answers[i].body = owned[i];
	}
}

static int split(char *line, char **words)
{
	int n = 0;

	words[n++] = (char *)"facet";
	for (char *w = strtok(line, " "); w && n < WORDS_MAX; w = strtok(NULL, " ")) {
		for (char *s = w; *s; s++)
			if (*s == '~')
				*s = ' ';
		words[n++] = w;
	}
	words[n] = NULL;
	return n;
}

/* The server's address is another one each time. */
static void add_with_address(struct text *all, const char *s, const char *address)
{
	for (const char *at; (at = strstr(s, address)); s = at + strlen(address))
		text_add(all, "%.*sSOCKET", (int)(at - s), s);
	text_add(all, "%s", s);
}

/* Runs LINE against ADDRESS and returns what a person would see. */
static char *run(const struct golden *g, const char *address, struct canned *server)
{
	struct clock_manual clock;
	char line[512], *words[WORDS_MAX + 1], *out = NULL, *errors = NULL;
	size_t out_n, errors_n;
	struct cli cli = { .terminal = g->terminal > 0, .colour = g->terminal > 0,
			   .width = g->terminal, .address = address, .clock = &clock.clock };
	struct text all = { 0 };
	int status;

	clock_manual_init(&clock, 1795363500000LL * 1000);
	cli.in = fmemopen((void *)(g->input ? g->input : " "), g->input ? strlen(g->input) : 1,
			  "r");
	cli.out = open_memstream(&out, &out_n);
	cli.errors = open_memstream(&errors, &errors_n);
	TEXT_COPY(line, g->line);
	status = cli_run(&cli, split(line, words), words);
	fclose(cli.in);
	fclose(cli.out);
	fclose(cli.errors);
	text_add(&all, "$ facet %s\n--- asked\n%s--- printed\n%s--- told\n", g->line,
		 canned_summary(server), out);
	add_with_address(&all, errors, address);
	text_add(&all, "--- status %d\n", status);
	free(out);
	free(errors);
	return text_take(&all);
}

static void compare(const struct golden *g, const char *seen)
{
	cleanup(cleanup_free) char *want = NULL;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), GOLDEN "/%s.txt", g->name);
	if (rewriting) {
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(seen, f);
		assert_int_equal(fclose(f), 0);
		return;
	}
	want = read_file(path);
	if (!want)
		fail_msg("%s is missing: run with --rewrite", path);
	assert_string_equal(seen, want);
}

static void looks_as_it_did(void **state)
{
	const struct golden *g = *state;
	struct canned_answer answers[ANSWERS_MAX + 1] = { 0 };
	char *owned[ANSWERS_MAX] = { 0 };
	struct canned *server;
	const char *address;
	char *seen;

	load_bodies(g, answers, owned);
	server = canned_start(answers, &address);
	seen = run(g, address, server);
	canned_stop(server);
	compare(g, seen);
	free(seen);
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		free(owned[i]);
}

enum { CASES_N = sizeof(cases) / sizeof(cases[0]) };

int main(int argc, char **argv)
{
	struct CMUnitTest tests[CASES_N];

	/* Where the files are that `facet plan` is given. */
	if (chdir(GOLDEN "/../../../docs/samples/plan") != 0)
		return 1;
	rewriting = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
	for (size_t i = 0; i < CASES_N; i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, looks_as_it_did, NULL, NULL,
						(void *)(uintptr_t)&cases[i] };
	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
