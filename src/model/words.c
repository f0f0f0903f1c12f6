/* SPDX-License-Identifier: Apache-2.0 */
#include "model/words.h"

#define X(constant, word) word,

static const char *const framework_words[] = { FRAMEWORKS(X) };
const struct names framework_names = { framework_words, FRAMEWORK_COUNT };

static const char *const gpu_mode_words[] = { GPU_MODES(X) };
const struct names gpu_mode_names = { gpu_mode_words, GPU_MODE_COUNT };

static const char *const gpu_health_words[] = { GPU_HEALTHS(X) };
const struct names gpu_health_names = { gpu_health_words, GPU_HEALTH_COUNT };

static const char *const series_words[] = { SERIES_LETTERS(X) };
const struct names series_names = { series_words, SERIES_COUNT };

static const char *const host_state_words[] = { HOST_STATES(X) };
const struct names host_state_names = { host_state_words, HOST_COUNT };

static const char *const lease_state_words[] = { LEASE_STATES(X) };
const struct names lease_state_names = { lease_state_words, LEASE_COUNT };

static const char *const vm_wanted_words[] = { VM_WANTEDS(X) };
const struct names vm_wanted_names = { vm_wanted_words, VM_WANTED_COUNT };

static const char *const vm_state_words[] = { VM_STATES(X) };
const struct names vm_state_names = { vm_state_words, VM_COUNT };

static const char *const operation_kind_words[] = { OPERATION_KINDS(X) };
const struct names operation_kind_names = { operation_kind_words, OPERATION_COUNT };

static const char *const operation_state_words[] = { OPERATION_STATES(X) };
const struct names operation_state_names = { operation_state_words, OPERATION_STATE_COUNT };

static const char *const step_state_words[] = { STEP_STATES(X) };
const struct names step_state_names = { step_state_words, STEP_COUNT };

static const char *const policy_words[] = { POLICIES(X) };
const struct names policy_names = { policy_words, POLICY_COUNT };

static const char *const role_words[] = { ROLES(X) };
const struct names role_names = { role_words, ROLE_COUNT };

static const char *const stop_how_words[] = { STOP_HOWS(X) };
const struct names stop_how_names = { stop_how_words, STOP_COUNT };

static const char *const result_words[] = { RESULTS(X) };
const struct names result_names = { result_words, RESULT_COUNT };

static const char *const vgpu_owner_words[] = { VGPU_OWNERS(X) };
const struct names vgpu_owner_names = { vgpu_owner_words, VGPU_OWNER_COUNT };
