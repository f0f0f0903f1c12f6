/* SPDX-License-Identifier: Apache-2.0 */
#include "model/nouns.h"

#include <ctype.h>
#include <string.h>

#define RO FIELD_READONLY

static const struct field gpu_type_rows[] = {
	FIELD(struct gpu_type, name, FIELD_STRING, 0, "Byte-exact name of the vGPU type"),
	FIELD(struct gpu_type, type_id, FIELD_U32, 0, "Numeric id of this host's driver"),
	FIELD(struct gpu_type, fb_mib, FIELD_U32, 0, "Framebuffer in MiB"),
	FIELD(struct gpu_type, max, FIELD_U32, 0, "Most of them on one empty GPU"),
	FIELD(struct gpu_type, creatable, FIELD_BOOL, 0, "The driver would make one now"),
};
const struct fields gpu_type_fields = FIELDS("GPU type", struct gpu_type, gpu_type_rows);

static const struct field gpu_vgpu_rows[] = {
	FIELD(struct gpu_vgpu, address, FIELD_STRING, 0, "VF, or the PF that an mdev hangs on"),
	FIELD(struct gpu_vgpu, mdev_uuid, FIELD_STRING, 0, "UUID of the mediated device"),
	FIELD(struct gpu_vgpu, profile, FIELD_STRING, 0, "Name of its vGPU type"),
	FIELD(struct gpu_vgpu, type_id, FIELD_U32, 0, "Numeric id of its vGPU type"),
	FIELD(struct gpu_vgpu, placement, FIELD_U32, 0, "Placement id; 4294967295 for none"),
	FIELD_WORD(struct gpu_vgpu, owner, 0, &vgpu_owner_names, "Who made it"),
	FIELD(struct gpu_vgpu, lease, FIELD_STRING, 0, "Its lease, when Facet made it"),
	FIELD(struct gpu_vgpu, vm, FIELD_STRING, 0, "VM that has it in its definition"),
	FIELD(struct gpu_vgpu, holder_pid, FIELD_U32, 0, "Process that holds it open"),
};
const struct fields gpu_vgpu_fields = FIELDS("vGPU", struct gpu_vgpu, gpu_vgpu_rows);

static const struct field gpu_rows[] = {
	FIELD(struct gpu, id, FIELD_STRING, RO, "HOST@PCI address"),
	FIELD(struct gpu, host, FIELD_STRING, RO, "Host it is in"),
	FIELD(struct gpu, address, FIELD_STRING, RO, "Full PCI address of the physical function"),
	FIELD(struct gpu, uuid, FIELD_STRING, RO, "NVML's UUID"),
	FIELD(struct gpu, board, FIELD_STRING, RO, "Board"),
	FIELD(struct gpu, pci_device, FIELD_STRING, RO, "PCI device id, four hex digits"),
	FIELD(struct gpu, pci_subsystem, FIELD_STRING, RO, "PCI subsystem id, four hex digits"),
	FIELD(struct gpu, driver, FIELD_STRING, RO, "Driver bound to it"),
	FIELD_WORD(struct gpu, framework, RO, &framework_names, "How vGPUs are made on it"),
	FIELD_WORD(struct gpu, mode, RO, &gpu_mode_names, "How it is cut"),
	FIELD_WORD(struct gpu, health, RO, &gpu_health_names, "Whether anything is placed on it"),
	FIELD(struct gpu, health_reason, FIELD_STRING, RO, "Why it is not ok"),
	FIELD(struct gpu, fb_mib, FIELD_U32, RO, "Framebuffer in MiB"),
	FIELD(struct gpu, numa, FIELD_I64, RO, "NUMA node, -1 for none"),
	FIELD(struct gpu, iommu_group, FIELD_U32, RO, "IOMMU group; 4294967295 for none"),
	FIELD(struct gpu, vf_total, FIELD_U32, RO, "SR-IOV functions it could have"),
	FIELD(struct gpu, vf_enabled, FIELD_U32, RO, "SR-IOV functions it has"),
	FIELD_WORDS(struct gpu, functions, functions_n, RO, 256,
		    "PCI addresses of the SR-IOV functions it has"),
	FIELD(struct gpu, poolable, FIELD_BOOL, RO, "Something can be leased from it"),
	FIELD(struct gpu, not_poolable, FIELD_STRING, RO, "Why not, with the remedy"),
	FIELD_ROWS(struct gpu, types, types_n, RO, 128, &gpu_type_fields,
		   "vGPU types its driver offers"),
	FIELD_ROWS(struct gpu, vgpus, vgpus_n, RO, 128, &gpu_vgpu_fields, "vGPUs that exist on it"),
};
const struct fields gpu_fields = FIELDS("GPU", struct gpu, gpu_rows);

