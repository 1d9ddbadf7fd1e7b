#include "kernels/kernels.h"
#include "kernels/moments.h"

/*
 * x [N, C, S] is walked in two ways. With spatial dimensions a channel is N runs of S neighbours (stride C * S), handled
 * run by run. Without (S = 1, BatchNorm1d on [N, C]) neighbours are different channels, so four channels go down the
 * rows together, a lane each.
 */

/* Means of 4 columns as centers, lane by lane. `width` <= 4 columns are there. */
static nl_center column_center(const double *mean, int width) {
  float high[4] = {0}, low[4] = {0};
  for (int j = 0; j < width; j++) {
    high[j] = (float)mean[j];
    low[j] = (float)(mean[j] - (double)high[j]);
  }
  return (nl_center){v4_load(high), v4_load(low)};
}

/* mean, var [C]: batch mean and biased variance. */
static void batch_moments(double *mean, double *var, const float *x, int32_t n, int32_t c, int32_t s) {
  const double count = (double)n * s;
  const size_t sample = (size_t)c * s;
  if (s == 1) {
    for (int32_t j = 0; j < c; j += 4) {
      int width = c - j < 4 ? c - j : 4;
      d4 sum = d4_zero(), squares = d4_zero();
      const d4 origin = d4_add(d4_zero(), v4_load_left(x + j, width));
      for (int32_t i = 0; i < n; i++) d4_deviate(&sum, &squares, v4_load_left(x + i * sample + j, width), origin);
      for (int k = 0; k < width; k++) {
        mean[j + k] = x[j + k] + d4_get(sum, k) / count;
        var[j + k] = nl_variance(d4_get(sum, k), d4_get(squares, k), count);
      }
    }
    return;
  }
  for (int32_t j = 0; j < c; j++) mean[j] = var[j] = 0;
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++)
      nl_add_moments(&mean[j], &var[j], x + i * sample + (size_t)j * s, x[(size_t)j * s], s);
  for (int32_t j = 0; j < c; j++) {
    var[j] = nl_variance(mean[j], var[j], count);
    mean[j] = x[(size_t)j * s] + mean[j] / count;
  }
}

static void apply(float *y, const float *x, const double *mean, const double *invstd, const float *weight,
                  const float *bias, int32_t n, int32_t c, int32_t s) {
  const size_t sample = (size_t)c * s;
  if (s == 1) {
    for (int32_t j = 0; j < c; j += 4) {
      int width = c - j < 4 ? c - j : 4;
      nl_center center = column_center(mean + j, width);
      float scales[4] = {0};
      for (int k = 0; k < width; k++) scales[k] = (float)(invstd[j + k] * (weight ? weight[j + k] : 1));
      v4 scale = v4_load(scales), shift = bias ? v4_load_left(bias + j, width) : v4_splat(0);
      for (int32_t i = 0; i < n; i++) {
        size_t at = i * sample + j;
        v4_store_left(y + at, v4_madd(nl_centered(v4_load_left(x + at, width), center), scale, shift), width);
      }
    }
    return;
  }
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++) {
      size_t at = i * sample + (size_t)j * s;
      const float scale = (float)(invstd[j] * (weight ? weight[j] : 1));
      nl_normalize(y + at, x + at, nl_center_at(mean[j]), scale, bias ? bias[j] : 0, s);
    }
}

nl_status nl_batchnorm_forward_train(float *y, double *mean, double *invstd, float *running_mean, float *running_var,
                                     const float *x, const float *weight, const float *bias, int32_t n, int32_t c,
                                     int32_t s, double eps, double momentum, bool unbiased) {
  NL_TRY(nl_check_planes("nl_batchnorm_forward_train", n, c, s, eps));
  const double count = (double)n * s;
  if (count == 0) return NL_OK;
  batch_moments(mean, invstd, x, n, c, s);
  for (int32_t j = 0; j < c; j++) {
    double var = invstd[j];
    if (running_mean) {
      double target = unbiased ? var * count / (count - 1) : var;
      running_mean[j] = (float)((1 - momentum) * running_mean[j] + momentum * mean[j]);
      running_var[j] = (float)((1 - momentum) * running_var[j] + momentum * target);
    }
    invstd[j] = nl_invstd(var, eps);
  }
  apply(y, x, mean, invstd, weight, bias, n, c, s);
  return NL_OK;
}

nl_status nl_batchnorm_forward_eval(float *y, double *mean, double *invstd, const float *x, const float *running_mean,
                                    const float *running_var, const float *weight, const float *bias, int32_t n,
                                    int32_t c, int32_t s, double eps) {
  NL_TRY(nl_check_planes("nl_batchnorm_forward_eval", n, c, s, eps));
  for (int32_t j = 0; j < c; j++) {
    mean[j] = running_mean[j];
    invstd[j] = 1 / sqrt(running_var[j] + eps);
  }
  if (n > 0 && s > 0) apply(y, x, mean, invstd, weight, bias, n, c, s);
  return NL_OK;
}

