/* SPDX-License-Identifier: Apache-2.0 */
#include "host/inventory.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "host/driver.h"
#include "host/passthrough.h"
#include "model/catalogue.h"

enum { CLASS_DISPLAY = 0x03, GPUS_MAX = 256 };

void inventory_free(struct gpu *gpus, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fields_done(&gpu_fields, &gpus[i]);
	free(gpus);
}

/* "Model: \t\t NVIDIA L40S": the value behind KEY in NVIDIA's /proc file of the GPU. */
static void read_information(int root, const char *address, const char *key, char *ret, size_t size)
{
	char path[SYSFS_PATH_SIZE], text[2048], *rest = text, *line;

	sysfs_path(path, "proc/driver/nvidia/gpus/%s/information", address);
	if (sysfs_read(root, path, text, sizeof(text), NULL) < 0)
		return;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (!text_starts_with(line, key) || line[strlen(key)] != ':')
			continue;
		line += strlen(key) + 1;
		line += strspn(line, " \t");
		if (!text_copy(ret, size, line) || !text_is_utf8(ret, strlen(ret)))
			ret[0] = '\0';
		return;
	}
}

static void name_board(int root, struct gpu *g)
{
	const char *board = catalogue_board(g->pci_device, g->pci_subsystem);

	if (board)
		TEXT_COPY(g->board, board);
	else
		read_information(root, g->address, "Model", g->board, sizeof(g->board));
	if (!g->board[0])
		snprintf(g->board, sizeof(g->board), "NVIDIA GPU 10de:%s", g->pci_device);
	g->fb_mib = catalogue_board_fb_mib(g->pci_device, g->pci_subsystem);
	read_information(root, g->address, "GPU UUID", g->uuid, sizeof(g->uuid));
}

/* Another vendor's device goes by its ids, and one that is not on the PCI bus by its name. */
static void name_other(int dir, struct gpu *g)
{
	uint64_t vendor;

	if (sysfs_read_hex(dir, "vendor", &vendor, NULL) == 0 && vendor <= 0xffff)
		snprintf(g->board, sizeof(g->board), "PCI %04x:%s", (unsigned)vendor,
			 g->pci_device);
	else
		TEXT_COPY(g->board, g->address);
}

static void read_facts(int dir, struct gpu *g)
{
	char group[16];
	uint64_t number;

	device_ids(dir, g->pci_device, g->pci_subsystem);
	device_driver(dir, g->driver, sizeof(g->driver));
	g->numa = sysfs_i64_or(dir, "numa_node", -1);
	g->vf_total = (uint32_t)sysfs_u64_or(dir, "sriov_totalvfs", 0);
	g->vf_enabled = (uint32_t)sysfs_u64_or(dir, "sriov_numvfs", 0);
	g->iommu_group = UINT32_MAX;
	if (sysfs_link(dir, "iommu_group", group, sizeof(group)) &&
	    text_to_u64(group, UINT32_MAX - 1, &number))
		g->iommu_group = (uint32_t)number;
}

#define SAY(gpu, ...) snprintf((gpu)->not_poolable, sizeof((gpu)->not_poolable), __VA_ARGS__)

/* The first thing that stands between the GPU and its vGPUs, with what to do about it. */
static void explain(struct gpu *g)
{
	if (!g->driver[0])
		SAY(g, "No driver is bound to it: load NVIDIA's vGPU host driver (modprobe nvidia, "
		       "then write %s to /sys/bus/pci/drivers_probe)", g->address);
	else if (strcmp(g->driver, "nvidia") != 0)
		SAY(g,
		    "It is bound to %s, which makes no vGPUs: install NVIDIA's vGPU host driver "
		    "and keep %s from loading",
		    g->driver, g->driver);
	else if (g->vf_total && !g->vf_enabled)
		SAY(g,
		    "SR-IOV functions are not enabled: run /usr/lib/nvidia/sriov-manage -e %s "
		    "after each boot",
		    g->address);
	else if (g->vf_total)
		SAY(g, "Its functions exist but offer no vGPU types: check that nvidia-vgpud and "
		       "nvidia-vgpu-mgr run and that the functions are bound to nvidia");
	else
		SAY(g, "The driver offers no vGPU types: it is not NVIDIA's vGPU host driver, or "
		       "nvidia-vgpud has not run");
}

static int look_at(int root, struct gpu *g, struct error *err)
{
	int r;

	g->framework = FRAMEWORK_NONE;
	for (size_t i = 0; host_drivers[i]; i++) {
		if (!host_drivers[i]->owns(root, g->address))
			continue;
		r = host_drivers[i]->inventory(root, g, err);
		if (r == -ERR_NOT_FOUND) /* it left while we looked */
			break;
		if (r < 0)
			return r;
		g->framework = (int)host_drivers[i]->framework;
		g->poolable = g->types_n > 0;
		break;
	}
	if (!g->poolable)
		explain(g);
	return 0;
}

/* The functions that exist, by their addresses, for whoever places something on them. */
static int list_functions(int root, struct gpu *g, struct error *err)
{
	cleanup(functions_done) struct functions f = { 0 };

	if (g->vf_enabled == 0 || inventory_functions(root, g->address, &f, NULL) < 0 || f.n == 0)
		return 0;
	g->functions = calloc(f.n, sizeof(*g->functions));
	for (size_t i = 0; g->functions && i < f.n; i++) {
		g->functions[i] = strdup(f.address[i]);
		if (!g->functions[i])
			break;
		g->functions_n++;
	}
	if (g->functions_n < f.n)
		return error_set(err, ERR_NO_MEMORY, "out of memory listing functions of %s",
				 g->address);
	return 0;
}