static const struct field check_rows[] = {
	FIELD(struct check, name, FIELD_STRING, 0, "The precondition"),
	FIELD(struct check, ok, FIELD_BOOL, 0, "It holds"),
	FIELD(struct check, skipped, FIELD_BOOL, 0, "It could not be looked at, or does not apply"),
	FIELD(struct check, found, FIELD_STRING, 0, "What was found"),
	FIELD(struct check, remedy, FIELD_STRING, 0, "What to do"),
};
const struct fields check_fields = FIELDS("check", struct check, check_rows);

static const struct field host_rows[] = {
	FIELD(struct host, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED, "Name of the host"),
	FIELD_WORD(struct host, state, 0, &host_state_names, "Whether VMs may be started there"),
	FIELD(struct host, state_reason, FIELD_STRING, 0, "Why"),
	FIELD(struct host, boot_id, FIELD_STRING, RO, "The kernel's id of this boot"),
	FIELD(struct host, agent_version, FIELD_STRING, RO, "Version of facet-agent"),
	FIELD(struct host, driver_version, FIELD_STRING, RO, "Version of NVIDIA's host driver"),
	FIELD(struct host, kernel, FIELD_STRING, RO, "Kernel release"),
	FIELD(struct host, libvirt_version, FIELD_STRING, RO, "Version of libvirt"),
	FIELD(struct host, qemu_version, FIELD_STRING, RO, "Version of QEMU"),
	FIELD(struct host, cpus, FIELD_U32, RO, "Logical CPUs"),
	FIELD(struct host, numa_nodes, FIELD_U32, RO, "NUMA nodes"),
	FIELD(struct host, ram_mib, FIELD_U64, RO, "Memory in MiB"),
	FIELD(struct host, simulated, FIELD_BOOL, RO, "Not a machine: a simulation of one"),
	FIELD(struct host, last_report_ms, FIELD_I64, RO, "When its agent last reported"),
	FIELD_ROWS(struct host, checks, checks_n, RO, 64, &check_fields, "Preconditions"),
};
const struct fields host_fields = FIELDS("host", struct host, host_rows);

static const struct field group_rows[] = {
	FIELD(struct group, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED, "Name of the group"),
	FIELD(struct group, description, FIELD_TEXT, 0, "What it is for"),
	FIELD(struct group, filter, FIELD_TEXT, 0, "Which GPUs: a filter over device facts"),
	FIELD_WORD(struct group, mode, 0, &gpu_mode_names, "How its GPUs are cut"),
	FIELD_WORD(struct group, policy, 0, &policy_names, "How a GPU is chosen"),
	FIELD_WORDS(struct group, profiles, profiles_n, 0, 256,
		    "Profiles allowed, * as wildcard; none: all"),
	FIELD_NUMBER(struct group, hold_s, FIELD_U32, 0, 0, 31536000,
		     "Seconds that a lease outlives the run of its VM"),
	FIELD_NUMBER(struct group, overtake_s, FIELD_U32, 0, 0, 31536000,
		     "Seconds that the first in the queue may be overtaken; 0: 300"),
	FIELD_NUMBER(struct group, preempt_grace_s, FIELD_U32, 0, 0, 86400,
		     "Seconds a preempted guest has to shut down before it is forced; 0: 60"),
};
const struct fields group_fields = FIELDS("group", struct group, group_rows);

static const struct field vm_device_rows[] = {
	FIELD(struct vm_device, name, FIELD_NAME, 0, "Name within the VM, such as gpu0"),
	FIELD(struct vm_device, group, FIELD_NAME, FIELD_REQUIRED, "Resource group to draw from"),
	FIELD(struct vm_device, profile, FIELD_STRING, FIELD_REQUIRED,
	      "vGPU profile or workload class"),
	FIELD_NUMBER(struct vm_device, count, FIELD_U32, 0, 1, DEVICE_COUNT_MAX, "How many vGPUs"),
	FIELD(struct vm_device, optional, FIELD_BOOL, 0, "The VM may start without it"),
	FIELD(struct vm_device, params, FIELD_STRING, 0, "vGPU parameters, name=value with commas"),
};
const struct fields vm_device_fields = FIELDS("device", struct vm_device, vm_device_rows);

