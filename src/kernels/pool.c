#include "kernels/kernels.h"
#include "kernels/moments.h"

#include <string.h>

typedef struct {
  int32_t top, bottom, left, right;
} box;

/* The part of output (oy, ox)'s window that lies inside the image. */
static box window_box(const nl_window *w, int32_t oy, int32_t ox) {
  int32_t top = oy * w->stride[0] - w->padding[0], left = ox * w->stride[1] - w->padding[1];
  int32_t bottom = top + w->kernel[0], right = left + w->kernel[1];
  return (box){top < 0 ? 0 : top, bottom > w->height ? w->height : bottom, left < 0 ? 0 : left,
               right > w->width ? w->width : right};
}

static nl_status check(const char *name, int32_t n, const nl_window *w) {
  NL_CHECK(n >= 0, NL_SHAPE, "%s: N must be >= 0, got %d", name, n);
  for (int i = 0; i < 2; i++)
    NL_CHECK(w->padding[i] <= w->kernel[i] / 2, NL_ARGUMENT,
             "pad should be at most half of kernel size, but got pad=%d and kernel_size=%d", w->padding[i],
             w->kernel[i]);
  return NL_OK;
}

/* A value takes the lead where it is larger or NaN: the leader's place after `at` has challenged it. Integer arithmetic, not a
   branch: which of four is the largest cannot be foreseen. */
static inline int32_t challenge(const float *x, int32_t leader, int32_t at) {
  const int32_t leads = (x[at] > x[leader]) | (x[at] != x[at]);
  return leader + ((at - leader) & -leads);
}

/* The leader of a window 2 x 2 whose corner is at `at`. */
static inline int32_t leader_of_two(const float *x, int32_t at, int32_t width) {
  return challenge(x, challenge(x, challenge(x, at, at + 1), at + width), at + width + 1);
}

/* Places are counted in float32 lanes. */
enum { MOST_PLACES = 1 << 24 };

/* Four windows 2 x 2, stride 2, of which the first's corner is at `at`: the rows' leaders, and the lower where it is larger. */
static inline void pool_four(float *y, int32_t *where, const float *x, int32_t at, int32_t width) {
  const v4 left = v4_load(x + at), right = v4_load(x + at + 4);
  const v4 lower_left = v4_load(x + at + width), lower_right = v4_load(x + at + width + 4);
  const v4 a = v4_even(left, right), b = v4_odd(left, right);
  const v4 c = v4_even(lower_left, lower_right), d = v4_odd(lower_left, lower_right);
  if (v4_any_nan(v4_add(v4_add(a, b), v4_add(c, d)))) {
    for (int32_t i = 0; i < 4; i++) y[i] = x[where[i] = leader_of_two(x, at + 2 * i, width)];
    return;
  }
  const v4 top = v4_at_least(a, b), bottom = v4_at_least(c, d), one = v4_splat(1), none = v4_splat(0);
  const v4 top_place = v4_where_less(a, b, one, none);
  const v4 bottom_place = v4_add(v4_where_less(c, d, one, none), v4_splat((float)width));
  const v4 corner = v4_add(v4_splat((float)at), v4_load((const float[]){0, 2, 4, 6}));
  v4_store(y, v4_at_least(top, bottom));
  v4_store_int(where, v4_add(corner, v4_where_less(top, bottom, bottom_place, top_place)));
}

/* A row of such windows; the last four may overlap the four before. */
static void pool_row(float *y, int32_t *where, const float *x, int32_t at, int32_t width, int32_t out) {
  for (int32_t i = 0; i < out; i += 4) {
    if (i > out - 4) i = out - 4;
    pool_four(y + i, where + i, x, at + 2 * i, width);
  }
}

