/* SPDX-License-Identifier: Apache-2.0 */
#include "facetd/settings.h"

#define TEXT(section, key, member, fallback, says) \
	{ section, key, CONFIG_STRING, offsetof(struct settings, member), fallback, 0, 0, says }
#define PATH(section, key, member, fallback, says) \
	{ section, key, CONFIG_PATH, offsetof(struct settings, member), fallback, 0, 0, says }
#define NUMBER(section, key, member, fallback, min, max, says) \
	{ section, key, CONFIG_NUMBER, offsetof(struct settings, member), fallback, min, max, says }

const struct config_item settings_items[] = {
	TEXT("store", "backend", backend, "sqlite",
	     "Where state is kept: sqlite, or memory for trials"),
	PATH("store", "path", path, "/var/lib/facet/facet.db", "File of the sqlite store"),
	PATH("listen", "unix", unix_path, "/run/facet/facetd.sock", "UNIX socket to listen at"),
	NUMBER("listen", "connections", connections, "4096", 1, 65536,
	       "Most connections at a time; each agent and each follower keeps one"),
	NUMBER("listen", "timeout_s", timeout_s, "30", 1, 3600,
	       "Seconds that a client may be silent, and that one request may take to arrive"),
	TEXT("auth", "group", group, "facet", "Members of this group may do everything"),
	TEXT("auth", "agent_user", agent_user, "facet-agent", "User that facet-agent runs as"),
	TEXT("auth", "agent_host", agent_host, "",
	     "The one host that agent may speak for; empty: any, as where one machine is all"),
	NUMBER("controller", "operation_timeout_s", operation_timeout_s, "600", 1, 86400,
	       "Seconds after which an operation is given up"),
	NUMBER("controller", "host_timeout_s", host_timeout_s, "30", 1, 86400,
	       "Seconds without a report after which a host is shown as lost"),
	NUMBER("controller", "events_kept", events_kept, "10000", 100, 1000000,
	       "How many events are kept"),
};
const size_t settings_n = sizeof(settings_items) / sizeof(settings_items[0]);
