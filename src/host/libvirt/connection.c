/* SPDX-License-Identifier: Apache-2.0 */
#include "host/libvirt/connection.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum {
	BACKOFF_FIRST_MS = 200,
	BACKOFF_LAST_MS = 10000,
	/* <qemu:override> came with libvirt 8.2, the property under this name with QEMU 8.1. */
	LIBVIRT_OVERRIDE = 8002000,
	QEMU_ENABLE_MIGRATION = 8001000,
};

struct libvirt {
	char *uri, *root;
	bool migration;
	pthread_mutex_t lock;      /* of what follows */
	virConnectPtr connection;  /* NULL until it is needed, and after it broke */
	int64_t next_try_us;
	int64_t backoff_ms;
	uint32_t library, hypervisor; /* versions behind the connection, 0 until asked for */
};

/* Errors. */

static void be_quiet(void *user, virErrorPtr e)
{
	/* The error is returned; libvirt would also print it. */
	(void)user;
	(void)e;
}

static enum error_kind kind_of(const virError *e)
{
	static const struct {
		int code;
		enum error_kind kind;
	} kinds[] = {
		{ VIR_ERR_NO_DOMAIN, ERR_NOT_FOUND },
		{ VIR_ERR_NO_MEMORY, ERR_NO_MEMORY },
		{ VIR_ERR_NO_CONNECT, ERR_UNAVAILABLE },
		{ VIR_ERR_RPC, ERR_UNAVAILABLE },
		{ VIR_ERR_INVALID_CONN, ERR_UNAVAILABLE },
		{ VIR_ERR_AUTH_FAILED, ERR_DENIED },
		{ VIR_ERR_ACCESS_DENIED, ERR_DENIED },
		{ VIR_ERR_OPERATION_DENIED, ERR_DENIED },
		{ VIR_ERR_OPERATION_TIMEOUT, ERR_BUSY },
		{ VIR_ERR_OPERATION_INVALID, ERR_CONFLICT },
		{ VIR_ERR_XML_ERROR, ERR_INVALID },
		{ VIR_ERR_XML_DETAIL, ERR_INVALID },
		{ VIR_ERR_CONFIG_UNSUPPORTED, ERR_INVALID },
	};

	/* Whatever fails in the transport (libvirtd went away under the call) is the same
	 * answer. */
	if (e->domain == VIR_FROM_RPC)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].code == e->code)
			return kinds[i].kind;
	return ERR_IO;
}

/* OBJECT must be at hand before the call that failed: each call of libvirt's forgets the error. */
static int failed(struct error *err, const char *act, const char *object)
{
	const virError *e = virGetLastError();
	const char *words = e && e->message ? e->message : "libvirt gave no reason";

	return error_set(err, e ? kind_of(e) : ERR_IO, "%s %s: libvirt: %s", act, object, words);
}

/* The connection. */

int libvirt_new(const struct libvirt_config *config, struct libvirt **ret, struct error *err)
{
	struct libvirt *l = calloc(1, sizeof(*l));

	if (l) {
		l->uri = strdup(config->uri ? config->uri : "qemu:///system");
		l->root = strdup(config->root ? config->root : "/");
		l->migration = config->migration;
		pthread_mutex_init(&l->lock, NULL);
	}
	if (!l || !l->uri || !l->root) {
		libvirt_free(l);
		return error_set(err, ERR_NO_MEMORY, "prepare for libvirt: out of memory");
	}
	virSetErrorFunc(NULL, be_quiet);
	*ret = l;
	return 0;
}

struct libvirt *libvirt_free(struct libvirt *l)
{
	if (!l)
		return NULL;
	if (l->connection)
		virConnectClose(l->connection);
	pthread_mutex_destroy(&l->lock);
	free(l->uri);
	free(l->root);
	free(l);
	return NULL;
}

static int open_failed(struct libvirt *l, int64_t now, struct error *err)
{
	l->backoff_ms = l->backoff_ms ? l->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (l->backoff_ms > BACKOFF_LAST_MS)
		l->backoff_ms = BACKOFF_LAST_MS;
	l->next_try_us = now + l->backoff_ms * 1000;
	return error_set(err, ERR_UNAVAILABLE,
			 "connect to %s: %s; is libvirtd (or virtqemud) running?", l->uri,
			 virGetLastErrorMessage());
}

