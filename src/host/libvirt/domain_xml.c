/* SPDX-License-Identifier: Apache-2.0 */
#include "host/libvirt/domain_xml.h"

#include <libxml/parser.h>
#include <string.h>

#include "base/text.h"
#include "host/libvirt/domain_node.h"

static bool fits(const xmlNode *node, const char *name, const char *href)
{
	if (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0)
		return false;
	if (!href)
		return !node->ns;
	return node->ns && strcmp((const char *)node->ns->href, href) == 0;
}

static xmlNode *first_fit(xmlNode *node, const char *name, const char *href)
{
	for (; node; node = node->next)
		if (fits(node, name, href))
			return node;
	return NULL;
}

xmlNode *node_child(xmlNode *parent, const char *name, const char *href)
{
	return parent ? first_fit(parent->children, name, href) : NULL;
}

xmlNode *node_next(xmlNode *sibling, const char *name, const char *href)
{
	return first_fit(sibling->next, name, href);
}

void node_attribute(xmlNode *node, const char *name, char *to, size_t size)
{
	xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;

	text_copy(to, size, value ? (const char *)value : "");
	xmlFree(value);
}

bool node_has(xmlNode *node, const char *name, const char *value)
{
	char found[64];

	node_attribute(node, name, found, sizeof(found));
	return strcmp(found, value) == 0;
}

static void node_content(xmlNode *node, char *to, size_t size)
{
	xmlChar *value = node ? xmlNodeGetContent(node) : NULL;

	text_copy(to, size, value ? (const char *)value : "");
	xmlFree(value);
}

bool alias_number(const char *alias, size_t *ret)
{
	static const char prefix[] = "ua-facet-";
	uint64_t n;

	if (!text_starts_with(alias, prefix))
		return false;
	alias += sizeof(prefix) - 1;
	if (alias[0] == '0' && alias[1] != '\0')
		return false;
	if (!text_to_u64(alias, DEVICE_COUNT_MAX - 1, &n))
		return false;
	*ret = n;
	return true;
}

