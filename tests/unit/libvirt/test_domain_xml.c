/* SPDX-License-Identifier: Apache-2.0 */
/* test_domain_xml.c - our devices come and go in a domain; everything else stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>

#include "host/libvirt/domain_xml.h"

#define HEAD                                                                          \
	"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
	"<name>web01</name><uuid>7a1f0b52-8a1e-4a1c-9d34-111111111111</uuid>"
#define USER_METADATA \
	"<metadata><app:x xmlns:app='http://app.example/1'>a &amp; b</app:x></metadata>"
#define USER_HOSTDEV                                                          \
	"<hostdev mode='subsystem' type='pci' managed='yes'><source><address " \
	"domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></source>"     \
	"<alias name='ua-nic'/></hostdev>"
#define USER_OVERRIDE                                                          \
	"<qemu:override><qemu:device alias='ua-nic'><qemu:frontend><qemu:property " \
	"name='x-no-mmap' type='bool' value='true'/></qemu:frontend></qemu:device></qemu:override>"
#define TAIL "</domain>"

/* A domain as users have them: comments, CDATA, foreign namespaces, things we do not know. */
static const char users[] =
	HEAD USER_METADATA "<memory unit='KiB'>65536</memory><!-- keep me "
			   "--><description><![CDATA[<b>]]></description><devices>\n    <disk "
			   "type='file'/>\n    " USER_HOSTDEV
			   "\n    <hostdev mode='subsystem' type='usb'><source><vendor "
			   "id='0x1234'/></source></hostdev>\n    <graphics type='vnc' "
			   "passwd='s3cret&quot;'/>\n  </devices>\n  <future "
			   "knob='1'/>" USER_OVERRIDE TAIL;

static const struct host_device vf4 = { FRAMEWORK_VENDOR_VFIO, "0001:41:00.4", "" };
static const struct host_device vf5 = { FRAMEWORK_VENDOR_VFIO, "0001:41:00.5", "" };
static const struct host_device whole = { FRAMEWORK_PASSTHROUGH, "0000:81:00.0", "" };
static const struct host_device mdev = { FRAMEWORK_MDEV, "0000:21:00.0",
					 "c0ffee00-1111-4222-8333-444455556666" };

static int edit(const char *xml, const struct host_device *devices, size_t n, bool migration,
		char **ret, struct error *err)
{
	struct domain_edit e = { .devices = devices, .devices_n = n, .migration = migration };

	return domain_xml_edit(xml, strlen(xml), &e, ret, err);
}

static char *edited(const char *xml, const struct host_device *devices, size_t n, bool migration)
{
	struct error err = { 0 };
	char *text = NULL;

	if (edit(xml, devices, n, migration, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

/* Two texts mean the same: equal in canonical form once blanks between elements are gone. */
static char *canonical(const char *xml)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "t", NULL, XML_PARSE_NOBLANKS);
	xmlChar *out = NULL;
	char *copy;

	assert_non_null(doc);
	assert_true(xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_1, NULL, 1, &out) > 0);
	copy = strdup((char *)out);
	xmlFree(out);
	xmlFreeDoc(doc);
	return copy;
}

static void assert_same_xml(const char *a, const char *b)
{
	char *ca = canonical(a), *cb = canonical(b);

	assert_string_equal(ca, cb);
	free(ca);
	free(cb);
}

/* A guest's owner must find everything as he left it once Facet has gone again. */
static void what_is_not_ours_survives_coming_and_going(void **state)
{
	const struct host_device both[] = { vf4, mdev };
	char *with = edited(users, both, 2, true), *without;

	(void)state;
	assert_non_null(with);
	without = edited(with, NULL, 0, true);
	assert_non_null(without);
	assert_same_xml(without, users);
	free(with);
	free(without);
}

static void an_edited_domain_is_exactly_the_old_one_and_ours(void **state)
{
	const struct host_device both[] = { vf4, mdev };
	static const char expected[] = HEAD
		"<metadata><app:x xmlns:app='http://app.example/1'>a &amp; b</app:x>"
		"<facet:vm xmlns:facet='urn:facet:vm:1'/></metadata>"
		"<memory unit='KiB'>65536</memory><!-- keep me --><description><![CDATA[<b>]]>"
		"</description><devices><disk type='file'/>" USER_HOSTDEV
		"<hostdev mode='subsystem' type='usb'><source><vendor "
		"id='0x1234'/></source></hostdev>"
		"<graphics type='vnc' passwd='s3cret&quot;'/><hostdev mode='subsystem' type='pci' "
		"managed='no'><source><address domain='0x0001' bus='0x41' slot='0x00' "
		"function='0x4'/></source><alias name='ua-facet-0'/></hostdev>"
		"<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='off'>"
		"<source><address uuid='c0ffee00-1111-4222-8333-444455556666'/></source>"
		"<alias name='ua-facet-1'/></hostdev></devices><future knob='1'/>"
		"<qemu:override><qemu:device alias='ua-nic'><qemu:frontend><qemu:property "
		"name='x-no-mmap' type='bool' value='true'/></qemu:frontend></qemu:device>"
		"<qemu:device alias='ua-facet-0'><qemu:frontend><qemu:property "
		"name='enable-migration' type='string' value='on'/></qemu:frontend></qemu:device>"
		"<qemu:device alias='ua-facet-1'><qemu:frontend><qemu:property "
		"name='enable-migration' type='string' value='on'/></qemu:frontend></qemu:device>"
		"</qemu:override>" TAIL;
	char *with = edited(users, both, 2, true);

	(void)state;
	assert_same_xml(with, expected);
	free(with);
}