/* Called with the lock held. */
static int open_locked(struct libvirt *l, struct error *err)
{
	int64_t now = clock_mono_us(&clock_system);

	if (l->connection && virConnectIsAlive(l->connection) == 1)
		return 0;
	if (l->connection) {
		virConnectClose(l->connection);
		l->connection = NULL;
	}
	if (now < l->next_try_us)
		return error_set(err, ERR_UNAVAILABLE,
				 "%s did not answer a moment ago and is asked again soon", l->uri);
	l->connection = virConnectOpen(l->uri);
	if (!l->connection)
		return open_failed(l, now, err);
	l->backoff_ms = 0;
	l->next_try_us = 0;
	l->library = l->hypervisor = 0;
	return 0;
}

/* A reference of the caller's own, so that a reconnect under another call takes nothing away. */
static int connection_get(struct libvirt *l, virConnectPtr *ret, struct error *err)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = open_locked(l, err);
	if (r == 0) {
		virConnectRef(l->connection);
		*ret = l->connection;
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

static void connection_put(virConnectPtr *c)
{
	if (*c)
		virConnectClose(*c);
}

static void domain_put(virDomainPtr *d)
{
	if (*d)
		virDomainFree(*d);
}

static int domain_get(struct libvirt *l, const char *uuid, virConnectPtr *connection,
		      virDomainPtr *ret, struct error *err)
{
	int r = connection_get(l, connection, err);

	if (r < 0)
		return r;
	*ret = virDomainLookupByUUIDString(*connection, uuid);
	return *ret ? 0 : failed(err, "look up domain", uuid);
}

/* Asked once per connection: libvirt may start a QEMU to find out. */
static void versions(struct libvirt *l, virConnectPtr connection, uint32_t *library,
		     uint32_t *hypervisor)
{
	unsigned long number = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->library && virConnectGetLibVersion(connection, &number) == 0)
		l->library = (uint32_t)number;
	if (!l->hypervisor && virConnectGetVersion(connection, &number) == 0)
		l->hypervisor = (uint32_t)number;
	*library = l->library;
	*hypervisor = l->hypervisor;
	pthread_mutex_unlock(&l->lock);
}

int libvirt_versions(struct libvirt *l, uint32_t *ret_libvirt, uint32_t *ret_qemu,
		     struct error *err)
{
	cleanup(connection_put) virConnectPtr connection = NULL;
	int r = connection_get(l, &connection, err);

	if (r < 0)
		return r;
	versions(l, connection, ret_libvirt, ret_qemu);
	return 0;
}

/* States: libvirt's numbers to our words. */

