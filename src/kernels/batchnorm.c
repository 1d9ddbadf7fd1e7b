#include "kernels/gradients.h"
#include "kernels/kernels.h"

/*
 * x [N, C, S] is walked in two ways. With spatial dimensions a channel is N runs of S neighbours (stride C * S), handled
 * run by run, in the order of memory: channels one by one are 2 to 3 times slower at [32, 64, 32, 32], whose runs lie 256 KB
 * apart and share few places of the cache. Without (S = 1, BatchNorm1d on [N, C]) neighbours are different channels, so four
 * channels go down the rows together, a lane each.
 */
enum { MOST_CHANNELS = 256 };

static int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

static const float *from(const float *values, size_t at) { return values ? values + at : NULL; }

/* Of four columns, or the `width` that are there: a lane each. */
static nl_affine4 column_affine(const double *mean, const double *scale, const double *shift, int width) {
  float high[4] = {0}, scales[4] = {0}, shifts[4] = {0};
  for (int k = 0; k < width; k++) {
    const nl_affine at = nl_affine_of(mean[k], scale[k], shift[k]);
    high[k] = at.high;
    scales[k] = at.scale;
    shifts[k] = at.shift;
  }
  return (nl_affine4){v4_load(high), v4_load(scales), v4_load(shifts)};
}

/* mean, var [width]: of the columns at x [N, C], width <= 4. */
static void column_moments(double *mean, double *var, const float *x, int32_t n, int32_t c, int width) {
  d4 sum = d4_zero(), squares = d4_zero();
  const d4 origin = d4_add(d4_zero(), v4_load_left(x, width));
  for (size_t at = 0; at < (size_t)n * c; at += c) d4_deviate(&sum, &squares, v4_load_left(x + at, width), origin);
  for (int k = 0; k < width; k++) {
    mean[k] = x[k] + d4_get(sum, k) / n;
    var[k] = nl_variance(d4_get(sum, k), d4_get(squares, k), n);
  }
}

/* The same of one channel, N runs of S, at x. */
static void channel_moments(double *mean, double *var, const float *x, int32_t n, int32_t s, size_t sample) {
  double sum = 0, squares = 0;
  for (int32_t i = 0; i < n; i++) nl_add_moments_wide(&sum, &squares, x + i * sample, x[0], s);
  *mean = x[0] + sum / ((double)n * s);
  *var = nl_variance(sum, squares, (double)n * s);
}

/* And of `width` <= MOST_CHANNELS neighbouring channels. */
static void plane_moments(double *mean, double *var, const float *x, int32_t n, int32_t s, size_t sample,
                          int32_t width) {
  const double count = (double)n * s;
  const bool fast = s >= 16 && count >= NL_BLOCK;
  float origin[MOST_CHANNELS] = {0};
  double sum[MOST_CHANNELS] = {0}, squares[MOST_CHANNELS] = {0};
  for (int32_t j = 0; fast && j < width; j++)
    origin[j] = nl_origin(x + (size_t)j * s, n >= 4 ? (size_t)n / 4 * sample : (size_t)s / 4);
  for (int32_t i = 0; fast && i < n; i++)
    for (int32_t j = 0; j < width; j++)
      nl_add_moments(&sum[j], &squares[j], x + i * sample + (size_t)j * s, origin[j], s);
  for (int32_t j = 0; j < width; j++) {
    mean[j] = origin[j] + sum[j] / count;
    var[j] = nl_variance(sum[j], squares[j], count);
    if (!fast || !nl_moments_hold(sum[j], var[j], count))
      channel_moments(&mean[j], &var[j], x + (size_t)j * s, n, s, sample);
  }
}

/* Four channels of [N, C], or those that are left. */
static void apply_columns(float *y, const float *x, const double *mean, const double *invstd, const float *weight,
                          const float *bias, bool relu, int32_t n, int32_t c, int width) {
  double scale[4], shift[4];
  for (int k = 0; k < width; k++) {
    scale[k] = invstd[k] * (weight ? weight[k] : 1);
    shift[k] = bias ? bias[k] : 0;
  }
  const nl_affine4 at = column_affine(mean, scale, shift, width);
  for (size_t i = 0; i < (size_t)n * c; i += c)
    v4_store_left(y + i, nl_relu_if(relu, nl_apply(v4_load_left(x + i, width), at)), width);
}

