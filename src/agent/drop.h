/* SPDX-License-Identifier: Apache-2.0 */
/* drop.h - giving root up.  A file of its own: <grp.h> has a struct group, and so have we. */
#pragma once

#include "base/error.h"

/* Becomes USER for good, with its groups; started as an ordinary user, there is nothing to give up.
 *   NOT_FOUND  there is no such user */
must_check int drop_to_user(const char *user, struct error *err);
