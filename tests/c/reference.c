#include "reference.h"

#include "support.h"

#include <math.h>

static const double U = 0x1p-24, U64 = 0x1p-53;
/* Below the normal range float32 rounds to a multiple of this, however small the value. */
static const double TINY = 0x1p-149;

ref ref_new(int32_t size) { return (ref){doubles(size), doubles(size), size}; }

/* ---- normalization ---- */

static ref_layout layout_new(int32_t size, int32_t stats, int32_t params) {
  return (ref_layout){size, stats, params, ints(size), ints(size), false};
}

ref_layout ref_batch_layout(int32_t n, int32_t c, int32_t s) {
  ref_layout layout = layout_new(n * c * s, c, c);
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++)
      for (int32_t k = 0; k < s; k++) layout.stat[(i * c + j) * s + k] = layout.param[(i * c + j) * s + k] = j;
  return layout;
}

ref_layout ref_layer_layout(int32_t m, int32_t l) {
  ref_layout layout = layout_new(m * l, m, l);
  for (int32_t i = 0; i < m; i++)
    for (int32_t j = 0; j < l; j++) {
      layout.stat[i * l + j] = i;
      layout.param[i * l + j] = j;
    }
  return layout;
}

ref_layout ref_group_layout(int32_t n, int32_t c, int32_t s, int32_t g) {
  ref_layout layout = layout_new(n * c * s, n * g, c);
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j < c; j++)
      for (int32_t k = 0; k < s; k++) {
        layout.stat[(i * c + j) * s + k] = i * g + j / (c / g);
        layout.param[(i * c + j) * s + k] = j;
      }
  return layout;
}

ref_layout ref_instance_layout(int32_t n, int32_t c, int32_t s) { return ref_group_layout(n, c, s, c); }

ref_layout ref_rms_layout(int32_t m, int32_t l) {
  ref_layout layout = ref_layer_layout(m, l);
  layout.about_zero = true;
  return layout;
}

/*
 * The predicted errors. With u = 2^-24, v = 2^-53, m values in a statistic, d = x - mean, s = invstd, xhat = d s:
 *
 *   mean     a sum of differences from some origin, be it the largest value, which float32 rounds and adds up pairwise before
 *            they go to float64: u Σ|d| / m, and v (1 + sqrt(m)) (Σ|x| / m + max |x|).
 *   d        float32 holds neither mean nor d. A mean split in two float32 is off by u² |mean| at most, and by its own error;
 *            the difference then rounds once, u |d|, or to a multiple of TINY if it is denormal. The first and the last of
 *            these are `deviation_error`; they are absolute: next to them |d| may be small. About zero, d is x and exact.
 *   invstd   of m squares of such d: d's rounding u |d| changes a square by 2 u d² and the root by half of that, so u s at
 *            most. The squares' own rounding, about zero too, is no more.
 *   y        d s w + b: d's rounding, that of s w to float32 and that of the product are u |d s w| each, which is counted
 *            once, since 8 times is allowed; the sum rounds to u |y|; deviation_error grows by |s w|.
 *   dweight  a float64 sum of dy xhat, whose xhat are off by u |xhat| or TINY and by deviation_error times s: the sum of the
 *            magnitudes of that, and u |dweight| for the result.
 *   dbias    a sum of exact dy, of which float32 adds up some before they go to float64: a rounding of each one's size,
 *            independent of the others, u sqrt(Σ dy²), and u |dbias| for the result.
 *   dx       s (g - mean of g - xhat * mean of g xhat) with g = dy w: three terms, each with u times its magnitude, where
 *            the means are bounded by the means of |g| and |g xhat|. An error `off` of all d changes the last term by
 *            off s |g xhat| in one place and by xhat off s |g| in the other. A denormal g is off by TINY.
 *            With given statistics only the first term is there.
 *   running  two products and a sum in float64, stored as float32: u times the result, and u times the part that a batch's
 *            statistic has in it, which is that statistic's own error at most.
 */
static double deviation_error(const ref_layout *layout, const ref_norm *f, int32_t stat) {
  return layout->about_zero ? 0 : U * U * fabs(f->mean.value[stat]) + f->mean.error[stat] + TINY;
}

