/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/nouns.h"

/* ---- memory that runs out: calloc and strdup of the code under test come here ---- */

static int allocations_left = -1; /* -1: no limit */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);

static bool is_spent(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_spent() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *s)
{
	return is_spent() ? NULL : __real_strdup(s);
}

/* ---- a noun with one field of every kind ---- */

struct part {
	char name[8];
	char *note;
	uint32_t count;
};

static const struct field part_rows[] = {
	FIELD(struct part, name, FIELD_NAME, FIELD_REQUIRED, "Name of the part"),
	FIELD(struct part, note, FIELD_TEXT, 0, "A note"),
	FIELD_NUMBER(struct part, count, FIELD_U32, 0, 1, 16, "How many"),
};
static const struct fields part_fields = FIELDS("part", struct part, part_rows);

struct thing {
	char name[8], words[8];
	struct part inside;
	char *note, *last;
	uint32_t small;
	uint64_t big;
	int64_t time;
	bool on;
	int state;
	struct part *parts;
	size_t parts_n;
	char **tags;
	size_t tags_n;
	char seen[8];
};

static const struct field thing_rows[] = {
	FIELD(struct thing, name, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED, "Name of the thing"),
	FIELD(struct thing, words, FIELD_STRING, 0, "Words"),
	FIELD(struct thing, note, FIELD_TEXT, 0, "A note"),
	FIELD_NUMBER(struct thing, small, FIELD_U32, 0, 0, 9, "At most 9"),
	FIELD(struct thing, big, FIELD_U64, 0, "Any"),
	FIELD(struct thing, time, FIELD_I64, 0, "Any sign"),
	FIELD(struct thing, on, FIELD_BOOL, 0, "On"),
	FIELD_WORD(struct thing, state, 0, &vm_wanted_names, "State"),
	FIELD_ROWS(struct thing, parts, parts_n, 0, 3, &part_fields, "Parts"),
	FIELD_WORDS(struct thing, tags, tags_n, 0, 2, "Tags"),
	FIELD(struct thing, seen, FIELD_STRING, FIELD_READONLY, "Filled in"),
	{ .name = "inside", .kind = FIELD_OBJECT, .offset = offsetof(struct thing, inside),
	  .size = sizeof(struct part), .sub = &part_fields, .says = "A part within" },
	FIELD(struct thing, last, FIELD_TEXT, 0, "After the embedded one"),
};
static const struct fields thing_fields = FIELDS("thing", struct thing, thing_rows);

static const struct fields *const nouns[] = {
	&gpu_type_fields, &gpu_vgpu_fields, &gpu_fields, &check_fields, &host_fields, &group_fields,
	&vm_device_fields, &vm_fields, &lease_fields, &step_fields, &refusal_fields,
	&operation_fields, &event_fields, &thing_fields,
};
enum { NOUNS = sizeof(nouns) / sizeof(nouns[0]) };

/* ---- filling any noun from its table ---- */

static void fill(const struct fields *f, void *target, int seed);

static void fill_rows(const struct field *f, void *base, int seed)
{
	size_t n = f->max && f->max < 2 ? f->max : 2;
	char *rows = __real_calloc(n, f->kind == FIELD_LIST ? f->size : sizeof(char *));

	for (size_t i = 0; i < n; i++) {
		if (f->kind == FIELD_LIST)
			fill(f->sub, rows + i * f->size, seed + (int)i);
		else
			((char **)rows)[i] = __real_strdup(i ? "zwei \xe2\x82\xac" : "one");
	}
	*(void **)((char *)base + f->offset) = rows;
	*(size_t *)((char *)base + f->count_offset) = n;
}

static void fill_field(const struct field *f, void *base, int seed)
{
	void *slot = (char *)base + f->offset;

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_NAME:
		snprintf(slot, f->size, "s%d", seed);
		break;
	case FIELD_TEXT:
		*(char **)slot = __real_strdup("some \"text\" \xc3\xa9");
		break;
	case FIELD_U32:
		*(uint32_t *)slot = f->max ? (uint32_t)f->max : UINT32_MAX;
		break;
	case FIELD_U64:
		*(uint64_t *)slot = f->max ? f->max : INT64_MAX;
		break;
	case FIELD_I64:
		*(int64_t *)slot = INT64_MIN;
		break;
	case FIELD_BOOL:
		*(bool *)slot = true;
		break;
	case FIELD_ENUM:
		*(int *)slot = (int)f->names->n - 1;
		break;
	case FIELD_LIST:
	case FIELD_STRINGS:
		fill_rows(f, base, seed);
		break;
	case FIELD_OBJECT:
		fill(f->sub, slot, seed);
		break;
	}
}

