/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the controller share; nobody else includes it.
 *
 *   command -> change (a set of edits, copied on first touch) -> memory and one store batch
 *
 * Memory runs ahead of the disk by the batches that are under way.  Each batch demands that the one
 * before it has landed (the key "meta/chain"), so that a failed batch takes all later ones with it;
 * then memory is read anew from the store.  Answers, watches and agents only ever see what is
 * durable.
 */
#pragma once

#include "controller/controller.h"
#include "controller/ledger.h"
#include "placement/placement.h"

/* ---- objects ---- */

struct object;
struct links {
	struct object **rows;
	size_t n, room;
};

struct object {
	enum object_kind kind;
	uint64_t touched;       /* host: when it last changed so that a waiter may fit; waiter: when
				 * it was last tried */
	uint64_t revision;      /* of the batch that wrote it, landed or on its way */
	void *data;
	char *id;               /* in the same allocation */
	/* Hosts, GPUs and VMs have these; of others there are tens of thousands: they end
	 * here. */
	struct links leases;    /* of a VM, of a GPU, of a host */
	struct links gpus, vms; /* of a host; VMs of a tenant too */
	char operation[UUID_TEXT_SIZE]; /* of a VM: the newest one, ended or not */
};

struct table {
	struct object **rows;   /* sorted by id */
	size_t n, room;
	struct object **slots;  /* the same by hash of the id: a claim looks for some thirty */
	size_t slots_n;         /* 0 or a power of two, at least twice n */
};

struct object *table_find(const struct table *t, const char *id);
size_t table_after(const struct table *t, const char *id); /* index of the first row above ID */
bool links_add(struct links *l, struct object *o);
void links_remove(struct links *l, const struct object *o);


struct controller {
	struct store *store;
	struct controller_config config;
	struct table tables[OBJECT_COUNT];
	struct placement_tables *placement; /* geometry worked out once; NULL: each time */
	json_t *answers;          /* key of the answer -> the answer; null while it is under way */
	int64_t answers_ms;       /* when old answers are looked for next */
	int64_t heard_since_ms;   /* memory is as old as this: before, nobody can have reported */
	uint64_t revision;        /* of the newest batch on its way */
	uint64_t durable;         /* of the newest batch that landed */
	uint64_t chain;           /* revision that wrote meta/chain last */
	uint64_t next_event;
	size_t pending;           /* batches on their way */
	bool broken;              /* a batch failed: nothing goes until all are answered */
	char broken_why[ERROR_TEXT_MAX];
	uint64_t touches;         /* counts what may let a waiter in, see queue.c */
	uint64_t touched_all;     /* the last of them that concerns every host */
	uint64_t queue_seen;      /* up to here every waiter has been tried */
	uint64_t last_place;      /* in the queue, that was given away */
	struct wanted_feed *feeds;
	json_t *domains;          /* host name -> list of domain reports, as last told; not kept */
};

/* Inserts or replaces in memory, keeping the links; takes DATA over. */
bool object_put(struct controller *c, enum object_kind kind, const char *id, void *data,
		uint64_t revision);
void object_remove(struct controller *c, enum object_kind kind, const char *id);
void objects_clear(struct controller *c);
const char *object_id_of(enum object_kind kind, const void *data, char buffer[GPU_ID_SIZE]);
int controller_load(struct controller *c, struct error *err);

/* Reads VALUE, as the store keeps it, into DATA, which is zeroed. */
int object_read(const struct fields *f, const char *value, void *data, struct error *err);

static inline struct object *controller_find(struct controller *c, enum object_kind kind,
					     const char *id)
{
	return table_find(&c->tables[kind], id);
}

static inline int64_t controller_now(struct controller *c)
{
	return clock_wall_ms(c->config.clock);
}

/* ---- changes ---- */

struct edit {
	enum object_kind kind;
	char id[GPU_ID_SIZE];
	void *data;             /* NULL: delete */
	struct object *object;  /* as it is now, NULL when new */
};

struct change {
	struct controller *c;
	const struct command *command;
	const char *by;
	int64_t now_ms;
	struct edit *edits;
	size_t n, room;
	bool failed;            /* out of memory: the commit says so */
	char (*forget)[UUID_TEXT_SIZE]; /* keys of kept answers that go */
	size_t forget_n;
	struct refusal *refusals; /* for the answer; freed with the change */
	size_t refusals_n;
	const struct thought *thought; /* NULL: what is so; see sharing.h */
};

void change_begin(struct change *ch, struct controller *c, const struct command *command);
void change_drop(struct change *ch);
/* Forgets all edits, but not the refusals. */
void change_restart(struct change *ch);

/* A batch of the store has an end.  What comes in numbers (a report, a tick) stops here and goes on
 * the next time; what one VM can add fits behind it. */
enum { CHANGE_EDITS_MAX = 700 };
static inline bool change_is_full(const struct change *ch)
{
	return ch->n + ch->forget_n >= CHANGE_EDITS_MAX;
}
DEFINE_CLEANUP(struct change *, change_drop)

