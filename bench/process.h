/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - programs under measurement: a folder of their own, their start, memory and time.
 *
 * Whatever goes wrong ends the benchmark with a sentence; leaving through exit() kills the programs
 * that are left and removes the folder.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

void die(const char *fmt, ...) printf_like(1, 2) __attribute__((__noreturn__));

/* Makes a folder below PARENT (NULL: the folder for temporary files) that goes with the benchmark.
 * Returns its path. */
const char *bench_folder(const char *parent);

/* PATH below the folder, in memory that stays. */
char *bench_path(const char *fmt, ...) printf_like(1, 2);

/* Starts ARGV, its output in LOG below the folder. */
pid_t process_start(char *const argv[], const char *log);

/* SIGTERM, and waits for the end. */
void process_stop(pid_t pid);

/* Runs ARGV to its end and returns how long that took, in microseconds. */
int64_t process_run_us(char *const argv[]);

/* facetd on a store FILE below the folder, listening at SOCKET below it; does not wait. */
pid_t facetd_start(const char *program, const char *file, const char *socket);

struct process_memory {
	uint64_t rss_kib, pss_kib, anon_kib;
};
struct process_memory process_memory(pid_t pid);

/* User and system time so far, in microseconds, to the kernel's tick. */
int64_t process_cpu_us(pid_t pid);

/* The first child of PID, 0 for none. */
pid_t process_child(pid_t pid);

int64_t now_us(void);
