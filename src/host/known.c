/* SPDX-License-Identifier: Apache-2.0 */
#include "host/known.h"

#include "host/device.h"
#include "host/state.h"

/* VFs bear the PF's device id; the board's subsystem id is on the PF alone. */
static void file_name(int root, int dir, char name[NAME_SIZE])
{
	char pci_device[5], subsystem[5], of_vf[5], version[24];
	cleanup(cleanup_close) int pf = -1;

	device_ids(dir, pci_device, subsystem);
	if (sysfs_open(dir, "physfn", &pf, NULL) == 0)
		device_ids(pf, of_vf, subsystem);
	device_driver_version(root, version, sizeof(version));
	snprintf(name, NAME_SIZE, "types-%s-%s-%s", pci_device, subsystem, version);
}

int known_types(int root, int dir, struct types *ret, struct error *err)
{
	char name[NAME_SIZE], text[SYSFS_TEXT_SIZE];

	file_name(root, dir, name);
	if (state_read(root, name, text, sizeof(text), NULL) < 0)
		return 0;
	return types_parse_creatable(text, false, ret, err);
}

void known_types_learn(int root, int dir, const char *list)
{
	cleanup(types_done) struct types now = { 0 }, before = { 0 };
	char name[NAME_SIZE];

	if (types_parse_creatable(list, false, &now, NULL) < 0 ||
	    known_types(root, dir, &before, NULL) < 0 || now.n <= before.n)
		return;
	file_name(root, dir, name);
	(void)!state_write(root, name, list, NULL);
}
