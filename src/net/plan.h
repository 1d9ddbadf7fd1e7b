/* Placing buffers with known lifetimes in one block. */
#ifndef NL_PLAN_H
#define NL_PLAN_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  size_t bytes;
  int32_t first, last; /* steps in which it is alive, both included */
  size_t offset;       /* result, a multiple of 64 */
} nl_span;

/** Gives every span an offset such that spans alive at the same step do not overlap; the size of the block. */
size_t nl_plan_place(nl_span *spans, int32_t count);

#endif