/* mean and var of x; those of a statistic about zero have no mean. */
static void moments(ref_norm *out, const ref_layout *layout, const double *x) {
  const int32_t size = layout->size, stats = layout->stats;
  const double count = out->count;
  double *magnitude = doubles(stats), *largest = doubles(stats);
  for (int32_t i = 0; i < size && !layout->about_zero; i++) {
    const int32_t k = layout->stat[i];
    out->mean.value[k] += x[i];
    magnitude[k] += fabs(x[i]) / count;
    largest[k] = fmax(largest[k], fabs(x[i]));
  }
  /* One division at the end: the mean of equal values is that value exactly. */
  for (int32_t k = 0; k < stats && count > 0; k++) out->mean.value[k] /= count;
  for (int32_t i = 0; i < size; i++) {
    const double d = x[i] - out->mean.value[layout->stat[i]];
    out->var[layout->stat[i]] += d * d / count;
  }
  for (int32_t k = 0; k < stats; k++) out->mean.error[k] = U64 * (1 + sqrt(count)) * (magnitude[k] + largest[k]);
  for (int32_t i = 0; i < size && !layout->about_zero; i++) {
    const int32_t k = layout->stat[i];
    out->mean.error[k] += U * fabs(x[i] - out->mean.value[k]) / count;
  }
}

ref_norm ref_norm_forward(const ref_layout *layout, const double *x, const double *weight, const double *bias,
                          const double *given_mean, const double *given_var, double eps) {
  const int32_t size = layout->size, stats = layout->stats;
  ref_norm out = {ref_new(size), ref_new(stats), ref_new(stats), doubles(stats), stats > 0 ? size / stats : 0};
  if (!given_mean) moments(&out, layout, x);
  for (int32_t k = 0; k < stats; k++) {
    if (given_mean) out.mean.value[k] = given_mean[k];
    if (given_mean) out.var[k] = given_var[k];
    const double root = sqrt(out.var[k] + eps);
    out.invstd.value[k] = root == 0 && !given_mean ? 0 : 1 / root;
    if (given_mean) continue;
    out.invstd.error[k] = U * out.invstd.value[k];
  }
  for (int32_t i = 0; i < size; i++) {
    const int32_t k = layout->stat[i], p = layout->param[i];
    const double scale = out.invstd.value[k] * (weight ? weight[p] : 1);
    const double scaled = (x[i] - out.mean.value[k]) * scale;
    out.y.value[i] = scaled + (bias ? bias[p] : 0);
    const double absolute = deviation_error(layout, &out, k);
    out.y.error[i] = U * (fabs(scaled) + fabs(out.y.value[i])) + absolute * fabs(scale);
  }
  return out;
}

/* The chain rule as the BatchNorm paper writes it (Ioffe and Szegedy, section 3), through xhat, var and mean. */
ref_gradient ref_norm_backward(const ref_layout *layout, const double *dy, const double *x, const double *weight,
                               const double *given_mean, const double *given_var, double eps) {
  const int32_t size = layout->size, stats = layout->stats;
  const ref_norm f = ref_norm_forward(layout, x, weight, NULL, given_mean, given_var, eps);
  ref_gradient out = {ref_new(size), ref_new(layout->params), ref_new(layout->params)};
  double *dvar = doubles(stats), *dmean = doubles(stats), *sum = doubles(stats), *dot = doubles(stats);
  const double count = f.count;
  for (int32_t i = 0; i < size; i++) {
    const int32_t k = layout->stat[i], p = layout->param[i];
    const double d = x[i] - f.mean.value[k], s = f.invstd.value[k], dxhat = dy[i] * (weight ? weight[p] : 1);
    out.dbias.value[p] += dy[i];
    out.dweight.value[p] += dy[i] * d * s;
    out.dweight.error[p] += (U * fabs(d * s) + deviation_error(layout, &f, k) * s + TINY) * fabs(dy[i]);
    dvar[k] += dxhat * d * -0.5 * s * s * s;
    if (!layout->about_zero) {
      dmean[k] += dxhat * -s;
      sum[k] += fabs(dxhat);
    }
    dot[k] += fabs(dxhat * d);
  }
  for (int32_t i = 0; i < size; i++) {
    /* Σ (x - mean) is 0, so that mean has no part in var; about zero there is no mean. */
    const int32_t k = layout->stat[i];
    const double d = x[i] - f.mean.value[k], s = f.invstd.value[k];
    const double direct = dy[i] * (weight ? weight[layout->param[i]] : 1) * s;
    out.dx.value[i] = direct;
    out.dx.error[i] = U * fabs(direct) + TINY * s;
    if (given_mean) continue;
    out.dx.value[i] += dvar[k] * 2 * d / count + dmean[k] / count;
    const double off = deviation_error(layout, &f, k);
    out.dx.error[i] +=
        (U * (fabs(d) * s * s * s * dot[k] + s * sum[k]) + off * s * s * s * (dot[k] + fabs(d) * sum[k])) / count;
  }
  for (int32_t p = 0; p < layout->params; p++) {
    out.dweight.error[p] += U * fabs(out.dweight.value[p]);
  }
  for (int32_t i = 0; i < size; i++) out.dbias.error[layout->param[i]] += dy[i] * dy[i];
  for (int32_t p = 0; p < layout->params; p++)
    out.dbias.error[p] = U * (fabs(out.dbias.value[p]) + sqrt(out.dbias.error[p]));
  return out;
}

