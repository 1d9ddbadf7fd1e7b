/* Taking memory, with a status. */
#ifndef NL_MEMORY_H
#define NL_MEMORY_H

#include "base/status.h"

/* Most float32 values in one array: their bytes stay below 2^31, so that 32-bit sizes never wrap. */
enum { NL_MOST_VALUES = INT32_MAX / 4 };

/** calloc with a status; `count` * `size` bytes. 64 bits, since the sums that lead here may pass what size_t holds. */
nl_status nl_take(void **memory, uint64_t count, size_t size);

#endif
