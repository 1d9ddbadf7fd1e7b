/* Placing buffers with known lifetimes in one block. */
#ifndef NL_PLAN_H
#define NL_PLAN_H

#include <stdint.h>

typedef struct {
  uint64_t bytes;
  int32_t first, last; /* steps in which it is alive, both included */
  uint64_t offset;     /* result, a multiple of 64 */
} nl_span;

/** Gives every span an offset such that spans alive at the same step do not overlap; the size of the block. */
uint64_t nl_plan_place(nl_span *spans, int32_t count);

#endif
