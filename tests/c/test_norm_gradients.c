/*
 * The gradients of the normalization kernels against finite differences of the float64 forward: no formula of a backward
 * pass, the references' included, is trusted here.
 */
#include "norm_calls.h"

#include <math.h>

enum { ALL_COORDINATES = 150, DIRECTIONS = 4 };

/* Σ dy y as a function of x, weight and bias, all in float64. */
typedef struct {
  ref_layout layout;
  double *x, *weight, *bias, *dy, *given_mean, *given_var;
  double eps;
} problem;

static double objective(void *context) {
  const problem *p = context;
  const ref_norm f = ref_norm_forward(&p->layout, p->x, p->weight, p->bias, p->given_mean, p->given_var, p->eps);
  double sum = 0;
  for (int32_t i = 0; i < p->layout.size; i++) sum += p->dy[i] * f.y.value[i];
  return sum;
}

/*
 * Σ got direction against the slope of the objective along `direction` from `at`, which is p's x, weight or bias. Beside
 * 8 predicted errors of each component, the differences have their own: the fourth order's, and float64's rounding of Σ|dy y|
 * divided by the step. Both are below 1e-9 of the terms here, which is a 60th of float32's rounding.
 */
static void check_slope(const char *what, problem *p, double *at, const double *direction, const float *got,
                        const double *error, int32_t size) {
  double sum = 0, allowed = 0;
  for (int32_t i = 0; i < size; i++) {
    sum += got[i] * direction[i];
    allowed += (8 * error[i] + 1e-9 * (1 + fabs((double)got[i]))) * fabs(direction[i]);
  }
  check_double(what, sum, ref_slope(objective, p, at, direction, size, 1e-4), allowed);
}

static void check_gradient(const char *what, problem *p, double *at, const float *got, const ref *predicted) {
  const int32_t size = predicted->size;
  const void *before = mark();
  double *direction = doubles(size);
  for (int32_t i = 0; size <= ALL_COORDINATES && i < size; i++) {
    direction[i] = 1;
    check_slope(what, p, at, direction, got, predicted->error, size);
    direction[i] = 0;
  }
  for (int i = 0; size > ALL_COORDINATES && i < DIRECTIONS; i++) {
    for (int32_t j = 0; j < size; j++) direction[j] = uniform(-1, 1);
    check_slope(what, p, at, direction, got, predicted->error, size);
  }
  release_since(before);
}

/* As float64 values: those of a call, or 1 and 0 where it has none. */
static double *or_all(const float *values, double otherwise, int32_t size) {
  double *wide = doubles(size);
  for (int32_t i = 0; i < size; i++) wide[i] = values ? values[i] : otherwise;
  return wide;
}

static void check_gradients(norm_call *k) {
  const int32_t size = k->layout.size, stats = k->layout.stats, params = k->layout.params;
  problem p = {k->layout,
               widened(k->x, size),
               or_all(k->weight, 1, params),
               or_all(k->bias, 0, params),
               widened(k->dy, size),
               widened(k->given_mean, stats),
               widened(k->given_var, stats),
               k->eps};
  CHECK_OK(norm_forward(k));
  CHECK_OK(norm_backward(k));
  /* Of the float64 backward, the predicted rounding errors alone are used. */
  const ref_gradient g = ref_norm_backward(&p.layout, p.dy, p.x, p.weight, p.given_mean, p.given_var, p.eps);
  check_gradient(norm_name(k), &p, p.x, k->dx, &g.dx);
  check_gradient(norm_name(k), &p, p.weight, k->dweight, &g.dweight);
  if (k->dbias) check_gradient(norm_name(k), &p, p.bias, k->dbias, &g.dbias);
}

TEST(all_shapes) {
  seed_data(1);
  for (int32_t shape = 0; shape < norm_shape_count; shape++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)
      for (int affine = 0; affine < 2; affine++) {
        const void *before = mark();
        const int64_t size = extent_size(norm_shapes[shape]);
        norm_call k =
            norm_prepare(kernel, norm_shapes[shape], normals(size, 0.5, 2), normals(size, 0.1, 1), affine, affine);
        check_gradients(&k);
        release_since(before);
      }
}

/* Where eps is most of what the root is taken of, none of it, or all of it. */
TEST(eps) {
  static const double values[] = {0, 0.1, 100};
  seed_data(2);
  for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)
    for (int i = 0; i < COUNT_OF(values); i++) {
      norm_call k = norm_prepare(kernel, (extent){3, 4, 5, 2}, normals(60, 1, 1), normals(60, 0, 1), true, true);
      k.eps = values[i];
      check_gradients(&k);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(all_shapes), CASE(eps)};
  return cmocka_run_group_tests_name("norm gradients", tests, NULL, NULL);
}