static const struct field vm_rows[] = {
	FIELD(struct vm, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED,
	      "Name of the libvirt domain"),
	FIELD(struct vm, uuid, FIELD_STRING, FIELD_FIXED, "UUID of the libvirt domain"),
	FIELD(struct vm, host, FIELD_NAME, FIELD_REQUIRED, "Host that has the domain"),
	FIELD(struct vm, tenant, FIELD_STRING, 0, "Tenant it belongs to"),
	FIELD_NUMBER(struct vm, priority, FIELD_U32, 0, 0, PRIORITY_MAX,
		     "Higher goes first; counts where there is no class"),
	FIELD(struct vm, priority_class, FIELD_STRING, 0, "Priority class"),
	FIELD(struct vm, preemptible, FIELD_BOOL, 0, "May be stopped to make room for others"),
	FIELD(struct vm, place, FIELD_U64, RO, "Its place by order of arrival"),
	FIELD_WORD(struct vm, wanted, RO, &vm_wanted_names, "Whether it should run"),
	FIELD_WORD(struct vm, stop_how, RO, &stop_how_names, "How it is being stopped"),
	FIELD(struct vm, start_after_boot, FIELD_BOOL, 0, "Run again after a reboot of its host"),
	FIELD(struct vm, run, FIELD_U32, RO, "Counts its starts"),
	FIELD_WORD(struct vm, state, RO, &vm_state_names, "State its host last reported"),
	FIELD(struct vm, state_reason, FIELD_STRING, RO, "Why it is in that state"),
	FIELD(struct vm, boot_id, FIELD_STRING, RO, "Boot of the host in which it last ran"),
	FIELD(struct vm, adopted, FIELD_BOOL, RO, "Existed before Facet knew it"),
	FIELD_ROWS(struct vm, devices, devices_n, 0, DEVICE_COUNT_MAX, &vm_device_fields,
		   "What it asks for"),
};
const struct fields vm_fields = FIELDS("VM", struct vm, vm_rows);

static const struct field lease_rows[] = {
	FIELD(struct lease, id, FIELD_STRING, RO, "Id of the lease"),
	FIELD(struct lease, vm, FIELD_STRING, RO, "VM it belongs to"),
	FIELD(struct lease, vm_uuid, FIELD_STRING, RO, "UUID of that VM"),
	FIELD(struct lease, device, FIELD_STRING, RO, "Device of the VM"),
	FIELD(struct lease, index, FIELD_U32, RO, "Which of the device's vGPUs"),
	FIELD(struct lease, group, FIELD_STRING, RO, "Group it was drawn from"),
	FIELD(struct lease, host, FIELD_STRING, RO, "Host"),
	FIELD(struct lease, gpu, FIELD_STRING, RO, "GPU"),
	FIELD(struct lease, address, FIELD_STRING, RO, "PCI address of the GPU"),
	FIELD_WORD(struct lease, framework, RO, &framework_names, "How the vGPU is made"),
	FIELD(struct lease, profile, FIELD_STRING, RO, "vGPU type"),
	FIELD(struct lease, fb_mib, FIELD_U32, RO, "Framebuffer in MiB"),
	FIELD(struct lease, placement, FIELD_U32, RO, "Placement id; 4294967295 for none"),
	FIELD(struct lease, vf, FIELD_STRING, RO, "Function that carries it"),
	FIELD(struct lease, mdev_uuid, FIELD_STRING, RO, "UUID of the mediated device"),
	FIELD(struct lease, params, FIELD_STRING, RO, "vGPU parameters"),
	FIELD(struct lease, generation, FIELD_U32, RO, "Grows with every owner of the slice"),
	FIELD_WORD(struct lease, state, RO, &lease_state_names, "Where it is in its life"),
	FIELD(struct lease, reason, FIELD_STRING, RO, "Why it is in that state"),
	FIELD(struct lease, adopted, FIELD_BOOL, RO, "The vGPU existed before Facet knew it"),
	FIELD(struct lease, created_ms, FIELD_I64, RO, "When it was reserved"),
	FIELD(struct lease, changed_ms, FIELD_I64, RO, "When its state last changed"),
	FIELD(struct lease, expires_ms, FIELD_I64, RO, "When it is taken back; 0 never"),
};
const struct fields lease_fields = FIELDS("lease", struct lease, lease_rows);

