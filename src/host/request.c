/* SPDX-License-Identifier: Apache-2.0 */
#include "host/request.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "host/device.h"

static const char *const op_words[] = {
#define X(constant, word) word,
	HOST_OPS(X)
#undef X
};
const struct names host_op_names = { op_words, HOST_OP_COUNT };

#define ENDS(array) (memchr((array), '\0', sizeof(array)) != NULL)

/* Nothing may read a string before all of them are known to end. */
static bool strings_end(const struct host_request *q)
{
	const struct host_vgpu *v = &q->vgpu;

	if (!ENDS(q->vm_uuid) || !ENDS(q->vm_name) || !ENDS(v->address) || !ENDS(v->vf) ||
	    !ENDS(v->mdev_uuid) || !ENDS(v->profile) || !ENDS(v->params))
		return false;
	for (size_t i = 0; i < DEVICE_COUNT_MAX; i++)
		if (!ENDS(q->devices[i].address) || !ENDS(q->devices[i].mdev_uuid))
			return false;
	return true;
}

static bool is_framework(int32_t framework)
{
	return framework > FRAMEWORK_NONE && framework < FRAMEWORK_COUNT;
}

static bool is_mdev(int32_t framework)
{
	return framework == FRAMEWORK_MDEV || framework == FRAMEWORK_MDEV_VF;
}

static bool is_pci(const char *address)
{
	char pci[PCI_SIZE];

	return pci_check_address(address, pci, NULL) == 0 && strcmp(pci, address) == 0;
}

/* The kernel spells UUIDs in lower case, and they become file names. */
static bool is_uuid(const char *text)
{
	for (const char *c = text; *c; c++)
		if (isupper((unsigned char)*c))
			return false;
	return strlen(text) == UUID_TEXT_SIZE - 1 && uuid_is_valid(text);
}

static bool is_printable(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return true;
}

/* "name=value,name=value" as NVIDIA's vgpu_params takes it. */
static bool is_params(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.=,", *c))
			return false;
	return true;
}

static int check_vgpu(const struct host_vgpu *v, bool create, struct error *err)
{
	bool needs_vf = v->framework == FRAMEWORK_MDEV_VF || v->framework == FRAMEWORK_VENDOR_VFIO;

	if (!is_framework(v->framework))
		return error_at(err, ERR_INVALID, "/vgpu/framework", "%d is no framework",
				v->framework);
	if (v->framework == FRAMEWORK_MDEV ? !device_address_is_valid(v->address)
					   : !is_pci(v->address))
		return error_at(err, ERR_INVALID, "/vgpu/address", "'%s' is no address of a GPU",
				v->address);
	if (needs_vf ? !is_pci(v->vf) : v->vf[0] != '\0')
		return error_at(err, ERR_INVALID, "/vgpu/vf", "%s on '%s': %s",
				names_word(&framework_names, v->framework), v->vf,
				needs_vf ? "an SR-IOV function is needed" : "it has no functions");
	if (is_mdev(v->framework) ? !is_uuid(v->mdev_uuid) : v->mdev_uuid[0] != '\0')
		return error_at(err, ERR_INVALID, "/vgpu/mdev_uuid", "'%s' is not the UUID that is "
				"wanted", v->mdev_uuid);
	if (!is_printable(v->profile) || (create && !v->profile[0]))
		return error_at(err, ERR_INVALID, "/vgpu/profile", "it must name a vGPU type");
	if (v->adopt != 0 && v->adopt != 1)
		return error_at(err, ERR_INVALID, "/vgpu/adopt", "%d is neither 0 nor 1", v->adopt);
	if (!is_params(v->params))
		return error_at(err, ERR_INVALID, "/vgpu/params",
				"'%s' is not name=value,name=value", v->params);
	return 0;
}

static int check_device(const struct host_device *d, size_t i, struct error *err)
{
	char place[32];

	snprintf(place, sizeof(place), "/devices/%zu", i);
	if (!is_framework(d->framework))
		return error_at(err, ERR_INVALID, place, "%d is no framework", d->framework);
	if (is_mdev(d->framework) ? !is_uuid(d->mdev_uuid) : !is_pci(d->address))
		return error_at(err, ERR_INVALID, place, "'%s' is no device of framework %s",
				is_mdev(d->framework) ? d->mdev_uuid : d->address,
				names_word(&framework_names, d->framework));
	return 0;
}

static int check_domain(const struct host_request *q, struct error *err)
{
	int r;

	if (!is_uuid(q->vm_uuid))
		return error_at(err, ERR_INVALID, "/vm_uuid", "'%s' is no UUID in lower case",
				q->vm_uuid);
	r = text_check_name(q->vm_name, "vm_name", err);
	for (size_t i = 0; i < q->devices_n && r == 0; i++)
		r = check_device(&q->devices[i], i, err);
	return r;
}

static int check_mode(const struct host_request *q, struct error *err)
{
	if (q->mode != GPU_MODE_EQUAL && q->mode != GPU_MODE_MIXED)
		return error_at(err, ERR_INVALID, "/mode",
				"%d is neither equal-size nor mixed-size", q->mode);
	if (!is_framework(q->vgpu.framework))
		return error_at(err, ERR_INVALID, "/vgpu/framework", "%d is no framework",
				q->vgpu.framework);
	if (!is_pci(q->vgpu.address))
		return error_at(err, ERR_INVALID, "/vgpu/address", "'%s' is no address of a GPU",
				q->vgpu.address);
	return 0;
}

int host_request_check(const struct host_request *q, struct error *err)
{
	if (q->op < 0 || q->op >= HOST_OP_COUNT)
		return error_at(err, ERR_INVALID, "/op", "%d is no operation", q->op);
	if (!strings_end(q))
		return error_set(err, ERR_INVALID, "a string of the request has no end");
	if (q->devices_n > DEVICE_COUNT_MAX)
		return error_at(err, ERR_INVALID, "/devices_n", "%u devices, at most %d",
				q->devices_n, DEVICE_COUNT_MAX);
	switch ((enum host_op)q->op) {
	case HOST_OP_VF_ENABLE:
		if (is_pci(q->vgpu.address))
			return 0;
		return error_at(err, ERR_INVALID, "/vgpu/address", "'%s' is no address of a GPU",
				q->vgpu.address);
	case HOST_OP_VGPU_CREATE:
		return check_vgpu(&q->vgpu, true, err);
	case HOST_OP_VGPU_DESTROY:
	case HOST_OP_VGPU_HOLDERS:
		return check_vgpu(&q->vgpu, false, err);
	case HOST_OP_MODE_SET:
		return check_mode(q, err);
	default:
		return check_domain(q, err);
	}
}
