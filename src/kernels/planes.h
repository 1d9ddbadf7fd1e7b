/* What the ways of a convolution share: planes copied to longer rows, whose margins are its padding, and a look at results. */
#ifndef NL_PLANES_H
#define NL_PLANES_H

#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

/** Rows are short (14 or 28 values in smallcnn), for which a memcpy costs more in its call than in its work. */
static inline void nl_copy_row(float *to, const float *from, int32_t n) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(to + i, v4_load(from + i));
  for (; i < n; i++) to[i] = from[i];
}

/**
 * Planes [C, H, W] into the midst of planes [C, HP, WP], whose margins are left as they are: the first value goes to row
 * `top`, column `left`.
 */
static inline void nl_lay_out(float *to, int32_t hp, int32_t wp, int32_t top, int32_t left, const float *from,
                              int32_t c, int32_t h, int32_t w) {
  for (int32_t j = 0; j < c; j++) {
    float *row = to + ((size_t)j * hp + top) * wp + left;
    for (int32_t i = 0; i < h; i++, row += wp, from += w) nl_copy_row(row, from, w);
  }
}

/** Whether all of x [n] are finite: 0 x is NaN for what is not. */
static inline bool nl_all_finite(const float *x, int32_t n) {
  v4 sum = v4_splat(0);
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) sum = v4_madd(v4_load(x + i), v4_splat(0), sum);
  if (i < n) sum = v4_madd(v4_load_n(x + i, n - i), v4_splat(0), sum);
  float lanes[4];
  v4_store(lanes, sum);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3] == 0;
}

#endif
