/* SPDX-License-Identifier: Apache-2.0 */
/* test_reading.c - fleets and demands from files: what is taken, and what is told with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define FLEET "[host a]\ncount = 2\ngpus = 4 x L40S\n"
#define DEMAND "vm,profile\nx,NVIDIA L40S-8Q\n"
#define ROW(names, row) "vm,profile" names "\nx," row "\n"

struct bad {
	const char *name, *fleet, *demand; /* NULL: a good one */
	const char *place, *part;          /* of the error */
};

static const struct bad bads[] = {
	{ "an empty fleet", "# nothing\n", NULL, "line 2", "no host in it" },
	{ "a key before any host", "count = 2\n", NULL, "line 1", "before the first" },
	{ "another section", "[gpu x]\n", NULL, "line 1", "is no section" },
	{ "a section that does not end", "[host x\n", NULL, "line 1", "is no section" },
	{ "a host without a name", "[host ]\n", NULL, "line 1", "a sort of host" },
	{ "a host twice", FLEET "\n[host a]\n", NULL, "line 5", "already, on line 1" },
	{ "a key twice", FLEET "count = 3\n", NULL, "line 4", "count twice" },
	{ "a key that is none", FLEET "colour = red\n", NULL, "line 4", "no key 'colour'" },
	{ "a line that is none", FLEET "what is this\n", NULL, "line 4", "neither" },
	{ "a host without GPUs", "\n[host a]\ncount = 2\n", NULL, "line 2", "has no gpus" },
	{ "a host without a count", "[host a]\ngpus = L40S\n[host b]\n", NULL, "line 1",
	  "has no count" },
	{ "a negative count", "[host a]\ncount = -1\n", NULL, "line 2", "not '-1'" },
	{ "10^9 hosts", "[host a]\ncount = 1000000000\n", NULL, "line 2", "0 to 20000" },
	{ "too many hosts in all",
	  "[host a]\ncount = 20000\ngpus = T4\n[host b]\ncount = 1\n", NULL, "line 5",
	  "20001 hosts" },
	{ "an unknown board", "[host a]\ncount = 1\ngpus = 4 x L49\n", NULL, "line 3",
	  "no board 'L49'" },
	{ "a board that is several", "[host a]\ncount = 1\ngpus = 4 x H100\n", NULL, "line 3",
	  "say which: NVIDIA H100" },
	{ "no GPUs of a board", "[host a]\ncount = 1\ngpus = 0 x L40S\n", NULL, "line 3",
	  "from 1 on" },
	{ "more GPUs than a host has", "[host a]\ncount = 1\ngpus = 9 x L40S, 8 x T4\n", NULL,
	  "line 3", "17 GPUs" },
	{ "2^64 GPUs", "[host a]\ncount = 1\ngpus = 18446744073709551616 x L40S\n", NULL, "line 3",
	  "from 1 on" },
	{ "a mode that is none", FLEET "mode = half\n", NULL, "line 4", "not 'half'" },
	{ "a mode that the board has not", FLEET "mode = mig\n", NULL, "line 1",
	  "L40S has no mode mig" },
	{ "no CPU", FLEET "cpus = 0\n", NULL, "line 4", "without a CPU" },
	{ "no RAM", FLEET "ram_gib = 0\n", NULL, "line 4", "without RAM" },
	{ "a label that is no name", FLEET "labels = a/b\n", NULL, "line 4", "label" },

	{ "an empty demand", NULL, "", "line 0", "empty" },
	{ "a demand without rows", NULL, "vm,profile\n", "", "asks for nothing" },
	{ "a missing column", NULL, "vm,count\nx,1\n", "line 1", "no column profile" },
	{ "a row without a name", NULL, "vm,profile\n,NVIDIA L40S-8Q\n", "line 2, column vm",
	  "needs a name" },
	{ "an unknown profile", NULL, ROW("", "NVIDIA L40S-8X"), "line 2, column profile",
	  "'NVIDIA L40S-8X' is no vGPU type" },
	{ "a profile of no size", NULL, ROW("", "compute:0"), "line 2, column profile",
	  "size from 1 GiB" },
	{ "a size that no board has", NULL, ROW("", "compute:777"), "line 2, column profile",
	  "no board has" },
	{ "no VMs", NULL, ROW(",count", "compute:8,0"), "line 2, column count", "0 VMs" },
	{ "negative VMs", NULL, ROW(",count", "compute:8,-4"), "line 2, column count", "'-4'" },
	{ "10^9 VMs", NULL, ROW(",count", "compute:8,1000000000"), "line 2, column count",
	  "1000000000 VMs up to here; a plan takes 1000000" },
	{ "10^9 VMs in two rows", NULL,
	  "vm,profile,count\nx,compute:8,1000000\ny,compute:8,9223372036854775807\n",
	  "line 3, column count", "VMs up to here" },
	{ "17 vGPUs", NULL, ROW(",vgpus", "compute:8,17"), "line 2, column vgpus", "0 to 16" },
	{ "no vGPU of a profile", NULL, ROW(",vgpus", "compute:8,0"), "line 2, column vgpus",
	  "leave the profile empty" },
	{ "two vGPUs of a series for one", NULL, ROW(",vgpus", "NVIDIA L40S-2B,2"),
	  "line 2, column vgpus", "C and Q" },
	{ "negative CPUs", NULL, ROW(",cpus", "compute:8,-1"), "line 2, column cpus", "'-1'" },
	{ "a negative start", NULL, ROW(",start", "compute:8,-5m"), "line 2, column start",
	  "-5m is before the beginning" },
	{ "a negative lifetime", NULL, ROW(",lifetime", "compute:8,-1"), "line 2, column lifetime",
	  "before the beginning" },
	{ "no lifetime at all", NULL, ROW(",lifetime", "compute:8,0s"), "line 2, column lifetime",
	  "never there" },
	{ "a time that is none", NULL, ROW(",start", "compute:8,noon"), "line 2, column start",
	  "not a time" },
	{ "a time that is not a number", NULL, ROW(",start", "compute:8,nan"),
	  "line 2, column start", "not a time" },
	{ "a time without end", NULL, ROW(",start", "compute:8,inf"), "line 2, column start",
	  "100 years" },
	{ "a rate of nothing", NULL, ROW(",rate", "compute:8,0"), "line 2, column rate",
	  "nothing ever comes" },
	{ "a negative rate", NULL, ROW(",rate", "compute:8,-1"), "line 2, column rate", "'-1'" },
	{ "a label that no host has", FLEET "labels = gold\n", ROW(",labels", "compute:8,silver"),
	  "line 2, column labels", "the fleet has gold" },
};

