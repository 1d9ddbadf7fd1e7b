#include "base/vec.h"
#include "kernels/kernels.h"

#include <math.h>

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

/*
 * torch/optim/adam.py, _single_tensor_adam, and adamw.py:
 *   g = grad + weight_decay param, or param *= 1 - lr weight_decay
 *   mean = beta1 mean + (1 - beta1) g;  square = beta2 square + (1 - beta2) g^2;  largest = max(largest, square)
 *   param -= lr / (1 - beta1^t) mean / (sqrt(square or largest) / sqrt(1 - beta2^t) + eps)
 */
typedef struct {
  v4 shrink, decay, keep[2], fresh[2], rate, root, eps;
  bool shrinks, decays;
} adam_step;

/* The next `left` <= 4 values. */
static inline void adam_four(float *param, float *mean, float *square, float *largest, const float *grad, adam_step s,
                             int32_t left) {
  v4 p = v4_load_left(param, left), g = v4_load_left(grad, left);
  if (s.shrinks) p = v4_mul(p, s.shrink);
  if (s.decays) g = v4_madd(p, s.decay, g);
  const v4 m = v4_madd(g, s.fresh[0], v4_mul(v4_load_left(mean, left), s.keep[0]));
  v4 q = v4_madd(v4_mul(g, s.fresh[1]), g, v4_mul(v4_load_left(square, left), s.keep[1]));
  v4_store_left(mean, m, left);
  v4_store_left(square, q, left);
  if (largest) {
    q = v4_at_least(q, v4_load_left(largest, left));
    v4_store_left(largest, q, left);
  }
  const v4 under = v4_madd(v4_sqrt(q), s.root, s.eps);
  v4_store_left(param, v4_sub(p, v4_div(v4_mul(m, s.rate), under)), left);
}

nl_status nl_adam_step(float *param, float *mean, float *square, float *largest, const float *grad, const nl_adam *adam,
                       int32_t size) {
  NL_CHECK(size >= 0, NL_SHAPE, "nl_adam_step: size must be >= 0, got %d", size);
  const double first = 1 - nl_power(adam->betas[0], adam->step), second = 1 - nl_power(adam->betas[1], adam->step);
  adam_step s = {.shrink = v4_splat((float)(1 - adam->lr * adam->weight_decay)),
                 .decay = v4_splat((float)adam->weight_decay),
                 .rate = v4_splat((float)(adam->lr / first)),
                 .root = v4_splat((float)(1 / sqrt(second))),
                 .eps = v4_splat((float)adam->eps),
                 .shrinks = adam->decoupled,
                 .decays = !adam->decoupled && adam->weight_decay != 0};
  for (int i = 0; i < 2; i++) {
    s.keep[i] = v4_splat((float)adam->betas[i]);
    s.fresh[i] = v4_splat((float)(1 - adam->betas[i]));
  }
  int32_t i = 0;
  for (; i + 4 <= size; i += 4)
    adam_four(param + i, mean + i, square + i, largest ? largest + i : NULL, grad + i, s, 4);
  if (i < size) adam_four(param + i, mean + i, square + i, largest ? largest + i : NULL, grad + i, s, size - i);
  return NL_OK;
}

double nl_power(double base, double exponent) {
  double result = 1;
  for (uint64_t left = (uint64_t)exponent; left > 0; left /= 2, base *= base)
    if (left % 2) result *= base;
  return result;
}

void nl_multiply(float *x, float scale, int32_t size) {
  const v4 by = v4_splat(scale);
  for (int32_t i = 0; i < size; i += 4) v4_store_left(x + i, v4_mul(v4_load_left(x + i, size - i), by), size - i);
}

void nl_add_scaled(float *y, const float *x, float scale, int32_t size) {
  const v4 by = v4_splat(scale);
  for (int32_t i = 0; i < size; i += 4)
    v4_store_left(y + i, v4_madd(v4_load_left(x + i, size - i), by, v4_load_left(y + i, size - i)), size - i);
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
