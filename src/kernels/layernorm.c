#include "kernels/kernels.h"
#include "kernels/moments.h"
#include "kernels/rows.h"

static v4 load_or(const float *p, int32_t i, int32_t n, float otherwise) {
  return p ? v4_load_left(p + i, n) : v4_splat(otherwise);
}

/* y = hat x weight + bias, of which one may be NULL, over a row [L]. */
NL_INLINE void apply(float *y, const float *x, nl_affine4 hat, const float *weight, const float *bias, bool relu,
                     int32_t l) {
  int32_t j = 0;
  if (weight && bias)
    for (; j + 4 <= l; j += 4) {
      const v4 xhat = nl_apply(v4_load(x + j), hat);
      v4_store(y + j, nl_relu_if(relu, v4_madd(xhat, v4_load(weight + j), v4_load(bias + j))));
    }
  for (; j < l; j += 4) {
    const v4 xhat = nl_apply(v4_load_left(x + j, l - j), hat);
    const v4 yj = v4_madd(xhat, load_or(weight, j, l - j, 1), load_or(bias, j, l - j, 0));
    v4_store_left(y + j, nl_relu_if(relu, yj), l - j);
  }
}

nl_status nl_layernorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t m, int32_t l, double eps, bool relu) {
  NL_TRY(nl_check_rows("nl_layernorm_forward", m, l, eps));
  if (l == 0) return NL_OK;
  for (int32_t i = 0; i < m; i++, x += l, y += l) {
    double var;
    nl_moments(&mean[i], &var, x, l);
    invstd[i] = nl_invstd(var, eps);
    const nl_affine hat = nl_affine_of(mean[i], invstd[i], 0);
    if (!weight && !bias)
      nl_normalize(y, x, hat, relu, l);
    else if (relu)
      apply(y, x, nl_splat(hat), weight, bias, true, l);
    else
      apply(y, x, nl_splat(hat), weight, bias, false, l);
  }
  return NL_OK;
}

nl_status nl_layernorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t m, int32_t l, double eps) {
  NL_TRY(nl_check_rows("nl_layernorm_backward", m, l, eps));
  nl_rows_backward(dx, dweight, dbias, dy, y, x, mean, invstd, weight, work, m, l, eps);
  return NL_OK;
}
