/* SPDX-License-Identifier: Apache-2.0 */
/* test_request.c - the privileged half believes nothing that it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/request.h"

#define UUID_A "11111111-2222-4333-8444-55555555555a"

static const struct host_request good_create = {
	.op = HOST_OP_VGPU_CREATE,
	.vgpu = { .framework = FRAMEWORK_VENDOR_VFIO,
		  .address = "0000:41:00.0",
		  .vf = "0000:41:00.4",
		  .profile = "NVIDIA L40S-8Q",
		  .params = "frame_rate_limiter=0,disable_vnc=1" },
};

static void refused_at(const struct host_request *q, const char *place)
{
	struct error err = { 0 };

	assert_int_equal(host_request_check(q, &err), -ERR_INVALID);
	assert_string_equal(err.place, place);
}

static void good_requests_pass(void **state)
{
	struct host_request q = good_create;

	(void)state;
	assert_int_equal(host_request_check(&q, NULL), 0);
	q.op = HOST_OP_VGPU_DESTROY;
	q.vgpu.profile[0] = '\0';
	assert_int_equal(host_request_check(&q, NULL), 0);
	q = good_create;
	q.vgpu = (struct host_vgpu){ .framework = FRAMEWORK_MDEV, .address = "mtty",
				     .mdev_uuid = UUID_A, .profile = "Dual port serial" };
	assert_int_equal(host_request_check(&q, NULL), 0);
	q = (struct host_request){ .op = HOST_OP_DOMAIN_START,
				   .vm_uuid = UUID_A,
				   .vm_name = "web01",
				   .devices_n = 1,
				   .devices = { { FRAMEWORK_PASSTHROUGH, "0000:17:00.0", "" } } };
	assert_int_equal(host_request_check(&q, NULL), 0);
	q = (struct host_request){ .op = HOST_OP_MODE_SET, .mode = GPU_MODE_MIXED,
				   .vgpu = { .framework = FRAMEWORK_VENDOR_VFIO,
					     .address = "0000:41:00.0" } };
	assert_int_equal(host_request_check(&q, NULL), 0);
}

/* Strings become parts of paths: nothing may climb out of a folder or run past its end. */
static void strings_that_are_no_addresses_are_refused(void **state)
{
	struct host_request q = good_create;

	(void)state;
	strcpy(q.vgpu.address, "../../../etc");
	refused_at(&q, "/vgpu/address");
	strcpy(q.vgpu.address, "41:00.0");
	refused_at(&q, "/vgpu/address");
	q = good_create;
	strcpy(q.vgpu.vf, "");
	refused_at(&q, "/vgpu/vf");
	strcpy(q.vgpu.vf, "0000:41:00.A");
	refused_at(&q, "/vgpu/vf");
	q = good_create;
	q.vgpu.framework = FRAMEWORK_MDEV;
	q.vgpu.vf[0] = '\0';
	strcpy(q.vgpu.mdev_uuid, "../remove");
	refused_at(&q, "/vgpu/mdev_uuid");
	strcpy(q.vgpu.mdev_uuid, "11111111-2222-4333-8444-55555555555A");
	refused_at(&q, "/vgpu/mdev_uuid");
	strcpy(q.vgpu.mdev_uuid, UUID_A);
	strcpy(q.vgpu.address, "..");
	refused_at(&q, "/vgpu/address");
	q = good_create;
	memset(q.vgpu.profile, 'x', sizeof(q.vgpu.profile));
	refused_at(&q, "");
	q = good_create;
	strcpy(q.vgpu.profile, "NVIDIA\nL40S");
	refused_at(&q, "/vgpu/profile");
	q = good_create;
	strcpy(q.vgpu.params, "a=1\n");
	refused_at(&q, "/vgpu/params");
}

static void numbers_out_of_range_are_refused(void **state)
{
	struct host_request q = good_create;

	(void)state;
	q.op = HOST_OP_COUNT;
	refused_at(&q, "/op");
	q.op = -1;
	refused_at(&q, "/op");
	q = good_create;
	q.vgpu.framework = FRAMEWORK_COUNT;
	refused_at(&q, "/vgpu/framework");
	q.vgpu.framework = FRAMEWORK_NONE;
	refused_at(&q, "/vgpu/framework");
	q = good_create;
	q.vgpu.adopt = 2;
	refused_at(&q, "/vgpu/adopt");
	q = good_create;
	q.devices_n = DEVICE_COUNT_MAX + 1;
	refused_at(&q, "/devices_n");
	q = (struct host_request){ .op = HOST_OP_MODE_SET, .mode = GPU_MODE_MIG };
	refused_at(&q, "/mode");
	q = (struct host_request){ .op = HOST_OP_DOMAIN_START,
				   .vm_uuid = UUID_A,
				   .vm_name = "web01",
				   .devices_n = 2,
				   .devices = { { FRAMEWORK_PASSTHROUGH, "0000:17:00.0", "" },
						{ FRAMEWORK_MDEV, "", "x" } } };
	refused_at(&q, "/devices/1");
	q.devices_n = 1;
	strcpy(q.vm_uuid, "web01");
	refused_at(&q, "/vm_uuid");
}

/* Every operation has a word, and the word leads back to it. */
static void operations_have_words(void **state)
{
	(void)state;
	for (int op = 0; op < HOST_OP_COUNT; op++) {
		int back = -1;

		assert_true(names_value(&host_op_names, names_word(&host_op_names, op), &back));
		assert_int_equal(back, op);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_pass),
		cmocka_unit_test(strings_that_are_no_addresses_are_refused),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(operations_have_words),
	};
	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
