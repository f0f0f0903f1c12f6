/* SPDX-License-Identifier: Apache-2.0 */
/* Our devices in a domain are edited as a tree: the nodes that are not ours are never rebuilt, so
 * whatever libvirt, QEMU or the user put there survives, known to us or not. */
#include <libxml/parser.h>
#include <string.h>

#include "host/libvirt/domain_node.h"
#include "host/libvirt/domain_xml.h"

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define MIGRATION "enable-migration"

struct edit {
	const struct domain_edit *want;
	xmlDoc *doc;
	xmlNode *root, *devices;
	bool changed;
	struct error *err;
};

static const xmlChar *x(const char *s)
{
	return (const xmlChar *)s;
}

/* A node goes together with the blanks before it, so that no hole grows with every edit. */
static void node_remove(struct edit *e, xmlNode *node)
{
	xmlNode *before = node->prev;

	if (before && xmlIsBlankNode(before)) {
		xmlUnlinkNode(before);
		xmlFreeNode(before);
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
	e->changed = true;
}

static void node_set(struct edit *e, xmlNode *node, const char *name, const char *value)
{
	if (node_has(node, name, value))
		return;
	xmlSetProp(node, x(name), x(value));
	e->changed = true;
}

/* The child NAME of PARENT in NS, made when missing.  libxml2's allocation failures surface when
 * the text is written: what is missing then is missing in the tree, and define refuses it. */
static xmlNode *node_need(struct edit *e, xmlNode *parent, xmlNs *ns, const char *name)
{
	xmlNode *child = node_child(parent, name, ns ? (const char *)ns->href : NULL);

	if (child)
		return child;
	e->changed = true;
	child = xmlNewChild(parent, ns, x(name), NULL);
	/* xmlNewChild() lends the parent's namespace where it is given none. */
	if (child && !ns)
		xmlSetNs(child, NULL);
	return child;
}

static bool device_is_mdev(const struct host_device *d)
{
	return d->framework == FRAMEWORK_MDEV || d->framework == FRAMEWORK_MDEV_VF;
}

static bool device_is(const struct host_device *d, const struct domain_hostdev *h)
{
	return device_is_mdev(d) ? strcmp(d->mdev_uuid, h->mdev_uuid) == 0
				 : strcmp(d->address, h->pci) == 0;
}

static const char *device_words(const struct host_device *d)
{
	return device_is_mdev(d) ? d->mdev_uuid : d->address;
}

/* Refusals, before anything is changed. */

static int check_device(const struct host_device *d, struct error *err)
{
	char address[PCI_SIZE];

	if (d->framework <= FRAMEWORK_NONE || d->framework >= FRAMEWORK_COUNT)
		return error_set(err, ERR_INVALID, "device of framework %d", d->framework);
	if (!device_is_mdev(d))
		return pci_check_address(d->address, address, err);
	if (!uuid_is_valid(d->mdev_uuid))
		return error_set(err, ERR_INVALID, "mediated device '%s': not a UUID",
				 d->mdev_uuid);
	return 0;
}

static int check_devices(const struct domain_edit *want, struct error *err)
{
	int r;

	if (want->devices_n > DEVICE_COUNT_MAX)
		return error_set(err, ERR_INVALID, "%zu devices, a VM can have %d", want->devices_n,
				 DEVICE_COUNT_MAX);
	for (size_t i = 0; i < want->devices_n; i++) {
		r = check_device(&want->devices[i], err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(device_words(&want->devices[i]),
				   device_words(&want->devices[k])) == 0)
				return error_set(err, ERR_INVALID, "%s is named twice",
						 device_words(&want->devices[i]));
	}
	return 0;
}

static int check_foreign(const struct edit *e, const struct domain_hostdev *h)
{
	for (size_t i = 0; i < e->want->devices_n; i++)
		if (device_is(&e->want->devices[i], h))
			return error_set(e->err, ERR_CONFLICT,
					 "the domain already has a hostdev for %s that Facet did "
					 "not "
					 "make: remove it with 'virsh edit', then try again",
					 device_words(&e->want->devices[i]));
	if (h->managed && h->pci[0] && e->want->is_vgpu &&
	    e->want->is_vgpu(h->pci, e->want->user))
		return error_set(e->err, ERR_CONFLICT,
				 "the domain has a hostdev with managed='yes' for the vGPU "
				 "function "
				 "%s: libvirt would take the function from NVIDIA's driver and "
				 "destroy its vGPU; set managed='no' or remove it", h->pci);
	return 0;
}

static int check_hostdevs(const struct edit *e)
{
	struct domain_hostdev h;
	int r;

	for (xmlNode *n = e->devices->children; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE || n->ns)
			continue;
		if (strcmp((const char *)n->name, "hostdev") != 0 &&
		    strcmp((const char *)n->name, "interface") != 0)
			continue;
		if (!hostdev_read(n, &h) || h.ours)
			continue;
		r = check_foreign(e, &h);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One hostdev. */

static void source_set_pci(xmlNode *source, const char *address)
{
	xmlNode *node = xmlNewChild(source, NULL, x("address"), NULL);
	unsigned v[4];
	char text[16];
	static const struct {
		const char *name, *format;
	} parts[4] = { { "domain", "0x%04x" }, { "bus", "0x%02x" }, { "slot", "0x%02x" },
		       { "function", "0x%x" } };

	if (sscanf(address, "%x:%x:%x.%x", &v[0], &v[1], &v[2], &v[3]) != 4)
		return;
	for (size_t i = 0; i < 4; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), parts[i].format, v[i]);
#pragma GCC diagnostic pop
		xmlNewProp(node, x(parts[i].name), x(text));
	}
}

