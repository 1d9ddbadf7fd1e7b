/* The normalization kernels on data that lesser arithmetic does not survive. */
#include "kernels/kernels.h"
#include "norm_calls.h"

#include <math.h>

static float *constants(int64_t count, double value) { return normals(count, value, 0); }

/* Small against their mean, which float32 sums or E[x²] - E[x]² would not survive, and very large. */
TEST(far_from_zero) {
  static const struct {
    double mean, std;
    extent e;
  } cases[] = {
      {1e4, 1, {4, 3, 49, 3}},       {1e4, 1, {16, 5, 1, 5}},      {-1e4, 1, {2, 8, 25, 2}},
      {100, 0.01, {1, 1, 32768, 1}}, {100, 0.01, {8, 2, 4096, 1}}, {100, 0.01, {8192, 4, 1, 2}},
      {1e18, 1e15, {3, 4, 21, 2}},   {0, 1e18, {3, 4, 21, 2}},     {1e18, 1e18, {9, 7, 1, 7}},
      {1e30, 1e27, {3, 4, 21, 2}},   {0, 1e30, {3, 4, 21, 2}},     {1e30, 1e30, {9, 7, 1, 7}},
      {0, 1e37, {2, 4, 6, 2}},       {1e38, 1e38, {2, 4, 6, 2}},   {1e-3, 1e-9, {2, 3, 100, 3}},
      {1e6, 0.2, {5, 2, 31, 1}},
  };
  seed_data(1);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const int64_t size = extent_size(cases[i].e);
      norm_call k =
          norm_prepare(kernel, cases[i].e, normals(size, cases[i].mean, cases[i].std), normals(size, 0, 1), true, true);
      /* Running statistics as hard as the data. */
      for (int32_t j = 0; kernel == BATCH_EVAL && j < cases[i].e.c; j++) {
        k.given_mean[j] = (float)normal(cases[i].mean, cases[i].std);
        k.given_var[j] = (float)fmin(cases[i].std * cases[i].std * uniform(0.5, 2), 3e38);
      }
      check_norm_call(&k);
      k.eps = 0;
      check_norm_call(&k);
    }
}

/* Moments are taken about the first value, which may be the one that is like no other. */
TEST(first_value_far_away) {
  static const extent shapes[] = {{4, 3, 49, 3}, {16, 5, 1, 5}, {1, 1, 32768, 1}, {8192, 4, 1, 2}, {2, 8, 25, 2}};
  seed_data(10);
  /* With little deviation the others are all rounded alike where they are seen from far away. */
  static const double deviations[] = {1, 1e-3};
  for (int i = 0; i < COUNT_OF(shapes) * COUNT_OF(deviations); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const extent e = shapes[i / 2];
      float *x = normals(extent_size(e), 5, deviations[i % 2]);
      for (int32_t plane = 0; plane < e.c; plane++) x[plane * e.s] = plane % 2 ? -1e7f : 1e6f;
      norm_call k = norm_prepare(kernel, e, x, normals(extent_size(e), 0, 1), true, true);
      check_norm_call(&k);
    }
}

/* Gradients as large and as small as the data. */
TEST(far_gradients) {
  static const double scales[] = {1e-30, 1e-15, 1e15, 1e30};
  seed_data(2);
  for (int i = 0; i < COUNT_OF(scales); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const extent e = {3, 4, 7, 2};
      norm_call k = norm_prepare(kernel, e, normals(84, 0, 1), normals(84, 0, scales[i]), true, true);
      check_norm_call(&k);
      k.x = normals(84, 0, 1e15);
      check_norm_call(&k);
    }
}

/* Variance and eps that dwarf each other, either way. */
TEST(variance_against_eps) {
  static const struct {
    double std, eps;
  } cases[] = {{1e-8, 1e-5}, {1e-8, 1e5}, {1e-18, 1e-5}, {1e-3, 1e-20}, {1e8, 1e-12}, {1e-12, 1e-24}, {1, 1e-300}};
  seed_data(3);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const extent e = {4, 6, 5, 3};
      norm_call k = norm_prepare(kernel, e, normals(120, 0, cases[i].std), normals(120, 0, 1), true, true);
      for (int32_t j = 0; kernel == BATCH_EVAL && j < e.c; j++) k.given_var[j] = (float)(cases[i].std * cases[i].std);
      k.eps = cases[i].eps;
      check_norm_call(&k);
    }
}

