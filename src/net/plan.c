#include "net/plan.h"

#include <stdbool.h>

static bool meet(const nl_span *a, const nl_span *b) { return a->first <= b->last && b->first <= a->last; }

/* Greedy: each span goes to the lowest place where no span that was placed before and lives at the same time stands.
   Quadratic in the number of spans, of which a model has a few dozen, and done once. */
uint64_t nl_plan_place(nl_span *spans, int32_t count) {
  uint64_t block = 0;
  for (int32_t i = 0; i < count; i++) {
    nl_span *span = &spans[i];
    const uint64_t bytes = span->bytes = (span->bytes + 63) & ~(uint64_t)63;
    uint64_t at = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (int32_t j = 0; j < i; j++) {
        const nl_span *other = &spans[j];
        if (!meet(span, other) || at >= other->offset + other->bytes || other->offset >= at + bytes) continue;
        at = other->offset + other->bytes;
        moved = true;
      }
    }
    span->offset = at;
    if (at + bytes > block) block = at + bytes;
  }
  return block;
}
