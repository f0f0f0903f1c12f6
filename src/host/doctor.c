/* SPDX-License-Identifier: Apache-2.0 */
#include "host/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "host/inventory.h"
#include "host/sysfs.h"

/* What the checks look at. */
struct patient {
	int root;
	const struct gpu *gpus;
	size_t gpus_n, nvidia_n;
	char version[24];
	bool simulated; /* the lab's driver says so of itself, and has no services beside it */
};

#define FOUND(check, ...) snprintf((check)->found, sizeof((check)->found), __VA_ARGS__)
#define REMEDY(check, ...) snprintf((check)->remedy, sizeof((check)->remedy), __VA_ARGS__)

static void skip(struct check *c, const char *why)
{
	c->skipped = true;
	FOUND(c, "%s", why);
}

static void check_gpus(const struct patient *p, struct check *c)
{
	c->ok = p->gpus_n > 0;
	FOUND(c, "%zu GPUs, %zu of them NVIDIA's", p->gpus_n, p->nvidia_n);
	if (!c->ok)
		REMEDY(c, "lspci -d 10de: must list a display device; check its seat and the "
			  "firmware");
}

static void check_iommu(const struct patient *p, struct check *c)
{
	cleanup(sysfs_list_done) struct sysfs_list groups = { 0 }, units = { 0 };

	(void)!sysfs_list(p->root, "sys/kernel/iommu_groups", &groups, NULL);
	(void)!sysfs_list(p->root, "sys/class/iommu", &units, NULL);
	c->ok = groups.n > 0;
	FOUND(c, "%zu IOMMU units, %zu groups", units.n, groups.n);
	if (!c->ok)
		REMEDY(c, "enable VT-d or AMD-Vi in the firmware; on Intel add intel_iommu=on to "
			  "the kernel command line");
	if (!c->ok && p->simulated) {
		skip(c, "no IOMMU, and the simulated driver needs none");
		c->remedy[0] = '\0';
	} else if (!c->ok && p->gpus_n > 0) {
		/* Mediated devices are shielded by their driver, not by an IOMMU. */
		for (size_t i = 0; i < p->gpus_n; i++)
			if (p->gpus[i].framework != FRAMEWORK_MDEV)
				return;
		skip(c, "no IOMMU, and none is needed for mediated devices on physical functions");
		c->remedy[0] = '\0';
	}
}

static void check_driver(const struct patient *p, struct check *c)
{
	if (p->nvidia_n == 0) {
		skip(c, "no NVIDIA GPU");
		return;
	}
	c->ok = p->version[0] != '\0';
	if (c->ok)
		FOUND(c, "nvidia %s%s", p->version, p->simulated ? " (simulated)" : "");
	else
		FOUND(c, "the kernel module nvidia is not loaded");
	if (!c->ok)
		REMEDY(c, "install NVIDIA's vGPU host driver (the package named vgpu-kvm), "
			  "blacklist nouveau, then "
			  "modprobe nvidia");
}

static void check_functions(const struct patient *p, struct check *c)
{
	const struct gpu *first = NULL;
	size_t with = 0, without = 0;

	for (size_t i = 0; i < p->gpus_n; i++) {
		if (!p->gpus[i].vf_total || p->gpus[i].framework == FRAMEWORK_PASSTHROUGH)
			continue;
		with++;
		if (p->gpus[i].vf_enabled)
			continue;
		first = without++ ? first : &p->gpus[i];
	}
	if (with == 0) {
		skip(c, "no GPU with SR-IOV");
		return;
	}
	c->ok = without == 0;
	FOUND(c, "functions are enabled on %zu of %zu GPUs with SR-IOV", with - without, with);
	if (first)
		REMEDY(c,
		       "/usr/lib/nvidia/sriov-manage -e %s, after each boot; Facet does it for "
		       "GPUs that leases lie on",
		       first->address);
}

static void check_framework(const struct patient *p, struct check *c)
{
	const struct gpu *first = NULL;
	size_t poolable = 0;

	if (p->gpus_n == 0) {
		skip(c, "no GPU");
		return;
	}
	for (size_t i = 0; i < p->gpus_n; i++) {
		poolable += p->gpus[i].poolable;
		if (!p->gpus[i].poolable && !first)
			first = &p->gpus[i];
	}
	c->ok = !first;
	FOUND(c, "%zu of %zu GPUs can be shared or given away", poolable, p->gpus_n);
	if (first)
		REMEDY(c, "%s: %.200s", first->address, first->not_poolable);
}

