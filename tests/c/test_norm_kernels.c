/* Every normalization kernel on ordinary data of every shape, forward and backward, against float64; and its contract. */
#include "kernels/kernels.h"
#include "norm_calls.h"

#include <math.h>
#include <string.h>

/* Runs the block for each shape and kernel; inside: `e`, `size` and `kernel`. */
#define EACH_CALL                                            \
  for (int32_t shape = 0; shape < norm_shape_count; shape++) \
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)

TEST(all_shapes) {
  seed_data(1);
  EACH_CALL {
    const extent e = norm_shapes[shape];
    for (int affine = 0; affine < 4; affine++) {
      const int64_t size = extent_size(e);
      norm_call k = norm_prepare(kernel, e, normals(size, 0.5, 2), normals(size, 0.1, 1), affine & 1, affine & 2);
      check_norm_call(&k);
    }
  }
}

/* The shapes that are timed are right too. They are large: what one kernel took is given back before the next. */
TEST(timed_shapes) {
  seed_data(2);
  for (int32_t shape = 0; shape < timed_norm_shape_count; shape++) {
    const int64_t size = extent_size(timed_norm_shapes[shape]);
    float *x = normals(size, 0.5, 2), *dy = normals(size, 0.1, 1);
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      /* Rows are timed for these two. */
      if (timed_norm_shapes[shape].s == 1 && kernel != LAYER && kernel != RMS) continue;
      const void *before = mark();
      norm_call k = norm_prepare(kernel, timed_norm_shapes[shape], x, dy, true, true);
      check_norm_call(&k);
      release_since(before);
    }
  }
}

TEST(eps_is_inside_the_root) {
  static const double values[] = {0, 0.5, 100};
  seed_data(3);
  for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++)
    for (int i = 0; i < COUNT_OF(values); i++) {
      const extent e = {3, 4, 5, 2};
      norm_call k = norm_prepare(kernel, e, normals(60, 0, 0.1), normals(60, 0, 1), true, true);
      k.eps = values[i];
      check_norm_call(&k);
    }
}

/* y = x takes the value in place of the copy, with the same bits. */
TEST(in_place) {
  seed_data(4);
  EACH_CALL {
    const int64_t size = extent_size(norm_shapes[shape]);
    norm_call k = norm_prepare(kernel, norm_shapes[shape], normals(size, 1, 1), NULL, true, true);
    CHECK_OK(norm_forward(&k));
    const float *apart = k.y;
    k.y = k.x;
    CHECK_OK(norm_forward(&k));
    check_same(norm_name(&k), k.x, apart, size);
  }
}

/* A relu that comes along is the relu after, forward and backward, with the same bits. */
TEST(relu_along) {
  seed_data(7);
  EACH_CALL
  for (int affine = 0; affine < 2; affine++) {
    const int64_t size = extent_size(norm_shapes[shape]);
    float *const x = normals(size, 0.5, 2), *const dy = normals(size, 0.1, 1);
    norm_call apart = norm_prepare(kernel, norm_shapes[shape], x, dy, affine, affine);
    CHECK_OK(norm_forward(&apart));
    norm_call along = apart;
    along.relu = true;
    along.y = floats(size);
    CHECK_OK(norm_forward(&along));
    float *y = floats(size);
    apart.dy = floats(size);
    CHECK_OK(nl_activation_forward(y, apart.y, NL_RELU, (int32_t)size));
    check_same(norm_name(&along), along.y, y, size);
    CHECK_OK(nl_activation_backward(apart.dy, dy, apart.y, y, NL_RELU, (int32_t)size));
    CHECK_OK(norm_backward(&apart));
    for (int parts = 0; parts < 2; parts++) {
      along.dx = floats(size);
      along.dweight = parts ? NULL : floats(along.layout.params);
      if (along.dbias) along.dbias = parts ? NULL : floats(along.layout.params);
      CHECK_OK(norm_backward(&along));
      check_same(norm_name(&along), along.dx, apart.dx, size);
      if (along.dweight) check_same(norm_name(&along), along.dweight, apart.dweight, along.layout.params);
      if (along.dbias) check_same(norm_name(&along), along.dbias, apart.dbias, along.layout.params);
    }
  }
}

