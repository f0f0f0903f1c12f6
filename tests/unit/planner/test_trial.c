/* SPDX-License-Identifier: Apache-2.0 */
/* test_trial.c - who finds a place, and why the others do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planner/layout.h"
#include "rig.h"

#define HOST "[host a]\ncount = 1\n"

/* One demand that is short of one thing. */
struct lacking {
	const char *name, *fleet, *demand;
	uint32_t accepted;
	enum lack lack;
	uint32_t refused;
};

static const struct lacking lackings[] = {
	{ "an L40S takes six of 8 GiB, the seventh finds it full",
	  HOST "gpus = L40S\n", "vm,profile,count\nx,NVIDIA L40S-8Q,7\n", 6, LACK_FULL, 1 },
	{ "an equal-size GPU is of one size",
	  HOST "gpus = L40S\n", "vm,profile\nx,NVIDIA L40S-8Q\ny,NVIDIA L40S-4Q\n", 1, LACK_SIZE,
	  1 },
	{ "32 of 1 GiB are all that the L40S takes, whatever memory is left",
	  HOST "gpus = L40S\n", "vm,profile,count\nx,NVIDIA L40S-1Q,33\n", 32, LACK_FULL, 1 },
	{ "mixed-size: four of 8 GiB, and 16 GiB left in places of no use",
	  HOST "gpus = L40S\nmode = mixed-size\n", "vm,profile,count\nx,NVIDIA L40S-8Q,5\n", 4,
	  LACK_PLACE, 1 },
	{ "a type of another board",
	  HOST "gpus = L40S\n", "vm,profile,count\nx,NVIDIA A16-2B,3\n", 0, LACK_BOARD, 3 },
	{ "a type of another mode",
	  HOST "gpus = H100 PCIe 80GB\nmode = mig\n", "vm,profile\nx,NVIDIA H100-10C\n", 0,
	  LACK_BOARD, 1 },
	{ "the board is there, the label elsewhere",
	  HOST "gpus = L40S\n[host b]\ncount = 1\ngpus = T4\nlabels = gold\n",
	  "vm,profile,labels\nx,NVIDIA L40S-8Q,gold\n", 0, LACK_LABEL, 1 },
	{ "a board of which there are no hosts",
	  HOST "gpus = L40S\n[host b]\ncount = 0\ngpus = T4\n", "vm,profile\nx,GRID T4-2B\n", 0,
	  LACK_BOARD, 1 },
	{ "short of CPU", HOST "gpus = L40S\ncpus = 10\n",
	  "vm,profile,count,cpus\nx,NVIDIA L40S-8Q,4,4\n", 2, LACK_CPU, 2 },
	{ "short of RAM", HOST "gpus = L40S\ncpus = 100\nram_gib = 100\n",
	  "vm,profile,count,cpus,ram_gib\nx,NVIDIA L40S-8Q,4,4,40\n", 2, LACK_RAM, 2 },
	{ "short of CPU before RAM", HOST "gpus = L40S\ncpus = 1\nram_gib = 1\n",
	  "vm,profile,cpus,ram_gib\nx,NVIDIA L40S-8Q,4,40\n", 0, LACK_CPU, 1 },
	{ "room for each vGPU and for no pair",
	  "[host a]\ncount = 2\ngpus = L40S\n", "vm,profile,vgpus\nx,NVIDIA L40S-48Q,2\n", 0,
	  LACK_SPLIT, 1 },
	{ "a VM without a vGPU is short of RAM as any other", HOST "gpus = L40S\nram_gib = 8\n",
	  "vm,profile,count,ram_gib\nx,,3,4\n", 2, LACK_RAM, 1 },
	{ "a GPU that was cut for MIG", HOST "gpus = H100 PCIe 80GB\nmode = any\n",
	  "vm,profile\nx,NVIDIA H100-1-10C\ny,NVIDIA H100-10C\n", 1, LACK_SIZE, 1 },
	{ "seven slices, and the eighth gigabytes are left over",
	  HOST "gpus = H100 PCIe 80GB\nmode = mig\n", "vm,profile,count\nx,NVIDIA H100-1-10C,8\n",
	  7, LACK_PLACE, 1 },
	{ "a whole GPU", HOST "gpus = 2 x T4\nmode = passthrough\n",
	  "vm,profile,count\nx,whole,3\n", 2, LACK_FULL, 1 },
	{ "no whole GPU where they are cut", HOST "gpus = 2 x T4\n", "vm,profile\nx,whole\n", 0,
	  LACK_BOARD, 1 },
	{ "who leaves makes room", HOST "gpus = T4\n",
	  "vm,profile,start,lifetime\na,GRID T4-16Q,0,1h\nb,GRID T4-16Q,30m,1h\n"
	  "c,GRID T4-16Q,1h,1h\n", 2, LACK_FULL, 1 },
};

static void check_lack(void **state)
{
	static const char *const policies[] = { "first-fit", "pack", "fragmentation", "fgd" };
	const struct lacking *l = *state;

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct plan *p = rig_plan(l->fleet, l->demand, policies[i], NULL);
		const struct trial *t = &p->trial;

		if (t->accepted != l->accepted || t->refused[l->lack] != l->refused ||
		    t->asked != l->accepted + l->refused)
			fail_msg("%s: %s: %u of %u accepted, %u %s", l->name, policies[i],
				 t->accepted, t->asked, t->refused[l->lack], lack_words[l->lack]);
		plan_free(p);
	}
}

