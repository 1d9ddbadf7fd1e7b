/*
 * Convolution of stride 1 without columns. A sample is laid out once with its padding,
 *   padded [C, HP, WP], HP = H + 2 ph, WP = W + 2 pw,
 * and output positions are counted in rows of WP too: position q = oy WP + ox reads padded[c][q + kh WP + kw] for every
 * k = (c, kh, kw). So neighbouring positions read neighbouring values, and a tile of them is loaded as it lies:
 *   y[o][q] = Σ_k weight[o][k] padded[q + offset[k]]
 * Positions that no output has are computed as well and dropped: 2 of 16 for a row of 14, none for a row of 8.
 * The gradient of the input is the same over dy, padded by kernel - 1 - padding, with the weights turned round.
 * The gradient of the weights takes the positions that exist, and four k by eight o at a time:
 *   dweight[o][k] = Σ_q dy[o][q] padded[q + offset[k]]
 */
#include "kernels/conv2d_direct.h"

#include "base/vec.h"
#include "kernels/planes.h"

#include <string.h>

/* A tile is ROWS output channels by POSITIONS; the gradient's is ROWS k by POSITIONS output channels. As in gemm.c. */
enum { ROWS = 4, POSITIONS = 8 };

/* Floats of scratch beyond which columns, block by block, are the better use of memory. */
static const double MOST_WORK = 1 << 28;

/*
 * What may be computed for nothing, in shares of what is wanted. Columns, written, packed and read, cost more nearly always:
 * 16 samples of 64 to 64 channels, 3 x 3, take 0.46 ms by columns and 0.21 so at 2 x 2 (share 1), 0.72 and 0.40 at 3 x 3
 * (0.8), 1.98 and 1.34 at 7 x 7 (0.14); only with 256 channels at 4 x 4 (0.5) columns are ahead, 8.1 to 8.9.
 */
static const double MOST_WASTE = 2;

static int32_t up(int32_t value, int32_t multiple) { return (value + multiple - 1) / multiple * multiple; }

static int32_t padded_width(const nl_window *w) { return w->width + 2 * w->padding[1]; }
static int32_t padded_height(const nl_window *w) { return w->height + 2 * w->padding[0]; }
static int32_t taps(const nl_window *w) { return w->channels * w->kernel[0] * w->kernel[1]; }
/* The last tile reads on past the last row's end. */
static size_t padded_size(const nl_window *w) {
  return (size_t)w->channels * (size_t)padded_height(w) * (size_t)padded_width(w) + POSITIONS + (size_t)w->kernel[1];
}
/*
 * The positions of a channel in whole tiles: row by row, or as one line of rows of WP where that is shorter. `pitch` is the
 * distance of two output rows.
 */
typedef struct {
  int32_t lines, length, pitch;
} nl_positions;

static nl_positions positions_of(const nl_window *w) {
  const int32_t row = up(w->out_width, POSITIONS), line = padded_width(w);
  if (row <= line) return (nl_positions){w->out_height, row, row};
  return (nl_positions){1, up(w->out_height * line, POSITIONS), line};
}

/* The size of what is laid out, in float64, since 2^32 is near where kernels and padding are large. */
static bool fits(const nl_window *w, int32_t o) {
  if (w->stride[0] != 1 || w->stride[1] != 1) return false;
  const double k = (double)w->channels * w->kernel[0] * w->kernel[1];
  const double image = (w->height + 2.0 * w->padding[0]) * (w->width + 2.0 * w->padding[1]);
  const double positions = (double)w->out_height * w->out_width;
  return (k + 8) * (o + 8.0) + (w->channels + 4.0) * image + positions * (o + 8.0) < MOST_WORK;
}

bool nl_direct_weight_fits(const nl_window *w, int32_t o) { return fits(w, o); }

bool nl_direct_pays(const nl_window *w, int32_t o) {
  if (!fits(w, o)) return false;
  const nl_positions at = positions_of(w);
  const double waste = (double)at.lines * at.length / ((double)w->out_height * w->out_width) - 1;
  return waste < MOST_WASTE;
}

size_t nl_direct_work(const nl_window *w, int32_t o) {
  return (size_t)up(taps(w), ROWS) + (size_t)up(o, ROWS) * taps(w) + padded_size(w) +
         (size_t)ROWS * positions_of(w).lines * positions_of(w).length;
}

size_t nl_direct_weight_work(const nl_window *w, int32_t o) {
  const size_t outs = (size_t)up(o, POSITIONS);
  return (size_t)up(taps(w), ROWS) + padded_size(w) + outs * w->out_height * w->out_width +
         (size_t)up(taps(w), ROWS) * outs;
}

