/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue_table.h - what tools/make-catalogue.py prints; only catalogue.c reads it. */
#pragma once

#include "model/catalogue.h"

extern const struct catalogue_profile catalogue_table[];
extern const size_t catalogue_table_n;
extern const uint16_t catalogue_by_name[]; /* indexes, sorted by name byte for byte */
extern const struct board board_table[];
extern const size_t board_table_n;
