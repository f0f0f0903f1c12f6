/* SPDX-License-Identifier: Apache-2.0 */
/* vendor_vfio.c - vGPUs on SR-IOV functions through nvidia/current_vgpu_type.
 *
 * The whole interface is one file per VF: a type id written creates, 0 destroys, and what is read
 * is what exists.  The path of a VF is used again and again, so whose vGPU lies there is asked
 * before every write (state.h), nothing that somebody else made is overwritten, and each write is
 * read back.
 */
#include "host/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/crash.h"
#include "host/backoff.h"
#include "host/collect.h"
#include "host/known.h"
#include "host/state.h"
#include "host/vgpu.h"
#include "model/catalogue.h"

#define CURRENT "nvidia/current_vgpu_type"
#define CREATABLE "nvidia/creatable_vgpu_types"

static bool owns(int root, const char *pf)
{
	cleanup(functions_done) struct functions f = { 0 };
	char path[SYSFS_PATH_SIZE];

	if (inventory_functions(root, pf, &f, NULL) < 0)
		return false;
	for (size_t i = 0; i < f.n; i++)
		if (sysfs_exists(root, sysfs_path(path, "sys/bus/pci/devices/%s/" CURRENT,
						  f.address[i])))
			return true;
	return false;
}

/* Reads what may be made on the VF now into T; an empty list is an answer. */
static int read_creatable(int root, int dir, struct types *t, struct error *err)
{
	char list[SYSFS_TEXT_SIZE];
	int r;

	r = sysfs_read(dir, CREATABLE, list, sizeof(list), err);
	if (r < 0)
		return r;
	known_types_learn(root, dir, list);
	return types_parse_creatable(list, true, t, err);
}

static int inventory_vf(int root, const char *vf, const struct holders *holders,
			struct collect *c, struct error *err)
{
	struct gpu_vgpu v = { .placement = PLACEMENT_NONE };
	cleanup(cleanup_close) int dir = -1;
	uint64_t id;
	int r;

	r = device_open(root, vf, &dir, NULL);
	if (r < 0 || sysfs_read_u64(dir, CURRENT, &id, NULL) < 0)
		return collect_missing(c, vf);
	if (id == 0)
		return read_creatable(root, dir, &c->types, err);
	TEXT_COPY(v.address, vf);
	v.type_id = (uint32_t)id;
	v.placement = vgpu_placement(dir, "nvidia/placement_id");
	v.holder_pid = holders_find(holders, root, dir);
	return collect_vgpu(c, &v, err);
}

static int inventory(int root, struct gpu *gpu, struct error *err)
{
	cleanup(functions_done) struct functions f = { 0 };
	cleanup(holders_done) struct holders holders = { 0 };
	cleanup(collect_done) struct collect c = { 0 };
	int r;

	r = inventory_functions(root, gpu->address, &f, err);
	if (r == 0)
		r = holders_scan(root, &holders, err);
	for (size_t i = 0; i < f.n && r == 0; i++)
		r = inventory_vf(root, f.address[i], &holders, &c, err);
	if (r < 0)
		return error_context(r, err, "inventory of %s", gpu->address);
	gpu->vf_enabled = (uint32_t)f.n;
	return collect_into(&c, root, gpu, err);
}

/* Opens the VF of V and makes sure that it is one, of that GPU, with the files of this driver. */
static int open_vf(int root, const struct host_vgpu *v, int *ret, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	char pf[PCI_SIZE], driver[32];
	int r;

	r = device_open(root, v->vf, &dir, err);
	if (r < 0)
		return error_context(r, err,
				     "functions of %s are not enabled "
				     "(/usr/lib/nvidia/sriov-manage -e %s)",
				     v->address, v->address);
	if (!sysfs_link(dir, "physfn", pf, sizeof(pf)) || strcmp(pf, v->address) != 0)
		return error_set(err, ERR_NOT_FOUND, "%s is not a function of %s", v->vf,
				 v->address);
	device_driver(dir, driver, sizeof(driver));
	if (!sysfs_exists(dir, CURRENT))
		return error_set(err, ERR_NOT_FOUND,
				 "%s has no " CURRENT ": it is bound to %s and must be bound to "
				 "nvidia (clear its driver_override, write it to "
				 "/sys/bus/pci/drivers_probe)",
				 v->vf, driver[0] ? driver : "no driver");
	*ret = dir;
	dir = -1; /* given away */
	return 0;
}

/* Whether type ID is called V's profile: the longest list of types seen knows, or else the
 * catalogue, when it has both the name and the id. */
