/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - a host out of one line of text.
 *
 * The line is split at ';' into KEY=VALUE items; a table says what each key does with its value.
 * Every complaint has a column, counted from 1, because such lines get long. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "host/simulated/internal.h"

enum { SPEC_MAX = 4096, GPUS_MAX = 64, DOMAINS_MAX = 4096, DELAY_MAX_MS = 600000 };

/* One value, and where it stands. */
struct value {
	char *text;
	size_t at;        /* offset of text in the line */
	struct error *err;
};

static int wrong(const struct value *v, size_t offset, const char *fmt, ...) printf_like(3, 4);
static int wrong(const struct value *v, size_t offset, const char *fmt, ...)
{
	char place[32], words[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	snprintf(place, sizeof(place), "column %zu", v->at + offset + 1);
	return error_at(v->err, ERR_INVALID, place, "simulated host: %s", words);
}

/* ---- GPUs ---- */

/* As many functions as the smallest vGPUs can be, which is what real boards have or exceed. */
static uint16_t functions_of(const struct board *b)
{
	uint32_t most = 16;

	for (size_t i = 0; i < b->profiles_n; i++)
		if (!b->profiles[i].mig && b->profiles[i].max > most)
			most = b->profiles[i].max;
	return (uint16_t)(most > CREATABLE_TIME_SLICED_MAX ? CREATABLE_TIME_SLICED_MAX : most);
}

static void make_rules(struct simulated_gpu *g)
{
	const struct board *b = g->board;
	struct creatable_board *rules = &g->rules;

	rules->rule = b->rule;
	if (g->framework == FRAMEWORK_MDEV_VF || g->framework == FRAMEWORK_VENDOR_VFIO)
		rules->total_vfs = functions_of(b);
	for (size_t i = 0; i < b->profiles_n && rules->n_types < CREATABLE_TYPES_MAX; i++) {
		const struct catalogue_profile *p = &b->profiles[i];
		uint32_t max = p->max ? p->max : b->fb_mib / p->fb_mib;

		if (p->mig)
			continue;
		g->types[rules->n_types] = p;
		rules->types[rules->n_types++] = (struct geometry_type){
			p->fb_mib, geometry_size_gib(0, p->fb_mib), (uint16_t)max
		};
	}
	rules->region_gib = geometry_region_gib(rules->types, rules->n_types);
	for (size_t i = 0; i < rules->n_types; i++)
		rules->types[i].size_gib =
			geometry_size_gib(rules->region_gib, rules->types[i].fb_mib);
}

static int add_gpu(struct simulated_host *h, const struct board *b, enum framework framework)
{
	struct simulated_gpu *grown = reallocarray(h->gpus, h->gpus_n + 1, sizeof(*grown)), *g;

	if (!grown)
		return -1;
	h->gpus = grown;
	g = &grown[h->gpus_n];
	memset(g, 0, sizeof(*g));
	snprintf(g->address, sizeof(g->address), "0000:%02x:00.0", 0x21 + 2 * (unsigned)h->gpus_n);
	g->board = b;
	g->framework = framework;
	make_rules(g);
	h->gpus_n++;
	return 0;
}

static int check_framework(const struct value *v, size_t offset, const struct board *b,
			   const char *word, enum framework *ret)
{
	int framework;

	if (!names_value(&framework_names, word, &framework) || framework == FRAMEWORK_NONE)
		return wrong(v, offset,
			     "'%.40s' is no framework: mdev, mdev-vf, vendor-vfio or passthrough",
			     word);
	if (b->sr_iov && framework == FRAMEWORK_MDEV)
		return wrong(v, offset, "%s has SR-IOV: its framework is vendor-vfio or mdev-vf",
			     b->name);
	if (!b->sr_iov && (framework == FRAMEWORK_MDEV_VF || framework == FRAMEWORK_VENDOR_VFIO))
		return wrong(v, offset, "%s has no SR-IOV: its framework is mdev", b->name);
	*ret = (enum framework)framework;
	return 0;
}

/* "2xL40S/vendor-vfio"; ITEM is cut into pieces. */
static int parse_gpu(struct simulated_host *h, const struct value *v, char *item)
{
	size_t offset = (size_t)(item - v->text), digits = strspn(item, "0123456789");
	char *name = item, *slash = strchr(item, '/');
	enum framework framework;
	const struct board *b;
	uint64_t count = 1;
	int r;

	if (digits && item[digits] == 'x') {
		item[digits] = '\0';
		name = item + digits + 1;
		if (!text_to_u64(item, GPUS_MAX, &count) || count == 0)
			return wrong(v, offset, "a host has 1 to %d GPUs", GPUS_MAX);
	}
	if (slash)
		*slash++ = '\0';
	b = catalogue_board_named(name);
	if (!b)
		return wrong(
			v, offset + (size_t)(name - item),
			"'%.40s' is no board of the catalogue, or the beginning of several; see "
			"`facet profile list` for their names",
			name);
	framework = b->sr_iov ? FRAMEWORK_VENDOR_VFIO : FRAMEWORK_MDEV;
	r = slash ? check_framework(v, offset + (size_t)(slash - item), b, slash, &framework) : 0;
	if (r < 0)
		return r;
	if (h->gpus_n + count > GPUS_MAX)
		return wrong(v, offset, "a host has 1 to %d GPUs", GPUS_MAX);
	while (count--)
		if (add_gpu(h, b, framework) < 0)
			return error_set(v->err, ERR_NO_MEMORY, "simulated host");
	return 0;
}

static int parse_gpus(struct simulated_host *h, const struct value *v)
{
	int r = 0;

	for (char *item = v->text, *end; item && r == 0; item = end) {
		end = strchr(item, '+');
		if (end)
			*end++ = '\0';
		r = parse_gpu(h, v, item);
	}
	return r;
}

/* ---- domains ---- */

static int add_domain(struct simulated_host *h, const struct value *v, size_t offset,
		      const char *name)
{
	struct simulated_domain *grown, *d;
	char text[2 * NAME_SIZE + 16];

	if (text_check_name(name, "domain", NULL) < 0)
		return wrong(v, offset, "'%.70s' is no name of a domain", name);
	if (sim_domain(h, name))
		return wrong(v, offset, "domain %s is there twice", name);
	if (h->domains_n == DOMAINS_MAX)
		return wrong(v, offset, "a host has at most %d domains", DOMAINS_MAX);
	/* Room for a power of two: whole when their number is one. */
	if ((h->domains_n & (h->domains_n - 1)) == 0) {
		size_t room = h->domains_n ? 2 * h->domains_n : 1;

		grown = reallocarray(h->domains, room, sizeof(*grown));
		if (!grown)
			return error_set(v->err, ERR_NO_MEMORY, "simulated host");
		h->domains = grown;
	}
	d = &h->domains[h->domains_n++];
	*d = (struct simulated_domain){ .state = VM_STOPPED, .reason = "" };
	TEXT_COPY(d->name, name);
	snprintf(text, sizeof(text), "domain %s %s", h->name, name);
	uuid_of_name(text, d->uuid);
	return 0;
}

/* "vm01..vm08": the same letters before a number of rising value; zeroes in front are kept. */
static int parse_range(struct simulated_host *h, const struct value *v, char *first, char *last)
{
	size_t offset = (size_t)(first - v->text), letters = strlen(first), width;
	char name[2 * NAME_SIZE];
	uint64_t from, to;
	int r = 0;

	while (letters > 0 && isdigit((unsigned char)first[letters - 1]))
		letters--;
	width = strlen(first + letters);
	if (letters >= NAME_SIZE || width == 0 || strncmp(first, last, letters) != 0 ||
	    !text_to_u64(first + letters, 999999, &from) ||
	    !text_to_u64(last + letters, 999999, &to) || to < from)
		return wrong(v, offset,
			     "a range is written vm01..vm08: one name, two rising numbers");
	if (to - from >= DOMAINS_MAX - h->domains_n)
		return wrong(v, offset, "a host has at most %d domains", DOMAINS_MAX);
	for (; from <= to && r == 0; from++) {
		snprintf(name, sizeof(name), "%.*s%0*ju", (int)letters, first, (int)width,
			 (uintmax_t)from);
		r = add_domain(h, v, offset, name);
	}
	return r;
}

static int parse_domains(struct simulated_host *h, const struct value *v)
{
	int r = 0;

	for (char *item = v->text, *end; item && *v->text && r == 0; item = end) {
		char *dots;

		end = strchr(item, ',');
		if (end)
			*end++ = '\0';
		dots = strstr(item, "..");
		if (!dots) {
			r = add_domain(h, v, (size_t)(item - v->text), item);
			continue;
		}
		*dots = '\0';
		r = parse_range(h, v, item, dots + 2);
	}
	return r;
}

/* ---- the rest ---- */

static int parse_name(struct simulated_host *h, const struct value *v)
{
	struct error inner;

	if (text_check_name(v->text, "name", &inner) < 0)
		return wrong(v, 0, "%.250s", inner.text);
	TEXT_COPY(h->name, v->text);
	return 0;
}

static int parse_functions(struct simulated_host *h, const struct value *v)
{
	if (strcmp(v->text, "on") != 0 && strcmp(v->text, "off") != 0)
		return wrong(v, 0, "functions are on or off, not '%.40s'", v->text);
	h->functions_off = strcmp(v->text, "off") == 0;
	return 0;
}

static int parse_number(const struct value *v, uint64_t max, uint64_t *ret)
{
	if (!text_to_u64(v->text, max, ret))
		return wrong(v, 0, "expected a number up to %ju, found '%.40s'", (uintmax_t)max,
			     v->text);
	return 0;
}

static int parse_seed(struct simulated_host *h, const struct value *v)
{
	return parse_number(v, UINT64_MAX, &h->seed);
}

struct key {
	const char *name;
	int (*parse)(struct simulated_host *h, const struct value *v); /* or a number: */
	size_t offset;
	uint64_t max;
};

#define NUMBER(name, member, max) { name, NULL, offsetof(struct simulated_host, member), max }
#define DELAY(member) NUMBER(#member, faults.member, DELAY_MAX_MS)

static const struct key keys[] = {
	{ "name", parse_name, 0, 0 },           { "gpus", parse_gpus, 0, 0 },
	{ "domains", parse_domains, 0, 0 },     { "functions", parse_functions, 0, 0 },
	{ "seed", parse_seed, 0, 0 },           NUMBER("cpus", cpus, 100000),
	NUMBER("ram_gib", ram_gib, 1000000),    NUMBER("numa", numa, 64),
	DELAY(enable_ms), DELAY(create_ms), DELAY(release_ms), DELAY(start_ms), DELAY(shutdown_ms),
	DELAY(look_ms),
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static int apply(struct simulated_host *h, const struct key *k, const struct value *v)
{
	uint64_t number;
	int r;

	if (k->parse)
		return k->parse(h, v);
	r = parse_number(v, k->max, &number);
	if (r == 0)
		*(uint32_t *)(void *)((char *)h + k->offset) = (uint32_t)number;
	return r;
}

/* One KEY=VALUE at ITEM, a part of COPY, the whole line. */
static int parse_item(struct simulated_host *h, const char *copy, char *item, uint32_t *seen,
		      struct error *err)
{
	struct value v = { .text = item, .at = (size_t)(item - copy), .err = err };
	struct text known = { 0 };
	char *equals = strchr(item, '=');
	int r;

	if (!equals)
		return wrong(&v, 0, "expected KEY=VALUE, found '%.40s'", item);
	*equals = '\0';
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, item) != 0)
			continue;
		if (*seen & 1u << i)
			return wrong(&v, 0, "%s is given twice", item);
		/* Domains and GPUs are named after their host. */
		if (i > 0 && !h->name[0])
			return wrong(&v, 0, "name=... must come first");
		*seen |= 1u << i;
		v.text = equals + 1;
		v.at = (size_t)(v.text - copy);
		return apply(h, &keys[i], &v);
	}
	for (size_t i = 0; i < KEYS; i++)
		text_add(&known, "%s%s", i ? ", " : "", keys[i].name);
	r = wrong(&v, 0, "'%.40s' is no key; keys are %s", item, known.data ? known.data : "");
	text_done(&known);
	return r;
}

