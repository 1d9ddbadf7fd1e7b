#include "kernels/kernels.h"
#include "kernels/moments.h"

static v4 load_or(const float *p, int32_t i, int32_t n, float otherwise) {
  return p ? v4_load_left(p + i, n) : v4_splat(otherwise);
}

nl_status nl_layernorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t m, int32_t l, double eps) {
  NL_TRY(nl_check_rows("nl_layernorm_forward", m, l, eps));
  if (l == 0) return NL_OK;
  for (int32_t i = 0; i < m; i++, x += l, y += l) {
    double var;
    nl_moments(&mean[i], &var, x, l);
    nl_center center = nl_center_at(mean[i]);
    invstd[i] = nl_invstd(var, eps);
    if (!weight && !bias) {
      nl_normalize(y, x, center, (float)invstd[i], 0, l);
      continue;
    }
    v4 scale = v4_splat((float)invstd[i]);
    int32_t j = 0;
    if (weight && bias)
      for (; j + 4 <= l; j += 4) {
        v4 xhat = v4_mul(nl_centered(v4_load(x + j), center), scale);
        v4_store(y + j, v4_madd(xhat, v4_load(weight + j), v4_load(bias + j)));
      }
    for (; j < l; j += 4) {
      v4 xhat = v4_mul(nl_centered(v4_load_left(x + j, l - j), center), scale);
      v4_store_left(y + j, v4_madd(xhat, load_or(weight, j, l - j, 1), load_or(bias, j, l - j, 0)), l - j);
    }
  }
  return NL_OK;
}

/* Rows that share one pass over the sums of dweight and dbias. */
enum { BLOCK = 4 };

/* weight_sum, bias_sum [L] += Σ dy xhat and Σ dy over `rows` <= BLOCK rows; the products go to float64 together. */
static inline void param_sums(double *weight_sum, double *bias_sum, const float *dy, const float *x, const double *mean,
                              const double *invstd, int32_t rows, int32_t l) {
  nl_center center[BLOCK];
  v4 scale[BLOCK];
  for (int32_t r = 0; r < rows; r++) {
    center[r] = nl_center_at(mean[r]);
    scale[r] = v4_splat((float)invstd[r]);
  }
  int32_t j = 0;
  for (; j + 4 <= l; j += 4) {
    d4 biases = d4_load(bias_sum + j);
    v4 products = v4_splat(0);
    for (int32_t r = 0; r < rows; r++) {
      const size_t at = (size_t)r * l + j;
      const v4 g = v4_load(dy + at);
      products = v4_madd(g, v4_mul(nl_centered(v4_load(x + at), center[r]), scale[r]), products);
      biases = d4_add(biases, g);
    }
    d4_store(weight_sum + j, d4_add(d4_load(weight_sum + j), products));
    d4_store(bias_sum + j, biases);
  }
  for (; j < l; j++)
    for (int32_t r = 0; r < rows; r++) {
      const size_t at = (size_t)r * l + j;
      weight_sum[j] += dy[at] * ((x[at] - mean[r]) * invstd[r]);
      bias_sum[j] += dy[at];
    }
}

/* *sum = Σ g, *dot = Σ g xhat over a row, g = dy weight. Both only enter dx, so that sixteen values, four a lane, are added up
   in float32 before they go to the float64 sums. weight may be NULL. */
static inline void row_sums(double *sum, double *dot, const float *dy, const float *x, const float *weight,
                            nl_center center, float scale, int32_t l) {
  const v4 vs = v4_splat(scale);
  d4 sums = d4_zero(), dots = d4_zero();
  int32_t j = 0;
  for (; j + 16 <= l; j += 16) {
    v4 some = v4_splat(0), products = v4_splat(0);
    for (int32_t k = j; k < j + 16; k += 4) {
      const v4 g = weight ? v4_mul(v4_load(dy + k), v4_load(weight + k)) : v4_load(dy + k);
      some = v4_add(some, g);
      products = v4_madd(g, v4_mul(nl_centered(v4_load(x + k), center), vs), products);
    }
    sums = d4_add(sums, some);
    dots = d4_add(dots, products);
  }
  for (; j < l; j += 4) {
    v4 g = v4_load_left(dy + j, l - j);
    if (weight) g = v4_mul(g, v4_load_left(weight + j, l - j));
    const v4 xhat = v4_mul(nl_centered(v4_load_left(x + j, l - j), center), vs);
    sums = d4_add(sums, g);
    dots = d4_madd(dots, g, l - j < 4 ? v4_first(xhat, l - j) : xhat);
  }
  *sum = d4_sum(sums);
  *dot = d4_sum(dots);
}

/* dx = dy weight scale + xhat b + c over a row. */
static void weighted_backward(float *dx, const float *dy, const float *x, const float *weight, nl_center center,
                              float scale, float b, float c, int32_t l) {
  const v4 vs = v4_splat(scale), vb = v4_splat(b), vc = v4_splat(c);
  int32_t j = 0;
  for (; j + 4 <= l; j += 4) {
    const v4 g = v4_mul(v4_load(dy + j), v4_load(weight + j));
    const v4 xhat = v4_mul(nl_centered(v4_load(x + j), center), vs);
    v4_store(dx + j, v4_madd(g, vs, v4_madd(xhat, vb, vc)));
  }
  if (j < l) {
    const v4 g = v4_mul(v4_load_n(dy + j, l - j), v4_load_n(weight + j, l - j));
    const v4 xhat = v4_mul(nl_centered(v4_load_n(x + j, l - j), center), vs);
    v4_store_n(dx + j, v4_madd(g, vs, v4_madd(xhat, vb, vc)), l - j);
  }
}

/*
 * With xhat = (x - mean) invstd, g = dy weight, and sums over the row:
 *   dx = invstd (g - Σ g / L - xhat Σ g xhat / L)
 *   dweight = Σ over rows of dy xhat      dbias = Σ over rows of dy, both summed in float64 in `work`.
 */
nl_status nl_layernorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                                const double *mean, const double *invstd, const float *weight, double *work, int32_t m,
                                int32_t l) {
  NL_TRY(nl_check_rows("nl_layernorm_backward", m, l, 0));
  if (dweight || dbias) {
    double *weight_sum = work, *bias_sum = work + l;
    for (int32_t j = 0; j < 2 * l; j++) work[j] = 0;
    int32_t i = 0;
    for (; i + BLOCK <= m; i += BLOCK)
      param_sums(weight_sum, bias_sum, dy + (size_t)i * l, x + (size_t)i * l, mean + i, invstd + i, BLOCK, l);
    if (i < m) param_sums(weight_sum, bias_sum, dy + (size_t)i * l, x + (size_t)i * l, mean + i, invstd + i, m - i, l);
    for (int32_t j = 0; j < l; j++) {
      if (dweight) dweight[j] = (float)weight_sum[j];
      if (dbias) dbias[j] = (float)bias_sum[j];
    }
  }
  for (int32_t i = 0; dx && i < m; i++, dx += l, dy += l, x += l) {
    const nl_center center = nl_center_at(mean[i]);
    const float scale = (float)invstd[i];
    double sum, dot;
    if (weight)
      row_sums(&sum, &dot, dy, x, weight, center, scale, l);
    else
      row_sums(&sum, &dot, dy, x, NULL, center, scale, l);
    const float b = (float)(-invstd[i] * dot / l);
    const float c = (float)(-invstd[i] * sum / l);
    if (weight)
      weighted_backward(dx, dy, x, weight, center, scale, b, c, l);
    else
      nl_normalize_backward(dx, dy, x, center, scale, scale, b, c, l);
  }
  return NL_OK;
}