/* Neighbouring channels, `width` of them. */
static void apply_planes(float *y, const float *x, const double *mean, const double *invstd, const float *weight,
                         const float *bias, bool relu, int32_t n, int32_t s, size_t sample, int32_t width) {
  nl_affine at[MOST_CHANNELS];
  for (int32_t j = 0; j < width; j++)
    at[j] = nl_affine_of(mean[j], invstd[j] * (weight ? weight[j] : 1), bias ? bias[j] : 0);
  for (int32_t i = 0; i < n; i++, x += sample, y += sample)
    for (int32_t j = 0; j < width; j++) nl_normalize(y + (size_t)j * s, x + (size_t)j * s, at[j], relu, s);
}

/* var [C] becomes invstd. */
static void track_and_invert(double *var, float *running_mean, float *running_var, const double *mean, double count,
                             int32_t width, double eps, double momentum, bool unbiased) {
  for (int32_t j = 0; j < width; j++) {
    if (running_mean) {
      const double target = unbiased ? var[j] * count / (count - 1) : var[j];
      running_mean[j] = (float)((1 - momentum) * running_mean[j] + momentum * mean[j]);
      running_var[j] = (float)((1 - momentum) * running_var[j] + momentum * target);
    }
    var[j] = nl_invstd(var[j], eps);
  }
}

