/* Failing: every fallible function ends in NL_OK or in `return nl_fail(...)`. */
#ifndef NL_STATUS_H
#define NL_STATUS_H

#include "normlab.h"

#include <stdarg.h>
#include <stdbool.h>

/**
 * Records the text and returns `status`. Directives: %s string, %d int32_t, %g double, %S shape (const int32_t *, int32_t
 * length) written as PyTorch writes sizes: [1, 10, 1].
 */
nl_status nl_fail(nl_status status, const char *format, ...);

/** The same directives into text[size], always ended by a zero; returns the length that was wanted. */
int32_t nl_format(char *text, int32_t size, const char *format, ...);
int32_t nl_vformat(char *text, int32_t size, const char *format, va_list args);

#define NL_TRY(call)                                  \
  do {                                                \
    nl_status nl_try_status = (call);                 \
    if (nl_try_status != NL_OK) return nl_try_status; \
  } while (0)

#define NL_CHECK(condition, status, ...)                   \
  do {                                                     \
    if (!(condition)) return nl_fail(status, __VA_ARGS__); \
  } while (0)

#endif
