/* SPDX-License-Identifier: Apache-2.0 */
/* known.h - the vGPU types of a board by name and id, also when the driver shows none now.
 *
 * nvidia/creatable_vgpu_types lists what could be made this instant: it shrinks with every sibling
 * and is empty on a function in use, so the name of a vGPU that exists is not in it.  The longest
 * list seen per board and driver version is kept in /run/facet-host.
 */
#pragma once

#include "host/types.h"

/* The types remembered for the board that DIR (a PF or VF) is of; *RET is added to.
 *   NO_MEMORY */
must_check int known_types(int root, int dir, struct types *ret, struct error *err);

/* Remembers LIST (text of creatable_vgpu_types) when it is longer than what is remembered.  It is
 * a help and no more: a list that can not be kept is not. */
void known_types_learn(int root, int dir, const char *list);
