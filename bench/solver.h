/* SPDX-License-Identifier: Apache-2.0 */
/* solver.h - linear programs, solved by the program cbc of COIN-OR. */
#pragma once

#include <stdio.h>

#include "base/error.h"

/* WRITE puts a linear program in the LP format of CPLEX into the file that cbc reads; cbc takes no
 * long lines.  DUAL is then told the price of every row, the rows of another kind of optimum
 * (columns) too: names tell them apart. */
struct solver_problem {
	void *user;
	void (*write)(void *user, FILE *to);
	void (*price)(void *user, const char *name, double price);
};

/* Solves to the optimum, at most 10 minutes.
 *   PRECONDITION  cbc is not installed
 *   INVALID       cbc found no optimum: with what it said
 *   IO, NO_MEMORY */
must_check int solver_run(const struct solver_problem *p, double *ret_value, struct error *err);