static bool is_named(int root, int dir, const struct host_vgpu *v, uint32_t id)
{
	cleanup(types_done) struct types known = { 0 };
	const struct catalogue_profile *p;
	const struct gpu_type *t = NULL;
	char pci_device[5], subsystem[5];

	if (known_types(root, dir, &known, NULL) == 0)
		t = types_by_id(&known, id);
	if (t)
		return strcmp(t->name, v->profile) == 0;
	device_ids(dir, pci_device, subsystem);
	p = catalogue_find(v->profile, pci_device);
	return p && p->type_id == id;
}

/* Whether the vGPU of type ID that lies on the VF is V.  Any path of a VF looks like any other, and
 * type ids are few, so what makes it ours is the record written when it was made; one that somebody
 * else made becomes ours only when V says that it may.
 *   BUSY  it is not V */
static int check_identity(int root, int dir, const struct host_vgpu *v, uint32_t id,
			  struct error *err)
{
	struct place place;

	if (place_read(root, v->vf, place_device(dir), &place, NULL) == 0) {
		if (place.type_id == id && strcmp(place.profile, v->profile) == 0)
			return 0;
	} else if (v->adopt && is_named(root, dir, v, id)) {
		return 0;
	} else if (!v->adopt) {
		return error_set(err, ERR_BUSY,
				 "%s carries a vGPU of type %" PRIu32 " that Facet did not "
				 "make; it is left alone",
				 v->vf, id);
	}
	return error_set(err, ERR_BUSY,
			 "%s carries a vGPU of type %" PRIu32 ", which is not the %s that "
			 "is meant; it is left alone",
			 v->vf, id, v->profile);
}

/* The numeric id that V's profile has on this very VF now. */
static int find_type(int root, int dir, const struct host_vgpu *v, uint32_t *ret, struct error *err)
{
	cleanup(types_done) struct types now = { 0 }, known = { 0 };
	const struct gpu_type *t;
	char pci_device[5], subsystem[5];
	int r;

	r = read_creatable(root, dir, &now, err);
	if (r == 0)
		r = known_types(root, dir, &known, err);
	if (r < 0)
		return r;
	t = types_by_name(&now, v->profile);
	if (t) {
		*ret = t->type_id;
		return 0;
	}
	device_ids(dir, pci_device, subsystem);
	if (!types_by_name(&known, v->profile) && !catalogue_find(v->profile, pci_device))
		return error_set(err, ERR_NOT_FOUND, "%s offers no vGPU type '%s'", v->vf,
				 v->profile);
	return error_set(err, ERR_NO_CAPACITY,
			 "the driver would not make %s now (%zu other types it would): other vGPUs "
			 "on %s leave no room for this size",
			 vgpu_words(v).text, now.n, v->address);
}

/* The driver's words for a write that failed. */
static int refused(const struct host_vgpu *v, const char *act, int e, struct error *err)
{
	if (e == EPERM || e == EBUSY)
		return error_set(err, ERR_BUSY, "%s %s: %s: a VM runs on it", act,
				 vgpu_words(v).text, strerror(e));
	if (e == EIO)
		return error_set(err, ERR_IO,
				 "%s %s: the driver refused (EIO); its reason is in the kernel "
				 "log: journalctl -k | grep NVRM",
				 act, vgpu_words(v).text);
	return error_errno(err, e, "%s %s", act, vgpu_words(v).text);
}

static int write_type(int dir, uint32_t id, int *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, id);
	return sysfs_write(dir, CURRENT, text, e, NULL);
}

/* Writes ID and believes only what is read afterwards. */
static int write_and_verify(int dir, const struct host_vgpu *v, uint32_t id, struct error *err)
{
	uint64_t now;
	int e, r;

	if (write_type(dir, id, &e) < 0)
		return refused(v, "create", e, err);
	crash_point("vendor-vfio-created");
	r = sysfs_read_u64(dir, CURRENT, &now, err);
	if (r < 0)
		return error_context(r, err, "create %s: read back", vgpu_words(v).text);
	if (now != id)
		return error_set(err, ERR_IO, "create %s: type %" PRIu32 " was written and %" PRIu64
				 " is read back", vgpu_words(v).text, id, now);
	return 0;
}

/* Waits until no vGPU is there.  The write may have to be repeated: a VM that has just ended keeps
 * the driver busy for a while. */
static int clear_type(int dir, const struct host_vgpu *v, struct error *err)
{
	struct backoff b = backoff_start(VGPU_REMOVE_LIMIT_MS);
	uint64_t now;
	int e = -1;

	do {
		if (e != 0)
			(void)!write_type(dir, 0, &e);
		if (sysfs_read_u64(dir, CURRENT, &now, err) < 0)
			return sysfs_exists(dir, CURRENT) ? -ERR_IO : 0; /* the VF itself is gone */
		if (now == 0)
			return 0;
	} while (backoff_wait(&b));
	if (e != 0)
		return refused(v, "remove", e, err);
	return error_set(err, ERR_IO,
			 "remove %s: 0 was written, and after %d s type %" PRIu64 " is still "
			 "there; only a sriov-manage -d and -e cycle of %s is known to help",
			 vgpu_words(v).text, VGPU_REMOVE_LIMIT_MS / 1000, now, v->address);
}

