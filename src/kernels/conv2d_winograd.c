/*
 * Convolution 3 x 3 of stride 1 by the minimal filtering of Winograd, F(2 x 2, 3 x 3) as Lavin and Gray have it
 * (https://arxiv.org/abs/1509.09308): a tile of 2 x 2 outputs takes 16 products instead of 36. In one dimension two outputs
 * y of four inputs d and three weights g are
 *   v = (d0 - d2, d1 + d2, d2 - d1, d1 - d3)
 *   u = (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2)
 *   y = (m0 + m1 + m2, m1 - m2 - m3)  of m = u v
 * and in two dimensions the same down the columns and along the rows, which makes the 16 places of a tile. Products are
 * summed over input channels before the last line, so that each place is a matrix product of its own:
 *   m [16][O, T] = u [16][O, C] v [16][C, T] over the T tiles of a group of tile rows, which caches hold.
 * The gradient of the weights is the same read backwards:
 *   du [16][O, C] = dm [16][O, T] v [16][C, T]^T, dm = (dy0, dy0 + dy1, dy0 - dy1, -dy1)
 *   dweight = (du0 + (du1 + du2) / 2, (du1 - du2) / 2, (du1 + du2) / 2 + du3)
 * An output depends on no value outside of its own window, not by rounding either: y0 has no d3 and y1 no d0.
 */
#include "kernels/conv2d_winograd.h"

#include "base/vec.h"
#include "kernels/planes.h"

#include <string.h>

enum { PLACES = 16, TAPS = 9 };
/* As in conv2d_direct.c: ROWS channels by COLUMNS tiles, and for the weights ROWS inputs by COLUMNS outputs. */
enum { ROWS = 4, COLUMNS = 8 };

/*
 * Tiles of a group, roughly. Images/s of smallcnn-batch B=32 and seedconvnet with 32: 5,582 and 219, 64: 6,784 and 218,
 * 128: 6,759 and 215, 256: 6,705 and 207; with B=2, where there are no more than 98, 128 is a little ahead of 64.
 */
enum { GROUP = 128 };

/* Floats of 2 KB, and of some lines of 64 bytes. */
enum { HALF_PAGE = 512, APART = 80 };

static int32_t up(int32_t value, int32_t multiple) { return (value + multiple - 1) / multiple * multiple; }

typedef struct {
  int32_t down, across;  /* tiles of a sample */
  int32_t height, width; /* of a padded plane, which has whole tiles, four by four in a row */
  int32_t rows;          /* tile rows of a group, of one sample or of several */
  int32_t pitch;         /* tiles of a group, and room for the last row's last four */
} nl_tiling;

static nl_tiling tiling_of(const nl_window *w) {
  nl_tiling t = {.down = (w->out_height + 1) / 2, .across = (w->out_width + 1) / 2};
  t.height = 2 * t.down + 2;
  t.width = 2 * up(t.across, 4) + 2;
  t.rows = t.across < GROUP ? GROUP / t.across : 1;
  if (t.rows > t.down) t.rows = t.rows / t.down * t.down;
  t.pitch = up(t.rows * t.across + 3, COLUMNS);
  return t;
}

/*
 * Floats from one place to the next of [16][rows, pitch]. The 16 are written and read in step, and a distance of a multiple
 * of 2 KB would have them meet in one or two sets of the cache: 230 images/s of seedconvnet against 238.
 */
static size_t place_of(int32_t rows, int32_t pitch) {
  const size_t place = (size_t)rows * pitch;
  return place % HALF_PAGE ? place : place + APART;
}

/* ---- the three transforms, four tiles or four output channels in the lanes ------------------------------------------- */

/* v [16 places, `stride` apart]: four tiles side by side, from rows of x `width` apart. */
static inline void transform_input(float *v, size_t stride, const float *x, int32_t width) {
  v4 d[4][4];
  for (int r = 0; r < 4; r++, x += width) {
    const v4 a = v4_load(x), b = v4_load(x + 4), c = v4_load(x + 2), e = v4_load(x + 6);
    const v4 d0 = v4_even(a, b), d1 = v4_odd(a, b), d2 = v4_even(c, e), d3 = v4_odd(c, e);
    d[r][0] = v4_sub(d0, d2);
    d[r][1] = v4_add(d1, d2);
    d[r][2] = v4_sub(d2, d1);
    d[r][3] = v4_sub(d1, d3);
  }
  for (int j = 0; j < 4; j++, v += stride) {
    v4_store(v, v4_sub(d[0][j], d[2][j]));
    v4_store(v + 4 * stride, v4_add(d[1][j], d[2][j]));
    v4_store(v + 8 * stride, v4_sub(d[2][j], d[1][j]));
    v4_store(v + 12 * stride, v4_sub(d[1][j], d[3][j]));
  }
}

