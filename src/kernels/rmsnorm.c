#include "kernels/kernels.h"
#include "kernels/moments.h"
#include "kernels/rows.h"

/* Over a row [L]; weight may be NULL. */
NL_INLINE void apply(float *y, const float *x, v4 scale, const float *weight, bool relu, int32_t l) {
  int32_t j = 0;
  for (; j + 4 <= l; j += 4) {
    const v4 xhat = v4_mul(v4_load(x + j), scale);
    v4_store(y + j, nl_relu_if(relu, weight ? v4_mul(xhat, v4_load(weight + j)) : xhat));
  }
  if (j < l) {
    const v4 xhat = v4_mul(v4_load_n(x + j, l - j), scale);
    v4_store_n(y + j, nl_relu_if(relu, weight ? v4_mul(xhat, v4_load_n(weight + j, l - j)) : xhat), l - j);
  }
}

nl_status nl_rmsnorm_forward(float *y, double *invstd, const float *x, const float *weight, int32_t m, int32_t l,
                             double eps, bool relu) {
  NL_TRY(nl_check_rows("nl_rmsnorm_forward", m, l, eps));
  if (l == 0) return NL_OK;
  for (int32_t i = 0; i < m; i++, x += l, y += l) {
    invstd[i] = nl_invstd(nl_mean_square(x, l), eps);
    const v4 scale = v4_splat((float)invstd[i]);
    if (relu)
      apply(y, x, scale, weight, true, l);
    else
      apply(y, x, scale, weight, false, l);
  }
  return NL_OK;
}

nl_status nl_rmsnorm_backward(float *dx, float *dweight, const float *dy, const float *y, const float *x,
                              const double *invstd, const float *weight, double *work, int32_t m, int32_t l) {
  NL_TRY(nl_check_rows("nl_rmsnorm_backward", m, l, 0));
  nl_rows_backward(dx, dweight, NULL, dy, y, x, NULL, invstd, weight, work, m, l, 0);
  return NL_OK;
}