#define SITE                                                                              \
	"[host l]\ncount = 3\ncpus = 64\nram_gib = 256\ngpus = 2 x L40S\nmode = mixed-size\n" \
	"[host h]\ncount = 2\ncpus = 64\nram_gib = 512\ngpus = 2 x H100 PCIe 80GB, L40S\n"  \
	"mode = any\n"
#define CROWD                                                                             \
	"vm,profile,vgpus,cpus,ram_gib,lifetime,rate\n"                                   \
	"a,compute:8,1,2,8,5h,6\nb,compute:16,2,8,32,9h,1\nc,graphics:4,1,2,8,3h,9\n"         \
	"d,NVIDIA H100-2-20C,1,4,16,6h,1\n"

static void every_vm_is_accepted_or_refused_for_a_reason(void **state)
{
	struct plan *p = rig_plan(SITE, CROWD, "all", NULL);
	uint32_t sum, rows = 0;

	(void)state;
	assert_true(p->rows_n == policy_rows_n);
	for (size_t i = 0; i < p->rows_n; i++) {
		sum = p->rows[i].accepted;
		for (int k = LACK_NONE + 1; k < LACK_COUNT; k++)
			sum += p->rows[i].refused[k];
		assert_int_equal(sum, p->arrivals.n);
		assert_true(p->rows[i].accepted <= p->trial.accepted);
		assert_int_equal(p->rows[i].refused[LACK_NONE], 0);
	}
	for (size_t i = 0; i < p->needs.n; i++)
		rows += p->trial.row_accepted[i];
	assert_int_equal(rows, p->trial.accepted);
	assert_true(p->trial.accepted < p->trial.asked);
	plan_free(p);
}

static void the_same_seed_is_the_same_plan(void **state)
{
	struct plan *a = rig_plan(SITE, CROWD, "random", NULL);
	struct plan *b = rig_plan(SITE, CROWD, "random", NULL);

	(void)state;
	assert_int_equal(a->arrivals.n, b->arrivals.n);
	for (size_t i = 0; i < a->arrivals.n; i++) {
		assert_int_equal(a->trial.places[i].host, b->trial.places[i].host);
		assert_int_equal(a->trial.places[i].lack, b->trial.places[i].lack);
	}
	plan_free(a);
	plan_free(b);
}

/* Nothing that is drawn lies on something else, or over the edge of its GPU. */
static void what_is_drawn_does_not_overlap(void **state)
{
	static const char *const policies[] = { "fragmentation", "pack", "spread", "random" };
	struct layout l;

	(void)state;
	for (size_t k = 0; k < sizeof(policies) / sizeof(policies[0]); k++) {
		struct plan *p = rig_plan(SITE, CROWD, policies[k], NULL);

		assert_int_equal(layout_make(p, &l, NULL), 0);
		assert_true(l.n > 20);
		for (size_t i = 0; i < l.n; i++) {
			assert_true(l.pieces[i].from >= 0 && l.pieces[i].to <= 1.000001);
			assert_true(l.pieces[i].from < l.pieces[i].to);
			if (i > 0 && l.pieces[i].gpu == l.pieces[i - 1].gpu)
				assert_true(l.pieces[i].from >= l.pieces[i - 1].to - 1e-6);
		}
		layout_done(&l);
		plan_free(p);
	}
}

/* The samples end with the plan, and never go back. */
static void the_samples_tell_the_whole_story(void **state)
{
	struct plan *p = rig_plan(SITE, CROWD, "pack", NULL);
	const struct trial *t = &p->trial;
	uint64_t most = 0;

	(void)state;
	assert_int_equal(t->samples_n, TRIAL_SAMPLES);
	for (size_t i = 0; i < t->samples_n; i++) {
		if (i > 0) {
			assert_true(t->samples[i].asked >= t->samples[i - 1].asked);
			assert_true(t->samples[i].at_ms > t->samples[i - 1].at_ms);
		}
		most = t->samples[i].fb_mib > most ? t->samples[i].fb_mib : most;
	}
	assert_int_equal(t->samples[t->samples_n - 1].asked, t->asked);
	assert_int_equal(t->samples[t->samples_n - 1].accepted, t->accepted);
	assert_int_equal(most, t->fb_peak_mib);
	plan_free(p);
}

enum { LACKINGS = sizeof(lackings) / sizeof(lackings[0]), OTHERS = 4 };

int main(void)
{
	struct CMUnitTest tests[LACKINGS + OTHERS] = {
		cmocka_unit_test(every_vm_is_accepted_or_refused_for_a_reason),
		cmocka_unit_test(the_same_seed_is_the_same_plan),
		cmocka_unit_test(what_is_drawn_does_not_overlap),
		cmocka_unit_test(the_samples_tell_the_whole_story),
	};

	for (int i = 0; i < LACKINGS; i++)
		tests[OTHERS + i] = (struct CMUnitTest){
			.name = lackings[i].name,
			.test_func = check_lack,
			.initial_state = (void *)&lackings[i],
		};
	return cmocka_run_group_tests_name("planner trial", tests, NULL, NULL);
}
