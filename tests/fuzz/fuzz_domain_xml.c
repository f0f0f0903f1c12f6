/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a domain's XML is, an edit is refused, or it holds our devices and is then already
 * so. */
#include <stdint.h>
#include <string.h>

#include "host/libvirt/domain_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static const struct host_device devices[] = {
	{ FRAMEWORK_VENDOR_VFIO, "0001:41:00.4", "" },
	{ FRAMEWORK_MDEV, "0000:21:00.0", "c0ffee00-1111-4222-8333-444455556666" },
	{ FRAMEWORK_PASSTHROUGH, "0000:81:00.0", "" },
};

static void check_has_ours(const char *xml)
{
	struct domain_xml d;
	size_t ours = 0;

	require(domain_xml_read(xml, strlen(xml), &d, NULL) == 0);
	for (size_t i = 0; i < d.hostdevs_n; i++)
		ours += d.hostdevs[i].ours && !d.hostdevs[i].managed;
	require(d.facet && ours >= sizeof(devices) / sizeof(devices[0]));
	domain_xml_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_edit edit = { .devices = devices, .devices_n = 3, .migration = size % 2 };
	char *text = NULL, *again = NULL;
	struct error err = { 0 };
	struct domain_xml d;

	if (domain_xml_read((const char *)data, size, &d, &err) == 0)
		domain_xml_done(&d);
	else
		require(strlen(err.text) > 0);
	if (domain_xml_edit((const char *)data, size, &edit, &text, &err) < 0) {
		require(err.kind == ERR_INVALID || err.kind == ERR_CONFLICT);
		return 0;
	}
	if (!text)
		return 0;
	check_has_ours(text);
	require(domain_xml_edit(text, strlen(text), &edit, &again, &err) == 0);
	require(!again);
	free(text);
	return 0;
}
