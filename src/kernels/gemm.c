/*
 * Matrix product in the manner of Goto and van de Geijn (https://doi.org/10.1145/1356052.1356053): a block of b is packed
 * in panels of NR columns, a block of a in panels of MR rows, so that the innermost loop reads both in order and keeps an
 * MR x NR tile of c in registers. Panels are filled up with zeros at the edges; only the store knows of edges.
 *
 * MR x NR is 4 x 8: eight accumulators hide the latency of the multiply-add, and what is left of 16 registers suffices for
 * every engine. With 6 x 8 the relaxed module reaches 53 GFLOP/s instead of 50 in V8 of Node 24, but V8 of Node 20 spills and
 * falls from 47 to 29 (512 x 512 x 512, peak 59).
 */
#include "base/vec.h"
#include "kernels/kernels.h"

enum { MR = 4 };
enum { NR = 8 };

/* Floats: the panel of b that is in use (KC x NR) stays in L1, the packed a (MC x KC, 96 KB) in L2. */
enum { KC = 256, MC = 96, NC = 512 };

size_t nl_gemm_work(void) { return (size_t)MC * KC + (size_t)KC * NC; }

static int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

/* to [k, pitch], its first four columns: four lines of k values, `line` apart, of which one or the other step is 1. */
static void pack_four(float *to, int32_t pitch, const float *from, int32_t line, int32_t step, int32_t k) {
  int32_t p = 0;
  if (line == 1) {
    for (; p < k; p++, from += step) v4_store(to + (ptrdiff_t)p * pitch, v4_load(from));
    return;
  }
  const float *f1 = from + line, *f2 = f1 + line, *f3 = f2 + line;
  for (; p + 4 <= k; p += 4, to += 4 * (ptrdiff_t)pitch) {
    v4 a = v4_load(from + p), b = v4_load(f1 + p), c = v4_load(f2 + p), d = v4_load(f3 + p);
    v4_transpose(&a, &b, &c, &d);
    v4_store(to, a);
    v4_store(to + pitch, b);
    v4_store(to + 2 * (ptrdiff_t)pitch, c);
    v4_store(to + 3 * (ptrdiff_t)pitch, d);
  }
  for (; p < k; p++, to += pitch) {
    to[0] = from[p];
    to[1] = f1[p];
    to[2] = f2[p];
    to[3] = f3[p];
  }
}

/* panels [ceil(m / MR), k, MR] */
static void pack_a(float *panels, nl_matrix a, int32_t m, int32_t k) {
  for (int32_t i = 0; i < m; i += MR, panels += (size_t)k * MR) {
    int32_t rows = at_most(MR, m - i);
    if (rows == MR && (a.col == 1 || a.row == 1)) {
      pack_four(panels, MR, a.data + (ptrdiff_t)i * a.row, a.row, a.col, k);
      continue;
    }
    for (int32_t r = 0; r < MR; r++) {
      const float *from = a.data + (ptrdiff_t)(i + r) * a.row;
      if (r < rows)
        for (int32_t p = 0; p < k; p++) panels[p * MR + r] = from[(ptrdiff_t)p * a.col];
      else
        for (int32_t p = 0; p < k; p++) panels[p * MR + r] = 0;
    }
  }
}

/*
 * Columns of which a row is read at once: where rows are a power of two apart, they share few places of the cache, and a
 * line that is left half read is gone when the next panel wants it: the gradient of a linear layer's input, 32 samples,
 * 512 to 16,384 values, takes 13.6 ms instead of 18.7.
 */
enum { CHUNK = 8 * NR };

/* panels [ceil(n / NR), k, NR] */
static void pack_b(float *panels, nl_matrix b, int32_t n, int32_t k) {
  int32_t j = 0;
  if (b.col == 1)
    for (; j + NR <= n; j += CHUNK) {
      const int32_t cols = at_most(CHUNK, (n - j) / NR * NR);
      const float *from = b.data + j;
      for (int32_t p = 0; p < k; p++, from += b.row)
        for (int32_t c = 0; c < cols; c += NR) {
          float *to = panels + (size_t)(j + c) * k + p * NR;
          v4_store(to, v4_load(from + c));
          v4_store(to + 4, v4_load(from + c + 4));
        }
    }
  if (b.col == 1) j = n / NR * NR;
  panels += (size_t)j * k;
  for (; j < n; j += NR, panels += (size_t)k * NR) {
    int32_t cols = at_most(NR, n - j);
    const float *from = b.data + (ptrdiff_t)j * b.col;
    if (b.row == 1 && cols == NR) {
      pack_four(panels, NR, from, b.col, 1, k);
      pack_four(panels + 4, NR, from + 4 * (ptrdiff_t)b.col, b.col, 1, k);
      continue;
    }
    for (int32_t p = 0; p < k; p++)
      for (int32_t c = 0; c < NR; c++)
        panels[p * NR + c] = c < cols ? from[(ptrdiff_t)p * b.row + (ptrdiff_t)c * b.col] : 0;
  }
}

