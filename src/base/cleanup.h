/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup.h - the private vocabulary: five macros, no more.
 *
 * cleanup(fn)            runs fn(&variable) when the variable goes out of scope
 * DEFINE_CLEANUP(T, fn)  makes fn_p(), fit for cleanup(), out of a destructor that takes T
 * take(p)                gives p away: returns it and leaves NULL behind
 * must_check             the result of this function may not be dropped
 * printf_like(f, a)      parameter f is a format, a the first argument
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((__cleanup__(fn)))
#define must_check __attribute__((__warn_unused_result__))
#define printf_like(fmt, args) __attribute__((__format__(__printf__, fmt, args)))

#define DEFINE_CLEANUP(type, fn)                       \
	static inline void fn##_p(type *p)             \
	{                                              \
		if (*p)                                \
			fn(*p);                        \
	}

#define take(p)                                        \
	({                                             \
		__typeof__(p) taken_ = (p);            \
		(p) = NULL;                            \
		taken_;                                \
	})

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}