/* y [2][8]: four tiles side by side of m [16 places, `stride` apart], and what follows. */
static inline void transform_output(v4 y[2][2], const float *m, size_t stride, nl_after4 after) {
  v4 s[2][4];
  for (int j = 0; j < 4; j++, m += stride) {
    const v4 m0 = v4_load(m), m1 = v4_load(m + 4 * stride), m2 = v4_load(m + 8 * stride), m3 = v4_load(m + 12 * stride);
    s[0][j] = v4_add(v4_add(m0, m1), m2);
    s[1][j] = v4_sub(v4_sub(m1, m2), m3);
  }
  for (int r = 0; r < 2; r++) {
    const v4 even = nl_follow(v4_add(v4_add(s[r][0], s[r][1]), s[r][2]), after);
    const v4 odd = nl_follow(v4_sub(v4_sub(s[r][1], s[r][2]), s[r][3]), after);
    y[r][0] = v4_zip_low(even, odd);
    y[r][1] = v4_zip_high(even, odd);
  }
}

static inline void three_to_four(v4 u[4], v4 g0, v4 g1, v4 g2) {
  const v4 half = v4_splat(0.5f), ends = v4_mul(v4_add(g0, g2), half), middle = v4_mul(g1, half);
  u[0] = g0;
  u[1] = v4_add(ends, middle);
  u[2] = v4_sub(ends, middle);
  u[3] = g2;
}

/* u [16 places, `stride` apart] of taps g [3 x 3]. */
static inline void transform_weight(float *u, size_t stride, const v4 g[TAPS]) {
  v4 rows[3][4];
  for (int r = 0; r < 3; r++) three_to_four(rows[r], g[3 * r], g[3 * r + 1], g[3 * r + 2]);
  for (int j = 0; j < 4; j++, u += stride) {
    v4 column[4];
    three_to_four(column, rows[0][j], rows[1][j], rows[2][j]);
    for (int r = 0; r < 4; r++) v4_store(u + 4 * r * stride, column[r]);
  }
}

/* ---- forward ----------------------------------------------------------------------------------------------------------- */

/* taps of four weights [3 x 3], `apart` from one to the next: their first nine values, or from the end. */
static inline void load_taps(v4 taps[TAPS], const float *weight, size_t apart, bool turned) {
  v4 g[8];
  for (int half = 0; half < 8; half += 4) {
    for (int r = 0; r < 4; r++) g[half + r] = v4_load(weight + r * apart + half);
    v4_transpose(&g[half], &g[half + 1], &g[half + 2], &g[half + 3]);
  }
  float last[4];
  for (int r = 0; r < 4; r++) last[r] = weight[r * apart + 8];
  for (int k = 0; k < TAPS; k++) taps[turned ? TAPS - 1 - k : k] = k < 8 ? g[k] : v4_load(last);
}

/* u [16][ceil(O / ROWS), C, ROWS], zeros beyond O. */
static void pack_weights(float *u, size_t place, const float *weight, bool turned, int32_t o, int32_t c) {
  const size_t apart = turned ? TAPS : (size_t)c * TAPS;
  for (int32_t j = 0; j < o; j += ROWS)
    for (int32_t i = 0; i < c; i++, u += ROWS) {
      const float *from = weight + (turned ? (size_t)i * o + j : (size_t)j * c + i) * TAPS;
      float rest[ROWS * TAPS] = {0};
      if (o - j < ROWS)
        for (int32_t r = 0; r < o - j; r++)
          for (int k = 0; k < TAPS; k++) rest[r * TAPS + k] = from[r * apart + k];
      v4 taps[TAPS];
      if (o - j < ROWS)
        load_taps(taps, rest, TAPS, turned);
      else
        load_taps(taps, from, apart, turned);
      transform_weight(u, place, taps);
    }
}

/* v [16][C, pitch]: one tile row of all channels, to the columns from `v` on. Those beyond a group's tiles hold anything, and
   what is computed of them is read by nobody. */
static void transform_row(float *v, const float *padded, int32_t c, int32_t row, const nl_tiling *t) {
  const size_t place = place_of(c, t->pitch);
  for (int32_t i = 0; i < c; i++) {
    const float *x = padded + ((size_t)i * t->height + 2 * row) * t->width;
    float *to = v + (size_t)i * t->pitch;
    for (int32_t j = 0; j < t->across; j += 4) transform_input(to + j, place, x + 2 * j, t->width);
  }
}