/* c [rows, cols] of an MR x NR tile, from one panel of a and one of b. */
static void tile(float *c, const float *a, const float *b, int32_t k, int32_t ldc, int32_t rows, int32_t cols,
                 bool accumulate) {
  v4 sum[MR][2];
  for (int i = 0; i < MR; i++) sum[i][0] = sum[i][1] = v4_splat(0);
  for (int32_t p = 0; p < k; p++, a += MR, b += NR) {
    v4 b0 = v4_load(b), b1 = v4_load(b + 4);
    for (int i = 0; i < MR; i++) {
      v4 ai = v4_splat(a[i]);
      sum[i][0] = v4_madd(ai, b0, sum[i][0]);
      sum[i][1] = v4_madd(ai, b1, sum[i][1]);
    }
  }
  if (rows == MR && cols == NR) {
    for (int i = 0; i < MR; i++, c += ldc) {
      v4_store(c, accumulate ? v4_add(v4_load(c), sum[i][0]) : sum[i][0]);
      v4_store(c + 4, accumulate ? v4_add(v4_load(c + 4), sum[i][1]) : sum[i][1]);
    }
    return;
  }
  float full[MR * NR];
  for (int i = 0; i < MR; i++) {
    v4_store(full + i * NR, sum[i][0]);
    v4_store(full + i * NR + 4, sum[i][1]);
  }
  for (int32_t i = 0; i < rows; i++, c += ldc)
    for (int32_t j = 0; j < cols; j++) c[j] = full[i * NR + j] + (accumulate ? c[j] : 0);
}

nl_status nl_gemm(float *c, nl_matrix a, nl_matrix b, float *work, int32_t m, int32_t n, int32_t k, int32_t ldc,
                  bool accumulate) {
  NL_CHECK(m >= 0 && n >= 0 && k >= 0 && ldc >= n, NL_SHAPE,
           "nl_gemm: sizes must be m, n, k >= 0, ldc >= n, got m=%d, n=%d, k=%d, ldc=%d", m, n, k, ldc);
  if (k == 0 && !accumulate)
    for (int32_t i = 0; i < m; i++)
      for (int32_t j = 0; j < n; j++) c[(size_t)i * ldc + j] = 0;
  float *packed_a = work, *packed_b = work + (size_t)MC * KC;
  for (int32_t j = 0; j < n; j += NC) {
    int32_t nc = at_most(NC, n - j);
    for (int32_t p = 0; p < k; p += KC) {
      int32_t kc = at_most(KC, k - p);
      pack_b(packed_b, (nl_matrix){b.data + (ptrdiff_t)p * b.row + (ptrdiff_t)j * b.col, b.row, b.col}, nc, kc);
      for (int32_t i = 0; i < m; i += MC) {
        int32_t mc = at_most(MC, m - i);
        pack_a(packed_a, (nl_matrix){a.data + (ptrdiff_t)i * a.row + (ptrdiff_t)p * a.col, a.row, a.col}, mc, kc);
        for (int32_t ir = 0; ir < mc; ir += MR)
          for (int32_t jr = 0; jr < nc; jr += NR)
            tile(c + (size_t)(i + ir) * ldc + j + jr, packed_a + (size_t)ir * kc, packed_b + (size_t)jr * kc, kc, ldc,
                 at_most(MR, mc - ir), at_most(NR, nc - jr), accumulate || p > 0);
      }
    }
  }
  return NL_OK;
}

size_t nl_matmul_work(void) { return nl_gemm_work(); }

nl_status nl_matmul(float *c, const float *a, const float *b, float *work, int32_t m, int32_t n, int32_t k) {
  return nl_gemm(c, (nl_matrix){a, k, 1}, (nl_matrix){b, n, 1}, work, m, n, k, n, false);
}

/* Twelve independent chains, as in the 6 x 8 tile, and nothing to load: what the processor can do at best. */
float nl_peak(int32_t rounds) {
  v4 sum[12], factor = v4_splat(0.999f), add = v4_splat(1e-3f);
  for (int i = 0; i < 12; i++) sum[i] = v4_splat((float)i);
  for (int32_t r = 0; r < rounds; r++)
    for (int i = 0; i < 12; i++) sum[i] = v4_madd(sum[i], factor, add);
  for (int i = 1; i < 12; i++) sum[0] = v4_add(sum[0], sum[i]);
  float lanes[4];
  v4_store(lanes, sum[0]);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}
