/* SPDX-License-Identifier: Apache-2.0 */
/* domain_node.h - what reading and editing a domain's XML share; private to this folder. */
#pragma once

#include <libxml/tree.h>

#include "host/libvirt/domain_xml.h"

/* A parsed domain; *RET is freed with xmlFreeDoc(). */
must_check int domain_parse(const char *xml, size_t n, xmlDoc **ret, struct error *err);

/* Child elements: the first of NAME (in namespace HREF, NULL: in none) below or after a node. */
xmlNode *node_child(xmlNode *parent, const char *name, const char *href);
xmlNode *node_next(xmlNode *sibling, const char *name, const char *href);

/* Copies the value of an attribute, "" where there is none. */
void node_attribute(xmlNode *node, const char *name, char *to, size_t size);
bool node_has(xmlNode *node, const char *name, const char *value);

/* Reads a hostdev or interface element; false when it is no PCI or mediated device. */
bool hostdev_read(xmlNode *node, struct domain_hostdev *ret);

/* N of "ua-facet-N"; false for any other alias. */
bool alias_number(const char *alias, size_t *ret);