/* Equal values have no deviation: y is the bias and dweight 0, to the last bit, and dx is what float64 says; with eps 0 it is 0. */
TEST(constant_rows) {
  static const double values[] = {0, 1, 0.1, -3.3e-7, 1e4, 123456.789, 1e18, 1e-40, 3.4e38};
  /* Of the last, 1 / invstd^2 - eps is not 0 but 3.4e-21: no variance all the same. */
  static const double all_eps[] = {0, 1e-5, 2e-5};
  seed_data(4);
  for (int v = 0; v < COUNT_OF(values); v++)
    for (int32_t shape = 0; shape < norm_shape_count; shape++)
      for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)
        for (int eps = 0; eps < COUNT_OF(all_eps); eps++) {
          /* Constants are nothing special to a kernel that subtracts no mean of theirs, unless they are 0. */
          if (kernel == BATCH_EVAL || (kernel == RMS && values[v] != 0)) continue;
          const int64_t size = extent_size(norm_shapes[shape]);
          norm_call k =
              norm_prepare(kernel, norm_shapes[shape], constants(size, values[v]), normals(size, 0, 1), true, true);
          k.eps = all_eps[eps];
          check_norm_call(&k);
          for (int32_t j = 0; j < k.layout.params; j++) assert_true(k.dweight[j] == 0);
          for (int64_t j = 0; k.bias && j < size; j++)
            check_same(norm_name(&k), &k.y[j], &k.bias[k.layout.param[j]], 1);
          for (int64_t j = 0; j < size; j++) assert_true(k.bias || k.y[j] == 0);
          for (int64_t j = 0; !eps && j < size; j++) assert_true(k.dx[j] == 0);
        }
}

/* One row, channel or group is constant and its neighbours are not. */
TEST(constant_among_others) {
  seed_data(5);
  for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)
    for (int eps = 0; eps < 2; eps++) {
      const extent e = {3, 4, 5, 2};
      norm_call k = norm_prepare(kernel, e, normals(60, 2, 1), normals(60, 0, 1), true, true);
      if (kernel == BATCH_EVAL) continue;
      const float value = kernel == RMS ? 0 : 0.3f;
      for (int32_t i = 0; i < 60; i++)
        if (k.layout.stat[i] == 1) k.x[i] = value;
      k.eps = eps ? 1e-5 : 0;
      check_norm_call(&k);
      for (int32_t i = 0; i < 60; i++)
        if (k.layout.stat[i] == 1) assert_true(k.y[i] == (k.bias ? k.bias[k.layout.param[i]] : 0));
    }
}

/* Running variance 0 without eps divides by 0, as IEEE does it. */
TEST(no_running_variance) {
  float x[] = {3, 1, 2}, y[3], mean[] = {2}, var[] = {0};
  double saved[2];
  CHECK_OK(nl_batchnorm_forward_eval(y, saved, saved + 1, x, mean, var, NULL, NULL, 1, 1, 3, 0, false));
  assert_true(y[0] == INFINITY && y[1] == -INFINITY && isnan(y[2]));
}

TEST(denormals) {
  static const struct {
    double mean, std, dy, eps;
  } cases[] = {
      {0, 1e-40, 1, 1e-5},     {0, 1e-44, 1e-40, 1e-5}, {3e-38, 1e-38, 1e-30, 0},
      {1e-40, 1e-41, 1, 1e-5}, {0, 1e-37, 1e-10, 0},    {1, 1, 1e-42, 1e-5},
  };
  seed_data(6);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const extent e = {4, 6, 9, 3};
      const int64_t size = extent_size(e);
      norm_call k = norm_prepare(kernel, e, normals(size, cases[i].mean, cases[i].std), normals(size, 0, cases[i].dy),
                                 true, true);
      k.eps = cases[i].eps;
      check_norm_call(&k);
    }
}

/* Enough values to be summed in float32, where their squares are too small or too large for it. */
TEST(small_and_large) {
  static const double scales[] = {1e-26, 1e-22, 1e-20, 1e-17, 1e-13, 1e13, 1e16, 1e18, 1e19, 1e20, 1e25};
  seed_data(11);
  for (int i = 0; i < COUNT_OF(scales); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      const extent e = {4, 6, 50, 3};
      const int64_t size = extent_size(e);
      norm_call k = norm_prepare(kernel, e, normals(size, scales[i] / 2, scales[i]), normals(size, 0, 1), true, true);
      k.eps = 0;
      check_norm_call(&k);
    }
}

/* ---- one bad value ---- */

/* Whether `stat` reaches the weight and bias `param` in this layout. */
static bool reaches(const ref_layout *layout, int32_t stat, int32_t param) {
  for (int32_t i = 0; i < layout->size; i++)
    if (layout->stat[i] == stat && layout->param[i] == param) return true;
  return false;
}

