#include "base/vec.h"
#include "kernels/kernels.h"

static nl_status check(const char *name, int32_t n, int32_t i, int32_t o) {
  NL_CHECK(n >= 0 && i >= 1 && o >= 1, NL_SHAPE, "%s: sizes must be N >= 0, I >= 1, O >= 1, got N=%d, I=%d, O=%d", name,
           n, i, o);
  return NL_OK;
}

nl_status nl_linear_forward(float *y, const float *x, const float *weight, const float *bias, float *work, int32_t n,
                            int32_t i, int32_t o) {
  NL_TRY(check("nl_linear_forward", n, i, o));
  if (bias)
    for (int32_t row = 0; row < n; row++)
      for (int32_t j = 0; j < o; j++) y[(size_t)row * o + j] = bias[j];
  return nl_gemm(y, (nl_matrix){x, i, 1}, (nl_matrix){weight, 1, i}, work, n, o, i, o, bias != NULL);
}

nl_status nl_linear_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                             const float *weight, float *work, int32_t n, int32_t i, int32_t o) {
  NL_TRY(check("nl_linear_backward", n, i, o));
  if (dbias) {
    for (int32_t j = 0; j < o; j += 4) {
      d4 sum = d4_zero();
      int width = o - j < 4 ? o - j : 4;
      for (int32_t row = 0; row < n; row++) {
        const float *at = dy + (size_t)row * o + j;
        sum = d4_add(sum, v4_load_left(at, width));
      }
      for (int k = 0; k < width; k++) dbias[j + k] = (float)d4_get(sum, k);
    }
  }
  if (dweight) NL_TRY(nl_gemm(dweight, (nl_matrix){dy, 1, o}, (nl_matrix){x, i, 1}, work, o, i, n, i, false));
  if (dx) NL_TRY(nl_gemm(dx, (nl_matrix){dy, o, 1}, (nl_matrix){weight, i, 1}, work, n, i, o, i, false));
  return NL_OK;
}
