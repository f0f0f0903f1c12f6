/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

static const struct field wanted_vm_rows[] = {
	FIELD(struct wanted_vm, name, FIELD_NAME, 0, "Domain"),
	FIELD(struct wanted_vm, uuid, FIELD_STRING, 0, "UUID of the domain"),
	FIELD_WORD(struct wanted_vm, wanted, 0, &vm_wanted_names, "Whether it should run"),
	FIELD_WORD(struct wanted_vm, stop_how, 0, &stop_how_names, "How to stop it"),
	FIELD(struct wanted_vm, start_after_boot, FIELD_BOOL, 0, "Run again after a reboot"),
	FIELD(struct wanted_vm, run, FIELD_U32, 0, "Counts its starts"),
	FIELD(struct wanted_vm, boot_id, FIELD_STRING, 0, "Boot in which the run was seen up"),
	FIELD(struct wanted_vm, managed, FIELD_BOOL, 0, "Its devices are Facet's to set"),
};
const struct fields wanted_vm_fields = FIELDS("wanted VM", struct wanted_vm, wanted_vm_rows);

static const struct field wanted_rows[] = {
	FIELD(struct wanted, host, FIELD_NAME, 0, "Host"),
	FIELD(struct wanted, revision, FIELD_U64, 0, "Revision of the store"),
	FIELD(struct wanted, now_ms, FIELD_I64, 0, "Clock of the controller"),
	FIELD_ROWS(struct wanted, leases, leases_n, 0, 0, &lease_fields, "Leases of the host"),
	FIELD_ROWS(struct wanted, vms, vms_n, 0, 0, &wanted_vm_fields, "VMs of the host"),
	FIELD_WORDS(struct wanted, vf_gpus, vf_gpus_n, 0, 0, "GPUs whose VFs are to be enabled"),
};
const struct fields wanted_fields = FIELDS("wanted state", struct wanted, wanted_rows);

static const struct field lease_report_rows[] = {
	FIELD(struct lease_report, id, FIELD_STRING, 0, "Lease"),
	FIELD(struct lease_report, generation, FIELD_U32, 0, "Its generation"),
	FIELD_WORD(struct lease_report, state, 0, &lease_state_names, "State on the host"),
	FIELD(struct lease_report, gone, FIELD_BOOL, 0, "It does not exist on the host"),
	FIELD_WORD(struct lease_report, result, 0, &result_names, "What the host did"),
	FIELD(struct lease_report, type_id, FIELD_U32, 0, "Type id read back"),
	FIELD(struct lease_report, placement, FIELD_U32, 0, "Placement id read back"),
	FIELD(struct lease_report, error_kind, FIELD_STRING, 0, "Kind of the failure"),
	FIELD(struct lease_report, reason, FIELD_STRING, 0, "The failure in words"),
};
const struct fields lease_report_fields =
	FIELDS("lease report", struct lease_report, lease_report_rows);

static const struct field vm_report_rows[] = {
	FIELD(struct vm_report, name, FIELD_STRING, 0, "Domain"),
	FIELD(struct vm_report, uuid, FIELD_STRING, 0, "UUID of the domain"),
	FIELD_WORD(struct vm_report, state, 0, &vm_state_names, "State"),
	FIELD(struct vm_report, run, FIELD_U32, 0, "Run that the host works on"),
	FIELD(struct vm_report, ended, FIELD_BOOL, 0, "The run is over"),
	FIELD(struct vm_report, start_failed, FIELD_BOOL, 0, "The run never came to life"),
	FIELD(struct vm_report, foreign, FIELD_BOOL, 0, "Unknown to Facet"),
	FIELD(struct vm_report, reason, FIELD_STRING, 0, "Why"),
	FIELD(struct vm_report, uses, FIELD_STRING, 0, "Its hostdevs"),
};
const struct fields vm_report_fields = FIELDS("VM report", struct vm_report, vm_report_rows);

static const struct field report_rows[] = {
	FIELD(struct report, host, FIELD_NAME, FIELD_REQUIRED, "Host"),
	FIELD(struct report, boot_id, FIELD_STRING, FIELD_REQUIRED, "Boot of the host"),
	FIELD(struct report, number, FIELD_U64, 0, "Grows within one life of the agent"),
	FIELD(struct report, revision, FIELD_U64, 0, "Wanted state that this answers"),
	{ .name = "facts", .kind = FIELD_OBJECT, .offset = offsetof(struct report, facts),
	  .sub = &host_fields, .says = "Facts of the host" },
	FIELD(struct report, has_inventory, FIELD_BOOL, 0, "facts and gpus are complete"),
	FIELD_ROWS(struct report, gpus, gpus_n, 0, 256, &gpu_fields, "GPUs of the host"),
	FIELD_ROWS(struct report, leases, leases_n, 0, 0, &lease_report_fields, "Leases"),
	FIELD_ROWS(struct report, vms, vms_n, 0, 0, &vm_report_fields, "VMs"),
};
const struct fields report_fields = FIELDS("report", struct report, report_rows);