static int parse(struct simulated_host *h, const char *spec, struct error *err)
{
	cleanup(cleanup_free) char *copy = strdup(spec);
	uint32_t seen = 0;
	int r = 0;

	if (!copy)
		return error_set(err, ERR_NO_MEMORY, "simulated host");
	for (char *item = copy, *end; item && r == 0; item = end) {
		end = strchr(item, ';');
		if (end)
			*end++ = '\0';
		if (item[0])
			r = parse_item(h, copy, item, &seen, err);
	}
	if (r == 0 && !h->name[0])
		r = error_at(err, ERR_INVALID, "column 1",
			     "simulated host: a host needs a name, such as name=h1;gpus=2xL40S");
	return r;
}

int simulated_parse(const char *spec, struct simulated_host **ret, struct error *err)
{
	cleanup(simulated_free_p) struct simulated_host *h = NULL;
	int r;

	if (strlen(spec) > SPEC_MAX)
		return error_at(err, ERR_INVALID, "column 4097",
				"simulated host: %zu bytes, at most %d", strlen(spec), SPEC_MAX);
	h = calloc(1, sizeof(*h));
	if (!h)
		return error_set(err, ERR_NO_MEMORY, "simulated host");
	h->cpus = 64;
	h->ram_gib = 512;
	h->numa = 2;
	r = parse(h, spec, err);
	if (r < 0)
		return r;
	h->luck = h->seed;
	sim_boot(h);
	for (size_t i = 0; i < h->gpus_n && !h->functions_off; i++)
		creatable_set_vfs(&h->gpus[i].rules, &h->gpus[i].state, h->gpus[i].rules.total_vfs);
	*ret = take(h);
	return 0;
}
