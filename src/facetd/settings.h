/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what facetd can be told, as one table: file, command line, manual. */
#pragma once

#include "base/config.h"

struct settings {
	char *backend, *path;                     /* [store] */
	char *unix_path, *group, *agent_user, *agent_host;
	uint64_t connections, timeout_s;          /* [listen] */
	uint64_t operation_timeout_s, host_timeout_s, events_kept; /* [controller] */
};

extern const struct config_item settings_items[];
extern const size_t settings_n;