static void check_spoiled(norm_kernel kernel, extent e, float bad_value) {
  const int64_t size = extent_size(e);
  norm_call k = norm_prepare(kernel, e, normals(size, 0, 1), normals(size, 0, 1), true, true);
  const ref_layout *layout = &k.layout;
  CHECK_OK(norm_forward(&k));
  CHECK_OK(norm_backward(&k));
  norm_call clean = k;
  clean.y = copy_of(k.y, size);
  clean.dx = copy_of(k.dx, size);
  clean.dweight = copy_of(k.dweight, layout->params);
  clean.dbias = k.dbias ? copy_of(k.dbias, layout->params) : NULL;
  clean.invstd = doubles(layout->stats);
  for (int32_t j = 0; j < layout->stats; j++) clean.invstd[j] = k.invstd[j];
  const int32_t bad = integer(0, (int32_t)size - 1), stat = layout->stat[bad];
  k.x[bad] = bad_value;
  CHECK_OK(norm_forward(&k));
  CHECK_OK(norm_backward(&k));
  for (int64_t j = 0; j < size; j++) {
    const bool hit = kernel == BATCH_EVAL ? j == bad : layout->stat[j] == stat;
    if (!hit) check_same("y elsewhere", &k.y[j], &clean.y[j], 1);
    /* With given statistics dx does not depend on x at all. */
    if (!hit || kernel == BATCH_EVAL) check_same("dx elsewhere", &k.dx[j], &clean.dx[j], 1);
    if (hit && kernel == BATCH_EVAL) assert_false(isfinite(k.y[j]));
    if (hit && kernel != BATCH_EVAL && (j == bad || isnan(bad_value))) assert_true(isnan(k.y[j]));
    if (hit && kernel != BATCH_EVAL && isnan(bad_value)) assert_true(isnan(k.dx[j]));
  }
  for (int32_t j = 0; j < layout->stats; j++)
    if (kernel == BATCH_EVAL || j != stat) assert_true(k.invstd[j] == clean.invstd[j]);
  for (int32_t p = 0; p < layout->params; p++) {
    if (!reaches(layout, stat, p)) check_same("dweight elsewhere", &k.dweight[p], &clean.dweight[p], 1);
    if (k.dbias) check_same("dbias, which x does not enter", &k.dbias[p], &clean.dbias[p], 1);
  }
}

/* It makes its own statistic useless and touches no other, to the last bit. */
TEST(not_a_number_stays) {
  seed_data(7);
  for (int32_t shape = 0; shape < norm_shape_count; shape++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      check_spoiled(kernel, norm_shapes[shape], NAN);
      check_spoiled(kernel, norm_shapes[shape], INFINITY);
      check_spoiled(kernel, norm_shapes[shape], -INFINITY);
    }
}

TEST(not_a_number_stays_in_running_statistics) {
  seed_data(8);
  enum { N = 3, C = 5, S = 6 };
  for (int instance = 0; instance < 2; instance++)
    for (int32_t s = 1 + instance; s <= S; s += S - 1 - instance) {
      float *x = normals(N * C * s, 0, 1), *y = floats(N * C * s);
      double *saved = doubles(2 * N * C);
      float mean[2][C] = {{0}}, var[2][C] = {{0}};
      for (int spoiled = 0; spoiled < 2; spoiled++) {
        if (spoiled) x[(C + 2) * s] = NAN; /* sample 1, channel 2 */
        if (instance)
          CHECK_OK(nl_instancenorm_forward(y, saved, saved + N * C, mean[spoiled], var[spoiled], x, NULL, NULL, N, C, s,
                                           1e-5, 0.1, false));
        else
          CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + C, mean[spoiled], var[spoiled], x, NULL, NULL, N, C, s,
                                              1e-5, 0.1, true, false));
      }
      for (int32_t j = 0; j < C; j++) {
        if (j == 2) {
          assert_true(isnan(mean[1][j]) && isnan(var[1][j]));
        } else {
          check_same("running_mean elsewhere", &mean[1][j], &mean[0][j], 1);
          check_same("running_var elsewhere", &var[1][j], &var[0][j], 1);
        }
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(far_from_zero),
      CASE(first_value_far_away),
      CASE(far_gradients),
      CASE(variance_against_eps),
      CASE(constant_rows),
      CASE(constant_among_others),
      CASE(no_running_variance),
      CASE(denormals),
      CASE(small_and_large),
      CASE(not_a_number_stays),
      CASE(not_a_number_stays_in_running_statistics),
  };
  return cmocka_run_group_tests_name("norm kernels on hard data", tests, NULL, NULL);
}
