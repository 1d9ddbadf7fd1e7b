/*
 * What the normalization kernels share: checks of their sizes, exact means and squared deviations of float32 data.
 *
 * A mean is a float64. To subtract it from float32 lanes without losing it, it is split in two float32, high + low:
 * (x - high) is exact wherever x is near the mean (Sterbenz), and subtracting the low part then rounds once at the scale of
 * the deviation. So data with mean 1e4 and std 1 keeps its 24 bits, and a constant channel gives exactly zero.
 */
#ifndef NL_MOMENTS_H
#define NL_MOMENTS_H

#include "base/status.h"
#include "base/vec.h"

#include <math.h>

/** The sizes [N, C, S] and eps that a kernel is called with. */
static inline nl_status nl_check_planes(const char *name, int32_t n, int32_t c, int32_t s, double eps) {
  NL_CHECK(n >= 0 && c >= 1 && s >= 0, NL_SHAPE, "%s: sizes must be N >= 0, C >= 1, S >= 0, got N=%d, C=%d, S=%d", name,
           n, c, s);
  NL_CHECK(eps >= 0 && isfinite(eps), NL_ARGUMENT, "%s: eps must be finite and non-negative, got %g", name, eps);
  return NL_OK;
}

/** The sizes [M, L] and eps that a kernel is called with. */
static inline nl_status nl_check_rows(const char *name, int32_t m, int32_t l, double eps) {
  NL_CHECK(m >= 0 && l >= 0, NL_SHAPE, "%s: sizes must be M >= 0, L >= 0, got M=%d, L=%d", name, m, l);
  NL_CHECK(eps >= 0 && isfinite(eps), NL_ARGUMENT, "%s: eps must be finite and non-negative, got %g", name, eps);
  return NL_OK;
}

typedef struct {
  v4 high, low;
} nl_center;

static inline nl_center nl_center_at(double mean) {
  float high = (float)mean;
  return (nl_center){v4_splat(high), v4_splat((float)(mean - (double)high))};
}

static inline v4 nl_centered(v4 x, nl_center at) { return v4_sub(v4_sub(x, at.high), at.low); }

/** 1 / sqrt(var + eps) of data with that variance. Without any, all deviations are 0, and 0 keeps them so where eps is 0. */
static inline double nl_invstd(double var, double eps) { return var + eps == 0 ? 0 : 1 / sqrt(var + eps); }

/** Sum of x [n]. */
static inline double nl_sum(const float *x, int32_t n) {
  d4 sum = d4_zero(), other = d4_zero();
  int32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    sum = d4_add(sum, v4_load(x + i));
    other = d4_add(other, v4_load(x + i + 4));
  }
  if (i + 4 <= n) {
    sum = d4_add(sum, v4_load(x + i));
    i += 4;
  }
  if (i < n) other = d4_add(other, v4_load_n(x + i, n - i));
  return d4_sum(sum) + d4_sum(other);
}

/**
 * *sum += Σ (x - origin), *squares += Σ (x - origin)^2 over x [n]: mean and variance in one pass. The origin is a value of
 * the data, so that its distance from the mean is at most sqrt(n) standard deviations, and the difference
 * squares - sum^2 / n in float64 keeps 53 - log2(n) bits: more than float32 has, up to 2^27 values.
 */
static inline void nl_add_moments(double *sum, double *squares, const float *x, double origin, int32_t n) {
  const d4 at = d4_splat(origin);
  d4 sums[2] = {d4_zero(), d4_zero()}, second[2] = {d4_zero(), d4_zero()};
  int32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    d4_deviate(&sums[0], &second[0], v4_load(x + i), at);
    d4_deviate(&sums[1], &second[1], v4_load(x + i + 4), at);
  }
  double left = 0, left_squares = 0;
  for (; i < n; i++) {
    const double d = x[i] - origin;
    left += d;
    left_squares += d * d;
  }
  *sum += d4_sum(sums[0]) + d4_sum(sums[1]) + left;
  *squares += d4_sum(second[0]) + d4_sum(second[1]) + left_squares;
}

