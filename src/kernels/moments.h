/*
 * What the normalization kernels share: checks of their sizes, exact means and squared deviations of float32 data.
 *
 * A mean is a float64. To subtract it from float32 lanes without losing it, it is split in two float32, high + low:
 * (x - high) is exact wherever x is near the mean (Sterbenz), and the low part joins what is added after scaling:
 *   (x - mean) scale + shift = (x - high) scale + (shift - low scale)
 * So data with mean 1e4 and std 1 keeps its 24 bits, and a constant channel, whose low part is 0, gives exactly the shift.
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

/** (x - mean) scale + shift as (x - high) scale + shift, and the same with a channel a lane, or one for all. */
typedef struct {
  float high, scale, shift;
} nl_affine;
typedef struct {
  v4 high, scale, shift;
} nl_affine4;

static inline nl_affine nl_affine_of(double mean, double scale, double shift) {
  const float high = (float)mean;
  /* 0 of 0 times infinity, which invstd may be where eps is 0. */
  const double low = mean == high ? 0 : (high - mean) * scale;
  return (nl_affine){high, (float)scale, (float)(shift + low)};
}

static inline nl_affine4 nl_splat(nl_affine at) {
  return (nl_affine4){v4_splat(at.high), v4_splat(at.scale), v4_splat(at.shift)};
}

static inline v4 nl_apply(v4 x, nl_affine4 at) { return v4_madd(v4_sub(x, at.high), at.scale, at.shift); }

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

/* Values that float32 adds up before they go to float64: eight vectors, as a tree. */
enum { NL_BLOCK = 32 };

static inline v4 nl_sum_of_four(const v4 v[4]) { return v4_add(v4_add(v[0], v[1]), v4_add(v[2], v[3])); }

/**
 * *sum += Σ (x - origin), *squares += Σ (x - origin)^2 over x [n], in float64 from the first operation on. Where the origin is
 * a value of the data, its distance from the mean is at most sqrt(n) standard deviations, and the difference
 * squares - sum^2 / n keeps 53 - log2(n) bits: more than float32 has, up to 2^27 values.
 */
static inline void nl_add_moments_wide(double *sum, double *squares, const float *x, double origin, int32_t n) {
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

/** The same with the deviations, and the sums of eight, in float32: good where nl_moments_hold. */
static inline void nl_add_moments(double *sum, double *squares, const float *x, float origin, int32_t n) {
  const v4 at = v4_splat(origin);
  d4 sums = d4_zero(), second = d4_zero();
  int32_t i = 0;
  for (; i + NL_BLOCK <= n; i += NL_BLOCK, x += NL_BLOCK) {
    v4 pairs[4], products[4];
    for (int k = 0; k < 4; k++) {
      const v4 a = v4_sub(v4_load(x + 8 * k), at), b = v4_sub(v4_load(x + 8 * k + 4), at);
      pairs[k] = v4_add(a, b);
      products[k] = v4_madd(b, b, v4_mul(a, a));
    }
    sums = d4_add(sums, nl_sum_of_four(pairs));
    second = d4_add(second, nl_sum_of_four(products));
  }
  for (; i + 4 <= n; i += 4, x += 4) {
    const v4 d = v4_sub(v4_load(x), at);
    sums = d4_add(sums, d);
    second = d4_madd(second, d, d);
  }
  double left = 0, left_squares = 0;
  for (; i < n; i++, x++) {
    const double d = (double)*x - origin;
    left += d;
    left_squares += d * d;
  }
  *sum += d4_sum(sums) + left;
  *squares += d4_sum(second) + left_squares;
}

/** Σ (x - mean)^2 / n of moments about an origin. */
static inline double nl_variance(double sum, double squares, double n) {
  const double var = (squares - sum * sum / n) / n;
  return var < 0 ? 0 : var;
}

/** An origin for moments that is no outlier: the mean of four values each at x, x + step and so on. Of equal ones it is these. */
static inline float nl_origin(const float *x, size_t step) {
  const v4 fours[4] = {v4_load(x), v4_load(x + step), v4_load(x + 2 * step), v4_load(x + 3 * step)};
  float lanes[4];
  v4_store(lanes, nl_sum_of_four(fours));
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) * 0.0625f;
}

/**
 * Whether moments in float32 about an origin are as good as in float64: the mean is within a standard deviation of the origin,
 * so that no more than a bit cancels, and squares and their sums are far from float32's ends. The errors that are left, of
 * deviations and of sums of eight, are of a rounding unit of a deviation each and average out.
 */
static inline bool nl_moments_hold(double sum, double var, double n) {
  return sum * sum <= var * n * n && var > 1e-28 && var < 1e34;
}

/** Mean and variance of x [n], n >= 1. */
static inline void nl_moments(double *mean, double *var, const float *x, int32_t n) {
  double sum = 0, squares = 0, origin = x[0];
  if (n >= NL_BLOCK) {
    const float about = nl_origin(x, (size_t)n / 4);
    nl_add_moments(&sum, &squares, x, about, n);
    *mean = about + sum / n;
    *var = nl_variance(sum, squares, n);
    if (nl_moments_hold(sum, *var, n)) return;
    sum = squares = 0;
  }
  nl_add_moments_wide(&sum, &squares, x, origin, n);
  *mean = origin + sum / n;
  *var = nl_variance(sum, squares, n);
}

/** Mean of x^2 over x [n], n >= 1. */
static inline double nl_mean_square(const float *x, int32_t n) {
  double sum = 0, squares = 0;
  nl_add_moments(&sum, &squares, x, 0, n);
  if (squares > 1e-28 * n && squares < 1e34 * n) return squares / n;
  sum = squares = 0;
  nl_add_moments_wide(&sum, &squares, x, 0, n);
  return squares / n;
}

static inline v4 nl_relu_if(bool relu, v4 y) { return relu ? v4_at_least(y, v4_splat(0)) : y; }

NL_INLINE void nl_normalize_then(float *y, const float *x, nl_affine4 at, bool relu, int32_t n) {
  int32_t i = 0;
  for (; i + 8 <= n; i += 8, x += 8, y += 8) {
    v4_store(y, nl_relu_if(relu, nl_apply(v4_load(x), at)));
    v4_store(y + 4, nl_relu_if(relu, nl_apply(v4_load(x + 4), at)));
  }
  for (; i < n; i += 4, x += 4, y += 4) v4_store_left(y, nl_relu_if(relu, nl_apply(v4_load_left(x, n - i), at)), n - i);
}

/** y = `of` x over x, y [n], then relu if wanted. A loop each: the relu in one for both costs 2 to 8 % where there is none. */
static inline void nl_normalize(float *y, const float *x, nl_affine of, bool relu, int32_t n) {
  if (relu)
    nl_normalize_then(y, x, nl_splat(of), true, n);
  else
    nl_normalize_then(y, x, nl_splat(of), false, n);
}

#endif
