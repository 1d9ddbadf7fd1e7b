#include "kernels/gradients.h"

void nl_gradient_sums_careful(double *sum, double *dot, const float *dy, const float *y, const float *x, float high,
                              float scale, float shift, int32_t n) {
  nl_gradient_sums_of(sum, dot, dy, y, x, nl_splat((nl_affine){high, scale, shift}), false, n);
}

void nl_normalize_backward_careful(float *dx, const float *dy, const float *y, const float *x, float high, float scale,
                                   float shift, float a, float b, float c, int32_t n) {
  nl_normalize_backward_of(dx, dy, y, x, (nl_affine){high, scale, shift}, a, b, c, false, n);
}
