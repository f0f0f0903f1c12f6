/* SPDX-License-Identifier: GPL-2.0 */
/* rules.c - compiles the product's own rules into the module, so that what the lab allows and
 * what Facet expects can not drift apart. */
#include "../../src/model/geometry.c"
#include "../../src/model/creatable.c"
