/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sharing.h"

#define RO FIELD_READONLY

#define X(constant, word) word,
static const char *const preempts_words[] = { PREEMPTS(X) };
const struct names preempts_names = { preempts_words, PREEMPTS_COUNT };
#undef X

static const struct field quota_slots_rows[] = {
	FIELD(struct quota_slots, profile, FIELD_STRING, FIELD_REQUIRED,
	      "Profile name, * as wildcard"),
	FIELD_NUMBER(struct quota_slots, max, FIELD_U32, 0, 0, QUOTA_VGPUS_MAX,
		     "Most of them at a time; 0: no limit"),
	FIELD_NUMBER(struct quota_slots, guaranteed, FIELD_U32, 0, 0, QUOTA_VGPUS_MAX,
		     "So many it is sure of"),
	FIELD(struct quota_slots, used, FIELD_U32, RO, "So many it has now"),
};
const struct fields quota_slots_fields =
	FIELDS("row of slots", struct quota_slots, quota_slots_rows);

static const struct field tenant_rows[] = {
	FIELD(struct tenant, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED, "Name of the tenant"),
	FIELD(struct tenant, description, FIELD_TEXT, 0, "Who it is"),
	FIELD_NUMBER(struct tenant, limit_fb_gib, FIELD_U32, 0, 0, QUOTA_GIB_MAX,
		     "Most framebuffer at a time in GiB; 0: no limit"),
	FIELD_NUMBER(struct tenant, limit_vgpus, FIELD_U32, 0, 0, QUOTA_VGPUS_MAX,
		     "Most vGPUs at a time; 0: no limit"),
	FIELD_NUMBER(struct tenant, guaranteed_fb_gib, FIELD_U32, 0, 0, QUOTA_GIB_MAX,
		     "Framebuffer it is sure of, in GiB"),
	FIELD_NUMBER(struct tenant, guaranteed_vgpus, FIELD_U32, 0, 0, QUOTA_VGPUS_MAX,
		     "vGPUs it is sure of"),
	FIELD_ROWS(struct tenant, slots, slots_n, 0, 64, &quota_slots_fields,
		   "Limits and guarantees of certain profiles"),
	FIELD(struct tenant, used_fb_mib, FIELD_U64, RO, "Framebuffer it has now, in MiB"),
	FIELD(struct tenant, used_vgpus, FIELD_U32, RO, "vGPUs it has now"),
	FIELD(struct tenant, over, FIELD_STRING, RO, "Which limits it exceeds"),
};
const struct fields tenant_fields = FIELDS("tenant", struct tenant, tenant_rows);

static const struct field priority_class_rows[] = {
	FIELD(struct priority_class, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED,
	      "Name of the priority class"),
	FIELD(struct priority_class, description, FIELD_TEXT, 0, "What it is for"),
	FIELD_NUMBER(struct priority_class, value, FIELD_U32, FIELD_REQUIRED, 0, PRIORITY_MAX,
		     "Priority of its VMs; higher goes first"),
	FIELD_WORD(struct priority_class, preempts, 0, &preempts_names,
		   "Which VMs are stopped when there is no room"),
};
const struct fields priority_class_fields =
	FIELDS("priority class", struct priority_class, priority_class_rows);

static const struct field waiter_rows[] = {
	FIELD(struct waiter, id, FIELD_STRING, RO, "Id: its order is the order of turn"),
	FIELD(struct waiter, vm, FIELD_STRING, RO, "VM that is to be started"),
	FIELD(struct waiter, host, FIELD_STRING, RO, "Host"),
	FIELD(struct waiter, tenant, FIELD_STRING, RO, "Tenant of the VM"),
	FIELD(struct waiter, operation, FIELD_STRING, RO, "Operation that waits"),
	FIELD(struct waiter, by, FIELD_STRING, RO, "Who asked for it"),
	FIELD(struct waiter, position, FIELD_U32, RO, "Its turn; 1 is the next"),
	FIELD(struct waiter, priority, FIELD_U32, RO, "Priority"),
	FIELD(struct waiter, place, FIELD_U64, RO, "Order of arrival"),
	FIELD(struct waiter, since_ms, FIELD_I64, RO, "When it began to wait"),
	FIELD(struct waiter, deadline_ms, FIELD_I64, RO, "When it is given up; 0 never"),
	FIELD(struct waiter, first_ms, FIELD_I64, RO, "Since when it is first in line"),
	FIELD(struct waiter, preempting, FIELD_BOOL, RO, "VMs are being stopped for it"),
	FIELD(struct waiter, reclaiming, FIELD_BOOL, RO, "They are, for its tenant's guarantee"),
	FIELD(struct waiter, preempted_by, FIELD_STRING, RO, "VM that it had to make room for"),
	FIELD(struct waiter, force_ms, FIELD_I64, RO, "When its shutdown is forced; 0 never"),
	FIELD(struct waiter, kind, FIELD_STRING, RO, "Kind of the last refusal, for programs"),
	FIELD(struct waiter, waits_for, FIELD_STRING, RO, "The last refusal, in words"),
};
const struct fields waiter_fields = FIELDS("waiter", struct waiter, waiter_rows);