static void check_bad(void **state)
{
	const struct bad *b = *state;
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	struct needs needs = { 0 };
	struct error err = { 0 };
	int r = rig_read(b->fleet ? b->fleet : FLEET, b->demand ? b->demand : DEMAND, fleet,
			 &needs, &err);

	if (r == 0)
		fail_msg("%s was taken", b->name);
	if (strcmp(err.place, b->place) != 0 || !strstr(err.text, b->part))
		fail_msg("%s: at '%s': %s", b->name, err.place, err.text);
	assert_null(needs.rows);
	free(fleet);
}

static void a_fleet_is_read_as_it_stands(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	struct needs needs = { 0 };
	const struct fleet_sort *s = f->sorts;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(rig_read("; first\n  [host  big-1]  \r\ncount=3\n\tcpus = 64\n"
				  "ram_gib= 512\ngpus = 2 x l40s, NVIDIA A16\nmode = equal-size\n"
				  "labels = gold, hall-2\n[host b]\ncount = 0\ngpus = T4\n"
				  "mode = any\nlabels = hall-2", DEMAND, f, &needs, &err), 0);
	assert_int_equal(f->sorts_n, 2);
	assert_string_equal(s->name, "big-1");
	assert_int_equal(s->line, 2);
	assert_int_equal(s->count, 3);
	assert_int_equal(s->cpu_milli, 64000);
	assert_int_equal(s->ram_mib, 512 * 1024);
	assert_int_equal(s->gpus_n, 3);
	assert_string_equal(s->gpus[1]->name, "NVIDIA L40S");
	assert_string_equal(s->gpus[2]->name, "NVIDIA A16");
	assert_int_equal(s->labels, 3);
	assert_int_equal(s[1].labels, 2);
	assert_int_equal(s[1].mode, FLEET_MODE_ANY);
	assert_int_equal(s[1].cpu_milli, INT32_MAX);
	needs_done(&needs);
	free(f);
}