/* A growing array of GPUs; each one is complete before the next begins. */
struct scan {
	int root;
	struct gpu *gpus;
	size_t n;
};

static void scan_done(struct scan *s)
{
	inventory_free(s->gpus, s->n);
}

static int add_gpu(struct scan *s, const char *address, struct error *err)
{
	cleanup(cleanup_close) int dir = -1;
	struct gpu *g;
	int r;

	if (device_open(s->root, address, &dir, NULL) < 0)
		return 0;
	if (s->n == GPUS_MAX)
		return error_set(err, ERR_TOO_LARGE, "the host has more than %d GPUs", GPUS_MAX);
	if (!s->gpus)
		s->gpus = calloc(GPUS_MAX, sizeof(*s->gpus));
	if (!s->gpus)
		return error_set(err, ERR_NO_MEMORY, "out of memory listing GPUs");
	g = &s->gpus[s->n++];
	TEXT_COPY(g->address, address);
	read_facts(dir, g);
	if (device_is_nvidia(s->root, address))
		name_board(s->root, g);
	else
		name_other(dir, g);
	r = list_functions(s->root, g, err);
	return r < 0 ? r : look_at(s->root, g, err);
}

static bool is_display(int devices, const char *address)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t class;

	return sysfs_read_hex(devices, sysfs_path(path, "%s/class", address), &class, NULL) == 0 &&
	       class >> 16 == CLASS_DISPLAY &&
	       !sysfs_exists(devices, sysfs_path(path, "%s/physfn", address));
}

/* The lab's stand-in for a GPU is another vendor's. */
static bool is_stand_in(int root, const char *address)
{
	return passthrough_any_class() && driver_passthrough.owns(root, address);
}

static int scan_pci(struct scan *s, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(cleanup_close) int devices = -1;
	char address[PCI_SIZE];
	int r;

	r = sysfs_open(s->root, "sys/bus/pci/devices", &devices, NULL);
	if (r < 0)
		return 0; /* a machine without PCI */
	r = sysfs_list(devices, ".", &list, err);
	for (size_t i = 0; i < list.n && r == 0; i++)
		if (pci_check_address(list.names[i], address, NULL) == 0 &&
		    is_display(devices, address) &&
		    (device_is_nvidia(s->root, address) || is_stand_in(s->root, address)))
			r = add_gpu(s, address, err);
	return r;
}

static bool is_listed(const struct scan *s, const char *address)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->gpus[i].address, address) == 0)
			return true;
	return false;
}

static int scan_parents(struct scan *s, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	int r = 0;

	if (sysfs_list(s->root, "sys/class/mdev_bus", &list, NULL) < 0)
		return 0; /* no such module: nobody makes mediated devices */
	for (size_t i = 0; i < list.n && r == 0; i++)
		/* NVIDIA's VFs are parents, too, and belong to their PF. */
		if (device_address_is_valid(list.names[i]) && !is_listed(s, list.names[i]) &&
		    !device_is_nvidia(s->root, list.names[i]))
			r = add_gpu(s, list.names[i], err);
	return r;
}

int inventory_scan(int root, struct gpu **ret, size_t *n, struct error *err)
{
	cleanup(scan_done) struct scan s = { .root = root };
	int r;

	r = scan_pci(&s, err);
	if (r == 0)
		r = scan_parents(&s, err);
	if (r < 0)
		return error_context(r, err, "inventory");
	*ret = s.gpus;
	*n = s.n;
	s = (struct scan){ 0 };
	return 0;
}

/* How many entries of the directory are PREFIX and a number ("cpu0", "node1"). */
static uint32_t count_numbered(int root, const char *path, const char *prefix)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	uint64_t number;
	uint32_t n = 0;

	if (sysfs_list(root, path, &list, NULL) < 0)
		return 0;
	for (size_t i = 0; i < list.n; i++)
		n += text_starts_with(list.names[i], prefix) &&
		     text_to_u64(list.names[i] + strlen(prefix), UINT32_MAX, &number);
	return n;
}

static void read_memory(int root, struct host *h)
{
	uint64_t kib;
	char text[SYSFS_TEXT_SIZE], *at;

	if (sysfs_read(root, "proc/meminfo", text, sizeof(text), NULL) < 0)
		return;
	at = strstr(text, "MemTotal:");
	if (at && sscanf(at, "MemTotal: %" SCNu64 " kB", &kib) == 1)
		h->ram_mib = kib / 1024;
}

int inventory_host(int root, struct host *h, struct error *err)
{
	char boot[64];
	uint32_t n;
	int r;

	r = sysfs_read(root, "proc/sys/kernel/random/boot_id", boot, sizeof(boot), err);
	if (r < 0)
		return r;
	if (!uuid_is_valid(boot))
		return error_set(err, ERR_IO, "boot_id '%s' is not a UUID", boot);
	TEXT_COPY(h->boot_id, boot);
	(void)!sysfs_read(root, "proc/sys/kernel/osrelease", h->kernel, sizeof(h->kernel), NULL);
	n = count_numbered(root, "sys/devices/system/cpu", "cpu");
	h->cpus = n ? n : h->cpus;
	n = count_numbered(root, "sys/devices/system/node", "node");
	h->numa_nodes = n ? n : h->numa_nodes;
	read_memory(root, h);
	device_driver_version(root, h->driver_version, sizeof(h->driver_version));
	return 0;
}