/* Whoever wants only some of the gradients gets the same bits, and gives work only where sums over samples are wanted. */
TEST(outputs_may_be_left_out) {
  seed_data(5);
  EACH_CALL {
    const int64_t size = extent_size(norm_shapes[shape]);
    norm_call k = norm_prepare(kernel, norm_shapes[shape], normals(size, 0, 1), normals(size, 0, 1), true, false);
    CHECK_OK(norm_forward(&k));
    CHECK_OK(norm_backward(&k));
    for (int wanted = 0; wanted < 8; wanted++) {
      norm_call part = k;
      part.dx = wanted & 1 ? floats(size) : NULL;
      part.dweight = wanted & 2 ? floats(k.layout.params) : NULL;
      part.dbias = wanted & 4 && k.dbias ? floats(k.layout.params) : NULL;
      const bool batch = kernel == BATCH || kernel == BATCH_EVAL;
      if (!part.dweight && !part.dbias && !batch) part.work = NULL;
      CHECK_OK(norm_backward(&part));
      if (part.dx) check_same("dx", part.dx, k.dx, size);
      if (part.dweight) check_same("dweight", part.dweight, k.dweight, k.layout.params);
      if (part.dbias) check_same("dbias", part.dbias, k.dbias, k.layout.params);
    }
  }
}

/* ---- running statistics ---- */

/* What `kernel`, BATCH or INSTANCE, does to running statistics, with which x is normalized as without. */
static void check_running(norm_kernel kernel, extent e, double momentum, bool unbiased) {
  norm_call k = norm_prepare(kernel, e, normals(extent_size(e), 3, 2), NULL, true, true);
  CHECK_OK(norm_forward(&k));
  const float *y = copy_of(k.y, k.layout.size);
  float *mean = normals(e.c, 1, 1), *var = normals(e.c, 2, 0.3);
  const double *old_mean = widened(mean, e.c), *old_var = widened(var, e.c);
  if (kernel == BATCH)
    CHECK_OK(nl_batchnorm_forward_train(k.y, k.mean, k.invstd, mean, var, k.x, k.weight, k.bias, e.n, e.c, e.s, k.eps,
                                        momentum, unbiased, false));
  else
    CHECK_OK(nl_instancenorm_forward(k.y, k.mean, k.invstd, mean, var, k.x, k.weight, k.bias, e.n, e.c, e.s, k.eps,
                                     momentum, false));
  check_same("y does not depend on running statistics", k.y, y, k.layout.size);
  const ref_norm f = ref_norm_forward(&k.layout, widened(k.x, k.layout.size), NULL, NULL, NULL, NULL, k.eps);
  const ref_target target = kernel == BATCH ? ref_batch_target(&f, unbiased) : ref_instance_target(&f, e.n, e.c);
  const ref want_mean = ref_moved(old_mean, target.mean, momentum, e.c);
  const ref want_var = ref_moved(old_var, target.var, momentum, e.c);
  check_close("running_mean", mean, want_mean.value, want_mean.error, e.c);
  check_close("running_var", var, want_var.value, want_var.error, e.c);
}

TEST(running_statistics) {
  static const double momenta[] = {0, 0.1, 0.25, 1, -0.5, 1.5};
  seed_data(6);
  for (int32_t shape = 0; shape < norm_shape_count; shape++)
    for (int m = 0; m < COUNT_OF(momenta); m++) {
      const extent e = norm_shapes[shape];
      if (e.n * e.s > 1) check_running(BATCH, e, momenta[m], true);
      if (e.n * e.s > 1) check_running(BATCH, e, momenta[m], false);
      if (e.s > 1) check_running(INSTANCE, e, momenta[m], true);
    }
}

/* Two values a channel show the divisor best: 1 and 3 have variance 1 or 2. */
TEST(running_variance_by_hand) {
  float mean = 0, var = 0, y[4];
  double saved[4];
  const float x[] = {1, 3, 4, 8};
  CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + 1, &mean, &var, x, NULL, NULL, 2, 1, 1, 0, 1, true, false));
  assert_true(mean == 2 && var == 2 && y[0] == -1 && y[1] == 1 && saved[0] == 2 && saved[1] == 1);
  CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + 1, &mean, &var, x, NULL, NULL, 1, 1, 2, 0, 0.5, false, false));
  assert_true(mean == 2 && var == 1.5f);
  /* Two instances: means 2 and 6, unbiased variances 2 and 8. */
  CHECK_OK(nl_instancenorm_forward(y, saved, saved + 2, &mean, &var, x, NULL, NULL, 2, 1, 2, 0, 0.5, false));
  assert_true(mean == 3 && var == 3.25f && y[0] == -1 && y[3] == 1);
  assert_true(saved[0] == 2 && saved[1] == 6 && saved[2] == 1 && saved[3] == 0.5);
}

/* ---- nothing, and nonsense ---- */

