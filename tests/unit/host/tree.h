/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - a host made of plain files in a temporary folder.
 *
 * Plain files keep what is written to them and do nothing else, so a read-back always succeeds.
 * How a driver reacts to a write (lists shrink, devices appear, errors) is played by
 * tree_on_write(), for which a test links with --wrap=sysfs_write.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree {
	int root;
	char path[64];
};

void tree_init(struct tree *t);
void tree_done(struct tree *t);

/* Parents are made; an existing file or link is replaced. */
void tree_file(struct tree *t, const char *path, const char *text);
void tree_filef(struct tree *t, const char *text, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
void tree_link(struct tree *t, const char *path, const char *target);
void tree_remove(struct tree *t, const char *path);
/* What the file holds now, without trailing newlines; "" when there is none.  One buffer. */
const char *tree_text(struct tree *t, const char *path);
bool tree_has(struct tree *t, const char *path);

/* A PCI function with its ids, in sys/devices/pci and on the bus. */
void tree_pci(struct tree *t, const char *address, const char *class, const char *vendor,
	      const char *device, const char *subsystem);
void tree_driver(struct tree *t, const char *address, const char *driver);
void tree_iommu_group(struct tree *t, const char *address, unsigned group);
/* VF number INDEX of PF, bound to nvidia. */
void tree_vf(struct tree *t, const char *pf, unsigned index, const char *vf);
/* The nvidia/ files of a VF of the vendor-specific framework. */
void tree_vendor(struct tree *t, const char *vf, const char *current, const char *creatable);
/* One mdev type of a parent. */
void tree_mdev_type(struct tree *t, const char *parent, const char *type, const char *name,
		    const char *description, const char *available);
/* An mdev of that type. */
void tree_mdev(struct tree *t, const char *parent, const char *type, const char *uuid);
/* A process that holds PATH open. */
void tree_process(struct tree *t, unsigned pid, const char *path);

/* Plays the driver: asked before each sysfs_write() with the path below the root.  Returns 0 to let
 * the write happen, an errno with which it fails, or TREE_SWALLOW: nothing is changed. */
enum { TREE_SWALLOW = -1 };
typedef int (*tree_write_fn)(struct tree *t, const char *path, const char *text);
void tree_on_write(struct tree *t, tree_write_fn fn);

/* The next waits of a driver do not sleep; after N of them its time is up. */
void tree_waits(unsigned n);
/* What happens meanwhile: called at each such wait. */
void tree_on_wait(void (*fn)(struct tree *t));

/* nvidia/creatable_vgpu_types of an idle L40S, and of one on which nothing can be made. */
extern const char tree_l40s_types[], tree_no_types[];

/* An L40S at 0000:41:00.0 with functions .4, .5 and .6 in the vendor-specific framework. */
void tree_l40s(struct tree *t);
