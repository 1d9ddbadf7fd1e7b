#include "kernels/kernels.h"
#include "kernels/moments.h"

static v4 weighted(v4 a, const float *weight, int32_t j, int32_t n) {
  return weight ? v4_mul(a, v4_load_left(weight + j, n)) : a;
}

nl_status nl_rmsnorm_forward(float *y, double *invstd, const float *x, const float *weight, int32_t m, int32_t l,
                             double eps) {
  NL_TRY(nl_check_rows("nl_rmsnorm_forward", m, l, eps));
  if (l == 0) return NL_OK;
  for (int32_t i = 0; i < m; i++, x += l, y += l) {
    invstd[i] = nl_invstd(nl_sum_of_squares(x, l) / l, eps);
    const v4 scale = v4_splat((float)invstd[i]);
    for (int32_t j = 0; j < l; j += 4)
      v4_store_left(y + j, weighted(v4_mul(v4_load_left(x + j, l - j), scale), weight, j, l - j), l - j);
  }
  return NL_OK;
}

/*
 * With xhat = x invstd, g = dy weight, and the sum over the row:
 *   dx = invstd (g - xhat Σ g xhat / L)      dweight = Σ over rows of dy xhat, summed in float64 in `work`.
 */
nl_status nl_rmsnorm_backward(float *dx, float *dweight, const float *dy, const float *x, const double *invstd,
                              const float *weight, double *work, int32_t m, int32_t l) {
  NL_TRY(nl_check_rows("nl_rmsnorm_backward", m, l, 0));
  for (int32_t j = 0; dweight && j < l; j++) work[j] = 0;
  for (int32_t i = 0; i < m; i++) {
    const float *xi = x + (size_t)i * l, *dyi = dy + (size_t)i * l;
    const v4 scale = v4_splat((float)invstd[i]);
    if (dweight) {
      int32_t j = 0;
      for (; j + 4 <= l; j += 4) {
        const v4 xhat = v4_mul(v4_load(xi + j), scale);
        d4_store(work + j, d4_madd(d4_load(work + j), v4_load(dyi + j), xhat));
      }
      for (; j < l; j++) work[j] += dyi[j] * (xi[j] * invstd[i]);
    }
    if (!dx) continue;
    d4 dots = d4_zero();
    for (int32_t j = 0; j < l; j += 4)
      dots = d4_madd(dots, weighted(v4_load_left(dyi + j, l - j), weight, j, l - j), v4_load_left(xi + j, l - j));
    const v4 b = v4_splat((float)(-invstd[i] * (invstd[i] * d4_sum(dots)) / l));
    for (int32_t j = 0; j < l; j += 4) {
      const v4 g = weighted(v4_load_left(dyi + j, l - j), weight, j, l - j),
               xhat = v4_mul(v4_load_left(xi + j, l - j), scale);
      v4_store_left(dx + (size_t)i * l + j, v4_madd(g, scale, v4_mul(xhat, b)), l - j);
    }
  }
  for (int32_t j = 0; dweight && j < l; j++) dweight[j] = (float)work[j];
  return NL_OK;
}