static void fill(const struct fields *f, void *target, int seed)
{
	for (size_t i = 0; i < f->n; i++)
		fill_field(&f->rows[i], target, seed + (int)i);
}

static void *filled(const struct fields *f, int seed)
{
	void *target = __real_calloc(1, f->size);

	fill(f, target, seed);
	return target;
}

static void drop(const struct fields *f, void *target)
{
	fields_done(f, target);
	free(target);
}

static char *text_of(const struct fields *f, const void *source)
{
	json_t *j = fields_write(f, source);
	char *line = json_line(j);

	json_decref(j);
	return line;
}

/* ---- whole nouns ---- */

static void assert_round_trip(const struct fields *f, const void *source)
{
	void *back = __real_calloc(1, f->size);
	json_t *j = fields_write(f, source);
	struct error err = { 0 };

	assert_int_equal(json_object_size(j), f->n);
	if (fields_read(f, j, FIELDS_TRUSTED, back, &err) < 0)
		fail_msg("%s: %s", f->noun, err.text);
	assert_true(fields_equal(f, source, back));
	json_decref(j);
	drop(f, back);
}

static void every_noun_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		void *full = filled(nouns[i], i);

		assert_round_trip(nouns[i], full);
		drop(nouns[i], full);
	}
}

/* 0 and "" mean "not known": what the store took, the store must give back. */
static void every_empty_noun_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		void *empty = __real_calloc(1, nouns[i]->size);

		assert_round_trip(nouns[i], empty);
		drop(nouns[i], empty);
	}
}

static void a_copy_says_the_same_and_shares_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		void *full = filled(nouns[i], i), *copy = filled(nouns[i], 50);
		char *before = text_of(nouns[i], full), *after;

		assert_int_equal(fields_copy(nouns[i], full, copy, NULL), 0);
		assert_true(fields_equal(nouns[i], full, copy));
		drop(nouns[i], full);
		after = text_of(nouns[i], copy);
		assert_string_equal(before, after);
		free(before);
		free(after);
		drop(nouns[i], copy);
	}
}

static void equal_means_equal_in_every_field(void **state)
{
	struct thing *a = filled(&thing_fields, 1), *b = filled(&thing_fields, 1);

	(void)state;
	assert_true(fields_equal(&thing_fields, a, b));
	b->parts[1].count = 3;
	assert_false(fields_equal(&thing_fields, a, b));
	b->parts[1].count = a->parts[1].count;
	b->tags[1][0] = 'Z';
	assert_false(fields_equal(&thing_fields, a, b));
	b->tags[1][0] = a->tags[1][0];
	b->inside.note[0] = 'S';
	assert_false(fields_equal(&thing_fields, a, b));
	drop(&thing_fields, a);
	drop(&thing_fields, b);
}

static void a_freed_noun_is_zeroed(void **state)
{
	struct thing *t = filled(&thing_fields, 1), zero = { 0 };

	(void)state;
	fields_done(&thing_fields, t);
	assert_memory_equal(t, &zero, sizeof(zero));
	fields_done(&thing_fields, t);
	free(t);
}

/* Runs ACT with memory for 0, 1, 2 ... allocations until it succeeds. */
static void out_of_memory(int (*act)(struct thing *target))
{
	int r = -1;

	for (int left = 0; r != 0; left++) {
		struct thing *target = filled(&thing_fields, 7);
		char *before = text_of(&thing_fields, target), *after;

		assert_true(left < 100);
		allocations_left = left;
		r = act(target);
		allocations_left = -1;
		assert_true(r == 0 || r == -ERR_NO_MEMORY);
		after = text_of(&thing_fields, target);
		if (r < 0)
			assert_string_equal(before, after);
		else
			assert_string_not_equal(before, after);
		free(before);
		free(after);
		drop(&thing_fields, target);
	}
}

static struct thing *copied;

static int copy_over(struct thing *target)
{
	return fields_copy(&thing_fields, copied, target, NULL);
}

