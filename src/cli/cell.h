/* SPDX-License-Identifier: Apache-2.0 */
/* cell.h - a value of the API in words for people. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/text.h"
#include "cli/command.h"

/* Adds what COLUMN shows of ROW: "48 GiB", "5m ago", "-" for nothing.  NOW_MS is the wall clock. */
void cell_add(struct text *to, const struct column *column, const json_t *row, int64_t now_ms);

/* The kind in which a field of this name is shown: "fb_mib" as COLUMN_MIB, "created_ms" as
 * COLUMN_AGE, "state" as COLUMN_STATE. */
enum column_kind cell_kind(const char *key, const json_t *value);

/* "fb_mib" becomes "fb", "last_report_ms" "last report". */
void cell_label(struct text *to, const char *key);

/* "green", "yellow", "red" for a state that deserves it, else NULL. */
const char *cell_colour(const char *word);

/* A member of OBJECT as text, "" when there is none. */
const char *cell_string(const json_t *object, const char *key);