static const struct field step_rows[] = {
	FIELD(struct step, name, FIELD_STRING, RO, "The step"),
	FIELD_WORD(struct step, state, RO, &step_state_names, "Where it is"),
	FIELD(struct step, text, FIELD_STRING, RO, "What it does or why it failed"),
	FIELD(struct step, started_ms, FIELD_I64, RO, "When it began"),
	FIELD(struct step, ended_ms, FIELD_I64, RO, "When it ended"),
};
const struct fields step_fields = FIELDS("step", struct step, step_rows);

static const struct field refusal_rows[] = {
	FIELD(struct refusal, gpu, FIELD_STRING, RO, "GPU"),
	FIELD(struct refusal, code, FIELD_STRING, RO, "Reason, for programs"),
	FIELD(struct refusal, text, FIELD_STRING, RO, "Reason, for people"),
};
const struct fields refusal_fields = FIELDS("refusal", struct refusal, refusal_rows);

static const struct field operation_rows[] = {
	FIELD(struct operation, id, FIELD_STRING, RO, "Id of the operation"),
	FIELD_WORD(struct operation, kind, RO, &operation_kind_names, "What is being done"),
	FIELD_WORD(struct operation, state, RO, &operation_state_names, "Where it is"),
	FIELD(struct operation, vm, FIELD_STRING, RO, "VM"),
	FIELD(struct operation, host, FIELD_STRING, RO, "Host"),
	FIELD(struct operation, by, FIELD_STRING, RO, "Who asked for it"),
	FIELD(struct operation, run, FIELD_U32, RO, "Run of the VM"),
	FIELD(struct operation, cancel, FIELD_BOOL, RO, "Its end was asked for"),
	FIELD(struct operation, error_kind, FIELD_STRING, RO, "Kind of its error, for programs"),
	FIELD(struct operation, error, FIELD_STRING, RO, "Why it failed, with the remedy"),
	FIELD(struct operation, created_ms, FIELD_I64, RO, "When it was asked for"),
	FIELD(struct operation, ended_ms, FIELD_I64, RO, "When it ended"),
	FIELD(struct operation, deadline_ms, FIELD_I64, RO, "When it is given up"),
	FIELD_ROWS(struct operation, steps, steps_n, RO, 64, &step_fields, "Steps"),
	FIELD_ROWS(struct operation, refusals, refusals_n, RO, 0, &refusal_fields,
		   "Per GPU, why not"),
	FIELD_WORDS(struct operation, victims, victims_n, RO, 0,
		    "VMs that are stopped to make room"),
};
const struct fields operation_fields = FIELDS("operation", struct operation, operation_rows);

static const struct field event_rows[] = {
	FIELD(struct event, number, FIELD_U64, RO, "Grows with time"),
	FIELD(struct event, time_ms, FIELD_I64, RO, "When"),
	FIELD(struct event, kind, FIELD_STRING, RO, "What happened"),
	FIELD(struct event, object, FIELD_STRING, RO, "To what"),
	FIELD(struct event, host, FIELD_STRING, RO, "Host"),
	FIELD(struct event, vm, FIELD_STRING, RO, "VM"),
	FIELD(struct event, by, FIELD_STRING, RO, "Who did it"),
	FIELD(struct event, text, FIELD_STRING, RO, "In words"),
};
const struct fields event_fields = FIELDS("event", struct event, event_rows);

void gpu_id_make(const char *host, const char *address, char id[GPU_ID_SIZE])
{
	snprintf(id, GPU_ID_SIZE, "%.*s@%.*s", NAME_SIZE - 1, host, PCI_SIZE - 1, address);
}

/* Reads exactly N hex digits at S into OUT, lower case. */
static bool hex(const char *s, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return false;
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	return true;
}

int pci_check_address(const char *text, char ret[PCI_SIZE], struct error *err)
{
	size_t domain = strcspn(text, ":");
	const char *s = text + domain;
	char out[PCI_SIZE] = { 0 };

	if (domain >= 4 && domain <= 8 && strlen(text) == domain + 8 && hex(text, domain, out) &&
	    s[0] == ':' && hex(s + 1, 2, out + domain + 1) && s[3] == ':' &&
	    (s[4] == '0' || s[4] == '1') && hex(s + 4, 2, out + domain + 4) && s[6] == '.' &&
	    s[7] >= '0' && s[7] <= '7') {
		out[domain] = out[domain + 3] = ':';
		out[domain + 6] = '.';
		out[domain + 7] = s[7];
		memcpy(ret, out, sizeof(out));
		return 0;
	}
	return error_set(err, ERR_INVALID,
			 "'%.40s' is not a full PCI address such as 0000:41:00.0 (domain included)",
			 text);
}