/* offset [taps in whole tiles]; those beyond the last are not used. */
static void find_offsets(int32_t *offset, const nl_window *w) {
  const int32_t row = padded_width(w), plane = row * padded_height(w);
  int32_t k = 0;
  for (int32_t c = 0; c < w->channels; c++)
    for (int32_t kh = 0; kh < w->kernel[0]; kh++)
      for (int32_t kw = 0; kw < w->kernel[1]; kw++) offset[k++] = c * plane + kh * row + kw;
  for (; k < up(taps(w), ROWS); k++) offset[k] = 0;
}

/* One sample into `padded`, whose margins are zero already. */
static void lay_out(float *padded, const float *x, const nl_window *w) {
  nl_lay_out(padded, padded_height(w), padded_width(w), w->padding[0], w->padding[1], x, w->channels, w->height,
             w->width);
}

/* panels [ceil(O / ROWS), taps, ROWS], zeros beyond O. */
static void pack_weights(float *panels, const float *weight, bool turned, int32_t o, const nl_window *w) {
  const int32_t k = taps(w), area = w->kernel[0] * w->kernel[1];
  for (int32_t j = 0; j < up(o, ROWS); j++) {
    float *to = panels + (size_t)(j / ROWS) * k * ROWS + j % ROWS;
    for (int32_t c = 0; c < w->channels; c++)
      for (int32_t i = 0; i < area; i++, to += ROWS) {
        if (j >= o)
          *to = 0;
        else
          *to = turned ? weight[((size_t)c * o + j) * area + area - 1 - i]
                       : weight[((size_t)j * w->channels + c) * area + i];
      }
  }
}

/* out [ROWS, stride]: POSITIONS of ROWS channels. */
static inline void forward_tile(float *out, int32_t stride, const float *panel, const float *x, const int32_t *offset,
                                int32_t k) {
  v4 sum[ROWS][2];
  for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = v4_splat(0);
  for (int32_t p = 0; p < k; p++, panel += ROWS) {
    const float *at = x + offset[p];
    const v4 x0 = v4_load(at), x1 = v4_load(at + 4);
    for (int i = 0; i < ROWS; i++) {
      const v4 a = v4_splat(panel[i]);
      sum[i][0] = v4_madd(a, x0, sum[i][0]);
      sum[i][1] = v4_madd(a, x1, sum[i][1]);
    }
  }
  for (int i = 0; i < ROWS; i++, out += stride) {
    v4_store(out, sum[i][0]);
    v4_store(out + 4, sum[i][1]);
  }
}

void nl_direct_forward(float *y, const float *x, const float *weight, nl_after after, bool turned, float *work,
                       int32_t n, int32_t o, const nl_window *w) {
  const nl_positions at = positions_of(w);
  const int32_t k = taps(w), line = padded_width(w), stride = at.lines * at.length, out = w->out_height * w->out_width;
  int32_t *offset = (int32_t *)(void *)work;
  float *panels = work + up(k, ROWS), *padded = panels + (size_t)up(o, ROWS) * k, *rows = padded + padded_size(w);
  find_offsets(offset, w);
  pack_weights(panels, weight, turned, o, w);
  memset(padded, 0, padded_size(w) * sizeof *padded);
  for (int32_t i = 0; i < n; i++, x += (size_t)w->channels * w->height * w->width) {
    lay_out(padded, x, w);
    for (int32_t j = 0; j < o; j += ROWS) {
      const int32_t left = o - j < ROWS ? o - j : ROWS;
      for (int32_t l = 0; l < at.lines; l++)
        for (int32_t q = 0; q < at.length; q += POSITIONS)
          forward_tile(rows + l * at.length + q, stride, panels + (size_t)j * k, padded + l * line + q, offset, k);
      for (int32_t r = 0; r < left; r++, y += out) {
        const nl_after4 then = nl_after_channel(after, j + r);
        for (int32_t oy = 0; oy < w->out_height; oy++)
          nl_follow_row(y + oy * w->out_width, rows + (size_t)r * stride + oy * at.pitch, then, w->out_width);
      }
    }
  }
}

