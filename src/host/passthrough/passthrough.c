/* SPDX-License-Identifier: Apache-2.0 */
/* passthrough.c - the whole GPU, bound to vfio-pci while a VM has it.
 *
 * The driver that each function had is written down before it is taken, so that it can be given
 * back by whoever comes later.  A function that could not be bound goes back to its driver at once:
 * at no return from here is one left without a driver that had one.
 */
#include "host/passthrough.h"

#include <string.h>

#include "base/crash.h"
#include "base/text.h"
#include "host/backoff.h"
#include "host/driver.h"
#include "host/holders.h"
#include "host/inventory.h"
#include "host/state.h"
#include "host/vgpu.h"

#define VFIO_PCI "vfio-pci"
#define DEVICES "sys/bus/pci/devices/"

enum { BIND_LIMIT_MS = 3000, DRIVER_SIZE = 32 };

static void driver_of(int root, const char *address, char driver[DRIVER_SIZE])
{
	char path[SYSFS_PATH_SIZE];

	if (!sysfs_link(root, sysfs_path(path, DEVICES "%s/driver", address), driver, DRIVER_SIZE))
		driver[0] = '\0';
}

static bool is_bound_to(int root, const char *address, const char *wanted)
{
	struct backoff b = backoff_start(BIND_LIMIT_MS);
	char driver[DRIVER_SIZE];

	do {
		driver_of(root, address, driver);
		if (strcmp(driver, wanted) == 0)
			return true;
	} while (backoff_wait(&b));
	return false;
}

static void record_name(const char *address, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "passthrough-%s", address);
}

/* Binds ADDRESS to DRIVER ("" unbinds): override, unbind, probe, look. */
static int rebind(int root, const char *address, const char *override, const char *driver,
		  struct error *err)
{
	char path[SYSFS_PATH_SIZE], now[DRIVER_SIZE];
	int r;

	sysfs_path(path, DEVICES "%s/driver_override", address);
	r = sysfs_write(root, path, override[0] ? override : "\n", NULL, err);
	driver_of(root, address, now);
	if (r == 0 && now[0] && strcmp(now, driver) != 0)
		r = sysfs_write(root, sysfs_path(path, "sys/bus/pci/drivers/%s/unbind", now),
				address, NULL, err);
	crash_point("passthrough-unbound");
	if (r == 0 && driver[0])
		r = sysfs_write(root, "sys/bus/pci/drivers_probe", address, NULL, err);
	if (r < 0)
		return error_context(r, err, "bind %s to %s", address, driver);
	if (is_bound_to(root, address, driver))
		return 0;
	return error_set(err, ERR_IO, "%s was to be bound to %s and is not", address,
			 driver[0] ? driver : "no driver");
}

/* The driver that is written down must be one name, for it becomes part of a path. */
static int read_record(int root, const char *address, char driver[DRIVER_SIZE], struct error *err)
{
	char name[NAME_SIZE];
	int r;

	record_name(address, name);
	r = state_read(root, name, driver, DRIVER_SIZE, err);
	if (r == 0 && driver[0] && !sysfs_name_is_safe(driver))
		return error_set(err, ERR_INVALID, "/" STATE_DIR "/%s names no driver", name);
	return r;
}

static void forget(int root, const char *address)
{
	char name[NAME_SIZE];

	record_name(address, name);
	state_remove(root, name);
}

/* Gives one function back to the driver it had.  Without a record it was somebody else who bound it
 * to vfio-pci, and there it stays. */
static int give_back(int root, const char *address, bool *changed, struct error *err)
{
	char driver[DRIVER_SIZE];
	int r;

	r = read_record(root, address, driver, err);
	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r == 0)
		r = rebind(root, address, "", driver, err);
	if (r < 0) {
		/* Better with the wrong driver than with none. */
		(void)!rebind(root, address, VFIO_PCI, VFIO_PCI, NULL);
		return r;
	}
	*changed = true;
	forget(root, address);
	return 0;
}

