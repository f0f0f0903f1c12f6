/* SPDX-License-Identifier: Apache-2.0 */
/* driver_suite.h - what every way of making vGPUs promises, said once and asked of each.
 *
 * Asked of the simulated host by test_driver.c, and of the real drivers on real files (the lab's
 * kernel module, or a GPU that nobody needs) by facet-driver-contract.  The GPU must be empty; it
 * is left empty.  No test library, so that it runs where only the program is.
 */
#pragma once

#include <stdio.h>

#include "host/request.h"

struct contract_target {
	const char *name;
	enum framework framework;
	char pf[PCI_SIZE];

	/* As the privileged half of an agent would; returns reply->r. */
	int (*execute)(struct contract_target *t, const struct host_request *q,
		       struct host_reply *reply);

	/* The GPU now, into *RET, which is zeroed. */
	int (*inventory)(struct contract_target *t, struct gpu *ret, struct error *err);

	/* Holds the device of V open as a VM does, or lets go of what is held; false: can not. */
	bool (*hold)(struct contract_target *t, const struct host_vgpu *v);
	void (*let_go)(struct contract_target *t);

	/* Makes V behind Facet's back; false: can not. */
	bool (*make_by_hand)(struct contract_target *t, const struct host_vgpu *v);
};

/* Asks everything, one TAP line per statement on OUT; returns how many did not hold. */
int driver_contract(struct contract_target *t, FILE *out);
