/*
 * What the passes back of normalizations share. With xhat = (x - mean) invstd, g = dy through the relu that may follow, and
 * sums over the values that share a mean, each of them is
 *   dx = g a + xhat b + c,  where b and c hold Σ g xhat and Σ g.
 * The walks over planes are inline: a call each for planes of 64 values takes half as long again.
 */
#ifndef NL_GRADIENTS_H
#define NL_GRADIENTS_H

#include "kernels/moments.h"

/** The gradient that reaches a normalization through the relu after it, of which y is the output; NULL: there is none. */
static inline v4 nl_through_relu(v4 dy, const float *y, int32_t left) {
  return y ? v4_where_positive(v4_load_left(y, left), dy) : dy;
}

/**
 * From x to xhat. `plain`: the mean is within a standard deviation of 0, so that no more than a bit is lost by not subtracting
 * it first, and the deviation is of ordinary size, so that x itself may stand for xhat in sums and products of float32, to be
 * put right in float64. It takes 4 to 30 % from a pass back.
 */
typedef struct {
  double mean, invstd;
  nl_affine at;
  bool plain;
} nl_hat;

/**
 * `eps` is in invstd, and infinite where x is not the data that mean and invstd are of. Equal values have no variance beside
 * it and are subtracted from: their Σ g xhat is 0 to the last bit.
 */
static inline nl_hat nl_hat_of(double mean, double invstd, double eps) {
  const double var = 1 / (invstd * invstd) - eps;
  const bool near_zero = mean == 0 || (mean * mean <= var && var > 1e-9 * eps);
  const bool plain = near_zero && invstd > 1e-18 && invstd < 1e18;
  const nl_affine at = plain ? (nl_affine){0, (float)invstd, (float)(-mean * invstd)} : nl_affine_of(mean, invstd, 0);
  return (nl_hat){mean, invstd, at, plain};
}

/** What stands for xhat: x where `plain`. */
static inline v4 nl_basis(v4 x, nl_affine4 at, bool plain) { return plain ? x : nl_apply(x, at); }

/** Σ g xhat of Σ g and of the sum of g times what stood for xhat. */
static inline double nl_dot_of(nl_hat hat, double sum, double dot) {
  return hat.plain ? hat.invstd * (dot - hat.mean * sum) : dot;
}

NL_INLINE void nl_gradient_sums_of(double *sum, double *dot, const float *dy, const float *y, const float *x,
                                   nl_affine4 at, bool plain, int32_t n) {
  d4 sums = d4_zero(), dots = d4_zero();
  int32_t i = 0;
  for (; i + NL_BLOCK <= n; i += NL_BLOCK, dy += NL_BLOCK, x += NL_BLOCK) {
    const float *yi = y ? y + i : NULL;
    v4 pairs[4], products[4];
    for (int k = 0; k < 4; k++) {
      const v4 a = nl_through_relu(v4_load(dy + 8 * k), y ? yi + 8 * k : NULL, 4);
      const v4 b = nl_through_relu(v4_load(dy + 8 * k + 4), y ? yi + 8 * k + 4 : NULL, 4);
      pairs[k] = v4_add(a, b);
      products[k] = v4_mul(a, nl_basis(v4_load(x + 8 * k), at, plain));
      products[k] = v4_madd(b, nl_basis(v4_load(x + 8 * k + 4), at, plain), products[k]);
    }
    sums = d4_add(sums, nl_sum_of_four(pairs));
    dots = d4_add(dots, nl_sum_of_four(products));
  }
  for (; i < n; i += 4, dy += 4, x += 4) {
    const int32_t left = n - i;
    const v4 g = nl_through_relu(v4_load_left(dy, left), y ? y + i : NULL, left);
    const v4 xhat = nl_basis(v4_load_left(x, left), at, plain);
    sums = d4_add(sums, g);
    dots = d4_madd(dots, g, left < 4 ? v4_first(xhat, left) : xhat);
  }
  *sum += d4_sum(sums);
  *dot += d4_sum(dots);
}

/** The same, kept apart for its size, of data far from 0 or of extreme size. */
void nl_gradient_sums_careful(double *sum, double *dot, const float *dy, const float *y, const float *x, float high,
                              float scale, float shift, int32_t n);

