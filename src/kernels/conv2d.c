/*
 * Convolution as matrix products over one sample at a time. The sample's windows are laid out as columns,
 *   col [K, P], K = C * KH * KW, P = OH * OW,
 * and then, with weight as [O, K]:  y [O, P] = weight col;  dweight += dy col^T;  dcol = weight^T dy, folded back to dx.
 * A 1 x 1 window with stride 1 is its own col. Stride 1 otherwise goes without columns where that pays, straight from the
 * image (conv2d_direct.c) or, 3 x 3, by fewer products (conv2d_winograd.c).
 */
#include "base/vec.h"
#include "kernels/conv2d_direct.h"
#include "kernels/conv2d_winograd.h"
#include "kernels/moments.h"
#include "kernels/planes.h"

#include <string.h>

static nl_status check(const char *name, int32_t n, int32_t o, const nl_window *w) {
  NL_CHECK(n >= 0 && o >= 1 && w->channels >= 1, NL_SHAPE,
           "%s: sizes must be N >= 0, O >= 1, C >= 1, got N=%d, O=%d, C=%d", name, n, o, w->channels);
  return NL_OK;
}

static int32_t columns_of(const nl_window *w) { return w->out_height * w->out_width; }
static int32_t rows_of(const nl_window *w) { return w->channels * w->kernel[0] * w->kernel[1]; }
static size_t sample_of(const nl_window *w) { return (size_t)w->channels * w->height * w->width; }

static bool is_pointwise(const nl_window *w) {
  return w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1 && w->padding[0] == 0 &&
         w->padding[1] == 0;
}

/* The gradient of the input as a convolution of dy with the weights turned round, which margins make possible. */
static bool turns_round(nl_window *back, const nl_window *w, int32_t o) {
  *back = (nl_window){.channels = o,
                      .height = w->out_height,
                      .width = w->out_width,
                      .out_height = w->height,
                      .out_width = w->width,
                      .kernel = {w->kernel[0], w->kernel[1]},
                      .stride = {w->stride[0], w->stride[1]},
                      .padding = {w->kernel[0] - 1 - w->padding[0], w->kernel[1] - 1 - w->padding[1]}};
  return back->padding[0] >= 0 && back->padding[1] >= 0 && nl_direct_pays(back, w->channels);
}

static size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

/* Forward without columns, where one of the two ways pays. */
static size_t without_columns_work(const nl_window *w, int32_t o) {
  return nl_winograd_pays(w, o) ? at_least(nl_winograd_work(w, o), nl_direct_work(w, o)) : nl_direct_work(w, o);
}

/*
 * Winograd's sums and differences turn an infinity into NaN, and overflow before the result does: then the sum itself, sample
 * by sample, since no sample is to depend on another.
 */
static void without_columns(float *y, const float *x, const float *weight, nl_after after, bool turned, float *work,
                            int32_t n, int32_t o, const nl_window *w) {
  if (!nl_winograd_pays(w, o)) {
    nl_direct_forward(y, x, weight, after, turned, work, n, o, w);
    return;
  }
  nl_winograd_forward(y, x, weight, after, turned, work, n, o, w);
  const int32_t size = o * columns_of(w);
  for (int32_t i = 0; i < n; i++, x += sample_of(w), y += size)
    if (!nl_all_finite(y, size)) nl_direct_forward(y, x, weight, after, turned, work, 1, o, w);
}

static void weight_without_columns(float *dweight, const float *dy, const float *x, float *work, int32_t n, int32_t o,
                                   const nl_window *w) {
  if (nl_winograd_weight_pays(w, o)) {
    nl_winograd_weight(dweight, dy, x, work, n, o, w);
    if (nl_all_finite(dweight, o * rows_of(w))) return;
  }
  nl_direct_weight(dweight, dy, x, work, n, o, w);
}

size_t nl_conv2d_work(const nl_window *w, int32_t o) {
  if (is_pointwise(w)) return nl_gemm_work();
  nl_window back;
  const size_t columns = nl_gemm_work() + (size_t)rows_of(w) * columns_of(w);
  size_t work = nl_direct_pays(w, o) ? without_columns_work(w, o) : columns;
  work = at_least(work, turns_round(&back, w, o) ? without_columns_work(&back, w->channels) : columns);
  if (nl_winograd_weight_pays(w, o)) work = at_least(work, nl_winograd_weight_work(w, o));
  return at_least(work, nl_direct_weight_fits(w, o) ? nl_direct_weight_work(w, o) : columns);
}

/* Output columns [*from, *to) whose input column ox * stride + offset lies inside the image. */
static void inside(int32_t *from, int32_t *to, int32_t offset, int32_t stride, int32_t width, int32_t out_width) {
  int32_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  int32_t last = width - 1 - offset < 0 ? -1 : (width - 1 - offset) / stride;
  *from = first < out_width ? first : out_width;
  *to = last + 1 < *from ? *from : last + 1 < out_width ? last + 1 : out_width;
}

static inline void zero_row(float *to, int32_t n) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(to + i, v4_splat(0));
  for (; i < n; i++) to[i] = 0;
}

