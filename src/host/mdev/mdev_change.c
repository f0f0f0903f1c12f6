/* SPDX-License-Identifier: Apache-2.0 */
/* mdev_change.c - making and removing one mediated device.
 *
 * Its UUID is chosen by Facet when the slice is reserved, so that a step that runs twice names the
 * same device: one with this UUID, type and parent is the one that was asked for.
 */
#include "host/mdev/mdev.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/crash.h"
#include "base/text.h"
#include "host/backoff.h"
#include "host/device.h"
#include "host/state.h"
#include "host/vgpu.h"

#define TYPES "mdev_supported_types"

enum { APPEAR_LIMIT_MS = 2000 };

static const char *parent_of(const struct host_vgpu *v)
{
	return v->vf[0] ? v->vf : v->address;
}

static int open_mdev(int root, const char *uuid, int *ret)
{
	char path[SYSFS_PATH_SIZE];

	return sysfs_open(root, sysfs_path(path, "sys/bus/mdev/devices/%s", uuid), ret, NULL);
}

/* The parent is the directory above the device, whatever the bus: ".../0000:41:00.4/UUID". */
static bool read_parent(int root, const char *uuid, char *ret, size_t size)
{
	char path[SYSFS_PATH_SIZE], target[4096], *end, *start;
	ssize_t n;

	sysfs_path(path, "sys/bus/mdev/devices/%s", uuid);
	n = readlinkat(root, path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	end = strrchr(target, '/');
	if (!end || strcmp(end + 1, uuid) != 0)
		return false;
	*end = '\0';
	start = strrchr(target, '/');
	return start && text_copy(ret, size, start + 1);
}

static bool read_type_name(int mdev, char name[PROFILE_SIZE], uint32_t *id)
{
	char directory[256];

	if (!sysfs_link(mdev, "mdev_type", directory, sizeof(directory)))
		return false;
	*id = types_id_of_directory(directory);
	return sysfs_read(mdev, "mdev_type/name", name, PROFILE_SIZE, NULL) == 0 ||
	       text_copy(name, PROFILE_SIZE, directory);
}

/* Whether the mdev that exists is V: same parent, same type.  *ID is its type's number.
 *   BUSY  it is another one */
static int check_identity(int root, int mdev, const struct host_vgpu *v, uint32_t *id,
			  struct error *err)
{
	char parent[PCI_SIZE] = "?", type[PROFILE_SIZE] = "?";

	if (read_parent(root, v->mdev_uuid, parent, sizeof(parent)) &&
	    read_type_name(mdev, type, id) && strcmp(parent, parent_of(v)) == 0 &&
	    strcmp(type, v->profile) == 0)
		return 0;
	return error_set(err, ERR_BUSY, "mdev %s is %s on %s, not %s on %s; it is left alone",
			 v->mdev_uuid, type, parent, v->profile, parent_of(v));
}

/* Finds the directory of V's type by the name that the driver gives it. */
static int find_type(int dir, const struct host_vgpu *v, char *ret, size_t size, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	char path[SYSFS_PATH_SIZE], name[PROFILE_SIZE];
	int r;

	r = sysfs_list(dir, TYPES, &list, err);
	if (r < 0)
		return error_context(r, err, "%s makes no mediated devices", parent_of(v));
	for (size_t i = 0; i < list.n; i++) {
		if (sysfs_read(dir, sysfs_path(path, TYPES "/%s/name", list.names[i]), name,
			       sizeof(name), NULL) < 0 &&
		    !TEXT_COPY(name, list.names[i]))
			continue;
		if (strcmp(name, v->profile) == 0 && text_copy(ret, size, list.names[i]))
			return 0;
	}
	return error_set(err, ERR_NOT_FOUND, "%s offers no vGPU type '%s' (%zu others)",
			 parent_of(v), v->profile, list.n);
}

static int refused(const struct host_vgpu *v, int e, struct error *err)
{
	if (e == ENOSPC || e == EUSERS)
		return error_set(err, ERR_NO_CAPACITY, "create %s: the driver has no instance left",
				 vgpu_words(v).text);
	if (e == EIO || e == EINVAL)
		return error_set(err, ERR_IO,
				 "create %s: the driver refused (%s); its reason is in the kernel "
				 "log: journalctl -k | grep -e NVRM -e nvidia-vgpu",
				 vgpu_words(v).text, strerror(e));
	return error_errno(err, e, "create %s", vgpu_words(v).text);
}

/* Waits for the device to appear: creation is synchronous, its directory may lag. */
static int wait_for(int root, const struct host_vgpu *v, int *ret, struct error *err)
{
	struct backoff b = backoff_start(APPEAR_LIMIT_MS);

	do
		if (open_mdev(root, v->mdev_uuid, ret) == 0)
			return 0;
	while (backoff_wait(&b));
	return error_set(err, ERR_IO, "create %s: the driver took UUID %s and no device appeared",
			 vgpu_words(v).text, v->mdev_uuid);
}

/* Writes the UUID into the type's create file. */
static int make(int root, struct host_vgpu *v, struct place *place, struct error *err)
{
	char type[SYSFS_PATH_SIZE / 2], path[SYSFS_PATH_SIZE];
	cleanup(cleanup_close) int dir = -1;
	int e, r;

	r = device_open(root, parent_of(v), &dir, err);
	if (r == 0)
		r = find_type(dir, v, type, sizeof(type), err);
	if (r < 0)
		return r;
	if (sysfs_u64_or(dir, sysfs_path(path, TYPES "/%s/available_instances", type), 1) == 0)
		return error_set(err, ERR_NO_CAPACITY,
				 "create %s: available_instances is 0: what exists "
				 "on the GPU leaves no room for it",
				 vgpu_words(v).text);
	place->type_id = types_id_of_directory(type);
	r = place_write(root, v->mdev_uuid, place, err);
	if (r < 0)
		return r;
	crash_point("mdev-recorded");
	sysfs_path(path, TYPES "/%s/create", type);
	if (sysfs_write(dir, path, v->mdev_uuid, &e, NULL) < 0)
		return refused(v, e, err);
	crash_point("mdev-created");
	return 0;
}

/* A driver may refuse while the last user is still leaving (EAGAIN, EBUSY), or remove the device
 * itself meanwhile; only its absence counts. */
static int remove_mdev(int root, const struct host_vgpu *v, uint32_t limit_ms, bool write,
		       struct error *err)
{
	struct backoff b = backoff_start(limit_ms);
	char path[SYSFS_PATH_SIZE];
	int e = -1;

	do {
		cleanup(cleanup_close) int mdev = -1;

		if (open_mdev(root, v->mdev_uuid, &mdev) < 0)
			return 0;
		if (write && e != 0)
			(void)!sysfs_write(root, sysfs_path(path, "sys/bus/mdev/devices/%s/remove",
							    v->mdev_uuid), "1", &e, NULL);
	} while (backoff_wait(&b));
	return error_set(err, ERR_IO, "remove %s: mdev %s is still there after %" PRIu32 " ms%s%s",
			 vgpu_words(v).text, v->mdev_uuid, limit_ms, e > 0 ? ": " : "",
			 e > 0 ? strerror(e) : "");
}

static int create_new(int root, struct host_vgpu *v, struct error *err)
{
	struct place place = { .generation = v->generation };
	cleanup(cleanup_close) int mdev = -1;
	bool changed, ours = false;
	int r;

	TEXT_COPY(place.profile, v->profile);
	r = make(root, v, &place, err);
	if (r == 0)
		r = wait_for(root, v, &mdev, err);
	if (r == 0)
		r = check_identity(root, mdev, v, &v->type_id, err);
	ours = r == 0;
	if (r == 0)
		r = vgpu_settle(mdev, v, &changed, err);
	/* Only what was seen to be ours is taken away again. */
	if (r < 0 && (!ours || remove_mdev(root, v, VGPU_REMOVE_LIMIT_MS, true, NULL) == 0))
		place_remove(root, v->mdev_uuid);
	return r;
}

static int verify(int root, int mdev, struct host_vgpu *v, enum result *result, struct error *err)
{
	struct place place = { .generation = v->generation };
	bool changed = false;
	uint32_t pid, id = 0;
	int r;

	r = check_identity(root, mdev, v, &id, err);
	if (r == 0)
		r = holders_of(root, mdev, &pid, err);
	if (r < 0)
		return r;
	if (pid)
		v->placement = vgpu_placement(mdev, "nvidia/placement_id");
	else
		r = vgpu_settle(mdev, v, &changed, err);
	if (r < 0)
		return r;
	v->type_id = place.type_id = id;
	TEXT_COPY(place.profile, v->profile);
	r = place_write(root, v->mdev_uuid, &place, err);
	if (r == 0)
		*result = changed ? RESULT_CHANGED : RESULT_UNCHANGED;
	return r;
}

int mdev_create(int root, struct host_vgpu *v, enum result *result, struct error *err)
{
	cleanup(cleanup_close) int mdev = -1;
	int r;

	r = place_check(root, v->mdev_uuid, 0, v->generation, err);
	if (r < 0)
		return r;
	if (open_mdev(root, v->mdev_uuid, &mdev) == 0)
		return verify(root, mdev, v, result, err);
	r = create_new(root, v, err);
	if (r == 0)
		*result = RESULT_CREATED;
	return r;
}

/* NVIDIA's drivers of vGPU 14 and 15 (510, 525) remove the mdev by themselves once its VM has
 * stopped, and one that is removed twice is lost until reboot: they get their time first. */
static uint32_t grace_ms(int root)
{
	char version[24];

	device_driver_version(root, version, sizeof(version));
	return text_starts_with(version, "510.") || text_starts_with(version, "525.") ? 5000 : 0;
}

int mdev_destroy(int root, const struct host_vgpu *v, enum result *result, uint32_t *pid,
		 struct error *err)
{
	cleanup(cleanup_close) int mdev = -1;
	bool was_there;
	uint32_t id;
	int r;

	*pid = 0;
	r = place_check(root, v->mdev_uuid, 0, v->generation, err);
	if (r < 0)
		return r;
	was_there = open_mdev(root, v->mdev_uuid, &mdev) == 0;
	if (was_there) {
		r = check_identity(root, mdev, v, &id, err);
		/* Writing "remove" while a VMM has it open would block in the kernel. */
		if (r == 0)
			r = vgpu_check_idle(root, mdev, v, pid, err);
		if (r == 0 &&
		    (!grace_ms(root) || remove_mdev(root, v, grace_ms(root), false, NULL) < 0))
			r = remove_mdev(root, v, VGPU_REMOVE_LIMIT_MS, true, err);
		if (r < 0)
			return r;
	}
	crash_point("mdev-removed");
	place_remove(root, v->mdev_uuid);
	*result = was_there ? RESULT_REMOVED : RESULT_UNCHANGED;
	return 0;
}

int mdev_holders(int root, const struct host_vgpu *v, uint32_t *pid, struct error *err)
{
	cleanup(cleanup_close) int mdev = -1;

	if (open_mdev(root, v->mdev_uuid, &mdev) < 0)
		return error_set(err, ERR_NOT_FOUND, "the host has no mdev %s", v->mdev_uuid);
	return holders_of(root, mdev, pid, err);
}
