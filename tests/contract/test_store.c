/* SPDX-License-Identifier: Apache-2.0 */
/* The suite against the back ends that need nothing but a folder to write in. */
#include <stdio.h>
#include <stdlib.h>

#include "store_suite.h"

int main(void)
{
	char folder[] = "/tmp/facet-store-XXXXXX", path[64];
	struct store_factory memory = { .backend = "memory", .path = "", .keeps = false };
	struct store_factory sqlite = { .backend = "sqlite", .path = path, .keeps = true };
	int failed;

	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/store.db", folder);
	failed = store_suite(&memory);
	failed += store_suite(&sqlite);
	rmdir(folder);
	return failed ? 1 : 0;
}