/*
 * With xhat = (x - mean) invstd and m = N * S, and sums over the channel:
 *   dbias = Σ dy      dweight = Σ dy xhat
 *   dx = weight invstd (dy - Σ dy / m - xhat Σ dy xhat / m), the last two terms only where the statistics depend on x.
 */
typedef struct {
  float a[4], b[4], c[4]; /* dx = dy a + xhat b + c, a lane each channel */
  float invstd[4];
} factors;

static factors backward_factors(const double *sum, const double *dot, const double *invstd, const float *weight,
                                double count, int width) {
  factors f = {{0}, {0}, {0}, {0}};
  for (int k = 0; k < width; k++) {
    const double scale = invstd[k] * (weight ? weight[k] : 1);
    f.invstd[k] = (float)invstd[k];
    f.a[k] = (float)scale;
    f.b[k] = (float)(-scale * dot[k] / count);
    f.c[k] = (float)(-scale * sum[k] / count);
  }
  return f;
}

/* Four channels of [N, C], or those that are left, with batch statistics or without. */
static void backward_columns(float *dx, const float *dy, const float *x, nl_center center, const factors *f, int32_t n,
                             int32_t c, int width, bool batch_stats) {
  const v4 a = v4_load(f->a), b = v4_load(f->b), shift = v4_load(f->c), invstd = v4_load(f->invstd);
  for (size_t at = 0; at < (size_t)n * c; at += c) {
    const v4 g = v4_load_left(dy + at, width);
    if (!batch_stats) {
      v4_store_left(dx + at, v4_mul(g, a), width);
      continue;
    }
    const v4 xhat = v4_mul(nl_centered(v4_load_left(x + at, width), center), invstd);
    v4_store_left(dx + at, v4_madd(g, a, v4_madd(xhat, b, shift)), width);
  }
}

/* sum, dot [C]: Σ dy and Σ dy xhat. */
static void gradient_sums(double *sum, double *dot, const float *dy, const float *x, const double *mean,
                          const double *invstd, int32_t n, int32_t c, int32_t s) {
  const size_t sample = (size_t)c * s;
  if (s == 1) {
    for (int32_t j = 0; j < c; j += 4) {
      const int width = c - j < 4 ? c - j : 4;
      const nl_center center = column_center(mean + j, width);
      d4 sums = d4_zero(), dots = d4_zero();
      for (int32_t i = 0; i < n; i++) {
        v4 g = v4_load_left(dy + i * sample + j, width);
        sums = d4_add(sums, g);
        dots = d4_madd(dots, g, nl_centered(v4_load_left(x + i * sample + j, width), center));
      }
      for (int k = 0; k < width; k++) {
        sum[j + k] = d4_get(sums, k);
        dot[j + k] = d4_get(dots, k) * invstd[j + k];
      }
    }
    return;
  }
  for (int32_t j = 0; j < c; j++) sum[j] = dot[j] = 0;
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++) {
      const size_t at = i * sample + (size_t)j * s;
      nl_gradient_sums(&sum[j], &dot[j], dy + at, x + at, nl_center_at(mean[j]), (float)invstd[j], s);
    }
}

nl_status nl_batchnorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                                const double *mean, const double *invstd, const float *weight, double *work, int32_t n,
                                int32_t c, int32_t s, bool batch_stats) {
  NL_TRY(nl_check_planes("nl_batchnorm_backward", n, c, s, 0));
  const double count = (double)n * s;
  for (int32_t j = 0; count == 0 && j < c; j++) {
    if (dweight) dweight[j] = 0;
    if (dbias) dbias[j] = 0;
  }
  if (count == 0) return NL_OK;
  double *sum = work, *dot = work + c;
  gradient_sums(sum, dot, dy, x, mean, invstd, n, c, s);
  for (int32_t j = 0; j < c; j++) {
    if (dweight) dweight[j] = (float)dot[j];
    if (dbias) dbias[j] = (float)sum[j];
  }
  if (!dx) return NL_OK;
  if (s == 1) {
    for (int32_t j = 0; j < c; j += 4) {
      const int width = c - j < 4 ? c - j : 4;
      const factors f = backward_factors(sum + j, dot + j, invstd + j, weight ? weight + j : NULL, count, width);
      backward_columns(dx + j, dy + j, x + j, column_center(mean + j, width), &f, n, c, width, batch_stats);
    }
    return NL_OK;
  }
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++, dx += s, dy += s, x += s) {
      const factors f = backward_factors(sum + j, dot + j, invstd + j, weight ? weight + j : NULL, count, 1);
      if (batch_stats)
        nl_normalize_backward(dx, dy, x, nl_center_at(mean[j]), f.invstd[0], f.a[0], f.b[0], f.c[0], s);
      else
        nl_scale(dx, dy, f.a[0], s);
    }
  return NL_OK;
}
