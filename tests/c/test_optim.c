/* Stochastic gradient descent, step by step, as PyTorch writes it. */
#include "kernels/kernels.h"
#include "reference.h"
#include "support.h"

#include <math.h>

#define FLAT(size) size,
static const int32_t sizes[] = {
#include "kernels.inc"
};

static const nl_sgd settings[] = {
    {.lr = 0.1},
    {.lr = 0.1, .weight_decay = 0.05},
    {.lr = 0.05, .momentum = 0.9},
    {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-2},
    {.lr = 0.05, .momentum = 0.9, .dampening = 0.3},
    {.lr = 0.05, .momentum = 0.5, .dampening = 1, .weight_decay = 0.1},
    {.lr = 0.05, .momentum = 0.9, .nesterov = true},
    {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-2, .nesterov = true},
    {.lr = 0, .momentum = 0.9},
    {.lr = 1.5, .momentum = 1.1},
};

/* Each step starts from the float32 values that the one before it left. */
TEST(steps) {
  seed_data(1);
  for (int i = 0; i < COUNT_OF(sizes); i++)
    for (int s = 0; s < COUNT_OF(settings); s++) {
      const int32_t size = sizes[i];
      const nl_sgd *sgd = &settings[s];
      float *param = normals(size, 0, 1), *velocity = normals(size, 0, 100);
      for (int step = 0; step < 5; step++) {
        const float *grad = normals(size, 0, 1);
        const float *before = copy_of(velocity, size);
        const ref_step want = ref_sgd(widened(param, size), widened(velocity, size), widened(grad, size), sgd->lr,
                                      sgd->momentum, sgd->dampening, sgd->weight_decay, sgd->nesterov, step == 0, size);
        CHECK_OK(nl_sgd_step(param, velocity, grad, sgd, step == 0, size));
        check_close("param", param, want.param.value, want.param.error, size);
        check_close("velocity", velocity, want.velocity.value, want.velocity.error, size);
        if (sgd->momentum == 0) check_same("velocity is not used", velocity, before, size);
      }
    }
}

/* Two steps on one number: 1 - 0.5 * 2 = 0, then velocity 0.5 * 2 + 3 = 4. */
TEST(by_hand) {
  const nl_sgd momentum = {.lr = 0.5, .momentum = 0.5}, nesterov = {.lr = 0.5, .momentum = 0.5, .nesterov = true};
  float param = 1, velocity = NAN;
  CHECK_OK(nl_sgd_step(&param, &velocity, (float[]){2}, &momentum, true, 1));
  assert_true(param == 0 && velocity == 2);
  CHECK_OK(nl_sgd_step(&param, &velocity, (float[]){3}, &momentum, false, 1));
  assert_true(velocity == 4 && param == -2);
  param = 1;
  CHECK_OK(nl_sgd_step(&param, &velocity, (float[]){2}, &nesterov, true, 1));
  assert_true(param == -0.5f && velocity == 2);
  CHECK_OK(nl_sgd_step(&param, NULL, (float[]){2}, &(nl_sgd){.lr = 0.5}, true, 1));
  assert_true(param == -1.5f);
  check_failed(nl_sgd_step(&param, &velocity, &param, &momentum, true, -1), NL_SHAPE, "size must be >= 0, got -1");
}

/* As torch/optim/adam.py has it; each step from the float32 values that the one before it left. */
static void check_adam(const nl_adam *adam, bool amsgrad, int32_t size) {
  const double b1 = adam->betas[0], b2 = adam->betas[1], unit = 0x1p-24;
  float *param = normals(size, 0, 1), *mean = floats(size), *square = floats(size), *largest = floats(size);
  double *want[4], *error[4];
  for (int i = 0; i < 4; i++) {
    want[i] = doubles(size);
    error[i] = doubles(size);
  }
  nl_adam at = *adam;
  for (at.step = 1; at.step <= 4; at.step++) {
    /* Smaller from step to step, so that amsgrad remembers larger squares. */
    const float *grad = normals(size, 0, 1 / (at.step * at.step));
    const double rate = at.lr / (1 - pow(b1, at.step)), root = sqrt(1 - pow(b2, at.step));
    for (int32_t j = 0; j < size; j++) {
      const double decay = at.weight_decay * param[j], g = at.decoupled ? grad[j] : grad[j] + decay;
      const double p = at.decoupled ? param[j] * (1 - at.lr * at.weight_decay) : param[j];
      const double both = fabs(grad[j]) + (at.decoupled ? 0 : fabs(decay));
      const double m = b1 * mean[j] + (1 - b1) * g, s = b2 * square[j] + (1 - b2) * g * g;
      const double q = amsgrad ? fmax(s, largest[j]) : s, step = rate * m / (sqrt(q) / root + at.eps);
      error[1][j] = unit * (2 * fabs(b1 * mean[j]) + 3 * (1 - b1) * both);
      error[2][j] = unit * (2 * b2 * square[j] + 6 * (1 - b2) * both * both) + 0x1p-149;
      error[3][j] = error[2][j];
      error[0][j] = unit * (2 * fabs(p) + 6 * fabs(step)) + rate * error[1][j] / (sqrt(q) / root + at.eps) +
                    fabs(step) * error[2][j] / (2 * q + 0x1p-149);
      want[0][j] = p - step;
      want[1][j] = m;
      want[2][j] = s;
      want[3][j] = q;
    }
    CHECK_OK(nl_adam_step(param, mean, square, amsgrad ? largest : NULL, grad, &at, size));
    check_close("param", param, want[0], error[0], size);
    check_close("mean", mean, want[1], error[1], size);
    check_close("square", square, want[2], error[2], size);
    if (amsgrad) check_close("largest", largest, want[3], error[3], size);
  }
}

TEST(adam) {
  static const nl_adam adams[] = {
      {.lr = 1e-3, .betas = {0.9, 0.999}, .eps = 1e-8},
      {.lr = 0.1, .betas = {0.5, 0.9}, .eps = 0.1, .weight_decay = 0.3},
      {.lr = 0.1, .betas = {0.9, 0.99}, .eps = 1e-3, .weight_decay = 0.3, .decoupled = true},
      {.lr = 0.1, .betas = {0, 0}, .eps = 1},
      {.lr = 0, .betas = {0.9, 0.999}, .eps = 1e-8},
  };
  seed_data(3);
  for (int i = 0; i < COUNT_OF(sizes); i++)
    for (int a = 0; a < COUNT_OF(adams); a++)
      for (int amsgrad = 0; amsgrad < 2; amsgrad++) check_adam(&adams[a], amsgrad, sizes[i]);
  check_failed(nl_adam_step(NULL, NULL, NULL, NULL, NULL, &adams[0], -1), NL_SHAPE, "size must be >= 0, got -1");
}

/* In float64: squares of 1e30 do not overflow, and those of many small values are not lost beside a large one. */
TEST(sum_of_squares) {
  seed_data(2);
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    const float *x = normals(sizes[i], 0, 1e30);
    double want = 0;
    for (int32_t j = 0; j < sizes[i]; j++) want += (double)x[j] * x[j];
    check_double("sum of squares", nl_sum_of_squares(x, sizes[i]), want, 1e-12 * want);
  }
  float *x = normals(10001, 0.001, 0);
  x[0] = 1000;
  check_double("sum of squares", nl_sum_of_squares(x, 10001), 1e6 + 1e4 * (double)0.001f * 0.001f, 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(steps), CASE(by_hand), CASE(adam), CASE(sum_of_squares)};
  return cmocka_run_group_tests_name("optim", tests, NULL, NULL);
}
