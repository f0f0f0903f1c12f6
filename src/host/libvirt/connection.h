/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - the few things Facet asks of libvirt, each of which may be asked twice.
 *
 * Calls block; any number of threads may call at once.  The connection is opened by the first call
 * and opened again by the next one after it broke (libvirt was restarted); while libvirt does not
 * answer, tries are spaced out and calls in between fail at once with UNAVAILABLE.
 *
 * No event is subscribed to: whoever holds a libvirt client open holds 17 MiB, so Facet's lives for
 * seconds at a time (see agent/root/), and what is asked is always the state, never the change.
 */
#pragma once

#include <stddef.h>

#include "host/libvirt/domain_xml.h"

struct libvirt;

struct libvirt_config {
	const char *uri;    /* NULL: qemu:///system */
	const char *root;   /* where sys/ is; NULL: "/" */
	bool migration;     /* see struct domain_edit */
};

enum { LIBVIRT_USES_SIZE = DEVICE_COUNT_MAX * UUID_TEXT_SIZE };

struct libvirt_domain {
	char name[NAME_SIZE];
	char uuid[UUID_TEXT_SIZE];
	int32_t state;                /* enum vm_state */
	bool facet;                   /* Facet's metadata is in its XML */
	char reason[64];              /* one word of libvirt's, "" when it knows none */
	char uses[LIBVIRT_USES_SIZE]; /* addresses and UUIDs of its hostdevs, by comma */
};

/* Strings of CONFIG are copied.  Does not connect yet. */
must_check int libvirt_new(const struct libvirt_config *config, struct libvirt **ret,
			   struct error *err);
struct libvirt *libvirt_free(struct libvirt *l);
DEFINE_CLEANUP(struct libvirt *, libvirt_free)

/* As numbers, major * 1000000 + minor * 1000 + micro; 0 for what is not told. */
must_check int libvirt_versions(struct libvirt *l, uint32_t *ret_libvirt, uint32_t *ret_qemu,
				struct error *err);

/* All domains, running or not; *RET is free()d.  One that vanishes meanwhile is left out.
 *   UNAVAILABLE  libvirt does not answer
 * These and the next four: err has libvirt's own words. */
must_check int libvirt_domains(struct libvirt *l, struct libvirt_domain **ret, size_t *ret_n,
			       struct error *err);

/* Whether sysfs shows, below the root of L, that the function at ADDRESS carries a vGPU or
 * could. */
bool libvirt_is_vgpu_function(const struct libvirt *l, const char *address);

/* Sets our hostdevs in the definition of a stopped domain.  *RESULT: UNCHANGED or CHANGED.
 *   NOT_FOUND    no such domain
 *   BUSY         it runs, and its definition is not already so
 *   CONFLICT     see domain_xml_edit()
 *   UNAVAILABLE  libvirt does not answer */
must_check int libvirt_set_devices(struct libvirt *l, const char *uuid,
				   const struct host_device *devices, size_t n,
				   enum result *result, struct error *err);

/* Power: UNCHANGED when it is so already, CHANGED when it was done or, for shutdown, asked for.
 *   NOT_FOUND    no such domain
 *   UNAVAILABLE  libvirt does not answer */
must_check int libvirt_start(struct libvirt *l, const char *uuid, enum result *result,
			     struct error *err);
must_check int libvirt_shutdown(struct libvirt *l, const char *uuid, enum result *result,
				struct error *err);
must_check int libvirt_destroy(struct libvirt *l, const char *uuid, enum result *result,
			       struct error *err);
