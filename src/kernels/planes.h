/*
 * What products and the ways of a convolution share: what follows a sum, planes copied to longer rows, whose margins are the
 * padding, and a look at results.
 */
#ifndef NL_PLANES_H
#define NL_PLANES_H

#include "base/vec.h"
#include "kernels/kernels.h"

#include <math.h>

/** Rows are short (14 or 28 values in smallcnn), for which a memcpy costs more in its call than in its work. */
static inline void nl_copy_row(float *to, const float *from, int32_t n) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(to + i, v4_load(from + i));
  for (; i < n; i++) to[i] = from[i];
}

/** nl_after in the lanes; without relu the floor is -inf. */
typedef struct {
  v4 scale, shift, floor;
} nl_after4;

static inline v4 nl_floor_of(nl_after after) { return v4_splat(after.relu ? 0 : -INFINITY); }

/** Of channel j. */
static inline nl_after4 nl_after_channel(nl_after after, int32_t j) {
  return (nl_after4){v4_splat(after.scale ? after.scale[j] : 1), v4_splat(after.shift ? after.shift[j] : 0),
                     nl_floor_of(after)};
}

static inline v4 nl_follow(v4 y, nl_after4 after) {
  return v4_at_least(v4_madd(y, after.scale, after.shift), after.floor);
}

/** to = `after` from over [n]; to may be from. */
static inline void nl_follow_row(float *to, const float *from, nl_after4 after, int32_t n) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(to + i, nl_follow(v4_load(from + i), after));
  if (i < n) v4_store_n(to + i, nl_follow(v4_load_n(from + i, n - i), after), n - i);
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
