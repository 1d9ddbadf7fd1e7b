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

/*
 * With xhat = (x - mean) invstd, g = dy weight, and sums over the row:
 *   dx = invstd (g - Σ g / L - xhat Σ g xhat / L)
 *   dweight = Σ over rows of dy xhat      dbias = Σ over rows of dy, both summed in float64 in `work`.
 */
nl_status nl_layernorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                                const double *mean, const double *invstd, const float *weight, double *work, int32_t m,
                                int32_t l) {
  NL_TRY(nl_check_rows("nl_layernorm_backward", m, l, 0));
  const bool params = dweight || dbias;
  double *weight_sum = work, *bias_sum = work + l;
  for (int32_t j = 0; params && j < 2 * l; j++) work[j] = 0;
  for (int32_t i = 0; i < m; i++) {
    const float *xi = x + (size_t)i * l, *dyi = dy + (size_t)i * l;
    nl_center center = nl_center_at(mean[i]);
    v4 scale = v4_splat((float)invstd[i]);
    if (params) {
      int32_t j = 0;
      for (; j + 4 <= l; j += 4) {
        v4 g = v4_load(dyi + j), xhat = v4_mul(nl_centered(v4_load(xi + j), center), scale);
        d4_store(weight_sum + j, d4_madd(d4_load(weight_sum + j), g, xhat));
        d4_store(bias_sum + j, d4_add(d4_load(bias_sum + j), g));
      }
      for (; j < l; j++) {
        weight_sum[j] += dyi[j] * ((xi[j] - mean[i]) * invstd[i]);
        bias_sum[j] += dyi[j];
      }
    }
    if (!dx) continue;
    d4 sums = d4_zero(), dots = d4_zero();
    for (int32_t j = 0; j < l; j += 4) {
      v4 g = v4_mul(v4_load_left(dyi + j, l - j), load_or(weight, j, l - j, 1));
      v4 d = nl_centered(v4_load_left(xi + j, l - j), center);
      sums = d4_add(sums, g);
      dots = d4_madd(dots, g, l - j < 4 ? v4_first(d, l - j) : d);
    }
    double sum = d4_sum(sums), dot = d4_sum(dots);
    v4 b = v4_splat((float)(-invstd[i] * (invstd[i] * dot) / l));
    v4 c = v4_splat((float)(-invstd[i] * sum / l));
    for (int32_t j = 0; j < l; j += 4) {
      v4 g = v4_mul(v4_load_left(dyi + j, l - j), load_or(weight, j, l - j, 1));
      v4 xhat = v4_mul(nl_centered(v4_load_left(xi + j, l - j), center), scale);
      v4_store_left(dx + (size_t)i * l + j, v4_madd(g, scale, v4_madd(xhat, b, c)), l - j);
    }
  }
  for (int32_t j = 0; j < l; j++) {
    if (dweight) dweight[j] = (float)weight_sum[j];
    if (dbias) dbias[j] = (float)bias_sum[j];
  }
  return NL_OK;
}