/* UNCHANGED is what a repeated step answers; a definition written for nothing is a lost race. */
static void an_edit_that_is_already_so_writes_nothing(void **state)
{
	const struct host_device both[] = { vf4, mdev };
	char *with = edited(users, both, 2, true);

	(void)state;
	assert_null(edited(with, both, 2, true));
	assert_null(edited(users, NULL, 0, true));
	free(with);
}

/* The guest sees its vGPU at the same place when the host moved it to another function. */
static void a_moved_device_keeps_its_place_in_the_guest(void **state)
{
	static const char before[] =
		HEAD "<metadata><facet:vm xmlns:facet='urn:facet:vm:1'/></metadata><devices>"
		     "<hostdev mode='subsystem' type='pci' managed='no'><source><address "
		     "domain='0x0001' bus='0x41' slot='0x00' function='0x4'/></source><alias "
		     "name='ua-facet-0'/><address type='pci' domain='0x0000' bus='0x07' "
		     "slot='0x00' function='0x0'/></hostdev></devices>" TAIL;
	static const char after[] =
		HEAD "<metadata><facet:vm xmlns:facet='urn:facet:vm:1'/></metadata><devices>"
		     "<hostdev mode='subsystem' type='pci' managed='no'><source><address "
		     "domain='0x0001' bus='0x41' slot='0x00' function='0x5'/></source><alias "
		     "name='ua-facet-0'/><address type='pci' domain='0x0000' bus='0x07' "
		     "slot='0x00' function='0x0'/></hostdev></devices>" TAIL;
	char *text = edited(before, &vf5, 1, false);

	(void)state;
	assert_same_xml(text, after);
	free(text);
}

static void a_device_that_changes_its_kind_is_made_anew(void **state)
{
	char *a = edited(users, &vf4, 1, false), *b = edited(a, &mdev, 1, false), *c;

	(void)state;
	assert_null(strstr(b, "0x41"));
	assert_non_null(strstr(b, "display=\"off\""));
	c = edited(b, &whole, 1, false);
	assert_null(strstr(c, "c0ffee00"));
	free(a);
	free(b);
	free(c);
}

/* A whole GPU cannot migrate; telling QEMU so would stop the VM from starting. */
static void a_whole_gpu_is_never_told_to_migrate(void **state)
{
	static const char plain[] = HEAD "<devices/>" TAIL;
	char *text = edited(plain, &whole, 1, true);

	(void)state;
	assert_null(strstr(text, "enable-migration"));
	free(text);
}

static void a_users_property_on_our_device_stays(void **state)
{
	static const char mine[] = HEAD "<devices/><qemu:override><qemu:device alias='ua-facet-0'>"
		"<qemu:frontend><qemu:property name='x-pci-vendor-id' type='unsigned' value='1'/>"
		"</qemu:frontend></qemu:device></qemu:override>" TAIL;
	char *with = edited(mine, &vf4, 1, true), *without;

	(void)state;
	assert_non_null(strstr(with, "enable-migration"));
	assert_non_null(strstr(with, "x-pci-vendor-id"));
	without = edited(with, NULL, 0, true);
	assert_same_xml(without, mine);
	free(with);
	free(without);
}

/* libvirt would take a managed function from its driver; ours are put right whoever changed
 * them. */
static void ours_become_unmanaged_again(void **state)
{
	char *with = edited(users, &vf4, 1, false), *bent, *fixed;

	(void)state;
	bent = strstr(with, "managed=\"no\"");
	assert_non_null(bent);
	memcpy(bent, "managed='ye'", 12);
	fixed = edited(with, &vf4, 1, false);
	assert_non_null(strstr(fixed, "managed=\"no\""));
	free(with);
	free(fixed);
}

static void a_users_hostdev_for_our_device_is_refused(void **state)
{
	static const struct host_device nic = { FRAMEWORK_VENDOR_VFIO, "0000:05:00.0", "" };
	static const char with_mdev[] = HEAD "<devices><hostdev mode='subsystem' type='mdev' "
		"model='vfio-pci'><source><address uuid='C0FFEE00-1111-4222-8333-444455556666'/>"
		"</source></hostdev></devices>" TAIL;
	struct error err = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(edit(users, &nic, 1, false, &text, &err), -ERR_CONFLICT);
	assert_non_null(strstr(err.text, "0000:05:00.0"));
	assert_int_equal(edit(with_mdev, &mdev, 1, false, &text, &err), -ERR_CONFLICT);
	assert_null(text);
}

static bool only_the_nic(const char *address, void *user)
{
	(void)user;
	return strcmp(address, "0000:05:00.0") == 0;
}

