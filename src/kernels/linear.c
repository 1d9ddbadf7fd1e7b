#include "base/vec.h"
#include "kernels/planes.h"

static nl_status check(const char *name, int32_t n, int32_t i, int32_t o) {
  NL_CHECK(n >= 0 && i >= 1 && o >= 1, NL_SHAPE, "%s: sizes must be N >= 0, I >= 1, O >= 1, got N=%d, I=%d, O=%d", name,
           n, i, o);
  return NL_OK;
}

nl_status nl_linear_forward(float *y, const float *x, const float *weight, nl_after after, float *work, int32_t n,
                            int32_t i, int32_t o) {
  NL_TRY(check("nl_linear_forward", n, i, o));
  NL_TRY(nl_gemm(y, (nl_matrix){x, i, 1}, (nl_matrix){weight, 1, i}, work, n, o, i, o, false));
  if (!after.scale && !after.shift && !after.relu) return NL_OK;
  for (int32_t row = 0; row < n; row++, y += o)
    for (int32_t j = 0; j < o; j += 4) {
      const int32_t left = o - j;
      const nl_after4 four = {after.scale ? v4_load_left(after.scale + j, left) : v4_splat(1),
                              after.shift ? v4_load_left(after.shift + j, left) : v4_splat(0), nl_floor_of(after)};
      v4_store_left(y + j, nl_follow(v4_load_left(y + j, left), four), left);
    }
  return NL_OK;
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