TEST(no_values) {
  static const extent none[] = {{0, 4, 3, 2}, {0, 5, 1, 5}, {3, 4, 0, 2}, {0, 2, 0, 1}};
  for (int i = 0; i < COUNT_OF(none); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      norm_call k = norm_prepare(kernel, none[i], floats(0), floats(0), true, true);
      for (int32_t j = 0; j < k.layout.params; j++) k.dweight[j] = 7;
      for (int32_t j = 0; k.dbias && j < k.layout.params; j++) k.dbias[j] = 7;
      CHECK_OK(norm_forward(&k));
      CHECK_OK(norm_backward(&k));
      check_all("dweight of nothing", k.dweight, 0, k.layout.params);
      if (k.dbias) check_all("dbias of nothing", k.dbias, 0, k.layout.params);
    }
  for (int32_t n = 0; n < 3; n += 2) {
    float mean[] = {1, 2}, var[] = {3, 4}, *y = floats(0);
    double *saved = doubles(2 * 2 * 2);
    const int32_t s = n == 0 ? 3 : 0;
    CHECK_OK(
        nl_batchnorm_forward_train(y, saved, saved + 4, mean, var, y, NULL, NULL, n, 2, s, 1e-5, 0.1, true, false));
    CHECK_OK(nl_instancenorm_forward(y, saved, saved + 4, mean, var, y, NULL, NULL, n, 2, s, 1e-5, 0.1, false));
    assert_true(mean[0] == 1 && mean[1] == 2 && var[0] == 3 && var[1] == 4);
  }
}

TEST(bad_arguments) {
  static const struct {
    extent e;
    double eps;
    nl_status status;
    const char *words;
  } cases[] = {
      {{-1, 2, 2, 1}, 1e-5, NL_SHAPE, "=-1"},
      {{2, 2, -1, 1}, 1e-5, NL_SHAPE, "=-"},
      {{2, 2, 2, 1}, -1e-5, NL_ARGUMENT, "eps must be finite and non-negative, got -0.00001"},
      {{2, 2, 2, 1}, (double)NAN, NL_ARGUMENT, "eps must be finite and non-negative, got nan"},
      {{2, 2, 2, 1}, (double)INFINITY, NL_ARGUMENT, "eps must be finite and non-negative, got inf"},
  };
  seed_data(7);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (norm_kernel kernel = 0; kernel < NORM_KERNELS; kernel++) {
      norm_call k = norm_prepare(kernel, (extent){2, 2, 2, 1}, normals(8, 0, 1), normals(8, 0, 1), true, true);
      k.e = cases[i].e;
      k.eps = cases[i].eps;
      check_failed(norm_forward(&k), cases[i].status, cases[i].words);
      if (cases[i].status == NL_SHAPE) check_failed(norm_backward(&k), NL_SHAPE, cases[i].words);
      check_all("y is as it was", k.y, 0, 8);
      check_all("dx is as it was", k.dx, 0, 8);
      k.e = (extent){2, 2, 2, 1};
      k.eps = 1e-5;
      check_norm_call(&k);
    }
  static const norm_kernel with_channels[] = {BATCH, BATCH_EVAL, GROUP, INSTANCE};
  for (int i = 0; i < COUNT_OF(with_channels); i++) {
    norm_call k = norm_prepare(with_channels[i], (extent){2, 2, 2, 1}, normals(8, 0, 1), normals(8, 0, 1), true, true);
    k.e.c = 0;
    check_failed(norm_forward(&k), NL_SHAPE, "C >= 1");
    check_failed(norm_backward(&k), NL_SHAPE, "C=0");
  }
  norm_call k = norm_prepare(GROUP, (extent){2, 6, 2, 1}, normals(24, 0, 1), normals(24, 0, 1), true, true);
  for (int32_t g = -1; g < 8; g++) {
    k.e.g = g;
    if (g > 0 && 6 % g == 0) continue;
    check_failed(norm_forward(&k), NL_ARGUMENT, "num_groups");
    check_failed(norm_backward(&k), NL_ARGUMENT, "num_channels (6) must be divisible by num_groups");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(all_shapes),
      CASE(timed_shapes),
      CASE(eps_is_inside_the_root),
      CASE(in_place),
      CASE(relu_along),
      CASE(outputs_may_be_left_out),
      CASE(running_statistics),
      CASE(running_variance_by_hand),
      CASE(no_values),
      CASE(bad_arguments),
  };
  return cmocka_run_group_tests_name("norm kernels", tests, NULL, NULL);
}