static void a_copy_without_memory_changes_and_leaks_nothing(void **state)
{
	(void)state;
	copied = filled(&thing_fields, 1);
	out_of_memory(copy_over);
	drop(&thing_fields, copied);
}

static json_t *read_from;

static int read_over(struct thing *target)
{
	return fields_read(&thing_fields, read_from, FIELDS_TRUSTED, target, NULL);
}

static void a_read_without_memory_changes_and_leaks_nothing(void **state)
{
	struct thing *source = filled(&thing_fields, 1);

	(void)state;
	read_from = fields_write(&thing_fields, source);
	out_of_memory(read_over);
	json_decref(read_from);
	drop(&thing_fields, source);
}

/* sysfs and drivers give bytes; a board name in Latin-1 must not lose the whole GPU. */
/* ---- text ---- */

static void assert_same_text(const struct fields *f, const void *source)
{
	char *through_tree = text_of(f, source), *text = fields_text(f, source);

	assert_string_equal(text, through_tree);
	free(through_tree);
	free(text);
}

static void text_is_what_the_tree_would_give(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		void *full = filled(nouns[i], i), *empty = __real_calloc(1, nouns[i]->size);

		assert_same_text(nouns[i], full);
		assert_same_text(nouns[i], empty);
		drop(nouns[i], full);
		drop(nouns[i], empty);
	}
}

/* What is read without a tree is what is read through one, or is left to it. */
static bool assert_same_read(const struct fields *f, const char *text)
{
	void *quick = __real_calloc(1, f->size), *slow = __real_calloc(1, f->size);
	bool taken = fields_read_text(f, text, quick);
	json_t *j = NULL;

	if (taken) {
		assert_int_equal(json_parse(text, strlen(text), 1 << 20, &j, NULL), 0);
		assert_int_equal(fields_read(f, j, FIELDS_TRUSTED, slow, NULL), 0);
		json_decref(j);
	}
	assert_true(fields_equal(f, quick, slow));
	drop(f, quick);
	drop(f, slow);
	return taken;
}

static void text_is_read_as_the_tree_would_be(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		void *full = filled(nouns[i], i), *empty = __real_calloc(1, nouns[i]->size);
		char *full_text = fields_text(nouns[i], full);
		char *empty_text = fields_text(nouns[i], empty);

		/* Full ones may have a quote in a text, which is escaped, or INT64_MIN. */
		assert_same_read(nouns[i], full_text);
		assert_true(assert_same_read(nouns[i], empty_text));
		free(full_text);
		free(empty_text);
		drop(nouns[i], full);
		drop(nouns[i], empty);
	}
}

static void damaged_text_is_never_taken_for_something_else(void **state)
{
	static const char bytes[] = "\"\\{}[],:0123456789-+.eE truefalsn\x80\xc3\x7f\x01";
	struct vm_device device = { .name = "gpu0", .group = "g", .profile = "NVIDIA L40S-8Q",
				    .count = 2, .params = "p=\xc3\xa9" };
	struct vm vm = { .name = "vm1", .host = "h", .priority = 7, .run = 12, .devices = &device,
			 .devices_n = 1 };
	char *text = fields_text(&vm_fields, &vm);
	size_t n = strlen(text);

	(void)state;
	assert_true(assert_same_read(&vm_fields, text));
	text = realloc(text, n + 2);
	memcpy(text + n, "}", 2);
	assert_false(assert_same_read(&vm_fields, text));
	text[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		char kept = text[i], *shorter;

		for (size_t b = 0; b < sizeof(bytes); b++) {
			text[i] = bytes[b];
			assert_same_read(&vm_fields, text);
		}
		text[i] = kept;
		shorter = __real_strdup(text);
		memmove(shorter + i, shorter + i + 1, n - i);
		assert_same_read(&vm_fields, shorter);
		free(shorter);
	}
	free(text);
}

static void any_bytes_are_written_as_the_tree_writes_them(void **state)
{
	uint64_t x = 88172645463325252u;
	char note[9];
	struct part p = { .name = "p", .note = note };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(note, &x, 8);
		note[8] = '\0';
		/* Half of them with few high bytes, which are hardly ever well-formed. */
		for (int i = 0; round % 2 && i < 8; i++)
			note[i] &= 0x7f;
		p.count = (uint32_t)x;
		assert_same_text(&part_fields, &p);
	}
}