static int create_new(int root, int dir, struct host_vgpu *v, struct error *err)
{
	struct place place = { .device = place_device(dir), .generation = v->generation };
	bool changed;
	int r;

	r = find_type(root, dir, v, &place.type_id, err);
	if (r < 0)
		return r;
	TEXT_COPY(place.profile, v->profile);
	/* Recorded before it is done: a vGPU without a record would look like somebody else's. */
	r = place_write(root, v->vf, &place, err);
	if (r < 0)
		return r;
	crash_point("vendor-vfio-recorded");
	r = write_and_verify(dir, v, place.type_id, err);
	if (r == 0)
		r = vgpu_settle(dir, v, &changed, err);
	if (r < 0) {
		if (clear_type(dir, v, NULL) == 0)
			place_remove(root, v->vf);
		return r;
	}
	v->type_id = place.type_id;
	return 0;
}

/* A vGPU is there already.  The one that was asked for is verified, and put right as long as no VM
 * holds it; any other is left alone. */
static int verify(int root, int dir, struct host_vgpu *v, uint32_t id, enum result *result,
		  struct error *err)
{
	struct place place = { .device = place_device(dir), .generation = v->generation,
			       .type_id = id };
	bool changed = false;
	uint32_t pid;
	int r;

	r = place_check(root, v->vf, place_device(dir), v->generation, err);
	if (r == 0)
		r = check_identity(root, dir, v, id, err);
	if (r == 0)
		r = holders_of(root, dir, &pid, err);
	if (r < 0)
		return r;
	if (pid)
		v->placement = vgpu_placement(dir, "nvidia/placement_id");
	else
		r = vgpu_settle(dir, v, &changed, err);
	if (r < 0)
		return r;
	TEXT_COPY(place.profile, v->profile);
	r = place_write(root, v->vf, &place, err);
	if (r < 0)
		return r;
	v->type_id = id;
	*result = changed ? RESULT_CHANGED : RESULT_UNCHANGED;
	return 0;
}

static int create(int root, struct host_vgpu *v, enum result *result, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	uint64_t now;
	int r;

	r = open_vf(root, v, &dir, err);
	if (r == 0)
		r = sysfs_read_u64(dir, CURRENT, &now, err);
	if (r < 0)
		return r;
	if (now)
		return verify(root, dir, v, (uint32_t)now, result, err);
	r = create_new(root, dir, v, err);
	if (r == 0)
		*result = RESULT_CREATED;
	return r;
}

static int destroy_existing(int root, int dir, const struct host_vgpu *v, uint32_t id,
			    uint32_t *pid, struct error *err)
{
	int r;

	r = place_check(root, v->vf, place_device(dir), v->generation, err);
	if (r == 0)
		r = check_identity(root, dir, v, id, err);
	if (r == 0)
		r = vgpu_check_idle(root, dir, v, pid, err);
	if (r < 0)
		return r;
	return clear_type(dir, v, err);
}

static int destroy(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
		   struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	uint64_t now = 0;
	int r = 0;

	*pid = 0;
	/* Without its function a vGPU is gone: a reboot, a driver reload, sriov-manage -d. */
	if (open_vf(root, v, &dir, NULL) == 0) {
		r = sysfs_read_u64(dir, CURRENT, &now, err);
		if (r == 0 && now)
			r = destroy_existing(root, dir, v, (uint32_t)now, pid, err);
		if (r < 0)
			return r;
	}
	crash_point("vendor-vfio-removed");
	/* A later owner may have been written down already, and be about to create. */
	if (dir < 0 || place_check(root, v->vf, place_device(dir), v->generation, NULL) == 0)
		place_remove(root, v->vf);
	*result = now ? RESULT_REMOVED : RESULT_UNCHANGED;
	return 0;
}

static int holders(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	int r;

	r = device_open(root, v->vf, &dir, err);
	return r < 0 ? r : holders_of(root, dir, pid, err);
}

const struct host_driver driver_vendor_vfio = {
	.name = "vendor-vfio",
	.framework = FRAMEWORK_VENDOR_VFIO,
	.owns = owns,
	.inventory = inventory,
	.create = create,
	.destroy = destroy,
	.holders = holders,
	.set_mode = mode_set,
};
