/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/root/work.h"

#include <string.h>

#include "base/crash.h"
#include "host/driver.h"
#include "host/vf.h"

struct job {
	int root;
	const struct host_request *q;
	const struct host_driver *driver;
	struct host_reply *reply;
	enum result result;
};

static int create(struct job *j)
{
	struct host_vgpu v = j->q->vgpu;
	int r = j->driver->create(j->root, &v, &j->result, &j->reply->err);

	crash_point("root.vgpu.created");
	if (r == 0) {
		j->reply->type_id = v.type_id;
		j->reply->placement = v.placement;
	}
	return r;
}

static int destroy(struct job *j)
{
	int r = j->driver->destroy(j->root, &j->q->vgpu, &j->result, &j->reply->holder_pid,
				   &j->reply->err);

	crash_point("root.vgpu.destroyed");
	return r;
}

static int holders(struct job *j)
{
	j->result = RESULT_UNCHANGED;
	return j->driver->holders(j->root, &j->q->vgpu, &j->reply->holder_pid, &j->reply->err);
}

static int set_mode(struct job *j)
{
	int r;

	if (!j->driver->set_mode)
		return error_set(&j->reply->err, ERR_INVALID,
				 "set the mode of %s: a GPU of framework %s has no such choice",
				 j->q->vgpu.address, j->driver->name);
	r = j->driver->set_mode(j->root, j->q->vgpu.address, (enum gpu_mode)j->q->mode,
				&j->result, &j->reply->err);
	crash_point("root.mode.set");
	return r;
}

static int enable(struct job *j)
{
	int r = vf_enable(j->root, j->q->vgpu.address, &j->result, &j->reply->err);

	crash_point("root.vf.enabled");
	return r;
}

static const struct {
	int (*run)(struct job *j);
	bool no_driver; /* the GPU shows its framework only afterwards */
} operations[HOST_OP_COUNT] = {
	[HOST_OP_VF_ENABLE] = { enable, true },
	[HOST_OP_VGPU_CREATE] = { create, false },
	[HOST_OP_VGPU_DESTROY] = { destroy, false },
	[HOST_OP_VGPU_HOLDERS] = { holders, false },
	[HOST_OP_MODE_SET] = { set_mode, false },
};

bool work_is_ours(int32_t op)
{
	return op >= 0 && op < HOST_OP_COUNT && operations[op].run;
}

void work_do(int root, const struct host_request *q, struct host_reply *ret)
{
	struct host_reply reply = { .placement = PLACEMENT_NONE };
	struct job j = { root, q, NULL, &reply, RESULT_NONE };

	j.driver = host_driver_of((enum framework)q->vgpu.framework);
	if (!j.driver && !operations[q->op].no_driver)
		reply.r = error_set(&reply.err, ERR_INVALID, "%s on %s: no driver makes vGPUs of "
				    "framework %d", host_op_names.words[q->op], q->vgpu.address,
				    q->vgpu.framework);
	else
		reply.r = operations[q->op].run(&j);
	reply.result = reply.r < 0 ? RESULT_REFUSED : (int32_t)j.result;
	*ret = reply;
}
