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