static void check_health(const struct patient *p, struct check *c)
{
	if (p->gpus_n == 0) {
		skip(c, "no GPU");
		return;
	}
	c->ok = true;
	FOUND(c, "every function is served by its driver");
	for (size_t i = 0; i < p->gpus_n; i++) {
		const struct gpu *g = &p->gpus[i];

		if (g->health == GPU_HEALTH_OK)
			continue;
		c->ok = false;
		FOUND(c, "%s is degraded", g->address);
		TEXT_COPY(c->remedy, g->health_reason);
		return;
	}
}

static bool runs(int root, const char *name)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	char path[SYSFS_PATH_SIZE], comm[32];

	if (sysfs_list(root, "proc", &list, NULL) < 0)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (list.names[i][0] >= '1' && list.names[i][0] <= '9' &&
		    sysfs_read(root, sysfs_path(path, "proc/%s/comm", list.names[i]), comm,
			       sizeof(comm), NULL) == 0 &&
		    strcmp(comm, name) == 0)
			return true;
	return false;
}

/* systemd keeps a link per unit that is active, also for one that ran to its end. */
static void check_service(const struct patient *p, const char *name, struct check *c)
{
	char path[SYSFS_PATH_SIZE], id[64];

	if (!p->version[0] || p->simulated) {
		skip(c, p->simulated ? "the simulated driver has no services" : "no NVIDIA driver");
		return;
	}
	sysfs_path(path, "run/systemd/units/invocation:%s.service", name);
	c->ok = sysfs_link(p->root, path, id, sizeof(id)) || runs(p->root, name);
	FOUND(c, "%s %s", name, c->ok ? "is active" : "is not active");
	if (!c->ok)
		REMEDY(c,
		       "systemctl enable --now %s; journalctl -u %s tells why it stopped. A driver "
		       "without this service is not the vGPU host driver",
		       name, name);
}

static void check_vgpud(const struct patient *p, struct check *c)
{
	check_service(p, "nvidia-vgpud", c);
}

static void check_vgpu_mgr(const struct patient *p, struct check *c)
{
	check_service(p, "nvidia-vgpu-mgr", c);
}

static void check_libvirt(const struct patient *p, struct check *c)
{
	static const char *const sockets[] = { "run/libvirt/virtqemud-sock",
					       "run/libvirt/libvirt-sock" };

	for (size_t i = 0; i < 2; i++)
		if (sysfs_exists(p->root, sockets[i])) {
			c->ok = true;
			FOUND(c, "/%s", sockets[i]);
			return;
		}
	FOUND(c, "libvirt has no socket in /run/libvirt");
	REMEDY(c, "install libvirt and start it: systemctl enable --now virtqemud.socket, or "
		  "libvirtd.socket where it is one daemon");
}

/* The hook may be a script that names us, a program of ours, or a link to one. */
static bool mentions_facet(int root, const char *path)
{
	cleanup(cleanup_close) int fd = -1;
	char bytes[65536], target[PATH_MAX];
	ssize_t n;

	n = readlinkat(root, path, target, sizeof(target));
	if (n > 0 && memmem(target, (size_t)n, "facet", 5))
		return true;
	fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	return n > 0 && memmem(bytes, (size_t)n, "facet", 5);
}

static void check_hook(const struct patient *p, struct check *c)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	char path[SYSFS_PATH_SIZE];

	c->ok = mentions_facet(p->root, "etc/libvirt/hooks/qemu");
	(void)!sysfs_list(p->root, "etc/libvirt/hooks/qemu.d", &list, NULL);
	for (size_t i = 0; i < list.n && !c->ok; i++)
		c->ok = strstr(list.names[i], "facet") ||
			mentions_facet(p->root, sysfs_path(path, "etc/libvirt/hooks/qemu.d/%s",
							   list.names[i]));
	FOUND(c, "%s", c->ok ? "libvirt calls Facet's hook" :
			       "libvirt has no hook that mentions Facet");
	if (!c->ok)
		REMEDY(c, "link facet-hook as /etc/libvirt/hooks/qemu.d/facet and restart libvirt; "
			  "without it a VM "
			  "that is started by hand may find its vGPU missing");
}