/* What is so in the eyes of the change; NULL for none. */
const void *change_see(struct change *ch, enum object_kind kind, const char *id);
/* The same of an object at hand, without looking for it. */
const void *change_see_object(struct change *ch, const struct object *o);
/* A copy to write into; NULL when there is none, or memory ran out (then the commit fails). */
void *change_edit(struct change *ch, enum object_kind kind, const char *id);
/* A zeroed new one; never NULL but for memory. */
void *change_create(struct change *ch, enum object_kind kind, const char *id);
void change_delete(struct change *ch, enum object_kind kind, const char *id);
/* The answer kept under KEY goes, on disk too. */
void change_forget_answer(struct change *ch, const char *key);
void change_event(struct change *ch, const char *kind, const char *object, const char *host,
		  const char *vm, const char *fmt, ...) printf_like(6, 7);

/* Adds a reason to the answer. */
void change_refuse(struct change *ch, const char *code, const char *fmt, ...) printf_like(3, 4);

/* Ids of the leases of VM, or of GPU, in the eyes of the change; free(*ret). */
size_t change_leases_of_vm(struct change *ch, const char *vm, char (**ret)[LEASE_ID_SIZE]);
size_t change_leases_of_host(struct change *ch, const char *host, char (**ret)[LEASE_ID_SIZE]);

/* What an answer shows: the object KIND/ID as it is after the change. */
struct answer {
	enum object_kind kind;
	const char *id;         /* NULL: no body */
	bool accepted, created;
};

/* Checks the ledger, writes, and calls DONE when durable.  A dry run answers at once.  Consumes CH
 * whether it succeeds or not. */
void change_commit(struct change *ch, const struct answer *answer, outcome_fn *done, void *user);

/* Under which key the answer to COMMAND is kept for a client that asks again. */
void answer_key(const struct command *command, char key[UUID_TEXT_SIZE]);

/* After a failure of the store everything on its way fails too; when the last is answered, memory
 * is read anew.  Until that succeeds the controller stays broken, and each tick tries again. */
void controller_recover(struct controller *c);

/* Ends a command that changes nothing. */
void answer_error(outcome_fn *done, void *user, int r, const struct error *err,
		  const struct change *ch);

/* ---- commands: one function per row of the table in controller.c ---- */

typedef int command_fn(struct change *ch, struct answer *answer, struct error *err);
command_fn group_create, group_update, group_delete;
command_fn tenant_create, tenant_update, tenant_delete;
command_fn class_create, class_update, class_delete;
command_fn vm_create, vm_update, vm_delete, vm_attach, vm_detach, vm_adopt;
command_fn vm_start, vm_stop;
command_fn lease_release, operation_cancel;
command_fn host_update, host_delete, host_report;

/* ---- shared rules ---- */

/* Chooses slots for DEVICE of VM and writes reserved leases into CH.  Refusals go to CH.
 *   as placement_choose()
 *   QUOTA  its tenant would have more than it may */
int pool_reserve(struct change *ch, const struct vm *vm, const struct vm_device *device,
		 struct error *err);
/* What placement would say, for explanations. */
int pool_try(struct change *ch, const struct vm *vm, const struct vm_device *device,
	     struct placement_answer *ret, struct error *err);

/* Moves a lease and stamps it; a transition that the table does not have is a bug (assert). */
void lease_move(struct change *ch, struct lease *l, enum lease_state to, const char *reason);

/* ---- run.c ---- */

/* Whether VM could be started at all now: its host, and what its last run left.
 *   UNAVAILABLE BUSY */
int run_is_ready(struct change *ch, const struct vm *vm, struct error *err);
/* Reserves what VM asks for.
 *   as pool_reserve() */
int run_reserve(struct change *ch, const struct vm *vm, struct error *err);
/* Reserves and has it started; OP is its operation, NULL for none yet. */
int run_begin(struct change *ch, struct vm *vm, struct operation *op, struct answer *answer,
	      struct error *err);

/* The run of VM is over: its leases are held or released, as their groups say. */
void run_over(struct change *ch, struct vm *vm, bool hold, const char *why);
/* A start that can not come to its end: what was begun is taken back. */
void run_undo(struct change *ch, struct vm *vm, const char *why);
/* Leases that are not what VM's devices ask for (any more) go. */
void run_drop_unfit(struct change *ch, const struct vm *vm);
/* Every lease of VM that is not on its way out goes; WHY in words. */
void run_release(struct change *ch, const char *vm, const char *why);

/* The operation of a VM that runs or waits, NULL for none. */
struct operation *operation_of_vm(struct change *ch, const char *vm);
struct operation *operation_begin(struct change *ch, enum operation_kind kind, const struct vm *vm,
				  const char *const *steps, size_t steps_n);
void operation_step(struct change *ch, struct operation *op, const char *name,
		    enum step_state state, const char *fmt, ...) printf_like(5, 6);
void operation_fail(struct change *ch, struct operation *op, enum error_kind kind, const char *fmt,
		    ...) printf_like(4, 5);
/* The operation of VM has ended. */
void operation_end(struct change *ch, struct operation *op, enum operation_state state);
static inline bool operation_is_open(const struct operation *op)
{
	return op->state == OPERATION_STATE_RUNNING || op->state == OPERATION_STATE_WAITING;
}
/* Looks at VM and its leases and moves its operation on. */
void operation_advance(struct change *ch, const char *vm);

/* ---- rebalance.c ---- */

/* What single move would let VM start where it is: "one move frees a slot: ...".  False when none
 * would. */
bool rebalance_hint(struct controller *c, const char *vm, char *text, size_t size);

/* Tells the agent of HOST, or every agent, its wanted state anew. */
void feed_touch(struct controller *c, const char *host);

#include "controller/sharing.h"