static const char *const shutoff_words[] = {
	[VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shutdown",
	[VIR_DOMAIN_SHUTOFF_DESTROYED] = "destroyed",
	[VIR_DOMAIN_SHUTOFF_CRASHED] = "crashed",
	[VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated",
	[VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
	[VIR_DOMAIN_SHUTOFF_FAILED] = "failed",
	[VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "snapshot",
	[VIR_DOMAIN_SHUTOFF_DAEMON] = "daemon",
};
static const char *const running_words[] = {
	[VIR_DOMAIN_RUNNING_BOOTED] = "booted",
	[VIR_DOMAIN_RUNNING_MIGRATED] = "migrated",
	[VIR_DOMAIN_RUNNING_RESTORED] = "restored",
	[VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = "snapshot",
	[VIR_DOMAIN_RUNNING_UNPAUSED] = "unpaused",
	[VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = "migration-cancelled",
	[VIR_DOMAIN_RUNNING_SAVE_CANCELED] = "save-cancelled",
	[VIR_DOMAIN_RUNNING_WAKEUP] = "wakeup",
	[VIR_DOMAIN_RUNNING_CRASHED] = "crashed",
	[VIR_DOMAIN_RUNNING_POSTCOPY] = "postcopy",
};
static const char *const paused_words[] = {
	[VIR_DOMAIN_PAUSED_USER] = "user",
	[VIR_DOMAIN_PAUSED_MIGRATION] = "migration",
	[VIR_DOMAIN_PAUSED_SAVE] = "save",
	[VIR_DOMAIN_PAUSED_DUMP] = "dump",
	[VIR_DOMAIN_PAUSED_IOERROR] = "io-error",
	[VIR_DOMAIN_PAUSED_WATCHDOG] = "watchdog",
	[VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "snapshot",
	[VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "shutting-down",
	[VIR_DOMAIN_PAUSED_SNAPSHOT] = "snapshot",
	[VIR_DOMAIN_PAUSED_CRASHED] = "crashed",
	[VIR_DOMAIN_PAUSED_STARTING_UP] = "starting",
	[VIR_DOMAIN_PAUSED_POSTCOPY] = "postcopy",
	[VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "postcopy-failed",
};

#define WORDS(list) (list), sizeof(list) / sizeof((list)[0])

static const struct {
	enum vm_state state;
	const char *const *reasons;
	size_t n;
} states[] = {
	[VIR_DOMAIN_NOSTATE] = { VM_UNKNOWN, NULL, 0 },
	[VIR_DOMAIN_RUNNING] = { VM_RUNNING, WORDS(running_words) },
	[VIR_DOMAIN_BLOCKED] = { VM_RUNNING, NULL, 0 },
	[VIR_DOMAIN_PAUSED] = { VM_PAUSED, WORDS(paused_words) },
	[VIR_DOMAIN_SHUTDOWN] = { VM_STOPPING, NULL, 0 },
	[VIR_DOMAIN_SHUTOFF] = { VM_STOPPED, WORDS(shutoff_words) },
	[VIR_DOMAIN_CRASHED] = { VM_FAILED, NULL, 0 },
	[VIR_DOMAIN_PMSUSPENDED] = { VM_PAUSED, NULL, 0 },
};

static void state_words(int state, int reason, struct libvirt_domain *d)
{
	if (state < 0 || (size_t)state >= sizeof(states) / sizeof(states[0])) {
		d->state = VM_UNKNOWN;
		return;
	}
	d->state = (int32_t)states[state].state;
	if (reason >= 0 && (size_t)reason < states[state].n && states[state].reasons[reason])
		TEXT_COPY(d->reason, states[state].reasons[reason]);
}

/* The list. */

static void uses_add(struct libvirt_domain *d, const struct domain_hostdev *h)
{
	const char *word = h->pci[0] ? h->pci : h->mdev_uuid;
	size_t n = strlen(d->uses);

	/* More than fits is more than any VM with a vGPU of ours can have; the rest is dropped. */
	if (n + strlen(word) + 2 > sizeof(d->uses))
		return;
	snprintf(d->uses + n, sizeof(d->uses) - n, "%s%s", n ? "," : "", word);
}

static void describe_xml(const char *xml, struct libvirt_domain *d)
{
	struct domain_xml x;

	if (domain_xml_read(xml, strlen(xml), &x, NULL) < 0)
		return;
	d->facet = x.facet;
	for (size_t i = 0; i < x.hostdevs_n; i++)
		uses_add(d, &x.hostdevs[i]);
	domain_xml_done(&x);
}

/* False when it vanished while we looked. */
static bool describe(virDomainPtr domain, struct libvirt_domain *ret)
{
	struct libvirt_domain d = { 0 };
	int state, reason;
	char *xml;

	if (virDomainGetUUIDString(domain, d.uuid) < 0 ||
	    virDomainGetState(domain, &state, &reason, 0) < 0)
		return false;
	TEXT_COPY(d.name, virDomainGetName(domain));
	state_words(state, reason, &d);
	/* Without a flag this is what a running domain has now and a stopped one will have. */
	xml = virDomainGetXMLDesc(domain, 0);
	if (!xml)
		return false;
	describe_xml(xml, &d);
	free(xml);
	*ret = d;
	return true;
}

int libvirt_domains(struct libvirt *l, struct libvirt_domain **ret, size_t *ret_n,
		    struct error *err)
{
	cleanup(connection_put) virConnectPtr connection = NULL;
	struct libvirt_domain *list;
	virDomainPtr *domains;
	size_t n = 0;
	int r, found;

	r = connection_get(l, &connection, err);
	if (r < 0)
		return r;
	found = virConnectListAllDomains(connection, &domains, 0);
	if (found < 0)
		return failed(err, "list domains of", l->uri);
	list = calloc((size_t)found + 1, sizeof(*list));
	for (int i = 0; i < found; i++) {
		if (list && describe(domains[i], &list[n]))
			n++;
		virDomainFree(domains[i]);
	}
	free(domains);
	/* Gone because libvirt went away is not gone. */
	if (list && n < (size_t)found && virConnectIsAlive(connection) != 1) {
		free(list);
		return error_set(err, ERR_UNAVAILABLE, "list domains of %s: it went away", l->uri);
	}
	if (!list)
		return error_set(err, ERR_NO_MEMORY, "list domains: out of memory");
	*ret = list;
	*ret_n = n;
	return 0;
}

/* Devices. */

static bool sysfs_has(const char *root, const char *address, const char *entry)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, address, entry);
	return access(path, F_OK) == 0;
}

/* A function that NVIDIA's driver can put a vGPU on, whatever framework it uses. */
bool libvirt_is_vgpu_function(const struct libvirt *l, const char *address)
{
	char path[512], vendor[8] = "";
	FILE *f;

	if (sysfs_has(l->root, address, "nvidia/current_vgpu_type") ||
	    sysfs_has(l->root, address, "mdev_supported_types"))
		return true;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/physfn/vendor", l->root, address);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(vendor, sizeof(vendor), f))
		vendor[0] = '\0';
	fclose(f);
	return text_starts_with(vendor, "0x10de");
}

static bool is_vgpu_function(const char *address, void *user)
{
	return libvirt_is_vgpu_function(user, address);
}

static bool can_override(struct libvirt *l, virConnectPtr connection)
{
	uint32_t library, hypervisor;

	versions(l, connection, &library, &hypervisor);
	return library >= LIBVIRT_OVERRIDE && hypervisor >= QEMU_ENABLE_MIGRATION;
}

static int define(virConnectPtr connection, virDomainPtr domain, const char *xml,
		  struct error *err)
{
	const char *name = virDomainGetName(domain);
	virDomainPtr defined;

	if (virDomainIsActive(domain) != 0)
		return error_set(err, ERR_BUSY, "set the devices of domain %s: it is running",
				 name);
	defined = virDomainDefineXML(connection, xml);
	if (!defined)
		return failed(err, "define domain", name);
	virDomainFree(defined);
	return 0;
}

int libvirt_set_devices(struct libvirt *l, const char *uuid, const struct host_device *devices,
			size_t n, enum result *result, struct error *err)
{
	cleanup(connection_put) virConnectPtr connection = NULL;
	cleanup(domain_put) virDomainPtr domain = NULL;
	cleanup(cleanup_free) char *xml = NULL, *edited = NULL;
	struct domain_edit edit = { devices, n, l->migration, is_vgpu_function, l };
	int r;

	r = domain_get(l, uuid, &connection, &domain, err);
	if (r < 0)
		return r;
	edit.migration = edit.migration && can_override(l, connection);
	/* SECURE, or a password of the console would be lost with the old definition. */
	xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	if (!xml)
		return failed(err, "read the definition of domain", uuid);
	r = domain_xml_edit(xml, strlen(xml), &edit, &edited, err);
	if (r < 0)
		return error_context(r, err, "set the devices of domain %s",
				     virDomainGetName(domain));
	if (edited)
		r = define(connection, domain, edited, err);
	if (r == 0)
		*result = edited ? RESULT_CHANGED : RESULT_UNCHANGED;
	return r;
}

/* Power. */

struct power {
	const char *act;
	bool active;                        /* the state in which there is nothing to do */
	int (*call)(virDomainPtr domain);
};

static int power_set(struct libvirt *l, const char *uuid, const struct power *p,
		     enum result *result, struct error *err)
{
	cleanup(connection_put) virConnectPtr connection = NULL;
	cleanup(domain_put) virDomainPtr domain = NULL;
	const char *name;
	int r, active;

	r = domain_get(l, uuid, &connection, &domain, err);
	if (r < 0)
		return r;
	name = virDomainGetName(domain);
	active = virDomainIsActive(domain);
	if (active < 0)
		return failed(err, "look at domain", name);
	if (active == p->active) {
		*result = RESULT_UNCHANGED;
		return 0;
	}
	if (p->call(domain) == 0) {
		*result = RESULT_CHANGED;
		return 0;
	}
	r = failed(err, p->act, name);
	/* Somebody else, or the guest itself, may have done it between the look and the call. */
	if (virDomainIsActive(domain) != p->active)
		return r;
	*result = RESULT_UNCHANGED;
	return 0;
}

int libvirt_start(struct libvirt *l, const char *uuid, enum result *result, struct error *err)
{
	static const struct power start = { "start domain", true, virDomainCreate };

	return power_set(l, uuid, &start, result, err);
}

int libvirt_shutdown(struct libvirt *l, const char *uuid, enum result *result, struct error *err)
{
	/* The guest agent where the domain has one, else the ACPI button. */
	static const struct power shutdown = { "shut down domain", false, virDomainShutdown };

	return power_set(l, uuid, &shutdown, result, err);
}

int libvirt_destroy(struct libvirt *l, const char *uuid, enum result *result, struct error *err)
{
	static const struct power destroy = { "stop domain", false, virDomainDestroy };

	return power_set(l, uuid, &destroy, result, err);
}