/* m [ROWS, pitch]: COLUMNS tiles of ROWS output channels. */
static inline void product_tile(float *m, const float *u, const float *v, int32_t pitch, int32_t c) {
  v4 sum[ROWS][2];
  for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = v4_splat(0);
  for (int32_t i = 0; i < c; i++, u += ROWS, v += pitch) {
    const v4 v0 = v4_load(v), v1 = v4_load(v + 4);
    for (int r = 0; r < ROWS; r++) {
      const v4 a = v4_splat(u[r]);
      sum[r][0] = v4_madd(a, v0, sum[r][0]);
      sum[r][1] = v4_madd(a, v1, sum[r][1]);
    }
  }
  for (int r = 0; r < ROWS; r++, m += pitch) {
    v4_store(m, sum[r][0]);
    v4_store(m + 4, sum[r][1]);
  }
}

/* A tile row of an output plane. */
static inline void write_row(float *y, const float *m, size_t place, nl_after4 after, int32_t row, const nl_window *w,
                             const nl_tiling *t) {
  float *top = y + (size_t)2 * row * w->out_width, *bottom = top + w->out_width;
  const bool both = 2 * row + 1 < w->out_height;
  for (int32_t j = 0; j < t->across; j += 4) {
    v4 four[2][2];
    transform_output(four, m + j, place, after);
    const int32_t left = w->out_width - 2 * j;
    for (int r = 0; r < 1 + both; r++) {
      float *to = (r ? bottom : top) + 2 * j;
      v4_store_left(to, four[r][0], left);
      if (left > 4) v4_store_left(to + 4, four[r][1], left - 4);
    }
  }
}

/*
 * For fewer channels the transforms cost more than the products that they save. 30 M products take, directly and so: 8 to 8
 * channels at 28 x 28 1.39 and 1.28 ms, 16 to 32 at 14 x 14 1.40 and 0.90, 64 to 64 at 56 x 56 4.72 and 2.38, at 4 x 4 1.75
 * and 0.78; but 4 to 8 at 28 x 28 1.57 and 1.91, 3 to 64 at 32 x 32 1.52 and 1.83.
 */
bool nl_winograd_pays(const nl_window *w, int32_t o) {
  return w->kernel[0] == 3 && w->kernel[1] == 3 && w->stride[0] == 1 && w->stride[1] == 1 && w->channels >= 8 && o >= 8;
}

/* 8 to 16 channels at 14 x 14 take 1.49 ms so and 1.40 directly, 16 to 16 at 7 x 7 1.45 and 1.66. */
bool nl_winograd_weight_pays(const nl_window *w, int32_t o) {
  return nl_winograd_pays(w, o) && w->channels >= 16 && o >= 16;
}

static size_t padded_size(int32_t c, const nl_tiling *t) { return (size_t)c * t->height * t->width; }

size_t nl_winograd_work(const nl_window *w, int32_t o) {
  const nl_tiling t = tiling_of(w);
  const int32_t outs = up(o, ROWS);
  return PLACES * (place_of(outs, w->channels) + place_of(w->channels, t.pitch) + place_of(outs, t.pitch)) +
         padded_size(w->channels, &t);
}

void nl_winograd_forward(float *y, const float *x, const float *weight, nl_after after, bool turned, float *work,
                         int32_t n, int32_t o, const nl_window *w) {
  const nl_tiling t = tiling_of(w);
  const int32_t c = w->channels, outs = up(o, ROWS), all = n * t.down;
  const size_t u_place = place_of(outs, c), v_place = place_of(c, t.pitch), m_place = place_of(outs, t.pitch);
  const size_t sample = (size_t)o * w->out_height * w->out_width;
  float *u = work, *v = u + PLACES * u_place, *m = v + PLACES * v_place, *padded = m + PLACES * m_place;
  pack_weights(u, u_place, weight, turned, o, c);
  memset(padded, 0, padded_size(c, &t) * sizeof *padded);
  for (int32_t first = 0; first < all; first += t.rows) {
    const int32_t rows = all - first < t.rows ? all - first : t.rows, tiles = rows * t.across;
    for (int32_t r = 0; r < rows; r++) {
      const int32_t row = (first + r) % t.down, i = (first + r) / t.down;
      if (row == 0)
        nl_lay_out(padded, t.height, t.width, w->padding[0], w->padding[1], x + (size_t)i * c * w->height * w->width, c,
                   w->height, w->width);
      transform_row(v + r * t.across, padded, c, row, &t);
    }
    for (int32_t place = 0; place < PLACES; place++)
      for (int32_t j = 0; j < outs; j += ROWS)
        for (int32_t q = 0; q < tiles; q += COLUMNS)
          product_tile(m + place * m_place + (size_t)j * t.pitch + q, u + place * u_place + (size_t)j * c,
                       v + place * v_place + q, t.pitch, c);
    for (int32_t r = 0; r < rows; r++) {
      const int32_t row = (first + r) % t.down, i = (first + r) / t.down;
      for (int32_t j = 0; j < o; j++)
        write_row(y + i * sample + (size_t)j * w->out_height * w->out_width, m + (size_t)j * t.pitch + r * t.across,
                  m_place, nl_after_channel(after, j), row, w, &t);
    }
  }
}