static void bytes_that_are_no_utf8_are_written_as_question_marks(void **state)
{
	struct thing t = { .words = "a\xe9z", .note = (char *)"\xff!" };
	char *line = text_of(&thing_fields, &t);

	(void)state;
	assert_non_null(strstr(line, "\"words\":\"a?z\""));
	assert_non_null(strstr(line, "\"note\":\"?!\""));
	free(line);
}

/* ---- what a client may say ---- */

static int read_text_into(struct thing *t, const char *text, enum fields_source source,
			  struct error *err)
{
	json_t *j = NULL;
	int r;

	if (json_parse(text, strlen(text), JSON_BODY_MAX, &j, err) < 0)
		fail_msg("%s: %s", text, err->text);
	r = fields_read(&thing_fields, j, source, t, err);
	json_decref(j);
	return r;
}

static void refused(const char *text, enum fields_source source, const char *place,
		    const char *says)
{
	struct thing *t = filled(&thing_fields, 3);
	char *before = text_of(&thing_fields, t), *after;
	struct error err = { 0 };

	if (read_text_into(t, text, source, &err) != -ERR_INVALID)
		fail_msg("taken: %s", text);
	if (strcmp(err.place, place) != 0 || !strstr(err.text, says))
		fail_msg("%s: '%s' at '%s'", text, err.text, err.place);
	after = text_of(&thing_fields, t);
	assert_string_equal(before, after);
	free(before);
	free(after);
	drop(&thing_fields, t);
}

