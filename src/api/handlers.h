/* SPDX-License-Identifier: Apache-2.0 */
/* handlers.h - what the routes do.  The names in the path are checked before. */
#pragma once

#include "api/request.h"

/* By what the route table says of the route. */
int object_list(struct request *rq, struct error *err);
int object_get(struct request *rq, struct error *err);
int command_submit(struct request *rq, struct error *err);

route_fn version_get, openapi_get, doctor_get, domains_get, profiles_get;
route_fn vm_explain, group_explain, rebalance_post;
route_fn watch_get, wanted_get;
