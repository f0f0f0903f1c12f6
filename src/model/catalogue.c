/* SPDX-License-Identifier: Apache-2.0 */
#include "model/catalogue.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/catalogue_table.h"

size_t catalogue_count(void)
{
	return catalogue_table_n;
}

const struct catalogue_profile *catalogue_at(size_t i)
{
	return i < catalogue_table_n ? &catalogue_table[i] : NULL;
}

size_t catalogue_boards(void)
{
	return board_table_n;
}

const struct board *catalogue_board_at(size_t i)
{
	return i < board_table_n ? &board_table[i] : NULL;
}

/* First position in the order of names whose name is not below NAME. */
static size_t lower_bound(const char *name)
{
	size_t low = 0, high = catalogue_table_n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(catalogue_table[catalogue_by_name[middle]].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct catalogue_profile *catalogue_find(const char *name, const char *pci_device)
{
	for (size_t i = lower_bound(name); i < catalogue_table_n; i++) {
		const struct catalogue_profile *p = &catalogue_table[catalogue_by_name[i]];

		if (strcmp(p->name, name) != 0)
			return NULL;
		if (!pci_device || strcmp(p->pci_device, pci_device) == 0)
			return p;
	}
	return NULL;
}

const struct board *catalogue_board_of(const char *pci_device, const char *pci_subsystem)
{
	const struct board *only = NULL;
	size_t sharing = 0;

	for (size_t i = 0; i < board_table_n; i++) {
		const struct board *b = &board_table[i];

		if (strcmp(b->pci_device, pci_device) != 0)
			continue;
		if (b->pci_subsystem[0] && strcmp(b->pci_subsystem, pci_subsystem) == 0)
			return b;
		only = b;
		sharing++;
	}
	/* Vendors put their own subsystem ids on a board, so one that does not match is no obstacle
	 * as long as the device id alone says what it is. */
	return sharing == 1 ? only : NULL;
}

const struct board *catalogue_board_of_gpu(const struct gpu *gpu)
{
	const struct board *b = catalogue_board_of(gpu->pci_device, gpu->pci_subsystem);

	for (size_t i = 0; !b && i < board_table_n; i++)
		if (strcmp(board_table[i].name, gpu->board) == 0)
			b = &board_table[i];
	return b;
}

const char *catalogue_board(const char *pci_device, const char *pci_subsystem)
{
	const struct board *b = catalogue_board_of(pci_device, pci_subsystem);

	return b ? b->name : NULL;
}

uint32_t catalogue_board_fb_mib(const char *pci_device, const char *pci_subsystem)
{
	const struct board *b = catalogue_board_of(pci_device, pci_subsystem);

	return b ? b->fb_mib : 0;
}

/* The name without NVIDIA's brand in front. */
static const char *short_name(const char *name)
{
	static const char *const brands[] = { "NVIDIA ", "Tesla ", "Quadro " };

	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
		if (strncasecmp(name, brands[i], strlen(brands[i])) == 0)
			return name + strlen(brands[i]);
	return name;
}

const struct board *catalogue_board_named(const char *name)
{
	const char *wanted = short_name(name);
	const struct board *found = NULL;
	size_t beginning = 0;

	for (size_t i = 0; i < board_table_n && wanted[0]; i++) {
		const char *has = short_name(board_table[i].name);
		size_t n = strlen(wanted);

		if (strcasecmp(has, wanted) == 0)
			return &board_table[i];
		if (strncasecmp(has, wanted, n) == 0 && has[n] == ' ') {
			found = &board_table[i];
			beginning++;
		}
	}
	return beginning == 1 ? found : NULL;
}

/* "NVIDIA L40S-8Q", "GRID T4-1B4", "NVIDIA A30-1-6CME": the last number is GiB (0: half of one),
 * the letter behind it the series. */
static enum series series_of(const char *name, uint32_t *fb_mib)
{
	static const char letters[] = "ABCQ";
	static const enum series series[] = { SERIES_A, SERIES_B, SERIES_C, SERIES_Q };
	const char *tail = strrchr(name, '-'), *letter;
	unsigned long gib = 0;

	*fb_mib = 0;
	if (!tail)
		return SERIES_WHOLE;
	for (tail++; *tail >= '0' && *tail <= '9'; tail++)
		if (gib < 10000)
			gib = gib * 10 + (unsigned long)(*tail - '0');
	letter = *tail ? strchr(letters, *tail) : NULL;
	if (!letter)
		return SERIES_WHOLE;
	*fb_mib = gib ? (uint32_t)gib * 1024 : 512;
	return series[letter - letters];
}

void catalogue_guess(const char *name, uint32_t fb_mib, struct catalogue_profile *ret)
{
	uint32_t named_mib;
	enum series series = series_of(name, &named_mib);

	*ret = (struct catalogue_profile){
		.name = name,
		.board = "",
		.pci_device = "",
		.pci_subsystem = "",
		.series = series,
		.cuda = series == SERIES_C || series == SERIES_Q,
		.fb_mib = fb_mib ? fb_mib : named_mib,
		.displays = series == SERIES_B || series == SERIES_Q ? 4 : 1,
		.max_resolution = "",
		.licence = "",
		.vgpu_class = "",
		.source = "guessed from its name",
	};
}

/* What the vendor's page that speaks of an M series promises for mixed work; no driver has such
 * types, so they are found among the real ones. */
static bool is_mixed(const struct catalogue_profile *p)
{
	return p->cuda && p->displays >= 2 && p->fb_mib >= 1024 && p->fb_mib <= 8192;
}

static bool is_virtual_apps(const struct catalogue_profile *p)
{
	return p->series == SERIES_A;
}

static bool is_desktop(const struct catalogue_profile *p)
{
	return p->series == SERIES_B;
}

static bool is_compute(const struct catalogue_profile *p)
{
	return p->series == SERIES_C;
}

static bool is_graphics(const struct catalogue_profile *p)
{
	return p->series == SERIES_Q;
}

static const struct {
	const char *name;
	bool (*takes)(const struct catalogue_profile *p);
} classes[] = {
	{ "virtual-apps", is_virtual_apps }, { "desktop", is_desktop }, { "compute", is_compute },
	{ "graphics", is_graphics },         { "mixed", is_mixed },
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]), GIB_MAX = 100000 };

/* Index into classes, -1 for none; *GIB is 0 where TEXT names no size. */
static int parse_class(const char *text, uint64_t *gib)
{
	size_t n = strcspn(text, ":");

	*gib = 0;
	if (text[n] && (!text_to_u64(text + n + 1, GIB_MAX, gib) || *gib == 0))
		return -1;
	for (int i = 0; i < CLASSES; i++)
		if (strlen(classes[i].name) == n && strncmp(classes[i].name, text, n) == 0)
			return i;
	return -1;
}

bool catalogue_is_class(const char *text)
{
	uint64_t gib;

	return parse_class(text, &gib) >= 0;
}

bool catalogue_class_takes(const char *klass, const struct catalogue_profile *p)
{
	uint64_t gib;
	int i = parse_class(klass, &gib);

	return i >= 0 && classes[i].takes(p) && (gib == 0 || (p->fb_mib + 512) / 1024 == gib);
}
