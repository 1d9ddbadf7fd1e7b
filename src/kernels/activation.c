#include "base/vec.h"
#include "kernels/kernels.h"

#include <math.h>

static nl_status check(const char *name, int32_t size) {
  NL_CHECK(size >= 0, NL_SHAPE, "%s: size must be >= 0, got %d", name, size);
  return NL_OK;
}

static float normal_cdf(float x) { return (float)(0.5 * erfc(-x * 0.70710678118654752440)); }
static float normal_pdf(float x) { return (float)(0.39894228040143267794 * exp(-0.5 * (double)x * x)); }

nl_status nl_activation_forward(float *y, const float *x, nl_activation kind, int32_t size) {
  NL_TRY(check("nl_activation_forward", size));
  int32_t i = 0;
  switch (kind) {
  case NL_RELU:
    for (; i + 4 <= size; i += 4) v4_store(y + i, v4_at_least(v4_load(x + i), v4_splat(0)));
    if (i < size) v4_store_n(y + i, v4_at_least(v4_load_n(x + i, size - i), v4_splat(0)), size - i);
    break;
  case NL_GELU:
    for (; i < size; i++) y[i] = x[i] * normal_cdf(x[i]);
    break;
  case NL_SIGMOID:
    for (; i < size; i++) y[i] = 1 / (1 + expf(-x[i]));
    break;
  case NL_TANH:
    for (; i < size; i++) y[i] = tanhf(x[i]);
    break;
  }
  return NL_OK;
}

nl_status nl_activation_backward(float *dx, const float *dy, const float *x, const float *y, nl_activation kind,
                                 int32_t size) {
  NL_TRY(check("nl_activation_backward", size));
  int32_t i = 0;
  switch (kind) {
  case NL_RELU:
    for (; i + 4 <= size; i += 4) v4_store(dx + i, v4_where_positive(v4_load(y + i), v4_load(dy + i)));
    for (; i < size; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
    break;
  case NL_GELU:
    for (; i < size; i++) dx[i] = dy[i] * (normal_cdf(x[i]) + x[i] * normal_pdf(x[i]));
    break;
  case NL_SIGMOID:
    for (; i < size; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
    break;
  case NL_TANH:
    for (; i < size; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
    break;
  }
  return NL_OK;
}

nl_status nl_add(float *y, const float *a, const float *b, int32_t size) {
  NL_TRY(check("nl_add", size));
  int32_t i = 0;
  for (; i + 4 <= size; i += 4) v4_store(y + i, v4_add(v4_load(a + i), v4_load(b + i)));
  for (; i < size; i++) y[i] = a[i] + b[i];
  return NL_OK;
}