ref ref_moved(const double *running, const double *batch, double momentum, int32_t size) {
  ref out = ref_new(size);
  for (int32_t i = 0; i < size; i++) {
    out.value[i] = (1 - momentum) * running[i] + momentum * batch[i];
    out.error[i] = U * (fabs(out.value[i]) + fabs(momentum * batch[i]));
  }
  return out;
}

ref_target ref_batch_target(const ref_norm *batch, bool unbiased) {
  const int32_t c = batch->mean.size;
  const double count = batch->count;
  ref_target target = {batch->mean.value, doubles(c)};
  for (int32_t j = 0; j < c; j++) target.var[j] = batch->var[j] * (unbiased ? count / (count - 1) : 1);
  return target;
}

ref_target ref_instance_target(const ref_norm *instances, int32_t n, int32_t c) {
  const double count = instances->count;
  ref_target target = {doubles(c), doubles(c)};
  for (int32_t i = 0; i < n * c; i++) {
    target.mean[i % c] += instances->mean.value[i] / n;
    target.var[i % c] += instances->var[i] * count / (count - 1) / n;
  }
  return target;
}

/* ---- linear algebra ---- */

/* Turns the sum of magnitudes of `terms` products that error[i] holds into a predicted error. */
static void sum_errors(ref *out, double terms) {
  for (int32_t i = 0; i < out->size; i++)
    out->error[i] = U * (fabs(out->value[i]) + (1 + sqrt(terms) / 3) * out->error[i]);
}

static void add_product(ref *out, int32_t at, double a, double b) {
  out->value[at] += a * b;
  out->error[at] += fabs(a * b);
}

ref ref_matmul(const double *start, const double *a, const double *b, int32_t m, int32_t n, int32_t k) {
  ref c = ref_new(m * n);
  for (int32_t i = 0; i < m; i++)
    for (int32_t j = 0; j < n; j++) {
      if (start) add_product(&c, i * n + j, start[i * n + j], 1);
      for (int32_t p = 0; p < k; p++) add_product(&c, i * n + j, a[i * k + p], b[p * n + j]);
    }
  sum_errors(&c, k + (start != NULL));
  return c;
}

ref ref_linear_forward(const double *x, const double *weight, const double *bias, int32_t n, int32_t in, int32_t out) {
  ref y = ref_new(n * out);
  for (int32_t i = 0; i < n; i++)
    for (int32_t o = 0; o < out; o++) {
      if (bias) add_product(&y, i * out + o, bias[o], 1);
      for (int32_t j = 0; j < in; j++) add_product(&y, i * out + o, x[i * in + j], weight[o * in + j]);
    }
  sum_errors(&y, in + 1);
  return y;
}