static void a_managed_vgpu_function_is_refused(void **state)
{
	struct domain_edit e = { .devices = &vf4, .devices_n = 1, .is_vgpu = only_the_nic };
	struct error err = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(domain_xml_edit(users, strlen(users), &e, &text, &err), -ERR_CONFLICT);
	assert_non_null(strstr(err.text, "managed='yes'"));
	assert_null(text);
}

static void malformed_wishes_are_refused(void **state)
{
	const struct host_device twice[] = { vf4, vf4 };
	static const struct host_device odd = { FRAMEWORK_MDEV, "", "not-a-uuid" };
	static const struct host_device none = { FRAMEWORK_NONE, "0000:05:00.0", "" };
	struct error err = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(edit(users, twice, 2, false, &text, &err), -ERR_INVALID);
	assert_int_equal(edit(users, &odd, 1, false, &text, &err), -ERR_INVALID);
	assert_int_equal(edit(users, &none, 1, false, &text, &err), -ERR_INVALID);
}

static void what_is_no_domain_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {
		"", "<domain>", "<network/>", "<domain><devices></domain>", "not xml",
		"<!DOCTYPE d [<!ENTITY a 'b'>]><domain><devices/></domain>",
		"<domain xmlns='urn:other'><devices/></domain>", "<domain/>",
		"<domain><devices/><qemu:override/></domain>",
	};
	struct error err = { 0 };
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(edit(bad[i], &vf4, 1, false, &text, &err), -ERR_INVALID);
	assert_int_equal(edit("<domain>\n<a>\n</domain>", &vf4, 1, false, &text, &err),
			 -ERR_INVALID);
	assert_string_equal(err.place, "line 3");
	assert_null(text);
}

static void the_reader_lists_what_a_domain_uses(void **state)
{
	static const char net[] = HEAD "<devices><interface type='hostdev' managed='yes'><source>"
		"<address type='pci' domain='0' bus='6' slot='0x10' function='3'/></source>"
		"</interface></devices>" TAIL;
	char *with = edited(users, &mdev, 1, false);
	struct domain_xml d;

	(void)state;
	assert_int_equal(domain_xml_read(with, strlen(with), &d, NULL), 0);
	assert_string_equal(d.name, "web01");
	assert_string_equal(d.uuid, "7a1f0b52-8a1e-4a1c-9d34-111111111111");
	assert_true(d.facet);
	assert_int_equal(d.hostdevs_n, 2);
	assert_string_equal(d.hostdevs[0].pci, "0000:05:00.0");
	assert_string_equal(d.hostdevs[0].alias, "ua-nic");
	assert_true(d.hostdevs[0].managed);
	assert_false(d.hostdevs[0].ours);
	assert_string_equal(d.hostdevs[1].mdev_uuid, mdev.mdev_uuid);
	assert_true(d.hostdevs[1].ours);
	domain_xml_done(&d);
	free(with);

	assert_int_equal(domain_xml_read(net, strlen(net), &d, NULL), 0);
	assert_int_equal(d.hostdevs_n, 1);
	assert_string_equal(d.hostdevs[0].pci, "0000:06:10.3");
	assert_false(d.facet);
	domain_xml_done(&d);
}

static void numbers_out_of_range_are_no_address(void **state)
{
	static const char odd[] = HEAD "<devices>"
		"<hostdev type='pci'><source><address bus='0x100'/></source></hostdev>"
		"<hostdev type='pci'><source><address slot='-1'/></source></hostdev>"
		"<hostdev type='pci'><source><address function='9'/></source></hostdev>"
		"<hostdev type='mdev'><source><address uuid='zz'/></source></hostdev>"
		"<hostdev type='pci'><source/></hostdev></devices>" TAIL;
	struct domain_xml d;

	(void)state;
	assert_int_equal(domain_xml_read(odd, strlen(odd), &d, NULL), 0);
	assert_int_equal(d.hostdevs_n, 0);
	domain_xml_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_ours_survives_coming_and_going),
		cmocka_unit_test(an_edited_domain_is_exactly_the_old_one_and_ours),
		cmocka_unit_test(an_edit_that_is_already_so_writes_nothing),
		cmocka_unit_test(a_moved_device_keeps_its_place_in_the_guest),
		cmocka_unit_test(a_device_that_changes_its_kind_is_made_anew),
		cmocka_unit_test(a_whole_gpu_is_never_told_to_migrate),
		cmocka_unit_test(a_users_property_on_our_device_stays),
		cmocka_unit_test(ours_become_unmanaged_again),
		cmocka_unit_test(a_users_hostdev_for_our_device_is_refused),
		cmocka_unit_test(a_managed_vgpu_function_is_refused),
		cmocka_unit_test(malformed_wishes_are_refused),
		cmocka_unit_test(what_is_no_domain_is_refused_with_its_line),
		cmocka_unit_test(the_reader_lists_what_a_domain_uses),
		cmocka_unit_test(numbers_out_of_range_are_no_address),
	};
	return cmocka_run_group_tests_name("domain_xml", tests, NULL, NULL);
}