/* ---- gradient of the weights --------------------------------------------------------------------------------------------- */

static inline void two_to_four(v4 m[4], v4 a, v4 b) {
  m[0] = a;
  m[1] = v4_add(a, b);
  m[2] = v4_sub(a, b);
  m[3] = v4_sub(v4_splat(0), b);
}

/*
 * dm [16 places, `stride` apart][4 tiles, COLUMNS]: four tiles side by side of four channels, whose rows of dy are `width`
 * and whose planes are `plane` apart.
 */
static inline void transform_gradient(float *dm, size_t stride, const float *dy, size_t plane, int32_t width) {
  v4 m[4][4][4];
  for (int o = 0; o < 4; o++, dy += plane) {
    v4 rows[2][4];
    for (int r = 0; r < 2; r++) {
      const v4 a = v4_load(dy + r * width), b = v4_load(dy + r * width + 4);
      two_to_four(rows[r], v4_even(a, b), v4_odd(a, b));
    }
    for (int j = 0; j < 4; j++) {
      v4 column[4];
      two_to_four(column, rows[0][j], rows[1][j]);
      for (int r = 0; r < 4; r++) m[r][j][o] = column[r];
    }
  }
  for (int r = 0; r < 4; r++)
    for (int j = 0; j < 4; j++, dm += stride) {
      v4 *lanes = m[r][j];
      v4_transpose(&lanes[0], &lanes[1], &lanes[2], &lanes[3]);
      for (int q = 0; q < 4; q++) v4_store(dm + q * COLUMNS, lanes[q]);
    }
}

/* sums [ROWS, stride] += ROWS input by COLUMNS output channels over `tiles`; v is ROWS lines, `pitch` apart. */
static inline void weight_tile(float *sums, int32_t stride, const float *dm, const float *v, int32_t pitch,
                               int32_t tiles) {
  const float *v0 = v, *v1 = v0 + pitch, *v2 = v1 + pitch, *v3 = v2 + pitch;
  v4 sum[ROWS][2];
  for (int r = 0; r < ROWS; r++) {
    sum[r][0] = v4_load(sums + (size_t)r * stride);
    sum[r][1] = v4_load(sums + (size_t)r * stride + 4);
  }
  for (int32_t q = 0; q < tiles; q++, dm += COLUMNS) {
    const v4 g0 = v4_load(dm), g1 = v4_load(dm + 4);
    const v4 a[ROWS] = {v4_splat(v0[q]), v4_splat(v1[q]), v4_splat(v2[q]), v4_splat(v3[q])};
    for (int r = 0; r < ROWS; r++) {
      sum[r][0] = v4_madd(a[r], g0, sum[r][0]);
      sum[r][1] = v4_madd(a[r], g1, sum[r][1]);
    }
  }
  for (int r = 0; r < ROWS; r++, sums += stride) {
    v4_store(sums, sum[r][0]);
    v4_store(sums + 4, sum[r][1]);
  }
}

static inline void four_to_three(v4 g[3], v4 u0, v4 u1, v4 u2, v4 u3) {
  const v4 half = v4_splat(0.5f), ends = v4_mul(v4_add(u1, u2), half);
  g[0] = v4_add(u0, ends);
  g[1] = v4_mul(v4_sub(u1, u2), half);
  g[2] = v4_add(ends, u3);
}