static int take_function(int root, const char *address, bool *changed, struct error *err)
{
	char name[NAME_SIZE], driver[DRIVER_SIZE];
	int r;

	driver_of(root, address, driver);
	if (strcmp(driver, VFIO_PCI) == 0)
		return 0;
	record_name(address, name);
	r = state_write(root, name, driver, err);
	if (r < 0)
		return r;
	crash_point("passthrough-recorded");
	*changed = true;
	return rebind(root, address, VFIO_PCI, VFIO_PCI, err);
}

static void give_all_back(int root, const struct passthrough *p)
{
	bool changed;

	for (size_t i = p->n; i > 0; i--)
		(void)!give_back(root, p->function[i - 1], &changed, NULL);
}

/* Unbinding from NVIDIA's driver while a client has the GPU open blocks for ever; the driver's own
 * lock tells whether that would happen. */
static int check_clients(int root, const char *address, struct error *err)
{
	char path[SYSFS_PATH_SIZE];
	int r;

	sysfs_path(path, "proc/driver/nvidia/gpus/%s/unbindLock", address);
	if (!sysfs_exists(root, path))
		return 0;
	r = sysfs_write(root, path, "1", NULL, err);
	if (r < 0)
		return r;
	if (sysfs_u64_or(root, path, 0) == 1)
		return 0;
	return error_set(err, ERR_BUSY,
			 "a program such as DCGM, nvidia-persistenced or a display server "
			 "has %s open: stop it first",
			 address);
}

/* Lets clients open the GPU again. */
static void release_clients(int root, const char *address)
{
	char path[SYSFS_PATH_SIZE];

	sysfs_path(path, "proc/driver/nvidia/gpus/%s/unbindLock", address);
	if (sysfs_exists(root, path))
		(void)!sysfs_write(root, path, "0", NULL, NULL);
}

static bool is_taken(int root, const struct passthrough *p)
{
	char driver[DRIVER_SIZE];

	for (size_t i = 0; i < p->n; i++) {
		driver_of(root, p->function[i], driver);
		if (strcmp(driver, VFIO_PCI) != 0)
			return false;
	}
	return true;
}

static int take_all(int root, const struct host_vgpu *v, const struct passthrough *p,
		    bool *changed, struct error *err)
{
	int r;

	if (!sysfs_exists(root, "sys/bus/pci/drivers/" VFIO_PCI))
		return error_set(err, ERR_NOT_FOUND, "the kernel module vfio-pci is not loaded: "
				 "modprobe vfio-pci");
	r = check_clients(root, v->address, err);
	for (size_t i = 0; i < p->n && r == 0; i++)
		r = take_function(root, p->function[i], changed, err);
	if (r < 0) {
		give_all_back(root, p);
		release_clients(root, v->address);
	}
	return r;
}

static uint64_t device_of(int root, const char *address)
{
	cleanup(cleanup_close) int dir = -1;

	return device_open(root, address, &dir, NULL) < 0 ? 0 : place_device(dir);
}

static int create(int root, struct host_vgpu *v, enum result *result, struct error *err)
{
	struct place place = { .device = device_of(root, v->address), .generation = v->generation };
	struct passthrough p;
	bool changed = false;
	int r;

	r = passthrough_check(root, v->address, &p, err);
	if (r == 0 && is_taken(root, &p))
		r = place_check(root, v->address, place.device, v->generation, err);
	if (r < 0)
		return r;
	TEXT_COPY(place.profile, HOST_WHOLE_PROFILE);
	r = place_write(root, v->address, &place, err);
	if (r == 0 && !is_taken(root, &p))
		r = take_all(root, v, &p, &changed, err);
	if (r < 0) {
		place_remove(root, v->address);
		return r;
	}
	v->placement = PLACEMENT_NONE;
	v->type_id = 0;
	*result = changed ? RESULT_CREATED : RESULT_UNCHANGED;
	return 0;
}