static void hostdev_set_source(struct edit *e, xmlNode *hostdev, const struct host_device *d)
{
	xmlNode *source = node_child(hostdev, "source", NULL);

	if (source)
		node_remove(e, source);
	source = xmlNewNode(NULL, x("source"));
	if (hostdev->children)
		xmlAddPrevSibling(hostdev->children, source);
	else
		xmlAddChild(hostdev, source);
	if (device_is_mdev(d))
		xmlNewProp(xmlNewChild(source, NULL, x("address"), NULL), x("uuid"),
			   x(d->mdev_uuid));
	else
		source_set_pci(source, d->address);
	e->changed = true;
}

static void hostdev_add(struct edit *e, size_t number, const struct host_device *d)
{
	xmlNode *hostdev = xmlNewChild(e->devices, NULL, x("hostdev"), NULL);
	char alias[32];

	snprintf(alias, sizeof(alias), "ua-facet-%zu", number);
	xmlNewProp(hostdev, x("mode"), x("subsystem"));
	xmlNewProp(hostdev, x("type"), x(device_is_mdev(d) ? "mdev" : "pci"));
	xmlNewProp(hostdev, x("managed"), x("no"));
	if (device_is_mdev(d)) {
		xmlNewProp(hostdev, x("model"), x("vfio-pci"));
		xmlNewProp(hostdev, x("display"), x("off"));
	}
	hostdev_set_source(e, hostdev, d);
	xmlNewProp(xmlNewChild(hostdev, NULL, x("alias"), NULL), x("name"), x(alias));
}

/* Brings one of our hostdevs to D.  Its kind can only change by making it anew: libvirt knows
 * attributes of one kind that the other must not have. */
static void hostdev_update(struct edit *e, xmlNode *hostdev, const struct host_device *d)
{
	struct domain_hostdev h;
	xmlNode *driver;

	node_set(e, hostdev, "managed", "no");
	driver = node_child(hostdev, "driver", NULL);
	if (driver)
		node_remove(e, driver);
	if (!hostdev_read(hostdev, &h) || !device_is(d, &h))
		hostdev_set_source(e, hostdev, d);
}

/* The first of our hostdevs NUMBER from N on, N included. */
static xmlNode *hostdev_find(xmlNode *n, size_t number)
{
	for (; n; n = node_next(n, "hostdev", NULL)) {
		char alias[64];
		size_t found;

		node_attribute(node_child(n, "alias", NULL), "name", alias, sizeof(alias));
		if (alias_number(alias, &found) && found == number)
			return n;
	}
	return NULL;
}

static void hostdev_set(struct edit *e, size_t number)
{
	const struct host_device *d =
		number < e->want->devices_n ? &e->want->devices[number] : NULL;
	xmlNode *hostdev = hostdev_find(node_child(e->devices, "hostdev", NULL), number);
	xmlNode *twin;

	/* libvirt lets no alias stand twice, but this text may not have seen libvirt yet. */
	while (hostdev && (twin = hostdev_find(node_next(hostdev, "hostdev", NULL), number)))
		node_remove(e, twin);
	if (hostdev && (!d || !node_has(hostdev, "type", device_is_mdev(d) ? "mdev" : "pci"))) {
		node_remove(e, hostdev);
		hostdev = NULL;
	}
	if (hostdev)
		hostdev_update(e, hostdev, d);
	else if (d)
		hostdev_add(e, number, d);
}

/* <qemu:override>: one property of each device that may migrate. */

static bool wants_migration(const struct edit *e, size_t number)
{
	return e->want->migration && number < e->want->devices_n &&
	       e->want->devices[number].framework != FRAMEWORK_PASSTHROUGH;
}

static xmlNode *override_device(xmlNode *override, const char *alias)
{
	xmlNode *n;

	for (n = node_child(override, "device", QEMU_NAMESPACE); n;
	     n = node_next(n, "device", QEMU_NAMESPACE))
		if (node_has(n, "alias", alias))
			return n;
	return NULL;
}

