#include "kernels/kernels.h"
#include "kernels/moments.h"

static nl_status check(const char *name, int32_t m, int32_t l, double eps) {
  NL_CHECK(m >= 0 && l >= 0, NL_SHAPE, "%s: sizes must be M >= 0, L >= 0, got M=%d, L=%d", name, m, l);
  NL_CHECK(eps >= 0 && isfinite(eps), NL_ARGUMENT, "%s: eps must be finite and non-negative, got %g", name, eps);
  return NL_OK;
}

/* The four values that end at i + 4, or the n < 4 that are left. */
static v4 load_tail(const float *p, int32_t n) { return n >= 4 ? v4_load(p) : v4_load_n(p, n); }
static v4 load_or(const float *p, int32_t i, int32_t n, float otherwise) {
  return p ? load_tail(p + i, n) : v4_splat(otherwise);
}
static void store_tail(float *p, v4 a, int32_t n) {
  if (n >= 4)
    v4_store(p, a);
  else
    v4_store_n(p, a, n);
}

nl_status nl_layernorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t m, int32_t l, double eps) {
  NL_TRY(check("nl_layernorm_forward", m, l, eps));
  if (l == 0) return NL_OK;
  for (int32_t i = 0; i < m; i++, x += l, y += l) {
    mean[i] = nl_sum(x, l) / l;
    nl_center center = nl_center_at(mean[i]);
    invstd[i] = nl_invstd(nl_squared_deviation(x, center, l) / l, eps);
    if (!weight && !bias) {
      nl_normalize(y, x, center, (float)invstd[i], 0, l);
      continue;
    }
    v4 scale = v4_splat((float)invstd[i]);
    for (int32_t j = 0; j < l; j += 4) {
      v4 xhat = v4_mul(nl_centered(load_tail(x + j, l - j), center), scale);
      store_tail(y + j, v4_madd(xhat, load_or(weight, j, l - j, 1), load_or(bias, j, l - j, 0)), l - j);
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
  NL_TRY(check("nl_layernorm_backward", m, l, 0));
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
      v4 g = v4_mul(load_tail(dyi + j, l - j), load_or(weight, j, l - j, 1));
      v4 d = nl_centered(load_tail(xi + j, l - j), center);
      sums = d4_add(sums, g);
      dots = d4_madd(dots, g, l - j < 4 ? v4_first(d, l - j) : d);
    }
    double sum = d4_sum(sums), dot = d4_sum(dots);
    v4 b = v4_splat((float)(-invstd[i] * (invstd[i] * dot) / l));
    v4 c = v4_splat((float)(-invstd[i] * sum / l));
    for (int32_t j = 0; j < l; j += 4) {
      v4 g = v4_mul(load_tail(dyi + j, l - j), load_or(weight, j, l - j, 1));
      v4 xhat = v4_mul(nl_centered(load_tail(xi + j, l - j), center), scale);
      store_tail(dx + (size_t)i * l + j, v4_madd(g, scale, v4_madd(xhat, b, c)), l - j);
    }
  }
  for (int32_t j = 0; j < l; j++) {
    if (dweight) dweight[j] = (float)weight_sum[j];
    if (dbias) dbias[j] = (float)bias_sum[j];
  }
  return NL_OK;
}