static void unfold(float *col, const float *x, const nl_window *w) {
  for (int32_t c = 0; c < w->channels; c++)
    for (int32_t kh = 0; kh < w->kernel[0]; kh++)
      for (int32_t kw = 0; kw < w->kernel[1]; kw++) {
        const float *plane = x + (size_t)c * w->height * w->width;
        const int32_t offset = kw - w->padding[1], stride = w->stride[1];
        int32_t from, to;
        inside(&from, &to, offset, stride, w->width, w->out_width);
        for (int32_t oy = 0; oy < w->out_height; oy++, col += w->out_width) {
          int32_t iy = oy * w->stride[0] + kh - w->padding[0];
          if (iy < 0 || iy >= w->height) {
            zero_row(col, w->out_width);
            continue;
          }
          const float *row = plane + (ptrdiff_t)iy * w->width + offset;
          zero_row(col, from);
          if (stride == 1)
            nl_copy_row(col + from, row + from, to - from);
          else
            for (int32_t ox = from; ox < to; ox++) col[ox] = row[ox * stride];
          zero_row(col + to, w->out_width - to);
        }
      }
}

static inline void add_row(float *to, const float *from, int32_t n) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4) v4_store(to + i, v4_add(v4_load(to + i), v4_load(from + i)));
  for (; i < n; i++) to[i] += from[i];
}

/* dx += what unfold would have read, summed back. */
static void fold(float *dx, const float *col, const nl_window *w) {
  for (int32_t c = 0; c < w->channels; c++)
    for (int32_t kh = 0; kh < w->kernel[0]; kh++)
      for (int32_t kw = 0; kw < w->kernel[1]; kw++) {
        float *plane = dx + (size_t)c * w->height * w->width;
        const int32_t offset = kw - w->padding[1], stride = w->stride[1];
        int32_t from, to;
        inside(&from, &to, offset, stride, w->width, w->out_width);
        for (int32_t oy = 0; oy < w->out_height; oy++, col += w->out_width) {
          int32_t iy = oy * w->stride[0] + kh - w->padding[0];
          if (iy < 0 || iy >= w->height) continue;
          float *row = plane + (ptrdiff_t)iy * w->width + offset;
          if (stride == 1)
            add_row(row + from, col + from, to - from);
          else
            for (int32_t ox = from; ox < to; ox++) row[ox * stride] += col[ox];
        }
      }
}

nl_status nl_conv2d_forward(float *y, const float *x, const float *weight, nl_after after, float *work, int32_t n,
                            int32_t o, const nl_window *w) {
  NL_TRY(check("nl_conv2d_forward", n, o, w));
  if (!is_pointwise(w) && nl_direct_pays(w, o)) {
    without_columns(y, x, weight, after, false, work, n, o, w);
    return NL_OK;
  }
  const int32_t k = rows_of(w), p = columns_of(w);
  float *col = work + nl_gemm_work();
  for (int32_t i = 0; i < n; i++, x += sample_of(w), y += (size_t)o * p) {
    if (!is_pointwise(w)) unfold(col, x, w);
    NL_TRY(
        nl_gemm(y, (nl_matrix){weight, k, 1}, (nl_matrix){is_pointwise(w) ? x : col, p, 1}, work, o, p, k, p, false));
    if (!after.scale && !after.shift && !after.relu) continue;
    for (int32_t j = 0; j < o; j++) nl_follow_row(y + (size_t)j * p, y + (size_t)j * p, nl_after_channel(after, j), p);
  }
  return NL_OK;
}

/* Sum of x [n], in float32 of NL_BLOCK values at a time: 1 % of smallcnn's step is less than in float64 throughout. */
static double sum_of(const float *x, int32_t n) {
  d4 sum = d4_zero();
  int32_t i = 0;
  for (; i + NL_BLOCK <= n; i += NL_BLOCK) {
    v4 pairs[4];
    for (int k = 0; k < 4; k++) pairs[k] = v4_add(v4_load(x + i + 8 * k), v4_load(x + i + 8 * k + 4));
    sum = d4_add(sum, nl_sum_of_four(pairs));
  }
  return d4_sum(sum) + nl_sum(x + i, n - i);
}

nl_status nl_conv2d_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                             const float *weight, float *work, int32_t n, int32_t o, const nl_window *w) {
  NL_TRY(check("nl_conv2d_backward", n, o, w));
  const int32_t k = rows_of(w), p = columns_of(w);
  float *col = work + nl_gemm_work();
  nl_window back;
  if (dweight && !is_pointwise(w) && nl_direct_weight_fits(w, o)) {
    weight_without_columns(dweight, dy, x, work, n, o, w);
    dweight = NULL;
  }
  if (dx && !is_pointwise(w) && turns_round(&back, w, o)) {
    without_columns(dx, dy, weight, (nl_after){0}, true, work, n, w->channels, &back);
    dx = NULL;
  }
  if (dweight && n == 0) memset(dweight, 0, (size_t)o * k * sizeof *dweight);
  for (int32_t j = 0; dbias && j < o; j++) {
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += sum_of(dy + ((size_t)i * o + j) * p, p);
    dbias[j] = (float)sum;
  }
  for (int32_t i = 0; (dx || dweight) && i < n; i++) {
    const float *xi = x + i * sample_of(w), *dyi = dy + (size_t)i * o * p;
    if (dweight) {
      if (!is_pointwise(w)) unfold(col, xi, w);
      NL_TRY(nl_gemm(dweight, (nl_matrix){dyi, p, 1}, (nl_matrix){is_pointwise(w) ? xi : col, 1, p}, work, o, k, p, k,
                     i > 0));
    }
    if (!dx) continue;
    float *dxi = dx + i * sample_of(w);
    float *dcol = is_pointwise(w) ? dxi : col;
    NL_TRY(nl_gemm(dcol, (nl_matrix){weight, 1, k}, (nl_matrix){dyi, p, 1}, work, k, p, o, p, false));
    if (is_pointwise(w)) continue;
    memset(dxi, 0, sample_of(w) * sizeof *dxi);
    fold(dxi, col, w);
  }
  return NL_OK;
}