/* panels [ceil(O / POSITIONS), P, POSITIONS] of dy [O, P], zeros beyond O. */
static void pack_gradient(float *panels, const float *dy, int32_t o, int32_t p) {
  for (int32_t j = 0; j < o; j += POSITIONS, panels += (size_t)p * POSITIONS)
    for (int32_t half = 0; half < POSITIONS; half += 4) {
      const float *from = dy + (size_t)(j + half) * p;
      float *to = panels + half;
      int32_t q = 0;
      if (j + half + 4 <= o)
        for (; q + 4 <= p; q += 4) {
          v4 a = v4_load(from + q), b = v4_load(from + p + q), c = v4_load(from + 2 * (size_t)p + q),
             d = v4_load(from + 3 * (size_t)p + q);
          v4_transpose(&a, &b, &c, &d);
          v4_store(to + (size_t)q * POSITIONS, a);
          v4_store(to + (size_t)(q + 1) * POSITIONS, b);
          v4_store(to + (size_t)(q + 2) * POSITIONS, c);
          v4_store(to + (size_t)(q + 3) * POSITIONS, d);
        }
      for (; q < p; q++)
        for (int32_t r = 0; r < 4; r++) to[(size_t)q * POSITIONS + r] = j + half + r < o ? from[(size_t)r * p + q] : 0;
    }
}

/* One position of the tile below: `at` of four lines of x, and POSITIONS channels of dy. */
static inline void weight_step(v4 sum[ROWS][2], const float *dy, const float *x0, const float *x1, const float *x2,
                               const float *x3, int at) {
  const v4 g0 = v4_load(dy + at * POSITIONS), g1 = v4_load(dy + at * POSITIONS + 4);
  const v4 a0 = v4_splat(x0[at]), a1 = v4_splat(x1[at]), a2 = v4_splat(x2[at]), a3 = v4_splat(x3[at]);
  sum[0][0] = v4_madd(a0, g0, sum[0][0]);
  sum[0][1] = v4_madd(a0, g1, sum[0][1]);
  sum[1][0] = v4_madd(a1, g0, sum[1][0]);
  sum[1][1] = v4_madd(a1, g1, sum[1][1]);
  sum[2][0] = v4_madd(a2, g0, sum[2][0]);
  sum[2][1] = v4_madd(a2, g1, sum[2][1]);
  sum[3][0] = v4_madd(a3, g0, sum[3][0]);
  sum[3][1] = v4_madd(a3, g1, sum[3][1]);
}

/* sums [ROWS, stride] += ROWS taps by POSITIONS output channels of one sample. */
static inline void weight_tile(float *sums, int32_t stride, const float *dy, const float *x, const int32_t *offset,
                               const nl_window *w) {
  const float *x0 = x + offset[0], *x1 = x + offset[1], *x2 = x + offset[2], *x3 = x + offset[3];
  const int32_t skip = padded_width(w) - w->out_width;
  v4 sum[ROWS][2];
  for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = v4_splat(0);
  for (int32_t oy = 0; oy < w->out_height; oy++, x0 += skip, x1 += skip, x2 += skip, x3 += skip) {
    int32_t ox = 0;
    /* Two at a time: 143 images/s of seedconvnet against 132, and 128 with four. */
    for (; ox + 2 <= w->out_width; ox += 2, dy += 2 * POSITIONS, x0 += 2, x1 += 2, x2 += 2, x3 += 2) {
      weight_step(sum, dy, x0, x1, x2, x3, 0);
      weight_step(sum, dy, x0, x1, x2, x3, 1);
    }
    for (; ox < w->out_width; ox++, dy += POSITIONS, x0++, x1++, x2++, x3++) weight_step(sum, dy, x0, x1, x2, x3, 0);
  }
  for (int i = 0; i < ROWS; i++, sums += stride) {
    v4_store(sums, v4_add(v4_load(sums), sum[i][0]));
    v4_store(sums + 4, v4_add(v4_load(sums + 4), sum[i][1]));
  }
}

void nl_direct_weight(float *dweight, const float *dy, const float *x, float *work, int32_t n, int32_t o,
                      const nl_window *w) {
  const int32_t k = taps(w), p = w->out_height * w->out_width, outs = up(o, POSITIONS);
  int32_t *offset = (int32_t *)(void *)work;
  float *padded = work + up(k, ROWS), *panels = padded + padded_size(w), *sums = panels + (size_t)outs * p;
  find_offsets(offset, w);
  memset(padded, 0, padded_size(w) * sizeof *padded);
  memset(sums, 0, (size_t)up(k, ROWS) * outs * sizeof *sums);
  for (int32_t i = 0; i < n; i++, x += (size_t)w->channels * w->height * w->width, dy += (size_t)o * p) {
    lay_out(padded, x, w);
    pack_gradient(panels, dy, o, p);
    for (int32_t j = 0; j < outs; j += POSITIONS)
      for (int32_t t = 0; t < k; t += ROWS)
        weight_tile(sums + (size_t)t * outs + j, outs, panels + (size_t)j * p, padded, offset + t, w);
  }
  for (int32_t j = 0; j < o; j++)
    for (int32_t t = 0; t < k; t++) dweight[(size_t)j * k + t] = sums[(size_t)t * outs + j];
}