/* dweight [O, C, 3, 3] of sums [16][C, outs]. */
static void unpack_weights(float *dweight, const float *sums, size_t place, int32_t outs, int32_t o, int32_t c) {
  for (int32_t i = 0; i < c; i++)
    for (int32_t j = 0; j < o; j += 4) {
      const float *u = sums + (size_t)i * outs + j;
      v4 rows[4][3], taps[TAPS];
      for (int r = 0; r < 4; r++, u += 4 * place)
        four_to_three(rows[r], v4_load(u), v4_load(u + place), v4_load(u + 2 * place), v4_load(u + 3 * place));
      for (int k = 0; k < 3; k++) {
        v4 column[3];
        four_to_three(column, rows[0][k], rows[1][k], rows[2][k], rows[3][k]);
        for (int r = 0; r < 3; r++) taps[3 * r + k] = column[r];
      }
      float lanes[TAPS][4];
      for (int k = 0; k < TAPS; k++) v4_store(lanes[k], taps[k]);
      for (int32_t r = 0; r < 4 && j + r < o; r++)
        for (int k = 0; k < TAPS; k++) dweight[((size_t)(j + r) * c + i) * TAPS + k] = lanes[k][r];
    }
}

static size_t gradient_size(int32_t outs, const nl_tiling *t) {
  return (size_t)outs * (t->height - 2) * (t->width - 2);
}

size_t nl_winograd_weight_work(const nl_window *w, int32_t o) {
  const nl_tiling t = tiling_of(w);
  const int32_t outs = up(o, COLUMNS), ins = up(w->channels, ROWS);
  return PLACES * (place_of(ins, outs) + place_of(ins, t.pitch) + place_of(outs, t.pitch)) +
         padded_size(w->channels, &t) + gradient_size(outs, &t);
}

void nl_winograd_weight(float *dweight, const float *dy, const float *x, float *work, int32_t n, int32_t o,
                        const nl_window *w) {
  const nl_tiling t = tiling_of(w);
  const int32_t c = w->channels, outs = up(o, COLUMNS), ins = up(c, ROWS), all = n * t.down;
  const int32_t out_height = t.height - 2, out_width = t.width - 2;
  const size_t place = place_of(ins, outs), v_place = place_of(ins, t.pitch), m_place = place_of(outs, t.pitch);
  float *sums = work, *v = sums + PLACES * place, *dm = v + PLACES * v_place, *padded = dm + PLACES * m_place;
  float *gradient = padded + padded_size(c, &t);
  memset(padded, 0, padded_size(c, &t) * sizeof *padded);
  memset(gradient, 0, gradient_size(outs, &t) * sizeof *gradient);
  memset(sums, 0, PLACES * place * sizeof *sums);
  for (int32_t first = 0; first < all; first += t.rows) {
    const int32_t rows = all - first < t.rows ? all - first : t.rows, tiles = rows * t.across;
    for (int32_t r = 0; r < rows; r++) {
      const int32_t row = (first + r) % t.down, i = (first + r) / t.down;
      if (row == 0) {
        nl_lay_out(padded, t.height, t.width, w->padding[0], w->padding[1], x + (size_t)i * c * w->height * w->width, c,
                   w->height, w->width);
        nl_lay_out(gradient, out_height, out_width, 0, 0, dy + (size_t)i * o * w->out_height * w->out_width, o,
                   w->out_height, w->out_width);
      }
      const size_t plane = (size_t)out_height * out_width;
      for (int32_t k = 0; k < c; k++) {
        const float *from = padded + ((size_t)k * t.height + 2 * row) * t.width;
        float *to = v + (size_t)k * t.pitch + r * t.across;
        for (int32_t j = 0; j < t.across; j += 4) transform_input(to + j, v_place, from + 2 * j, t.width);
      }
      for (int32_t k = 0; k < outs; k += 4) {
        const float *from = gradient + k * plane + (size_t)2 * row * out_width;
        float *to = dm + (size_t)k / COLUMNS * COLUMNS * t.pitch + (size_t)r * t.across * COLUMNS + k % COLUMNS;
        for (int32_t j = 0; j < t.across; j += 4)
          transform_gradient(to + (size_t)j * COLUMNS, m_place, from + 2 * j, plane, out_width);
      }
    }
    for (int32_t p = 0; p < PLACES; p++)
      for (int32_t k = 0; k < outs; k += COLUMNS)
        for (int32_t i = 0; i < ins; i += ROWS)
          weight_tile(sums + p * place + (size_t)i * outs + k, outs, dm + p * m_place + (size_t)k * t.pitch,
                      v + p * v_place + (size_t)i * t.pitch, t.pitch, tiles);
  }
  unpack_weights(dweight, sums, place, outs, o, c);
}