/* libvirt takes decimal and 0x numbers here, so both are read. */
static bool attribute_number(xmlNode *node, const char *name, unsigned long max, unsigned *ret)
{
	char text[16], *end;
	unsigned long value;

	node_attribute(node, name, text, sizeof(text));
	if (text[0] == '\0') {
		*ret = 0;
		return true;
	}
	if (text[0] < '0' || text[0] > '9')
		return false;
	value = strtoul(text, &end, 0);
	if (*end != '\0' || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool pci_read(xmlNode *address, char ret[PCI_SIZE])
{
	unsigned domain, bus, slot, function;

	if (!attribute_number(address, "domain", UINT32_MAX, &domain) ||
	    !attribute_number(address, "bus", 0xff, &bus) ||
	    !attribute_number(address, "slot", 0x1f, &slot) ||
	    !attribute_number(address, "function", 7, &function))
		return false;
	snprintf(ret, PCI_SIZE, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

static bool mdev_read(xmlNode *address, char ret[UUID_TEXT_SIZE])
{
	node_attribute(address, "uuid", ret, UUID_TEXT_SIZE);
	for (char *p = ret; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	return uuid_is_valid(ret);
}

bool hostdev_read(xmlNode *node, struct domain_hostdev *ret)
{
	xmlNode *address = node_child(node_child(node, "source", NULL), "address", NULL);
	struct domain_hostdev h = { 0 };
	size_t n;

	if (!address)
		return false;
	if (node_has(node, "type", "mdev")) {
		if (!mdev_read(address, h.mdev_uuid))
			return false;
	} else if (node_has(node, "type", "pci") || node_has(address, "type", "pci")) {
		if (!pci_read(address, h.pci))
			return false;
	} else {
		return false;
	}
	h.managed = node_has(node, "managed", "yes");
	node_attribute(node_child(node, "alias", NULL), "name", h.alias, sizeof(h.alias));
	h.ours = strcmp((const char *)node->name, "hostdev") == 0 && alias_number(h.alias, &n);
	*ret = h;
	return true;
}

static int parse_failed(const xmlParserCtxt *ctxt, struct error *err)
{
	const xmlError *e = &ctxt->lastError;
	char place[32], message[160];

	snprintf(place, sizeof(place), "line %d", e->line);
	snprintf(message, sizeof(message), "%s", e->message ? e->message : "not XML\n");
	message[strcspn(message, "\n")] = '\0';
	return error_at(err, ERR_INVALID, place, "read domain XML: %s: %s", place, message);
}

static int check_domain(xmlDoc *doc, struct error *err)
{
	xmlNode *root = xmlDocGetRootElement(doc);

	/* libvirt writes no document type, and one could define entities without end. */
	if (doc->intSubset || doc->extSubset)
		return error_set(err, ERR_INVALID, "read domain XML: it declares a document type");
	if (!root || !fits(root, "domain", NULL))
		return error_set(err, ERR_INVALID, "read domain XML: its root is not <domain>");
	return 0;
}

int domain_parse(const char *xml, size_t n, xmlDoc **ret, struct error *err)
{
	xmlParserCtxt *ctxt;
	xmlDoc *doc;
	int r;

	if (n > DOMAIN_XML_MAX)
		return error_set(err, ERR_TOO_LARGE, "read domain XML: %zu bytes, the most is %d",
				 n, DOMAIN_XML_MAX);
	ctxt = xmlNewParserCtxt();
	if (!ctxt)
		return error_set(err, ERR_NO_MEMORY, "read domain XML: out of memory");
	/* libvirt speaks UTF-8, whatever a declaration in the text says. */
	doc = xmlCtxtReadMemory(ctxt, xml, (int)n, "domain.xml", "UTF-8",
				XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	/* A prefix nobody declared would come to mean something once we declare one. */
	if (doc && ctxt->nsWellFormed)
		r = check_domain(doc, err);
	else
		r = parse_failed(ctxt, err);
	xmlFreeParserCtxt(ctxt);
	if (r < 0) {
		xmlFreeDoc(doc);
		return r;
	}
	*ret = doc;
	return 0;
}

static int read_hostdevs(xmlNode *devices, struct domain_xml *d, struct error *err)
{
	size_t room = devices ? xmlChildElementCount(devices) : 0;

	if (room == 0)
		return 0;
	d->hostdevs = calloc(room, sizeof(*d->hostdevs));
	if (!d->hostdevs)
		return error_set(err, ERR_NO_MEMORY, "read domain XML: out of memory");
	for (xmlNode *n = devices->children; n; n = n->next) {
		if (!fits(n, "hostdev", NULL) &&
		    !(fits(n, "interface", NULL) && node_has(n, "type", "hostdev")))
			continue;
		if (hostdev_read(n, &d->hostdevs[d->hostdevs_n]))
			d->hostdevs_n++;
	}
	return 0;
}

int domain_xml_read(const char *xml, size_t n, struct domain_xml *ret, struct error *err)
{
	struct domain_xml d = { 0 };
	xmlNode *root;
	xmlDoc *doc;
	int r;

	r = domain_parse(xml, n, &doc, err);
	if (r < 0)
		return r;
	root = xmlDocGetRootElement(doc);
	node_content(node_child(root, "name", NULL), d.name, sizeof(d.name));
	node_content(node_child(root, "uuid", NULL), d.uuid, sizeof(d.uuid));
	if (!uuid_is_valid(d.uuid))
		d.uuid[0] = '\0';
	d.facet = node_child(node_child(root, "metadata", NULL), "vm", DOMAIN_XML_NAMESPACE);
	r = read_hostdevs(node_child(root, "devices", NULL), &d, err);
	xmlFreeDoc(doc);
	if (r < 0)
		return r;
	*ret = d;
	return 0;
}

void domain_xml_done(struct domain_xml *d)
{
	free(d->hostdevs);
	*d = (struct domain_xml){ 0 };
}