static void taken(struct thing *t, const char *text, enum fields_source source)
{
	struct error err = { 0 };

	if (read_text_into(t, text, source, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void errors_point_at_the_value(void **state)
{
	(void)state;
	refused("[]", FIELDS_UPDATE, "", "the body must be an object");
	refused("{\"words\":1}", FIELDS_UPDATE, "/words", "a string");
	refused("{\"words\":null}", FIELDS_UPDATE, "/words", "a string");
	refused("{\"words\":\"12345678\"}", FIELDS_UPDATE, "/words", "8 bytes, at most 7");
	refused("{\"words\":\"a\\nb\"}", FIELDS_UPDATE, "/words", "control character at byte 2");
	refused("{\"words\":\"\\u007f\"}", FIELDS_UPDATE, "/words", "control");
	refused("{\"small\":10}", FIELDS_UPDATE, "/small", "0 to 9, is 10");
	refused("{\"small\":-1}", FIELDS_UPDATE, "/small", "0 to 9, is -1");
	refused("{\"small\":1.0}", FIELDS_UPDATE, "/small", "a whole number");
	refused("{\"small\":\"1\"}", FIELDS_UPDATE, "/small", "a whole number");
	refused("{\"big\":-1}", FIELDS_UPDATE, "/big", "is -1");
	refused("{\"on\":1}", FIELDS_UPDATE, "/on", "true or false");
	refused("{\"state\":\"Running\"}", FIELDS_UPDATE, "/state", "one of stopped, running");
	refused("{\"state\":1}", FIELDS_UPDATE, "/state", "one of");
	refused("{\"inside\":3}", FIELDS_UPDATE, "/inside", "an object");
	refused("{\"inside\":{\"count\":99}}", FIELDS_UPDATE, "/inside/count", "1 to 16");
	refused("{\"parts\":{}}", FIELDS_UPDATE, "/parts", "a list");
	refused("{\"parts\":[1]}", FIELDS_UPDATE, "/parts/0", "an object");
	refused("{\"tags\":[\"a\",2]}", FIELDS_UPDATE, "/tags/1", "a string");
	refused("{\"tags\":[\"a\",\"b\",\"c\"]}", FIELDS_UPDATE, "/tags", "3 rows, at most 2");
}

static void errors_in_rows_point_into_the_row(void **state)
{
	(void)state;
	refused("{\"parts\":[{\"name\":\"a\"},{\"name\":\"b\",\"count\":0}]}", FIELDS_UPDATE,
		"/parts/1/count", "1 to 16, is 0");
	refused("{\"parts\":[{\"name\":\"a b\"}]}", FIELDS_UPDATE, "/parts/0/name", "letters");
	refused("{\"parts\":[{\"name\":\"\"}]}", FIELDS_UPDATE, "/parts/0/name", "1 to 63");
	/* A row of an update is a new row: what a new one needs, it needs. */
	refused("{\"parts\":[{\"count\":1}]}", FIELDS_UPDATE, "/parts/0/name", "missing");
	refused("{\"parts\":[{\"name\":\"a\",\"x\":1}]}", FIELDS_UPDATE, "/parts/0/x",
		"no field 'x'");
}

static void pointers_are_escaped(void **state)
{
	(void)state;
	refused("{\"a/b~c\":1}", FIELDS_UPDATE, "/a~1b~0c", "no field 'a/b~c'");
}

static void a_wrong_last_field_leaves_the_first_ones_alone(void **state)
{
	(void)state;
	refused("{\"words\":\"new\",\"note\":\"new\",\"tags\":[],\"parts\":[{\"name\":\"n\"}],"
		"\"inside\":{\"note\":\"new\"},\"last\":5}", FIELDS_UPDATE, "/last", "a string");
}

static void unknown_fields_are_refused_from_clients_and_skipped_from_peers(void **state)
{
	struct thing t = { 0 };

	(void)state;
	refused("{\"name\":\"a\",\"colour\":1}", FIELDS_CREATE, "/colour",
		"a thing has no field 'colour'");
	refused("{\"colour\":1}", FIELDS_UPDATE, "/colour", "no field");
	taken(&t, "{\"colour\":1,\"words\":\"w\",\"parts\":[{\"new\":[]}]}", FIELDS_TRUSTED);
	assert_string_equal(t.words, "w");
	assert_int_equal(t.parts_n, 1);
	fields_done(&thing_fields, &t);
}

static void required_fields_are_required_when_creating(void **state)
{
	struct thing t = { 0 };

	(void)state;
	refused("{}", FIELDS_CREATE, "/name", "missing: Name of the thing");
	taken(&t, "{\"name\":\"a\"}", FIELDS_CREATE);
	taken(&t, "{}", FIELDS_UPDATE);
	assert_string_equal(t.name, "a");
	fields_done(&thing_fields, &t);
}

static void read_only_and_fixed_fields_are_refused_from_clients(void **state)
{
	struct thing t = { 0 };

	(void)state;
	refused("{\"name\":\"a\",\"seen\":\"x\"}", FIELDS_CREATE, "/seen", "filled in by Facet");
	refused("{\"seen\":\"x\"}", FIELDS_UPDATE, "/seen", "filled in by Facet");
	refused("{\"seen\":5}", FIELDS_UPDATE, "/seen", "filled in by Facet");
	refused("{\"name\":\"other\"}", FIELDS_UPDATE, "/name", "can not be changed");
	taken(&t, "{\"seen\":\"x\",\"name\":\"b\"}", FIELDS_TRUSTED);
	assert_string_equal(t.seen, "x");
	fields_done(&thing_fields, &t);
}

/* Get, edit one field, send: what was not edited is no attempt to change it. */
static void what_a_client_was_given_it_may_send_back(void **state)
{
	struct thing t = { .name = "a", .seen = "x", .words = "old" };

	(void)state;
	taken(&t, "{\"name\":\"a\",\"seen\":\"x\",\"words\":\"new\"}", FIELDS_UPDATE);
	assert_string_equal(t.words, "new");
	assert_string_equal(t.seen, "x");
	fields_done(&thing_fields, &t);
}

static void an_update_changes_only_what_is_given(void **state)
{
	struct thing *t = filled(&thing_fields, 3), *same = filled(&thing_fields, 3);

	(void)state;
	taken(t, "{\"small\":2,\"tags\":[\"x\"],\"inside\":{\"count\":5}}", FIELDS_UPDATE);
	assert_int_equal(t->small, 2);
	assert_int_equal(t->tags_n, 1);
	assert_string_equal(t->tags[0], "x");
	assert_int_equal(t->inside.count, 5);
	assert_string_equal(t->inside.note, same->inside.note);
	assert_string_equal(t->words, same->words);
	assert_int_equal(t->parts_n, 2);
	taken(t, "{\"tags\":[],\"parts\":[]}", FIELDS_UPDATE);
	assert_int_equal(t->tags_n + t->parts_n, 0);
	drop(&thing_fields, t);
	drop(&thing_fields, same);
}

static void long_texts_are_refused(void **state)
{
	char text[5000] = "{\"note\":\"";

	(void)state;
	memset(text + strlen(text), 'x', 4097);
	strcat(text, "\"}");
	refused(text, FIELDS_UPDATE, "/note", "4097 bytes, at most 4096");
}

/* ---- schema ---- */

static const char *schema_string(const json_t *schema, const char *field, const char *key)
{
	return json_string_value(json_object_get(
		json_object_get(json_object_get(schema, "properties"), field), key));
}

static json_int_t schema_number(const json_t *schema, const char *field, const char *key)
{
	const json_t *j = json_object_get(
		json_object_get(json_object_get(schema, "properties"), field), key);

	return json_is_integer(j) ? json_integer_value(j) : -1;
}

static void the_schema_says_what_is_taken(void **state)
{
	json_t *s = fields_schema(&thing_fields), *properties = json_object_get(s, "properties");

	(void)state;
	assert_int_equal(json_object_size(properties), thing_fields.n);
	assert_string_equal(schema_string(s, "name", "type"), "string");
	assert_int_equal(schema_number(s, "name", "maxLength"), 7);
	assert_string_equal(schema_string(s, "words", "description"), "Words");
	assert_int_equal(schema_number(s, "small", "maximum"), 9);
	assert_int_equal(schema_number(s, "big", "minimum"), 0);
	assert_int_equal(schema_number(s, "big", "maximum"), INT64_MAX);
	assert_string_equal(schema_string(s, "parts", "type"), "array");
	assert_int_equal(schema_number(s, "parts", "maxItems"), 3);
	assert_int_equal(schema_number(s, "tags", "maxItems"), 2);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(properties, "state"), "enum")),
		VM_WANTED_COUNT);
	assert_true(json_is_true(json_object_get(json_object_get(properties, "seen"), "readOnly")));
	assert_int_equal(json_array_size(json_object_get(s, "required")), 1);
	json_decref(s);
}

