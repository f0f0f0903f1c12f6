/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h - owns the desired state: the ledger, the operations, who may have what.
 *
 * All state is in memory and comes from the store; every change is a command, checked and applied
 * at once, and answered when its batch is durable.  The controller reads no clock but the one it is
 * given, opens no socket, and touches no hardware.  One thread.
 */
#pragma once


#include "base/clock.h"
#include "base/json.h"
#include "model/nouns.h"
#include "store/store.h"
#include "wire/wire.h"

/* Kinds of objects that are kept and watched.  The key in the store is "WORD/ID". */
#define OBJECT_KINDS(X)                                \
	X(HOST, "host", "hosts", host)                 \
	X(GPU, "gpu", "gpus", gpu)                     \
	X(GROUP, "group", "groups", group)             \
	X(TENANT, "tenant", "tenants", tenant)         \
	X(PRIORITY_CLASS, "priority-class", "priority-classes", priority_class) \
	X(VM, "vm", "vms", vm)                         \
	X(LEASE, "lease", "leases", lease)             \
	X(OPERATION, "operation", "operations", operation) \
	X(WAITER, "waiter", "queue", waiter)           \
	X(EVENT, "event", "events", event)

enum object_kind {
#define X(constant, word, plural, noun) OBJECT_##constant,
	OBJECT_KINDS(X)
#undef X
	OBJECT_COUNT
};
extern const struct names object_kind_names;   /* singular */
extern const struct names object_plural_names;
const struct fields *object_fields(enum object_kind kind);

/* What can be asked for.  body: the JSON that comes with it, NULL where none is taken. */
#define COMMANDS(X)                                                                              \
	X(GROUP_CREATE, "group.create")   /* body: group */                                      \
	X(GROUP_UPDATE, "group.update")   /* id; body: group fields to change */                 \
	X(GROUP_DELETE, "group.delete")   /* id */                                               \
	X(TENANT_CREATE, "tenant.create") /* body: tenant */                                     \
	X(TENANT_UPDATE, "tenant.update") /* id; body: tenant fields to change */                \
	X(TENANT_DELETE, "tenant.delete") /* id */                                               \
	X(CLASS_CREATE, "priority-class.create") /* body: priority class */                      \
	X(CLASS_UPDATE, "priority-class.update") /* id; body: its fields to change */            \
	X(CLASS_DELETE, "priority-class.delete") /* id */                                        \
	X(VM_CREATE, "vm.create")         /* body: vm */                                         \
	X(VM_UPDATE, "vm.update")         /* id; body: vm fields to change */                    \
	X(VM_DELETE, "vm.delete")         /* id; forgets the VM, the domain stays */             \
	X(VM_ATTACH, "vm.attach")         /* id; body: device, and host where need be */ \
	X(VM_DETACH, "vm.detach")         /* id, sub = device name */                            \
	X(VM_START, "vm.start")           /* id; body: {"wait_s":N} or none -> operation */      \
	X(VM_STOP, "vm.stop")             /* id; body: {"how":"graceful|force"} -> operation */  \
	X(VM_ADOPT, "vm.adopt")           /* id; body: host, group; takes over its vGPUs */ \
	X(LEASE_RELEASE, "lease.release") /* id; ends a hold, retries a quarantine */            \
	X(OPERATION_CANCEL, "operation.cancel") /* id */                                         \
	X(HOST_UPDATE, "host.update")     /* id; body: state, state_reason */                    \
	X(HOST_DELETE, "host.delete")     /* id; only a host without leases */                   \
	X(HOST_REPORT, "host.report")     /* id; body: wire report; from an agent */

enum command_kind {
#define X(constant, word) COMMAND_##constant,
	COMMANDS(X)
#undef X
	COMMAND_COUNT
};
extern const struct names command_kind_names;

/* Who asks. */
struct actor {
	char name[NAME_SIZE];
	int role;            /* enum role */
	char host[NAME_SIZE]; /* of an agent: the one host it may speak for */
};

struct command {
	enum command_kind kind;
	struct actor actor;
	char id[GPU_ID_SIZE], sub[NAME_SIZE];
	const json_t *body;          /* borrowed */
	bool dry_run;                /* say what would happen, change nothing */
	uint64_t if_match;           /* revision the object must have; 0: any */
	char idempotency_key[128];   /* ""; the same key again gets the first answer again */
};

