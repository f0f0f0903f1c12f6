/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - what a batch may hold, the same for every back end. */
#pragma once

#include "store/store.h"

/* INVALID: see store_commit() */
must_check int store_check_batch(const struct store_write *writes, size_t n, struct error *err);
