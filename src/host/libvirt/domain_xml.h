/* SPDX-License-Identifier: Apache-2.0 */
/* domain_xml.h - Facet's devices in a libvirt domain: read all of them, set ours, touch no other.
 *
 * A hostdev is ours when its alias is ua-facet-N (user aliases must begin with "ua-").  The domain
 * carries <facet:vm xmlns:facet="urn:facet:vm:1"/> in its metadata while it has any, so that the
 * hook knows such a VM even when the agent is down.  Text in, text out; no libvirt, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/request.h"

#define DOMAIN_XML_NAMESPACE "urn:facet:vm:1"
enum { DOMAIN_XML_MAX = 4 << 20 };

/* A hostdev as written, or the hostdev behind an <interface type='hostdev'>. */
struct domain_hostdev {
	char alias[64];
	char pci[PCI_SIZE];             /* "" for none: then mdev_uuid is set */
	char mdev_uuid[UUID_TEXT_SIZE];
	bool managed;                   /* libvirt would take it from its driver */
	bool ours;
};

struct domain_xml {
	char name[NAME_SIZE];           /* cut when longer */
	char uuid[UUID_TEXT_SIZE];
	bool facet;                     /* Facet's metadata is there */
	struct domain_hostdev *hostdevs;
	size_t hostdevs_n;
};

/* Reads the N bytes at XML; domain_xml_done() frees what is in *RET.  USB and SCSI hostdevs are
 * left out: they have no address that a vGPU could have.
 *   INVALID    not the XML of a domain, or it declares a document type
 *   TOO_LARGE  more than DOMAIN_XML_MAX bytes */
must_check int domain_xml_read(const char *xml, size_t n, struct domain_xml *ret,
			       struct error *err);
void domain_xml_done(struct domain_xml *d);

/* Which devices a domain is to have of us: all of them, in this order; none takes them away. */
struct domain_edit {
	const struct host_device *devices;
	size_t devices_n;
	/* QEMU is told enable-migration=on for vGPUs.  Such a domain does not start where the vGPU
	 * can not migrate, so this is the operator's choice. */
	bool migration;
	/* Whether the function at ADDRESS carries a vGPU now or could; NULL: only DEVICES do. */
	bool (*is_vgpu)(const char *address, void *user);
	void *user;
};

/* Sets our devices in the domain XML.  *RET is the new text, free()d by the caller; NULL when
 * nothing had to change.  A device that only moves to another function keeps its alias and its
 * place on the guest's bus, so that the guest's driver need not be installed again.
 *   INVALID    the XML or DEVICES are malformed, or one device is named twice
 *   CONFLICT   a hostdev that is not ours names one of DEVICES, or would have libvirt take a vGPU
 *              function from its driver (managed='yes'), which destroys the vGPU on it */
must_check int domain_xml_edit(const char *xml, size_t n, const struct domain_edit *edit,
			       char **ret, struct error *err);