ref_gradient ref_linear_backward(const double *dy, const double *x, const double *weight, int32_t n, int32_t in,
                                 int32_t out) {
  ref_gradient g = {ref_new(n * in), ref_new(out * in), ref_new(out)};
  for (int32_t i = 0; i < n; i++)
    for (int32_t o = 0; o < out; o++) {
      add_product(&g.dbias, o, dy[i * out + o], 1);
      for (int32_t j = 0; j < in; j++) {
        add_product(&g.dx, i * in + j, dy[i * out + o], weight[o * in + j]);
        add_product(&g.dweight, o * in + j, dy[i * out + o], x[i * in + j]);
      }
    }
  sum_errors(&g.dx, out);
  sum_errors(&g.dweight, n);
  sum_errors(&g.dbias, n);
  return g;
}

int32_t ref_out_height(const ref_window *w) { return (w->h + 2 * w->padding_h - w->kernel_h) / w->stride_h + 1; }
int32_t ref_out_width(const ref_window *w) { return (w->w + 2 * w->padding_w - w->kernel_w) / w->stride_w + 1; }

/* The input row and column under place (kh, kw) of the window at (oy, ox); false in the padding. */
static bool under(int32_t *iy, int32_t *ix, const ref_window *w, int32_t oy, int32_t ox, int32_t kh, int32_t kw) {
  *iy = oy * w->stride_h + kh - w->padding_h;
  *ix = ox * w->stride_w + kw - w->padding_w;
  return *iy >= 0 && *iy < w->h && *ix >= 0 && *ix < w->w;
}

/* Calls `body` for each product of a convolution: y[iy_out] meets x[ix] through weight[iw]. */
#define EACH_PRODUCT(w, body)                                                                        \
  do {                                                                                               \
    const int32_t oh = ref_out_height(w), ow = ref_out_width(w);                                     \
    for (int32_t i = 0; i < (w)->n; i++)                                                             \
      for (int32_t o = 0; o < (w)->out; o++)                                                         \
        for (int32_t oy = 0; oy < oh; oy++)                                                          \
          for (int32_t ox = 0; ox < ow; ox++)                                                        \
            for (int32_t c = 0; c < (w)->c; c++)                                                     \
              for (int32_t kh = 0; kh < (w)->kernel_h; kh++)                                         \
                for (int32_t kw = 0; kw < (w)->kernel_w; kw++) {                                     \
                  int32_t iy, ix;                                                                    \
                  if (!under(&iy, &ix, w, oy, ox, kh, kw)) continue;                                 \
                  const int32_t at_y = ((i * (w)->out + o) * oh + oy) * ow + ox;                     \
                  const int32_t at_x = ((i * (w)->c + c) * (w)->h + iy) * (w)->w + ix;               \
                  const int32_t at_w = ((o * (w)->c + c) * (w)->kernel_h + kh) * (w)->kernel_w + kw; \
                  body;                                                                              \
                }                                                                                    \
  } while (0)

ref ref_conv2d_forward(const double *x, const double *weight, const double *bias, const ref_window *w) {
  const int32_t plane = ref_out_height(w) * ref_out_width(w);
  ref y = ref_new(w->n * w->out * plane);
  for (int32_t i = 0; bias && i < y.size; i++) add_product(&y, i, bias[i / plane % w->out], 1);
  EACH_PRODUCT(w, add_product(&y, at_y, x[at_x], weight[at_w]));
  sum_errors(&y, w->c * w->kernel_h * w->kernel_w + 1);
  return y;
}

ref_gradient ref_conv2d_backward(const double *dy, const double *x, const double *weight, const ref_window *w) {
  const int32_t plane = ref_out_height(w) * ref_out_width(w), places = w->kernel_h * w->kernel_w;
  ref_gradient g = {ref_new(w->n * w->c * w->h * w->w), ref_new(w->out * w->c * places), ref_new(w->out)};
  EACH_PRODUCT(w, {
    add_product(&g.dx, at_x, dy[at_y], weight[at_w]);
    add_product(&g.dweight, at_w, dy[at_y], x[at_x]);
  });
  for (int32_t i = 0; i < w->n * w->out * plane; i++) add_product(&g.dbias, i / plane % w->out, dy[i], 1);
  sum_errors(&g.dx, w->out * places);
  sum_errors(&g.dweight, w->n * plane);
  sum_errors(&g.dbias, w->n * plane);
  return g;
}

