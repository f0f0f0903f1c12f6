/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h - a few short-lived threads that do what messages ask, each message once.
 *
 * Threads are made when there is work and end when there is none, so that a process at rest has one
 * stack.  Messages with the same key (a GPU, a domain) are done one at a time and in order.
 */
#pragma once

#include "agent/root/protocol.h"

struct serve;

/* Does M, on a thread of its own among others; sends its replies itself. */
typedef void serve_run_fn(const struct root_message *m, void *user);

must_check int serve_new(serve_run_fn *run, void *user, struct serve **ret, struct error *err);

/* Waits for what is being done, forgets what waits, frees S. */
struct serve *serve_free(struct serve *s);

/* Copies M and has it done.
 *   UNAVAILABLE  too much waits already, or no thread could be made: it will not be done */
must_check int serve_submit(struct serve *s, const struct root_message *m, struct error *err);
