/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are no object: explanations, checks, the catalogue, this interface itself. */
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"

int version_get(struct request *rq, struct error *err)
{
	(void)err;
	request_json(rq, 200,
		     json_pack("{s:s, s:s, s:s}", "name", "facet", "version", FACET_VERSION, "api",
			       "v1"));
	return 0;
}

int openapi_get(struct request *rq, struct error *err)
{
	(void)err;
	request_json(rq, 200, api_openapi());
	return 0;
}

int doctor_get(struct request *rq, struct error *err)
{
	(void)err;
	request_json(rq, 200, controller_doctor(request_controller(rq)));
	return 0;
}

/* Whether each filter in the query equals the member of that name. */
static bool row_fits(const struct target *t, const json_t *row)
{
	for (size_t i = 0; i < t->query_n; i++) {
		const char *value = json_string_value(json_object_get(row, t->query[i].name));

		if (!value || strcmp(value, t->query[i].value) != 0)
			return false;
	}
	return true;
}

/* LIST, or its member "items", as the answer; consumes it. */
static void answer_rows(struct request *rq, json_t *list)
{
	json_t *rows = json_is_array(list) ? list : json_object_get(list, "items");
	json_t *kept = json_array(), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (row_fits(&rq->target, row))
			json_array_append(kept, row);
	json_decref(list);
	request_json(rq, 200,
		     json_pack("{s:o, s:I}", "items", kept, "revision",
			       (json_int_t)controller_revision(request_controller(rq))));
}

int domains_get(struct request *rq, struct error *err)
{
	(void)err;
	answer_rows(rq, controller_domains(request_controller(rq)));
	return 0;
}

int profiles_get(struct request *rq, struct error *err)
{
	(void)err;
	answer_rows(rq, controller_profiles(request_controller(rq)));
	return 0;
}

int vm_explain(struct request *rq, struct error *err)
{
	json_t *j = NULL;
	int r = controller_explain_vm(request_controller(rq), rq->params[0], &j, err);

	if (r == 0)
		request_json(rq, 200, j);
	return r;
}

int group_explain(struct request *rq, struct error *err)
{
	json_t *j = NULL;
	int r = controller_explain_group(request_controller(rq), rq->params[0], &j, err);

	if (r == 0)
		request_json(rq, 200, j);
	return r;
}

static int query_number(const struct request *rq, const char *name, uint32_t least, uint32_t most,
			uint32_t *ret, struct error *err)
{
	const char *value = target_query(&rq->target, name);
	uint64_t n;

	if (!value)
		return 0;
	if (!text_to_u64(value, most, &n) || n < least)
		return error_at(err, ERR_INVALID, "query", "%s is a whole number from %u to %u, "
				"not '%.40s'", name, least, most, value);
	*ret = (uint32_t)n;
	return 0;
}

int rebalance_post(struct request *rq, struct error *err)
{
	const char *dry = target_query(&rq->target, "dry_run");
	struct rebalance ask = { .group = target_query(&rq->target, "group"),
				 .moves = REBALANCE_MOVES_MAX };
	json_t *j = NULL;
	int r = query_number(rq, "moves", 1, REBALANCE_MOVES_MAX, &ask.moves, err);

	if (r == 0)
		r = query_number(rq, "budget_s", 1, REBALANCE_BUDGET_MAX, &ask.budget_s, err);
	if (r == 0 && (!dry || strcmp(dry, "1") != 0))
		r = error_at(err, ERR_INVALID, "query",
			     "moves are made by live migration, which this version does not have: "
			     "with dry_run=1 (`facet rebalance --dry-run`) it says which moves "
			     "would help");
	if (r == 0)
		r = controller_rebalance(request_controller(rq), &ask, &j, err);
	if (r == 0)
		request_json(rq, 200, j);
	return r;
}