/* ---- pooling ---- */

/* Calls `body` for each input value `at_x` in each window `at_y`; `best` starts with -1 in each window. */
#define EACH_POOLED(w, body, end)                                       \
  do {                                                                  \
    const int32_t oh = ref_out_height(w), ow = ref_out_width(w);        \
    for (int32_t plane = 0; plane < (w)->n * (w)->c; plane++)           \
      for (int32_t oy = 0; oy < oh; oy++)                               \
        for (int32_t ox = 0; ox < ow; ox++) {                           \
          const int32_t at_y = (plane * oh + oy) * ow + ox;             \
          int32_t best = -1;                                            \
          for (int32_t kh = 0; kh < (w)->kernel_h; kh++)                \
            for (int32_t kw = 0; kw < (w)->kernel_w; kw++) {            \
              int32_t iy, ix;                                           \
              if (!under(&iy, &ix, w, oy, ox, kh, kw)) continue;        \
              const int32_t at_x = (plane * (w)->h + iy) * (w)->w + ix; \
              body;                                                     \
            }                                                           \
          end;                                                          \
          (void)best;                                                   \
          (void)at_y;                                                   \
        }                                                               \
  } while (0)

static int32_t pooled_size(const ref_window *w) { return w->n * w->c * ref_out_height(w) * ref_out_width(w); }

ref ref_maxpool_forward(int32_t *where, const double *x, const ref_window *w) {
  ref y = ref_new(pooled_size(w));
  EACH_POOLED(w, if (best < 0 || x[at_x] > x[best]) best = at_x, {
    y.value[at_y] = x[best];
    if (where) where[at_y] = best - plane * w->h * w->w;
  });
  return y;
}

ref ref_maxpool_backward(const double *dy, const double *x, const ref_window *w) {
  ref dx = ref_new(w->n * w->c * w->h * w->w);
  EACH_POOLED(w, if (best < 0 || x[at_x] > x[best]) best = at_x, add_product(&dx, best, dy[at_y], 1));
  sum_errors(&dx, w->kernel_h * w->kernel_w);
  return dx;
}

ref ref_avgpool_forward(const double *x, const ref_window *w) {
  const double share = 1.0 / (w->kernel_h * w->kernel_w);
  ref y = ref_new(pooled_size(w));
  EACH_POOLED(w, add_product(&y, at_y, x[at_x], share), );
  sum_errors(&y, w->kernel_h * w->kernel_w);
  return y;
}

ref ref_avgpool_backward(const double *dy, const ref_window *w) {
  const double share = 1.0 / (w->kernel_h * w->kernel_w);
  ref dx = ref_new(w->n * w->c * w->h * w->w);
  EACH_POOLED(w, add_product(&dx, at_x, dy[at_y], share), );
  sum_errors(&dx, w->kernel_h * w->kernel_w);
  return dx;
}

/* ---- activations, loss, optimizer ---- */

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

ref ref_activation_forward(const double *x, ref_activation kind, int32_t size) {
  ref y = ref_new(size);
  for (int32_t i = 0; i < size; i++) {
    double *value = &y.value[i];
    if (kind == REF_RELU) *value = x[i] < 0 ? 0 : x[i];
    if (kind == REF_GELU) *value = x[i] * normal_cdf(x[i]);
    if (kind == REF_SIGMOID) *value = sigmoid(x[i]);
    if (kind == REF_TANH) *value = tanh(x[i]);
    /* ReLU rounds nothing. Where e^-x leaves float32's range, a sigmoid under it is 0. */
    y.error[i] = kind == REF_RELU ? 0 : U * fabs(*value) + (kind == REF_SIGMOID ? 0x1p-129 : 0);
  }
  return y;
}

