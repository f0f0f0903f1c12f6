/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/nouns.h"

static void assert_address(const char *text, const char *expected)
{
	char out[PCI_SIZE];
	struct error err = { 0 };

	memset(out, 'x', sizeof(out));
	if (pci_check_address(text, out, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(out, expected);
}

static void full_addresses_are_made_lower_case(void **state)
{
	(void)state;
	assert_address("0000:41:00.0", "0000:41:00.0");
	assert_address("0001:C1:1F.7", "0001:c1:1f.7");
	assert_address("10000:e1:00.0", "10000:e1:00.0");
	assert_address("ABCDEF01:00:10.4", "abcdef01:00:10.4");
}

/* Two GPUs of two domains share the short form; on such a host it names the wrong one. */
static void other_forms_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"41:00.0",
		"000:41:00.0",
		"123456789:41:00.0",
		"0000:41:00",
		"0000:41:00.8",
		"0000:41:20.0",
		"0000:41:ff.0",
		"0000:4g:00.0",
		"000g:41:00.0",
		"0000:41:00.0 ",
		" 000:41:00.0",
		"0000:41:00.00",
		"0000-41-00.0",
		"0000:41:00:0",
		"0000:041:0.0",
		"0000:41:00.\xff",
		"../../../etc/x",
		"-001:41:00.0",
		"0x00:41:00.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char out[PCI_SIZE] = "before";
		struct error err = { 0 };

		if (pci_check_address(bad[i], out, &err) != -ERR_INVALID)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(out, "before");
		assert_non_null(strstr(err.text, "0000:41:00.0"));
	}
}

static void a_gpu_is_named_by_host_and_address(void **state)
{
	char id[GPU_ID_SIZE], longest[NAME_SIZE] = { 0 };

	(void)state;
	gpu_id_make("h1", "0000:41:00.0", id);
	assert_string_equal(id, "h1@0000:41:00.0");
	memset(longest, 'h', NAME_SIZE - 1);
	gpu_id_make(longest, "abcdef01:00:10.4", id);
	assert_int_equal(strlen(id), NAME_SIZE - 1 + 1 + 16);
	assert_string_equal(strrchr(id, '@'), "@abcdef01:00:10.4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_addresses_are_made_lower_case),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(a_gpu_is_named_by_host_and_address),
	};
	return cmocka_run_group_tests_name("nouns", tests, NULL, NULL);
}
