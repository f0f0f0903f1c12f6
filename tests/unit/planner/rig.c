/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int rig_read(const char *fleet, const char *demand, struct fleet *ret_fleet,
	     struct needs *ret_needs, struct error *err)
{
	cleanup(cleanup_free) char *f = strdup(fleet), *d = strdup(demand);
	int r = fleet_read("fleet", f, ret_fleet, err);

	return r < 0 ? r : needs_read("demand", d, ret_fleet, ret_needs, err);
}

struct plan *rig_plan(const char *fleet, const char *demand, const char *policy,
		      const char *fewest)
{
	cleanup(cleanup_free) char *f = strdup(fleet), *d = strdup(demand);
	struct plan_ask ask = {
		.fleet_file = "fleet", .needs_file = "demand", .fleet_text = f, .needs_text = d,
		.policy = policy, .fewest = fewest, .accept_milli = 100000,
		.how = { .seed = 1, .until_ms = 7ull * 86400 * 1000 },
	};
	struct plan *p = NULL;
	struct error err = { 0 };

	if (plan_make(&ask, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}