ref ref_activation_backward(const double *dy, const double *x, ref_activation kind, int32_t size) {
  ref dx = ref_new(size);
  for (int32_t i = 0; i < size; i++) {
    /* The slope's two terms, which float32 rounds on their own. */
    double a = 0, b = 0;
    if (kind == REF_RELU) a = x[i] > 0;
    if (kind == REF_GELU) {
      a = normal_cdf(x[i]);
      b = x[i] * exp(-x[i] * x[i] / 2) / sqrt(2 * acos(-1));
    }
    if (kind == REF_SIGMOID) {
      a = sigmoid(x[i]);
      b = -a * a;
    }
    if (kind == REF_TANH) {
      a = 1;
      b = -tanh(x[i]) * tanh(x[i]);
    }
    dx.value[i] = dy[i] * (a + b);
    dx.error[i] = kind == REF_RELU ? 0 : U * fabs(dy[i]) * (fabs(a) + fabs(b)) + 0x1p-129 * fabs(dy[i]);
  }
  return dx;
}

double ref_cross_entropy(int32_t *correct, ref *dlogits, const double *logits, const int32_t *labels, int32_t n,
                         int32_t k) {
  double loss = 0;
  if (dlogits) *dlogits = ref_new(n * k);
  if (correct) *correct = 0;
  for (int32_t i = 0; i < n; i++) {
    const double *row = logits + i * k;
    int32_t best = 0;
    double sum = 0;
    for (int32_t j = 0; j < k; j++)
      if (row[j] > row[best]) best = j;
    for (int32_t j = 0; j < k; j++) sum += exp(row[j] - row[best]);
    loss -= (row[labels[i]] - row[best] - log(sum)) / n;
    if (correct) *correct += best == labels[i];
    for (int32_t j = 0; dlogits && j < k; j++) {
      dlogits->value[i * k + j] = (exp(row[j] - row[best]) / sum - (j == labels[i] ? 1 : 0)) / n;
      dlogits->error[i * k + j] = U * fabs(dlogits->value[i * k + j]) + U64;
    }
  }
  return loss;
}

/* https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
ref_step ref_sgd(const double *param, const double *velocity, const double *grad, double lr, double momentum,
                 double dampening, double weight_decay, bool nesterov, bool first, int32_t size) {
  ref_step out = {ref_new(size), ref_new(size)};
  for (int32_t i = 0; i < size; i++) {
    double g = grad[i] + weight_decay * param[i];
    double terms = fabs(grad[i]) + fabs(weight_decay * param[i]);
    out.velocity.value[i] = velocity[i];
    if (momentum != 0) {
      const double moved = first ? g : momentum * velocity[i] + (1 - dampening) * g;
      const double moved_terms = first ? terms : fabs(momentum * velocity[i]) + fabs(1 - dampening) * terms;
      out.velocity.value[i] = moved;
      out.velocity.error[i] = U * moved_terms;
      g = nesterov ? g + momentum * moved : moved;
      terms = nesterov ? terms + fabs(momentum) * moved_terms : moved_terms;
    }
    out.param.value[i] = param[i] - lr * g;
    out.param.error[i] = U * (fabs(out.param.value[i]) + fabs(lr) * terms);
  }
  return out;
}

double *ref_differences(ref_function f, void *context, double *x, int32_t size, double h) {
  double *gradient = doubles(size);
  for (int32_t i = 0; i < size; i++) {
    const double at = x[i];
    x[i] = at + h;
    const double above = f(context);
    x[i] = at - h;
    const double below = f(context);
    x[i] = at;
    gradient[i] = (above - below) / (2 * h);
  }
  return gradient;
}

/* f at x + step direction, which leaves x as it was to the last bit. */
static double at_step(ref_function f, void *context, double *x, const double *direction, int32_t size, double step) {
  const void *before = mark();
  double *kept = doubles(size);
  for (int32_t i = 0; i < size; i++) kept[i] = x[i];
  for (int32_t i = 0; i < size; i++) x[i] += step * direction[i];
  const double value = f(context);
  for (int32_t i = 0; i < size; i++) x[i] = kept[i];
  release_since(before);
  return value;
}

double ref_slope(ref_function f, void *context, double *x, const double *direction, int32_t size, double h) {
  const double near = at_step(f, context, x, direction, size, h) - at_step(f, context, x, direction, size, -h);
  const double far = at_step(f, context, x, direction, size, 2 * h) - at_step(f, context, x, direction, size, -2 * h);
  return (8 * near - far) / (12 * h);
}