/* Every function of the slot, for after the GPU was passed through the group is not asked again. */
static int list_slot(int root, const char *address, struct passthrough *ret, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	size_t n = strcspn(address, ".") + 1;
	int r;

	*ret = (struct passthrough){ 0 };
	r = sysfs_list(root, "sys/bus/pci/devices", &list, err);
	for (size_t i = 0; i < list.n && r == 0; i++)
		if (strncmp(list.names[i], address, n) == 0 && ret->n < PASSTHROUGH_FUNCTIONS_MAX)
			TEXT_COPY(ret->function[ret->n++], list.names[i]);
	return r;
}

static int destroy(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
		   struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	struct passthrough p;
	bool changed = false;
	int r;

	*pid = 0;
	r = place_check(root, v->address, device_of(root, v->address), v->generation, err);
	if (r == 0 && device_open(root, v->address, &dir, NULL) == 0)
		r = vgpu_check_idle(root, dir, v, pid, err);
	if (r == 0)
		r = list_slot(root, v->address, &p, err);
	for (size_t i = 0; r == 0 && i < p.n; i++)
		r = give_back(root, p.function[i], &changed, err);
	if (r < 0)
		return r;
	crash_point("passthrough-given-back");
	place_remove(root, v->address);
	*result = changed ? RESULT_REMOVED : RESULT_UNCHANGED;
	return 0;
}

static int holders(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	int r;

	r = device_open(root, v->address, &dir, err);
	return r < 0 ? r : holders_of(root, dir, pid, err);
}

/* A GPU that is bound to vfio-pci, or one on which no vGPU can ever be made and that nothing keeps
 * on the host.  One with SR-IOV waits for its functions instead. */
static bool owns(int root, const char *pf)
{
	cleanup(cleanup_close) int dir = -1;
	char driver[DRIVER_SIZE];
	struct passthrough p;

	if (device_open(root, pf, &dir, NULL) < 0)
		return false;
	device_driver(dir, driver, sizeof(driver));
	if (strcmp(driver, VFIO_PCI) == 0)
		return true;
	return sysfs_u64_or(dir, "sriov_totalvfs", 0) == 0 &&
	       !sysfs_exists(dir, "mdev_supported_types") &&
	       passthrough_check(root, pf, &p, NULL) == 0;
}

static int inventory(int root, struct gpu *gpu, struct error *err)
{
	cleanup(holders_done) struct holders scan = { 0 };
	cleanup(cleanup_close) int dir = -1;
	struct place place;
	struct gpu_type *type;
	struct gpu_vgpu *v;
	uint32_t pid;
	bool ours;
	int r;

	r = device_open(root, gpu->address, &dir, err);
	if (r == 0)
		r = holders_scan(root, &scan, err);
	if (r < 0)
		return r;
	pid = holders_find(&scan, root, dir);
	type = calloc(1, sizeof(*type));
	v = calloc(1, sizeof(*v));
	if (!type || !v) {
		free(type);
		free(v);
		return error_set(err, ERR_NO_MEMORY, "out of memory listing %s", gpu->address);
	}
	*type = (struct gpu_type){ .name = HOST_WHOLE_PROFILE, .fb_mib = gpu->fb_mib, .max = 1 };
	*v = (struct gpu_vgpu){ .profile = HOST_WHOLE_PROFILE, .placement = PLACEMENT_NONE,
				.holder_pid = pid };
	TEXT_COPY(v->address, gpu->address);
	gpu->mode = GPU_MODE_WHOLE;
	gpu->types = type;
	gpu->types_n = 1;
	gpu->vgpus = v;
	/* One that Facet has given away is known by its lease; others show as who holds them. */
	ours = place_read(root, gpu->address, place_device(dir), &place, NULL) == 0;
	gpu->vgpus_n = pid && !ours;
	type->creatable = !pid && !ours;
	return 0;
}

const struct host_driver driver_passthrough = {
	.name = "passthrough",
	.framework = FRAMEWORK_PASSTHROUGH,
	.owns = owns,
	.inventory = inventory,
	.create = create,
	.destroy = destroy,
	.holders = holders,
};
