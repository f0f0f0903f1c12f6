/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - what the root half does itself: the requests that are a driver's. */
#pragma once

#include "host/request.h"

/* Does Q, which was checked, below the open directory ROOT, and fills *RET but its number. */
void work_do(int root, const struct host_request *q, struct host_reply *ret);

/* Whether OP is done by a driver; the others are libvirt's. */
bool work_is_ours(int32_t op);
