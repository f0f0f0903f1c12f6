/* SPDX-License-Identifier: Apache-2.0 */
#include "host/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "host/sysfs.h"

enum { HOLDERS_MAX = 4096 };

void holders_done(struct holders *h)
{
	free(h->rows);
	*h = (struct holders){ 0 };
}

static int add(struct holders *h, const struct holder *row)
{
	if (h->n == HOLDERS_MAX)
		return -ENOMEM;
	if (!h->rows)
		h->rows = calloc(HOLDERS_MAX, sizeof(*h->rows));
	if (!h->rows)
		return -ENOMEM;
	h->rows[h->n++] = *row;
	return 0;
}

static int scan_file(int fds, const char *fd, uint32_t pid, struct holders *h)
{
	struct holder row = { .pid = pid };
	char target[256];
	struct stat st;
	ssize_t n;

	n = readlinkat(fds, fd, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	target[n] = '\0';
	if (!strstr(target, "vfio") || !TEXT_COPY(row.path, target))
		return 0;
	if (fstatat(fds, fd, &st, 0) == 0 && S_ISCHR(st.st_mode))
		row.number = st.st_rdev;
	return add(h, &row);
}

static int scan_process(int proc, const char *name, uint32_t pid, struct holders *h)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(cleanup_close) int fds = -1;
	char path[SYSFS_PATH_SIZE];
	int r = 0;

	fds = openat(proc, sysfs_path(path, "%s/fd", name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	/* A process that ends while we look holds nothing. */
	if (sysfs_list(fds, ".", &list, NULL) < 0)
		return 0;
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = scan_file(fds, list.names[i], pid, h);
	return r;
}

int holders_scan(int root, struct holders *ret, struct error *err)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	cleanup(holders_done) struct holders h = { 0 };
	cleanup(cleanup_close) int proc = -1;
	uint64_t pid;
	int r;

	r = sysfs_open(root, "proc", &proc, err);
	if (r == 0)
		r = sysfs_list(proc, ".", &list, err);
	if (r < 0)
		return error_context(r, err, "look for processes that hold a vGPU open");
	for (size_t i = 0; i < list.n; i++) {
		if (!text_to_u64(list.names[i], UINT32_MAX, &pid))
			continue;
		r = scan_process(proc, list.names[i], (uint32_t)pid, &h);
		if (r == -EACCES)
			h.hidden = (uint32_t)pid;
		else if (r < 0)
			return error_set(err, ERR_NO_MEMORY, "too many open VFIO devices to list");
	}
	*ret = h;
	h = (struct holders){ 0 };
	return 0;
}

/* The device nodes through which one VFIO device is reached: by its group and by itself. */
struct nodes {
	char path[2][64];
	dev_t number[2];
};

static dev_t number_of(int dir, const char *path)
{
	unsigned high, low;
	char text[32];

	if (sysfs_read(dir, path, text, sizeof(text), NULL) < 0 ||
	    sscanf(text, "%u:%u", &high, &low) != 2)
		return 0;
	return makedev(high, low);
}

static void find_nodes(int root, int dir, struct nodes *n)
{
	cleanup(sysfs_list_done) struct sysfs_list list = { 0 };
	char path[SYSFS_PATH_SIZE], group[16];

	*n = (struct nodes){ 0 };
	if (sysfs_link(dir, "iommu_group", group, sizeof(group))) {
		snprintf(n->path[0], sizeof(n->path[0]), "/dev/vfio/%s", group);
		n->number[0] = number_of(root, sysfs_path(path, "sys/class/vfio/%s/dev", group));
	}
	if (sysfs_list(dir, "vfio-dev", &list, NULL) < 0 || list.n == 0)
		return;
	snprintf(n->path[1], sizeof(n->path[1]), "/dev/vfio/devices/%.32s", list.names[0]);
	n->number[1] = number_of(dir, sysfs_path(path, "vfio-dev/%s/dev", list.names[0]));
}

/* QEMU under libvirt has a /dev of its own, in which the node may bear another name: the number
 * is what can not differ. */
static bool is_node(const struct holder *h, const struct nodes *n)
{
	for (size_t i = 0; i < 2; i++) {
		if (n->path[i][0] && strcmp(h->path, n->path[i]) == 0)
			return true;
		if (n->number[i] && h->number == n->number[i])
			return true;
	}
	return false;
}

uint32_t holders_find(const struct holders *h, int root, int dir)
{
	struct nodes n;

	find_nodes(root, dir, &n);
	for (size_t i = 0; i < h->n; i++)
		if (is_node(&h->rows[i], &n))
			return h->rows[i].pid;
	return 0;
}

int holders_of(int root, int dir, uint32_t *pid, struct error *err)
{
	cleanup(holders_done) struct holders h = { 0 };
	uint32_t found;
	int r;

	r = holders_scan(root, &h, err);
	if (r < 0)
		return r;
	found = holders_find(&h, root, dir);
	if (!found && h.hidden)
		return error_set(err, ERR_DENIED,
				 "the open files of process %" PRIu32 " can not be read, so "
				 "whether the vGPU is in use is not known: it takes CAP_SYS_PTRACE",
				 h.hidden);
	*pid = found;
	return 0;
}