/* The answer.  Everything is borrowed for the time of the call. */
struct outcome {
	int r;                       /* 0 or -ERR_kind */
	const struct error *err;
	const char *body;            /* object or operation, with its revision, as JSON text; NULL
	                              * on failure and deletion */
	const char *id;              /* of that object; NULL or "" for none */
	bool accepted;               /* an operation goes on in the background */
	bool created;
	uint64_t revision;           /* of the object; its ETag */
	const struct refusal *refusals;
	size_t refusals_n;
	bool replayed;               /* an idempotency key brought an earlier answer */
};
typedef void outcome_fn(void *user, const struct outcome *o);

struct controller;
struct controller_config {
	const struct clock *clock;
	int64_t operation_timeout_ms;  /* 0: 10 minutes */
	int64_t host_timeout_ms;       /* silence after which a host is shown as lost; 0: 30 s */
	uint32_t events_kept;          /* 0: 10000 */
};

/* Reads everything from STORE, which must outlive the controller. */
must_check int controller_new(struct store *store, const struct controller_config *config,
			      struct controller **ret, struct error *err);
struct controller *controller_free(struct controller *c);
DEFINE_CLEANUP(struct controller *, controller_free)

/* Does COMMAND; DONE is called exactly once, from inside or later from store_dispatch().
 * Roles are the API's to check; that an agent speaks for its own host is checked here too. */
void controller_submit(struct controller *c, const struct command *command, outcome_fn *done,
		       void *user);

/* Expiry, time-outs, lost hosts.  Call when the time in *RET_NEXT_MS (wall clock) has come. */
void controller_tick(struct controller *c, int64_t *ret_next_ms);

/* Reading: what is so now.  NULL when there is no such object; borrowed until the next call that
 * changes anything. */
const void *controller_get(struct controller *c, enum object_kind kind, const char *id,
			   uint64_t *ret_revision);

/* Objects in order of id, those after AFTER ("" for all); stops when FN returns false. */
typedef bool object_fn(void *user, const void *object, const char *id, uint64_t revision);
void controller_each(struct controller *c, enum object_kind kind, const char *after, object_fn *fn,
		     void *user);
uint64_t controller_revision(struct controller *c);

/* New JSON documents, owned by the caller.
 *   NOT_FOUND */
must_check int controller_explain_vm(struct controller *c, const char *vm, json_t **ret,
				     struct error *err);
must_check int controller_explain_group(struct controller *c, const char *group, json_t **ret,
					struct error *err);
/* Moves that would make room: a plan, nothing is moved.
 *   NOT_FOUND  the group */
struct rebalance {
	const char *group;  /* NULL: each */
	uint32_t moves;     /* most; REBALANCE_MOVES_MAX */
	uint32_t budget_s;  /* most seconds that guests stand still, in all; 0: any */
};
enum { REBALANCE_MOVES_MAX = 50, REBALANCE_BUDGET_MAX = 86400 };
must_check int controller_rebalance(struct controller *c, const struct rebalance *ask,
				    json_t **ret, struct error *err);
json_t *controller_doctor(struct controller *c);   /* ledger's invariants, each host's checks */
json_t *controller_domains(struct controller *c);  /* domains that hosts report, known or foreign */
json_t *controller_profiles(struct controller *c); /* catalogue, with what drivers say otherwise */

/* Durable changes after revision AFTER: KIND, ID, the object as JSON or NULL when deleted.
 *   NOT_FOUND  history that far back is not kept: list, then watch from there */
struct controller_watch;
typedef void change_fn(void *user, enum object_kind kind, const char *id, const json_t *object,
		       uint64_t revision);
must_check int controller_watch(struct controller *c, uint64_t after, change_fn *fn, void *user,
				struct controller_watch **ret, struct error *err);
void controller_unwatch(struct controller_watch *w);

/* Calls FN with the wanted state of HOST as one line of JSON, at once when it is newer than AFTER
 * and again after each durable change of it.  An unknown host has an empty wanted state. */
struct wanted_feed;
typedef void wanted_fn(void *user, const char *line);
struct wanted_feed *controller_feed(struct controller *c, const char *host, uint64_t after,
				    wanted_fn *fn, void *user);
void controller_unfeed(struct wanted_feed *f);
