/* SPDX-License-Identifier: Apache-2.0 */
/* facet-driver-contract - asks the real drivers what every driver promises.
 *
 *   facet-driver-contract --framework vendor-vfio --pf 0000:41:00.0 [--root /]
 *
 * For the lab, and for a GPU that nobody needs: it makes and removes vGPUs on the empty GPU named,
 * and refuses one that is not empty.  Ends with 0 when all statements hold. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "driver_suite.h"
#include "host/driver.h"
#include "host/inventory.h"

struct target {
	struct contract_target contract; /* first: casts back */
	int root, held;
	const char *root_path;
};

static int execute(struct contract_target *t, const struct host_request *q,
		   struct host_reply *reply)
{
	const struct host_driver *d = host_driver_of(t->framework);
	int root = ((struct target *)t)->root;
	enum result result = RESULT_NONE;
	struct host_vgpu v = q->vgpu;
	int r = host_request_check(q, &reply->err);

	if (r == 0 && q->op == HOST_OP_VGPU_CREATE)
		r = d->create(root, &v, &result, &reply->err);
	else if (r == 0 && q->op == HOST_OP_VGPU_DESTROY)
		r = d->destroy(root, &v, &result, &reply->holder_pid, &reply->err);
	else if (r == 0 && q->op == HOST_OP_VGPU_HOLDERS)
		r = d->holders(root, &v, &reply->holder_pid, &reply->err);
	else if (r == 0 && q->op == HOST_OP_MODE_SET && d->set_mode)
		r = d->set_mode(root, v.address, (enum gpu_mode)q->mode, &result, &reply->err);
	else if (r == 0)
		r = error_set(&reply->err, ERR_INVALID, "%s has no such choice", d->name);
	reply->r = r;
	reply->result = (int32_t)result;
	reply->type_id = v.type_id;
	reply->placement = v.placement;
	return r;
}

static int inventory(struct contract_target *t, struct gpu *ret, struct error *err)
{
	struct gpu *gpus;
	size_t n;
	int r = inventory_scan(((struct target *)t)->root, &gpus, &n, err);
	bool found = false;

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (found || strcmp(gpus[i].address, t->pf) != 0)
			continue;
		*ret = gpus[i];
		memset(&gpus[i], 0, sizeof(gpus[i]));
		found = true;
	}
	inventory_free(gpus, n);
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "there is no GPU %s", t->pf);
	if (ret->framework != (int)t->framework) {
		fields_done(&gpu_fields, ret);
		return error_set(err, ERR_INVALID, "%s is not made into vGPUs by %s", t->pf,
				 t->name);
	}
	return 0;
}

/* The device node by which a VMM would hold V: its own, or that of its IOMMU group. */
static int open_node(const struct target *t, const char *device)
{
	char path[512], link[256];
	const struct dirent *e;
	ssize_t n;
	DIR *d;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/vfio-dev", device);
	n = openat(t->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = n >= 0 ? fdopendir((int)n) : NULL;
	while (d && fd < 0 && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/dev/vfio/devices/%.200s", t->root_path, e->d_name);
		if (e->d_name[0] != '.')
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "%s/iommu_group", device);
	n = readlinkat(t->root, path, link, sizeof(link) - 1);
	if (fd >= 0 || n <= 0)
		return fd;
	link[n] = '\0';
	snprintf(path, sizeof(path), "%s/dev/vfio/%s", t->root_path,
		 strrchr(link, '/') ? strrchr(link, '/') + 1 : link);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool hold(struct contract_target *contract, const struct host_vgpu *v)
{
	struct target *t = (struct target *)contract;
	char device[128];

	if (v->mdev_uuid[0])
		snprintf(device, sizeof(device), "sys/bus/mdev/devices/%s", v->mdev_uuid);
	else
		snprintf(device, sizeof(device), "sys/bus/pci/devices/%s",
			 v->vf[0] ? v->vf : v->address);
	t->held = open_node(t, device);
	return t->held >= 0;
}

static void let_go(struct contract_target *contract)
{
	struct target *t = (struct target *)contract;

	if (t->held >= 0)
		close(t->held);
	t->held = -1;
}

/* As an operator with a shell does. */
static bool make_by_hand(struct contract_target *contract, const struct host_vgpu *v)
{
	struct target *t = (struct target *)contract;
	struct gpu g = { 0 };
	char path[128], text[16];
	uint32_t id = 0;
	ssize_t n;
	int fd;

	if (contract->framework != FRAMEWORK_VENDOR_VFIO || inventory(contract, &g, NULL) < 0)
		return false;
	for (size_t i = 0; i < g.types_n; i++)
		if (strcmp(g.types[i].name, v->profile) == 0)
			id = g.types[i].type_id;
	fields_done(&gpu_fields, &g);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/nvidia/current_vgpu_type", v->vf);
	snprintf(text, sizeof(text), "%u", id);
	fd = openat(t->root, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return id != 0 && n > 0;
}

static const struct option options[] = {
	{ "framework", required_argument, NULL, 'f' },
	{ "pf", required_argument, NULL, 'p' },
	{ "root", required_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	struct target t = { .contract = { .execute = execute, .inventory = inventory, .hold = hold,
		                          .let_go = let_go, .make_by_hand = make_by_hand },
		            .held = -1, .root_path = "" };
	struct error err = { 0 };
	int o, framework = FRAMEWORK_NONE;
	bool wrong = false;

	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (o == 'f')
			wrong = wrong || !names_value(&framework_names, optarg, &framework);
		else if (o == 'p')
			wrong = wrong || pci_check_address(optarg, t.contract.pf, &err) < 0;
		else if (o == 'r')
			t.root_path = optarg;
		else
			wrong = true;
	}
	if (wrong || optind < argc || !t.contract.pf[0] || framework == FRAMEWORK_NONE) {
		fprintf(stderr, "usage: facet-driver-contract --framework mdev|mdev-vf|vendor-vfio|"
				"passthrough --pf 0000:41:00.0 [--root /]\n%s\n", err.text);
		return 2;
	}
	t.contract.framework = (enum framework)framework;
	t.contract.name = names_word(&framework_names, framework);
	t.root = open(t.root_path[0] ? t.root_path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t.root < 0) {
		fprintf(stderr, "open %s: %s\n", t.root_path, strerror(errno));
		return 1;
	}
	return driver_contract(&t.contract, stdout) != 0;
}
