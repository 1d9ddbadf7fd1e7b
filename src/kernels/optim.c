#include "base/vec.h"
#include "kernels/kernels.h"

/*
 * PyTorch's order of operations (torch/optim/sgd.py, _single_tensor_sgd):
 *   g = grad + weight_decay param;  velocity = first ? g : momentum velocity + (1 - dampening) g;
 *   g = nesterov ? g + momentum velocity : velocity;  param -= lr g
 */
typedef struct {
  v4 decay, momentum, fresh, rate;
  bool decays, moves, first, nesterov;
} sgd_step;

/* The next `left` <= 4 values. */
static inline void step_four(float *param, float *velocity, const float *grad, sgd_step s, int32_t left) {
  v4 p = v4_load_left(param, left), g = v4_load_left(grad, left);
  if (s.decays) g = v4_madd(p, s.decay, g);
  if (s.moves) {
    const v4 v = s.first ? g : v4_madd(g, s.fresh, v4_mul(v4_load_left(velocity, left), s.momentum));
    v4_store_left(velocity, v, left);
    g = s.nesterov ? v4_madd(v, s.momentum, g) : v;
  }
  v4_store_left(param, v4_madd(g, s.rate, p), left);
}

nl_status nl_sgd_step(float *param, float *velocity, const float *grad, const nl_sgd *sgd, bool first, int32_t size) {
  NL_CHECK(size >= 0, NL_SHAPE, "nl_sgd_step: size must be >= 0, got %d", size);
  const sgd_step step = {.decay = v4_splat((float)sgd->weight_decay),
                         .momentum = v4_splat((float)sgd->momentum),
                         .fresh = v4_splat((float)(1 - sgd->dampening)),
                         .rate = v4_splat((float)-sgd->lr),
                         .decays = sgd->weight_decay != 0,
                         .moves = sgd->momentum != 0,
                         .first = first,
                         .nesterov = sgd->nesterov};
  int32_t i = 0;
  for (; i + 4 <= size; i += 4) step_four(param + i, step.moves ? velocity + i : NULL, grad + i, step, 4);
  if (i < size) step_four(param + i, step.moves ? velocity + i : NULL, grad + i, step, size - i);
  return NL_OK;
}

double nl_sum_of_squares(const float *x, int32_t size) {
  d4 sum = d4_zero(), other = d4_zero();
  int32_t i = 0;
  for (; i + 8 <= size; i += 8) {
    sum = d4_madd(sum, v4_load(x + i), v4_load(x + i));
    other = d4_madd(other, v4_load(x + i + 4), v4_load(x + i + 4));
  }
  if (i + 4 <= size) {
    sum = d4_madd(sum, v4_load(x + i), v4_load(x + i));
    i += 4;
  }
  if (i < size) sum = d4_madd(sum, v4_load_n(x + i, size - i), v4_load_n(x + i, size - i));
  return d4_sum(sum) + d4_sum(other);
}
