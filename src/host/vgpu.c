/* SPDX-License-Identifier: Apache-2.0 */
#include "host/vgpu.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "host/holders.h"

/* NVIDIA's driver says so of a vGPU without a fixed place. */
enum { NVIDIA_NO_PLACEMENT = 0xffff };

uint32_t vgpu_placement(int dir, const char *file)
{
	uint64_t id = sysfs_u64_or(dir, file, PLACEMENT_NONE);

	return id >= NVIDIA_NO_PLACEMENT ? PLACEMENT_NONE : (uint32_t)id;
}

struct vgpu_words vgpu_words(const struct host_vgpu *v)
{
	struct vgpu_words w;

	snprintf(w.text, sizeof(w.text), "%s on %s", v->profile, v->vf[0] ? v->vf : v->address);
	return w;
}

static int settle_placement(int dir, struct host_vgpu *v, bool *changed, struct error *err)
{
	static const char file[] = "nvidia/placement_id";
	uint32_t now = vgpu_placement(dir, file);
	struct error inner;
	char text[16];
	int e;

	if (v->placement != PLACEMENT_NONE && v->placement != now) {
		snprintf(text, sizeof(text), "%" PRIu32, v->placement);
		if (sysfs_write(dir, file, text, &e, &inner) == 0)
			*changed = true;
		else if (e != ENOENT && e != EACCES && e != EPERM)
			return error_set(err, ERR_NO_CAPACITY,
					 "the driver does not give placement %s to %s: %s; what "
					 "lies on the GPU is not what was thought",
					 text, vgpu_words(v).text, inner.text);
		now = vgpu_placement(dir, file);
	}
	v->placement = now;
	return 0;
}

/* Parameters can be cleared only all at once, by a single space. */
static int settle_params(int dir, const struct host_vgpu *v, bool *changed, struct error *err)
{
	static const char file[] = "nvidia/vgpu_params";
	char now[1025], *start = now;
	int r;

	r = sysfs_read(dir, file, now, sizeof(now), err);
	if (r == -ERR_NOT_FOUND && !v->params[0])
		return 0;
	if (r == -ERR_NOT_FOUND)
		return error_set(err, ERR_INVALID, "%s takes no vGPU parameters (%s asked for)",
				 vgpu_words(v).text, v->params);
	if (r < 0)
		return error_context(r, err, "parameters of %s", vgpu_words(v).text);
	start += strspn(start, " ");
	if (strcmp(start, v->params) == 0)
		return 0;
	r = sysfs_write(dir, file, v->params[0] ? v->params : " ", NULL, err);
	if (r < 0) {
		error_context(r, err, "the driver refused the parameters of %s; check their names "
			      "and values", vgpu_words(v).text);
		return r;
	}
	*changed = true;
	/* A driver may spell the list its own way, but it may not have dropped it. */
	if (sysfs_read(dir, file, now, sizeof(now), NULL) < 0 ||
	    (v->params[0] && now[strspn(now, " ")] == '\0'))
		return error_set(err, ERR_IO, "the driver forgot the parameters '%s' of %s",
				 v->params, vgpu_words(v).text);
	return 0;
}

int vgpu_settle(int dir, struct host_vgpu *v, bool *changed, struct error *err)
{
	int r;

	*changed = false;
	r = settle_placement(dir, v, changed, err);
	if (r < 0)
		return r;
	return settle_params(dir, v, changed, err);
}

int vgpu_check_idle(int root, int dir, const struct host_vgpu *v, uint32_t *pid, struct error *err)
{
	int r;

	r = holders_of(root, dir, pid, err);
	if (r < 0 || *pid == 0)
		return r;
	return error_set(err, ERR_BUSY, "process %" PRIu32 " holds %s open: stop its VM first",
			 *pid, vgpu_words(v).text);
}