nl_status nl_maxpool2d_forward(float *y, int32_t *where, const float *x, int32_t n, const nl_window *w) {
  NL_TRY(check("nl_maxpool2d_forward", n, w));
  const bool two = w->kernel[0] == 2 && w->kernel[1] == 2 && w->padding[0] == 0 && w->padding[1] == 0;
  const bool fours = two && w->stride[0] == 2 && w->stride[1] == 2 && w->out_width >= 4;
  const bool counted = w->height <= MOST_PLACES / w->width;
  for (int32_t plane = 0; plane < n * w->channels; plane++, x += (size_t)w->height * w->width)
    for (int32_t oy = 0; oy < w->out_height; oy++) {
      if (fours && counted) {
        pool_row(y, where, x, 2 * oy * w->width, w->width, w->out_width);
        y += w->out_width;
        where += w->out_width;
        continue;
      }
      for (int32_t ox = 0; ox < w->out_width; ox++) {
        int32_t leader;
        if (two) {
          leader = leader_of_two(x, oy * w->stride[0] * w->width + ox * w->stride[1], w->width);
        } else {
          const box b = window_box(w, oy, ox);
          leader = b.top * w->width + b.left;
          for (int32_t iy = b.top; iy < b.bottom; iy++)
            for (int32_t ix = b.left; ix < b.right; ix++) leader = challenge(x, leader, iy * w->width + ix);
        }
        *where++ = leader;
        *y++ = x[leader];
      }
    }
  return NL_OK;
}

nl_status nl_maxpool2d_backward(float *dx, const float *dy, const int32_t *where, int32_t n, const nl_window *w) {
  NL_TRY(check("nl_maxpool2d_backward", n, w));
  const int32_t size = w->height * w->width, out = w->out_height * w->out_width;
  memset(dx, 0, (size_t)n * w->channels * size * sizeof *dx);
  for (int32_t plane = 0; plane < n * w->channels; plane++, dx += size, dy += out, where += out)
    for (int32_t i = 0; i < out; i++) dx[where[i]] += dy[i];
  return NL_OK;
}

nl_status nl_avgpool2d_forward(float *y, const float *x, int32_t n, const nl_window *w) {
  NL_TRY(check("nl_avgpool2d_forward", n, w));
  const float scale = 1.0f / ((float)w->kernel[0] * (float)w->kernel[1]);
  for (int32_t plane = 0; plane < n * w->channels; plane++, x += (size_t)w->height * w->width)
    for (int32_t oy = 0; oy < w->out_height; oy++)
      for (int32_t ox = 0; ox < w->out_width; ox++) {
        box b = window_box(w, oy, ox);
        double sum = 0;
        for (int32_t iy = b.top; iy < b.bottom; iy++)
          for (int32_t ix = b.left; ix < b.right; ix++) sum += x[iy * w->width + ix];
        *y++ = (float)sum * scale;
      }
  return NL_OK;
}

nl_status nl_avgpool2d_backward(float *dx, const float *dy, int32_t n, const nl_window *w) {
  NL_TRY(check("nl_avgpool2d_backward", n, w));
  const float scale = 1.0f / ((float)w->kernel[0] * (float)w->kernel[1]);
  const size_t size = (size_t)w->height * w->width;
  memset(dx, 0, (size_t)n * w->channels * size * sizeof *dx);
  for (int32_t plane = 0; plane < n * w->channels; plane++, dx += size)
    for (int32_t oy = 0; oy < w->out_height; oy++)
      for (int32_t ox = 0; ox < w->out_width; ox++) {
        box b = window_box(w, oy, ox);
        float share = *dy++ * scale;
        for (int32_t iy = b.top; iy < b.bottom; iy++)
          for (int32_t ix = b.left; ix < b.right; ix++) dx[iy * w->width + ix] += share;
      }
  return NL_OK;
}

nl_status nl_globalavgpool_forward(float *y, const float *x, int32_t p, int32_t s) {
  NL_CHECK(p >= 0 && s >= 1, NL_SHAPE, "nl_globalavgpool_forward: sizes must be P >= 0, S >= 1, got P=%d, S=%d", p, s);
  for (int32_t i = 0; i < p; i++) y[i] = (float)(nl_sum(x + (size_t)i * s, s) / s);
  return NL_OK;
}

nl_status nl_globalavgpool_backward(float *dx, const float *dy, int32_t p, int32_t s) {
  NL_CHECK(p >= 0 && s >= 1, NL_SHAPE, "nl_globalavgpool_backward: sizes must be P >= 0, S >= 1, got P=%d, S=%d", p, s);
  for (int32_t i = 0; i < p; i++) {
    float share = dy[i] / (float)s;
    for (int32_t j = 0; j < s; j++) *dx++ = share;
  }
  return NL_OK;
}