/** *sum += Σ dy, *dot += Σ dy * xhat (nl_dot_of it) over dy, x [n]; through the relu of output y [n], or NULL. */
static inline void nl_gradient_sums(double *sum, double *dot, const float *dy, const float *y, const float *x,
                                    nl_hat hat, int32_t n) {
  if (!hat.plain)
    nl_gradient_sums_careful(sum, dot, dy, y, x, hat.at.high, hat.at.scale, hat.at.shift, n);
  else if (y)
    nl_gradient_sums_of(sum, dot, dy, y, x, nl_splat(hat.at), true, n);
  else
    nl_gradient_sums_of(sum, dot, dy, NULL, x, nl_splat(hat.at), true, n);
}

/** dx = dy * a + xhat * b + c, with what stands for xhat. */
typedef struct {
  nl_affine at;
  float a, b, c;
  bool plain;
} nl_factors;

static inline nl_factors nl_factors_of(nl_hat hat, double a, double b, double c) {
  const double plain_b = b * hat.invstd, size = fabs(plain_b);
  const bool plain = hat.plain && (b == 0 || (size > 1e-36 && size < 1e36));
  if (plain) {
    b = plain_b;
    c -= b * hat.mean;
  }
  return (nl_factors){hat.at, (float)a, (float)b, (float)c, plain};
}

typedef struct {
  nl_affine4 at;
  v4 a, b, c;
} nl_factors4;

/* The next `left` <= 4 values. */
NL_INLINE void nl_backward_four(float *dx, const float *dy, const float *y, const float *x, nl_factors4 of, bool plain,
                                int32_t left) {
  const v4 g = nl_through_relu(v4_load_left(dy, left), y, left);
  const v4 xhat = nl_basis(v4_load_left(x, left), of.at, plain);
  v4_store_left(dx, v4_madd(g, of.a, v4_madd(xhat, of.b, of.c)), left);
}

NL_INLINE void nl_normalize_backward_of(float *dx, const float *dy, const float *y, const float *x, nl_affine at,
                                        float a, float b, float c, bool plain, int32_t n) {
  const nl_factors4 of = {nl_splat(at), v4_splat(a), v4_splat(b), v4_splat(c)};
  int32_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k += 4)
      nl_backward_four(dx + i + k, dy + i + k, y ? y + i + k : NULL, x + i + k, of, plain, 4);
  for (; i < n; i += 4) nl_backward_four(dx + i, dy + i, y ? y + i : NULL, x + i, of, plain, n - i);
}

/** Of data far from 0 or of extreme size, as nl_gradient_sums_careful. */
void nl_normalize_backward_careful(float *dx, const float *dy, const float *y, const float *x, float high, float scale,
                                   float shift, float a, float b, float c, int32_t n);

/**
 * dx = dy * a + xhat * b + c over dx, dy, x [n]: the backward pass of every normalization here, through the relu of output
 * y [n], or NULL. xhat is near 1 whatever the scale of x, so that no factor leaves float32's range before the result does.
 */
static inline void nl_normalize_backward(float *dx, const float *dy, const float *y, const float *x, nl_factors of,
                                         int32_t n) {
  if (!of.plain)
    nl_normalize_backward_careful(dx, dy, y, x, of.at.high, of.at.scale, of.at.shift, of.a, of.b, of.c, n);
  else if (y)
    nl_normalize_backward_of(dx, dy, y, x, of.at, of.a, of.b, of.c, true, n);
  else
    nl_normalize_backward_of(dx, dy, NULL, x, of.at, of.a, of.b, of.c, true, n);
}

/** dx = dy * scale over dx, dy [n], through the relu of output y [n], or NULL. */
static inline void nl_scale(float *dx, const float *dy, const float *y, float scale, int32_t n) {
  const v4 a = v4_splat(scale);
  for (int32_t i = 0; i < n; i += 4) {
    const int32_t left = n - i;
    v4_store_left(dx + i, v4_mul(nl_through_relu(v4_load_left(dy + i, left), y ? y + i : NULL, left), a), left);
  }
}

#endif