/* Leaves NaN what it is. */
static double clipped(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

/* r, d and the affine map that they make of weight and bias, of channels j to j + width, whose biased variances are var. */
static void renormalize(const nl_renorm *to, const double *mean, const double *var, const float *weight,
                        const float *bias, int32_t j, int32_t width, double eps) {
  for (int32_t k = j; k < j + width; k++) {
    const double invstd = 1 / sqrt(to->running_var[k] + eps), scale = weight ? weight[k] : 1;
    to->r[k] = clipped(sqrt(var[k] + eps) * invstd, 1 / to->r_max, to->r_max);
    to->d[k] = clipped((mean[k] - to->running_mean[k]) * invstd, -to->d_max, to->d_max);
    to->weight[k] = (float)(scale * to->r[k]);
    to->bias[k] = (float)((bias ? bias[k] : 0) + scale * to->d[k]);
  }
}

/* With `renorm` or, where it is NULL, without. */
static nl_status forward_train(float *y, double *mean, double *invstd, const nl_renorm *renorm, float *running_mean,
                               float *running_var, const float *x, const float *weight, const float *bias, int32_t n,
                               int32_t c, int32_t s, double eps, double momentum, bool unbiased, bool relu) {
  NL_TRY(nl_check_planes("nl_batchnorm_forward_train", n, c, s, eps));
  const double count = (double)n * s;
  if (count == 0) return NL_OK;
  const size_t sample = (size_t)c * s;
  int32_t width;
  for (int32_t j = 0; j < c; j += width) {
    const float *xj = x + (size_t)j * s;
    width = at_most(c - j, s > 1 ? MOST_CHANNELS : 4);
    if (s > 1)
      plane_moments(mean + j, invstd + j, xj, n, s, sample, width);
    else
      column_moments(mean + j, invstd + j, xj, n, c, width);
    if (renorm) renormalize(renorm, mean, invstd, weight, bias, j, width, eps);
    track_and_invert(invstd + j, running_mean ? running_mean + j : NULL, running_mean ? running_var + j : NULL,
                     mean + j, count, width, eps, momentum, unbiased);
    const float *scale = from(renorm ? renorm->weight : weight, j), *shift = from(renorm ? renorm->bias : bias, j);
    if (s > 1)
      apply_planes(y + (size_t)j * s, xj, mean + j, invstd + j, scale, shift, relu, n, s, sample, width);
    else
      apply_columns(y + j, xj, mean + j, invstd + j, scale, shift, relu, n, c, width);
  }
  return NL_OK;
}

nl_status nl_batchnorm_forward_train(float *y, double *mean, double *invstd, float *running_mean, float *running_var,
                                     const float *x, const float *weight, const float *bias, int32_t n, int32_t c,
                                     int32_t s, double eps, double momentum, bool unbiased, bool relu) {
  return forward_train(y, mean, invstd, NULL, running_mean, running_var, x, weight, bias, n, c, s, eps, momentum,
                       unbiased, relu);
}

nl_status nl_batchrenorm_forward(float *y, double *mean, double *invstd, const nl_renorm *renorm, const float *x,
                                 const float *weight, const float *bias, int32_t n, int32_t c, int32_t s, double eps,
                                 double momentum, bool moves, bool unbiased, bool relu) {
  return forward_train(y, mean, invstd, renorm, moves ? renorm->running_mean : NULL, renorm->running_var, x, weight,
                       bias, n, c, s, eps, momentum, unbiased, relu);
}

nl_status nl_batchnorm_forward_eval(float *y, double *mean, double *invstd, const float *x, const float *running_mean,
                                    const float *running_var, const float *weight, const float *bias, int32_t n,
                                    int32_t c, int32_t s, double eps, bool relu) {
  NL_TRY(nl_check_planes("nl_batchnorm_forward_eval", n, c, s, eps));
  for (int32_t j = 0; j < c; j++) {
    mean[j] = running_mean[j];
    invstd[j] = 1 / sqrt(running_var[j] + eps);
  }
  if (n == 0 || s == 0) return NL_OK;
  const size_t sample = (size_t)c * s;
  int32_t width;
  for (int32_t j = 0; j < c; j += width) {
    width = at_most(c - j, s > 1 ? MOST_CHANNELS : 4);
    const size_t at = (size_t)j * s;
    if (s > 1)
      apply_planes(y + at, x + at, mean + j, invstd + j, from(weight, j), from(bias, j), relu, n, s, sample, width);
    else
      apply_columns(y + at, x + at, mean + j, invstd + j, from(weight, j), from(bias, j), relu, n, c, width);
  }
  return NL_OK;
}

/*
 * With xhat = (x - mean) invstd and m = N * S, and sums over the channel:
 *   dbias = Σ dy      dweight = Σ dy xhat
 *   dx = weight invstd (dy - Σ dy / m - xhat Σ dy xhat / m), the last two terms only where the statistics depend on x.
 */
/* dx = dy a + xhat b + c of a channel. */
typedef struct {
  double a, b, c;
} factors;

/* Without batch statistics the last two terms are 0. */
static factors factors_of(double sum, double dot, double invstd, double weight, double count, bool batch_stats) {
  const double scale = invstd * weight, share = batch_stats ? -scale / count : 0;
  return (factors){scale, share * dot, share * sum};
}

/* sum, dot [width]: Σ dy and Σ dy xhat of the columns at dy, x [N, C], width <= 4. */
static void column_sums(double *sum, double *dot, const float *dy, const float *y, const float *x, nl_affine4 hat,
                        int32_t n, int32_t c, int width) {
  d4 sums = d4_zero(), dots = d4_zero();
  for (size_t at = 0; at < (size_t)n * c; at += c) {
    const v4 g = nl_through_relu(v4_load_left(dy + at, width), from(y, at), width);
    sums = d4_add(sums, g);
    dots = d4_madd(dots, g, nl_apply(v4_load_left(x + at, width), hat));
  }
  for (int k = 0; k < width; k++) {
    sum[k] = d4_get(sums, k);
    dot[k] = d4_get(dots, k);
  }
}

/* Four channels of [N, C], or those that are left, with the factors of each. */
static void backward_columns(float *dx, const float *dy, const float *y, const float *x, nl_affine4 hat,
                             const factors *of, int32_t n, int32_t c, int width, bool batch_stats) {
  float lanes[3][4] = {{0}};
  for (int k = 0; k < width; k++) {
    lanes[0][k] = (float)of[k].a;
    lanes[1][k] = (float)of[k].b;
    lanes[2][k] = (float)of[k].c;
  }
  const v4 a = v4_load(lanes[0]), b = v4_load(lanes[1]), shift = v4_load(lanes[2]);
  for (size_t at = 0; at < (size_t)n * c; at += c) {
    const v4 g = nl_through_relu(v4_load_left(dy + at, width), from(y, at), width);
    const v4 rest = batch_stats ? v4_madd(nl_apply(v4_load_left(x + at, width), hat), b, shift) : shift;
    v4_store_left(dx + at, v4_madd(g, a, rest), width);
  }
}

/* sum, dot [width] of neighbouring channels. */
static void plane_sums(double *sum, double *dot, const float *dy, const float *y, const float *x, const nl_hat *hat,
                       int32_t n, int32_t s, size_t sample, int32_t width) {
  for (int32_t j = 0; j < width; j++) sum[j] = dot[j] = 0;
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < width; j++) {
      const size_t at = i * sample + (size_t)j * s;
      nl_gradient_sums(&sum[j], &dot[j], dy + at, from(y, at), x + at, hat[j], s);
    }
  for (int32_t j = 0; j < width; j++) dot[j] = nl_dot_of(hat[j], sum[j], dot[j]);
}