static void every_field_of_every_noun_has_a_schema_and_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < NOUNS; i++) {
		json_t *s = fields_schema(nouns[i]), *field;
		const char *name;

		assert_int_equal(json_object_size(json_object_get(s, "properties")), nouns[i]->n);
		json_object_foreach (json_object_get(s, "properties"), name, field) {
			if (!json_object_get(field, "type") ||
			    json_string_length(json_object_get(field, "description")) == 0)
				fail_msg("%s.%s", nouns[i]->noun, name);
		}
		json_decref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_noun_is_read_as_it_was_written),
		cmocka_unit_test(every_empty_noun_is_read_as_it_was_written),
		cmocka_unit_test(a_copy_says_the_same_and_shares_nothing),
		cmocka_unit_test(equal_means_equal_in_every_field),
		cmocka_unit_test(a_freed_noun_is_zeroed),
		cmocka_unit_test(a_copy_without_memory_changes_and_leaks_nothing),
		cmocka_unit_test(a_read_without_memory_changes_and_leaks_nothing),
		cmocka_unit_test(text_is_what_the_tree_would_give),
		cmocka_unit_test(text_is_read_as_the_tree_would_be),
		cmocka_unit_test(damaged_text_is_never_taken_for_something_else),
		cmocka_unit_test(any_bytes_are_written_as_the_tree_writes_them),
		cmocka_unit_test(bytes_that_are_no_utf8_are_written_as_question_marks),
		cmocka_unit_test(errors_point_at_the_value),
		cmocka_unit_test(errors_in_rows_point_into_the_row),
		cmocka_unit_test(pointers_are_escaped),
		cmocka_unit_test(a_wrong_last_field_leaves_the_first_ones_alone),
		cmocka_unit_test(unknown_fields_are_refused_from_clients_and_skipped_from_peers),
		cmocka_unit_test(required_fields_are_required_when_creating),
		cmocka_unit_test(read_only_and_fixed_fields_are_refused_from_clients),
		cmocka_unit_test(what_a_client_was_given_it_may_send_back),
		cmocka_unit_test(an_update_changes_only_what_is_given),
		cmocka_unit_test(long_texts_are_refused),
		cmocka_unit_test(the_schema_says_what_is_taken),
		cmocka_unit_test(every_field_of_every_noun_has_a_schema_and_a_sentence),
	};
	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