static void a_demand_is_read_as_it_stands(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	struct needs needs = { 0 };
	const struct need *n;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(rig_read(FLEET, "profile,vm,count,vgpus,cpus,ram_gib,start,lifetime,rate\n"
				  "compute:8,a,7,2,4,16,,,\n,b,,,1,2,1.5h,2d,\n"
				  "graphics,c,,,,,90,5m,0.5\n\"whole\",d,,,,,,,\n",
				  f, &needs, &err), 0);
	n = needs.rows;
	assert_int_equal(needs.n, 4);
	assert_string_equal(n[0].vm, "a");
	assert_int_equal(n[0].count, 7);
	assert_int_equal(n[0].vgpus, 2);
	assert_int_equal(n[0].cpu_milli, 4000);
	assert_int_equal(n[0].ram_mib, 16 * 1024);
	assert_int_equal(n[0].fb_mib, 8192);
	assert_false(n[0].timed);
	assert_int_equal(n[1].vgpus, 0);
	assert_int_equal(n[1].start_ms, 5400000);
	assert_int_equal(n[1].life_ms, 2 * 86400000);
	assert_true(n[1].timed);
	assert_int_equal(n[2].count, 0);
	assert_int_equal(n[2].start_ms, 90000);
	assert_int_equal(n[2].life_ms, 300000);
	assert_int_equal(n[2].fb_mib, 1024); /* the smallest Q type of the L40S */
	assert_int_equal(n[3].fb_mib, 49152);
	needs_done(&needs);
	free(f);
}

/* A file that says more than a plan can take is told by its line, and is not read to its end. */
static void a_file_without_end_is_refused_with_its_line(void **state)
{
	char *text = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(plan_read_file("/dev/zero", 1 << 20, &text, &err), -ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "line 1: the file goes on after 1 MiB"));
	assert_int_equal(plan_read_file("/dev/null/x", 1 << 20, &text, &err), -ERR_IO);
	assert_int_equal(plan_read_file("/nowhere/x", 1 << 20, &text, &err), -ERR_NOT_FOUND);
	assert_null(text);
}

static void bytes_that_are_no_text_are_refused_with_their_line(void **state)
{
	char name[] = "/tmp/facet-plan-XXXXXX";
	int fd = mkstemp(name);
	char *text = NULL;
	struct error err = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "vm\n\xff\n", 5), 5);
	assert_int_equal(plan_read_file(name, 1 << 20, &text, &err), -ERR_INVALID);
	assert_non_null(strstr(err.text, "line 2"));
	assert_int_equal(pwrite(fd, "vm\na\0", 5, 0), 5);
	assert_int_equal(plan_read_file(name, 1 << 20, &text, &err), -ERR_INVALID);
	assert_int_equal(pwrite(fd, "vm\nab", 5, 0), 5);
	assert_int_equal(plan_read_file(name, 1 << 20, &text, &err), 0);
	assert_string_equal(text, "vm\nab");
	free(text);
	close(fd);
	unlink(name);
}

enum { BADS = sizeof(bads) / sizeof(bads[0]), OTHERS = 4 };

int main(void)
{
	struct CMUnitTest tests[BADS + OTHERS] = {
		cmocka_unit_test(a_fleet_is_read_as_it_stands),
		cmocka_unit_test(a_demand_is_read_as_it_stands),
		cmocka_unit_test(a_file_without_end_is_refused_with_its_line),
		cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_line),
	};

	for (int i = 0; i < BADS; i++)
		tests[OTHERS + i] = (struct CMUnitTest){
			.name = bads[i].name,
			.test_func = check_bad,
			.initial_state = (void *)&bads[i],
		};
	return cmocka_run_group_tests_name("planner reading", tests, NULL, NULL);
}