static void check_vfio(const struct patient *p, struct check *c)
{
	c->ok = sysfs_exists(p->root, "dev/vfio");
	FOUND(c, "/dev/vfio %s", c->ok ? "is there" : "is not there");
	if (!c->ok)
		REMEDY(c, "modprobe vfio; the module may be missing from the kernel (CONFIG_VFIO)");
}

/* First node of DIRECTORY that anybody may write to; /dev/vfio/vfio is meant to be so. */
static bool find_open_node(int root, const char *directory, char found[SYSFS_PATH_SIZE])
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	struct stat st;

	if (sysfs_list(root, directory, &list, NULL) < 0)
		return false;
	for (size_t i = 0; i < list.n; i++) {
		sysfs_path(found, "%s/%s", directory, list.names[i]);
		if (strcmp(list.names[i], "vfio") != 0 && fstatat(root, found, &st, 0) == 0 &&
		    !S_ISDIR(st.st_mode) && (st.st_mode & S_IWOTH))
			return true;
	}
	return false;
}

static void check_nodes(const struct patient *p, struct check *c)
{
	char found[SYSFS_PATH_SIZE];

	c->ok = !find_open_node(p->root, "dev/vfio", found) &&
		!find_open_node(p->root, "dev/vfio/devices", found);
	if (c->ok) {
		FOUND(c, "no VFIO device may be written to by everybody");
		return;
	}
	FOUND(c, "everybody may write to /%.200s", found);
	REMEDY(c, "remove the udev rule that sets MODE=\"0666\" for SUBSYSTEM==\"vfio\": libvirt "
		  "labels the nodes of each VM by itself");
}

static const struct {
	const char *name;
	void (*look)(const struct patient *p, struct check *c);
} checks[] = {
	{ "gpus", check_gpus },
	{ "iommu", check_iommu },
	{ "nvidia-driver", check_driver },
	{ "sr-iov", check_functions },
	{ "framework", check_framework },
	{ "functions-served", check_health },
	{ "nvidia-vgpud", check_vgpud },
	{ "nvidia-vgpu-mgr", check_vgpu_mgr },
	{ "libvirt", check_libvirt },
	{ "libvirt-hook", check_hook },
	{ "vfio", check_vfio },
	{ "vfio-nodes", check_nodes },
};

enum { CHECKS_N = sizeof(checks) / sizeof(checks[0]) };

static void prepare(struct patient *p)
{
	char text[1024];

	for (size_t i = 0; i < p->gpus_n; i++)
		p->nvidia_n += device_is_nvidia(p->root, p->gpus[i].address);
	device_driver_version(p->root, p->version, sizeof(p->version));
	p->simulated =
		sysfs_read(p->root, "proc/driver/nvidia/version", text, sizeof(text), NULL) == 0 &&
		strstr(text, "(simulated)");
}

int doctor_gpus(int root, const struct gpu *gpus, size_t gpus_n, struct check **ret, size_t *n,
		struct error *err)
{
	struct patient p = { .root = root, .gpus = gpus, .gpus_n = gpus_n };
	struct check *list = calloc(CHECKS_N, sizeof(*list));

	if (!list)
		return error_set(err, ERR_NO_MEMORY, "out of memory for the checks");
	prepare(&p);
	for (size_t i = 0; i < CHECKS_N; i++) {
		TEXT_COPY(list[i].name, checks[i].name);
		checks[i].look(&p, &list[i]);
	}
	*ret = list;
	*n = CHECKS_N;
	return 0;
}

int doctor_host(int root, struct check **ret, size_t *n, struct error *err)
{
	struct gpu *gpus = NULL;
	size_t gpus_n = 0;
	int r;

	r = inventory_scan(root, &gpus, &gpus_n, err);
	if (r == 0)
		r = doctor_gpus(root, gpus, gpus_n, ret, n, err);
	inventory_free(gpus, gpus_n);
	return r;
}