/** Σ (x - mean)^2 / n of moments about an origin. */
static inline double nl_variance(double sum, double squares, double n) {
  const double var = (squares - sum * sum / n) / n;
  return var < 0 ? 0 : var;
}

/** Mean and variance of x [n], n >= 1. */
static inline void nl_moments(double *mean, double *var, const float *x, int32_t n) {
  double sum = 0, squares = 0;
  nl_add_moments(&sum, &squares, x, x[0], n);
  *mean = x[0] + sum / n;
  *var = nl_variance(sum, squares, n);
}

/** y = (x - mean) * scale + shift over x, y [n]. */
static inline void nl_normalize(float *y, const float *x, nl_center mean, float scale, float shift, int32_t n) {
  v4 a = v4_splat(scale), b = v4_splat(shift);
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(y + i, v4_madd(nl_centered(v4_load(x + i), mean), a, b));
  if (i < n) v4_store_n(y + i, v4_madd(nl_centered(v4_load_n(x + i, n - i), mean), a, b), n - i);
}

/**
 * *sum += Σ dy, *dot += Σ dy * xhat over dy, x [n], xhat = (x - mean) * invstd. The sum is a float64 one, since it may
 * cancel and is a result; of the products four are added up in float32 before, which costs each no more than its own rounding.
 */
static inline void nl_gradient_sums(double *sum, double *dot, const float *dy, const float *x, nl_center mean,
                                    float invstd, int32_t n) {
  const v4 scale = v4_splat(invstd);
  d4 sums = d4_zero(), dots = d4_zero();
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    v4 four = v4_splat(0);
    for (int k = 0; k < 16; k += 4) {
      const v4 g = v4_load(dy + i + k);
      sums = d4_add(sums, g);
      four = v4_madd(g, v4_mul(nl_centered(v4_load(x + i + k), mean), scale), four);
    }
    dots = d4_add(dots, four);
  }
  for (; i < n; i += 4) {
    const v4 g = v4_load_left(dy + i, n - i), xhat = v4_mul(nl_centered(v4_load_left(x + i, n - i), mean), scale);
    sums = d4_add(sums, g);
    dots = d4_madd(dots, g, n - i < 4 ? v4_first(xhat, n - i) : xhat);
  }
  *sum += d4_sum(sums);
  *dot += d4_sum(dots);
}

/**
 * dx = dy * a + xhat * b + c with xhat = (x - mean) * invstd, over dx, dy, x [n]: the backward pass of every normalization
 * here. xhat is near 1 whatever the scale of x, so that no factor leaves float32's range before the result does: the
 * multiplication more costs 3 % on tensors that stay in the cache and nothing beyond it.
 */
static inline void nl_normalize_backward(float *dx, const float *dy, const float *x, nl_center mean, float invstd,
                                         float a, float b, float c, int32_t n) {
  v4 vs = v4_splat(invstd), va = v4_splat(a), vb = v4_splat(b), vc = v4_splat(c);
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) {
    v4 xhat = v4_mul(nl_centered(v4_load(x + i), mean), vs);
    v4_store(dx + i, v4_madd(v4_load(dy + i), va, v4_madd(xhat, vb, vc)));
  }
  if (i < n) {
    v4 xhat = v4_mul(nl_centered(v4_load_n(x + i, n - i), mean), vs);
    v4_store_n(dx + i, v4_madd(v4_load_n(dy + i, n - i), va, v4_madd(xhat, vb, vc)), n - i);
  }
}

/** y = x * scale over x, y [n]. */
static inline void nl_scale(float *y, const float *x, float scale, int32_t n) {
  v4 a = v4_splat(scale);
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(y + i, v4_mul(v4_load(x + i), a));
  if (i < n) v4_store_n(y + i, v4_mul(v4_load_n(x + i, n - i), a), n - i);
}

#endif
