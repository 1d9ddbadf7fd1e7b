#include "base/vec.h"
#include "kernels/kernels.h"

/*
 * PyTorch's order of operations (torch/optim/sgd.py, _single_tensor_sgd):
 *   g = grad + weight_decay param;  velocity = first ? g : momentum velocity + (1 - dampening) g;
 *   g = nesterov ? g + momentum velocity : velocity;  param -= lr g
 */
nl_status nl_sgd_step(float *param, float *velocity, const float *grad, const nl_sgd *sgd, bool first, int32_t size) {
  NL_CHECK(size >= 0, NL_SHAPE, "nl_sgd_step: size must be >= 0, got %d", size);
  const v4 decay = v4_splat((float)sgd->weight_decay), momentum = v4_splat((float)sgd->momentum);
  const v4 fresh = v4_splat((float)(1 - sgd->dampening)), rate = v4_splat((float)-sgd->lr);
  for (int32_t i = 0; i < size; i += 4) {
    int width = size - i < 4 ? size - i : 4;
    v4 p = v4_load_left(param + i, width);
    v4 g = v4_load_left(grad + i, width);
    if (sgd->weight_decay != 0) g = v4_madd(p, decay, g);
    if (sgd->momentum != 0) {
      v4 v = g;
      if (!first) {
        v = v4_mul(v4_load_left(velocity + i, width), momentum);
        v = v4_madd(g, fresh, v);
      }
      v4_store_left(velocity + i, v, width);
      g = sgd->nesterov ? v4_madd(v, momentum, g) : v;
    }
    p = v4_madd(g, rate, p);
    v4_store_left(param + i, p, width);
  }
  return NL_OK;
}

double nl_sum_of_squares(const float *x, int32_t size) {
  d4 sum = d4_zero();
  int32_t i = 0;
  for (; i + 4 <= size; i += 4) sum = d4_madd(sum, v4_load(x + i), v4_load(x + i));
  if (i < size) sum = d4_madd(sum, v4_load_n(x + i, size - i), v4_load_n(x + i, size - i));
  return d4_sum(sum);
}