/* Neighbouring channels with the factors of each. What x is has no part in dx where the statistics are given. */
static void backward_planes(float *dx, const float *dy, const float *y, const float *x, const nl_hat *hat,
                            const factors *of, int32_t n, int32_t s, size_t sample, int32_t width, bool batch_stats) {
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < width; j++) {
      const size_t at = i * sample + (size_t)j * s;
      if (batch_stats)
        nl_normalize_backward(dx + at, dy + at, from(y, at), x + at, nl_factors_of(hat[j], of[j].a, of[j].b, of[j].c),
                              s);
      else
        nl_scale(dx + at, dy + at, from(y, at), (float)of[j].a, s);
    }
}

nl_status nl_batchnorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t n, int32_t c, int32_t s, double eps, bool batch_stats) {
  NL_TRY(nl_check_planes("nl_batchnorm_backward", n, c, s, eps));
  const double count = (double)n * s;
  const size_t sample = (size_t)c * s;
  double *sum = work, *dot = work + c;
  int32_t width;
  for (int32_t j = 0; j < c; j += width) {
    width = at_most(c - j, s > 1 ? MOST_CHANNELS : 4);
    const size_t at = (size_t)j * s;
    nl_hat hat[MOST_CHANNELS];
    nl_affine4 lanes = {v4_splat(0), v4_splat(0), v4_splat(0)};
    if (count == 0) {
      for (int32_t k = j; k < j + width; k++) sum[k] = dot[k] = 0;
      continue;
    }
    if (s > 1) {
      for (int32_t k = 0; k < width; k++) hat[k] = nl_hat_of(mean[j + k], invstd[j + k], batch_stats ? eps : INFINITY);
      plane_sums(sum + j, dot + j, dy + at, from(y, at), x + at, hat, n, s, sample, width);
    } else {
      lanes = column_affine(mean + j, invstd + j, (double[4]){0}, width);
      column_sums(sum + j, dot + j, dy + at, from(y, at), x + at, lanes, n, c, width);
    }
    factors of[MOST_CHANNELS];
    for (int32_t k = 0; k < width; k++)
      of[k] = factors_of(sum[j + k], dot[j + k], invstd[j + k], weight ? weight[j + k] : 1, count, batch_stats);
    if (dx && s > 1)
      backward_planes(dx + at, dy + at, from(y, at), x + at, hat, of, n, s, sample, width, batch_stats);
    else if (dx)
      backward_columns(dx + at, dy + at, from(y, at), x + at, lanes, of, n, c, width, batch_stats);
  }
  for (int32_t j = 0; j < c; j++) {
    if (dweight) dweight[j] = (float)dot[j];
    if (dbias) dbias[j] = (float)sum[j];
  }
  return NL_OK;
}

/* weight (xhat r + d) + bias, where r and d are constants: that of a BatchNorm whose weight is weight r. */
nl_status nl_batchrenorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                  const float *x, const double *mean, const double *invstd, const nl_renorm *renorm,
                                  double *work, int32_t n, int32_t c, int32_t s, double eps) {
  NL_TRY(nl_batchnorm_backward(dx, NULL, dbias, dy, y, x, mean, invstd, renorm->weight, work, n, c, s, eps, true));
  const double *sum = work, *dot = work + c;
  for (int32_t j = 0; dweight && j < c; j++) dweight[j] = (float)(renorm->r[j] * dot[j] + renorm->d[j] * sum[j]);
  return NL_OK;
}