static xmlNode *override_property(xmlNode *frontend)
{
	xmlNode *n;

	for (n = node_child(frontend, "property", QEMU_NAMESPACE); n;
	     n = node_next(n, "property", QEMU_NAMESPACE))
		if (node_has(n, "name", MIGRATION))
			return n;
	return NULL;
}

static void override_add(struct edit *e, const char *alias)
{
	xmlNs *ns = xmlSearchNsByHref(e->doc, e->root, x(QEMU_NAMESPACE));
	xmlNode *override, *device, *property;

	if (!ns)
		ns = xmlNewNs(e->root, x(QEMU_NAMESPACE), x("qemu"));
	/* Somebody means something else by that prefix; libvirt goes by the name behind it. */
	if (!ns)
		ns = xmlNewNs(e->root, x(QEMU_NAMESPACE), x("facet-qemu"));
	override = node_need(e, e->root, ns, "override");
	device = override_device(override, alias);
	if (!device) {
		device = xmlNewChild(override, ns, x("device"), NULL);
		xmlNewProp(device, x("alias"), x(alias));
		e->changed = true;
	}
	device = node_need(e, device, ns, "frontend");
	property = override_property(device);
	if (!property) {
		property = xmlNewChild(device, ns, x("property"), NULL);
		xmlNewProp(property, x("name"), x(MIGRATION));
		e->changed = true;
	}
	node_set(e, property, "type", "string");
	node_set(e, property, "value", "on");
}

static xmlNode *remove_if_empty(struct edit *e, xmlNode *node)
{
	xmlNode *parent = node->parent;

	if (xmlChildElementCount(node) > 0)
		return NULL;
	node_remove(e, node);
	return parent;
}

/* Other properties of the same device, and other devices, are the user's and stay. */
static void override_remove(struct edit *e, const char *alias)
{
	xmlNode *override = node_child(e->root, "override", QEMU_NAMESPACE);
	xmlNode *device = override_device(override, alias);
	xmlNode *property = override_property(node_child(device, "frontend", QEMU_NAMESPACE));
	xmlNode *above;

	if (!property)
		return;
	above = property->parent;
	node_remove(e, property);
	while (above && above != e->root)
		above = remove_if_empty(e, above);
}

static void override_set(struct edit *e, size_t number)
{
	char alias[32];

	snprintf(alias, sizeof(alias), "ua-facet-%zu", number);
	if (wants_migration(e, number))
		override_add(e, alias);
	else
		override_remove(e, alias);
}

/* <metadata><facet:vm/></metadata> */
static void metadata_set(struct edit *e)
{
	xmlNode *metadata = node_child(e->root, "metadata", NULL);
	xmlNode *vm = node_child(metadata, "vm", DOMAIN_XML_NAMESPACE);
	xmlNs *ns;

	if (!vm == (e->want->devices_n == 0))
		return;
	if (vm) {
		node_remove(e, vm);
		if (xmlChildElementCount(metadata) == 0)
			node_remove(e, metadata);
		return;
	}
	vm = xmlNewChild(node_need(e, e->root, NULL, "metadata"), NULL, x("vm"), NULL);
	ns = xmlNewNs(vm, x(DOMAIN_XML_NAMESPACE), x("facet"));
	xmlSetNs(vm, ns);
	e->changed = true;
}

static int edit_write(const struct edit *e, char **ret)
{
	xmlBuffer *buffer = xmlBufferCreate();
	char *text;

	/* Without the declaration line: libvirt's own XML has none. */
	if (!buffer || xmlNodeDump(buffer, e->doc, e->root, 0, 0) < 0) {
		xmlBufferFree(buffer);
		return error_set(e->err, ERR_NO_MEMORY, "write domain XML: out of memory");
	}
	text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	if (!text)
		return error_set(e->err, ERR_NO_MEMORY, "write domain XML: out of memory");
	*ret = text;
	return 0;
}

static int edit_run(struct edit *e, char **ret)
{
	char *text = NULL;
	int r;

	e->root = xmlDocGetRootElement(e->doc);
	e->devices = node_child(e->root, "devices", NULL);
	if (!e->devices)
		return error_set(e->err, ERR_INVALID, "edit domain XML: it has no <devices>");
	r = check_hostdevs(e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < DEVICE_COUNT_MAX; i++) {
		hostdev_set(e, i);
		override_set(e, i);
	}
	metadata_set(e);
	if (e->changed) {
		r = edit_write(e, &text);
		if (r < 0)
			return r;
	}
	*ret = text;
	return 0;
}

int domain_xml_edit(const char *xml, size_t n, const struct domain_edit *edit, char **ret,
		    struct error *err)
{
	struct edit e = { .want = edit, .err = err };
	int r;

	r = check_devices(edit, err);
	if (r < 0)
		return r;
	r = domain_parse(xml, n, &e.doc, err);
	if (r < 0)
		return r;
	r = edit_run(&e, ret);
	xmlFreeDoc(e.doc);
	return r;
}
