/* SPDX-License-Identifier: Apache-2.0 */
#include "host/types.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "model/catalogue.h"

void types_done(struct types *t)
{
	free(t->rows);
	*t = (struct types){ 0 };
}

static struct gpu_type *find_name(const struct types *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	return NULL;
}

const struct gpu_type *types_by_name(const struct types *t, const char *name)
{
	return find_name(t, name);
}

const struct gpu_type *types_by_id(const struct types *t, uint32_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].type_id == id)
			return &t->rows[i];
	return NULL;
}

static void merge(struct gpu_type *into, const struct gpu_type *from)
{
	if (!into->type_id)
		into->type_id = from->type_id;
	if (!into->fb_mib)
		into->fb_mib = from->fb_mib;
	if (!into->max)
		into->max = from->max;
	into->creatable |= from->creatable;
}

int types_add(struct types *t, const struct gpu_type *type, struct error *err)
{
	struct gpu_type *known = find_name(t, type->name);

	if (known) {
		merge(known, type);
		return 0;
	}
	if (t->n == TYPES_MAX)
		return 0;
	if (!t->rows)
		t->rows = calloc(TYPES_MAX, sizeof(*t->rows));
	if (!t->rows)
		return error_set(err, ERR_NO_MEMORY, "out of memory listing vGPU types");
	t->rows[t->n++] = *type;
	return 0;
}

/* A name that a JSON document, an error text and a terminal can carry. */
static bool is_printable(const char *s)
{
	for (const char *c = s; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	return text_is_utf8(s, strlen(s));
}

/* "1145  : NVIDIA L40S-1B" of N bytes; false when it is anything else. */
static bool parse_line(const char *line, size_t n, struct gpu_type *ret)
{
	char copy[PROFILE_SIZE + 32], *colon, *end, *name;
	uintmax_t id;

	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	while (n > 0 && isspace((unsigned char)*line))
		line++, n--;
	if (n >= sizeof(copy))
		return false;
	memcpy(copy, line, n);
	copy[n] = '\0';
	colon = strchr(copy, ':');
	if (!colon || !isdigit((unsigned char)copy[0]))
		return false;
	id = strtoumax(copy, &end, 10);
	end += strspn(end, " \t");
	name = colon + 1 + strspn(colon + 1, " \t");
	if (end != colon || id == 0 || id > UINT32_MAX || !*name || !is_printable(name))
		return false;
	*ret = (struct gpu_type){ .type_id = (uint32_t)id };
	return TEXT_COPY(ret->name, name);
}

int types_parse_creatable(const char *text, bool creatable, struct types *t, struct error *err)
{
	struct gpu_type type;
	size_t n;
	int r;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (!parse_line(text, n, &type))
			continue;
		type.creatable = creatable;
		r = types_add(t, &type, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The number behind KEY and '=' in a list "a=1, b=2M"; 0 when there is none that fits. */
static uint32_t number_of(const char *text, const char *key)
{
	const char *at = text;
	uintmax_t value;

	while ((at = strstr(at, key)) != NULL) {
		const char *behind = at + strlen(key);

		if ((at == text || at[-1] == ' ' || at[-1] == ',') && *behind == '=' &&
		    isdigit((unsigned char)behind[1])) {
			value = strtoumax(behind + 1, NULL, 10);
			return value > UINT32_MAX ? 0 : (uint32_t)value;
		}
		at = behind;
	}
	return 0;
}

void types_parse_description(const char *text, struct gpu_type *type)
{
	uint32_t fb = number_of(text, "framebuffer"), max = number_of(text, "max_instance");

	if (fb)
		type->fb_mib = fb;
	if (max)
		type->max = max;
}

uint32_t types_id_of_directory(const char *name)
{
	const char *dash = strrchr(name, '-');
	uint64_t id;

	return dash && text_to_u64(dash + 1, UINT32_MAX, &id) ? (uint32_t)id : 0;
}

/* The size that NVIDIA puts into the name, in MiB; 0 for a name of another form. */
static uint32_t fb_of_name(const char *name)
{
	const char *dash = strrchr(name, '-');
	size_t digits = dash ? strspn(dash + 1, "0123456789") : 0;

	if (!digits || digits > 4 || !dash[1 + digits] || !strchr("ABCQ", dash[1 + digits]))
		return 0;
	return dash[1] == '0' ? 512 : (uint32_t)strtoul(dash + 1, NULL, 10) * 1024;
}

void types_complete(struct gpu_type *type, const char *pci_device, uint32_t fb_mib)
{
	const struct catalogue_profile *p = catalogue_find(type->name, pci_device);

	if (p)
		merge(type, &(struct gpu_type){ .fb_mib = p->fb_mib, .max = p->max });
	if (!type->fb_mib)
		type->fb_mib = fb_of_name(type->name);
	if (!type->max && type->fb_mib && fb_mib)
		type->max = fb_mib / type->fb_mib;
}

static bool is_of_board(const struct catalogue_profile *p, const char *pci_device,
			const char *pci_subsystem)
{
	return strcmp(p->pci_device, pci_device) == 0 &&
	       (!p->pci_subsystem[0] || strcmp(p->pci_subsystem, pci_subsystem) == 0);
}

int types_add_catalogue(struct types *t, const char *pci_device, const char *pci_subsystem,
			struct error *err)
{
	for (size_t i = 0; i < catalogue_count(); i++) {
		const struct catalogue_profile *p = catalogue_at(i);
		struct gpu_type type = { .type_id = p->type_id,
					 .fb_mib = p->fb_mib,
					 .max = p->max };
		int r;

		/* MIG types exist where MIG is on, and then the driver lists them itself. */
		if (p->mig || !is_of_board(p, pci_device, pci_subsystem) ||
		    !TEXT_COPY(type.name, p->name))
			continue;
		r = types_add(t, &type, err);
		if (r < 0)
			return r;
	}
	return 0;
}
